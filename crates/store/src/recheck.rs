//! Requests to check a host again, and reports that a check is wrong.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{plain, sql},
};

/// A request that nobody answered counts as open for this long, in microseconds: as long as answers are accepted.
const OPEN_US: i64 = 120_000_000;
/// Requests of one host in [`WINDOW_US`].
const PER_WINDOW: i64 = 30;
/// One hour, in microseconds.
const WINDOW_US: i64 = 3_600_000_000;
/// Reports of one host that may be open at once.
const REPORTS_MAX: i64 = 20;
/// The longest report, in characters.
const REPORT_MAX: usize = 1_000;

/// The newest request to check a host again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Recheck {
    /// The host.
    pub node_id: Uuid,
    /// Its number: answers to questions that were asked before it do not answer it.
    pub generation: i64,
    /// Who asked.
    pub requested_by: String,
    /// When, in microseconds since the Unix epoch.
    pub requested_us: i64,
    /// The newest request that was answered.
    pub answered_generation: i64,
    /// When it was answered, in microseconds since the Unix epoch.
    pub answered_us: Option<i64>,
    #[serde(skip)]
    window_us: i64,
    #[serde(skip)]
    in_window: i64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecheckOutcome {
    /// The host is asked at its next poll.
    Asked(Recheck),
    /// An earlier request waits for its answer: that one counts.
    Waiting(Recheck),
    /// Too many within an hour.
    TooOften {
        /// When the next is possible, in microseconds since the Unix epoch.
        again_us: i64,
    },
}

impl Recheck {
    /// Whether the newest request waits for its answer.
    pub fn is_open(&self, at_us: i64) -> bool {
        self.answered_generation < self.generation
            && at_us.saturating_sub(self.requested_us) < OPEN_US
    }
}

/// Somebody says that a check is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct CheckReport {
    /// Our id.
    pub id: Uuid,
    /// The check, by name.
    #[sqlx(rename = "check_name")]
    pub check: String,
    /// The host.
    pub node_id: Option<Uuid>,
    /// The device.
    pub device_id: Option<Uuid>,
    /// Who says so.
    pub said_by: String,
    /// What they wrote.
    pub text: String,
    /// When, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// When somebody dealt with it, in microseconds since the Unix epoch.
    pub closed_us: Option<i64>,
    /// Who did.
    pub closed_by: Option<String>,
}

/// A report to file.
#[derive(Clone, Debug, Default)]
pub struct NewCheckReport {
    /// The check, by name.
    pub check: String,
    /// The host.
    pub node_id: Option<Uuid>,
    /// The device.
    pub device_id: Option<Uuid>,
    /// Who says so.
    pub said_by: String,
    /// What they wrote; may be empty.
    pub text: String,
}

impl Store {
    /// Asks for a host to be checked again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] for an unknown host.
    pub async fn recheck_request(
        &self,
        node_id: Uuid,
        by: &str,
    ) -> Result<RecheckOutcome, StoreError> {
        self.node_fetch(node_id).await?;
        let at_us = now_us();
        let mut tx = self.write().await?;
        let before: Option<Recheck> = sql!(
            tx.on(),
            fetch_optional as Recheck,
            sqlite: "SELECT * FROM recheck WHERE node_id = $1",
            postgres: "SELECT * FROM recheck WHERE node_id = $1 FOR UPDATE",
            node_id
        )?;
        let (mut window_us, mut in_window) = before
            .as_ref()
            .map_or((at_us, 0), |before| (before.window_us, before.in_window));
        if let Some(before) = before.as_ref().filter(|before| before.is_open(at_us)) {
            return Ok(RecheckOutcome::Waiting(before.clone()));
        }
        if at_us.saturating_sub(window_us) >= WINDOW_US {
            (window_us, in_window) = (at_us, 0);
        }
        if in_window >= PER_WINDOW {
            let again_us = window_us.saturating_add(WINDOW_US);
            return Ok(RecheckOutcome::TooOften { again_us });
        }
        let row: Recheck = sql!(
            tx.on(),
            fetch_one as Recheck,
            "INSERT INTO recheck (node_id, generation, requested_by, requested_us, window_us, in_window, \
             answered_generation) VALUES ($1, 1, $2, $3, $4, $5, 0) \
             ON CONFLICT (node_id) DO UPDATE SET generation = recheck.generation + 1, \
             requested_by = excluded.requested_by, requested_us = excluded.requested_us, \
             window_us = excluded.window_us, in_window = excluded.in_window RETURNING *",
            node_id,
            plain(by),
            at_us,
            window_us,
            in_window + 1
        )?;
        tx.audit(
            "node.recheck",
            format!("node:{node_id}"),
            None::<&()>,
            Some(&row),
        )?;
        tx.changed(EventKind::Recheck, node_id.to_string());
        tx.commit().await?;
        Ok(RecheckOutcome::Asked(row))
    }

    /// The newest request of a host.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn recheck_find(&self, node_id: Uuid) -> Result<Option<Recheck>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Recheck,
            "SELECT * FROM recheck WHERE node_id = $1",
            node_id
        )
    }

    /// The requests that wait for their answer, for loading all of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn recheck_list_open(&self) -> Result<Vec<Recheck>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Recheck,
            "SELECT * FROM recheck WHERE answered_generation < generation AND requested_us > $1 ORDER BY node_id",
            now_us().saturating_sub(OPEN_US)
        )
    }

    /// Notes that a request was answered, by questions that were asked after it. Nobody is told: the verdict tells.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn recheck_answered(
        &self,
        node_id: Uuid,
        generation: i64,
        at_us: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "UPDATE recheck SET answered_generation = $2, answered_us = $3 \
             WHERE node_id = $1 AND answered_generation < $2 AND generation >= $2",
            node_id,
            generation,
            at_us
        )?;
        tx.commit().await
    }

    /// Files the report that a check is wrong.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when this host's reports wait already, or too many of them.
    pub async fn check_report_add(&self, new: NewCheckReport) -> Result<CheckReport, StoreError> {
        let text: String = plain(new.text.trim()).chars().take(REPORT_MAX).collect();
        let mut tx = self.write().await?;
        let (same, all): (i64, i64) = sql!(
            tx.on(),
            fetch_one as (i64, i64),
            "SELECT CAST(COALESCE(SUM(CASE WHEN check_name = $1 THEN 1 ELSE 0 END), 0) AS BIGINT), COUNT(*) \
             FROM check_report WHERE closed_us IS NULL AND (node_id = $2 OR device_id = $3)",
            plain(&new.check),
            new.node_id,
            new.device_id
        )?;
        if same > 0 || all >= REPORTS_MAX {
            return Err(StoreError::Conflict {
                what: "this was reported already: somebody will look at it".to_owned(),
            });
        }
        let row: CheckReport = sql!(
            tx.on(),
            fetch_one as CheckReport,
            "INSERT INTO check_report (id, check_name, node_id, device_id, said_by, text, at_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *",
            Uuid::now_v7(),
            plain(&new.check),
            new.node_id,
            new.device_id,
            plain(&new.said_by),
            text.as_str(),
            now_us()
        )?;
        tx.audit(
            "check.report",
            format!("check:{}", row.check),
            None::<&()>,
            Some(&row),
        )?;
        tx.commit().await?;
        Ok(row)
    }

    /// Reports, newest first: those that wait, or the last 1,000.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn check_report_list(&self, open_only: bool) -> Result<Vec<CheckReport>, StoreError> {
        let open = if open_only {
            "WHERE closed_us IS NULL"
        } else {
            ""
        };
        sql!(
            self.read(),
            fetch_all as CheckReport,
            sqlx::AssertSqlSafe(format!(
                "SELECT * FROM check_report {open} ORDER BY id DESC LIMIT 1000"
            ))
        )
    }

    /// Notes that somebody dealt with a report.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when none with this id waits.
    pub async fn check_report_close(&self, id: Uuid, by: &str) -> Result<CheckReport, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<CheckReport> = sql!(
            tx.on(),
            fetch_optional as CheckReport,
            "UPDATE check_report SET closed_us = $2, closed_by = $3 WHERE id = $1 AND closed_us IS NULL RETURNING *",
            id,
            now_us(),
            plain(by)
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("open report", id))?;
        tx.audit(
            "check.report-close",
            format!("check:{}", row.check),
            None::<&()>,
            Some(&row),
        )?;
        tx.commit().await?;
        Ok(row)
    }
}
