//! The Wi-Fi keys that one device has for itself: made, shown once, made anew, ended.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use nac_store::{Device, DevicePsk, PskState, StoreError, now_us};
use serde::Deserialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, at, render};
use crate::admin::form::filled;
use crate::input::psk;
use crate::web::Failure;

/// A key as the device's page lists it, never with the key itself.
pub(super) struct Key {
    pub(super) ssid: String,
    pub(super) state: PskState,
    pub(super) created: Moment,
    pub(super) by: String,
    pub(super) ends: Option<Moment>,
}

/// The keys of a device, and the networks for which it could have one.
pub(super) async fn of_device(
    state: &AdminState,
    device: &Device,
) -> Result<(Vec<Key>, Vec<String>), StoreError> {
    let now = now_us();
    let keys: Vec<Key> = state
        .store
        .device_psk_list(device.id)
        .await?
        .into_iter()
        .map(|psk| Key {
            state: psk.state(now),
            created: Moment(psk.created_us),
            ends: psk.ends_us.map(Moment),
            by: psk.created_by,
            ssid: psk.ssid,
        })
        .collect();
    let settings = state.store.portal_site("").await?.settings;
    let mut networks = settings.devices.networks;
    networks.extend(keys.iter().map(|key| key.ssid.clone()));
    networks.sort();
    networks.dedup();
    Ok((keys, networks))
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkForm {
    ssid: String,
}

#[derive(Template)]
#[template(path = "admin/device/psk.html")]
struct KeyPage {
    chrome: Chrome,
    device: Device,
    ssid: String,
    passphrase: Zeroizing<String>,
}

pub(super) async fn renew(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<NetworkForm>,
) -> Result<Response, Problem> {
    account.confirmed(&at(id))?;
    let ssid = filled(&form.ssid)
        .ok_or_else(|| Failure::invalid("ssid", "write the name of the Wi-Fi network"))?;
    let device = state.store.device_fetch(id).await?;
    let store = account.store(&state);
    let psk = psk::renew(&store, id, ssid, psk::OVERLAP_US, &account.operator()).await?;
    render(&KeyPage {
        chrome: Chrome::new(&state, &account, "New Wi-Fi key", Place::Devices).await,
        passphrase: written(&psk),
        ssid: psk.ssid,
        device,
    })
}

fn written(psk: &DevicePsk) -> Zeroizing<String> {
    let octets = psk.passphrase.as_ref().map(|secret| secret.expose());
    Zeroizing::new(String::from_utf8_lossy(octets.unwrap_or_default()).into_owned())
}

pub(super) async fn revoke(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<NetworkForm>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .device_psk_revoke(id, filled(&form.ssid), &account.operator())
        .await?;
    Ok(Done::at(
        at(id),
        "The key is right no longer; a live session with it ends.",
    ))
}
