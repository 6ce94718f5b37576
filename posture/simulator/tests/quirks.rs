//! osquery's habits, against a server that says whatever a test wants.
#![expect(clippy::disallowed_methods, reason = "a test has no task tracker")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use nac_posture_simulator::{Fault, HostSettings, OsqueryHost, Profile};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the server got: path, headers, body.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;
/// What the server says next: status and body. When nothing is left, `{}`.
type Script = Arc<Mutex<VecDeque<(u16, String)>>>;

struct Server {
    url: String,
    seen: Seen,
}

async fn server(script: &[(u16, &str)]) -> Server {
    let script: Script = Arc::new(Mutex::new(
        script
            .iter()
            .map(|(status, body)| (*status, (*body).to_owned()))
            .collect(),
    ));
    let seen = Seen::default();
    let app = Router::new()
        .fallback(answer)
        .with_state((script, Arc::clone(&seen)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Server { url, seen }
}

async fn answer(
    State((script, seen)): State<(Script, Seen)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    seen.lock()
        .expect("no panic")
        .push((uri.path().to_owned(), headers, body));
    let next = script.lock().expect("no panic").pop_front();
    let (status, body) = next.unwrap_or_else(|| (200, "{}".to_owned()));
    (StatusCode::from_u16(status).expect("a status"), body)
}

fn host(server: &Server, change: impl FnOnce(&mut HostSettings)) -> OsqueryHost {
    let mut settings = HostSettings::compliant("linux").reporting_to(&server.url, "", "secret");
    settings.pause_unit = Duration::from_millis(1);
    change(&mut settings);
    OsqueryHost::new(settings).expect("a host")
}

fn paths(server: &Server) -> Vec<String> {
    let seen = server.seen.lock().expect("no panic");
    let short = |path: &str| path.trim_start_matches("/api/v1/osquery/").to_owned();
    seen.iter().map(|(path, ..)| short(path)).collect()
}

fn body(server: &Server, index: usize) -> Value {
    let seen = server.seen.lock().expect("no panic");
    serde_json::from_slice(&seen[index].2).expect("JSON")
}

const KEY: (u16, &str) = (200, r#"{"node_key":"k1"}"#);

#[tokio::test]
async fn the_status_is_never_looked_at_and_an_empty_body_is_success() {
    let server = server(&[(500, r#"{"node_key":"k1"}"#), (503, "")]).await;
    let host = host(&server, |_| {});
    assert_eq!(host.enroll().await, Ok("k1".to_owned()));
    assert_eq!(host.config().await.map(|config| config.len()), Ok(0));
}

#[tokio::test]
async fn enrolment_tells_who_the_host_is_and_leaves_out_empty_tables() {
    let server = server(&[KEY]).await;
    let host = host(&server, |settings| {
        settings.enroll_secret = " secret\n".to_owned()
    });
    host.sql("DELETE FROM platform_info").expect("sql");
    host.enroll().await.expect("enrolled");
    let body = body(&server, 0);
    assert_eq!(body["enroll_secret"], "secret");
    assert_eq!(body["platform_type"], "9");
    assert_eq!(
        body["host_details"]["system_info"]["uuid"],
        host.settings().hardware_uuid.as_str()
    );
    assert_eq!(
        body["host_details"]["os_version"]["major"], "24",
        "every value is a text"
    );
    assert!(body["host_details"].get("platform_info").is_none());
}

#[tokio::test]
async fn node_invalid_must_be_a_bool_and_enrols_again_in_the_same_loop() {
    let again = r#"{"node_invalid":true}"#;
    let server = server(&[
        KEY,
        (200, again),
        (200, r#"{"node_key":"k2"}"#),
        (200, "{}"),
    ])
    .await;
    let host = host(&server, |_| {});
    host.config().await.expect("at the second attempt");
    assert_eq!(host.node_key().as_deref(), Some("k2"));
    assert_eq!(paths(&server), ["enroll", "config", "enroll", "config"]);

    let text = r#"{"node_invalid":"true"}"#;
    let server = self::server(&[KEY, (200, text)]).await;
    let host = self::host(&server, |_| {});
    host.config().await.expect("a text is not true");
    assert_eq!(host.enrolments(), 1);
}

#[tokio::test]
async fn three_attempts_then_the_next_interval() {
    let html = (502, "<html>bad gateway</html>");
    let server = server(&[KEY, html, (200, r#"{"error":"busy"}"#), html]).await;
    let host = host(&server, |_| {});
    assert_eq!(host.poll_once().await, Err(Fault::NotJson));
    assert_eq!(paths(&server).len(), 4);
}

#[tokio::test]
async fn one_bad_discovery_query_drops_the_whole_answer_silently() {
    let bad = json!({
        "queries": { "a": "SELECT 1", "b": "SELECT 2" },
        "discovery": { "a": "SELECT 1", "b": "SELECT FROM" },
        "accelerate": 60,
    });
    let server = server(&[KEY, (200, &bad.to_string())]).await;
    let host = host(&server, |_| {});
    let report = host.poll_once().await.expect("no error is told");
    assert!(
        report.aborted && report.ran == 0 && report.accelerate_s.is_none(),
        "{report:?}"
    );
    assert!(!paths(&server).contains(&"distributed/write".to_owned()));
}

#[tokio::test]
async fn discovery_without_a_row_skips_and_accelerate_must_be_an_integer() {
    let work = json!({
        "queries": { "a": "SELECT hostname FROM system_info", "b": "SELECT 2", "c": "SELECT nope" },
        "discovery": { "a": "SELECT 1", "b": "SELECT 1 WHERE 0" },
        "accelerate": "60",
    });
    let server = server(&[KEY, (200, &work.to_string())]).await;
    let host = host(&server, |_| {});
    let report = host.poll_once().await.expect("polled");
    assert_eq!(
        (report.asked, report.skipped, report.ran, report.failed),
        (3, 1, 2, 1)
    );
    assert_eq!(report.accelerate_s, None);
    assert_eq!(host.current_interval(), host.settings().interval);
    let body = body(&server, 2);
    assert_eq!(
        body["queries"]["a"][0]["hostname"],
        host.settings().hostname.as_str()
    );
    assert!(body["queries"].get("b").is_none());
    assert_eq!(body["statuses"]["c"], 1);
    assert!(
        body["messages"]["c"]
            .as_str()
            .is_some_and(|words| words.contains("no such column"))
    );
}

#[tokio::test]
async fn an_integer_accelerates_and_results_survive_a_failed_write() {
    let work = json!({ "queries": { "a": "SELECT 1" }, "accelerate": 60 }).to_string();
    let busy = (503, r#"{"error":"busy"}"#);
    let server = server(&[KEY, (200, &work), busy, busy, busy, (200, "{}")]).await;
    let host = host(&server, |_| {});
    assert_eq!(
        host.poll_once().await,
        Err(Fault::Refused("busy".to_owned()))
    );
    assert_eq!(
        host.current_interval(),
        host.settings().accelerated_interval
    );
    let report = host.poll_once().await.expect("polled");
    assert!(
        report.written && report.ran == 0,
        "the kept result goes with the next write"
    );
    assert_eq!(body(&server, 6)["queries"]["a"], json!([{ "1": "1" }]));
}

#[tokio::test]
async fn a_denylisted_text_fails_with_osquerys_words() {
    let work = json!({ "queries": { "a": "SELECT 1" } }).to_string();
    let server = server(&[KEY, (200, &work)]).await;
    let host = host(&server, |_| {});
    host.denylist("SELECT 1");
    host.poll_once().await.expect("polled");
    assert_eq!(
        body(&server, 2)["messages"]["a"],
        "distributed query is denylisted"
    );
}

#[tokio::test]
async fn profiles_differ_in_header_content_type_and_shapes() {
    let work = json!({ "queries": { "a": "SELECT 1 WHERE 0" } }).to_string();
    for (profile, header, kind, rows) in [
        (Profile::Classic, None, "application/json", json!([])),
        (
            Profile::AuthorizationHeader,
            Some("NodeKey k1"),
            "application/json",
            json!([]),
        ),
        (
            Profile::ChromeExtension,
            None,
            "text/plain;charset=UTF-8",
            Value::Null,
        ),
    ] {
        let server = server(&[KEY, (200, &work)]).await;
        let host = host(&server, |settings| settings.profile = profile);
        host.poll_once().await.expect("polled");
        let headers = server.seen.lock().expect("no panic")[2].1.clone();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(text("authorization"), header, "{profile:?}");
        assert_eq!(text("content-type"), Some(kind));
        assert!(text("user-agent").is_some_and(|agent| agent.starts_with("osquery/")));
        assert_eq!(body(&server, 2)["queries"]["a"], rows);
    }
}

#[tokio::test]
async fn logs_go_compressed_when_switched_on() {
    let server = server(&[KEY]).await;
    let host = host(&server, |_| {});
    host.log("status", vec![json!({ "severity": "0" })])
        .await
        .expect("logged");
    let seen = server.seen.lock().expect("no panic");
    let (path, headers, body) = &seen[1];
    assert!(path.ends_with("/log"));
    assert_eq!(
        headers
            .get("content-encoding")
            .map(|value| value.as_bytes()),
        Some(&b"gzip"[..])
    );
    assert_eq!(body[..2], [0x1f, 0x8b]);
}
