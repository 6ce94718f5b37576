//! Exceptions: written permissions to break one rule, each with a reason and an end.

use std::collections::HashMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_store::{Exception, ExceptionFilter, ExceptionSort, ExceptionState, NewException, now_us};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{some, word};
use super::form::{Fault, filled, number};
use super::listing::{self, Column, Format, Head, Query};
use super::moment::span;
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// No exception lasts longer without being renewed, in days.
const DAYS_MAX: i64 = 366;
const DAY_US: i64 = 86_400_000_000;

/// `/exceptions` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::ExceptionChange;
    let action = |path, operation, handler| Route::action(path, change, operation, handler);
    vec![
        Route::page("/exceptions", Permission::Read, get(page)),
        Route::page("/exceptions/new", change, get(new)),
        action("/exceptions/new", "exception_add", post(add)),
        Route::page("/exceptions/{id}", Permission::Read, get(detail)),
        action(
            "/exceptions/{id}/approve",
            "exception_approve",
            post(approve),
        ),
        action("/exceptions/{id}/deny", "exception_deny", post(deny)),
        action("/exceptions/{id}/renew", "exception_renew", post(renew)),
        action("/exceptions/{id}/revoke", "exception_revoke", post(revoke)),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    state: Option<String>,
    check: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    before: Option<Uuid>,
    format: Format,
}

/// The columns, in the words of [`ExceptionSort`].
const HEADS: [Head; 9] = [
    Head::plain("For"),
    Head::plain("May fail"),
    Head::plain("State"),
    Head::plain("Reason"),
    Head::plain("Asked by"),
    Head::sorts("Asked", "asked").descending(),
    Head::plain("Granted by"),
    Head::sorts("Ends", "ends"),
    Head::plain("Last used"),
];

struct Row {
    exception: Exception,
    subject: String,
    rule: String,
    asked: Moment,
    expires: Moment,
    left: String,
    used: Option<Moment>,
}

#[derive(Template)]
#[template(path = "admin/exceptions/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    columns: Vec<Column>,
    states: Vec<&'static str>,
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
    let state_word = some(&filters.state);
    let sort: ExceptionSort = word("sort", &filters.sort)?.unwrap_or_default();
    let reverse = listing::is_reversed(&filters.order);
    let (text, check) = (some(&filters.q), some(&filters.check));
    let mut exceptions = state
        .store
        .exception_list(&ExceptionFilter {
            state: word("state", &filters.state)?,
            open_only: state_word.is_none() && filters.format == Format::Html,
            check: check.clone(),
            search: text.clone(),
            sort,
            reverse,
            before: filters.before,
            limit: filters.format.limit(),
            ..ExceptionFilter::default()
        })
        .await?;
    let query = Query::new("/exceptions")
        .with("q", text)
        .with("state", state_word)
        .with("check", check)
        .with("sort", some(&filters.sort))
        .with("order", some(&filters.order));
    match filters.format {
        Format::Json => return Ok(listing::json("exceptions", &exceptions)?),
        Format::Csv => return Ok(csv(&exceptions)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut exceptions)
        .then(|| exceptions.last().map(|last| query.link("before", last.id)))
        .flatten();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Exceptions", Place::Exceptions).await,
        filtered: query.is_filtered(),
        columns: listing::columns(&query, &HEADS, sort.as_str(), reverse),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        states: ExceptionState::ALL
            .iter()
            .map(|state| state.as_str())
            .collect(),
        next,
        filters,
        rows: rows(&state, exceptions).await,
        may_change: account.may(Permission::ExceptionChange),
    })
}

/// Exceptions with the names of those whom they are for.
async fn rows(state: &AdminState, exceptions: Vec<Exception>) -> Vec<Row> {
    let mut names: HashMap<Uuid, String> = HashMap::new();
    let mut rows = Vec::with_capacity(exceptions.len());
    for exception in exceptions {
        let subject = match (exception.device_id, exception.node_id) {
            (Some(id), _) => {
                if let std::collections::hash_map::Entry::Vacant(place) = names.entry(id)
                    && let Ok(device) = state.store.device_fetch(id).await
                {
                    place.insert(device.name);
                }
                names.get(&id).cloned().unwrap_or_else(|| id.to_string())
            }
            (None, Some(id)) => state
                .gate
                .node_posture(id)
                .map_or_else(|| id.to_string(), |posture| posture.node.hostname),
            (None, None) => "a quarantine".to_owned(),
        };
        rows.push(Row {
            rule: exception
                .check
                .clone()
                .unwrap_or_else(|| "quarantine".to_owned()),
            subject,
            asked: Moment(exception.requested_us),
            expires: Moment(exception.expires_us),
            left: if exception.state == ExceptionState::Active {
                span(exception.expires_us - now_us())
            } else {
                String::new()
            },
            used: exception.last_used_us.map(Moment),
            exception,
        });
    }
    rows
}

fn csv(exceptions: &[Exception]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = exceptions
        .iter()
        .map(|one| {
            let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
            vec![
                one.id.to_string(),
                one.state.to_string(),
                id(one.device_id),
                id(one.node_id),
                one.check.clone().unwrap_or_default(),
                id(one.quarantine_id),
                one.reason.clone(),
                one.requested_by.clone(),
                one.approved_by.clone().unwrap_or_default(),
                one.expires_us.to_string(),
            ]
        })
        .collect();
    let header = [
        "id",
        "state",
        "device_id",
        "node_id",
        "check",
        "quarantine_id",
        "reason",
        "requested_by",
        "approved_by",
        "expires_us",
    ];
    listing::csv("exceptions", &header, &rows)
}

#[derive(Template)]
#[template(path = "admin/exceptions/detail.html")]
struct DetailPage {
    chrome: Chrome,
    row: Row,
    approved: Option<Moment>,
    ended: Option<Moment>,
    requested: bool,
    active: bool,
    may_change: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let exception = state.store.exception_fetch(id).await?;
    let (approved, ended) = (
        exception.approved_us.map(Moment),
        exception.ended_us.map(Moment),
    );
    let (requested, active) = (
        exception.state == ExceptionState::Requested,
        exception.state == ExceptionState::Active,
    );
    let row = rows(&state, vec![exception])
        .await
        .pop()
        .ok_or(Failure::Unavailable)?;
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, "Exception", Place::Exceptions).await,
        row,
        approved,
        ended,
        requested,
        active,
        may_change: account.may(Permission::ExceptionChange),
    })
}

/// What the form of a new exception sends, and what a link to it may fill in.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExceptionForm {
    device: String,
    check: String,
    reason: String,
    days: String,
    unknown: bool,
}

#[derive(Template)]
#[template(path = "admin/exceptions/form.html")]
struct FormPage {
    chrome: Chrome,
    form: ExceptionForm,
    checks: Vec<(String, String)>,
    fault: Fault,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: ExceptionForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let page = FormPage {
        chrome: Chrome::new(state, account, "New exception", Place::Exceptions).await,
        checks: state
            .gate
            .checks()
            .iter()
            .map(|check| (check.name.clone(), check.title.clone()))
            .collect(),
        form,
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

async fn new(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(form): UrlQuery<ExceptionForm>,
) -> Result<Response, Problem> {
    form_page(&state, &account, form, Fault::default()).await
}

async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<ExceptionForm>,
) -> Result<Response, Problem> {
    match try_add(&state, &account, &form).await {
        Ok(exception) => Ok(Done::at(
            format!("/exceptions/{}", exception.id),
            "The exception counts from now on.",
        )
        .into_response()),
        Err(problem) => form_page(&state, &account, form, Fault::of(problem)?).await,
    }
}

async fn try_add(
    state: &AdminState,
    account: &Account,
    form: &ExceptionForm,
) -> Result<Exception, Problem> {
    let device = filled(&form.device).ok_or_else(|| {
        Failure::invalid("device", "say for which device: MAC address, name or id")
    })?;
    let device = state.store.device_find(device).await?.ok_or_else(|| {
        Failure::invalid(
            "device",
            format!("{device} is no device that is known here"),
        )
    })?;
    if state.gate.checks().find(&form.check).is_none() {
        return Err(Failure::invalid("check", "choose the check that may fail").into());
    }
    let reason = reason(&form.reason)?;
    let expires_us = until(&form.days)?;
    let new = NewException {
        device_id: Some(device.id),
        check: Some(form.check.clone()),
        covers_unknown: form.unknown,
        reason: reason.to_owned(),
        requested_by: account.operator(),
        expires_us,
        ..NewException::default()
    };
    Ok(account
        .store(state)
        .exception_add(new, &account.operator())
        .await?)
}

fn reason(text: &str) -> Result<&str, Failure> {
    filled(text).ok_or_else(|| Failure::invalid("reason", "say why: everybody who looks reads it"))
}

/// The end after so many days.
fn until(days: &str) -> Result<i64, Failure> {
    Ok(now_us() + number("days", days, 1, DAYS_MAX)? * DAY_US)
}

/// What the buttons of an exception send.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AnswerForm {
    days: String,
    reason: String,
}

async fn approve(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let expires_us = match filled(&form.days) {
        Some(days) => Some(until(days)?),
        None => None,
    };
    let approved = account
        .store(&state)
        .exception_approve(id, &account.operator(), expires_us)
        .await?;
    Ok(done(
        &approved,
        "Approved: the exception counts from now on.",
    ))
}

async fn deny(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let denied = account
        .store(&state)
        .exception_deny(id, &account.operator(), reason(&form.reason)?)
        .await?;
    Ok(done(&denied, "Denied: the person reads why."))
}

async fn renew(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let expires_us = until(&form.days)?;
    let renewed = account
        .store(&state)
        .exception_renew(id, &account.operator(), expires_us, reason(&form.reason)?)
        .await?;
    Ok(done(&renewed, "The exception has a new end."))
}

async fn revoke(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<AnswerForm>,
) -> Result<Done, Problem> {
    let revoked = account
        .store(&state)
        .exception_revoke(id, &account.operator(), form.reason.trim())
        .await?;
    Ok(done(&revoked, "The exception counts no longer."))
}

fn done(exception: &Exception, sentence: &str) -> Done {
    Done::at(format!("/exceptions/{}", exception.id), sentence)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use nac_store::{DeviceRecord, Role};

    use crate::admin::tests::site;

    #[tokio::test]
    async fn an_exception_needs_a_reason_and_an_end_and_what_was_typed_stays() {
        let site = site().await;
        let cookie = site.signed_in(Role::HelpDesk).await;
        let laptop = DeviceRecord::new("laptop-7", "test");
        site.store.device_put(laptop).await.unwrap();
        let check = nac_posture::CheckSet::embedded()
            .iter()
            .next()
            .unwrap()
            .name
            .clone();
        let base = format!("device=laptop-7&check={check}");
        for (rest, said) in [
            ("&days=7", "say why"),
            ("&reason=repair", "whole number from 1"),
            ("&reason=repair&days=0", "whole number from 1"),
            ("&reason=repair&days=4000", "whole number from 1"),
        ] {
            let form = format!("{base}{rest}");
            let (status, _, page) = site.post("/exceptions/new", &cookie, &form).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{rest}");
            assert!(page.contains(said) && page.contains("laptop-7"), "{rest}");
        }
        let form = format!("{base}&reason=repair&days=7");
        let (status, _, _) = site.post("/exceptions/new", &cookie, &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let active = site.store.exception_list_active().await.unwrap();
        assert_eq!(active.len(), 1);
        assert!(
            active[0]
                .approved_by
                .as_ref()
                .unwrap()
                .starts_with("admin:")
        );

        let path = format!("/exceptions/{}", active[0].id);
        let (_, _, page) = site.get(&path, &cookie).await;
        assert!(page.contains("laptop-7") && page.contains("repair"));
        let (status, _, _) = site.post(&format!("{path}/revoke"), &cookie, "").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(site.store.exception_list_active().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_viewer_sees_exceptions_and_grants_none() {
        let site = site().await;
        let viewer = site.signed_in(Role::Viewer).await;
        let (status, _, page) = site.get("/exceptions", &viewer).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!page.contains("/exceptions/new"));
        let (status, _, _) = site.post("/exceptions/new", &viewer, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}
