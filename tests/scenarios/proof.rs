//! What accounting proves.

use nac_test_support::cast::PASSWORD;
use serde_json::Value;

use crate::enforcement::office;
use crate::site::{enforcement, is};
use crate::switch::Switch;

#[test]
fn accounting_stop_proves_that_the_session_is_over() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(4, [0x00, 0x16, 0x3e, 0x53, 0x00, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    port.start();
    site.nac(&["quarantine", "add", &port.mac_text(), "--reason", "lost"]);
    switch.coa();
    port.stop();
    let why = site.why_once(&port.mac_text(), |why| is(why, "proven"));
    assert_eq!(
        enforcement(&why)["proof"],
        "the session ended: accounting stopped: User-Request"
    );
    assert!(why["session"]["stopped_us"].is_i64());
    assert!(switch.is_left_alone(), "nothing is left to move");
}

#[test]
fn accounting_on_closes_every_session_of_that_switch_and_of_no_other() {
    let site = office();
    let first = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let second = Switch::add(&site, "access-2", [127, 0, 1, 2], "cisco-ios");
    let ports = [
        first.port(1, [0x00, 0x16, 0x3e, 0x53, 0x01, 0x01]),
        first.port(2, [0x00, 0x16, 0x3e, 0x53, 0x01, 0x02]),
        second.port(1, [0x00, 0x16, 0x3e, 0x53, 0x01, 0x03]),
    ];
    for port in &ports {
        assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
        port.start();
    }
    first.restart();
    for port in &ports[..2] {
        let why = site.why_once(&port.mac_text(), |why| {
            why["session"]["stopped_us"].is_i64()
        });
        assert_eq!(why["session"]["terminate_cause"], "the NAS restarted");
    }
    let other = site.why(&ports[2].mac_text());
    assert_eq!(other["session"]["stopped_us"], Value::Null);

    site.nac(&["user", "set", "alice", "--disable"]);
    second.coa();
    assert!(
        first.is_left_alone(),
        "a switch without sessions is left alone"
    );
}

#[test]
fn what_accounting_adds_never_replaces_how_the_switch_names_the_session() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(5, [0x00, 0x16, 0x3e, 0x53, 0x02, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    port.start();
    port.interim([10, 0, 0, 5]);
    port.interim([10, 0, 0, 6]);
    site.nac(&["quarantine", "add", &port.mac_text(), "--reason", "lost"]);
    let coa = switch.coa();
    let audit = crate::switch::avpair(&port.audit_session_id());
    let sent = coa
        .packet
        .all(nac_test_support::wire::attribute::VENDOR_SPECIFIC);
    assert_eq!(
        sent.iter().filter(|value| **value == audit).count(),
        1,
        "{sent:?}"
    );
    assert_eq!(
        sent.len(),
        3,
        "the session's name and the two words of the command"
    );
    let why = site.why_once(&port.mac_text(), |why| {
        why["session"]["framed_ip"].is_string()
    });
    assert_eq!(why["session"]["framed_ip"], "10.0.0.6");
}

#[test]
fn accounting_on_through_a_proxy_speaks_for_the_switch_that_it_names() {
    let site = office();
    let proxy = Switch::add(&site, "proxy", [127, 0, 1, 1], "cisco-ios");
    let (one, two) = (
        proxy.port(1, [0x00, 0x16, 0x3e, 0x53, 0x03, 0x01]),
        proxy.port(2, [0x00, 0x16, 0x3e, 0x53, 0x03, 0x02]),
    );
    for (port, address) in [(&one, [10, 0, 0, 1]), (&two, [10, 0, 0, 2])] {
        proxy.speak_for(address);
        assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    }
    proxy.restart();
    site.why_once(&two.mac_text(), |why| why["session"]["stopped_us"].is_i64());
    let other = site.why(&one.mac_text());
    assert_eq!(other["session"]["stopped_us"], Value::Null);
}
