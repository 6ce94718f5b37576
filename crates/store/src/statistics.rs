//! How much of everything there is, for health pages.

use serde::Serialize;

use crate::{Store, StoreError, now_us, sql::sql};

/// Rows per resource.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema,
)]
pub struct Statistics {
    /// RADIUS clients.
    pub clients: i64,
    /// Segments.
    pub segments: i64,
    /// Users.
    pub users: i64,
    /// Devices.
    pub devices: i64,
    /// Open quarantines.
    pub quarantines_open: i64,
    /// Policy versions.
    pub policy_versions: i64,
    /// Certificates, revoked ones included.
    pub certificates: i64,
    /// osquery nodes.
    pub nodes: i64,
    /// Sessions that have not stopped.
    pub sessions_open: i64,
    /// Enforcements that are not at their end.
    pub enforcements_open: i64,
    /// Decisions.
    pub decisions: i64,
    /// Accounting records.
    pub accounting: i64,
    /// The size of the database, in octets.
    pub size_octets: i64,
}

/// What the database knows that is worth a time series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct StoredGauges {
    /// Open quarantines.
    pub quarantines_open: i64,
    /// Exceptions that have been granted and are neither over nor withdrawn.
    pub exceptions_active: i64,
    /// osquery hosts by verdict.
    pub hosts: Vec<(String, i64)>,
    /// Messages by state.
    pub mails: Vec<(String, i64)>,
    /// Certificates of ours that end within 30 days and are not revoked.
    pub certificates_expiring: i64,
}

impl Store {
    /// Counts what is worth a time series.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn gauges(&self) -> Result<StoredGauges, StoreError> {
        let now = now_us();
        let (quarantines_open, exceptions_active, certificates_expiring): (i64, i64, i64) = sql!(
            self.read(),
            fetch_one as (i64, i64, i64),
            "SELECT (SELECT COUNT(*) FROM quarantine WHERE closed_us IS NULL), \
             (SELECT COUNT(*) FROM exception WHERE state = 'active'), \
             (SELECT COUNT(*) FROM certificate WHERE revoked_us IS NULL AND not_after_us > $1 AND not_after_us < $2)",
            now,
            now.saturating_add(30 * 24 * 3_600 * 1_000_000)
        )?;
        Ok(StoredGauges {
            quarantines_open,
            exceptions_active,
            hosts: sql!(
                self.read(),
                fetch_all as (String, i64),
                "SELECT verdict, COUNT(*) FROM node_verdict GROUP BY verdict ORDER BY verdict"
            )?,
            mails: sql!(
                self.read(),
                fetch_all as (String, i64),
                "SELECT state, COUNT(*) FROM mail GROUP BY state ORDER BY state"
            )?,
            certificates_expiring,
        })
    }

    /// Counts everything. The two big histories are estimated from their numbering, so this stays quick.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn statistics(&self) -> Result<Statistics, StoreError> {
        const COMMON: &str = "SELECT (SELECT COUNT(*) FROM client) AS clients, \
            (SELECT COUNT(*) FROM segment) AS segments, \
            (SELECT COUNT(*) FROM user_account) AS users, \
            (SELECT COUNT(*) FROM device) AS devices, \
            (SELECT COUNT(*) FROM quarantine WHERE closed_us IS NULL) AS quarantines_open, \
            (SELECT COUNT(*) FROM policy_version) AS policy_versions, \
            (SELECT COUNT(*) FROM certificate) AS certificates, \
            (SELECT COUNT(*) FROM osquery_node) AS nodes, \
            (SELECT COUNT(*) FROM session WHERE stopped_us IS NULL) AS sessions_open, \
            (SELECT COUNT(*) FROM enforcement WHERE state IN ('pending', 'sent', 'acknowledged')) \
             AS enforcements_open, \
            (SELECT COALESCE(MAX(seq) - MIN(seq) + 1, 0) FROM accounting) AS accounting, \
            (SELECT COALESCE(MAX(seq) - MIN(seq) + 1, 0) FROM decision) AS decisions, ";
        sql!(
            self.read(),
            fetch_one as Statistics,
            sqlite: sqlx::AssertSqlSafe(format!(
                "{COMMON} (SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()) AS size_octets"
            )),
            postgres: sqlx::AssertSqlSafe(format!("{COMMON} pg_database_size(current_database()) AS size_octets"))
        )
    }
}
