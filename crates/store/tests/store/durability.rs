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

/// Starts this test binary again, to run one of the two children below.
fn child(world: &World, name: &str, number: usize) -> Child {
    let key = world.directory.path().join("sealing.key");
    if !key.exists() {
        world.key.write_new(&key).unwrap();
    }
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("durability::{name}"),
            "--ignored",
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

async fn a_killed_process_loses_no_acknowledged_record(world: Arc<World>) {
    world.open().await.close().await;
    let mut child = child(&world, "child_accounts_until_killed", 0);
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

#[test]
#[ignore = "a child of a_killed_process_loses_no_acknowledged_record"]
#[allow(
    clippy::print_stdout,
    reason = "this is how a child speaks to its parent"
)]
fn child_accounts_until_killed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let key = SealingKey::from_file(variable("KEY")).unwrap();
        let store = Store::open(&variable("URL"), Some(key)).await.unwrap();
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
    });
}

async fn processes_that_write_at_once_wait_for_each_other(world: Arc<World>) {
    let store = world.open().await;
    let children: Vec<Child> = (0..2)
        .map(|number| child(&world, "child_adds_users", number))
        .collect();
    for number in 0..100 {
        store
            .user_put(new_user(&format!("parent-{number}")))
            .await
            .unwrap();
    }
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

#[test]
#[ignore = "a child of processes_that_write_at_once_wait_for_each_other"]
fn child_adds_users() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let key = SealingKey::from_file(variable("KEY")).unwrap();
        let store = Store::open(&variable("URL"), Some(key)).await.unwrap();
        for number in 0..100 {
            store
                .user_put(new_user(&format!("child-{}-{number}", variable("NUMBER"))))
                .await
                .unwrap();
        }
    });
}
