//! MACs that were let in by EAP: written down, read since a moment, forgotten by command and by age.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, DeviceRecord, EventKind, Session, Store, StoreError, now_us,
};

use crate::world::{World, new_device, new_session, new_user, on_each_engine};

on_each_engine!(
    the_newest_method_and_time_of_a_mac_are_kept,
    who_is_forgotten_is_told_and_audited,
    a_device_is_allowed_with_all_its_addresses_and_an_address_alone,
    they_are_kept_as_long_as_sessions,
    a_person_is_shown_what_is_known_of_their_macs_and_it_goes_with_the_account,
    a_device_takes_it_along_unless_somebody_else_came_with_the_mac,
);

const ONE: &str = "02:00:00:00:00:01";
const TWO: &str = "02:00:00:00:00:02";
const DAY_US: i64 = 24 * 3_600 * 1_000_000;

async fn the_newest_method_and_time_of_a_mac_are_kept(world: Arc<World>) {
    let store = world.open().await;
    let many: Vec<(String, &str)> = (0..100)
        .map(|number| (format!("02:00:00:00:01:{number:02x}"), "EAP-TLS"))
        .collect();
    store.supplicant_put(&many).await.unwrap();
    store
        .supplicant_put(&[(ONE.to_owned(), "EAP-TLS"), (TWO.to_owned(), "EAP-TLS")])
        .await
        .unwrap();
    let first = store.supplicant_find(ONE).await.unwrap().unwrap();
    let between = now_us() + 1;
    while now_us() < between {
        tokio::task::yield_now().await;
    }
    store
        .supplicant_put(&[(ONE.to_owned(), "PEAP-MSCHAPv2")])
        .await
        .unwrap();
    let now = store.supplicant_find(ONE).await.unwrap().unwrap();
    assert_eq!(now.method, "PEAP-MSCHAPv2");
    assert!(now.seen_us > first.seen_us);
    assert_eq!(store.supplicant_list(between, 10).await.unwrap(), [now]);
    assert_eq!(
        store.supplicant_list(i64::MIN, 1_000).await.unwrap().len(),
        102
    );
    assert_eq!(
        store.supplicant_list(i64::MIN, 10).await.unwrap()[0].mac,
        ONE
    );
}

async fn who_is_forgotten_is_told_and_audited(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Cli,
        name: "cli:root".to_owned(),
        source: String::new(),
    });
    store
        .supplicant_put(&[(ONE.to_owned(), "EAP-TLS")])
        .await
        .unwrap();
    let mut events = store.subscribe();
    let allowed = store.device_allow_mab("0200.0000.0001").await.unwrap();
    assert_eq!(allowed.device, ONE, "a MAC need not be in the inventory");
    assert_eq!(allowed.forgotten[0].method, "EAP-TLS");
    let event = events.try_recv().unwrap();
    assert_eq!(
        (event.kind, event.key.as_str()),
        (EventKind::Supplicant, ONE)
    );
    assert_eq!(store.supplicant_find(ONE).await.unwrap(), None);
    let filter = AuditFilter {
        object: Some(format!("supplicant:{ONE}")),
        ..AuditFilter::default()
    };
    let records = store.audit_list(&filter).await.unwrap();
    assert_eq!(records[0].action, "supplicant.forget");
    let again = store.device_allow_mab(ONE).await.unwrap();
    assert!(again.forgotten.is_empty(), "there is nothing to forget");
    assert_eq!(store.audit_list(&filter).await.unwrap().len(), 1);
}

async fn a_device_is_allowed_with_all_its_addresses_and_an_address_alone(world: Arc<World>) {
    let store = world.open().await;
    let device = store
        .device_put(DeviceRecord {
            macs: vec![ONE.to_owned(), TWO.to_owned()],
            ..DeviceRecord::new("laptop", "admin")
        })
        .await
        .unwrap();
    let seen = [(ONE.to_owned(), "EAP-TLS"), (TWO.to_owned(), "EAP-TLS")];
    store.supplicant_put(&seen).await.unwrap();
    store.device_allow_mab(ONE).await.unwrap();
    let left = store.supplicants_of(&device).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].mac, TWO);
    store.supplicant_put(&seen).await.unwrap();
    for by in [device.id.to_string(), "laptop".to_owned()] {
        store.supplicant_put(&seen).await.unwrap();
        let allowed = store.device_allow_mab(&by).await.unwrap();
        assert_eq!(
            (allowed.device.as_str(), allowed.forgotten.len()),
            ("laptop", 2)
        );
        assert!(store.supplicants_of(&device).await.unwrap().is_empty());
    }
    assert!(matches!(
        store.device_allow_mab("nobody").await,
        Err(StoreError::NotFound { .. })
    ));
}

async fn they_are_kept_as_long_as_sessions(world: Arc<World>) {
    let store = world.open().await;
    store
        .supplicant_put(&[(ONE.to_owned(), "EAP-TLS")])
        .await
        .unwrap();
    let days = store
        .portal_site("")
        .await
        .unwrap()
        .settings
        .retention
        .sessions_days;
    let kept = now_us() + i64::from(days) * DAY_US - DAY_US;
    store.retention_run(kept).await.unwrap();
    assert!(store.supplicant_find(ONE).await.unwrap().is_some());
    store.retention_run(kept + 2 * DAY_US).await.unwrap();
    assert_eq!(store.supplicant_find(ONE).await.unwrap(), None);
}

/// Somebody was let in with a MAC by this method.
async fn let_in(store: &Store, identity: &str, mac: &str, method: &'static str) -> Session {
    let session = Session {
        identity: identity.to_owned(),
        mac: Some(mac.to_owned()),
        method: method.to_owned(),
        ..new_session()
    };
    store.session_put(&session).await.unwrap();
    session
}

async fn a_person_is_shown_what_is_known_of_their_macs_and_it_goes_with_the_account(
    world: Arc<World>,
) {
    const THREE: &str = "02:00:00:00:00:03";
    let store = world.open().await;
    store.user_put(new_user("alice")).await.unwrap();
    let seen = [ONE, TWO, THREE].map(|mac| (mac.to_owned(), "PEAP-MSCHAPv2"));
    store.supplicant_put(&seen).await.unwrap();
    for mac in [ONE, TWO, THREE] {
        let_in(&store, "alice", mac, "PEAP-MSCHAPv2").await;
    }
    // The second is bob's by now; the first was only copied.
    let_in(&store, "bob", TWO, "PEAP-MSCHAPv2").await;
    let copy = let_in(&store, ONE, ONE, "MAB").await;
    let held = store.personal_data_of_user("alice").await.unwrap();
    let macs: Vec<&str> = held
        .supplicants
        .iter()
        .map(|row| row.mac.as_str())
        .collect();
    assert_eq!(macs, [ONE, THREE]);
    let by_mac = store.personal_data(&copy).await.unwrap();
    assert!(by_mac.supplicants.is_empty(), "a MAC opens nothing");

    // The third is in the inventory, and stays known as long as it is.
    store.device_put(new_device("laptop", THREE)).await.unwrap();
    let mut events = store.subscribe();
    store.user_remove("alice").await.unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.extend((event.kind == EventKind::Supplicant).then_some(event.key));
    }
    assert_eq!(told, [ONE]);
    for (mac, is_known) in [(ONE, false), (TWO, true), (THREE, true)] {
        let known = store.supplicant_find(mac).await.unwrap();
        assert_eq!(known.is_some(), is_known, "{mac}");
    }
}

async fn a_device_takes_it_along_unless_somebody_else_came_with_the_mac(world: Arc<World>) {
    let store = world.open().await;
    // Both are registered as alice's.
    let own = store.device_put(new_device("own", ONE)).await.unwrap();
    let copied = store.device_put(new_device("copied", TWO)).await.unwrap();
    let seen = [ONE, TWO].map(|mac| (mac.to_owned(), "EAP-TLS"));
    store.supplicant_put(&seen).await.unwrap();
    let_in(&store, "alice", ONE, "EAP-TLS").await;
    let_in(&store, "bob", TWO, "EAP-TLS").await;
    for device in [own, copied] {
        store.device_remove(device.id).await.unwrap();
    }
    assert_eq!(store.supplicant_find(ONE).await.unwrap(), None);
    assert!(
        store.supplicant_find(TWO).await.unwrap().is_some(),
        "whoever registers the address of another's laptop makes nothing forgotten"
    );
}
