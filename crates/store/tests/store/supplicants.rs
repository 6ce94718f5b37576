//! MACs that were let in by EAP: written down, read since a moment, forgotten by command and by age.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, DeviceRecord, EventKind, StoreError, now_us,
};

use crate::world::{World, on_each_engine};

on_each_engine!(
    the_newest_method_and_time_of_a_mac_are_kept,
    who_is_forgotten_is_told_and_audited,
    a_device_is_allowed_with_all_its_addresses_and_an_address_alone,
    they_are_kept_as_long_as_sessions,
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
