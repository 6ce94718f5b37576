//! The way out: one, or many after a look at what would happen; and back in, where that was a mistake.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use nac_store::{NewQuarantine, Quarantine, Store};
use uuid::Uuid;

use super::{Account, AdminState, Chrome, Done, Place, Problem, name, render};
use crate::web::Failure;

pub(super) async fn one(
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

pub(super) async fn reopen(
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

/// What a release of many would do.
#[derive(Template)]
#[template(path = "admin/quarantine/release.html")]
struct PlanPage {
    chrome: Chrome,
    closed: Vec<(Quarantine, String)>,
    kept: Vec<(Quarantine, String)>,
    gone: usize,
}

/// The form sends `id` as often as there are marks, and `confirmed` once the plan was seen.
pub(super) async fn many(
    State(state): State<AdminState>,
    account: Account,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let mut ids = Vec::new();
    let mut confirmed = false;
    for (field, value) in fields {
        match field.as_str() {
            "id" => ids.push(value.parse::<Uuid>().map_err(|_| {
                Failure::invalid("id", "the list has changed: reload it and mark again")
            })?),
            "confirmed" => confirmed = true,
            _ => return Err(Failure::invalid("id", "this form has a field too many").into()),
        }
    }
    if ids.is_empty() {
        return Err(Failure::invalid("id", "mark those that are to be released").into());
    }
    let release = account
        .store(&state)
        .quarantine_release(&ids, &account.operator(), !confirmed)
        .await?;
    if confirmed {
        return Ok(Done::at(
            "/quarantine",
            format!(
                "{} released. Their sessions move as soon as the switches confirm it.",
                release.closed.len()
            ),
        )
        .into_response());
    }
    render(&PlanPage {
        chrome: Chrome::new(&state, &account, "Release several", Place::Quarantine).await,
        closed: named(&state.store, release.closed).await,
        kept: named(&state.store, release.kept).await,
        gone: release.gone.len(),
    })
}

async fn named(store: &Store, quarantines: Vec<Quarantine>) -> Vec<(Quarantine, String)> {
    let mut named = Vec::with_capacity(quarantines.len());
    for quarantine in quarantines {
        let name = name(store, &quarantine).await;
        named.push((quarantine, name));
    }
    named
}
