//! Sessions of administrators: who is signed in where. A browser holds the token, the store its SHA-256.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    Administrator, Store, StoreError,
    administrator::administrator_in,
    now_us,
    sql::{plain, sql},
};

/// Without a request for this long a session ends, in microseconds.
pub const ADMINISTRATOR_IDLE_US: i64 = 30 * 60 * 1_000_000;
/// A session ends after this long in any case, in microseconds.
pub const ADMINISTRATOR_ABSOLUTE_US: i64 = 12 * 3_600 * 1_000_000;
/// How often the time of the last request is written, in microseconds.
const TOUCH_US: i64 = 60 * 1_000_000;

/// One sign-in that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct AdministratorSession {
    /// Our id.
    pub id: Uuid,
    /// Who signed in.
    pub administrator_id: Uuid,
    /// By what: `passkey`, `password` or `backup-code`.
    pub method: String,
    /// From where.
    pub source: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// When, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// The last request, in microseconds since the Unix epoch, to the minute.
    pub seen_us: i64,
    /// When they last proved that it is still they, in microseconds since the Unix epoch.
    pub confirmed_us: i64,
    /// When it ends in any case, in microseconds since the Unix epoch.
    pub expires_us: i64,
}

const COLUMNS: &str = "id, administrator_id, method, source, user_agent, created_us, seen_us, confirmed_us, expires_us";

impl Store {
    /// Signs somebody in, given the hexadecimal SHA-256 of the new session's token.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] for an unknown administrator.
    pub async fn administrator_session_open(
        &self,
        token_sha256: &str,
        administrator: Uuid,
        method: &str,
        source: &str,
        user_agent: &str,
    ) -> Result<AdministratorSession, StoreError> {
        let at_us = now_us();
        let mut tx = self.write().await?;
        let row = administrator_in(&mut tx, administrator).await?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM administrator_session WHERE expires_us < $1 OR seen_us < $2",
            at_us,
            at_us - ADMINISTRATOR_IDLE_US
        )?;
        let session: AdministratorSession = sql!(
            tx.on(),
            fetch_one as AdministratorSession,
            sqlx::AssertSqlSafe(format!(
                "INSERT INTO administrator_session (id, token_sha256, administrator_id, method, source, user_agent, \
                 created_us, seen_us, confirmed_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8) \
                 RETURNING {COLUMNS}"
            )),
            Uuid::now_v7(),
            token_sha256,
            administrator,
            method,
            source,
            plain(&user_agent.chars().take(256).collect::<String>()),
            at_us,
            at_us + ADMINISTRATOR_ABSOLUTE_US
        )?;
        sql!(
            tx.on(),
            execute,
            "UPDATE administrator SET last_sign_in_us = $2 WHERE id = $1",
            administrator,
            at_us
        )?;
        tx.audit(
            "administrator.sign-in",
            format!("administrator:{}", row.name),
            None::<&()>,
            Some(&session),
        )?;
        tx.commit().await?;
        Ok(session)
    }

    /// The session with this token and whose it is; `None` when it has ended or its owner may not sign in any more. Notes
    /// that it was used.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn administrator_session_use(
        &self,
        token_sha256: &str,
    ) -> Result<Option<(AdministratorSession, Administrator)>, StoreError> {
        let at_us = now_us();
        let session: Option<AdministratorSession> = sql!(
            self.read(),
            fetch_optional as AdministratorSession,
            sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM administrator_session WHERE token_sha256 = $1 AND expires_us > $2 AND seen_us > $3"
            )),
            token_sha256,
            at_us,
            at_us - ADMINISTRATOR_IDLE_US
        )?;
        let Some(session) = session else {
            return Ok(None);
        };
        let owner = match self.administrator_fetch(session.administrator_id).await {
            Ok(owner) if owner.enabled => owner,
            Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if session.seen_us < at_us - TOUCH_US {
            let mut tx = self.write().await?;
            sql!(
                tx.on(),
                execute,
                "UPDATE administrator_session SET seen_us = $2 WHERE id = $1",
                session.id,
                at_us
            )?;
            tx.commit().await?;
        }
        Ok(Some((session, owner)))
    }

    /// Notes that the owner of a session proved again who they are; the session gets another token.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it has ended.
    pub async fn administrator_session_confirm(
        &self,
        id: Uuid,
        token_sha256: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE administrator_session SET confirmed_us = $2, token_sha256 = $3 WHERE id = $1",
            id,
            now_us(),
            token_sha256
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("session", id));
        }
        tx.audit(
            "administrator.confirm",
            format!("session:{id}"),
            None::<&()>,
            None::<&()>,
        )?;
        tx.commit().await
    }

    /// The sessions of one administrator, or of all, that have not ended; newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn administrator_session_list(
        &self,
        administrator: Option<Uuid>,
    ) -> Result<Vec<AdministratorSession>, StoreError> {
        let at_us = now_us();
        sql!(
            self.read(),
            fetch_all as AdministratorSession,
            sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM administrator_session WHERE ($1 IS NULL OR administrator_id = $1) \
                 AND expires_us > $2 AND seen_us > $3 ORDER BY id DESC LIMIT 1000"
            )),
            administrator,
            at_us,
            at_us - ADMINISTRATOR_IDLE_US
        )
    }

    /// Ends a session of this administrator.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when this administrator has no such session.
    pub async fn administrator_session_close(
        &self,
        administrator: Uuid,
        id: Uuid,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "DELETE FROM administrator_session WHERE id = $1 AND administrator_id = $2",
            id,
            administrator
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("session", id));
        }
        tx.audit(
            "administrator.sign-out",
            format!("session:{id}"),
            None::<&()>,
            None::<&()>,
        )?;
        tx.commit().await
    }
}
