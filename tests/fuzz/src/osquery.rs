//! osquery's JSON: what an enrolled host, or somebody who is none, posts.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use nac_posture::{CheckSet, PostureGate, PostureSettings, Rate};
use nac_store::Store;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const SECRET: &str = "correct horse battery staple";

/// A gate with one host, made once. Its database stays in memory as far as SQLite allows.
struct Gate {
    runtime: tokio::runtime::Runtime,
    router: Router,
    node_key: String,
    _directory: tempfile::TempDir,
}

static GATE: LazyLock<Gate> = LazyLock::new(Gate::new);

/// A body. The first octet picks the endpoint. In it, `KEY` stands for the node's key, `SECRET` for the enrolment
/// secret, and `NONCE` for the nonce of the questions that were asked last.
pub fn osquery_json(input: &[u8]) {
    let Some((&endpoint, body)) = input.split_first() else {
        return;
    };
    let gate = &*GATE;
    let endpoint = [
        "distributed/write",
        "distributed/read",
        "log",
        "config",
        "enroll",
    ][usize::from(endpoint % 5)];
    let nonce = if find(body, b"NONCE").is_some() {
        gate.nonce()
    } else {
        String::new()
    };
    let body = replaced(body, b"KEY", gate.node_key.as_bytes());
    let body = replaced(&body, b"SECRET", SECRET.as_bytes());
    let body = replaced(&body, b"NONCE", nonce.as_bytes());
    let (status, answer) = gate.post(endpoint, body);
    // osquery takes an empty body for success, so there is always an object that is not empty text.
    assert!(answer.is_object(), "{endpoint}: {status} {answer}");
    assert_ne!(
        status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "{endpoint}: a panic: {answer}"
    );
    assert_eq!(
        status == StatusCode::OK,
        answer.get("error").is_none(),
        "{endpoint}: {status} {answer}"
    );
}

impl Gate {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}/nac.db", directory.path().display());
        let unlimited = Rate {
            per_second: 1e9,
            burst: 1e9,
        };
        let settings = PostureSettings {
            enrolment_rate: unlimited,
            node_rate: unlimited,
            ..PostureSettings::default()
        };
        let router = runtime.block_on(async {
            let store = Store::open(&url, None).await.expect("a store");
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, SECRET.as_bytes());
            let added = store
                .enroll_secret_add("all", &hex::encode(hash), None, None)
                .await;
            added.expect("an enrolment secret");
            let checks = Arc::new(CheckSet::embedded());
            PostureGate::open(store, checks, settings)
                .await
                .expect("a gate")
                .router()
        });
        let mut gate = Self {
            runtime,
            router,
            node_key: String::new(),
            _directory: directory,
        };
        let host = json!({
            "enroll_secret": SECRET, "host_identifier": "laptop", "platform_type": "9",
            "host_details": {
                "os_version": { "name": "Debian GNU/Linux", "version": "12", "platform": "debian" },
                "osquery_info": { "version": "5.20.0", "instance_id": "instance" },
                "system_info": { "uuid": "4C4C4544-0000-1111-2222-333344445555", "hostname": "laptop" },
            },
        });
        let (_, answer) = gate.post("enroll", host.to_string().into_bytes());
        gate.node_key = answer["node_key"]
            .as_str()
            .expect("the host is enrolled")
            .to_owned();
        gate
    }

    fn post(&self, endpoint: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let request = Request::post(format!("/api/v1/osquery/{endpoint}")).body(Body::from(body));
        self.runtime.block_on(async {
            let answer = self
                .router
                .clone()
                .oneshot(request.expect("a request"))
                .await
                .expect("an answer");
            let status = answer.status();
            let body = answer
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes();
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        })
    }

    /// Asks for questions, and takes the nonce of their names.
    fn nonce(&self) -> String {
        let (_, answer) = self.post(
            "distributed/read",
            json!({ "node_key": self.node_key })
                .to_string()
                .into_bytes(),
        );
        let queries = answer["queries"].as_object();
        let name = queries.and_then(|queries| queries.keys().next());
        name.and_then(|name| name.rsplit_once('.'))
            .map_or_else(|| "0".repeat(16), |(_, nonce)| nonce.to_owned())
    }
}

fn find(body: &[u8], word: &[u8]) -> Option<usize> {
    body.windows(word.len()).position(|window| window == word)
}

/// At most ten of them: an input must not grow without bound.
fn replaced(body: &[u8], word: &[u8], with: &[u8]) -> Vec<u8> {
    let (mut rest, mut done) = (body, Vec::new());
    for _ in 0..10 {
        let Some((before, after)) =
            find(rest, word).map(|at| (&rest[..at], &rest[at + word.len()..]))
        else {
            break;
        };
        done.extend_from_slice(before);
        done.extend_from_slice(with);
        rest = after;
    }
    done.extend_from_slice(rest);
    done
}
