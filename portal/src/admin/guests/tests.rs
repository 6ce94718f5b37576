//! The pages of guests and vouchers, by the router.

use axum::http::StatusCode;
use nac_store::{
    GuestFilter, GuestMethod, GuestStatus, NewGuest, Role, VoucherBatchFilter, VoucherFilter,
};

use crate::admin::tests::site;

#[tokio::test]
async fn a_guest_operator_lets_somebody_in_extends_and_sends_away() {
    let site = site().await;
    let cookie = site.signed_in(Role::GuestOperator).await;
    let form = "name=Ada+%3Cb%3E&mac=02-00-00-00-00-07&stay=4h&devices=1";
    let (status, _, _) = site.post("/guests/new", &cookie, form).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let guests = site
        .store
        .guest_list(&GuestFilter::default())
        .await
        .unwrap();
    assert_eq!(guests[0].status, GuestStatus::Active);
    let path = format!("/guests/{}", guests[0].id);
    let (_, _, page) = site.get(&path, &cookie).await;
    assert!(page.contains("Ada &#60;b&#62;") && !page.contains("Ada <b>"));
    let (status, _, _) = site
        .post(&format!("{path}/extend"), &cookie, "stay=1h")
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let longer = site.store.guest_fetch(guests[0].id).await.unwrap();
    assert_eq!(
        longer.expires_us.unwrap() - guests[0].expires_us.unwrap(),
        3_600_000_000
    );
    site.post(&format!("{path}/revoke"), &cookie, "").await;
    let gone = site.store.guest_fetch(guests[0].id).await.unwrap();
    assert_eq!(gone.status, GuestStatus::Revoked);
    let (status, _, _) = site.post(&format!("{path}/revoke"), &cookie, "").await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_announced_guest_has_a_code_that_is_shown_once() {
    let site = site().await;
    let cookie = site.signed_in(Role::GuestOperator).await;
    let form = "name=Ada&stay=4h&devices=2";
    let (status, _, page) = site.post("/guests/new", &cookie, form).await;
    assert_eq!(status, StatusCode::OK);
    let codes = site.store.voucher_list(&VoucherFilter::default()).await;
    let code = codes.unwrap()[0].code.shown();
    assert!(page.contains(&code));
    let guests = site
        .store
        .guest_list(&GuestFilter::default())
        .await
        .unwrap();
    let (_, _, page) = site
        .get(&format!("/guests/{}", guests[0].id), &cookie)
        .await;
    assert!(page.contains("invited") && !page.contains(&code));
}

#[tokio::test]
async fn who_waits_for_a_sponsor_stands_above_the_list_and_is_answered_once() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let asked = NewGuest {
        method: GuestMethod::Sponsor,
        name: "Grace".to_owned(),
        sponsor: "alice@example.org".to_owned(),
        mac: Some("02:00:00:00:00:09".to_owned()),
        ..NewGuest::default()
    };
    let guest = site.store.guest_register(asked).await.unwrap().unwrap();
    let (_, _, page) = site.get("/guests", &cookie).await;
    assert!(page.contains("waits for a word") && page.contains("alice@example.org"));
    let viewer = site.signed_in(Role::Viewer).await;
    let approve = format!("/guests/{}/approve", guest.id);
    let (status, _, _) = site.post(&approve, &viewer, "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _, _) = site.post(&approve, &cookie, "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let deny = format!("/guests/{}/deny", guest.id);
    let (status, _, _) = site.post(&deny, &cookie, "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    let guest = site.store.guest_fetch(guest.id).await.unwrap();
    assert_eq!(guest.status, GuestStatus::Active);
}

#[tokio::test]
async fn voucher_codes_are_on_the_sheet_and_the_csv_and_not_for_viewers() {
    let site = site().await;
    let cookie = site.signed_in(Role::GuestOperator).await;
    let form = "count=3&stay=1d&devices=1&note=%3D1%2B1&expires=90d";
    let (status, headers, _) = site.post("/vouchers/new", &cookie, form).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let path = headers["location"].to_str().unwrap().to_owned();
    let codes = site.store.voucher_list(&VoucherFilter::default()).await;
    let code = codes.unwrap()[0].code.shown();
    for end in ["/sheet", "/codes.csv"] {
        let (status, _, body) = site.get(&format!("{path}{end}"), &cookie).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(&code), "{end}");
        assert!(!body.contains(",=1+1"), "{end}");
        let viewer = site.signed_in(Role::Viewer).await;
        let (status, _, body) = site.get(&format!("{path}{end}"), &viewer).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!body.contains(&code), "{end}");
    }
    let (_, _, page) = site.get(&path, &cookie).await;
    assert!(page.contains("unused") && !page.contains(&code));
    site.post(&format!("{path}/revoke"), &cookie, "").await;
    let filter = VoucherBatchFilter::default();
    let batches = site.store.voucher_batch_list(&filter).await.unwrap();
    assert!(batches[0].revoked_us.is_some());
    let (status, _, page) = site
        .post("/vouchers/new", &cookie, "count=0&stay=1d&note=keep")
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("keep"));
}
