//! The policy pages, by the router.

use std::sync::Arc;

use axum::http::StatusCode;
use nac_store::{DecisionOutcome, DecisionRecord, Role};

use crate::admin::guard::encode;
use crate::admin::tests::{Site, log, site};

const GOOD: &str = "@id(\"staff\") @segment(\"guest\")\npermit (principal, action, resource);\n";

fn form(text: &str, note: &str, base: i64) -> String {
    format!("text={}&note={}&base={base}", encode(text), encode(note))
}

async fn versions(site: &Site) -> usize {
    site.store.policy_history().await.unwrap().len()
}

#[tokio::test]
async fn a_policy_with_a_fault_is_not_applied_and_nothing_typed_is_lost() {
    let site = site().await;
    let cookie = site.signed_in(Role::PolicyEditor).await;
    let bad = "@id(\"a\") @segment(\"nowhere\")\npermit (principal, action, resource);\n\
               @id(\"b\")\npermit (principal, action, resource) when { context.nothing == 1 };\n";
    for path in ["/policy/check", "/policy/apply"] {
        let (status, _, page) = site
            .post(path, &cookie, &form(bad, "why <b>not</b>", 0))
            .await;
        let wanted = match path {
            "/policy/check" => StatusCode::OK,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        assert_eq!(status, wanted, "{path}");
        assert!(page.contains("nowhere") && page.contains("context.nothing == 1"));
        assert!(page.contains("Line 1") && page.contains("Line 4"), "{page}");
        assert!(page.contains("why &#60;b&#62;not") && !page.contains("<b>not"));
    }
    assert_eq!(versions(&site).await, 0);
}

#[tokio::test]
async fn a_policy_is_applied_with_a_note_and_its_author_stands_in_the_history() {
    let site = site().await;
    let cookie = site.signed_in(Role::PolicyEditor).await;
    let (status, _, page) = site
        .post("/policy/apply", &cookie, &form(GOOD, " ", 0))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("say why"));
    let crlf = GOOD.replace('\n', "\r\n");
    let (status, _, _) = site
        .post("/policy/apply", &cookie, &form(&crlf, "printers", 0))
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let current = site.store.policy_current().await.unwrap().unwrap();
    assert_eq!(current.text, GOOD);
    assert!(current.applied_by.starts_with("admin:policy-editor"));
    let (_, _, page) = site.get("/policy/history", &cookie).await;
    assert!(page.contains("printers") && page.contains(&current.applied_by));
}

#[tokio::test]
async fn a_text_made_from_an_older_version_does_not_overwrite_a_newer_one() {
    let site = site().await;
    let cookie = site.signed_in(Role::PolicyEditor).await;
    let first = GOOD.replace("staff", "first");
    site.store.policy_apply(GOOD, "", "test").await.unwrap();
    site.store.policy_apply(&first, "", "test").await.unwrap();
    let mine = GOOD.replace("staff", "mine");
    let (status, _, page) = site
        .post("/policy/apply", &cookie, &form(&mine, "n", 1))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("version 2 meanwhile") && page.contains("mine"));
    assert_eq!(versions(&site).await, 2);
}

#[tokio::test]
async fn a_policy_that_lets_nobody_in_must_be_meant() {
    let site = site().await;
    let cookie = site.signed_in(Role::PolicyEditor).await;
    let (status, _, page) = site
        .post("/policy/apply", &cookie, &form("", "stop", 0))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("locked out"));
    let meant = format!("{}&lockout=true", form("", "stop", 0));
    let (status, _, _) = site.post("/policy/apply", &cookie, &meant).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn rolling_back_makes_a_new_version_with_the_old_text_and_its_difference_is_shown() {
    let site = site().await;
    let cookie = site.signed_in(Role::PolicyEditor).await;
    let second = GOOD.replace("staff", "second");
    site.store.policy_apply(GOOD, "", "test").await.unwrap();
    site.store.policy_apply(&second, "", "test").await.unwrap();
    let (_, _, page) = site.get("/policy/versions/2", &cookie).await;
    assert!(page.contains("class=\"gone\"") && page.contains("class=\"come\""));
    let (status, _, _) = site.post("/policy/versions/1/rollback", &cookie, "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let current = site.store.policy_current().await.unwrap().unwrap();
    assert_eq!((current.version, current.text.as_str()), (3, GOOD));
    let (status, _, _) = site.post("/policy/versions/3/rollback", &cookie, "").await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_text_is_tried_on_the_last_day_and_nothing_is_applied() {
    let site = site().await;
    let cookie = site.signed_in(Role::PolicyEditor).await;
    site.store.policy_apply(GOOD, "", "test").await.unwrap();
    let mut facts = nac_policy::Facts::default();
    facts.device.name = "<b>laptop".to_owned();
    facts.device.id = "00000000-0000-7000-8000-000000000001".to_owned();
    let segments = ["guest".to_owned()];
    let decision = nac_policy::Engine::load(GOOD, &segments)
        .unwrap()
        .decide(&facts);
    let record = DecisionRecord {
        facts: Some(Arc::new(facts)),
        decision: Some(decision),
        ..log::decision("alice", "02:00:00:00:00:01", DecisionOutcome::Accept)
    };
    let id = record.id;
    let records = [Arc::new(record)];
    site.store.decision_put_many(&records).await.unwrap();

    let nobody = GOOD.replace(";", " when { context.eap };");
    let (status, _, page) = site
        .post("/policy/plan", &cookie, &form(&nobody, "kept", 1))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("1 of 1 decisions would be others"), "{page}");
    assert!(page.contains("&#60;b&#62;laptop") && !page.contains("<b>laptop"));
    assert!(page.contains("guest") && page.contains("refused"));
    assert!(page.contains(&format!("/log/{id}")) && page.contains("value=\"kept\""));
    assert_eq!(versions(&site).await, 1);

    let (_, _, page) = site.post("/policy/plan", &cookie, &form(GOOD, "", 1)).await;
    assert!(page.contains("Nobody would get another answer"), "{page}");
    let (status, _, page) = site
        .post("/policy/plan", &cookie, &form("permit", "", 1))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Faults:") && !page.contains("id=\"plan\""));
}
