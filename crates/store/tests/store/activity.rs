//! What was heard from clients, from strangers, and the overview of it all.

use std::sync::Arc;

use nac_store::{
    CertificateKind, ClientActivity, DecisionOutcome, DecisionRecord, EnforcementState,
    MessageAuthenticatorUse, NewQuarantine, UNKNOWN_NAS_MAX, UnknownNas, now_us,
};
use uuid::Uuid;

use crate::world::{World, new_client, new_decision, new_enforcement, new_session, on_each_engine};

on_each_engine!(
    counts_add_up_and_times_move_on,
    a_removed_client_takes_its_numbers_along,
    strangers_are_few_and_the_longest_silent_give_way,
    an_address_that_becomes_a_client_is_no_stranger,
    the_overview_counts_what_was_stored,
    decisions_that_come_twice_are_counted_once,
);

const MINUTE_US: i64 = 60_000_000;

async fn counts_add_up_and_times_move_on(world: Arc<World>) {
    let store = world.open().await;
    let client = store
        .client_add(new_client("sw1", "10.0.0.1/32"))
        .await
        .unwrap();
    assert_eq!(store.client_activity_find(client.id).await.unwrap(), None);
    let first = ClientActivity {
        client_id: client.id,
        last_packet_us: Some(100),
        last_source: "10.0.0.1\0".to_owned(),
        last_transport: "UDP".to_owned(),
        requests: 3,
        requests_per_minute: 3,
        signed: 2,
        signed_us: Some(90),
        wrong_secret: 1,
        wrong_secret_us: Some(100),
        coa_refused: 1,
        coa_us: Some(95),
        coa_result: "refused".to_owned(),
        ..ClientActivity::default()
    };
    let second = ClientActivity {
        client_id: client.id,
        last_packet_us: Some(200),
        last_source: "10.0.0.2".to_owned(),
        last_transport: "RADIUS/1.1 over TLS".to_owned(),
        requests: 2,
        requests_per_minute: 5,
        missing_signature: 2,
        missing_signature_us: Some(200),
        ..ClientActivity::default()
    };
    // Somebody who is no client is left out, and disturbs nobody.
    let stranger = ClientActivity {
        client_id: Uuid::now_v7(),
        ..first.clone()
    };
    store.client_activity_add(&[stranger, first]).await.unwrap();
    store.client_activity_add(&[second]).await.unwrap();
    store.client_activity_add(&[]).await.unwrap();
    let all = store.client_activity_list().await.unwrap();
    assert_eq!(all.len(), 1);
    let seen = store
        .client_activity_find(client.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(all[0], seen);
    assert_eq!((seen.requests, seen.requests_per_minute), (5, 5));
    assert_eq!(
        (seen.last_packet_us, seen.last_source.as_str()),
        (Some(200), "10.0.0.2")
    );
    assert_eq!((seen.signed, seen.signed_us), (2, Some(90)));
    assert_eq!((seen.wrong_secret, seen.wrong_secret_us), (1, Some(100)));
    assert_eq!(
        (seen.missing_signature, seen.missing_signature_us),
        (2, Some(200))
    );
    assert_eq!((seen.coa_refused, seen.coa_result.as_str()), (1, "refused"));
    assert_eq!(
        seen.message_authenticator(),
        MessageAuthenticatorUse::Sometimes
    );
    store.client_activity_forget(client.id).await.unwrap();
    assert!(store.client_activity_list().await.unwrap().is_empty());
}

async fn a_removed_client_takes_its_numbers_along(world: Arc<World>) {
    let store = world.open().await;
    let client = store
        .client_add(new_client("sw1", "10.0.0.1/32"))
        .await
        .unwrap();
    let heard = ClientActivity {
        client_id: client.id,
        requests: 1,
        ..ClientActivity::default()
    };
    store
        .client_activity_add(std::slice::from_ref(&heard))
        .await
        .unwrap();
    store.client_remove("sw1").await.unwrap();
    assert!(store.client_activity_list().await.unwrap().is_empty());
    // What was still in memory comes too late.
    store.client_activity_add(&[heard]).await.unwrap();
    assert!(store.client_activity_list().await.unwrap().is_empty());
}

fn stranger(number: u32, last_us: i64) -> UnknownNas {
    UnknownNas {
        address: std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string(),
        packets: 2,
        nas_identifier: String::new(),
        first_us: last_us,
        last_us,
    }
}

async fn strangers_are_few_and_the_longest_silent_give_way(world: Arc<World>) {
    let store = world.open().await;
    let mut named = stranger(1, 10);
    named.nas_identifier = "access\0-7".to_owned();
    store.unknown_nas_add(&[named]).await.unwrap();
    store.unknown_nas_add(&[stranger(1, 20)]).await.unwrap();
    let seen = store.unknown_nas_list().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].packets, seen[0].first_us, seen[0].last_us),
        (4, 10, 20)
    );
    assert_eq!(seen[0].nas_identifier, "access\u{fffd}-7");
    let crowd: Vec<UnknownNas> = (2..=UNKNOWN_NAS_MAX + 1)
        .map(|number| stranger(number, 1_000 + i64::from(number)))
        .collect();
    store.unknown_nas_add(&crowd).await.unwrap();
    let seen = store.unknown_nas_list().await.unwrap();
    assert_eq!(seen.len(), UNKNOWN_NAS_MAX as usize);
    assert_eq!(seen[0].address, "10.0.1.1", "the latest first");
    assert!(!seen.iter().any(|one| one.address == "10.0.0.1"));
    assert_eq!(store.unknown_nas_forget(Some("10.0.0.2")).await.unwrap(), 1);
    assert_eq!(store.unknown_nas_forget(Some("10.0.0.2")).await.unwrap(), 0);
    assert_eq!(store.unknown_nas_forget(None).await.unwrap(), 255);
}

async fn an_address_that_becomes_a_client_is_no_stranger(world: Arc<World>) {
    let store = world.open().await;
    store
        .unknown_nas_add(&[stranger(1, 1), stranger(2, 2), stranger(70_000, 3)])
        .await
        .unwrap();
    store
        .client_add(new_client("all", "10.0.0.0/16"))
        .await
        .unwrap();
    let left = store.unknown_nas_list().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].address, "10.1.17.112");
}

fn decision(at_us: i64, code: &str) -> Arc<DecisionRecord> {
    let mut record = new_decision("alice", "00:11:22:33:44:55");
    record.at_us = at_us;
    record.reason_code = code.to_owned();
    if code != "NAC-0000" {
        record.outcome = DecisionOutcome::Reject;
        record.segment = None;
    }
    Arc::new(record)
}

async fn the_overview_counts_what_was_stored(world: Arc<World>) {
    let store = world.open().await;
    let now = now_us();
    let records = [
        decision(now, "NAC-0000"),
        decision(now, "NAC-0000"),
        decision(now, "EAP-1203"),
        decision(now - 20 * MINUTE_US, "NAC-1001"),
        decision(now - 20 * MINUTE_US, "EAP-1203"),
        decision(now - 90 * MINUTE_US, "NAC-1001"),
    ];
    store.decision_put_many(&records).await.unwrap();
    let session = new_session();
    store.session_put(&session).await.unwrap();
    for state in [
        EnforcementState::Pending,
        EnforcementState::Failed,
        EnforcementState::Proven,
    ] {
        let mut job = new_enforcement(session.id);
        job.state = state;
        store.enforcement_put(&job).await.unwrap();
    }
    let mut opened = Vec::new();
    for mac in ["00:11:22:33:44:01", "00:11:22:33:44:02"] {
        let new = NewQuarantine {
            mac: Some(mac.to_owned()),
            reason: "seen scanning".to_owned(),
            opened_by: "test".to_owned(),
            ..NewQuarantine::default()
        };
        opened.push(store.quarantine_open(new).await.unwrap());
    }
    store.unknown_nas_add(&[stranger(1, now)]).await.unwrap();
    for (serial, days) in [("0a", 5), ("0b", 400), ("0c", 2), ("0d", -2), ("0e", -400)] {
        let certificate = nac_store::Certificate {
            serial: serial.to_owned(),
            kind: CertificateKind::Server,
            name: serial.to_owned(),
            device_id: None,
            subject: String::new(),
            spki_sha256: String::new(),
            fingerprint_sha256: String::new(),
            certificate_pem: String::new(),
            not_before_us: 0,
            not_after_us: now + days * 24 * 60 * MINUTE_US,
            issued_us: now,
            revoked_us: None,
            revoked_reason: None,
            revoked_by: None,
        };
        store.certificate_add(&certificate).await.unwrap();
    }

    let seen = store.overview(now - 60 * MINUTE_US).await.unwrap();
    assert_eq!(seen.bucket_us, 5 * MINUTE_US);
    assert!(seen.since_us <= now - 60 * MINUTE_US);
    assert!(
        (12..=14).contains(&seen.traffic.len()),
        "{}",
        seen.traffic.len()
    );
    let gaps = seen
        .traffic
        .windows(2)
        .all(|pair| pair[1].at_us - pair[0].at_us == seen.bucket_us);
    assert!(gaps, "{:?}", seen.traffic);
    let sum =
        |count: fn(&nac_store::TrafficBucket) -> i64| seen.traffic.iter().map(count).sum::<i64>();
    assert_eq!((sum(|one| one.accepts), sum(|one| one.refusals)), (2, 3));
    let reasons: Vec<(&str, i64)> = seen
        .refusals
        .iter()
        .map(|one| (one.reason_code.as_str(), one.decisions))
        .collect();
    assert_eq!(reasons, [("EAP-1203", 2), ("NAC-1001", 1)]);
    assert_eq!(seen.sessions[0].sessions, 1);
    assert_eq!(seen.quarantines_open, 2);
    assert_eq!(
        seen.quarantine_oldest.as_ref().map(|one| one.id),
        Some(opened[0].id)
    );
    assert_eq!((seen.enforcements_open, seen.enforcements_failed), (1, 1));
    assert_eq!(seen.unknown_nas, 1);
    let expiring: Vec<&str> = seen
        .certificates_expiring
        .iter()
        .map(|one| one.serial.as_str())
        .collect();
    assert_eq!(expiring, ["0d", "0c", "0a"]);

    let week = store.overview(now - 7 * 24 * 60 * MINUTE_US).await.unwrap();
    assert_eq!(week.bucket_us, 60 * MINUTE_US);
    assert_eq!(week.traffic.iter().map(|one| one.refusals).sum::<i64>(), 4);
    let year = store
        .overview(now - 365 * 24 * 60 * MINUTE_US)
        .await
        .unwrap();
    assert!((365..=367).contains(&year.traffic.len()));
    // However far back somebody asks, the answer stays small.
    assert!(store.overview(i64::MIN).await.unwrap().traffic.len() <= 1_001);
    assert!(store.overview(i64::MAX).await.unwrap().traffic.len() <= 1);
    assert!(store.tally_prune(now - 60 * MINUTE_US).await.unwrap() >= 1);
}

async fn decisions_that_come_twice_are_counted_once(world: Arc<World>) {
    let store = world.open().await;
    let now = now_us();
    let [one, two, three] = [(); 3].map(|()| decision(now, "NAC-0000"));
    store
        .decision_put_many(&[one.clone(), two.clone()])
        .await
        .unwrap();
    // As after a spool that was replayed half, and with one that is there twice.
    store
        .decision_put_many(&[one, two, three.clone(), three])
        .await
        .unwrap();
    let seen = store.overview(now - MINUTE_US).await.unwrap();
    assert_eq!(seen.traffic.iter().map(|one| one.accepts).sum::<i64>(), 3);
}
