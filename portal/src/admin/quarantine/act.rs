//! What people do about a quarantine besides ending it.

use axum::Form;
use axum::extract::{Path, State};
use nac_store::{NewException, QuarantineKind};
use serde::Deserialize;
use uuid::Uuid;

use super::{Account, AdminState, Done, Problem};
use crate::admin::filter::{future, some};
use crate::web::Failure;

fn at(id: Uuid) -> String {
    format!("/quarantine/{id}")
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExtendForm {
    until: Option<String>,
}

pub(super) async fn extend(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<ExtendForm>,
) -> Result<Done, Problem> {
    let until = future("until", &form.until)?;
    account.store(&state).quarantine_extend(id, until).await?;
    Ok(Done::at(
        at(id),
        match until {
            Some(_) => "It ends at another moment now.",
            None => "It lasts until somebody releases it.",
        },
    ))
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AssignForm {
    owner: Option<String>,
}

pub(super) async fn assign(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AssignForm>,
) -> Result<Done, Problem> {
    let owner = some(&form.owner);
    if owner
        .as_ref()
        .is_some_and(|owner| owner.chars().count() > 200)
    {
        return Err(Failure::invalid("owner", "at most 200 characters").into());
    }
    account
        .store(&state)
        .quarantine_assign(id, owner.as_deref())
        .await?;
    Ok(Done::at(
        at(id),
        match owner {
            Some(owner) => format!("It is {owner}'s turn."),
            None => "It is anybody's turn.".to_owned(),
        },
    ))
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NoteForm {
    text: String,
}

pub(super) async fn note(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<NoteForm>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .quarantine_note_add(id, &account.operator(), &form.text)
        .await?;
    Ok(Done::at(at(id), "Noted."))
}

/// Asks every host of the device to be checked again.
pub(super) async fn recheck(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let quarantine = state.store.quarantine_fetch(id).await?;
    let hosts = quarantine
        .device_id
        .map(|device| state.gate.nodes_of(device))
        .unwrap_or_default();
    if hosts.is_empty() {
        return Err(Failure::Conflict(
            "no osquery host is tied to this device, so nothing can be checked".to_owned(),
        )
        .into());
    }
    let store = account.store(&state);
    for host in hosts {
        store
            .recheck_request(host.node.id, &account.operator())
            .await?;
    }
    Ok(Done::at(
        at(id),
        "Asked. The host answers as soon as it calls, within a minute when it is on.",
    ))
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExceptionForm {
    check: Option<String>,
    reason: String,
    until: Option<String>,
}

pub(super) async fn exception(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<ExceptionForm>,
) -> Result<Done, Problem> {
    let quarantine = state.store.quarantine_fetch(id).await?;
    let until = future("until", &form.until)?.ok_or_else(|| {
        Failure::invalid(
            "until",
            "an exception ends: say when, such as 8h, 7d or 2030-01-31",
        )
    })?;
    let mut new = NewException {
        reason: form.reason,
        requested_by: account.operator(),
        expires_us: until,
        ..NewException::default()
    };
    match quarantine.kind {
        QuarantineKind::Posture => {
            let check = some(&form.check).filter(|check| quarantine.checks.contains(check));
            let check = check
                .ok_or_else(|| Failure::invalid("check", "choose one of the checks that fail"))?;
            new.device_id = quarantine.device_id;
            new.check = Some(check);
        }
        _ => new.quarantine_id = Some(id),
    }
    account
        .store(&state)
        .exception_add(new, &account.operator())
        .await?;
    Ok(Done::at(
        at(id),
        "The exception counts from now on and ends by itself.",
    ))
}
