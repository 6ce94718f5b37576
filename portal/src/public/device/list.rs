//! P12, the list of somebody's devices.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Html;
use nac_store::{DeviceFilter, DeviceSort, DeviceState, SessionFilter};

use super::register::takes_a_place;
use super::{devices_of, limit, type_text};
use crate::i18n::Message;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::layout::{Query, Shell};
use crate::public::sign_in::Employee;

/// Devices on one page.
const PAGE: u32 = 25;
const PAGE_LEN: usize = PAGE as usize;

struct Row {
    href: String,
    name: String,
    macs: String,
    kind: Option<&'static str>,
    state: &'static str,
    bad: bool,
    until: Message,
    seen: Message,
}

#[derive(Template)]
#[template(path = "public/device/list.html")]
struct Page {
    shell: Shell,
    person: String,
    done: Option<Message>,
    rows: Vec<Row>,
    more: Option<String>,
    places: Message,
}

pub(super) async fn show(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    uri: Uri,
) -> Result<Html<String>, PublicFailure> {
    let query = Query::of(&uri);
    let all = devices_of(&state, &employee).await?;
    let taken = all.iter().filter(|device| takes_a_place(device)).count();
    let filter = DeviceFilter {
        owner: Some(employee.user.name.clone()),
        after: query.first("after"),
        limit: PAGE + 1,
        ..DeviceFilter::default()
    };
    let mut devices = state.store.device_list(&filter).await?;
    let more = devices.len() > PAGE_LEN;
    devices.truncate(PAGE_LEN);
    let more = devices
        .last()
        .filter(|_| more)
        .map(|last| shell.link(format!("/devices?after={}", last.cursor(DeviceSort::Added))));
    let mut rows = Vec::with_capacity(devices.len());
    for device in devices {
        let filter = SessionFilter {
            device_id: Some(device.id),
            limit: 1,
            ..SessionFilter::default()
        };
        let last = state.store.session_list(&filter).await?.pop();
        let seen = match &last {
            None => shell.text("device-never"),
            Some(session) if session.stopped_us.is_none() => {
                shell.text("device-now").arg("where", &session.client)
            }
            Some(session) => shell
                .text("device-seen")
                .arg("when", shell.moment(session.updated_us))
                .arg("where", &session.client),
        };
        let now = device.state(shell.now_us());
        rows.push(Row {
            href: shell.link(format!("/devices/{}", device.id)),
            macs: device.macs.join(", "),
            kind: type_text(device.device_type.as_deref()),
            state: state_text(now),
            bad: now != DeviceState::Active,
            until: match device.expires_us {
                Some(expires) => shell.text("device-until").arg("day", shell.day(expires)),
                None => shell.text("device-no-end"),
            },
            seen,
            name: device.name,
        });
    }
    let places = shell
        .text("device-count")
        .arg("count", taken)
        .arg("limit", limit(&shell, &employee));
    let page = Page {
        person: employee.user.name,
        done: query
            .first("done")
            .and_then(|done| done_text(&done))
            .map(|key| shell.text(key)),
        rows,
        more,
        places,
        shell,
    };
    Ok(Html(page.render()?))
}

pub(super) fn state_text(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Active => "device-state-active",
        DeviceState::Blocked => "device-state-blocked",
        DeviceState::Lost => "device-state-lost",
        DeviceState::Expired => "device-state-expired",
    }
}

/// What was done a moment ago. The address names it, so only words of this list are shown.
fn done_text(done: &str) -> Option<&'static str> {
    Some(match done {
        "added" => "device-done-added",
        "random" => "device-done-random",
        "changed" => "device-done-changed",
        "lost" => "device-done-lost",
        "found" => "device-done-found",
        "removed" => "device-done-removed",
        "revoked" => "device-done-revoked",
        "many" => "device-done-many",
        _ => return None,
    })
}
