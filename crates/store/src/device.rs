//! Devices: endpoints as we know them, never by MAC alone.

mod list;
mod register;
mod state;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError,
    event::EVERYTHING,
    mac_normalise, now_us,
    sql::{Json, json, plain, sql, sql_rows, words},
    supplicant,
    transaction::Tx,
    user::user_key,
};

pub use list::{DeviceFilter, DeviceSort};
pub use register::DeviceRefusal;
pub use state::DeviceState;

words! {
    /// Whether a device may be used.
    pub enum DeviceStatus {
        /// It may.
        Active = "active",
        /// An administrator blocked it.
        Blocked = "blocked",
    }
}

words! {
    /// What kind of mark a device is recognised by, weakest first.
    pub enum IdentifierKind {
        /// A MAC address, which anybody can claim.
        Mac = "mac",
        /// The serial number in the firmware.
        HardwareSerial = "hardware-serial",
        /// The UUID in the firmware.
        HardwareUuid = "hardware-uuid",
        /// An id that a certificate of a trusted authority asserts.
        AssertedId = "asserted-id",
        /// The SHA-256 of a certificate's public key, in hexadecimal.
        Spki = "spki",
    }
}

impl IdentifierKind {
    /// How a value of this kind is written and compared; `None` when it cannot be one.
    pub fn normalise(self, value: &str) -> Option<String> {
        match self {
            Self::Mac => mac_normalise(value),
            Self::HardwareSerial | Self::HardwareUuid | Self::AssertedId | Self::Spki => {
                let value = value.trim().to_lowercase();
                (!value.is_empty() && value.len() <= 256 && !value.contains('\0')).then_some(value)
            }
        }
    }
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Device {
    /// Our id.
    pub id: Uuid,
    /// The name people use; not unique.
    pub name: String,
    /// The user who owns it, by name.
    pub owner: Option<String>,
    /// Labels, sorted.
    pub labels: Vec<String>,
    /// What it is, such as `printer`.
    pub device_type: Option<String>,
    /// Whether an administrator lets it be used.
    pub status: DeviceStatus,
    /// Until when it may be used, in microseconds since the Unix epoch; afterwards it counts as unknown.
    pub expires_us: Option<i64>,
    /// When it was reported lost or stolen, in microseconds since the Unix epoch; it is refused until it is found.
    pub lost_us: Option<i64>,
    /// Who reported that.
    pub lost_by: Option<String>,
    /// Its MAC addresses as `aa:bb:cc:dd:ee:ff`: the values of its identifiers of that kind.
    pub macs: Vec<String>,
    /// Everything it is recognised by, MAC addresses included.
    pub identifiers: Vec<DeviceIdentifier>,
    /// When it was added, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it was last changed, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

/// A mark that a device is recognised by. No two devices have the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeviceIdentifier {
    /// What kind of mark.
    pub kind: IdentifierKind,
    /// The mark, as [`IdentifierKind::normalise`] writes it.
    pub value: String,
    /// Who said so: `admin`, `import`, `certificate`, `osquery`, `portal`.
    pub source: String,
    /// When it was first seen, in microseconds since the Unix epoch.
    pub first_seen_us: i64,
    /// When it was last seen, in microseconds since the Unix epoch.
    pub last_seen_us: i64,
}

/// What to store of a device. Begin with [`DeviceRecord::new`], or with the device itself to keep what is not changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DeviceRecord {
    /// The device to replace; `None` adds a new one.
    pub id: Option<Uuid>,
    /// The name people use.
    pub name: String,
    /// The user who owns it.
    pub owner: Option<String>,
    /// Labels, in any order.
    pub labels: Vec<String>,
    /// What it is, such as `printer`.
    pub device_type: Option<String>,
    /// Whether it may be used.
    pub status: DeviceStatus,
    /// Until when it may be used, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// MAC addresses to add, in any usual form.
    pub macs: Vec<String>,
    /// Other identifiers to add: kind and value.
    pub identifiers: Vec<(IdentifierKind, String)>,
    /// Who says so: the source of the identifiers above.
    pub source: String,
}

#[derive(sqlx::FromRow)]
struct DeviceRow {
    id: Uuid,
    name: String,
    owner: Option<String>,
    #[sqlx(try_from = "Json<Vec<String>>")]
    labels: Vec<String>,
    device_type: Option<String>,
    status: DeviceStatus,
    expires_us: Option<i64>,
    lost_us: Option<i64>,
    lost_by: Option<String>,
    created_us: i64,
    updated_us: i64,
}

#[derive(sqlx::FromRow)]
struct IdentifierRow {
    device_id: Uuid,
    kind: IdentifierKind,
    value: String,
    source: String,
    first_seen_us: i64,
    last_seen_us: i64,
}

/// A record ready to be bound.
struct DeviceValues {
    id: Uuid,
    name: String,
    name_key: String,
    owner: Option<String>,
    labels: String,
    device_type: Option<String>,
    status: DeviceStatus,
    expires_us: Option<i64>,
    identifiers: Vec<IdentifierValues>,
}

#[derive(Clone)]
struct IdentifierValues {
    device_id: Uuid,
    kind: IdentifierKind,
    value: String,
    source: String,
}

impl Store {
    /// Adds a device, or replaces the fields of the one with this id. Identifiers are added to those it has already;
    /// [`Store::device_identifier_remove`] takes one away.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when an identifier belongs to another device; [`StoreError::Invalid`] for a MAC address
    /// or identifier that cannot be one.
    pub async fn device_put(&self, record: DeviceRecord) -> Result<Device, StoreError> {
        let values = device_values(record)?;
        let id = values.id;
        let mut tx = self.write().await?;
        let before = device_in(&mut tx, id).await?;
        device_write(&mut tx, std::slice::from_ref(&values)).await?;
        let after = told(&mut tx, "device.put", id, before).await?;
        tx.commit().await?;
        after.ok_or_else(|| StoreError::not_found("device", id))
    }

    /// [`Store::device_put`] for many, in one transaction with one change row. Give it some thousands at a time, so that
    /// other writers get their turn.
    ///
    /// # Errors
    ///
    /// As [`Store::device_put`]; nothing is stored then.
    pub async fn device_put_many(&self, records: Vec<DeviceRecord>) -> Result<u64, StoreError> {
        if records.is_empty() {
            return Ok(0);
        }
        let mut seen = HashSet::with_capacity(records.len());
        let mut values = Vec::with_capacity(records.len());
        let mut stored = Vec::with_capacity(records.len());
        for record in records {
            stored.push(record.clone());
            let value = device_values(record)?;
            if !seen.insert(value.id) {
                return Err(StoreError::Invalid {
                    what: format!("the device {} comes twice", value.id),
                });
            }
            values.push(value);
        }
        let mut tx = self.write().await?;
        import_in(&mut tx, &values, &stored).await?;
        tx.commit().await?;
        Ok(values.len() as u64)
    }

    /// The next devices by id, for loading all of them in pieces: start with `None`, go on with the last id of each
    /// piece, stop at an empty one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn device_list_all(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Device>, StoreError> {
        let after = after.unwrap_or(Uuid::nil());
        let rows: Vec<DeviceRow> = sql!(
            self.read(),
            fetch_all as DeviceRow,
            "SELECT * FROM device WHERE id > $1 ORDER BY id LIMIT $2",
            after,
            i64::from(limit)
        )?;
        let Some(last) = rows.last().map(|row| row.id) else {
            return Ok(Vec::new());
        };
        let identifiers: Vec<IdentifierRow> = sql!(
            self.read(),
            fetch_all as IdentifierRow,
            "SELECT * FROM device_identifier WHERE device_id > $1 AND device_id <= $2 ORDER BY device_id, kind, value",
            after,
            last
        )?;
        Ok(devices(rows, identifiers))
    }

    /// The device with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn device_fetch(&self, id: Uuid) -> Result<Device, StoreError> {
        self.device_optional(id)
            .await?
            .ok_or_else(|| StoreError::not_found("device", id))
    }

    /// The device that is recognised by this mark.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn device_by_identifier(
        &self,
        kind: IdentifierKind,
        value: &str,
    ) -> Result<Option<Device>, StoreError> {
        let Some(value) = kind.normalise(value) else {
            return Ok(None);
        };
        let row: Option<(Uuid,)> = sql!(
            self.read(),
            fetch_optional as (Uuid,),
            "SELECT device_id FROM device_identifier WHERE kind = $1 AND value = $2",
            kind.as_str(),
            value.as_str()
        )?;
        match row {
            Some((id,)) => self.device_optional(id).await,
            None => Ok(None),
        }
    }

    /// The device that somebody means: by id, by MAC address in any usual form, by another identifier, or by its name if
    /// only one has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when several devices have this name.
    pub async fn device_find(&self, text: &str) -> Result<Option<Device>, StoreError> {
        let text = text.trim();
        if let Ok(id) = text.parse::<Uuid>()
            && let Some(device) = self.device_optional(id).await?
        {
            return Ok(Some(device));
        }
        for &kind in IdentifierKind::ALL {
            if let Some(device) = self.device_by_identifier(kind, text).await? {
                return Ok(Some(device));
            }
        }
        let rows: Vec<(Uuid,)> = sql!(
            self.read(),
            fetch_all as (Uuid,),
            "SELECT id FROM device WHERE name_key = $1 ORDER BY id LIMIT 2",
            user_key(text)
        )?;
        match rows.as_slice() {
            [] => Ok(None),
            [(id,)] => self.device_optional(*id).await,
            _ => Err(StoreError::Conflict {
                what: format!("several devices are named {text}: use the id or a MAC address"),
            }),
        }
    }

    /// Notes that a device is recognised by this mark, or that the mark was seen again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] for an unknown device, [`StoreError::Conflict`] when the mark is another device's,
    /// [`StoreError::Invalid`] when it cannot be one.
    pub async fn device_identifier_put(
        &self,
        device_id: Uuid,
        kind: IdentifierKind,
        value: &str,
        source: &str,
    ) -> Result<(), StoreError> {
        let identifier = identifier_values(device_id, kind, value, source)?;
        let mut tx = self.write().await?;
        let before = known(&mut tx, device_id).await?;
        identifiers_write(&mut tx, std::slice::from_ref(&identifier)).await?;
        told(&mut tx, "device.identify", device_id, Some(before)).await?;
        tx.commit().await
    }

    /// Takes a mark away from the device that has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when no device has it.
    pub async fn device_identifier_remove(
        &self,
        kind: IdentifierKind,
        value: &str,
    ) -> Result<(), StoreError> {
        let value = kind.normalise(value).unwrap_or_default();
        let mut tx = self.write().await?;
        let row: Option<(Uuid,)> = sql!(
            tx.on(),
            fetch_optional as (Uuid,),
            "SELECT device_id FROM device_identifier WHERE kind = $1 AND value = $2",
            kind.as_str(),
            value.as_str()
        )?;
        let (device_id,) = row.ok_or_else(|| StoreError::not_found(kind.as_str(), &value))?;
        let before = known(&mut tx, device_id).await?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM device_identifier WHERE kind = $1 AND value = $2",
            kind.as_str(),
            value.as_str()
        )?;
        told(&mut tx, "device.unidentify", device_id, Some(before)).await?;
        tx.commit().await
    }

    /// Removes a device, what it is recognised by and what is known of its 802.1X. Its decisions and quarantines stay as history.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn device_remove(&self, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let before = known(&mut tx, id).await?;
        supplicant::forget_device(&mut tx, &before).await?;
        sql!(tx.on(), execute, "DELETE FROM device WHERE id = $1", id)?;
        told(&mut tx, "device.remove", id, Some(before)).await?;
        tx.commit().await
    }

    async fn device_optional(&self, id: Uuid) -> Result<Option<Device>, StoreError> {
        let row: Option<DeviceRow> = sql!(
            self.read(),
            fetch_optional as DeviceRow,
            "SELECT * FROM device WHERE id = $1",
            id
        )?;
        let Some(row) = row else {
            return Ok(None);
        };
        let identifiers: Vec<IdentifierRow> = sql!(
            self.read(),
            fetch_all as IdentifierRow,
            "SELECT * FROM device_identifier WHERE device_id = $1 ORDER BY kind, value",
            id
        )?;
        Ok(devices(vec![row], identifiers).pop())
    }
}

impl DeviceRecord {
    /// A new device of nobody.
    pub fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            id: None,
            name: name.into(),
            owner: None,
            labels: Vec::new(),
            device_type: None,
            status: DeviceStatus::Active,
            expires_us: None,
            macs: Vec::new(),
            identifiers: Vec::new(),
            source: source.into(),
        }
    }

    /// A device as it is, to be changed.
    pub fn change(device: Device, source: impl Into<String>) -> Self {
        Self {
            id: Some(device.id),
            name: device.name,
            owner: device.owner,
            labels: device.labels,
            device_type: device.device_type,
            status: device.status,
            expires_us: device.expires_us,
            macs: Vec::new(),
            identifiers: Vec::new(),
            source: source.into(),
        }
    }
}

/// The device with this id as the transaction sees it.
async fn device_in(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Device>, StoreError> {
    let row: Option<DeviceRow> = sql!(
        tx.on(),
        fetch_optional as DeviceRow,
        sqlite: "SELECT * FROM device WHERE id = $1",
        postgres: "SELECT * FROM device WHERE id = $1 FOR UPDATE",
        id
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    let identifiers: Vec<IdentifierRow> = sql!(
        tx.on(),
        fetch_all as IdentifierRow,
        "SELECT * FROM device_identifier WHERE device_id = $1 ORDER BY kind, value",
        id
    )?;
    Ok(devices(vec![row], identifiers).pop())
}

/// The same, where it must be there.
async fn known(tx: &mut Tx<'_>, id: Uuid) -> Result<Device, StoreError> {
    device_in(tx, id)
        .await?
        .ok_or_else(|| StoreError::not_found("device", id))
}

/// Writes many devices, and tells everybody in one record and one event.
async fn import_in(
    tx: &mut Tx<'_>,
    values: &[DeviceValues],
    stored: &[DeviceRecord],
) -> Result<(), StoreError> {
    device_write(tx, values).await?;
    tx.audit("device.import", "device:*", None::<&()>, Some(stored))?;
    tx.changed(EventKind::Device, EVERYTHING);
    Ok(())
}

/// Ends a change of one device: what it is now, for the audit log and for those who listen.
async fn told(
    tx: &mut Tx<'_>,
    action: &'static str,
    id: Uuid,
    before: Option<Device>,
) -> Result<Option<Device>, StoreError> {
    let after = device_in(tx, id).await?;
    tx.audit(
        action,
        format!("device:{id}"),
        before.as_ref(),
        after.as_ref(),
    )?;
    tx.changed(EventKind::Device, id.to_string());
    Ok(after)
}

fn device_values(record: DeviceRecord) -> Result<DeviceValues, StoreError> {
    let id = record.id.unwrap_or_else(Uuid::now_v7);
    let mut labels = record.labels;
    labels.sort();
    labels.dedup();
    let macs = record.macs.iter().map(|mac| (IdentifierKind::Mac, mac));
    let others = record
        .identifiers
        .iter()
        .map(|(kind, value)| (*kind, value));
    let identifiers = macs
        .chain(others)
        .map(|(kind, value)| identifier_values(id, kind, value, &record.source))
        .collect::<Result<_, _>>()?;
    Ok(DeviceValues {
        id,
        name_key: user_key(&record.name),
        name: plain(&record.name),
        owner: record
            .owner
            .filter(|owner| !owner.trim().is_empty())
            .map(|owner| plain(&owner)),
        labels: json(&labels)?,
        device_type: record
            .device_type
            .filter(|kind| !kind.trim().is_empty())
            .map(|kind| plain(&kind)),
        status: record.status,
        expires_us: record.expires_us,
        identifiers,
    })
}

fn identifier_values(
    device_id: Uuid,
    kind: IdentifierKind,
    value: &str,
    source: &str,
) -> Result<IdentifierValues, StoreError> {
    let normal = kind.normalise(value).ok_or_else(|| {
        let value: String = value.chars().take(64).collect();
        StoreError::Invalid {
            what: format!("`{value}` is not a {kind}"),
        }
    })?;
    Ok(IdentifierValues {
        device_id,
        kind,
        value: normal,
        source: source.to_owned(),
    })
}

async fn device_write(tx: &mut Tx<'_>, values: &[DeviceValues]) -> Result<(), StoreError> {
    let at_us = now_us();
    sql_rows!(
        tx,
        "INSERT INTO device (id, name, name_key, owner, owner_key, labels, device_type, status, expires_us, created_us, \
         updated_us)",
        11,
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, owner = excluded.owner, \
         owner_key = excluded.owner_key, labels = excluded.labels, device_type = excluded.device_type, \
         status = excluded.status, expires_us = excluded.expires_us, updated_us = excluded.updated_us",
        values,
        |value| value.id,
        value.name.as_str(),
        value.name_key.as_str(),
        value.owner.as_deref(),
        value.owner.as_deref().map(user_key),
        value.labels.as_str(),
        value.device_type.as_deref(),
        value.status.as_str(),
        value.expires_us,
        at_us,
        at_us
    );
    // PostgreSQL refuses an upsert that meets its own row twice, so each mark goes in once.
    let mut owners = HashMap::new();
    let mut identifiers = Vec::new();
    for identifier in values.iter().flat_map(|value| &value.identifiers) {
        match owners.insert(
            (identifier.kind, identifier.value.as_str()),
            identifier.device_id,
        ) {
            None => identifiers.push(identifier.clone()),
            Some(other) if other == identifier.device_id => {}
            Some(other) => return Err(belongs_to(identifier, other)),
        }
    }
    identifiers_write(tx, &identifiers).await
}

async fn identifiers_write(
    tx: &mut Tx<'_>,
    identifiers: &[IdentifierValues],
) -> Result<(), StoreError> {
    let at_us = now_us();
    // A mark of another device is left alone, and counted as missing.
    let touched = sql_rows!(
        tx,
        "INSERT INTO device_identifier (kind, value, device_id, source, first_seen_us, last_seen_us)",
        6,
        "ON CONFLICT (kind, value) DO UPDATE SET last_seen_us = excluded.last_seen_us, source = excluded.source \
         WHERE device_identifier.device_id = excluded.device_id",
        identifiers,
        |identifier| identifier.kind.as_str(),
        identifier.value.as_str(),
        identifier.device_id,
        identifier.source.as_str(),
        at_us,
        at_us
    );
    if touched == identifiers.len() as u64 {
        return Ok(());
    }
    for identifier in identifiers {
        let owner: Option<(Uuid,)> = sql!(
            tx.on(),
            fetch_optional as (Uuid,),
            "SELECT device_id FROM device_identifier WHERE kind = $1 AND value = $2",
            identifier.kind.as_str(),
            identifier.value.as_str()
        )?;
        if let Some((other,)) = owner.filter(|(owner,)| *owner != identifier.device_id) {
            return Err(belongs_to(identifier, other));
        }
    }
    Err(StoreError::Conflict {
        what: "an identifier belongs to another device".to_owned(),
    })
}

fn belongs_to(identifier: &IdentifierValues, other: Uuid) -> StoreError {
    let IdentifierValues { kind, value, .. } = identifier;
    StoreError::Conflict {
        what: format!("the {kind} {value} belongs to the device {other}"),
    }
}

/// Puts rows and their identifiers together, in the rows' order; a device's identifiers keep theirs.
fn devices(rows: Vec<DeviceRow>, identifiers: Vec<IdentifierRow>) -> Vec<Device> {
    // One of a device that was removed in between has no row.
    let mut known: HashMap<Uuid, Vec<DeviceIdentifier>> = HashMap::with_capacity(rows.len());
    for found in identifiers {
        known
            .entry(found.device_id)
            .or_default()
            .push(DeviceIdentifier {
                kind: found.kind,
                value: found.value,
                source: found.source,
                first_seen_us: found.first_seen_us,
                last_seen_us: found.last_seen_us,
            });
    }
    let with_identifiers = |row: DeviceRow| {
        let identifiers = known.remove(&row.id).unwrap_or_default();
        Device {
            id: row.id,
            name: row.name,
            owner: row.owner,
            labels: row.labels,
            device_type: row.device_type,
            status: row.status,
            expires_us: row.expires_us,
            lost_us: row.lost_us,
            lost_by: row.lost_by,
            macs: identifiers
                .iter()
                .filter(|identifier| identifier.kind == IdentifierKind::Mac)
                .map(|identifier| identifier.value.clone())
                .collect(),
            identifiers,
            created_us: row.created_us,
            updated_us: row.updated_us,
        }
    };
    rows.into_iter().map(with_identifiers).collect()
}
