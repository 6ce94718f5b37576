//! Which MACs have a supplicant: how each was let in last by EAP, and when. Who comes with such a MAC and without EAP may have copied it.
//!
//! *Invariants:* a row is kept as long as sessions are. Only somebody's own command takes one out before its time, or the end of the
//! account or device that it is about, and all of that is audited. A MAC proves nothing: whoever only has it learns nothing of a row and
//! takes none out, or a copy could make itself look like the original.

use serde::Serialize;

use crate::{
    Device, EventKind, Store, StoreError, mac_normalise, now_us,
    sql::{sql, sql_rows},
    transaction::Tx,
    user::user_key,
};

/// A MAC that was let in by EAP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Supplicant {
    /// The MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: String,
    /// By which method the last time.
    pub method: String,
    /// When that was written down, in microseconds since the Unix epoch; within an hour of the last time.
    pub seen_us: i64,
}

/// A device that may come without EAP from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MabAllowed {
    /// Its name, or the MAC address that was asked for.
    pub device: String,
    /// What was known of its 802.1X, and is so no longer; empty when nothing was.
    pub forgotten: Vec<Supplicant>,
}

/// Who was let in by EAP with a MAC last, as text of SQL: the methods that [`crate::Session::is_proven`] knows.
macro_rules! last_by_eap {
    () => {
        "(SELECT identity_key FROM session WHERE session.mac = supplicant.mac \
         AND (method LIKE 'EAP-%' OR method LIKE 'PEAP-%' OR method LIKE 'TTLS-%' OR method LIKE 'TEAP-%') ORDER BY id DESC LIMIT 1)"
    };
}

impl Store {
    /// Writes down that these MACs were let in by these methods; each MAC at most once.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicant_put(&self, seen: &[(String, &str)]) -> Result<(), StoreError> {
        let at_us = now_us();
        let mut tx = self.write().await?;
        sql_rows!(
            tx,
            "INSERT INTO supplicant (mac, method, seen_us)",
            3,
            "ON CONFLICT (mac) DO UPDATE SET method = excluded.method, seen_us = excluded.seen_us",
            seen,
            |row| row.0.as_str(),
            row.1,
            at_us
        );
        tx.commit().await
    }

    /// What is known of a MAC.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicant_find(&self, mac: &str) -> Result<Option<Supplicant>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Supplicant,
            "SELECT * FROM supplicant WHERE mac = $1",
            mac
        )
    }

    /// Those that were written down since a moment, the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicant_list(
        &self,
        since_us: i64,
        limit: u32,
    ) -> Result<Vec<Supplicant>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Supplicant,
            "SELECT * FROM supplicant WHERE seen_us >= $1 ORDER BY seen_us DESC LIMIT $2",
            since_us,
            i64::from(limit)
        )
    }

    /// What is known of the MACs of a device.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicants_of(&self, device: &Device) -> Result<Vec<Supplicant>, StoreError> {
        let mut known = Vec::new();
        for mac in &device.macs {
            known.extend(self.supplicant_find(mac).await?);
        }
        Ok(known)
    }

    /// A device, by id, name or MAC address, may come without EAP from now on, until it is let in by EAP again. A MAC address stands for
    /// itself only, and need not be in the inventory.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such device.
    pub async fn device_allow_mab(&self, text: &str) -> Result<MabAllowed, StoreError> {
        let (device, macs) = match mac_normalise(text) {
            Some(mac) => (mac.clone(), vec![mac]),
            None => {
                let found = self.device_find(text).await?;
                let device = found.ok_or_else(|| StoreError::not_found("device", text))?;
                (device.name, device.macs)
            }
        };
        let mut tx = self.write().await?;
        let mut forgotten = Vec::new();
        for mac in macs {
            let Some(row) = forget(&mut tx, &mac).await? else {
                continue;
            };
            tx.audit(
                "supplicant.forget",
                format!("supplicant:{mac}"),
                Some(&row),
                None::<&()>,
            )?;
            forgotten.push(row);
        }
        tx.commit().await?;
        Ok(MabAllowed { device, forgotten })
    }

    /// What is known of the MACs with which a person was let in by EAP, and nobody else since.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicants_of_person(&self, name: &str) -> Result<Vec<Supplicant>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Supplicant,
            concat!(
                "SELECT * FROM supplicant WHERE mac IN (SELECT mac FROM session WHERE identity_key = $1 AND mac IS NOT NULL) AND ",
                last_by_eap!(),
                " = $1 ORDER BY mac"
            ),
            user_key(name)
        )
    }

    /// Deletes what was last seen before a moment.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub(crate) async fn supplicant_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM supplicant WHERE seen_us < $1",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Takes out what is known of a MAC, and tells the servers.
pub(crate) async fn forget(tx: &mut Tx<'_>, mac: &str) -> Result<Option<Supplicant>, StoreError> {
    let row: Option<Supplicant> = sql!(
        tx.on(),
        fetch_optional as Supplicant,
        "DELETE FROM supplicant WHERE mac = $1 RETURNING *",
        mac
    )?;
    if row.is_some() {
        tx.changed(EventKind::Supplicant, mac);
    }
    Ok(row)
}

/// Takes out what is known of a person's MACs, as [`Store::supplicants_of_person`] finds them. Those of a device that stays in the
/// inventory stay with it: whoever copied its address would get what its labels allow.
pub(crate) async fn forget_person(tx: &mut Tx<'_>, name: &str) -> Result<(), StoreError> {
    let rows: Vec<(String,)> = sql!(
        tx.on(),
        fetch_all as (String,),
        concat!(
            "DELETE FROM supplicant WHERE mac IN (SELECT mac FROM session WHERE identity_key = $1 AND mac IS NOT NULL) \
             AND mac NOT IN (SELECT value FROM device_identifier WHERE kind = 'mac') AND ",
            last_by_eap!(),
            " = $1 RETURNING mac"
        ),
        user_key(name)
    )?;
    for (mac,) in rows {
        tx.changed(EventKind::Supplicant, mac);
    }
    Ok(())
}

/// Takes out what is known of the MACs of a device that is removed, unless somebody else than its owner was let in with them last: who
/// registers the address of another's laptop removes nothing but the registration.
pub(crate) async fn forget_device(tx: &mut Tx<'_>, device: &Device) -> Result<(), StoreError> {
    for mac in &device.macs {
        let owner = device.owner.as_deref().map(user_key);
        let others: Vec<(String,)> = sql!(
            tx.on(),
            fetch_all as (String,),
            concat!(
                "SELECT mac FROM supplicant WHERE mac = $1 AND COALESCE(",
                last_by_eap!(),
                ", $2) <> $2"
            ),
            mac.as_str(),
            owner.as_deref().unwrap_or_default()
        )?;
        if owner.is_none() || others.is_empty() {
            forget(tx, mac).await?;
        }
    }
    Ok(())
}
