//! Which device record a node belongs to: a proven one, its own, or a new one.

use nac_store::{DeviceRecord, IdentifierKind, StoreError};
use uuid::Uuid;

use super::newcomer::{Newcomer, meaningful_serial, meaningful_uuid};
use crate::gate::PostureGate;

const SOURCE: &str = "osquery";

/// Finds or makes the device of a newcomer, and notes its marks.
///
/// Only proof leads to somebody else's device: a secret issued for it, or a certificate. What a
/// host says of its hardware becomes a mark of its own record, and only while no other device has
/// that mark.
pub(super) async fn attach(
    gate: &PostureGate,
    issued_for: Option<Uuid>,
    newcomer: &Newcomer,
    known: Option<Uuid>,
) -> Result<Uuid, StoreError> {
    let store = &gate.shared.store;
    let marks = marks(newcomer);
    let device = match issued_for {
        Some(device) => Some(device),
        None => proven(gate, newcomer).await?.or(known),
    };
    let device = match device {
        Some(id) => match store.device_fetch(id).await {
            Ok(device) => Some(device.id),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    if let Some(device) = device {
        for (kind, value) in marks {
            match store
                .device_identifier_put(device, kind, &value, SOURCE)
                .await
            {
                // Another device has that mark, and keeps it.
                Ok(()) | Err(StoreError::Conflict { .. } | StoreError::Invalid { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        return Ok(device);
    }
    let mut free = Vec::new();
    for (kind, value) in marks {
        if store.device_by_identifier(kind, &value).await?.is_none() {
            free.push((kind, value));
        }
    }
    let name = [
        &newcomer.hostname,
        &newcomer.host_identifier,
        &newcomer.hardware_uuid,
    ]
    .into_iter()
    .find(|name| !name.is_empty())
    .cloned()
    .unwrap_or_else(|| "osquery host".to_owned());
    let record = |identifiers| DeviceRecord {
        identifiers,
        ..DeviceRecord::new(name.clone(), SOURCE)
    };
    match store.device_put(record(free)).await {
        Ok(device) => Ok(device.id),
        // Somebody else took a mark in this very moment.
        Err(StoreError::Conflict { .. }) => store
            .device_put(record(Vec::new()))
            .await
            .map(|device| device.id),
        Err(error) => Err(error),
    }
}

/// The device that the client certificate proves.
async fn proven(gate: &PostureGate, newcomer: &Newcomer) -> Result<Option<Uuid>, StoreError> {
    let store = &gate.shared.store;
    if let Some(spki) = &newcomer.spki
        && let Some(device) = store
            .device_by_identifier(IdentifierKind::Spki, spki)
            .await?
    {
        return Ok(Some(device.id));
    }
    let Some(asserted) = &newcomer.asserted_id else {
        return Ok(None);
    };
    let by_mark = store
        .device_by_identifier(IdentifierKind::AssertedId, asserted)
        .await?;
    if let Some(device) = by_mark {
        return Ok(Some(device.id));
    }
    // Our own authority writes the device's own id into its certificate.
    match Uuid::try_parse(asserted) {
        Ok(id) => match store.device_fetch(id).await {
            Ok(device) => Ok(Some(device.id)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        },
        Err(_) => Ok(None),
    }
}

fn marks(newcomer: &Newcomer) -> Vec<(IdentifierKind, String)> {
    let mut marks = Vec::new();
    marks.extend(
        newcomer
            .spki
            .clone()
            .map(|value| (IdentifierKind::Spki, value)),
    );
    marks.extend(
        newcomer
            .asserted_id
            .clone()
            .map(|value| (IdentifierKind::AssertedId, value)),
    );
    let uuid = meaningful_uuid(&newcomer.hardware_uuid);
    marks.extend(uuid.map(|value| (IdentifierKind::HardwareUuid, value)));
    let serial = meaningful_serial(&newcomer.hardware_serial);
    marks.extend(serial.map(|value| (IdentifierKind::HardwareSerial, value)));
    marks
}
