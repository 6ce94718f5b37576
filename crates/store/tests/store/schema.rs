//! The two engines have the same tables.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::world::{World, on_postgres, on_sqlite};

/// Table, column, and whether it may be NULL.
type Columns = BTreeSet<(String, String, bool)>;

#[test]
fn migrations_have_the_same_names_on_both_sides() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let names = |engine: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(migrations.join(engine)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"));
    assert!(sqlite.contains("0001_initial.sql"));
    for (index, name) in sqlite.iter().enumerate() {
        assert!(
            name.starts_with(&format!("{:04}_", index + 1)),
            "{name} is out of number"
        );
    }
}

#[test]
fn every_sqlite_table_is_strict() {
    on_sqlite(async |world: Arc<World>| {
        world.open().await;
        let mut connection = SqliteConnection::connect(&world.url).await.unwrap();
        let loose: Vec<(String,)> = sqlx::query_as(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 \
             AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        assert_eq!(loose, []);
    });
}

#[test]
fn tables_columns_and_nullability_are_equal() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sqlite_sender = sender.clone();
    on_sqlite(async move |world: Arc<World>| {
        sqlite_sender.send(sqlite_columns(&world).await).unwrap();
    });
    on_postgres(async move |world: Arc<World>| {
        sender.send(postgres_columns(&world).await).unwrap();
    });
    let sqlite = receiver.recv().unwrap();
    assert!(sqlite.contains(&("device".to_owned(), "owner".to_owned(), true)));
    assert!(sqlite.contains(&("device".to_owned(), "name".to_owned(), false)));
    if let Ok(postgres) = receiver.recv() {
        assert_eq!(sqlite, postgres);
    }
}

async fn sqlite_columns(world: &World) -> Columns {
    world.open().await;
    let mut connection = SqliteConnection::connect(&world.url).await.unwrap();
    sqlx::query_as(
        "SELECT t.name, c.name, c.\"notnull\" = 0 FROM pragma_table_list AS t, pragma_table_info(t.name) AS c \
         WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .into_iter()
    .collect()
}

async fn postgres_columns(world: &World) -> Columns {
    world.open().await;
    let mut connection = PgConnection::connect(&world.url).await.unwrap();
    sqlx::query_as(
        "SELECT table_name::TEXT, column_name::TEXT, is_nullable = 'YES' FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .into_iter()
    .collect()
}
