//! The audit log: who changed what, from where; and whether the chain holds.

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{AuditFilter, AuditRecord};
use serde::Deserialize;

use super::listing::{self, Format, Query};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;

/// `/audit` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/audit", Permission::AuditRead, get(page)),
        Route::action(
            "/audit/verify",
            Permission::AuditRead,
            "audit_verify",
            post(verify),
        ),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    before: Option<i64>,
    format: Format,
}

struct Row {
    record: AuditRecord,
    at: Moment,
}

#[derive(Template)]
#[template(path = "admin/audit/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    rows: Vec<Row>,
    next: Option<String>,
    csv: String,
    json: String,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let mut records = state
        .store
        .audit_list(&AuditFilter {
            actor: some(&filters.actor),
            action: some(&filters.action),
            object: some(&filters.object),
            since_us: None,
            before_seq: filters.before,
            limit: filters.format.limit(),
        })
        .await?;
    let query = Query::new("/audit")
        .with("actor", some(&filters.actor))
        .with("action", some(&filters.action))
        .with("object", some(&filters.object));
    match filters.format {
        Format::Json => return Ok(listing::json("audit", &records)?),
        Format::Csv => return Ok(csv(&records)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut records)
        .then(|| records.last().map(|last| query.link("before", last.seq)))
        .flatten();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Audit log", Place::Audit).await,
        filtered: query.is_filtered(),
        next,
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        filters,
        rows: records
            .into_iter()
            .map(|record| Row {
                at: Moment(record.at_us),
                record,
            })
            .collect(),
    })
}

fn csv(records: &[AuditRecord]) -> Result<Response, crate::web::Failure> {
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| {
            vec![
                record.seq.to_string(),
                record.at_us.to_string(),
                record.actor_kind.to_string(),
                record.actor.clone(),
                record.source.clone(),
                record.action.clone(),
                record.object.clone(),
                record.before.clone().unwrap_or_default(),
                record.after.clone().unwrap_or_default(),
                record.seal.clone(),
            ]
        })
        .collect();
    let header = [
        "seq", "at_us", "kind", "actor", "source", "action", "object", "before", "after", "seal",
    ];
    listing::csv("audit", &header, &rows)
}

async fn verify(State(state): State<AdminState>, _: Account) -> Result<Done, Problem> {
    let found = state.store.audit_verify().await?;
    let sentence = match found.fault {
        None => format!(
            "The chain holds: {} records, none changed or missing. Its newest seal is {}.",
            found.rows, found.seal
        ),
        Some(fault) => format!(
            "THE CHAIN IS BROKEN at record {}: {}. The {} records before it hold.",
            fault.seq, fault.why, found.rows
        ),
    };
    Ok(Done::at("/audit", sentence))
}
