//! The quarantine queue: who is kept apart, why, since when, whose turn it is; and the way out.

mod act;
mod detail;
mod release;

use askama::Template;
use axum::Form;
use axum::extract::{Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{NewQuarantine, Quarantine, QuarantineFilter, QuarantineKind, Store, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{some, word};
use super::listing::{self, Format, Query};
use super::moment::span;
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// Who waits longer than this has waited too long, in microseconds: a day.
const LATE_US: i64 = 86_400_000_000;
/// Stands for nobody where an owner is chosen.
const NOBODY: &str = "-";

/// `/quarantine` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::QuarantineChange;
    let action = |path, operation, handler| Route::action(path, change, operation, handler);
    vec![
        Route::page("/quarantine", Permission::Read, get(page)),
        Route::page("/quarantine/{id}", Permission::Read, get(detail::page)),
        action("/quarantine", "quarantine_open", post(open)),
        action(
            "/quarantine/release",
            "quarantine_release_many",
            post(release::many),
        ),
        action(
            "/quarantine/{id}/release",
            "quarantine_release",
            post(release::one),
        ),
        action(
            "/quarantine/{id}/reopen",
            "quarantine_open",
            post(release::reopen),
        ),
        action(
            "/quarantine/{id}/extend",
            "quarantine_extend",
            post(act::extend),
        ),
        action(
            "/quarantine/{id}/assign",
            "quarantine_assign",
            post(act::assign),
        ),
        action(
            "/quarantine/{id}/note",
            "quarantine_note_add",
            post(act::note),
        ),
        action(
            "/quarantine/{id}/recheck",
            "host_recheck",
            post(act::recheck),
        ),
        Route::action(
            "/quarantine/{id}/exception",
            Permission::ExceptionChange,
            "exception_add",
            post(act::exception),
        ),
    ]
}

/// The filters in the URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    kind: Option<String>,
    check: Option<String>,
    owner: Option<String>,
    told: Option<String>,
    state: Option<String>,
    order: Option<String>,
    after: Option<Uuid>,
    format: Format,
}

impl Filters {
    fn read(&self) -> Result<QuarantineFilter, Failure> {
        let search = some(&self.q);
        let mac = search.as_deref().and_then(nac_store::mac_normalise);
        Ok(QuarantineFilter {
            open: match self.state.as_deref() {
                Some("over") => Some(false),
                Some("all") => None,
                _ => Some(true),
            },
            kind: word("kind", &self.kind)?,
            check: some(&self.check),
            owner: some(&self.owner).map(|owner| match owner.as_str() {
                NOBODY => String::new(),
                _ => owner,
            }),
            told: match self.told.as_deref() {
                Some("yes") => Some(true),
                Some("no") => Some(false),
                _ => None,
            },
            search: search.filter(|_| mac.is_none()),
            mac,
            oldest_first: self.order.as_deref() == Some("oldest"),
            after: self.after,
            limit: self.format.limit(),
            ..QuarantineFilter::default()
        })
    }

    fn query(&self) -> Query {
        Query::new("/quarantine")
            .with("q", some(&self.q))
            .with("kind", some(&self.kind))
            .with("check", some(&self.check))
            .with("owner", some(&self.owner))
            .with("told", some(&self.told))
            .with("state", some(&self.state))
            .with("order", some(&self.order))
    }
}

struct Row {
    quarantine: Quarantine,
    device: String,
    since: Moment,
    waiting: String,
    late: bool,
    told: Option<Moment>,
    checked: Option<Moment>,
    expires: Option<Moment>,
    closed: Option<Moment>,
    releasable: bool,
}

#[derive(Template)]
#[template(path = "admin/quarantine/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    kinds: &'static [QuarantineKind],
    rows: Vec<Row>,
    next: Option<String>,
    other_order: String,
    csv: String,
    json: String,
    mine: String,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let filter = filters.read()?;
    let mut found = state.store.quarantine_list(&filter).await?;
    let query = filters.query();
    match filters.format {
        Format::Json => return Ok(listing::json("quarantine", &found)?),
        Format::Csv => return Ok(csv(&found)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut found)
        .then(|| found.last().map(|last| query.link("after", last.id)))
        .flatten();
    let now = now_us();
    let mut rows = Vec::with_capacity(found.len());
    for quarantine in found {
        rows.push(Row {
            device: name(&state.store, &quarantine).await,
            since: Moment(quarantine.opened_us),
            waiting: span(quarantine.closed_us.unwrap_or(now) - quarantine.opened_us),
            late: quarantine.closed_us.is_none() && now - quarantine.opened_us > LATE_US,
            told: quarantine.told_us.map(Moment),
            checked: quarantine
                .device_id
                .and_then(|device| last_check(&state, device)),
            expires: quarantine.expires_us.map(Moment),
            closed: quarantine.closed_us.map(Moment),
            releasable: is_releasable(&quarantine),
            quarantine,
        });
    }
    let order = match filter.oldest_first {
        true => None,
        false => Some("oldest"),
    };
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Quarantine", Place::Quarantine).await,
        filtered: query.is_filtered(),
        kinds: QuarantineKind::ALL,
        next,
        other_order: query.clone().with("order", order).url(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        mine: account.operator(),
        filters,
        rows,
        may_change: account.may(Permission::QuarantineChange),
    })
}

/// Whether somebody may end it; otherwise the checks do, or an exception.
fn is_releasable(quarantine: &Quarantine) -> bool {
    quarantine.closed_us.is_none() && quarantine.kind != QuarantineKind::Posture
}

/// How people call what is kept apart.
async fn name(store: &Store, quarantine: &Quarantine) -> String {
    let device = match quarantine.device_id {
        Some(id) => store.device_fetch(id).await.ok(),
        None => None,
    };
    device.map_or_else(
        || quarantine.mac.clone().unwrap_or_default(),
        |device| device.name,
    )
}

/// When a host of this device last answered a check.
fn last_check(state: &AdminState, device: Uuid) -> Option<Moment> {
    state
        .gate
        .nodes_of(device)
        .iter()
        .flat_map(|node| &node.results)
        .map(|result| result.checked_us)
        .max()
        .map(Moment)
}

fn csv(found: &[Quarantine]) -> Result<Response, Failure> {
    let number = |us: Option<i64>| us.map(|us| us.to_string()).unwrap_or_default();
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|quarantine| {
            vec![
                quarantine.id.to_string(),
                quarantine
                    .device_id
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
                quarantine.mac.clone().unwrap_or_default(),
                quarantine.kind.to_string(),
                quarantine.reason.clone(),
                quarantine.checks.join(" "),
                quarantine.opened_by.clone(),
                quarantine.opened_us.to_string(),
                number(quarantine.told_us),
                quarantine.owner.clone().unwrap_or_default(),
                number(quarantine.expires_us),
                number(quarantine.closed_us),
                quarantine.closed_by.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let header = [
        "id",
        "device_id",
        "mac",
        "kind",
        "reason",
        "checks",
        "opened_by",
        "opened_us",
        "told_us",
        "owner",
        "expires_us",
        "closed_us",
        "closed_by",
    ];
    listing::csv("quarantine", &header, &rows)
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
