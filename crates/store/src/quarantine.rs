//! Quarantines: who is kept apart, why, by whom, until when.

use serde::Serialize;
use uuid::Uuid;

use crate::{EventKind, Store, StoreError, mac_normalise, now_us, sql::sql};

/// A device, or a MAC address of nobody's device, that is kept apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Quarantine {
    /// Our id.
    pub id: Uuid,
    /// The device, when we know it.
    pub device_id: Option<Uuid>,
    /// The MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// Why, for the person who reads it in the portal.
    pub reason: String,
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
}

/// A quarantine to open.
#[derive(Clone, Debug, Default)]
pub struct NewQuarantine {
    /// The device, when we know it.
    pub device_id: Option<Uuid>,
    /// The MAC address, in any usual form.
    pub mac: Option<String>,
    /// Why.
    pub reason: String,
    /// Who opens it.
    pub opened_by: String,
    /// When it ends by itself, in microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
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
        let mut tx = self.write().await?;
        let row: Quarantine = sql!(
            tx.on(),
            fetch_one as Quarantine,
            "INSERT INTO quarantine (id, device_id, mac, reason, opened_by, opened_us, expires_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *",
            Uuid::now_v7(),
            new.device_id,
            mac.as_deref(),
            new.reason.as_str(),
            new.opened_by.as_str(),
            now_us(),
            new.expires_us
        )?;
        tx.changed(EventKind::Quarantine, row.id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Closes a quarantine.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when none with this id is open.
    pub async fn quarantine_close(&self, id: Uuid, by: &str) -> Result<Quarantine, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<Quarantine> = sql!(
            tx.on(),
            fetch_optional as Quarantine,
            "UPDATE quarantine SET closed_us = $2, closed_by = $3 WHERE id = $1 AND closed_us IS NULL RETURNING *",
            id,
            now_us(),
            by
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("open quarantine", id))?;
        tx.changed(EventKind::Quarantine, id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Quarantines, newest first: all that are open, or the last 10,000. One is open until it is closed, also when its
    /// time has come: [`Store::quarantine_expire`] closes those.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_list(&self, open_only: bool) -> Result<Vec<Quarantine>, StoreError> {
        if open_only {
            return sql!(
                self.read(),
                fetch_all as Quarantine,
                "SELECT * FROM quarantine WHERE closed_us IS NULL ORDER BY id DESC"
            );
        }
        sql!(
            self.read(),
            fetch_all as Quarantine,
            "SELECT * FROM quarantine ORDER BY id DESC LIMIT 10000"
        )
    }

    /// Closes the quarantines whose time has come, and gives them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_expire(&self) -> Result<Vec<Quarantine>, StoreError> {
        let at_us = now_us();
        let due: Option<(i64,)> = sql!(
            self.read(),
            fetch_optional as (i64,),
            "SELECT expires_us FROM quarantine WHERE closed_us IS NULL AND expires_us <= $1 LIMIT 1",
            at_us
        )?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let rows: Vec<Quarantine> = sql!(
            tx.on(),
            fetch_all as Quarantine,
            "UPDATE quarantine SET closed_us = $1, closed_by = 'expiry' \
             WHERE closed_us IS NULL AND expires_us <= $1 RETURNING *",
            at_us
        )?;
        for row in &rows {
            tx.changed(EventKind::Quarantine, row.id.to_string());
        }
        tx.commit().await?;
        Ok(rows)
    }
}
