//! Forgetting: how long each kind of personal data is kept, and the job that removes what is older.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    Retention, Store, StoreError, now_us,
    sql::{Json, json, sql, words},
};

/// The most batches of one table in one run; the rest waits for the next one, so that others get to write.
const BATCHES: u32 = 100;
const DAY_US: i64 = 24 * 3_600 * 1_000_000;
/// How long the records of the job itself and the hourly counts are kept, in days.
const RUNS_DAYS: i64 = 400;

words! {
    /// A kind of personal data that is kept for a time of its own.
    pub enum RetentionKind {
        /// Who asked to get on, and the answer.
        Decisions = "decisions",
        /// When somebody was on, and how much they transferred.
        Accounting = "accounting",
        /// Where somebody was on, and what was done about it.
        Sessions = "sessions",
        /// Guests and their mail, after their access ended.
        Guests = "guests",
        /// Who accepted which terms.
        Acceptances = "acceptances",
    }
}

/// One run of the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct RetentionRun {
    /// Our id.
    pub id: Uuid,
    /// When it began, in microseconds since the Unix epoch.
    pub started_us: i64,
    /// When it ended, in microseconds since the Unix epoch.
    pub finished_us: i64,
    /// How many rows of each kind it removed.
    #[sqlx(try_from = "Json<BTreeMap<RetentionKind, u64>>")]
    pub removed: BTreeMap<RetentionKind, u64>,
}

impl From<Json<Self>> for BTreeMap<RetentionKind, u64> {
    fn from(json: Json<Self>) -> Self {
        json.0
    }
}

impl Retention {
    /// Each kind with its days.
    pub fn days(&self) -> [(RetentionKind, u32); 5] {
        [
            (RetentionKind::Decisions, self.decisions_days),
            (RetentionKind::Accounting, self.accounting_days),
            (RetentionKind::Sessions, self.sessions_days),
            (RetentionKind::Guests, self.guests_days),
            (RetentionKind::Acceptances, self.acceptances_days),
        ]
    }
}

impl Store {
    /// Forgets what is older than the default site's settings allow, as seen from `at_us`, and records that.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; what was removed until then stays removed, and nothing is recorded.
    pub async fn retention_run(&self, at_us: i64) -> Result<RetentionRun, StoreError> {
        let started_us = now_us();
        let retention = self.portal_site("").await?.settings.retention;
        let mut removed = BTreeMap::new();
        for (kind, days) in retention.days() {
            let before_us = at_us - i64::from(days) * DAY_US;
            removed.insert(kind, self.forget(kind, before_us).await?);
        }
        // Counts without anybody in them.
        self.tally_prune(at_us - RUNS_DAYS * DAY_US).await?;
        let run = RetentionRun {
            id: Uuid::now_v7(),
            started_us,
            finished_us: now_us(),
            removed,
        };
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO retention_run (id, started_us, finished_us, removed) VALUES ($1, $2, $3, $4)",
            run.id,
            run.started_us,
            run.finished_us,
            json(&run.removed)?
        )?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM retention_run WHERE finished_us < $1",
            at_us - RUNS_DAYS * DAY_US
        )?;
        tx.commit().await?;
        Ok(run)
    }

    /// The last runs of the job, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn retention_run_list(&self, limit: u32) -> Result<Vec<RetentionRun>, StoreError> {
        sql!(
            self.read(),
            fetch_all as RetentionRun,
            "SELECT * FROM retention_run ORDER BY id DESC LIMIT $1",
            i64::from(limit.clamp(1, 1_000))
        )
    }

    async fn forget(&self, kind: RetentionKind, before_us: i64) -> Result<u64, StoreError> {
        let mut removed = 0;
        for _ in 0..BATCHES {
            let batch = match kind {
                RetentionKind::Decisions => self.decision_prune(before_us).await?,
                RetentionKind::Accounting => self.accounting_prune(before_us).await?,
                RetentionKind::Sessions => {
                    self.session_prune(before_us).await?
                        + self.enforcement_prune(before_us).await?
                        + self.supplicant_prune(before_us).await?
                }
                RetentionKind::Guests => {
                    self.guest_prune(before_us).await? + self.mail_prune(before_us).await?
                }
                RetentionKind::Acceptances => self.guest_acceptance_prune(before_us).await?,
            };
            removed += batch;
            if batch == 0 {
                break;
            }
        }
        Ok(removed)
    }
}
