//! Asking and answering, with time as an argument.

use nac_store::CheckOutcome::{Fail, Pass, Unknown};
use nac_store::NodeStatus;

use super::*;
use crate::testing;

const S: i64 = 1_000_000;
const DETAILS: [&str; 1] = ["macs"];

fn state(node: &Node) -> MutexGuard<'_, NodeState> {
    node.lock()
}

fn ask(state: &mut NodeState, now_us: i64, nonce: u64) -> Batch {
    let settings = PostureSettings::default();
    state.ask(now_us, &CheckSet::embedded(), &DETAILS, &settings, nonce)
}

fn checks(batch: &Batch) -> Vec<String> {
    let names = batch.topics.iter().filter_map(|topic| match topic {
        Topic::Check(name) => Some(name.clone()),
        Topic::Detail(_) => None,
    });
    names.collect()
}

/// Answers every check of a batch, `failing` with a fail.
fn answer(state: &mut NodeState, batch: &Batch, now_us: i64, failing: &[&str]) -> usize {
    let settings = PostureSettings::default();
    let mut taken = 0;
    for topic in &batch.topics {
        let Some(asked_us) = state.take(topic, batch.nonce, now_us, &settings) else {
            continue;
        };
        taken += 1;
        state.answered(asked_us);
        if let Topic::Check(name) = topic {
            let outcome = if failing.contains(&name.as_str()) {
                Fail
            } else {
                Pass
            };
            state.record_outcome(name, outcome, String::new(), now_us, &settings);
        }
    }
    state.judge(&CheckSet::embedded(), &settings, now_us);
    taken
}

#[test]
fn a_new_host_is_asked_everything_and_polls_faster() {
    let node = Node::new(testing::node(), 0);
    let batch = ask(&mut state(&node), 0, 1);
    assert!(checks(&batch).contains(&"linux-firewall".to_owned()));
    assert!(!checks(&batch).iter().any(|name| name.starts_with("macos")));
    assert!(batch.topics.contains(&Topic::Detail("macs")));
    assert_eq!(batch.accelerate_s, Some(60));
}

#[test]
fn a_compliant_host_is_asked_once_a_minute_and_any_other_every_ten_seconds() {
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    let first = ask(&mut state, 0, 1);
    answer(&mut state, &first, S, &[]);
    assert_eq!(state.judgement.verdict, Verdict::Compliant);
    let second = ask(&mut state, 10 * S, 2);
    assert!(
        !second.topics.is_empty(),
        "the interval was set while nothing was known"
    );
    answer(&mut state, &second, 11 * S, &[]);
    assert!(ask(&mut state, 60 * S, 3).topics.is_empty());
    assert_eq!(ask(&mut state, 60 * S, 3).accelerate_s, None);
    let third = ask(&mut state, 70 * S, 4);
    assert!(!checks(&third).is_empty());
    answer(&mut state, &third, 71 * S, &["linux-firewall"]);
    assert_eq!(state.judgement.verdict, Verdict::Failing);
    let confirm = ask(&mut state, 72 * S, 5);
    assert!(!checks(&confirm).is_empty(), "a fail is confirmed at once");
    assert_eq!(confirm.accelerate_s, Some(60));
}

#[test]
fn an_answer_counts_once_and_only_for_the_newest_question() {
    let settings = PostureSettings::default();
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    let first = ask(&mut state, 0, 1);
    let second = ask(&mut state, 20 * S, 2);
    assert_eq!(
        checks(&second),
        checks(&first),
        "an unanswered batch is asked again"
    );
    assert_eq!(
        answer(&mut state, &first, 21 * S, &[]),
        1,
        "only the detail was not asked again"
    );
    assert_eq!(
        answer(&mut state, &second, 22 * S, &[]),
        checks(&second).len()
    );
    assert_eq!(
        answer(&mut state, &second, 23 * S, &[]),
        0,
        "a repeated write changes nothing"
    );
    let unasked = Topic::Check("macos-sip".to_owned());
    assert_eq!(state.take(&unasked, 2, 23 * S, &settings), None);
}

#[test]
fn an_answer_that_comes_too_late_is_no_answer() {
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    let batch = ask(&mut state, 0, 1);
    assert_eq!(answer(&mut state, &batch, 121 * S, &[]), 0);
    assert_eq!(state.judgement.verdict, Verdict::Unknown);
}

#[test]
fn a_session_is_asked_for_at_once_and_its_first_answer_is_published() {
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    let batch = ask(&mut state, 0, 1);
    answer(&mut state, &batch, S, &[]);
    let batch = ask(&mut state, 10 * S, 2);
    answer(&mut state, &batch, 11 * S, &[]);
    state.unwritten.published = state.unwritten.wanted;
    let session = SessionRef {
        token: "s1".to_owned(),
        mac: None,
        framed_ip: None,
        started_us: 20 * S,
    };
    state.session_started(session.clone(), 20 * S, 60);
    assert!(!state.session_updated(&session), "nothing new");
    let batch = ask(&mut state, 21 * S, 3);
    assert!(!checks(&batch).is_empty());
    assert_eq!(batch.accelerate_s, Some(60));
    answer(&mut state, &batch, 22 * S, &[]);
    assert!(
        state.unwritten.must_publish(),
        "the binding may have changed"
    );
    assert_eq!(state.observed().answered_us, Some(21 * S));
}

#[test]
fn remembered_sessions_are_bounded() {
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    for index in 0..100 {
        let token = index.to_string();
        let session = SessionRef {
            token,
            mac: None,
            framed_ip: None,
            started_us: index,
        };
        state.session_started(session, index, 1);
    }
    assert_eq!(state.sessions.len(), MAX_SESSIONS);
    state.session_stopped("99");
    assert_eq!(state.sessions.len(), MAX_SESSIONS - 1);
}

#[test]
fn an_unchanged_pass_waits_and_a_new_outcome_does_not() {
    let settings = PostureSettings::default();
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    state.record_outcome("linux-firewall", Pass, String::new(), S, &settings);
    assert!(state.unwritten.soon);
    state.unwritten.soon = false;
    state.record_outcome("linux-firewall", Pass, String::new(), 2 * S, &settings);
    assert!(!state.unwritten.soon);
    assert!(state.unwritten.results.contains("linux-firewall"));
    state.record_outcome(
        "linux-firewall",
        Unknown,
        "no such table".to_owned(),
        3 * S,
        &settings,
    );
    assert!(state.unwritten.soon, "people want to read why");
    assert_eq!(state.results["linux-firewall"].outcome, Pass);
}

#[test]
fn a_renewed_node_forgets_questions_of_its_earlier_enrolment() {
    let node = Node::new(testing::node(), 0);
    let mut state = state(&node);
    let batch = ask(&mut state, 0, 1);
    let record = OsqueryNode {
        status: NodeStatus::Active,
        ..testing::node()
    };
    state.renew(record, S, 60);
    assert_eq!(answer(&mut state, &batch, 2 * S, &[]), 0);
}
