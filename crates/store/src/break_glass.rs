//! Break-glass: times in which posture keeps nobody out, because a bad check or a dead posture service would lock out everybody.
//!
//! Each has a reason and an end, and ends by itself. At most one is on.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{plain, sql},
    transaction::Tx,
};

/// The longest time that one lasts, in microseconds: a day. Whoever needs more gives the reason again.
pub const BREAK_GLASS_MAX_US: i64 = 86_400_000_000;
/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;

/// One time in which posture keeps nobody out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct BreakGlass {
    /// Our id.
    pub id: Uuid,
    /// Why it is needed.
    pub reason: String,
    /// Who switched it on.
    pub started_by: String,
    /// Since when, in microseconds since the Unix epoch.
    pub started_us: i64,
    /// When it ends by itself, in microseconds since the Unix epoch.
    pub expires_us: i64,
    /// When it ended, in microseconds since the Unix epoch; nothing while it is on.
    pub ended_us: Option<i64>,
    /// Who ended it: `expiry` when nobody did.
    pub ended_by: Option<String>,
}

impl Store {
    /// Switches break-glass on until a moment within a day. One that is on already ends, and this one takes its place.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] without a reason, with one of more than 1,000 characters, or with an end that has passed or is
    /// further away than [`BREAK_GLASS_MAX_US`].
    pub async fn break_glass_start(
        &self,
        reason: &str,
        by: &str,
        expires_us: i64,
    ) -> Result<BreakGlass, StoreError> {
        let invalid = |what: &str| StoreError::Invalid {
            what: what.to_owned(),
        };
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_MAX {
            return Err(invalid(
                "break-glass needs a reason of at most 1,000 characters",
            ));
        }
        let at_us = now_us();
        if expires_us <= at_us || expires_us > at_us.saturating_add(BREAK_GLASS_MAX_US) {
            return Err(invalid("break-glass ends within 24 hours from now"));
        }
        let mut tx = self.write().await?;
        end(&mut tx, by, at_us, None).await?;
        let row: BreakGlass = sql!(
            tx.on(),
            fetch_one as BreakGlass,
            "INSERT INTO break_glass (id, reason, started_by, started_us, expires_us) \
             VALUES ($1, $2, $3, $4, $5) RETURNING *",
            Uuid::now_v7(),
            plain(reason),
            plain(by),
            at_us,
            expires_us
        )?;
        tx.audit("break-glass.start", object(row.id), None::<&()>, Some(&row))?;
        tx.changed(EventKind::BreakGlass, row.id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Switches break-glass off.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it is not on.
    pub async fn break_glass_end(&self, by: &str) -> Result<BreakGlass, StoreError> {
        let mut tx = self.write().await?;
        let ended = end(&mut tx, by, now_us(), None).await?;
        let row = ended.ok_or_else(|| StoreError::not_found("break-glass", "that is on"))?;
        tx.commit().await?;
        Ok(row)
    }

    /// Ends it when its time has come, and gives it then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn break_glass_expire(&self) -> Result<Option<BreakGlass>, StoreError> {
        let at_us = now_us();
        let due: Option<(i64,)> = sql!(
            self.read(),
            fetch_optional as (i64,),
            "SELECT expires_us FROM break_glass WHERE ended_us IS NULL AND expires_us <= $1",
            at_us
        )?;
        if due.is_none() {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        let ended = end(&mut tx, "expiry", at_us, Some(at_us)).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// The one that is on now. One whose time has come is over, also before [`Store::break_glass_expire`] says so.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn break_glass_current(&self) -> Result<Option<BreakGlass>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as BreakGlass,
            "SELECT * FROM break_glass WHERE ended_us IS NULL AND expires_us > $1",
            now_us()
        )
    }

    /// The one that was on at a moment, so that a decision of that moment can be explained.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn break_glass_at(&self, at_us: i64) -> Result<Option<BreakGlass>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as BreakGlass,
            "SELECT * FROM break_glass WHERE started_us <= $1 AND expires_us > $1 \
             AND (ended_us IS NULL OR ended_us >= $1) ORDER BY id DESC LIMIT 1",
            at_us
        )
    }

    /// The newest uses, newest first: what a review looks at.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn break_glass_list(&self, limit: u32) -> Result<Vec<BreakGlass>, StoreError> {
        sql!(
            self.read(),
            fetch_all as BreakGlass,
            "SELECT * FROM break_glass ORDER BY id DESC LIMIT $1",
            i64::from(limit)
        )
    }
}

/// Ends the one that is on; with `due_us` only when its time has come by then.
async fn end(
    tx: &mut Tx<'_>,
    by: &str,
    at_us: i64,
    due_us: Option<i64>,
) -> Result<Option<BreakGlass>, StoreError> {
    let row: Option<BreakGlass> = sql!(
        tx.on(),
        fetch_optional as BreakGlass,
        "UPDATE break_glass SET ended_us = $1, ended_by = $2 \
         WHERE ended_us IS NULL AND expires_us <= $3 RETURNING *",
        at_us,
        plain(by),
        due_us.unwrap_or(i64::MAX)
    )?;
    if let Some(row) = &row {
        let before = BreakGlass {
            ended_us: None,
            ended_by: None,
            ..row.clone()
        };
        tx.audit("break-glass.end", object(row.id), Some(&before), Some(row))?;
        tx.changed(EventKind::BreakGlass, row.id.to_string());
    }
    Ok(row)
}

fn object(id: Uuid) -> String {
    format!("break-glass:{id}")
}
