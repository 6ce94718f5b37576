//! SIGHUP with a bad file, SIGTERM under load, `kill -9`: nothing that was acknowledged is lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nac_test_support::exchange::Exchange;
use nac_test_support::service::Service;
use nac_test_support::wire::{Packet, attribute, code};
use nac_test_support::{cast, wait};

use crate::ground::{SOON, pap, read_only};
use crate::installation::Installation;

/// Four switches that send accounting without pause, and two that log people in. Gives the sessions that were acknowledged,
/// in no order, once `stop` is set.
fn load(site: &Installation, stop: &AtomicBool, acknowledged: &Mutex<Vec<String>>) {
    thread::scope(|scope| {
        for switch in 0..4 {
            scope.spawn(move || {
                let client = Exchange::new(site.acct, cast::SECRET);
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let session = format!("{switch}-{count}");
                    let request = client
                        .request(code::ACCOUNTING_REQUEST, count as u8)
                        .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
                        .with(attribute::ACCT_SESSION_ID, &session);
                    client.send(&request.bytes());
                    let reply = client.receive(Duration::from_millis(500));
                    let reply = reply.and_then(|bytes| Packet::parse(&bytes));
                    // A late answer to an earlier request acknowledges that one, which is in the list already or was given up.
                    if reply.is_some_and(|reply| reply.answers(&request.bytes(), cast::SECRET)) {
                        acknowledged.lock().expect("nobody panics").push(session);
                    }
                    count += 1;
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let client = Exchange::new(site.auth, cast::SECRET);
                let mut count = 0_u8;
                while !stop.load(Ordering::Relaxed) {
                    client.send(&pap(&client, count, true).bytes());
                    let _ = client.receive(Duration::from_millis(200));
                    count = count.wrapping_add(1);
                }
            });
        }
    });
}

/// Lets the load run until `enough` records are acknowledged, then does `end`; gives the acknowledged sessions.
fn under_load(site: &Installation, enough: usize, end: impl FnOnce()) -> Vec<String> {
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let running = scope.spawn(|| load(site, &stop, &acknowledged));
        let busy = wait::until(SOON, || {
            acknowledged.lock().expect("nobody panics").len() >= enough
        });
        end();
        stop.store(true, Ordering::Relaxed);
        running.join().expect("the load does not panic");
        let reached = acknowledged.lock().expect("nobody panics").len();
        assert!(busy, "only {reached} of {enough} were acknowledged in time");
    });
    acknowledged.into_inner().expect("nobody panics")
}

fn assert_recorded(site: &Installation, sessions: &[String]) {
    let database = read_only(&site.database());
    let mut statement = database
        .prepare("SELECT acct_session_id FROM accounting")
        .expect("the table is there");
    let recorded: std::collections::HashSet<String> = statement
        .query_map([], |row| row.get(0))
        .expect("records can be read")
        .map(|row| row.expect("a record can be read"))
        .collect();
    let lost: Vec<&String> = sessions
        .iter()
        .filter(|session| !recorded.contains(*session))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged records are lost: {lost:?}",
        lost.len(),
        sessions.len()
    );
}

fn ended_cleanly(service: &mut Service) {
    let log = service.log();
    assert!(service.stop(), "the status is not 0:\n{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn sigterm_under_load_ends_within_seconds_with_status_0_and_loses_no_acknowledged_record() {
    let site = Installation::with_cast();
    let mut service = site.serve();
    let mut took = Duration::MAX;
    let acknowledged = under_load(&site, 200, || {
        let began = Instant::now();
        service.signal("TERM");
        assert!(
            wait::until(SOON, || !service.is_running()),
            "it does not end"
        );
        took = began.elapsed();
    });
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    ended_cleanly(&mut service);
    assert_recorded(&site, &acknowledged);
}

#[test]
fn sigterm_does_not_wait_for_idle_connections() {
    let site = Installation::with_cast();
    let mut service = site.serve();
    let web = crate::https::Web::new(site.portal, &site.home().join("ca.crt"));
    let idle: Vec<_> = (0..5).map(|_| web.connect()).collect();
    let silent: Vec<_> = [site.portal, site.admin, site.metrics]
        .iter()
        .map(|address| std::net::TcpStream::connect(address).expect("it listens"))
        .collect();
    let mut half = std::net::TcpStream::connect(site.metrics).expect("it listens");
    std::io::Write::write_all(&mut half, b"GET /metrics HTTP/1.1\r\n").expect("it reads");
    let began = Instant::now();
    service.signal("TERM");
    assert!(
        wait::until(SOON, || !service.is_running()),
        "it does not end"
    );
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(5),
        "it took {took:?}:\n{}",
        service.log()
    );
    ended_cleanly(&mut service);
    drop((idle, silent, half));
}

#[test]
fn kill_9_under_load_loses_no_acknowledged_record_and_the_next_start_is_clean() {
    let site = Installation::with_cast();
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        let service = site.serve();
        acknowledged.extend(under_load(&site, 100, || {
            service.signal("KILL");
            assert!(
                wait::until(SOON, || !service.is_running()),
                "it does not end"
            );
        }));
        assert_recorded(&site, &acknowledged);
    }
    let service = site.serve();
    let client = Exchange::new(site.auth, cast::SECRET);
    assert_eq!(
        client.answer(&pap(&client, 1, true)).code,
        code::ACCESS_ACCEPT
    );
    assert!(!service.log().contains("panicked"));
}

#[test]
fn sighup_with_a_bad_file_keeps_the_old_configuration() {
    let site = Installation::with_cast();
    let service = site.serve();
    let good = std::fs::read_to_string(site.config()).expect("it is ours");
    let certificate = site.home().join("tls/server.crt");
    let certificate_pem = std::fs::read(&certificate).expect("it is ours");
    let bad = [
        "".to_owned(),
        "[radius".to_owned(),
        "\0\0\0".to_owned(),
        good.replace("[eap]", "[eap]\nmethods = [\"MD5\"]"),
        good.replace("tls/server.key", "tls/missing.key"),
        good.replace("sealing.key", "missing.key"),
    ];
    let client = Exchange::new(site.auth, cast::SECRET);
    let kept = "the old one keeps running";
    for (count, text) in bad.iter().enumerate() {
        std::fs::write(site.config(), text).expect("it is ours");
        service.signal("HUP");
        let said = wait::until(SOON, || service.log().matches(kept).count() == count + 1);
        assert!(said, "nothing is said about {text:?}:\n{}", service.log());
        assert_eq!(
            client.answer(&pap(&client, count as u8, true)).code,
            code::ACCESS_ACCEPT
        );
    }
    // A good file that names a certificate that is none.
    std::fs::write(site.config(), &good).expect("it is ours");
    std::fs::write(&certificate, "no certificate").expect("it is ours");
    service.signal("HUP");
    let said = wait::until(SOON, || {
        service.log().matches(kept).count() == bad.len() + 1
    });
    assert!(said, "nothing is said:\n{}", service.log());
    std::fs::remove_file(site.config()).expect("it is there");
    service.signal("HUP");
    let said = wait::until(SOON, || {
        service.log().matches(kept).count() == bad.len() + 2
    });
    assert!(said, "nothing is said:\n{}", service.log());

    // Put right, it is taken.
    std::fs::write(site.config(), &good).expect("it is ours");
    std::fs::write(&certificate, certificate_pem).expect("it is ours");
    service.signal("HUP");
    let taken = wait::until(SOON, || service.log().contains("configuration reloaded"));
    assert!(taken, "{}", service.log());
    assert_eq!(
        client.answer(&pap(&client, 99, true)).code,
        code::ACCESS_ACCEPT
    );
    assert!(!service.log().contains("panicked"));
}
