//! Exceptions: written permissions to break a rule, each with a reason and an end.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError, now_us, page,
    sql::{plain, plain_option, sql, words},
    transaction::Tx,
    user::escape_like,
};

/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;
/// The most that one revocation takes.
const REVOKE_MAX: usize = 1_000;

words! {
    /// Where an exception is on its way.
    pub enum ExceptionState {
        /// Somebody asked for it; it permits nothing yet.
        Requested = "requested",
        /// It counts.
        Active = "active",
        /// Its time has come.
        Expired = "expired",
        /// Somebody ended it early.
        Revoked = "revoked",
        /// It was not granted.
        Denied = "denied",
    }
}

/// A written, expiring permission to break one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Exception {
    /// Our id.
    pub id: Uuid,
    /// The device that it is for.
    pub device_id: Option<Uuid>,
    /// The osquery host that it is for, where no device is known.
    pub node_id: Option<Uuid>,
    /// The check that may fail, by name.
    #[sqlx(rename = "check_name")]
    pub check: Option<String>,
    /// The quarantine that does not count meanwhile.
    pub quarantine_id: Option<Uuid>,
    /// Whether the check may also have no answer, or an old one.
    pub covers_unknown: bool,
    /// Why it is needed.
    pub reason: String,
    /// Where it is on its way.
    pub state: ExceptionState,
    /// Who asked for it.
    pub requested_by: String,
    /// When, in microseconds since the Unix epoch.
    pub requested_us: i64,
    /// Who granted it.
    pub approved_by: Option<String>,
    /// When, in microseconds since the Unix epoch.
    pub approved_us: Option<i64>,
    /// When it ends by itself, in microseconds since the Unix epoch.
    pub expires_us: i64,
    /// When it ended, in microseconds since the Unix epoch.
    pub ended_us: Option<i64>,
    /// Who ended or denied it.
    pub ended_by: Option<String>,
    /// Why it was ended or denied.
    pub ended_note: Option<String>,
    /// When it first made a difference, in microseconds since the Unix epoch.
    pub first_used_us: Option<i64>,
    /// When it last made a difference, in microseconds since the Unix epoch.
    pub last_used_us: Option<i64>,
}

/// An exception to ask for, or to grant at once.
#[derive(Clone, Debug, Default)]
pub struct NewException {
    /// The device that it is for.
    pub device_id: Option<Uuid>,
    /// The osquery host that it is for, where no device is known.
    pub node_id: Option<Uuid>,
    /// The check that may fail, by name.
    pub check: Option<String>,
    /// The quarantine that does not count meanwhile.
    pub quarantine_id: Option<Uuid>,
    /// Whether the check may also have no answer, or an old one.
    pub covers_unknown: bool,
    /// Why it is needed.
    pub reason: String,
    /// Who asks for it.
    pub requested_by: String,
    /// When it ends by itself, in microseconds since the Unix epoch.
    pub expires_us: i64,
}

words! {
    /// How exceptions are sorted.
    #[derive(Default)]
    pub enum ExceptionSort {
        /// By the time at which somebody asked for them, the newest first.
        #[default]
        Asked = "asked",
        /// By their end, the next one first.
        Ends = "ends",
    }
}

/// Which exceptions to list.
#[derive(Clone, Debug, Default)]
pub struct ExceptionFilter {
    /// In this state.
    pub state: Option<ExceptionState>,
    /// Only those that are requested or active.
    pub open_only: bool,
    /// For this device.
    pub device_id: Option<Uuid>,
    /// For this osquery host.
    pub node_id: Option<Uuid>,
    /// For this check.
    pub check: Option<String>,
    /// For this quarantine.
    pub quarantine_id: Option<Uuid>,
    /// With this in the reason, or in who asked for it or granted it.
    pub search: Option<String>,
    /// The order.
    pub sort: ExceptionSort,
    /// The order is turned round.
    pub reverse: bool,
    /// Continue behind this one, which the last page ended with.
    pub before: Option<Uuid>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

impl Store {
    /// Asks for an exception.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] without a reason, a rule, somebody that it is for, or an end in the future;
    /// [`StoreError::Conflict`] when the same is requested or active already.
    pub async fn exception_request(&self, new: NewException) -> Result<Exception, StoreError> {
        self.exception_write("exception.request", new, None).await
    }

    /// Grants an exception that nobody had to ask for.
    ///
    /// # Errors
    ///
    /// As [`Store::exception_request`].
    pub async fn exception_add(
        &self,
        new: NewException,
        approved_by: &str,
    ) -> Result<Exception, StoreError> {
        self.exception_write("exception.add", new, Some(approved_by))
            .await
    }

    async fn exception_write(
        &self,
        action: &'static str,
        new: NewException,
        approved_by: Option<&str>,
    ) -> Result<Exception, StoreError> {
        let reason = written("a reason", &new.reason, REASON_MAX)?;
        let invalid = |what: &str| StoreError::Invalid {
            what: what.to_owned(),
        };
        let check = new.check.as_deref().map(str::trim).map(plain);
        let rule = check.as_ref().is_some_and(|check| !check.is_empty());
        if rule == new.quarantine_id.is_some() {
            return Err(invalid("an exception is to one check or to one quarantine"));
        }
        if rule && new.device_id.is_none() && new.node_id.is_none() {
            return Err(invalid(
                "an exception is for a device or for an osquery host",
            ));
        }
        let at_us = now_us();
        if new.expires_us <= at_us {
            return Err(invalid("an exception ends in the future"));
        }
        let state = match approved_by {
            Some(_) => ExceptionState::Active,
            None => ExceptionState::Requested,
        };
        let mut tx = self.write().await?;
        let same: Option<Exception> = sql!(
            tx.on(),
            fetch_optional as Exception,
            "SELECT * FROM exception WHERE state IN ('requested', 'active') AND ($1 IS NULL OR device_id = $1) \
             AND ($2 IS NULL OR node_id = $2) AND ($3 IS NULL OR check_name = $3) \
             AND ($4 IS NULL OR quarantine_id = $4) AND expires_us > $5 LIMIT 1",
            new.device_id,
            new.node_id,
            check.as_deref(),
            new.quarantine_id,
            at_us
        )?;
        if let Some(same) = same {
            return Err(StoreError::Conflict {
                what: format!(
                    "this exception is {} already ({}): change that one",
                    same.state, same.id
                ),
            });
        }
        let row: Exception = sql!(
            tx.on(),
            fetch_one as Exception,
            "INSERT INTO exception (id, device_id, node_id, check_name, quarantine_id, covers_unknown, reason, state, \
             requested_by, requested_us, approved_by, approved_us, expires_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *",
            Uuid::now_v7(),
            new.device_id,
            new.node_id,
            check.as_deref(),
            new.quarantine_id,
            new.covers_unknown,
            reason.as_str(),
            state.as_str(),
            plain(&new.requested_by),
            at_us,
            plain_option(approved_by),
            approved_by.map(|_| at_us),
            new.expires_us
        )?;
        tx.audit(action, object(row.id), None::<&()>, Some(&row))?;
        tx.changed(EventKind::Exception, row.id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Grants what was asked for, until `expires_us` where that is not the moment that was asked for.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] when it is decided already, [`StoreError::Invalid`] for an end
    /// that has passed.
    pub async fn exception_approve(
        &self,
        id: Uuid,
        by: &str,
        expires_us: Option<i64>,
    ) -> Result<Exception, StoreError> {
        let at_us = now_us();
        let mut tx = self.write().await?;
        let before = in_state(&mut tx, id, &[ExceptionState::Requested]).await?;
        let expires_us = expires_us.unwrap_or(before.expires_us);
        if expires_us <= at_us {
            return Err(StoreError::Invalid {
                what: "its end has passed: say until when".to_owned(),
            });
        }
        let row: Exception = sql!(
            tx.on(),
            fetch_one as Exception,
            "UPDATE exception SET state = 'active', approved_by = $2, approved_us = $3, expires_us = $4 \
             WHERE id = $1 RETURNING *",
            id,
            plain(by),
            at_us,
            expires_us
        )?;
        finish(tx, "exception.approve", &before, row).await
    }

    /// Does not grant what was asked for.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] when it is decided already, [`StoreError::Invalid`] without a
    /// reason: the person who asked reads it.
    pub async fn exception_deny(
        &self,
        id: Uuid,
        by: &str,
        note: &str,
    ) -> Result<Exception, StoreError> {
        let note = written("a reason", note, REASON_MAX)?;
        let mut tx = self.write().await?;
        let before = in_state(&mut tx, id, &[ExceptionState::Requested]).await?;
        let row = end(&mut tx, id, ExceptionState::Denied, by, &note).await?;
        finish(tx, "exception.deny", &before, row).await
    }

    /// Ends an exception early, or withdraws a request.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] when it is over already.
    pub async fn exception_revoke(
        &self,
        id: Uuid,
        by: &str,
        note: &str,
    ) -> Result<Exception, StoreError> {
        let open = [ExceptionState::Requested, ExceptionState::Active];
        let mut tx = self.write().await?;
        let before = in_state(&mut tx, id, &open).await?;
        let row = end(&mut tx, id, ExceptionState::Revoked, by, note).await?;
        finish(tx, "exception.revoke", &before, row).await
    }

    /// Ends many exceptions early, at most 1,000 at once; those that are over stay as they are. With `dry_run` nothing is
    /// changed, and what would be is told.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for more than 1,000.
    pub async fn exception_revoke_many(
        &self,
        ids: &[Uuid],
        by: &str,
        note: &str,
        dry_run: bool,
    ) -> Result<Vec<Exception>, StoreError> {
        if ids.len() > REVOKE_MAX {
            return Err(StoreError::Invalid {
                what: format!("at most {REVOKE_MAX} exceptions end at once"),
            });
        }
        let ids: std::collections::BTreeSet<Uuid> = ids.iter().copied().collect();
        let open = [ExceptionState::Requested, ExceptionState::Active];
        let mut tx = self.write().await?;
        let mut ended = Vec::new();
        for id in ids {
            let before = match in_state(&mut tx, id, &open).await {
                Ok(before) => before,
                Err(StoreError::NotFound { .. } | StoreError::Conflict { .. }) => continue,
                Err(error) => return Err(error),
            };
            let row = end(&mut tx, id, ExceptionState::Revoked, by, note).await?;
            tx.audit("exception.revoke", object(id), Some(&before), Some(&row))?;
            tx.changed(EventKind::Exception, id.to_string());
            ended.push(row);
        }
        // Without a commit nothing has happened.
        if !dry_run && !ended.is_empty() {
            tx.commit().await?;
        }
        Ok(ended)
    }

    /// Moves the end of an active exception, for a reason of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] when it is not active, [`StoreError::Invalid`] without a reason or
    /// for an end that has passed.
    pub async fn exception_renew(
        &self,
        id: Uuid,
        by: &str,
        expires_us: i64,
        reason: &str,
    ) -> Result<Exception, StoreError> {
        let reason = written("a reason", reason, REASON_MAX)?;
        let at_us = now_us();
        if expires_us <= at_us {
            return Err(StoreError::Invalid {
                what: "an exception ends in the future".to_owned(),
            });
        }
        let mut tx = self.write().await?;
        let before = in_state(&mut tx, id, &[ExceptionState::Active]).await?;
        let row: Exception = sql!(
            tx.on(),
            fetch_one as Exception,
            "UPDATE exception SET expires_us = $2, reason = $3, approved_by = $4, approved_us = $5 WHERE id = $1 \
             RETURNING *",
            id,
            expires_us,
            reason.as_str(),
            plain(by),
            at_us
        )?;
        finish(tx, "exception.renew", &before, row).await
    }

    /// Ends the exceptions and the requests whose time has come, and gives them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn exception_expire(&self) -> Result<Vec<Exception>, StoreError> {
        let at_us = now_us();
        let due: Option<(i64,)> = sql!(
            self.read(),
            fetch_optional as (i64,),
            "SELECT expires_us FROM exception WHERE state IN ('requested', 'active') AND expires_us <= $1 LIMIT 1",
            at_us
        )?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let rows: Vec<Exception> = sql!(
            tx.on(),
            fetch_all as Exception,
            "UPDATE exception SET state = 'expired', ended_us = $1, ended_by = 'expiry' \
             WHERE state IN ('requested', 'active') AND expires_us <= $1 RETURNING *",
            at_us
        )?;
        for row in &rows {
            tx.audit("exception.expire", object(row.id), None::<&()>, Some(row))?;
            tx.changed(EventKind::Exception, row.id.to_string());
        }
        tx.commit().await?;
        Ok(rows)
    }

    /// The exception with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn exception_fetch(&self, id: Uuid) -> Result<Exception, StoreError> {
        let row: Option<Exception> = sql!(
            self.read(),
            fetch_optional as Exception,
            "SELECT * FROM exception WHERE id = $1",
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("exception", id))
    }

    /// Every active exception, for loading all of them. One whose time has come is active until
    /// [`Store::exception_expire`] ends it; who reads them looks at the time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn exception_list_active(&self) -> Result<Vec<Exception>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Exception,
            "SELECT * FROM exception WHERE state = 'active' ORDER BY id"
        )
    }

    /// Exceptions, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn exception_list(
        &self,
        filter: &ExceptionFilter,
    ) -> Result<Vec<Exception>, StoreError> {
        let limit = page::rows(filter.limit);
        let open = if filter.open_only {
            "AND state IN ('requested', 'active')"
        } else {
            ""
        };
        let (place, order) = match filter.sort {
            ExceptionSort::Asked => page::by_id(!filter.reverse),
            ExceptionSort::Ends => page::by_end("exception", filter.reverse),
        };
        let text = format!(
            "SELECT * FROM exception WHERE ($1 IS NULL OR {place}) AND ($2 IS NULL OR state = $2) \
             AND ($3 IS NULL OR device_id = $3) AND ($4 IS NULL OR node_id = $4) \
             AND ($5 IS NULL OR check_name = $5) AND ($6 IS NULL OR quarantine_id = $6) \
             AND ($7 IS NULL OR LOWER(reason) LIKE $7 ESCAPE '\\' OR LOWER(requested_by) LIKE $7 ESCAPE '\\' \
             OR LOWER(COALESCE(approved_by, '')) LIKE $7 ESCAPE '\\') {open} ORDER BY {order} LIMIT $8"
        );
        let search = filter
            .search
            .as_deref()
            .map(|search| format!("%{}%", escape_like(&search.to_lowercase())));
        sql!(
            self.read(),
            fetch_all as Exception,
            sqlx::AssertSqlSafe(text.clone()),
            filter.before,
            filter.state.map(ExceptionState::as_str),
            filter.device_id,
            filter.node_id,
            filter.check.as_deref(),
            filter.quarantine_id,
            search.as_deref(),
            limit
        )
    }

    /// Notes when exceptions made a difference. Nobody is told; unknown ones are skipped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn exception_used(&self, used: &[(Uuid, i64)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for (id, at_us) in used {
            sql!(
                tx.on(),
                execute,
                "UPDATE exception SET first_used_us = COALESCE(first_used_us, $2), last_used_us = $2 \
                 WHERE id = $1 AND (last_used_us IS NULL OR last_used_us < $2)",
                id,
                at_us
            )?;
        }
        tx.commit().await
    }
}

/// The exception, if it is in one of these states.
async fn in_state(
    tx: &mut Tx<'_>,
    id: Uuid,
    states: &[ExceptionState],
) -> Result<Exception, StoreError> {
    let row: Option<Exception> = sql!(
        tx.on(),
        fetch_optional as Exception,
        sqlite: "SELECT * FROM exception WHERE id = $1",
        postgres: "SELECT * FROM exception WHERE id = $1 FOR UPDATE",
        id
    )?;
    let row = row.ok_or_else(|| StoreError::not_found("exception", id))?;
    if states.contains(&row.state) {
        return Ok(row);
    }
    Err(StoreError::Conflict {
        what: format!("the exception {id} is {} already", row.state),
    })
}

async fn end(
    tx: &mut Tx<'_>,
    id: Uuid,
    state: ExceptionState,
    by: &str,
    note: &str,
) -> Result<Exception, StoreError> {
    sql!(
        tx.on(),
        fetch_one as Exception,
        "UPDATE exception SET state = $2, ended_us = $3, ended_by = $4, ended_note = $5 WHERE id = $1 RETURNING *",
        id,
        state.as_str(),
        now_us(),
        plain(by),
        plain(note.trim())
    )
}

async fn finish(
    mut tx: Tx<'_>,
    action: &'static str,
    before: &Exception,
    row: Exception,
) -> Result<Exception, StoreError> {
    tx.audit(action, object(row.id), Some(before), Some(&row))?;
    tx.changed(EventKind::Exception, row.id.to_string());
    tx.commit().await?;
    Ok(row)
}

fn object(id: Uuid) -> String {
    format!("exception:{id}")
}

/// Text that somebody has to write, and not too much of it.
pub(crate) fn written(what: &str, text: &str, max: usize) -> Result<String, StoreError> {
    let text = plain(text.trim());
    if text.is_empty() {
        return Err(StoreError::Invalid {
            what: format!("{what} is needed"),
        });
    }
    if text.chars().count() > max {
        return Err(StoreError::Invalid {
            what: format!("{what} has at most {max} characters"),
        });
    }
    Ok(text)
}
