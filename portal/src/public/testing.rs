//! A portal without sockets: the public router over a database of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use nac_posture::{CheckSet, PostureGate, PostureSettings, TlsPeer};
use nac_store::{NewClient, SealingKey, SecretBytes, Session, Store, UserRecord, now_us};
use tower::ServiceExt as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::certificate::CaCertificate;
use super::guest::Limits;
use super::token::Tokens;
use super::{PublicState, Shared, router};
use crate::mail::{MailServer, MailTls, Outbox};
use crate::web::PasswordPool;

/// The portal's address in these tests.
pub(crate) const URL: &str = "https://portal.example.org";

/// A portal with a database of its own.
pub(crate) struct TestPortal {
    pub(crate) state: PublicState,
    router: Router,
    _directory: tempfile::TempDir,
}

/// A mail server that nobody connects to: what these tests send stays in the queue.
fn mail_server() -> Option<MailServer> {
    Some(MailServer {
        server: "smtp.example.org".to_owned(),
        port: 25,
        tls: MailTls::None,
        from: "noreply@example.org".to_owned(),
        login: None,
        ca_pem: None,
    })
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// A header's text; empty when it is not there.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Somebody with a browser that keeps nothing: no cookie, no storage, no script.
pub(crate) struct Person<'p> {
    portal: &'p TestPortal,
    source: IpAddr,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl TestPortal {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("nac.db").display());
        let store = Store::open(&url, Some(SealingKey::generate().unwrap()))
            .await
            .unwrap();
        let checks = Arc::new(CheckSet::embedded());
        let gate = PostureGate::open(store.clone(), checks, PostureSettings::default())
            .await
            .unwrap();
        let state = PublicState::new(Shared {
            tokens: Tokens::new(&store).unwrap(),
            outbox: Outbox::new(store.clone(), mail_server()),
            limits: Limits::default(),
            store,
            gate,
            passwords: PasswordPool::default(),
            sign_ins: super::sign_in::SignIns::default(),
            url: URL.to_owned(),
            ca: CaCertificate {
                pem: "-----BEGIN CERTIFICATE-----\n".to_owned(),
                fingerprint: "AB:CD".to_owned(),
            },
        });
        Self {
            router: router(state.clone()),
            state,
            _directory: directory,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.state.store
    }

    /// A client of a site.
    pub(crate) async fn client(&self, name: &str, address: &str, site: &str) {
        let client = NewClient {
            name: name.to_owned(),
            address: address.parse().unwrap(),
            secret: SecretBytes::new(*b"a secret of the tests"),
            message_authenticator: nac_store::MessageAuthenticatorRule::Required,
            legacy_until_us: None,
            vendor: "generic".to_owned(),
            coa_port: None,
            radsec_name: None,
            site: site.to_owned(),
        };
        self.store().client_add(client).await.unwrap();
    }

    /// A live session of the client `switch-1`, at this address when there is one.
    pub(crate) async fn session(&self, mac: &str, segment: &str, address: Option<&str>) -> Session {
        let id = Uuid::now_v7();
        let session = Session {
            id,
            class: id.simple().to_string(),
            client: "switch-1".to_owned(),
            nas_address: "192.0.2.1".parse().unwrap(),
            nas_source: "192.0.2.1:1812".parse().unwrap(),
            mac: Some(mac.to_owned()),
            user_name: mac.to_owned(),
            identity: mac.to_owned(),
            device_id: None,
            attributes: Vec::new(),
            acct_session_id: None,
            framed_ip: address.map(ToOwned::to_owned),
            method: "mab".to_owned(),
            segment: segment.to_owned(),
            decision_id: Uuid::now_v7(),
            policy_version: 1,
            started_us: now_us(),
            updated_us: now_us(),
            stopped_us: None,
            terminate_cause: None,
        };
        self.store().session_put(&session).await.unwrap();
        session
    }

    /// A new employee who is signed in, with a browser at this address.
    pub(crate) async fn employee(&self, name: &str, source: &str) -> Person<'_> {
        let password = Zeroizing::new("correct horse".to_owned());
        let user = UserRecord {
            name: name.to_owned(),
            password: Some(self.state.passwords.hash(password).await.unwrap()),
            cleartext: None,
            enabled: true,
            groups: Vec::new(),
        };
        self.store().user_put(user).await.unwrap();
        let form = format!("name={name}&password=correct+horse");
        let answer = self.person(source).post("/sign-in", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let word = answer.header(header::SET_COOKIE).split(';').next();
        self.person(source).with("cookie", word.unwrap_or_default())
    }

    /// Somebody at this address.
    pub(crate) fn person(&self, source: &str) -> Person<'_> {
        Person {
            portal: self,
            source: source.parse().unwrap(),
            headers: Vec::new(),
        }
    }
}

impl Person<'_> {
    /// The same person, whose browser also sends this.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Body::empty()).await
    }

    /// Sends a form, its body as `name=value&…`.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_as(path, "application/x-www-form-urlencoded", form)
            .await
    }

    /// Sends a body of another type.
    pub(crate) async fn post_as(&self, path: &str, kind: &'static str, body: &str) -> Answer {
        self.send(Method::POST, path, Some(kind), Body::from(body.to_owned()))
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: Option<&'static str>,
        body: Body,
    ) -> Answer {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::HOST, "portal.example.org");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(TlsPeer {
            address: SocketAddr::new(self.source, 50_000),
            certificates: Vec::new(),
        });
        let response = self.portal.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}
