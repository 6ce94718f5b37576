//! The door of the admin pages, by its router: who is let in, as what, and what others are told.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use nac_posture::{CheckSet, PostureGate, PostureSettings, TlsPeer};
use nac_store::{NewCredential, NewPasskey, Role, SealingKey, Store, now_us};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::route::Operation;
use super::sign_in::hash;
use super::*;
use crate::access::authorize;

mod devices;
pub(super) mod log;
mod offers;
mod quarantine;

pub(super) struct Site {
    pub(super) router: Router,
    pub(super) store: Store,
    _folder: tempfile::TempDir,
}

pub(super) async fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("nac.db").display());
    let store = Store::open(&url, Some(SealingKey::generate().unwrap()))
        .await
        .unwrap();
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
    Site {
        router: router(state),
        store,
        _folder: folder,
    }
}

impl Site {
    /// An administrator of this role and the cookie of a session.
    pub(super) async fn signed_in(&self, role: Role) -> String {
        let name = format!("{role}-{}", Uuid::now_v7());
        let invitation = hash(&name);
        self.store
            .invitation_add(&invitation, role, None, "test", now_us() + 1_000_000_000)
            .await
            .unwrap();
        let passkey = NewCredential::Passkey(NewPasskey {
            credential_id: name.clone(),
            name: "key".to_owned(),
            passkey: "{}".to_owned(),
        });
        let who = self
            .store
            .invitation_accept(&invitation, Uuid::now_v7(), &name, &passkey)
            .await
            .unwrap();
        self.store
            .administrator_session_open(&hash(&name), who.id, "passkey", "192.0.2.7", "test")
            .await
            .unwrap();
        format!("__Host-nac={name}")
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        site: &str,
        body: &str,
    ) -> (StatusCode, axum::http::HeaderMap, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:9443")
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if !site.is_empty() {
            request = request.header("sec-fetch-site", site);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(TlsPeer {
            address: ([192, 0, 2, 7], 4711).into(),
            certificates: Vec::new(),
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        // A stream has no end to wait for.
        if parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream")
        {
            return (parts.status, parts.headers, String::new());
        }
        let body = axum::body::to_bytes(body, 1 << 22).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8_lossy(&body).into_owned(),
        )
    }

    /// What a form of our own sends.
    pub(super) async fn post(
        &self,
        path: &str,
        cookie: &str,
        body: &str,
    ) -> (StatusCode, axum::http::HeaderMap, String) {
        self.ask(Method::POST, path, cookie, "same-origin", body)
            .await
    }

    pub(super) async fn get(
        &self,
        path: &str,
        cookie: &str,
    ) -> (StatusCode, axum::http::HeaderMap, String) {
        self.ask(Method::GET, path, cookie, "", "").await
    }
}

/// A path with something in place of its parameters.
fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| {
            if part.starts_with('{') {
                "00000000-0000-7000-8000-000000000000"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_route_lets_in_exactly_the_roles_of_the_table() {
    let site = site().await;
    // The last owner must not be able to remove themselves by this walk.
    site.signed_in(Role::Owner).await;
    for role in Role::ALL {
        for route in routes() {
            let cookie = site.signed_in(*role).await;
            let (status, _, body) = site
                .ask(
                    route.method.clone(),
                    &concrete(route.path),
                    &cookie,
                    "same-origin",
                    "",
                )
                .await;
            let refused = status == StatusCode::FORBIDDEN && body.contains("your role");
            assert_eq!(
                refused,
                !authorize(*role, route.permission),
                "{role} at {} {}: {status}",
                route.method,
                route.path
            );
            assert_ne!(
                status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{} {}",
                route.method,
                route.path
            );
        }
    }
}

#[tokio::test]
async fn who_is_not_signed_in_sees_the_sign_in_page_and_nothing_else() {
    let site = site().await;
    for route in routes() {
        for cookie in ["", "__Host-nac=0123456789abcdef", "__Host-nac="] {
            let (status, headers, body) = site
                .ask(
                    route.method.clone(),
                    &concrete(route.path),
                    cookie,
                    "same-origin",
                    "",
                )
                .await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{}", route.path);
            let to = headers[header::LOCATION].to_str().unwrap();
            assert!(to.starts_with("/sign-in"), "{to}");
            assert!(body.is_empty());
        }
    }
}

#[tokio::test]
async fn nothing_changes_by_a_request_from_another_site_or_from_nowhere() {
    let site = site().await;
    let cookie = site.signed_in(Role::Owner).await;
    for route in routes()
        .into_iter()
        .filter(|route| route.method == Method::POST)
    {
        for from in ["cross-site", "same-site", ""] {
            let (status, _, _) = site
                .ask(Method::POST, &concrete(route.path), &cookie, from, "")
                .await;
            assert_eq!(
                status,
                StatusCode::FORBIDDEN,
                "{} from {from:?}",
                route.path
            );
        }
        let (status, _, _) = site.get(&concrete(route.path), &cookie).await;
        assert!(
            routes()
                .iter()
                .any(|other| other.path == route.path && other.method == Method::GET)
                || status == StatusCode::METHOD_NOT_ALLOWED,
            "GET {} gave {status}",
            route.path
        );
    }
}

#[tokio::test]
async fn every_action_names_its_api_operation_or_says_why_it_has_none() {
    for route in routes() {
        match route.operation {
            Operation::Page => assert_eq!(route.method, Method::GET, "{}", route.path),
            Operation::Api(id) => assert!(!id.is_empty(), "{}", route.path),
            Operation::BrowserOnly(why) => assert!(why.len() > 10, "{}", route.path),
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = site().await;
    let cookie = site.signed_in(Role::Owner).await;
    for path in ["/quarantine", "/sign-in", "/nowhere", "/health", "/account"] {
        let (_, headers, _) = site.get(path, &cookie).await;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn opening_an_invitation_uses_nothing_up() {
    let site = site().await;
    site.store
        .invitation_add(
            &hash("t0ken"),
            Role::Owner,
            None,
            "test",
            now_us() + 1_000_000_000,
        )
        .await
        .unwrap();
    for _ in 0..3 {
        let (status, _, body) = site.get("/welcome/t0ken", "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("owner"));
    }
    let (status, _, _) = site.get("/welcome/another", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_is_shown_once_and_its_hash_is_kept() {
    let site = site().await;
    let cookie = site.signed_in(Role::Owner).await;
    let body = "name=lab&role=viewer&days=7";
    let (status, _, page) = site
        .ask(Method::POST, "/tokens", &cookie, "same-origin", body)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("nac_"));
    assert_eq!(page.matches("nac_").count(), 2);
    let (_, _, list) = site.get("/tokens", &cookie).await;
    assert!(list.contains("lab") && !list.contains("nac_"));
}
