//! Guests: how they come in, what their devices carry meanwhile, how it ends.

use std::sync::Arc;

use nac_store::{
    ACTIVATION_LABEL, Actor, ActorKind, AuditFilter, Device, DeviceState, DeviceStatus, EventKind,
    GUEST_LABEL, Guest, GuestFilter, GuestMethod, GuestRefusal, GuestSort, GuestStatus,
    IdentifierKind, NewGuest, Store, StoreError, now_us,
};
use uuid::Uuid;

use crate::world::{World, new_device, on_each_engine};

on_each_engine!(
    a_guest_with_a_form_is_here_at_once_and_leaves_with_the_time,
    an_address_that_answers_lets_the_guest_in,
    a_sponsor_decides_once_and_for_less_if_they_like,
    who_names_a_sponsor_waits_for_them_after_the_address_answered,
    nobody_registers_a_device_that_is_not_a_guest_s,
    a_guest_uses_no_more_devices_than_allowed,
    a_stay_is_extended_by_guests_so_often_and_by_operators_at_will,
    who_is_sent_away_may_be_kept_away,
    guests_are_found_and_counted,
    requests_that_nobody_answers_end_and_old_guests_are_forgotten,
    what_happens_to_guests_is_told_and_recorded,
);

pub(crate) const MAC: &str = "02:00:5e:10:00:01";
const OTHER_MAC: &str = "02:00:5e:10:00:02";

pub(crate) fn new_guest(method: GuestMethod, mac: &str) -> NewGuest {
    NewGuest {
        method,
        name: "Ada\0 Lovelace ".to_owned(),
        email: "Ada@Example.org".to_owned(),
        mac: Some(mac.to_owned()),
        duration_s: 3_600,
        terms_version: Some("2026-11".to_owned()),
        link_sha256: Some(format!("hash of {mac}")),
        link_expires_us: Some(now_us() + 86_400_000_000),
        activation_s: 900,
        source: "10.0.0.7".to_owned(),
        ..NewGuest::default()
    }
}

pub(crate) async fn device(store: &Store, mac: &str) -> Device {
    let found = store.device_by_identifier(IdentifierKind::Mac, mac).await;
    found.unwrap().expect("the device is there")
}

async fn let_in(store: &Store, new: NewGuest) -> Guest {
    store.guest_register(new).await.unwrap().unwrap()
}

async fn a_guest_with_a_form_is_here_at_once_and_leaves_with_the_time(world: Arc<World>) {
    let store = world.open().await;
    let mut new = new_guest(GuestMethod::Form, "02-00-5E-10-00-01");
    new.duration_s = 1;
    let guest = let_in(&store, new).await;
    assert_eq!(guest.name, "Ada\u{fffd} Lovelace");
    assert_eq!(guest.mac.as_deref(), Some(MAC));
    assert_eq!(
        (guest.link_sha256.as_deref(), guest.link_expires_us),
        (None, None)
    );
    assert!(guest.is_active(now_us()));
    assert_eq!(store.guest_fetch(guest.id).await.unwrap(), guest);
    assert_eq!(store.guest_by_mac(MAC).await.unwrap(), Some(guest.clone()));
    let known = device(&store, MAC).await;
    assert_eq!(known.labels, [GUEST_LABEL]);
    assert_eq!(known.owner, None, "a guest's word makes nobody an owner");
    assert_eq!(known.identifiers[0].source, "portal");
    assert_eq!(known.expires_us, guest.expires_us);
    let accepted = store.guest_acceptances(guest.id).await.unwrap();
    assert_eq!(accepted.len(), 1);
    assert_eq!(
        (accepted[0].version.as_str(), accepted[0].source.as_str()),
        ("2026-11", "10.0.0.7")
    );

    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let ended = store.guest_expire().await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].status, GuestStatus::Expired);
    assert_eq!(ended[0].ended_by.as_deref(), Some("expiry"));
    let over = device(&store, MAC).await;
    assert_eq!(over.labels, Vec::<String>::new());
    assert_eq!(over.state(now_us()), DeviceState::Expired);
    assert_eq!(store.guest_expire().await.unwrap(), []);

    // The same device may come again.
    let again = let_in(&store, new_guest(GuestMethod::Click, MAC)).await;
    assert_eq!(store.guest_by_mac(MAC).await.unwrap().unwrap().id, again.id);
    assert_eq!(device(&store, MAC).await.id, known.id);
    assert_eq!(device(&store, MAC).await.labels, [GUEST_LABEL]);
}

async fn an_address_that_answers_lets_the_guest_in(world: Arc<World>) {
    let store = world.open().await;
    let guest = let_in(&store, new_guest(GuestMethod::Email, MAC)).await;
    assert_eq!(guest.status, GuestStatus::Unverified);
    assert!(guest.activation_until_us.is_some());
    assert_eq!(device(&store, MAC).await.labels, [ACTIVATION_LABEL]);
    let hash = format!("hash of {MAC}");
    let by_link = store.guest_by_link(&hash).await.unwrap().unwrap();
    assert_eq!(by_link.id, guest.id);
    assert!(!serde_json::to_string(&by_link).unwrap().contains("hash of"));

    let ends = now_us() + 3_600_000_000;
    store
        .guest_link_renew(guest.id, "another", ends)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(store.guest_by_link(&hash).await.unwrap(), None);
    let here = store.guest_verify(guest.id).await.unwrap().unwrap();
    assert_eq!(here.status, GuestStatus::Active);
    assert!(here.verified_us.is_some() && here.activation_until_us.is_none());
    assert_eq!(device(&store, MAC).await.labels, [GUEST_LABEL]);
    let twice = store.guest_verify(guest.id).await.unwrap();
    assert!(matches!(
        twice,
        Err(GuestRefusal::Decided {
            status: GuestStatus::Active,
            ..
        })
    ));
    let twice = store.guest_link_renew(guest.id, "third", ends).await;
    assert!(twice.unwrap().is_err());

    // Without an activation nothing is given away.
    let mut cautious = new_guest(GuestMethod::Email, OTHER_MAC);
    cautious.activation_s = 0;
    let_in(&store, cautious).await;
    let waiting = device(&store, OTHER_MAC).await;
    assert_eq!(waiting.labels, Vec::<String>::new());
    assert_eq!(
        waiting.state(now_us()),
        DeviceState::Expired,
        "it counts as unknown"
    );
}

async fn a_sponsor_decides_once_and_for_less_if_they_like(world: Arc<World>) {
    let store = world.open().await;
    let guest = let_in(&store, new_guest(GuestMethod::Sponsor, MAC)).await;
    assert_eq!(guest.status, GuestStatus::Awaiting);
    let here = store
        .guest_approve(guest.id, "carol", Some(600))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (here.duration_s, here.decided_by.as_deref()),
        (600, Some("carol"))
    );
    assert_eq!(
        here.expires_us.unwrap() - here.starts_us.unwrap(),
        600_000_000
    );
    let too_late = store.guest_deny(guest.id, "dave", "no").await.unwrap();
    let Err(GuestRefusal::Decided { status, by, at_us }) = too_late else {
        panic!("{too_late:?}");
    };
    assert_eq!(
        (status, by.as_str(), Some(at_us)),
        (GuestStatus::Active, "carol", here.decided_us)
    );

    let other = let_in(&store, new_guest(GuestMethod::Sponsor, OTHER_MAC)).await;
    let denied = store
        .guest_deny(other.id, "dave", " not expected ")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(denied.status, GuestStatus::Denied);
    assert_eq!(denied.decision_reason.as_deref(), Some("not expected"));
    assert_eq!(device(&store, OTHER_MAC).await.labels, Vec::<String>::new());
    assert!(
        store
            .guest_approve(other.id, "carol", None)
            .await
            .unwrap()
            .is_err()
    );
    let nobody = store.guest_approve(Uuid::now_v7(), "carol", None).await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));
}

async fn who_names_a_sponsor_waits_for_them_after_the_address_answered(world: Arc<World>) {
    let store = world.open().await;
    let mut new = new_guest(GuestMethod::Email, MAC);
    new.sponsor = "carol@example.org".to_owned();
    let guest = let_in(&store, new).await;
    let waiting = store.guest_verify(guest.id).await.unwrap().unwrap();
    assert_eq!(waiting.status, GuestStatus::Awaiting);
    assert!(waiting.verified_us.is_some());
    assert_eq!(device(&store, MAC).await.labels, [ACTIVATION_LABEL]);
    assert!(store.guest_verify(guest.id).await.unwrap().is_err());
    let here = store.guest_approve(guest.id, "carol", None).await.unwrap();
    assert_eq!(here.unwrap().status, GuestStatus::Active);
}

async fn nobody_registers_a_device_that_is_not_a_guest_s(world: Arc<World>) {
    let store = world.open().await;
    let printer = store.device_put(new_device("printer", MAC)).await.unwrap();
    let refused = store
        .guest_register(new_guest(GuestMethod::Form, MAC))
        .await;
    assert_eq!(refused.unwrap(), Err(GuestRefusal::DeviceKnown));
    assert_eq!(device(&store, MAC).await, printer);
    assert_eq!(store.guest_list(&GuestFilter::default()).await.unwrap(), []);

    let_in(&store, new_guest(GuestMethod::Form, OTHER_MAC)).await;
    let id = device(&store, OTHER_MAC).await.id;
    store
        .device_set_status(id, DeviceStatus::Blocked)
        .await
        .unwrap();
    let refused = store
        .guest_register(new_guest(GuestMethod::Form, OTHER_MAC))
        .await;
    assert_eq!(refused.unwrap(), Err(GuestRefusal::DeviceBlocked));

    for (mac, duration_s) in [("no address", 60), (MAC, 0), (MAC, u32::MAX)] {
        let new = NewGuest {
            duration_s,
            ..new_guest(GuestMethod::Form, mac)
        };
        assert!(matches!(
            store.guest_register(new).await,
            Err(StoreError::Invalid { .. })
        ));
    }
    let long = NewGuest {
        name: "x".repeat(301),
        ..new_guest(GuestMethod::Form, "02:00:5e:10:00:09")
    };
    assert!(matches!(
        store.guest_register(long).await,
        Err(StoreError::Invalid { .. })
    ));
}

async fn a_guest_uses_no_more_devices_than_allowed(world: Arc<World>) {
    let store = world.open().await;
    let guest = let_in(&store, new_guest(GuestMethod::Form, MAC)).await;
    assert_eq!(store.guest_devices(guest.id).await.unwrap().len(), 1);
    let of_email = store.guest_devices_of_email(" ADA@example.org").await;
    assert_eq!(of_email.unwrap()[0].mac, MAC);
    let gone = store.guest_leave(guest.id, MAC).await.unwrap();
    assert_eq!(
        (gone.status, gone.ended_by.as_deref()),
        (GuestStatus::Expired, Some("guest"))
    );
    assert_eq!(device(&store, MAC).await.labels, Vec::<String>::new());
    assert_eq!(store.guest_by_mac(MAC).await.unwrap(), None);
    let devices = store.guest_devices(guest.id).await.unwrap();
    assert!(devices[0].left_us.is_some());
}

async fn a_stay_is_extended_by_guests_so_often_and_by_operators_at_will(world: Arc<World>) {
    let store = world.open().await;
    let guest = let_in(&store, new_guest(GuestMethod::Form, MAC)).await;
    let longer = store
        .guest_extend_self(guest.id, 600, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        longer.expires_us.unwrap() - guest.expires_us.unwrap(),
        600_000_000
    );
    let again = store.guest_extend_self(guest.id, 600, 1).await.unwrap();
    assert_eq!(again, Err(GuestRefusal::NoExtension));
    let longer = store.guest_extend(guest.id, 600).await.unwrap().unwrap();
    assert_eq!(longer.extended, 1);
    store.guest_leave(guest.id, MAC).await.unwrap();
    let by_themselves = store.guest_extend_self(guest.id, 600, 9).await.unwrap();
    assert!(matches!(by_themselves, Err(GuestRefusal::Decided { .. })));
    let back = store.guest_extend(guest.id, 600).await.unwrap().unwrap();
    assert_eq!((back.status, back.ended_us), (GuestStatus::Active, None));
}

async fn who_is_sent_away_may_be_kept_away(world: Arc<World>) {
    let store = world.open().await;
    let guest = let_in(&store, new_guest(GuestMethod::Form, MAC)).await;
    let gone = store
        .guest_revoke(guest.id, "operator", false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(gone.status, GuestStatus::Revoked);
    assert_eq!(device(&store, MAC).await.labels, Vec::<String>::new());
    assert!(
        store
            .guest_revoke(guest.id, "operator", false)
            .await
            .unwrap()
            .is_err()
    );
    let again = let_in(&store, new_guest(GuestMethod::Form, MAC)).await;
    store
        .guest_revoke(again.id, "operator", true)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(device(&store, MAC).await.status, DeviceStatus::Blocked);
    let third = store
        .guest_register(new_guest(GuestMethod::Form, MAC))
        .await;
    assert_eq!(third.unwrap(), Err(GuestRefusal::DeviceBlocked));
}

async fn guests_are_found_and_counted(world: Arc<World>) {
    let store = world.open().await;
    let mut ids = Vec::new();
    for (index, method) in [
        GuestMethod::Form,
        GuestMethod::Sponsor,
        GuestMethod::Operator,
    ]
    .into_iter()
    .enumerate()
    {
        let mut new = new_guest(method, &format!("02:00:5e:10:01:{index:02x}"));
        new.company = format!("Company 100% {index}");
        new.site = format!("site-{index}");
        new.link_sha256 = Some(index.to_string());
        if method == GuestMethod::Operator {
            new.mac = None;
        }
        ids.push(let_in(&store, new).await.id);
    }
    let found = async |filter: GuestFilter| -> Vec<Uuid> {
        let guests = store.guest_list(&filter).await.unwrap();
        guests.into_iter().map(|guest| guest.id).collect()
    };
    let all = GuestFilter::default();
    assert_eq!(found(all.clone()).await, [ids[2], ids[1], ids[0]]);
    let page = GuestFilter {
        before: Some(ids[2]),
        limit: 1,
        ..all.clone()
    };
    assert_eq!(found(page).await, [ids[1]]);
    let by_end = GuestFilter {
        sort: GuestSort::Ends,
        ..all.clone()
    };
    let ends = found(by_end.clone()).await;
    let mut expected = store.guest_list(&all).await.unwrap();
    expected.sort_by_key(|guest| (guest.expires_us.unwrap_or(i64::MAX), guest.id));
    let expected: Vec<Uuid> = expected.iter().map(|guest| guest.id).collect();
    assert_eq!(ends, expected);
    let behind = GuestFilter {
        before: Some(ends[0]),
        ..by_end.clone()
    };
    assert_eq!(found(behind).await, ends[1..]);
    let last_first = GuestFilter {
        reverse: true,
        before: Some(ends[2]),
        ..by_end
    };
    assert_eq!(found(last_first).await, [ends[1], ends[0]]);
    for (text, expected) in [
        ("100% 1", vec![ids[1]]),
        ("0200.5e10.0100", vec![ids[0]]),
        ("ada@", vec![ids[2], ids[1], ids[0]]),
        ("nobody", vec![]),
    ] {
        let filter = GuestFilter {
            search: Some(text.to_owned()),
            ..all.clone()
        };
        assert_eq!(found(filter).await, expected, "{text}");
    }
    let filter = GuestFilter {
        status: Some(GuestStatus::Invited),
        method: Some(GuestMethod::Operator),
        site: Some("site-2".to_owned()),
        ..all
    };
    assert_eq!(found(filter).await, [ids[2]]);
    let counts = store.guest_counts().await.unwrap();
    assert_eq!(
        counts,
        [
            (GuestStatus::Active, 1),
            (GuestStatus::Awaiting, 1),
            (GuestStatus::Invited, 1)
        ]
    );
}

async fn requests_that_nobody_answers_end_and_old_guests_are_forgotten(world: Arc<World>) {
    let store = world.open().await;
    let mut new = new_guest(GuestMethod::Sponsor, MAC);
    new.link_expires_us = Some(now_us() - 1);
    let late = let_in(&store, new).await;
    let too_late = store.guest_approve(late.id, "carol", None).await.unwrap();
    assert!(matches!(
        too_late,
        Err(GuestRefusal::Decided {
            status: GuestStatus::Expired,
            ..
        })
    ));
    let ended = store.guest_expire().await.unwrap();
    assert_eq!(
        (ended[0].id, ended[0].status),
        (late.id, GuestStatus::Expired)
    );

    let mut new = new_guest(GuestMethod::Email, OTHER_MAC);
    new.activation_s = 1;
    let waiting = let_in(&store, new).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let looked = store.guest_expire().await.unwrap();
    assert_eq!(
        (looked[0].id, looked[0].status),
        (waiting.id, GuestStatus::Unverified)
    );
    assert_eq!(device(&store, OTHER_MAC).await.labels, Vec::<String>::new());
    assert!(store.guest_verify(waiting.id).await.unwrap().is_ok());

    assert_eq!(store.guest_prune(now_us() + 1).await.unwrap(), 1);
    assert!(store.guest_fetch(late.id).await.is_err());
    let forgotten = store.device_by_identifier(IdentifierKind::Mac, MAC).await;
    assert_eq!(forgotten.unwrap(), None);
    assert_eq!(store.guest_acceptances(late.id).await.unwrap().len(), 1);
    assert_eq!(store.guest_acceptance_prune(now_us() + 1).await.unwrap(), 2);
    assert!(store.guest_fetch(waiting.id).await.is_ok());
}

async fn what_happens_to_guests_is_told_and_recorded(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Portal,
        name: "carol".to_owned(),
        source: "10.0.0.9".to_owned(),
    });
    let mut events = store.subscribe();
    let guest = let_in(&store, new_guest(GuestMethod::Sponsor, MAC)).await;
    store
        .guest_approve(guest.id, "carol", None)
        .await
        .unwrap()
        .unwrap();
    let mut kinds = Vec::new();
    while let Ok(event) = events.try_recv() {
        kinds.push(event.kind);
    }
    assert_eq!(
        kinds,
        [
            EventKind::Device,
            EventKind::Guest,
            EventKind::Device,
            EventKind::Guest
        ]
    );
    let records = store.audit_list(&AuditFilter::default()).await.unwrap();
    let actions: Vec<&str> = records
        .iter()
        .map(|record| record.action.as_str())
        .collect();
    assert_eq!(actions, ["guest.approve", "guest.register"]);
    assert!(records[0].before.as_deref().unwrap().contains("awaiting"));
    assert!(!records[1].after.as_deref().unwrap().contains("hash of"));
}
