//! Enrolment: who may come, whether they have been here before, and which device they are.
//!
//! `host_identifier` names nothing here: host names change and SMBIOS UUIDs are cloned with their
//! virtual machines. A host is the same host when UUID *and* osquery's own instance id are the
//! same, and when it shows at least the credentials it showed before. The same UUID with another
//! instance id, while the known host still checks in, is a conflict: the newcomer gets a node of
//! its own that counts for nothing until somebody approves it.

use std::sync::Arc;

use nac_store::{EnrollSecret, NodeStatus, StoreError};
use serde_json::{Map, Value, json};

use super::{Refusal, body, sha256_hex};
use crate::gate::{PostureGate, count, now_us};
use crate::index::Term;
use crate::node::Node;
use crate::settings::{TlsPeer, micros};

mod device;
mod newcomer;

pub(super) use newcomer::{certificate, meaningful_uuid};

use newcomer::Newcomer;

/// The most nodes with one UUID that may wait for approval.
const MAX_WAITING: usize = 8;
/// The longest secret that is looked at.
const MAX_SECRET: usize = 1_024;

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
    if gate.is_revoked(newcomer.spki.as_deref()) {
        count(&counting.enrolments_refused);
        tracing::warn!(hostname = %newcomer.hostname, "a host enrolled with a revoked certificate");
        return Err(Refusal::refused("the client certificate is revoked"));
    }
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
    if own.is_none() && waiting(gate, &newcomer) >= MAX_WAITING {
        count(&counting.enrolments_refused);
        return Err(Refusal::refused(
            "too many hosts with this UUID wait for approval",
        ));
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

/// How many nodes with this UUID wait for approval.
fn waiting(gate: &PostureGate, newcomer: &Newcomer) -> usize {
    let term = Term::Hardware(newcomer.hardware_uuid.to_ascii_lowercase());
    let index = gate.index();
    let nodes = index.find(&term);
    nodes
        .filter(|node| node.lock().record.status == NodeStatus::Pending)
        .count()
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
