//! Quarantine by hand, with and without an end.

use std::time::Instant;

use nac_test_support::cast::PASSWORD;

use crate::enforcement::office;
use crate::site::{enforcement, has_moved_to};
use crate::switch::Switch;

#[test]
fn quarantine_moves_a_live_session_both_ways() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x55, 0x00, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));

    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "seen scanning",
    ]);
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("99"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));
    assert_eq!(enforcement(&why)["to_segment"], "quarantine");
    assert_eq!(why["quarantines"][0]["reason"], "seen scanning");
    let listed = site.nac(&["session", "list", "--segment", "quarantine"]);
    assert!(listed.contains(&port.mac_text()), "{listed}");
    let pending = site.nac(&["session", "list", "--pending"]);
    assert!(pending.contains("no such session"), "{pending}");

    site.nac(&["quarantine", "remove", &port.mac_text()]);
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "staff"));
    assert_eq!(enforcement(&why)["to_segment"], "staff");
    assert_eq!(why["enforcements"].as_array().map(Vec::len), Some(2));
    assert!(switch.is_left_alone());
}

#[test]
fn a_quarantine_that_ends_by_itself_releases_the_session_by_itself() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x55, 0x01, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let began = Instant::now();
    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "IDS",
        "--expires",
        "2s",
    ]);
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("99"));
    let released = switch.coa();
    let after = (released.at - began).as_secs_f64();
    assert!((1.9..4.5).contains(&after), "released after {after} s");
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
}
