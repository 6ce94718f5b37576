//! A Wi-Fi key that one device has for itself: shown for some minutes to the person who made it, with a QR code.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nac_store::{Device, DevicePsk, DeviceState, PskState};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::mine;
use crate::i18n::Message;
use crate::input::psk;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::Posted;
use crate::public::layout::Shell;
use crate::public::sign_in::{Employee, Shown};
use crate::web::Failure;

struct Network {
    index: usize,
    ssid: String,
    has_key: bool,
    lines: Vec<Message>,
}

/// The new key, in words and as a picture.
struct NewKey {
    ssid: String,
    passphrase: Zeroizing<String>,
    picture: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "public/device/key.html")]
struct Page {
    shell: Shell,
    device: Device,
    key: Option<NewKey>,
    networks: Vec<Network>,
    any: bool,
}

impl Page {
    /// An address of this device.
    fn address(&self, below: &str) -> String {
        self.shell
            .link(format!("/devices/{}{below}", self.device.id))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    /// The network's place in the site's list.
    network: usize,
}

pub(super) async fn show(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Html<String>, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    let psks = state.store.device_psk_list(device.id).await?;
    let networks = shell.settings().devices.networks.iter().enumerate();
    let networks: Vec<Network> = networks
        .map(|(index, ssid)| network(&shell, index, ssid, &psks))
        .collect();
    let key = employee
        .shown(&state, &device.id.to_string())
        .and_then(|shown| new_key(&shown));
    let page = Page {
        any: networks.iter().any(|network| network.has_key),
        device,
        key,
        networks,
        shell,
    };
    Ok(Html(page.render()?))
}

pub(super) async fn make(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
    Posted(form): Posted<Form>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    let settings = &shell.settings().devices;
    let Some(ssid) = settings.networks.get(form.network) else {
        return Err(
            PublicFailure::from(Failure::NotFound("no such network".to_owned()))
                .because("device-not-found"),
        );
    };
    if device.state(shell.now_us()) != DeviceState::Active {
        return Err(
            PublicFailure::from(Failure::Forbidden("it may not be used".to_owned()))
                .because("device-kept"),
        );
    }
    let (store, by) = (employee.store(&state), employee.user.name.as_str());
    let psk = psk::renew(&store, device.id, ssid, psk::OVERLAP_US, by).await?;
    let text = psk
        .passphrase
        .as_ref()
        .map(|secret| Zeroizing::new(String::from_utf8_lossy(secret.expose()).into_owned()));
    let ssid = Some(Zeroizing::new(psk.ssid.clone()));
    let shown = Shown {
        about: device.id.to_string(),
        texts: [ssid, text, psk.wifi()].into_iter().flatten().collect(),
    };
    employee.show(&state, shown);
    let path = format!("/devices/{}/key", device.id);
    Ok(Redirect::to(&shell.link(&path)).into_response())
}

pub(super) async fn revoke(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    let store = employee.store(&state);
    match store
        .device_psk_revoke(device.id, None, &employee.user.name)
        .await
    {
        Ok(_) | Err(nac_store::StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&shell.link("/devices?done=revoked")).into_response())
}

fn network(shell: &Shell, index: usize, ssid: &str, psks: &[DevicePsk]) -> Network {
    let now = shell.now_us();
    let mut lines = Vec::new();
    let mut has_key = false;
    for psk in psks.iter().filter(|psk| psk.ssid == ssid) {
        match (psk.state(now), psk.ends_us) {
            (PskState::Current, _) => {
                has_key = true;
                lines.push(
                    shell
                        .text("device-key-current")
                        .arg("when", shell.moment(psk.created_us)),
                );
            }
            (PskState::Overlap, Some(ends)) => lines.push(
                shell
                    .text("device-key-overlap")
                    .arg("when", shell.moment(ends)),
            ),
            _ => {}
        }
    }
    if lines.is_empty() {
        lines.push(shell.text("device-key-none"));
    }
    Network {
        index,
        ssid: ssid.to_owned(),
        has_key,
        lines,
    }
}

fn new_key(shown: &Shown) -> Option<NewKey> {
    let [ssid, passphrase, wifi] = shown.texts.as_slice() else {
        return None;
    };
    let code = QrCode::new(wifi.as_bytes()).ok()?;
    let picture = Zeroizing::new(
        code.render::<svg::Color<'_>>()
            .min_dimensions(200, 200)
            .build(),
    );
    Some(NewKey {
        ssid: ssid.to_string(),
        passphrase: passphrase.clone(),
        picture: Zeroizing::new(format!(
            "data:image/svg+xml;base64,{}",
            STANDARD.encode(picture.as_bytes())
        )),
    })
}
