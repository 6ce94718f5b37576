//! What happens and is kept: quarantines, policies, certificates, hosts, sessions, decisions, accounting.

use std::sync::Arc;

use nac_store::{
    AccountingFilter, Attempt, Certificate, CertificateKind, CheckOutcome, CheckResult,
    DecisionFilter, DecisionOutcome, EnforcementFilter, EnforcementState, NewQuarantine,
    NodeVerdict, QuarantineFilter, SecretBytes, SessionFilter, StoreError, now_us,
};
use uuid::Uuid;

use crate::world::{
    World, new_accounting, new_client, new_decision, new_enforcement, new_node, new_session,
    on_each_engine,
};

on_each_engine!(
    quarantines_open_close_and_expire,
    policies_are_numbered_and_kept,
    certificates_are_revoked_once,
    enrolment_secrets_are_found_by_their_hash,
    nodes_results_and_verdicts,
    sessions_and_enforcements,
    decisions_are_found_by_everything,
    accounting_is_found_and_pruned,
    nul_characters_from_the_network_are_stored_as_something_else,
    statistics_count,
);

fn is_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

fn is_missing<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound { .. }))
}

async fn quarantines_open_close_and_expire(world: Arc<World>) {
    let store = world.open().await;
    let new = NewQuarantine {
        mac: Some("0011.2233.4455".to_owned()),
        reason: "IDS alert".to_owned(),
        opened_by: "suricata".to_owned(),
        ..NewQuarantine::default()
    };
    let open = store.quarantine_open(new.clone()).await.unwrap();
    assert_eq!(open.mac.as_deref(), Some("00:11:22:33:44:55"));
    let due = NewQuarantine {
        device_id: Some(Uuid::now_v7()),
        mac: None,
        expires_us: Some(now_us() - 1),
        ..new.clone()
    };
    let due = store.quarantine_open(due).await.unwrap();
    let expired = store.quarantine_expire().await.unwrap();
    assert_eq!(
        expired
            .iter()
            .map(|quarantine| quarantine.id)
            .collect::<Vec<_>>(),
        [due.id]
    );
    assert!(store.quarantine_expire().await.unwrap().is_empty());
    assert_eq!(
        store.quarantine_list_open().await.unwrap(),
        std::slice::from_ref(&open)
    );
    let closed = store.quarantine_close(open.id, "alice").await.unwrap();
    assert!(closed.closed_us.is_some() && closed.closed_by.as_deref() == Some("alice"));
    assert!(is_missing(store.quarantine_close(open.id, "bob").await));
    assert!(store.quarantine_list_open().await.unwrap().is_empty());
    let all = store.quarantine_list(&QuarantineFilter::default()).await;
    assert_eq!(all.unwrap().len(), 2);
    let nobody = NewQuarantine {
        mac: None,
        ..new.clone()
    };
    assert!(matches!(
        store.quarantine_open(nobody).await,
        Err(StoreError::Invalid { .. })
    ));
    let nonsense = NewQuarantine {
        mac: Some("x".to_owned()),
        ..new
    };
    assert!(matches!(
        store.quarantine_open(nonsense).await,
        Err(StoreError::Invalid { .. })
    ));
}

async fn policies_are_numbered_and_kept(world: Arc<World>) {
    let store = world.open().await;
    assert!(store.policy_current().await.unwrap().is_none());
    let first = store
        .policy_apply("permit(principal, action, resource);", "first", "alice")
        .await
        .unwrap();
    let second = store
        .policy_apply("forbid(principal, action, resource);", "second", "bob")
        .await
        .unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(store.policy_current().await.unwrap().unwrap(), second);
    assert_eq!(store.policy_fetch(1).await.unwrap(), first);
    assert!(is_missing(store.policy_fetch(3).await));
    assert_eq!(store.policy_history().await.unwrap(), [second, first]);
}

async fn certificates_are_revoked_once(world: Arc<World>) {
    let store = world.open().await;
    assert!(store.authority_fetch().await.unwrap().is_none());
    store
        .authority_put("old", SecretBytes::new(*b"old key"))
        .await
        .unwrap();
    store
        .authority_put("pem", SecretBytes::new(*b"key"))
        .await
        .unwrap();
    let (certificate, key) = store.authority_fetch().await.unwrap().unwrap();
    assert_eq!(
        (certificate.as_str(), key.expose()),
        ("pem", b"key".as_slice())
    );
    let certificate = Certificate {
        serial: "0a1b".to_owned(),
        kind: CertificateKind::Device,
        name: "laptop".to_owned(),
        device_id: Some(Uuid::now_v7()),
        subject: "CN=laptop".to_owned(),
        spki_sha256: "aa".to_owned(),
        fingerprint_sha256: "bb".to_owned(),
        certificate_pem: "pem".to_owned(),
        not_before_us: 1,
        not_after_us: 2,
        issued_us: 1,
        revoked_us: None,
        revoked_reason: None,
        revoked_by: None,
    };
    store.certificate_add(&certificate).await.unwrap();
    assert!(is_conflict(store.certificate_add(&certificate).await));
    assert_eq!(store.certificate_fetch("0a1b").await.unwrap(), certificate);
    assert!(store.certificate_revoked_list().await.unwrap().is_empty());
    let revoked = store
        .certificate_revoke("0a1b", "lost", "alice")
        .await
        .unwrap();
    assert_eq!(
        store
            .certificate_revoke("0a1b", "again", "bob")
            .await
            .unwrap(),
        revoked
    );
    let list = store.certificate_revoked_list().await.unwrap();
    assert_eq!(
        (
            list.len(),
            list[0].serial.as_str(),
            list[0].revoked_reason.as_str()
        ),
        (1, "0a1b", "lost")
    );
    assert_eq!(store.certificate_list().await.unwrap(), [revoked]);
    assert!(is_missing(store.certificate_fetch("ff").await));
    assert!(is_missing(store.certificate_revoke("ff", "x", "y").await));
}

async fn enrolment_secrets_are_found_by_their_hash(world: Arc<World>) {
    let store = world.open().await;
    let added = store
        .enroll_secret_add("fleet", "AB12", None, Some(5))
        .await
        .unwrap();
    assert!(is_conflict(
        store.enroll_secret_add("fleet", "cd", None, None).await
    ));
    assert!(is_conflict(
        store.enroll_secret_add("other", "ab12", None, None).await
    ));
    assert_eq!(
        store.enroll_secret_by_hash("ab12").await.unwrap().unwrap(),
        added
    );
    assert!(store.enroll_secret_by_hash("00").await.unwrap().is_none());
    store.enroll_secret_used(added.id).await.unwrap();
    assert!(
        store.enroll_secret_list().await.unwrap()[0]
            .last_used_us
            .is_some()
    );
    store.enroll_secret_remove("fleet").await.unwrap();
    assert!(is_missing(store.enroll_secret_remove("fleet").await));
    assert!(is_missing(store.enroll_secret_used(added.id).await));
}

async fn nodes_results_and_verdicts(world: Arc<World>) {
    let store = world.open().await;
    let mut node = new_node("k1");
    store.node_put(&node).await.unwrap();
    assert!(is_conflict(store.node_put(&new_node("k1")).await));
    node.hostname = "renamed".to_owned();
    node.host_identifier = "h".to_owned();
    store.node_put(&node).await.unwrap();
    assert_eq!(store.node_fetch(node.id).await.unwrap(), node);
    store
        .node_seen(&[(node.id, node.last_seen_us + 5), (Uuid::now_v7(), 1)])
        .await
        .unwrap();
    store.node_seen(&[(node.id, 1)]).await.unwrap();
    assert_eq!(
        store.node_list().await.unwrap()[0].last_seen_us,
        node.last_seen_us + 5
    );
    let result = |check: &str, outcome, changed_us| CheckResult {
        node_id: node.id,
        check: check.to_owned(),
        outcome,
        message: "m".to_owned(),
        checked_us: 9,
        changed_us,
    };
    let verdict = NodeVerdict {
        node_id: node.id,
        verdict: nac_policy::Verdict::Failing,
        failing: vec!["firewall".to_owned()],
        changed_us: 7,
        evaluated_us: 9,
    };
    let results = [
        result("disk", CheckOutcome::Unknown, 1),
        result("firewall", CheckOutcome::Fail, 7),
        result("disk", CheckOutcome::Pass, 2),
    ];
    store
        .node_results_put(node.id, &results, Some(&verdict))
        .await
        .unwrap();
    store
        .node_results_put(node.id, &[result("disk", CheckOutcome::Pass, 3)], None)
        .await
        .unwrap();
    let stored = store.node_results(node.id).await.unwrap();
    assert_eq!(
        stored,
        [
            result("disk", CheckOutcome::Pass, 3),
            result("firewall", CheckOutcome::Fail, 7)
        ]
    );
    assert_eq!(store.node_results_all().await.unwrap(), stored);
    assert_eq!(
        store.node_verdict_list().await.unwrap(),
        std::slice::from_ref(&verdict)
    );
    let better = NodeVerdict {
        verdict: nac_policy::Verdict::Compliant,
        failing: Vec::new(),
        ..verdict.clone()
    };
    store.node_verdict_put(&better).await.unwrap();
    assert_eq!(store.node_verdict_list().await.unwrap(), [better]);
    let foreign = store.node_results_put(Uuid::now_v7(), &results, None).await;
    assert!(matches!(foreign, Err(StoreError::Invalid { .. })));
    let unknown = NodeVerdict {
        node_id: Uuid::now_v7(),
        ..verdict
    };
    assert!(store.node_verdict_put(&unknown).await.is_err());
    store.node_remove(node.id).await.unwrap();
    assert!(is_missing(store.node_remove(node.id).await));
    assert!(is_missing(store.node_fetch(node.id).await));
    assert!(store.node_results_all().await.unwrap().is_empty());
    assert!(store.node_verdict_list().await.unwrap().is_empty());
}

async fn sessions_and_enforcements(world: Arc<World>) {
    let store = world.open().await;
    let mut session = new_session();
    store.session_put(&session).await.unwrap();
    assert_eq!(
        store.session_list(&SessionFilter::open()).await.unwrap(),
        std::slice::from_ref(&session)
    );
    let mut job = new_enforcement(session.id);
    store.enforcement_put(&job).await.unwrap();
    job.state = EnforcementState::Acknowledged;
    job.attempts.push(Attempt {
        code: "CoA-Request".to_owned(),
        result: "ACK".to_owned(),
        ..Attempt::default()
    });
    store.enforcement_put(&job).await.unwrap();
    assert_eq!(store.enforcement_fetch(job.id).await.unwrap(), job);
    let open = EnforcementFilter {
        session_id: Some(session.id),
        open_only: true,
        ..EnforcementFilter::default()
    };
    assert_eq!(
        store.enforcement_list(&open).await.unwrap(),
        std::slice::from_ref(&job)
    );
    job.state = EnforcementState::Proven;
    store.enforcement_put(&job).await.unwrap();
    assert!(store.enforcement_list(&open).await.unwrap().is_empty());
    let proven = EnforcementFilter {
        state: Some(EnforcementState::Proven),
        ..EnforcementFilter::default()
    };
    assert_eq!(store.enforcement_list(&proven).await.unwrap().len(), 1);
    let other = EnforcementFilter {
        device_id: Some(Uuid::now_v7()),
        ..EnforcementFilter::default()
    };
    assert!(store.enforcement_list(&other).await.unwrap().is_empty());
    assert!(is_missing(store.enforcement_fetch(Uuid::now_v7()).await));
    session.stopped_us = Some(now_us());
    session.terminate_cause = Some("User-Request".to_owned());
    store.session_put(&session).await.unwrap();
    assert_eq!(store.session_fetch(session.id).await.unwrap(), session);
    assert!(
        store
            .session_list(&SessionFilter::open())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store
            .session_list(&SessionFilter::default())
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(store.session_prune(now_us() + 1).await.unwrap(), 1);
    assert_eq!(store.enforcement_prune(0).await.unwrap(), 0);
    assert_eq!(store.enforcement_prune(now_us() + 1).await.unwrap(), 1);
    assert!(is_missing(store.session_fetch(session.id).await));
}

async fn decisions_are_found_by_everything(world: Arc<World>) {
    let store = world.open().await;
    let mut records = Vec::new();
    for number in 0..5 {
        let mut record = new_decision("Alice", "00:11:22:33:44:55");
        record.identity = if number == 0 {
            "alice@example.org".to_owned()
        } else {
            String::new()
        };
        if number % 2 == 1 {
            record.outcome = DecisionOutcome::Reject;
            record.client = "ap".to_owned();
            record.mac = Some("02:00:00:00:00:01".to_owned());
        }
        records.push(Arc::new(record));
    }
    store.decision_put_many(&records).await.unwrap();
    // Twice is once.
    store.decision_put_many(&records[..2]).await.unwrap();
    let listed = |filter: DecisionFilter| {
        let store = store.clone();
        async move { store.decision_list(&filter).await.unwrap() }
    };
    let all = listed(DecisionFilter::default()).await;
    assert_eq!(all.iter().map(|record| record.id).collect::<Vec<_>>(), {
        let mut ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
        ids.reverse();
        ids
    });
    assert_eq!(
        store.decision_fetch(records[0].id).await.unwrap(),
        *records[0]
    );
    assert!(is_missing(store.decision_fetch(Uuid::now_v7()).await));
    let filter = |filter: DecisionFilter| filter;
    for (filter, count) in [
        (
            filter(DecisionFilter {
                mac: Some("0200.0000.0001".to_owned()),
                ..DecisionFilter::default()
            }),
            2,
        ),
        (
            filter(DecisionFilter {
                user: Some("ALICE".to_owned()),
                ..DecisionFilter::default()
            }),
            5,
        ),
        (
            filter(DecisionFilter {
                user: Some("alice@EXAMPLE.org".to_owned()),
                ..DecisionFilter::default()
            }),
            1,
        ),
        (
            filter(DecisionFilter {
                outcome: Some(DecisionOutcome::Accept),
                ..DecisionFilter::default()
            }),
            3,
        ),
        (
            filter(DecisionFilter {
                client: Some("ap".to_owned()),
                ..DecisionFilter::default()
            }),
            2,
        ),
        (
            filter(DecisionFilter {
                since_us: Some(now_us() + 1_000_000),
                ..DecisionFilter::default()
            }),
            0,
        ),
        (
            filter(DecisionFilter {
                since_us: Some(records[0].at_us),
                ..DecisionFilter::default()
            }),
            5,
        ),
        (
            filter(DecisionFilter {
                before_id: Some(records[2].id),
                ..DecisionFilter::default()
            }),
            2,
        ),
        (
            filter(DecisionFilter {
                limit: 1,
                ..DecisionFilter::default()
            }),
            1,
        ),
    ] {
        assert_eq!(listed(filter.clone()).await.len(), count, "{filter:?}");
    }
    assert_eq!(store.decision_prune(now_us() + 1_000_000).await.unwrap(), 5);
    assert!(listed(DecisionFilter::default()).await.is_empty());
}

async fn accounting_is_found_and_pruned(world: Arc<World>) {
    let store = world.open().await;
    let mut records: Vec<_> = (0..100)
        .map(|number| new_accounting(&format!("s{number}")))
        .collect();
    records[99].mac = None;
    records[99].at_us = i64::MAX - 1;
    store.accounting_put_many(&records).await.unwrap();
    let listed = |filter: AccountingFilter| {
        let store = store.clone();
        async move { store.accounting_list(&filter).await.unwrap() }
    };
    let found = listed(AccountingFilter {
        acct_session_id: Some("s7".to_owned()),
        ..AccountingFilter::default()
    })
    .await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].input_octets, 5_000_000_000);
    assert_eq!(
        found[0].output_octets,
        i64::MAX as u64,
        "octets are capped at what a BIGINT holds"
    );
    assert_eq!(found[0].session_time_s, u32::MAX);
    assert_eq!(found[0].attributes, records[7].attributes);
    let by_mac = AccountingFilter {
        mac: Some("001122334455".to_owned()),
        limit: 500,
        ..AccountingFilter::default()
    };
    assert_eq!(listed(by_mac).await.len(), 99);
    assert_eq!(
        listed(AccountingFilter {
            client: Some("x".to_owned()),
            ..AccountingFilter::default()
        })
        .await
        .len(),
        0
    );
    let user = AccountingFilter {
        user_name: Some("alice".to_owned()),
        limit: 3,
        ..AccountingFilter::default()
    };
    assert_eq!(listed(user).await[0].acct_session_id, "s99");
    let late = AccountingFilter {
        since_us: Some(now_us() + 1_000_000),
        ..AccountingFilter::default()
    };
    assert_eq!(listed(late).await.len(), 1);
    let early = AccountingFilter {
        before_us: Some(1),
        ..AccountingFilter::default()
    };
    assert_eq!(listed(early).await.len(), 0);
    assert_eq!(
        store.accounting_prune(now_us() + 1_000_000).await.unwrap(),
        99
    );
}

async fn nul_characters_from_the_network_are_stored_as_something_else(world: Arc<World>) {
    let store = world.open().await;
    let mut accounting = new_accounting("a\0b");
    accounting.user_name = "al\0ice".to_owned();
    accounting
        .attributes
        .push(("User-Name".to_owned(), "al\0ice".to_owned()));
    store.accounting_put_many(&[accounting]).await.unwrap();
    let mut decision = new_decision("al\0ice", "00:11:22:33:44:55");
    decision.identity = "\0".to_owned();
    let decision = Arc::new(decision);
    store
        .decision_put_many(&[Arc::clone(&decision)])
        .await
        .unwrap();
    assert_eq!(store.decision_fetch(decision.id).await.unwrap(), *decision);
    let mut session = new_session();
    session.user_name = "al\0ice".to_owned();
    store.session_put(&session).await.unwrap();
    assert_eq!(
        store.session_fetch(session.id).await.unwrap().user_name,
        "al\u{fffd}ice"
    );
    store.node_put(&new_node("k")).await.unwrap();
}

async fn statistics_count(world: Arc<World>) {
    let store = world.open().await;
    store.ping().await.unwrap();
    store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap();
    store
        .accounting_put_many(&[new_accounting("a"), new_accounting("b")])
        .await
        .unwrap();
    let statistics = store.statistics().await.unwrap();
    assert_eq!(
        (
            statistics.clients,
            statistics.segments,
            statistics.accounting
        ),
        (1, 3, 2)
    );
    assert!(statistics.size_octets > 0);
    store.close().await;
    assert!(store.ping().await.is_err());
}
