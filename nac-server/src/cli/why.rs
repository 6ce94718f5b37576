//! `nac why`: one decision in plain words, with every policy that was tried and the condition that kept it from matching.

use clap::Args;
use nac_policy::{Engine, Facts, PolicyExplanation};
use nac_radius::MacAddr;
use nac_store::{
    DecisionFilter, DecisionOutcome, DecisionRecord, Enforcement, EnforcementFilter, Quarantine,
    Session, Store, StoreError,
};
use serde::Serialize;
use uuid::Uuid;

use super::{Answer, Context, Failure, Outcome, output};

/// The arguments of `nac why`.
#[derive(Debug, Args)]
pub(super) struct WhyArguments {
    /// A MAC address in any format, a user name, a device's name, or the id of a decision
    subject: String,
    /// Show this many of the newest decisions instead of one
    #[arg(long, short = 'n', default_value_t = 1, value_name = "COUNT")]
    last: u32,
    /// Show every attribute that was received and sent
    #[arg(long)]
    attributes: bool,
}

/// A decision and what belongs to it.
#[derive(Debug, Serialize)]
struct Explained {
    #[serde(flatten)]
    decision: DecisionRecord,
    /// Every policy, tried again on the recorded facts with the recorded policy version.
    policies: Vec<PolicyExplanation>,
    /// The session that this decision started, as it is now.
    session: Option<Session>,
    /// What enforcement did about that session.
    enforcements: Vec<Enforcement>,
    /// The open quarantines of this device.
    quarantines: Vec<Quarantine>,
}

pub(super) async fn run(context: &Context, arguments: WhyArguments) -> Outcome {
    let store = context.store().await?;
    let decisions = find(&store, &arguments).await?;
    if decisions.is_empty() {
        return Err(Failure::no(format!("there is no decision about {}", arguments.subject))
            .fix("check the spelling; a NAS that is unknown or has the wrong secret is answered with silence, and the server's log says so"));
    }
    let mut explained = Vec::new();
    for decision in decisions {
        explained.push(explain(&store, decision).await?);
    }
    if context.json() {
        match explained.as_slice() {
            [one] if arguments.last == 1 => output::print_json(one)?,
            all => output::print_json(&all)?,
        }
    } else {
        let texts: Vec<String> = explained
            .iter()
            .map(|explained| tell(explained, arguments.attributes))
            .collect();
        output::print(&texts.join("\n"))?;
    }
    Ok(Answer::Yes)
}

async fn find(store: &Store, arguments: &WhyArguments) -> Result<Vec<DecisionRecord>, Failure> {
    let subject = arguments.subject.as_str();
    // A MAC without separators is no UUID, and the other way round.
    if let Ok(id) = subject.parse::<Uuid>() {
        return match store.decision_fetch(id).await {
            Ok(decision) => Ok(vec![decision]),
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        };
    }
    let filter = DecisionFilter {
        limit: arguments.last.max(1),
        ..DecisionFilter::default()
    };
    if let Ok(mac) = subject.parse::<MacAddr>() {
        let filter = DecisionFilter {
            mac: Some(mac.to_string()),
            ..filter
        };
        return Ok(store.decision_list(&filter).await?);
    }
    let by_user = DecisionFilter {
        user: Some(subject.to_owned()),
        ..filter.clone()
    };
    let found = store.decision_list(&by_user).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    of_device(store, subject, &filter).await
}

/// The newest decisions about any address of a device.
async fn of_device(
    store: &Store,
    name: &str,
    filter: &DecisionFilter,
) -> Result<Vec<DecisionRecord>, Failure> {
    let Some(device) = store.device_find(name).await? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for mac in device.macs {
        let by_mac = DecisionFilter {
            mac: Some(mac),
            ..filter.clone()
        };
        found.extend(store.decision_list(&by_mac).await?);
    }
    found.sort_by_key(|decision| std::cmp::Reverse(decision.id));
    found.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
    Ok(found)
}

async fn explain(store: &Store, decision: DecisionRecord) -> Result<Explained, Failure> {
    let policies = match &decision.facts {
        Some(facts) => tried(store, decision.policy_version, facts).await?,
        None => Vec::new(),
    };
    let (session, enforcements) = match decision.session_id {
        Some(id) => {
            let session = match store.session_fetch(id).await {
                Ok(session) => Some(session),
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
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
    Ok(Explained {
        decision,
        policies,
        session,
        enforcements,
        quarantines,
    })
}

/// The open quarantines of the decision's device.
async fn quarantines(store: &Store, decision: &DecisionRecord) -> Result<Vec<Quarantine>, Failure> {
    let device = decision
        .facts
        .as_ref()
        .and_then(|facts| facts.device.id.parse::<Uuid>().ok());
    let mut open = store.quarantine_list_open().await?;
    open.retain(|quarantine| {
        (device.is_some() && quarantine.device_id == device)
            || (quarantine.mac.is_some() && quarantine.mac == decision.mac)
    });
    Ok(open)
}

/// Tries the recorded policy version again; empty when it does not load any more, because a segment that it names was removed.
async fn tried(
    store: &Store,
    version: i64,
    facts: &Facts,
) -> Result<Vec<PolicyExplanation>, Failure> {
    let policy = match store.policy_fetch(version).await {
        Ok(policy) => policy,
        Err(StoreError::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let segments: Vec<String> = store
        .segment_list()
        .await?
        .into_iter()
        .map(|segment| segment.name)
        .collect();
    Ok(Engine::load(&policy.text, &segments)
        .map(|engine| engine.explain(facts))
        .unwrap_or_default())
}

fn tell(explained: &Explained, attributes: bool) -> String {
    let decision = &explained.decision;
    let headline = match (decision.outcome, &decision.segment) {
        (DecisionOutcome::Accept, Some(segment)) => format!("ACCEPTED into segment {segment}"),
        (DecisionOutcome::Accept, None) => "ACCEPTED".to_owned(),
        (DecisionOutcome::Reject, _) => "REFUSED".to_owned(),
    };
    let mut text = format!("{headline}\n");
    text += &indent(&output::lines(&summary(decision)));
    if let Some(facts) = &decision.facts {
        text += "\nWhat the policy saw\n";
        text += &indent(&output::lines(&seen(facts)));
    }
    for quarantine in &explained.quarantines {
        let until = quarantine.expires_us.map_or_else(
            || "until somebody releases it".to_owned(),
            |expires| format!("until {}", output::local_time(expires)),
        );
        text += &indent(&format!(
            "in quarantine since {} by {} {until}: {}",
            output::local_time(quarantine.opened_us),
            quarantine.opened_by,
            quarantine.reason
        ));
    }
    if !explained.policies.is_empty() {
        text += &format!("\nPolicies tried (version {})\n", decision.policy_version);
        let decided = decision
            .decision
            .as_ref()
            .and_then(|decision| decision.policy.as_deref());
        for policy in &explained.policies {
            text += &indent(&policy_lines(policy, decided));
        }
    }
    if let Some(session) = &explained.session {
        text += "\nThe session now\n";
        text += &indent(&output::lines(&session_lines(session)));
    }
    for enforcement in &explained.enforcements {
        text += &indent(&enforcement_line(enforcement));
    }
    if attributes {
        text += "\nReceived\n";
        text += &indent(&pairs(&decision.request));
        text += "\nSent\n";
        text += &indent(&pairs(&decision.attributes));
    } else if decision.outcome == DecisionOutcome::Accept {
        text += "\nSent\n";
        text += &indent(&pairs(&decision.attributes));
    }
    text
}

fn summary(decision: &DecisionRecord) -> Vec<(&'static str, String)> {
    let who = if decision.identity.is_empty() {
        &decision.user_name
    } else {
        &decision.identity
    };
    let why = match decision.outcome {
        DecisionOutcome::Accept => String::new(),
        DecisionOutcome::Reject => format!("{} ({})", decision.reason, decision.reason_code),
    };
    let policy = decision
        .decision
        .as_ref()
        .and_then(|decision| decision.policy.clone());
    let eap = decision.eap.as_ref().map_or_else(String::new, |eap| {
        let resumed = if eap.resumed { ", resumed" } else { "" };
        format!(
            "TLS {} {}{resumed}, {} rounds",
            eap.tls_version, eap.cipher_suite, eap.rounds
        )
    });
    let timings = &decision.timings;
    vec![
        ("why", why),
        ("remedy", decision.remedy.clone()),
        (
            "decided by",
            policy.map_or_else(String::new, |policy| format!("policy {policy}")),
        ),
        ("who", who.clone()),
        ("method", decision.method.clone()),
        ("tls", eap),
        ("mac", decision.mac.clone().unwrap_or_default()),
        (
            "client",
            format!("{} ({})", decision.client, decision.nas_address),
        ),
        ("when", output::local_time(decision.at_us)),
        (
            "took",
            format!(
                "{} (policy {}, credentials {})",
                duration(timings.total_us),
                duration(timings.policy_us),
                duration(timings.credential_us)
            ),
        ),
        ("decision", decision.id.to_string()),
    ]
}

fn seen(facts: &Facts) -> Vec<(&'static str, String)> {
    let device = match (facts.device.known, facts.device.name.as_str()) {
        (false, _) => "unknown".to_owned(),
        (true, name) => format!("{name} [{}]", facts.device.labels.join(", ")),
    };
    let states = [
        (facts.device.blocked, "blocked"),
        (facts.device.quarantined, "in quarantine"),
        (facts.device.random_mac, "random MAC"),
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
        ("groups", facts.identity.groups.join(", ")),
        ("device", device),
        ("state", states.join(", ")),
        ("posture", posture),
        ("failing", facts.posture.failing.join(", ")),
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

fn policy_lines(policy: &PolicyExplanation, decided: Option<&str>) -> String {
    let mark = if policy.matched { "✔" } else { "✘" };
    let target = policy
        .segment
        .as_deref()
        .map_or_else(String::new, |segment| format!(" → {segment}"));
    let title = policy
        .annotation_title
        .as_deref()
        .map_or_else(String::new, |title| format!(": {title}"));
    let role = match (policy.matched, policy.mode.as_str()) {
        (true, "monitor") => " (monitored only: it changed nothing)",
        (true, _) if decided == Some(policy.policy.as_str()) => " (this one decided)",
        _ => "",
    };
    let mut text = format!(
        "{mark} {} {}{target}{title}{role}\n",
        policy.effect, policy.policy
    );
    for condition in &policy.conditions {
        let verdict = match condition.holds {
            Some(true) if policy.matched => continue,
            Some(true) => "holds",
            Some(false) => "does not hold",
            None if condition.error.is_some() => "could not be evaluated",
            None => "not looked at",
        };
        let values: Vec<String> = condition
            .seen
            .iter()
            .map(|(path, value)| format!("{path} is {value}"))
            .collect();
        let values = if values.is_empty() {
            String::new()
        } else {
            format!(": {}", values.join(", "))
        };
        let error = condition
            .error
            .as_deref()
            .map_or_else(String::new, |error| format!(" ({error})"));
        text += &format!("    {verdict}: {}{values}{error}\n", condition.text);
    }
    text
}

fn session_lines(session: &Session) -> Vec<(&'static str, String)> {
    let state = match session.stopped_us {
        Some(stopped) => format!(
            "ended {} ({})",
            output::local_time(stopped),
            session
                .terminate_cause
                .as_deref()
                .unwrap_or("no cause given")
        ),
        None => format!(
            "live in segment {} since {}",
            session.segment,
            output::local_time(session.started_us)
        ),
    };
    vec![
        ("state", state),
        ("address", session.framed_ip.clone().unwrap_or_default()),
        ("id", session.id.to_string()),
    ]
}

fn enforcement_line(enforcement: &Enforcement) -> String {
    let what = match (enforcement.action, enforcement.to_segment.as_deref()) {
        (Some(action), _) => action.to_string(),
        (None, target) => format!(
            "move {} → {}",
            enforcement.from_segment,
            target.unwrap_or("off the network")
        ),
    };
    let took = enforcement
        .proven_us
        .and_then(|proven| u64::try_from(proven - enforcement.created_us).ok())
        .map_or_else(String::new, |us| format!(" after {}", duration(us)));
    let proof = enforcement
        .proof
        .as_deref()
        .map_or_else(String::new, |proof| format!(": {proof}"));
    let mut text = format!(
        "{what}: {}{took}{proof}\n    because {}\n",
        enforcement.state, enforcement.reason
    );
    for attempt in &enforcement.attempts {
        text += &format!(
            "    {} {}: {}\n",
            output::local_time(attempt.at_us),
            attempt.step,
            attempt.result
        );
    }
    text
}

fn pairs(attributes: &[(String, String)]) -> String {
    let pairs: Vec<(&str, String)> = attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    output::lines(&pairs)
}

fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// Two spaces before each line. Values come from the network: a control character could move the cursor.
fn indent(text: &str) -> String {
    let clean = |line: &str| -> String {
        line.chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect()
    };
    text.lines()
        .map(|line| format!("  {}\n", clean(line)))
        .collect()
}
