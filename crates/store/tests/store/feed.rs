//! The change feed between two processes, played by two stores on one database.

use std::{sync::Arc, time::Duration};

use nac_store::{
    EVERYTHING, Event, EventKind, NewQuarantine, NodeVerdict, Segment, Store, next_events, now_us,
    reload_everything,
};
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use crate::world::{World, new_client, new_device, new_node, new_user, on_each_engine};

on_each_engine!(
    a_change_reaches_its_own_process_at_once,
    a_change_reaches_the_other_process_within_a_second,
    a_change_that_fails_is_not_told,
    changes_between_opening_and_watching_are_not_missed,
    whoever_missed_pruned_changes_reloads_everything,
    a_bulk_import_is_one_change,
    many_writers_lose_no_change,
);

const INTERVAL: Duration = Duration::from_millis(200);

async fn next(receiver: &mut Receiver<Event>) -> (EventKind, String) {
    let event = tokio::time::timeout(Duration::from_secs(5), receiver.recv())
        .await
        .unwrap()
        .unwrap();
    (event.kind, event.key)
}

/// Watches in the background until the token is dropped.
fn watch(store: &Store) -> tokio_util::sync::DropGuard {
    let cancel = CancellationToken::new();
    let (store, token) = (store.clone(), cancel.clone());
    tokio_util::task::TaskTracker::new().spawn(async move { store.watch(token, INTERVAL).await });
    cancel.drop_guard()
}

async fn a_change_reaches_its_own_process_at_once(world: Arc<World>) {
    let store = world.open().await;
    let mut events = store.subscribe();
    store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::Client, "switch".to_owned())
    );
    store
        .segment_put(Segment {
            name: "staff".to_owned(),
            ..Segment::default()
        })
        .await
        .unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::Segment, "staff".to_owned())
    );
    store.user_put(new_user("alice")).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::User, "alice".to_owned())
    );
    let device = store
        .device_put(new_device("laptop", "00:11:22:33:44:55"))
        .await
        .unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::Device, device.id.to_string())
    );
    let quarantine = NewQuarantine {
        device_id: Some(device.id),
        ..NewQuarantine::default()
    };
    let quarantine = store.quarantine_open(quarantine).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::Quarantine, quarantine.id.to_string())
    );
    store.policy_apply("", "", "alice").await.unwrap();
    assert_eq!(next(&mut events).await, (EventKind::Policy, "1".to_owned()));
    let node = new_node("k");
    store.node_put(&node).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::Node, node.id.to_string())
    );
    let verdict = NodeVerdict {
        node_id: node.id,
        verdict: nac_policy::Verdict::Stale,
        failing: Vec::new(),
        changed_us: 1,
        evaluated_us: 1,
    };
    store.node_verdict_put(&verdict).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::Posture, node.id.to_string())
    );
}

async fn a_change_reaches_the_other_process_within_a_second(world: Arc<World>) {
    let (here, there) = (world.open().await, world.open().await);
    let mut events = there.subscribe();
    let _watching = watch(&there);
    tokio::time::sleep(INTERVAL * 2).await;
    let before = std::time::Instant::now();
    here.user_put(new_user("alice")).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::User, "alice".to_owned())
    );
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    // One's own changes come once, not again through the table.
    there.user_put(new_user("bob")).await.unwrap();
    assert_eq!(next(&mut events).await, (EventKind::User, "bob".to_owned()));
    tokio::time::sleep(INTERVAL * 3).await;
    assert!(events.try_recv().is_err());
}

async fn a_change_that_fails_is_not_told(world: Arc<World>) {
    let store = world.open().await;
    store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap();
    let mut events = store.subscribe();
    store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap_err();
    store.client_remove("nobody").await.unwrap_err();
    assert!(events.try_recv().is_err());
}

async fn changes_between_opening_and_watching_are_not_missed(world: Arc<World>) {
    let (here, there) = (world.open().await, world.open().await);
    let mut events = there.subscribe();
    here.user_put(new_user("alice")).await.unwrap();
    let _watching = watch(&there);
    assert_eq!(
        next(&mut events).await,
        (EventKind::User, "alice".to_owned())
    );
}

async fn whoever_missed_pruned_changes_reloads_everything(world: Arc<World>) {
    let (here, there) = (world.open().await, world.open().await);
    let mut events = there.subscribe();
    here.user_put(new_user("alice")).await.unwrap();
    assert_eq!(here.change_prune(now_us() + 1).await.unwrap(), 1);
    assert_eq!(here.change_prune(now_us() + 1).await.unwrap(), 0);
    let _watching = watch(&there);
    for &kind in EventKind::ALL {
        assert_eq!(next(&mut events).await, (kind, EVERYTHING.to_owned()));
    }
    here.user_put(new_user("bob")).await.unwrap();
    assert_eq!(next(&mut events).await, (EventKind::User, "bob".to_owned()));
}

async fn a_bulk_import_is_one_change(world: Arc<World>) {
    let store = world.open().await;
    let mut events = store.subscribe();
    store
        .user_put_many(vec![new_user("alice"), new_user("bob")])
        .await
        .unwrap();
    store
        .device_put_many(vec![new_device("laptop", "00:11:22:33:44:55")])
        .await
        .unwrap();
    assert_eq!(
        next(&mut events).await,
        (EventKind::User, EVERYTHING.to_owned())
    );
    assert_eq!(
        next(&mut events).await,
        (EventKind::Device, EVERYTHING.to_owned())
    );
    assert!(events.try_recv().is_err());
}

async fn many_writers_lose_no_change(world: Arc<World>) {
    let (here, there) = (world.open().await, world.open().await);
    let mut events = there.subscribe();
    let _watching = watch(&there);
    let tracker = tokio_util::task::TaskTracker::new();
    for writer in 0..4 {
        let here = here.clone();
        tracker.spawn(async move {
            for number in 0..25 {
                here.user_put(new_user(&format!("user-{writer}-{number}")))
                    .await
                    .unwrap();
            }
        });
    }
    tracker.close();
    tracker.wait().await;
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 100 {
        seen.insert(next(&mut events).await.1);
    }
}

#[tokio::test]
async fn a_slow_subscriber_reloads_everything() {
    let (sender, mut receiver) = tokio::sync::broadcast::channel(2);
    for seq in 0..5 {
        sender
            .send(Event {
                seq,
                kind: EventKind::User,
                key: "alice".to_owned(),
            })
            .unwrap();
    }
    assert_eq!(
        next_events(&mut receiver).await.unwrap(),
        reload_everything()
    );
    assert_eq!(next_events(&mut receiver).await.unwrap()[0].seq, 3);
    drop(sender);
    assert_eq!(next_events(&mut receiver).await.unwrap()[0].seq, 4);
    assert!(next_events(&mut receiver).await.is_none());
}
