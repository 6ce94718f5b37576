//! osquery nodes, their check results, and the verdict on each.

use nac_policy::Verdict;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, Store, StoreError,
    sql::{Json, Parsed, json, plain, plain_option, sql, sql_rows, words},
    transaction::Tx,
};

words! {
    /// Whether a node counts.
    pub enum NodeStatus {
        /// It does.
        Active = "active",
        /// It waits for somebody to confirm it.
        Pending = "pending",
        /// The same host enrolled again.
        Replaced = "replaced",
    }
}

words! {
    /// What a check found. No data is neither a pass nor a fail.
    pub enum CheckOutcome {
        /// The device complies.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// The check could not tell.
        Unknown = "unknown",
    }
}

/// An osqueryd that enrolled.
#[derive(Clone, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct OsqueryNode {
    /// Our id.
    pub id: Uuid,
    /// The SHA-256 of its node key, in hexadecimal; unique.
    #[serde(skip)]
    pub node_key_sha256: String,
    /// The device it runs on, when we know it.
    pub device_id: Option<Uuid>,
    /// The secret it enrolled with.
    pub enroll_secret_id: Option<Uuid>,
    /// Whether that secret was for one device only.
    pub enroll_device_bound: bool,
    /// The host identifier that it sent.
    pub host_identifier: String,
    /// `linux`, `darwin`, `windows`, `chrome`, or empty.
    pub platform: String,
    /// The UUID in the firmware.
    pub hardware_uuid: String,
    /// The serial number in the firmware.
    pub hardware_serial: String,
    /// osquery's instance id.
    pub instance_id: String,
    /// The host's name.
    pub hostname: String,
    /// The operating system.
    pub os_name: String,
    /// Its version.
    pub os_version: String,
    /// osquery's version.
    pub osquery_version: String,
    /// The SHA-256 of the client certificate's public key, where it came over mutual TLS.
    pub client_spki: Option<String>,
    /// The device id that this certificate asserts.
    pub client_asserted_id: Option<String>,
    /// The MAC addresses that it reported, as `aa:bb:cc:dd:ee:ff`.
    #[sqlx(try_from = "Json<Vec<String>>")]
    pub macs: Vec<String>,
    /// Where its requests come from.
    pub source_ip: String,
    /// Whether it counts.
    pub status: NodeStatus,
    /// When it enrolled, in microseconds since the Unix epoch.
    pub enrolled_us: i64,
    /// When it was last heard, in microseconds since the Unix epoch.
    pub last_seen_us: i64,
}

impl std::fmt::Debug for OsqueryNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OsqueryNode")
            .field("id", &self.id)
            .field("device_id", &self.device_id)
            .field("host_identifier", &self.host_identifier)
            .field("platform", &self.platform)
            .field("hostname", &self.hostname)
            .field("status", &self.status)
            .field("last_seen_us", &self.last_seen_us)
            .finish_non_exhaustive()
    }
}

/// What one check last found on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct CheckResult {
    /// The node.
    pub node_id: Uuid,
    /// The check's name.
    #[sqlx(rename = "check_name")]
    pub check: String,
    /// What it found.
    pub outcome: CheckOutcome,
    /// Details, for people.
    pub message: String,
    /// When it was last checked, in microseconds since the Unix epoch.
    pub checked_us: i64,
    /// When the outcome last changed, in microseconds since the Unix epoch.
    pub changed_us: i64,
}

/// The verdict on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct NodeVerdict {
    /// The node.
    pub node_id: Uuid,
    /// The verdict.
    #[sqlx(try_from = "Parsed<Verdict>")]
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// The checks that fail, by name.
    #[sqlx(try_from = "Json<Vec<String>>")]
    pub failing: Vec<String>,
    /// When the verdict last changed, in microseconds since the Unix epoch.
    pub changed_us: i64,
    /// When it was last computed, in microseconds since the Unix epoch.
    pub evaluated_us: i64,
}

impl From<Parsed<Self>> for Verdict {
    fn from(parsed: Parsed<Self>) -> Self {
        parsed.0
    }
}

impl Store {
    /// Adds a node or replaces the one with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another node has its node key.
    pub async fn node_put(&self, node: &OsqueryNode) -> Result<(), StoreError> {
        let macs = json(&node.macs)?;
        let mut tx = self.write().await?;
        let before: Option<OsqueryNode> = sql!(
            tx.on(),
            fetch_optional as OsqueryNode,
            "SELECT * FROM osquery_node WHERE id = $1",
            node.id
        )?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO osquery_node (id, node_key_sha256, device_id, enroll_secret_id, enroll_device_bound, \
             host_identifier, platform, hardware_uuid, hardware_serial, instance_id, hostname, os_name, os_version, \
             osquery_version, client_spki, client_asserted_id, macs, source_ip, status, enrolled_us, last_seen_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) \
             ON CONFLICT (id) DO UPDATE SET node_key_sha256 = excluded.node_key_sha256, \
             device_id = excluded.device_id, enroll_secret_id = excluded.enroll_secret_id, \
             enroll_device_bound = excluded.enroll_device_bound, host_identifier = excluded.host_identifier, \
             platform = excluded.platform, hardware_uuid = excluded.hardware_uuid, \
             hardware_serial = excluded.hardware_serial, instance_id = excluded.instance_id, \
             hostname = excluded.hostname, os_name = excluded.os_name, os_version = excluded.os_version, \
             osquery_version = excluded.osquery_version, client_spki = excluded.client_spki, \
             client_asserted_id = excluded.client_asserted_id, macs = excluded.macs, \
             source_ip = excluded.source_ip, status = excluded.status, enrolled_us = excluded.enrolled_us, \
             last_seen_us = excluded.last_seen_us",
            node.id,
            node.node_key_sha256.as_str(),
            node.device_id,
            node.enroll_secret_id,
            node.enroll_device_bound,
            plain(&node.host_identifier),
            plain(&node.platform),
            plain(&node.hardware_uuid),
            plain(&node.hardware_serial),
            plain(&node.instance_id),
            plain(&node.hostname),
            plain(&node.os_name),
            plain(&node.os_version),
            plain(&node.osquery_version),
            plain_option(node.client_spki.as_deref()),
            plain_option(node.client_asserted_id.as_deref()),
            macs.as_str(),
            plain(&node.source_ip),
            node.status.as_str(),
            node.enrolled_us,
            node.last_seen_us
        )
        .map_err(|error| error.or_conflict(|| "another node has this node key".to_owned()))?;
        tx.audit("node.put", object(node.id), before.as_ref(), Some(node))?;
        tx.changed(EventKind::Node, node.id.to_string());
        tx.commit().await
    }

    /// All nodes, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn node_list(&self) -> Result<Vec<OsqueryNode>, StoreError> {
        sql!(
            self.read(),
            fetch_all as OsqueryNode,
            "SELECT * FROM osquery_node ORDER BY id"
        )
    }

    /// The node with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn node_fetch(&self, id: Uuid) -> Result<OsqueryNode, StoreError> {
        let row: Option<OsqueryNode> = sql!(
            self.read(),
            fetch_optional as OsqueryNode,
            "SELECT * FROM osquery_node WHERE id = $1",
            id
        )?;
        row.ok_or_else(|| StoreError::not_found("node", id))
    }

    /// Notes when nodes were last heard. Nobody is told; unknown nodes are skipped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn node_seen(&self, nodes: &[(Uuid, i64)]) -> Result<(), StoreError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for (id, seen_us) in nodes {
            sql!(
                tx.on(),
                execute,
                "UPDATE osquery_node SET last_seen_us = $2 WHERE id = $1 AND last_seen_us < $2",
                id,
                seen_us
            )?;
        }
        tx.commit().await
    }

    /// Removes a node with its results and its verdict.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none with this id.
    pub async fn node_remove(&self, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row: Option<OsqueryNode> = sql!(
            tx.on(),
            fetch_optional as OsqueryNode,
            "DELETE FROM osquery_node WHERE id = $1 RETURNING *",
            id
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("node", id))?;
        tx.audit("node.remove", object(id), Some(&row), None::<&()>)?;
        tx.changed(EventKind::Node, id.to_string());
        tx.commit().await
    }

    /// What every check found on one node.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn node_results(&self, node_id: Uuid) -> Result<Vec<CheckResult>, StoreError> {
        sql!(
            self.read(),
            fetch_all as CheckResult,
            "SELECT * FROM check_result WHERE node_id = $1 ORDER BY check_name",
            node_id
        )
    }

    /// What every check found on every node, for loading all of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn node_results_all(&self) -> Result<Vec<CheckResult>, StoreError> {
        sql!(
            self.read(),
            fetch_all as CheckResult,
            "SELECT * FROM check_result ORDER BY node_id, check_name"
        )
    }

    /// Stores results of one node and, when it is given, the node's verdict, in one transaction. Listeners are told only
    /// of a verdict.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when a result is of another node; [`StoreError::Database`] for an unknown node.
    pub async fn node_results_put(
        &self,
        node_id: Uuid,
        results: &[CheckResult],
        verdict: Option<&NodeVerdict>,
    ) -> Result<(), StoreError> {
        let foreign = results.iter().any(|result| result.node_id != node_id)
            || verdict.is_some_and(|verdict| verdict.node_id != node_id);
        if foreign {
            return Err(StoreError::Invalid {
                what: format!("not every result is of the node {node_id}"),
            });
        }
        // A check counts once per report, as it comes last.
        let latest: std::collections::BTreeMap<&str, &CheckResult> = results
            .iter()
            .map(|result| (result.check.as_str(), result))
            .collect();
        let results: Vec<&CheckResult> = latest.into_values().collect();
        let mut tx = self.write().await?;
        sql_rows!(
            tx,
            "INSERT INTO check_result (node_id, check_name, outcome, message, checked_us, changed_us)",
            6,
            "ON CONFLICT (node_id, check_name) DO UPDATE SET outcome = excluded.outcome, \
             message = excluded.message, checked_us = excluded.checked_us, changed_us = excluded.changed_us",
            results.as_slice(),
            |result| result.node_id,
            plain(&result.check),
            result.outcome.as_str(),
            plain(&result.message),
            result.checked_us,
            result.changed_us
        );
        if let Some(verdict) = verdict {
            verdict_write(&mut tx, verdict).await?;
        }
        tx.commit().await
    }

    /// Stores the verdict on a node and tells everybody.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`] for an unknown node.
    pub async fn node_verdict_put(&self, verdict: &NodeVerdict) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        verdict_write(&mut tx, verdict).await?;
        tx.commit().await
    }

    /// The verdicts on all nodes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn node_verdict_list(&self) -> Result<Vec<NodeVerdict>, StoreError> {
        sql!(
            self.read(),
            fetch_all as NodeVerdict,
            "SELECT * FROM node_verdict ORDER BY node_id"
        )
    }
}

async fn verdict_write(tx: &mut Tx<'_>, verdict: &NodeVerdict) -> Result<(), StoreError> {
    let failing = json(&verdict.failing)?;
    sql!(
        tx.on(),
        execute,
        "INSERT INTO node_verdict (node_id, verdict, failing, changed_us, evaluated_us) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (node_id) DO UPDATE SET verdict = excluded.verdict, failing = excluded.failing, \
         changed_us = excluded.changed_us, evaluated_us = excluded.evaluated_us",
        verdict.node_id,
        verdict.verdict.as_str(),
        failing.as_str(),
        verdict.changed_us,
        verdict.evaluated_us
    )?;
    tx.changed(EventKind::Posture, verdict.node_id.to_string());
    Ok(())
}

fn object(id: Uuid) -> String {
    format!("node:{id}")
}
