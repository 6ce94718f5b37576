//! Quarantines: who is kept apart, why, by whom, until when.

mod follow;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError, mac_normalise, now_us, page,
    sql::{Json, json, plain, sql, words},
    transaction::Tx,
    user::escape_like,
};

pub use follow::QuarantineNote;

/// The most that one release takes.
const RELEASE_MAX: usize = 1_000;

words! {
    /// What a quarantine comes from.
    #[derive(Default)]
    pub enum QuarantineKind {
        /// Somebody decided it.
        #[default]
        Manual = "manual",
        /// A neighbouring system raised an alarm.
        Alert = "alert",
        /// The device was reported lost or stolen.
        Lost = "lost",
        /// Checks fail, and the policy put the device into its segment. The record follows that and causes nothing.
        Posture = "posture",
    }
}

/// A device, or a MAC address of nobody's device, that is kept apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Quarantine {
    /// Our id.
    pub id: Uuid,
    /// The device, when we know it.
    pub device_id: Option<Uuid>,
    /// The MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// What it comes from.
    pub kind: QuarantineKind,
    /// Why, for the person who reads it in the portal.
    pub reason: String,
    /// The checks that fail, by name, where it comes from posture.
    #[sqlx(try_from = "Json<Vec<String>>")]
    pub checks: Vec<String>,
    /// Who opened it.
    pub opened_by: String,
    /// When it was opened, in microseconds since the Unix epoch.
    pub opened_us: i64,
    /// When it was closed, in microseconds since the Unix epoch.
    pub closed_us: Option<i64>,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// When it ends by itself, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// Whose turn it is; nobody's when nobody took it.
    pub owner: Option<String>,
    /// When the person first saw the page that explains it, in microseconds since the Unix epoch.
    pub told_us: Option<i64>,
    /// When the device was last let into the segment, where it comes from posture, in microseconds since the Unix epoch.
    pub seen_us: Option<i64>,
}

/// A quarantine to open.
#[derive(Clone, Debug, Default)]
pub struct NewQuarantine {
    /// The device, when we know it.
    pub device_id: Option<Uuid>,
    /// The MAC address, in any usual form.
    pub mac: Option<String>,
    /// What it comes from.
    pub kind: QuarantineKind,
    /// Why.
    pub reason: String,
    /// Who opens it.
    pub opened_by: String,
    /// When it ends by itself, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
}

/// Which quarantines to list.
#[derive(Clone, Debug, Default)]
pub struct QuarantineFilter {
    /// Only those that are open (true) or over (false).
    pub open: Option<bool>,
    /// Of this kind.
    pub kind: Option<QuarantineKind>,
    /// Of this device.
    pub device_id: Option<Uuid>,
    /// Of this MAC address, in any usual form.
    pub mac: Option<String>,
    /// With this owner; empty for those that nobody took.
    pub owner: Option<String>,
    /// Because of this check.
    pub check: Option<String>,
    /// Whether the person was told.
    pub told: Option<bool>,
    /// With this in the reason, the owner, or who opened it.
    pub search: Option<String>,
    /// The oldest first instead of the newest.
    pub oldest_first: bool,
    /// Behind this one, in the order of the list.
    pub after: Option<Uuid>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

/// What [`Store::quarantine_release`] did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Release {
    /// Those that were open and are closed.
    pub closed: Vec<Quarantine>,
    /// Those that no release ends, because their checks fail: mend the device, or permit an exception.
    pub kept: Vec<Quarantine>,
    /// Those that were over already, or never were.
    pub gone: Vec<Uuid>,
}

impl Store {
    /// Opens a quarantine.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when it names neither a device nor a MAC address.
    pub async fn quarantine_open(&self, new: NewQuarantine) -> Result<Quarantine, StoreError> {
        let mac = match new.mac.as_deref().map(|mac| (mac, mac_normalise(mac))) {
            None => None,
            Some((_, Some(mac))) => Some(mac),
            Some((mac, None)) => {
                return Err(StoreError::Invalid {
                    what: format!("`{mac}` is not a MAC address"),
                });
            }
        };
        if new.device_id.is_none() && mac.is_none() {
            return Err(StoreError::Invalid {
                what: "a quarantine needs a device or a MAC address".to_owned(),
            });
        }
        if new.kind == QuarantineKind::Posture {
            return Err(StoreError::Invalid {
                what: "a quarantine that comes from posture is opened by the server".to_owned(),
            });
        }
        let mut tx = self.write().await?;
        let row: Quarantine = sql!(
            tx.on(),
            fetch_one as Quarantine,
            "INSERT INTO quarantine (id, device_id, mac, kind, reason, opened_by, opened_us, expires_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
            Uuid::now_v7(),
            new.device_id,
            mac.as_deref(),
            new.kind.as_str(),
            plain(&new.reason),
            plain(&new.opened_by),
            now_us(),
            new.expires_us
        )?;
        tx.audit("quarantine.open", object(row.id), None::<&()>, Some(&row))?;
        tx.changed(EventKind::Quarantine, row.id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Closes a quarantine.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when none with this id is open; [`StoreError::Conflict`] when it comes from posture: only the
    /// device's checks, or an exception, end that.
    pub async fn quarantine_close(&self, id: Uuid, by: &str) -> Result<Quarantine, StoreError> {
        let mut release = self.quarantine_release(&[id], by, false).await?;
        match (release.closed.pop(), release.kept.pop()) {
            (Some(closed), _) => Ok(closed),
            (None, Some(kept)) => Err(StoreError::Conflict {
                what: format!(
                    "the checks decide this quarantine ({}): mend the device, or permit an exception",
                    kept.checks.join(", ")
                ),
            }),
            (None, None) => Err(StoreError::not_found("open quarantine", id)),
        }
    }

    /// Closes many quarantines, at most 1,000 at once. With `dry_run` nothing is changed, and what would be is told.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for more than 1,000.
    pub async fn quarantine_release(
        &self,
        ids: &[Uuid],
        by: &str,
        dry_run: bool,
    ) -> Result<Release, StoreError> {
        if ids.len() > RELEASE_MAX {
            return Err(StoreError::Invalid {
                what: format!("at most {RELEASE_MAX} quarantines end at once"),
            });
        }
        let ids: std::collections::BTreeSet<Uuid> = ids.iter().copied().collect();
        let at_us = now_us();
        let mut release = Release::default();
        let mut tx = self.write().await?;
        for id in ids {
            let Some(before) = open_row(&mut tx, id).await? else {
                release.gone.push(id);
                continue;
            };
            if before.kind == QuarantineKind::Posture {
                release.kept.push(before);
                continue;
            }
            let row: Quarantine = sql!(
                tx.on(),
                fetch_one as Quarantine,
                "UPDATE quarantine SET closed_us = $2, closed_by = $3 WHERE id = $1 RETURNING *",
                id,
                at_us,
                plain(by)
            )?;
            tx.audit("quarantine.close", object(id), Some(&before), Some(&row))?;
            tx.changed(EventKind::Quarantine, id.to_string());
            release.closed.push(row);
        }
        // Without a commit nothing has happened.
        if !dry_run && !release.closed.is_empty() {
            tx.commit().await?;
        }
        Ok(release)
    }

    /// The quarantine with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn quarantine_fetch(&self, id: Uuid) -> Result<Quarantine, StoreError> {
        let row: Option<Quarantine> = sql!(
            self.read(),
            fetch_optional as Quarantine,
            "SELECT * FROM quarantine WHERE id = $1",
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("quarantine", id))
    }

    /// Every open quarantine, newest first. One is open until it is closed, also when its time has come:
    /// [`Store::quarantine_expire`] closes those.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_list_open(&self) -> Result<Vec<Quarantine>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Quarantine,
            "SELECT * FROM quarantine WHERE closed_us IS NULL ORDER BY id DESC"
        )
    }

    /// How many are open.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_count(&self) -> Result<i64, StoreError> {
        let (open,): (i64,) = sql!(
            self.read(),
            fetch_one as (i64,),
            "SELECT COUNT(*) FROM quarantine WHERE closed_us IS NULL"
        )?;
        Ok(open)
    }

    /// Quarantines, one page of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_list(
        &self,
        filter: &QuarantineFilter,
    ) -> Result<Vec<Quarantine>, StoreError> {
        let limit = page::rows(filter.limit);
        let open = match filter.open {
            None => "",
            Some(true) => "AND closed_us IS NULL",
            Some(false) => "AND closed_us IS NOT NULL",
        };
        let told = match filter.told {
            None => "",
            Some(true) => "AND told_us IS NOT NULL",
            Some(false) => "AND told_us IS NULL",
        };
        let (beyond, order) = if filter.oldest_first {
            (">", "ASC")
        } else {
            ("<", "DESC")
        };
        let text = format!(
            "SELECT * FROM quarantine WHERE ($1 IS NULL OR id {beyond} $1) AND ($2 IS NULL OR kind = $2) \
             AND ($3 IS NULL OR device_id = $3) AND ($4 IS NULL OR mac = $4) \
             AND ($5 IS NULL OR COALESCE(owner, '') = $5) AND ($6 IS NULL OR checks LIKE $6 ESCAPE '\\') \
             AND ($7 IS NULL OR LOWER(reason) LIKE $7 ESCAPE '\\' OR LOWER(opened_by) LIKE $7 ESCAPE '\\' \
             OR LOWER(COALESCE(owner, '')) LIKE $7 ESCAPE '\\') {open} {told} ORDER BY id {order} LIMIT $8"
        );
        let mac = filter
            .mac
            .as_deref()
            .map(|mac| mac_normalise(mac).unwrap_or_else(|| mac.to_owned()));
        // The names of checks need no escaping in JSON.
        let check = filter
            .check
            .as_deref()
            .map(|check| format!("%\"{}\"%", escape_like(check)));
        let search = filter
            .search
            .as_deref()
            .map(|search| format!("%{}%", escape_like(&search.to_lowercase())));
        sql!(
            self.read(),
            fetch_all as Quarantine,
            sqlx::AssertSqlSafe(text.clone()),
            filter.after,
            filter.kind.map(QuarantineKind::as_str),
            filter.device_id,
            mac.as_deref(),
            filter.owner.as_deref(),
            check.as_deref(),
            search.as_deref(),
            limit
        )
    }

    /// Moves the moment at which a quarantine ends by itself; `None` leaves it to somebody.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when none with this id is open, [`StoreError::Invalid`] for a moment that has passed,
    /// [`StoreError::Conflict`] when it comes from posture.
    pub async fn quarantine_extend(
        &self,
        id: Uuid,
        expires_us: Option<i64>,
    ) -> Result<Quarantine, StoreError> {
        if expires_us.is_some_and(|expires| expires <= now_us()) {
            return Err(StoreError::Invalid {
                what: "a quarantine ends in the future".to_owned(),
            });
        }
        let mut tx = self.write().await?;
        let before = open_row(&mut tx, id).await?;
        let before = before.ok_or_else(|| StoreError::not_found("open quarantine", id))?;
        if before.kind == QuarantineKind::Posture {
            return Err(StoreError::Conflict {
                what: "the checks decide when this quarantine ends".to_owned(),
            });
        }
        let row: Quarantine = sql!(
            tx.on(),
            fetch_one as Quarantine,
            "UPDATE quarantine SET expires_us = $2 WHERE id = $1 RETURNING *",
            id,
            expires_us
        )?;
        tx.audit("quarantine.extend", object(id), Some(&before), Some(&row))?;
        tx.changed(EventKind::Quarantine, id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Closes the quarantines whose time has come, and gives them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_expire(&self) -> Result<Vec<Quarantine>, StoreError> {
        let at_us = now_us();
        let forgotten_us = at_us.saturating_sub(follow::FORGOTTEN_US);
        let due: Option<(i64,)> = sql!(
            self.read(),
            fetch_optional as (i64,),
            "SELECT opened_us FROM quarantine WHERE closed_us IS NULL AND (expires_us <= $1 OR seen_us <= $2) LIMIT 1",
            at_us,
            forgotten_us
        )?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let rows: Vec<Quarantine> = sql!(
            tx.on(),
            fetch_all as Quarantine,
            "UPDATE quarantine SET closed_us = $1, closed_by = 'expiry' \
             WHERE closed_us IS NULL AND (expires_us <= $1 OR seen_us <= $2) RETURNING *",
            at_us,
            forgotten_us
        )?;
        for row in &rows {
            tx.audit("quarantine.expire", object(row.id), None::<&()>, Some(row))?;
            tx.changed(EventKind::Quarantine, row.id.to_string());
        }
        tx.commit().await?;
        Ok(rows)
    }
}

/// An open quarantine, which nobody else changes until the transaction ends.
async fn open_row(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Quarantine>, StoreError> {
    sql!(
        tx.on(),
        fetch_optional as Quarantine,
        sqlite: "SELECT * FROM quarantine WHERE id = $1 AND closed_us IS NULL",
        postgres: "SELECT * FROM quarantine WHERE id = $1 AND closed_us IS NULL FOR UPDATE",
        id
    )
}

fn object(id: Uuid) -> String {
    format!("quarantine:{id}")
}
