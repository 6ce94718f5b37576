//! API tokens: how programs call. The program holds the token, the store its SHA-256.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    Role, Store, StoreError, now_us,
    sql::{Parsed, plain, sql},
};

/// How often the time of the last use is written, in microseconds.
const TOUCH_US: i64 = 60 * 1_000_000;

/// A token, without what makes it one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ApiToken {
    /// Our id.
    pub id: Uuid,
    /// What people call it; unique.
    pub name: String,
    /// What it may do.
    #[sqlx(try_from = "Parsed<Role>")]
    pub role: Role,
    /// Who made it.
    pub created_by: String,
    /// When it was made, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it ends, in microseconds since the Unix epoch.
    pub expires_us: i64,
    /// When it was last used, in microseconds since the Unix epoch, to the minute.
    pub last_used_us: Option<i64>,
    /// When it was revoked, in microseconds since the Unix epoch.
    pub revoked_us: Option<i64>,
}

const COLUMNS: &str =
    "id, name, role, created_by, created_us, expires_us, last_used_us, revoked_us";

impl Store {
    /// Adds a token, given its hexadecimal SHA-256.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when the name is taken; [`StoreError::Invalid`] when it cannot be one.
    pub async fn token_add(
        &self,
        name: &str,
        token_sha256: &str,
        role: Role,
        by: &str,
        expires_us: i64,
    ) -> Result<ApiToken, StoreError> {
        let name = plain(name.trim());
        if name.is_empty() || name.chars().count() > 64 {
            return Err(StoreError::Invalid {
                what: "a token's name has 1 to 64 characters".to_owned(),
            });
        }
        let mut tx = self.write().await?;
        let row: ApiToken = sql!(
            tx.on(),
            fetch_one as ApiToken,
            sqlx::AssertSqlSafe(format!(
                "INSERT INTO api_token (id, name, token_sha256, role, created_by, created_us, expires_us) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {COLUMNS}"
            )),
            Uuid::now_v7(),
            name.as_str(),
            token_sha256,
            role.as_str(),
            by,
            now_us(),
            expires_us
        )
        .map_err(|error| error.or_conflict(|| format!("there is already a token {name}: choose another name")))?;
        tx.audit(
            "token.create",
            format!("token:{}", row.name),
            None::<&()>,
            Some(&row),
        )?;
        tx.commit().await?;
        Ok(row)
    }

    /// The token with this SHA-256, unless it was revoked or has ended. Notes that it was used.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn token_use(&self, token_sha256: &str) -> Result<Option<ApiToken>, StoreError> {
        let at_us = now_us();
        let row: Option<ApiToken> = sql!(
            self.read(),
            fetch_optional as ApiToken,
            sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM api_token WHERE token_sha256 = $1 AND revoked_us IS NULL AND expires_us > $2"
            )),
            token_sha256,
            at_us
        )?;
        if let Some(row) = &row
            && row.last_used_us.is_none_or(|used| used < at_us - TOUCH_US)
        {
            let mut tx = self.write().await?;
            sql!(
                tx.on(),
                execute,
                "UPDATE api_token SET last_used_us = $2 WHERE id = $1",
                row.id,
                at_us
            )?;
            tx.commit().await?;
        }
        Ok(row)
    }

    /// All tokens, newest first; revoked and ended ones too.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn token_list(&self) -> Result<Vec<ApiToken>, StoreError> {
        sql!(
            self.read(),
            fetch_all as ApiToken,
            sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM api_token ORDER BY id DESC LIMIT 1000"
            ))
        )
    }

    /// Revokes a token, by id or name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none that still counts.
    pub async fn token_revoke(&self, which: &str) -> Result<ApiToken, StoreError> {
        let id = which.parse::<Uuid>().ok();
        let mut tx = self.write().await?;
        let row: Option<ApiToken> = sql!(
            tx.on(),
            fetch_optional as ApiToken,
            sqlx::AssertSqlSafe(format!(
                "UPDATE api_token SET revoked_us = $3 WHERE (id = $1 OR name = $2) AND revoked_us IS NULL \
                 RETURNING {COLUMNS}"
            )),
            id,
            which,
            now_us()
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("token", which))?;
        tx.audit(
            "token.revoke",
            format!("token:{}", row.name),
            None::<&()>,
            Some(&row),
        )?;
        tx.commit().await?;
        Ok(row)
    }
}
