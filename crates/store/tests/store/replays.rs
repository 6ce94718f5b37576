//! What is decided again, and what is copied while it is in use.

use std::sync::Arc;

use nac_store::{DecisionRecord, Store, StoreError, now_us};

use crate::world::{World, new_client, new_decision, new_session, on_each_engine};

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

on_each_engine!(
    recorded_decisions_come_in_pages_newest_first,
    a_record_of_an_older_release_says_what_it_lacks,
    a_record_that_cannot_be_read_hides_no_other,
    live_sessions_come_with_their_newest_decision,
    a_sqlite_database_is_copied_while_it_is_written,
);

async fn put(store: &Store, record: &DecisionRecord) {
    let records = [Arc::new(record.clone())];
    store.decision_put_many(&records).await.unwrap();
}

async fn three(store: &Store) -> Vec<DecisionRecord> {
    let mut records = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let record = new_decision(user, "00:11:22:33:44:55");
        put(store, &record).await;
        records.push(record);
        // Ids of the same millisecond have no order that a test may rely on.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    records
}

async fn recorded_decisions_come_in_pages_newest_first(world: Arc<World>) {
    let store = world.open().await;
    let [first, second, third] = three(&store).await.try_into().unwrap();
    let since = now_us() - DAY_US;
    let page = store.decision_list_recorded(since, None, 2).await.unwrap();
    let ids: Vec<_> = page.iter().map(|one| one.id).collect();
    assert_eq!(ids, [third.id, second.id]);
    let (record, unrecorded) = page[0].read().unwrap();
    assert_eq!(record, third);
    assert_eq!(unrecorded, Vec::<String>::new());
    let rest = store
        .decision_list_recorded(since, Some(second.id), 2)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].id, first.id);
    assert_eq!(store.decision_count_since(since).await.unwrap(), 3);
    let tomorrow = now_us() + DAY_US;
    assert_eq!(store.decision_count_since(tomorrow).await.unwrap(), 0);
    let none = store.decision_list_recorded(tomorrow, None, 2).await;
    assert!(none.unwrap().is_empty());
}

async fn a_record_of_an_older_release_says_what_it_lacks(world: Arc<World>) {
    let store = world.open().await;
    put(&store, &new_decision("alice", "00:11:22:33:44:55")).await;
    world
        .tamper(
            "UPDATE decision SET record = REPLACE(record, '\"psk\":false', '\"psk_of_old\":false')",
        )
        .await;
    let page = store.decision_list_recorded(0, None, 10).await.unwrap();
    let (record, unrecorded) = page[0].read().unwrap();
    assert_eq!(unrecorded, ["context.device.psk"]);
    assert!(!record.facts.unwrap().device.psk);
}

async fn a_record_that_cannot_be_read_hides_no_other(world: Arc<World>) {
    let store = world.open().await;
    let [_, second, _] = three(&store).await.try_into().unwrap();
    world
        .tamper(
            "UPDATE decision SET record = REPLACE(record, '\"outcome\":\"accept\"', '\"outcome\":\"perhaps\"') \
             WHERE user_key = 'bob'",
        )
        .await;
    let page = store.decision_list_recorded(0, None, 10).await.unwrap();
    let unreadable: Vec<_> = page.iter().filter(|one| one.read().is_err()).collect();
    assert_eq!((page.len(), unreadable.len()), (3, 1));
    assert_eq!(unreadable[0].id, second.id);
}

async fn live_sessions_come_with_their_newest_decision(world: Arc<World>) {
    let store = world.open().await;
    let decision = new_decision("alice", "00:11:22:33:44:55");
    put(&store, &decision).await;
    let mut session = new_session();
    session.decision_id = decision.id;
    let mut over = new_session();
    over.stopped_us = Some(now_us());
    let forgotten = new_session();
    for one in [&session, &over, &forgotten] {
        store.session_put(one).await.unwrap();
    }
    let all = store.session_list_recorded(None, 10).await.unwrap();
    let of = |id| all.iter().find(|one| one.id == id);
    assert_eq!(all.len(), 2);
    let found = of(session.id)
        .and_then(|one| one.decision.as_ref())
        .unwrap();
    assert_eq!(found.read().unwrap().0, decision);
    assert!(of(forgotten.id).unwrap().decision.is_none());
    assert!(of(over.id).is_none());

    let first = store.session_list_recorded(None, 1).await.unwrap();
    let next = store
        .session_list_recorded(Some(first[0].id), 10)
        .await
        .unwrap();
    assert_eq!(next.len(), 1);
    assert!(next[0].id > first[0].id);
}

async fn a_sqlite_database_is_copied_while_it_is_written(world: Arc<World>) {
    let store = world.open().await;
    let client = store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap();
    let copy = world.directory.path().join("copy 'of' it.db");
    assert_eq!(store.is_file(), world.is_sqlite());
    if !world.is_sqlite() {
        let refused = store.copy_to(&copy).await.unwrap_err();
        assert!(refused.to_string().contains("pg_dump"), "{refused}");
        return;
    }
    // Another program writes all the time.
    let other = world.open().await;
    #[expect(clippy::disallowed_methods, reason = "the test waits for it itself")]
    let writing = tokio::spawn(async move {
        loop {
            put(&other, &new_decision("bob", "00:11:22:33:44:66")).await;
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    store.copy_to(&copy).await.unwrap();
    writing.abort();

    let url = format!("sqlite:{}", copy.display());
    let copied = Store::open(&url, Some(world.key.clone())).await.unwrap();
    assert_eq!(copied.client_list().await.unwrap(), [client]);
    let decisions = copied.decision_count_since(0).await.unwrap();
    assert!(decisions > 0, "what was written before the copy is in it");
    copied.close().await;
    assert!(matches!(
        store.copy_to(&copy).await,
        Err(StoreError::Database(_) | StoreError::CannotOpen { .. })
    ));
}
