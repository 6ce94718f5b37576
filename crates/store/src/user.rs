//! Users: people with passwords and groups.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use uuid::Uuid;

use crate::{
    EventKind, SecretBytes, Store, StoreError, eap_session,
    event::EVERYTHING,
    now_us,
    seal::Cell,
    sql::{Json, json, plain, sql, sql_rows, words},
    supplicant,
    transaction::Tx,
};

/// A person, or an account that stands for one.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Our id.
    pub id: Uuid,
    /// The name as it was written first; unique, compared in lower case.
    pub name: String,
    /// The password as an argon2id PHC string.
    pub password: Option<String>,
    /// The password itself, sealed at rest, for methods that cannot use a one-way hash: CHAP (RFC 1994) and MS-CHAPv2
    /// (RFC 2759).
    pub cleartext: Option<SecretBytes>,
    /// The secret of the user's authenticator app (RFC 6238), sealed at rest. With one, a password alone is not enough.
    pub totp: Option<SecretBytes>,
    /// The last time step of which a code was used, 0 for none.
    pub totp_last_step: i64,
    /// Until when the password is good, in microseconds since the Unix epoch; `None` for ever.
    pub password_expires_us: Option<i64>,
    /// Whether the user may authenticate.
    pub enabled: bool,
    /// Groups, sorted.
    pub groups: Vec<String>,
    /// When it was added, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it was last changed, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

/// What to store of a user.
#[derive(Clone)]
pub struct UserRecord {
    /// The name.
    pub name: String,
    /// The password as an argon2id PHC string.
    pub password: Option<String>,
    /// The password itself, for challenge-response methods; 1 to 256 octets.
    pub cleartext: Option<SecretBytes>,
    /// Whether the user may authenticate.
    pub enabled: bool,
    /// Groups, in any order.
    pub groups: Vec<String>,
}

words! {
    /// How users are sorted.
    #[derive(Default)]
    pub enum UserSort {
        /// By name.
        #[default]
        Name = "name",
        /// By the time of their last change.
        Changed = "changed",
        /// By the time at which they were added.
        Added = "added",
    }
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Part of the name, in any case.
    pub search: Option<String>,
    /// A group they are in.
    pub group: Option<String>,
    /// The order.
    pub sort: UserSort,
    /// The order is turned round.
    pub descending: bool,
    /// Continue behind this name, which the last page ended with.
    pub after: Option<String>,
    /// At most so many; 0 means 1,000.
    pub limit: u32,
}

/// The condition of the next page and the order of a list by a time, then by name.
fn ordered_by(column: &str, beyond: &str, direction: &str) -> (String, String) {
    (
        format!(
            "({column}, name_key) {beyond} (SELECT {column}, name_key FROM user_account WHERE name_key = $1)"
        ),
        format!("{column} {direction}, name_key {direction}"),
    )
}

/// How a name is compared.
pub fn user_key(name: &str) -> String {
    plain(name.trim()).to_lowercase()
}

impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("User", 10)?;
        out.serialize_field("id", &self.id)?;
        out.serialize_field("name", &self.name)?;
        out.serialize_field("password", &self.password.as_ref().map(|_| "argon2id"))?;
        out.serialize_field("mschap", &self.cleartext.is_some())?;
        out.serialize_field("totp", &self.totp.is_some())?;
        out.serialize_field("password_expires_us", &self.password_expires_us)?;
        out.serialize_field("enabled", &self.enabled)?;
        out.serialize_field("groups", &self.groups)?;
        out.serialize_field("created_us", &self.created_us)?;
        out.serialize_field("updated_us", &self.updated_us)?;
        out.end()
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("password", &self.password.as_ref().map(|_| "argon2id"))
            .field("mschap", &self.cleartext.is_some())
            .field("totp", &self.totp.is_some())
            .field("enabled", &self.enabled)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRecord")
            .field("name", &self.name)
            .field("password", &self.password.as_ref().map(|_| "argon2id"))
            .field("mschap", &self.cleartext.is_some())
            .field("enabled", &self.enabled)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: Uuid,
    name: String,
    name_key: String,
    password: Option<String>,
    cleartext: Option<Vec<u8>>,
    totp_secret: Option<Vec<u8>>,
    totp_last_step: i64,
    password_expires_us: Option<i64>,
    enabled: bool,
    #[sqlx(try_from = "Json<Vec<String>>")]
    member_of: Vec<String>,
    created_us: i64,
    updated_us: i64,
}

/// A record ready to be bound.
struct UserValues {
    id: Uuid,
    name: String,
    name_key: String,
    password: Option<String>,
    cleartext: Option<Vec<u8>>,
    enabled: bool,
    member_of: String,
}

impl Store {
    /// Adds a user, or replaces the one of this name; its id, its second factor and the time of its creation stay. A new password
    /// is good until told otherwise ([`Store::user_set_password_expiry`]).
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for an empty name or a password of more than 256 octets; [`StoreError::Sealed`] for a
    /// hash without a sealing key.
    pub async fn user_put(&self, record: UserRecord) -> Result<User, StoreError> {
        let name = record.name.clone();
        let values = vec![self.user_values(record)?];
        self.user_write(&values, &name).await?;
        self.user_fetch(&name).await
    }

    /// [`Store::user_put`] for many, in one transaction with one change row. A name that comes twice counts as it comes
    /// last. Give it some thousands at a time, so that other writers get their turn.
    ///
    /// # Errors
    ///
    /// As [`Store::user_put`]; nothing is stored then.
    pub async fn user_put_many(&self, records: Vec<UserRecord>) -> Result<u64, StoreError> {
        if records.is_empty() {
            return Ok(0);
        }
        let mut values = std::collections::BTreeMap::new();
        for record in records {
            let value = self.user_values(record)?;
            values.insert(value.name_key.clone(), value);
        }
        let values: Vec<UserValues> = values.into_values().collect();
        self.user_write(&values, EVERYTHING).await
    }

    async fn user_write(&self, values: &[UserValues], changed: &str) -> Result<u64, StoreError> {
        let at_us = now_us();
        let mut tx = self.write().await?;
        let single = values.first().filter(|_| changed != EVERYTHING);
        let before = match single {
            Some(value) => self.user_within(&mut tx, &value.name_key).await?,
            None => None,
        };
        let touched = sql_rows!(
            tx,
            "INSERT INTO user_account (id, name, name_key, password, cleartext, enabled, member_of, created_us, \
             updated_us)",
            9,
            "ON CONFLICT (name_key) DO UPDATE SET name = excluded.name, password = excluded.password, \
             cleartext = excluded.cleartext, enabled = excluded.enabled, member_of = excluded.member_of, \
             password_expires_us = CASE WHEN excluded.password IS DISTINCT FROM user_account.password THEN NULL \
             ELSE user_account.password_expires_us END, updated_us = excluded.updated_us",
            values,
            |value| value.id,
            value.name.as_str(),
            value.name_key.as_str(),
            value.password.as_deref(),
            value.cleartext.as_deref(),
            value.enabled,
            value.member_of.as_str(),
            at_us,
            at_us
        );
        tx.changed(EventKind::User, changed);
        match single {
            Some(value) => {
                let after = self.user_within(&mut tx, &value.name_key).await?;
                user_changed(&mut tx, "user.put", &value.name_key, before, after)?;
            }
            None => tx.audit(
                "user.import",
                "user:*",
                None::<&()>,
                Some(&serde_json::json!({ "users": values.len() })),
            )?,
        }
        tx.commit().await?;
        Ok(touched)
    }

    /// Ends a change to one user: tells of it, records it, and commits.
    async fn user_end(
        &self,
        mut tx: Tx<'_>,
        name: &str,
        action: &'static str,
        before: Option<User>,
    ) -> Result<(), StoreError> {
        let key = user_key(name);
        tx.changed(EventKind::User, name);
        let after = self.user_within(&mut tx, &key).await?;
        user_changed(&mut tx, action, &key, before, after)?;
        tx.commit().await
    }

    /// A user for the audit log. Nobody looks when nobody is recorded.
    async fn user_within(
        &self,
        tx: &mut Tx<'_>,
        name_key: &str,
    ) -> Result<Option<User>, StoreError> {
        if self.actor().is_none() {
            return Ok(None);
        }
        let row: Option<UserRow> = sql!(
            tx.on(),
            fetch_optional as UserRow,
            "SELECT * FROM user_account WHERE name_key = $1",
            name_key
        )?;
        row.map(|row| self.user(row)).transpose()
    }

    /// Users by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails, or without the key for a sealed password.
    pub async fn user_list(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        let limit = if filter.limit == 0 {
            1_000
        } else {
            i64::from(filter.limit)
        };
        // A group is one string of a JSON list, so its quotes mark where it begins and ends.
        let group = match &filter.group {
            Some(group) => Some(json(group)?),
            None => None,
        };
        let search = filter
            .search
            .as_deref()
            .map(|text| format!("%{}%", escape_like(&user_key(text))));
        let after = filter.after.as_deref().map(user_key);
        let (direction, beyond) = match filter.descending {
            false => ("ASC", ">"),
            true => ("DESC", "<"),
        };
        let (place, order) = match filter.sort {
            UserSort::Name => (
                format!("name_key {beyond} $1"),
                format!("name_key {direction}"),
            ),
            UserSort::Changed => ordered_by("updated_us", beyond, direction),
            UserSort::Added => ordered_by("created_us", beyond, direction),
        };
        // Without an alternative, so that the index leads to the place.
        let place = match after {
            Some(_) => place,
            None => "$1 IS NULL".to_owned(),
        };
        let text = format!(
            "SELECT * FROM user_account WHERE {place} AND ($2 IS NULL OR name_key LIKE $2 ESCAPE '\\') \
             AND ($3 IS NULL OR REPLACE(member_of, $3, '') <> member_of) ORDER BY {order} LIMIT $4"
        );
        let rows: Vec<UserRow> = sql!(
            self.read(),
            fetch_all as UserRow,
            sqlx::AssertSqlSafe(text.clone()),
            after.as_deref(),
            search.as_deref(),
            group.as_deref(),
            limit
        )?;
        rows.into_iter().map(|row| self.user(row)).collect()
    }

    /// The next users by id, for loading all of them in pieces: start with `None`, go on with the last id of each piece,
    /// stop at an empty one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails, or without the key for a sealed password.
    pub async fn user_list_all(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let rows: Vec<UserRow> = sql!(
            self.read(),
            fetch_all as UserRow,
            "SELECT * FROM user_account WHERE id > $1 ORDER BY id LIMIT $2",
            after.unwrap_or(Uuid::nil()),
            i64::from(limit)
        )?;
        rows.into_iter().map(|row| self.user(row)).collect()
    }

    /// The user of this name, in any case.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn user_fetch(&self, name: &str) -> Result<User, StoreError> {
        let row: Option<UserRow> = sql!(
            self.read(),
            fetch_optional as UserRow,
            "SELECT * FROM user_account WHERE name_key = $1",
            user_key(name)
        )?;
        self.user(row.ok_or_else(|| StoreError::not_found("user", name))?)
    }

    /// Lets a user authenticate, or no longer.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn user_set_enabled(&self, name: &str, enabled: bool) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let key = user_key(name);
        let before = self.user_within(&mut tx, &key).await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE user_account SET enabled = $2, updated_us = $3 WHERE name_key = $1",
            key.as_str(),
            enabled,
            now_us()
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("user", name));
        }
        self.user_end(tx, name, "user.set-enabled", before).await
    }

    /// Replaces a user's groups.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn user_set_groups(&self, name: &str, groups: Vec<String>) -> Result<(), StoreError> {
        let groups = json(&sorted(groups))?;
        let mut tx = self.write().await?;
        let key = user_key(name);
        let before = self.user_within(&mut tx, &key).await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE user_account SET member_of = $2, updated_us = $3 WHERE name_key = $1",
            key.as_str(),
            groups.as_str(),
            now_us()
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("user", name));
        }
        self.user_end(tx, name, "user.set-groups", before).await
    }

    /// Makes a user's password good until a moment, in microseconds since the Unix epoch; `None` for ever. One that is past makes
    /// the user choose a new password at the next login, where the method can carry that (MS-CHAPv2, RFC 2759 section 7).
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn user_set_password_expiry(
        &self,
        name: &str,
        expires_us: Option<i64>,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let key = user_key(name);
        let before = self.user_within(&mut tx, &key).await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE user_account SET password_expires_us = $2, updated_us = $3 WHERE name_key = $1",
            key.as_str(),
            expires_us,
            now_us()
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("user", name));
        }
        self.user_end(tx, name, "user.set-password-expiry", before)
            .await
    }

    /// Replaces a password that its own user changed, if it is still the one that the user had: `old` is the sealed one. The new
    /// one is sealed as well, and good until told otherwise.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name; [`StoreError::Conflict`] when the password is another one by now;
    /// [`StoreError::Invalid`] for one of no or more than 256 octets.
    pub async fn user_change_password(
        &self,
        name: &str,
        old: &SecretBytes,
        hash: &str,
        new: &SecretBytes,
    ) -> Result<(), StoreError> {
        let user = self.user_fetch(name).await?;
        let key = user_key(name);
        let moved = || StoreError::Conflict {
            what: format!("the password of {key} was changed meanwhile"),
        };
        if user.cleartext.as_ref() != Some(old) {
            return Err(moved());
        }
        if !(1..=256).contains(&new.expose().len()) {
            return Err(StoreError::Invalid {
                what: format!("the password of {key} must have 1 to 256 octets"),
            });
        }
        let sealed = self.seal(cleartext_cell(&key), new)?;
        let mut tx = self.write().await?;
        let before = self.user_within(&mut tx, &key).await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE user_account SET password = $2, cleartext = $3, password_expires_us = NULL, updated_us = $4 \
             WHERE name_key = $1 AND updated_us = $5",
            key.as_str(),
            hash,
            sealed.as_slice(),
            now_us(),
            user.updated_us
        )?;
        if touched == 0 {
            return Err(moved());
        }
        self.user_end(tx, name, "user.change-password", before)
            .await
    }

    /// Asks for a code of an authenticator app with this secret besides the password from now on, or no longer. A secret that the
    /// user has already is replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name; [`StoreError::Invalid`] for a secret of less than 16 or more
    /// than 64 octets (RFC 4226 section 4); [`StoreError::Sealed`] without a sealing key.
    pub async fn user_set_totp(
        &self,
        name: &str,
        secret: Option<&SecretBytes>,
    ) -> Result<(), StoreError> {
        let key = user_key(name);
        let sealed = match secret {
            Some(secret) if !(16..=64).contains(&secret.expose().len()) => {
                return Err(StoreError::Invalid {
                    what: "the secret of an authenticator app must have 16 to 64 octets".to_owned(),
                });
            }
            Some(secret) => Some(self.seal(totp_cell(&key), secret)?),
            None => None,
        };
        let mut tx = self.write().await?;
        let before = self.user_within(&mut tx, &key).await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE user_account SET totp_secret = $2, totp_last_step = 0, updated_us = $3 WHERE name_key = $1",
            key.as_str(),
            sealed.as_deref(),
            now_us()
        )?;
        if touched == 0 {
            return Err(StoreError::not_found("user", name));
        }
        let action = match secret {
            Some(_) => "user.totp-enable",
            None => "user.totp-disable",
        };
        self.user_end(tx, name, action, before).await
    }

    /// Removes a user, and with the account the TLS sessions that it could resume and which MACs it came with by 802.1X.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none of this name.
    pub async fn user_remove(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let key = user_key(name);
        let before = self.user_within(&mut tx, &key).await?;
        if sql!(
            tx.on(),
            execute,
            "DELETE FROM user_account WHERE name_key = $1",
            key.as_str()
        )? == 0
        {
            return Err(StoreError::not_found("user", name));
        }
        eap_session::withdraw(&mut tx, &key, now_us()).await?;
        supplicant::forget_person(&mut tx, &key).await?;
        tx.changed(EventKind::User, name);
        user_changed(&mut tx, "user.remove", &key, before, None)?;
        tx.commit().await
    }

    fn user_values(&self, record: UserRecord) -> Result<UserValues, StoreError> {
        let name_key = user_key(&record.name);
        if name_key.is_empty() {
            return Err(StoreError::Invalid {
                what: "a user needs a name".to_owned(),
            });
        }
        let cleartext = match &record.cleartext {
            Some(password) if !(1..=256).contains(&password.expose().len()) => {
                return Err(StoreError::Invalid {
                    what: format!("the password of {name_key} must have 1 to 256 octets"),
                });
            }
            Some(password) => Some(self.seal(cleartext_cell(&name_key), password)?),
            None => None,
        };
        Ok(UserValues {
            id: Uuid::now_v7(),
            name: plain(record.name.trim()),
            name_key,
            password: record.password,
            cleartext,
            enabled: record.enabled,
            member_of: json(&sorted(record.groups))?,
        })
    }

    fn user(&self, row: UserRow) -> Result<User, StoreError> {
        let cleartext = row
            .cleartext
            .map(|sealed| self.unseal(cleartext_cell(&row.name_key), &sealed))
            .transpose()?;
        let totp = row
            .totp_secret
            .map(|sealed| self.unseal(totp_cell(&row.name_key), &sealed))
            .transpose()?;
        Ok(User {
            id: row.id,
            name: row.name,
            password: row.password,
            cleartext,
            totp,
            totp_last_step: row.totp_last_step,
            password_expires_us: row.password_expires_us,
            enabled: row.enabled,
            groups: row.member_of,
            created_us: row.created_us,
            updated_us: row.updated_us,
        })
    }
}

/// Passwords are not told; that one was changed is.
fn user_changed(
    tx: &mut Tx<'_>,
    action: &'static str,
    name_key: &str,
    before: Option<User>,
    after: Option<User>,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Changed {
        #[serde(flatten)]
        user: User,
        password_changed: bool,
    }
    let secrets = |user: &User| (user.password.clone(), user.cleartext.clone());
    let after = after.map(|user| Changed {
        password_changed: before.as_ref().map(secrets) != Some(secrets(&user)),
        user,
    });
    tx.audit(
        action,
        format!("user:{name_key}"),
        before.as_ref(),
        after.as_ref(),
    )
}

/// Notes that codes up to a time step were used. Nobody is told: who checks codes knows it already.
pub(crate) async fn codes_write(tx: &mut Tx<'_>, used: &[(Uuid, i64)]) -> Result<(), StoreError> {
    for &(user, step) in used {
        sql!(
            tx.on(),
            execute,
            "UPDATE user_account SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2",
            user,
            step
        )?;
    }
    Ok(())
}

fn totp_cell(name_key: &String) -> Cell<'_> {
    Cell {
        table: "user_account",
        column: "totp_secret",
        row: name_key,
    }
}

/// The name is the row's key here: it never changes, and an upsert does not have to ask for the id first.
fn cleartext_cell(name_key: &String) -> Cell<'_> {
    Cell {
        table: "user_account",
        column: "cleartext",
        row: name_key,
    }
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

/// Text that a LIKE with `ESCAPE '\'` takes literally.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
