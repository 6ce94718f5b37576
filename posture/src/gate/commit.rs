//! From memory to the store: what is judged is committed, and what is committed is published.

use std::sync::Arc;

use nac_store::{CheckResult, NodeVerdict, OsqueryNode, StoreError};

use super::{PostureGate, count};
use crate::node::{Node, NodeState};
use crate::settings::micros;

impl PostureGate {
    /// Judges a node anew, and says whether that must be committed at once.
    pub(crate) fn judge(&self, node: &Node, now_us: i64) -> bool {
        let mut state = node.lock();
        state.excuses = self.excuses_of(&state.record);
        if state.judge(&self.shared.checks, &self.shared.settings, now_us) {
            count(&self.shared.counting.verdict_changes);
            let verdict = state.judgement.verdict;
            tracing::info!(node = %state.record.id, %verdict, "posture changed");
        }
        let unwritten = &state.unwritten;
        let waited_us = now_us.saturating_sub(unwritten.flushed_us);
        let old = waited_us >= micros(self.shared.settings.flush_interval);
        unwritten.urgent() || (old && !unwritten.results.is_empty())
    }

    /// Writes to the store what it does not know of a node, and publishes the verdict when there
    /// is a reason to. On failure the news are kept; [`Self::run`] tries again.
    pub(crate) async fn commit(&self, node: &Arc<Node>, now_us: i64) -> Result<(), StoreError> {
        let _newest_last = node.commit.lock().await;
        let (record, results, verdict, wanted, decided, recheck) = {
            let state = node.lock();
            let unwritten = &state.unwritten;
            let names = unwritten.results.iter();
            let results: Vec<CheckResult> = names
                .filter_map(|name| state.results.get(name).cloned())
                .collect();
            let verdict = unwritten
                .must_publish()
                .then(|| node_verdict(&state, now_us));
            let decided = (unwritten.status, unwritten.device);
            (
                state.record.clone(),
                results,
                verdict,
                unwritten.wanted,
                decided,
                unwritten.recheck,
            )
        };
        let changed = node.lock().unwritten.record;
        let mut outcome = Ok(());
        if changed {
            outcome = self.record_put(&record, decided).await;
        }
        if outcome.is_ok() && (!results.is_empty() || verdict.is_some()) {
            let store = &self.shared.store;
            outcome = store
                .node_results_put(record.id, &results, verdict.as_ref())
                .await;
        }
        // The results first: who reads that a request was answered reads its results too.
        if let (Ok(()), Some((generation, at_us))) = (&outcome, recheck) {
            let store = &self.shared.store;
            outcome = store.recheck_answered(record.id, generation, at_us).await;
        }
        let mut state = node.lock();
        // Whatever has changed in the meantime stays unwritten.
        let same = OsqueryNode {
            last_seen_us: record.last_seen_us,
            ..state.record.clone()
        } == record;
        let refused = outcome.as_ref().is_err_and(|error| !error.is_outage());
        let unwritten = &mut state.unwritten;
        if changed && same && (outcome.is_ok() || refused) {
            // What the store refuses once it refuses always.
            (unwritten.record, unwritten.status, unwritten.device) = (false, false, false);
        }
        match &outcome {
            Ok(()) => {
                unwritten.published = wanted;
                if unwritten.recheck == recheck {
                    unwritten.recheck = None;
                }
                unwritten.flushed_us = now_us;
                for written in &results {
                    if state.results.get(&written.check) == Some(written) {
                        state.unwritten.results.remove(&written.check);
                    }
                }
                state.unwritten.soon &= !state.unwritten.results.is_empty();
            }
            Err(error) => {
                count(&self.shared.counting.commits_failed);
                tracing::warn!(node = %record.id, %error, "posture was not stored");
            }
        }
        outcome
    }

    /// Stores a record without undoing what others decided about it: whether it counts, which
    /// device it is, and that it is gone.
    async fn record_put(
        &self,
        record: &OsqueryNode,
        (our_status, our_device): (bool, bool),
    ) -> Result<(), StoreError> {
        let stored = self.shared.store.node_fetch(record.id).await?;
        let status = if our_status {
            record.status
        } else {
            stored.status
        };
        let device_id = if our_device {
            record.device_id
        } else {
            stored.device_id
        };
        let record = OsqueryNode {
            status,
            device_id,
            ..record.clone()
        };
        self.shared.store.node_put(&record).await
    }
}

fn node_verdict(state: &NodeState, now_us: i64) -> NodeVerdict {
    NodeVerdict {
        node_id: state.record.id,
        verdict: state.judgement.verdict,
        failing: state.judgement.failing.clone(),
        changed_us: state.changed_us,
        evaluated_us: now_us,
    }
}
