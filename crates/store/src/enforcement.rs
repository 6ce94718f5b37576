//! Enforcements: making a live session match the newest decision, and the proof that it does.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    EventKind, Session, Store, StoreError, now_us,
    sql::{Json, json, plain, plain_option, sql, sql_rows, words},
    transaction::Tx,
};

words! {
    /// How far an enforcement has come.
    pub enum EnforcementState {
        /// Nothing was sent yet.
        Pending = "pending",
        /// A request is out.
        Sent = "sent",
        /// The NAS said yes.
        Acknowledged = "acknowledged",
        /// The session was seen in its new place, or gone.
        Proven = "proven",
        /// Every step failed.
        Failed = "failed",
        /// A newer enforcement took its place.
        Superseded = "superseded",
    }
}

words! {
    /// What an administrator may tell a live session.
    pub enum SessionAction {
        /// Authenticate again.
        Reauthenticate = "reauthenticate",
        /// Leave the network.
        Disconnect = "disconnect",
        /// Take its port down and up.
        Bounce = "bounce",
    }
}

/// The job of moving one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Enforcement {
    /// Our id.
    pub id: Uuid,
    /// The session to move.
    pub session_id: Uuid,
    /// Its device, when we know it.
    pub device_id: Option<Uuid>,
    /// Its MAC address.
    pub mac: Option<String>,
    /// Why.
    pub reason: String,
    /// The segment it is in.
    pub from_segment: String,
    /// The segment it goes to; `None` means off the network, or that an action has none.
    pub to_segment: Option<String>,
    /// What it was told, where a person told it something; `None` where a rule wants another segment.
    pub action: Option<SessionAction>,
    /// Who told it.
    pub requested_by: Option<String>,
    /// How far it has come.
    pub state: EnforcementState,
    /// What was tried, in order.
    #[sqlx(try_from = "Json<Vec<Attempt>>")]
    pub attempts: Vec<Attempt>,
    /// When it was begun, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it last came further, in microseconds since the Unix epoch.
    pub updated_us: i64,
    /// When it was proven, in microseconds since the Unix epoch.
    pub proven_us: Option<i64>,
    /// What proved it.
    pub proof: Option<String>,
}

/// One request to the NAS and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Attempt {
    /// When it was sent, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// The step of the vendor profile's ladder, in words.
    pub step: String,
    /// What was sent: `CoA-Request` or `Disconnect-Request`.
    pub code: String,
    /// What came back: `ACK`, `NAK`, `timeout`, or an error.
    pub result: String,
    /// Error-Cause (RFC 5176 section 3.5), where a NAK had one.
    pub error_cause: Option<u32>,
}

impl From<Json<Self>> for Vec<Attempt> {
    fn from(json: Json<Self>) -> Self {
        json.0
    }
}

/// Which enforcements to list.
#[derive(Clone, Debug, Default)]
pub struct EnforcementFilter {
    /// Of this session.
    pub session_id: Option<Uuid>,
    /// Of this device.
    pub device_id: Option<Uuid>,
    /// In this state.
    pub state: Option<EnforcementState>,
    /// Only those that are not at their end: pending, sent or acknowledged.
    pub open_only: bool,
    /// At most so many; 0 means 1,000.
    pub limit: u32,
}

/// How long a command waits for a server, in microseconds. What was meant a minute ago may be wrong by now.
const COMMAND_LIFE_US: i64 = 60_000_000;

impl Enforcement {
    /// Whether a server may still begin with it.
    pub fn is_fresh(&self) -> bool {
        self.state == EnforcementState::Pending
            && self.attempts.is_empty()
            && self.created_us > now_us().saturating_sub(COMMAND_LIFE_US)
    }
}

impl Store {
    /// Stores an enforcement and tells everybody. The server itself goes through the writer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn enforcement_put(&self, enforcement: &Enforcement) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        enforcements_write(&mut tx, &[enforcement]).await?;
        tx.changed(EventKind::Enforcement, enforcement.id.to_string());
        tx.commit().await
    }

    /// Enforcements, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn enforcement_list(
        &self,
        filter: &EnforcementFilter,
    ) -> Result<Vec<Enforcement>, StoreError> {
        let by_session = if filter.session_id.is_some() {
            "session_id = $1"
        } else {
            "$1 IS NULL"
        };
        let open = if filter.open_only {
            "AND state IN ('pending', 'sent', 'acknowledged')"
        } else {
            ""
        };
        let text = format!(
            "SELECT * FROM enforcement WHERE {by_session} AND ($2 IS NULL OR device_id = $2) \
             AND ($3 IS NULL OR state = $3) {open} ORDER BY id DESC LIMIT $4"
        );
        sql!(
            self.read(),
            fetch_all as Enforcement,
            sqlx::AssertSqlSafe(text.clone()),
            filter.session_id,
            filter.device_id,
            filter.state.map(EnforcementState::as_str),
            if filter.limit == 0 {
                1_000
            } else {
                i64::from(filter.limit)
            }
        )
    }

    /// Tells a live session something. The server that holds the session carries it out; the record that comes back is the
    /// place to watch. Who asks again while the same is under way gets the same record.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is no such session, [`StoreError::Conflict`] when it has stopped.
    pub async fn session_command(
        &self,
        session_id: Uuid,
        action: SessionAction,
        requested_by: &str,
    ) -> Result<Enforcement, StoreError> {
        let mut tx = self.write().await?;
        let session: Option<Session> = sql!(
            tx.on(),
            fetch_optional as Session,
            "SELECT * FROM session WHERE id = $1",
            session_id
        )?;
        let session = session.ok_or_else(|| StoreError::not_found("session", session_id))?;
        if session.stopped_us.is_some() {
            let cause = session.terminate_cause.as_deref().unwrap_or("it stopped");
            return Err(StoreError::Conflict {
                what: format!("session {session_id} is over: {cause}"),
            });
        }
        let now = now_us();
        let same: Option<Enforcement> = sql!(
            tx.on(),
            fetch_optional as Enforcement,
            "SELECT * FROM enforcement WHERE session_id = $1 AND action = $2 AND created_us > $3 \
             AND state IN ('pending', 'sent', 'acknowledged') ORDER BY id DESC LIMIT 1",
            session_id,
            action.as_str(),
            now.saturating_sub(COMMAND_LIFE_US)
        )?;
        if let Some(same) = same {
            return Ok(same);
        }
        let command = Enforcement {
            id: Uuid::now_v7(),
            session_id,
            device_id: session.device_id,
            mac: session.mac,
            reason: format!("{requested_by} asked to {action}"),
            from_segment: session.segment,
            to_segment: None,
            action: Some(action),
            requested_by: Some(requested_by.to_owned()),
            state: EnforcementState::Pending,
            attempts: Vec::new(),
            created_us: now,
            updated_us: now,
            proven_us: None,
            proof: None,
        };
        enforcements_write(&mut tx, &[&command]).await?;
        tx.changed(EventKind::SessionCommand, command.id.to_string());
        tx.audit(
            "session.command",
            format!("session:{session_id}"),
            None::<&()>,
            Some(&serde_json::json!({ "action": action, "mac": command.mac, "enforcement": command.id })),
        )?;
        tx.commit().await?;
        Ok(command)
    }

    /// The commands that no server has begun with and that are not too old to be meant any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_command_waiting(&self) -> Result<Vec<Enforcement>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Enforcement,
            "SELECT * FROM enforcement WHERE state = 'pending' AND action IS NOT NULL AND attempts = '[]' \
             AND created_us > $1 ORDER BY id LIMIT 10000",
            now_us().saturating_sub(COMMAND_LIFE_US)
        )
    }

    /// Forgets the enforcements that ended before a moment. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn enforcement_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM enforcement WHERE updated_us < $1 AND state IN ('proven', 'failed', 'superseded')",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }

    /// The enforcement with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn enforcement_fetch(&self, id: Uuid) -> Result<Enforcement, StoreError> {
        let row: Option<Enforcement> = sql!(
            self.read(),
            fetch_optional as Enforcement,
            "SELECT * FROM enforcement WHERE id = $1",
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("enforcement", id))
    }
}

/// Upserts enforcements; each id at most once.
pub(crate) async fn enforcements_write(
    tx: &mut Tx<'_>,
    jobs: &[&Enforcement],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs {
        rows.push((*job, json(&job.attempts)?));
    }
    sql_rows!(
        tx,
        "INSERT INTO enforcement (id, session_id, device_id, mac, reason, from_segment, to_segment, state, attempts, \
         created_us, updated_us, proven_us, proof, action, requested_by)",
        15,
        "ON CONFLICT (id) DO UPDATE SET session_id = excluded.session_id, device_id = excluded.device_id, \
         mac = excluded.mac, reason = excluded.reason, from_segment = excluded.from_segment, \
         to_segment = excluded.to_segment, state = excluded.state, attempts = excluded.attempts, \
         updated_us = excluded.updated_us, proven_us = excluded.proven_us, proof = excluded.proof",
        rows.as_slice(),
        |row| row.0.id,
        row.0.session_id,
        row.0.device_id,
        plain_option(row.0.mac.as_deref()),
        plain(&row.0.reason),
        plain(&row.0.from_segment),
        plain_option(row.0.to_segment.as_deref()),
        row.0.state.as_str(),
        row.1.as_str(),
        row.0.created_us,
        row.0.updated_us,
        row.0.proven_us,
        plain_option(row.0.proof.as_deref()),
        row.0.action.map(SessionAction::as_str),
        plain_option(row.0.requested_by.as_deref())
    );
    Ok(())
}
