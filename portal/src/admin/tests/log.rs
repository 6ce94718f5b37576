//! The authentication log, one decision, and sessions.

use nac_store::{
    DecisionOutcome, DecisionRecord, Enforcement, EnforcementFilter, EnforcementState, Session,
    SessionAction, Timings,
};

use super::*;

pub(in crate::admin) fn decision(
    user: &str,
    mac: &str,
    outcome: DecisionOutcome,
) -> DecisionRecord {
    let facts = nac_policy::Facts {
        method: "PAP".to_owned(),
        ..nac_policy::Facts::default()
    };
    DecisionRecord {
        id: Uuid::now_v7(),
        at_us: now_us(),
        client: "switch-1".to_owned(),
        nas_address: "192.0.2.1".to_owned(),
        mac: Some(mac.to_owned()),
        user_name: user.to_owned(),
        identity: user.to_owned(),
        method: "PAP".to_owned(),
        offer: "default".to_owned(),
        outcome,
        segment: (outcome == DecisionOutcome::Accept).then(|| "corp".to_owned()),
        reason_code: match outcome {
            DecisionOutcome::Accept => "NAC-0000".to_owned(),
            DecisionOutcome::Reject => "POL-0001".to_owned(),
        },
        reason: "the policy forbids it".to_owned(),
        remedy: "ask the policy's author".to_owned(),
        policy_version: 1,
        facts: Some(Arc::new(facts)),
        decision: None,
        attributes: vec![("Class".to_owned(), "nac:1".to_owned())],
        request: vec![("User-Password".to_owned(), "••••".to_owned())],
        eap: None,
        timings: Timings::default(),
        session_id: None,
    }
}

pub(super) fn session(mac: &str, segment: &str) -> Session {
    Session {
        id: Uuid::now_v7(),
        class: Uuid::now_v7().to_string(),
        client: "switch-1".to_owned(),
        nas_address: [192, 0, 2, 1].into(),
        nas_source: ([192, 0, 2, 1], 1812).into(),
        mac: Some(mac.to_owned()),
        user_name: "alice".to_owned(),
        identity: "alice".to_owned(),
        device_id: None,
        attributes: vec![("NAS-Port-Id".to_owned(), "Gi1/0/7".to_owned())],
        acct_session_id: None,
        framed_ip: Some("198.51.100.7".to_owned()),
        method: "PAP".to_owned(),
        segment: segment.to_owned(),
        decision_id: Uuid::now_v7(),
        policy_version: 1,
        started_us: now_us(),
        updated_us: now_us(),
        stopped_us: None,
        terminate_cause: None,
    }
}

#[tokio::test]
async fn the_log_is_found_by_a_mac_in_any_format_by_user_and_by_outcome() {
    let site = site().await;
    let cookie = site.signed_in(Role::Viewer).await;
    let (_, _, body) = site.get("/log", &cookie).await;
    assert!(body.contains("No RADIUS request has been answered yet"));
    site.store
        .decision_put_many(&[
            Arc::new(decision(
                "alice",
                "02:00:00:00:00:01",
                DecisionOutcome::Accept,
            )),
            Arc::new(decision(
                "bob",
                "02:00:00:00:00:02",
                DecisionOutcome::Reject,
            )),
        ])
        .await
        .unwrap();
    for (query, alice, bob) in [
        ("", true, true),
        ("?q=0200.0000.0001", true, false),
        ("?q=BOB", false, true),
        ("?outcome=reject&since=1h", false, true),
        ("?client=switch-2", false, false),
        ("?q=al", true, false),
        ("?segment=corp&method=PAP", true, false),
        ("?reason=NAC-&until=1m", false, false),
    ] {
        let (status, _, body) = site.get(&format!("/log{query}"), &cookie).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        assert_eq!(body.contains(">alice</a>"), alice, "{query}");
        assert_eq!(body.contains(">bob</a>"), bob, "{query}");
    }
    let (status, _, body) = site.get("/log?since=yesterday", &cookie).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body.contains("is no moment"));
    let (_, headers, csv) = site.get("/log?q=bob&format=csv", &cookie).await;
    assert!(
        headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    assert_eq!(csv.lines().count(), 2);
}

#[tokio::test]
async fn live_rows_are_those_that_the_filters_want() {
    let site = site().await;
    let cookie = site.signed_in(Role::Viewer).await;
    let request = Request::builder()
        .uri("/log/live?outcome=reject")
        .header(header::COOKIE, &cookie)
        .body(Body::empty());
    let mut request = request.unwrap();
    request.extensions_mut().insert(TlsPeer {
        address: ([192, 0, 2, 7], 4711).into(),
        certificates: Vec::new(),
    });
    let response = site.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let writer = nac_store::Writer::new(site.store.clone(), site._folder.path().join("spool"));
    let writer = writer.unwrap();
    let handle = writer.handle();
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(writer.run(tokio_util::sync::CancellationToken::new()));
    for (user, outcome) in [
        ("alice", DecisionOutcome::Accept),
        ("bob<script>\r", DecisionOutcome::Reject),
    ] {
        handle.decision(&decision(user, "02:00:00:00:00:01", outcome));
    }
    let mut stream = response.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("bob") {
        let next = std::future::poll_fn(|context| {
            futures_core::Stream::poll_next(std::pin::Pin::new(&mut stream), context)
        });
        text += &String::from_utf8_lossy(&next.await.unwrap().unwrap());
    }
    assert!(text.contains("event: row"));
    assert!(!text.contains("alice") && !text.contains("<script>"));
}

#[tokio::test]
async fn a_decision_tells_why_and_why_not_and_what_today_would_say() {
    let site = site().await;
    let cookie = site.signed_in(Role::Viewer).await;
    site.store
        .segment_put(nac_store::Segment {
            name: "corp".to_owned(),
            ..nac_store::Segment::default()
        })
        .await
        .unwrap();
    site.store
        .policy_apply(
            "@id(\"staff\") @segment(\"corp\") @order(\"10\") \
             permit (principal, action == Action::\"connect\", resource) when { context.method == \"EAP-TLS\" };",
            "test",
            "first",
        )
        .await
        .unwrap();
    let record = decision("bob", "02:00:00:00:00:02", DecisionOutcome::Reject);
    site.store
        .decision_put_many(&[Arc::new(record.clone())])
        .await
        .unwrap();
    let (status, _, body) = site.get(&format!("/log/{}", record.id), &cookie).await;
    assert_eq!(status, StatusCode::OK);
    for part in [
        "REFUSED",
        "the policy forbids it",
        "ask the policy&#39;s author",
        "staff",
        "does not hold",
        "EAP-TLS",
        "User-Password",
    ] {
        assert!(body.contains(part), "{part} is missing");
    }
    assert!(!body.contains("nothing was changed"));
    let (_, _, today) = site
        .get(&format!("/log/{}?today=1", record.id), &cookie)
        .await;
    assert!(today.contains("nothing was changed"));
    assert!(today.contains("refused"));
}

#[tokio::test]
async fn a_command_to_a_session_is_asked_once_and_its_answer_stands_on_the_page() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let session = session("02:00:00:00:00:01", "corp");
    site.store.session_put(&session).await.unwrap();
    let (_, _, list) = site.get("/sessions?q=0200.0000.0001", &cookie).await;
    assert!(list.contains("Gi1/0/7") && list.contains("198.51.100.7"));
    let path = format!("/sessions/{}/disconnect", session.id);
    for _ in 0..2 {
        let (status, headers, _) = site
            .ask(Method::POST, &path, &cookie, "same-origin", "")
            .await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(
            headers[header::LOCATION],
            format!("/sessions/{}", session.id).as_str()
        );
    }
    let jobs = site
        .store
        .enforcement_list(&EnforcementFilter::default())
        .await
        .unwrap();
    let [job] = jobs.as_slice() else {
        panic!("{jobs:?}")
    };
    assert_eq!(job.action, Some(SessionAction::Disconnect));
    site.store
        .enforcement_put(&Enforcement {
            state: EnforcementState::Failed,
            attempts: vec![nac_store::Attempt {
                at_us: now_us(),
                step: "disconnect".to_owned(),
                code: "Disconnect-Request".to_owned(),
                result: "refused: session context not found".to_owned(),
                error_cause: Some(503),
            }],
            ..job.clone()
        })
        .await
        .unwrap();
    let (_, _, page) = site
        .get(&format!("/sessions/{}", session.id), &cookie)
        .await;
    assert!(page.contains("503") && page.contains("context not found"));
    let (_, _, list) = site.get("/sessions", &cookie).await;
    assert!(list.contains("disconnect: failed"));
}

#[tokio::test]
async fn quarantine_from_a_session_needs_a_reason() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let session = session("02:00:00:00:00:01", "corp");
    site.store.session_put(&session).await.unwrap();
    let path = format!("/sessions/{}/quarantine", session.id);
    let (status, _, _) = site
        .ask(Method::POST, &path, &cookie, "same-origin", "reason=+")
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, _) = site
        .ask(
            Method::POST,
            &path,
            &cookie,
            "same-origin",
            "reason=scans+ports&until=8h",
        )
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let open = site.store.quarantine_list_open().await.unwrap();
    assert_eq!(open[0].mac.as_deref(), Some("02:00:00:00:00:01"));
    assert!(open[0].expires_us.is_some());
}
