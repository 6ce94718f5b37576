//! Which MACs have a supplicant: how each was let in last by EAP, and when. Who comes with such a MAC and without EAP may have copied it.
//!
//! *Invariants:* a row is kept as long as sessions are. Only somebody's own command takes one out before its time, and that is audited.

use serde::Serialize;

use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{sql, sql_rows},
};

/// A MAC that was let in by EAP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Supplicant {
    /// The MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: String,
    /// By which method the last time.
    pub method: String,
    /// When that was written down, in microseconds since the Unix epoch; within an hour of the last time.
    pub seen_us: i64,
}

impl Store {
    /// Writes down that these MACs were let in by these methods; each MAC at most once.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicant_put(&self, seen: &[(String, &str)]) -> Result<(), StoreError> {
        let at_us = now_us();
        let mut tx = self.write().await?;
        sql_rows!(
            tx,
            "INSERT INTO supplicant (mac, method, seen_us)",
            3,
            "ON CONFLICT (mac) DO UPDATE SET method = excluded.method, seen_us = excluded.seen_us",
            seen,
            |row| row.0.as_str(),
            row.1,
            at_us
        );
        tx.commit().await
    }

    /// What is known of a MAC.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicant_find(&self, mac: &str) -> Result<Option<Supplicant>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Supplicant,
            "SELECT * FROM supplicant WHERE mac = $1",
            mac
        )
    }

    /// Those that were written down since a moment, the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn supplicant_list(
        &self,
        since_us: i64,
        limit: u32,
    ) -> Result<Vec<Supplicant>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Supplicant,
            "SELECT * FROM supplicant WHERE seen_us >= $1 ORDER BY seen_us DESC LIMIT $2",
            since_us,
            i64::from(limit)
        )
    }

    /// A device with this MAC may come without EAP from now on, until it is let in by EAP again. Gives what was known of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it was not let in by EAP.
    pub async fn supplicant_forget(&self, mac: &str) -> Result<Supplicant, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<Supplicant> = sql!(
            tx.on(),
            fetch_optional as Supplicant,
            "DELETE FROM supplicant WHERE mac = $1 RETURNING *",
            mac
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("supplicant", mac))?;
        tx.audit(
            "supplicant.forget",
            format!("supplicant:{mac}"),
            Some(&row),
            None::<&()>,
        )?;
        tx.changed(EventKind::Supplicant, mac);
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes what was last seen before a moment.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub(crate) async fn supplicant_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM supplicant WHERE seen_us < $1",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}
