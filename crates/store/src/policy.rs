//! The policy text and its history.

use serde::Serialize;

use crate::{EventKind, Store, StoreError, now_us, sql::sql};

/// One version of the policy. Versions are numbered from 1 and never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct PolicyVersion {
    /// Its number.
    pub version: i64,
    /// The Cedar text.
    pub text: String,
    /// What the person who applied it wrote about it.
    pub note: String,
    /// Who applied it.
    pub applied_by: String,
    /// When, in microseconds since the Unix epoch.
    pub applied_us: i64,
}

impl Store {
    /// Makes this text the policy. Whether it is a good one is the caller's question.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when somebody else applied one at the same moment.
    pub async fn policy_apply(
        &self,
        text: &str,
        note: &str,
        by: &str,
    ) -> Result<PolicyVersion, StoreError> {
        let mut tx = self.write().await?;
        let row: PolicyVersion = sql!(
            tx.on(),
            fetch_one as PolicyVersion,
            "INSERT INTO policy_version (version, text, note, applied_by, applied_us) \
             VALUES ((SELECT COALESCE(MAX(version), 0) + 1 FROM policy_version), $1, $2, $3, $4) RETURNING *",
            text,
            note,
            by,
            now_us()
        )
        .map_err(|error| {
            error.or_conflict(|| "somebody else applied a policy at this moment: look at it, then try again".to_owned())
        })?;
        tx.changed(EventKind::Policy, row.version.to_string());
        // The text itself is in the history, which is never changed.
        tx.audit(
            "policy.apply",
            format!("policy:{}", row.version),
            Some(&serde_json::json!({ "version": row.version - 1 })),
            Some(&serde_json::json!({ "version": row.version, "note": note })),
        )?;
        tx.commit().await?;
        Ok(row)
    }

    /// The policy that counts: the newest version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn policy_current(&self) -> Result<Option<PolicyVersion>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as PolicyVersion,
            "SELECT * FROM policy_version ORDER BY version DESC LIMIT 1"
        )
    }

    /// One version.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this number.
    pub async fn policy_fetch(&self, version: i64) -> Result<PolicyVersion, StoreError> {
        let row: Option<PolicyVersion> = sql!(
            self.read(),
            fetch_optional as PolicyVersion,
            "SELECT * FROM policy_version WHERE version = $1",
            version
        )?;
        row.ok_or_else(|| StoreError::not_found("policy version", version))
    }

    /// The last 1,000 versions, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn policy_history(&self) -> Result<Vec<PolicyVersion>, StoreError> {
        sql!(
            self.read(),
            fetch_all as PolicyVersion,
            "SELECT * FROM policy_version ORDER BY version DESC LIMIT 1000"
        )
    }
}
