//! The quarantine queue.

use nac_store::{ExceptionFilter, QuarantineFilter};

use super::*;

async fn ask(site: &Site, path: &str, cookie: &str, body: &str) -> (StatusCode, String) {
    let (status, _, page) = site
        .ask(Method::POST, path, cookie, "same-origin", body)
        .await;
    (status, page)
}

#[tokio::test]
async fn several_are_released_only_after_a_look_and_those_of_failing_checks_stay() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let (_, _, empty) = site.get("/quarantine", &cookie).await;
    assert!(empty.contains("Nobody is in quarantine"));
    let device = site.printer().await;
    let manual = site.quarantined(device.id).await;
    let checks = ["disk-encrypted".to_owned()];
    let posture = site
        .store
        .quarantine_follow(None, Some("02:00:00:00:00:09"), "checks fail", &checks)
        .await
        .unwrap();
    let body = format!("id={}&id={}", manual.id, posture.id);
    let (status, page) = ask(&site, "/quarantine/release", &cookie, &body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Release 1 of 2?") && page.contains("Nothing was changed yet"));
    assert_eq!(site.store.quarantine_count().await.unwrap(), 2);
    let confirmed = format!("{body}&confirmed=yes");
    let (status, _) = ask(&site, "/quarantine/release", &cookie, &confirmed).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let left = site.store.quarantine_list_open().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, posture.id);
    let (status, _) = ask(&site, "/quarantine/release", &cookie, "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let one = format!("/quarantine/{}/release", posture.id);
    let (status, page) = ask(&site, &one, &cookie, "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("exception"));
}

#[tokio::test]
async fn what_people_do_about_it_stands_on_its_page() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let device = site.printer().await;
    let quarantine = site.quarantined(device.id).await;
    let at = |action: &str| format!("/quarantine/{}/{action}", quarantine.id);
    for (action, body, status) in [
        ("note", "text=called+alice", StatusCode::SEE_OTHER),
        ("note", "text=+", StatusCode::UNPROCESSABLE_ENTITY),
        ("assign", "owner=carol", StatusCode::SEE_OTHER),
        ("extend", "until=8h", StatusCode::SEE_OTHER),
        (
            "extend",
            "until=2001-01-01",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "exception",
            "reason=exam&until=",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "exception",
            "reason=&until=8h",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("exception", "reason=exam&until=8h", StatusCode::SEE_OTHER),
        ("recheck", "", StatusCode::CONFLICT),
    ] {
        let (found, _) = ask(&site, &at(action), &cookie, body).await;
        assert_eq!(found, status, "{action} {body}");
    }
    let exceptions = site
        .store
        .exception_list(&ExceptionFilter::default())
        .await
        .unwrap();
    assert_eq!(exceptions.len(), 1);
    let (_, _, page) = site
        .get(&format!("/quarantine/{}", quarantine.id), &cookie)
        .await;
    for part in ["called alice", "carol", "exam", "scans ports"] {
        assert!(page.contains(part), "{part}");
    }
    for (query, found) in [
        ("?owner=carol", true),
        ("?owner=-", false),
        ("?told=no", true),
        ("?kind=posture", false),
        ("?q=PORTS", true),
        ("?state=over", false),
    ] {
        let (_, _, page) = site.get(&format!("/quarantine{query}"), &cookie).await;
        assert_eq!(page.contains("scans ports"), found, "{query}");
    }
}

#[tokio::test]
async fn a_release_can_be_undone() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let device = site.printer().await;
    let quarantine = site.quarantined(device.id).await;
    let path = format!("/quarantine/{}", quarantine.id);
    ask(&site, &format!("{path}/release"), &cookie, "").await;
    assert_eq!(site.store.quarantine_count().await.unwrap(), 0);
    ask(&site, &format!("{path}/reopen"), &cookie, "").await;
    let open = site
        .store
        .quarantine_list(&QuarantineFilter {
            open: Some(true),
            ..QuarantineFilter::default()
        })
        .await
        .unwrap();
    assert_eq!(open[0].reason, "scans ports");
}
