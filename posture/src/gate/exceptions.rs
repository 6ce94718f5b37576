//! Exceptions and requests to check again: what people do reaches the hosts.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use nac_store::{EVERYTHING, Event, EventKind, OsqueryNode, StoreError};
use uuid::Uuid;

use super::{PostureGate, now_us};
use crate::index::Term;
use crate::node::Node;
use crate::verdict::Excuse;

impl PostureGate {
    /// What exceptions permit a host now.
    pub(crate) fn excuses_of(&self, record: &OsqueryNode) -> Vec<Excuse> {
        let excuses = self.shared.excuses.read();
        let excuses = excuses.unwrap_or_else(PoisonError::into_inner);
        if excuses.is_empty() {
            return Vec::new();
        }
        let keys = record.device_id.into_iter().chain([record.id]);
        keys.filter_map(|key| excuses.get(&key))
            .flatten()
            .cloned()
            .collect()
    }

    /// Learns which exceptions are active. Hosts for which that is news are judged anew at once.
    pub(super) async fn load_exceptions(&self) -> Result<(), StoreError> {
        let mut excuses: HashMap<Uuid, Vec<Excuse>> = HashMap::new();
        for exception in self.shared.store.exception_list_active().await? {
            let Some(check) = exception.check else {
                continue;
            };
            let excuse = Excuse {
                exception: exception.id,
                check,
                until_us: exception.expires_us,
                covers_unknown: exception.covers_unknown,
            };
            let subjects: BTreeSet<Uuid> = exception
                .device_id
                .into_iter()
                .chain(exception.node_id)
                .collect();
            for subject in subjects {
                excuses.entry(subject).or_default().push(excuse.clone());
            }
        }
        let before = {
            let known = self.shared.excuses.write();
            let mut known = known.unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, excuses.clone())
        };
        let subjects: BTreeSet<&Uuid> = before.keys().chain(excuses.keys()).collect();
        let news = subjects
            .into_iter()
            .filter(|subject| before.get(subject) != excuses.get(subject));
        let nodes: Vec<Arc<Node>> = news
            .flat_map(|subject| self.subject_nodes(*subject))
            .collect();
        let now_us = now_us();
        for node in nodes {
            if self.judge(&node, now_us) {
                // A failure is logged there, and tried again at the next tick.
                let _ = self.commit(&node, now_us).await;
            }
        }
        Ok(())
    }

    /// The nodes that run on a device, and the one with this id.
    fn subject_nodes(&self, subject: Uuid) -> Vec<Arc<Node>> {
        let index = self.index();
        let of_device = index.find(&Term::Device(subject));
        of_device.chain(index.node(subject)).collect()
    }

    /// Takes over requests to check again.
    pub(super) async fn follow_rechecks(&self, events: &[Event]) -> Result<(), StoreError> {
        let mut asked = Vec::new();
        for event in events
            .iter()
            .filter(|event| event.kind == EventKind::Recheck)
        {
            let store = &self.shared.store;
            if event.key == EVERYTHING {
                asked = store.recheck_list_open().await?;
                break;
            }
            if let Ok(node) = Uuid::try_parse(&event.key) {
                asked.extend(store.recheck_find(node).await?);
            }
        }
        let now_us = now_us();
        for recheck in asked.iter().filter(|recheck| recheck.is_open(now_us)) {
            if let Some(node) = self.node(recheck.node_id) {
                let accelerate_s = self.shared.settings.accelerate_s;
                let checks = &self.shared.checks;
                node.lock()
                    .recheck(recheck.generation, checks, now_us, accelerate_s);
            }
        }
        Ok(())
    }

    /// Notes which exceptions make a difference at this moment.
    pub(super) async fn store_used(&self) {
        let now_us = now_us();
        let mut used = BTreeSet::new();
        for node in self.index().all() {
            let state = node.lock();
            let excepted = &state.judgement.excepted;
            let excuses = state.excuses.iter();
            used.extend(
                excuses
                    .filter(|excuse| now_us < excuse.until_us && excepted.contains(&excuse.check))
                    .map(|excuse| (excuse.exception, now_us)),
            );
        }
        let used: Vec<(Uuid, i64)> = used.into_iter().collect();
        for group in used.chunks(1_000) {
            if let Err(error) = self.shared.store.exception_used(group).await {
                tracing::warn!(%error, "the use of exceptions was not stored");
                return;
            }
        }
    }
}
