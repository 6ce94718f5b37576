//! Devices: found by anything that people know of them, changed, blocked, lost and found.

mod detail;
mod form;
mod import;
mod psk;

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{Device, DeviceFilter, DeviceSort, DeviceState, DeviceStatus, Store, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{some, word};
use super::listing::{self, Column, Format, Head, Query};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// Who put an identifier into the database.
const SOURCE: &str = "admin";

/// `/devices` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let (read, change) = (Permission::Read, Permission::DeviceChange);
    let page_of = |path, handler| Route::page(path, read, handler);
    let action = |path, operation, handler| Route::action(path, change, operation, handler);
    vec![
        page_of("/devices", get(page)),
        Route::page("/devices/new", change, get(form::new)),
        Route::page("/devices/import", change, get(import::page)),
        page_of("/devices/{id}", get(detail::page)),
        Route::page("/devices/{id}/edit", change, get(form::edit)),
        action("/devices", "device_add", post(form::add)),
        action("/devices/import", "device_import", post(import::run)),
        action("/devices/{id}", "device_set", post(form::update)),
        action("/devices/{id}/block", "device_block", post(block)),
        action("/devices/{id}/unblock", "device_unblock", post(unblock)),
        action("/devices/{id}/lost", "device_lost", post(lost)),
        action("/devices/{id}/found", "device_found", post(found)),
        action(
            "/devices/{id}/allow-mab",
            "device_allow_mab",
            post(allow_mab),
        ),
        action("/devices/{id}/psk", "device_psk_renew", post(psk::renew)),
        action(
            "/devices/{id}/psk/revoke",
            "device_psk_revoke",
            post(psk::revoke),
        ),
        action("/devices/{id}/remove", "device_remove", post(remove)),
    ]
}

/// The filters in the URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    owner: Option<String>,
    label: Option<String>,
    kind: Option<String>,
    state: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    after: Option<String>,
    format: Format,
}

impl Filters {
    fn read(&self) -> Result<DeviceFilter, Failure> {
        Ok(DeviceFilter {
            search: some(&self.q),
            owner: some(&self.owner),
            label: some(&self.label),
            device_type: some(&self.kind),
            state: word("state", &self.state)?,
            sort: Some(word("sort", &self.sort)?.unwrap_or(DeviceSort::Name)),
            descending: listing::is_reversed(&self.order),
            after: some(&self.after),
            limit: self.format.limit(),
        })
    }

    fn query(&self) -> Query {
        Query::new("/devices")
            .with("q", some(&self.q))
            .with("owner", some(&self.owner))
            .with("label", some(&self.label))
            .with("kind", some(&self.kind))
            .with("state", some(&self.state))
            .with("sort", some(&self.sort))
            .with("order", some(&self.order))
    }
}

/// The columns, in the words of [`DeviceSort`].
const HEADS: [Head; 9] = [
    Head::sorts("Name", "name"),
    Head::sorts("Owner", "owner"),
    Head::sorts("Until", "expires"),
    Head::sorts("Changed", "changed"),
    Head::sorts("Added", "added"),
    Head::plain("State"),
    Head::plain("Labels"),
    Head::plain("Type"),
    Head::plain("MAC"),
];

struct Row {
    device: Device,
    state: DeviceState,
    expires: Option<Moment>,
    changed: Moment,
    added: Moment,
}

#[derive(Template)]
#[template(path = "admin/device/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    columns: Vec<Column>,
    states: &'static [DeviceState],
    rows: Vec<Row>,
    next: Option<String>,
    csv: String,
    json: String,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let filter = filters.read()?;
    let mut devices = match by_address(&state.store, &filter).await? {
        Some(device) => vec![device],
        None => state.store.device_list(&filter).await?,
    };
    let query = filters.query();
    match filters.format {
        Format::Json => return Ok(listing::json("devices", &devices)?),
        Format::Csv => return Ok(csv(&devices)?),
        Format::Html => {}
    }
    let sort = filter.sort.unwrap_or(DeviceSort::Name);
    let next = listing::cut(&mut devices)
        .then(|| {
            devices
                .last()
                .map(|last| query.link("after", last.cursor(sort)))
        })
        .flatten();
    let now = now_us();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Devices", Place::Devices).await,
        filtered: query.is_filtered(),
        columns: listing::columns(&query, &HEADS, sort.as_str(), filter.descending),
        states: DeviceState::ALL,
        next,
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        filters,
        may_change: account.may(Permission::DeviceChange),
        rows: devices
            .into_iter()
            .map(|device| Row {
                state: device.state(now),
                expires: device.expires_us.map(Moment),
                changed: Moment(device.updated_us),
                added: Moment(device.created_us),
                device,
            })
            .collect(),
    })
}

/// The device that has this IP address now, where the search is one.
async fn by_address(store: &Store, filter: &DeviceFilter) -> Result<Option<Device>, Failure> {
    let Some(address) = filter
        .search
        .as_deref()
        .and_then(|search| search.parse::<IpAddr>().ok())
    else {
        return Ok(None);
    };
    let Some(session) = store.session_by_address(address).await? else {
        return Ok(None);
    };
    match (session.device_id, &session.mac) {
        (Some(id), _) => Ok(store.device_fetch(id).await.ok()),
        (None, Some(mac)) => Ok(store.device_find(mac).await?),
        (None, None) => Ok(None),
    }
}

fn csv(devices: &[Device]) -> Result<Response, Failure> {
    let now = now_us();
    let rows: Vec<Vec<String>> = devices
        .iter()
        .map(|device| {
            vec![
                device.id.to_string(),
                device.name.clone(),
                device.owner.clone().unwrap_or_default(),
                device.labels.join(" "),
                device.device_type.clone().unwrap_or_default(),
                device.state(now).to_string(),
                device
                    .expires_us
                    .map(|us| us.to_string())
                    .unwrap_or_default(),
                device.macs.join(" "),
                device.created_us.to_string(),
                device.updated_us.to_string(),
            ]
        })
        .collect();
    let header = [
        "id",
        "name",
        "owner",
        "labels",
        "type",
        "state",
        "expires_us",
        "macs",
        "created_us",
        "updated_us",
    ];
    listing::csv("devices", &header, &rows)
}

fn at(id: Uuid) -> String {
    format!("/devices/{id}")
}

async fn block(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .device_set_status(id, DeviceStatus::Blocked)
        .await?;
    Ok(Done::at(
        at(id),
        "Blocked. Where the policy refuses blocked devices, its session ends.",
    )
    .undo(format!("/devices/{id}/unblock")))
}

async fn unblock(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .device_set_status(id, DeviceStatus::Active)
        .await?;
    Ok(Done::at(at(id), "It may be used again.").undo(format!("/devices/{id}/block")))
}

async fn lost(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .device_lost(id, &account.operator())
        .await?;
    Ok(
        Done::at(at(id), "Reported lost: it is refused until it is found.")
            .undo(format!("/devices/{id}/found")),
    )
}

async fn found(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account.store(&state).device_found(id).await?;
    Ok(Done::at(at(id), "Found: it is no longer refused for that.")
        .undo(format!("/devices/{id}/lost")))
}

async fn allow_mab(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let store = account.store(&state);
    let allowed = store.device_allow_mab(&id.to_string()).await?;
    let said = if allowed.forgotten.is_empty() {
        "It was not let in by 802.1X lately: the policy alone decides."
    } else {
        "It may come without 802.1X, until it is let in by it again."
    };
    Ok(Done::at(at(id), said))
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let device = state.store.device_fetch(id).await?;
    account.store(&state).device_remove(id).await?;
    Ok(Done::at(
        "/devices",
        format!(
            "{} is removed; its decisions and quarantines stay as history.",
            device.name
        ),
    ))
}
