//! What people do about a failing host: exceptions that end, and asking again what failed.

mod support;

use nac_policy::Verdict;
use nac_posture::NodePosture;
use nac_posture_simulator::OsqueryHost;
use nac_store::{NewException, RecheckOutcome};
use support::{Site, eventually, first_device, now_us, posture_event};

const DISK: &str = "linux-disk-encryption";
const FIREWALL: &str = "linux-firewall";
const SECOND_US: i64 = 1_000_000;

fn posture(site: &Site) -> NodePosture {
    site.gate.nodes_of(first_device(site)).remove(0)
}

fn to_disk(site: &Site, lasts_us: i64) -> NewException {
    NewException {
        device_id: Some(first_device(site)),
        check: Some(DISK.to_owned()),
        reason: "the new disk comes on Monday".to_owned(),
        requested_by: "alice".to_owned(),
        expires_us: now_us() + lasts_us,
        ..NewException::default()
    }
}

/// A Linux host whose disk is not encrypted, that was asked, and asked again.
async fn ill(site: &Site, sql: &[&str]) -> OsqueryHost {
    let host = site.host("linux");
    for sql in sql {
        host.sql(sql).expect("sql");
    }
    host.poll_once().await.expect("polled");
    host.poll_once().await.expect("polled");
    assert_eq!(posture(site).verdict, Verdict::Failing);
    assert_eq!(host.poll_once().await.expect("polled").asked, 0);
    host
}

const NO_ENCRYPTION: &str = "UPDATE disk_encryption SET encrypted = 0";
const ENCRYPTION: &str = "UPDATE disk_encryption SET encrypted = 1";
const NO_FIREWALL: &str = "UPDATE systemd_units SET active_state = 'inactive' WHERE id LIKE '%tables%' OR id LIKE '%ufw%' OR id LIKE '%firewalld%'";

async fn asked(site: &Site) -> i64 {
    let node = posture(site).node.id;
    let outcome = site.store.recheck_request(node, "alice").await;
    match outcome.expect("asked") {
        RecheckOutcome::Asked(recheck) => recheck.generation,
        other => panic!("{other:?}"),
    }
}

async fn is_answered(site: &Site, generation: i64) -> bool {
    let node = posture(site).node.id;
    let recheck = site.store.recheck_find(node).await.expect("read");
    recheck.is_some_and(|recheck| recheck.answered_generation == generation)
}

/// Polls until the host is asked something.
async fn poll_until_asked(host: &OsqueryHost) -> nac_posture_simulator::PollReport {
    for _ in 0..200 {
        let report = host.poll_once().await.expect("polled");
        if report.asked > 0 {
            return report;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the host is asked nothing");
}

#[tokio::test]
async fn an_exception_counts_at_once_is_visible_and_ends_by_itself() {
    let site = Site::start().await;
    let _host = ill(&site, &[NO_ENCRYPTION]).await;
    let mut events = site.store.subscribe();
    let request = site
        .store
        .exception_request(to_disk(&site, 2 * SECOND_US))
        .await;
    let request = request.expect("asked");
    assert_eq!(
        posture(&site).verdict,
        Verdict::Failing,
        "asking grants nothing"
    );
    let ends_us = now_us() + 2 * SECOND_US;
    site.store
        .exception_approve(request.id, "bob", Some(ends_us))
        .await
        .expect("granted");
    posture_event(&mut events).await;
    let now = posture(&site);
    assert_eq!(now.verdict, Verdict::Compliant);
    assert_eq!((now.failing, now.excepted), (vec![], vec![DISK.to_owned()]));
    // Nobody does anything: its time comes.
    posture_event(&mut events).await;
    assert!(now_us() >= ends_us);
    let now = posture(&site);
    assert_eq!(now.verdict, Verdict::Failing);
    assert_eq!((now.failing, now.excepted), (vec![DISK.to_owned()], vec![]));
}

#[tokio::test]
async fn an_exception_that_is_revoked_counts_no_longer_and_others_checks_still_do() {
    let site = Site::start().await;
    let _host = ill(&site, &[NO_ENCRYPTION, NO_FIREWALL]).await;
    assert_eq!(posture(&site).failing, [DISK, FIREWALL]);
    let hour = 3_600 * SECOND_US;
    let added = site.store.exception_add(to_disk(&site, hour), "bob").await;
    let added = added.expect("added");
    eventually("one check is excepted", || {
        posture(&site).failing == [FIREWALL]
    })
    .await;
    assert_eq!(posture(&site).verdict, Verdict::Failing);
    // A gate that starts knows it from the beginning.
    let node = posture(&site).node.id;
    let again = site.reopened().await;
    assert_eq!(again.node_posture(node).expect("known").failing, [FIREWALL]);
    site.store
        .exception_revoke(added.id, "bob", "no")
        .await
        .expect("revoked");
    eventually("it counts again", || {
        posture(&site).failing == [DISK, FIREWALL]
    })
    .await;
}

#[tokio::test]
async fn asking_again_asks_only_what_failed_and_a_pass_releases() {
    let site = Site::start().await;
    let host = ill(&site, &[NO_ENCRYPTION, NO_FIREWALL]).await;
    host.sql(ENCRYPTION).expect("sql");
    let generation = asked(&site).await;
    let report = poll_until_asked(&host).await;
    assert_eq!(report.asked, 2, "what failed, and nothing else");
    assert_eq!(report.accelerate_s, Some(60));
    assert!(
        is_answered(&site, generation).await,
        "stored with its results"
    );
    let now = posture(&site);
    assert_eq!(
        (now.verdict, now.failing),
        (Verdict::Failing, vec![FIREWALL.to_owned()])
    );
    host.sql("UPDATE systemd_units SET active_state = 'active'")
        .expect("sql");
    let generation = asked(&site).await;
    assert_eq!(generation, 2);
    while !is_answered(&site, generation).await {
        poll_until_asked(&host).await;
    }
    assert_eq!(posture(&site).verdict, Verdict::Compliant);
}

#[tokio::test]
async fn an_answer_to_an_earlier_question_releases_nobody() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.sql(NO_ENCRYPTION).expect("sql");
    host.poll_once().await.expect("polled");
    assert_eq!(posture(&site).verdict, Verdict::Failing);
    // The question goes out, the answer is a pass, and it comes only after the person has asked anew.
    host.sql(ENCRYPTION).expect("sql");
    let mut early = host.read().await.expect("read");
    assert!(early.asked > 1);
    host.run_pending(&mut early);
    host.sql(NO_ENCRYPTION).expect("sql");
    let generation = asked(&site).await;
    let ignored = site.gate.counters().answers_ignored;
    let mut late = host.read().await.expect("read");
    for _ in 0..200 {
        if late.asked > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        late = host.read().await.expect("read");
    }
    assert_eq!(late.asked, 1);
    host.write(&mut early).await.expect("written");
    assert!(site.gate.counters().answers_ignored > ignored);
    assert_eq!(posture(&site).verdict, Verdict::Failing);
    assert!(!is_answered(&site, generation).await);
}

#[tokio::test]
async fn asking_another_hosts_question_changes_nothing() {
    let site = Site::start().await;
    let host = ill(&site, &[NO_ENCRYPTION]).await;
    let device = first_device(&site);
    let other = site.host_with("linux", |settings| {
        settings.hostname = "other".to_owned();
        settings.host_identifier = "other".to_owned();
        settings.hardware_uuid = uuid::Uuid::now_v7().to_string();
        settings.instance_id = uuid::Uuid::now_v7().to_string();
        settings.macs = vec!["02:00:00:00:00:77".to_owned()];
    });
    other.poll_once().await.expect("polled");
    let generation = asked(&site).await;
    // The other host sends the first one's answers under its own key.
    let key = serde_json::json!({ "node_key": host.node_key().expect("enrolled") });
    let mut questions = site.post_json("distributed/read", &key).await;
    while questions["queries"]
        .as_object()
        .is_none_or(serde_json::Map::is_empty)
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        questions = site.post_json("distributed/read", &key).await;
    }
    let every = |value: serde_json::Value| -> serde_json::Value {
        let names = questions["queries"].as_object().expect("questions").keys();
        names
            .map(|name| (name.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let body = serde_json::json!({
        "node_key": other.node_key().expect("enrolled"),
        "queries": every(serde_json::json!([{ "1": "1" }])),
        "statuses": every(serde_json::json!(0)),
    });
    site.post_json("distributed/write", &body).await;
    let now = site.gate.nodes_of(device).remove(0);
    assert_eq!(now.verdict, Verdict::Failing);
    assert!(!is_answered(&site, generation).await);
}
