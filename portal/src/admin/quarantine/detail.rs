//! One quarantine: why, what was said and done about it, and what can be done.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use nac_store::{
    EnforcementFilter, Exception, ExceptionFilter, ExceptionState, Quarantine, QuarantineNote,
    Recheck, now_us,
};
use uuid::Uuid;

use super::{
    Account, AdminState, Chrome, Moment, Place, Problem, is_releasable, name, render, span,
};
use crate::access::Permission;
use crate::admin::host::Host;
use crate::admin::job::Job;

/// The newest moves that are shown.
const JOBS: u32 = 5;

#[derive(Template)]
#[template(path = "admin/quarantine/detail.html")]
struct DetailPage {
    chrome: Chrome,
    quarantine: Quarantine,
    name: String,
    since: Moment,
    waiting: String,
    told: Option<Moment>,
    expires: Option<Moment>,
    closed: Option<Moment>,
    notes: Vec<(QuarantineNote, Moment)>,
    exceptions: Vec<(Exception, Moment)>,
    hosts: Vec<Host>,
    rechecking: bool,
    jobs: Vec<Job>,
    operator: String,
    releasable: bool,
    open: bool,
    may_change: bool,
    may_except: bool,
}

pub(super) async fn page(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let store = &state.store;
    let quarantine = store.quarantine_fetch(id).await?;
    let name = name(store, &quarantine).await;
    let notes = store.quarantine_notes(id).await?;
    let exceptions = exceptions(&state, &quarantine).await?;
    let jobs = match quarantine.device_id {
        Some(device) => {
            store
                .enforcement_list(&EnforcementFilter {
                    device_id: Some(device),
                    limit: JOBS,
                    ..EnforcementFilter::default()
                })
                .await?
        }
        None => Vec::new(),
    };
    let hosts = quarantine
        .device_id
        .map(|device| Host::of_device(&state, device))
        .unwrap_or_default();
    let now = now_us();
    let mut rechecking = false;
    for host in &hosts {
        let recheck: Option<Recheck> = store.recheck_find(host.id).await?;
        rechecking |= recheck.is_some_and(|recheck| recheck.is_open(now));
    }
    let open = quarantine.closed_us.is_none();
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, "Quarantine", Place::Quarantine).await,
        name,
        since: Moment(quarantine.opened_us),
        waiting: span(quarantine.closed_us.unwrap_or(now) - quarantine.opened_us),
        told: quarantine.told_us.map(Moment),
        expires: quarantine.expires_us.map(Moment),
        closed: quarantine.closed_us.map(Moment),
        notes: notes
            .into_iter()
            .map(|note| {
                let at = Moment(note.at_us);
                (note, at)
            })
            .collect(),
        exceptions: exceptions
            .into_iter()
            .map(|exception| {
                let until = Moment(exception.expires_us);
                (exception, until)
            })
            .collect(),
        hosts,
        rechecking,
        jobs: jobs.into_iter().map(Job::from).collect(),
        operator: account.operator(),
        releasable: is_releasable(&quarantine),
        open,
        may_change: open && account.may(Permission::QuarantineChange),
        may_except: open && account.may(Permission::ExceptionChange),
        quarantine,
    })
}

/// The exceptions that count or are asked for: to this quarantine, or to the checks that cause it.
async fn exceptions(
    state: &AdminState,
    quarantine: &Quarantine,
) -> Result<Vec<Exception>, nac_store::StoreError> {
    let of_quarantine = ExceptionFilter {
        quarantine_id: Some(quarantine.id),
        ..ExceptionFilter::default()
    };
    let mut found = state.store.exception_list(&of_quarantine).await?;
    if let Some(device) = quarantine.device_id {
        let of_device = ExceptionFilter {
            device_id: Some(device),
            open_only: true,
            ..ExceptionFilter::default()
        };
        found.extend(
            state
                .store
                .exception_list(&of_device)
                .await?
                .into_iter()
                .filter(|exception| exception.quarantine_id.is_none()),
        );
    }
    found.retain(|exception| {
        matches!(
            exception.state,
            ExceptionState::Requested | ExceptionState::Active
        )
    });
    Ok(found)
}
