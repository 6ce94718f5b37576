//! Live sessions: where everybody is, and what can be told to a session; what came of that stands beside it.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{
    EnforcementFilter, NewQuarantine, Session, SessionAction, SessionFilter, Store, StoreError,
    now_us,
};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{future, some, word};
use super::job::Job;
use super::listing::{self, Column, Format, Head, Query};
use super::moment::span;
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::explain;
use crate::web::Failure;

/// A session that was not heard of for this long is probably gone: three interim updates of ten minutes, in microseconds.
const STALE_US: i64 = 30 * 60 * 1_000_000;

/// `/sessions` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::SessionChange;
    vec![
        Route::page("/sessions", Permission::Read, get(page)),
        Route::page("/sessions/{id}", Permission::Read, get(detail)),
        Route::action(
            "/sessions/{id}/reauthenticate",
            change,
            "session_reauthenticate",
            post(reauthenticate),
        ),
        Route::action(
            "/sessions/{id}/disconnect",
            change,
            "session_disconnect",
            post(disconnect),
        ),
        Route::action(
            "/sessions/{id}/bounce",
            change,
            "session_bounce",
            post(bounce),
        ),
        Route::action(
            "/sessions/{id}/quarantine",
            Permission::QuarantineChange,
            "quarantine_open",
            post(quarantine),
        ),
    ]
}

/// The filters in the URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    segment: Option<String>,
    client: Option<String>,
    method: Option<String>,
    user: Option<String>,
    state: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    after: Option<Uuid>,
    format: Format,
}

impl Filters {
    async fn read(&self, store: &Store) -> Result<SessionFilter, Failure> {
        Ok(SessionFilter {
            open_only: self.state.as_deref() != Some("all"),
            search: some(&self.q),
            segment: some(&self.segment),
            client: some(&self.client),
            method: some(&self.method),
            user: some(&self.user),
            sort: word("sort", &self.sort)?.unwrap_or_default(),
            reverse: listing::is_reversed(&self.order),
            after: match self.after {
                Some(id) => Some(store.session_fetch(id).await?),
                None => None,
            },
            limit: self.format.limit(),
            ..SessionFilter::default()
        })
    }

    fn query(&self) -> Query {
        Query::new("/sessions")
            .with("q", some(&self.q))
            .with("segment", some(&self.segment))
            .with("client", some(&self.client))
            .with("method", some(&self.method))
            .with("user", some(&self.user))
            .with("state", some(&self.state))
            .with("sort", some(&self.sort))
            .with("order", some(&self.order))
    }
}

/// The columns, in the words of [`nac_store::SessionSort`].
const HEADS: [Head; 8] = [
    Head::sorts("Who", "identity"),
    Head::sorts("MAC", "mac"),
    Head::sorts("Address", "address"),
    Head::sorts("Client", "client"),
    Head::sorts("Segment", "segment"),
    Head::sorts("Method", "method"),
    Head::sorts("Since", "started").descending(),
    Head::plain("State"),
];

struct Row {
    session: Session,
    started: Moment,
    lasts: String,
    stale: bool,
    port: String,
    job: Option<Job>,
}

#[derive(Template)]
#[template(path = "admin/session/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    columns: Vec<Column>,
    segments: Vec<(String, i64)>,
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
    let filter = filters.read(&state.store).await?;
    let mut sessions = state.store.session_list(&filter).await?;
    let query = filters.query();
    match filters.format {
        Format::Json => return Ok(listing::json("sessions", &sessions)?),
        Format::Csv => return Ok(csv(&sessions)?),
        Format::Html => {}
    }
    let next = listing::cut(&mut sessions)
        .then(|| sessions.last().map(|last| query.link("after", last.id)))
        .flatten();
    let mut jobs = Vec::with_capacity(sessions.len());
    for session in &sessions {
        jobs.push(newest_job(&state.store, session.id).await?);
    }
    let now = now_us();
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Sessions", Place::Sessions).await,
        filtered: query.is_filtered(),
        columns: listing::columns(&query, &HEADS, filter.sort.as_str(), filter.reverse),
        segments: state
            .store
            .session_count_by_segment()
            .await?
            .into_iter()
            .map(|count| (count.segment, count.sessions))
            .collect(),
        next,
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        filters,
        may_change: account.may(Permission::SessionChange),
        rows: sessions
            .into_iter()
            .zip(jobs)
            .map(|(session, job)| Row {
                started: Moment(session.started_us),
                lasts: span(session.stopped_us.unwrap_or(now) - session.started_us),
                stale: is_stale(&session, now),
                port: port(&session),
                job,
                session,
            })
            .collect(),
    })
}

/// The newest enforcement of a session.
async fn newest_job(store: &Store, session: Uuid) -> Result<Option<Job>, StoreError> {
    let newest = store
        .enforcement_list(&EnforcementFilter {
            session_id: Some(session),
            limit: 1,
            ..EnforcementFilter::default()
        })
        .await?
        .pop();
    Ok(newest.map(Job::from))
}

fn is_stale(session: &Session, now: i64) -> bool {
    session.stopped_us.is_none() && session.updated_us < now - STALE_US
}

/// Where it is, as the NAS names the place.
fn port(session: &Session) -> String {
    let named = |name: &str| {
        session
            .attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    named("NAS-Port-Id")
        .or_else(|| named("NAS-Port"))
        .unwrap_or_default()
}

fn csv(sessions: &[Session]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = sessions
        .iter()
        .map(|session| {
            vec![
                session.id.to_string(),
                session.identity.clone(),
                session.user_name.clone(),
                session.mac.clone().unwrap_or_default(),
                session.framed_ip.clone().unwrap_or_default(),
                session.client.clone(),
                port(session),
                session.segment.clone(),
                session.method.clone(),
                session.started_us.to_string(),
                session.updated_us.to_string(),
                session
                    .stopped_us
                    .map(|us| us.to_string())
                    .unwrap_or_default(),
            ]
        })
        .collect();
    let header = [
        "id",
        "identity",
        "user_name",
        "mac",
        "address",
        "client",
        "port",
        "segment",
        "method",
        "started_us",
        "updated_us",
        "stopped_us",
    ];
    listing::csv("sessions", &header, &rows)
}

#[derive(Template)]
#[template(path = "admin/session/detail.html")]
struct DetailPage {
    chrome: Chrome,
    session: Session,
    started: Moment,
    heard: Moment,
    stopped: Option<Moment>,
    stale: bool,
    port: String,
    device: Option<(Uuid, String)>,
    jobs: Vec<Job>,
    busy: bool,
    may_change: bool,
    may_quarantine: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let session = state.store.session_fetch(id).await?;
    let device = match session.device_id {
        Some(id) => state.store.device_fetch(id).await.ok(),
        None => None,
    };
    let jobs: Vec<Job> = state
        .store
        .enforcement_list(&EnforcementFilter {
            session_id: Some(id),
            limit: listing::PAGE,
            ..EnforcementFilter::default()
        })
        .await?
        .into_iter()
        .map(Job::from)
        .collect();
    let open = session.stopped_us.is_none();
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, "Session", Place::Sessions).await,
        started: Moment(session.started_us),
        heard: Moment(session.updated_us),
        stopped: session.stopped_us.map(Moment),
        stale: is_stale(&session, now_us()),
        port: port(&session),
        device: device.map(|device| (device.id, device.name)),
        busy: jobs.iter().any(|job| job.open),
        jobs,
        may_change: open && account.may(Permission::SessionChange),
        may_quarantine: open && account.may(Permission::QuarantineChange),
        session,
    })
}

async fn reauthenticate(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    command(&state, &account, id, SessionAction::Reauthenticate).await
}

async fn disconnect(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    command(&state, &account, id, SessionAction::Disconnect).await
}

async fn bounce(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    command(&state, &account, id, SessionAction::Bounce).await
}

async fn command(
    state: &AdminState,
    account: &Account,
    id: Uuid,
    action: SessionAction,
) -> Result<Done, Problem> {
    let command = account
        .store(state)
        .session_command(id, action, &account.operator())
        .await?;
    Ok(Done::at(
        format!("/sessions/{id}"),
        format!(
            "Asked: {}. Below stands what the NAS answers, and the proof once it is seen.",
            explain::purpose(&command)
        ),
    ))
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuarantineForm {
    reason: String,
    #[serde(default)]
    until: Option<String>,
}

async fn quarantine(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    Form(form): Form<QuarantineForm>,
) -> Result<Done, Problem> {
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Err(
            Failure::invalid("reason", "say why: the person reads it in the portal").into(),
        );
    }
    let session = state.store.session_fetch(id).await?;
    let opened = account
        .store(&state)
        .quarantine_open(NewQuarantine {
            device_id: session.device_id,
            mac: session.mac,
            reason: reason.to_owned(),
            opened_by: account.operator(),
            expires_us: future("until", &form.until)?,
            ..NewQuarantine::default()
        })
        .await?;
    Ok(Done::at(
        format!("/sessions/{id}"),
        "It is in quarantine. Below stands how the session is moved.",
    )
    .undo(format!("/quarantine/{}/release", opened.id)))
}
