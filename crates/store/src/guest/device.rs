//! The devices of guests: what the policy looks at.

use serde::Serialize;
use uuid::Uuid;

use super::{ACTIVATION_LABEL, GUEST_LABEL, Guest, GuestRefusal};
use crate::{
    DeviceStatus, EventKind, Store, StoreError, mac_normalise, now_us,
    sql::{Json, json, sql},
    transaction::Tx,
    user::user_key,
};

/// A device that belongs to a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct GuestDevice {
    /// The device.
    pub device_id: Uuid,
    /// The guest.
    pub guest_id: Uuid,
    /// Its address.
    pub mac: String,
    /// When it was admitted, in microseconds since the Unix epoch.
    pub added_us: i64,
    /// When the guest logged out of it, in microseconds since the Unix epoch.
    pub left_us: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    id: Uuid,
    owner: Option<String>,
    status: DeviceStatus,
    lost_us: Option<i64>,
    #[sqlx(try_from = "Json<Vec<String>>")]
    labels: Vec<String>,
    guest_id: Option<Uuid>,
    left_us: Option<i64>,
}

impl Store {
    /// The devices of a guest, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn guest_devices(&self, guest_id: Uuid) -> Result<Vec<GuestDevice>, StoreError> {
        sql!(
            self.read(),
            fetch_all as GuestDevice,
            "SELECT * FROM guest_device WHERE guest_id = $1 ORDER BY added_us, mac",
            guest_id
        )
    }
}

/// Gives a device to a guest, with a label and an end. A device that is somebody else's, or blocked, is left alone: a MAC
/// address is anybody's claim.
pub(crate) async fn admit(
    tx: &mut Tx<'_>,
    guest: &Guest,
    mac: &str,
    label: Option<&str>,
    until_us: Option<i64>,
) -> Result<Result<(), GuestRefusal>, StoreError> {
    let mac = mac_normalise(mac).ok_or_else(|| StoreError::Invalid {
        what: "a guest's device needs a MAC address".to_owned(),
    })?;
    let known: Option<KnownRow> = sql!(
        tx.on(),
        fetch_optional as KnownRow,
        "SELECT d.id, d.owner, d.status, d.lost_us, d.labels, g.guest_id, g.left_us FROM device_identifier AS i \
         JOIN device AS d ON d.id = i.device_id LEFT JOIN guest_device AS g ON g.device_id = d.id \
         WHERE i.kind = 'mac' AND i.value = $1",
        mac.as_str()
    )?;
    if let Some(known) = &known {
        let of_guests = known.guest_id.is_some()
            && known.owner.is_none()
            && known.labels.iter().all(|label| is_guest_label(label));
        if known.status != DeviceStatus::Active || known.lost_us.is_some() {
            return Ok(Err(GuestRefusal::DeviceBlocked));
        }
        if !of_guests {
            return Ok(Err(GuestRefusal::DeviceKnown));
        }
    }
    let theirs = known
        .as_ref()
        .is_some_and(|known| known.guest_id == Some(guest.id) && known.left_us.is_none());
    if !theirs {
        let (in_use,): (i64,) = sql!(
            tx.on(),
            fetch_one as (i64,),
            "SELECT COUNT(*) FROM guest_device WHERE guest_id = $1 AND left_us IS NULL",
            guest.id
        )?;
        if in_use >= i64::from(guest.devices_max) {
            return Ok(Err(GuestRefusal::DeviceLimit {
                max: guest.devices_max,
            }));
        }
    }
    let id = known.map_or_else(Uuid::now_v7, |known| known.id);
    device_write(tx, id, guest, &mac, label, until_us).await?;
    Ok(Ok(()))
}

async fn device_write(
    tx: &mut Tx<'_>,
    id: Uuid,
    guest: &Guest,
    mac: &str,
    label: Option<&str>,
    until_us: Option<i64>,
) -> Result<(), StoreError> {
    let at_us = now_us();
    let name = if guest.name.is_empty() {
        "Guest"
    } else {
        guest.name.as_str()
    };
    let labels: Vec<&str> = label.into_iter().collect();
    // Without a label it counts as unknown, so that it may go on to register.
    let expires_us = match label {
        Some(_) => until_us,
        None => Some(at_us),
    };
    sql!(
        tx.on(),
        execute,
        "INSERT INTO device (id, name, name_key, labels, status, expires_us, created_us, updated_us) \
         VALUES ($1, $2, $3, $4, 'active', $5, $6, $6) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
         name_key = excluded.name_key, labels = excluded.labels, expires_us = excluded.expires_us, \
         updated_us = excluded.updated_us",
        id,
        name,
        user_key(name),
        json(&labels)?,
        expires_us,
        at_us
    )?;
    sql!(
        tx.on(),
        execute,
        "INSERT INTO device_identifier (kind, value, device_id, source, first_seen_us, last_seen_us) \
         VALUES ('mac', $1, $2, 'portal', $3, $3) ON CONFLICT (kind, value) DO UPDATE SET last_seen_us = $3",
        mac,
        id,
        at_us
    )?;
    sql!(
        tx.on(),
        execute,
        "INSERT INTO guest_device (device_id, guest_id, mac, added_us) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (device_id) DO UPDATE SET guest_id = excluded.guest_id, added_us = excluded.added_us, left_us = NULL",
        id,
        guest.id,
        mac,
        at_us
    )?;
    tx.changed(EventKind::Device, id.to_string());
    Ok(())
}

/// Labels all devices that a guest uses anew, until a moment.
pub(crate) async fn devices_relabel(
    tx: &mut Tx<'_>,
    guest: &Guest,
    label: &str,
    until_us: Option<i64>,
) -> Result<(), StoreError> {
    for device in in_use(tx, guest.id).await? {
        device_write(
            tx,
            device.device_id,
            guest,
            &device.mac,
            Some(label),
            until_us,
        )
        .await?;
    }
    Ok(())
}

/// Takes the guest labels off all devices of a guest; `leave` also ends their use, `only` names a single one.
pub(crate) async fn devices_close(
    tx: &mut Tx<'_>,
    guest_id: Uuid,
    only: Option<&str>,
    leave: bool,
) -> Result<(), StoreError> {
    let at_us = now_us();
    for device in in_use(tx, guest_id).await? {
        if only.is_some_and(|mac| mac != device.mac) {
            continue;
        }
        let row: Option<(Json<Vec<String>>,)> = sql!(
            tx.on(),
            fetch_optional as (Json<Vec<String>>,),
            "SELECT labels FROM device WHERE id = $1",
            device.device_id
        )?;
        let Some((Json(mut labels),)) = row else {
            continue;
        };
        labels.retain(|label| !is_guest_label(label));
        sql!(
            tx.on(),
            execute,
            "UPDATE device SET labels = $2, expires_us = $3, updated_us = $3 WHERE id = $1",
            device.device_id,
            json(&labels)?,
            at_us
        )?;
        if leave {
            sql!(
                tx.on(),
                execute,
                "UPDATE guest_device SET left_us = $2 WHERE device_id = $1",
                device.device_id,
                at_us
            )?;
        }
        tx.changed(EventKind::Device, device.device_id.to_string());
    }
    Ok(())
}

/// Refuses all devices that a guest uses, from now on.
pub(crate) async fn devices_block(tx: &mut Tx<'_>, guest_id: Uuid) -> Result<(), StoreError> {
    for device in in_use(tx, guest_id).await? {
        sql!(
            tx.on(),
            execute,
            "UPDATE device SET status = 'blocked', updated_us = $2 WHERE id = $1",
            device.device_id,
            now_us()
        )?;
        tx.changed(EventKind::Device, device.device_id.to_string());
    }
    Ok(())
}

async fn in_use(tx: &mut Tx<'_>, guest_id: Uuid) -> Result<Vec<GuestDevice>, StoreError> {
    sql!(
        tx.on(),
        fetch_all as GuestDevice,
        "SELECT * FROM guest_device WHERE guest_id = $1 AND left_us IS NULL ORDER BY device_id",
        guest_id
    )
}

fn is_guest_label(label: &str) -> bool {
    label == GUEST_LABEL || label == ACTIVATION_LABEL
}
