//! Devices that people register: their state, lists of them, and who changed them.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, Device, DeviceFilter, DeviceRecord, DeviceRefusal, DeviceSort,
    DeviceState, DeviceStatus, Store, StoreError, now_us,
};
use uuid::Uuid;

use crate::world::{World, new_device, on_each_engine};

on_each_engine!(
    a_lost_device_stays_blocked_until_it_is_found,
    a_device_has_one_state_and_is_listed_under_it,
    every_order_can_be_paged_both_ways,
    two_who_want_the_last_place_do_not_both_get_it,
    a_search_takes_addresses_names_and_beginnings,
    changes_of_a_device_are_recorded_with_before_and_after,
);

async fn names(store: &Store, filter: DeviceFilter) -> Vec<String> {
    let devices = store.device_list(&filter).await.unwrap();
    devices.into_iter().map(|device| device.name).collect()
}

async fn a_lost_device_stays_blocked_until_it_is_found(world: Arc<World>) {
    let store = world.open().await;
    let device = store
        .device_put(new_device("phone", "02:00:00:00:00:01"))
        .await
        .unwrap();
    let lost = store.device_lost(device.id, "alice").await.unwrap();
    assert_eq!(lost.state(now_us()), DeviceState::Lost);
    assert_eq!(lost.lost_by.as_deref(), Some("alice"));
    // It keeps its record: nothing of it is removed, and a change does not find it again.
    assert_eq!(lost.macs, device.macs);
    let again = store.device_lost(device.id, "bob").await.unwrap();
    assert_eq!(
        (again.lost_us, again.lost_by),
        (lost.lost_us, lost.lost_by.clone())
    );
    let renamed = store
        .device_put(DeviceRecord {
            name: "old phone".to_owned(),
            ..DeviceRecord::change(lost, "portal")
        })
        .await
        .unwrap();
    assert_eq!(renamed.state(now_us()), DeviceState::Lost);
    // An administrator's block is another matter.
    store
        .device_set_status(device.id, DeviceStatus::Blocked)
        .await
        .unwrap();
    let found = store.device_found(device.id).await.unwrap();
    assert_eq!(found.lost_by, None);
    assert_eq!(found.state(now_us()), DeviceState::Blocked);
    let nobody = Uuid::now_v7();
    for result in [
        store.device_lost(nobody, "alice").await,
        store.device_found(nobody).await,
    ] {
        assert!(matches!(result, Err(StoreError::NotFound { .. })));
    }
}

async fn a_device_has_one_state_and_is_listed_under_it(world: Arc<World>) {
    let store = world.open().await;
    let put = async |name: &str, number: u8, expires_us, status| {
        let record = DeviceRecord {
            expires_us,
            status,
            device_type: Some("phone".to_owned()),
            ..new_device(name, &format!("02:00:00:00:00:{number:02x}"))
        };
        store.device_put(record).await.unwrap()
    };
    let (past, future) = (Some(now_us() - 1), Some(now_us() + 60_000_000));
    put("good", 1, None, DeviceStatus::Active).await;
    put("good for a minute", 2, future, DeviceStatus::Active).await;
    put("over", 3, past, DeviceStatus::Active).await;
    put("over and blocked", 4, past, DeviceStatus::Blocked).await;
    let gone = put("gone", 5, past, DeviceStatus::Blocked).await;
    store.device_lost(gone.id, "alice").await.unwrap();
    for (state, expected) in [
        (DeviceState::Active, vec!["good", "good for a minute"]),
        (DeviceState::Expired, vec!["over"]),
        (DeviceState::Blocked, vec!["over and blocked"]),
        (DeviceState::Lost, vec!["gone"]),
    ] {
        let filter = DeviceFilter {
            state: Some(state),
            device_type: Some("phone".to_owned()),
            ..DeviceFilter::default()
        };
        let devices = store.device_list(&filter).await.unwrap();
        assert!(devices.iter().all(|device| device.state(now_us()) == state));
        assert_eq!(names(&store, filter).await, expected);
    }
    let printers = DeviceFilter {
        device_type: Some("printer".to_owned()),
        ..DeviceFilter::default()
    };
    assert_eq!(names(&store, printers).await, [""; 0]);
}

async fn every_order_can_be_paged_both_ways(world: Arc<World>) {
    let store = world.open().await;
    for number in 0..7_u8 {
        let record = DeviceRecord {
            owner: (number % 3 != 0).then(|| format!("Owner{}", number % 2)),
            expires_us: (number % 2 == 0).then(|| i64::from(number % 4)),
            ..new_device(
                &format!("Name{}", number % 3),
                &format!("02:00:00:00:00:{number:02x}"),
            )
        };
        store.device_put(record).await.unwrap();
    }
    for &sort in DeviceSort::ALL {
        let mut seen = Vec::new();
        for descending in [false, true] {
            let mut filter = DeviceFilter {
                sort: Some(sort),
                descending,
                limit: 3,
                ..DeviceFilter::default()
            };
            let mut pages: Vec<Device> = Vec::new();
            loop {
                let page = store.device_list(&filter).await.unwrap();
                let Some(last) = page.last() else { break };
                filter.after = Some(last.cursor(sort));
                pages.extend(page);
            }
            for device in &pages {
                assert_eq!(device.macs.len(), 1, "{sort}: {}", device.name);
            }
            seen.push(
                pages
                    .into_iter()
                    .map(|device| device.id)
                    .collect::<Vec<_>>(),
            );
        }
        seen[1].reverse();
        assert_eq!(seen[0].len(), 7, "{sort}");
        assert_eq!(seen[0], seen[1], "{sort}");
    }
    for after in [
        "",
        "x",
        "0190c0de-0000-7000-8000-000000000000",
        "0190c0de-0000-7000-8000-000000000000.x",
    ] {
        let filter = DeviceFilter {
            sort: Some(DeviceSort::Changed),
            after: Some(after.to_owned()),
            ..DeviceFilter::default()
        };
        let refused = store.device_list(&filter).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{after}"
        );
    }
}

async fn a_search_takes_addresses_names_and_beginnings(world: Arc<World>) {
    let store = world.open().await;
    let device = store
        .device_put(new_device("Lobby Printer", "02:ab:cd:00:00:01"))
        .await
        .unwrap();
    store
        .device_put(DeviceRecord {
            owner: Some("Ünal".to_owned()),
            ..new_device("Другой", "02:ff:00:00:00:02")
        })
        .await
        .unwrap();
    let found = async |text: &str| {
        let filter = DeviceFilter {
            search: Some(text.to_owned()),
            sort: Some(DeviceSort::Name),
            ..DeviceFilter::default()
        };
        names(&store, filter).await
    };
    let id = device.id.to_string();
    for text in [
        "02-AB-CD-00-00-01",
        "02ab.cd00.0001",
        "02:ab:cd",
        "02AB-C",
        "lobby",
        "PRINT",
        &id,
    ] {
        assert_eq!(found(text).await, ["Lobby Printer"], "{text}");
    }
    for text in ["другой", "ДРУ", "ünal"] {
        assert_eq!(found(text).await, ["Другой"], "{text}");
    }
    for text in ["%", "_", "02:ab:cd:00:00:02", "~"] {
        assert_eq!(found(text).await, [""; 0], "{text}");
    }
    assert_eq!(found(" ").await.len(), 2);
    assert!(store.device_find("ДРУГОЙ").await.unwrap().is_some());
}

async fn changes_of_a_device_are_recorded_with_before_and_after(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Portal,
        name: "alice".to_owned(),
        source: "192.0.2.7".to_owned(),
    });
    let device = store
        .device_put(new_device("phone", "02:00:00:00:00:01"))
        .await
        .unwrap();
    store.device_lost(device.id, "alice").await.unwrap();
    store.device_found(device.id).await.unwrap();
    store
        .device_set_status(device.id, DeviceStatus::Blocked)
        .await
        .unwrap();
    store.device_remove(device.id).await.unwrap();
    store
        .device_put_many(vec![new_device("many", "02:00:00:00:00:02")])
        .await
        .unwrap();
    let records = store.audit_list(&AuditFilter::default()).await.unwrap();
    let actions: Vec<&str> = records
        .iter()
        .rev()
        .map(|record| record.action.as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "device.put",
            "device.lost",
            "device.found",
            "device.block",
            "device.remove",
            "device.import"
        ]
    );
    let lost = &records[4];
    assert_eq!(lost.object, format!("device:{}", device.id));
    assert!(lost.before.as_deref().unwrap().contains("\"lost_by\":null"));
    assert!(
        lost.after
            .as_deref()
            .unwrap()
            .contains("\"lost_by\":\"alice\"")
    );
    assert!(records[1].after.is_none());
    assert_eq!(store.audit_verify().await.unwrap().fault, None);
}

/// A person with an account, who may have devices.
async fn account(store: &Store, name: &str) {
    let user = nac_store::UserRecord {
        name: name.to_owned(),
        password: None,
        cleartext: None,
        enabled: true,
        groups: Vec::new(),
    };
    store.user_put(user).await.unwrap();
}

async fn two_who_want_the_last_place_do_not_both_get_it(world: Arc<World>) {
    let store = world.open().await;
    account(&store, "Alice").await;
    let one = |mac: &str| vec![new_device("phone", mac)];
    let first = store.device_register("alice", one("02:00:00:00:10:00"), None, 2);
    first.await.unwrap().unwrap();
    // Two nodes at once, each with connections of its own.
    let other = world.open().await;
    let mut taken = 0;
    for round in 0..5_u8 {
        let mac = |end: u8| format!("02:00:00:00:11:{:02x}", round * 2 + end);
        let (left, right) = tokio::join!(
            store.device_register("alice", one(&mac(0)), None, usize::from(round) + 2),
            other.device_register("ALICE", one(&mac(1)), None, usize::from(round) + 2),
        );
        let both = [left.unwrap(), right.unwrap()];
        let refused: Vec<_> = both.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!(refused, [&DeviceRefusal::Full { left: 0 }], "{both:?}");
        taken += 1;
    }
    let own = DeviceFilter {
        owner: Some("alice".to_owned()),
        ..DeviceFilter::default()
    };
    let devices = store.device_list(&own).await.unwrap();
    assert_eq!(devices.len(), 1 + taken);
    // One goes for another; what is not theirs makes no room.
    let gone = devices[0].id;
    let stranger = store
        .device_put(DeviceRecord {
            owner: Some("bob".to_owned()),
            ..new_device("printer", "02:00:00:00:12:00")
        })
        .await
        .unwrap();
    for kept in [stranger.id, Uuid::now_v7()] {
        let refused = store
            .device_register("alice", one("02:00:00:00:12:01"), Some(kept), 6)
            .await;
        assert_eq!(refused.unwrap(), Err(DeviceRefusal::Kept));
    }
    store
        .device_register("alice", one("02:00:00:00:12:01"), Some(gone), 6)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(store.device_list(&own).await.unwrap().len(), 6);
    assert!(store.device_fetch(gone).await.is_err());
    assert!(store.device_fetch(stranger.id).await.is_ok());
    let nobody = store.device_register("nobody", one("02:00:00:00:12:02"), None, 2);
    assert!(matches!(nobody.await, Err(StoreError::NotFound { .. })));
}
