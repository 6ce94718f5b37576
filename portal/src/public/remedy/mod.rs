//! P15, the remediation page: what is wrong with this device, exactly how to put it right, and how to be let in again.
//!
//! The person is found by the live session behind the address, or signs in and chooses one of their own devices; see [`Seat`].
//! Nothing that stands in the URL opens anything by itself. What is shown is the posture gate's own knowledge of this moment;
//! what people ask for here goes to the store, and the server reacts to that.

mod mine;
mod seat;
mod situation;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use nac_store::{ExceptionState, NewCheckReport, NewException, RecheckOutcome, StoreError};
use serde::Deserialize;

use super::PublicState;
use super::failure::PublicFailure;
use super::forms::{Faults, Posted};
use super::layout::{Query, Shell};
use crate::web::Failure;
use seat::{MINE, Seat};
use situation::{Condition, Situation};

/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;
/// What the form calls a quarantine that somebody decided.
const QUARANTINE: &str = "quarantine";
/// The lengths of time that the form offers, in hours.
const LENGTHS_H: [u32; 6] = [4, 24, 3 * 24, 7 * 24, 14 * 24, 30 * 24];

/// `/remedy…`.
pub(super) fn routes() -> Router<PublicState> {
    let pages = Router::new()
        .route("/", get(page))
        .route("/status", get(status))
        .route("/check", post(check_again))
        .route("/exception", get(exception_form).post(exception))
        .route("/report", get(report_form).post(report));
    Router::new()
        .route(MINE, get(mine::list))
        .nest("/remedy/mine/{id}", pages.clone())
        .nest("/remedy", pages)
}

#[derive(Template)]
#[template(path = "public/remedy/page.html")]
struct Page {
    shell: Shell,
    seat: Seat,
    here: Situation,
    /// Whether the page looks again by itself: something is about to happen.
    refresh: bool,
    may_ask: bool,
}

async fn page(
    State(state): State<PublicState>,
    seat: Seat,
    shell: Shell,
) -> Result<Html<String>, PublicFailure> {
    let here = Situation::find(&state, &shell, &seat).await?;
    for quarantine in &here.untold {
        // Not worth an error page: it is told at the next look.
        let told = seat
            .acting(&state, &shell)
            .quarantine_told(*quarantine)
            .await;
        if let Err(error) = told {
            tracing::warn!(%error, "it is not on record that the person was told");
        }
    }
    let refresh = matches!(here.condition, Condition::Checking | Condition::Restoring);
    let may_ask = shell.settings().exception_days > 0 && !here.rules().is_empty();
    let page = Page {
        shell,
        seat,
        here,
        refresh,
        may_ask,
    };
    Ok(Html(page.render()?))
}

/// One line that changes whenever the page would: the script compares.
async fn status(
    State(state): State<PublicState>,
    seat: Seat,
    shell: Shell,
) -> Result<impl IntoResponse, PublicFailure> {
    let here = Situation::find(&state, &shell, &seat).await?;
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, here.stamp()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn check_again(
    State(state): State<PublicState>,
    seat: Seat,
    shell: Shell,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, PublicFailure> {
    let identity = seat.person(&shell)?;
    let here = Situation::find(&state, &shell, &seat).await?;
    let node = here.node.ok_or_else(no_agent)?;
    let store = seat.acting(&state, &shell);
    match store.recheck_request(node, identity).await? {
        RecheckOutcome::Asked(_) | RecheckOutcome::Waiting(_) => {}
        RecheckOutcome::TooOften { .. } => {
            let failure = Failure::TooMany("this host was checked too often".to_owned());
            return Err(PublicFailure::from(failure).because("remedy-too-often"));
        }
    }
    Ok(Redirect::to(&shell.link(seat.path(""))))
}

#[derive(Template)]
#[template(path = "public/remedy/exception.html")]
struct ExceptionPage {
    shell: Shell,
    seat: Seat,
    /// What it may be asked for: its name in the form, and for people.
    rules: Vec<(String, String)>,
    /// In hours, and in seconds.
    lengths: Vec<(u32, i64)>,
    sent: ExceptionForm,
    faults: Faults,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionForm {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    hours: u32,
}

async fn exception_form(
    State(state): State<PublicState>,
    seat: Seat,
    uri: axum::http::Uri,
    shell: Shell,
) -> Result<Html<String>, PublicFailure> {
    let here = Situation::find(&state, &shell, &seat).await?;
    let sent = ExceptionForm {
        rule: Query::of(&uri).first("rule").unwrap_or_default(),
        ..ExceptionForm::default()
    };
    exception_page(shell, seat, &here, sent, Faults::default())
}

fn exception_page(
    shell: Shell,
    seat: Seat,
    here: &Situation,
    sent: ExceptionForm,
    faults: Faults,
) -> Result<Html<String>, PublicFailure> {
    seat.person(&shell)?;
    let rules = here.rules();
    let lengths = lengths(&shell);
    if rules.is_empty() || lengths.is_empty() {
        let failure = Failure::Conflict("there is no rule to except".to_owned());
        return Err(PublicFailure::from(failure).because("remedy-nothing-to-ask"));
    }
    let quarantine = shell.text("remedy-exception-quarantine").to_string();
    let named = |(rule, title): (String, String)| match rule.as_str() {
        QUARANTINE => (rule, quarantine.clone()),
        _ => (rule, title),
    };
    let page = ExceptionPage {
        rules: rules.into_iter().map(named).collect(),
        lengths: lengths
            .into_iter()
            .map(|hours| (hours, i64::from(hours) * 3_600))
            .collect(),
        shell,
        seat,
        sent,
        faults,
    };
    Ok(Html(page.render()?))
}

/// What the site permits to ask for, in hours.
fn lengths(shell: &Shell) -> Vec<u32> {
    let most = shell.settings().exception_days.saturating_mul(24);
    LENGTHS_H
        .into_iter()
        .filter(|hours| *hours <= most)
        .collect()
}

async fn exception(
    State(state): State<PublicState>,
    seat: Seat,
    shell: Shell,
    Posted(sent): Posted<ExceptionForm>,
) -> Result<axum::response::Response, PublicFailure> {
    let person = seat.person(&shell)?;
    let here = Situation::find(&state, &shell, &seat).await?;
    if here.is_asked(&sent.rule) {
        // Sent twice.
        return Ok(Redirect::to(&shell.link(seat.path(""))).into_response());
    }
    let mut faults = Faults::default();
    if !here.rules().iter().any(|(rule, _)| *rule == sent.rule) {
        faults.add("rule", shell.text("remedy-exception-no-rule"));
    }
    let reason = sent.reason.trim();
    if reason.is_empty() {
        faults.add("reason", shell.text("remedy-exception-no-reason"));
    } else if reason.chars().count() > REASON_MAX {
        faults.add("reason", shell.text("remedy-exception-long-reason"));
    }
    if !lengths(&shell).contains(&sent.hours) {
        faults.add("hours", shell.text("remedy-exception-no-length"));
    }
    if !faults.is_empty() {
        return Ok(exception_page(shell, seat, &here, sent, faults)?.into_response());
    }
    let of_quarantine = sent.rule == QUARANTINE;
    let new = NewException {
        device_id: here.device_id,
        node_id: here.node.filter(|_| !of_quarantine),
        check: (!of_quarantine).then(|| sent.rule.clone()),
        quarantine_id: here
            .manual
            .as_ref()
            .map(|kept| kept.id)
            .filter(|_| of_quarantine),
        covers_unknown: false,
        reason: reason.to_owned(),
        requested_by: person.to_owned(),
        expires_us: shell.now_us() + i64::from(sent.hours) * 3_600_000_000,
    };
    match seat.acting(&state, &shell).exception_request(new).await {
        // The page says that it is asked for, or granted.
        Ok(_) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&shell.link(seat.path(""))).into_response())
}

#[derive(Template)]
#[template(path = "public/remedy/report.html")]
struct ReportPage {
    shell: Shell,
    seat: Seat,
    check: String,
    title: String,
    faults: Faults,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportForm {
    check: String,
    #[serde(default)]
    text: String,
}

async fn report_form(
    State(state): State<PublicState>,
    seat: Seat,
    uri: axum::http::Uri,
    shell: Shell,
) -> Result<Html<String>, PublicFailure> {
    seat.person(&shell)?;
    let here = Situation::find(&state, &shell, &seat).await?;
    let check = Query::of(&uri).first("check").unwrap_or_default();
    let title = here.title_of(&check).ok_or_else(PublicFailure::not_found)?;
    let page = ReportPage {
        shell,
        seat,
        check,
        title,
        faults: Faults::default(),
    };
    Ok(Html(page.render()?))
}

async fn report(
    State(state): State<PublicState>,
    seat: Seat,
    shell: Shell,
    Posted(sent): Posted<ReportForm>,
) -> Result<Redirect, PublicFailure> {
    let person = seat.person(&shell)?;
    let here = Situation::find(&state, &shell, &seat).await?;
    here.title_of(&sent.check)
        .ok_or_else(PublicFailure::not_found)?;
    let new = NewCheckReport {
        check: sent.check,
        node_id: here.node,
        device_id: here.device_id,
        said_by: person.to_owned(),
        text: sent.text,
    };
    match seat.acting(&state, &shell).check_report_add(new).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&shell.link(seat.path(""))))
}

fn no_agent() -> PublicFailure {
    let failure = Failure::Conflict("no osquery host is tied to this session".to_owned());
    PublicFailure::from(failure).because("remedy-no-agent")
}
