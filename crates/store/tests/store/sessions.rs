//! Sessions: found, sorted, paged, and told something.

use std::sync::Arc;

use nac_store::{
    Actor, ActorKind, AuditFilter, EnforcementState, EventKind, Session, SessionAction,
    SessionFilter, SessionSort, Store, StoreError, now_us,
};
use uuid::Uuid;

use crate::world::{World, new_session, on_each_engine};

on_each_engine!(
    sessions_are_found_by_everything,
    pages_follow_each_other_in_every_order,
    segments_are_counted,
    a_live_session_is_told_something_once,
    a_session_that_is_over_is_told_nothing,
    old_commands_wait_for_nobody,
);

async fn add(store: &Store, number: u8, change: impl FnOnce(&mut Session)) -> Session {
    let mut session = new_session();
    session.mac = Some(format!("00:11:22:33:44:{number:02x}"));
    change(&mut session);
    store.session_put(&session).await.unwrap();
    session
}

async fn found(store: &Store, filter: SessionFilter) -> Vec<Uuid> {
    let sessions = store.session_list(&filter).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

async fn sessions_are_found_by_everything(world: Arc<World>) {
    let store = world.open().await;
    let device = Uuid::now_v7();
    let alice = add(&store, 1, |session| {
        session.identity = "Älice".to_owned();
        session.user_name = "anonymous".to_owned();
        session.framed_ip = Some("10.1.2.3".to_owned());
        session.device_id = Some(device);
    })
    .await;
    let printer = add(&store, 2, |session| {
        session.identity = "00:11:22:33:44:02".to_owned();
        session.user_name = "001122334402".to_owned();
        session.client = "access_2".to_owned();
        session.segment = "registration".to_owned();
        session.method = "MAB".to_owned();
    })
    .await;
    let gone = add(&store, 3, |session| session.stopped_us = Some(now_us())).await;

    let text = |text: &str| Some(text.to_owned());
    let open = SessionFilter::open;
    let only_alice = [
        SessionFilter {
            user: text("älice"),
            ..open()
        },
        SessionFilter {
            user: text(" ANONYMOUS "),
            ..open()
        },
        SessionFilter {
            mac: text("0011.2233.4401"),
            ..open()
        },
        SessionFilter {
            address: text("10.1.2.3"),
            ..open()
        },
        SessionFilter {
            device_id: Some(device),
            ..open()
        },
        SessionFilter {
            segment: text("staff"),
            ..open()
        },
        SessionFilter {
            client: text("switch"),
            ..open()
        },
        SessionFilter {
            method: text("EAP-TLS"),
            ..open()
        },
        SessionFilter {
            search: text("LIC"),
            ..open()
        },
        SessionFilter {
            search: text("00-11-22-33-44-01"),
            ..open()
        },
        SessionFilter {
            search: text("33:44:01"),
            ..open()
        },
        SessionFilter {
            search: text("10.1.2"),
            ..open()
        },
    ];
    for filter in only_alice {
        assert_eq!(
            found(&store, filter.clone()).await,
            [alice.id],
            "{filter:?}"
        );
    }
    for search in ["access_2", "1122334402"] {
        let filter = SessionFilter {
            search: text(search),
            ..open()
        };
        assert_eq!(found(&store, filter).await, [printer.id], "{search}");
    }
    // An underscore is an underscore.
    for nothing in ["access%", "swi_ch", "bob"] {
        let filter = SessionFilter {
            search: text(nothing),
            ..open()
        };
        assert!(found(&store, filter).await.is_empty(), "{nothing}");
    }
    let none = SessionFilter {
        user: text("älice"),
        segment: text("registration"),
        ..open()
    };
    assert!(found(&store, none).await.is_empty());
    assert_eq!(
        found(&store, SessionFilter::default()).await,
        [gone.id, printer.id, alice.id]
    );
    assert_eq!(found(&store, open()).await, [printer.id, alice.id]);
}

async fn pages_follow_each_other_in_every_order(world: Arc<World>) {
    let store = world.open().await;
    for number in 0..23_u8 {
        add(&store, number, |session| {
            // Equal values: the id decides, so that no page misses or repeats one.
            session.identity = format!("user-{}", number % 3);
            session.segment = format!("segment-{}", number % 2);
            session.framed_ip = (number % 4 != 0).then(|| format!("10.0.0.{}", number % 4));
            session.mac = (number % 5 != 0).then(|| format!("00:11:22:33:44:{number:02x}"));
        })
        .await;
    }
    for &sort in SessionSort::ALL {
        for reverse in [false, true] {
            let all = SessionFilter {
                sort,
                reverse,
                ..SessionFilter::open()
            };
            let whole = store.session_list(&all).await.unwrap();
            assert_eq!(whole.len(), 23);
            let mut paged: Vec<Session> = Vec::new();
            loop {
                let page = SessionFilter {
                    after: paged.last().cloned(),
                    limit: 5,
                    ..all.clone()
                };
                let page = store.session_list(&page).await.unwrap();
                if page.is_empty() {
                    break;
                }
                paged.extend(page);
            }
            assert_eq!(paged, whole, "{sort}, reversed: {reverse}");
            let keys: Vec<&str> = match sort {
                SessionSort::Identity => whole.iter().map(|one| one.identity.as_str()).collect(),
                SessionSort::Segment => whole.iter().map(|one| one.segment.as_str()).collect(),
                _ => continue,
            };
            let ordered = keys
                .windows(2)
                .all(|pair| (pair[0] <= pair[1]) != reverse || pair[0] == pair[1]);
            assert!(ordered, "{sort}: {keys:?}");
        }
    }
}

async fn segments_are_counted(world: Arc<World>) {
    let store = world.open().await;
    assert!(store.session_count_by_segment().await.unwrap().is_empty());
    for (number, segment) in ["staff", "guest", "staff", "quarantine"]
        .into_iter()
        .enumerate()
    {
        add(&store, number as u8, |session| {
            segment.clone_into(&mut session.segment)
        })
        .await;
    }
    add(&store, 9, |session| session.stopped_us = Some(1)).await;
    let counts = store.session_count_by_segment().await.unwrap();
    let counts: Vec<(&str, i64)> = counts
        .iter()
        .map(|count| (count.segment.as_str(), count.sessions))
        .collect();
    assert_eq!(counts, [("staff", 2), ("guest", 1), ("quarantine", 1)]);
}

async fn a_live_session_is_told_something_once(world: Arc<World>) {
    let store = world.open().await.acting(Actor {
        kind: ActorKind::Admin,
        name: "helen".to_owned(),
        source: "192.0.2.7".to_owned(),
    });
    let session = add(&store, 1, |_| {}).await;
    let mut events = store.subscribe();
    let disconnect = SessionAction::Disconnect;
    let command = store
        .session_command(session.id, disconnect, "helen")
        .await
        .unwrap();
    assert_eq!(command.state, EnforcementState::Pending);
    assert_eq!(command.action, Some(disconnect));
    assert_eq!(command.requested_by.as_deref(), Some("helen"));
    assert_eq!(command.from_segment, session.segment);
    let event = events.recv().await.unwrap();
    assert_eq!(
        (event.kind, event.key),
        (EventKind::SessionCommand, command.id.to_string())
    );
    assert_eq!(store.enforcement_fetch(command.id).await.unwrap(), command);
    assert_eq!(
        store.session_command_waiting().await.unwrap(),
        std::slice::from_ref(&command)
    );
    // A second click asks no second time; another wish is another wish.
    let again = store
        .session_command(session.id, disconnect, "helen")
        .await
        .unwrap();
    assert_eq!(again.id, command.id);
    let bounce = store
        .session_command(session.id, SessionAction::Bounce, "helen")
        .await
        .unwrap();
    assert_ne!(bounce.id, command.id);
    // Who has begun it says so, and it waits no longer.
    let mut begun = command.clone();
    begun.state = EnforcementState::Sent;
    store.enforcement_put(&begun).await.unwrap();
    assert_eq!(store.session_command_waiting().await.unwrap(), [bounce]);

    let filter = AuditFilter {
        action: Some("session.command".to_owned()),
        ..AuditFilter::default()
    };
    let recorded = store.audit_list(&filter).await.unwrap();
    assert_eq!(recorded.len(), 2, "the repetition changed nothing");
    assert_eq!(recorded[1].object, format!("session:{}", session.id));
    assert_eq!(recorded[1].actor, "helen");
}

async fn a_session_that_is_over_is_told_nothing(world: Arc<World>) {
    let store = world.open().await;
    let session = add(&store, 1, |session| {
        session.stopped_us = Some(now_us());
        session.terminate_cause = Some("accounting stopped: User-Request".to_owned());
    })
    .await;
    let action = SessionAction::Reauthenticate;
    match store.session_command(session.id, action, "helen").await {
        Err(StoreError::Conflict { what }) => assert!(what.contains("User-Request"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        store.session_command(Uuid::now_v7(), action, "helen").await,
        Err(StoreError::NotFound { .. })
    ));
    assert!(store.session_command_waiting().await.unwrap().is_empty());
}

async fn old_commands_wait_for_nobody(world: Arc<World>) {
    let store = world.open().await;
    let session = add(&store, 1, |_| {}).await;
    let action = SessionAction::Disconnect;
    let mut command = store
        .session_command(session.id, action, "helen")
        .await
        .unwrap();
    assert!(command.is_fresh());
    command.created_us -= 61_000_000;
    assert!(!command.is_fresh());
    world
        .tamper("UPDATE enforcement SET created_us = created_us - 61000000")
        .await;
    assert!(store.session_command_waiting().await.unwrap().is_empty());
    // Asked again, it is a new command.
    let again = store
        .session_command(session.id, action, "helen")
        .await
        .unwrap();
    assert_ne!(again.id, command.id);
}
