//! Devices that a person adds or renews within the number of places that they have.

use uuid::Uuid;

use super::{
    Device, DeviceRecord, DeviceRow, DeviceState, device_in, device_values, device_write, devices,
    import_in, known, told,
};
use crate::{Store, StoreError, now_us, sql::sql, transaction::Tx, user::user_key};

/// Why a person's devices were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// There are too few places.
    #[error("there is room for {left} more devices only")]
    Full {
        /// How many are free.
        left: usize,
    },
    /// The device that should make room is not the person's, or may not go.
    #[error("the device that is to be replaced cannot go")]
    Kept,
}

impl Device {
    /// Whether it takes one of the places that its owner has. One that is lost or past its time does not.
    pub fn takes_a_place(&self, at_us: i64) -> bool {
        matches!(
            self.state(at_us),
            DeviceState::Active | DeviceState::Blocked
        )
    }

    /// Whether its owner may take it off the list. One that is lost or blocked stays: it would be a stranger afterwards, and
    /// could be registered again.
    pub fn may_go(&self, at_us: i64) -> bool {
        matches!(
            self.state(at_us),
            DeviceState::Active | DeviceState::Expired
        )
    }
}

impl Store {
    /// Adds devices of a person, or gives those with an id new fields, if the person's places suffice: `most` of them, counted
    /// in the same transaction, so that two requests at once do not both take the last one. `replaced` goes in exchange.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the person has no account; otherwise as [`Store::device_put`]. Nothing is stored then.
    pub async fn device_register(
        &self,
        owner: &str,
        records: Vec<DeviceRecord>,
        replaced: Option<Uuid>,
        most: usize,
    ) -> Result<Result<(), DeviceRefusal>, StoreError> {
        let stored: Vec<DeviceRecord> = records
            .into_iter()
            .map(|record| DeviceRecord {
                owner: Some(owner.to_owned()),
                ..record
            })
            .collect();
        let values = stored
            .iter()
            .cloned()
            .map(device_values)
            .collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.write().await?;
        let own = own_devices(&mut tx, owner).await?;
        let now_us = now_us();
        let goes = |device: &&Device| device.may_go(now_us) && Some(device.id) == replaced;
        if replaced.is_some() && !own.iter().any(|device| goes(&device)) {
            return Ok(Err(DeviceRefusal::Kept));
        }
        let others = own.iter().filter(|device| {
            device.takes_a_place(now_us)
                && Some(device.id) != replaced
                && !values.iter().any(|value| value.id == device.id)
        });
        let left = most.saturating_sub(others.count());
        if values.len() > left {
            return Ok(Err(DeviceRefusal::Full { left }));
        }
        if let Some(id) = replaced {
            let before = known(&mut tx, id).await?;
            sql!(tx.on(), execute, "DELETE FROM device WHERE id = $1", id)?;
            told(&mut tx, "device.remove", id, Some(before)).await?;
        }
        match values.as_slice() {
            // One device alone is told by its own id, so that only its session is looked at.
            [one] => {
                let before = device_in(&mut tx, one.id).await?;
                device_write(&mut tx, &values).await?;
                told(&mut tx, "device.put", one.id, before).await?;
            }
            _ => import_in(&mut tx, &values, &stored).await?,
        }
        tx.commit().await?;
        Ok(Ok(()))
    }
}

/// The devices of a person as the transaction sees them, without their identifiers. Whoever else registers for the same person
/// waits: SQLite has one writer, and PostgreSQL locks the account.
async fn own_devices(tx: &mut Tx<'_>, owner: &str) -> Result<Vec<Device>, StoreError> {
    let key = user_key(owner);
    let account: Option<(Uuid,)> = sql!(
        tx.on(),
        fetch_optional as (Uuid,),
        sqlite: "SELECT id FROM user_account WHERE name_key = $1",
        postgres: "SELECT id FROM user_account WHERE name_key = $1 FOR UPDATE",
        key.as_str()
    )?;
    account.ok_or_else(|| StoreError::not_found("user", owner))?;
    let rows: Vec<DeviceRow> = sql!(
        tx.on(),
        fetch_all as DeviceRow,
        "SELECT * FROM device WHERE owner_key = $1",
        key.as_str()
    )?;
    Ok(devices(rows, Vec::new()))
}
