//! `kill -9` at the worst moment.

use std::time::Duration;

use nac_test_support::cast::PASSWORD;
use nac_test_support::nas::Behaviour::{Acknowledge, Silent};
use nac_test_support::wait;

use crate::binding::strict;
use crate::enforcement::office;
use crate::laptop::Laptop;
use crate::site::{Site, enforcement, has_moved_to, is};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

#[test]
fn after_a_crash_sessions_accounting_and_the_unfinished_move_are_all_there() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x57, 0x00, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let others: Vec<_> = (10..30)
        .map(|number| switch.port(number, [0, 0x16, 0x3e, 0x57, 1, number as u8]))
        .collect();
    for other in &others {
        assert_eq!(other.mab().vlan().as_deref(), Some("90"));
        other.start();
    }
    switch.nas.behave(Silent, Silent);
    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "seen scanning",
    ]);
    switch.coa();
    site.why_once(&port.mac_text(), |why| is(why, "sent"));
    // Each of these was acknowledged to the switch; the last one a moment before the end.
    for other in &others {
        other.interim([10, 0, 0, other.number as u8]);
    }
    site.kill();

    assert_eq!(
        site.count("SELECT count(*) FROM accounting"),
        2 * i64::try_from(others.len()).expect("twenty"),
        "no acknowledged record is lost"
    );
    let _ = switch.nas.pending();
    switch.nas.behave(Acknowledge, Acknowledge);
    site.serve();
    // The move begins anew by itself, with the identifiers of before the crash.
    let coa = switch.coa();
    let station = coa
        .packet
        .first(nac_test_support::wire::attribute::CALLING_STATION_ID);
    assert_eq!(station, Some(port.calling_station_id().as_bytes()));
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("99"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));
    assert_eq!(enforcement(&why)["to_segment"], "quarantine");
    for other in &others {
        let why = site.why(&other.mac_text());
        assert!(
            why["session"]["stopped_us"].is_null(),
            "it is live: {why:#}"
        );
        assert_eq!(
            why["session"]["framed_ip"],
            format!("10.0.0.{}", other.number)
        );
    }
    // Those sessions are live for enforcement too.
    let last = others.last().expect("there are twenty");
    site.nac(&[
        "quarantine",
        "add",
        &last.mac_text(),
        "--reason",
        "seen scanning",
    ]);
    site.apply_policy(
        &site
            .policy()
            .replace("@id(\"quarantined-devices\")", "@id(\"held\")"),
    );
    switch.coa();
}

#[test]
fn what_changed_while_the_server_was_down_is_enforced_at_the_start() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x57, 0x02, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    site.why_once(&port.mac_text(), |why| why["session"]["id"].is_string());
    site.kill();
    site.nac(&["user", "set", "alice", "--disable"]);
    site.serve();
    switch.coa();
}

#[test]
fn the_servers_own_absence_makes_no_host_stale() {
    let site = Site::start_with("[posture]\nmax_age_seconds = 10\n");
    site.staff("alice");
    let credential = site.certificate("--user", "alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x57, 0x03, 0x01]);
    let laptop = Laptop::healthy(&site, &port.mac_text(), Some(&credential), [127, 0, 1, 9]);
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    site.why_once(&port.mac_text(), |why| why["session"]["id"].is_string());
    site.kill();
    wait::pause(Duration::from_secs(11));
    site.serve();
    assert!(switch.is_left_alone(), "nobody could have reported");
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    laptop.report();
    assert!(switch.is_left_alone());
}

#[test]
fn a_restart_does_not_forget_what_a_host_has_proven() {
    let site = strict();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x57, 0x04, 0x01]);
    let alice = Supplicant::peap("alice", &site.ca());
    let laptop = Laptop::healthy(&site, &port.mac_text(), None, [127, 0, 1, 9]);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("90"));
    port.interim([127, 0, 1, 9]);
    laptop.report();
    switch.coa();
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    site.why_once(&port.mac_text(), |why| has_moved_to(why, "staff"));
    site.kill();
    site.serve();
    assert!(switch.is_left_alone(), "binding B2 survives");
}
