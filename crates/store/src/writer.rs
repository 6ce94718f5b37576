//! The writer: what arrives at a high rate is committed in groups by one task.
//!
//! * Accounting is acknowledged after its commit. A full queue or a failed commit is an error, so that the server does not
//!   answer and the NAS sends again: the protocol's own back-pressure (RFC 2866 section 2).
//! * Decisions are never dropped silently: what the queue or the database cannot take goes to the spool, and from there
//!   into the database when it works again.
//! * Sessions and enforcements are states, not histories: only the newest of each waits, and it waits until it is stored.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Accounting, DecisionRecord, Enforcement, EventKind, Session, Store, StoreError,
    accounting::accounting_write,
    decision::decisions_write,
    enforcement::enforcements_write,
    event::EVERYTHING,
    session::sessions_write,
    spool::{Replay, Spool},
};

/// How long the database may take for one group before it counts as away.
const COMMIT_DEADLINE: Duration = Duration::from_secs(15);
/// How long everything fails at once after the database failed, before it is asked again.
const OUTAGE_PAUSE: Duration = Duration::from_millis(500);
/// How often the writer looks at its spool, and how often it tells of sessions and enforcements.
const TICK: Duration = Duration::from_secs(1);
/// The most states that wait for the database, per kind. The newest beyond that are refused, and counted.
const STATES_MAX: usize = 262_144;

/// How the writer groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterSettings {
    /// How many accounting records and decisions may wait.
    pub queue: usize,
    /// How many rows of a kind go into one transaction at most.
    pub rows: usize,
    /// How long a transaction waits for company.
    pub linger: Duration,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self {
            queue: 8_192,
            rows: 512,
            linger: Duration::from_millis(5),
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
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
    shared: Arc<Shared>,
}

/// The task that writes. [`Writer::run`] is it.
pub struct Writer {
    store: Store,
    settings: WriterSettings,
    jobs: mpsc::Receiver<Job>,
    handle: WriterHandle,
}

struct Shared {
    spool: Spool,
    sessions: Mutex<HashMap<Uuid, Session>>,
    enforcements: Mutex<HashMap<Uuid, Enforcement>>,
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
    Decision(Arc<DecisionRecord>),
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
    pub fn decision(&self, record: impl Into<Arc<DecisionRecord>>) {
        let refused = match self.queue.try_send(Job::Decision(record.into())) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) => {
                job
            }
        };
        if let Job::Decision(record) = refused {
            self.shared.spool(std::slice::from_ref(&record));
        }
    }

    /// Stores a session as it is now, soon. Only the newest state of a session waits.
    pub fn session(&self, session: Session) {
        self.shared.wait(&self.shared.sessions, session.id, session);
    }

    /// Stores an enforcement as it is now, soon. Only the newest state of an enforcement waits.
    pub fn enforcement(&self, enforcement: Enforcement) {
        self.shared
            .wait(&self.shared.enforcements, enforcement.id, enforcement);
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
            waiting: (self.queue.max_capacity() - self.queue.capacity()) as u64,
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
        let shared = Arc::new(Shared {
            spool,
            sessions: Mutex::default(),
            enforcements: Mutex::default(),
            wake: Notify::new(),
            counters: Counters::default(),
        });
        Ok(Self {
            store,
            settings,
            jobs,
            handle: WriterHandle { queue, shared },
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
            handle,
        } = self;
        let mut task = Task {
            store,
            rows: settings.rows.max(1),
            shared: Arc::clone(&handle.shared),
            replay: None,
            outage_until: None,
            told: None,
            owed: Vec::new(),
        };
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
                () = wake.wake.notified() => {}
                _ = ticks.tick() => {
                    task.tick().await;
                    continue;
                }
            }
            gather(&mut group, &mut jobs, &settings, &cancel).await;
            task.commit(std::mem::take(&mut group)).await;
        }
        // Nobody gets in any more; what is in is stored.
        jobs.close();
        while let Some(job) = jobs.recv().await {
            group.take(job);
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

/// Takes what comes until the group is full, its time is over, or somebody waits for a flush.
async fn gather(
    group: &mut Group,
    jobs: &mut mpsc::Receiver<Job>,
    settings: &WriterSettings,
    cancel: &CancellationToken,
) {
    let deadline = Instant::now() + settings.linger;
    while group.len() < settings.rows && group.flushes.is_empty() {
        if let Ok(job) = jobs.try_recv() {
            group.take(job);
            continue;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = tokio::time::sleep_until(deadline) => return,
            job = jobs.recv() => match job {
                Some(job) => group.take(job),
                None => return,
            },
        }
    }
}

/// What goes into one transaction.
#[derive(Default)]
struct Group {
    accounting: Vec<(Box<Accounting>, Acknowledge)>,
    decisions: Vec<Arc<DecisionRecord>>,
    sessions: Vec<Session>,
    enforcements: Vec<Enforcement>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Group {
    fn take(&mut self, job: Job) {
        match job {
            Job::Accounting(record, acknowledge) => self.accounting.push((record, acknowledge)),
            Job::Decision(record) => self.decisions.push(record),
            Job::Flush(done) => self.flushes.push(done),
        }
    }

    fn len(&self) -> usize {
        self.accounting.len() + self.decisions.len()
    }

    fn rows(&self) -> usize {
        self.len() + self.sessions.len() + self.enforcements.len()
    }
}

struct Task {
    store: Store,
    rows: usize,
    shared: Arc<Shared>,
    replay: Option<Replay>,
    /// Until when the database is not even asked.
    outage_until: Option<Instant>,
    /// When sessions and enforcements were last told of.
    told: Option<Instant>,
    /// The kinds that changed since.
    owed: Vec<EventKind>,
}

impl Task {
    /// Commits a group, and sees to it that nobody in it is forgotten when that fails.
    async fn commit(&mut self, mut group: Group) {
        let flushes = std::mem::take(&mut group.flushes);
        group.sessions = take_some(&self.shared.sessions, self.rows);
        group.enforcements = take_some(&self.shared.enforcements, self.rows);
        match self.write(&group).await {
            Ok(()) => self.committed(group),
            Err(error) if error.is_outage() || group.rows() == 0 => self.failed(group, &error),
            // Something in there is not to the database's taste: find out what, and store the rest.
            Err(error) => {
                tracing::warn!(%error, rows = group.rows(), "a group of rows was refused; trying them one by one");
                for single in singles(group) {
                    match self.write(&single).await {
                        Ok(()) => self.committed(single),
                        Err(error) if error.is_outage() => self.failed(single, &error),
                        Err(error) => self.refused(single, &error),
                    }
                }
            }
        }
        if !flushes.is_empty() {
            self.commit_states().await;
        }
        self.shared.sync().await;
        for done in flushes {
            // Whoever no longer waits does not mind.
            let _ = done.send(());
        }
        if self.outage_until.is_none() && self.shared.states_wait() {
            self.shared.wake.notify_one();
        }
    }

    /// Stores the states that still wait, as long as the database takes them.
    async fn commit_states(&mut self) {
        while self.outage_until.is_none() && self.shared.states_wait() {
            Box::pin(self.commit(Group::default())).await;
        }
    }

    async fn write(&mut self, group: &Group) -> Result<(), StoreError> {
        if group.rows() == 0 {
            return Ok(());
        }
        if self
            .outage_until
            .is_some_and(|until| Instant::now() < until)
        {
            return Err(away());
        }
        let tell = self.tell(group);
        let written =
            tokio::time::timeout(COMMIT_DEADLINE, write_group(&self.store, group, &tell)).await;
        let written = written.unwrap_or_else(|_| Err(away()));
        let counters = &self.shared.counters;
        match &written {
            Ok(()) => {
                counters.transactions.fetch_add(1, Relaxed);
                if !tell.is_empty() {
                    self.told = Some(Instant::now());
                    self.owed.clear();
                }
                if self.outage_until.take().is_some() {
                    tracing::info!(database = %self.store.place(), "the database takes records again");
                }
            }
            Err(error) => {
                counters.failures.fetch_add(1, Relaxed);
                if error.is_outage() {
                    if self.outage_until.is_none() {
                        tracing::error!(database = %self.store.place(), %error,
                            "the database takes no records: accounting is not answered, decisions are spooled");
                    }
                    self.outage_until = Some(Instant::now() + OUTAGE_PAUSE);
                }
            }
        }
        written
    }

    /// The kinds to tell of with this group; at most once a second, so that a storm of sessions is not a storm of events.
    fn tell(&mut self, group: &Group) -> Vec<EventKind> {
        if !group.sessions.is_empty() {
            self.owed.push(EventKind::Session);
        }
        if !group.enforcements.is_empty() {
            self.owed.push(EventKind::Enforcement);
        }
        self.owed.sort();
        self.owed.dedup();
        if self.told.is_some_and(|told| told.elapsed() < TICK) {
            Vec::new()
        } else {
            self.owed.clone()
        }
    }

    fn committed(&self, group: Group) {
        let counters = &self.shared.counters;
        counters.committed.fetch_add(group.rows() as u64, Relaxed);
        for (_, acknowledge) in group.accounting {
            // The server may have given up waiting; the record is stored all the same.
            let _ = acknowledge.send(Ok(()));
        }
        for record in &group.decisions {
            self.store.decision_publish(record);
        }
    }

    /// The database is away: accounting fails, decisions are spooled, states wait on.
    fn failed(&self, group: Group, error: &StoreError) {
        self.refuse_accounting(group.accounting, error);
        self.shared.spool(&group.decisions);
        put_back(&self.shared.sessions, group.sessions, |session| session.id);
        put_back(&self.shared.enforcements, group.enforcements, |job| job.id);
    }

    /// The database will never take this.
    fn refused(&self, group: Group, error: &StoreError) {
        self.refuse_accounting(group.accounting, error);
        let counters = &self.shared.counters;
        for record in &group.decisions {
            counters.lost.fetch_add(1, Relaxed);
            tracing::error!(decision = %record.id, %error, "the database refuses a decision; it is in decisions.refused.jsonl");
            if let Err(error) = self.shared.spool.refuse(record) {
                tracing::error!(decision = %record.id, %error, "a refused decision could not be put away");
            }
        }
        for id in group
            .sessions
            .iter()
            .map(|session| session.id)
            .chain(group.enforcements.iter().map(|job| job.id))
        {
            counters.states_lost.fetch_add(1, Relaxed);
            tracing::error!(%id, %error, "the database refuses a session or enforcement");
        }
    }

    fn refuse_accounting(&self, records: Vec<(Box<Accounting>, Acknowledge)>, error: &StoreError) {
        if records.is_empty() {
            return;
        }
        let why: Arc<str> = error.to_string().into();
        for (_, acknowledge) in records {
            let _ = acknowledge.send(Err(WriterError::Failed(Arc::clone(&why))));
        }
    }

    /// Once a second: tells what is owed, asks a failed database again, brings back a piece of the spool.
    async fn tick(&mut self) {
        if self
            .outage_until
            .is_some_and(|until| Instant::now() >= until)
            && self.store.ping().await.is_ok()
        {
            self.outage_until = None;
            tracing::info!(database = %self.store.place(), "the database answers again");
        }
        if self.outage_until.is_none() {
            self.tell_owed().await;
            if self.shared.states_wait() {
                self.shared.wake.notify_one();
            }
            self.replay_some().await;
        }
        self.shared.sync().await;
    }

    async fn tell_owed(&mut self) {
        if self.owed.is_empty() || self.outage_until.is_some() {
            return;
        }
        let told = async {
            let mut tx = self.store.write().await?;
            for &kind in &self.owed {
                tx.changed(kind, EVERYTHING);
            }
            tx.commit().await
        };
        if let Ok(Ok(())) = tokio::time::timeout(COMMIT_DEADLINE, told).await {
            self.owed.clear();
            self.told = Some(Instant::now());
        }
    }

    /// Up to sixteen groups of spooled decisions; more another time, so that live ones are not held up.
    async fn replay_some(&mut self) {
        for _ in 0..16 {
            match self.replay_once().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(%error, "the spool cannot be read");
                    return;
                }
            }
        }
    }

    async fn replay_once(&mut self) -> std::io::Result<bool> {
        let mut replay = match self.replay.take() {
            Some(replay) => replay,
            None => match self.shared.spool.replay().await? {
                Some(replay) => replay,
                None => return Ok(false),
            },
        };
        if !replay.fill(&self.shared.spool, self.rows).await? {
            if replay.unreadable > 0 {
                self.shared
                    .counters
                    .lost
                    .fetch_add(replay.unreadable, Relaxed);
                tracing::error!(
                    lines = replay.unreadable,
                    "spooled decisions could not be read; see decisions.refused.jsonl"
                );
            }
            replay.finish().await?;
            return Ok(true);
        }
        let group = Group {
            decisions: replay.pending.clone(),
            ..Group::default()
        };
        let count = group.rows() as u64;
        match self.write(&group).await {
            Ok(()) => {
                self.shared.counters.replayed.fetch_add(count, Relaxed);
                replay.pending.clear();
            }
            // They stay pending, in the file and in here.
            Err(error) if error.is_outage() => {
                self.replay = Some(replay);
                return Ok(false);
            }
            Err(_) => {
                for single in singles(group) {
                    match self.write(&single).await {
                        Ok(()) => {
                            self.shared.counters.replayed.fetch_add(1, Relaxed);
                        }
                        Err(error) if error.is_outage() => {
                            self.replay = Some(replay);
                            return Ok(false);
                        }
                        Err(error) => self.refused(single, &error),
                    }
                }
                replay.pending.clear();
            }
        }
        self.replay = Some(replay);
        Ok(true)
    }
}

impl Shared {
    fn spool(&self, records: &[Arc<DecisionRecord>]) {
        if records.is_empty() {
            return;
        }
        let count = records.len() as u64;
        match self.spool.append(records.iter().map(Arc::as_ref)) {
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

    fn wait<T>(&self, states: &Mutex<HashMap<Uuid, T>>, id: Uuid, state: T) {
        let mut states = lock(states);
        if states.len() >= STATES_MAX && !states.contains_key(&id) {
            drop(states);
            self.counters.states_lost.fetch_add(1, Relaxed);
            tracing::error!(%id, "too many sessions or enforcements wait for the database; this one is given up");
            return;
        }
        states.insert(id, state);
        drop(states);
        self.wake.notify_one();
    }

    fn states_wait(&self) -> bool {
        !lock(&self.sessions).is_empty() || !lock(&self.enforcements).is_empty()
    }
}

async fn write_group(store: &Store, group: &Group, tell: &[EventKind]) -> Result<(), StoreError> {
    let accounting: Vec<&Accounting> = group
        .accounting
        .iter()
        .map(|(record, _)| record.as_ref())
        .collect();
    let sessions: Vec<&Session> = group.sessions.iter().collect();
    let enforcements: Vec<&Enforcement> = group.enforcements.iter().collect();
    let mut tx = store.write().await?;
    accounting_write(&mut tx, &accounting).await?;
    decisions_write(&mut tx, &group.decisions).await?;
    sessions_write(&mut tx, &sessions).await?;
    enforcements_write(&mut tx, &enforcements).await?;
    for &kind in tell {
        tx.changed(kind, EVERYTHING);
    }
    tx.commit().await
}

/// The group's rows, each on its own.
fn singles(group: Group) -> Vec<Group> {
    let mut singles = Vec::with_capacity(group.rows());
    singles.extend(group.accounting.into_iter().map(|row| Group {
        accounting: vec![row],
        ..Group::default()
    }));
    singles.extend(group.decisions.into_iter().map(|row| Group {
        decisions: vec![row],
        ..Group::default()
    }));
    singles.extend(group.sessions.into_iter().map(|row| Group {
        sessions: vec![row],
        ..Group::default()
    }));
    singles.extend(group.enforcements.into_iter().map(|row| Group {
        enforcements: vec![row],
        ..Group::default()
    }));
    singles
}

fn away() -> StoreError {
    StoreError::Database(sqlx::Error::PoolTimedOut)
}

fn lock<T>(states: &Mutex<T>) -> MutexGuard<'_, T> {
    // A map is usable whatever its holder did.
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_some<T>(states: &Mutex<HashMap<Uuid, T>>, most: usize) -> Vec<T> {
    let mut states = lock(states);
    if states.len() <= most {
        return std::mem::take(&mut *states).into_values().collect();
    }
    let ids: Vec<Uuid> = states.keys().copied().take(most).collect();
    ids.iter().filter_map(|id| states.remove(id)).collect()
}

/// Lets states wait on, unless a newer one has come in meanwhile.
fn put_back<T>(states: &Mutex<HashMap<Uuid, T>>, rows: Vec<T>, id: impl Fn(&T) -> Uuid) {
    let mut states = lock(states);
    for row in rows {
        states.entry(id(&row)).or_insert(row);
    }
}
