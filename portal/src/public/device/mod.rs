//! Employees' own devices: list, add, change, report lost, remove, many at once, and a Wi-Fi key of their own.
//!
//! A device is found among those of the person who is signed in; one of somebody else does not exist here. What a device may do
//! is the policy's affair: it gets the label `registered`, and the rest is written there.

mod add;
mod change;
mod key;
mod list;
mod many;
mod register;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{get, post};
use nac_store::{Device, DeviceFilter, user_key};
use uuid::Uuid;

use super::PublicState;
use super::failure::PublicFailure;
use super::layout::Shell;
use super::sign_in::Employee;
use crate::web::Failure;

/// The label of a registered device, which policies look for.
const LABEL: &str = "registered";
/// Who says that a device has this MAC address.
const SOURCE: &str = "portal";
/// The longest name, in characters.
const NAME_MAX: usize = 60;
/// How many devices a delegate may register.
const DELEGATE_LIMIT: usize = 1_000;
/// What a device may be, with the key of its text.
const TYPES: [(&str, &str); 9] = [
    ("phone", "device-type-phone"),
    ("tablet", "device-type-tablet"),
    ("laptop", "device-type-laptop"),
    ("printer", "device-type-printer"),
    ("tv", "device-type-tv"),
    ("console", "device-type-console"),
    ("camera", "device-type-camera"),
    ("speaker", "device-type-speaker"),
    ("other", "device-type-other"),
];

/// `/devices` and what is below.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/devices", get(list::show))
        .route("/devices/add", get(add::ask).post(add::add))
        .route("/devices/many", get(many::ask).post(many::take))
        .route("/devices/{id}", get(change::ask).post(change::change))
        .route("/devices/{id}/renew", post(change::renew))
        .route("/devices/{id}/lost", post(change::lost))
        .route("/devices/{id}/found", post(change::found))
        .route("/devices/{id}/remove", post(change::remove))
        .route("/devices/{id}/key", get(key::show).post(key::make))
        .route("/devices/{id}/key/revoke", post(key::revoke))
}

/// The device with this id, if it is this person's.
pub(super) async fn mine(
    state: &PublicState,
    employee: &Employee,
    id: &str,
) -> Result<Device, PublicFailure> {
    let nobodys = || {
        PublicFailure::from(Failure::NotFound("no device of theirs".to_owned()))
            .because("device-not-found")
    };
    let id: Uuid = id.parse().map_err(|_| nobodys())?;
    let device = match state.store.device_fetch(id).await {
        Ok(device) => device,
        Err(nac_store::StoreError::NotFound { .. }) => return Err(nobodys()),
        Err(error) => return Err(error.into()),
    };
    let owner = device.owner.as_deref().map(user_key);
    match owner == Some(employee.key()) {
        true => Ok(device),
        false => Err(nobodys()),
    }
}

/// Every device of this person, by name.
pub(super) async fn devices_of(
    state: &PublicState,
    employee: &Employee,
) -> Result<Vec<Device>, PublicFailure> {
    let filter = DeviceFilter {
        owner: Some(employee.user.name.clone()),
        sort: Some(nac_store::DeviceSort::Name),
        limit: 2_000,
        ..DeviceFilter::default()
    };
    Ok(state.store.device_list(&filter).await?)
}

/// How many devices this person may have.
fn limit(shell: &Shell, employee: &Employee) -> usize {
    let settings = shell.settings();
    let groups = &employee.user.groups;
    let delegated = |group: &String| groups.contains(group);
    if settings.devices.delegates.iter().any(delegated) {
        return DELEGATE_LIMIT;
    }
    usize::try_from(settings.device_limit).unwrap_or(DELEGATE_LIMIT)
}

/// The key of a type's text; of one that an administrator wrote there is none.
fn type_text(device_type: Option<&str>) -> Option<&'static str> {
    let found = TYPES.iter().find(|(word, _)| Some(*word) == device_type);
    found.map(|(_, key)| *key)
}

/// The moment so many days from now.
fn in_days(shell: &Shell, days: u32) -> i64 {
    /// Microseconds of a day.
    const DAY_US: i64 = 86_400_000_000;
    shell.now_us().saturating_add(i64::from(days) * DAY_US)
}
