//! Enrolment secrets: what a device shows when its osquery first comes to us.

use serde::Serialize;
use uuid::Uuid;

use crate::{EventKind, Store, StoreError, now_us, sql::sql};

/// An enrolment secret. The secret itself is nowhere: only its SHA-256 is stored, and not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct EnrollSecret {
    /// Our id.
    pub id: Uuid,
    /// The name people use; unique.
    pub name: String,
    /// The one device it is for; `None` is for any.
    pub device_id: Option<Uuid>,
    /// When it was added, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it ends, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// When a node last enrolled with it, in microseconds since the Unix epoch.
    pub last_used_us: Option<i64>,
}

impl Store {
    /// Adds an enrolment secret, given as the hexadecimal SHA-256 of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when its name or the secret is taken.
    pub async fn enroll_secret_add(
        &self,
        name: &str,
        secret_sha256_hex: &str,
        device_id: Option<Uuid>,
        expires_us: Option<i64>,
    ) -> Result<EnrollSecret, StoreError> {
        let mut tx = self.write().await?;
        let row: EnrollSecret = sql!(
            tx.on(),
            fetch_one as EnrollSecret,
            "INSERT INTO enroll_secret (id, name, secret_sha256, device_id, created_us, expires_us) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             RETURNING id, name, device_id, created_us, expires_us, last_used_us",
            Uuid::now_v7(),
            name,
            secret_sha256_hex.to_lowercase(),
            device_id,
            now_us(),
            expires_us
        )
        .map_err(|error| error.or_conflict(|| format!("there is already an enrolment secret {name}, or this secret")))?;
        tx.audit(
            "enroll-secret.add",
            object(&row.name),
            None::<&()>,
            Some(&row),
        )?;
        tx.changed(EventKind::EnrollSecret, name);
        tx.commit().await?;
        Ok(row)
    }

    /// The enrolment secret with this SHA-256, expired or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn enroll_secret_by_hash(
        &self,
        secret_sha256_hex: &str,
    ) -> Result<Option<EnrollSecret>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as EnrollSecret,
            "SELECT id, name, device_id, created_us, expires_us, last_used_us FROM enroll_secret \
             WHERE secret_sha256 = $1",
            secret_sha256_hex.to_lowercase()
        )
    }

    /// Notes that a node enrolled with this secret. Nobody is told: nothing depends on it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it was removed in the meantime.
    pub async fn enroll_secret_used(&self, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE enroll_secret SET last_used_us = $2 WHERE id = $1",
            id,
            now_us()
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("enrolment secret", id));
        }
        tx.commit().await
    }

    /// All enrolment secrets, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn enroll_secret_list(&self) -> Result<Vec<EnrollSecret>, StoreError> {
        sql!(
            self.read(),
            fetch_all as EnrollSecret,
            "SELECT id, name, device_id, created_us, expires_us, last_used_us FROM enroll_secret ORDER BY name"
        )
    }

    /// Removes an enrolment secret. Nodes that enrolled with it stay.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn enroll_secret_remove(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row: Option<EnrollSecret> = sql!(
            tx.on(),
            fetch_optional as EnrollSecret,
            "DELETE FROM enroll_secret WHERE name = $1 \
             RETURNING id, name, device_id, created_us, expires_us, last_used_us",
            name
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("enrolment secret", name))?;
        tx.audit(
            "enroll-secret.remove",
            object(name),
            Some(&row),
            None::<&()>,
        )?;
        tx.changed(EventKind::EnrollSecret, name);
        tx.commit().await
    }
}

fn object(name: &str) -> String {
    format!("enroll-secret:{name}")
}
