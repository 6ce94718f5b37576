//! The policy: what counts, checking and applying a new text, the versions before.

mod diff;
mod planned;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use nac_policy::{Engine, PolicyFault, PolicySummary};
use nac_store::PolicyVersion;
use serde::Deserialize;

use super::form::{Fault, filled};
use super::listing::{self, Format, Query};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::input;
use crate::web::Failure;
use diff::Line;
use planned::{Planned, planned};

/// The longest note, in bytes.
const NOTE_MAX: usize = 1_000;

/// `/policy` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::PolicyChange;
    vec![
        Route::page("/policy", Permission::Read, get(page)),
        Route::page("/policy/edit", change, get(edit)),
        Route::action("/policy/check", change, "policy_check", post(check)),
        Route::action("/policy/plan", change, "policy_plan", post(try_it)),
        Route::action("/policy/apply", change, "policy_apply", post(apply)),
        Route::page("/policy/history", Permission::Read, get(history)),
        Route::page("/policy/versions/{version}", Permission::Read, get(version)),
        Route::action(
            "/policy/versions/{version}/rollback",
            change,
            "policy_rollback",
            post(rollback),
        ),
    ]
}

/// What is said about a place in the text.
struct Remark {
    fault: PolicyFault,
    line: String,
}

/// A text as it was judged.
#[derive(Default)]
struct Judgement {
    faults: Vec<Remark>,
    warnings: Vec<Remark>,
    policies: Vec<PolicySummary>,
    lets_somebody_in: bool,
}

/// Judges a text as `nac policy check` does.
async fn judge(state: &AdminState, text: &str) -> Result<Judgement, Problem> {
    let remark = |fault: PolicyFault| Remark {
        line: text
            .lines()
            .nth(fault.line.saturating_sub(1))
            .unwrap_or_default()
            .to_owned(),
        fault,
    };
    let segments = input::segment::names(&state.store).await?;
    let engine = match Engine::load(text, &segments) {
        Ok(engine) => engine,
        Err(errors) => {
            return Ok(Judgement {
                faults: errors.0.into_iter().map(remark).collect(),
                ..Judgement::default()
            });
        }
    };
    let checks: Vec<String> = state
        .gate
        .checks()
        .iter()
        .map(|check| check.name.clone())
        .collect();
    let warnings = input::policy::warnings(&engine, Some(&checks), Some(&state.store)).await?;
    Ok(Judgement {
        faults: Vec::new(),
        warnings: warnings.into_iter().map(remark).collect(),
        policies: input::policy::by_precedence(&engine),
        lets_somebody_in: input::policy::lets_somebody_in(&engine),
    })
}

/// A version as it is listed.
struct Row {
    version: PolicyVersion,
    applied: Moment,
}

impl Row {
    fn of(version: PolicyVersion) -> Self {
        Self {
            applied: Moment(version.applied_us),
            version,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/policy/page.html")]
struct PolicyPage {
    chrome: Chrome,
    current: Option<Row>,
    judgement: Judgement,
    may_change: bool,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let current = state.store.policy_current().await?;
    let judgement = match &current {
        Some(current) => judge(&state, &current.text).await?,
        None => Judgement::default(),
    };
    render(&PolicyPage {
        chrome: Chrome::new(&state, &account, "Policy", Place::Policy).await,
        current: current.map(Row::of),
        judgement,
        may_change: account.may(Permission::PolicyChange),
    })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyForm {
    text: String,
    #[serde(default)]
    note: String,
    /// The version that the text was made from.
    base: i64,
    /// Whether it is meant that nobody gets in.
    #[serde(default)]
    lockout: bool,
}

impl PolicyForm {
    /// Browsers send lines with two characters at their ends.
    fn normal(mut self) -> Self {
        self.text = self.text.replace("\r\n", "\n");
        self
    }
}

#[derive(Template)]
#[template(path = "admin/policy/form.html")]
struct FormPage {
    chrome: Chrome,
    form: PolicyForm,
    fault: Fault,
    /// `None` while the text has not been checked.
    judgement: Option<Judgement>,
    changes: Vec<Line>,
    /// Who would get another answer, when that was asked.
    plan: Option<Planned>,
    rows: usize,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: PolicyForm,
    judgement: Option<Judgement>,
    plan: Option<Planned>,
    fault: Fault,
) -> Result<Response, Problem> {
    let current = state.store.policy_current().await?;
    let changes = match (&judgement, &current) {
        (Some(_), Some(current)) => diff::lines(&current.text, &form.text),
        _ => Vec::new(),
    };
    let page = FormPage {
        chrome: Chrome::new(state, account, "Edit the policy", Place::Policy).await,
        rows: form.text.lines().count().clamp(12, 40) + 2,
        form,
        fault,
        judgement,
        changes,
        plan,
    };
    Ok(page.fault.on(render(&page)?))
}

async fn edit(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let current = state.store.policy_current().await?;
    let form = PolicyForm {
        base: current.as_ref().map_or(0, |current| current.version),
        text: current.map(|current| current.text).unwrap_or_default(),
        note: String::new(),
        lockout: false,
    };
    form_page(&state, &account, form, None, None, Fault::default()).await
}

async fn check(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<PolicyForm>,
) -> Result<Response, Problem> {
    let form = form.normal();
    let judgement = judge(&state, &form.text).await?;
    form_page(
        &state,
        &account,
        form,
        Some(judgement),
        None,
        Fault::default(),
    )
    .await
}

/// Checks the text, and tries it on the last day where it has no fault.
async fn try_it(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<PolicyForm>,
) -> Result<Response, Problem> {
    let form = form.normal();
    let judgement = judge(&state, &form.text).await?;
    let (plan, fault) = match planned(&state, &form.text).await {
        Ok(plan) => (plan, Fault::default()),
        Err(failure) => (None, Fault::of(failure.into())?),
    };
    form_page(&state, &account, form, Some(judgement), plan, fault).await
}

async fn apply(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<PolicyForm>,
) -> Result<Response, Problem> {
    let form = form.normal();
    let judgement = judge(&state, &form.text).await?;
    match try_apply(&state, &account, &form, &judgement).await {
        Ok(applied) => Ok(Done::at("/policy", decides(&applied)).into_response()),
        Err(problem) => {
            let fault = Fault::of(problem)?;
            form_page(&state, &account, form, Some(judgement), None, fault).await
        }
    }
}

fn decides(applied: &PolicyVersion) -> String {
    format!(
        "Version {} decides from now on; sessions that it changes are moved.",
        applied.version
    )
}

async fn try_apply(
    state: &AdminState,
    account: &Account,
    form: &PolicyForm,
    judgement: &Judgement,
) -> Result<PolicyVersion, Problem> {
    if !judgement.faults.is_empty() {
        return Err(Failure::invalid(
            "text",
            "Nothing was applied: the policy has faults, which stand below.",
        )
        .into());
    }
    let note = filled(&form.note).ok_or_else(|| {
        Failure::invalid("note", "say why in the note: the history shows it for ever")
    })?;
    if note.len() > NOTE_MAX {
        return Err(Failure::invalid("note", "the note is too long").into());
    }
    if !judgement.lets_somebody_in && !form.lockout {
        return Err(Failure::invalid(
            "lockout",
            "this policy permits nothing, so everybody would be locked out at once: add a permit that names a segment, or say below that you mean it",
        )
        .into());
    }
    let current = state.store.policy_current().await?;
    if let Some(current) = &current {
        if current.text == form.text {
            return Err(Failure::invalid(
                "text",
                format!("version {} holds this text already", current.version),
            )
            .into());
        }
        if current.version != form.base {
            return Err(Failure::Conflict(format!(
                "{} has applied version {} meanwhile: compare below, take over what you want to keep, and check again",
                current.applied_by, current.version
            ))
            .into());
        }
    }
    account.confirmed("/policy/edit")?;
    let store = account.store(state);
    Ok(store
        .policy_apply(&form.text, note, &account.operator())
        .await?)
}

/// What the URL says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    format: Format,
}

#[derive(Template)]
#[template(path = "admin/policy/history.html")]
struct HistoryPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    rows: Vec<Row>,
    csv: String,
    json: String,
}

async fn history(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let mut versions = state.store.policy_history().await?;
    if let Some(text) = filters.q.as_deref().and_then(filled) {
        let text = text.to_lowercase();
        let fits = |hay: &str| hay.to_lowercase().contains(&text);
        versions.retain(|version| fits(&version.note) || fits(&version.applied_by));
    }
    let query = Query::new("/policy/history").with("q", filters.q.as_deref().and_then(filled));
    match filters.format {
        Format::Json => return Ok(listing::json("policy-history", &versions)?),
        Format::Csv => return Ok(csv(&versions)?),
        Format::Html => {}
    }
    render(&HistoryPage {
        chrome: Chrome::new(&state, &account, "Policy history", Place::Policy).await,
        filtered: query.is_filtered(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        filters,
        rows: versions.into_iter().map(Row::of).collect(),
    })
}

fn csv(versions: &[PolicyVersion]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            vec![
                version.version.to_string(),
                version.applied_us.to_string(),
                version.applied_by.clone(),
                version.note.clone(),
            ]
        })
        .collect();
    let header = ["version", "applied_us", "applied_by", "note"];
    listing::csv("policy-history", &header, &rows)
}

#[derive(Template)]
#[template(path = "admin/policy/version.html")]
struct VersionPage {
    chrome: Chrome,
    row: Row,
    previous: Option<i64>,
    next: Option<i64>,
    changes: Vec<Line>,
    current: bool,
    may_change: bool,
}

async fn version(
    State(state): State<AdminState>,
    account: Account,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let version = fetch(&state, &number).await?;
    let newest = state
        .store
        .policy_current()
        .await?
        .map_or(0, |current| current.version);
    let previous = match version.version {
        ..=1 => None,
        later => Some(state.store.policy_fetch(later - 1).await?),
    };
    let title = format!("Policy, version {}", version.version);
    render(&VersionPage {
        chrome: Chrome::new(&state, &account, title, Place::Policy).await,
        changes: previous
            .as_ref()
            .map(|previous| diff::lines(&previous.text, &version.text))
            .unwrap_or_default(),
        previous: previous.map(|previous| previous.version),
        next: (version.version < newest).then_some(version.version + 1),
        current: version.version == newest,
        row: Row::of(version),
        may_change: account.may(Permission::PolicyChange),
    })
}

async fn fetch(state: &AdminState, number: &str) -> Result<PolicyVersion, Problem> {
    let missing = || Failure::NotFound(format!("there is no policy version {number}"));
    let number = number.parse().map_err(|_| missing())?;
    Ok(state.store.policy_fetch(number).await?)
}

/// What the button sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RollbackForm {
    note: String,
    lockout: bool,
}

async fn rollback(
    State(state): State<AdminState>,
    account: Account,
    Path(number): Path<String>,
    Form(form): Form<RollbackForm>,
) -> Result<Done, Problem> {
    let old = fetch(&state, &number).await?;
    account.confirmed(&format!("/policy/versions/{}", old.version))?;
    let current = state.store.policy_current().await?;
    if let Some(current) = current.filter(|current| current.text == old.text) {
        return Err(Failure::Conflict(format!(
            "version {} holds the text of version {} already",
            current.version, old.version
        ))
        .into());
    }
    let judgement = judge(&state, &old.text).await?;
    if let Some(first) = judgement.faults.first() {
        return Err(Failure::Conflict(format!(
            "version {} does not load any more: {}",
            old.version, first.fault
        ))
        .into());
    }
    if !judgement.lets_somebody_in && !form.lockout {
        return Err(Failure::Conflict(format!(
            "version {} permits nothing, so everybody would be locked out at once: edit the policy and say there that you mean it",
            old.version
        ))
        .into());
    }
    let note = match filled(&form.note) {
        Some(note) => note.to_owned(),
        None => format!("rolled back to version {}", old.version),
    };
    let store = account.store(&state);
    let applied = store
        .policy_apply(&old.text, &note, &account.operator())
        .await?;
    Ok(Done::at("/policy", decides(&applied)))
}

#[cfg(test)]
mod tests;
