//! Secrets in the database.

use std::sync::Arc;

use nac_store::{SealedError, SealingKey, SecretBytes, Store, StoreError};

use crate::world::{World, new_client, new_user, on_each_engine, on_sqlite};

on_each_engine!(
    a_ciphertext_moved_to_another_row_does_not_open,
    another_key_is_refused_when_opening,
    without_a_key_nothing_secret_is_stored_or_read,
);

fn is_wrong_key<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(
        result,
        Err(StoreError::Sealed(SealedError::WrongKey { .. }))
    )
}

async fn a_ciphertext_moved_to_another_row_does_not_open(world: Arc<World>) {
    let store = world.open().await;
    store
        .client_add(new_client("one", "10.0.0.0/24"))
        .await
        .unwrap();
    store
        .client_add(new_client("two", "10.0.1.0/24"))
        .await
        .unwrap();
    store.user_put(new_user("alice")).await.unwrap();
    store.user_put(new_user("bob")).await.unwrap();
    world
        .tamper(
            "UPDATE client SET secret = (SELECT secret FROM client WHERE name = 'one') WHERE name = 'two'; \
             UPDATE user_account SET cleartext = (SELECT cleartext FROM user_account WHERE name_key = 'alice') \
             WHERE name_key = 'bob'",
        )
        .await;
    store.client_fetch("one").await.unwrap();
    assert!(is_wrong_key(store.client_fetch("two").await));
    assert!(is_wrong_key(store.client_list().await));
    store.user_fetch("alice").await.unwrap();
    assert!(is_wrong_key(store.user_fetch("bob").await));
}

async fn another_key_is_refused_when_opening(world: Arc<World>) {
    world.open().await.close().await;
    let opened = Store::open(&world.url, Some(SealingKey::generate().unwrap())).await;
    assert!(is_wrong_key(opened));
    world.open().await;
}

async fn without_a_key_nothing_secret_is_stored_or_read(world: Arc<World>) {
    let no_key = |result: Result<(), StoreError>| {
        matches!(result, Err(StoreError::Sealed(SealedError::NoKey)))
    };
    let store = world.open().await;
    store
        .client_add(new_client("one", "10.0.0.0/24"))
        .await
        .unwrap();
    let blind = Store::open(&world.url, None).await.unwrap();
    assert!(no_key(
        blind
            .client_add(new_client("two", "10.0.1.0/24"))
            .await
            .map(drop)
    ));
    assert!(no_key(blind.client_list().await.map(drop)));
    assert!(no_key(
        blind.authority_put("pem", SecretBytes::new(*b"key")).await
    ));
    assert!(no_key(blind.user_put(new_user("alice")).await.map(drop)));
    assert_eq!(blind.segment_list().await.unwrap().len(), 3);
}

#[test]
fn no_secret_is_in_the_files_of_the_database() {
    on_sqlite(async |world: Arc<World>| {
        let store = world.open().await;
        store
            .client_add(new_client("one", "10.0.0.0/24"))
            .await
            .unwrap();
        store.user_put(new_user("alice")).await.unwrap();
        store
            .authority_put("pem", SecretBytes::new(*b"-----BEGIN PRIVATE KEY-----"))
            .await
            .unwrap();
        let secrets: [&[u8]; 3] = [
            b"a secret of the switch",
            b"0123456789abcdef",
            b"BEGIN PRIVATE KEY",
        ];
        // Once with the write-ahead log, once with everything in the main file.
        for _ in 0..2 {
            let mut looked = 0;
            for entry in std::fs::read_dir(world.directory.path()).unwrap() {
                let bytes = std::fs::read(entry.unwrap().path()).unwrap();
                for secret in secrets {
                    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
                }
                looked += bytes.len();
            }
            assert!(looked > 4_096);
            store.close().await;
        }
    });
}

#[test]
fn what_is_printed_or_serialised_holds_no_secret() {
    on_sqlite(async |world: Arc<World>| {
        let store = world.open().await;
        let client = store
            .client_add(new_client("one", "10.0.0.0/24"))
            .await
            .unwrap();
        let user = store.user_put(new_user("alice")).await.unwrap();
        let printed = format!(
            "{client:?} {user:?} {:?} {:?}",
            new_user("alice"),
            new_client("one", "10.0.0.0/24")
        );
        assert!(
            !printed.contains("argon2id$")
                && !printed.contains("a secret")
                && !printed.contains("[48, 49")
        );
        let json = serde_json::to_value((&client, &user)).unwrap();
        assert!(json[0].get("secret").is_none(), "{json}");
        assert_eq!(
            (&json[1]["password"], &json[1]["mschap"]),
            (&"argon2id".into(), &true.into())
        );
        assert!(json[1].get("cleartext").is_none());
    });
}
