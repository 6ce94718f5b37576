//! What a person reads on the page, and what becomes of what they ask for.

mod mine;

use axum::http::{StatusCode, header};
use nac_policy::Verdict;
use nac_store::{
    CheckOutcome, CheckResult, DeviceRecord, ExceptionFilter, ExceptionState, NewQuarantine,
    NodeStatus, OsqueryNode, PortalSettings, Session, now_us,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::public::testing::{Answer, TestPortal};

const MAC: &str = "02:00:5e:00:00:0d";
const HERE: &str = "10.0.0.5";
const DISK: &str = "linux-disk-encryption";
const FIREWALL: &str = "linux-firewall";
const ADVICE: &str = "uefi-secure-boot";
const SECOND_US: i64 = 1_000_000;

/// A laptop with an agent, connected at [`HERE`].
struct Desk {
    portal: TestPortal,
    session: Session,
    device: Uuid,
    node: Uuid,
    cancel: CancellationToken,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Desk {
    /// Every Linux check passes but these; the answers are so old.
    async fn with(failing: &[&str], segment: &str, age_us: i64) -> Self {
        let portal = TestPortal::new().await;
        let store = portal.store();
        let device = store
            .device_put(DeviceRecord {
                macs: vec![MAC.to_owned()],
                ..DeviceRecord::new("LAPTOP-12", "admin")
            })
            .await
            .unwrap()
            .id;
        let heard_us = now_us() - age_us;
        let node = OsqueryNode {
            id: Uuid::now_v7(),
            node_key_sha256: "k".to_owned(),
            device_id: Some(device),
            enroll_secret_id: None,
            enroll_device_bound: false,
            host_identifier: "h".to_owned(),
            platform: "linux".to_owned(),
            hardware_uuid: String::new(),
            hardware_serial: String::new(),
            instance_id: "i".to_owned(),
            hostname: "laptop-12.example.org".to_owned(),
            os_name: "Debian".to_owned(),
            os_version: "12".to_owned(),
            osquery_version: "5.20.0".to_owned(),
            client_spki: None,
            client_asserted_id: None,
            macs: vec![MAC.to_owned()],
            source_ip: HERE.to_owned(),
            status: NodeStatus::Active,
            enrolled_us: heard_us,
            last_seen_us: heard_us,
        };
        store.node_put(&node).await.unwrap();
        let mut session = portal.session(MAC, segment, Some(HERE)).await;
        session.device_id = Some(device);
        session.identity = "alice".to_owned();
        session.method = "PEAP-MSCHAPv2".to_owned();
        session.started_us = now_us() - 60 * SECOND_US;
        store.session_put(&session).await.unwrap();
        let desk = Self {
            node: node.id,
            session,
            device,
            cancel: CancellationToken::new(),
            portal,
        };
        desk.report(failing, heard_us).await;
        let gate = desk.portal.state.gate.clone();
        #[expect(clippy::disallowed_methods, reason = "a test has no task tracker")]
        tokio::spawn(gate.run(desk.cancel.clone()));
        desk.until(|verdict| verdict.is_some()).await;
        desk
    }

    async fn failing(failing: &[&str]) -> Self {
        let desk = Self::with(failing, "quarantine", 0).await;
        desk.until(|verdict| verdict == Some(Verdict::Failing))
            .await;
        desk
    }

    /// The agent's newest answers, as another process would have stored them.
    async fn report(&self, failing: &[&str], at_us: i64) {
        let checks = self.portal.state.gate.checks().clone();
        let results: Vec<CheckResult> = checks
            .for_platform("linux")
            .map(|check| CheckResult {
                node_id: self.node,
                check: check.name.clone(),
                outcome: match failing.contains(&check.name.as_str()) {
                    true => CheckOutcome::Fail,
                    false => CheckOutcome::Pass,
                },
                message: String::new(),
                checked_us: at_us,
                changed_us: at_us,
            })
            .collect();
        let store = self.portal.store();
        store
            .node_results_put(self.node, &results, None)
            .await
            .unwrap();
        // The gate reads it again when it hears of the node.
        let node = store.node_fetch(self.node).await.unwrap();
        store.node_put(&node).await.unwrap();
    }

    async fn until(&self, holds: impl Fn(Option<Verdict>) -> bool) {
        for _ in 0..500 {
            let node = self.portal.state.gate.node_posture(self.node);
            if holds(node.map(|node| node.verdict)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the gate does not follow");
    }

    async fn moved_to(&self, segment: &str) {
        let session = Session {
            segment: segment.to_owned(),
            ..self.session.clone()
        };
        self.portal.store().session_put(&session).await.unwrap();
    }

    async fn page(&self) -> String {
        let answer = self.get("/remedy").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body
    }

    async fn get(&self, path: &str) -> Answer {
        self.portal.person(HERE).get(path).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.portal.person(HERE).post(path, form).await
    }
}

#[tokio::test]
async fn one_sentence_says_what_failed_then_each_check_says_what_to_do() {
    let desk = Desk::failing(&[DISK, FIREWALL, ADVICE]).await;
    let total = desk
        .portal
        .state
        .gate
        .checks()
        .for_platform("linux")
        .count();
    let body = desk.page().await;
    let sentence = format!("Your device LAPTOP-12 is limited because 2 of {total} checks failed.");
    assert!(body.contains(&sentence), "{body}");
    for words in [
        "The root file system is not on an encrypted disk.",
        "Whoever finds or steals the computer can read everything on it.",
        "choose disk encryption (LUKS)",
        "sudo ufw enable",
        "Check again",
        "This does not limit your device.",
        "What the security agent tells this network",
    ] {
        assert!(body.contains(words), "{words} is missing in {body}");
    }
    let place = |name: &str| body.find(&format!("id=\"c-{name}\"")).unwrap();
    assert!(place(DISK) < place(ADVICE) && place(FIREWALL) < place(ADVICE));
    assert!(
        !body.contains("c-linux-os-supported"),
        "what passes is left out"
    );
    assert!(
        !body.contains("http-equiv"),
        "nobody is interrupted while reading"
    );
    let german = desk.get("/remedy?lang=de").await.body;
    assert!(german.contains("ist eingeschränkt, weil 2 von"), "{german}");
    assert!(
        german.contains("Das Wurzeldateisystem liegt nicht auf"),
        "{german}"
    );
    // Where text runs from right to left, a command still runs from left to right.
    let arabic = desk.get("/remedy?lang=ar").await.body;
    assert!(arabic.contains("<ol lang=\"ar\">"), "{arabic}");
    assert!(
        arabic.contains("<bdi dir=\"ltr\">sudo ufw enable</bdi>"),
        "{arabic}"
    );
}

#[tokio::test]
async fn nobody_is_found_by_anything_in_the_address() {
    let desk = Desk::failing(&[DISK]).await;
    for path in [
        "/remedy".to_owned(),
        format!("/remedy?mac={MAC}"),
        format!("/remedy?t={}", desk.session.id),
        format!("/remedy?device={}", desk.device),
    ] {
        let stranger = desk.portal.person("10.0.0.6").get(&path).await;
        assert_eq!(stranger.status, StatusCode::OK);
        assert!(stranger.body.contains("No device is known at your address"));
        assert!(!stranger.body.contains("LAPTOP-12") && !stranger.body.contains("c-linux"));
    }
    for (path, form) in [
        ("/remedy/check", ""),
        (
            "/remedy/exception",
            "rule=linux-disk-encryption&reason=x&hours=4",
        ),
        ("/remedy/report", "check=linux-disk-encryption&text=x"),
    ] {
        let stranger = desk.portal.person("10.0.0.6").post(path, form).await;
        assert_eq!(stranger.status, StatusCode::FORBIDDEN, "{path}");
    }
    // Who borrows the MAC address of a laptop that is elsewhere reads nothing about it.
    let thief = desk
        .portal
        .session(MAC, "quarantine", Some("10.0.0.7"))
        .await;
    assert_eq!(thief.method, "mab");
    let body = desk.portal.person("10.0.0.7").get("/remedy").await.body;
    assert!(
        !body.contains("c-linux") && !body.contains("laptop-12"),
        "{body}"
    );
}

#[tokio::test]
async fn checking_again_waits_for_a_fresh_answer_and_says_what_came_of_it() {
    let desk = Desk::failing(&[DISK, FIREWALL]).await;
    let store = desk.portal.store();
    assert_eq!(
        desk.get("/remedy/check").await.status,
        StatusCode::METHOD_NOT_ALLOWED,
        "a look changes nothing"
    );
    let before = desk.get("/remedy/status").await.body;
    let asked = desk.post("/remedy/check", "").await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    assert_eq!(asked.header(header::LOCATION), "/remedy");
    let body = desk.page().await;
    assert!(body.contains("Your device is being checked."), "{body}");
    assert!(body.contains("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"));
    assert_ne!(desk.get("/remedy/status").await.body, before);
    // Pressing it again asks no second time.
    desk.post("/remedy/check", "").await;
    let recheck = store.recheck_find(desk.node).await.unwrap().unwrap();
    assert_eq!(
        (recheck.generation, recheck.requested_by.as_str()),
        (1, "alice")
    );
    // One of two is mended: still limited.
    desk.report(&[FIREWALL], now_us()).await;
    store
        .recheck_answered(desk.node, 1, now_us())
        .await
        .unwrap();
    let firewall = async || {
        let node = desk.portal.state.gate.node_posture(desk.node).unwrap();
        node.failing == [FIREWALL]
    };
    while !firewall().await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let body = desk.page().await;
    assert!(body.contains("is limited because 1 of"), "{body}");
    assert!(!body.contains("c-linux-disk-encryption"));
    // Both are: first the answer, then the network, then the sentence.
    desk.report(&[], now_us()).await;
    desk.until(|verdict| verdict == Some(Verdict::Compliant))
        .await;
    let body = desk.page().await;
    assert!(
        body.contains("All checks pass. Your access is being restored."),
        "{body}"
    );
    store
        .quarantine_follow(Some(desk.device), Some(MAC), "2 checks fail", &[])
        .await
        .unwrap();
    store
        .quarantine_settle(Some(desk.device), Some(MAC))
        .await
        .unwrap();
    desk.moved_to("staff").await;
    let body = desk.page().await;
    assert!(
        body.contains("Access restored at ") && body.contains("reconnect"),
        "{body}"
    );
}

#[tokio::test]
async fn a_host_is_not_checked_without_end() {
    let desk = Desk::failing(&[DISK]).await;
    let store = desk.portal.store();
    for generation in 1..=30 {
        store.recheck_request(desk.node, "alice").await.unwrap();
        store
            .recheck_answered(desk.node, generation, now_us())
            .await
            .unwrap();
    }
    let refused = desk.post("/remedy/check", "").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.body.contains("was checked very often"));
}

#[tokio::test]
async fn what_somebody_decided_is_told_with_its_reason_and_that_it_was_told_is_noted() {
    let desk = Desk::with(&[], "quarantine", 0).await;
    let store = desk.portal.store();
    let open = store
        .quarantine_open(NewQuarantine {
            mac: Some(MAC.to_owned()),
            reason: "<script>alert(1)</script> seen scanning".to_owned(),
            opened_by: "bob".to_owned(),
            ..NewQuarantine::default()
        })
        .await
        .unwrap();
    let body = desk.page().await;
    assert!(
        body.contains("Your device LAPTOP-12 is kept apart by the IT team."),
        "{body}"
    );
    assert!(body.contains("seen scanning") && !body.contains("<script>alert"));
    assert!(body.contains("It ends when somebody in IT ends it"));
    let told = store.quarantine_fetch(open.id).await.unwrap().told_us;
    assert!(told.is_some());
    desk.page().await;
    assert_eq!(store.quarantine_fetch(open.id).await.unwrap().told_us, told);
    let asked = desk
        .post("/remedy/exception", "rule=quarantine&reason=exam&hours=4")
        .await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    let listed = store
        .exception_list(&ExceptionFilter::default())
        .await
        .unwrap();
    assert_eq!(listed[0].quarantine_id, Some(open.id));
    assert!(desk.page().await.contains("You asked for an exception on"));
}

#[tokio::test]
async fn an_exception_is_asked_for_with_a_reason_and_no_longer_than_permitted() {
    let desk = Desk::failing(&[DISK]).await;
    let store = desk.portal.store();
    let form = desk.get("/remedy/exception").await;
    assert!(
        form.body
            .contains("<option value=\"linux-disk-encryption\"")
    );
    assert!(form.body.contains("value=\"168\"") && !form.body.contains("value=\"336\""));
    for (wrong, words) in [
        (
            "rule=linux-disk-encryption&reason=+&hours=4",
            "Write why you need it",
        ),
        (
            "rule=linux-disk-encryption&reason=x&hours=336",
            "Choose one of the lengths",
        ),
        (
            "rule=linux-os-supported&reason=x&hours=4",
            "Choose one of the rules",
        ),
    ] {
        let refused = desk.post("/remedy/exception", wrong).await;
        assert!(refused.body.contains(words), "{wrong}: {}", refused.body);
    }
    let assigned = desk
        .post(
            "/remedy/exception",
            "rule=linux-disk-encryption&reason=x&hours=4&state=active",
        )
        .await;
    assert_eq!(assigned.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        store
            .exception_list(&ExceptionFilter::default())
            .await
            .unwrap()
            .is_empty()
    );

    let good = "rule=linux-disk-encryption&reason=new+disk+on+Monday&hours=24";
    for _ in 0..2 {
        let asked = desk.post("/remedy/exception", good).await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER);
    }
    let listed = store
        .exception_list(&ExceptionFilter::default())
        .await
        .unwrap();
    let [request] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(request.state, ExceptionState::Requested);
    assert_eq!(
        (
            request.requested_by.as_str(),
            request.reason.as_str(),
            request.device_id
        ),
        ("alice", "new disk on Monday", Some(desk.device))
    );
    assert!(desk.page().await.contains("You asked for an exception on"));
    let nothing = desk.get("/remedy/exception").await;
    assert_eq!(nothing.status, StatusCode::CONFLICT);

    store
        .exception_approve(request.id, "bob", None)
        .await
        .unwrap();
    desk.until(|verdict| verdict == Some(Verdict::Compliant))
        .await;
    desk.moved_to("staff").await;
    let body = desk.page().await;
    assert!(
        body.contains("permitted to break a rule for a time"),
        "{body}"
    );
    assert!(body.contains("Permitted until "), "{body}");
    store.exception_revoke(request.id, "bob", "").await.unwrap();
    desk.until(|verdict| verdict == Some(Verdict::Failing))
        .await;
    let body = desk.page().await;
    assert!(body.contains("It is not limited at this moment."), "{body}");

    let again = desk.post("/remedy/exception", good).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let open = ExceptionFilter {
        open_only: true,
        ..ExceptionFilter::default()
    };
    let request = store.exception_list(&open).await.unwrap().remove(0);
    store
        .exception_deny(request.id, "bob", "borrow another laptop")
        .await
        .unwrap();
    let body = desk.page().await;
    assert!(body.contains("was not granted") && body.contains("borrow another laptop"));
}

#[tokio::test]
async fn a_site_may_permit_no_requests() {
    let desk = Desk::failing(&[DISK]).await;
    assert!(desk.page().await.contains("/remedy/exception"));
    let settings = PortalSettings {
        exception_days: 0,
        ..PortalSettings::default()
    };
    desk.portal
        .store()
        .portal_site_put("", &settings)
        .await
        .unwrap();
    assert!(!desk.page().await.contains("/remedy/exception"));
    let refused = desk
        .post(
            "/remedy/exception",
            "rule=linux-disk-encryption&reason=x&hours=4",
        )
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_check_that_is_wrong_is_reported_once() {
    let desk = Desk::failing(&[DISK]).await;
    let form = desk.get("/remedy/report?check=linux-disk-encryption").await;
    assert!(
        form.body
            .contains("Root file system is on an encrypted block device")
    );
    assert_eq!(
        desk.get("/remedy/report?check=nonsense").await.status,
        StatusCode::NOT_FOUND
    );
    for _ in 0..2 {
        let sent = desk
            .post(
                "/remedy/report",
                "check=linux-disk-encryption&text=it+is+ZFS",
            )
            .await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
    }
    let reports = desk.portal.store().check_report_list(true).await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (reports[0].said_by.as_str(), reports[0].text.as_str()),
        ("alice", "it is ZFS")
    );
    assert!(
        desk.page()
            .await
            .contains("You reported that this check is wrong.")
    );
}

#[tokio::test]
async fn silence_is_called_silence_and_not_a_fault() {
    // It was heard an hour ago; the gate gives it a minute after its own start only if it was not stale then.
    let desk = Desk::with(&[], "quarantine", 3_600 * SECOND_US).await;
    let body = desk.page().await;
    assert!(
        body.contains("We have not heard from the security agent since "),
        "{body}"
    );
    assert!(body.contains("See whether the agent osquery runs"));
    assert!(!body.contains("checks failed"));
    // No agent at all.
    let portal = TestPortal::new().await;
    portal.session(MAC, "quarantine", Some(HERE)).await;
    let body = portal.person(HERE).get("/remedy").await.body;
    assert!(
        body.contains("No security agent is known for this connection."),
        "{body}"
    );
    portal
        .session("02:00:5e:00:00:0e", "guest", Some("10.0.0.8"))
        .await;
    let body = portal.person("10.0.0.8").get("/remedy").await.body;
    assert!(
        body.contains("Nothing is checked on this device."),
        "{body}"
    );
}

#[tokio::test]
async fn a_healthy_device_is_told_so() {
    let desk = Desk::with(&[], "staff", 0).await;
    desk.until(|verdict| verdict == Some(Verdict::Compliant))
        .await;
    let body = desk.page().await;
    assert!(
        body.contains("All checks pass.") && body.contains("Last answer of the security agent")
    );
    assert!(!body.contains("/remedy/exception"));
}
