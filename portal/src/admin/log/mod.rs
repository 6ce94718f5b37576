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
    outcome: Option<String>,
    client: Option<String>,
    segment: Option<String>,
    method: Option<String>,
    reason: Option<String>,
    site: Option<String>,
    nas: Option<String>,
    mac: Option<String>,
    user: Option<String>,
    device: Option<Uuid>,
    session: Option<Uuid>,
    policy: Option<String>,
    slower: Option<String>,
    since: Option<String>,
    until: Option<String>,
    before: Option<Uuid>,
    format: Format,
}

impl Filters {
    fn read(&self) -> Result<DecisionFilter, Failure> {
        Ok(DecisionFilter {
            search: some(&self.q),
            mac: some(&self.mac),
            user: some(&self.user),
            outcome: word("outcome", &self.outcome)?,
            client: some(&self.client),
            site: some(&self.site),
            nas_address: some(&self.nas),
            segment: some(&self.segment),
            reason_code: some(&self.reason),
            method: some(&self.method),
            policy_version: word("policy", &self.policy)?,
            session_id: self.session,
            device_id: self.device,
            since_us: moment("since", &self.since)?,
            until_us: moment("until", &self.until)?,
            slower_than_us: word::<u64>("slower", &self.slower)?.map(|ms| ms.saturating_mul(1_000)),
            before_id: self.before,
            limit: self.format.limit(),
        })
    }

    fn query(&self, path: &'static str) -> Query {
        Query::new(path)
            .with("q", some(&self.q))
            .with("outcome", some(&self.outcome))
            .with("client", some(&self.client))
            .with("segment", some(&self.segment))
            .with("method", some(&self.method))
            .with("reason", some(&self.reason))
            .with("site", some(&self.site))
            .with("nas", some(&self.nas))
            .with("mac", some(&self.mac))
            .with("user", some(&self.user))
            .with("device", self.device)
            .with("session", self.session)
            .with("policy", some(&self.policy))
            .with("slower", some(&self.slower))
            .with("since", some(&self.since))
            .with("until", some(&self.until))
    }

    /// Whether one of those is set that are asked for rarely.
    fn is_detailed(&self) -> bool {
        let rare = [
            &self.site,
            &self.nas,
            &self.mac,
            &self.user,
            &self.policy,
            &self.slower,
            &self.until,
            &self.method,
        ];
        self.device.is_some()
            || self.session.is_some()
            || rare.into_iter().any(|text| some(text).is_some())
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
    let names = [user_key(&decision.user_name), user_key(&decision.identity)];
    let is_user = |name: &str| names.iter().any(|known| known == name);
    let is_found = |search: &str| {
        let begins = user_key(search);
        names.iter().any(|known| known.starts_with(&begins))
            || mac_normalise(search).is_some_and(|mac| decision.mac.as_ref() == Some(&mac))
    };
    let is_reason = |code: &str| match code.strip_suffix('-') {
        Some(_) => decision.reason_code.starts_with(code),
        None => decision.reason_code == code,
    };
    let site = decision.facts.as_ref().map(|facts| facts.nas.site.as_str());
    is(&mac, decision.mac.as_deref())
        && is(&filter.client, Some(&decision.client))
        && is(&filter.site, Some(site.unwrap_or_default()))
        && is(&filter.nas_address, Some(&decision.nas_address))
        && is(&filter.segment, decision.segment.as_deref())
        && is(&filter.method, Some(&decision.method))
        && filter
            .user
            .as_deref()
            .is_none_or(|user| is_user(&user_key(user)))
        && filter.search.as_deref().is_none_or(is_found)
        && filter.reason_code.as_deref().is_none_or(is_reason)
        && filter
            .outcome
            .is_none_or(|outcome| outcome == decision.outcome)
        && filter
            .policy_version
            .is_none_or(|version| version == decision.policy_version)
        && filter
            .session_id
            .is_none_or(|id| decision.session_id == Some(id))
        && filter
            .device_id
            .is_none_or(|id| explain::device_id(decision) == Some(id))
        && filter
            .slower_than_us
            .is_none_or(|us| decision.timings.total_us >= us)
        && filter.until_us.is_none_or(|until| decision.at_us < until)
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
    /// On the first page new answers appear by themselves.
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
