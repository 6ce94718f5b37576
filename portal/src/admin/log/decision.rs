//! One decision: everything of `nac why`, and what the policy of today would say.

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use nac_policy::PolicyExplanation;
use nac_store::{
    BreakGlass, CertificateDetails, DecisionOutcome, DecisionRecord, Exception, Session,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Account, AdminState, Chrome, Moment, Place, Problem, render};
use crate::admin::job::Job;
use crate::explain::{self, Explained, Today};

/// What the URL may ask for besides.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    /// Anything: decide again with the policy of today.
    today: Option<String>,
}

/// A policy that was tried, as the page shows it.
struct Tried {
    id: String,
    title: String,
    effect: String,
    segment: Option<String>,
    matched: bool,
    role: &'static str,
    conditions: Vec<Part>,
}

/// One of its conditions.
struct Part {
    verdict: &'static str,
    tone: &'static str,
    text: String,
    values: String,
    error: Option<String>,
}

/// The answer of today.
struct Again {
    version: i64,
    answer: String,
    same: bool,
    policies: Vec<Tried>,
}

struct Credential {
    details: CertificateDetails,
    from: Moment,
    until: Moment,
}

#[derive(Template)]
#[template(path = "admin/log/decision.html")]
struct DecisionPage {
    chrome: Chrome,
    decision: DecisionRecord,
    headline: String,
    accepted: bool,
    at: Moment,
    who: String,
    eap: String,
    took: [(&'static str, String); 3],
    decided: Option<String>,
    device: Option<(Uuid, String)>,
    facts: Vec<(&'static str, String)>,
    quarantines: Vec<(Uuid, Moment, String)>,
    exceptions: Vec<(Exception, Moment)>,
    break_glass: Option<(BreakGlass, Moment)>,
    policies: Vec<Tried>,
    certificate: Option<Credential>,
    session: Option<(Session, Moment, Option<Moment>)>,
    jobs: Vec<Job>,
    again: Option<Again>,
    again_failed: bool,
}

pub(super) async fn page(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
    UrlQuery(wish): UrlQuery<Wish>,
) -> Result<Response, Problem> {
    let decision = state.store.decision_fetch(id).await?;
    let explained = explain::explain(&state.store, decision).await?;
    let today = match (&wish.today, &explained.decision.facts) {
        (Some(_), Some(facts)) => explain::today(&state.store, facts).await?,
        _ => None,
    };
    let chrome = Chrome::new(&state, &account, "Decision", Place::Log).await;
    render(&decision_page(
        chrome,
        explained,
        today,
        wish.today.is_some(),
    ))
}

fn decision_page(
    chrome: Chrome,
    explained: Explained,
    today: Option<Today>,
    asked: bool,
) -> DecisionPage {
    let Explained {
        decision,
        policies,
        session,
        enforcements,
        quarantines,
        exceptions,
        break_glass,
    } = explained;
    let decided = decision
        .decision
        .as_ref()
        .and_then(|decision| decision.policy.clone());
    let name = decision
        .facts
        .as_ref()
        .map_or_else(String::new, |facts| facts.device.name.clone());
    let timings = decision.timings;
    DecisionPage {
        chrome,
        headline: explain::headline(&decision),
        accepted: decision.outcome == DecisionOutcome::Accept,
        at: Moment(decision.at_us),
        who: explain::who(&decision).to_owned(),
        eap: explain::eap(&decision),
        took: [
            ("all", explain::duration(timings.total_us)),
            ("policy", explain::duration(timings.policy_us)),
            ("credentials", explain::duration(timings.credential_us)),
        ],
        device: explain::device_id(&decision).map(|id| (id, name)),
        facts: decision
            .facts
            .as_ref()
            .map(|facts| explain::seen(facts))
            .unwrap_or_default(),
        quarantines: quarantines
            .into_iter()
            .map(|quarantine| {
                (
                    quarantine.id,
                    Moment(quarantine.opened_us),
                    quarantine.reason,
                )
            })
            .collect(),
        exceptions: exceptions
            .into_iter()
            .map(|exception| {
                let until = Moment(exception.expires_us);
                (exception, until)
            })
            .collect(),
        break_glass: break_glass.map(|using| {
            let until = Moment(using.ended_us.unwrap_or(using.expires_us));
            (using, until)
        }),
        policies: policies
            .into_iter()
            .map(|policy| tried(policy, decided.as_deref()))
            .collect(),
        certificate: decision
            .eap
            .as_ref()
            .and_then(|eap| eap.certificate.clone())
            .map(|details| Credential {
                from: Moment(details.not_before_us),
                until: Moment(details.not_after_us),
                details,
            }),
        session: session.map(|session| {
            let stopped = session.stopped_us.map(Moment);
            let started = Moment(session.started_us);
            (session, started, stopped)
        }),
        jobs: enforcements.into_iter().map(Job::from).collect(),
        again_failed: asked && today.is_none(),
        again: today.map(|today| again(&decision, today)),
        decided,
        decision,
    }
}

fn again(decision: &DecisionRecord, today: Today) -> Again {
    let then = decision.decision.as_ref().map(|decision| &decision.outcome);
    Again {
        version: today.policy_version,
        answer: today.decision.outcome.to_string(),
        same: then == Some(&today.decision.outcome),
        policies: today
            .policies
            .into_iter()
            .map(|policy| tried(policy, today.decision.policy.as_deref()))
            .collect(),
    }
}

fn tried(policy: PolicyExplanation, decided: Option<&str>) -> Tried {
    Tried {
        role: explain::role(&policy, decided),
        conditions: policy
            .conditions
            .iter()
            .map(|condition| Part {
                verdict: explain::verdict(condition),
                tone: match condition.holds {
                    Some(true) => "good",
                    Some(false) => "bad",
                    None => "plain",
                },
                values: explain::values(condition),
                text: condition.text.clone(),
                error: condition.error.clone(),
            })
            .collect(),
        title: policy.annotation_title.unwrap_or_default(),
        id: policy.policy,
        effect: policy.effect,
        segment: policy.segment,
        matched: policy.matched,
    }
}
