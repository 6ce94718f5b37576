//! Sessions: one device's presence on one port or SSID.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError,
    sql::{Json, Parsed, json, plain, plain_option, sql, sql_rows},
    transaction::Tx,
};

/// One device's presence, from the Access-Accept to the stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Session {
    /// Our id.
    pub id: Uuid,
    /// The Class attribute that we sent and that accounting echoes (RFC 2865 section 5.25).
    pub class: String,
    /// The client's name.
    pub client: String,
    /// The NAS's address, as it names itself.
    #[sqlx(try_from = "Parsed<IpAddr>")]
    pub nas_address: IpAddr,
    /// Where its packets came from.
    #[sqlx(try_from = "Parsed<SocketAddr>")]
    pub nas_source: SocketAddr,
    /// The device's MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// The user name as it was sent.
    pub user_name: String,
    /// Who was authenticated.
    pub identity: String,
    /// The device, when we know it.
    pub device_id: Option<Uuid>,
    /// What identifies the session to its NAS, exactly as the NAS sent it, by dictionary name.
    #[sqlx(try_from = "Json<Vec<(String, String)>>")]
    pub attributes: Vec<(String, String)>,
    /// Acct-Session-Id.
    pub acct_session_id: Option<String>,
    /// The device's IP address.
    pub framed_ip: Option<String>,
    /// How it authenticated.
    pub method: String,
    /// The segment it is in.
    pub segment: String,
    /// The decision that put it there.
    pub decision_id: Uuid,
    /// The policy version of that decision.
    pub policy_version: i64,
    /// When it started, in microseconds since the Unix epoch.
    pub started_us: i64,
    /// When it was last heard of, in microseconds since the Unix epoch.
    pub updated_us: i64,
    /// When it stopped, in microseconds since the Unix epoch.
    pub stopped_us: Option<i64>,
    /// Why it stopped.
    pub terminate_cause: Option<String>,
}

impl Store {
    /// Stores a session and tells everybody. The server itself goes through the writer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_put(&self, session: &Session) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sessions_write(&mut tx, &[session]).await?;
        tx.changed(EventKind::Session, session.id.to_string());
        tx.commit().await
    }

    /// Sessions, newest first: all that are open, or the last 10,000.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_list(&self, open_only: bool) -> Result<Vec<Session>, StoreError> {
        if open_only {
            return sql!(
                self.read(),
                fetch_all as Session,
                "SELECT * FROM session WHERE stopped_us IS NULL ORDER BY id DESC"
            );
        }
        sql!(
            self.read(),
            fetch_all as Session,
            "SELECT * FROM session ORDER BY id DESC LIMIT 10000"
        )
    }

    /// The session with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn session_fetch(&self, id: Uuid) -> Result<Session, StoreError> {
        let row: Option<Session> = sql!(
            self.read(),
            fetch_optional as Session,
            "SELECT * FROM session WHERE id = $1",
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("session", id))
    }

    /// The open session behind an IP address, as accounting told it. Where a station went without a word and another has
    /// its address now, the one that was heard of last.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_by_address(&self, address: IpAddr) -> Result<Option<Session>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as Session,
            "SELECT * FROM session WHERE framed_ip = $1 AND stopped_us IS NULL \
             ORDER BY updated_us DESC, id DESC LIMIT 1",
            address.to_canonical().to_string()
        )
    }

    /// Forgets the sessions that stopped before a moment. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM session WHERE stopped_us < $1",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Upserts sessions; each id at most once.
pub(crate) async fn sessions_write(
    tx: &mut Tx<'_>,
    sessions: &[&Session],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(sessions.len());
    for session in sessions {
        rows.push((*session, json(&session.attributes)?));
    }
    sql_rows!(
        tx,
        "INSERT INTO session (id, class, client, nas_address, nas_source, mac, user_name, identity, device_id, \
         attributes, acct_session_id, framed_ip, method, segment, decision_id, policy_version, started_us, \
         updated_us, stopped_us, terminate_cause) VALUES",
        20,
        "ON CONFLICT (id) DO UPDATE SET class = excluded.class, client = excluded.client, \
         nas_address = excluded.nas_address, nas_source = excluded.nas_source, mac = excluded.mac, \
         user_name = excluded.user_name, identity = excluded.identity, device_id = excluded.device_id, \
         attributes = excluded.attributes, acct_session_id = excluded.acct_session_id, \
         framed_ip = excluded.framed_ip, method = excluded.method, segment = excluded.segment, \
         decision_id = excluded.decision_id, policy_version = excluded.policy_version, \
         started_us = excluded.started_us, updated_us = excluded.updated_us, stopped_us = excluded.stopped_us, \
         terminate_cause = excluded.terminate_cause",
        rows.as_slice(),
        |row| row.0.id,
        plain(&row.0.class),
        plain(&row.0.client),
        row.0.nas_address.to_string(),
        row.0.nas_source.to_string(),
        plain_option(row.0.mac.as_deref()),
        plain(&row.0.user_name),
        plain(&row.0.identity),
        row.0.device_id,
        row.1.as_str(),
        plain_option(row.0.acct_session_id.as_deref()),
        plain_option(row.0.framed_ip.as_deref()),
        plain(&row.0.method),
        plain(&row.0.segment),
        row.0.decision_id,
        row.0.policy_version,
        row.0.started_us,
        row.0.updated_us,
        row.0.stopped_us,
        plain_option(row.0.terminate_cause.as_deref())
    );
    Ok(())
}
