//! A gate on a loopback port with a database of its own.
#![allow(clippy::disallowed_methods, reason = "a test has no task tracker")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use nac_posture::{CheckSet, PostureGate, PostureSettings, TlsPeer};
use nac_posture_simulator::{HostSettings, OsqueryHost};
use nac_store::{Event, EventKind, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "correct horse battery staple";

pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) gate: PostureGate,
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) cancel: CancellationToken,
    directory: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) fn sha256_hex(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}

pub(crate) fn now_us() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(now.as_micros()).expect("before 294247")
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(PostureSettings::default()).await
    }

    pub(crate) async fn start_with(settings: PostureSettings) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(&directory).await;
        store
            .enroll_secret_add("all", &sha256_hex(SECRET), None, None)
            .await
            .expect("a secret");
        let checks = Arc::new(CheckSet::embedded());
        let gate = PostureGate::open(store.clone(), checks, settings)
            .await
            .expect("a gate");
        let cancel = CancellationToken::new();
        tokio::spawn(gate.clone().run(cancel.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = app(&gate).into_make_service_with_connect_info::<SocketAddr>();
        let stop = cancel.clone();
        tokio::spawn(async move {
            let server = axum::serve(listener, app);
            tokio::select! {
                _ = server.into_future() => {}
                () = stop.cancelled() => {}
            }
        });
        let url = format!("http://{address}");
        Self {
            store,
            gate,
            url,
            address,
            cancel,
            directory,
        }
    }

    /// A host with quick retries that is not enrolled yet.
    pub(crate) fn host(&self, platform: &str) -> OsqueryHost {
        self.host_with(platform, |_| {})
    }

    pub(crate) fn host_with(
        &self,
        platform: &str,
        change: impl FnOnce(&mut HostSettings),
    ) -> OsqueryHost {
        let mut settings = HostSettings::compliant(platform).reporting_to(&self.url, "", SECRET);
        settings.pause_unit = Duration::from_millis(5);
        change(&mut settings);
        OsqueryHost::new(settings).expect("a host")
    }

    /// Another gate on the same database, as after a restart.
    pub(crate) async fn reopened(&self) -> PostureGate {
        let store = open(&self.directory).await;
        let checks = Arc::new(CheckSet::embedded());
        PostureGate::open(store, checks, PostureSettings::default())
            .await
            .expect("a gate")
    }

    /// Where the database is.
    pub(crate) fn database_url(&self) -> String {
        database_url(&self.directory)
    }

    /// Posts and demands what osquery needs of every answer: a JSON object that is not empty text.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request = client().post(format!("{}/api/v1/osquery/{path}", self.url));
        check(request.body(body)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Value {
        self.post(path, body.to_string()).await.1
    }

    /// A node key for a bare Linux host, by hand.
    pub(crate) async fn key(&self, uuid: &str, instance: &str) -> String {
        let answer = self
            .post_json("enroll", &enroll_request(SECRET, uuid, instance))
            .await;
        answer["node_key"]
            .as_str()
            .unwrap_or_else(|| panic!("no key in {answer}"))
            .to_owned()
    }
}

pub(crate) fn enroll_request(secret: &str, uuid: &str, instance: &str) -> Value {
    json!({
        "enroll_secret": secret,
        "host_identifier": uuid,
        "platform_type": "9",
        "host_details": {
            "os_version": { "name": "Debian GNU/Linux", "version": "12", "platform": "debian" },
            "osquery_info": { "version": "5.20.0", "instance_id": instance },
            "system_info": { "hostname": "lap1", "uuid": uuid, "hardware_serial": "" },
        },
    })
}

pub(crate) async fn check(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").cloned();
    assert_eq!(
        kind.as_ref().map(|kind| kind.as_bytes()),
        Some(&b"application/json"[..])
    );
    let text = response.text().await.expect("a body");
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text:?}"));
    let object = value.as_object().expect("an object");
    if let Some(invalid) = object.get("node_invalid") {
        assert!(invalid.is_boolean());
    }
    assert_eq!(
        status >= 400,
        object.contains_key("error"),
        "{status} {value}"
    );
    (status, value)
}

pub(crate) fn client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .expect("a client")
}

/// The next posture event, or a panic after five seconds.
pub(crate) async fn posture_event(events: &mut Receiver<Event>) -> Event {
    let wait = async {
        loop {
            match events.recv().await {
                Ok(event) if event.kind == EventKind::Posture => return event,
                Ok(_) => {}
                Err(error) => panic!("the feed broke: {error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), wait)
        .await
        .expect("a posture event")
}

/// Waits until something is true, at most five seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// The gate's router behind what the TLS listener would do.
fn app(gate: &PostureGate) -> Router {
    gate.router()
        .layer(from_fn(|mut request: Request, next: Next| async {
            if let Some(ConnectInfo(address)) =
                request.extensions().get::<ConnectInfo<SocketAddr>>()
            {
                let peer = TlsPeer {
                    address: *address,
                    certificates: Vec::new(),
                };
                request.extensions_mut().insert(peer);
            }
            next.run(request).await
        }))
}

async fn open(directory: &tempfile::TempDir) -> Store {
    Store::open(&database_url(directory), None)
        .await
        .expect("a store")
}

fn database_url(directory: &tempfile::TempDir) -> String {
    format!("sqlite:{}/nac.db", directory.path().display())
}

/// The device of the first node that the gate knows.
pub(crate) fn first_device(site: &Site) -> uuid::Uuid {
    let nodes = site.gate.nodes();
    nodes
        .first()
        .and_then(|node| node.node.device_id)
        .expect("a node with a device")
}
