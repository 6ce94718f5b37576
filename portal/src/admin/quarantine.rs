//! The quarantine queue: who is kept apart, why, since when; and the way out.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use nac_store::{NewQuarantine, Quarantine, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::moment::span;
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// `/quarantine` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::QuarantineChange;
    vec![
        Route::page("/", Permission::Own, get(start)),
        Route::page("/quarantine", Permission::Read, get(page)),
        Route::action("/quarantine", change, "quarantine_open", post(open)),
        Route::action(
            "/quarantine/{id}/release",
            change,
            "quarantine_release",
            post(release),
        ),
        Route::action(
            "/quarantine/{id}/reopen",
            change,
            "quarantine_open",
            post(reopen),
        ),
    ]
}

/// Where everybody begins who may see it.
async fn start(account: Account) -> Redirect {
    Redirect::to(if account.may(Permission::Read) {
        "/quarantine"
    } else {
        "/account"
    })
}

struct Row {
    quarantine: Quarantine,
    device: String,
    since: Moment,
    waiting: String,
    expires: Option<Moment>,
}

#[derive(Template)]
#[template(path = "admin/quarantine/list.html")]
struct ListPage {
    chrome: Chrome,
    rows: Vec<Row>,
    may_change: bool,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let now = now_us();
    let mut rows = Vec::new();
    for quarantine in state.store.quarantine_list_open().await? {
        let device = match quarantine.device_id {
            Some(id) => state.store.device_fetch(id).await.ok(),
            None => None,
        };
        rows.push(Row {
            device: device.map_or_else(
                || quarantine.mac.clone().unwrap_or_default(),
                |device| device.name,
            ),
            since: Moment(quarantine.opened_us),
            waiting: span(now - quarantine.opened_us),
            expires: quarantine.expires_us.map(Moment),
            quarantine,
        });
    }
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Quarantine", Place::Quarantine).await,
        rows,
        may_change: account.may(Permission::QuarantineChange),
    })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenForm {
    device: String,
    reason: String,
    #[serde(default)]
    hours: String,
}

async fn open(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<OpenForm>,
) -> Result<Done, Problem> {
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Err(
            Failure::invalid("reason", "say why: the person reads it in the portal").into(),
        );
    }
    let hours = match form.hours.trim() {
        "" => None,
        text => Some(
            text.parse::<i64>()
                .ok()
                .filter(|hours| (1..=8_760).contains(hours))
                .ok_or_else(|| {
                    Failure::invalid(
                        "hours",
                        "write a number of hours from 1 to 8,760, or nothing",
                    )
                })?,
        ),
    };
    let device = state.store.device_find(&form.device).await?;
    let mac = match &device {
        Some(_) => None,
        None => Some(nac_store::mac_normalise(&form.device).ok_or_else(|| {
            Failure::invalid(
                "device",
                format!(
                    "{} is no device that is known here, and no MAC address",
                    form.device
                ),
            )
        })?),
    };
    let opened = account
        .store(&state)
        .quarantine_open(NewQuarantine {
            device_id: device.as_ref().map(|device| device.id),
            mac,
            reason: reason.to_owned(),
            opened_by: account.operator(),
            expires_us: hours.map(|hours| now_us() + hours * 3_600_000_000),
            ..NewQuarantine::default()
        })
        .await?;
    let name = device.map_or_else(
        || opened.mac.clone().unwrap_or_default(),
        |device| device.name,
    );
    Ok(Done::at("/quarantine", format!("{name} is in quarantine."))
        .undo(format!("/quarantine/{}/release", opened.id)))
}

async fn release(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .quarantine_close(id, &account.operator())
        .await?;
    Ok(Done::at(
        "/quarantine",
        "Released. The session moves as soon as the switch confirms it.",
    )
    .undo(format!("/quarantine/{id}/reopen")))
}

async fn reopen(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let former = state.store.quarantine_fetch(id).await?;
    if former.closed_us.is_none() {
        return Err(Failure::Conflict("this quarantine is open".to_owned()).into());
    }
    account
        .store(&state)
        .quarantine_open(NewQuarantine {
            device_id: former.device_id,
            mac: former.mac,
            reason: former.reason,
            opened_by: account.operator(),
            expires_us: former.expires_us,
            ..NewQuarantine::default()
        })
        .await?;
    Ok(Done::at("/quarantine", "It is in quarantine again."))
}
