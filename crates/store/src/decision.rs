//! Decisions: the complete record of every answer.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    overview::tally_add,
    sql::{json_of, plain, plain_option, sql, sql_rows, words},
    transaction::Tx,
    user::user_key,
};

mod filter;
mod recorded;

pub use filter::DecisionFilter;
use filter::{Engine, bound, first_id};
pub use recorded::{RecordedDecision, RecordedSession};

/// Most decisions as JSON are no longer.
const USUAL_OCTETS: usize = 2048;

words! {
    /// What was answered.
    pub enum DecisionOutcome {
        /// Access-Accept.
        Accept = "accept",
        /// Access-Reject.
        Reject = "reject",
    }
}

/// One answer, with everything it rested on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DecisionRecord {
    /// Our id, a UUIDv7 made when the decision was.
    pub id: Uuid,
    /// When, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// The client's name.
    pub client: String,
    /// The NAS's address.
    pub nas_address: String,
    /// The device's MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// The user name as it was sent.
    pub user_name: String,
    /// Who was authenticated; empty when nobody was.
    pub identity: String,
    /// How.
    pub method: String,
    /// Which offer said what methods there are; `default` for the configuration file's, empty in records from before there were offers.
    #[serde(default)]
    pub offer: String,
    /// What was answered.
    pub outcome: DecisionOutcome,
    /// The segment, on an accept.
    pub segment: Option<String>,
    /// The stable code of the reason, such as `EAP-1203`.
    pub reason_code: String,
    /// The reason in one sentence.
    pub reason: String,
    /// What would help.
    pub remedy: String,
    /// The policy version; 0 when no policy was asked.
    pub policy_version: i64,
    /// What the policy looked at.
    #[schema(value_type = Option<Object>)]
    pub facts: Option<Arc<nac_policy::Facts>>,
    /// What the policy said.
    #[schema(value_type = Option<Object>)]
    pub decision: Option<Arc<nac_policy::Decision>>,
    /// The attributes that were sent, secrets masked.
    pub attributes: Vec<(String, String)>,
    /// The attributes that were received, secrets masked.
    pub request: Vec<(String, String)>,
    /// How the EAP conversation went.
    pub eap: Option<EapDetails>,
    /// How long it took.
    pub timings: Timings,
    /// The session that this answer started.
    pub session_id: Option<Uuid>,
}

impl DecisionRecord {
    /// The site of the client, as far as a policy was asked.
    fn site(&self) -> &str {
        self.facts.as_ref().map_or("", |facts| &facts.nas.site)
    }

    /// The device, where it was known.
    fn device_id(&self) -> Option<Uuid> {
        let facts = self.facts.as_ref()?;
        facts.device.id.parse().ok()
    }
}

/// A decision as it waits to be stored: its JSON, and the columns by which it is found. Made where the decision is, whose many
/// small parts are in that core's cache then, and end there; what waits is one piece of memory.
#[derive(Debug)]
pub(crate) struct DecisionRow {
    pub(crate) id: Uuid,
    pub(crate) at_us: i64,
    pub(crate) outcome: DecisionOutcome,
    pub(crate) reason_code: String,
    /// The whole decision, on one line.
    pub(crate) record: String,
    client: String,
    nas_address: String,
    site: String,
    mac: Option<String>,
    user_key: String,
    identity_key: String,
    method: String,
    segment: Option<String>,
    policy_version: i64,
    session_id: Option<Uuid>,
    device_id: Option<Uuid>,
    total_us: i64,
}

impl DecisionRow {
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when the decision has no JSON form.
    pub(crate) fn new(record: &DecisionRecord) -> Result<Self, StoreError> {
        Ok(Self {
            id: record.id,
            at_us: record.at_us,
            outcome: record.outcome,
            reason_code: plain(&record.reason_code),
            record: json_of(record, USUAL_OCTETS)?,
            client: plain(&record.client),
            nas_address: plain(&record.nas_address),
            site: plain(record.site()),
            mac: plain_option(record.mac.as_deref()),
            user_key: user_key(&record.user_name),
            identity_key: user_key(&record.identity),
            method: plain(&record.method),
            segment: plain_option(record.segment.as_deref()),
            policy_version: record.policy_version,
            session_id: record.session_id,
            device_id: record.device_id(),
            total_us: i64::try_from(record.timings.total_us).unwrap_or(i64::MAX),
        })
    }
}

/// How an EAP conversation went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct EapDetails {
    /// `1.2` or `1.3`.
    pub tls_version: String,
    /// The cipher suite.
    pub cipher_suite: String,
    /// Whether the TLS session was resumed.
    pub resumed: bool,
    /// How many requests we sent.
    pub rounds: u16,
    /// The client's certificate, as far as later examinations need it.
    pub certificate: Option<CertificateDetails>,
    /// The machine that was proven besides a user.
    pub machine: Option<MachineDetails>,
}

/// A machine that was proven besides a user, in the same login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct MachineDetails {
    /// Its name: of its certificate or its account.
    pub name: String,
    /// Its certificate, unless a password proved it.
    pub certificate: Option<CertificateDetails>,
}

/// What stays known of a client's certificate. Serial numbers are unique per issuer only: certificates are told apart by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct CertificateDetails {
    /// The serial number, in lower-case hexadecimal.
    pub serial: String,
    /// The subject's distinguished name.
    pub subject: String,
    /// SHA-256 of the public key, in lower-case hexadecimal.
    pub spki_sha256: String,
    /// SHA-256 of the certificate, in lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// The device that the certificate asserts.
    pub device_id: Option<String>,
    /// The first moment of its validity, in microseconds since the Unix epoch.
    pub not_before_us: i64,
    /// The last moment of its validity, in microseconds since the Unix epoch.
    pub not_after_us: i64,
    /// What is looked up in the revocation lists of other authorities: the certificate and the authorities behind it, as
    /// far as the built-in authority did not issue them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub way: Vec<CertificateLink>,
}

/// One certificate, as its issuer knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct CertificateLink {
    /// The beginning of the SHA-256 of the issuer's distinguished name in DER, in lower-case hexadecimal.
    pub issuer: String,
    /// The issuer's key (RFC 5280 section 4.2.1.1), in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_key: Option<String>,
    /// The serial number, in lower-case hexadecimal.
    pub serial: String,
    /// Whether it is an authority's certificate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_authority: bool,
}

/// How long the parts of an answer took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Timings {
    /// All of it.
    pub total_us: u64,
    /// The policy.
    pub policy_us: u64,
    /// The credential check.
    pub credential_us: u64,
}

impl Store {
    /// Stores decisions that are not stored yet. The server itself goes through the writer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; nothing is stored then.
    pub async fn decision_put_many(
        &self,
        records: &[Arc<DecisionRecord>],
    ) -> Result<(), StoreError> {
        let rows = records
            .iter()
            .map(|record| DecisionRow::new(record).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.write().await?;
        decisions_write(&mut tx, &rows).await?;
        tx.commit().await
    }

    /// The decision with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn decision_fetch(&self, id: Uuid) -> Result<DecisionRecord, StoreError> {
        let row: Option<(String,)> = sql!(
            self.read(),
            fetch_optional as (String,),
            "SELECT record FROM decision WHERE id = $1",
            id
        )?;
        let (record,) = row.ok_or_else(|| StoreError::not_found("decision", id))?;
        parse(&record)
    }

    /// One page of decisions, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn decision_list(
        &self,
        filter: &DecisionFilter,
    ) -> Result<Vec<DecisionRecord>, StoreError> {
        let rows: Vec<(String,)> = bound!(
            self.read(),
            fetch_all as (String,),
            sqlite: filter.text(Engine::Sqlite),
            postgres: filter.text(Engine::Postgres),
            filter
        )?;
        rows.iter().map(|(record,)| parse(record)).collect()
    }

    /// Forgets the decisions from before a moment. Gives their number, at most 10,000 at a time so that other writers get
    /// their turn.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn decision_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE id < $1 ORDER BY id LIMIT 10000)",
            first_id(before_us)
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Inserts decisions, skipping those that are there already.
pub(crate) async fn decisions_write(
    tx: &mut Tx<'_>,
    rows: &[Arc<DecisionRow>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (last,): (i64,) = sql!(
        tx.on(),
        fetch_one as (i64,),
        "SELECT COALESCE(MAX(seq), 0) FROM decision"
    )?;
    let stored = sql_rows!(
        tx,
        "INSERT INTO decision (id, at_us, client, mac, user_key, identity_key, outcome, segment, reason_code, \
         policy_version, session_id, record, method, site, nas_address, device_id, total_us)",
        17,
        "ON CONFLICT (id) DO NOTHING",
        rows,
        |row| row.id,
        row.at_us,
        row.client.as_str(),
        row.mac.as_deref(),
        row.user_key.as_str(),
        row.identity_key.as_str(),
        row.outcome.as_str(),
        row.segment.as_deref(),
        row.reason_code.as_str(),
        row.policy_version,
        row.session_id,
        row.record.as_str(),
        row.method.as_str(),
        row.site.as_str(),
        row.nas_address.as_str(),
        row.device_id,
        row.total_us
    );
    if usize::try_from(stored) == Ok(rows.len()) {
        return tally_add(tx, rows.iter().map(Arc::as_ref)).await;
    }
    let new = stored_after(tx, rows, last).await?;
    tally_add(tx, new.into_values()).await
}

/// Those that this transaction has stored: the rest was there already, as after a spool that was replayed half.
async fn stored_after<'a>(
    tx: &mut Tx<'_>,
    rows: &'a [Arc<DecisionRow>],
    last: i64,
) -> Result<BTreeMap<Uuid, &'a DecisionRow>, StoreError> {
    let mut new = BTreeMap::new();
    for row in rows {
        let stored: Option<(i64,)> = sql!(
            tx.on(),
            fetch_optional as (i64,),
            "SELECT seq FROM decision WHERE id = $1 AND seq > $2",
            row.id,
            last
        )?;
        if stored.is_some() {
            new.insert(row.id, row.as_ref());
        }
    }
    Ok(new)
}

pub(crate) fn parse(record: &str) -> Result<DecisionRecord, StoreError> {
    serde_json::from_str(record).map_err(|error| StoreError::Corrupt {
        what: "a decision",
        why: error.to_string(),
    })
}
