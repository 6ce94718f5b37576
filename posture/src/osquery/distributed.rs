//! Distributed queries: the questions that go out and the answers that come back.
//!
//! A question's name is `nac_p.<check>.<nonce>` or `nac_d.<detail>.<nonce>`. osquery keeps pending
//! questions over restarts and repeats writes that failed, so the nonce decides: each question is
//! answered once, in time, or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use nac_store::CheckOutcome;
use serde_json::{Map, Value, json};

use super::{Refusal, capped, details, enroll};
use crate::check::OUTCOME_COLUMN;
use crate::gate::{PostureGate, count, now_us};
use crate::node::{Node, Topic};

/// The most answers that one write may carry; a host is never asked so many.
const MAX_ANSWERS: usize = 2_000;
/// Messages from hosts are cut to so many characters.
const MAX_MESSAGE: usize = 300;
/// Discovery for platforms without `osquery_registry`.
const ALWAYS: &str = "SELECT 1;";

/// One row of an answer.
pub(crate) type AnswerRow = Map<String, Value>;

pub(super) fn read(gate: &PostureGate, node: &Arc<Node>) -> Result<Value, Refusal> {
    let shared = &gate.shared;
    count(&shared.counting.reads);
    let mut random = [0_u8; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Refusal::Busy)?;
    let nonce = u64::from_be_bytes(random);
    let (batch, platform) = {
        let mut state = node.lock();
        let platform = state.record.platform.clone();
        let names = details::names(&platform);
        (
            state.ask(now_us(), &shared.checks, names, &shared.settings, nonce),
            platform,
        )
    };
    let (mut queries, mut discovery) = (Map::new(), Map::new());
    for topic in &batch.topics {
        let (name, query, found_by) = match topic {
            Topic::Check(name) => match shared.checks.find(name) {
                Some(check) => (
                    format!("nac_p.{name}"),
                    check.query.clone(),
                    check.discovery.clone(),
                ),
                None => continue,
            },
            Topic::Detail(name) => match details::query(&platform, name) {
                Some((query, found_by)) => (format!("nac_d.{name}"), query.to_owned(), found_by),
                None => continue,
            },
        };
        let name = format!("{name}.{:016x}", batch.nonce);
        let found_by = if platform == "chrome" {
            ALWAYS.to_owned()
        } else {
            found_by
        };
        discovery.insert(name.clone(), Value::String(found_by));
        queries.insert(name, Value::String(query));
    }
    let mut answer = json!({ "queries": queries, "discovery": discovery });
    if let (Some(seconds), Some(answer)) = (batch.accelerate_s, answer.as_object_mut()) {
        answer.insert("accelerate".to_owned(), json!(seconds));
    }
    Ok(answer)
}

pub(super) async fn write(
    gate: &PostureGate,
    node: &Arc<Node>,
    body: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let shared = &gate.shared;
    count(&shared.counting.writes);
    let object = |field: &str| body.get(field).and_then(Value::as_object);
    let (queries, statuses, messages) = (object("queries"), object("statuses"), object("messages"));
    let names: BTreeSet<&String> = queries
        .into_iter()
        .chain(statuses)
        .flat_map(Map::keys)
        .take(MAX_ANSWERS)
        .collect();
    let now_us = now_us();
    let mut found = details::Found::default();
    {
        let mut state = node.lock();
        let mut nonces = BTreeSet::new();
        for name in names {
            let question = parse_name(&state.record.platform, name);
            let asked = question
                .as_ref()
                .and_then(|(topic, nonce)| state.take(topic, *nonce, now_us, &shared.settings));
            let (Some((topic, nonce)), Some(asked_us)) = (question, asked) else {
                count(&shared.counting.answers_ignored);
                continue;
            };
            count(&shared.counting.answers);
            nonces.insert(nonce);
            state.answered(asked_us);
            let status = status(statuses.and_then(|all| all.get(name)));
            let rows = rows(queries.and_then(|all| all.get(name)));
            match topic {
                Topic::Check(check) => {
                    let (outcome, message) = if status == 0 {
                        (outcome_of_rows(&rows), String::new())
                    } else {
                        let words = messages
                            .and_then(|all| all.get(name))
                            .and_then(Value::as_str);
                        let words = words.unwrap_or("osquery gave no reason");
                        (CheckOutcome::Unknown, capped(words, MAX_MESSAGE))
                    };
                    state.record_outcome(&check, outcome, message, now_us, &shared.settings);
                }
                Topic::Detail(detail) if status == 0 => found.collect(detail, &rows),
                Topic::Detail(_) => {}
            }
        }
        for nonce in nonces {
            // osquery runs a batch and writes it whole: what is absent, discovery left out.
            for check in state.unanswered(nonce) {
                let message = "skipped: the host lacks a table that the check needs".to_owned();
                let outcome = CheckOutcome::Unknown;
                state.record_outcome(&check, outcome, message, now_us, &shared.settings);
            }
        }
    }
    let new_macs = details::apply(gate, node, found);
    if gate.judge(node, now_us) {
        // A failure is logged and repeated from memory; the host must not send it all again.
        let _ = gate.commit(node, now_us).await;
    }
    enroll::adopt(gate, node, now_us).await;
    details::note_macs(gate, node, new_macs).await;
    Ok(json!({}))
}

/// What the rows of a check that ran say.
pub(crate) fn outcome_of_rows(rows: &[AnswerRow]) -> CheckOutcome {
    let Some(first) = rows.first() else {
        return CheckOutcome::Fail;
    };
    match first.get(OUTCOME_COLUMN).map(Value::as_str) {
        None | Some(Some("pass")) => CheckOutcome::Pass,
        Some(Some("fail")) => CheckOutcome::Fail,
        Some(_) => CheckOutcome::Unknown,
    }
}

fn parse_name(platform: &str, name: &str) -> Option<(Topic, u64)> {
    let (subject, nonce) = name.rsplit_once('.')?;
    if nonce.len() != 16 {
        return None;
    }
    let nonce = u64::from_str_radix(nonce, 16).ok()?;
    if let Some(check) = subject.strip_prefix("nac_p.") {
        return Some((Topic::Check(check.to_owned()), nonce));
    }
    let detail = subject.strip_prefix("nac_d.")?;
    let detail = details::names(platform)
        .iter()
        .find(|known| **known == detail)?;
    Some((Topic::Detail(detail), nonce))
}

/// A list of rows; `""` and `null` are empty lists from old and odd clients.
fn rows(value: Option<&Value>) -> Vec<AnswerRow> {
    let rows = value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    rows.iter()
        .filter_map(Value::as_object)
        .take(1_000)
        .cloned()
        .collect()
}

/// A number, or a number in a text from before osquery 3.0. Nonsense is a failure, not a pass.
fn status(value: Option<&Value>) -> i64 {
    match value {
        None | Some(Value::Null) => 0,
        Some(Value::Number(number)) => number.as_i64().unwrap_or(1),
        Some(Value::String(text)) => text.trim().parse().unwrap_or(1),
        Some(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_questions() {
        let name = "nac_p.linux-firewall.00000000000000ff";
        let topic = Topic::Check("linux-firewall".to_owned());
        assert_eq!(parse_name("linux", name), Some((topic, 255)));
        for other in [
            "",
            "nac_p.linux-firewall",
            "nac_p.linux-firewall.ff",
            "nac_p.linux-firewall.+0000000000000ff ",
            "nac_d.shell_history.00000000000000ff",
            "fleet_policy_query_1",
        ] {
            assert_eq!(parse_name("linux", other), None, "{other}");
        }
    }

    #[test]
    fn statuses_come_as_numbers_or_texts_and_nonsense_is_no_success() {
        for (value, expected) in [
            (json!(0), 0),
            (json!("0"), 0),
            (Value::Null, 0),
            (json!(1), 1),
            (json!("1"), 1),
            (json!("zero"), 1),
            (json!([]), 1),
            (json!(1.5), 1),
        ] {
            assert_eq!(status(Some(&value)), expected, "{value}");
        }
    }

    #[test]
    fn empty_results_of_any_age_are_no_rows() {
        for value in [
            json!(""),
            Value::Null,
            json!([]),
            json!({}),
            json!([1, "a"]),
        ] {
            assert!(rows(Some(&value)).is_empty(), "{value}");
        }
        assert_eq!(rows(Some(&json!([{ "1": "1" }]))).len(), 1);
    }
}
