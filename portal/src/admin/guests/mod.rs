//! Guests: who is here, who waits for a word, who was announced.

mod change;

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{Guest, GuestDevice, GuestFilter, GuestMethod, GuestSort, GuestStatus, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{some, word};
use super::form::written;
use super::listing::{self, Column, Format, Head, Query};
use super::moment::span;
use super::{Account, AdminState, Chrome, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// `/guests` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::GuestChange;
    let action = |path, operation, handler| Route::action(path, change, operation, handler);
    vec![
        Route::page("/guests", Permission::GuestRead, get(page)),
        Route::page("/guests/new", change, get(change::new)),
        action("/guests/new", "guest_add", post(change::add)),
        Route::page("/guests/{id}", Permission::GuestRead, get(detail)),
        action(
            "/guests/{id}/approve",
            "guest_approve",
            post(change::approve),
        ),
        action("/guests/{id}/deny", "guest_deny", post(change::deny)),
        action("/guests/{id}/extend", "guest_extend", post(change::extend)),
        action("/guests/{id}/revoke", "guest_revoke", post(change::revoke)),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    status: Option<String>,
    method: Option<String>,
    site: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    before: Option<Uuid>,
    format: Format,
}

/// The columns, in the words of [`GuestSort`].
const HEADS: [Head; 7] = [
    Head::plain("Who"),
    Head::plain("From"),
    Head::plain("Visits"),
    Head::plain("Status"),
    Head::plain("Way in"),
    Head::sorts("Asked", "asked").descending(),
    Head::sorts("Until", "ends"),
];

struct Row {
    guest: Guest,
    name: String,
    asked: Moment,
    until: Option<Moment>,
    left: String,
    waits: bool,
}

impl Row {
    fn of(guest: Guest) -> Self {
        Self {
            name: name(&guest),
            asked: Moment(guest.created_us),
            until: guest.expires_us.or(guest.link_expires_us).map(Moment),
            left: match guest.expires_us {
                Some(end) if guest.status == GuestStatus::Active => span(end - now_us()),
                _ => String::new(),
            },
            waits: guest.is_pending(),
            guest,
        }
    }
}

struct Count {
    status: GuestStatus,
    number: i64,
}

#[derive(Template)]
#[template(path = "admin/guests/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    counts: Vec<Count>,
    columns: Vec<Column>,
    statuses: Vec<&'static str>,
    methods: Vec<&'static str>,
    waiting: Vec<Row>,
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
    let sort: GuestSort = word("sort", &filters.sort)?.unwrap_or_default();
    let reverse = listing::is_reversed(&filters.order);
    let (text, status, method, site) = (
        some(&filters.q),
        some(&filters.status),
        some(&filters.method),
        some(&filters.site),
    );
    let filter = GuestFilter {
        search: text.clone(),
        status: status.as_deref().and_then(|word| word.parse().ok()),
        method: method.as_deref().and_then(|word| word.parse().ok()),
        site: site.clone(),
        sort,
        reverse,
        before: filters.before,
        limit: filters.format.limit(),
    };
    let mut guests = state.store.guest_list(&filter).await?;
    let query = Query::new("/guests")
        .with("q", text)
        .with("status", status)
        .with("method", method)
        .with("site", site)
        .with("sort", some(&filters.sort))
        .with("order", some(&filters.order));
    match filters.format {
        Format::Json => return Ok(listing::json("guests", &guests)?),
        Format::Csv => return Ok(csv(&guests)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut guests)
        .then(|| guests.last().map(|last| query.link("before", last.id)))
        .flatten();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Guests", Place::Guests).await,
        filtered: query.is_filtered(),
        columns: listing::columns(&query, &HEADS, sort.as_str(), reverse),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        counts: state
            .store
            .guest_counts()
            .await?
            .into_iter()
            .map(|(status, number)| Count { status, number })
            .collect(),
        statuses: GuestStatus::ALL.iter().map(|one| one.as_str()).collect(),
        methods: GuestMethod::ALL.iter().map(|one| one.as_str()).collect(),
        waiting: if query.is_filtered() || filters.before.is_some() {
            Vec::new()
        } else {
            waiting(&state).await?
        },
        next,
        filters,
        rows: guests.into_iter().map(Row::of).collect(),
        may_change: account.may(Permission::GuestChange),
    })
}

/// Those for whom a sponsor or an operator has to decide.
async fn waiting(state: &AdminState) -> Result<Vec<Row>, Problem> {
    let filter = GuestFilter {
        status: Some(GuestStatus::Awaiting),
        ..GuestFilter::default()
    };
    let guests = state.store.guest_list(&filter).await?;
    Ok(guests.into_iter().map(Row::of).collect())
}

fn csv(guests: &[Guest]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = guests
        .iter()
        .map(|guest| {
            let moment = |us: Option<i64>| us.map(|us| us.to_string()).unwrap_or_default();
            vec![
                guest.name.clone(),
                guest.email.clone(),
                guest.company.clone(),
                guest.host.clone(),
                guest.status.to_string(),
                guest.method.to_string(),
                guest.sponsor.clone(),
                guest.mac.clone().unwrap_or_default(),
                guest.site.clone(),
                moment(guest.starts_us),
                moment(guest.expires_us),
                guest.created_by.clone(),
            ]
        })
        .collect();
    let header = [
        "name",
        "email",
        "company",
        "host",
        "status",
        "method",
        "sponsor",
        "mac",
        "site",
        "starts_us",
        "expires_us",
        "created_by",
    ];
    listing::csv("guests", &header, &rows)
}

struct DeviceRow {
    device: GuestDevice,
    added: Moment,
    left: Option<Moment>,
}

#[derive(Template)]
#[template(path = "admin/guests/detail.html")]
struct DetailPage {
    chrome: Chrome,
    row: Row,
    stay: String,
    starts: Option<Moment>,
    decided: Option<Moment>,
    ended: Option<Moment>,
    devices: Vec<DeviceRow>,
    extendable: bool,
    revocable: bool,
    may_change: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let guest = state.store.guest_fetch(id).await?;
    let devices = state.store.guest_devices(id).await?;
    use GuestStatus as S;
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, name(&guest), Place::Guests).await,
        stay: written(guest.duration_s),
        starts: guest.starts_us.map(Moment),
        decided: guest.decided_us.map(Moment),
        ended: guest.ended_us.map(Moment),
        extendable: guest.starts_us.is_some() && matches!(guest.status, S::Active | S::Expired),
        revocable: guest.is_pending() || matches!(guest.status, S::Active | S::Invited),
        row: Row::of(guest),
        devices: devices
            .into_iter()
            .map(|device| DeviceRow {
                added: Moment(device.added_us),
                left: device.left_us.map(Moment),
                device,
            })
            .collect(),
        may_change: account.may(Permission::GuestChange),
    })
}

/// What a guest is called when nobody asked for a name.
fn name(guest: &Guest) -> String {
    [&guest.name, &guest.email]
        .into_iter()
        .find(|text| !text.is_empty())
        .cloned()
        .or_else(|| guest.mac.clone())
        .unwrap_or_else(|| "a guest".to_owned())
}

#[cfg(test)]
mod tests;
