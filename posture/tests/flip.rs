//! From the host's tables to the published verdict, and what time and RADIUS make of it.
#![expect(clippy::disallowed_methods, reason = "a test has no task tracker")]

mod support;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nac_policy::Verdict;
use nac_posture::{CheckSet, PostureGate, PostureSettings, Rate, SessionRef, Subject};
use nac_posture_simulator::{HostSettings, OsqueryHost, Profile};
use support::{Site, eventually, first_device, now_us, posture_event};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn node(site: &Site) -> Uuid {
    site.gate.nodes_of(first_device(site)).remove(0).node.id
}

fn verdict(site: &Site) -> Verdict {
    site.gate.nodes_of(first_device(site)).remove(0).verdict
}

/// Asks now, whatever the interval.
async fn poll(site: &Site, host: &OsqueryHost) -> nac_posture_simulator::PollReport {
    if host.node_key().is_some() {
        site.gate.ask_now(node(site));
    }
    host.poll_once().await.expect("polled")
}

#[tokio::test]
async fn a_compliant_host_of_every_platform_becomes_compliant_with_its_first_poll() {
    for platform in ["linux", "darwin", "windows"] {
        let site = Site::start().await;
        let host = site.host(platform);
        host.config().await.expect("configured");
        assert_eq!(verdict(&site), Verdict::Unknown, "no data is no pass");
        let report = host.poll_once().await.expect("polled");
        assert_eq!(
            (report.failed, report.skipped, report.aborted),
            (0, 0, false),
            "{report:?}"
        );
        assert_eq!(verdict(&site), Verdict::Compliant, "{platform}");
        host.log("result", vec![serde_json::json!({ "name": "x" })])
            .await
            .expect("logged");
    }
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "the latency is a figure to look at, not to assert"
)]
async fn a_check_that_fails_is_published_at_once_and_one_pass_releases() {
    let site = Site::start().await;
    let mut events = site.store.subscribe();
    let host = site.host("linux");
    host.poll_once().await.expect("polled");
    assert_eq!(
        posture_event(&mut events).await.key,
        node(&site).to_string()
    );

    host.sql("UPDATE disk_encryption SET encrypted = 0")
        .expect("sql");
    site.gate.ask_now(node(&site));
    let mut report = host.read().await.expect("read");
    host.run_pending(&mut report);
    let written = Instant::now();
    host.write(&mut report).await.expect("written");
    posture_event(&mut events).await;
    eprintln!("write to published verdict: {:?}", written.elapsed());
    let stored = site
        .store
        .node_verdict_list()
        .await
        .expect("verdicts")
        .remove(0);
    assert_eq!(
        stored.verdict,
        Verdict::Failing,
        "what is published is stored"
    );
    assert_eq!(stored.failing, ["linux-disk-encryption"]);

    let confirm = host.poll_once().await.expect("polled");
    assert!(
        confirm.asked > 0 && confirm.accelerate_s == Some(60),
        "a fail is asked about again"
    );
    host.sql("UPDATE disk_encryption SET encrypted = 1")
        .expect("sql");
    poll(&site, &host).await;
    posture_event(&mut events).await;
    assert_eq!(verdict(&site), Verdict::Compliant);
    assert_eq!(site.gate.counters().verdict_changes, 3);
}

#[tokio::test]
async fn advice_does_not_make_a_device_failing() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.sql("UPDATE apparmor_profiles SET mode = 'complain'")
        .expect("sql");
    host.poll_once().await.expect("polled");
    let posture = site.gate.nodes_of(first_device(&site)).remove(0);
    assert_eq!(posture.verdict, Verdict::Compliant);
    assert_eq!(posture.advisory, ["linux-mandatory-access-control"]);
}

#[tokio::test]
async fn a_table_that_goes_missing_is_unknown_and_no_other_check_suffers() {
    let site = Site::start().await;
    let host = site.host("darwin");
    host.sql("DROP TABLE alf; DELETE FROM osquery_registry WHERE name = 'alf'")
        .expect("sql");
    let report = host.poll_once().await.expect("polled");
    assert_eq!((report.skipped, report.aborted), (1, false));
    let posture = site.gate.nodes_of(first_device(&site)).remove(0);
    assert_eq!(posture.verdict, Verdict::Unknown);
    assert_eq!(posture.unanswered, ["macos-firewall"]);
}

#[tokio::test]
async fn a_denylisted_query_keeps_its_last_result_for_the_grace_only() {
    let settings = PostureSettings {
        max_age: Duration::from_millis(900),
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let host = site.host("darwin");
    poll(&site, &host).await;
    assert_eq!(verdict(&site), Verdict::Compliant);
    host.denylist(&site.gate.checks().find("macos-sip").expect("it").query);
    let report = poll(&site, &host).await;
    assert_eq!(report.failed, 1);
    assert_eq!(verdict(&site), Verdict::Compliant, "within the grace");
    let until = Instant::now() + Duration::from_secs(4);
    while verdict(&site) == Verdict::Compliant && Instant::now() < until {
        poll(&site, &host).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(verdict(&site), Verdict::Unknown, "unknown is never a pass");
}

#[tokio::test]
async fn a_silent_host_becomes_stale_and_the_next_answer_releases_it() {
    let settings = PostureSettings {
        max_age: Duration::from_millis(400),
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let host = site.host("windows");
    host.poll_once().await.expect("polled");
    let mut events = site.store.subscribe();
    assert_eq!(verdict(&site), Verdict::Compliant);
    posture_event(&mut events).await;
    assert_eq!(verdict(&site), Verdict::Stale);
    let stored = site
        .store
        .node_verdict_list()
        .await
        .expect("verdicts")
        .remove(0);
    assert_eq!((stored.verdict, stored.failing.len()), (Verdict::Stale, 0));
    poll(&site, &host).await;
    assert_eq!(verdict(&site), Verdict::Compliant);
}

#[tokio::test]
async fn posture_is_stale_at_the_very_moment_even_before_the_clock_ticks() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.poll_once().await.expect("polled");
    let mac = host.settings().macs[0].clone();
    let subject = Subject {
        mac: Some(&mac),
        ..Subject::default()
    };
    let later = now_us() + 901 * 1_000_000;
    let posture = site.gate.posture(&subject, later);
    assert_eq!(posture.verdict, Verdict::Stale);
    assert!(posture.age_s.is_some_and(|age| age >= 900));
}

#[tokio::test]
async fn address_mac_and_an_answer_since_the_session_began_bind_a_host() {
    let site = Site::start().await;
    let address: IpAddr = "127.0.0.9".parse().expect("an address");
    let host = site.host_with("linux", |settings| settings.local_address = Some(address));
    host.poll_once().await.expect("polled");
    let mac = host.settings().macs[0].clone();
    let started_us = now_us();
    let subject = Subject {
        mac: Some(&mac),
        framed_ip: Some(address),
        session_started_us: Some(started_us),
        ..Subject::default()
    };
    let before = site.gate.posture(&subject, now_us());
    assert_eq!(
        (before.binding, before.verdict),
        (1, Verdict::Unknown),
        "{before:?}"
    );
    assert!(before.enrolled);

    let mut events = site.store.subscribe();
    let token = "session-1".to_owned();
    let session = SessionRef {
        token,
        mac: Some(mac.clone()),
        framed_ip: Some(address),
        started_us,
    };
    site.gate.session_started(&subject, session);
    let report = host.poll_once().await.expect("polled");
    assert!(
        report.asked > 0 && report.accelerate_s.is_some(),
        "asked at once: {report:?}"
    );
    posture_event(&mut events).await;
    let after = site.gate.posture(&subject, now_us());
    assert_eq!(
        (after.binding, after.verdict),
        (2, Verdict::Compliant),
        "{after:?}"
    );

    let elsewhere = Subject {
        framed_ip: "127.0.0.10".parse().ok(),
        ..subject
    };
    let relayed = site.gate.posture(&elsewhere, now_us());
    assert_eq!((relayed.binding, relayed.verdict), (1, Verdict::Unknown));
    assert!(
        relayed.binding_reason.contains("127.0.0.9"),
        "{}",
        relayed.binding_reason
    );
    site.gate.session_stopped("session-1");
}

#[tokio::test]
async fn a_claim_alone_can_lower_but_never_raise() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.poll_once().await.expect("polled");
    let by_record = Subject {
        device_id: Some(first_device(&site)),
        ..Subject::default()
    };
    let posture = site.gate.posture(&by_record, now_us());
    assert_eq!((posture.binding, posture.verdict), (1, Verdict::Unknown));
    host.sql("UPDATE systemd_units SET active_state = 'failed'")
        .expect("sql");
    poll(&site, &host).await;
    let posture = site.gate.posture(&by_record, now_us());
    assert_eq!((posture.binding, posture.verdict), (1, Verdict::Failing));
    assert_eq!(posture.failing, ["linux-auto-update", "linux-firewall"]);
    let stranger = site.gate.posture(&Subject::default(), now_us());
    assert_eq!(
        (stranger.node, stranger.binding, stranger.enrolled),
        (None, 0, false)
    );
}

#[tokio::test]
async fn a_restart_loses_no_verdict_and_no_node_key() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.sql("UPDATE shadow SET password_status = 'empty'")
        .expect("sql");
    host.poll_once().await.expect("polled");
    let reopened = site.reopened().await;
    let node = reopened.node_posture(node(&site)).expect("the node");
    assert_eq!(node.verdict, Verdict::Failing);
    assert_eq!(node.failing, ["linux-no-empty-passwords"]);
    assert_eq!(node.node.macs, host.settings().macs);
    assert_eq!(host.enrolments(), 1);
}

#[tokio::test]
async fn another_process_follows_what_this_one_learns() {
    let site = Site::start().await;
    let url = site.database_url();
    let store = nac_store::Store::open(&url, None).await.expect("a store");
    let checks = Arc::new(CheckSet::embedded());
    let gate = PostureGate::open(store.clone(), checks, PostureSettings::default())
        .await
        .expect("a gate");
    let cancel = CancellationToken::new();
    tokio::spawn(gate.clone().run(cancel.clone()));
    let watching = cancel.clone();
    tokio::spawn(async move { store.watch(watching, Duration::from_millis(20)).await });
    let host = site.host("linux");
    host.poll_once().await.expect("polled");
    let id = node(&site);
    let there = |expected: Verdict| {
        let gate = gate.clone();
        move || {
            gate.node_posture(id)
                .is_some_and(|node| node.verdict == expected)
        }
    };
    eventually("the other process sees the host", there(Verdict::Compliant)).await;
    host.sql("UPDATE systemd_units SET active_state = 'failed'")
        .expect("sql");
    poll(&site, &host).await;
    eventually("the other process sees the fail", there(Verdict::Failing)).await;
    cancel.cancel();
}

#[tokio::test]
async fn every_profile_of_osquery_is_understood() {
    let site = Site::start().await;
    let modern = site.host_with("linux", |settings| {
        settings.profile = Profile::AuthorizationHeader;
        settings.prefix = "/api/osquery".to_owned();
    });
    modern.poll_once().await.expect("polled");
    assert_eq!(verdict(&site), Verdict::Compliant);

    let chrome = site.host_with("chrome", |settings| {
        settings.profile = Profile::ChromeExtension
    });
    let report = chrome.poll_once().await.expect("polled");
    assert!(report.ran > 0 && !report.aborted, "{report:?}");
    let node = site.gate.nodes().pop().expect("a node");
    assert_eq!(
        (node.node.platform.as_str(), node.verdict),
        ("chrome", Verdict::Unknown)
    );
    assert_eq!(node.node.macs, chrome.settings().macs);
}

#[tokio::test]
async fn a_host_that_lives_on_its_own_keeps_itself_compliant() {
    let settings = PostureSettings {
        interval_s: 0,
        not_compliant_interval_s: 0,
        node_rate: Rate {
            per_second: 1_000.0,
            burst: 1_000.0,
        },
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let host = Arc::new(site.host_with("darwin", |settings: &mut HostSettings| {
        settings.interval = Duration::from_millis(30);
        settings.accelerated_interval = Duration::from_millis(10);
    }));
    let cancel = CancellationToken::new();
    let living = tokio::spawn({
        let (host, cancel) = (Arc::clone(&host), cancel.clone());
        async move { host.run(cancel).await }
    });
    let nodes = || site.gate.nodes();
    let is = |verdict| move || nodes().first().is_some_and(|node| node.verdict == verdict);
    eventually("compliant", is(Verdict::Compliant)).await;
    host.sql("UPDATE sip_config SET enabled = 0").expect("sql");
    eventually("failing", is(Verdict::Failing)).await;
    host.sql("UPDATE sip_config SET enabled = 1").expect("sql");
    eventually("compliant again", is(Verdict::Compliant)).await;
    cancel.cancel();
    living.await.expect("it stops when told");
}

#[tokio::test]
async fn an_outage_of_the_database_is_none_of_posture() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.poll_once().await.expect("polled");
    site.store.close().await;
    host.sql("UPDATE disk_encryption SET encrypted = 0")
        .expect("sql");
    let report = poll(&site, &host).await;
    assert!(
        report.written,
        "what is kept in memory need not be sent again"
    );
    assert_eq!(verdict(&site), Verdict::Failing);
    assert!(site.gate.counters().commits_failed > 0);
    let newcomer = site.host_with("darwin", |settings| settings.enroll_attempts = 1);
    assert!(
        newcomer.enroll().await.is_err(),
        "nobody enrols into nothing"
    );
    assert!(site.gate.counters().busy > 0);
}
