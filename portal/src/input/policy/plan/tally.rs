//! What comes of each decision that is decided again, added up.

use std::collections::{BTreeMap, HashMap, HashSet};

use nac_policy::{Decision, Facts, Replay, Replayed, TimeFacts};
use nac_store::{DecisionRecord, RecordedDecision, RecordedSession};

use super::{NotReplayed, Plan, PlannedChange, PlannedMove, PlannedOutcome, PlannedSessions};
use crate::explain::who;

type Outcome = (Option<String>, Option<String>);

/// The sums so far.
#[derive(Default)]
pub(super) struct Tally {
    decisions: u64,
    devices: HashSet<String>,
    changed_devices: HashSet<String>,
    outcomes: HashMap<Outcome, (u64, HashSet<String>)>,
    changes: HashMap<Key, PlannedChange>,
    unasked: u64,
    answered_differently_then: u64,
    not_replayed: BTreeMap<String, u64>,
    sessions: u64,
    moves: BTreeMap<Outcome, u64>,
    not_judged: u64,
}

/// What makes a line of its own.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    subject: String,
    user: String,
    outcome: Outcome,
    policies: Outcome,
}

impl Tally {
    /// Decides one again.
    pub(super) fn add(&mut self, replay: &Replay, recorded: &RecordedDecision) {
        let (record, unrecorded) = match recorded.read() {
            Ok(read) => read,
            Err(error) => return self.cannot(format!("this version cannot read it: {error}")),
        };
        let (Some(facts), Some(then)) = (&record.facts, &record.decision) else {
            self.unasked += 1;
            return;
        };
        let missing = replay.misses(&unrecorded);
        if !missing.is_empty() {
            return self.cannot(format!(
                "an older release recorded it without {}, which one of the two policies reads",
                missing.join(", ")
            ));
        }
        let replayed = replay.decide(facts);
        if replayed.before.outcome.segment() != then.outcome.segment() {
            self.answered_differently_then += 1;
        }
        self.count(&record, facts, &replayed);
    }

    /// Decides about a live session at another time of day.
    pub(super) fn add_session(
        &mut self,
        replay: &Replay,
        session: &RecordedSession,
        now: TimeFacts,
    ) {
        self.sessions += 1;
        let read = session.decision.as_ref().and_then(|one| one.read().ok());
        let facts = read.and_then(|(record, unrecorded)| {
            record
                .facts
                .filter(|_| replay.misses(&unrecorded).is_empty())
        });
        let Some(facts) = facts else {
            self.not_judged += 1;
            return;
        };
        let facts = Facts {
            time: now,
            ..facts.as_ref().clone()
        };
        let replayed = replay.decide(&facts);
        if replayed.differs() {
            *self.moves.entry(outcome(&replayed)).or_default() += 1;
        }
    }

    fn cannot(&mut self, why: String) {
        *self.not_replayed.entry(why).or_default() += 1;
    }

    fn count(&mut self, record: &DecisionRecord, facts: &Facts, replayed: &Replayed) {
        let subject = subject(record, facts);
        self.decisions += 1;
        self.devices.insert(subject.clone());
        let (decisions, devices) = self.outcomes.entry(outcome(replayed)).or_default();
        *decisions += 1;
        devices.insert(subject.clone());
        if !replayed.differs() {
            return;
        }
        self.changed_devices.insert(subject.clone());
        let key = Key {
            subject,
            user: who(record).to_owned(),
            outcome: outcome(replayed),
            policies: (
                replayed.before.policy.clone(),
                replayed.after.policy.clone(),
            ),
        };
        // The newest come first.
        self.changes
            .entry(key)
            .and_modify(|change| change.decisions += 1)
            .or_insert_with(|| change(record, facts, &replayed.before, &replayed.after));
    }

    pub(super) fn into_plan(
        self,
        policy_version: i64,
        since_us: i64,
        complete: bool,
        sessions_complete: bool,
    ) -> Plan {
        let mut outcomes: Vec<PlannedOutcome> = self
            .outcomes
            .into_iter()
            .map(|((before, after), (decisions, devices))| PlannedOutcome {
                before,
                after,
                decisions,
                devices: devices.len() as u64,
            })
            .collect();
        outcomes.sort_by(|one, two| {
            let rank = |it: &PlannedOutcome| (it.before == it.after, u64::MAX - it.decisions);
            (rank(one), &one.before, &one.after).cmp(&(rank(two), &two.before, &two.after))
        });
        let mut changes: Vec<PlannedChange> = self.changes.into_values().collect();
        changes.sort_by_key(|change| std::cmp::Reverse((change.last_us, change.decision_id)));
        Plan {
            policy_version,
            since_us,
            complete,
            decisions: self.decisions,
            devices: self.devices.len() as u64,
            changed_decisions: changes.iter().map(|change| change.decisions).sum(),
            changed_devices: self.changed_devices.len() as u64,
            outcomes,
            changes,
            unasked: self.unasked,
            answered_differently_then: self.answered_differently_then,
            not_replayed: self
                .not_replayed
                .into_iter()
                .map(|(why, decisions)| NotReplayed { why, decisions })
                .collect(),
            sessions: PlannedSessions {
                looked_at: self.sessions,
                moving: self.moves.values().sum(),
                moves: self
                    .moves
                    .into_iter()
                    .map(|((before, after), sessions)| PlannedMove {
                        before,
                        after,
                        sessions,
                    })
                    .collect(),
                not_judged: self.not_judged,
                complete: sessions_complete,
            },
        }
    }
}

fn outcome(replayed: &Replayed) -> Outcome {
    let segment = |decision: &Decision| decision.outcome.segment().map(str::to_owned);
    (segment(&replayed.before), segment(&replayed.after))
}

/// What counts as one device.
fn subject(record: &DecisionRecord, facts: &Facts) -> String {
    match (facts.device.id.as_str(), record.mac.as_deref()) {
        ("", Some(mac)) => mac.to_owned(),
        ("", None) => format!("user {}", nac_store::user_key(who(record))),
        (id, _) => id.to_owned(),
    }
}

fn change(
    record: &DecisionRecord,
    facts: &Facts,
    before: &Decision,
    after: &Decision,
) -> PlannedChange {
    PlannedChange {
        device_id: Some(facts.device.id.clone()).filter(|id| !id.is_empty()),
        device: facts.device.name.clone(),
        mac: record.mac.clone(),
        user: who(record).to_owned(),
        before: before.outcome.segment().map(str::to_owned),
        policy_before: before.policy.clone(),
        after: after.outcome.segment().map(str::to_owned),
        policy_after: after.policy.clone(),
        decisions: 1,
        decision_id: record.id,
        last_us: record.at_us,
    }
}
