//! One decision with everything that belongs to it, for `nac why` and for the pages: both tell the same.

use nac_policy::{Condition, Decision, Engine, Facts, PolicyExplanation};
use nac_store::{
    BreakGlass, DecisionFilter, DecisionOutcome, DecisionRecord, Enforcement, EnforcementFilter,
    Exception, Quarantine, Session, Store, StoreError, mac_normalise,
};
use serde::Serialize;
use uuid::Uuid;

/// A decision and what belongs to it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The decision.
    #[serde(flatten)]
    pub decision: DecisionRecord,
    /// Every policy, tried again on the recorded facts with the recorded policy version.
    pub policies: Vec<PolicyExplanation>,
    /// The session that this decision started, as it is now.
    pub session: Option<Session>,
    /// What enforcement did about that session.
    pub enforcements: Vec<Enforcement>,
    /// The open quarantines of this device.
    pub quarantines: Vec<Quarantine>,
    /// The active exceptions of this device.
    pub exceptions: Vec<Exception>,
    /// The break-glass under which it was made.
    pub break_glass: Option<BreakGlass>,
}

/// What the policy of today says to facts of another day.
#[derive(Clone, Debug, Serialize)]
pub struct Today {
    /// The version that is in force.
    pub policy_version: i64,
    /// Its answer.
    pub decision: Decision,
    /// Every policy of it, tried on those facts.
    pub policies: Vec<PolicyExplanation>,
}

/// The newest decisions about somebody: by the decision's id, by a MAC address in any usual form, by a user's name, or by a
/// device's.
///
/// # Errors
///
/// [`StoreError::Conflict`] when several devices have this name; otherwise when the database fails.
pub async fn find(
    store: &Store,
    subject: &str,
    limit: u32,
) -> Result<Vec<DecisionRecord>, StoreError> {
    // A MAC without separators is no UUID, and the other way round.
    if let Ok(id) = subject.parse::<Uuid>() {
        return match store.decision_fetch(id).await {
            Ok(decision) => Ok(vec![decision]),
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    let filter = DecisionFilter {
        limit: limit.max(1),
        ..DecisionFilter::default()
    };
    if let Some(mac) = mac_normalise(subject) {
        let by_mac = DecisionFilter {
            mac: Some(mac),
            ..filter
        };
        return store.decision_list(&by_mac).await;
    }
    let by_user = DecisionFilter {
        user: Some(subject.to_owned()),
        ..filter.clone()
    };
    let found = store.decision_list(&by_user).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    match store.device_find(subject).await? {
        Some(device) => of_addresses(store, &device.macs, &filter).await,
        // What somebody reads out from the foot of a portal page.
        None => Ok(store.decision_by_code(subject).await?.unwrap_or_default()),
    }
}

/// The newest decisions about any of these MAC addresses.
async fn of_addresses(
    store: &Store,
    macs: &[String],
    filter: &DecisionFilter,
) -> Result<Vec<DecisionRecord>, StoreError> {
    let mut found = Vec::new();
    for mac in macs {
        let by_mac = DecisionFilter {
            mac: Some(mac.clone()),
            ..filter.clone()
        };
        found.extend(store.decision_list(&by_mac).await?);
    }
    found.sort_by_key(|decision| std::cmp::Reverse(decision.id));
    found.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Gathers what belongs to a decision.
///
/// # Errors
///
/// [`StoreError`] when the database fails.
pub async fn explain(store: &Store, decision: DecisionRecord) -> Result<Explained, StoreError> {
    let policies = match &decision.facts {
        Some(facts) => tried(store, decision.policy_version, facts).await?,
        None => Vec::new(),
    };
    let (session, enforcements) = match decision.session_id {
        Some(id) => {
            let session = match store.session_fetch(id).await {
                Ok(session) => Some(session),
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            let filter = EnforcementFilter {
                session_id: Some(id),
                ..EnforcementFilter::default()
            };
            (session, store.enforcement_list(&filter).await?)
        }
        None => (None, Vec::new()),
    };
    let quarantines = quarantines(store, &decision).await?;
    let exceptions = exceptions(store, &decision, &quarantines).await?;
    let under = decision
        .facts
        .as_ref()
        .is_some_and(|facts| facts.posture.break_glass);
    let break_glass = match under {
        true => store.break_glass_at(decision.at_us).await?,
        false => None,
    };
    Ok(Explained {
        decision,
        policies,
        session,
        enforcements,
        quarantines,
        exceptions,
        break_glass,
    })
}

/// The open quarantines of the decision's device.
async fn quarantines(
    store: &Store,
    decision: &DecisionRecord,
) -> Result<Vec<Quarantine>, StoreError> {
    let device = device_id(decision);
    let mut open = store.quarantine_list_open().await?;
    open.retain(|quarantine| {
        (device.is_some() && quarantine.device_id == device)
            || (quarantine.mac.is_some() && quarantine.mac == decision.mac)
    });
    Ok(open)
}

/// The active exceptions of the decision's device: to its checks, and to its quarantines.
async fn exceptions(
    store: &Store,
    decision: &DecisionRecord,
    quarantines: &[Quarantine],
) -> Result<Vec<Exception>, StoreError> {
    let device = device_id(decision);
    let facts = decision.facts.as_deref();
    let excepted = facts.map_or(&[][..], |facts| facts.posture.excepted.as_slice());
    let mut active = store.exception_list_active().await?;
    active.retain(|exception| {
        let of_check = exception
            .check
            .as_ref()
            .is_some_and(|check| excepted.contains(check));
        (device.is_some() && exception.device_id == device)
            || (exception.device_id.is_none() && of_check)
            || quarantines
                .iter()
                .any(|quarantine| exception.quarantine_id == Some(quarantine.id))
    });
    Ok(active)
}

/// The device that a decision was about, where it was known.
pub fn device_id(decision: &DecisionRecord) -> Option<Uuid> {
    let facts = decision.facts.as_ref()?;
    facts.device.id.parse().ok()
}

/// Tries the recorded policy version again; empty when it does not load any more, because a segment that it names was removed.
async fn tried(
    store: &Store,
    version: i64,
    facts: &Facts,
) -> Result<Vec<PolicyExplanation>, StoreError> {
    let policy = match store.policy_fetch(version).await {
        Ok(policy) => policy,
        Err(StoreError::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(engine(store, &policy.text)
        .await?
        .map(|engine| engine.explain(facts))
        .unwrap_or_default())
}

/// What the policy of today would say to these facts; `None` without a policy that loads. Nothing is changed by it.
///
/// # Errors
///
/// [`StoreError`] when the database fails.
pub async fn today(store: &Store, facts: &Facts) -> Result<Option<Today>, StoreError> {
    let Some(policy) = store.policy_current().await? else {
        return Ok(None);
    };
    Ok(engine(store, &policy.text).await?.map(|engine| Today {
        policy_version: policy.version,
        decision: engine.decide_afresh(facts),
        policies: engine.explain(facts),
    }))
}

async fn engine(store: &Store, text: &str) -> Result<Option<Engine>, StoreError> {
    let segments: Vec<String> = store
        .segment_list()
        .await?
        .into_iter()
        .map(|segment| segment.name)
        .collect();
    Ok(Engine::load(text, &segments).ok())
}

/// What was answered, in a few words.
pub fn headline(decision: &DecisionRecord) -> String {
    match (decision.outcome, &decision.segment) {
        (DecisionOutcome::Accept, Some(segment)) => format!("ACCEPTED into segment {segment}"),
        (DecisionOutcome::Accept, None) => "ACCEPTED".to_owned(),
        (DecisionOutcome::Reject, _) => "REFUSED".to_owned(),
    }
}

/// Who it was: who was authenticated, otherwise who they said they are.
pub fn who(decision: &DecisionRecord) -> &str {
    if decision.identity.is_empty() {
        &decision.user_name
    } else {
        &decision.identity
    }
}

/// How the EAP conversation went, in one line; empty without one.
pub fn eap(decision: &DecisionRecord) -> String {
    decision.eap.as_ref().map_or_else(String::new, |eap| {
        let resumed = if eap.resumed { ", resumed" } else { "" };
        format!(
            "TLS {} {}{resumed}, {} rounds",
            eap.tls_version, eap.cipher_suite, eap.rounds
        )
    })
}

/// What the policy saw, name by name; an empty value was not known.
pub fn seen(facts: &Facts) -> Vec<(&'static str, String)> {
    let device = match (facts.device.known, facts.device.name.as_str()) {
        (false, _) => "unknown".to_owned(),
        (true, name) => format!("{name} [{}]", facts.device.labels.join(", ")),
    };
    let states = [
        (facts.device.blocked, "blocked"),
        (facts.device.quarantined, "in quarantine"),
        (facts.device.random_mac, "random MAC"),
        (facts.device.psk, "own Wi-Fi key"),
        (facts.device.in_two_places, "in two places at once"),
        (
            facts.device.downgraded,
            "without 802.1X, which let it in before",
        ),
    ];
    let states: Vec<&str> = states
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| word)
        .collect();
    let posture = match facts.device.enrolled {
        false => "no osquery host is tied to it".to_owned(),
        true => {
            let age = facts
                .posture
                .age_s
                .map_or_else(String::new, |age| format!(", {age} s old"));
            format!(
                "{} (binding B{}{age})",
                facts.posture.verdict, facts.posture.binding
            )
        }
    };
    vec![
        (
            "identity",
            format!(
                "{} {} from {}",
                facts.identity.kind, facts.identity.name, facts.identity.source
            ),
        ),
        ("machine", facts.machine.clone()),
        (
            "second factor",
            match facts.second_factor {
                true => "a code of an authenticator app".to_owned(),
                false => String::new(),
            },
        ),
        ("groups", facts.identity.groups.join(", ")),
        ("device", device),
        ("state", states.join(", ")),
        ("posture", posture),
        (
            "break-glass",
            match facts.posture.break_glass {
                true => "on: posture counted as compliant".to_owned(),
                false => String::new(),
            },
        ),
        ("failing", facts.posture.failing.join(", ")),
        ("excepted", facts.posture.excepted.join(", ")),
        (
            "port",
            format!(
                "{} {} {}",
                facts.nas.port_type, facts.nas.port, facts.nas.ssid
            )
            .trim()
            .to_owned(),
        ),
        ("site", facts.nas.site.clone()),
    ]
}

/// What a policy had to do with the answer, given the one that decided.
pub fn role(policy: &PolicyExplanation, decided: Option<&str>) -> &'static str {
    match (policy.matched, policy.mode.as_str()) {
        (true, "monitor") => "monitored only: it changed nothing",
        (true, _) if decided == Some(policy.policy.as_str()) => "this one decided",
        _ => "",
    }
}

/// Whether a condition holds, in words.
pub fn verdict(condition: &Condition) -> &'static str {
    match condition.holds {
        Some(true) => "holds",
        Some(false) => "does not hold",
        None if condition.error.is_some() => "could not be evaluated",
        None => "not looked at",
    }
}

/// The values that a condition saw, in one line.
pub fn values(condition: &Condition) -> String {
    let values: Vec<String> = condition
        .seen
        .iter()
        .map(|(path, value)| format!("{path} is {value}"))
        .collect();
    values.join(", ")
}

/// What an enforcement is to do, in a few words.
pub fn purpose(enforcement: &Enforcement) -> String {
    match (enforcement.action, enforcement.to_segment.as_deref()) {
        (Some(action), _) => action.to_string(),
        (None, target) => format!(
            "move {} → {}",
            enforcement.from_segment,
            target.unwrap_or("off the network")
        ),
    }
}

/// How far it has come: its state, how long that took, and the proof.
pub fn progress(enforcement: &Enforcement) -> String {
    let took = enforcement
        .proven_us
        .and_then(|proven| u64::try_from(proven - enforcement.created_us).ok())
        .map_or_else(String::new, |us| format!(" after {}", duration(us)));
    let proof = enforcement
        .proof
        .as_deref()
        .map_or_else(String::new, |proof| format!(": {proof}"));
    format!("{}{took}{proof}", enforcement.state)
}

/// A span of time as people read it.
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}
