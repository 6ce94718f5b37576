//! Vouchers: batches of codes on paper. Codes are keys: they are on the print sheet and in the CSV, for who may make them.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_store::{
    NewVoucherBatch, Voucher, VoucherBatch, VoucherBatchFilter, VoucherFilter, now_us,
};
use serde::Deserialize;
use uuid::Uuid;

use super::form::{Fault, filled, number, seconds, written};
use super::listing::{self, Format, Query};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::voucher::{self, Paper, SheetSettings};
use crate::web::Failure;

/// The most codes of one batch.
const BATCH_MAX: u32 = 10_000;

/// `/vouchers` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::GuestChange;
    let action = |path, operation, handler| Route::action(path, change, operation, handler);
    vec![
        Route::page("/vouchers", Permission::GuestRead, get(page)),
        Route::page("/vouchers/new", change, get(new)),
        action("/vouchers/new", "voucher_create", post(create)),
        Route::page("/vouchers/{id}", Permission::GuestRead, get(detail)),
        Route::page("/vouchers/{id}/sheet", change, get(sheet)),
        Route::page("/vouchers/{id}/codes.csv", change, get(codes)),
        action(
            "/vouchers/{id}/revoke",
            "voucher_batch_revoke",
            post(revoke),
        ),
        action(
            "/vouchers/{id}/codes/{code}/revoke",
            "voucher_revoke",
            post(revoke_code),
        ),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    before: Option<String>,
    format: Format,
}

struct Row {
    stay: String,
    made: Moment,
    expires: Option<Moment>,
    revoked: Option<Moment>,
    starts: Option<Moment>,
    batch: VoucherBatch,
}

impl Row {
    fn of(batch: VoucherBatch) -> Self {
        Self {
            stay: written(batch.duration_s),
            made: Moment(batch.created_us),
            expires: batch.expires_us.map(Moment),
            revoked: batch.revoked_us.map(Moment),
            starts: batch.starts_us.map(Moment),
            batch,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/vouchers/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
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
    let text = filters.q.as_deref().and_then(filled).map(str::to_owned);
    let mut batches = state
        .store
        .voucher_batch_list(&VoucherBatchFilter {
            search: text.clone(),
            before: filters.before.as_deref().and_then(|id| id.parse().ok()),
            limit: filters.format.limit(),
        })
        .await?;
    let query = Query::new("/vouchers").with("q", text);
    match filters.format {
        Format::Json => return Ok(listing::json("vouchers", &batches)?),
        Format::Csv => return Ok(csv(&batches)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut batches)
        .then(|| batches.last().map(|last| query.link("before", last.id)))
        .flatten();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Vouchers", Place::Vouchers).await,
        filtered: query.is_filtered(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        next,
        filters,
        rows: batches.into_iter().map(Row::of).collect(),
        may_change: account.may(Permission::GuestChange),
    })
}

fn csv(batches: &[VoucherBatch]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = batches
        .iter()
        .map(|batch| {
            let moment = |us: Option<i64>| us.map(|us| us.to_string()).unwrap_or_default();
            vec![
                batch.id.to_string(),
                batch.note.clone(),
                batch.site.clone(),
                batch.size.to_string(),
                batch.unused.to_string(),
                batch.active.to_string(),
                batch.duration_s.to_string(),
                batch.created_by.clone(),
                batch.created_us.to_string(),
                moment(batch.expires_us),
                moment(batch.revoked_us),
            ]
        })
        .collect();
    let header = [
        "id",
        "note",
        "site",
        "codes",
        "unused",
        "active",
        "duration_s",
        "created_by",
        "created_us",
        "expires_us",
        "revoked_us",
    ];
    listing::csv("voucher-batches", &header, &rows)
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BatchForm {
    count: String,
    stay: String,
    devices: String,
    note: String,
    site: String,
    expires: String,
}

impl Default for BatchForm {
    fn default() -> Self {
        Self {
            count: "10".to_owned(),
            stay: "1d".to_owned(),
            devices: "1".to_owned(),
            note: String::new(),
            site: String::new(),
            expires: "90d".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/vouchers/form.html")]
struct FormPage {
    chrome: Chrome,
    form: BatchForm,
    fault: Fault,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: BatchForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let page = FormPage {
        chrome: Chrome::new(state, account, "New vouchers", Place::Vouchers).await,
        form,
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

async fn new(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    form_page(&state, &account, BatchForm::default(), Fault::default()).await
}

async fn create(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<BatchForm>,
) -> Result<Response, Problem> {
    match try_create(&state, &account, &form).await {
        Ok(batch) => Ok(Done::at(
            format!("/vouchers/{}", batch.id),
            format!("{} codes are made: print them.", batch.size),
        )
        .into_response()),
        Err(problem) => form_page(&state, &account, form, Fault::of(problem)?).await,
    }
}

async fn try_create(
    state: &AdminState,
    account: &Account,
    form: &BatchForm,
) -> Result<VoucherBatch, Problem> {
    let small = |number: i64| u32::try_from(number).unwrap_or(1);
    let expires_us = match filled(&form.expires) {
        Some(text) => Some(now_us() + i64::from(seconds("expires", text)?) * 1_000_000),
        None => None,
    };
    let (batch, _) = account
        .store(state)
        .voucher_batch_add(NewVoucherBatch {
            note: form.note.trim().to_owned(),
            site: form.site.trim().to_owned(),
            size: small(number("count", &form.count, 1, i64::from(BATCH_MAX))?),
            duration_s: seconds("stay", &form.stay)?,
            devices: small(number("devices", &form.devices, 1, 100)?),
            expires_us,
            created_by: account.operator(),
            ..NewVoucherBatch::default()
        })
        .await?;
    Ok(batch)
}

/// A code as it is listed: by its number in the batch, without itself.
struct CodeRow {
    number: usize,
    used: Option<Moment>,
    ends: Option<Moment>,
    usable: bool,
    voucher: Voucher,
}

/// What the URL of a batch says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Position {
    after: Option<Uuid>,
    number: usize,
}

#[derive(Template)]
#[template(path = "admin/vouchers/detail.html")]
struct DetailPage {
    chrome: Chrome,
    row: Row,
    codes: Vec<CodeRow>,
    next: Option<String>,
    may_change: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    UrlQuery(position): UrlQuery<Position>,
) -> Result<Response, Problem> {
    let batch = state.store.voucher_batch_fetch(id).await?;
    let mut vouchers = state
        .store
        .voucher_list(&VoucherFilter {
            batch_id: Some(id),
            after: position.after,
            limit: Format::Html.limit(),
            ..VoucherFilter::default()
        })
        .await?;
    let more = listing::cut(&mut vouchers);
    let first = position.number.min(BATCH_MAX as usize);
    let next = match vouchers.last() {
        Some(last) if more => Some(format!(
            "/vouchers/{id}?after={}&number={}",
            last.id,
            first + vouchers.len()
        )),
        _ => None,
    };
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, title(&batch), Place::Vouchers).await,
        row: Row::of(batch),
        next,
        codes: vouchers
            .into_iter()
            .enumerate()
            .map(|(index, voucher)| CodeRow {
                number: first + index + 1,
                used: voucher.first_used_us.map(Moment),
                ends: voucher.ends_us.map(Moment),
                usable: ["unused", "active"].contains(&voucher.state.as_str()),
                voucher,
            })
            .collect(),
        may_change: account.may(Permission::GuestChange),
    })
}

fn title(batch: &VoucherBatch) -> String {
    if batch.note.is_empty() {
        "Vouchers without a note".to_owned()
    } else {
        batch.note.clone()
    }
}

/// What the URL of the sheet says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SheetQuery {
    paper: String,
    ssid: String,
}

async fn sheet(
    State(state): State<AdminState>,
    _: Account,
    Path(id): Path<Uuid>,
    UrlQuery(query): UrlQuery<SheetQuery>,
) -> Result<Response, Problem> {
    let (batch, vouchers) = all(&state, id).await?;
    let settings = SheetSettings {
        portal_url: &state.environment.portal_url,
        ssid: query.ssid.trim(),
        paper: match query.paper.as_str() {
            "letter" => Paper::Letter,
            "receipt" => Paper::Receipt,
            _ => Paper::A4,
        },
        alone: false,
    };
    let page = voucher::sheet(&batch, &vouchers, settings).map_err(|error| {
        tracing::error!(%error, "a print sheet cannot be made");
        Failure::Unavailable
    })?;
    Ok(Html(page).into_response())
}

async fn codes(
    State(state): State<AdminState>,
    _: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let (batch, vouchers) = all(&state, id).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"nac-vouchers.csv\"",
        ),
    ];
    Ok((headers, voucher::csv(&batch, &vouchers)).into_response())
}

async fn all(state: &AdminState, id: Uuid) -> Result<(VoucherBatch, Vec<Voucher>), Problem> {
    let batch = state.store.voucher_batch_fetch(id).await?;
    let filter = VoucherFilter {
        batch_id: Some(id),
        limit: BATCH_MAX,
        ..VoucherFilter::default()
    };
    Ok((batch, state.store.voucher_list(&filter).await?))
}

async fn revoke(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    let store = account.store(&state);
    store.voucher_batch_revoke(id, &account.operator()).await?;
    Ok(Done::at(
        format!("/vouchers/{id}"),
        "The batch is withdrawn: who is here with one of its codes has to leave.",
    ))
}

async fn revoke_code(
    State(state): State<AdminState>,
    account: Account,
    Path((id, code)): Path<(Uuid, Uuid)>,
) -> Result<Done, Problem> {
    let voucher = state.store.voucher_fetch(code).await?;
    if voucher.batch_id != id {
        return Err(Failure::NotFound("there is no such code in this batch".to_owned()).into());
    }
    let store = account.store(&state);
    store.voucher_revoke(code, &account.operator()).await?;
    Ok(Done::at(
        format!("/vouchers/{id}"),
        "The code is withdrawn.",
    ))
}
