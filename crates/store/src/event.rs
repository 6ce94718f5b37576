//! The change feed: who changes something here tells everybody who reads it.
//!
//! Every mutating method inserts its rows of the table `change` in its own transaction and, once that is committed,
//! publishes them to the subscribers of this process. [`Store::watch`] finds the rows of other processes.

use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::{Store, StoreError, now_us, sql::sql, sql::words};

/// The key that says: reload everything of this kind.
pub const EVERYTHING: &str = "*";

/// How long change rows are kept, in microseconds. Who has not looked for longer than this reloads everything.
const RETENTION_US: i64 = 3_600_000_000;
/// How many rows one poll takes at most.
const POLL_ROWS: i64 = 1_000;
/// How long one look may take: a server that vanished answers nothing at all.
const LOOK_DEADLINE: Duration = Duration::from_secs(10);
/// How often old rows are pruned.
const PRUNE_INTERVAL: Duration = Duration::from_secs(300);

words! {
    /// What kind of thing changed, and what [`Event::key`] names.
    pub enum EventKind {
        /// A RADIUS client, by name.
        Client = "client",
        /// A segment, by name.
        Segment = "segment",
        /// An offer of methods, by name.
        Offer = "offer",
        /// A user, by name.
        User = "user",
        /// A device, by id.
        Device = "device",
        /// A MAC that has a supplicant, by itself: somebody had it forgotten.
        Supplicant = "supplicant",
        /// A quarantine, by its own id.
        Quarantine = "quarantine",
        /// An exception, by id.
        Exception = "exception",
        /// Break-glass, by the id of its use.
        BreakGlass = "break-glass",
        /// A host that is to be checked again, by the node's id.
        Recheck = "recheck",
        /// The policy, by its new version number.
        Policy = "policy",
        /// The portal's settings, by site.
        Portal = "portal",
        /// The certification authority, always `1`.
        Authority = "authority",
        /// A certificate, by serial number.
        Certificate = "certificate",
        /// An osquery enrolment secret, by name.
        EnrollSecret = "enroll-secret",
        /// An osquery node, by id.
        Node = "node",
        /// A node's verdict, by the node's id.
        Posture = "posture",
        /// A session, by id. The writer reports its own many with one [`EVERYTHING`], at most once a second.
        Session = "session",
        /// A guest, by id.
        Guest = "guest",
        /// A voucher batch, by id.
        Voucher = "voucher",
        /// A message in the mail queue, by id.
        Mail = "mail",
        /// A command to a live session, by the id of its enforcement.
        SessionCommand = "session-command",
        /// An administrator, by id.
        Administrator = "administrator",
        /// An enforcement, by id. The writer reports its own as with sessions.
        Enforcement = "enforcement",
    }
}

/// Something in the database is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number of the change; it grows in the order of commits. 0 where no row of the feed stands behind it.
    pub seq: i64,
    /// What kind of thing.
    pub kind: EventKind,
    /// Which one, or [`EVERYTHING`].
    pub key: String,
}

/// One "reload everything" of every kind.
pub fn reload_everything() -> Vec<Event> {
    EventKind::ALL
        .iter()
        .map(|&kind| Event {
            seq: 0,
            kind,
            key: EVERYTHING.to_owned(),
        })
        .collect()
}

/// Waits for the next events. A subscriber that was too slow gets [`reload_everything`], so nothing is ever missed.
///
/// `None` means that the store is gone.
pub async fn next_events(receiver: &mut broadcast::Receiver<Event>) -> Option<Vec<Event>> {
    match receiver.recv().await {
        Ok(event) => Some(vec![event]),
        Err(broadcast::error::RecvError::Lagged(_)) => Some(reload_everything()),
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

#[derive(sqlx::FromRow)]
struct ChangeRow {
    seq: i64,
    kind: String,
    key: String,
}

/// How far a watcher has read.
struct Watch {
    seen: i64,
    pruned: tokio::time::Instant,
}

impl Store {
    /// The changes from now on: those of this process as soon as they are committed, those of others as soon as
    /// [`Store::watch`] finds them. A receiver that lags must reload; [`next_events`] does that for its caller.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events().subscribe()
    }

    /// Publishes what other processes change, until cancelled. Looks every `interval`; survives an outage of the
    /// database, and tells everybody to reload after one that outlasted the feed.
    pub async fn watch(&self, cancel: CancellationToken, interval: Duration) {
        let mut watch: Option<Watch> = None;
        let mut failing = false;
        let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = tokio::select! {
                () = cancel.cancelled() => return,
                looked = tokio::time::timeout(LOOK_DEADLINE, self.watch_once(&mut watch)) => looked,
            };
            let looked = looked.unwrap_or(Err(StoreError::Database(sqlx::Error::PoolTimedOut)));
            match looked {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!(database = %self.place(), "the change feed can be read again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(database = %self.place(), %error, "the change feed cannot be read");
                    }
                }
            }
        }
    }

    async fn watch_once(&self, watch: &mut Option<Watch>) -> Result<(), StoreError> {
        let watch = match watch {
            Some(watch) => watch,
            // A watch starts where this store was opened, so nothing between opening and watching is missed.
            None => watch.insert(Watch {
                seen: self.opened_at_seq(),
                pruned: tokio::time::Instant::now(),
            }),
        };
        let (newest, pruned): (i64, i64) = sql!(
            self.read(),
            fetch_one as (i64, i64),
            "SELECT COALESCE((SELECT MAX(seq) FROM change), 0), \
                    COALESCE((SELECT pruned_seq FROM change_horizon WHERE id = 1), 0)"
        )?;
        // Rows that were pruned unseen, or a database that went back in time (a restored backup).
        if watch.seen < pruned || newest.max(pruned) < watch.seen {
            watch.seen = newest.max(pruned);
            for event in reload_everything() {
                self.publish(event);
            }
        }
        while watch.seen < newest {
            let rows: Vec<ChangeRow> = sql!(
                self.read(),
                fetch_all as ChangeRow,
                "SELECT seq, kind, key FROM change WHERE seq > $1 AND seq <= $2 AND origin <> $3 ORDER BY seq LIMIT $4",
                watch.seen,
                newest,
                self.origin(),
                POLL_ROWS
            )?;
            let all = i64::try_from(rows.len()).unwrap_or(POLL_ROWS) < POLL_ROWS;
            for row in rows {
                watch.seen = row.seq;
                // A kind that this version does not know is a newer process's affair.
                if let Ok(kind) = row.kind.parse() {
                    self.publish(Event {
                        seq: row.seq,
                        kind,
                        key: row.key,
                    });
                }
            }
            if all {
                watch.seen = newest;
            }
        }
        if watch.pruned.elapsed() >= PRUNE_INTERVAL {
            watch.pruned = tokio::time::Instant::now();
            self.change_prune(now_us().saturating_sub(RETENTION_US))
                .await?;
        }
        Ok(())
    }

    /// The changes after this number, oldest first; `None` when some of them are forgotten, or they are too many: then reload.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn changes_after(&self, seq: i64) -> Result<Option<Vec<Event>>, StoreError> {
        let (newest, pruned): (i64, i64) = sql!(
            self.read(),
            fetch_one as (i64, i64),
            "SELECT COALESCE((SELECT MAX(seq) FROM change), 0), \
                    COALESCE((SELECT pruned_seq FROM change_horizon WHERE id = 1), 0)"
        )?;
        if seq < pruned || seq > newest.max(pruned) {
            return Ok(None);
        }
        let rows: Vec<ChangeRow> = sql!(
            self.read(),
            fetch_all as ChangeRow,
            "SELECT seq, kind, key FROM change WHERE seq > $1 ORDER BY seq LIMIT $2",
            seq,
            POLL_ROWS
        )?;
        if i64::try_from(rows.len()).unwrap_or(POLL_ROWS) >= POLL_ROWS {
            return Ok(None);
        }
        Ok(Some(
            rows.into_iter()
                .filter_map(|row| {
                    Some(Event {
                        seq: row.seq,
                        kind: row.kind.parse().ok()?,
                        key: row.key,
                    })
                })
                .collect(),
        ))
    }

    /// Forgets the changes from before `before_us` and remembers how far that went. [`Store::watch`] does this by
    /// itself. Gives the number of rows removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn change_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let (last,): (i64,) = sql!(
            tx.on(),
            fetch_one as (i64,),
            "SELECT COALESCE(MAX(seq), 0) FROM change WHERE at_us < $1",
            before_us
        )?;
        if last == 0 {
            return Ok(0);
        }
        sql!(
            tx.on(),
            execute,
            "INSERT INTO change_horizon (id, pruned_seq) VALUES (1, $1) \
             ON CONFLICT (id) DO UPDATE SET pruned_seq = excluded.pruned_seq \
             WHERE change_horizon.pruned_seq < excluded.pruned_seq",
            last
        )?;
        let removed = sql!(tx.on(), execute, "DELETE FROM change WHERE seq <= $1", last)?;
        tx.commit().await?;
        Ok(removed)
    }
}
