//! What people say is wrong with a check, until somebody dealt with it.

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use nac_store::CheckReport;
use serde::Deserialize;
use uuid::Uuid;

use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, render};
use crate::access::Permission;

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filters {
    state: Option<String>,
}

struct Row {
    report: CheckReport,
    /// The host or the device, and its page.
    subject: String,
    link: String,
    at: Moment,
    closed: Option<Moment>,
}

#[derive(Template)]
#[template(path = "admin/posture/reports.html")]
struct ReportsPage {
    chrome: Chrome,
    all: bool,
    rows: Vec<Row>,
    may_close: bool,
}

pub(super) async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let all = filters.state.as_deref() == Some("all");
    let reports = state.store.check_report_list(!all).await?;
    let mut rows = Vec::with_capacity(reports.len());
    for report in reports {
        let (subject, link) = subject(&state, &report).await;
        rows.push(Row {
            subject,
            link,
            at: Moment(report.at_us),
            closed: report.closed_us.map(Moment),
            report,
        });
    }
    render(&ReportsPage {
        chrome: Chrome::new(&state, &account, "Reports", Place::Posture).await,
        all,
        rows,
        may_close: account.may(Permission::QuarantineChange),
    })
}

/// Whom a report is about, and the page that shows it.
async fn subject(state: &AdminState, report: &CheckReport) -> (String, String) {
    if let Some(id) = report.device_id
        && let Ok(device) = state.store.device_fetch(id).await
    {
        return (device.name, format!("/devices/{id}"));
    }
    match report.node_id {
        Some(id) => {
            let name = state
                .gate
                .node_posture(id)
                .map_or_else(|| id.to_string(), |posture| posture.node.hostname);
            (name, format!("/posture/hosts/{id}"))
        }
        None => (String::new(), String::new()),
    }
}

pub(super) async fn close(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .check_report_close(id, &account.operator())
        .await?;
    Ok(Done::at("/posture/reports", "Dealt with."))
}
