//! What people do about a device that is kept apart: notes, owners, exceptions, checking again.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, NewCheckReport, NewException, NewQuarantine, QuarantineFilter,
    QuarantineKind, RecheckOutcome, Store, StoreError, now_us,
};
use uuid::Uuid;

use crate::world::{World, new_node, on_each_engine};

on_each_engine!(
    a_quarantine_has_an_owner_notes_and_an_end_that_moves,
    quarantines_are_found_and_paged,
    a_release_is_counted_before_it_is_done,
    a_quarantine_that_follows_the_checks_is_ended_by_them_alone,
    a_host_is_checked_again_once_at_a_time,
    a_wrong_check_is_reported_once,
    every_change_is_in_the_audit_log,
);

pub(crate) const HOUR_US: i64 = 3_600_000_000;

pub(crate) fn is_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

pub(crate) fn is_missing<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound { .. }))
}

pub(crate) fn is_invalid<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Invalid { .. }))
}

pub(crate) fn scan(device: Uuid) -> NewQuarantine {
    NewQuarantine {
        device_id: Some(device),
        kind: QuarantineKind::Alert,
        reason: "port scan 100% sure".to_owned(),
        opened_by: "suricata".to_owned(),
        ..NewQuarantine::default()
    }
}

pub(crate) fn old_disk(device: Uuid) -> NewException {
    NewException {
        device_id: Some(device),
        check: Some("linux-disk-encryption".to_owned()),
        reason: "the new disk comes on Monday".to_owned(),
        requested_by: "alice".to_owned(),
        expires_us: now_us() + HOUR_US,
        ..NewException::default()
    }
}

async fn a_quarantine_has_an_owner_notes_and_an_end_that_moves(world: Arc<World>) {
    let store = world.open().await;
    let open = store.quarantine_open(scan(Uuid::now_v7())).await.unwrap();
    assert_eq!((open.kind, open.told_us), (QuarantineKind::Alert, None));

    let taken = store
        .quarantine_assign(open.id, Some(" bob "))
        .await
        .unwrap();
    assert_eq!(taken.owner.as_deref(), Some("bob"));
    let given = store.quarantine_assign(open.id, Some(" ")).await.unwrap();
    assert_eq!(given.owner, None);

    let end = now_us() + HOUR_US;
    let extended = store.quarantine_extend(open.id, Some(end)).await.unwrap();
    assert_eq!(extended.expires_us, Some(end));
    assert!(is_invalid(
        store.quarantine_extend(open.id, Some(now_us())).await
    ));

    assert!(store.quarantine_told(open.id).await.unwrap());
    assert!(!store.quarantine_told(open.id).await.unwrap(), "only once");
    assert!(
        store
            .quarantine_fetch(open.id)
            .await
            .unwrap()
            .told_us
            .is_some()
    );

    store
        .quarantine_note_add(open.id, "bob", "called her\0")
        .await
        .unwrap();
    store.quarantine_close(open.id, "bob").await.unwrap();
    store
        .quarantine_note_add(open.id, "bob", "it was a printer")
        .await
        .unwrap();
    let notes = store.quarantine_notes(open.id).await.unwrap();
    let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(texts, ["called her\u{fffd}", "it was a printer"]);
    assert!(is_invalid(
        store.quarantine_note_add(open.id, "bob", " ").await
    ));
    assert!(is_missing(
        store.quarantine_note_add(Uuid::now_v7(), "bob", "x").await
    ));
    assert!(is_missing(store.quarantine_assign(open.id, None).await));
    assert!(is_missing(store.quarantine_extend(open.id, None).await));
    assert!(!store.quarantine_told(open.id).await.unwrap());
}

async fn quarantines_are_found_and_paged(world: Arc<World>) {
    let store = world.open().await;
    let device = Uuid::now_v7();
    let first = store.quarantine_open(scan(device)).await.unwrap();
    let second = NewQuarantine {
        device_id: None,
        mac: Some("00-11-22-33-44-55".to_owned()),
        kind: QuarantineKind::Manual,
        reason: "Lost in the train".to_owned(),
        ..scan(device)
    };
    let second = store.quarantine_open(second).await.unwrap();
    let third = store
        .quarantine_follow(Some(device), None, "checks fail", &["firewall".to_owned()])
        .await
        .unwrap();
    store.quarantine_told(second.id).await.unwrap();
    store
        .quarantine_assign(second.id, Some("Bob"))
        .await
        .unwrap();
    let listed = async |filter: QuarantineFilter| -> Vec<Uuid> {
        let rows = store.quarantine_list(&filter).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    let all = QuarantineFilter::default;
    assert_eq!(listed(all()).await, [third.id, second.id, first.id]);
    let page = QuarantineFilter {
        limit: 2,
        oldest_first: true,
        ..all()
    };
    assert_eq!(listed(page.clone()).await, [first.id, second.id]);
    let next = QuarantineFilter {
        after: Some(second.id),
        ..page
    };
    assert_eq!(listed(next).await, [third.id]);
    let next = QuarantineFilter {
        after: Some(second.id),
        ..all()
    };
    assert_eq!(listed(next).await, [first.id]);
    for (filter, expected) in [
        (
            QuarantineFilter {
                kind: Some(QuarantineKind::Alert),
                ..all()
            },
            first.id,
        ),
        (
            QuarantineFilter {
                mac: Some("0011.2233.4455".to_owned()),
                ..all()
            },
            second.id,
        ),
        (
            QuarantineFilter {
                owner: Some("Bob".to_owned()),
                ..all()
            },
            second.id,
        ),
        (
            QuarantineFilter {
                told: Some(true),
                ..all()
            },
            second.id,
        ),
        (
            QuarantineFilter {
                search: Some("lost IN".to_owned()),
                ..all()
            },
            second.id,
        ),
        (
            QuarantineFilter {
                search: Some("100%".to_owned()),
                ..all()
            },
            first.id,
        ),
        (
            QuarantineFilter {
                check: Some("firewall".to_owned()),
                ..all()
            },
            third.id,
        ),
    ] {
        assert_eq!(listed(filter.clone()).await, [expected], "{filter:?}");
    }
    let of_device = QuarantineFilter {
        device_id: Some(device),
        ..all()
    };
    assert_eq!(listed(of_device).await, [third.id, first.id]);
    let nobodys = QuarantineFilter {
        owner: Some(String::new()),
        ..all()
    };
    assert_eq!(listed(nobodys).await, [third.id, first.id]);
    let part = QuarantineFilter {
        check: Some("fire".to_owned()),
        ..all()
    };
    assert!(listed(part).await.is_empty(), "a check is named whole");
    store.quarantine_close(first.id, "bob").await.unwrap();
    let open = QuarantineFilter {
        open: Some(true),
        ..all()
    };
    assert_eq!(listed(open).await, [third.id, second.id]);
    let over = QuarantineFilter {
        open: Some(false),
        ..all()
    };
    assert_eq!(listed(over).await, [first.id]);
}

async fn a_release_is_counted_before_it_is_done(world: Arc<World>) {
    let store = world.open().await;
    let device = Uuid::now_v7();
    let one = store.quarantine_open(scan(device)).await.unwrap();
    let two = store.quarantine_open(scan(device)).await.unwrap();
    let follows = store
        .quarantine_follow(Some(device), None, "checks fail", &["firewall".to_owned()])
        .await
        .unwrap();
    let nobody = Uuid::now_v7();
    let ids = [one.id, two.id, one.id, follows.id, nobody];
    let mut events = store.subscribe();
    let would = store.quarantine_release(&ids, "bob", true).await.unwrap();
    assert_eq!((would.closed.len(), would.kept.len()), (2, 1));
    assert_eq!(would.gone, [nobody]);
    assert!(events.try_recv().is_err(), "nothing has happened");
    assert_eq!(store.quarantine_list_open().await.unwrap().len(), 3);
    let done = store.quarantine_release(&ids, "bob", false).await.unwrap();
    assert_eq!(done.closed.len(), 2);
    assert!(events.try_recv().is_ok());
    let open = store.quarantine_list_open().await.unwrap();
    assert_eq!(open, [follows]);
    let again = store.quarantine_release(&ids, "bob", false).await.unwrap();
    assert_eq!((again.closed.len(), again.gone.len()), (0, 3));
}

async fn a_quarantine_that_follows_the_checks_is_ended_by_them_alone(world: Arc<World>) {
    let store = world.open().await;
    let device = Some(Uuid::now_v7());
    let mac = Some("00:11:22:33:44:55");
    let firewall = ["firewall".to_owned()];
    // First its address alone is known, then the device too: it is one story.
    let opened = store
        .quarantine_follow(None, mac, "firewall fails", &firewall)
        .await
        .unwrap();
    let known = store
        .quarantine_follow(device, mac, "firewall fails", &firewall)
        .await
        .unwrap();
    assert_eq!((known.id, known.device_id), (opened.id, device));
    let mut events = store.subscribe();
    let again = store
        .quarantine_follow(device, mac, "firewall fails", &firewall)
        .await
        .unwrap();
    assert_eq!(again.id, opened.id);
    assert!(events.try_recv().is_err(), "nobody needs to hear that");
    assert!(is_conflict(store.quarantine_close(opened.id, "bob").await));
    assert!(is_conflict(
        store
            .quarantine_extend(opened.id, Some(now_us() + HOUR_US))
            .await
    ));
    let by_hand = NewQuarantine {
        kind: QuarantineKind::Posture,
        ..scan(Uuid::now_v7())
    };
    assert!(is_invalid(store.quarantine_open(by_hand).await));
    let other = Some(Uuid::now_v7());
    assert!(
        store
            .quarantine_settle(other, None)
            .await
            .unwrap()
            .is_empty()
    );
    let settled = store.quarantine_settle(device, mac).await.unwrap();
    assert_eq!(settled[0].closed_by.as_deref(), Some("policy"));
    // A device that never comes back is forgotten.
    let gone = store
        .quarantine_follow(other, None, "stale", &[])
        .await
        .unwrap();
    assert!(store.quarantine_expire().await.unwrap().is_empty());
    world
        .tamper("UPDATE quarantine SET seen_us = 1 WHERE closed_us IS NULL")
        .await;
    assert_eq!(store.quarantine_expire().await.unwrap()[0].id, gone.id);
}

async fn a_host_is_checked_again_once_at_a_time(world: Arc<World>) {
    let store = world.open().await;
    let node = new_node("k");
    store.node_put(&node).await.unwrap();
    assert!(is_missing(
        store.recheck_request(Uuid::now_v7(), "alice").await
    ));
    let RecheckOutcome::Asked(first) = store.recheck_request(node.id, "alice").await.unwrap()
    else {
        panic!("the first is asked");
    };
    assert_eq!(first.generation, 1);
    assert!(first.is_open(now_us()) && !first.is_open(now_us() + HOUR_US));
    let again = store.recheck_request(node.id, "bob").await.unwrap();
    assert_eq!(again, RecheckOutcome::Waiting(first.clone()));
    assert_eq!(store.recheck_list_open().await.unwrap(), [first]);
    // An answer to what was never asked answers nothing.
    store.recheck_answered(node.id, 2, 5).await.unwrap();
    assert!(
        store
            .recheck_find(node.id)
            .await
            .unwrap()
            .unwrap()
            .is_open(now_us())
    );
    store.recheck_answered(node.id, 1, 5).await.unwrap();
    let answered = store.recheck_find(node.id).await.unwrap().unwrap();
    assert_eq!(
        (answered.answered_generation, answered.answered_us),
        (1, Some(5))
    );
    for generation in 2..=30 {
        let RecheckOutcome::Asked(next) = store.recheck_request(node.id, "alice").await.unwrap()
        else {
            panic!("request {generation} is asked");
        };
        assert_eq!(next.generation, generation);
        store
            .recheck_answered(node.id, generation, 5)
            .await
            .unwrap();
    }
    let over = store.recheck_request(node.id, "alice").await.unwrap();
    assert!(matches!(over, RecheckOutcome::TooOften { again_us } if again_us > now_us()));
    world.tamper("UPDATE recheck SET window_us = 5").await;
    let later = store.recheck_request(node.id, "alice").await.unwrap();
    assert!(matches!(later, RecheckOutcome::Asked(_)));
    store.node_remove(node.id).await.unwrap();
    assert_eq!(store.recheck_find(node.id).await.unwrap(), None);
}

async fn a_wrong_check_is_reported_once(world: Arc<World>) {
    let store = world.open().await;
    let report = |check: &str| NewCheckReport {
        check: check.to_owned(),
        node_id: Some(Uuid::from_u128(7)),
        said_by: "alice".to_owned(),
        text: "x".repeat(3_000),
        ..NewCheckReport::default()
    };
    let filed = store.check_report_add(report("firewall")).await.unwrap();
    assert_eq!(filed.text.len(), 1_000);
    assert!(is_conflict(
        store.check_report_add(report("firewall")).await
    ));
    for number in 1..20 {
        store
            .check_report_add(report(&format!("c{number}")))
            .await
            .unwrap();
    }
    assert!(is_conflict(
        store.check_report_add(report("one-more")).await
    ));
    store.check_report_close(filed.id, "bob").await.unwrap();
    assert!(is_missing(store.check_report_close(filed.id, "bob").await));
    assert_eq!(store.check_report_list(true).await.unwrap().len(), 19);
    assert_eq!(store.check_report_list(false).await.unwrap().len(), 20);
    store.check_report_add(report("firewall")).await.unwrap();
}

async fn every_change_is_in_the_audit_log(world: Arc<World>) {
    let store: Store = world.open().await.acting(Actor {
        kind: ActorKind::Admin,
        name: "bob".to_owned(),
        source: "192.0.2.1".to_owned(),
    });
    let device = Uuid::now_v7();
    let open = store.quarantine_open(scan(device)).await.unwrap();
    store.quarantine_assign(open.id, Some("bob")).await.unwrap();
    store.quarantine_extend(open.id, None).await.unwrap();
    store
        .quarantine_note_add(open.id, "bob", "note")
        .await
        .unwrap();
    store.quarantine_told(open.id).await.unwrap();
    store
        .quarantine_release(&[open.id], "bob", true)
        .await
        .unwrap();
    store.quarantine_close(open.id, "bob").await.unwrap();
    let asked = store.exception_request(old_disk(device)).await.unwrap();
    store
        .exception_approve(asked.id, "bob", None)
        .await
        .unwrap();
    store.exception_revoke(asked.id, "bob", "").await.unwrap();
    let node = new_node("k");
    store.node_put(&node).await.unwrap();
    store.recheck_request(node.id, "bob").await.unwrap();
    store.node_remove(node.id).await.unwrap();
    store
        .enroll_secret_add("fleet", "ab", None, None)
        .await
        .unwrap();
    store.enroll_secret_remove("fleet").await.unwrap();
    let mut records = store.audit_list(&AuditFilter::default()).await.unwrap();
    records.reverse();
    let actions: Vec<&str> = records
        .iter()
        .map(|record| record.action.as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "quarantine.open",
            "quarantine.assign",
            "quarantine.extend",
            "quarantine.note",
            "quarantine.told",
            "quarantine.close",
            "exception.request",
            "exception.approve",
            "exception.revoke",
            "node.put",
            "node.recheck",
            "node.remove",
            "enroll-secret.add",
            "enroll-secret.remove",
        ]
    );
    let close = &records[5];
    assert!(
        close
            .before
            .as_deref()
            .unwrap()
            .contains("\"closed_us\":null")
    );
    assert!(
        close
            .after
            .as_deref()
            .unwrap()
            .contains("\"closed_by\":\"bob\"")
    );
    assert!(records.iter().all(|record| {
        let texts = [&record.before, &record.after];
        texts
            .into_iter()
            .flatten()
            .all(|text| !text.contains("node_key"))
    }));
}
