//! The gate itself: what RADIUS asks, what it tells, and what is behind the osquery endpoints.

mod commit;
mod counters;
mod exceptions;
mod keep;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use nac_policy::Verdict;
use nac_store::{CheckResult, EnrollSecret, NodeStatus, OsqueryNode, Store, StoreError};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::binding::{Binding, Observed, Subject, binding, effective};
use crate::check::CheckSet;
use crate::index::{Index, Term, terms};
use crate::limit::TokenBucket;
use crate::node::{Node, NodeState, SessionRef};
use crate::settings::{PostureSettings, micros};
use crate::verdict::{Excuse, verdict};

pub use counters::Counters;
pub(crate) use counters::{Counting, count};

/// The most requests that are worked on at once.
const MAX_REQUESTS: usize = 2_048;
/// The most large bodies that are in memory at once.
const MAX_LARGE_BODIES: usize = 4;
/// The most enrolment secrets that are remembered.
pub(crate) const MAX_SECRETS: usize = 1_024;
/// The most sessions that are followed at once.
const MAX_SESSIONS: usize = 2_000_000;
/// Two enrolments of one host must not overlap; those of others may.
const ENROLMENT_LOCKS: usize = 64;

/// Why the gate cannot open.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The nodes and results cannot be read.
    #[error("the posture gate cannot read its nodes: {0}")]
    Store(#[from] StoreError),
}

/// The posture of a subject, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posture {
    /// The osquery node it comes from.
    pub node: Option<Uuid>,
    /// The verdict that counts: below binding B2 never better than unknown.
    pub verdict: Verdict,
    /// Gating checks that fail.
    pub failing: Vec<String>,
    /// Other checks that fail; advice only.
    pub advisory: Vec<String>,
    /// Checks that would count here and do not, because of an exception.
    pub excepted: Vec<String>,
    /// 0 to 4.
    pub binding: u8,
    /// Why it is that level, one sentence without its full stop.
    pub binding_reason: String,
    /// How old the newest answer is, in seconds; `None` when there is none.
    pub age_s: Option<i64>,
    /// Whether a node that counts is tied to the subject at all.
    pub enrolled: bool,
}

/// One node as people look at it.
#[derive(Clone, Debug)]
pub struct NodePosture {
    /// Its record.
    pub node: OsqueryNode,
    /// The verdict on it, binding not considered.
    pub verdict: Verdict,
    /// Gating checks that fail.
    pub failing: Vec<String>,
    /// Other checks that fail.
    pub advisory: Vec<String>,
    /// Gating checks without a usable answer.
    pub unanswered: Vec<String>,
    /// Checks that would count here and do not, because of an exception.
    pub excepted: Vec<String>,
    /// Every result.
    pub results: Vec<CheckResult>,
}

/// The posture gate. Clones share everything.
///
/// Whenever a node's verdict changes, or something that its binding rests on, the gate commits the
/// verdict to the store, which publishes [`nac_store::EventKind::Posture`] with the node's id. Who
/// hears it asks [`Self::posture`] again for each session of that node: the word may be the same
/// and the binding stronger.
#[derive(Clone)]
pub struct PostureGate {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) checks: Arc<CheckSet>,
    pub(crate) settings: PostureSettings,
    pub(crate) counting: Counting,
    pub(crate) requests: Semaphore,
    pub(crate) large_bodies: Semaphore,
    pub(crate) enrolment_locks: Vec<tokio::sync::Mutex<()>>,
    /// Held while a secret for one device is bound to the first host that uses it.
    pub(crate) binding_lock: tokio::sync::Mutex<()>,
    index: RwLock<Index>,
    secrets: Mutex<HashMap<String, EnrollSecret>>,
    /// SHA-256 of the public keys of revoked certificates, lower-case hex.
    revoked: RwLock<HashSet<String>>,
    /// What active exceptions permit, by device and by node.
    excuses: RwLock<HashMap<Uuid, Vec<Excuse>>>,
    enrolments: Mutex<TokenBucket>,
    sessions: Mutex<HashMap<String, Uuid>>,
}

impl PostureGate {
    /// Loads nodes, results and verdicts from the store.
    ///
    /// # Errors
    /// [`GateError::Store`] when the store cannot be read.
    pub async fn open(
        store: Store,
        checks: Arc<CheckSet>,
        settings: PostureSettings,
    ) -> Result<Self, GateError> {
        let now = now_us();
        let gate = Self {
            shared: Arc::new(Shared {
                enrolments: Mutex::new(TokenBucket::full(settings.enrolment_rate, now)),
                store,
                checks,
                settings,
                counting: Counting::default(),
                requests: Semaphore::new(MAX_REQUESTS),
                large_bodies: Semaphore::new(MAX_LARGE_BODIES),
                enrolment_locks: (0..ENROLMENT_LOCKS)
                    .map(|_| tokio::sync::Mutex::new(()))
                    .collect(),
                binding_lock: tokio::sync::Mutex::new(()),
                index: RwLock::new(Index::default()),
                secrets: Mutex::new(HashMap::new()),
                revoked: RwLock::default(),
                excuses: RwLock::default(),
                sessions: Mutex::new(HashMap::new()),
            }),
        };
        gate.load_revoked().await?;
        gate.load_exceptions().await?;
        gate.load_all().await?;
        Ok(gate)
    }

    /// All osquery endpoints, under `/api/v1/osquery/` and `/api/osquery/`. The listener should put
    /// a [`crate::TlsPeer`] into the extensions of each request.
    pub fn router(&self) -> axum::Router {
        crate::osquery::router(self)
    }

    /// The posture of a subject. Neither waits nor reads the database.
    pub fn posture(&self, subject: &Subject<'_>, now_us: i64) -> Posture {
        let Some((node, level, reason)) = self.best(subject) else {
            return Posture {
                node: None,
                verdict: Verdict::Unknown,
                failing: Vec::new(),
                advisory: Vec::new(),
                excepted: Vec::new(),
                binding: 0,
                binding_reason: "nothing ties an osquery node to this session".to_owned(),
                age_s: None,
                enrolled: false,
            };
        };
        let mut state = node.lock();
        let id = state.record.id;
        let (level, reason) = state.coincidences.hold(subject, (level, reason), now_us);
        if state.record.status != NodeStatus::Active {
            return Posture {
                node: Some(id),
                verdict: Verdict::Unknown,
                failing: Vec::new(),
                advisory: Vec::new(),
                excepted: Vec::new(),
                binding: 0,
                binding_reason: "the osquery node waits for approval: it contradicts another host"
                    .to_owned(),
                age_s: None,
                enrolled: false,
            };
        }
        let judgement = if state.expired(now_us) {
            let results: Vec<CheckResult> = state.results.values().cloned().collect();
            let max_age = self.shared.settings.max_age;
            verdict(
                &self.shared.checks,
                &state.record.platform,
                &results,
                &state.excuses,
                now_us,
                max_age,
            )
        } else {
            state.judgement.clone()
        };
        let age_s = judgement
            .newest_us
            .map(|us| now_us.saturating_sub(us).max(0) / 1_000_000);
        let (failing, advisory, excepted) = if level == Binding::B0 {
            Default::default()
        } else {
            (judgement.failing, judgement.advisory, judgement.excepted)
        };
        Posture {
            node: Some(id),
            verdict: effective(judgement.verdict, level),
            failing,
            advisory,
            excepted,
            binding: level.level(),
            binding_reason: reason,
            age_s,
            enrolled: level > Binding::B0,
        }
    }

    /// A session of the subject has started: its host is asked at once and polls faster. The first
    /// answer to a question asked after the start is published even when the verdict is the same,
    /// because it can make the binding stronger.
    pub fn session_started(&self, subject: &Subject<'_>, session: SessionRef) {
        if let Some((node, ..)) = self.best(subject) {
            self.follow(&node, session);
        }
    }

    /// Something about a session is new, usually the address it uses. Ask [`Self::posture`] again
    /// afterwards: the binding may have changed.
    pub fn session_updated(&self, subject: &Subject<'_>, session: SessionRef) {
        let Some((node, ..)) = self.best(subject) else {
            return;
        };
        if node.lock().session_updated(&session) {
            self.follow(&node, session);
        }
    }

    /// A session has ended.
    pub fn session_stopped(&self, token: &str) {
        let node = lock(&self.shared.sessions).remove(token);
        if let Some(node) = node.and_then(|id| self.node(id)) {
            node.lock().session_stopped(token);
        }
    }

    /// Asks the host of a node at its next poll.
    pub fn ask_now(&self, node: Uuid) {
        if let Some(node) = self.node(node) {
            node.lock()
                .hurry(now_us(), self.shared.settings.accelerate_s);
        }
    }

    /// The nodes that run on a device, and how they are.
    pub fn nodes_of(&self, device: Uuid) -> Vec<NodePosture> {
        let nodes: Vec<_> = self.index().find(&Term::Device(device)).collect();
        nodes.iter().map(|node| view(&node.lock())).collect()
    }

    /// One node, and how it is.
    pub fn node_posture(&self, node: Uuid) -> Option<NodePosture> {
        self.node(node).map(|node| view(&node.lock()))
    }

    /// Every node, and how it is, oldest first.
    pub fn nodes(&self) -> Vec<NodePosture> {
        let nodes = self.index().all();
        let mut nodes: Vec<NodePosture> = nodes.iter().map(|node| view(&node.lock())).collect();
        nodes.sort_by_key(|node| node.node.id);
        nodes
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.index().len()
    }

    /// What has happened since the gate opened.
    pub fn counters(&self) -> Counters {
        self.shared.counting.read()
    }

    /// The checks in use.
    pub fn checks(&self) -> &Arc<CheckSet> {
        &self.shared.checks
    }

    fn follow(&self, node: &Node, session: SessionRef) {
        let token = session.token.clone();
        let id = {
            let mut state = node.lock();
            state.session_started(session, now_us(), self.shared.settings.accelerate_s);
            state.record.id
        };
        let mut sessions = lock(&self.shared.sessions);
        if sessions.len() < MAX_SESSIONS {
            sessions.insert(token, id);
        }
    }

    /// The node with the strongest binding to the subject; of equals, one that counts, then the one
    /// heard last.
    fn best(&self, subject: &Subject<'_>) -> Option<(Arc<Node>, Binding, String)> {
        let text = |value: Option<&str>| value.map(str::to_ascii_lowercase);
        let lookups = [
            text(subject.spki).map(Term::Spki),
            text(subject.asserted_id).map(Term::Asserted),
            subject
                .asserted_id
                .and_then(|id| Uuid::try_parse(id).ok())
                .map(Term::Device),
            subject.device_id.map(Term::Device),
            text(subject.mac).map(Term::Mac),
        ];
        let candidates: Vec<Arc<Node>> = {
            let index = self.index();
            lookups
                .iter()
                .flatten()
                .flat_map(|term| index.find(term).take(32))
                .collect()
        };
        let mut best: Option<(Arc<Node>, Binding, String)> = None;
        let mut best_rank = (Binding::B0, false, 0);
        for node in candidates {
            let (level, reason, rank) = {
                let state = node.lock();
                if state.record.status == NodeStatus::Replaced {
                    continue;
                }
                let seen = Observed {
                    certificate_revoked: self.is_revoked(state.record.client_spki.as_deref()),
                    ..state.observed()
                };
                let (level, reason) = binding(subject, &state.record, seen);
                let active = state.record.status == NodeStatus::Active;
                // A node that waits for approval must not hide one that counts.
                let level = if active { level } else { Binding::B0 };
                (level, reason, (level, active, state.record.last_seen_us))
            };
            if best.is_none() || rank > best_rank {
                best = Some((node, level, reason));
                best_rank = rank;
            }
        }
        best
    }

    /// Whether the certificate with this key is revoked.
    pub(crate) fn is_revoked(&self, spki: Option<&str>) -> bool {
        let revoked = self.shared.revoked.read();
        let revoked = revoked.unwrap_or_else(PoisonError::into_inner);
        spki.is_some_and(|spki| revoked.contains(spki))
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.shared
            .index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.shared
            .index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn node(&self, id: Uuid) -> Option<Arc<Node>> {
        self.index().node(id)
    }

    /// Files a node under what its record shows now.
    pub(crate) fn file(&self, node: &Arc<Node>) {
        let (id, terms) = {
            let mut state = node.lock();
            state.excuses = self.excuses_of(&state.record);
            (state.record.id, terms(&state.record))
        };
        self.index_mut().file(id, Arc::clone(node), terms);
    }

    /// Whether another enrolment may be worked on now.
    pub(crate) fn may_enrol(&self, now_us: i64) -> bool {
        lock(&self.shared.enrolments).take(self.shared.settings.enrolment_rate, now_us)
    }

    /// The secret with this SHA-256, from memory or the store.
    pub(crate) async fn secret(&self, sha256: &str) -> Result<Option<EnrollSecret>, StoreError> {
        if let Some(secret) = lock(&self.shared.secrets).get(sha256) {
            return Ok(Some(secret.clone()));
        }
        let secret = self.shared.store.enroll_secret_by_hash(sha256).await?;
        if let Some(secret) = &secret {
            let mut secrets = lock(&self.shared.secrets);
            if secrets.len() < MAX_SECRETS {
                secrets.insert(sha256.to_owned(), secret.clone());
            }
        }
        Ok(secret)
    }

    /// Remembers that a secret's use has been noted.
    pub(crate) fn secret_used(&self, id: Uuid, now_us: i64) {
        for secret in lock(&self.shared.secrets)
            .values_mut()
            .filter(|secret| secret.id == id)
        {
            secret.last_used_us = Some(now_us);
        }
    }
}

impl std::fmt::Debug for PostureGate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostureGate")
            .field("nodes", &self.node_count())
            .finish_non_exhaustive()
    }
}

fn view(state: &NodeState) -> NodePosture {
    NodePosture {
        node: state.record.clone(),
        verdict: state.judgement.verdict,
        failing: state.judgement.failing.clone(),
        advisory: state.judgement.advisory.clone(),
        unanswered: state.judgement.unanswered.clone(),
        excepted: state.judgement.excepted.clone(),
        results: state.results.values().cloned().collect(),
    }
}

/// A panic elsewhere must not stop everybody: what a lock guards here is never left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, micros)
}
