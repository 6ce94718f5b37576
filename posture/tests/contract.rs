//! What osquery needs of its server, point by point, spoken by hand over HTTP.

mod support;

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use nac_posture::{PostureSettings, Rate};
use serde_json::{Map, Value, json};
use support::{SECRET, Site, check, client, enroll_request, sha256_hex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const UUID: &str = "4C4C4544-0034-5A10-8050-B7C04F4A3233";
const PATHS: [&str; 8] = [
    "enroll",
    "config",
    "log",
    "distributed/read",
    "distributed/write",
    "carve/begin",
    "carve/block",
    "no/such/path",
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A write that passes every question of a read.
fn passes(key: &str, read: &Value) -> Value {
    let mut rows = Map::new();
    let mut statuses = Map::new();
    for name in read["queries"].as_object().expect("queries").keys() {
        let row = if name.starts_with("nac_p.") {
            json!([{ "1": "1" }])
        } else {
            json!([])
        };
        rows.insert(name.clone(), row);
        statuses.insert(name.clone(), json!(0));
    }
    json!({ "node_key": key, "queries": rows, "statuses": statuses })
}

#[tokio::test]
async fn every_answer_to_garbage_is_a_json_object_with_an_error() {
    let site = Site::start().await;
    let deep = "[".repeat(100_000);
    let bodies: [&str; 12] = [
        "",
        " ",
        "null",
        "[]",
        "\"text\"",
        "{",
        "{}",
        "{\"node_key\":7}",
        "{\"node_key\":{\"a\":[]},\"queries\":7}",
        "<html>",
        "\u{feff}{}",
        &deep,
    ];
    for path in PATHS {
        for body in bodies {
            let (_, answer) = site.post(path, body.to_owned()).await;
            assert!(answer["error"].is_string(), "{path} {body:.20} {answer}");
        }
        let binary: Vec<u8> = (0..=255).collect();
        site.post(path, binary).await;
        for prefix in ["/api/v1/osquery", "/api/osquery"] {
            let url = format!("{}{prefix}/{path}", site.url);
            for request in [
                client().get(&url),
                client().put(&url).body("{}"),
                client().delete(&url),
            ] {
                let (status, answer) = check(request).await;
                assert!(
                    status >= 400 && answer["error"].is_string(),
                    "{path} {answer}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_node_key_is_told_to_enrol_again() {
    let site = Site::start().await;
    for path in ["config", "log", "distributed/read", "distributed/write"] {
        let (status, answer) = site
            .post(path, json!({ "node_key": "wrong" }).to_string())
            .await;
        assert_eq!(status, 401);
        assert_eq!(answer["node_invalid"], json!(true), "{path} {answer}");
    }
    assert!(site.gate.counters().unknown_keys >= 4);
}

#[tokio::test]
async fn the_node_key_is_random_and_only_its_digest_is_kept() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    assert_eq!(key.len(), 64);
    assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let nodes = site.store.node_list().await.expect("nodes");
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].node_key_sha256, sha256_hex(&key));
    assert_ne!(
        site.key(UUID, "i1").await,
        key,
        "enrolling again makes a new key"
    );
}

#[tokio::test]
async fn a_refused_enrolment_has_no_node_key_and_says_why() {
    let site = Site::start().await;
    for secret in ["", "wrong", "correct horse battery"] {
        let answer = site
            .post_json("enroll", &enroll_request(secret, UUID, "i1"))
            .await;
        assert!(answer.get("node_key").is_none(), "{answer}");
        assert!(answer["error"].is_string());
    }
    let trimmed = format!(" {SECRET}\n");
    let answer = site
        .post_json("enroll", &enroll_request(&trimmed, UUID, "i1"))
        .await;
    assert!(
        answer["node_key"].is_string(),
        "white space around a secret is not part of it"
    );
}

#[tokio::test]
async fn the_key_may_come_in_the_body_or_the_header_but_not_two_of_them() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    let other = site.key("4C4C4544-0034-5A10-8050-B7C04F4A9999", "i2").await;
    for path in ["/api/v1/osquery/config", "/api/osquery/config"] {
        let url = format!("{}{path}", site.url);
        let post = |body: Value, header: Option<&str>| {
            let mut request = client().post(&url).body(body.to_string());
            if let Some(key) = header {
                request = request.header("Authorization", format!("NodeKey {key}"));
            }
            check(request)
        };
        assert_eq!(post(json!({ "node_key": key }), None).await.0, 200);
        assert_eq!(post(json!({}), Some(&key)).await.0, 200);
        assert_eq!(post(json!({ "node_key": key }), Some(&key)).await.0, 200);
        let (status, answer) = post(json!({ "node_key": key }), Some(&other)).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(post(json!({}), None).await.0, 401);
    }
}

#[tokio::test]
async fn any_content_type_is_read_as_json() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json;charset=x",
    ] {
        let request = client()
            .post(format!("{}/api/v1/osquery/config", site.url))
            .header("Content-Type", kind)
            .body(json!({ "node_key": key }).to_string());
        assert_eq!(check(request).await.0, 200, "{kind}");
    }
}

#[tokio::test]
async fn the_configuration_is_an_object_with_options_at_top_level() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    let answer = site.post_json("config", &json!({ "node_key": key })).await;
    assert_eq!(answer["options"]["distributed_interval"], json!(10));
    assert_eq!(answer["options"]["disable_caching"], json!(true));
    assert!(answer["schedule"].is_object());
}

#[tokio::test]
async fn every_question_has_a_discovery_query_and_accelerate_is_an_integer() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    let answer = site
        .post_json("distributed/read", &json!({ "node_key": key }))
        .await;
    let queries = answer["queries"].as_object().expect("queries");
    let discovery = answer["discovery"].as_object().expect("discovery");
    assert!(queries.len() > 5);
    assert!(queries.keys().eq(discovery.keys()));
    for (name, sql) in queries.iter().chain(discovery) {
        assert!(name.starts_with("nac_p.") || name.starts_with("nac_d."));
        assert!(sql.as_str().is_some_and(|sql| !sql.is_empty()), "{name}");
    }
    assert!(answer["accelerate"].is_u64());
    let again = site
        .post_json("distributed/read", &json!({ "node_key": key }))
        .await;
    assert!(
        again["discovery"].is_object(),
        "also when there is nothing to ask: {again}"
    );
    assert!(again["queries"].is_object());
}

#[tokio::test]
async fn odd_shapes_of_results_are_understood() {
    let site = Site::start().await;
    let shapes: [(Value, Value, &str); 7] = [
        (json!([{ "1": "1" }]), json!(0), "pass"),
        (json!([{ "1": "1" }]), json!("0"), "pass"),
        (json!([]), json!(0), "fail"),
        (json!(""), json!("0"), "fail"),
        (Value::Null, json!(0), "fail"),
        (json!([]), json!(1), "unknown"),
        (json!([{ "1": "1" }]), json!("21"), "unknown"),
    ];
    for (index, (rows, status, expected)) in shapes.into_iter().enumerate() {
        let uuid = format!("4C4C4544-0034-5A10-8050-B7C04F4A{index:04}");
        let key = site.key(&uuid, "i1").await;
        let read = site
            .post_json("distributed/read", &json!({ "node_key": key }))
            .await;
        let name = read["queries"]
            .as_object()
            .and_then(|queries| {
                queries
                    .keys()
                    .find(|name| name.contains("linux-disk-encryption"))
            })
            .expect("the question");
        let mut body = json!({ "node_key": key, "queries": {}, "statuses": {} });
        body["queries"][name] = rows;
        body["statuses"][name] = status;
        body["messages"] = if index % 2 == 0 {
            json!([])
        } else {
            json!({ name: "locked" })
        };
        assert_eq!(site.post_json("distributed/write", &body).await, json!({}));
        let node = site.store.node_list().await.expect("nodes")[index].id;
        let results = site.store.node_results(node).await.expect("results");
        let found = results
            .iter()
            .find(|result| result.check == "linux-disk-encryption");
        assert_eq!(
            found.map(|result| result.outcome.as_str()),
            Some(expected),
            "{body}"
        );
        let skipped = results
            .iter()
            .find(|result| result.check == "linux-firewall");
        assert!(skipped.is_some_and(|result| result.message.contains("skipped")));
    }
}

#[tokio::test]
async fn strange_names_repeated_writes_and_late_answers_change_nothing() {
    let settings = PostureSettings {
        answer_within: Duration::from_millis(400),
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let key = site.key(UUID, "i1").await;
    let verdict = || {
        site.gate
            .node_posture(site_node(&site))
            .expect("a node")
            .verdict
    };
    let read = site
        .post_json("distributed/read", &json!({ "node_key": key }))
        .await;
    let mut forged = passes(&key, &read).to_string();
    for name in read["queries"].as_object().expect("queries").keys() {
        let (subject, _) = name.rsplit_once('.').expect("a nonce");
        forged = forged.replace(name.as_str(), &format!("{subject}.0123456789abcdef"));
    }
    site.post("distributed/write", forged).await;
    site.post_json(
        "distributed/write",
        &json!({ "node_key": key, "queries": { "x": [] } }),
    )
    .await;
    assert_eq!(verdict(), nac_policy::Verdict::Unknown);

    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        site.post_json("distributed/write", &passes(&key, &read))
            .await,
        json!({})
    );
    assert_eq!(
        verdict(),
        nac_policy::Verdict::Unknown,
        "late answers are not fresh"
    );

    site.gate.ask_now(site_node(&site));
    let read = site
        .post_json("distributed/read", &json!({ "node_key": key }))
        .await;
    let good = passes(&key, &read);
    assert_eq!(site.post_json("distributed/write", &good).await, json!({}));
    assert_eq!(verdict(), nac_policy::Verdict::Compliant);
    let before = site.gate.counters();
    let mut bad = good.clone();
    for rows in bad["queries"].as_object_mut().expect("rows").values_mut() {
        *rows = json!([]);
    }
    assert_eq!(
        site.post_json("distributed/write", &bad).await,
        json!({}),
        "idempotent"
    );
    let after = site.gate.counters();
    assert_eq!(after.answers, before.answers);
    assert!(after.answers_ignored > before.answers_ignored);
    assert_eq!(verdict(), nac_policy::Verdict::Compliant);
}

fn site_node(site: &Site) -> uuid::Uuid {
    let device = support::first_device(site);
    site.gate.nodes_of(device).first().expect("a node").node.id
}

#[tokio::test]
async fn bodies_over_their_caps_are_refused_and_logs_are_dropped() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    let padded = |size: usize| json!({ "node_key": key, "x": "x".repeat(size) }).to_string();
    for path in ["enroll", "config", "distributed/read"] {
        let (status, _) = site.post(path, padded(2 * 1024 * 1024)).await;
        assert_eq!(status, 413, "{path}");
    }
    assert_eq!(
        site.post("distributed/write", padded(7 * 1024 * 1024))
            .await
            .0,
        200
    );
    assert_eq!(
        site.post("distributed/write", padded(10 * 1024 * 1024))
            .await
            .0,
        413
    );
    assert_eq!(
        site.post("log", padded(10 * 1024 * 1024)).await,
        (200, json!({}))
    );
    let dropped = site.gate.counters().logs_dropped;
    assert_eq!(
        site.post("log", padded(33 * 1024 * 1024)).await,
        (200, json!({}))
    );
    assert_eq!(site.gate.counters().logs_dropped, dropped + 1);
}

#[tokio::test]
async fn gzip_logs_are_taken_and_gzip_bombs_are_dropped() {
    let site = Site::start().await;
    let key = site.key(UUID, "i1").await;
    let lines = json!({ "node_key": key, "log_type": "status", "data": [{ "severity": "0" }] });
    let post = |body: Vec<u8>| {
        let url = format!("{}/api/v1/osquery/log", site.url);
        check(
            client()
                .post(url)
                .header("Content-Encoding", "gzip")
                .body(body),
        )
    };
    assert_eq!(
        post(gzip(lines.to_string().as_bytes())).await,
        (200, json!({}))
    );
    assert_eq!(site.gate.counters().logs, 1);
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 128 * 1024, "the bomb is small on the wire");
    assert_eq!(post(bomb).await, (200, json!({})));
    assert_eq!(site.gate.counters().logs_dropped, 1);
    assert_eq!(post(b"not gzip".to_vec()).await.0, 400);
    let truncated = gzip(lines.to_string().as_bytes());
    assert_eq!(post(truncated[..truncated.len() / 2].to_vec()).await.0, 400);
}

#[tokio::test]
async fn a_node_that_asks_too_often_is_busy_and_its_logs_are_dropped() {
    let settings = PostureSettings {
        node_rate: Rate {
            per_second: 0.001,
            burst: 3.0,
        },
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let key = json!({ "node_key": site.key(UUID, "i1").await }).to_string();
    for _ in 0..3 {
        assert_eq!(site.post("config", key.clone()).await.0, 200);
    }
    let (status, answer) = site.post("config", key.clone()).await;
    assert_eq!((status, &answer["error"]), (503, &json!("busy")));
    assert_eq!(site.post("log", key).await, (200, json!({})));
    assert_eq!(site.gate.counters().logs_dropped, 1);
}

#[tokio::test]
async fn an_enrolment_storm_is_answered_busy() {
    let settings = PostureSettings {
        enrolment_rate: Rate {
            per_second: 0.001,
            burst: 1.0,
        },
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    site.key(UUID, "i1").await;
    let answer = site
        .post_json("enroll", &enroll_request(SECRET, UUID, "i1"))
        .await;
    assert_eq!(answer, json!({ "error": "busy" }));
}

#[tokio::test]
async fn a_client_that_stalls_is_answered_within_the_deadline() {
    let settings = PostureSettings {
        deadline: Duration::from_millis(300),
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let mut stream = tokio::net::TcpStream::connect(site.address)
        .await
        .expect("a connection");
    let head = "POST /api/v1/osquery/enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("written");
    let started = Instant::now();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    let text = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(text.contains("{\"error\":\"busy\"}"), "{text}");
}

#[tokio::test]
async fn the_router_lives_beside_other_pages() {
    let site = Site::start().await;
    let other = axum::Router::new()
        .route("/", axum::routing::get(|| async { "portal" }))
        .fallback(|| async { "not found" });
    let _whole: axum::Router = other.merge(site.gate.router());
}
