//! The audit log: everything that an actor changes is in it, without secrets, and whoever changes the log is found out.

use std::sync::Arc;

use ipnet::IpNet;
use nac_store::{
    Actor, ActorKind, AuditFilter, AuditRecord, Certificate, CertificateKind, ClientChange,
    SecretBytes, Segment, Store, now_us,
};

use crate::world::{World, new_client, new_user, on_each_engine};

on_each_engine!(
    every_change_is_recorded_once_and_without_secrets,
    nobody_is_recorded_where_nobody_acts,
    a_change_that_fails_leaves_no_record,
    an_edited_row_is_named,
    a_removed_row_is_named,
    rows_removed_from_the_end_are_named,
    swapped_rows_are_named,
    a_row_slipped_in_is_named,
    a_log_beyond_one_piece_verifies,
);

fn helen() -> Actor {
    Actor {
        kind: ActorKind::Cli,
        name: "cli:helen".to_owned(),
        source: String::new(),
    }
}

async fn acting(world: &World) -> Store {
    world.open().await.acting(helen())
}

async fn log(store: &Store) -> Vec<AuditRecord> {
    let mut records = store
        .audit_list(&AuditFilter {
            limit: 10_000,
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    records.reverse();
    records
}

fn segment(name: &str) -> Segment {
    Segment {
        name: name.to_owned(),
        vlan: Some("30".to_owned()),
        role: None,
        acl: Vec::new(),
        redirect: None,
        redirect_acl: None,
        session_timeout_s: None,
        description: String::new(),
        protected: false,
        updated_us: 0,
    }
}

fn certificate(serial: &str) -> Certificate {
    Certificate {
        serial: serial.to_owned(),
        kind: CertificateKind::User,
        name: "alice".to_owned(),
        device_id: None,
        subject: "CN=alice".to_owned(),
        spki_sha256: "aa".to_owned(),
        fingerprint_sha256: "bb".to_owned(),
        certificate_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
        not_before_us: 0,
        not_after_us: now_us(),
        issued_us: now_us(),
        revoked_us: None,
        revoked_reason: None,
        revoked_by: None,
    }
}

async fn every_change_is_recorded_once_and_without_secrets(world: Arc<World>) {
    let store = acting(&world).await;
    store
        .client_add(new_client("sw1", "10.0.0.1/32"))
        .await
        .unwrap();
    let change = ClientChange {
        name: Some("sw2".to_owned()),
        secret: Some(SecretBytes::new(*b"another secret of it")),
        address: Some("10.0.0.2/32".parse::<IpNet>().unwrap()),
        ..ClientChange::default()
    };
    store.client_update("sw1", change).await.unwrap();
    store.client_remove("sw2").await.unwrap();
    store.segment_put(segment("lab")).await.unwrap();
    store.segment_put(segment("lab")).await.unwrap();
    store.segment_remove("lab").await.unwrap();
    store.user_put(new_user("Alice")).await.unwrap();
    let mut again = new_user("alice");
    again.cleartext = Some(SecretBytes::new(*b"fedcba9876543210"));
    store.user_put(again).await.unwrap();
    store.user_set_enabled("alice", false).await.unwrap();
    store
        .user_set_groups("alice", vec!["interns".to_owned()])
        .await
        .unwrap();
    store.user_remove("alice").await.unwrap();
    store
        .user_put_many(vec![new_user("bob"), new_user("carol")])
        .await
        .unwrap();
    store
        .policy_apply("permit(principal, action, resource);", "first", "helen")
        .await
        .unwrap();
    store
        .authority_put(
            "-----BEGIN CERTIFICATE-----",
            SecretBytes::new(*b"the CA key"),
        )
        .await
        .unwrap();
    store.certificate_add(&certificate("0a")).await.unwrap();
    store
        .certificate_revoke("0a", "lost", "helen")
        .await
        .unwrap();

    let log = log(&store).await;
    let told: Vec<(&str, &str)> = log
        .iter()
        .map(|row| (row.action.as_str(), row.object.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("client.add", "client:sw1"),
            ("client.update", "client:sw1"),
            ("client.remove", "client:sw2"),
            ("segment.put", "segment:lab"),
            ("segment.put", "segment:lab"),
            ("segment.remove", "segment:lab"),
            ("user.put", "user:alice"),
            ("user.put", "user:alice"),
            ("user.set-enabled", "user:alice"),
            ("user.set-groups", "user:alice"),
            ("user.remove", "user:alice"),
            ("user.import", "user:*"),
            ("policy.apply", "policy:1"),
            ("authority.put", "authority:1"),
            ("certificate.issue", "certificate:0a"),
            ("certificate.revoke", "certificate:0a"),
        ]
    );
    for row in &log {
        assert_eq!(
            (row.actor.as_str(), row.actor_kind),
            ("cli:helen", ActorKind::Cli)
        );
        let text = format!("{:?}{:?}", row.before, row.after);
        for secret in [
            "secret of",
            "another secret",
            "argon2id$",
            "0123456789abcdef",
            "fedcba9876543210",
            "the CA key",
        ] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        // Byte strings may come as lists of numbers.
        assert!(!text.contains("[97,"), "{text}");
    }
    let after = |index: usize| -> serde_json::Value {
        serde_json::from_str(log[index].after.as_deref().unwrap()).unwrap()
    };
    let before = |index: usize| -> serde_json::Value {
        serde_json::from_str(log[index].before.as_deref().unwrap()).unwrap()
    };
    assert_eq!(after(1)["secret"], "changed");
    assert_eq!(
        (&before(1)["name"], &after(1)["name"]),
        (&"sw1".into(), &"sw2".into())
    );
    assert_eq!(before(5)["vlan"], "30");
    assert_eq!(after(7)["password_changed"], true);
    assert_eq!(
        (&before(8)["enabled"], &after(8)["enabled"]),
        (&true.into(), &false.into())
    );
    assert_eq!(after(8)["password_changed"], false);
    assert_eq!(after(9)["groups"], serde_json::json!(["interns"]));
    assert_eq!(after(15)["revoked_reason"], "lost");
    let verified = store.audit_verify().await.unwrap();
    assert_eq!((verified.rows, verified.fault), (16, None));
    assert_eq!(verified.seal, log[15].seal);
}

async fn nobody_is_recorded_where_nobody_acts(world: Arc<World>) {
    let store = world.open().await;
    store.segment_put(segment("lab")).await.unwrap();
    store.user_put(new_user("alice")).await.unwrap();
    assert!(log(&store).await.is_empty());
    let verified = store.audit_verify().await.unwrap();
    assert_eq!((verified.rows, verified.fault), (0, None));
}

async fn a_change_that_fails_leaves_no_record(world: Arc<World>) {
    let store = acting(&world).await;
    store
        .client_add(new_client("sw1", "10.0.0.1/32"))
        .await
        .unwrap();
    store
        .client_add(new_client("sw1", "10.0.0.9/32"))
        .await
        .unwrap_err();
    store.client_remove("sw9").await.unwrap_err();
    store.user_remove("nobody").await.unwrap_err();
    store.segment_remove("guest").await.unwrap_err();
    assert_eq!(log(&store).await.len(), 1);
}

/// A log of six rows that was changed behind the store's back: where the chain breaks, and why.
async fn broken(world: &World, sql: &str) -> (i64, String) {
    let store = acting(world).await;
    for name in ["one", "two", "three", "four", "five", "six"] {
        store.segment_put(segment(name)).await.unwrap();
    }
    assert_eq!(store.audit_verify().await.unwrap().fault, None);
    world.tamper(sql).await;
    let verified = store.audit_verify().await.unwrap();
    let fault = verified.fault.expect("it is found out");
    assert_eq!(verified.rows, fault.seq - 1, "what is before it holds");
    (fault.seq, fault.why)
}

async fn an_edited_row_is_named(world: Arc<World>) {
    let (seq, why) = broken(
        &world,
        "UPDATE audit SET actor = 'cli:mallory' WHERE seq = 3",
    )
    .await;
    assert_eq!(seq, 3, "{why}");
    assert!(why.contains("not as it was written"), "{why}");
}

async fn a_removed_row_is_named(world: Arc<World>) {
    let (seq, why) = broken(&world, "DELETE FROM audit WHERE seq = 4").await;
    assert_eq!((seq, why.as_str()), (4, "this row is missing"));
}

async fn rows_removed_from_the_end_are_named(world: Arc<World>) {
    let (seq, why) = broken(&world, "DELETE FROM audit WHERE seq > 4").await;
    assert_eq!(seq, 5);
    assert!(why.contains("missing"), "{why}");
}

async fn swapped_rows_are_named(world: Arc<World>) {
    let swap = "UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 5; \
                UPDATE audit SET seq = 5 WHERE seq = 99";
    assert_eq!(broken(&world, swap).await.0, 2);
}

async fn a_row_slipped_in_is_named(world: Arc<World>) {
    // A copy of an old row, with the head made to name it.
    let slip = "INSERT INTO audit SELECT 7, at_us, actor_kind, actor, source, action, object, before, after, seal \
                FROM audit WHERE seq = 6; UPDATE audit_head SET seq = 7";
    assert_eq!(broken(&world, slip).await.0, 7);
}

async fn a_log_beyond_one_piece_verifies(world: Arc<World>) {
    let store = acting(&world).await;
    for number in 0..1_010 {
        let details = serde_json::json!({ "number": number });
        store
            .audit_note("test.note", "test:1", &details)
            .await
            .unwrap();
    }
    let verified = store.audit_verify().await.unwrap();
    assert_eq!((verified.rows, verified.fault), (1_010, None));
    world
        .tamper("UPDATE audit SET after = NULL WHERE seq = 1005")
        .await;
    let fault = store.audit_verify().await.unwrap().fault.unwrap();
    assert_eq!(fault.seq, 1_005);
}
