//! Offers keep their order, whatever is moved.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, EventKind, Offer, OfferedInnerMethod, OfferedMethod, Store,
    StoreError,
};

use crate::world::{World, on_each_engine};

on_each_engine!(
    offers_keep_their_order_and_their_methods,
    a_changed_offer_is_told_and_recorded,
);

fn offer(name: &str) -> Offer {
    Offer {
        name: name.to_owned(),
        ssid: "corp".to_owned(),
        methods: vec![OfferedMethod::Teap, OfferedMethod::EapTls],
        inner_methods: vec![OfferedInnerMethod::EapTls, OfferedInnerMethod::Pap],
        ..Offer::default()
    }
}

async fn names(store: &Store) -> Vec<String> {
    let offers = store.offer_list().await.unwrap();
    offers.into_iter().map(|offer| offer.name).collect()
}

async fn offers_keep_their_order_and_their_methods(world: Arc<World>) {
    let store = world.open().await;
    assert!(store.offer_list().await.unwrap().is_empty());
    let first = store.offer_put(offer("b")).await.unwrap();
    let wanted = Offer {
        position: 1,
        updated_us: first.updated_us,
        ..offer("b")
    };
    assert_eq!(first, wanted);
    for name in ["a", "d", "c"] {
        store.offer_put(offer(name)).await.unwrap();
    }
    assert_eq!(names(&store).await, ["b", "a", "d", "c"]);
    // Changed in its place.
    let changed = Offer {
        methods: vec![OfferedMethod::Mab],
        inner_methods: Vec::new(),
        position: 99,
        ..offer("a")
    };
    let changed = store.offer_put(changed).await.unwrap();
    assert_eq!(changed.position, 2);
    assert_eq!(store.offer_fetch("a").await.unwrap(), changed);
    assert_eq!(store.offer_move("c", 1).await.unwrap().position, 1);
    assert_eq!(names(&store).await, ["c", "b", "a", "d"]);
    assert_eq!(store.offer_move("b", 3).await.unwrap().position, 3);
    assert_eq!(names(&store).await, ["c", "a", "b", "d"]);
    assert_eq!(store.offer_move("c", 1_000).await.unwrap().position, 4);
    assert_eq!(store.offer_move("d", 0).await.unwrap().position, 1);
    assert_eq!(names(&store).await, ["d", "a", "b", "c"]);
    store.offer_remove("a").await.unwrap();
    store.offer_put(offer("e")).await.unwrap();
    assert_eq!(names(&store).await, ["d", "b", "c", "e"]);
    for missing in [
        store.offer_remove("a").await.unwrap_err(),
        store.offer_move("a", 1).await.unwrap_err(),
        store.offer_fetch("a").await.unwrap_err(),
    ] {
        assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
    }
    for broken in [
        Offer::default(),
        Offer {
            methods: Vec::new(),
            ..offer("x")
        },
    ] {
        let refused = store.offer_put(broken).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid { .. }), "{refused}");
    }
}

async fn a_changed_offer_is_told_and_recorded(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Cli,
        name: "cli:helen".to_owned(),
        source: String::new(),
    });
    let mut events = store.subscribe();
    store.offer_put(offer("a")).await.unwrap();
    store.offer_put(offer("b")).await.unwrap();
    store.offer_move("b", 1).await.unwrap();
    store.offer_remove("a").await.unwrap();
    for name in ["a", "b", "b", "a"] {
        let event = events.recv().await.unwrap();
        assert_eq!((event.kind, event.key.as_str()), (EventKind::Offer, name));
    }
    let filter = AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    let actions: Vec<String> = store
        .audit_list(&filter)
        .await
        .unwrap()
        .into_iter()
        .rev()
        .map(|record| record.action)
        .collect();
    assert_eq!(
        actions,
        ["offer.put", "offer.put", "offer.move", "offer.remove"]
    );
}
