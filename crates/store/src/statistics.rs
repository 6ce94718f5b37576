//! How much of everything there is, for health pages.

use serde::Serialize;

use crate::{Store, StoreError, sql::sql};

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

impl Store {
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
