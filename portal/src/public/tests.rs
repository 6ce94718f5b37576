//! The shell: languages, who is here, failures, headers.

use std::time::Duration;

use axum::http::{StatusCode, header};
use nac_store::{PortalMethod, PortalSettings, support_code};

use super::testing::{TestPortal, URL};

const PHONE: &str = "aa:bb:cc:00:00:01";

fn language(body: &str) -> &str {
    let (_, rest) = body.split_once("<html lang=\"").unwrap();
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn the_language_is_that_of_the_link_then_the_cookie_then_the_browser_then_the_site() {
    let portal = TestPortal::new().await;
    let settings = PortalSettings {
        language: "fr".to_owned(),
        ..PortalSettings::default()
    };
    portal.store().portal_site_put("", &settings).await.unwrap();
    let person = || portal.person("10.0.0.9");
    let german = || person().with("accept-language", "de-DE,de;q=0.9");
    let spanish = || german().with("cookie", "other=1; lang=es");
    assert_eq!(language(&person().get("/").await.body), "fr");
    assert_eq!(language(&german().get("/").await.body), "de");
    assert_eq!(language(&spanish().get("/").await.body), "es");
    let arabic = spanish().get("/?lang=ar").await;
    assert_eq!(language(&arabic.body), "ar");
    assert!(arabic.body.contains("dir=\"rtl\""));
    assert!(
        arabic
            .header(header::SET_COOKIE)
            .starts_with("lang=ar; Path=/;")
    );
    // A browser without cookies takes it along.
    assert!(
        arabic.body.contains("href=\"/devices?lang=ar\""),
        "{}",
        arabic.body
    );
    assert_eq!(language(&person().get("/?lang=tlh").await.body), "fr");
}

#[tokio::test]
async fn a_language_link_stays_on_its_page_whatever_the_address_says() {
    let portal = TestPortal::new().await;
    let person = portal.person("10.0.0.9");
    for path in [
        "//evil.example/x",
        "/?next=//evil.example",
        "/%2f%2fevil.example",
        "/?lang=de&redirect_url=https://evil.example/",
    ] {
        let body = person.get(path).await.body;
        for href in body.split("href=\"").skip(1) {
            let href = href.split('"').next().unwrap();
            assert!(
                href.starts_with('?')
                    || href.starts_with('#')
                    || (href.starts_with('/') && !href.starts_with("//")),
                "{path} has a link to {href}"
            );
        }
    }
    let hostile = person.get("/?a='onfocus='alert(1)").await.body;
    assert!(!hostile.contains("'onfocus"), "{hostile}");
}

#[tokio::test]
async fn the_session_behind_the_address_is_known_and_no_mac_in_the_address_counts() {
    let portal = TestPortal::new().await;
    let session = portal
        .session(PHONE, "registration", Some("10.0.0.5"))
        .await;
    let code = support_code(session.decision_id);
    assert!(
        portal
            .person("10.0.0.5")
            .get("/")
            .await
            .body
            .contains(&code)
    );
    assert!(
        portal
            .person("::ffff:10.0.0.5")
            .get("/")
            .await
            .body
            .contains(&code)
    );
    for path in [
        "/",
        "/?mac=aa:bb:cc:00:00:01",
        "/?t=aa:bb:cc:00:00:01",
        "/?client_mac=aabbcc000001&ip=10.0.0.5",
    ] {
        let other = portal
            .person("10.0.0.6")
            .with("x-forwarded-for", "10.0.0.5")
            .get(path)
            .await;
        assert!(!other.body.contains(&code), "{path}");
    }
}

#[tokio::test]
async fn a_link_of_the_nas_is_good_with_whatever_the_nas_appends() {
    let portal = TestPortal::new().await;
    let session = portal.session(PHONE, "registration", None).await;
    let link = portal.state.tokens.session_link(session.id);
    let code = support_code(session.decision_id);
    let person = portal.person("10.0.0.5");
    for tail in [
        "",
        "?",
        "?&redirect_url=http://captive.apple.com/hotspot-detect.html",
        "?redirect=x&mac=00:00:00:00:00:00",
    ] {
        let answer = person.get(&format!("/r/{link}{tail}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{tail}");
        let landing = person.get(answer.header(header::LOCATION)).await;
        assert!(landing.body.contains(&code));
        // The session goes on by link, without a cookie.
        assert!(landing.body.contains("href=\"/devices?t="));
        // The token in it is not good anywhere else.
        let elsewhere = portal
            .person("10.0.0.6")
            .get(answer.header(header::LOCATION))
            .await;
        assert!(!elsewhere.body.contains(&code));
    }
}

#[tokio::test]
async fn no_changed_link_and_no_link_of_another_device_gives_its_session() {
    let portal = TestPortal::new().await;
    let victim = portal
        .session(PHONE, "registration", Some("10.0.0.5"))
        .await;
    // A support code tells a decision's millisecond: these two are to have different ones.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let mine = portal
        .session("aa:bb:cc:00:00:02", "registration", Some("10.0.0.6"))
        .await;
    let (code, link) = (
        support_code(victim.decision_id),
        portal.state.tokens.session_link(victim.id),
    );
    // From an address that is nobody's: the victim is known to be elsewhere.
    let stranger = portal.person("10.0.0.7").get(&format!("/r/{link}?")).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    // From an address of one's own: one is oneself.
    let answer = portal.person("10.0.0.6").get(&format!("/r/{link}?")).await;
    assert_eq!(answer.header(header::LOCATION), "/");
    let landing = portal.person("10.0.0.6").get("/").await.body;
    assert!(landing.contains(&support_code(mine.decision_id)) && !landing.contains(&code));
    for place in 0..link.len() {
        let mut changed = link.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let answer = portal
            .person("10.0.0.7")
            .get(&format!("/r/{changed}?"))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{place}");
    }
}

#[tokio::test]
async fn a_link_ends_with_its_session() {
    let portal = TestPortal::new().await;
    let mut session = portal.session(PHONE, "registration", None).await;
    let link = portal.state.tokens.session_link(session.id);
    session.stopped_us = Some(session.started_us + 1);
    portal.store().session_put(&session).await.unwrap();
    let answer = portal.person("10.0.0.5").get(&format!("/r/{link}?")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.body.contains("connection that has ended"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let portal = TestPortal::new().await;
    let person = portal.person("10.0.0.9");
    for path in [
        "/",
        "/certificate",
        "/ca.pem",
        "/no/such/page",
        "/r/nonsense?",
        "/assets/0/public.css",
        "/brand/x/y/logo",
    ] {
        let answer = person.get(path).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(
            answer.header(header::X_CONTENT_TYPE_OPTIONS),
            "nosniff",
            "{path}"
        );
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_failure_is_told_in_the_persons_language_within_the_page() {
    let portal = TestPortal::new().await;
    let person = portal.person("10.0.0.9").with("accept-language", "de");
    let missing = person.get("/no/such/page").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(
        missing.body.contains("Diese Seite gibt es nicht") && missing.body.contains("Support-Code")
    );
    portal.store().close().await;
    let away = person.get("/").await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(away.body.contains("nichts ging verloren"), "{}", away.body);
    assert!(!away.header(header::RETRY_AFTER).is_empty());
}

#[tokio::test]
async fn a_site_has_its_own_name_colours_and_ways() {
    let portal = TestPortal::new().await;
    portal
        .client("switch-1", "192.0.2.1/32", "Dépôt \"7\"")
        .await;
    portal
        .session(PHONE, "registration", Some("10.0.0.5"))
        .await;
    let mut settings = PortalSettings {
        name: "Depot <7>".to_owned(),
        methods: vec![PortalMethod::Voucher],
        ..PortalSettings::default()
    };
    settings.brand.accent = "#7a1f5c".parse().unwrap();
    portal
        .store()
        .portal_site_put("Dépôt \"7\"", &settings)
        .await
        .unwrap();
    portal
        .store()
        .portal_logo_put("Dépôt \"7\"", Some(b"\x89PNG\x0d\x0a\x1a\x0alogo"))
        .await
        .unwrap();
    let there = portal.person("10.0.0.5").get("/").await.body;
    assert!(there.contains("Depot &#60;7&#62;"), "{there}");
    assert!(there.contains("href=\"/voucher\"") && !there.contains("href=\"/guest\""));
    let (_, rest) = there.split_once("href=\"/brand/").unwrap();
    let style = format!("/brand/{}", rest.split('"').next().unwrap());
    let css = portal.person("10.0.0.5").get(&style).await;
    assert!(css.body.contains("--accent:#7a1f5c"), "{}", css.body);
    assert_eq!(css.header(header::CONTENT_TYPE), "text/css; charset=utf-8");
    let logo = portal
        .person("10.0.0.5")
        .get(&style.replace("style.css", "logo"))
        .await;
    assert_eq!(logo.header(header::CONTENT_TYPE), "image/png");
    let elsewhere = portal.person("10.0.0.6").get("/").await.body;
    assert!(!elsewhere.contains("Depot") && !elsewhere.contains("/brand/"));
}

#[tokio::test]
async fn a_site_without_any_way_says_whom_to_ask_and_with_which_code() {
    let portal = TestPortal::new().await;
    let mut settings = PortalSettings {
        methods: Vec::new(),
        ..PortalSettings::default()
    };
    settings.help.name = "Service desk".to_owned();
    portal.store().portal_site_put("", &settings).await.unwrap();
    let session = portal
        .session(PHONE, "registration", Some("10.0.0.5"))
        .await;
    let body = portal.person("10.0.0.5").get("/").await.body;
    assert!(body.contains("no self-service") && body.contains("Service desk"));
    assert!(body.contains(&support_code(session.decision_id)));
}

#[tokio::test]
async fn a_page_with_everything_stays_small() {
    let portal = TestPortal::new().await;
    let person = portal.person("10.0.0.9");
    let page = person.get("/?lang=ar").await.body;
    let css = person.get(crate::web::asset::url("public.css")).await.body;
    assert!(page.len() + css.len() + nac_store::LOGO_MAX < 60 * 1024);
}

async fn api(portal: &TestPortal, source: &str) -> serde_json::Value {
    let answer = portal.person(source).get("/capport/api").await;
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        "application/captive+json"
    );
    assert_eq!(answer.header(header::CACHE_CONTROL), "private");
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn the_captive_portal_api_answers_for_the_caller_alone() {
    let portal = TestPortal::new().await;
    let unknown = api(&portal, "10.0.0.9").await;
    assert_eq!(
        unknown,
        serde_json::json!({
            "captive": true, "user-portal-url": format!("{URL}/"), "can-extend-session": false
        })
    );
    portal.session(PHONE, "guest", Some("10.0.0.5")).await;
    portal
        .session("aa:bb:cc:00:00:02", "quarantine", Some("10.0.0.6"))
        .await;
    assert_eq!(api(&portal, "10.0.0.5").await["captive"], false);
    assert_eq!(api(&portal, "10.0.0.6").await["captive"], true);
}

#[tokio::test]
async fn the_captive_portal_api_tells_how_long_and_whether_more_can_be_had() {
    let portal = TestPortal::new().await;
    let mut guest = portal.store().segment_fetch("guest").await.unwrap();
    guest.session_timeout_s = Some(3_600);
    portal.store().segment_put(guest.clone()).await.unwrap();
    let settings = PortalSettings {
        methods: vec![PortalMethod::Guest],
        venue_url: "https://venue.example.org/".to_owned(),
        ..PortalSettings::default()
    };
    portal.store().portal_site_put("", &settings).await.unwrap();
    portal.session(PHONE, "guest", Some("10.0.0.5")).await;
    let free = api(&portal, "10.0.0.5").await;
    let left = free["seconds-remaining"].as_i64().unwrap();
    assert!((3_500..=3_600).contains(&left), "{left}");
    assert_eq!(free["can-extend-session"], true);
    assert_eq!(free["venue-info-url"], "https://venue.example.org/");
    guest.redirect = Some("https://portal.example.org/".to_owned());
    portal.store().segment_put(guest).await.unwrap();
    let held = api(&portal, "10.0.0.5").await;
    assert_eq!(
        (&held["captive"], held.get("seconds-remaining")),
        (&true.into(), None)
    );
}

/// A small browser of a captive device: it asks its probe, follows redirects, keeps nothing.
#[tokio::test]
async fn a_mini_browser_finds_from_its_probe_to_the_landing_page_and_notices_when_it_is_free() {
    use axum::body::Body;
    use tower::ServiceExt as _;

    let portal = TestPortal::new().await;
    let mut session = portal
        .session(PHONE, "registration", Some("10.0.0.5"))
        .await;
    let probe = async || {
        let mut request = axum::http::Request::builder()
            .uri("/hotspot-detect.html")
            .header(header::HOST, "captive.apple.com")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(nac_posture::TlsPeer {
            address: "10.0.0.5:50000".parse().unwrap(),
            certificates: Vec::new(),
        });
        let router = super::probe::router(portal.state.clone());
        router.oneshot(request).await.unwrap()
    };
    let captive = probe().await;
    let location = captive.headers()[header::LOCATION].to_str().unwrap();
    let path = location
        .strip_prefix(URL)
        .expect("HTTPS, under the configured name");
    let landing = portal.person("10.0.0.5").get(path).await;
    assert_eq!(landing.status, StatusCode::OK);
    assert!(landing.body.contains(&support_code(session.decision_id)));
    assert!(!landing.body.contains("<script") && !landing.body.contains("http://"));
    "guest".clone_into(&mut session.segment);
    portal.store().session_put(&session).await.unwrap();
    assert_eq!(probe().await.status(), StatusCode::OK);
}
