//! The work of the writer: one group at a time into the database, and what becomes of it when that fails.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::{Acknowledge, Job, Shared, TICK, WriterError, lock, newer_session};
use crate::{
    Accounting, Enforcement, EventKind, Session, Store, StoreError,
    accounting::accounting_write,
    decision::DecisionRow,
    decision::decisions_write,
    enforcement::enforcements_write,
    event::EVERYTHING,
    session::{Extent, sessions_write},
    spool::Replay,
    user::codes_write,
};

/// How long the database may take for one group before it counts as away.
const COMMIT_DEADLINE: Duration = Duration::from_secs(15);
/// How long everything fails at once after the database failed, before it is asked again.
const OUTAGE_PAUSE: Duration = Duration::from_millis(500);

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct Group {
    accounting: Vec<(Box<Accounting>, Acknowledge)>,
    decisions: Vec<Arc<DecisionRow>>,
    sessions: Vec<(Session, Extent)>,
    enforcements: Vec<Enforcement>,
    /// Users, and the last time step of which they used a code.
    codes: Vec<(Uuid, i64)>,
    pub(super) flushes: Vec<oneshot::Sender<()>>,
}

impl Group {
    pub(super) fn take(&mut self, job: Job) {
        match job {
            Job::Accounting(record, acknowledge) => self.accounting.push((record, acknowledge)),
            Job::Flush(done) => self.flushes.push(done),
        }
    }

    pub(super) fn take_decision(&mut self, row: Arc<DecisionRow>) {
        self.decisions.push(row);
    }

    pub(super) fn len(&self) -> usize {
        self.accounting.len() + self.decisions.len()
    }

    /// Whether somebody waits until it is stored.
    pub(super) fn is_awaited(&self) -> bool {
        !self.accounting.is_empty()
    }

    fn rows(&self) -> usize {
        self.len() + self.sessions.len() + self.enforcements.len() + self.codes.len()
    }
}

pub(super) struct Task {
    store: Store,
    rows: usize,
    pub(super) shared: Arc<Shared>,
    replay: Option<Replay>,
    /// Until when the database is not even asked.
    outage_until: Option<Instant>,
    /// When sessions and enforcements were last told of.
    told: Option<Instant>,
    /// The kinds that changed since.
    owed: Vec<EventKind>,
}

impl Task {
    pub(super) fn new(store: Store, rows: usize, shared: Arc<Shared>) -> Self {
        Self {
            store,
            rows: rows.max(1),
            shared,
            replay: None,
            outage_until: None,
            told: None,
            owed: Vec::new(),
        }
    }

    /// Commits a group, and sees to it that nobody in it is forgotten when that fails.
    pub(super) async fn commit(&mut self, mut group: Group) {
        let flushes = std::mem::take(&mut group.flushes);
        group.sessions = take_some(&self.shared.sessions, self.rows);
        group.enforcements = take_some(&self.shared.enforcements, self.rows);
        group.codes = take_some(&self.shared.codes, self.rows);
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
    pub(super) async fn commit_states(&mut self) {
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
        for row in &group.decisions {
            self.store.decision_publish(row);
        }
    }

    /// The database is away: accounting fails, decisions are spooled, states wait on.
    fn failed(&self, group: Group, error: &StoreError) {
        self.refuse_accounting(group.accounting, error);
        self.shared.spool(&group.decisions);
        put_back(
            &self.shared.sessions,
            group.sessions,
            |row| row.0.id,
            newer_session,
        );
        put_back(
            &self.shared.enforcements,
            group.enforcements,
            |job| job.id,
            |_, _| {},
        );
        put_back(
            &self.shared.codes,
            group.codes,
            |(user, _)| *user,
            |_, _| {},
        );
    }

    /// The database will never take this.
    fn refused(&self, group: Group, error: &StoreError) {
        self.refuse_accounting(group.accounting, error);
        let counters = &self.shared.counters;
        for row in &group.decisions {
            counters.lost.fetch_add(1, Relaxed);
            tracing::error!(decision = %row.id, %error, "the database refuses a decision; it is in decisions.refused.jsonl");
            if let Err(error) = self.shared.spool.refuse(row) {
                tracing::error!(decision = %row.id, %error, "a refused decision could not be put away");
            }
        }
        for id in group
            .sessions
            .iter()
            .map(|(session, _)| session.id)
            .chain(group.enforcements.iter().map(|job| job.id))
            .chain(group.codes.iter().map(|(user, _)| *user))
        {
            counters.states_lost.fetch_add(1, Relaxed);
            tracing::error!(%id, %error, "the database refuses a session, an enforcement or a used code");
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
    pub(super) async fn tick(&mut self) {
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

    pub(super) async fn tell_owed(&mut self) {
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

async fn write_group(store: &Store, group: &Group, tell: &[EventKind]) -> Result<(), StoreError> {
    let accounting: Vec<&Accounting> = group
        .accounting
        .iter()
        .map(|(record, _)| record.as_ref())
        .collect();
    let sessions = |extent| -> Vec<&Session> {
        let sessions = group.sessions.iter();
        let sessions = sessions.filter(|(_, theirs)| *theirs == extent);
        sessions.map(|(session, _)| session).collect()
    };
    let enforcements: Vec<&Enforcement> = group.enforcements.iter().collect();
    let mut tx = store.write().await?;
    accounting_write(&mut tx, &accounting).await?;
    decisions_write(&mut tx, &group.decisions).await?;
    for extent in [Extent::Whole, Extent::Signs] {
        sessions_write(&mut tx, &sessions(extent), extent).await?;
    }
    enforcements_write(&mut tx, &enforcements).await?;
    codes_write(&mut tx, &group.codes).await?;
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
    singles.extend(group.codes.into_iter().map(|row| Group {
        codes: vec![row],
        ..Group::default()
    }));
    singles
}

fn away() -> StoreError {
    StoreError::Database(sqlx::Error::PoolTimedOut)
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
fn put_back<T>(
    states: &Mutex<HashMap<Uuid, T>>,
    rows: Vec<T>,
    id: impl Fn(&T) -> Uuid,
    newer: impl Fn(&mut T, &T),
) {
    let mut states = lock(states);
    for row in rows {
        match states.entry(id(&row)) {
            Entry::Occupied(mut waiting) => newer(waiting.get_mut(), &row),
            Entry::Vacant(place) => {
                place.insert(row);
            }
        }
    }
}
