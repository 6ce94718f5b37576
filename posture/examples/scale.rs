//! How much work many osquery hosts are: `cargo run --release -p nac-posture --example scale`.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use serde_json::{Value, json};
use support::{SECRET, Site, enroll_request};
use tower::ServiceExt as _;

const HOSTS: u32 = 2_000;
const ROUNDS: u32 = 5;

async fn post(router: &axum::Router, path: &str, body: &Value) -> Value {
    let mut request = Request::new(Body::from(body.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("/api/v1/osquery/{path}").parse().expect("a path");
    let answer = router.clone().oneshot(request).await.expect("an answer");
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .expect("a body");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its output is its purpose")]
async fn main() {
    let settings = nac_posture::PostureSettings {
        enrolment_rate: nac_posture::Rate {
            per_second: 1e9,
            burst: 1e9,
        },
        ..nac_posture::PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let router = site.gate.router();
    let mut keys = Vec::new();
    let started = Instant::now();
    for host in 0..HOSTS {
        let uuid = format!("4C4C4544-0034-5A10-8050-{host:012}");
        let answer = post(&router, "enroll", &enroll_request(SECRET, &uuid, "i")).await;
        keys.push(answer["node_key"].as_str().expect("a key").to_owned());
    }
    println!("enrolment: {:?} each", started.elapsed() / HOSTS);
    let started = Instant::now();
    for key in &keys {
        let read = post(&router, "distributed/read", &json!({ "node_key": key })).await;
        let names = read["queries"].as_object().expect("queries").keys();
        let rows: serde_json::Map<_, _> = names
            .map(|name| (name.clone(), json!([{ "1": "1" }])))
            .collect();
        post(
            &router,
            "distributed/write",
            &json!({ "node_key": key, "queries": rows }),
        )
        .await;
    }
    println!(
        "first questions and answers: {:?} each",
        started.elapsed() / HOSTS
    );
    let started = Instant::now();
    for _ in 0..ROUNDS {
        for key in &keys {
            post(&router, "distributed/read", &json!({ "node_key": key })).await;
        }
    }
    println!("poll: {:?} each", started.elapsed() / (HOSTS * ROUNDS));
    let nodes: Vec<_> = site
        .gate
        .nodes()
        .into_iter()
        .map(|node| node.node.id)
        .collect();
    let started = Instant::now();
    for (key, node) in keys.iter().zip(nodes) {
        site.gate.ask_now(node);
        let read = post(&router, "distributed/read", &json!({ "node_key": key })).await;
        let names = read["queries"].as_object().expect("queries").keys();
        let rows: serde_json::Map<_, _> = names
            .map(|name| (name.clone(), json!([{ "1": "1" }])))
            .collect();
        assert!(rows.len() > 5);
        post(
            &router,
            "distributed/write",
            &json!({ "node_key": key, "queries": rows }),
        )
        .await;
    }
    println!(
        "later questions and unchanged answers: {:?} each",
        started.elapsed() / HOSTS
    );
    assert_eq!(site.gate.node_count(), keys.len());
}
