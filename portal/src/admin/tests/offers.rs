//! Offers of methods, by the router.

use super::*;

const CORP: &str = "name=corp&ssid=corp&methods=eap-tls%2C+peap&inner_methods=EAP-GTC";

#[tokio::test]
async fn offers_are_added_ordered_changed_and_removed() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let (_, _, page) = site.get("/offers", &cookie).await;
    assert!(page.contains("There are no offers"), "{page}");
    for body in [CORP, "name=rest&methods=PEAP&realm=example.org"] {
        let (status, _, page) = site.post("/offers/new", &cookie, body).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    }
    let (_, _, page) = site.get("/offers", &cookie).await;
    assert!(page.contains("EAP-TLS, PEAP") && page.contains("EAP-GTC"));
    assert!(page.contains("as configured") && page.contains("Move rest up"));
    assert!(!page.contains("Move corp up") && !page.contains("Move rest down"));
    let (status, _, _) = site.post("/offers/rest/move", &cookie, "position=1").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let offers = site.store.offer_list().await.unwrap();
    assert_eq!(offers[0].name, "rest");
    let (_, _, page) = site.get("/offers/corp/edit", &cookie).await;
    assert!(page.contains("EAP-TLS, PEAP"), "{page}");
    let (status, _, _) = site
        .post("/offers/corp/edit", &cookie, "methods=MAB&site=hq")
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let corp = site.store.offer_fetch("corp").await.unwrap();
    assert_eq!((corp.site.as_str(), corp.ssid.as_str()), ("hq", ""));
    assert_eq!(corp.methods, [nac_store::OfferedMethod::Mab]);
    site.post("/offers/corp/remove", &cookie, "").await;
    assert_eq!(site.store.offer_list().await.unwrap().len(), 1);
    let (_, _, csv) = site.get("/offers?format=csv", &cookie).await;
    assert!(csv.contains("rest") && csv.contains("example.org"), "{csv}");
}

#[tokio::test]
async fn a_faulty_offer_stays_in_its_form_and_who_only_reads_sees_no_form() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    for (body, said) in [
        ("name=corp&methods=EAP-MD5", "is no method"),
        ("name=corp&methods=", "an offer needs a method"),
        ("name=default&methods=PEAP", "choose another name"),
        (
            "name=corp&methods=PEAP&inner_methods=PAP",
            "may run inside PEAP",
        ),
    ] {
        let (status, _, page) = site.post("/offers/new", &cookie, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(
            page.contains(said) && page.contains("aria-invalid"),
            "{page}"
        );
    }
    site.post("/offers/new", &cookie, CORP).await;
    let (status, _, page) = site.post("/offers/new", &cookie, CORP).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("already an offer corp"), "{page}");
    let cookie = site.signed_in(Role::HelpDesk).await;
    let (status, _, page) = site.get("/offers", &cookie).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("corp") && !page.contains("/offers/"),
        "{page}"
    );
}
