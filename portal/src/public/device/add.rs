//! P11, adding a device: by its MAC address, or the one that the person sits at.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use nac_store::{Device, now_us};
use serde::Deserialize;

use super::register::{self, NewDevice, Refused, read_mac, read_name, read_type, takes_a_place};
use super::{NAME_MAX, TYPES, devices_of, in_days, limit};
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::{Faults, Field, Posted};
use crate::public::layout::Shell;
use crate::public::sign_in::Employee;

/// How long a device may be registered, in days, as far as the site allows.
const DAYS: [u32; 5] = [1, 7, 30, 180, 365];

/// One entry of a list to choose from.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

#[derive(Template)]
#[template(path = "public/device/add.html")]
struct Page {
    shell: Shell,
    faults: Faults,
    /// The address of the device that the person sits at, if it can be added.
    here: Option<String>,
    mac: Field,
    name: Field,
    types: Vec<Choice>,
    days: Vec<Choice>,
    full: bool,
    limit: usize,
    replaced: Vec<Choice>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Form {
    mac: String,
    /// Set by the button for the device that the person sits at.
    here: String,
    name: String,
    #[serde(rename = "type")]
    device_type: String,
    days: String,
    replace: String,
}

pub(super) async fn ask(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
) -> Result<Response, PublicFailure> {
    page(&state, &employee, shell, Form::default(), Faults::default()).await
}

pub(super) async fn add(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Posted(form): Posted<Form>,
) -> Result<Response, PublicFailure> {
    let mut faults = Faults::default();
    let mac = match form.here.is_empty() {
        // The device that the person sits at is known by its session, whatever the form says.
        false => shell.visitor().present()?.mac.clone().unwrap_or_default(),
        true => form.mac.clone(),
    };
    let mac = read_mac(&shell, &mac)
        .map_err(|fault| faults.add("mac", fault))
        .ok();
    let name = read_name(&shell, &form.name)
        .map_err(|fault| faults.add("name", fault))
        .ok();
    let device_type = read_type(&shell, &form.device_type)
        .map_err(|fault| faults.add("type", fault))
        .ok();
    let days = form
        .days
        .parse()
        .ok()
        .filter(|days| (1..=shell.settings().devices.days).contains(days));
    if days.is_none() {
        faults.add("days", shell.text("device-fault-days"));
    }
    if let Some(mac) = mac
        && let Err(taken) = register::free(&state, &employee, mac).await?
    {
        faults.add("mac", taken.told(&shell));
    }
    let own = devices_of(&state, &employee).await?;
    let places = own.iter().filter(|device| takes_a_place(device)).count();
    let mut replaced = None;
    if places >= limit(&shell, &employee) {
        match own
            .iter()
            .find(|device| can_go(device) && device.id.to_string() == form.replace)
        {
            Some(device) => replaced = Some(device.id),
            None => faults.add("replace", shell.text("device-fault-replace")),
        }
    }
    if let (Some(mac), Some(name), Some(device_type), Some(days)) = (mac, name, device_type, days)
        && faults.is_empty()
    {
        let new = NewDevice {
            mac,
            name,
            device_type,
            expires_us: in_days(&shell, days),
        };
        match register::register(&state, &shell, &employee, vec![new], replaced).await? {
            Ok(()) => {
                let done = match mac.is_locally_administered() {
                    true => "/devices?done=random",
                    false => "/devices?done=added",
                };
                return Ok(Redirect::to(&shell.link(done)).into_response());
            }
            Err(Refused::Taken(taken)) => faults.add("mac", taken.told(&shell)),
            Err(Refused::Places(_)) => faults.add("replace", shell.text("device-fault-replace")),
        }
    }
    let answer = page(&state, &employee, shell, form, faults).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, answer).into_response())
}

pub(super) fn can_go(device: &Device) -> bool {
    device.may_go(now_us())
}

async fn page(
    state: &PublicState,
    employee: &Employee,
    shell: Shell,
    form: Form,
    faults: Faults,
) -> Result<Response, PublicFailure> {
    let mut here = None;
    if let Some(mac) = shell
        .visitor()
        .session()
        .and_then(|session| session.mac.clone())
        && let Ok(address) = read_mac(&shell, &mac)
        && register::free(state, employee, address).await?.is_ok()
    {
        here = Some(mac);
    }
    let own = devices_of(state, employee).await?;
    let limit = limit(&shell, employee);
    let full = own.iter().filter(|device| takes_a_place(device)).count() >= limit;
    let replaced = own
        .iter()
        .filter(|device| full && takes_a_place(device) && can_go(device))
        .map(|device| Choice {
            value: device.id.to_string(),
            text: device.name.clone(),
            chosen: device.id.to_string() == form.replace,
        })
        .collect();
    let page = Page {
        mac: Field::new("mac", shell.text("device-mac"))
            .hint(shell.text("device-mac-hint"))
            .required(true)
            .length_max(40)
            .sent(&form.mac, &faults),
        name: Field::new("name", shell.text("device-name"))
            .hint(shell.text("device-name-hint"))
            .required(true)
            .length_max(NAME_MAX)
            .sent(&form.name, &faults),
        types: types(&shell, &form.device_type),
        days: days(&shell, &form.days),
        faults,
        here,
        full,
        limit,
        replaced,
        shell,
    };
    Ok(Html(page.render()?).into_response())
}

pub(super) fn types(shell: &Shell, chosen: &str) -> Vec<Choice> {
    TYPES
        .iter()
        .map(|(word, key)| Choice {
            value: (*word).to_owned(),
            text: shell.text(key).to_string(),
            chosen: *word == chosen,
        })
        .collect()
}

fn days(shell: &Shell, chosen: &str) -> Vec<Choice> {
    let most = shell.settings().devices.days;
    let shorter = DAYS.into_iter().filter(|days| *days < most);
    shorter
        .chain([most])
        .map(|days| Choice {
            value: days.to_string(),
            text: shell.duration(i64::from(days) * 86_400).to_string(),
            chosen: match chosen {
                "" => days == most,
                chosen => chosen == days.to_string(),
            },
        })
        .collect()
}
