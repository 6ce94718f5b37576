//! osquery's TLS API: what stock osqueryd asks of its server.
//!
//! osqueryd never looks at the HTTP status and takes an empty body for success, so every path out
//! of here, refusals and panics included, ends in a JSON object that is not empty. Success never
//! carries `error`; failure always does; `node_invalid` is a bool and makes the host enrol again.

mod body;
mod details;
mod distributed;
mod enroll;
mod log;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;

use crate::gate::{PostureGate, count, now_us};
use crate::index::Term;
use crate::node::Node;
use crate::settings::TlsPeer;

#[cfg(test)]
pub(crate) use distributed::outcome_of_rows;

/// Caps of bodies, wire and inflated.
const SMALL: usize = 1024 * 1024;
const WRITE: usize = 8 * 1024 * 1024;
const LOG: usize = 32 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Enroll,
    Config,
    Log,
    Read,
    Write,
    Carve,
    Nothing,
}

/// Why a request gets no good answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Overload, shutdown, or the store is away: try again.
    Busy,
    /// The node key is not, or no longer, good: enrol again.
    NodeInvalid(&'static str),
    /// Anything else.
    Refused(StatusCode, String),
    /// Too large; for logs that means dropped.
    TooLarge,
}

impl Refusal {
    fn refused(words: impl Into<String>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, words.into())
    }
}

/// All endpoints under both prefixes.
pub(crate) fn router(gate: &PostureGate) -> Router {
    let endpoints = [
        ("enroll", Endpoint::Enroll),
        ("config", Endpoint::Config),
        ("log", Endpoint::Log),
        ("distributed/read", Endpoint::Read),
        ("distributed/write", Endpoint::Write),
        ("carve/begin", Endpoint::Carve),
        ("carve/block", Endpoint::Carve),
        ("{*rest}", Endpoint::Nothing),
    ];
    let mut router = Router::new();
    for prefix in ["/api/v1/osquery", "/api/osquery"] {
        for (path, endpoint) in endpoints {
            let gate = gate.clone();
            let handler = any(move |request: Request| {
                let gate = gate.clone();
                async move { serve(gate, endpoint, request).await }
            });
            router = router.route(&format!("{prefix}/{path}"), handler);
        }
    }
    // A host whose flag file has a wrong path must not take an empty answer for success.
    for path in [
        "/api/v1/osquery",
        "/api/v1/osquery/",
        "/api/osquery",
        "/api/osquery/",
        "/api/{*rest}",
    ] {
        let gate = gate.clone();
        let handler = any(move |request: Request| {
            let gate = gate.clone();
            async move { serve(gate, Endpoint::Nothing, request).await }
        });
        router = router.route(path, handler);
    }
    guarded(router, gate)
}

/// A panic becomes an answer too.
fn guarded(router: Router, gate: &PostureGate) -> Router {
    let counting = gate.clone();
    router.layer(CatchPanicLayer::custom(
        move |_: Box<dyn std::any::Any + Send>| {
            count(&counting.shared.counting.busy);
            tracing::error!("an osquery request panicked");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({ "error": "busy" }),
            )
        },
    ))
}

async fn serve(gate: PostureGate, endpoint: Endpoint, request: Request) -> Response {
    let shared = &gate.shared;
    let outcome = match shared.requests.try_acquire() {
        Ok(_permit) => {
            let work = dispatch(&gate, endpoint, request);
            tokio::time::timeout(shared.settings.deadline, work)
                .await
                .unwrap_or(Err(Refusal::Busy))
        }
        Err(_) => Err(Refusal::Busy),
    };
    let counting = &shared.counting;
    match outcome {
        Ok(object) => answer(StatusCode::OK, &object),
        Err(Refusal::Busy) => {
            count(&counting.busy);
            answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "busy" }))
        }
        Err(Refusal::NodeInvalid(words)) => {
            count(&counting.unknown_keys);
            let object = json!({ "node_invalid": true, "error": words });
            answer(StatusCode::UNAUTHORIZED, &object)
        }
        Err(Refusal::Refused(status, words)) => answer(status, &json!({ "error": words })),
        Err(Refusal::TooLarge) if endpoint == Endpoint::Log => {
            // osquery would send the same batch for ever.
            count(&counting.logs_dropped);
            tracing::warn!("an osquery log batch over the size limit was dropped");
            answer(StatusCode::OK, &json!({}))
        }
        Err(Refusal::TooLarge) => answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            &json!({ "error": "the body is too large" }),
        ),
    }
}

async fn dispatch(
    gate: &PostureGate,
    endpoint: Endpoint,
    request: Request,
) -> Result<Value, Refusal> {
    match endpoint {
        Endpoint::Nothing => {
            let words = "there is no such osquery endpoint".to_owned();
            return Err(Refusal::Refused(StatusCode::NOT_FOUND, words));
        }
        Endpoint::Carve => {
            let words = "this server takes no file carves".to_owned();
            return Err(Refusal::Refused(StatusCode::FORBIDDEN, words));
        }
        _ if request.method() != Method::POST => {
            let words = "osquery endpoints take POST".to_owned();
            return Err(Refusal::Refused(StatusCode::METHOD_NOT_ALLOWED, words));
        }
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<TlsPeer>().cloned();
    let limit = match endpoint {
        Endpoint::Write => WRITE,
        Endpoint::Log => LOG,
        _ => SMALL,
    };
    let body = body::read(gate, &parts.headers, body, limit).await?;
    if endpoint == Endpoint::Enroll {
        return enroll::enroll(gate, peer.as_ref(), &body.bytes).await;
    }
    if endpoint == Endpoint::Log {
        return log::log(gate, peer.as_ref(), &parts.headers, &body.bytes);
    }
    let object = body::object(&body.bytes)?;
    let key = object.get("node_key").and_then(Value::as_str);
    let node = authenticate(gate, peer.as_ref(), &parts.headers, key)?;
    match endpoint {
        Endpoint::Config => Ok(config(gate)),
        Endpoint::Read => distributed::read(gate, &node),
        Endpoint::Write => distributed::write(gate, &node, &object).await,
        _ => Err(Refusal::refused("there is no such osquery endpoint")),
    }
}

/// The node that a request comes from: by the key in its body, in its header, or both.
fn authenticate(
    gate: &PostureGate,
    peer: Option<&TlsPeer>,
    headers: &HeaderMap,
    body_key: Option<&str>,
) -> Result<Arc<Node>, Refusal> {
    let header_key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("NodeKey "))
        .map(str::trim);
    let body_key = body_key.filter(|key| !key.is_empty());
    // Digests are compared, not keys, so the time it takes tells nothing about a key.
    let (body_hash, header_hash) = (body_key.map(sha256_hex), header_key.map(sha256_hex));
    let hash = match (body_hash, header_hash) {
        (Some(body), Some(header)) if body != header => {
            return Err(Refusal::refused("the node keys in header and body differ"));
        }
        (Some(hash), _) | (None, Some(hash)) => hash,
        (None, None) => return Err(Refusal::NodeInvalid("there is no node key")),
    };
    let node = gate.index().find(&Term::Key(hash)).next();
    let node = node.ok_or(Refusal::NodeInvalid("the node key is not known"))?;
    let now_us = now_us();
    let mut state = node.lock();
    if let Some(bound) = &state.record.client_spki {
        let shown = peer
            .and_then(enroll::certificate)
            .map(|facts| facts.spki_sha256);
        if shown.as_ref() != Some(bound) {
            return Err(Refusal::NodeInvalid(
                "the node key belongs to another certificate",
            ));
        }
    }
    if !state.may_ask(gate.shared.settings.node_rate, now_us) {
        return Err(Refusal::Busy);
    }
    state.seen(peer.map(|peer| peer.address.ip()), now_us);
    drop(state);
    Ok(node)
}

/// The configuration: how to poll, and no schedule, for all questions are asked live.
fn config(gate: &PostureGate) -> Value {
    json!({
        "options": {
            "distributed_interval": gate.shared.settings.poll_interval_s,
            "logger_tls_period": 10,
            "logger_tls_max_lines": 256,
            "logger_tls_max_linesize": 262_144,
            "logger_tls_compress": true,
            "disable_caching": true,
        },
        "schedule": {},
    })
}

fn answer(status: StatusCode, object: &Value) -> Response {
    let mut response = Response::new(axum::body::Body::from(object.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

pub(crate) fn sha256_hex(text: impl AsRef<[u8]>) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_ref(),
    ))
}

/// At most `limit` characters of a text from a host, without control characters.
fn capped(text: &str, limit: usize) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use nac_store::Store;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{CheckSet, PostureSettings};

    #[tokio::test]
    async fn a_panic_is_answered_busy() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}/nac.db", directory.path().display());
        let store = Store::open(&url, None).await.expect("a store");
        let checks = Arc::new(CheckSet::embedded());
        let gate = PostureGate::open(store, checks, PostureSettings::default()).await;
        let gate = gate.expect("a gate");
        let handler = any(|| async {
            if true {
                panic!("on purpose")
            }
        });
        let router = guarded(Router::new().route("/", handler), &gate);
        let request = Request::new(Body::empty());
        let answer = router.oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let bytes = axum::body::to_bytes(answer.into_body(), 1024)
            .await
            .expect("a body");
        assert_eq!(bytes.as_ref(), b"{\"error\":\"busy\"}");
        assert_eq!(gate.counters().busy, 1);
    }
}
