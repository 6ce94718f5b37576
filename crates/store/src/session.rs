//! Sessions: one device's presence on one port or SSID.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError, mac_normalise,
    sql::{Json, Parsed, json, plain, plain_option, sql, sql_rows, words},
    transaction::Tx,
    user::{escape_like, user_key},
};

/// One device's presence, from the Access-Accept to the stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Session {
    /// Our id.
    pub id: Uuid,
    /// The Class attribute that we sent and that accounting echoes (RFC 2865 section 5.25).
    pub class: String,
    /// The client's name.
    pub client: String,
    /// The NAS's address, as it names itself.
    #[sqlx(try_from = "Parsed<IpAddr>")]
    #[schema(value_type = String)]
    pub nas_address: IpAddr,
    /// Where its packets came from.
    #[sqlx(try_from = "Parsed<SocketAddr>")]
    #[schema(value_type = String)]
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

/// How many live sessions a segment has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct SegmentCount {
    /// The segment.
    pub segment: String,
    /// The sessions in it.
    pub sessions: i64,
}

words! {
    /// What sessions are sorted by.
    #[derive(Default)]
    pub enum SessionSort {
        /// When they began: the newest first, unless the order is turned round.
        #[default]
        Started = "started",
        /// Who was authenticated.
        Identity = "identity",
        /// The MAC address.
        Mac = "mac",
        /// The segment.
        Segment = "segment",
        /// The client.
        Client = "client",
        /// The device's IP address, as text.
        Address = "address",
        /// How it authenticated.
        Method = "method",
    }
}

impl SessionSort {
    /// The column, as text that is never NULL.
    const fn column(self) -> &'static str {
        match self {
            Self::Started => "''",
            Self::Identity => "identity_key",
            Self::Mac => "COALESCE(mac, '')",
            Self::Segment => "segment",
            Self::Client => "client",
            Self::Address => "COALESCE(framed_ip, '')",
            Self::Method => "method",
        }
    }

    fn key(self, session: &Session) -> String {
        match self {
            Self::Started => String::new(),
            Self::Identity => user_key(&session.identity),
            Self::Mac => session.mac.clone().unwrap_or_default(),
            Self::Segment => session.segment.clone(),
            Self::Client => session.client.clone(),
            Self::Address => session.framed_ip.clone().unwrap_or_default(),
            Self::Method => session.method.clone(),
        }
    }
}

/// Which sessions to list, and in which order.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only those that have not stopped.
    pub open_only: bool,
    /// In this segment.
    pub segment: Option<String>,
    /// Of this client.
    pub client: Option<String>,
    /// Of this user: the name as it was sent or the identity, in any case.
    pub user: Option<String>,
    /// With this MAC address, in any usual form.
    pub mac: Option<String>,
    /// With this IP address.
    pub address: Option<String>,
    /// Of this device.
    pub device_id: Option<Uuid>,
    /// Authenticated so.
    pub method: Option<String>,
    /// With this text in the user's name, the identity, the MAC address, the IP address or the client's name; a whole MAC
    /// address is understood in any usual form.
    pub search: Option<String>,
    /// Sorted by this.
    pub sort: SessionSort,
    /// The other way round: the oldest, or the last of the alphabet first.
    pub reverse: bool,
    /// Those behind this one, which the last page ended with.
    pub after: Option<Session>,
    /// At most so many; 0 means 100, and [`EVERY_SESSION`] all of them.
    pub limit: u32,
}

/// The `limit` of a [`SessionFilter`] for whoever needs them all.
pub const EVERY_SESSION: u32 = u32::MAX;

impl SessionFilter {
    /// All that have not stopped.
    pub fn open() -> Self {
        Self {
            open_only: true,
            limit: EVERY_SESSION,
            ..Self::default()
        }
    }

    /// Each condition names its value with and without a filter; with one, an index can serve it.
    fn conditions(&self) -> String {
        let unless = |absent: bool, number: u8, condition: &'static str| {
            if absent {
                format!("${number} IS NULL")
            } else {
                condition.to_owned()
            }
        };
        let column = self.sort.column();
        let beyond = match (self.sort, self.is_descending()) {
            (SessionSort::Started, true) => "($10 = '' AND id < $11)".to_owned(),
            (SessionSort::Started, false) => "($10 = '' AND id > $11)".to_owned(),
            (_, true) => format!("({column}, id) < ($10, $11)"),
            (_, false) => format!("({column}, id) > ($10, $11)"),
        };
        let conditions = [
            if self.open_only {
                "stopped_us IS NULL".to_owned()
            } else {
                "1 = 1".to_owned()
            },
            unless(self.segment.is_none(), 1, "segment = $1"),
            unless(self.client.is_none(), 2, "client = $2"),
            unless(
                self.user.is_none(),
                3,
                "(identity_key = $3 OR user_key = $3)",
            ),
            unless(self.mac.is_none(), 4, "mac = $4"),
            unless(self.address.is_none(), 5, "framed_ip = $5"),
            unless(self.device_id.is_none(), 6, "device_id = $6"),
            unless(self.method.is_none(), 7, "method = $7"),
            unless(
                self.search.is_none(),
                8,
                "(identity_key LIKE $8 ESCAPE '\\' OR user_key LIKE $8 ESCAPE '\\' OR mac LIKE $8 ESCAPE '\\' \
                 OR framed_ip LIKE $8 ESCAPE '\\' OR client LIKE $8 ESCAPE '\\' OR mac = $9)",
            ),
            if self.search.is_none() {
                "$9 IS NULL".to_owned()
            } else {
                "1 = 1".to_owned()
            },
            if self.after.is_none() {
                "$10 IS NULL AND $11 IS NULL".to_owned()
            } else {
                beyond
            },
        ];
        conditions.join(" AND ")
    }

    fn order(&self) -> String {
        let direction = if self.is_descending() { "DESC" } else { "ASC" };
        match self.sort {
            SessionSort::Started => format!("id {direction}"),
            sort => format!("{} {direction}, id {direction}", sort.column()),
        }
    }

    /// Times begin with the newest, names with A.
    fn is_descending(&self) -> bool {
        (self.sort == SessionSort::Started) != self.reverse
    }

    fn limit(&self) -> i64 {
        match self.limit {
            0 => 100,
            limit => i64::from(limit),
        }
    }
}

impl Store {
    /// Stores a session and tells everybody. The server itself goes through the writer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_put(&self, session: &Session) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sessions_write(&mut tx, &[session], Extent::Whole).await?;
        tx.changed(EventKind::Session, session.id.to_string());
        tx.commit().await
    }

    /// One page of sessions, in the order that the filter asks for.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_list(&self, filter: &SessionFilter) -> Result<Vec<Session>, StoreError> {
        // The page is found in the index that holds all these columns; only its rows are read whole.
        let text = format!(
            "SELECT * FROM session WHERE id IN (SELECT id FROM session WHERE {} ORDER BY {order} LIMIT $12) ORDER BY {order}",
            filter.conditions(),
            order = filter.order()
        );
        let search = filter.search.as_deref().map(str::trim);
        let search_mac = search.and_then(mac_normalise);
        let contains = search.map(|text| format!("%{}%", escape_like(&user_key(text))));
        let (after_key, after_id) = match &filter.after {
            Some(after) => (Some(filter.sort.key(after)), Some(after.id)),
            None => (None, None),
        };
        sql!(
            self.read(),
            fetch_all as Session,
            sqlx::AssertSqlSafe(text.clone()),
            filter.segment.as_deref(),
            filter.client.as_deref(),
            filter.user.as_deref().map(user_key),
            filter.mac.as_deref().map(mac_or_lower),
            filter.address.as_deref().map(str::trim),
            filter.device_id,
            filter.method.as_deref(),
            contains.as_deref(),
            search_mac.as_deref(),
            after_key.as_deref(),
            after_id,
            filter.limit()
        )
    }

    /// How many live sessions each segment has, the fullest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn session_count_by_segment(&self) -> Result<Vec<SegmentCount>, StoreError> {
        sql!(
            self.read(),
            fetch_all as SegmentCount,
            "SELECT segment, COUNT(*) AS sessions FROM session WHERE stopped_us IS NULL GROUP BY segment \
             ORDER BY COUNT(*) DESC, segment"
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
/// What is new about a session that is stored already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Anything.
    Whole,
    /// Signs of life: nothing by which it is found, so that no index needs to be touched.
    Signs,
}

impl Extent {
    const fn update(self) -> &'static str {
        match self {
            Self::Whole => {
                "ON CONFLICT (id) DO UPDATE SET class = excluded.class, client = excluded.client, \
                 nas_address = excluded.nas_address, nas_source = excluded.nas_source, mac = excluded.mac, \
                 user_name = excluded.user_name, identity = excluded.identity, device_id = excluded.device_id, \
                 attributes = excluded.attributes, acct_session_id = excluded.acct_session_id, \
                 framed_ip = excluded.framed_ip, method = excluded.method, segment = excluded.segment, \
                 decision_id = excluded.decision_id, policy_version = excluded.policy_version, \
                 started_us = excluded.started_us, updated_us = excluded.updated_us, \
                 stopped_us = excluded.stopped_us, terminate_cause = excluded.terminate_cause, \
                 user_key = excluded.user_key, identity_key = excluded.identity_key"
            }
            Self::Signs => {
                "ON CONFLICT (id) DO UPDATE SET nas_address = excluded.nas_address, \
                 nas_source = excluded.nas_source, attributes = excluded.attributes, \
                 acct_session_id = excluded.acct_session_id, decision_id = excluded.decision_id, \
                 policy_version = excluded.policy_version, updated_us = excluded.updated_us"
            }
        }
    }
}

/// Stores sessions. One that is not stored yet is stored whole, whatever the extent.
pub(crate) async fn sessions_write(
    tx: &mut Tx<'_>,
    sessions: &[&Session],
    extent: Extent,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(sessions.len());
    for session in sessions {
        rows.push((*session, json(&session.attributes)?));
    }
    sql_rows!(
        tx,
        "INSERT INTO session (id, class, client, nas_address, nas_source, mac, user_name, identity, device_id, \
         attributes, acct_session_id, framed_ip, method, segment, decision_id, policy_version, started_us, \
         updated_us, stopped_us, terminate_cause, user_key, identity_key)",
        22,
        extent.update(),
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
        plain_option(row.0.terminate_cause.as_deref()),
        user_key(&row.0.user_name),
        user_key(&row.0.identity)
    );
    Ok(())
}

fn mac_or_lower(mac: &str) -> String {
    mac_normalise(mac).unwrap_or_else(|| mac.trim().to_lowercase())
}
