//! The writer: what arrives at a high rate is committed in groups by one task.
//!
//! * Accounting is acknowledged after its commit. A full queue or a failed commit is an error, so that the server does not
//!   answer and the NAS sends again: the protocol's own back-pressure (RFC 2866 section 2).
//! * Accounting does not wait behind decisions, for somebody waits for its acknowledgement: a flood of logins would otherwise
//!   end accounting.
//! * Decisions are never dropped silently: what the queue or the database cannot take goes to the spool, and from there
//!   into the database when it works again.
//! * Sessions, enforcements and the codes that users used are states, not histories: only the newest of each waits, and it waits until it is stored.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Accounting, DecisionRecord, Enforcement, Session, Store, StoreError, decision::DecisionRow,
    session::Extent, spool::Spool,
};

mod task;

use task::{Group, Task};

/// How often the writer looks at its spool, and how often it tells of sessions and enforcements.
const TICK: Duration = Duration::from_secs(1);
/// The most states that wait for the database, per kind. The newest beyond that are refused, and counted.
const STATES_MAX: usize = 262_144;

/// How the writer groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterSettings {
    /// How many accounting records may wait, and how many decisions.
    pub queue: usize,
    /// How many rows of a kind go into one transaction at most.
    pub rows: usize,
    /// How long a transaction waits for company. Where a NAS waits for the acknowledgement of an accounting record it does not: the
    /// next ones gather while it is written.
    pub linger: Duration,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self {
            queue: 16_384,
            rows: 2_048,
            linger: Duration::from_millis(25),
        }
    }
}

/// Why an accounting record was not stored. Do not answer then: the NAS will send it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriterError {
    /// The queue is full.
    #[error("the writer's queue is full: the database is slower than what comes in")]
    Full,
    /// The commit failed.
    #[error("the database did not take it: {0}")]
    Failed(Arc<str>),
    /// The writer has stopped.
    #[error("the writer has stopped")]
    Stopped,
}

/// What the writer has done since it started, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct WriterCounters {
    /// Accounting records, decisions and states that were committed.
    pub committed: u64,
    /// Transactions that were committed.
    pub transactions: u64,
    /// Transactions that failed.
    pub failures: u64,
    /// Decisions that went to the spool.
    pub spooled: u64,
    /// Decisions that came back from the spool.
    pub replayed: u64,
    /// Decisions that neither the database nor the spool would take, or that the database will never take.
    pub lost: u64,
    /// States that were given up, because too many waited or the database will never take them.
    pub states_lost: u64,
    /// Accounting records and decisions that wait now.
    pub waiting: u64,
}

/// The writing end of a [`Writer`]. Clones share it.
#[derive(Clone)]
pub struct WriterHandle {
    queue: mpsc::Sender<Job>,
    decisions: mpsc::Sender<Arc<DecisionRow>>,
    shared: Arc<Shared>,
}

/// The task that writes. [`Writer::run`] is it.
pub struct Writer {
    store: Store,
    settings: WriterSettings,
    jobs: mpsc::Receiver<Job>,
    decisions: mpsc::Receiver<Arc<DecisionRow>>,
    handle: WriterHandle,
}

struct Shared {
    spool: Spool,
    sessions: Mutex<HashMap<Uuid, (Session, Extent)>>,
    enforcements: Mutex<HashMap<Uuid, Enforcement>>,
    codes: Mutex<HashMap<Uuid, (Uuid, i64)>>,
    wake: Notify,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    committed: AtomicU64,
    transactions: AtomicU64,
    failures: AtomicU64,
    spooled: AtomicU64,
    replayed: AtomicU64,
    lost: AtomicU64,
    states_lost: AtomicU64,
}

type Acknowledge = oneshot::Sender<Result<(), WriterError>>;

enum Job {
    Accounting(Box<Accounting>, Acknowledge),
    Flush(oneshot::Sender<()>),
}

impl WriterHandle {
    /// Stores an accounting record; resolves when it is committed.
    ///
    /// # Errors
    ///
    /// [`WriterError`] when it is not stored. Do not answer the NAS then.
    pub async fn accounting(&self, record: Accounting) -> Result<(), WriterError> {
        let (acknowledge, done) = oneshot::channel();
        self.queue
            .try_send(Job::Accounting(Box::new(record), acknowledge))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => WriterError::Full,
                mpsc::error::TrySendError::Closed(_) => WriterError::Stopped,
            })?;
        done.await.unwrap_or(Err(WriterError::Stopped))
    }

    /// Stores a decision, soon. Never waits: when the queue is full or the writer has stopped, it goes to the spool.
    pub fn decision(&self, record: &DecisionRecord) {
        use mpsc::error::TrySendError::{Closed, Full};
        match DecisionRow::new(record) {
            Ok(row) => {
                if let Err(Full(row) | Closed(row)) = self.decisions.try_send(Arc::new(row)) {
                    self.shared.spool(std::slice::from_ref(&row));
                }
            }
            Err(error) => {
                self.shared.counters.lost.fetch_add(1, Relaxed);
                tracing::error!(decision = %record.id, %error, "a decision cannot be written down and is lost");
            }
        }
    }

    /// Stores a session as it is now, soon. Only the newest state of a session waits.
    pub fn session(&self, session: Session) {
        self.wait_session(session, Extent::Whole);
    }

    /// The same, where a session that goes on has only been heard of again: nothing has changed by which it is found, which are its
    /// client, MAC address, user, device, address, method and segment.
    pub fn session_heard(&self, session: Session) {
        self.wait_session(session, Extent::Signs);
    }

    fn wait_session(&self, session: Session, extent: Extent) {
        let row = (session, extent);
        self.shared
            .wait(&self.shared.sessions, row.0.id, row, newer_session);
    }

    /// Stores an enforcement as it is now, soon. Only the newest state of an enforcement waits.
    pub fn enforcement(&self, enforcement: Enforcement) {
        self.shared.wait(
            &self.shared.enforcements,
            enforcement.id,
            enforcement,
            |_, _| {},
        );
    }

    /// Stores, soon, that a user's code of this time step was used, so that a restart does not make it good again. Steps grow: only
    /// the newest of a user waits.
    pub fn code_used(&self, user: Uuid, step: i64) {
        self.shared
            .wait(&self.shared.codes, user, (user, step), |_, _| {});
    }

    /// Waits until everything handed in before is stored, spooled or refused.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Job::Flush(done)).await.is_ok() {
            // The writer stopping is an end of waiting too.
            let _ = flushed.await;
        }
    }

    /// What the writer has done so far.
    pub fn counters(&self) -> WriterCounters {
        let counters = &self.shared.counters;
        WriterCounters {
            committed: counters.committed.load(Relaxed),
            transactions: counters.transactions.load(Relaxed),
            failures: counters.failures.load(Relaxed),
            spooled: counters.spooled.load(Relaxed),
            replayed: counters.replayed.load(Relaxed),
            lost: counters.lost.load(Relaxed),
            states_lost: counters.states_lost.load(Relaxed),
            waiting: (waiting(&self.queue) + waiting(&self.decisions)) as u64,
        }
    }
}

impl Writer {
    /// A writer with the usual settings. `spool_dir` is its own; it is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::CannotOpen`] when the directory cannot be written.
    pub fn new(store: Store, spool_dir: PathBuf) -> Result<Self, StoreError> {
        Self::with_settings(store, spool_dir, WriterSettings::default())
    }

    /// A writer with other settings.
    ///
    /// # Errors
    ///
    /// As [`Writer::new`].
    pub fn with_settings(
        store: Store,
        spool_dir: PathBuf,
        settings: WriterSettings,
    ) -> Result<Self, StoreError> {
        let path = spool_dir.display().to_string();
        let spool = Spool::open(spool_dir).map_err(|error| StoreError::CannotOpen {
            path,
            why: format!("{error}; it is where decisions wait while the database is away, and must be writable"),
        })?;
        let (queue, jobs) = mpsc::channel(settings.queue.max(1));
        let (decision_queue, decisions) = mpsc::channel(settings.queue.max(1));
        let shared = Arc::new(Shared {
            spool,
            sessions: Mutex::default(),
            enforcements: Mutex::default(),
            codes: Mutex::default(),
            wake: Notify::new(),
            counters: Counters::default(),
        });
        Ok(Self {
            store,
            settings,
            jobs,
            decisions,
            handle: WriterHandle {
                queue,
                decisions: decision_queue,
                shared,
            },
        })
    }

    /// The end to write to.
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// Writes until cancelled, then stores what still waits and returns.
    pub async fn run(self, cancel: CancellationToken) {
        let Self {
            store,
            settings,
            mut jobs,
            mut decisions,
            handle,
        } = self;
        let mut task = Task::new(store, settings.rows, Arc::clone(&handle.shared));
        // The queue must be able to end: the task itself holds no sender.
        drop(handle);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut group = Group::default();
        loop {
            let wake = Arc::clone(&task.shared);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                job = jobs.recv() => match job {
                    Some(job) => group.take(job),
                    None => break,
                },
                Some(record) = decisions.recv() => group.take_decision(record),
                () = wake.wake.notified() => {}
                _ = ticks.tick() => {
                    task.tick().await;
                    continue;
                }
            }
            gather(&mut group, &mut jobs, &mut decisions, &settings, &cancel).await;
            if !group.flushes.is_empty() {
                // Whoever waits means the decisions too that were handed in before.
                let before = decisions.len();
                for _ in 0..before {
                    let Ok(record) = decisions.try_recv() else {
                        break;
                    };
                    group.take_decision(record);
                    if group.len() >= settings.rows {
                        let flushes = std::mem::take(&mut group.flushes);
                        task.commit(std::mem::take(&mut group)).await;
                        group.flushes = flushes;
                    }
                }
            }
            task.commit(std::mem::take(&mut group)).await;
        }
        // Nobody gets in any more; what is in is stored.
        jobs.close();
        decisions.close();
        while let Some(job) = jobs.recv().await {
            group.take(job);
            if group.len() >= settings.rows {
                task.commit(std::mem::take(&mut group)).await;
            }
        }
        while let Some(record) = decisions.recv().await {
            group.take_decision(record);
            if group.len() >= settings.rows {
                task.commit(std::mem::take(&mut group)).await;
            }
        }
        task.commit(group).await;
        task.commit_states().await;
        task.tell_owed().await;
        task.shared.sync().await;
    }
}

/// Takes what comes until the group is full, its time is over, or somebody waits for it. It sleeps meanwhile: woken for each record, it
/// would cost more than the record does. Only the first that somebody waits for wakes it.
async fn gather(
    group: &mut Group,
    jobs: &mut mpsc::Receiver<Job>,
    decisions: &mut mpsc::Receiver<Arc<DecisionRow>>,
    settings: &WriterSettings,
    cancel: &CancellationToken,
) {
    let waiting = group.len() + jobs.len() + decisions.len();
    let is_full = waiting >= settings.rows || !group.flushes.is_empty();
    if !group.is_awaited() && !is_full {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(settings.linger) => {}
            Some(job) = jobs.recv() => group.take(job),
        }
    }
    if group.is_awaited() {
        // Those that came with it, from the same socket, come in first.
        tokio::task::yield_now().await;
    }
    while group.len() < settings.rows && group.flushes.is_empty() {
        if let Ok(job) = jobs.try_recv() {
            group.take(job);
        } else if let Ok(record) = decisions.try_recv() {
            group.take_decision(record);
        } else {
            return;
        }
    }
}

/// A newer state takes the place of one that is not stored yet: what was new then is still to be stored.
fn newer_session(newer: &mut (Session, Extent), older: &(Session, Extent)) {
    if older.1 == Extent::Whole {
        newer.1 = Extent::Whole;
    }
}

fn waiting<T>(queue: &mpsc::Sender<T>) -> usize {
    queue.max_capacity() - queue.capacity()
}

impl Shared {
    fn spool(&self, rows: &[Arc<DecisionRow>]) {
        if rows.is_empty() {
            return;
        }
        let count = rows.len() as u64;
        match self.spool.append(rows) {
            Ok(()) => {
                self.counters.spooled.fetch_add(count, Relaxed);
            }
            Err(error) => {
                self.counters.lost.fetch_add(count, Relaxed);
                tracing::error!(decisions = count, %error, "decisions could be neither stored nor spooled and are lost");
            }
        }
    }

    async fn sync(&self) {
        if let Err(error) = self.spool.sync().await {
            tracing::error!(%error, "the spool could not be put on disk");
        }
    }

    fn wait<T>(
        &self,
        states: &Mutex<HashMap<Uuid, T>>,
        id: Uuid,
        mut state: T,
        newer: impl Fn(&mut T, &T),
    ) {
        let mut states = lock(states);
        if states.len() >= STATES_MAX && !states.contains_key(&id) {
            drop(states);
            self.counters.states_lost.fetch_add(1, Relaxed);
            tracing::error!(%id, "too many sessions, enforcements or codes wait for the database; this one is given up");
            return;
        }
        match states.entry(id) {
            Entry::Occupied(mut waiting) => {
                newer(&mut state, waiting.get());
                waiting.insert(state);
            }
            Entry::Vacant(place) => {
                place.insert(state);
            }
        }
        drop(states);
        self.wake.notify_one();
    }

    fn states_wait(&self) -> bool {
        !lock(&self.sessions).is_empty()
            || !lock(&self.enforcements).is_empty()
            || !lock(&self.codes).is_empty()
    }
}

fn lock<T>(states: &Mutex<T>) -> MutexGuard<'_, T> {
    // A map is usable whatever its holder did.
    states.lock().unwrap_or_else(PoisonError::into_inner)
}
