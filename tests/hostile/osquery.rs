//! osquery's API: osqueryd looks at no status and takes an empty body for success, so every answer is a JSON object.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::https::{Answer, Web};

const BASE: &str = "/api/v1/osquery";
const ENDPOINTS: [&str; 5] = [
    "enroll",
    "config",
    "log",
    "distributed/read",
    "distributed/write",
];

fn web() -> Web {
    let ground = Ground::shared();
    Web::new(ground.nac.portal, &ground.nac.ca)
}

/// A host that has enrolled and does everything right.
fn node_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let secret = Ground::shared().nac.config().with_file_name("osquery-enroll-secret");
        let secret = std::fs::read_to_string(secret).expect("`nac init` makes an enrolment secret");
        let answer = web().post(&format!("{BASE}/enroll"), &json!({
            "enroll_secret": secret.trim(),
            "host_identifier": "laptop",
            "platform_type": "9",
            "host_details": {
                "system_info": {"uuid": "7b6e7f0a-9f39-4b1c-8d0e-0a3a1c7f5e11", "hostname": "laptop"},
                "osquery_info": {"instance_id": "1f0c2a52-31f2-4f6e-9a55-0e0d6e1c9a01", "version": "5.12.1"},
            },
        }));
        answer["node_key"].as_str().expect("a node key").to_owned()
    })
}

/// The legitimate host is still served, and so is RADIUS.
fn survived() {
    let read = web().post(
        &format!("{BASE}/distributed/read"),
        &json!({"node_key": node_key()}),
    );
    assert!(read["queries"].is_object(), "{read}");
    assert!(read["discovery"].is_object(), "{read}");
    Ground::shared().survived();
}

fn ask(endpoint: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    web().ask("POST", &format!("{BASE}/{endpoint}"), headers, body)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn garbage_is_answered_with_an_error_object() {
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"\0",
        b"null",
        b"true",
        b"[]",
        b"\"text\"",
        b"{",
        b"{\"node_key\":",
        b"{\"node_key\":1}",
        b"{\"node_key\":null}",
        b"{\"node_key\":{\"a\":[]}}",
        b"\xff\xfe{}",
        b"{\"node_key\":\"x\"} and more",
    ];
    for endpoint in ENDPOINTS {
        for body in bodies {
            let answer = ask(endpoint, &[], body);
            if endpoint == "log" && answer.status == 200 {
                continue;
            }
            assert!(answer.json().get("error").is_some());
            assert!(
                (400..=503).contains(&answer.status),
                "{endpoint}: {answer:?}"
            );
        }
    }
    survived();
}

#[test]
fn an_unknown_node_key_makes_the_host_enrol_again() {
    for endpoint in ["config", "distributed/read", "distributed/write"] {
        for key in [
            "",
            "x",
            &"k".repeat(100_000),
            "'; DROP TABLE node; --",
            "\u{0}",
        ] {
            let answer = ask(
                endpoint,
                &[],
                json!({"node_key": key}).to_string().as_bytes(),
            );
            assert_eq!(answer.json()["node_invalid"], json!(true), "{endpoint}");
        }
    }
    survived();
}

#[test]
fn a_wrong_or_hostile_enrolment_gets_no_key() {
    for body in [
        json!({}),
        json!({"enroll_secret": ""}),
        json!({"enroll_secret": 7}),
        json!({"enroll_secret": "wrong", "host_identifier": "x".repeat(500_000)}),
        json!({"enroll_secret": "x".repeat(900_000)}),
        json!({"enroll_secret": ["wrong"], "host_details": []}),
    ] {
        let answer = ask("enroll", &[], body.to_string().as_bytes()).json();
        assert!(answer.get("node_key").is_none(), "{answer}");
    }
    survived();
}

#[test]
fn a_body_of_ten_megabytes_is_refused_in_words() {
    let large = vec![b' '; 10 << 20];
    for endpoint in ["enroll", "config", "distributed/read", "distributed/write"] {
        let answer = ask(endpoint, &[], &large);
        assert_eq!(answer.status, 413, "{endpoint}");
        answer.json();
    }
    survived();
}

#[test]
fn a_log_that_is_too_large_is_dropped_so_that_it_does_not_come_again() {
    let answer = ask("log", &[], &vec![b' '; 33 << 20]);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    survived();
}

#[test]
fn deep_nesting_is_refused() {
    let depth = 200_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!(
            "{{\"node_key\":\"x\",\"queries\":{}1{}}}",
            open.repeat(depth),
            close.repeat(depth)
        );
        for endpoint in ENDPOINTS {
            let answer = ask(endpoint, &[], deep.as_bytes());
            assert!(
                answer.status == 200 || answer.json().get("error").is_some(),
                "{endpoint}"
            );
        }
    }
    survived();
}

#[test]
fn a_gzip_bomb_is_not_inflated() {
    let ground = Ground::shared();
    let before = ground.rss();
    // One gigabyte of spaces in a megabyte; the same behind many members.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..256 {
        encoder.write_all(&chunk).expect("memory takes it");
    }
    let bomb = encoder.finish().expect("memory takes it");
    let members = gzip(b" ").repeat(30_000);
    for endpoint in ENDPOINTS {
        let began = Instant::now();
        for body in [&bomb, &members] {
            let answer = ask(endpoint, &[("Content-Encoding", "gzip")], body);
            if answer.status != 200 {
                answer.json();
            }
        }
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{endpoint} took {:?}",
            began.elapsed()
        );
    }
    for (encoding, body) in [
        ("gzip", &b"no gzip"[..]),
        ("gzip", b""),
        ("br", b"{}"),
        ("deflate", b"{}"),
    ] {
        let answer = ask("config", &[("Content-Encoding", encoding)], body);
        answer.json();
        assert!(answer.status >= 400, "{encoding}");
    }
    let grown = ground.rss().saturating_sub(before) >> 20;
    assert!(grown < 200, "{grown} MiB more");
    survived();
}

#[test]
fn wrong_methods_and_paths_are_answered_in_json() {
    let web = web();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        for endpoint in ENDPOINTS {
            let answer = web.ask(method, &format!("{BASE}/{endpoint}"), &[], b"");
            assert_eq!(answer.status, 405, "{method} {endpoint}");
            answer.json();
        }
    }
    for path in [
        "/api/v1/osquery/",
        "/api/v1/osquery",
        "/api/osquery/",
        "/api/v1/osquery/enroll/",
        "/api/v1/osquery/nothing",
        "/api/v1/osquery/../../etc/passwd",
        "/api/v1/osquery/%2e%2e/%00",
        "/api/v1/osquery/config/config/config",
        "/api/v2/osquery/enroll",
        "/api/v1/nothing",
    ] {
        for method in ["POST", "GET"] {
            let answer = web.ask(method, path, &[], b"{}");
            assert_eq!(answer.status, 404, "{method} {path}");
            answer.json();
        }
    }
    survived();
}

#[test]
fn results_of_any_shape_are_taken_or_refused_and_never_believed() {
    let key = node_key();
    for queries in [
        json!(null),
        json!(7),
        json!([]),
        json!({"nobody-asked": [{"a": "b"}]}),
        json!({"nobody-asked": "", "nor-this": null, "x": {"y": 1}}),
        json!({"": [[[[]]]]}),
        (0..20_000)
            .map(|n| (format!("q{n}"), json!([{"a": "b"}])))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    ] {
        for statuses in [
            json!(null),
            json!({"nobody-asked": "0"}),
            json!({"nobody-asked": -1.5e300}),
            json!("x"),
        ] {
            let body: Value =
                json!({"node_key": key, "queries": queries, "statuses": statuses, "messages": 7});
            let answer = ask("distributed/write", &[], body.to_string().as_bytes());
            answer.json();
        }
    }
    survived();
}

#[test]
fn a_client_that_sends_its_body_slowly_is_answered_and_holds_up_nobody() {
    let web = web();
    // It promises a body and never sends it.
    let mut slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = web.connect();
            let head = format!(
                "POST {BASE}/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{{"
            );
            stream.write_all(head.as_bytes()).expect("the server reads");
            stream.flush().expect("the server reads");
            stream
        })
        .collect();
    let began = Instant::now();
    survived();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "others wait: {:?}",
        began.elapsed()
    );
    // osquery gives up after 16 s and must hear something before.
    for stream in &mut slow {
        let answer = Answer::read(stream);
        assert_eq!(answer.json()["error"], "busy");
    }
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
}
