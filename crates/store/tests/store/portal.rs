//! The portal's settings, who is behind an address, what is forgotten, and what a person may see of themselves.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, GuestMethod, PortalMethod, PortalSettings, RetentionKind,
    Session, StoreError, now_us, support_code,
};
use uuid::Uuid;

use crate::guests::{MAC, new_guest};
use crate::world::{
    World, new_accounting, new_client, new_decision, new_session, new_user, on_each_engine,
};

on_each_engine!(
    a_site_without_settings_has_the_default_ones,
    settings_that_do_not_hold_together_are_refused_whole,
    who_changes_settings_is_recorded,
    the_session_behind_an_address_is_the_one_heard_of_last,
    what_is_old_enough_is_forgotten_and_the_run_tells,
    a_support_code_leads_to_its_decision,
    who_proved_a_name_sees_its_whole_history,
    a_mac_address_opens_nothing_but_the_present_session,
    a_guest_who_is_erased_is_gone,
);

const DAY_US: i64 = 86_400_000_000;

async fn a_site_without_settings_has_the_default_ones(world: Arc<World>) {
    let store = world.open().await;
    let none = store.portal_site("berlin").await.unwrap();
    assert_eq!(
        (none.settings, none.updated_us),
        (PortalSettings::default(), 0)
    );
    let named = |name: &str| PortalSettings {
        name: name.to_owned(),
        ..PortalSettings::default()
    };
    store
        .portal_site_put("", &named("Everywhere"))
        .await
        .unwrap();
    assert_eq!(
        store.portal_site("hq").await.unwrap().settings.name,
        "Everywhere"
    );
    store
        .portal_site_put("hq", &named("Head office"))
        .await
        .unwrap();
    store
        .portal_logo_put("hq", Some(b"\x89PNG\x0d\x0a\x1a\x0a"))
        .await
        .unwrap();
    store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap();
    let there = store.portal_site_of_client("switch").await.unwrap();
    assert_eq!((there.site.as_str(), there.has_logo), ("hq", true));
    assert_eq!(
        store.portal_site_of_client("nobody").await.unwrap().site,
        ""
    );
    // The logo outlives a change of the document.
    store.portal_site_put("hq", &named("HQ")).await.unwrap();
    assert!(store.portal_logo("hq").await.unwrap().is_some());
    assert_eq!(store.portal_site_list().await.unwrap().len(), 2);
    store.portal_site_remove("hq").await.unwrap();
    assert_eq!(
        store.portal_site("hq").await.unwrap().settings.name,
        "Everywhere"
    );
    assert!(matches!(
        store.portal_site_remove("hq").await,
        Err(StoreError::NotFound { .. })
    ));
    assert!(matches!(
        store.portal_logo_put("hq", None).await,
        Err(StoreError::NotFound { .. })
    ));
}

async fn settings_that_do_not_hold_together_are_refused_whole(world: Arc<World>) {
    let store = world.open().await;
    let mut settings = PortalSettings {
        name: "New".to_owned(),
        methods: vec![PortalMethod::Terms],
        ..PortalSettings::default()
    };
    settings.brand.accent = "#ffff00".parse().unwrap();
    let error = store
        .portal_site_put("", &settings)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("brand.accent") && error.contains("terms.text"),
        "{error}"
    );
    assert_eq!(store.portal_site("").await.unwrap().settings.name, "");
    let site = "x".repeat(81);
    let good = PortalSettings::default();
    assert!(matches!(
        store.portal_site_put(&site, &good).await,
        Err(StoreError::Invalid { .. })
    ));
}

async fn who_changes_settings_is_recorded(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Cli,
        name: "root".to_owned(),
        source: String::new(),
    });
    store
        .portal_site_put("", &PortalSettings::default())
        .await
        .unwrap();
    let changed = PortalSettings {
        name: "Museum".to_owned(),
        ..PortalSettings::default()
    };
    store.portal_site_put("", &changed).await.unwrap();
    let records = store.audit_list(&AuditFilter::default()).await.unwrap();
    let [newer, older] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(
        (newer.action.as_str(), older.before.as_deref()),
        ("portal.set", None)
    );
    assert!(newer.after.as_deref().unwrap().contains("Museum"));
    assert!(!newer.before.as_deref().unwrap().contains("Museum"));
}

async fn the_session_behind_an_address_is_the_one_heard_of_last(world: Arc<World>) {
    let store = world.open().await;
    let at = |updated_us: i64, stopped_us: Option<i64>| Session {
        framed_ip: Some("10.0.0.7".to_owned()),
        updated_us,
        stopped_us,
        ..new_session()
    };
    let (old, newest, over) = (at(10, None), at(20, None), at(30, Some(31)));
    for session in [&newest, &old, &over] {
        store.session_put(session).await.unwrap();
    }
    let behind = |address: &str| store.session_by_address(address.parse().unwrap());
    assert_eq!(
        behind("10.0.0.7").await.unwrap().map(|one| one.id),
        Some(newest.id)
    );
    assert_eq!(
        behind("::ffff:10.0.0.7").await.unwrap().map(|one| one.id),
        Some(newest.id)
    );
    assert_eq!(behind("10.0.0.8").await.unwrap(), None);
}

async fn what_is_old_enough_is_forgotten_and_the_run_tells(world: Arc<World>) {
    let store = world.open().await;
    store
        .decision_put_many(&[Arc::new(new_decision("alice", "00:11:22:33:44:55"))])
        .await
        .unwrap();
    store
        .accounting_put_many(&[new_accounting("s1")])
        .await
        .unwrap();
    let live = new_session();
    let over = Session {
        stopped_us: Some(now_us()),
        ..new_session()
    };
    for session in [&live, &over] {
        store.session_put(session).await.unwrap();
    }
    let guest = store
        .guest_register(new_guest(GuestMethod::Form, MAC))
        .await
        .unwrap()
        .unwrap();
    store
        .guest_revoke(guest.id, "desk", false)
        .await
        .unwrap()
        .unwrap();
    let now = now_us();
    let run = |days: i64| store.retention_run(now + days * DAY_US);
    assert!(
        run(0)
            .await
            .unwrap()
            .removed
            .values()
            .all(|rows| *rows == 0)
    );
    let ninety_one = run(91).await.unwrap().removed;
    assert_eq!(ninety_one[&RetentionKind::Decisions], 1);
    assert_eq!(ninety_one[&RetentionKind::Sessions], 1);
    assert_eq!(ninety_one[&RetentionKind::Guests], 1);
    assert_eq!(ninety_one[&RetentionKind::Accounting], 0);
    let year = run(366).await.unwrap().removed;
    assert_eq!(
        (
            year[&RetentionKind::Accounting],
            year[&RetentionKind::Acceptances]
        ),
        (1, 1)
    );
    let counts = store.statistics().await.unwrap();
    assert_eq!((counts.decisions, counts.accounting), (0, 0));
    // The live session is not history.
    assert_eq!(store.session_fetch(live.id).await.unwrap().id, live.id);
    let runs = store.retention_run_list(10).await.unwrap();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[0].removed, year);
    // Shorter settings hold from the next run on.
    let mut settings = PortalSettings::default();
    settings.retention.decisions_days = 1;
    store.portal_site_put("", &settings).await.unwrap();
    store
        .decision_put_many(&[Arc::new(new_decision("alice", "00:11:22:33:44:55"))])
        .await
        .unwrap();
    assert_eq!(run(2).await.unwrap().removed[&RetentionKind::Decisions], 1);
}

async fn a_support_code_leads_to_its_decision(world: Arc<World>) {
    let store = world.open().await;
    let decision = new_decision("alice", "00:11:22:33:44:55");
    let code = support_code(decision.id);
    store
        .decision_put_many(&[Arc::new(decision.clone())])
        .await
        .unwrap();
    let found = store
        .decision_by_code(&code.to_lowercase())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        found.iter().map(|one| one.id).collect::<Vec<_>>(),
        [decision.id]
    );
    let other = support_code(Uuid::from_u128(decision.id.as_u128() - (1 << 90)));
    assert_eq!(
        store.decision_by_code(&other).await.unwrap().unwrap().len(),
        0
    );
    assert!(store.decision_by_code("no code").await.unwrap().is_none());
}

async fn who_proved_a_name_sees_its_whole_history(world: Arc<World>) {
    let store = world.open().await;
    store.user_put(new_user("alice")).await.unwrap();
    store
        .decision_put_many(&[Arc::new(new_decision("alice", "00:11:22:33:44:55"))])
        .await
        .unwrap();
    store
        .decision_put_many(&[Arc::new(new_decision("bob", "00:11:22:33:44:66"))])
        .await
        .unwrap();
    let session = new_session();
    store.session_put(&session).await.unwrap();
    let data = store.personal_data(&session).await.unwrap();
    assert!(data.complete);
    assert_eq!(data.user.as_ref().unwrap().name, "alice");
    assert_eq!((data.decisions.len(), data.sessions.len()), (1, 1));
    let text = serde_json::to_string(&data).unwrap();
    assert!(
        !text.contains("argon2id") && !text.contains("bob"),
        "{text}"
    );
}

async fn a_mac_address_opens_nothing_but_the_present_session(world: Arc<World>) {
    let store = world.open().await;
    let guest = store
        .guest_register(new_guest(GuestMethod::Form, MAC))
        .await
        .unwrap()
        .unwrap();
    let mut decision = new_decision(MAC, MAC);
    store
        .decision_put_many(&[Arc::new(decision.clone())])
        .await
        .unwrap();
    let mut session = Session {
        mac: Some(MAC.to_owned()),
        identity: MAC.to_owned(),
        method: "MAB".to_owned(),
        started_us: guest.created_us + 1,
        ..new_session()
    };
    decision.id = Uuid::now_v7();
    decision.session_id = Some(session.id);
    decision.at_us = guest.created_us + 2;
    store
        .decision_put_many(&[Arc::new(decision.clone())])
        .await
        .unwrap();
    // Another connection than the one in which the guest told their name.
    let data = store.personal_data(&session).await.unwrap();
    assert!(!data.complete && data.guest.is_none() && data.acceptances.is_empty());
    assert_eq!(
        data.decisions.iter().map(|one| one.id).collect::<Vec<_>>(),
        [decision.id]
    );
    session.started_us = guest.created_us - 1;
    let data = store.personal_data(&session).await.unwrap();
    assert_eq!(data.guest.map(|one| one.id), Some(guest.id));
    assert_eq!(data.acceptances.len(), 1);
}

async fn a_guest_who_is_erased_is_gone(world: Arc<World>) {
    let store = world.open().await;
    let guest = store
        .guest_register(new_guest(GuestMethod::Form, MAC))
        .await
        .unwrap()
        .unwrap();
    store.guest_erase(guest.id, "portal").await.unwrap();
    assert!(matches!(
        store.guest_fetch(guest.id).await,
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(store.device_find(MAC).await.unwrap(), None);
    let kept = store.guest_acceptances(guest.id).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(matches!(
        store.guest_erase(guest.id, "portal").await,
        Err(StoreError::NotFound { .. })
    ));
}
