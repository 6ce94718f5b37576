//! Keeping the gate true: loading, following the store, and letting time pass.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nac_policy::Verdict;
use nac_store::{
    CheckResult, EVERYTHING, Event, EventKind, NodeVerdict, OsqueryNode, StoreError, next_events,
};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{PostureGate, lock, now_us};
use crate::index::Term;
use crate::node::{Node, NodeState};
use crate::settings::micros;

/// The most nodes that one tick writes to the store.
const COMMITS_PER_TICK: usize = 200;
/// The time a node was last seen is stored in steps of a minute.
const SEEN_STEP_US: i64 = 60_000_000;
/// A host that was not stale when the server stopped has this long to report after the start.
const GRACE: Duration = Duration::from_secs(60);
/// Events are gathered this long, so that a storm of them costs one look.
const GATHER: Duration = Duration::from_millis(50);

impl PostureGate {
    /// Lets verdicts age, retries what could not be stored, and follows what others change, until
    /// cancelled. Everything that can still be stored is stored then.
    pub async fn run(self, cancel: CancellationToken) {
        let mut events = self.shared.store.subscribe();
        let tick = (self.shared.settings.max_age / 4)
            .clamp(Duration::from_millis(20), Duration::from_secs(1));
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Instant::now();
        // What happened between opening and subscribing.
        let mut news: Vec<Event> = nac_store::reload_everything();
        let mut listening = true;
        loop {
            if !news.is_empty() {
                self.follow_events(&news).await;
                news.clear();
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = ticks.tick() => {
                    self.tick(now_us()).await;
                    if seen.elapsed() >= Duration::from_secs(30) {
                        seen = Instant::now();
                        self.store_last_seen().await;
                    }
                }
                more = next_events(&mut events), if listening => match more {
                    Some(more) => {
                        news.extend(more);
                        tokio::time::sleep(GATHER).await;
                        while let Ok(event) = events.try_recv() {
                            news.push(event);
                        }
                    }
                    None => listening = false,
                },
            }
        }
        self.flush(true).await;
        self.store_last_seen().await;
    }

    /// Judges every node whose verdict time alone has changed.
    async fn tick(&self, now_us: i64) {
        for node in self.index().all() {
            if node.lock().expired(now_us) {
                self.judge(&node, now_us);
            }
        }
        self.flush(false).await;
    }

    /// Writes what waits: news first, then unchanged results that have waited long enough.
    async fn flush(&self, everything: bool) {
        let now_us = now_us();
        let patience = micros(self.shared.settings.flush_interval);
        let mut waiting: Vec<(bool, Arc<Node>)> = Vec::new();
        for node in self.index().all() {
            let state = node.lock();
            let unwritten = &state.unwritten;
            let urgent = unwritten.urgent();
            let old = everything || now_us.saturating_sub(unwritten.flushed_us) >= patience;
            if urgent || (old && !unwritten.results.is_empty()) {
                drop(state);
                waiting.push((urgent, node));
            }
        }
        waiting.sort_by_key(|(urgent, _)| !urgent);
        let limit = if everything {
            usize::MAX
        } else {
            COMMITS_PER_TICK
        };
        for (_, node) in waiting.into_iter().take(limit) {
            match self.commit(&node, now_us).await {
                // Logged there. A store that is away is tried again at the next tick.
                Err(error) if error.is_outage() => return,
                // It was removed; its event may still be on the way.
                Err(StoreError::NotFound { .. }) => {
                    let id = node.lock().record.id;
                    self.index_mut().remove(id);
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    async fn store_last_seen(&self) {
        let mut seen: Vec<(Uuid, i64)> = Vec::new();
        for node in self.index().all() {
            let mut state = node.lock();
            let seen_us = state.record.last_seen_us;
            if seen_us.saturating_sub(state.unwritten.seen_us) >= SEEN_STEP_US {
                state.unwritten.seen_us = seen_us;
                seen.push((state.record.id, seen_us));
            }
        }
        self.store_used().await;
        for group in seen.chunks(1_000) {
            if let Err(error) = self.shared.store.node_seen(group).await {
                tracing::warn!(%error, "the time nodes were last seen was not stored");
                return;
            }
        }
    }

    /// Takes over what the store says was changed, here or by somebody else.
    async fn follow_events(&self, events: &[Event]) {
        if events
            .iter()
            .any(|event| event.kind == EventKind::Certificate)
            && let Err(error) = self.load_revoked().await
        {
            tracing::warn!(%error, "revoked certificates could not be read");
        }
        if events
            .iter()
            .any(|event| event.kind == EventKind::Exception)
            && let Err(error) = self.load_exceptions().await
        {
            tracing::warn!(%error, "exceptions could not be read");
        }
        if let Err(error) = self.follow_rechecks(events).await {
            tracing::warn!(%error, "requests to check again could not be read");
        }
        let mut nodes = BTreeSet::new();
        let mut all = false;
        for event in events {
            match event.kind {
                EventKind::EnrollSecret => lock(&self.shared.secrets).clear(),
                EventKind::Node | EventKind::Posture if event.key == EVERYTHING => all = true,
                EventKind::Node | EventKind::Posture => {
                    nodes.extend(Uuid::try_parse(&event.key).ok());
                }
                EventKind::Device if event.key != EVERYTHING => {
                    if let Ok(device) = Uuid::try_parse(&event.key) {
                        let index = self.index();
                        let of_device = index.find(&Term::Device(device));
                        nodes.extend(of_device.map(|node| node.lock().record.id));
                    }
                }
                _ => {}
            }
        }
        let outcome = if all {
            self.load_all().await
        } else {
            self.load(&nodes).await
        };
        if let Err(error) = outcome {
            // The next event, or the reload after an outage, brings it again.
            tracing::warn!(%error, "changes of osquery nodes could not be read");
        }
    }

    /// Learns which certificates are revoked. Nodes that enrolled with one of them are looked at again.
    pub(super) async fn load_revoked(&self) -> Result<(), StoreError> {
        let listed = self.shared.store.certificate_revoked_list().await?;
        let revoked: HashSet<String> = listed
            .into_iter()
            .map(|certificate| certificate.spki_sha256.to_ascii_lowercase())
            .collect();
        let before = {
            let known = self.shared.revoked.write();
            let mut known = known.unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, revoked.clone())
        };
        for node in self.index().all() {
            let mut state = node.lock();
            let changed = state
                .record
                .client_spki
                .as_ref()
                .is_some_and(|spki| revoked.contains(spki) != before.contains(spki));
            if changed {
                state.unwritten.publish();
            }
        }
        Ok(())
    }

    /// Loads every node. Nodes that the store does not have are dropped.
    pub(super) async fn load_all(&self) -> Result<(), StoreError> {
        let known: HashSet<Uuid> = self.index().ids().into_iter().collect();
        let store = &self.shared.store;
        let nodes = store.node_list().await?;
        let mut results: HashMap<Uuid, Vec<CheckResult>> = HashMap::new();
        for result in store.node_results_all().await? {
            results.entry(result.node_id).or_default().push(result);
        }
        let verdicts = store.node_verdict_list().await?;
        let mut verdicts: HashMap<Uuid, NodeVerdict> = verdicts
            .into_iter()
            .map(|verdict| (verdict.node_id, verdict))
            .collect();
        let stored: HashSet<Uuid> = nodes.iter().map(|node| node.id).collect();
        for node in nodes {
            let results = results.remove(&node.id).unwrap_or_default();
            let verdict = verdicts.remove(&node.id);
            self.take_over(node, results, verdict);
        }
        // Only those known before the list was read: others enrolled in the meantime.
        for gone in known.difference(&stored) {
            self.index_mut().remove(*gone);
        }
        Ok(())
    }

    async fn load(&self, ids: &BTreeSet<Uuid>) -> Result<(), StoreError> {
        for id in ids {
            match self.shared.store.node_fetch(*id).await {
                Ok(node) => {
                    let results = self.shared.store.node_results(*id).await?;
                    self.take_over(node, results, None);
                }
                Err(StoreError::NotFound { .. }) => self.index_mut().remove(*id),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Merges what the store has of a node into what is known here; the newer wins.
    fn take_over(
        &self,
        record: OsqueryNode,
        results: Vec<CheckResult>,
        verdict: Option<NodeVerdict>,
    ) {
        let now_us = now_us();
        let known = self.node(record.id);
        let fresh = known.is_none();
        let node = known.unwrap_or_else(|| Arc::new(Node::new(record.clone(), now_us)));
        let newest_us = results.iter().map(|result| result.checked_us).max();
        let was_stale = verdict
            .as_ref()
            .is_none_or(|verdict| verdict.verdict == Verdict::Stale);
        let results = if fresh && !was_stale {
            excused(results, newest_us, now_us, self.shared.settings.max_age)
        } else {
            results
        };
        {
            let mut state = node.lock();
            if fresh {
                // When the question was asked is not stored; its answer came soon after it.
                state.answered_us = newest_us;
            }
            if record.enrolled_us > state.record.enrolled_us {
                // It has enrolled again with another process.
                let accelerate_s = self.shared.settings.accelerate_s;
                state.renew(record, now_us, accelerate_s);
            } else {
                take_over_record(&mut state, record);
            }
            for result in results {
                let newer = state
                    .results
                    .get(&result.check)
                    .is_none_or(|ours| result.checked_us > ours.checked_us);
                if newer {
                    state.unwritten.results.remove(&result.check);
                    state.results.insert(result.check.clone(), result);
                }
            }
            state.excuses = self.excuses_of(&state.record);
            state.judge(&self.shared.checks, &self.shared.settings, now_us);
            if let (true, Some(verdict)) = (fresh, verdict) {
                let same = verdict.verdict == state.judgement.verdict
                    && verdict.failing == state.judgement.failing;
                if same {
                    // The store knows this verdict already.
                    state.changed_us = verdict.changed_us;
                    state.unwritten.published = state.unwritten.wanted;
                } else {
                    state.unwritten.publish();
                }
            }
        }
        self.file(&node);
    }
}

/// The results of a host that had no chance to report while this process was not running: their ages
/// are shortened by the same time, so that the newest counts for [`GRACE`] from now.
fn excused(
    mut results: Vec<CheckResult>,
    newest_us: Option<i64>,
    now_us: i64,
    max_age: Duration,
) -> Vec<CheckResult> {
    let spent = micros(max_age.saturating_sub(GRACE));
    let absence = newest_us.map_or(0, |newest| {
        now_us.saturating_sub(spent).saturating_sub(newest)
    });
    for result in &mut results {
        result.checked_us = result.checked_us.saturating_add(absence.max(0));
    }
    results
}

/// Takes from a stored record what this process did not decide itself.
fn take_over_record(state: &mut NodeState, record: OsqueryNode) {
    let unwritten = &state.unwritten;
    let status = if unwritten.status {
        state.record.status
    } else {
        record.status
    };
    let device_id = if unwritten.device {
        state.record.device_id
    } else {
        record.device_id
    };
    if status != state.record.status || device_id != state.record.device_id {
        // Somebody approved it, withdrew it, or moved it: decisions on it must be made again.
        state.unwritten.publish();
    }
    if record.last_seen_us > state.record.last_seen_us && !state.unwritten.record {
        // Its host talks to another process.
        state.source_ip = record.source_ip.parse().ok();
        state.record = record;
    }
    state.record.status = status;
    state.record.device_id = device_id;
}

#[cfg(test)]
mod tests {
    use nac_store::CheckOutcome;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn result(check: &str, checked_us: i64) -> CheckResult {
        CheckResult {
            node_id: Uuid::nil(),
            check: check.to_owned(),
            outcome: CheckOutcome::Pass,
            message: String::new(),
            checked_us,
            changed_us: checked_us,
        }
    }

    fn ages(results: &[CheckResult], now_us: i64, max_age: Duration) -> Vec<i64> {
        let newest = results.iter().map(|result| result.checked_us).max();
        let excused = excused(results.to_vec(), newest, now_us, max_age);
        let age = |result: &CheckResult| (now_us - result.checked_us) / SECOND;
        excused.iter().map(age).collect()
    }

    #[test]
    fn after_an_absence_a_host_has_a_minute_to_report() {
        let max_age = Duration::from_secs(900);
        let day = 86_400 * SECOND;
        let results = [result("new", 100 * SECOND), result("old", 40 * SECOND)];
        // The newest counts for another 60 s, and what was older stays older.
        assert_eq!(ages(&results, day, max_age), [840, 900]);
        // Whoever reported lately is not made younger.
        assert_eq!(ages(&results, 130 * SECOND, max_age), [30, 90]);
        // With a short maximum the grace is no longer than that.
        assert_eq!(ages(&results, day, Duration::from_secs(10)), [0, 60]);
    }
}
