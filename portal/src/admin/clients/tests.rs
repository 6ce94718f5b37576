//! Clients and segments, by the router.

use axum::http::StatusCode;
use nac_store::{Role, UnknownNas, now_us};

use crate::admin::tests::site;

const NEW: &str = "name=switch-1&address=192.0.2.10&vendor=cisco-ios&site=hq&coa_port=";

#[tokio::test]
async fn a_secret_that_is_made_is_shown_once() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let (status, _, page) = site.post("/clients/new", &cookie, NEW).await;
    assert_eq!(status, StatusCode::OK);
    let client = site.store.client_fetch("switch-1").await.unwrap();
    let secret = String::from_utf8(client.secret.expose().to_vec()).unwrap();
    assert_eq!(secret.len(), 32);
    assert_eq!(page.matches(&secret).count(), 1);
    for path in ["/clients", "/clients/switch-1", "/clients/switch-1/edit"] {
        let (status, _, page) = site.get(path, &cookie).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(
            page.contains("switch-1") && !page.contains(&secret),
            "{path}"
        );
    }
    let (_, _, page) = site.post("/clients/switch-1/rotate", &cookie, "").await;
    let client = site.store.client_fetch("switch-1").await.unwrap();
    let rotated = String::from_utf8(client.secret.expose().to_vec()).unwrap();
    assert_ne!(rotated, secret);
    assert!(page.contains(&rotated));
}

#[tokio::test]
async fn what_radius_over_tls_needs_is_shown_of_a_client_that_has_a_name_for_it() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    site.post("/clients/new", &cookie, NEW).await;
    let (_, _, page) = site.get("/clients/switch-1", &cookie).await;
    assert!(page.contains("auth-port 1812") && !page.contains("RADIUS over TLS"));
    let named = NEW
        .replace("switch-1", "switch-2")
        .replace(".10", ".11")
        .replace("site=hq", "site=hq&radsec_name=sw2.example.org");
    site.post("/clients/new", &cookie, &named).await;
    let (status, _, page) = site.get("/clients/switch-2", &cookie).await;
    assert_eq!(status, StatusCode::OK);
    for part in [
        "auth-port 1812",
        "tls port 2083",
        "nac certificate issue --nas sw2.example.org",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_weak_secret_is_refused_and_the_rest_of_the_form_stays() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let weak = format!("{NEW}&secret=testing123");
    let (status, _, page) = site.post("/clients/new", &cookie, &weak).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("everybody tries first") && page.contains("aria-invalid"));
    assert!(page.contains("192.0.2.10") && page.contains("switch-1"));
    assert!(!page.contains("testing123"));
    assert!(site.store.client_fetch("switch-1").await.is_err());
    let meant = format!("{weak}&weak=true");
    let (status, _, _) = site.post("/clients/new", &cookie, &meant).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_taken_name_and_a_taken_address_are_told_apart() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    site.post("/clients/new", &cookie, NEW).await;
    for (body, said) in [
        (NEW.replace(".10", ".11"), "already a client switch-1"),
        (NEW.replace("switch-1", "other"), "has the address"),
        (NEW.replace("192.0.2.10", "nowhere"), "write an address"),
    ] {
        let (status, _, page) = site.post("/clients/new", &cookie, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(page.contains(said), "{body}");
    }
    assert_eq!(site.store.client_list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unknown_nas_leads_to_a_form_that_is_filled_in_and_harmless() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    site.store
        .unknown_nas_add(&[UnknownNas {
            address: "198.51.100.7".to_owned(),
            packets: 42,
            nas_identifier: "<script>alert(1)</script>".to_owned(),
            first_us: now_us(),
            last_us: now_us(),
        }])
        .await
        .unwrap();
    let (_, _, page) = site.get("/clients", &cookie).await;
    assert!(page.contains("198.51.100.7") && page.contains("42 packets"));
    assert!(!page.contains("<script>alert"));
    let (_, _, form) = site
        .get("/clients/new?address=198.51.100.7&name=ap%3Cb%3E", &cookie)
        .await;
    assert!(form.contains("value=\"198.51.100.7\"") && !form.contains("ap<b>"));
    let viewer = site.signed_in(Role::Viewer).await;
    let (_, _, page) = site.get("/clients", &viewer).await;
    assert!(page.contains("198.51.100.7") && !page.contains("Add it"));
}

#[tokio::test]
async fn a_segment_that_the_policy_names_or_that_always_exists_is_not_removed() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let form = "name=staff&vlan=20&acl=permit+ip+any+any%0D%0A%0D%0Adeny+ip+any+any&session=8h";
    let (status, _, _) = site.post("/segments/new", &cookie, form).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let staff = site.store.segment_fetch("staff").await.unwrap();
    assert_eq!(staff.acl, ["permit ip any any", "deny ip any any"]);
    assert_eq!(staff.session_timeout_s, Some(28_800));
    let (_, _, page) = site.get("/segments/staff", &cookie).await;
    assert!(page.contains("Tunnel-Private-Group-Id") && page.contains("Session-Timeout"));

    let policy = "@id(\"staff\") @segment(\"staff\") permit (principal, action, resource);";
    site.store.policy_apply(policy, "", "test").await.unwrap();
    for name in ["staff", "quarantine"] {
        let path = format!("/segments/{name}/remove");
        let (status, _, _) = site.post(&path, &cookie, "").await;
        assert_ne!(status, StatusCode::SEE_OTHER, "{name}");
        assert!(site.store.segment_fetch(name).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_segment_that_cannot_be_one_comes_back_with_everything_that_was_typed() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    for (form, said) in [
        ("name=a+b&vlan=7&role=R", "cannot be a segment"),
        ("name=ab&vlan=5000&role=R", "5000 is no VLAN"),
        ("name=ab&vlan=7&role=R&redirect=ftp%3A%2F%2Fx", "no URL"),
        ("name=ab&vlan=7&role=R&session=soon", "such as 30m"),
        ("name=quarantine&vlan=7&role=R", "already a segment"),
    ] {
        let (status, _, page) = site.post("/segments/new", &cookie, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(
            page.contains(said) && page.contains("value=\"R\""),
            "{form}"
        );
    }
}
