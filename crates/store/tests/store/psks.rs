//! Wi-Fi keys of single devices: one current, one overlapping, none after a revocation.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, DevicePsk, PskState, SecretBytes, StoreError, now_us,
};
use uuid::Uuid;

use crate::world::{World, new_device, on_each_engine};

on_each_engine!(
    a_key_is_rotated_with_an_overlap_and_forgotten_after_it,
    a_revoked_key_is_over_at_once_and_a_new_one_can_follow,
    a_key_goes_with_its_device_and_is_sealed,
    the_history_of_rotations_is_bounded,
);

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes())
}

async fn a_key_is_rotated_with_an_overlap_and_forgotten_after_it(world: Arc<World>) {
    let store = world.open().await;
    let device = store
        .device_put(new_device("tv", "02:00:00:00:00:01"))
        .await
        .unwrap()
        .id;
    let missing = store
        .device_psk_rotate(device, "home", secret("12345678"), 0, "alice")
        .await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    store
        .device_psk_create(device, "home", secret("first-key"), "alice")
        .await
        .unwrap();
    let twice = store
        .device_psk_create(device, "home", secret("other-key"), "alice")
        .await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })));
    store
        .device_psk_create(device, "other", secret("first-key"), "alice")
        .await
        .unwrap();
    let overlap = 60_000_000;
    store
        .device_psk_rotate(device, "home", secret("second-key"), overlap, "bob")
        .await
        .unwrap();
    let listed = |psks: Vec<DevicePsk>| {
        let now = now_us();
        psks.into_iter()
            .filter(|psk| psk.ssid == "home")
            .map(|psk| (psk.state(now), psk.passphrase))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed(store.device_psk_list(device).await.unwrap()),
        [
            (PskState::Current, Some(secret("second-key"))),
            (PskState::Overlap, Some(secret("first-key"))),
        ]
    );
    // A second rotation ends the overlap of the first: never are more than two right.
    store
        .device_psk_rotate(device, "home", secret("third-key"), 0, "bob")
        .await
        .unwrap();
    assert_eq!(
        listed(store.device_psk_list(device).await.unwrap()),
        [
            (PskState::Current, Some(secret("third-key"))),
            (PskState::Over, Some(secret("second-key"))),
            (PskState::Over, None),
        ]
    );
    let over = &store.device_psk_list(device).await.unwrap()[1];
    assert_eq!((over.valid(now_us()), over.revoked), (None, false));
    assert_eq!(store.device_psk_forget().await.unwrap(), 1);
    assert_eq!(store.device_psk_forget().await.unwrap(), 0);
    assert_eq!(
        listed(store.device_psk_list(device).await.unwrap())[1],
        (PskState::Over, None)
    );
    let all = store.device_psk_list_all(None, 10).await.unwrap();
    assert_eq!(all.len(), 4);
    let rest = store
        .device_psk_list_all(Some(all[2].id), 10)
        .await
        .unwrap();
    assert_eq!(rest, all[3..]);
}

async fn a_revoked_key_is_over_at_once_and_a_new_one_can_follow(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Cli,
        name: "root".to_owned(),
        source: String::new(),
    });
    let device = store
        .device_put(new_device("tv", "02:00:00:00:00:01"))
        .await
        .unwrap()
        .id;
    for ssid in ["home", "work"] {
        store
            .device_psk_create(device, ssid, secret("top-secret-key"), "alice")
            .await
            .unwrap();
    }
    store
        .device_psk_rotate(
            device,
            "home",
            secret("next-secret-key"),
            60_000_000,
            "alice",
        )
        .await
        .unwrap();
    assert_eq!(
        store
            .device_psk_revoke(device, Some("home"), "alice")
            .await
            .unwrap(),
        2
    );
    assert!(matches!(
        store.device_psk_revoke(device, Some("home"), "alice").await,
        Err(StoreError::NotFound { .. })
    ));
    let psks = store.device_psk_list(device).await.unwrap();
    for psk in &psks {
        let revoked = psk.ssid == "home";
        assert_eq!(psk.passphrase.is_none(), revoked);
        assert_eq!(psk.state(now_us()) == PskState::Revoked, revoked);
    }
    store
        .device_psk_create(device, "home", secret("fresh-secret-key"), "alice")
        .await
        .unwrap();
    assert_eq!(
        store
            .device_psk_revoke(device, None, "alice")
            .await
            .unwrap(),
        2
    );
    let records = store.audit_list(&AuditFilter::default()).await.unwrap();
    assert!(records.len() >= 8);
    assert!(
        records
            .iter()
            .all(|record| !format!("{record:?}").contains("secret-key"))
    );
}

async fn a_key_goes_with_its_device_and_is_sealed(world: Arc<World>) {
    let store = world.open().await;
    let nobody = store
        .device_psk_create(Uuid::now_v7(), "home", secret("12345678"), "alice")
        .await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));
    let device = store
        .device_put(new_device("tv", "02:00:00:00:00:01"))
        .await
        .unwrap()
        .id;
    let psk = store
        .device_psk_create(device, "home", secret("plain-to-see"), "alice")
        .await
        .unwrap();
    assert!(!format!("{psk:?}").contains("plain-to-see"));
    if world.is_sqlite() {
        let mut files = Vec::new();
        for name in ["nac.db", "nac.db-wal"] {
            files.extend(std::fs::read(world.directory.path().join(name)).unwrap_or_default());
        }
        let seen = files.windows(12).any(|window| window == b"plain-to-see");
        assert!(!seen);
    }
    store.device_remove(device).await.unwrap();
    assert_eq!(store.device_psk_list(device).await.unwrap(), []);
    assert_eq!(store.device_psk_list_all(None, 10).await.unwrap(), []);
}

async fn the_history_of_rotations_is_bounded(world: Arc<World>) {
    let store = world.open().await;
    let device = store
        .device_put(new_device("tv", "02:00:00:00:00:01"))
        .await
        .unwrap()
        .id;
    store
        .device_psk_create(device, "home", secret("12345678"), "alice")
        .await
        .unwrap();
    for _ in 0..15 {
        store
            .device_psk_rotate(device, "home", secret("87654321"), 0, "alice")
            .await
            .unwrap();
    }
    let psks = store.device_psk_list(device).await.unwrap();
    assert_eq!(psks.len(), 10);
    assert_eq!(psks[0].state(now_us()), PskState::Current);
}
