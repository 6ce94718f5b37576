//! Passkeys: public keys that administrators sign in with (WebAuthn).

use serde::Serialize;
use uuid::Uuid;

use super::administrator_in;
use crate::{Store, StoreError, now_us, sql::sql};

/// A passkey to remember.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// Its credential id, in base64url.
    pub credential_id: String,
    /// What its owner calls it.
    pub name: String,
    /// The public key and counters, as the WebAuthn library serialises them.
    pub passkey: String,
}

/// A passkey of an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Passkey {
    /// Our id.
    pub id: Uuid,
    /// Whose it is.
    pub administrator_id: Uuid,
    /// Its credential id, in base64url.
    pub credential_id: String,
    /// What its owner calls it.
    pub name: String,
    /// The public key and counters, as the WebAuthn library serialises them.
    #[serde(skip)]
    pub passkey: String,
    /// When it was added, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it was last used, in microseconds since the Unix epoch.
    pub last_used_us: Option<i64>,
}

impl Store {
    /// An administrator's passkeys, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn passkey_list(&self, administrator: Uuid) -> Result<Vec<Passkey>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Passkey,
            "SELECT * FROM administrator_passkey WHERE administrator_id = $1 ORDER BY id",
            administrator
        )
    }

    /// The passkey with this credential id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn passkey_by_credential(
        &self,
        credential_id: &str,
    ) -> Result<Option<Passkey>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Passkey,
            "SELECT * FROM administrator_passkey WHERE credential_id = $1",
            credential_id
        )
    }

    /// Notes that a passkey was used, with its new counters.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn passkey_used(&self, id: Uuid, passkey: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "UPDATE administrator_passkey SET passkey = $2, last_used_us = $3 WHERE id = $1",
            id,
            passkey,
            now_us()
        )?;
        tx.commit().await
    }

    /// Removes a passkey of this administrator. The last means of signing in stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] for the last means of signing in.
    pub async fn passkey_remove(&self, administrator: Uuid, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row = administrator_in(&mut tx, administrator).await?;
        let touched = sql!(
            tx.on(),
            execute,
            "DELETE FROM administrator_passkey WHERE id = $1 AND administrator_id = $2",
            id,
            administrator
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("passkey", id));
        }
        let (left,): (i64,) = sql!(
            tx.on(),
            fetch_one as (i64,),
            "SELECT COUNT(*) FROM administrator_passkey WHERE administrator_id = $1",
            administrator
        )?;
        if left == 0 && !row.password {
            return Err(StoreError::Conflict {
                what:
                    "this is your only means of signing in: add another passkey or a password first"
                        .to_owned(),
            });
        }
        tx.audit(
            "administrator.remove-passkey",
            format!("administrator:{}", row.name),
            None::<&()>,
            None::<&()>,
        )?;
        tx.commit().await
    }
}
