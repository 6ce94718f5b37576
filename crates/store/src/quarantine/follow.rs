//! What people do about a quarantine, and quarantines that follow what the checks say.

use serde::Serialize;
use uuid::Uuid;

use super::{Quarantine, QuarantineKind, json, object, open_row};
use crate::{
    EventKind, Exception, NewException, Store, StoreError, now_us,
    sql::{plain, sql},
};

/// A device that posture put into quarantine and that has not come back for this long is forgotten: 14 days.
pub(super) const FORGOTTEN_US: i64 = 14 * 24 * 3_600 * 1_000_000;
/// The longest note, in characters.
const NOTE_MAX: usize = 4_000;

/// What somebody wrote about a quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct QuarantineNote {
    /// Our id.
    pub id: Uuid,
    /// The quarantine.
    pub quarantine_id: Uuid,
    /// Who wrote it.
    pub author: String,
    /// What.
    pub text: String,
    /// When, in microseconds since the Unix epoch.
    pub at_us: i64,
}

impl Store {
    /// Writes a note about a quarantine, open or over.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] for an unknown quarantine, [`StoreError::Invalid`] when nothing is written or too much.
    pub async fn quarantine_note_add(
        &self,
        id: Uuid,
        author: &str,
        text: &str,
    ) -> Result<QuarantineNote, StoreError> {
        let text = crate::exception::written("a note", text, NOTE_MAX)?;
        self.quarantine_fetch(id).await?;
        let mut tx = self.write().await?;
        let note: QuarantineNote = sql!(
            tx.on(),
            fetch_one as QuarantineNote,
            "INSERT INTO quarantine_note (id, quarantine_id, author, text, at_us) VALUES ($1, $2, $3, $4, $5) \
             RETURNING *",
            Uuid::now_v7(),
            id,
            plain(author),
            text.as_str(),
            now_us()
        )?;
        tx.audit("quarantine.note", object(id), None::<&()>, Some(&note))?;
        tx.changed(EventKind::Quarantine, id.to_string());
        tx.commit().await?;
        Ok(note)
    }

    /// What was written about a quarantine, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_notes(&self, id: Uuid) -> Result<Vec<QuarantineNote>, StoreError> {
        sql!(
            self.read(),
            fetch_all as QuarantineNote,
            "SELECT * FROM quarantine_note WHERE quarantine_id = $1 ORDER BY id LIMIT 1000",
            id
        )
    }

    /// Says whose turn it is; `None` gives it back to everybody.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when none with this id is open.
    pub async fn quarantine_assign(
        &self,
        id: Uuid,
        owner: Option<&str>,
    ) -> Result<Quarantine, StoreError> {
        let mut tx = self.write().await?;
        let before = open_row(&mut tx, id).await?;
        let before = before.ok_or_else(|| StoreError::not_found("open quarantine", id))?;
        let owner = owner
            .map(str::trim)
            .filter(|owner| !owner.is_empty())
            .map(plain);
        let row: Quarantine = sql!(
            tx.on(),
            fetch_one as Quarantine,
            "UPDATE quarantine SET owner = $2 WHERE id = $1 RETURNING *",
            id,
            owner
        )?;
        tx.audit("quarantine.assign", object(id), Some(&before), Some(&row))?;
        tx.changed(EventKind::Quarantine, id.to_string());
        tx.commit().await?;
        Ok(row)
    }

    /// Notes that the person has seen the page that explains it. The first time counts; says whether this was it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_told(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<Quarantine> = sql!(
            tx.on(),
            fetch_optional as Quarantine,
            "UPDATE quarantine SET told_us = $2 WHERE id = $1 AND closed_us IS NULL AND told_us IS NULL RETURNING *",
            id,
            now_us()
        )?;
        let Some(row) = row else { return Ok(false) };
        tx.audit("quarantine.told", object(id), None::<&()>, Some(&row))?;
        tx.changed(EventKind::Quarantine, id.to_string());
        tx.commit().await?;
        Ok(true)
    }

    /// Opens the quarantine that follows a device's checks, or brings the open one up to date. It keeps nobody apart: the
    /// policy did.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_follow(
        &self,
        device_id: Option<Uuid>,
        mac: Option<&str>,
        reason: &str,
        checks: &[String],
    ) -> Result<Quarantine, StoreError> {
        let at_us = now_us();
        let listed = json(checks)?;
        let mut tx = self.write().await?;
        let known: Option<Quarantine> = sql!(
            tx.on(),
            fetch_optional as Quarantine,
            "SELECT * FROM quarantine WHERE closed_us IS NULL AND kind = 'posture' \
             AND (device_id = $1 OR (device_id IS NULL AND mac = $2)) ORDER BY id LIMIT 1",
            device_id,
            mac
        )?;
        let row: Quarantine = match &known {
            Some(known) => sql!(
                tx.on(),
                fetch_one as Quarantine,
                "UPDATE quarantine SET device_id = COALESCE($2, device_id), mac = COALESCE($3, mac), reason = $4, \
                 checks = $5, seen_us = $6 WHERE id = $1 RETURNING *",
                known.id,
                device_id,
                mac,
                plain(reason),
                listed.as_str(),
                at_us
            )?,
            None => sql!(
                tx.on(),
                fetch_one as Quarantine,
                "INSERT INTO quarantine (id, device_id, mac, kind, reason, checks, opened_by, opened_us, seen_us) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'policy', $7, $7) RETURNING *",
                Uuid::now_v7(),
                device_id,
                mac,
                QuarantineKind::Posture.as_str(),
                plain(reason),
                listed.as_str(),
                at_us
            )?,
        };
        // That it was seen again is no news to anybody.
        if known.as_ref().is_none_or(|known| {
            (&known.reason, &known.checks, known.device_id)
                != (&row.reason, &row.checks, row.device_id)
        }) {
            tx.audit(
                "quarantine.follow",
                object(row.id),
                known.as_ref(),
                Some(&row),
            )?;
            tx.changed(EventKind::Quarantine, row.id.to_string());
        }
        tx.commit().await?;
        Ok(row)
    }

    /// Lets a device out for a time: grants exceptions to the checks of a quarantine that follows them, or one to a quarantine
    /// that somebody decided. Those that are granted or asked for already are left as they are.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when none with this id is open; as [`Store::exception_add`]; [`StoreError::Conflict`] when
    /// nothing fails, or no host is known whose checks they are.
    pub async fn quarantine_except(
        &self,
        id: Uuid,
        by: &str,
        reason: &str,
        expires_us: i64,
    ) -> Result<Vec<Exception>, StoreError> {
        let quarantine = self.quarantine_fetch(id).await?;
        if quarantine.closed_us.is_some() {
            return Err(StoreError::not_found("open quarantine", id));
        }
        let new = NewException {
            device_id: quarantine.device_id,
            reason: reason.to_owned(),
            requested_by: by.to_owned(),
            expires_us,
            ..NewException::default()
        };
        if quarantine.kind != QuarantineKind::Posture {
            let new = NewException {
                quarantine_id: Some(id),
                ..new
            };
            return Ok(vec![self.exception_add(new, by).await?]);
        }
        let node_id = match (quarantine.device_id, &quarantine.mac) {
            (None, Some(mac)) => {
                let nodes = self.node_list().await?;
                let node = nodes.into_iter().rfind(|node| node.macs.contains(mac));
                node.map(|node| node.id)
            }
            _ => None,
        };
        if quarantine.checks.is_empty() || (new.device_id, node_id) == (None, None) {
            return Err(StoreError::Conflict {
                what: format!(
                    "no exception ends this ({}): it has to be heard from the device itself",
                    quarantine.reason
                ),
            });
        }
        let mut granted = Vec::new();
        for check in quarantine.checks {
            let new = NewException {
                check: Some(check),
                node_id,
                ..new.clone()
            };
            match self.exception_add(new, by).await {
                Ok(exception) => granted.push(exception),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(granted)
    }

    /// Closes the quarantines that follow a device's checks: it has left the segment.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn quarantine_settle(
        &self,
        device_id: Option<Uuid>,
        mac: Option<&str>,
    ) -> Result<Vec<Quarantine>, StoreError> {
        let mut tx = self.write().await?;
        let rows: Vec<Quarantine> = sql!(
            tx.on(),
            fetch_all as Quarantine,
            "UPDATE quarantine SET closed_us = $3, closed_by = 'policy' WHERE closed_us IS NULL \
             AND kind = 'posture' AND (device_id = $1 OR (device_id IS NULL AND mac = $2)) RETURNING *",
            device_id,
            mac,
            now_us()
        )?;
        if rows.is_empty() {
            return Ok(rows);
        }
        for row in &rows {
            tx.audit("quarantine.settle", object(row.id), None::<&()>, Some(row))?;
            tx.changed(EventKind::Quarantine, row.id.to_string());
        }
        tx.commit().await?;
        Ok(rows)
    }
}
