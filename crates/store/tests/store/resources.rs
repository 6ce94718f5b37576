//! The inventory: clients, segments, users, devices.

use std::sync::Arc;

use nac_store::{
    ClientChange, DeviceFilter, DeviceSort, DeviceState, DeviceStatus, IdentifierKind, SecretBytes,
    Segment, StoreError, UserFilter, UserSort, Writer,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::world::{World, new_client, new_device, new_user, on_each_engine};

on_each_engine!(
    clients_come_change_and_go,
    segments_that_must_exist_stay,
    users_are_compared_in_lower_case,
    a_password_ends_and_its_own_user_changes_it,
    a_second_factor_outlives_every_other_change_of_its_user,
    users_load_in_pieces,
    devices_are_recognised_by_their_marks,
    a_mark_belongs_to_one_device_only,
    devices_load_in_pieces,
);

fn is_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

fn is_missing<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound { .. }))
}

async fn clients_come_change_and_go(world: Arc<World>) {
    let store = world.open().await;
    let added = store
        .client_add(new_client("switch", "10.0.0.7/24"))
        .await
        .unwrap();
    assert_eq!(added.address.to_string(), "10.0.0.0/24");
    assert_eq!(store.client_fetch("switch").await.unwrap(), added);
    assert!(is_conflict(
        store.client_add(new_client("switch", "10.9.0.0/24")).await
    ));
    assert!(is_conflict(
        store.client_add(new_client("other", "10.0.0.9/24")).await
    ));
    store
        .client_add(new_client("ap", "2001:db8::1/128"))
        .await
        .unwrap();
    let change = ClientChange {
        name: Some("core".to_owned()),
        secret: Some(SecretBytes::new(*b"another")),
        coa_port: Some(None),
        ..ClientChange::default()
    };
    let changed = store.client_update("switch", change).await.unwrap();
    assert!(changed.updated_us > added.updated_us);
    let names: Vec<String> = store
        .client_list()
        .await
        .unwrap()
        .into_iter()
        .map(|client| client.name)
        .collect();
    assert_eq!(names, ["ap", "core"]);
    let fetched = store.client_fetch("core").await.unwrap();
    assert_eq!(fetched, changed);
    let named = |name: Option<&str>| ClientChange {
        radsec_name: Some(name.map(str::to_owned)),
        ..ClientChange::default()
    };
    let sw1 = Some("sw1.example.org");
    let over_tls = store.client_update("core", named(sw1)).await.unwrap();
    assert_eq!(over_tls.radsec_name.as_deref(), sw1);
    assert!(is_conflict(store.client_update("ap", named(sw1)).await));
    store.client_update("core", named(None)).await.unwrap();
    store.client_update("ap", named(sw1)).await.unwrap();
    assert_eq!(
        (fetched.secret.expose(), fetched.coa_port),
        (b"another".as_slice(), None)
    );
    let taken = ClientChange {
        name: Some("ap".to_owned()),
        ..ClientChange::default()
    };
    assert!(is_conflict(store.client_update("core", taken).await));
    store.client_remove("core").await.unwrap();
    assert!(is_missing(store.client_remove("core").await));
    assert!(is_missing(store.client_fetch("core").await));
    assert!(is_missing(
        store.client_update("core", ClientChange::default()).await
    ));
}

async fn segments_that_must_exist_stay(world: Arc<World>) {
    let store = world.open().await;
    let staff = Segment {
        name: "staff".to_owned(),
        vlan: Some("10".to_owned()),
        acl: vec!["permit ip any any".to_owned()],
        session_timeout_s: Some(u32::MAX),
        ..Segment::default()
    };
    let stored = store.segment_put(staff.clone()).await.unwrap();
    assert!(!stored.protected);
    assert_eq!(
        stored,
        Segment {
            updated_us: stored.updated_us,
            ..staff
        }
    );
    let mut quarantine = store.segment_fetch("quarantine").await.unwrap();
    assert!(quarantine.protected);
    quarantine.vlan = Some("99".to_owned());
    quarantine.protected = false;
    let quarantine = store.segment_put(quarantine).await.unwrap();
    assert!(quarantine.protected && quarantine.vlan.as_deref() == Some("99"));
    let names: Vec<String> = store
        .segment_list()
        .await
        .unwrap()
        .into_iter()
        .map(|segment| segment.name)
        .collect();
    assert_eq!(names, ["guest", "quarantine", "registration", "staff"]);
    assert!(is_conflict(store.segment_remove("guest").await));
    store.segment_remove("staff").await.unwrap();
    assert!(is_missing(store.segment_remove("staff").await));
    assert!(is_missing(store.segment_fetch("staff").await));
    assert!(matches!(
        store.segment_put(Segment::default()).await,
        Err(StoreError::Invalid { .. })
    ));
}

async fn users_are_compared_in_lower_case(world: Arc<World>) {
    let store = world.open().await;
    let alice = store.user_put(new_user("Alice")).await.unwrap();
    assert_eq!(alice.groups, ["admins", "staff"]);
    assert_eq!(
        alice.cleartext.as_ref().unwrap().expose(),
        b"0123456789abcdef"
    );
    let again = store.user_put(new_user("aLICE ")).await.unwrap();
    assert_eq!((again.id, again.created_us), (alice.id, alice.created_us));
    assert_eq!(again.name, "aLICE");
    store.user_set_enabled("ALICE", false).await.unwrap();
    store
        .user_set_groups("alice", vec!["b".to_owned(), "a".to_owned()])
        .await
        .unwrap();
    let fetched = store.user_fetch("alice").await.unwrap();
    assert_eq!(
        (fetched.enabled, fetched.groups),
        (false, vec!["a".to_owned(), "b".to_owned()])
    );
    store
        .user_put_many(vec![new_user("Bob"), new_user("carol"), new_user("BOB")])
        .await
        .unwrap();
    let listed = |filter: UserFilter| {
        let store = store.clone();
        async move {
            store
                .user_list(&filter)
                .await
                .unwrap()
                .into_iter()
                .map(|user| user.name)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(
        listed(UserFilter::default()).await,
        ["aLICE", "BOB", "carol"]
    );
    assert_eq!(
        listed(UserFilter {
            search: Some("O".to_owned()),
            ..UserFilter::default()
        })
        .await,
        ["BOB", "carol"]
    );
    assert_eq!(
        listed(UserFilter {
            search: Some("%".to_owned()),
            ..UserFilter::default()
        })
        .await,
        [""; 0]
    );
    assert_eq!(
        listed(UserFilter {
            group: Some("staff".to_owned()),
            ..UserFilter::default()
        })
        .await,
        ["BOB", "carol"]
    );
    assert_eq!(
        listed(UserFilter {
            group: Some("sta".to_owned()),
            ..UserFilter::default()
        })
        .await,
        [""; 0]
    );
    assert_eq!(
        listed(UserFilter {
            after: Some("Bob".to_owned()),
            limit: 1,
            ..UserFilter::default()
        })
        .await,
        ["carol"]
    );
    // Carol was added last, and Bob changed last.
    store.user_set_enabled("bob", false).await.unwrap();
    let newest = |after: Option<&str>| UserFilter {
        sort: UserSort::Changed,
        descending: true,
        after: after.map(str::to_owned),
        ..UserFilter::default()
    };
    let whole = listed(newest(None)).await;
    assert_eq!(whole.first().map(String::as_str), Some("BOB"));
    assert_eq!(listed(newest(Some(&whole[0]))).await, whole[1..]);
    let added = UserFilter {
        sort: UserSort::Added,
        after: Some(whole[0].clone()),
        limit: 1,
        ..UserFilter::default()
    };
    assert_eq!(listed(added).await.len(), 1);
    let mut empty = new_user("dave");
    empty.cleartext = Some(SecretBytes::new(*b""));
    assert!(matches!(
        store.user_put(empty).await,
        Err(StoreError::Invalid { .. })
    ));
    store.user_remove("ALICE").await.unwrap();
    assert!(is_missing(store.user_remove("alice").await));
    assert!(is_missing(store.user_fetch("alice").await));
    assert!(is_missing(store.user_set_enabled("alice", true).await));
    assert!(is_missing(store.user_set_groups("alice", Vec::new()).await));
}

async fn a_password_ends_and_its_own_user_changes_it(world: Arc<World>) {
    let store = world.open().await;
    let alice = store.user_put(new_user("Alice")).await.unwrap();
    assert_eq!(alice.password_expires_us, None);
    let expiry = async |at: Option<i64>| {
        store.user_set_password_expiry("ALICE", at).await.unwrap();
        store.user_fetch("alice").await.unwrap().password_expires_us
    };
    assert_eq!(expiry(Some(7)).await, Some(7));
    // What is no new password leaves it; a new one begins anew.
    store.user_put(new_user("alice")).await.unwrap();
    store.user_set_enabled("alice", true).await.unwrap();
    let kept = store.user_fetch("alice").await.unwrap();
    assert_eq!(kept.password_expires_us, Some(7));
    let mut renewed = new_user("alice");
    renewed.password = Some("$argon2id$another".to_owned());
    let user = store.user_put(renewed).await.unwrap();
    assert_eq!(user.password_expires_us, None);
    assert_eq!(expiry(Some(9)).await, Some(9));
    assert!(is_missing(
        store.user_set_password_expiry("nobody", None).await
    ));

    let (old, new) = (
        SecretBytes::new(*b"0123456789abcdef"),
        SecretBytes::new(*b"a new one"),
    );
    let wrong = store
        .user_change_password("alice", &new, "$argon2id$new", &new)
        .await;
    assert!(matches!(wrong, Err(StoreError::Conflict { .. })));
    let empty = SecretBytes::new(*b"");
    let refused = store
        .user_change_password("alice", &old, "$argon2id$new", &empty)
        .await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    store
        .user_change_password("ALICE", &old, "$argon2id$new", &new)
        .await
        .unwrap();
    let changed = store.user_fetch("alice").await.unwrap();
    assert_eq!(changed.password.as_deref(), Some("$argon2id$new"));
    assert_eq!(changed.cleartext.as_ref(), Some(&new));
    assert_eq!(changed.password_expires_us, None);
    assert_eq!(changed.groups, ["admins", "staff"]);
    let again = store
        .user_change_password("alice", &old, "$argon2id$new", &new)
        .await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
}

async fn a_second_factor_outlives_every_other_change_of_its_user(world: Arc<World>) {
    let store = world.open().await;
    let alice = store.user_put(new_user("Alice")).await.unwrap();
    assert_eq!((alice.totp, alice.totp_last_step), (None, 0));
    let secret = SecretBytes::new(*b"12345678901234567890");
    store.user_set_totp("ALICE", Some(&secret)).await.unwrap();
    store.user_put(new_user("alice")).await.unwrap();
    store.user_put_many(vec![new_user("alice")]).await.unwrap();
    store.user_set_enabled("alice", true).await.unwrap();
    let writer = Writer::new(store.clone(), world.spool()).unwrap();
    let (handle, cancel, tracker) = (
        writer.handle(),
        CancellationToken::new(),
        TaskTracker::new(),
    );
    tracker.spawn(writer.run(cancel.clone()));
    tracker.close();
    for step in [7, 9] {
        handle.code_used(alice.id, step);
        handle.flush().await;
    }
    // One that comes late makes no code good again.
    handle.code_used(alice.id, 8);
    handle.code_used(Uuid::now_v7(), 8);
    handle.flush().await;
    let fetched = store.user_fetch("alice").await.unwrap();
    assert_eq!(fetched.totp.as_ref(), Some(&secret));
    assert_eq!(fetched.totp_last_step, 9);
    let shown = serde_json::to_string(&fetched).unwrap() + &format!("{fetched:?}");
    assert!(shown.contains("\"totp\":true") && !shown.contains("1234567890"));

    let another = SecretBytes::new([7; 20]);
    store.user_set_totp("alice", Some(&another)).await.unwrap();
    let fetched = store.user_fetch("alice").await.unwrap();
    assert_eq!((fetched.totp, fetched.totp_last_step), (Some(another), 0));
    for wrong in [15, 65] {
        let secret = SecretBytes::new(vec![7; wrong]);
        let refused = store.user_set_totp("alice", Some(&secret)).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    }
    store.user_set_totp("alice", None).await.unwrap();
    assert_eq!(store.user_fetch("alice").await.unwrap().totp, None);
    assert!(is_missing(store.user_set_totp("nobody", None).await));
    cancel.cancel();
    tracker.wait().await;
}

async fn users_load_in_pieces(world: Arc<World>) {
    let store = world.open().await;
    let many = (0..100)
        .map(|number| new_user(&format!("user{number}")))
        .collect();
    assert_eq!(store.user_put_many(many).await.unwrap(), 100);
    let (mut after, mut seen) = (None, 0);
    loop {
        let piece = store.user_list_all(after, 33).await.unwrap();
        let Some(last) = piece.last() else { break };
        after = Some(last.id);
        seen += piece.len();
    }
    assert_eq!(seen, 100);
}

async fn devices_are_recognised_by_their_marks(world: Arc<World>) {
    let store = world.open().await;
    let mut record = new_device("Laptop", "00-11-22-33-44-55");
    record.identifiers = vec![(IdentifierKind::Spki, "ABCDEF".to_owned())];
    let device = store.device_put(record.clone()).await.unwrap();
    assert_eq!(device.macs, ["00:11:22:33:44:55"]);
    assert_eq!(device.labels, ["byod", "laptop"]);
    assert_eq!(device.identifiers.len(), 2);
    for text in [
        device.id.to_string().as_str(),
        "0011.2233.4455",
        "abcdef",
        "LAPTOP",
    ] {
        assert_eq!(
            store.device_find(text).await.unwrap().unwrap().id,
            device.id,
            "{text}"
        );
    }
    assert!(store.device_find("nobody").await.unwrap().is_none());
    let found = store
        .device_by_identifier(IdentifierKind::Mac, "001122334455")
        .await
        .unwrap();
    assert_eq!(found.unwrap(), device);
    assert!(
        store
            .device_by_identifier(IdentifierKind::Mac, "nonsense")
            .await
            .unwrap()
            .is_none()
    );

    // Replacing changes the fields and adds marks.
    record.id = Some(device.id);
    record.name = "Desk".to_owned();
    record.owner = None;
    record.macs = vec!["00:11:22:33:44:66".to_owned()];
    record.identifiers.clear();
    let replaced = store.device_put(record).await.unwrap();
    assert_eq!(
        (replaced.id, replaced.created_us),
        (device.id, device.created_us)
    );
    assert_eq!(replaced.macs, ["00:11:22:33:44:55", "00:11:22:33:44:66"]);
    assert_eq!(replaced.owner, None);

    store
        .device_identifier_put(
            device.id,
            IdentifierKind::HardwareSerial,
            " SN1 ",
            "osquery",
        )
        .await
        .unwrap();
    store
        .device_identifier_put(device.id, IdentifierKind::HardwareSerial, "sn1", "osquery")
        .await
        .unwrap();
    store
        .device_identifier_remove(IdentifierKind::Mac, "001122334466")
        .await
        .unwrap();
    assert!(is_missing(
        store
            .device_identifier_remove(IdentifierKind::Mac, "001122334466")
            .await
    ));
    assert!(is_missing(
        store
            .device_identifier_put(Uuid::now_v7(), IdentifierKind::Spki, "aa", "x")
            .await
    ));
    let bad = store
        .device_identifier_put(device.id, IdentifierKind::Mac, "xyz", "x")
        .await;
    assert!(matches!(bad, Err(StoreError::Invalid { .. })));
    assert_eq!(
        store
            .device_fetch(device.id)
            .await
            .unwrap()
            .identifiers
            .len(),
        3
    );

    store
        .device_set_status(device.id, DeviceStatus::Blocked)
        .await
        .unwrap();
    assert_eq!(
        store.device_fetch(device.id).await.unwrap().status,
        DeviceStatus::Blocked
    );
    store
        .device_put(new_device("Desk", "02:00:00:00:00:01"))
        .await
        .unwrap();
    assert!(is_conflict(store.device_find("desk").await));

    let listed = |filter: DeviceFilter| {
        let store = store.clone();
        async move { store.device_list(&filter).await.unwrap().len() }
    };
    assert_eq!(listed(DeviceFilter::default()).await, 2);
    assert_eq!(
        listed(DeviceFilter {
            owner: Some("ALICE".to_owned()),
            ..DeviceFilter::default()
        })
        .await,
        1
    );
    assert_eq!(
        listed(DeviceFilter {
            label: Some("byod".to_owned()),
            ..DeviceFilter::default()
        })
        .await,
        2
    );
    assert_eq!(
        listed(DeviceFilter {
            label: Some("by".to_owned()),
            ..DeviceFilter::default()
        })
        .await,
        0
    );
    assert_eq!(
        listed(DeviceFilter {
            state: Some(DeviceState::Blocked),
            ..DeviceFilter::default()
        })
        .await,
        1
    );
    assert_eq!(
        listed(DeviceFilter {
            search: Some("0200.0000.0001".to_owned()),
            ..DeviceFilter::default()
        })
        .await,
        1
    );
    assert_eq!(
        listed(DeviceFilter {
            search: Some("SN1".to_owned()),
            ..DeviceFilter::default()
        })
        .await,
        1
    );
    assert_eq!(
        listed(DeviceFilter {
            after: Some(device.cursor(DeviceSort::Added)),
            limit: 5,
            ..DeviceFilter::default()
        })
        .await,
        1
    );

    store.device_remove(device.id).await.unwrap();
    assert!(is_missing(store.device_remove(device.id).await));
    assert!(is_missing(store.device_fetch(device.id).await));
    assert!(is_missing(
        store
            .device_set_status(device.id, DeviceStatus::Active)
            .await
    ));
    // Its marks are free again.
    store
        .device_put(new_device("Heir", "00:11:22:33:44:55"))
        .await
        .unwrap();
}

async fn a_mark_belongs_to_one_device_only(world: Arc<World>) {
    let store = world.open().await;
    let first = store
        .device_put(new_device("one", "00:11:22:33:44:55"))
        .await
        .unwrap();
    let error = store
        .device_put(new_device("two", "00:11:22:33:44:55"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the mac 00:11:22:33:44:55 belongs to the device {}",
            first.id
        )
    );
    // Nothing of the second was kept.
    assert_eq!(
        store
            .device_list(&DeviceFilter::default())
            .await
            .unwrap()
            .len(),
        1
    );
    let twins = vec![
        new_device("a", "02:00:00:00:00:01"),
        new_device("b", "02:00:00:00:00:01"),
    ];
    assert!(is_conflict(store.device_put_many(twins).await));
    let mut twice = new_device("c", "02:00:00:00:00:02");
    twice.macs.push("02-00-00-00-00-02".to_owned());
    assert_eq!(store.device_put_many(vec![twice]).await.unwrap(), 1);
}

async fn devices_load_in_pieces(world: Arc<World>) {
    let store = world.open().await;
    let many = (0..300_u32)
        .map(|number| {
            new_device(
                &format!("d{number}"),
                &format!("02:00:00:00:{:02x}:{:02x}", number / 256, number % 256),
            )
        })
        .collect();
    assert_eq!(store.device_put_many(many).await.unwrap(), 300);
    let (mut after, mut seen) = (None, 0);
    loop {
        let piece = store.device_list_all(after, 77).await.unwrap();
        let Some(last) = piece.last() else { break };
        after = Some(last.id);
        assert!(piece.iter().all(|device| device.macs.len() == 1));
        seen += piece.len();
    }
    assert_eq!(seen, 300);
    let listed = store.device_list(&DeviceFilter::default()).await.unwrap();
    assert!(listed.len() == 300 && listed.iter().all(|device| device.macs.len() == 1));
}
