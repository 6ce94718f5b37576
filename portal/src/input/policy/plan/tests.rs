//! A change of the policy, tried on recorded decisions.

use std::sync::Arc;

use nac_policy::{Facts, IdentityKind};
use nac_store::{DecisionOutcome, DecisionRecord, Segment, Session, Timings, now_us};

use super::*;

const STAFF: &str =
    "@id(\"staff\") @segment(\"staff\") permit (principal is User, action, resource);\n";
const NARROW: &str = "@id(\"staff\") @segment(\"staff\") permit (principal is User, action, resource) when { context.eap };\n\
    @id(\"rest\") @segment(\"lab\") @order(\"2000\") permit (principal is User, action, resource);\n";

struct Site {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Site {
    /// With the segments `staff` and `lab`, and everybody in `staff`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("nac.db").display());
        let store = Store::open(&url, None).await.unwrap();
        for name in ["staff", "lab"] {
            let segment = Segment {
                name: name.to_owned(),
                ..Segment::default()
            };
            store.segment_put(segment).await.unwrap();
        }
        store.policy_apply(STAFF, "", "test").await.unwrap();
        Self {
            store,
            _folder: folder,
        }
    }

    async fn engine(&self, text: &str) -> Engine {
        let segments = segment::names(&self.store).await.unwrap();
        Engine::load(text, &segments).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Somebody came, and was answered by the policy in force.
    async fn came(&self, user: &str, mac: &str, method: &str) -> DecisionRecord {
        let mut facts = Facts {
            method: method.to_owned(),
            ..Facts::default()
        };
        facts.identity.kind = IdentityKind::User;
        facts.identity.name = user.to_owned();
        facts.device.mac = mac.to_owned();
        let decision = self.engine(STAFF).await.decide(&facts);
        let record = DecisionRecord {
            id: Uuid::now_v7(),
            at_us: now_us(),
            client: "switch".to_owned(),
            nas_address: "192.0.2.1".to_owned(),
            mac: Some(mac.to_owned()),
            user_name: user.to_owned(),
            identity: user.to_owned(),
            method: method.to_owned(),
            offer: "default".to_owned(),
            outcome: DecisionOutcome::Accept,
            segment: decision.outcome.segment().map(str::to_owned),
            reason_code: "NAC-0000".to_owned(),
            reason: String::new(),
            remedy: String::new(),
            policy_version: 1,
            facts: Some(Arc::new(facts)),
            decision: Some(decision),
            attributes: Vec::new(),
            request: Vec::new(),
            eap: None,
            timings: Timings::default(),
            session_id: None,
        };
        self.put(&record).await;
        record
    }

    async fn put(&self, record: &DecisionRecord) {
        let records = [Arc::new(record.clone())];
        self.store.decision_put_many(&records).await.unwrap();
    }

    async fn plan(&self, text: &str, decisions: u32) -> Plan {
        let bounds = Bounds {
            since_us: since_us(SINCE),
            decisions,
            time: None,
        };
        let after = self.engine(text).await;
        plan(&self.store, after, bounds, |_| ()).await.unwrap()
    }
}

fn one(segment: &str) -> Option<String> {
    Some(segment.to_owned())
}

#[tokio::test]
async fn whoever_would_get_another_answer_is_named_with_what_decides() {
    let site = Site::new().await;
    site.came("alice", "02:00:00:00:00:01", "EAP-TLS").await;
    site.came("bob", "02:00:00:00:00:02", "PAP").await;
    let last = site.came("bob", "02:00:00:00:00:02", "PAP").await;
    let plan = site.plan(NARROW, 100).await;
    assert_eq!((plan.decisions, plan.devices), (3, 2));
    assert_eq!((plan.changed_decisions, plan.changed_devices), (2, 1));
    assert!(plan.complete && plan.changes_something());
    let outcomes: Vec<_> = plan
        .outcomes
        .iter()
        .map(|it| {
            (
                it.before.clone(),
                it.after.clone(),
                it.decisions,
                it.devices,
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            (one("staff"), one("lab"), 2, 1),
            (one("staff"), one("staff"), 1, 1)
        ]
    );
    let [bob] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes)
    };
    assert_eq!((bob.user.as_str(), bob.decisions), ("bob", 2));
    assert_eq!(bob.policy_before.as_deref(), Some("staff"));
    assert_eq!(bob.policy_after.as_deref(), Some("rest"));
    assert_eq!(bob.decision_id, last.id);
}

#[tokio::test]
async fn what_an_older_policy_did_is_not_the_changes_doing() {
    let site = Site::new().await;
    site.came("bob", "02:00:00:00:00:02", "PAP").await;
    site.store.policy_apply(NARROW, "", "test").await.unwrap();
    let plan = site.plan(NARROW, 100).await;
    assert!(!plan.changes_something(), "{plan:?}");
    assert_eq!(plan.policy_version, 2);
    assert_eq!(plan.answered_differently_then, 1);
}

#[tokio::test]
async fn what_cannot_be_decided_again_is_counted_with_its_reason() {
    let site = Site::new().await;
    let mut refused = site.came("eve", "02:00:00:00:00:03", "PAP").await;
    refused.id = Uuid::now_v7();
    (refused.facts, refused.decision) = (None, None);
    site.put(&refused).await;
    assert_eq!(site.plan(NARROW, 100).await.unasked, 1);
    let plan = site.plan(NARROW, 1).await;
    assert!(!plan.complete);
    assert_eq!((plan.decisions, plan.unasked), (0, 1));
    assert!(site.plan(NARROW, 2).await.complete, "all there is");
}

#[tokio::test]
async fn live_sessions_that_would_be_moved_are_counted() {
    let site = Site::new().await;
    for (user, method, gone) in [
        ("alice", "EAP-TLS", false),
        ("bob", "PAP", false),
        ("carol", "PAP", true),
    ] {
        let record = site.came(user, "02:00:00:00:00:04", method).await;
        let session = Session {
            id: Uuid::now_v7(),
            class: String::new(),
            client: "switch".to_owned(),
            nas_address: [192, 0, 2, 1].into(),
            nas_source: ([192, 0, 2, 1], 1812).into(),
            mac: record.mac.clone(),
            user_name: user.to_owned(),
            identity: user.to_owned(),
            device_id: None,
            attributes: Vec::new(),
            acct_session_id: None,
            framed_ip: None,
            method: method.to_owned(),
            segment: "staff".to_owned(),
            decision_id: record.id,
            policy_version: 1,
            started_us: now_us(),
            updated_us: now_us(),
            stopped_us: gone.then(now_us),
            terminate_cause: None,
        };
        site.store.session_put(&session).await.unwrap();
    }
    let sessions = site.plan(NARROW, 100).await.sessions;
    assert_eq!((sessions.looked_at, sessions.moving), (2, 1));
    assert_eq!(
        sessions.moves,
        [PlannedMove {
            before: one("staff"),
            after: one("lab"),
            sessions: 1
        }]
    );
    assert!(sessions.complete);
}

#[tokio::test]
async fn without_any_policy_everybody_is_refused_before_and_let_in_after() {
    let site = Site::new().await;
    site.came("alice", "02:00:00:00:00:01", "EAP-TLS").await;
    site.store.policy_apply("", "", "test").await.unwrap();
    let plan = site.plan(STAFF, 100).await;
    let changed = &plan.changes[0];
    assert_eq!((&changed.before, &changed.after), (&None, &one("staff")));
    assert_eq!(changed.policy_before, None);
    assert_eq!(outcome(changed.before.as_deref()), "refused");
    // The policy in force may have lost a segment.
    site.store.policy_apply(NARROW, "", "test").await.unwrap();
    site.store.segment_remove("lab").await.unwrap();
    let after = site.engine(STAFF).await;
    let bounds = Bounds {
        since_us: 0,
        decisions: 1,
        time: None,
    };
    let error = super::plan(&site.store, after, bounds, |_| ()).await;
    assert!(
        matches!(error, Err(PlanError::InForce { version: 3, .. })),
        "{error:?}"
    );
}
