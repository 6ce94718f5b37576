//! Log batches: taken, counted and dropped. Nothing is scheduled, so they carry nothing we need,
//! but a batch that is refused would come again for ever and hold up the host's queue.

use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{Refusal, authenticate};
use crate::gate::{PostureGate, count};
use crate::settings::TlsPeer;

#[derive(Deserialize)]
struct LogRequest {
    #[serde(default)]
    node_key: Value,
    #[serde(default)]
    log_type: Value,
    /// Parsed, so that it is JSON, and kept nowhere.
    #[serde(default, rename = "data")]
    _data: IgnoredAny,
}

pub(super) fn log(
    gate: &PostureGate,
    peer: Option<&TlsPeer>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Refusal> {
    let request: LogRequest = serde_json::from_slice(body)
        .map_err(|_| Refusal::refused("the body is not a JSON object"))?;
    let node = match authenticate(gate, peer, headers, request.node_key.as_str()) {
        Err(Refusal::Busy) => {
            count(&gate.shared.counting.logs_dropped);
            return Ok(json!({}));
        }
        other => other?,
    };
    count(&gate.shared.counting.logs);
    let log_type = request.log_type.as_str().unwrap_or_default();
    tracing::debug!(node = %node.lock().record.id, ?log_type, bytes = body.len(), "osquery log");
    Ok(json!({}))
}
