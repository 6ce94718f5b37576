//! Invitations: one-time links that make an administrator, or give one new means of signing in.

use serde::Serialize;
use uuid::Uuid;

use super::{Administrator, NewCredential, Role, administrator_in, forget_sessions};
use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{Parsed, plain, sql},
    transaction::Tx,
    user::user_key,
};

/// A one-time link that makes an administrator, or gives one new means of signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Invitation {
    /// Our id.
    pub id: Uuid,
    /// The role that it gives.
    #[sqlx(try_from = "Parsed<Role>")]
    pub role: Role,
    /// The administrator who lost theirs; `None` makes a new one.
    pub name: Option<String>,
    /// Who invited.
    pub invited_by: String,
    /// When it was made, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it ends, in microseconds since the Unix epoch.
    pub expires_us: i64,
    /// When it was used, in microseconds since the Unix epoch.
    pub used_us: Option<i64>,
}

const INVITATION: &str = "id, role, name, invited_by, created_us, expires_us, used_us";

impl Store {
    /// Makes an invitation, given the hexadecimal SHA-256 of its token.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it is for an administrator whom nobody knows.
    pub async fn invitation_add(
        &self,
        token_sha256: &str,
        role: Role,
        name: Option<&str>,
        by: &str,
        expires_us: i64,
    ) -> Result<Invitation, StoreError> {
        let mut role = role;
        if let Some(name) = name {
            role = self.administrator_by_name(name).await?.role;
        }
        let mut tx = self.write().await?;
        let row: Invitation = sql!(
            tx.on(),
            fetch_one as Invitation,
            sqlx::AssertSqlSafe(format!(
                "INSERT INTO administrator_invitation (id, token_sha256, role, name, invited_by, created_us, expires_us) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {INVITATION}"
            )),
            Uuid::now_v7(),
            token_sha256,
            role.as_str(),
            name,
            by,
            now_us(),
            expires_us
        )?;
        tx.audit(
            "administrator.invite",
            format!("invitation:{}", row.id),
            None::<&()>,
            Some(&row),
        )?;
        tx.commit().await?;
        Ok(row)
    }

    /// The invitation with this token, unless it is used or has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn invitation_by_token(
        &self,
        token_sha256: &str,
    ) -> Result<Option<Invitation>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Invitation,
            sqlx::AssertSqlSafe(format!(
                "SELECT {INVITATION} FROM administrator_invitation \
                 WHERE token_sha256 = $1 AND used_us IS NULL AND expires_us > $2"
            )),
            token_sha256,
            now_us()
        )
    }

    /// The invitations that can still be used, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn invitation_list(&self) -> Result<Vec<Invitation>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Invitation,
            sqlx::AssertSqlSafe(format!(
                "SELECT {INVITATION} FROM administrator_invitation \
                 WHERE used_us IS NULL AND expires_us > $1 ORDER BY id DESC LIMIT 1000"
            )),
            now_us()
        )
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it is used already or was never made.
    pub async fn invitation_remove(&self, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "DELETE FROM administrator_invitation WHERE id = $1 AND used_us IS NULL",
            id
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("invitation", id));
        }
        tx.audit(
            "administrator.uninvite",
            format!("invitation:{id}"),
            None::<&()>,
            None::<&()>,
        )?;
        tx.commit().await
    }

    /// Uses an invitation: makes the administrator `id`, or gives the one whom it is for this credential instead of the
    /// old ones. All of it happens, or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the invitation was used or has ended meanwhile; [`StoreError::Conflict`] when the
    /// name is taken; [`StoreError::Invalid`] when it cannot be one.
    pub async fn invitation_accept(
        &self,
        token_sha256: &str,
        id: Uuid,
        name: &str,
        credential: &NewCredential,
    ) -> Result<Administrator, StoreError> {
        let name = plain(name.trim());
        if name.is_empty() || name.chars().count() > 64 {
            return Err(StoreError::Invalid {
                what: "a name has 1 to 64 characters".to_owned(),
            });
        }
        let at_us = now_us();
        let mut tx = self.write().await?;
        let invitation: Option<Invitation> = sql!(
            tx.on(),
            fetch_optional as Invitation,
            sqlx::AssertSqlSafe(format!(
                "UPDATE administrator_invitation SET used_us = $2 \
                 WHERE token_sha256 = $1 AND used_us IS NULL AND expires_us > $2 RETURNING {INVITATION}"
            )),
            token_sha256,
            at_us
        )?;
        let invitation = invitation.ok_or_else(|| StoreError::not_found("invitation", "usable"))?;
        let id = match &invitation.name {
            Some(existing) => {
                let row: Option<(Uuid,)> = sql!(
                    tx.on(),
                    fetch_optional as (Uuid,),
                    "SELECT id FROM administrator WHERE name_key = $1",
                    user_key(existing)
                )?;
                let (id,) = row.ok_or_else(|| StoreError::not_found("administrator", existing))?;
                forget_credentials(&mut tx, id).await?;
                id
            }
            None => {
                sql!(
                    tx.on(),
                    execute,
                    "INSERT INTO administrator (id, name, name_key, role, enabled, totp_last_step, created_us, updated_us) \
                     VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
                    id,
                    name.as_str(),
                    user_key(&name),
                    invitation.role.as_str(),
                    true,
                    at_us,
                    at_us
                )
                .map_err(|error| error.or_conflict(|| format!("there is already an administrator {name}: choose another name")))?;
                id
            }
        };
        self.credential_write(&mut tx, id, credential).await?;
        let row = administrator_in(&mut tx, id).await?;
        tx.audit(
            "administrator.join",
            format!("administrator:{}", row.name),
            None::<&()>,
            Some(&row),
        )?;
        tx.changed(EventKind::Administrator, id.to_string());
        tx.commit().await?;
        Ok(row)
    }
}

async fn forget_credentials(tx: &mut Tx<'_>, id: Uuid) -> Result<(), StoreError> {
    forget_sessions(tx, id).await?;
    sql!(
        tx.on(),
        execute,
        "DELETE FROM administrator_passkey WHERE administrator_id = $1",
        id
    )?;
    sql!(
        tx.on(),
        execute,
        "DELETE FROM administrator_backup_code WHERE administrator_id = $1",
        id
    )?;
    sql!(
        tx.on(),
        execute,
        "UPDATE administrator SET password = NULL, totp_secret = NULL, enabled = $2 WHERE id = $1",
        id,
        true
    )
    .map(drop)
}
