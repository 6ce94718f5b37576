//! The writer: groups, acknowledgement, the spool.

use std::{sync::Arc, time::Duration};

use nac_store::{
    AccountingFilter, DecisionFilter, EnforcementFilter, EnforcementState, EventKind,
    SessionFilter, Store, Writer, WriterError, WriterHandle, WriterSettings,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::world::{
    World, new_accounting, new_decision, new_enforcement, new_session, on_each_engine,
};

on_each_engine!(
    an_acknowledged_record_is_in_the_database,
    records_that_come_together_share_transactions,
    only_the_newest_state_is_stored,
    a_session_that_is_heard_again_is_still_found,
    sessions_are_told_of_at_most_once_a_second,
    stopping_stores_what_waits,
    decisions_survive_an_outage_in_the_spool,
    a_full_queue_spools_decisions_and_refuses_accounting,
    a_row_the_database_refuses_does_not_hold_up_the_others,
    a_spool_left_by_a_crash_is_replayed,
);

/// A running writer.
struct Running {
    handle: WriterHandle,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Running {
    fn start(world: &World, store: &Store) -> Self {
        let writer = Writer::new(store.clone(), world.spool()).unwrap();
        let (handle, cancel, tracker) = (
            writer.handle(),
            CancellationToken::new(),
            TaskTracker::new(),
        );
        tracker.spawn(writer.run(cancel.clone()));
        tracker.close();
        Self {
            handle,
            cancel,
            tracker,
        }
    }

    async fn stop(&self) {
        self.cancel.cancel();
        self.tracker.wait().await;
    }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn decisions(store: &Store) -> usize {
    store
        .decision_list(&DecisionFilter {
            limit: 10_000,
            ..DecisionFilter::default()
        })
        .await
        .unwrap()
        .len()
}

async fn an_acknowledged_record_is_in_the_database(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    writer
        .handle
        .accounting(new_accounting("s1"))
        .await
        .unwrap();
    // Another process sees it already.
    let other = world.open().await;
    assert_eq!(
        other
            .accounting_list(&AccountingFilter::default())
            .await
            .unwrap()
            .len(),
        1
    );
    writer.stop().await;
    assert_eq!(
        writer.handle.accounting(new_accounting("s2")).await,
        Err(WriterError::Stopped)
    );
}

async fn records_that_come_together_share_transactions(world: Arc<World>) {
    let store = world.open().await;
    let mut live = store.decisions_live();
    let writer = Running::start(&world, &store);
    let tracker = TaskTracker::new();
    for number in 0..1_000 {
        let handle = writer.handle.clone();
        tracker.spawn(async move {
            handle
                .accounting(new_accounting(&format!("s{number}")))
                .await
                .unwrap()
        });
    }
    writer
        .handle
        .decision(&new_decision("alice", "00:11:22:33:44:55"));
    tracker.close();
    tracker.wait().await;
    writer.handle.flush().await;
    let counters = writer.handle.counters();
    assert_eq!(
        (counters.committed, counters.failures, counters.waiting),
        (1_001, 0, 0)
    );
    assert!(counters.transactions < 200, "{counters:?}");
    assert_eq!(store.statistics().await.unwrap().accounting, 1_000);
    assert_eq!(live.recv().await.unwrap().user_name, "alice");
}

async fn only_the_newest_state_is_stored(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    let mut session = new_session();
    let mut job = new_enforcement(session.id);
    for number in 0..1_000 {
        session.segment = format!("segment-{number}");
        writer.handle.session(session.clone());
    }
    job.state = EnforcementState::Sent;
    writer.handle.enforcement(job.clone());
    writer.handle.flush().await;
    assert_eq!(store.session_fetch(session.id).await.unwrap(), session);
    assert_eq!(
        store
            .enforcement_list(&EnforcementFilter::default())
            .await
            .unwrap(),
        [job]
    );
    for _ in 0..1_500 {
        writer.handle.session(new_session());
    }
    writer.handle.flush().await;
    assert_eq!(store.statistics().await.unwrap().sessions_open, 1_501);
}

async fn a_session_that_is_heard_again_is_still_found(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    let mut session = new_session();
    // Heard of again before it was stored at all.
    writer.handle.session(session.clone());
    session.updated_us += 1;
    writer.handle.session_heard(session.clone());
    writer.handle.flush().await;
    assert_eq!(store.session_fetch(session.id).await.unwrap(), session);
    // Moved, and heard of again before that was stored.
    session.segment = "elsewhere".to_owned();
    writer.handle.session(session.clone());
    session.decision_id = Uuid::now_v7();
    session.attributes = vec![("NAS-Port".to_owned(), "7".to_owned())];
    writer.handle.session_heard(session.clone());
    writer.handle.flush().await;
    assert_eq!(store.session_fetch(session.id).await.unwrap(), session);
    // Heard of again afterwards.
    session.decision_id = Uuid::now_v7();
    session.updated_us += 1;
    writer.handle.session_heard(session.clone());
    writer.handle.flush().await;
    let filter = SessionFilter {
        segment: Some("elsewhere".to_owned()),
        mac: session.mac.clone(),
        ..SessionFilter::default()
    };
    assert_eq!(store.session_list(&filter).await.unwrap(), [session]);
}

async fn sessions_are_told_of_at_most_once_a_second(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    let mut events = store.subscribe();
    for _ in 0..20 {
        writer.handle.session(new_session());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    writer.handle.flush().await;
    eventually("both the first and the last are told of", async || {
        events.len() >= 2
    })
    .await;
    // On a busy machine twenty sessions take more than a second; twenty events they never make.
    assert!(events.len() < 10, "{}", events.len());
    let event = events.recv().await.unwrap();
    assert_eq!((event.kind, event.key.as_str()), (EventKind::Session, "*"));
}

async fn stopping_stores_what_waits(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    for _ in 0..2_000 {
        writer
            .handle
            .decision(&new_decision("alice", "00:11:22:33:44:55"));
    }
    let session = new_session();
    writer.handle.session(session.clone());
    writer.stop().await;
    assert_eq!(decisions(&store).await, 2_000);
    store.session_fetch(session.id).await.unwrap();
    // Whoever still has a handle may go on deciding: it waits in the spool for the next start.
    writer
        .handle
        .decision(&new_decision("bob", "00:11:22:33:44:55"));
    assert_eq!(writer.handle.counters().spooled, 1);
    let writer = Running::start(&world, &store);
    eventually("the spool is replayed", async || {
        writer.handle.counters().replayed == 1
    })
    .await;
    assert_eq!(decisions(&store).await, 2_001);
}

async fn decisions_survive_an_outage_in_the_spool(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    writer
        .handle
        .decision(&new_decision("alice", "00:11:22:33:44:55"));
    writer.handle.flush().await;
    // A store whose connections are closed is one that is away.
    store.close().await;
    let refused = writer.handle.accounting(new_accounting("s1")).await;
    assert!(
        matches!(refused, Err(WriterError::Failed(_))),
        "{refused:?}"
    );
    for _ in 0..600 {
        writer
            .handle
            .decision(&new_decision("bob", "00:11:22:33:44:55"));
    }
    writer.handle.flush().await;
    assert_eq!(writer.handle.counters().spooled, 600);
    writer.stop().await;

    let store = world.open().await;
    assert_eq!(decisions(&store).await, 1);
    let writer = Running::start(&world, &store);
    eventually("the spool is replayed", async || {
        writer.handle.counters().replayed == 600
    })
    .await;
    eventually("the spool is empty", async || {
        !world.spool().join("decisions.replaying.jsonl").exists()
    })
    .await;
    assert_eq!(decisions(&store).await, 601);
    assert_eq!(writer.handle.counters().lost, 0);
}

async fn a_full_queue_spools_decisions_and_refuses_accounting(world: Arc<World>) {
    let store = world.open().await;
    let settings = WriterSettings {
        queue: 4,
        ..WriterSettings::default()
    };
    let writer = Writer::with_settings(store.clone(), world.spool(), settings).unwrap();
    let handle = writer.handle();
    for _ in 0..10 {
        handle.decision(&new_decision("alice", "00:11:22:33:44:55"));
    }
    assert_eq!(
        (handle.counters().spooled, handle.counters().waiting),
        (6, 4)
    );
    // Decisions take no accounting record's place.
    let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
    let queued: Vec<_> = (0..4)
        .map(|number| {
            let handle = handle.clone();
            let record = new_accounting(&format!("s{number}"));
            tracker.spawn(async move { handle.accounting(record).await })
        })
        .collect();
    eventually("accounting waits too", async || {
        handle.counters().waiting == 8
    })
    .await;
    assert_eq!(
        handle.accounting(new_accounting("s4")).await,
        Err(WriterError::Full)
    );
    tracker.spawn(writer.run(cancel.clone()));
    tracker.close();
    eventually("everything is stored", async || {
        decisions(&store).await == 10
    })
    .await;
    for record in queued {
        assert_eq!(record.await.unwrap(), Ok(()));
    }
    cancel.cancel();
    tracker.wait().await;
}

async fn a_row_the_database_refuses_does_not_hold_up_the_others(world: Arc<World>) {
    let store = world.open().await;
    let writer = Running::start(&world, &store);
    if world.is_sqlite() {
        world
            .tamper(
                "CREATE TRIGGER picky BEFORE INSERT ON decision WHEN NEW.user_key = 'mallory' \
                 BEGIN SELECT RAISE(ABORT, 'not this one'); END",
            )
            .await;
    } else {
        world
            .tamper("ALTER TABLE decision ADD CONSTRAINT picky CHECK (user_key <> 'mallory')")
            .await;
    }
    for user in ["alice", "mallory", "bob"] {
        writer
            .handle
            .decision(&new_decision(user, "00:11:22:33:44:55"));
    }
    writer
        .handle
        .accounting(new_accounting("s1"))
        .await
        .unwrap();
    writer.handle.flush().await;
    assert_eq!(decisions(&store).await, 2);
    assert_eq!(writer.handle.counters().lost, 1);
    let refused = std::fs::read_to_string(world.spool().join("decisions.refused.jsonl")).unwrap();
    assert!(refused.contains("mallory") && refused.lines().count() == 1);
}

async fn a_spool_left_by_a_crash_is_replayed(world: Arc<World>) {
    let store = world.open().await;
    let spooled = [
        new_decision("alice", "00:11:22:33:44:55"),
        new_decision("bob", "00:11:22:33:44:55"),
    ];
    std::fs::create_dir_all(world.spool()).unwrap();
    let line = |index: usize| serde_json::to_string(&spooled[index]).unwrap();
    // One file that was being replayed, one that came in since; each was cut short by the crash.
    let cut = &line(1)[..40];
    std::fs::write(
        world.spool().join("decisions.replaying.jsonl"),
        format!("{}\n{cut}", line(0)),
    )
    .unwrap();
    std::fs::write(
        world.spool().join("decisions.jsonl"),
        format!("\n{}\n{}\n", line(1), line(0)),
    )
    .unwrap();
    let writer = Running::start(&world, &store);
    eventually("both are stored", async || decisions(&store).await == 2).await;
    eventually("the spool is empty", async || {
        !world.spool().join("decisions.replaying.jsonl").exists()
    })
    .await;
    assert_eq!(
        writer.handle.counters().lost,
        1,
        "the line that was cut short"
    );
    assert!(
        std::fs::read_to_string(world.spool().join("decisions.refused.jsonl"))
            .unwrap()
            .starts_with(cut)
    );
}
