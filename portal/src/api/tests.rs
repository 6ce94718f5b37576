//! The API by its router: the document is the door, and nothing is missing in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use nac_posture::{CheckSet, PostureGate, PostureSettings, TlsPeer};
use nac_store::{Role, SealingKey, Store, now_us};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::access::Scopes;
use crate::access::{Permission, authorize};
use crate::admin::{self, AdminState, Environment, hash};
use crate::web::PasswordPool;

struct Site {
    router: Router,
    store: Store,
    _folder: tempfile::TempDir,
}

async fn site() -> Site {
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
    for role in Role::ALL {
        store
            .token_add(
                role.as_str(),
                &hash(role.as_str()),
                *role,
                "test",
                now_us() + 3_600_000_000,
            )
            .await
            .unwrap();
    }
    Site {
        router: admin::router(state),
        store,
        _folder: folder,
    }
}

impl Site {
    async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(TlsPeer {
            address: ([192, 0, 2, 7], 4711).into(),
            certificates: Vec::new(),
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream")
        {
            return (parts.status, parts.headers, Value::Null);
        }
        let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (parts.status, parts.headers, body)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self
            .call(Method::GET, path, "owner", &[], &Value::Null)
            .await;
        (status, body)
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, _, body) = self.call(Method::POST, path, "owner", &[], &body).await;
        (status, body)
    }
}

/// Method, path and operation id of everything in the document.
fn everything() -> Vec<(Method, String, String)> {
    let json = serde_json::to_value(super::document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in json["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            all.push((method.to_uppercase().parse().unwrap(), path.clone(), id));
        }
    }
    assert!(all.len() > 60, "{} operations", all.len());
    all
}

fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| match part {
            "{version}" => "1",
            "{kind}" => "mac",
            part if part.starts_with('{') => "00000000-0000-7000-8000-000000000000",
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn every_operation_has_a_scope_and_an_id_of_its_own() {
    let scopes = Scopes::read(&super::document());
    let mut ids = BTreeSet::new();
    for (method, path, id) in everything() {
        assert!(
            scopes.of(&method, &path).is_some(),
            "{method} {path} has no scope"
        );
        assert!(ids.insert(id.clone()), "{id} comes twice");
    }
    assert_eq!(scopes.of(&Method::PATCH, "/api/v1/devices"), None);
}

#[tokio::test]
async fn every_operation_lets_in_exactly_the_roles_of_the_table() {
    let site = site().await;
    let scopes = Scopes::read(&super::document());
    for (method, path, id) in everything() {
        let permission: Permission = scopes.of(&method, &path).unwrap();
        for role in Role::ALL {
            // Tokens revoke tokens, and must not revoke those of this walk.
            let (status, _, body) = site
                .call(
                    method.clone(),
                    &concrete(&path),
                    role.as_str(),
                    &[],
                    &Value::Null,
                )
                .await;
            let refused = status == StatusCode::FORBIDDEN
                && body["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.contains("may not do this"));
            assert_eq!(
                refused,
                !authorize(*role, permission),
                "{role}: {id} gave {status} {body}"
            );
            assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{id}");
        }
    }
}

#[tokio::test]
async fn nothing_is_told_without_a_token_that_counts() {
    let site = site().await;
    site.store.token_revoke("viewer").await.unwrap();
    for (method, path, _) in everything() {
        for token in ["", "viewer", "nac_guessed"] {
            let (status, headers, body) = site
                .call(method.clone(), &concrete(&path), token, &[], &Value::Null)
                .await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
            assert!(body["detail"].as_str().unwrap().contains("token"));
        }
    }
    let (status, _, _) = site
        .call(Method::GET, "/api/v1/nothing", "owner", &[], &Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_action_of_the_pages_has_its_operation() {
    let operations: BTreeSet<String> = everything().into_iter().map(|(_, _, id)| id).collect();
    let missing: BTreeSet<&str> = admin::actions()
        .into_iter()
        .filter(|id| !operations.contains(*id))
        .collect();
    assert!(missing.is_empty(), "the API cannot do: {missing:?}");
}

#[tokio::test]
async fn a_device_goes_to_quarantine_and_comes_out_and_the_record_says_who() {
    let site = site().await;
    let (status, device) = site
        .post(
            "/api/v1/devices",
            json!({ "name": "printer 7", "macs": ["02-00-00-00-00-07"] }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{device}");
    assert_eq!(device["macs"][0], "02:00:00:00:00:07");
    let (status, opened) = site
        .post(
            "/api/v1/quarantine",
            json!({ "device": "0200.0000.0007", "reason": "port scan" }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{opened}");
    let id = opened["id"].as_str().unwrap();
    let (_, list) = site.get("/api/v1/quarantine").await;
    assert_eq!(list["items"][0]["id"], *id);
    let (status, released) = site
        .post(&format!("/api/v1/quarantine/{id}/release"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK, "{released}");
    let (_, audit) = site.get("/api/v1/audit?action=quarantine.").await;
    assert_eq!(audit["items"][0]["actor"], "owner");
    assert_eq!(audit["items"][0]["actor_kind"], "token");
    let (_, verified) = site.post("/api/v1/audit/verify", Value::Null).await;
    assert_eq!(verified["fault"], Value::Null);
}

#[tokio::test]
async fn a_device_that_did_802_1x_may_come_without_and_the_record_says_who_allowed_it() {
    let site = site().await;
    let seen = [("02:00:00:00:00:01".to_owned(), "EAP-TLS")];
    site.store.supplicant_put(&seen).await.unwrap();
    let path = "/api/v1/devices/0200.0000.0001/allow-mab";
    let (status, allowed) = site.post(path, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{allowed}");
    assert_eq!(allowed["device"], "02:00:00:00:00:01");
    assert_eq!(allowed["forgotten"][0]["method"], "EAP-TLS");
    let (status, allowed) = site.post(path, Value::Null).await;
    assert_eq!(
        (status, &allowed["forgotten"]),
        (StatusCode::OK, &json!([]))
    );
    let (status, _) = site
        .post("/api/v1/devices/nobody/allow-mab", Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, audit) = site.get("/api/v1/audit").await;
    let record = &audit["items"][0];
    assert_eq!(record["action"], "supplicant.forget", "{audit}");
    assert_eq!(record["actor_kind"], "token");
}

#[tokio::test]
async fn faults_are_problems_that_say_what_and_where() {
    let site = site().await;
    for (path, body, word) in [
        (
            "/api/v1/quarantine",
            json!({ "device": "x", "reason": "y" }),
            "MAC",
        ),
        (
            "/api/v1/quarantine",
            json!({ "device": "x", "reason": " " }),
            "why",
        ),
        (
            "/api/v1/quarantine",
            json!({ "device": "x", "reason": "y", "owner": "me" }),
            "owner",
        ),
        (
            "/api/v1/devices",
            json!({ "name": "a", "macs": ["nonsense"] }),
            "nonsense",
        ),
        (
            "/api/v1/tokens",
            json!({ "name": "a", "role": "viewer", "expires_us": 1 }),
            "ten years",
        ),
        (
            "/api/v1/policy",
            json!({ "text": "permit (", "note": "x" }),
            "",
        ),
    ] {
        let (status, headers, problem) = site.call(Method::POST, path, "owner", &[], &body).await;
        assert!(status.is_client_error(), "{path} {body} gave {status}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem["status"], status.as_u16());
        assert!(
            problem["detail"].as_str().unwrap().contains(word),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn lists_come_in_pages_that_leave_nothing_out() {
    let site = site().await;
    for number in 0..7 {
        site.post(
            "/api/v1/devices",
            json!({ "name": format!("device {number}") }),
        )
        .await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let (_, page) = site.get(&format!("/api/v1/devices?limit=3{after}")).await;
        for row in page["items"].as_array().unwrap() {
            seen.push(row["name"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", admin::encode(next)),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn a_policy_is_tried_and_addresses_are_exported() {
    let site = site().await;
    let good = "@segment(\"guest\") permit (principal, action, resource);";
    site.store.policy_apply(good, "", "test").await.unwrap();
    let (status, plan) = site
        .post("/api/v1/policy/plan", json!({ "text": good }))
        .await;
    assert_eq!(status, StatusCode::OK, "{plan}");
    assert_eq!(
        (&plan["policy_version"], &plan["complete"]),
        (&1.into(), &true.into())
    );
    let (status, problem) = site
        .post("/api/v1/policy/plan", json!({ "text": "permit (" }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["field"], "text");

    for (path, status, kind) in [
        ("nft", StatusCode::OK, "text/plain; charset=utf-8"),
        ("csv", StatusCode::OK, "text/csv; charset=utf-8"),
        ("cilium?segment=guest", StatusCode::OK, "application/yaml"),
        (
            "edl?segment=guest",
            StatusCode::OK,
            "text/plain; charset=utf-8",
        ),
        (
            "edl",
            StatusCode::UNPROCESSABLE_ENTITY,
            "application/problem+json",
        ),
        (
            "edl?segment=nowhere",
            StatusCode::NOT_FOUND,
            "application/problem+json",
        ),
        (
            "iptables",
            StatusCode::BAD_REQUEST,
            "application/problem+json",
        ),
    ] {
        let path = format!("/api/v1/export/{path}");
        let (found, headers, body) = site
            .call(Method::GET, &path, "viewer", &[], &Value::Null)
            .await;
        assert_eq!(found, status, "{path}: {body}");
        assert_eq!(headers[header::CONTENT_TYPE], kind, "{path}");
    }
}

#[tokio::test]
async fn a_post_that_is_sent_twice_is_carried_out_once() {
    let site = site().await;
    let key = [("idempotency-key", "7f3a")];
    let body = json!({ "name": "camera" });
    let (first, _, made) = site
        .call(Method::POST, "/api/v1/devices", "owner", &key, &body)
        .await;
    let (again, headers, same) = site
        .call(Method::POST, "/api/v1/devices", "owner", &key, &body)
        .await;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(made, same);
    assert_eq!(headers["idempotent-replay"], "true");
    let (_, list) = site.get("/api/v1/devices").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    // Another caller's key is another key.
    let (status, headers, _) = site
        .call(
            Method::POST,
            "/api/v1/devices",
            "administrator",
            &key,
            &body,
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(!headers.contains_key("idempotent-replay"));
}

#[tokio::test]
async fn a_token_gives_no_more_than_it_has() {
    let site = site().await;
    let body = json!({ "name": "more", "role": "owner", "expires_us": now_us() + 1_000_000_000 });
    let (status, _, _) = site
        .call(Method::POST, "/api/v1/tokens", "administrator", &[], &body)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, made) = site.post("/api/v1/tokens", body).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(made["token"].as_str().unwrap().starts_with("nac_"));
    let (_, list) = site.get("/api/v1/tokens").await;
    assert!(!list.to_string().contains("nac_"));
}

#[tokio::test]
async fn break_glass_is_seen_by_who_may_read_and_switched_by_administrators() {
    let site = site().await;
    let path = "/api/v1/break-glass";
    let until = now_us() + 3_600_000_000;
    let on = json!({ "reason": "a bad check", "expires_us": until });
    for role in ["help-desk", "policy-editor", "viewer"] {
        let (status, _, _) = site.call(Method::PUT, path, role, &[], &on).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{role}");
    }
    let (status, body) = site.get(path).await;
    assert_eq!(
        (status, body),
        (StatusCode::OK, json!({ "on": false, "current": null }))
    );
    let (status, _, started) = site
        .call(Method::PUT, path, "administrator", &[], &on)
        .await;
    assert_eq!(status, StatusCode::OK, "{started}");
    assert_eq!(started["started_by"], "token:administrator");
    let (_, _, now) = site
        .call(Method::GET, path, "viewer", &[], &Value::Null)
        .await;
    assert_eq!((&now["on"], &now["current"]), (&json!(true), &started));
    for wrong in [
        json!({ "reason": "", "expires_us": until }),
        json!({ "reason": "x", "expires_us": until + 86_400_000_000_i64 }),
        json!({ "reason": "x" }),
    ] {
        let (status, _, body) = site.call(Method::PUT, path, "owner", &[], &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {body}");
    }
    for expected in [StatusCode::OK, StatusCode::NOT_FOUND] {
        let (status, _, body) = site
            .call(Method::DELETE, path, "administrator", &[], &Value::Null)
            .await;
        assert_eq!(status, expected, "{body}");
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let text = super::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/openapi.json is stale: UPDATE=1 cargo test -p nac-portal the_committed_document"
    );
}
