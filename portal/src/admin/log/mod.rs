//! The authentication log: every answer, newest first, found by filters that stand in the URL; live where somebody watches.

mod decision;
mod live;

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::get;
use nac_store::{DecisionFilter, DecisionOutcome, DecisionRecord, mac_normalise, user_key};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{moment, some, word};
use super::listing::{self, Format, Query};
use super::{Account, AdminState, Chrome, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::explain;
use crate::web::Failure;

/// `/log` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/log", Permission::Read, get(page)),
        Route::page("/log/live", Permission::Read, get(live::stream)),
        Route::page("/log/{id}", Permission::Read, get(decision::page)),
    ]
}

/// The filters in the URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    mac: Option<String>,
    user: Option<String>,
    outcome: Option<String>,
    client: Option<String>,
    since: Option<String>,
    before: Option<Uuid>,
    format: Format,
}

impl Filters {
    fn read(&self) -> Result<DecisionFilter, Failure> {
        let mut filter = DecisionFilter {
            mac: some(&self.mac),
            user: some(&self.user),
            outcome: word("outcome", &self.outcome)?,
            client: some(&self.client),
            since_us: moment("since", &self.since)?,
            before_id: self.before,
            limit: self.format.limit(),
        };
        match some(&self.q).map(|q| (mac_normalise(&q), q)) {
            Some((Some(mac), _)) => filter.mac = Some(mac),
            Some((None, q)) => filter.user = Some(q),
            None => {}
        }
        Ok(filter)
    }

    fn query(&self, path: &'static str) -> Query {
        Query::new(path)
            .with("q", some(&self.q))
            .with("mac", some(&self.mac))
            .with("user", some(&self.user))
            .with("outcome", some(&self.outcome))
            .with("client", some(&self.client))
            .with("since", some(&self.since))
    }
}

/// Whether a decision is one that the filter wants, for those that have just been made.
fn wanted(filter: &DecisionFilter, decision: &DecisionRecord) -> bool {
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    let mac = filter
        .mac
        .as_deref()
        .map(|mac| mac_normalise(mac).unwrap_or_else(|| mac.to_lowercase()));
    let user = filter.user.as_deref().map(user_key);
    is(&mac, decision.mac.as_deref())
        && is(&filter.client, Some(&decision.client))
        && filter
            .outcome
            .is_none_or(|outcome| outcome == decision.outcome)
        && user.is_none_or(|user| {
            user_key(&decision.user_name) == user || user_key(&decision.identity) == user
        })
}

/// One decision in the list.
struct Row {
    id: Uuid,
    at: Moment,
    outcome: DecisionOutcome,
    who: String,
    device: Option<(Uuid, String)>,
    mac: Option<String>,
    client: String,
    method: String,
    segment: Option<String>,
    reason: String,
    reason_code: String,
    took: String,
}

impl From<&DecisionRecord> for Row {
    fn from(decision: &DecisionRecord) -> Self {
        let name = decision
            .facts
            .as_ref()
            .map_or_else(String::new, |facts| facts.device.name.clone());
        Self {
            id: decision.id,
            at: Moment(decision.at_us),
            outcome: decision.outcome,
            who: explain::who(decision).to_owned(),
            device: explain::device_id(decision).map(|id| (id, name)),
            mac: decision.mac.clone(),
            client: decision.client.clone(),
            method: decision.method.clone(),
            segment: decision.segment.clone(),
            reason: decision.reason.clone(),
            reason_code: decision.reason_code.clone(),
            took: explain::duration(decision.timings.total_us),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/log/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    rows: Vec<Row>,
    next: Option<String>,
    first: bool,
    live: String,
    csv: String,
    json: String,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let mut decisions = state.store.decision_list(&filters.read()?).await?;
    let query = filters.query("/log");
    match filters.format {
        Format::Json => return Ok(listing::json("log", &decisions)?),
        Format::Csv => return Ok(csv(&decisions)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut decisions)
        .then(|| decisions.last().map(|last| query.link("before", last.id)))
        .flatten();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Authentication log", Place::Log).await,
        filtered: query.is_filtered(),
        next,
        first: filters.before.is_none(),
        live: filters.query("/log/live").url(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        filters,
        rows: decisions.iter().map(Row::from).collect(),
    })
}

fn csv(decisions: &[DecisionRecord]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = decisions
        .iter()
        .map(|decision| {
            vec![
                decision.id.to_string(),
                decision.at_us.to_string(),
                decision.outcome.to_string(),
                explain::who(decision).to_owned(),
                decision.user_name.clone(),
                decision.mac.clone().unwrap_or_default(),
                decision.client.clone(),
                decision.nas_address.clone(),
                decision.method.clone(),
                decision.segment.clone().unwrap_or_default(),
                decision.reason_code.clone(),
                decision.reason.clone(),
                decision.policy_version.to_string(),
                decision.timings.total_us.to_string(),
            ]
        })
        .collect();
    let header = [
        "id",
        "at_us",
        "outcome",
        "who",
        "user_name",
        "mac",
        "client",
        "nas_address",
        "method",
        "segment",
        "reason_code",
        "reason",
        "policy_version",
        "total_us",
    ];
    listing::csv("log", &header, &rows)
}
