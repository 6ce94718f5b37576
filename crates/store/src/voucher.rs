//! Vouchers: codes on paper that let somebody in.
//!
//! A code is ten characters of Crockford's base32, 50 bits. It is found by its HMAC-SHA-256 under a key derived from the
//! sealing key, and stands sealed beside that for the print sheet: who has the database but not the sealing key has neither the
//! codes nor a way to try them.

mod code;
mod redeem;

use serde::Serialize;
use uuid::Uuid;

pub use code::VoucherCode;
pub use redeem::{Redeemer, Redemption, VoucherRefusal};

use crate::{
    EventKind, GuestStatus, Store, StoreError,
    guest::guest_close,
    now_us, page,
    seal::Cell,
    sql::{Small, plain, sql, sql_rows, words},
    transaction::Tx,
    user::escape_like,
};

/// The most codes of one batch.
const BATCH_MAX: u32 = 10_000;

words! {
    /// When a voucher's time begins.
    pub enum StartRule {
        /// When somebody first uses it.
        FirstUse = "first-use",
        /// At a moment that is fixed, for all of a batch.
        Fixed = "fixed",
    }
}

words! {
    /// What has become of a voucher.
    pub enum VoucherState {
        /// Nobody has used it.
        Unused = "unused",
        /// Somebody is here with it.
        Active = "active",
        /// Its time is over.
        Used = "used",
        /// Nobody used it in time.
        Expired = "expired",
        /// It was withdrawn.
        Revoked = "revoked",
    }
}

/// Codes that were made together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct VoucherBatch {
    /// Our id.
    pub id: Uuid,
    /// What it is for.
    pub note: String,
    /// The site where the codes count; empty for any.
    pub site: String,
    /// How many codes.
    #[sqlx(try_from = "Small")]
    pub size: u32,
    /// How long each code lets somebody stay, in seconds.
    #[sqlx(try_from = "Small")]
    pub duration_s: u32,
    /// When that time begins.
    pub start_rule: StartRule,
    /// The fixed beginning, in microseconds since the Unix epoch.
    pub starts_us: Option<i64>,
    /// How many devices may use one code at once.
    #[sqlx(try_from = "Small")]
    pub devices: u32,
    /// When unused codes end, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// When it was made, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// Who made it.
    pub created_by: String,
    /// When it was withdrawn, in microseconds since the Unix epoch.
    pub revoked_us: Option<i64>,
    /// Who withdrew it.
    pub revoked_by: Option<String>,
    /// How many codes nobody has used.
    pub unused: i64,
    /// With how many codes somebody is here.
    pub active: i64,
}

/// One code. The code itself does not serialise: who may see it asks for it by [`Voucher::code`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Voucher {
    /// Our id.
    pub id: Uuid,
    /// Its batch.
    pub batch_id: Uuid,
    /// The code.
    #[serde(skip)]
    pub code: VoucherCode,
    /// What has become of it.
    pub state: VoucherState,
    /// The guest who uses it.
    pub guest_id: Option<Uuid>,
    /// When it was first used, in microseconds since the Unix epoch.
    pub first_used_us: Option<i64>,
    /// When its time ends, in microseconds since the Unix epoch.
    pub ends_us: Option<i64>,
    /// When it was withdrawn, in microseconds since the Unix epoch.
    pub revoked_us: Option<i64>,
    /// Who withdrew it.
    pub revoked_by: Option<String>,
}

/// A batch to make.
#[derive(Clone, Debug)]
pub struct NewVoucherBatch {
    /// What it is for.
    pub note: String,
    /// The site where the codes count; empty for any.
    pub site: String,
    /// How many codes to make; with [`NewVoucherBatch::codes`] it does not count.
    pub size: u32,
    /// Codes from elsewhere to take over.
    pub codes: Vec<VoucherCode>,
    /// How long each code lets somebody stay, in seconds.
    pub duration_s: u32,
    /// The fixed beginning, in microseconds since the Unix epoch; without one the first use counts.
    pub starts_us: Option<i64>,
    /// How many devices may use one code at once.
    pub devices: u32,
    /// When unused codes end, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// Who makes it.
    pub created_by: String,
    /// The guest whom the only code of the batch is for.
    pub guest_id: Option<Uuid>,
}

impl Default for NewVoucherBatch {
    fn default() -> Self {
        Self {
            note: String::new(),
            site: String::new(),
            size: 1,
            codes: Vec::new(),
            duration_s: 86_400,
            starts_us: None,
            devices: 1,
            expires_us: None,
            created_by: String::new(),
            guest_id: None,
        }
    }
}

/// Which batches to list.
#[derive(Clone, Debug, Default)]
pub struct VoucherBatchFilter {
    /// Part of the note or the site, in any case.
    pub search: Option<String>,
    /// Older than this id, which the last page ended with.
    pub before: Option<Uuid>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

/// Which codes to list.
#[derive(Clone, Debug, Default)]
pub struct VoucherFilter {
    /// Of this batch.
    pub batch_id: Option<Uuid>,
    /// In this state.
    pub state: Option<VoucherState>,
    /// Behind this id, which the last page ended with.
    pub after: Option<Uuid>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

#[derive(sqlx::FromRow)]
struct VoucherRow {
    id: Uuid,
    batch_id: Uuid,
    code: Vec<u8>,
    state: VoucherState,
    guest_id: Option<Uuid>,
    first_used_us: Option<i64>,
    ends_us: Option<i64>,
    revoked_us: Option<i64>,
    revoked_by: Option<String>,
}

/// The state of a voucher `v` of a batch `b` at the moment `$1`.
macro_rules! state_sql {
    () => {
        "CASE WHEN v.revoked_us IS NOT NULL OR b.revoked_us IS NOT NULL THEN 'revoked' \
         WHEN v.first_used_us IS NOT NULL AND v.ends_us > $1 THEN 'active' \
         WHEN v.first_used_us IS NOT NULL THEN 'used' \
         WHEN b.expires_us IS NOT NULL AND b.expires_us <= $1 THEN 'expired' ELSE 'unused' END"
    };
}

/// The columns of a batch `b` at the moment `$1`.
const BATCH_SQL: &str = concat!(
    "SELECT b.*, (SELECT COUNT(*) FROM voucher AS v WHERE v.batch_id = b.id AND ",
    state_sql!(),
    " = 'unused') AS unused, (SELECT COUNT(*) FROM voucher AS v WHERE v.batch_id = b.id AND ",
    state_sql!(),
    " = 'active') AS active FROM voucher_batch AS b "
);

/// The columns of a voucher `v` at the moment `$1`.
const VOUCHER_SQL: &str = concat!(
    "SELECT v.id, v.batch_id, v.code, ",
    state_sql!(),
    " AS state, v.guest_id, v.first_used_us, v.ends_us, v.revoked_us, v.revoked_by FROM voucher AS v \
     JOIN voucher_batch AS b ON b.id = v.batch_id "
);

impl Store {
    /// Makes a batch, and gives it with its codes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for sizes and times that make no sense; [`StoreError::Conflict`] when a code from elsewhere is
    /// taken; [`StoreError::Sealed`] without a sealing key.
    pub async fn voucher_batch_add(
        &self,
        new: NewVoucherBatch,
    ) -> Result<(VoucherBatch, Vec<Voucher>), StoreError> {
        let batch = new_batch(&new)?;
        let codes = if new.codes.is_empty() {
            (0..batch.size)
                .map(|_| VoucherCode::generate())
                .collect::<Result<Vec<_>, _>>()?
        } else {
            new.codes
        };
        let mut rows = Vec::with_capacity(codes.len());
        for code in &codes {
            let id = Uuid::now_v7();
            let sealed = self.seal(code_cell(&id), &code.secret())?;
            rows.push((id, self.voucher_hmac(code)?, sealed));
        }
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO voucher_batch (id, note, site, size, duration_s, start_rule, starts_us, devices, expires_us, \
             created_us, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            batch.id,
            batch.note.as_str(),
            batch.site.as_str(),
            i64::from(batch.size),
            i64::from(batch.duration_s),
            batch.start_rule.as_str(),
            batch.starts_us,
            i64::from(batch.devices),
            batch.expires_us,
            batch.created_us,
            batch.created_by.as_str()
        )?;
        let conflict = || "one of these codes exists already".to_owned();
        let inserted = async {
            Ok::<u64, StoreError>(sql_rows!(
                tx,
                "INSERT INTO voucher (id, batch_id, code_hmac, code, guest_id)",
                5,
                "",
                rows.as_slice(),
                |row| row.0,
                batch.id,
                row.1.as_str(),
                row.2.as_slice(),
                new.guest_id
            ))
        };
        inserted
            .await
            .map_err(|error| error.or_conflict(conflict))?;
        if let (Some(guest), Some((voucher, ..))) = (new.guest_id, rows.first()) {
            sql!(
                tx.on(),
                execute,
                "UPDATE guest SET voucher_id = $2 WHERE id = $1",
                guest,
                *voucher
            )?;
        }
        tx.audit(
            "voucher.create",
            format!("voucher-batch:{}", batch.id),
            None::<&()>,
            Some(&batch),
        )?;
        tx.changed(EventKind::Voucher, batch.id.to_string());
        tx.commit().await?;
        let vouchers = rows
            .into_iter()
            .zip(codes)
            .map(|((id, ..), code)| Voucher {
                id,
                batch_id: batch.id,
                code,
                state: VoucherState::Unused,
                guest_id: new.guest_id,
                first_used_us: None,
                ends_us: None,
                revoked_us: None,
                revoked_by: None,
            })
            .collect();
        Ok((batch, vouchers))
    }

    /// Batches, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn voucher_batch_list(
        &self,
        filter: &VoucherBatchFilter,
    ) -> Result<Vec<VoucherBatch>, StoreError> {
        let search = filter
            .search
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| format!("%{}%", escape_like(&text.to_lowercase())));
        sql!(
            self.read(),
            fetch_all as VoucherBatch,
            sqlx::AssertSqlSafe(format!(
                "{BATCH_SQL} WHERE ($2 IS NULL OR b.id < $2) AND ($3 IS NULL OR LOWER(b.note) LIKE $3 ESCAPE '\\' \
                 OR LOWER(b.site) LIKE $3 ESCAPE '\\') ORDER BY b.id DESC LIMIT $4"
            )),
            now_us(),
            filter.before,
            search.as_deref(),
            page::rows(filter.limit)
        )
    }

    /// The batch with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn voucher_batch_fetch(&self, id: Uuid) -> Result<VoucherBatch, StoreError> {
        let row: Option<VoucherBatch> = sql!(
            self.read(),
            fetch_optional as VoucherBatch,
            sqlx::AssertSqlSafe(format!("{BATCH_SQL} WHERE b.id = $2")),
            now_us(),
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("voucher batch", id))
    }

    /// Codes, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the right key.
    pub async fn voucher_list(&self, filter: &VoucherFilter) -> Result<Vec<Voucher>, StoreError> {
        let rows: Vec<VoucherRow> = sql!(
            self.read(),
            fetch_all as VoucherRow,
            sqlx::AssertSqlSafe(format!(
                "SELECT * FROM ({VOUCHER_SQL}) AS found WHERE ($2 IS NULL OR batch_id = $2) AND ($3 IS NULL OR state = $3) \
                 AND ($4 IS NULL OR id > $4) ORDER BY id LIMIT $5"
            )),
            now_us(),
            filter.batch_id,
            filter.state.map(VoucherState::as_str),
            filter.after,
            page::rows(filter.limit)
        )?;
        rows.into_iter().map(|row| self.voucher(row)).collect()
    }

    /// The voucher with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn voucher_fetch(&self, id: Uuid) -> Result<Voucher, StoreError> {
        let row: Option<VoucherRow> = sql!(
            self.read(),
            fetch_optional as VoucherRow,
            sqlx::AssertSqlSafe(format!("{VOUCHER_SQL} WHERE v.id = $2")),
            now_us(),
            id
        )?;
        self.voucher(row.ok_or_else(|| StoreError::not_found("voucher", id))?)
    }

    /// The voucher with this code.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn voucher_by_code(&self, code: &VoucherCode) -> Result<Option<Voucher>, StoreError> {
        let row: Option<VoucherRow> = sql!(
            self.read(),
            fetch_optional as VoucherRow,
            sqlx::AssertSqlSafe(format!("{VOUCHER_SQL} WHERE v.code_hmac = $2")),
            now_us(),
            self.voucher_hmac(code)?
        )?;
        row.map(|row| self.voucher(row)).transpose()
    }

    /// Withdraws one code; who is here with it has to go.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id, [`StoreError::Conflict`] when it is withdrawn already.
    pub async fn voucher_revoke(&self, id: Uuid, by: &str) -> Result<Voucher, StoreError> {
        let before = self.voucher_fetch(id).await?;
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE voucher SET revoked_us = $2, revoked_by = $3 WHERE id = $1 AND revoked_us IS NULL",
            id,
            now_us(),
            plain(by)
        )?;
        if touched == 0 {
            return Err(StoreError::Conflict {
                what: "this voucher is revoked already".to_owned(),
            });
        }
        guests_close(&mut tx, &[before.guest_id], by).await?;
        tx.audit(
            "voucher.revoke",
            format!("voucher:{id}"),
            Some(&before),
            None::<&()>,
        )?;
        tx.changed(EventKind::Voucher, before.batch_id.to_string());
        tx.commit().await?;
        self.voucher_fetch(id).await
    }

    /// Withdraws a whole batch; who is here with one of its codes has to go.
    ///
    /// # Errors
    ///
    /// As [`Store::voucher_revoke`].
    pub async fn voucher_batch_revoke(
        &self,
        id: Uuid,
        by: &str,
    ) -> Result<VoucherBatch, StoreError> {
        let before = self.voucher_batch_fetch(id).await?;
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE voucher_batch SET revoked_us = $2, revoked_by = $3 WHERE id = $1 AND revoked_us IS NULL",
            id,
            now_us(),
            plain(by)
        )?;
        if touched == 0 {
            return Err(StoreError::Conflict {
                what: "this batch is revoked already".to_owned(),
            });
        }
        let guests: Vec<(Option<Uuid>,)> = sql!(
            tx.on(),
            fetch_all as (Option<Uuid>,),
            "SELECT guest_id FROM voucher WHERE batch_id = $1 AND guest_id IS NOT NULL",
            id
        )?;
        let guests: Vec<Option<Uuid>> = guests.into_iter().map(|(guest,)| guest).collect();
        guests_close(&mut tx, &guests, by).await?;
        tx.audit(
            "voucher.revoke",
            format!("voucher-batch:{id}"),
            Some(&before),
            None::<&()>,
        )?;
        tx.changed(EventKind::Voucher, id.to_string());
        tx.commit().await?;
        self.voucher_batch_fetch(id).await
    }

    fn voucher(&self, row: VoucherRow) -> Result<Voucher, StoreError> {
        let code = self.unseal(code_cell(&row.id), &row.code)?;
        let code = std::str::from_utf8(code.expose())
            .ok()
            .and_then(VoucherCode::parse)
            .ok_or_else(|| StoreError::Corrupt {
                what: "a voucher",
                why: "its code is none".to_owned(),
            })?;
        Ok(Voucher {
            id: row.id,
            batch_id: row.batch_id,
            code,
            state: row.state,
            guest_id: row.guest_id,
            first_used_us: row.first_used_us,
            ends_us: row.ends_us,
            revoked_us: row.revoked_us,
            revoked_by: row.revoked_by,
        })
    }
}

async fn guests_close(
    tx: &mut Tx<'_>,
    guests: &[Option<Uuid>],
    by: &str,
) -> Result<(), StoreError> {
    for id in guests.iter().flatten() {
        let row: Option<crate::Guest> = sql!(
            tx.on(),
            fetch_optional as crate::Guest,
            "SELECT * FROM guest WHERE id = $1 AND status IN ('active', 'invited')",
            *id
        )?;
        if let Some(mut guest) = row {
            guest_close(tx, &mut guest, GuestStatus::Revoked, by).await?;
            tx.changed(EventKind::Guest, id.to_string());
        }
    }
    Ok(())
}

fn new_batch(new: &NewVoucherBatch) -> Result<VoucherBatch, StoreError> {
    let fault = |what: String| Err(StoreError::Invalid { what });
    let size = if new.codes.is_empty() {
        new.size
    } else {
        u32::try_from(new.codes.len()).unwrap_or(u32::MAX)
    };
    if !(1..=BATCH_MAX).contains(&size) {
        return fault(format!("a batch has between 1 and {BATCH_MAX} codes"));
    }
    if !(1..=100).contains(&new.devices) {
        return fault("a code is for between 1 and 100 devices".to_owned());
    }
    if new.note.chars().count() > 300 || new.site.chars().count() > 100 {
        return fault("the note has at most 300 characters, the site at most 100".to_owned());
    }
    let duration_s = crate::guest::duration(new.duration_s)?;
    let ends = new
        .starts_us
        .map(|starts| starts.saturating_add(crate::guest::micros(duration_s)));
    let at_us = now_us();
    let expires_us = match (ends, new.expires_us) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    if expires_us.is_some_and(|end| end <= at_us) {
        return fault("the codes would have expired already".to_owned());
    }
    Ok(VoucherBatch {
        id: Uuid::now_v7(),
        note: plain(new.note.trim()),
        site: plain(new.site.trim()),
        size,
        duration_s,
        start_rule: if new.starts_us.is_some() {
            StartRule::Fixed
        } else {
            StartRule::FirstUse
        },
        starts_us: new.starts_us,
        devices: new.devices,
        expires_us,
        created_us: at_us,
        created_by: plain(&new.created_by),
        revoked_us: None,
        revoked_by: None,
        unused: i64::from(size),
        active: 0,
    })
}

fn code_cell(id: &Uuid) -> Cell<'_> {
    Cell {
        table: "voucher",
        column: "code",
        row: id,
    }
}
