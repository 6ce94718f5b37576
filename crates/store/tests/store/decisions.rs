//! Decisions: found by everything that they are filtered by, page after page.

use std::sync::Arc;

use nac_policy::Facts;
use nac_store::{DecisionFilter, DecisionOutcome, DecisionRecord, Store, now_us};
use uuid::Uuid;

use crate::world::{World, new_decision, on_each_engine};

on_each_engine!(
    decisions_are_found_by_every_filter,
    filters_narrow_each_other,
    pages_follow_each_other,
);

async fn found(store: &Store, filter: DecisionFilter) -> Vec<Uuid> {
    let records = store.decision_list(&filter).await.unwrap();
    records.into_iter().map(|record| record.id).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// One decision that differs from the other in everything.
async fn two(store: &Store) -> (DecisionRecord, DecisionRecord) {
    let usual = new_decision("alice", "00:11:22:33:44:55");
    let mut facts = Facts::default();
    facts.nas.site = "hamburg".to_owned();
    facts.device.id = Uuid::now_v7().to_string();
    let mut other = new_decision("Böb", "00:11:22:33:44:66");
    other.at_us += 1_000_000;
    other.client = "access-2".to_owned();
    other.nas_address = "192.0.2.9".to_owned();
    other.identity = "bob@example.org".to_owned();
    other.method = "EAP-TLS".to_owned();
    other.outcome = DecisionOutcome::Reject;
    other.segment = Some("lab".to_owned());
    other.reason_code = "EAP-1203".to_owned();
    other.policy_version = 7;
    other.session_id = Some(Uuid::now_v7());
    other.timings.total_us = 90_000;
    other.facts = Some(Arc::new(facts));
    let records = [Arc::new(usual.clone()), Arc::new(other.clone())];
    store.decision_put_many(&records).await.unwrap();
    (usual, other)
}

async fn decisions_are_found_by_every_filter(world: Arc<World>) {
    let store = world.open().await;
    let (usual, other) = two(&store).await;
    let all = DecisionFilter::default;
    let device = other.facts.as_ref().unwrap().device.id.parse().unwrap();
    let only_other = [
        DecisionFilter {
            mac: text("0011.2233.4466"),
            ..all()
        },
        DecisionFilter {
            user: text("BÖB"),
            ..all()
        },
        DecisionFilter {
            user: text("bob@EXAMPLE.org"),
            ..all()
        },
        DecisionFilter {
            search: text("bö"),
            ..all()
        },
        DecisionFilter {
            search: text("bob@"),
            ..all()
        },
        DecisionFilter {
            search: text("00-11-22-33-44-66"),
            ..all()
        },
        DecisionFilter {
            outcome: Some(DecisionOutcome::Reject),
            ..all()
        },
        DecisionFilter {
            client: text("access-2"),
            ..all()
        },
        DecisionFilter {
            site: text("hamburg"),
            ..all()
        },
        DecisionFilter {
            nas_address: text("192.0.2.9"),
            ..all()
        },
        DecisionFilter {
            segment: text("lab"),
            ..all()
        },
        DecisionFilter {
            reason_code: text("EAP-1203"),
            ..all()
        },
        DecisionFilter {
            reason_code: text("EAP-"),
            ..all()
        },
        DecisionFilter {
            method: text("EAP-TLS"),
            ..all()
        },
        DecisionFilter {
            policy_version: Some(7),
            ..all()
        },
        DecisionFilter {
            session_id: other.session_id,
            ..all()
        },
        DecisionFilter {
            device_id: Some(device),
            ..all()
        },
        DecisionFilter {
            slower_than_us: Some(90_000),
            ..all()
        },
        DecisionFilter {
            since_us: Some(other.at_us),
            ..all()
        },
    ];
    for filter in only_other {
        assert_eq!(
            found(&store, filter.clone()).await,
            [other.id],
            "{filter:?}"
        );
    }
    let only_usual = [
        DecisionFilter {
            outcome: Some(DecisionOutcome::Accept),
            ..all()
        },
        DecisionFilter {
            until_us: Some(other.at_us),
            ..all()
        },
        DecisionFilter {
            search: text("ALI"),
            ..all()
        },
        DecisionFilter {
            reason_code: text("OK"),
            outcome: Some(DecisionOutcome::Accept),
            ..all()
        },
    ];
    for filter in only_usual {
        assert_eq!(
            found(&store, filter.clone()).await,
            [usual.id],
            "{filter:?}"
        );
    }
    let nothing = [
        DecisionFilter {
            search: text("lice"),
            ..all()
        },
        DecisionFilter {
            reason_code: text("E%-"),
            ..all()
        },
        DecisionFilter {
            since_us: Some(now_us() + 3_600_000_000),
            ..all()
        },
        DecisionFilter {
            slower_than_us: Some(u64::MAX),
            ..all()
        },
        DecisionFilter {
            mac: text("no address"),
            ..all()
        },
    ];
    for filter in nothing {
        assert!(found(&store, filter.clone()).await.is_empty(), "{filter:?}");
    }
    assert_eq!(found(&store, all()).await, [other.id, usual.id]);
}

async fn filters_narrow_each_other(world: Arc<World>) {
    let store = world.open().await;
    let (_, other) = two(&store).await;
    let everything = DecisionFilter {
        mac: other.mac.clone(),
        user: text("böb"),
        search: text("bob"),
        outcome: Some(DecisionOutcome::Reject),
        client: Some(other.client.clone()),
        site: text("hamburg"),
        nas_address: Some(other.nas_address.clone()),
        segment: other.segment.clone(),
        reason_code: Some(other.reason_code.clone()),
        method: Some(other.method.clone()),
        policy_version: Some(7),
        session_id: other.session_id,
        since_us: Some(other.at_us),
        until_us: Some(other.at_us + 1),
        slower_than_us: Some(1),
        ..DecisionFilter::default()
    };
    assert_eq!(found(&store, everything.clone()).await, [other.id]);
    let contradictions = [
        DecisionFilter {
            mac: text("00:11:22:33:44:55"),
            ..everything.clone()
        },
        DecisionFilter {
            user: text("alice"),
            ..everything.clone()
        },
        DecisionFilter {
            outcome: Some(DecisionOutcome::Accept),
            ..everything.clone()
        },
        DecisionFilter {
            policy_version: Some(1),
            ..everything
        },
    ];
    for filter in contradictions {
        assert!(found(&store, filter.clone()).await.is_empty(), "{filter:?}");
    }
}

async fn pages_follow_each_other(world: Arc<World>) {
    let store = world.open().await;
    let records: Vec<Arc<DecisionRecord>> = (0..25)
        .map(|number| {
            let mut record = new_decision("alice", "00:11:22:33:44:55");
            record.outcome = match number % 2 {
                0 => DecisionOutcome::Accept,
                _ => DecisionOutcome::Reject,
            };
            record.reason_code = if number % 2 == 0 {
                "NAC-0000"
            } else {
                "NAC-1001"
            }
            .to_owned();
            Arc::new(record)
        })
        .collect();
    store.decision_put_many(&records).await.unwrap();
    let filters = [
        DecisionFilter::default(),
        DecisionFilter {
            user: text("alice"),
            ..DecisionFilter::default()
        },
        DecisionFilter {
            search: text("al"),
            ..DecisionFilter::default()
        },
        DecisionFilter {
            reason_code: text("NAC-1001"),
            ..DecisionFilter::default()
        },
        DecisionFilter {
            mac: text("00:11:22:33:44:55"),
            ..DecisionFilter::default()
        },
    ];
    for filter in filters {
        let whole = found(&store, filter.clone()).await;
        assert!(
            whole.len() >= 12 && whole.is_sorted_by(|a, b| a > b),
            "{filter:?}"
        );
        let mut paged = Vec::new();
        loop {
            let page = DecisionFilter {
                before_id: paged.last().copied(),
                limit: 4,
                ..filter.clone()
            };
            let page = found(&store, page).await;
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole, "{filter:?}");
    }
}
