//! Break-glass: a reason, an end, one at a time, and everybody hears of it.

use std::sync::Arc;
use std::time::Duration;

use nac_store::{
    Actor, ActorKind, AuditFilter, BREAK_GLASS_MAX_US, BreakGlass, EventKind, Store, StoreError,
    now_us,
};

use crate::world::{World, on_each_engine};

on_each_engine!(
    it_is_on_until_somebody_ends_it_and_everybody_hears_of_both,
    it_needs_a_reason_and_an_end_within_a_day,
    a_second_one_takes_the_place_of_the_first,
    it_ends_by_itself_and_is_over_on_time_before_that_is_written,
);

const HOUR_US: i64 = 3_600_000_000;

/// The store in somebody's hands: what they do is audited.
async fn opened(world: &World) -> Store {
    world.open().await.acting(Actor {
        kind: ActorKind::Cli,
        name: "cli:root".to_owned(),
        source: String::new(),
    })
}

async fn begun(store: &Store, reason: &str) -> BreakGlass {
    store
        .break_glass_start(reason, "cli:root", now_us() + HOUR_US)
        .await
        .unwrap()
}

/// What the audit log says was done to one use, oldest first.
async fn audited(store: &Store, using: &BreakGlass) -> Vec<String> {
    let filter = AuditFilter {
        object: Some(format!("break-glass:{}", using.id)),
        ..AuditFilter::default()
    };
    let mut records = store.audit_list(&filter).await.unwrap();
    records.sort_by_key(|record| record.seq);
    records.into_iter().map(|record| record.action).collect()
}

async fn it_is_on_until_somebody_ends_it_and_everybody_hears_of_both(world: Arc<World>) {
    let store = opened(&world).await;
    assert_eq!(store.break_glass_current().await.unwrap(), None);
    let mut events = store.subscribe();
    let using = begun(&store, " the disk check\0is wrong ").await;
    assert_eq!(using.reason, "the disk check\u{fffd}is wrong");
    assert_eq!(
        (using.started_by.as_str(), using.ended_us),
        ("cli:root", None)
    );
    let event = events.try_recv().unwrap();
    assert_eq!(
        (event.kind, event.key),
        (EventKind::BreakGlass, using.id.to_string())
    );
    assert_eq!(
        store.break_glass_current().await.unwrap().as_ref(),
        Some(&using)
    );

    let ended = store.break_glass_end("admin:jane").await.unwrap();
    assert_eq!(ended.id, using.id);
    assert_eq!(ended.ended_by.as_deref(), Some("admin:jane"));
    assert_eq!(events.try_recv().unwrap().kind, EventKind::BreakGlass);
    assert_eq!(store.break_glass_current().await.unwrap(), None);
    assert_eq!(
        audited(&store, &using).await,
        ["break-glass.start", "break-glass.end"]
    );
    assert!(matches!(
        store.break_glass_end("admin:jane").await,
        Err(StoreError::NotFound { .. })
    ));
    // A decision of that time is explained by it, and one of another time is not.
    let at = async |us| store.break_glass_at(us).await.unwrap();
    assert_eq!(at(using.started_us).await.as_ref(), Some(&ended));
    assert_eq!(at(using.started_us - 1).await, None);
    assert_eq!(at(ended.ended_us.unwrap() + 1).await, None);
}

async fn it_needs_a_reason_and_an_end_within_a_day(world: Arc<World>) {
    let store = opened(&world).await;
    let long = "x".repeat(1_001);
    let now = now_us();
    let minute = 60_000_000;
    for (reason, expires_us) in [
        ("", now + HOUR_US),
        (" \t", now + HOUR_US),
        (&long, now + HOUR_US),
        ("why", now),
        ("why", now + BREAK_GLASS_MAX_US + minute),
        ("why", i64::MAX),
    ] {
        let refused = store
            .break_glass_start(reason, "cli:root", expires_us)
            .await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{reason:?} until {expires_us}: {refused:?}"
        );
    }
    assert_eq!(store.break_glass_list(10).await.unwrap(), []);
    store
        .break_glass_start("why", "cli:root", now + BREAK_GLASS_MAX_US)
        .await
        .unwrap();
}

async fn a_second_one_takes_the_place_of_the_first(world: Arc<World>) {
    let store = opened(&world).await;
    let first = begun(&store, "first").await;
    let second = begun(&store, "second").await;
    assert_eq!(
        store.break_glass_current().await.unwrap().as_ref(),
        Some(&second)
    );
    let list = store.break_glass_list(10).await.unwrap();
    let reasons: Vec<(&str, bool)> = list
        .iter()
        .map(|using| (using.reason.as_str(), using.ended_us.is_some()))
        .collect();
    assert_eq!(reasons, [("second", false), ("first", true)]);
    assert_eq!(
        audited(&store, &first).await,
        ["break-glass.start", "break-glass.end"]
    );
}

async fn it_ends_by_itself_and_is_over_on_time_before_that_is_written(world: Arc<World>) {
    let store = opened(&world).await;
    let using = store
        .break_glass_start("short", "cli:root", now_us() + 300_000)
        .await
        .unwrap();
    assert_eq!(store.break_glass_expire().await.unwrap(), None);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(store.break_glass_current().await.unwrap(), None);
    let mut events = store.subscribe();
    let ended = store.break_glass_expire().await.unwrap().unwrap();
    assert_eq!(
        (ended.id, ended.ended_by.as_deref()),
        (using.id, Some("expiry"))
    );
    assert_eq!(events.try_recv().unwrap().kind, EventKind::BreakGlass);
    assert_eq!(store.break_glass_expire().await.unwrap(), None);
    // The next one finds its place free.
    begun(&store, "again").await;
}
