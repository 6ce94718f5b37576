//! Enrolment: who may come, whether they have been here before, and which device they are.
//!
//! `host_identifier` names nothing here: host names change and SMBIOS UUIDs are cloned with their
//! virtual machines. A host is the same host when UUID *and* osquery's own instance id are the
//! same, and when it shows at least the credentials it showed before. The same UUID with another
//! instance id, while the known host still checks in, is a conflict: the newcomer gets a node of
//! its own that counts for nothing until somebody approves it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use nac_pki::CertificateFacts;
use nac_store::{EnrollSecret, NodeStatus, OsqueryNode, StoreError};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::details::MAX_TEXT;
use super::{Refusal, body, capped, sha256_hex};
use crate::gate::{PostureGate, count, now_us};
use crate::index::Term;
use crate::node::Node;
use crate::settings::{TlsPeer, micros};

mod device;

/// The longest secret that is looked at.
const MAX_SECRET: usize = 1_024;

/// What a host says of itself, and what its connection proved.
#[derive(Clone, Debug, Default)]
pub(super) struct Newcomer {
    host_identifier: String,
    platform: String,
    hardware_uuid: String,
    hardware_serial: String,
    instance_id: String,
    hostname: String,
    os_name: String,
    os_version: String,
    osquery_version: String,
    spki: Option<String>,
    asserted_id: Option<String>,
    source_ip: String,
}

pub(super) async fn enroll(
    gate: &PostureGate,
    peer: Option<&TlsPeer>,
    bytes: &[u8],
) -> Result<Value, Refusal> {
    let now_us = now_us();
    if !gate.may_enrol(now_us) {
        return Err(Refusal::Busy);
    }
    let request = body::object(bytes)?;
    let secret = known_secret(gate, &request, now_us).await?;
    let newcomer = Newcomer::read(&request, peer);
    let counting = &gate.shared.counting;
    // One enrolment of a host at a time, and of a one-time secret at a time.
    let _same_host = match gate.shared.enrolment_locks.get(newcomer.lock_number(gate)) {
        Some(lock) => Some(lock.lock().await),
        None => None,
    };
    let _same_secret = match secret.device_id {
        Some(_) => Some(gate.shared.binding_lock.lock().await),
        None => None,
    };
    if secret.device_id.is_some() && bound_to_another(gate, &secret, &newcomer) {
        count(&counting.enrolments_refused);
        tracing::warn!(secret = %secret.name, "an enrolment secret was used by a second host");
        return Err(Refusal::refused(
            "this enrolment secret belongs to another host",
        ));
    }
    let own = known_self(gate, &secret, &newcomer);
    if own.is_none() && gate.index().len() >= gate.shared.settings.max_nodes {
        return Err(Refusal::Busy);
    }
    let status = match &own {
        Some(node) => node.lock().record.status,
        None if conflicts(gate, &newcomer, now_us) => NodeStatus::Pending,
        None => NodeStatus::Active,
    };
    if status == NodeStatus::Pending {
        count(&counting.conflicts);
        tracing::warn!(
            hostname = %newcomer.hostname,
            uuid = %newcomer.hardware_uuid,
            "a host enrolled as another that still checks in; it waits for approval"
        );
    }
    let busy = |error: StoreError| {
        tracing::warn!(%error, "an enrolment was not stored");
        Refusal::Busy
    };
    let mut key = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| Refusal::Busy)?;
    let key = hex::encode(key);
    let mut record = newcomer.record(&secret, status, now_us);
    record.node_key_sha256 = sha256_hex(&key);
    if let Some(own) = &own {
        let old = own.lock().record.clone();
        record.id = old.id;
        record.device_id = old.device_id;
        record.macs = old.macs;
    }
    if status == NodeStatus::Active {
        let device = device::attach(gate, secret.device_id, &newcomer, record.device_id).await;
        record.device_id = Some(device.map_err(busy)?);
    }
    gate.shared.store.node_put(&record).await.map_err(busy)?;
    let accelerate_s = gate.shared.settings.accelerate_s;
    let node = match own {
        Some(node) => node,
        None => Arc::new(Node::new(record.clone(), now_us)),
    };
    node.lock().renew(record, now_us, accelerate_s);
    gate.file(&node);
    note_use(gate, &secret, now_us).await;
    count(&counting.enrolled);
    Ok(json!({ "node_key": key }))
}

/// Gives a node that was approved after its enrolment the device it did not get then.
pub(super) async fn adopt(gate: &PostureGate, node: &Arc<Node>, now_us: i64) {
    let record = {
        let state = node.lock();
        let approved = state.record.status == NodeStatus::Active;
        if !approved || state.record.device_id.is_some() {
            return;
        }
        state.record.clone()
    };
    match device::attach(gate, None, &Newcomer::of(&record), None).await {
        Ok(device) => {
            {
                let mut state = node.lock();
                state.record.device_id = Some(device);
                state.unwritten.record = true;
                state.unwritten.device = true;
                state.unwritten.publish();
            }
            gate.file(node);
            // A failure is logged and repeated from memory.
            let _ = gate.commit(node, now_us).await;
        }
        Err(error) => {
            tracing::warn!(node = %record.id, %error, "an approved node got no device yet");
        }
    }
}

async fn known_secret(
    gate: &PostureGate,
    request: &Map<String, Value>,
    now_us: i64,
) -> Result<EnrollSecret, Refusal> {
    let text = request
        .get("enroll_secret")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim();
    let secret = if text.is_empty() || text.len() > MAX_SECRET {
        None
    } else {
        gate.secret(&sha256_hex(text))
            .await
            .map_err(|_| Refusal::Busy)?
    };
    match secret {
        Some(secret) if secret.expires_us.is_none_or(|end| now_us < end) => Ok(secret),
        _ => {
            count(&gate.shared.counting.enrolments_refused);
            // The words do not say whether such a secret ever existed.
            Err(Refusal::refused("the enrolment secret is not valid"))
        }
    }
}

/// Notes the use of a secret, at most once a minute: in a storm it is the same one every time.
async fn note_use(gate: &PostureGate, secret: &EnrollSecret, now_us: i64) {
    if secret
        .last_used_us
        .is_some_and(|last| now_us.saturating_sub(last) < 60_000_000)
    {
        return;
    }
    if gate
        .shared
        .store
        .enroll_secret_used(secret.id)
        .await
        .is_ok()
    {
        gate.secret_used(secret.id, now_us);
    }
}

/// A secret for one device is bound to the first host that used it.
fn bound_to_another(gate: &PostureGate, secret: &EnrollSecret, newcomer: &Newcomer) -> bool {
    gate.index().find(&Term::Secret(secret.id)).any(|node| {
        let state = node.lock();
        state.record.status != NodeStatus::Replaced && !newcomer.is(&state.record)
    })
}

/// The node of this very host, if it was here before and shows no less than it did then.
fn known_self(gate: &PostureGate, secret: &EnrollSecret, newcomer: &Newcomer) -> Option<Arc<Node>> {
    let term = Term::Hardware(newcomer.hardware_uuid.to_ascii_lowercase());
    let nodes: Vec<Arc<Node>> = gate.index().find(&term).collect();
    nodes.into_iter().find(|node| {
        let state = node.lock();
        let known = &state.record;
        let same_key = known.client_spki.is_some() && known.client_spki == newcomer.spki;
        let same_id =
            known.client_asserted_id.is_some() && known.client_asserted_id == newcomer.asserted_id;
        let certified = known.client_spki.is_none() || same_key || same_id;
        let entitled = !known.enroll_device_bound || known.enroll_secret_id == Some(secret.id);
        known.status != NodeStatus::Replaced
            && (newcomer.is(known) || same_key)
            && certified
            && entitled
    })
}

/// Whether another host with this UUID is still checking in.
fn conflicts(gate: &PostureGate, newcomer: &Newcomer, now_us: i64) -> bool {
    if meaningful_uuid(&newcomer.hardware_uuid).is_none() {
        return false;
    }
    let window = micros(gate.shared.settings.conflict_window);
    let term = Term::Hardware(newcomer.hardware_uuid.to_ascii_lowercase());
    gate.index().find(&term).any(|node| {
        let state = node.lock();
        state.record.status == NodeStatus::Active
            && now_us.saturating_sub(state.record.last_seen_us) <= window
    })
}

impl Newcomer {
    fn read(request: &Map<String, Value>, peer: Option<&TlsPeer>) -> Self {
        let table = |name: &str| {
            request
                .get("host_details")
                .and_then(|all| all.get(name))
                .and_then(Value::as_object)
        };
        let text = |name: &str, column: &str| {
            let text = table(name)
                .and_then(|row| row.get(column))
                .and_then(Value::as_str);
            capped(text.unwrap_or_default(), MAX_TEXT).trim().to_owned()
        };
        let facts = peer.and_then(certificate);
        let identifier = request.get("host_identifier").and_then(Value::as_str);
        let hostname = text("system_info", "hostname");
        let computer_name = text("system_info", "computer_name");
        Self {
            host_identifier: capped(identifier.unwrap_or_default(), MAX_TEXT),
            platform: platform(
                request.get("platform_type"),
                &text("os_version", "platform"),
            ),
            hardware_uuid: text("system_info", "uuid"),
            hardware_serial: text("system_info", "hardware_serial"),
            instance_id: text("osquery_info", "instance_id"),
            hostname: if hostname.is_empty() {
                computer_name
            } else {
                hostname
            },
            os_name: text("os_version", "name"),
            os_version: text("os_version", "version"),
            osquery_version: text("osquery_info", "version"),
            spki: facts
                .as_ref()
                .map(|facts| facts.spki_sha256.to_ascii_lowercase()),
            asserted_id: facts.and_then(|facts| facts.device_id),
            source_ip: peer
                .map(|peer| peer.address.ip().to_canonical().to_string())
                .unwrap_or_default(),
        }
    }

    /// The newcomer that a node once was.
    fn of(record: &OsqueryNode) -> Self {
        Self {
            host_identifier: record.host_identifier.clone(),
            platform: record.platform.clone(),
            hardware_uuid: record.hardware_uuid.clone(),
            hardware_serial: record.hardware_serial.clone(),
            instance_id: record.instance_id.clone(),
            hostname: record.hostname.clone(),
            os_name: record.os_name.clone(),
            os_version: record.os_version.clone(),
            osquery_version: record.osquery_version.clone(),
            spki: record.client_spki.clone(),
            asserted_id: record.client_asserted_id.clone(),
            source_ip: record.source_ip.clone(),
        }
    }

    /// Whether UUID and instance id are those of `known`. Hosts without an instance id are never
    /// taken for one another.
    fn is(&self, known: &OsqueryNode) -> bool {
        !self.instance_id.is_empty()
            && self.instance_id == known.instance_id
            && self
                .hardware_uuid
                .eq_ignore_ascii_case(&known.hardware_uuid)
    }

    fn lock_number(&self, gate: &PostureGate) -> usize {
        let mut hasher = DefaultHasher::new();
        self.hardware_uuid.to_ascii_lowercase().hash(&mut hasher);
        let locks = u64::try_from(gate.shared.enrolment_locks.len())
            .unwrap_or(1)
            .max(1);
        usize::try_from(hasher.finish() % locks).unwrap_or(0)
    }

    fn record(&self, secret: &EnrollSecret, status: NodeStatus, now_us: i64) -> OsqueryNode {
        OsqueryNode {
            id: Uuid::now_v7(),
            node_key_sha256: String::new(),
            device_id: None,
            enroll_secret_id: Some(secret.id),
            enroll_device_bound: secret.device_id.is_some(),
            host_identifier: self.host_identifier.clone(),
            platform: self.platform.clone(),
            hardware_uuid: self.hardware_uuid.clone(),
            hardware_serial: self.hardware_serial.clone(),
            instance_id: self.instance_id.clone(),
            hostname: self.hostname.clone(),
            os_name: self.os_name.clone(),
            os_version: self.os_version.clone(),
            osquery_version: self.osquery_version.clone(),
            client_spki: self.spki.clone(),
            client_asserted_id: self.asserted_id.clone(),
            macs: Vec::new(),
            source_ip: self.source_ip.clone(),
            status,
            enrolled_us: now_us,
            last_seen_us: now_us,
        }
    }
}

/// What the leaf of the client's chain says; the listener has verified the chain.
pub(super) fn certificate(peer: &TlsPeer) -> Option<CertificateFacts> {
    let leaf = peer.certificates.first()?;
    CertificateFacts::read(leaf).ok()
}

/// osquery sends a bit mask as text; fleetd-chrome sends none.
fn platform(mask: Option<&Value>, os_platform: &str) -> String {
    let mask = match mask {
        Some(Value::String(text)) => text.trim().parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    };
    let name = match mask {
        _ if os_platform == "chrome" => "chrome",
        mask if mask & 2 != 0 => "windows",
        mask if mask & 16 != 0 => "darwin",
        mask if mask & 8 != 0 => "linux",
        _ if os_platform == "windows" => "windows",
        _ if os_platform == "darwin" => "darwin",
        _ => "",
    };
    name.to_owned()
}

/// A UUID that tells one machine from another, lower case. Boards without one carry a placeholder.
pub(super) fn meaningful_uuid(text: &str) -> Option<String> {
    const PLACEHOLDERS: [u128; 7] = [
        0,
        u128::MAX,
        0x0300_0200_0400_0500_0006_0007_0008_0009,
        0x0302_0100_0504_0706_0809_0a0b_0c0d_0e0f,
        0x1000_0000_0000_8000_0040_0000_0000_0000,
        0x1234_5678_1234_5678_90ab_cdde_efaa_bbcc,
        0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
    ];
    let uuid = Uuid::try_parse(text.trim()).ok()?;
    (!PLACEHOLDERS.contains(&uuid.as_u128())).then(|| uuid.to_string())
}

/// A serial number that tells one machine from another.
pub(super) fn meaningful_serial(text: &str) -> Option<String> {
    const PLACEHOLDERS: [&str; 12] = [
        "none",
        "n/a",
        "na",
        "unknown",
        "default string",
        "system serial number",
        "to be filled by o.e.m.",
        "not specified",
        "not available",
        "not applicable",
        "chassis serial number",
        "123456789",
    ];
    let serial = text.trim().to_lowercase();
    let repeated = serial
        .chars()
        .all(|character| serial.starts_with(character));
    let placeholder = PLACEHOLDERS.contains(&serial.as_str());
    (serial.len() >= 4 && !repeated && !placeholder).then_some(serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_uuids_and_serials_tell_nothing() {
        for text in [
            "",
            "junk",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
        ] {
            assert_eq!(meaningful_uuid(text), None, "{text}");
        }
        let uuid = "4C4C4544-0034-5A10-8050-B7C04F4A3233";
        assert_eq!(meaningful_uuid(uuid), Some(uuid.to_lowercase()));
        for text in ["", " ", "0000000", "None", "To be filled by O.E.M.", "abc"] {
            assert_eq!(meaningful_serial(text), None, "{text}");
        }
        assert_eq!(meaningful_serial(" C02X1 "), Some("c02x1".to_owned()));
    }

    #[test]
    fn the_platform_follows_the_bit_mask() {
        for (mask, os, expected) in [
            (json!("9"), "ubuntu", "linux"),
            (json!("21"), "darwin", "darwin"),
            (json!("2"), "windows", "windows"),
            (json!("0"), "chrome", "chrome"),
            (Value::Null, "darwin", "darwin"),
            (json!("junk"), "plan9", ""),
        ] {
            assert_eq!(platform(Some(&mask), os), expected, "{mask} {os}");
        }
    }
}
