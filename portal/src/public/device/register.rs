//! What makes a device this person's: one look at the address and the limit for the form and for the list of many.

use nac_radius::MacAddr;
use nac_store::{Device, DeviceRecord, DeviceRefusal, IdentifierKind, StoreError, now_us};
use uuid::Uuid;

use super::{LABEL, NAME_MAX, SOURCE, TYPES, limit};
use crate::i18n::Message;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;
use crate::public::sign_in::Employee;

/// A device to register.
#[derive(Debug)]
pub(super) struct NewDevice {
    pub(super) mac: MacAddr,
    pub(super) name: String,
    pub(super) device_type: &'static str,
    pub(super) expires_us: i64,
}

/// Why an address cannot be registered.
#[derive(Debug)]
pub(super) enum Taken {
    /// This person has it already, under this name.
    Mine(String),
    /// It is somebody else's.
    Others,
}

impl Taken {
    pub(super) fn told(&self, shell: &Shell) -> Message {
        match self {
            Self::Mine(name) => shell.text("device-fault-mine").arg("name", name),
            Self::Others => shell.text("device-fault-taken"),
        }
    }
}

/// A MAC address of one device.
pub(super) fn read_mac(shell: &Shell, text: &str) -> Result<MacAddr, Message> {
    let mac: MacAddr = text
        .trim()
        .parse()
        .map_err(|_| shell.text("device-fault-mac"))?;
    if mac.is_multicast() || mac.octets() == [0; 6] {
        return Err(shell.text("device-fault-group"));
    }
    Ok(mac)
}

/// A name that people can read.
pub(super) fn read_name(shell: &Shell, text: &str) -> Result<String, Message> {
    let name = text.trim();
    let length = name.chars().count();
    if (1..=NAME_MAX).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(shell.text("device-fault-name").arg("most", NAME_MAX))
}

/// A type of the list.
pub(super) fn read_type(shell: &Shell, text: &str) -> Result<&'static str, Message> {
    let found = TYPES.iter().find(|(word, _)| *word == text.trim());
    found
        .map(|(word, _)| *word)
        .ok_or_else(|| shell.text("device-fault-type"))
}

/// Whether a device takes one of the places that its owner has. One that is lost or past its time does not.
pub(super) fn takes_a_place(device: &Device) -> bool {
    device.takes_a_place(now_us())
}

/// Whether this address can be registered.
pub(super) async fn free(
    state: &PublicState,
    employee: &Employee,
    mac: MacAddr,
) -> Result<Result<(), Taken>, PublicFailure> {
    let known = state
        .store
        .device_by_identifier(IdentifierKind::Mac, &mac.to_string())
        .await?;
    Ok(match known {
        None => Ok(()),
        Some(device)
            if device.owner.as_deref().map(nac_store::user_key) == Some(employee.key()) =>
        {
            Err(Taken::Mine(device.name))
        }
        Some(_) => Err(Taken::Others),
    })
}

/// Why nothing was registered.
#[derive(Debug)]
pub(super) enum Refused {
    /// An address is not free any more.
    Taken(Taken),
    /// The places do not suffice, or the one to be replaced stays.
    Places(DeviceRefusal),
}

/// Registers devices, all of them or none, within the places that this person has at that moment.
pub(super) async fn register(
    state: &PublicState,
    shell: &Shell,
    employee: &Employee,
    new: Vec<NewDevice>,
    replaced: Option<Uuid>,
) -> Result<Result<(), Refused>, PublicFailure> {
    let records = new
        .into_iter()
        .map(|new| DeviceRecord {
            labels: vec![LABEL.to_owned()],
            device_type: Some(new.device_type.to_owned()),
            expires_us: Some(new.expires_us),
            macs: vec![new.mac.to_string()],
            ..DeviceRecord::new(new.name, SOURCE)
        })
        .collect();
    let owner = employee.user.name.as_str();
    let most = limit(shell, employee);
    let store = employee.store(state);
    match store.device_register(owner, records, replaced, most).await {
        Ok(registered) => Ok(registered.map_err(Refused::Places)),
        // Somebody else was quicker.
        Err(StoreError::Conflict { .. }) => Ok(Err(Refused::Taken(Taken::Others))),
        Err(error) => Err(error.into()),
    }
}
