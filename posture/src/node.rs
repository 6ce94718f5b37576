//! One node in memory: what to ask it next, and what its answers change. No clock, no store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nac_policy::Verdict;
use nac_store::{CheckOutcome, CheckResult, OsqueryNode};

use crate::binding::{Coincidences, Observed};
use crate::check::CheckSet;
use crate::limit::{Rate, TokenBucket};
use crate::settings::{PostureSettings, micros, seconds_us};
use crate::verdict::{Excuse, Judgement, merge, verdict};

/// Questions go out this early, so that a poll that comes a moment before its time is not wasted.
const SLACK_US: i64 = 1_000_000;
/// A batch that nobody answered is asked again after this time.
const RETRY_US: i64 = 15_000_000;
/// The most live sessions that are remembered for one node.
const MAX_SESSIONS: usize = 16;

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// A check, by name.
    Check(String),
    /// A detail, by name.
    Detail(&'static str),
}

/// A question that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Pending {
    nonce: u64,
    asked_us: i64,
}

/// A batch of questions as it goes out.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) topics: Vec<Topic>,
    pub(crate) nonce: u64,
    pub(crate) accelerate_s: Option<u32>,
}

/// A live RADIUS session of the device a node runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRef {
    /// The server's own name for the session, for example its id.
    pub token: String,
    /// The MAC address from Calling-Station-Id.
    pub mac: Option<String>,
    /// The address the session uses, once known.
    pub framed_ip: Option<IpAddr>,
    /// When it started, microseconds since the epoch.
    pub started_us: i64,
}

/// A node: its record, its results, and what is going on with it.
#[derive(Debug)]
pub(crate) struct Node {
    state: Mutex<NodeState>,
    /// Held while the state is written to the store, so that the newest is written last.
    pub(crate) commit: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
pub(crate) struct NodeState {
    pub(crate) record: OsqueryNode,
    pub(crate) results: BTreeMap<String, CheckResult>,
    pub(crate) judgement: Judgement,
    /// Since when the verdict has been what it is.
    pub(crate) changed_us: i64,
    pub(crate) coincidences: Coincidences,
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) answered_us: Option<i64>,
    pending: HashMap<Topic, Pending>,
    /// When the last batch went out, until something of it is answered.
    open_since_us: Option<i64>,
    next_checks_us: i64,
    next_details_us: i64,
    accelerate_until_us: i64,
    sessions: Vec<SessionRef>,
    /// A session waits for its first answer; its start.
    awaiting_us: Option<i64>,
    bucket: Option<TokenBucket>,
    /// What exceptions permit this host.
    pub(crate) excuses: Vec<Excuse>,
    recheck: Option<Recheck>,
    pub(crate) unwritten: Unwritten,
}

/// Somebody asked for what failed to be looked at again.
#[derive(Debug)]
struct Recheck {
    generation: i64,
    /// Whether the questions have gone out.
    asked: bool,
    /// Checks that were not answered since.
    open: BTreeSet<String>,
}

/// What the store does not know yet.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    /// Names of checks with newer results.
    pub(crate) results: BTreeSet<String>,
    /// Counts reasons to publish the verdict; equal to `published` when there is none.
    pub(crate) wanted: u64,
    pub(crate) published: u64,
    /// A result says something new, so it does not wait for the next flush.
    pub(crate) soon: bool,
    /// The record has changed.
    pub(crate) record: bool,
    /// It was this process that decided the record's status.
    pub(crate) status: bool,
    /// It was this process that found the record's device.
    pub(crate) device: bool,
    /// The newest request to check again that was answered, and when.
    pub(crate) recheck: Option<(i64, i64)>,
    /// The time it was last seen, as stored.
    pub(crate) seen_us: i64,
    pub(crate) flushed_us: i64,
}

impl Unwritten {
    pub(crate) fn publish(&mut self) {
        self.wanted = self.wanted.wrapping_add(1);
    }

    /// Whether something should be stored without waiting for the next flush.
    pub(crate) fn urgent(&self) -> bool {
        self.must_publish() || self.record || self.soon || self.recheck.is_some()
    }

    pub(crate) fn must_publish(&self) -> bool {
        self.wanted != self.published
    }
}

impl Node {
    pub(crate) fn new(record: OsqueryNode, now_us: i64) -> Self {
        let source_ip = record.source_ip.parse().ok();
        let seen_us = record.last_seen_us;
        let state = NodeState {
            record,
            results: BTreeMap::new(),
            judgement: Judgement {
                verdict: Verdict::Unknown,
                failing: Vec::new(),
                advisory: Vec::new(),
                unanswered: Vec::new(),
                excepted: Vec::new(),
                newest_us: None,
                expires_us: None,
            },
            changed_us: now_us,
            coincidences: Coincidences::default(),
            source_ip,
            answered_us: None,
            pending: HashMap::new(),
            open_since_us: None,
            next_checks_us: now_us,
            next_details_us: now_us,
            accelerate_until_us: 0,
            sessions: Vec::new(),
            awaiting_us: None,
            bucket: None,
            excuses: Vec::new(),
            recheck: None,
            unwritten: Unwritten {
                flushed_us: now_us,
                seen_us,
                ..Unwritten::default()
            },
        };
        Self {
            state: Mutex::new(state),
            commit: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, NodeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeState {
    /// Whether the node may send another request now.
    pub(crate) fn may_ask(&mut self, rate: Rate, now_us: i64) -> bool {
        self.bucket
            .get_or_insert_with(|| TokenBucket::full(rate, now_us))
            .take(rate, now_us)
    }

    pub(crate) fn observed(&self) -> Observed {
        Observed {
            source_ip: self.source_ip,
            answered_us: self.answered_us,
            ..Observed::default()
        }
    }

    /// Notes where a request came from; a change may change the binding, so it is published with
    /// the next answer.
    pub(crate) fn seen(&mut self, source: Option<IpAddr>, now_us: i64) {
        self.record.last_seen_us = self.record.last_seen_us.max(now_us);
        let source = source.map(|address| address.to_canonical());
        if source.is_some() && source != self.source_ip {
            self.source_ip = source;
            self.record.source_ip = source.map(|ip| ip.to_string()).unwrap_or_default();
            self.unwritten.record = true;
            // A host that moved is asked at once.
            self.hurry(now_us, 0);
            self.awaiting_us = self.awaiting_us.max(Some(now_us.saturating_sub(1)));
        }
    }

    /// Asks at the next poll and lets the host poll faster for `seconds`.
    pub(crate) fn hurry(&mut self, now_us: i64, seconds: u32) {
        self.next_checks_us = now_us;
        let until = now_us.saturating_add(seconds_us(seconds));
        self.accelerate_until_us = self.accelerate_until_us.max(until);
    }

    /// Asks again, at the next poll, what does not pass. Questions that are on their way are not answers to this.
    pub(crate) fn recheck(
        &mut self,
        generation: i64,
        checks: &CheckSet,
        now_us: i64,
        accelerate_s: u32,
    ) {
        let known = self.recheck.as_ref();
        if known.is_some_and(|known| known.generation >= generation) {
            return;
        }
        let judgement = &self.judgement;
        let mut open: BTreeSet<String> = [
            &judgement.failing,
            &judgement.advisory,
            &judgement.unanswered,
            &judgement.excepted,
        ]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
        if open.is_empty() {
            let names = checks.for_platform(&self.record.platform);
            open.extend(names.map(|check| check.name.clone()));
        }
        self.pending
            .retain(|topic, _| !matches!(topic, Topic::Check(name) if open.contains(name)));
        self.recheck = Some(Recheck {
            generation,
            asked: false,
            open,
        });
        self.hurry(now_us, accelerate_s);
    }

    /// Notes that a check was answered; the last one that a request waits for answers the request.
    fn rechecked(&mut self, check: &str, now_us: i64) {
        let Some(recheck) = self.recheck.as_mut().filter(|recheck| recheck.asked) else {
            return;
        };
        if recheck.open.remove(check) && recheck.open.is_empty() {
            self.unwritten.recheck = Some((recheck.generation, now_us));
        }
    }

    /// Forgets what belongs to an earlier enrolment of the same host.
    pub(crate) fn renew(&mut self, record: OsqueryNode, now_us: i64, accelerate_s: u32) {
        self.source_ip = record.source_ip.parse().ok();
        self.record = record;
        self.pending.clear();
        if let Some(recheck) = &mut self.recheck {
            recheck.asked = false;
        }
        self.open_since_us = None;
        self.answered_us = None;
        self.coincidences = Coincidences::default();
        self.next_details_us = now_us;
        self.hurry(now_us, accelerate_s);
    }

    /// What to ask now, with a nonce that is good for this batch alone.
    pub(crate) fn ask(
        &mut self,
        now_us: i64,
        checks: &CheckSet,
        details: &[&'static str],
        settings: &PostureSettings,
        nonce: u64,
    ) -> Batch {
        let mut batch = Batch {
            nonce,
            ..Batch::default()
        };
        let compliant = self.judgement.verdict == Verdict::Compliant;
        let unanswered = self
            .open_since_us
            .is_some_and(|since| now_us.saturating_sub(since) >= RETRY_US);
        let due = |next_us: i64| now_us.saturating_add(SLACK_US) >= next_us;
        let recheck = self.recheck.as_mut();
        let recheck = recheck.filter(|recheck| !recheck.asked && !recheck.open.is_empty());
        if let Some(recheck) = recheck {
            recheck.asked = true;
            let names = recheck.open.iter().cloned();
            batch.topics.extend(names.map(Topic::Check));
            let pause = seconds_us(settings.not_compliant_interval_s);
            self.next_checks_us = self.next_checks_us.max(now_us.saturating_add(pause));
        } else if due(self.next_checks_us) || unanswered {
            let names = checks.for_platform(&self.record.platform);
            batch
                .topics
                .extend(names.map(|check| Topic::Check(check.name.clone())));
            let interval = if compliant {
                settings.interval_s
            } else {
                settings.not_compliant_interval_s
            };
            self.next_checks_us = now_us.saturating_add(seconds_us(interval));
        }
        if due(self.next_details_us) {
            batch
                .topics
                .extend(details.iter().map(|name| Topic::Detail(name)));
            self.next_details_us = now_us.saturating_add(micros(settings.details_interval));
        }
        for topic in &batch.topics {
            self.pending.insert(
                topic.clone(),
                Pending {
                    nonce,
                    asked_us: now_us,
                },
            );
        }
        if !batch.topics.is_empty() {
            self.open_since_us = Some(now_us);
        }
        if !compliant || now_us < self.accelerate_until_us {
            batch.accelerate_s = Some(settings.accelerate_s);
        }
        batch
    }

    /// Takes the question that an answer belongs to. `None` for one that was never asked, was
    /// answered before, was asked again since, or is too old.
    pub(crate) fn take(
        &mut self,
        topic: &Topic,
        nonce: u64,
        now_us: i64,
        settings: &PostureSettings,
    ) -> Option<i64> {
        let pending = *self.pending.get(topic)?;
        let late = now_us.saturating_sub(pending.asked_us) > micros(settings.answer_within);
        if pending.nonce != nonce || late {
            return None;
        }
        self.pending.remove(topic);
        Some(pending.asked_us)
    }

    /// Checks asked with `nonce` that are still unanswered.
    pub(crate) fn unanswered(&self, nonce: u64) -> Vec<String> {
        let open = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.nonce == nonce);
        open.filter_map(|(topic, _)| match topic {
            Topic::Check(name) => Some(name.clone()),
            Topic::Detail(_) => None,
        })
        .collect()
    }

    /// Files one check's outcome.
    pub(crate) fn record_outcome(
        &mut self,
        check: &str,
        outcome: CheckOutcome,
        message: String,
        now_us: i64,
        settings: &PostureSettings,
    ) {
        self.rechecked(check, now_us);
        let new = CheckResult {
            node_id: self.record.id,
            check: check.to_owned(),
            outcome,
            message,
            checked_us: now_us,
            changed_us: now_us,
        };
        let old = self.results.get(check);
        let merged = merge(old, new, settings.max_age);
        if old.is_some_and(|old| *old == merged) {
            return;
        }
        let news =
            old.is_none_or(|old| old.outcome != merged.outcome || old.message != merged.message);
        self.unwritten.soon |= news;
        self.results.insert(check.to_owned(), merged);
        self.unwritten.results.insert(check.to_owned());
    }

    /// Notes that questions asked at `asked_us` were answered.
    pub(crate) fn answered(&mut self, asked_us: i64) {
        self.answered_us = self.answered_us.max(Some(asked_us));
        self.open_since_us = None;
        if self.awaiting_us.is_some_and(|started| asked_us > started) {
            self.awaiting_us = None;
            self.unwritten.publish();
        }
    }

    /// Judges anew; says whether the verdict or its list of failing checks changed.
    pub(crate) fn judge(
        &mut self,
        checks: &CheckSet,
        settings: &PostureSettings,
        now_us: i64,
    ) -> bool {
        let results: Vec<CheckResult> = self.results.values().cloned().collect();
        let platform = &self.record.platform;
        let judgement = verdict(
            checks,
            platform,
            &results,
            &self.excuses,
            now_us,
            settings.max_age,
        );
        let changed = judgement.verdict != self.judgement.verdict
            || judgement.failing != self.judgement.failing
            || judgement.excepted != self.judgement.excepted;
        if judgement.verdict != self.judgement.verdict {
            self.changed_us = now_us;
        }
        if changed {
            self.unwritten.publish();
            if judgement.verdict == Verdict::Failing {
                // A fail counts at once; asking again at once keeps a false one short.
                self.next_checks_us = now_us;
            }
        }
        self.judgement = judgement;
        changed
    }

    /// Whether time alone may have changed the judgement.
    pub(crate) fn expired(&self, now_us: i64) -> bool {
        self.judgement
            .expires_us
            .is_some_and(|until| now_us > until)
    }

    pub(crate) fn session_started(&mut self, session: SessionRef, now_us: i64, seconds: u32) {
        let started_us = session.started_us;
        self.session_stopped(&session.token);
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(session);
        self.awaiting_us = self.awaiting_us.max(Some(started_us));
        self.hurry(now_us, seconds);
    }

    /// Whether anything about the session is new.
    pub(crate) fn session_updated(&mut self, session: &SessionRef) -> bool {
        match self
            .sessions
            .iter_mut()
            .find(|known| known.token == session.token)
        {
            Some(known) if known == session => false,
            Some(known) => {
                known.clone_from(session);
                true
            }
            None => true,
        }
    }

    pub(crate) fn session_stopped(&mut self, token: &str) {
        self.sessions.retain(|session| session.token != token);
    }
}

#[cfg(test)]
mod tests;
