//! Exceptions: asked for, granted, renewed, over.

use std::sync::Arc;

use nac_store::{ExceptionFilter, ExceptionSort, ExceptionState, NewException, now_us};
use uuid::Uuid;

use crate::remedy::{HOUR_US, is_conflict, is_invalid, is_missing, old_disk, scan};
use crate::world::{World, on_each_engine};

on_each_engine!(
    who_is_let_out_for_a_time_has_exceptions,
    an_exception_is_asked_for_granted_and_over,
    an_exception_needs_a_reason_a_rule_and_an_end,
    exceptions_end_in_bulk_and_by_their_time,
);

async fn who_is_let_out_for_a_time_has_exceptions(world: Arc<World>) {
    let store = world.open().await;
    let device = Uuid::now_v7();
    let end = now_us() + HOUR_US;
    let checks = ["disk".to_owned(), "firewall".to_owned()];
    let follows = store
        .quarantine_follow(Some(device), None, "2 checks fail", &checks)
        .await
        .unwrap();
    assert!(is_invalid(
        store.quarantine_except(follows.id, "bob", " ", end).await
    ));
    let granted = store
        .quarantine_except(follows.id, "bob", "exam", end)
        .await
        .unwrap();
    let of: Vec<_> = granted
        .iter()
        .map(|one| (one.check.as_deref(), one.device_id, one.state))
        .collect();
    assert_eq!(
        of,
        [
            (Some("disk"), Some(device), ExceptionState::Active),
            (Some("firewall"), Some(device), ExceptionState::Active),
        ]
    );
    let again = store
        .quarantine_except(follows.id, "bob", "exam", end)
        .await;
    assert!(again.unwrap().is_empty());
    let manual = store.quarantine_open(scan(device)).await.unwrap();
    let granted = store
        .quarantine_except(manual.id, "bob", "exam", end)
        .await
        .unwrap();
    assert_eq!(granted[0].quarantine_id, Some(manual.id));
    let stale = store
        .quarantine_follow(Some(Uuid::now_v7()), None, "posture is stale", &[])
        .await
        .unwrap();
    assert!(is_conflict(
        store.quarantine_except(stale.id, "bob", "exam", end).await
    ));
    store.quarantine_close(manual.id, "bob").await.unwrap();
    assert!(is_missing(
        store.quarantine_except(manual.id, "bob", "exam", end).await
    ));
}

async fn an_exception_is_asked_for_granted_and_over(world: Arc<World>) {
    let store = world.open().await;
    let device = Uuid::now_v7();
    let asked = store.exception_request(old_disk(device)).await.unwrap();
    assert_eq!(
        (asked.state, &asked.approved_by),
        (ExceptionState::Requested, &None)
    );
    assert!(store.exception_list_active().await.unwrap().is_empty());
    assert!(is_conflict(store.exception_request(old_disk(device)).await));
    assert!(is_conflict(
        store.exception_add(old_disk(device), "bob").await
    ));
    let end = now_us() + 2 * HOUR_US;
    let granted = store
        .exception_approve(asked.id, "bob", Some(end))
        .await
        .unwrap();
    assert_eq!(
        (
            granted.state,
            granted.approved_by.as_deref(),
            granted.expires_us
        ),
        (ExceptionState::Active, Some("bob"), end)
    );
    assert_eq!(store.exception_list_active().await.unwrap(), [granted]);
    assert!(is_conflict(
        store.exception_approve(asked.id, "bob", None).await
    ));
    assert!(is_conflict(
        store.exception_deny(asked.id, "bob", "no").await
    ));
    store
        .exception_used(&[
            (asked.id, 7),
            (asked.id, 9),
            (asked.id, 8),
            (Uuid::now_v7(), 1),
        ])
        .await
        .unwrap();
    let used = store.exception_fetch(asked.id).await.unwrap();
    assert_eq!((used.first_used_us, used.last_used_us), (Some(7), Some(9)));
    assert!(is_invalid(
        store.exception_renew(asked.id, "bob", end, " ").await
    ));
    let later = end + HOUR_US;
    let renewed = store
        .exception_renew(asked.id, "bob", later, "still no disk")
        .await
        .unwrap();
    assert_eq!(
        (renewed.expires_us, renewed.reason.as_str()),
        (later, "still no disk")
    );
    let over = store
        .exception_revoke(asked.id, "bob", "it came")
        .await
        .unwrap();
    assert_eq!(over.state, ExceptionState::Revoked);
    assert_eq!(over.ended_note.as_deref(), Some("it came"));
    assert!(is_conflict(
        store.exception_revoke(asked.id, "bob", "").await
    ));
    assert!(is_conflict(
        store.exception_renew(asked.id, "bob", later, "x").await
    ));
    // The same may be asked for again, and be denied.
    let asked = store.exception_request(old_disk(device)).await.unwrap();
    assert!(is_invalid(store.exception_deny(asked.id, "bob", " ").await));
    let denied = store
        .exception_deny(asked.id, "bob", "borrow one")
        .await
        .unwrap();
    assert_eq!(denied.state, ExceptionState::Denied);
    assert!(is_missing(store.exception_fetch(Uuid::now_v7()).await));
    assert!(is_missing(
        store.exception_deny(Uuid::now_v7(), "bob", "x").await
    ));
    let filter = ExceptionFilter {
        device_id: Some(device),
        ..ExceptionFilter::default()
    };
    let listed = store.exception_list(&filter).await.unwrap();
    assert_eq!(listed, [denied.clone(), over.clone()]);
    let older = ExceptionFilter {
        before: Some(denied.id),
        ..filter.clone()
    };
    assert_eq!(
        store.exception_list(&older).await.unwrap(),
        std::slice::from_ref(&over)
    );
    let by_end = ExceptionFilter {
        sort: ExceptionSort::Ends,
        ..filter
    };
    let ends = store.exception_list(&by_end).await.unwrap();
    assert!(ends[0].expires_us <= ends[1].expires_us);
    let behind = ExceptionFilter {
        before: Some(ends[0].id),
        ..by_end
    };
    assert_eq!(store.exception_list(&behind).await.unwrap(), ends[1..]);
    let open = ExceptionFilter {
        open_only: true,
        ..ExceptionFilter::default()
    };
    assert!(store.exception_list(&open).await.unwrap().is_empty());
    let denied_only = ExceptionFilter {
        state: Some(ExceptionState::Denied),
        check: Some("linux-disk-encryption".to_owned()),
        search: Some("MONDAY".to_owned()),
        ..ExceptionFilter::default()
    };
    assert_eq!(store.exception_list(&denied_only).await.unwrap(), [denied]);
}

async fn an_exception_needs_a_reason_a_rule_and_an_end(world: Arc<World>) {
    let store = world.open().await;
    let device = Uuid::now_v7();
    let whole = || old_disk(device);
    for (story, broken) in [
        (
            "no reason",
            NewException {
                reason: " \n".to_owned(),
                ..whole()
            },
        ),
        (
            "too long",
            NewException {
                reason: "x".repeat(1_001),
                ..whole()
            },
        ),
        (
            "over before it began",
            NewException {
                expires_us: now_us(),
                ..whole()
            },
        ),
        (
            "no rule",
            NewException {
                check: Some(String::new()),
                ..whole()
            },
        ),
        (
            "two rules",
            NewException {
                quarantine_id: Some(device),
                ..whole()
            },
        ),
        (
            "nobody",
            NewException {
                device_id: None,
                ..whole()
            },
        ),
    ] {
        assert!(is_invalid(store.exception_request(broken).await), "{story}");
    }
    let for_host = NewException {
        device_id: None,
        node_id: Some(device),
        ..whole()
    };
    store.exception_request(for_host).await.unwrap();
    let of_quarantine = NewException {
        device_id: None,
        check: None,
        quarantine_id: Some(device),
        ..whole()
    };
    store.exception_add(of_quarantine, "bob").await.unwrap();
}

async fn exceptions_end_in_bulk_and_by_their_time(world: Arc<World>) {
    let store = world.open().await;
    let one = store
        .exception_add(old_disk(Uuid::now_v7()), "bob")
        .await
        .unwrap();
    let two = store
        .exception_request(old_disk(Uuid::now_v7()))
        .await
        .unwrap();
    let ids = [one.id, two.id, Uuid::now_v7()];
    let would = store
        .exception_revoke_many(&ids, "bob", "audit", true)
        .await
        .unwrap();
    assert_eq!(would.len(), 2);
    assert_eq!(store.exception_list_active().await.unwrap().len(), 1);
    assert!(store.exception_expire().await.unwrap().is_empty());
    world
        .tamper("UPDATE exception SET expires_us = 5 WHERE state = 'requested'")
        .await;
    let expired = store.exception_expire().await.unwrap();
    assert_eq!(
        (expired.len(), expired[0].state),
        (1, ExceptionState::Expired)
    );
    assert!(store.exception_expire().await.unwrap().is_empty());
    let done = store
        .exception_revoke_many(&ids, "bob", "audit", false)
        .await
        .unwrap();
    assert_eq!(done.len(), 1);
    assert!(store.exception_list_active().await.unwrap().is_empty());
}
