//! The form that adds or changes a device. What cannot be used stands at its field, with what was written.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use nac_store::{DeviceRecord, mac_normalise};
use serde::Deserialize;
use uuid::Uuid;

use super::{Account, AdminState, Chrome, Done, Place, Problem, SOURCE, at, render};
use crate::admin::filter::{end, some};
use crate::admin::form::Fault;
use crate::web::Failure;

/// The longest name, owner and type, in characters.
const TEXT_MAX: usize = 200;
/// The most labels, and the longest of them.
const LABELS_MAX: usize = 32;
const LABEL_MAX: usize = 64;
/// The most MAC addresses in one form.
const MACS_MAX: usize = 32;

/// What the form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeviceForm {
    pub(super) name: String,
    pub(super) owner: Option<String>,
    pub(super) labels: String,
    pub(super) kind: Option<String>,
    pub(super) expires: Option<String>,
    pub(super) macs: String,
}

impl DeviceForm {
    /// What to store, of a new device or of one that is there.
    pub(super) fn record(&self, base: DeviceRecord) -> Result<DeviceRecord, Failure> {
        let name = short("name", &self.name)?;
        let macs: Vec<String> = words(&self.macs).map(str::to_owned).collect();
        if macs.len() > MACS_MAX {
            return Err(Failure::invalid(
                "macs",
                format!("at most {MACS_MAX} addresses at once"),
            ));
        }
        if let Some(wrong) = macs.iter().find(|mac| mac_normalise(mac).is_none()) {
            let wrong: String = wrong.chars().take(40).collect();
            return Err(Failure::invalid(
                "macs",
                format!(
                    "`{wrong}` is not a MAC address: write 12 hexadecimal digits, with or without separators"
                ),
            ));
        }
        let name = if name.is_empty() {
            macs.first()
                .cloned()
                .ok_or_else(|| Failure::invalid("name", "give it a name by which people know it"))?
        } else {
            name
        };
        if base.id.is_none() && macs.is_empty() {
            return Err(Failure::invalid(
                "macs",
                "write at least one MAC address: a new device is recognised by it",
            ));
        }
        Ok(DeviceRecord {
            name,
            owner: some(&Some(short(
                "owner",
                self.owner.as_deref().unwrap_or_default(),
            )?)),
            labels: labels(&self.labels)?,
            device_type: some(&Some(short(
                "kind",
                self.kind.as_deref().unwrap_or_default(),
            )?)),
            expires_us: end("expires", &self.expires)?,
            macs,
            source: SOURCE.to_owned(),
            ..base
        })
    }
}

fn short(field: &'static str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.chars().count() > TEXT_MAX {
        return Err(Failure::invalid(
            field,
            format!("at most {TEXT_MAX} characters"),
        ));
    }
    Ok(text.to_owned())
}

/// Words between spaces, commas or lines.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\n', '\r', '\t', ';'])
        .filter(|word| !word.is_empty())
}

fn labels(text: &str) -> Result<Vec<String>, Failure> {
    let labels: Vec<String> = words(text).map(str::to_owned).collect();
    if labels.len() > LABELS_MAX {
        return Err(Failure::invalid(
            "labels",
            format!("at most {LABELS_MAX} labels"),
        ));
    }
    if let Some(long) = labels
        .iter()
        .find(|label| label.chars().count() > LABEL_MAX)
    {
        let start: String = long.chars().take(20).collect();
        return Err(Failure::invalid(
            "labels",
            format!("the label `{start}…` is longer than {LABEL_MAX} characters"),
        ));
    }
    Ok(labels)
}

#[derive(Template)]
#[template(path = "admin/device/form.html")]
struct FormPage {
    chrome: Chrome,
    id: Option<Uuid>,
    form: DeviceForm,
    fault: Fault,
}

async fn show(
    state: &AdminState,
    account: &Account,
    id: Option<Uuid>,
    form: DeviceForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let title = match id {
        None => "Add a device",
        Some(_) => "Change a device",
    };
    let page = FormPage {
        chrome: Chrome::new(state, account, title, Place::Devices).await,
        id,
        form,
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

pub(super) async fn new(
    State(state): State<AdminState>,
    account: Account,
) -> Result<Response, Problem> {
    show(
        &state,
        &account,
        None,
        DeviceForm::default(),
        Fault::default(),
    )
    .await
}

pub(super) async fn edit(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let device = state.store.device_fetch(id).await?;
    let form = DeviceForm {
        name: device.name,
        owner: device.owner,
        labels: device.labels.join(" "),
        kind: device.device_type,
        expires: device
            .expires_us
            .and_then(|us| Timestamp::from_microsecond(us).ok())
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        macs: String::new(),
    };
    show(&state, &account, Some(id), form, Fault::default()).await
}

pub(super) async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<DeviceForm>,
) -> Result<Response, Problem> {
    let stored = match form.record(DeviceRecord::new("", SOURCE)) {
        Ok(record) => account
            .store(&state)
            .device_put(record)
            .await
            .map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match stored {
        Ok(device) => {
            Ok(Done::at(at(device.id), format!("{} is added.", device.name)).into_response())
        }
        Err(failure) => show(&state, &account, None, form, Fault::of(failure.into())?).await,
    }
}

pub(super) async fn update(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<DeviceForm>,
) -> Result<Response, Problem> {
    let device = state.store.device_fetch(id).await?;
    let stored = match form.record(DeviceRecord::change(device, SOURCE)) {
        Ok(record) => account
            .store(&state)
            .device_put(record)
            .await
            .map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match stored {
        Ok(device) => Ok(Done::at(at(id), format!("{} is changed.", device.name)).into_response()),
        Err(failure) => show(&state, &account, Some(id), form, Fault::of(failure.into())?).await,
    }
}
