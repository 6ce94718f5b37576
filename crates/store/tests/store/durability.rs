//! Other processes: one that is killed, several that write at once.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use nac_store::{AccountingFilter, SealingKey, Store, Writer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::world::{World, new_accounting, new_user, on_each_engine};

on_each_engine!(
    a_killed_process_loses_no_acknowledged_record,
    processes_that_write_at_once_wait_for_each_other
);

/// Starts this test binary again with one of the tests above, which sees in its environment that it is the child of another and what
/// database it shares with it.
fn child(world: &World, test: &str, number: usize) -> Child {
    let key = world.directory.path().join("sealing.key");
    if !key.exists() {
        world.key.write_new(&key).unwrap();
    }
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("durability::on_sqlite::{test}"),
            "--nocapture",
        ])
        .env("NAC_TEST_CHILD_URL", &world.url)
        .env("NAC_TEST_CHILD_KEY", key)
        .env(
            "NAC_TEST_CHILD_SPOOL",
            world.directory.path().join(format!("spool-{number}")),
        )
        .env("NAC_TEST_CHILD_NUMBER", number.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn variable(name: &str) -> String {
    std::env::var(format!("NAC_TEST_CHILD_{name}")).unwrap()
}

/// The parent's database, in a child.
async fn parents_store() -> Option<Store> {
    let url = std::env::var("NAC_TEST_CHILD_URL").ok()?;
    let key = SealingKey::from_file(variable("KEY")).unwrap();
    Some(Store::open(&url, Some(key)).await.unwrap())
}

async fn a_killed_process_loses_no_acknowledged_record(world: Arc<World>) {
    if let Some(store) = parents_store().await {
        return account_until_killed(store).await;
    }
    world.open().await.close().await;
    let mut child = child(&world, "a_killed_process_loses_no_acknowledged_record", 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut acknowledged = Vec::new();
    let mut killed = false;
    for line in lines.by_ref() {
        // The harness of the child prints, too.
        if let Some(session) = line.strip_prefix("acknowledged ") {
            acknowledged.push(session.to_owned());
        }
        if acknowledged.len() == 500 && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= 500);
    let store = world.open().await;
    for session in acknowledged {
        let filter = AccountingFilter {
            acct_session_id: Some(session.clone()),
            ..AccountingFilter::default()
        };
        assert_eq!(
            store.accounting_list(&filter).await.unwrap().len(),
            1,
            "{session}"
        );
    }
}

#[allow(
    clippy::print_stdout,
    reason = "this is how a child speaks to its parent"
)]
async fn account_until_killed(store: Store) {
    let writer = Writer::new(store, variable("SPOOL").into()).unwrap();
    let handle = writer.handle();
    let tracker = TaskTracker::new();
    tracker.spawn(writer.run(CancellationToken::new()));
    for task in 0..16 {
        let handle = handle.clone();
        tracker.spawn(async move {
            for number in 0..100_000 {
                let session = format!("{task}-{number}");
                handle.accounting(new_accounting(&session)).await.unwrap();
                println!("acknowledged {session}");
            }
        });
    }
    tracker.close();
    tracker.wait().await;
}

async fn processes_that_write_at_once_wait_for_each_other(world: Arc<World>) {
    if let Some(store) = parents_store().await {
        return add_users(&store, &format!("child-{}", variable("NUMBER"))).await;
    }
    let store = world.open().await;
    let test = "processes_that_write_at_once_wait_for_each_other";
    let children: Vec<Child> = (0..2).map(|number| child(&world, test, number)).collect();
    add_users(&store, "parent").await;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    assert_eq!(store.statistics().await.unwrap().users, 300);
}

async fn add_users(store: &Store, by: &str) {
    for number in 0..100 {
        let name = format!("{by}-{number}");
        store.user_put(new_user(&name)).await.unwrap();
    }
}
