//! What opening a database says when it cannot.

use std::sync::Arc;

use nac_store::{Store, StoreError};

use crate::world::{World, new_client, on_each_engine, on_sqlite};

on_each_engine!(
    a_database_of_a_newer_program_is_refused,
    opening_again_finds_everything,
    two_programs_may_start_together,
    a_changed_migration_is_refused,
);

async fn a_database_of_a_newer_program_is_refused(world: Arc<World>) {
    world.open().await.close().await;
    world
        .tamper("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1")
        .await;
    let error = Store::open(&world.url, None).await.unwrap_err();
    assert!(
        matches!(error, StoreError::NewerDatabase { found: 9999, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("a newer nac has used it"));
}

async fn a_changed_migration_is_refused(world: Arc<World>) {
    world.open().await.close().await;
    let zero = if world.is_sqlite() {
        "x'00'"
    } else {
        "'\\x00'"
    };
    world
        .tamper(&format!("UPDATE _sqlx_migrations SET checksum = {zero}"))
        .await;
    let error = Store::open(&world.url, None).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration { .. }), "{error}");
}

async fn opening_again_finds_everything(world: Arc<World>) {
    let store = world.open().await;
    let client = store
        .client_add(new_client("switch", "10.0.0.0/24"))
        .await
        .unwrap();
    store.close().await;
    assert_eq!(world.open().await.client_list().await.unwrap(), [client]);
}

async fn two_programs_may_start_together(world: Arc<World>) {
    let (one, two, three) = tokio::join!(world.open(), world.open(), world.open());
    for store in [one, two, three] {
        assert_eq!(store.segment_list().await.unwrap().len(), 3);
    }
}

#[test]
fn a_failed_migration_leaves_nothing_behind() {
    on_sqlite(async |world: Arc<World>| {
        // A table in the way makes the first migration fail in its middle.
        world.tamper_new("CREATE TABLE session (id INTEGER)").await;
        let error = Store::open(&world.url, None).await.unwrap_err();
        assert!(matches!(error, StoreError::Migration { .. }), "{error}");
        assert!(error.to_string().contains("nac.db"), "{error}");
        world.tamper("DROP TABLE session").await;
        world.open().await;
    });
}

#[test]
fn a_missing_directory_is_named_with_the_remedy() {
    on_sqlite(async |world: Arc<World>| {
        let path = world.directory.path().join("nowhere/nac.db");
        let text = Store::open(&format!("sqlite:{}", path.display()), None)
            .await
            .unwrap_err()
            .to_string();
        assert!(text.contains("nowhere does not exist; create it"), "{text}");
    });
}

#[test]
fn a_directory_that_may_not_be_written_is_named_with_the_remedy() {
    on_sqlite(async |world: Arc<World>| {
        // The superuser may write anywhere, except where the kernel says no.
        let path = std::path::Path::new("/sys/nac.db");
        let path = if path.parent().is_some_and(std::path::Path::is_dir) {
            path.to_owned()
        } else {
            let directory = world.directory.path().join("read-only");
            std::fs::create_dir(&directory).unwrap();
            let mut permissions = std::fs::metadata(&directory).unwrap().permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(&directory, permissions).unwrap();
            directory.join("nac.db")
        };
        let error = Store::open(&format!("sqlite:{}", path.display()), None)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&path.display().to_string()) && text.contains("write access"),
            "{text}"
        );
    });
}

#[test]
fn what_is_no_database_is_refused() {
    on_sqlite(async |world: Arc<World>| {
        let path = world.directory.path().join("letter.txt");
        std::fs::write(
            &path,
            "Dear Alice, this is not a database, but long enough to be looked at.".repeat(100),
        )
        .unwrap();
        for url in [
            format!("sqlite:{}", path.display()),
            "mysql://localhost/nac".to_owned(),
            "sqlite::memory:".to_owned(),
            "sqlite:".to_owned(),
            format!("sqlite:{}?synchronous=off", path.display()),
            format!("sqlite:{}", world.directory.path().display()),
        ] {
            Store::open(&url, None).await.expect_err(&url);
        }
    });
}

#[cfg(unix)]
#[test]
fn a_new_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    on_sqlite(async |world: Arc<World>| {
        world.open().await;
        for entry in std::fs::read_dir(world.directory.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    });
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let error = Store::open("postgres://nac:hunter2@127.0.0.1:1/nac", None)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("postgres://127.0.0.1:1/nac") && !text.contains("hunter2"),
        "{text}"
    );
    let error = Store::open("postgres://nac:hunter2@[broken/nac", None)
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
