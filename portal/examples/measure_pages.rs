//! Measures how long the admin pages and the API take on a big SQLite database:
//! `cargo run --release -p nac-portal --example measure_pages [DEVICES] [DECISIONS]`.
//!
//! It makes a database of 100,000 devices and 1,000,000 decisions in a temporary folder (or as many as told), asks each page many times
//! through its router, sign-in included, and prints the median and the 95th percentile. docs/performance.md holds the table.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "this program exists to print its figures, and has nobody to report failures to"
)]

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use nac_portal::admin::{self, AdminState, Environment};
use nac_portal::web::PasswordPool;
use nac_posture::{CheckSet, PostureGate, PostureSettings, TlsPeer};
use nac_store::{
    DecisionOutcome, DecisionRecord, DeviceRecord, DeviceStatus, NewCredential, NewPasskey, Role,
    SealingKey, Store, Timings, now_us,
};
use tower::ServiceExt as _;
use uuid::Uuid;

/// Requests per page.
const TIMES: usize = 100;
/// Rows written at once.
const GROUP: usize = 5_000;

#[tokio::main]
async fn main() {
    let mut sizes = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok());
    let devices: usize = sizes.next().unwrap_or(100_000);
    let decisions: usize = sizes.next().unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("nac.db").display());
    let store = Store::open(&url, Some(SealingKey::generate().unwrap()))
        .await
        .unwrap();
    let began = Instant::now();
    fill(&store, devices, decisions).await;
    eprintln!(
        "{devices} devices and {decisions} decisions in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let (router, cookie) = site(&store).await;
    println!("| page | p50 ms | p95 ms | KiB |");
    println!("|---|---|---|---|");
    for path in [
        "/",
        "/sessions",
        "/log",
        "/log?q=02:00:00:01:86:9f",
        "/log?outcome=reject",
        "/log?q=user-77777",
        "/devices",
        "/devices?q=02-00-00-01-86-9f",
        "/devices?q=device-99",
        "/devices?sort=name",
        "/quarantine",
        "/users",
        "/clients",
        "/audit",
        "/search?q=0200.0001.869f",
        "/search?q=user-77777",
    ] {
        measure(&router, &cookie, path).await;
    }
}

async fn fill(store: &Store, devices: usize, decisions: usize) {
    for first in (0..devices).step_by(GROUP) {
        let records = (first..devices.min(first + GROUP))
            .map(|number| DeviceRecord {
                id: None,
                name: format!("device-{number}"),
                owner: Some(format!("user-{number}")),
                labels: vec!["staff".to_owned()],
                device_type: Some("laptop".to_owned()),
                status: DeviceStatus::Active,
                expires_us: None,
                macs: vec![mac(number)],
                identifiers: Vec::new(),
                source: "import".to_owned(),
            })
            .collect();
        store.device_put_many(records).await.unwrap();
    }
    let newest = now_us();
    for first in (0..decisions).step_by(GROUP) {
        let records: Vec<Arc<DecisionRecord>> = (first..decisions.min(first + GROUP))
            .map(|number| Arc::new(decision(number, devices, newest)))
            .collect();
        store.decision_put_many(&records).await.unwrap();
    }
}

fn mac(number: usize) -> String {
    let [.., a, b, c, d] = number.to_be_bytes();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn decision(number: usize, devices: usize, newest_us: i64) -> DecisionRecord {
    let device = number % devices.max(1);
    let refused = number.is_multiple_of(20);
    DecisionRecord {
        id: Uuid::now_v7(),
        at_us: newest_us,
        client: format!("switch-{}", number % 50),
        nas_address: "192.0.2.1".to_owned(),
        mac: Some(mac(device)),
        user_name: format!("user-{device}"),
        identity: if refused {
            String::new()
        } else {
            format!("user-{device}")
        },
        method: "PEAP-MSCHAPv2".to_owned(),
        offer: "default".to_owned(),
        outcome: if refused {
            DecisionOutcome::Reject
        } else {
            DecisionOutcome::Accept
        },
        segment: (!refused).then(|| "staff".to_owned()),
        reason_code: if refused { "CRED-1001" } else { "OK-0000" }.to_owned(),
        reason: "measured".to_owned(),
        remedy: String::new(),
        policy_version: 1,
        facts: None,
        decision: None,
        attributes: vec![("Tunnel-Private-Group-Id".to_owned(), "10".to_owned())],
        request: vec![("User-Name".to_owned(), format!("user-{device}"))],
        eap: None,
        timings: Timings::default(),
        session_id: None,
    }
}

/// The admin router and the cookie of an owner who is signed in.
async fn site(store: &Store) -> (Router, String) {
    let gate = PostureGate::open(
        store.clone(),
        Arc::new(CheckSet::embedded()),
        PostureSettings::default(),
    )
    .await
    .unwrap();
    let state = AdminState::new(
        store.clone(),
        gate,
        PasswordPool::default(),
        Environment::usual("https://localhost:9443", "https://localhost:8443"),
    );
    let soon = now_us() + 3_600_000_000;
    let hash = sha256("measure");
    store
        .invitation_add(&hash, Role::Owner, None, "measure", soon)
        .await
        .unwrap();
    let passkey = NewCredential::Passkey(NewPasskey {
        credential_id: "measure".to_owned(),
        name: "key".to_owned(),
        passkey: "{}".to_owned(),
    });
    let owner = store
        .invitation_accept(&hash, Uuid::now_v7(), "measure", &passkey)
        .await
        .unwrap();
    store
        .administrator_session_open(&hash, owner.id, "passkey", "192.0.2.7", "measure")
        .await
        .unwrap();
    (admin::router(state), "__Host-nac=measure".to_owned())
}

async fn measure(router: &Router, cookie: &str, path: &str) {
    let mut times = Vec::with_capacity(TIMES);
    let mut size = 0;
    for _ in 0..TIMES {
        let mut request = Request::get(path)
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(TlsPeer {
            address: ([192, 0, 2, 7], 4711).into(),
            certificates: Vec::new(),
        });
        let began = Instant::now();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 24)
            .await
            .unwrap();
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        size = body.len();
        assert!(
            status == StatusCode::OK || status.is_redirection(),
            "{path}: {status}"
        );
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "| `{path}` | {:.1} | {:.1} | {:.0} |",
        at(50),
        at(95),
        size as f64 / 1_024.0
    );
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}
