//! One device: rename, renew, report it lost or stolen, remove it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use nac_store::{Device, DeviceRecord, DeviceState};
use serde::Deserialize;

use super::add::{Choice, can_go, types};
use super::list::state_text;
use super::register::{read_name, read_type, takes_a_place};
use super::{NAME_MAX, SOURCE, in_days, limit, mine};
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::forms::{Faults, Field, Posted};
use crate::public::layout::Shell;
use crate::public::sign_in::Employee;
use crate::web::Failure;

#[derive(Template)]
#[template(path = "public/device/change.html")]
struct Page {
    shell: Shell,
    faults: Faults,
    device: Device,
    state: &'static str,
    bad: bool,
    name: Field,
    types: Vec<Choice>,
    until: Option<String>,
    renewed: String,
    lost_day: Option<String>,
    may_have_key: bool,
    can_go: bool,
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
    name: String,
    #[serde(rename = "type")]
    device_type: String,
}

pub(super) async fn ask(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    let form = Form {
        name: device.name.clone(),
        device_type: device.device_type.clone().unwrap_or_default(),
    };
    page(shell, device, &form, Faults::default())
}

pub(super) async fn change(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
    Posted(form): Posted<Form>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    let mut faults = Faults::default();
    let name = read_name(&shell, &form.name)
        .map_err(|fault| faults.add("name", fault))
        .ok();
    // What an administrator wrote there may stay.
    let unchanged = device.device_type.as_deref() == Some(form.device_type.as_str());
    let device_type = match unchanged {
        true => Some(form.device_type.clone()),
        false => read_type(&shell, &form.device_type)
            .map_err(|fault| faults.add("type", fault))
            .ok()
            .map(ToOwned::to_owned),
    };
    let (Some(name), Some(device_type)) = (name, device_type) else {
        let answer = page(shell, device, &form, faults)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, answer).into_response());
    };
    let record = DeviceRecord {
        name,
        device_type: Some(device_type),
        ..DeviceRecord::change(device, SOURCE)
    };
    employee.store(&state).device_put(record).await?;
    Ok(done(&shell, "changed"))
}

pub(super) async fn renew(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    // A time without end that an administrator gave is not shortened, and a lost device is not renewed.
    if device.expires_us.is_some() && device.lost_us.is_none() {
        let record = DeviceRecord {
            expires_us: Some(in_days(&shell, shell.settings().devices.days)),
            ..DeviceRecord::change(device.clone(), SOURCE)
        };
        let store = employee.store(&state);
        // What has a place keeps it, also where the limit was lowered since.
        if takes_a_place(&device) {
            store.device_put(record).await?;
        } else {
            let most = limit(&shell, &employee);
            let owner = employee.user.name.as_str();
            let renewed = store
                .device_register(owner, vec![record], None, most)
                .await?;
            renewed.map_err(|refusal| {
                PublicFailure::from(Failure::Conflict(refusal.to_string()))
                    .because("device-renew-full")
            })?;
        }
    }
    Ok(done(&shell, "changed"))
}

pub(super) async fn lost(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    let store = employee.store(&state);
    store.device_lost(device.id, &employee.user.name).await?;
    Ok(done(&shell, "lost"))
}

pub(super) async fn found(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    // Whoever found the device may have found its owner's password on it.
    if device.lost_by.as_deref() != Some(employee.user.name.as_str()) {
        return Err(PublicFailure::from(Failure::Forbidden(
            "reported by somebody else".to_owned(),
        ))
        .because("device-found-refused"));
    }
    let session = shell.visitor().session();
    let here = session.and_then(|session| session.mac.as_ref());
    if here.is_some_and(|mac| device.macs.contains(mac)) {
        return Err(
            PublicFailure::from(Failure::Forbidden("from the device itself".to_owned()))
                .because("device-found-refused"),
        );
    }
    employee.store(&state).device_found(device.id).await?;
    Ok(done(&shell, "found"))
}

pub(super) async fn remove(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    Path(id): Path<String>,
) -> Result<Response, PublicFailure> {
    let device = mine(&state, &employee, &id).await?;
    if !can_go(&device) {
        return Err(
            PublicFailure::from(Failure::Forbidden("it is lost or blocked".to_owned()))
                .because("device-kept"),
        );
    }
    employee.store(&state).device_remove(device.id).await?;
    Ok(done(&shell, "removed"))
}

fn done(shell: &Shell, what: &str) -> Response {
    Redirect::to(&shell.link(format!("/devices?done={what}"))).into_response()
}

fn page(
    shell: Shell,
    device: Device,
    form: &Form,
    faults: Faults,
) -> Result<Response, PublicFailure> {
    let state = device.state(shell.now_us());
    let has_networks = !shell.settings().devices.networks.is_empty();
    let page = Page {
        name: Field::new("name", shell.text("device-name"))
            .required(true)
            .length_max(NAME_MAX)
            .sent(&form.name, &faults),
        types: types(&shell, &form.device_type),
        state: state_text(state),
        bad: state != DeviceState::Active,
        until: device.expires_us.map(|at| shell.day(at)),
        renewed: shell.day(in_days(&shell, shell.settings().devices.days)),
        lost_day: device.lost_us.map(|at| shell.moment(at)),

        may_have_key: has_networks && state == DeviceState::Active,
        can_go: can_go(&device),
        faults,
        device,
        shell,
    };
    Ok(Html(page.render()?).into_response())
}
