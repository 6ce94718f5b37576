//! `nac why`: one decision in plain words, with every policy that was tried and the condition that kept it from matching.

use clap::Args;
use nac_policy::PolicyExplanation;
use nac_portal::explain::{self, Explained};
use nac_store::{DecisionOutcome, DecisionRecord, Enforcement, Session};

use super::{Answer, Context, Failure, Outcome, output};

/// The arguments of `nac why`.
#[derive(Debug, Args)]
pub(super) struct WhyArguments {
    /// A MAC address in any format, a user name, a device's name, the id of a decision, or a support code
    subject: String,
    /// Show this many of the newest decisions instead of one
    #[arg(long, short = 'n', default_value_t = 1, value_name = "COUNT")]
    last: u32,
    /// Show every attribute that was received and sent
    #[arg(long)]
    attributes: bool,
}

pub(super) async fn run(context: &Context, arguments: WhyArguments) -> Outcome {
    let store = context.store().await?;
    let decisions = explain::find(&store, &arguments.subject, arguments.last).await?;
    if decisions.is_empty() {
        return Err(Failure::no(format!("there is no decision about {}", arguments.subject))
            .fix("check the spelling; a NAS that is unknown (NAC-2052) or has the wrong secret (NAC-2055), and one that does not sign (NAC-2053), are answered with silence: the server's log says so, and nac client list"));
    }
    let mut explained = Vec::new();
    for decision in decisions {
        explained.push(explain::explain(&store, decision).await?);
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

fn tell(explained: &Explained, attributes: bool) -> String {
    let decision = &explained.decision;
    let headline = explain::headline(decision);
    let mut text = format!("{headline}\n");
    text += &indent(&output::lines(&summary(decision)));
    if let Some(facts) = &decision.facts {
        text += "\nWhat the policy saw\n";
        text += &indent(&output::lines(&explain::seen(facts)));
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
    for exception in &explained.exceptions {
        let rule = exception.check.as_deref().unwrap_or("its quarantine");
        text += &indent(&format!(
            "exception to {rule} until {} by {}: {}",
            output::local_time(exception.expires_us),
            exception.approved_by.as_deref().unwrap_or_default(),
            exception.reason
        ));
    }
    if let Some(current) = &explained.break_glass {
        text += &indent(&format!(
            "break-glass since {} by {} until {}: {}",
            output::local_time(current.started_us),
            current.started_by,
            output::local_time(current.ended_us.unwrap_or(current.expires_us)),
            current.reason
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
    let why = match decision.outcome {
        DecisionOutcome::Accept => String::new(),
        DecisionOutcome::Reject => format!("{} ({})", decision.reason, decision.reason_code),
    };
    let policy = decision
        .decision
        .as_ref()
        .and_then(|decision| decision.policy.clone());
    let timings = &decision.timings;
    vec![
        ("why", why),
        ("remedy", decision.remedy.clone()),
        (
            "decided by",
            policy.map_or_else(String::new, |policy| format!("policy {policy}")),
        ),
        ("who", explain::who(decision).to_owned()),
        ("method", decision.method.clone()),
        ("offer", decision.offer.clone()),
        ("tls", explain::eap(decision)),
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
                explain::duration(timings.total_us),
                explain::duration(timings.policy_us),
                explain::duration(timings.credential_us)
            ),
        ),
        ("decision", decision.id.to_string()),
    ]
}

/// One policy with the conditions that kept it from matching.
pub(super) fn policy_lines(policy: &PolicyExplanation, decided: Option<&str>) -> String {
    let mark = if policy.matched { "✔" } else { "✘" };
    let target = policy
        .segment
        .as_deref()
        .map_or_else(String::new, |segment| format!(" → {segment}"));
    let title = policy
        .annotation_title
        .as_deref()
        .map_or_else(String::new, |title| format!(": {title}"));
    let role = match explain::role(policy, decided) {
        "" => String::new(),
        role => format!(" ({role})"),
    };
    let mut text = format!(
        "{mark} {} {}{target}{title}{role}\n",
        policy.effect, policy.policy
    );
    for condition in &policy.conditions {
        if policy.matched && condition.holds == Some(true) {
            continue;
        }
        let verdict = explain::verdict(condition);
        let values = match explain::values(condition) {
            values if values.is_empty() => values,
            values => format!(": {values}"),
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
    let mut text = format!(
        "{}: {}\n    because {}\n",
        explain::purpose(enforcement),
        explain::progress(enforcement),
        enforcement.reason
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
