//! Decisions as they were recorded, to be decided again: by older releases too, and without one that cannot be read any more
//! hiding the others.

use uuid::Uuid;

use super::filter::first_id;
use super::{DecisionRecord, parse};
use crate::{Store, StoreError, sql::sql};

/// A decision as it was recorded. Reading it is work for the processor and waits for nothing.
#[derive(Clone, Debug)]
pub struct RecordedDecision {
    /// Its id; later ones are greater.
    pub id: Uuid,
    record: String,
}

/// The newest decision about a live session.
#[derive(Clone, Debug)]
pub struct RecordedSession {
    /// The session.
    pub id: Uuid,
    /// Its newest decision; `None` when that was forgotten already.
    pub decision: Option<RecordedDecision>,
}

impl RecordedDecision {
    /// The decision, and which of today's facts were not recorded with it, by path (`context.device.psk`).
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when this version cannot read it.
    pub fn read(&self) -> Result<(DecisionRecord, Vec<String>), StoreError> {
        /// The facts as they stand there.
        #[derive(serde::Deserialize)]
        struct Raw {
            facts: Option<serde_json::Value>,
        }
        let record = parse(&self.record)?;
        let raw: Raw = serde_json::from_str(&self.record).map_err(|error| StoreError::Corrupt {
            what: "a decision",
            why: error.to_string(),
        })?;
        let unrecorded = raw
            .facts
            .as_ref()
            .map(nac_policy::unrecorded)
            .unwrap_or_default();
        Ok((record, unrecorded))
    }
}

impl Store {
    /// One page of the decisions since a moment, newest first, as they were recorded: those before `before_id`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn decision_list_recorded(
        &self,
        since_us: i64,
        before_id: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<RecordedDecision>, StoreError> {
        let rows: Vec<(Uuid, String)> = sql!(
            self.read(),
            fetch_all as (Uuid, String),
            "SELECT id, record FROM decision WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            first_id(since_us),
            before_id.unwrap_or(Uuid::max()),
            i64::from(limit)
        )?;
        let recorded = |(id, record)| RecordedDecision { id, record };
        Ok(rows.into_iter().map(recorded).collect())
    }

    /// How many decisions there are since a moment.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn decision_count_since(&self, since_us: i64) -> Result<u64, StoreError> {
        let (count,): (i64,) = sql!(
            self.read(),
            fetch_one as (i64,),
            "SELECT COUNT(*) FROM decision WHERE id >= $1",
            first_id(since_us)
        )?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// One page of the live sessions by their ids, each with its newest decision: those behind `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_list_recorded(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<RecordedSession>, StoreError> {
        let rows: Vec<(Uuid, Uuid, Option<String>)> = sql!(
            self.read(),
            fetch_all as (Uuid, Uuid, Option<String>),
            "SELECT session.id, session.decision_id, decision.record FROM session \
             LEFT JOIN decision ON decision.id = session.decision_id \
             WHERE session.stopped_us IS NULL AND session.id > $1 ORDER BY session.id LIMIT $2",
            after.unwrap_or(Uuid::nil()),
            i64::from(limit)
        )?;
        let recorded = |(id, decision, record): (Uuid, Uuid, Option<String>)| RecordedSession {
            id,
            decision: record.map(|record| RecordedDecision {
                id: decision,
                record,
            }),
        };
        Ok(rows.into_iter().map(recorded).collect())
    }
}
