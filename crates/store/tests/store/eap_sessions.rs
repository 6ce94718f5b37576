//! TLS sessions reach other servers of the same installation and context, and nobody else.

use std::sync::Arc;

use nac_store::{
    EAP_SESSION_EPOCH_US, EVERYTHING, EapSession, EventKind, ResumableLogin, SealingKey,
    SecretBytes, Store, now_us,
};

use crate::world::{World, new_user, on_each_engine};

on_each_engine!(
    a_batch_tells_the_others_what_is_kept_and_what_is_gone,
    a_session_opens_for_its_installation_and_context_only,
    an_old_epoch_is_over_and_forgotten,
    a_start_reads_the_newest_first_and_no_session_twice,
    the_sessions_of_a_person_are_found_and_end_with_the_account,
);

const CONTEXT: [u8; 32] = [7; 32];
const HOUR_US: i64 = 3_600_000_000;
/// In the middle of an epoch.
const NOW_US: i64 = 40_000 * EAP_SESSION_EPOCH_US + EAP_SESSION_EPOCH_US / 2;

fn session(number: u16, content: Option<&str>) -> EapSession {
    let mut handle = [0; 32];
    handle[..2].copy_from_slice(&number.to_be_bytes());
    EapSession {
        handle,
        content: content.map(|content| SecretBytes::new(content.as_bytes())),
        ends_us: NOW_US + 8 * HOUR_US,
        holder: String::new(),
    }
}

fn of(holder: &str, session: EapSession) -> EapSession {
    EapSession {
        holder: holder.to_owned(),
        ..session
    }
}

async fn loaded(store: &Store, context: [u8; 32], now_us: i64) -> Vec<EapSession> {
    let mut sessions = Vec::new();
    store
        .eap_session_load(&context, now_us, false, &mut sessions)
        .await
        .unwrap();
    sessions
}

async fn a_batch_tells_the_others_what_is_kept_and_what_is_gone(world: Arc<World>) {
    let (here, there) = (world.open().await, world.open().await);
    let mut events = here.subscribe();
    let kept = [session(1, Some("one")), session(2, Some("two"))];
    let first = here
        .eap_session_write(&CONTEXT, &kept, NOW_US)
        .await
        .unwrap();
    let event = events.recv().await.unwrap();
    assert_eq!(event.kind, EventKind::EapSession);
    assert_eq!(event.key, first.to_string());
    assert_ne!(event.key, EVERYTHING);
    let mut read = there
        .eap_session_batch(&CONTEXT, first, NOW_US)
        .await
        .unwrap();
    read.sort_by_key(|session| session.handle);
    assert_eq!(read, kept);
    // One of them is used up.
    let gone = [session(1, None), session(3, Some("three"))];
    let second = there
        .eap_session_write(&CONTEXT, &gone, NOW_US + 1)
        .await
        .unwrap();
    let read = here
        .eap_session_batch(&CONTEXT, second, NOW_US)
        .await
        .unwrap();
    let contents = |sessions: &[EapSession]| {
        let mut contents: Vec<_> = sessions
            .iter()
            .map(|session| (session.handle[1], session.content.is_some()))
            .collect();
        contents.sort_unstable();
        contents
    };
    assert_eq!(contents(&read), [(1, false), (3, true)]);
    assert_eq!(
        contents(&loaded(&here, CONTEXT, NOW_US).await),
        [(2, true), (3, true)]
    );
    // Who has missed events hears of both.
    let mut all = Vec::new();
    here.eap_session_load(&CONTEXT, NOW_US, true, &mut all)
        .await
        .unwrap();
    assert_eq!(contents(&all), [(1, false), (2, true), (3, true)]);
}

async fn a_session_opens_for_its_installation_and_context_only(world: Arc<World>) {
    let store = world.open().await;
    let kept = [session(1, Some("one"))];
    let batch = store
        .eap_session_write(&CONTEXT, &kept, NOW_US)
        .await
        .unwrap();
    assert_eq!(loaded(&store, CONTEXT, NOW_US).await, kept);
    let other = [8; 32];
    assert_eq!(loaded(&store, other, NOW_US).await, []);
    let read = store.eap_session_batch(&other, batch, NOW_US).await;
    assert_eq!(read.unwrap(), []);
    // Somebody who can write to the database says that it is of another context, or puts one session's content into another's place.
    let ours = loaded(&store, CONTEXT, NOW_US).await;
    let to = match world.is_sqlite() {
        true => format!("X'{}'", "08".repeat(32)),
        false => format!("'\\x{}'", "08".repeat(32)),
    };
    world
        .tamper(&format!("UPDATE eap_session SET context = {to}"))
        .await;
    assert_eq!(loaded(&store, other, NOW_US).await, []);
    let back = to.replace("08", "07");
    world
        .tamper(&format!("UPDATE eap_session SET context = {back}"))
        .await;
    assert_eq!(loaded(&store, CONTEXT, NOW_US).await, ours);
    world
        .tamper(&format!("UPDATE eap_session SET handle = {to}"))
        .await;
    assert_eq!(loaded(&store, CONTEXT, NOW_US).await, []);
    // Nothing of it is in the clear, and another installation's key does not open it.
    let foreign = SealingKey::generate().unwrap();
    let purpose = "eap-session";
    assert_ne!(
        foreign.derived_key(purpose).expose(),
        world.key.derived_key(purpose).expose()
    );
}

async fn an_old_epoch_is_over_and_forgotten(world: Arc<World>) {
    let store = world.open().await;
    let long = EapSession {
        ends_us: NOW_US + 7 * 24 * HOUR_US,
        ..session(1, Some("one"))
    };
    let short = EapSession {
        ends_us: NOW_US + HOUR_US,
        ..session(2, Some("two"))
    };
    let batch = store
        .eap_session_write(&CONTEXT, &[long.clone(), short], NOW_US)
        .await
        .unwrap();
    let read = async |now_us| {
        let batch = store.eap_session_batch(&CONTEXT, batch, now_us).await;
        (
            batch.unwrap().len(),
            loaded(&store, CONTEXT, now_us).await.len(),
        )
    };
    assert_eq!(read(NOW_US).await, (2, 2));
    assert_eq!(read(NOW_US + HOUR_US).await, (1, 1));
    assert_eq!(read(NOW_US + EAP_SESSION_EPOCH_US).await, (1, 1));
    assert_eq!(read(NOW_US + 2 * EAP_SESSION_EPOCH_US).await, (0, 0));
    // A clock that is behind reads what one that is ahead has sealed.
    assert_eq!(read(NOW_US - EAP_SESSION_EPOCH_US).await, (2, 2));
    assert_eq!(store.eap_session_prune(NOW_US).await.unwrap(), 0);
    let pruned = store.eap_session_prune(NOW_US + HOUR_US).await;
    assert_eq!(pruned.unwrap(), 1);
    let later = NOW_US + 2 * EAP_SESSION_EPOCH_US;
    assert_eq!(store.eap_session_prune(later).await.unwrap(), 1);
    assert_eq!(loaded(&store, CONTEXT, NOW_US).await, []);
}

async fn a_start_reads_the_newest_first_and_no_session_twice(world: Arc<World>) {
    let store = world.open().await;
    for batch in 0..5_u16 {
        let sessions: Vec<_> = (0..500)
            .map(|number| session(batch * 500 + number, Some("content")))
            .collect();
        // Two batches at the same moment: pages end within them.
        let at_us = NOW_US + i64::from(batch / 2);
        store
            .eap_session_write(&CONTEXT, &sessions, at_us)
            .await
            .unwrap();
    }
    let read = loaded(&store, CONTEXT, NOW_US).await;
    let mut handles: Vec<_> = read.iter().map(|session| session.handle).collect();
    assert_eq!(handles[0][..2], 2_499_u16.to_be_bytes());
    handles.sort_unstable();
    handles.dedup();
    assert_eq!(handles.len(), 2_500);
}

async fn the_sessions_of_a_person_are_found_and_end_with_the_account(world: Arc<World>) {
    let (here, there) = (world.open().await, world.open().await);
    here.user_put(new_user("alice")).await.unwrap();
    let now_us = now_us();
    let fresh = |number, content| EapSession {
        ends_us: now_us + HOUR_US,
        ..session(number, Some(content))
    };
    let sessions = [
        of("Alice", fresh(1, "one")),
        of("bob", fresh(2, "two")),
        fresh(3, "three"),
    ];
    here.eap_session_write(&CONTEXT, &sessions, now_us)
        .await
        .unwrap();
    let held = here.personal_data_of_user("alice").await.unwrap();
    assert_eq!(
        held.resumable_logins,
        [ResumableLogin {
            kept_us: now_us,
            ends_us: now_us + HOUR_US
        }]
    );
    let text = serde_json::to_string(&held).unwrap();
    assert!(
        !text.contains("handle") && !text.contains("content"),
        "{text}"
    );
    let later = now_us + 2 * HOUR_US;
    assert_eq!(
        here.eap_session_of_person("alice", later).await.unwrap(),
        []
    );

    let mut events = here.subscribe();
    here.user_remove("alice").await.unwrap();
    let batch = loop {
        let event = events.recv().await.unwrap();
        if event.kind == EventKind::EapSession {
            break event.key.parse().unwrap();
        }
    };
    let told = there
        .eap_session_batch(&CONTEXT, batch, now_us)
        .await
        .unwrap();
    assert_eq!(told.len(), 1, "every server hears which one it is");
    assert_eq!((told[0].handle[1], &told[0].content), (1, &None));
    let mut left: Vec<u8> = loaded(&there, CONTEXT, now_us)
        .await
        .iter()
        .map(|session| session.handle[1])
        .collect();
    left.sort_unstable();
    assert_eq!(left, [2, 3]);
    let held = here.personal_data_of_user("alice").await.unwrap();
    assert_eq!(held.resumable_logins, []);
}
