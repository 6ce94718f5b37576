//! What a probe prints.

use std::net::SocketAddr;
use std::time::Duration;

use nac_radius::Described;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::output::{Table, lines, print, print_json};
use crate::probe::{Acknowledged, KeyCheck, Outcome, Verdict};

/// Prints the outcome of a login; `first` is the full login that was resumed.
pub(super) fn login(
    json: bool,
    server: SocketAddr,
    user: &str,
    outcome: &Outcome,
    first: Option<&Outcome>,
) -> Result<(), Failure> {
    if json {
        let mut record = login_record(server, user, outcome);
        if let (Some(first), Some(object)) = (first, record.as_object_mut()) {
            object.insert("first".to_owned(), login_record(server, user, first));
        }
        return print_json(&record);
    }
    print(&login_text(server, user, outcome, first))
}

/// Prints answers to Status-Server or accounting.
pub(super) fn acknowledged(
    json: bool,
    verdict: &str,
    answers: &[(SocketAddr, Acknowledged)],
) -> Result<(), Failure> {
    if json {
        let records: Vec<Value> = answers
            .iter()
            .map(|(server, answer)| {
                json!({
                    "server": server.to_string(),
                    "code": answer.code.name(),
                    "retransmissions": answer.retransmissions,
                    "ms": milliseconds(answer.elapsed),
                    "attributes": attributes(&answer.attributes),
                })
            })
            .collect();
        return print_json(&json!({ "outcome": verdict, "answers": records }));
    }
    for (server, answer) in answers {
        print(&format!(
            "{verdict}: {server} answered with {} in {}\n",
            answer.code,
            time(answer.elapsed)
        ))?;
        if answer
            .attributes
            .iter()
            .any(|found| found.name != SIGNATURE)
        {
            print(&table(&answer.attributes))?;
        }
    }
    Ok(())
}

const SIGNATURE: &str = "Message-Authenticator";

fn login_record(server: SocketAddr, user: &str, outcome: &Outcome) -> Value {
    let mut record = json!({
        "outcome": if outcome.is_accept() { "accept" } else { "reject" },
        "method": outcome.method,
        "server": server.to_string(),
        "user": user,
        "round_trips": outcome.round_trips,
        "retransmissions": outcome.retransmissions,
        "ms": milliseconds(outcome.elapsed),
        "attributes": attributes(&outcome.attributes),
    });
    let more = match &outcome.verdict {
        Verdict::Accept(accepted) => json!({
            "vlan": accepted.segment.vlan,
            "role": accepted.segment.role,
            "acl": accepted.segment.acl,
            "redirect": accepted.segment.redirect,
            "redirect_acl": accepted.segment.redirect_acl,
            "session_timeout_s": accepted.segment.session_timeout_s,
            "class": accepted.class.iter().map(hex::encode).collect::<Vec<_>>(),
            "user_name": accepted.user_name,
            "keys": keys(accepted.keys),
            "tls_version": accepted.eap.as_ref().map(|eap| eap.tls_version),
            "resumed": accepted.eap.as_ref().map(|eap| eap.resumed),
            "key_name_verified": accepted.eap.as_ref().map(|eap| eap.key_name_verified),
        }),
        Verdict::Reject(rejected) => json!({
            "reason": rejected.reason.as_ref().map(|reason| json!({
                "code": reason.code, "sentence": reason.sentence, "remedy": reason.remedy,
            })),
            "reply_messages": rejected.reply_messages,
            "ms_chap_error": rejected.ms_chap_error,
        }),
    };
    if let (Some(object), Value::Object(more)) = (record.as_object_mut(), more) {
        object.extend(more);
    }
    record
}

fn login_text(
    server: SocketAddr,
    user: &str,
    outcome: &Outcome,
    first: Option<&Outcome>,
) -> String {
    let verdict = match (&outcome.verdict, first) {
        (Verdict::Accept(_), Some(_)) if !outcome.is_resumed() => "accepted twice, but NOT RESUMED",
        (Verdict::Accept(_), Some(_)) => "ACCEPTED, by resumption",
        (Verdict::Accept(_), None) => "ACCEPTED",
        (Verdict::Reject(_), Some(_)) => "REJECTED the second time",
        (Verdict::Reject(_), None) => "REJECTED",
    };
    let mut text = format!(
        "{verdict}: {} by {} at {server}\n\n",
        safe(user),
        outcome.method
    );
    let mut facts = facts(outcome);
    if let Some(first) = first {
        let before = format!(
            "{} in full, {} round trips",
            time(first.elapsed),
            first.round_trips
        );
        facts.push(("before that", before));
    }
    if let Some(rejected) = outcome.rejected() {
        let remedy = rejected
            .reason
            .as_ref()
            .map(|reason| reason.remedy.to_owned());
        facts.push(("what to do", remedy.unwrap_or_default()));
        facts.push(("the server's side", format!("nac why {}", safe(user))));
    }
    text.push_str(&lines(&facts));
    text.push('\n');
    text.push_str(&table(&outcome.attributes));
    text
}

fn facts(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match &outcome.verdict {
        Verdict::Accept(accepted) => {
            let segment = accepted.segment.clone();
            let optional = |value: Option<String>| safe(&value.unwrap_or_default());
            let vlan = segment
                .vlan
                .as_deref()
                .map_or_else(|| "none: the port's own".to_owned(), safe);
            facts.push(("VLAN", vlan));
            facts.push(("role", optional(segment.role)));
            facts.push(("ACL", safe(&segment.acl.join("; "))));
            facts.push(("redirect", optional(segment.redirect)));
            facts.push(("redirect ACL", optional(segment.redirect_acl)));
            let timeout = segment
                .session_timeout_s
                .map(|seconds| format!("{seconds} s"));
            facts.push(("session", timeout.unwrap_or_default()));
            if let Some(eap) = &accepted.eap {
                let handshake = if eap.resumed {
                    "resumed"
                } else {
                    "full handshake"
                };
                facts.push(("TLS", format!("{}, {handshake}", eap.tls_version)));
                let verified = if eap.key_name_verified { "right" } else { "" };
                facts.push(("EAP-Key-Name", verified.to_owned()));
            }
            let keys = match accepted.keys {
                KeyCheck::Verified => "MS-MPPE-Recv-Key and MS-MPPE-Send-Key are right",
                KeyCheck::Absent => "none sent, which Wi-Fi would need",
                KeyCheck::NotDefined => "",
            };
            facts.push(("keys", keys.to_owned()));
        }
        Verdict::Reject(rejected) => {
            let reason = rejected.reason.as_ref().map(ToString::to_string);
            facts.push(("reason", safe(&reason.unwrap_or_default())));
            facts.push(("message", safe(&rejected.reply_messages.join(" "))));
            facts.push((
                "MS-CHAP-Error",
                safe(rejected.ms_chap_error.as_deref().unwrap_or_default()),
            ));
        }
    }
    let again = match outcome.retransmissions {
        0 => String::new(),
        again => format!(", {again} sent again"),
    };
    facts.push(("round trips", format!("{}{again}", outcome.round_trips)));
    facts.push(("time", time(outcome.elapsed)));
    facts
}

fn table(attributes: &[Described]) -> String {
    let mut table = Table::new(&["ATTRIBUTE", "VALUE"], "the reply has no attributes");
    for found in attributes {
        table.row([found.name.clone(), found.value.clone()]);
    }
    table.render()
}

fn attributes(attributes: &[Described]) -> Vec<Value> {
    attributes
        .iter()
        .map(|found| json!({ "name": found.name, "value": found.value }))
        .collect()
}

const fn keys(check: KeyCheck) -> Option<&'static str> {
    match check {
        KeyCheck::Verified => Some("verified"),
        KeyCheck::Absent => Some("absent"),
        KeyCheck::NotDefined => None,
    }
}

/// A server's text could move the cursor.
fn safe(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 100_000.0).round() / 100.0
}

fn time(elapsed: Duration) -> String {
    format!("{:.1} ms", elapsed.as_secs_f64() * 1000.0)
}
