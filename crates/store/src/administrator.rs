//! Administrators: who may use the admin pages, and the password that they may sign in with.

mod invitation;
mod passkey;

pub use invitation::Invitation;
pub use passkey::{NewPasskey, Passkey};

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, SecretBytes, Store, StoreError, now_us,
    seal::Cell,
    sql::{Parsed, plain, sql, words},
    transaction::Tx,
    user::user_key,
};

words! {
    /// What somebody may do in the admin pages and by the API, from least to most.
    pub enum Role {
        /// Sees everything that is no secret, changes nothing.
        Viewer = "viewer",
        /// Handles devices, sessions, quarantine and guests.
        HelpDesk = "help-desk",
        /// Handles guests and vouchers, and sees nothing else.
        GuestOperator = "guest-operator",
        /// Sees everything, changes the policy and exceptions.
        PolicyEditor = "policy-editor",
        /// Does everything but appoint administrators.
        Administrator = "administrator",
        /// Does everything.
        Owner = "owner",
    }
}

impl From<Parsed<Self>> for Role {
    fn from(parsed: Parsed<Self>) -> Self {
        parsed.0
    }
}

/// Somebody who may use the admin pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Administrator {
    /// Our id; passkeys name it.
    pub id: Uuid,
    /// The name to sign in with; unique, compared in lower case.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Whether they have a password and a TOTP secret.
    pub password: bool,
    /// When they were added, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When they last signed in, in microseconds since the Unix epoch.
    pub last_sign_in_us: Option<i64>,
}

/// What a password sign-in is checked against.
#[derive(Clone, Debug)]
pub struct PasswordCredential {
    /// Whose it is.
    pub administrator: Administrator,
    /// The password as an argon2id PHC string.
    pub password: String,
    /// The TOTP secret (RFC 6238), sealed at rest.
    pub totp_secret: SecretBytes,
}

/// What a new administrator signs in with.
#[derive(Clone, Debug)]
pub enum NewCredential {
    /// A password, a second factor, and codes for when the phone is lost.
    Password {
        /// The password as an argon2id PHC string.
        hash: String,
        /// The TOTP secret.
        totp_secret: SecretBytes,
        /// SHA-256 of each backup code, in hexadecimal.
        backup_codes_sha256: Vec<String>,
    },
    /// A passkey.
    Passkey(NewPasskey),
}

#[derive(sqlx::FromRow)]
struct AdministratorRow {
    id: Uuid,
    name: String,
    role: Role,
    enabled: bool,
    password: Option<String>,
    totp_secret: Option<Vec<u8>>,
    created_us: i64,
    last_sign_in_us: Option<i64>,
}

const COLUMNS: &str = "id, name, role, enabled, password, totp_secret, created_us, last_sign_in_us";

impl Store {
    /// Gives an administrator a password with second factor, in place of the old one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] for an unknown administrator, [`StoreError::Sealed`] without a sealing key.
    pub async fn administrator_credential_put(
        &self,
        id: Uuid,
        credential: &NewCredential,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row = administrator_in(&mut tx, id).await?;
        self.credential_write(&mut tx, id, credential).await?;
        let action = match credential {
            NewCredential::Password { .. } => "administrator.set-password",
            NewCredential::Passkey(_) => "administrator.add-passkey",
        };
        tx.audit(
            action,
            format!("administrator:{}", row.name),
            None::<&()>,
            None::<&()>,
        )?;
        tx.commit().await
    }

    async fn credential_write(
        &self,
        tx: &mut Tx<'_>,
        id: Uuid,
        credential: &NewCredential,
    ) -> Result<(), StoreError> {
        let at_us = now_us();
        match credential {
            NewCredential::Password {
                hash,
                totp_secret,
                backup_codes_sha256,
            } => {
                let sealed = self.seal(totp_cell(&id.to_string()), totp_secret)?;
                sql!(
                    tx.on(),
                    execute,
                    "UPDATE administrator SET password = $2, totp_secret = $3, totp_last_step = 0, updated_us = $4 WHERE id = $1",
                    id,
                    hash.as_str(),
                    sealed.as_slice(),
                    at_us
                )?;
                sql!(
                    tx.on(),
                    execute,
                    "DELETE FROM administrator_backup_code WHERE administrator_id = $1",
                    id
                )?;
                for code in backup_codes_sha256 {
                    sql!(
                        tx.on(),
                        execute,
                        "INSERT INTO administrator_backup_code (administrator_id, code_sha256) VALUES ($1, $2)",
                        id,
                        code.as_str()
                    )?;
                }
            }
            NewCredential::Passkey(passkey) => {
                sql!(
                    tx.on(),
                    execute,
                    "INSERT INTO administrator_passkey (id, administrator_id, credential_id, name, passkey, created_us) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    Uuid::now_v7(),
                    id,
                    passkey.credential_id.as_str(),
                    plain(&passkey.name),
                    passkey.passkey.as_str(),
                    at_us
                )
                .map_err(|error| error.or_conflict(|| "this passkey is registered already".to_owned()))?;
            }
        }
        Ok(())
    }

    /// All administrators, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn administrator_list(&self) -> Result<Vec<Administrator>, StoreError> {
        let rows: Vec<AdministratorRow> = sql!(
            self.read(),
            fetch_all as AdministratorRow,
            sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM administrator ORDER BY name_key"
            ))
        )?;
        Ok(rows.into_iter().map(Administrator::from).collect())
    }

    /// The administrator with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn administrator_fetch(&self, id: Uuid) -> Result<Administrator, StoreError> {
        let row: Option<AdministratorRow> = sql!(
            self.read(),
            fetch_optional as AdministratorRow,
            sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM administrator WHERE id = $1")),
            id
        )?;
        row.map(Administrator::from)
            .ok_or_else(|| StoreError::not_found("administrator", id))
    }

    /// The administrator of this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn administrator_by_name(&self, name: &str) -> Result<Administrator, StoreError> {
        self.administrator_row(name)
            .await?
            .map(Administrator::from)
            .ok_or_else(|| StoreError::not_found("administrator", name))
    }

    /// What a sign-in by name and password is checked against; `None` when nobody of this name may sign in so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the sealing key.
    pub async fn administrator_password(
        &self,
        name: &str,
    ) -> Result<Option<PasswordCredential>, StoreError> {
        let Some(row) = self.administrator_row(name).await? else {
            return Ok(None);
        };
        let (Some(password), Some(sealed), true) =
            (row.password.clone(), row.totp_secret.clone(), row.enabled)
        else {
            return Ok(None);
        };
        let totp_secret = self.unseal(totp_cell(&row.id.to_string()), &sealed)?;
        Ok(Some(PasswordCredential {
            administrator: row.into(),
            password,
            totp_secret,
        }))
    }

    /// Notes that the TOTP code of a time step was used. `false` when it, or a later one, was used before (RFC 6238
    /// section 5.2).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn administrator_totp_use(&self, id: Uuid, step: i64) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE administrator SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2",
            id,
            step
        )?;
        tx.commit().await?;
        Ok(touched == 1)
    }

    /// Uses a backup code, given its hexadecimal SHA-256. `false` when there is no such code, or it was used.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn administrator_backup_code_use(
        &self,
        id: Uuid,
        code_sha256: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE administrator_backup_code SET used_us = $3 \
             WHERE administrator_id = $1 AND code_sha256 = $2 AND used_us IS NULL",
            id,
            code_sha256,
            now_us()
        )?;
        tx.commit().await?;
        Ok(touched == 1)
    }

    /// How many backup codes are left.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn administrator_backup_codes_left(&self, id: Uuid) -> Result<i64, StoreError> {
        let (left,): (i64,) = sql!(
            self.read(),
            fetch_one as (i64,),
            "SELECT COUNT(*) FROM administrator_backup_code WHERE administrator_id = $1 AND used_us IS NULL",
            id
        )?;
        Ok(left)
    }

    /// Changes what an administrator may do. The last owner who may sign in stays one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] for the last owner.
    pub async fn administrator_set(
        &self,
        id: Uuid,
        role: Role,
        enabled: bool,
    ) -> Result<Administrator, StoreError> {
        let mut tx = self.write().await?;
        let before = administrator_in(&mut tx, id).await?;
        sql!(
            tx.on(),
            execute,
            "UPDATE administrator SET role = $2, enabled = $3, updated_us = $4 WHERE id = $1",
            id,
            role.as_str(),
            enabled,
            now_us()
        )?;
        keep_an_owner(&mut tx).await?;
        if !enabled {
            forget_sessions(&mut tx, id).await?;
        }
        let after = administrator_in(&mut tx, id).await?;
        tx.audit(
            "administrator.set",
            format!("administrator:{}", after.name),
            Some(&before),
            Some(&after),
        )?;
        tx.changed(EventKind::Administrator, id.to_string());
        tx.commit().await?;
        Ok(after)
    }

    /// Removes an administrator, who is signed out everywhere. The last owner stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] for the last owner.
    pub async fn administrator_remove(&self, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let before = administrator_in(&mut tx, id).await?;
        sql!(
            tx.on(),
            execute,
            "DELETE FROM administrator WHERE id = $1",
            id
        )?;
        keep_an_owner(&mut tx).await?;
        tx.audit(
            "administrator.remove",
            format!("administrator:{}", before.name),
            Some(&before),
            None::<&()>,
        )?;
        tx.changed(EventKind::Administrator, id.to_string());
        tx.commit().await
    }

    async fn administrator_row(&self, name: &str) -> Result<Option<AdministratorRow>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as AdministratorRow,
            sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM administrator WHERE name_key = $1"
            )),
            user_key(name)
        )
    }
}

impl From<AdministratorRow> for Administrator {
    fn from(row: AdministratorRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            enabled: row.enabled,
            password: row.password.is_some() && row.totp_secret.is_some(),
            created_us: row.created_us,
            last_sign_in_us: row.last_sign_in_us,
        }
    }
}

pub(crate) async fn administrator_in(
    tx: &mut Tx<'_>,
    id: Uuid,
) -> Result<Administrator, StoreError> {
    let row: Option<AdministratorRow> = sql!(
        tx.on(),
        fetch_optional as AdministratorRow,
        sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM administrator WHERE id = $1")),
        id
    )?;
    row.map(Administrator::from)
        .ok_or_else(|| StoreError::not_found("administrator", id))
}

async fn keep_an_owner(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let (owners,): (i64,) = sql!(
        tx.on(),
        fetch_one as (i64,),
        "SELECT COUNT(*) FROM administrator WHERE role = 'owner' AND enabled = $1",
        true
    )?;
    if owners == 0 {
        return Err(StoreError::Conflict {
            what: "this is the last owner: make somebody else an owner first".to_owned(),
        });
    }
    Ok(())
}

pub(super) async fn forget_sessions(tx: &mut Tx<'_>, id: Uuid) -> Result<(), StoreError> {
    sql!(
        tx.on(),
        execute,
        "DELETE FROM administrator_session WHERE administrator_id = $1",
        id
    )
    .map(drop)
}

fn totp_cell(row: &String) -> Cell<'_> {
    Cell {
        table: "administrator",
        column: "totp_secret",
        row,
    }
}
