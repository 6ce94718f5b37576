//! Accounts and certificates that an administrator takes away.

use std::time::Instant;

use nac_test_support::cast::PASSWORD;

use crate::enforcement::office;
use crate::site::{SOON, Site, enforcement, has_moved_to, is};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

#[test]
fn a_disabled_user_is_off_the_network_within_seconds() {
    let site = Site::start();
    site.staff("alice");
    site.staff("bob");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x00, 0x01]);
    let other = switch.port(2, [0x00, 0x16, 0x3e, 0x54, 0x00, 0x02]);
    let (alice, bob) = (
        Supplicant::peap("alice", &site.ca()),
        Supplicant::peap("bob", &site.ca()),
    );
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    assert_eq!(other.dot1x(&bob).vlan().as_deref(), Some("10"));
    let first = site.why_once(&port.mac_text(), |why| why["id"].is_string());
    let first = first["id"].as_str().expect("a decision").to_owned();

    let began = Instant::now();
    site.nac(&["user", "set", "alice", "--disable"]);
    let coa = switch.coa();
    assert!(coa.at - began < SOON);
    assert!(
        port.dot1x(&alice).is_refused(),
        "the re-authentication is refused"
    );
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert!(
        why["reason"]
            .as_str()
            .is_some_and(|why| why.contains("disabled")),
        "{why:#}"
    );
    let why = site.why_once(&first, |why| is(why, "proven"));
    assert_eq!(
        enforcement(&why)["to_segment"],
        serde_json::Value::Null,
        "off the network"
    );
    assert!(why["session"]["stopped_us"].is_i64());
    assert!(
        switch.is_left_alone(),
        "nobody else is touched, and nothing is repeated"
    );

    // A full login is refused as a resumed one is.
    assert!(
        port.dot1x(&Supplicant::peap("alice", &site.ca()))
            .is_refused()
    );
    site.nac(&["user", "set", "alice", "--enable"]);
    let back = nac_test_support::wait::until(SOON, || port.dot1x(&alice).vlan().is_some());
    assert!(back, "and enabled again she is let in");
}

#[test]
fn a_removed_user_is_off_the_network_too() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x01, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let first = site.why_once(&port.mac_text(), |why| why["id"].is_string());
    let first = first["id"].as_str().expect("a decision").to_owned();
    site.nac(&["user", "remove", "alice"]);
    switch.coa();
    assert_eq!(
        port.pap("alice", PASSWORD).code,
        nac_test_support::wire::code::ACCESS_REJECT
    );
    let why = site.why_once(&first, |why| is(why, "proven"));
    assert!(why["session"]["stopped_us"].is_i64());
}

#[test]
fn a_wrong_password_at_another_port_ends_nobodys_session() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let mac = [0x00, 0x16, 0x3e, 0x54, 0x02, 0x01];
    let (port, elsewhere) = (switch.port(1, mac), switch.port(2, mac));
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let first = site.why_once(&port.mac_text(), |why| why["id"].is_string());
    let first = first["id"].as_str().expect("a decision").to_owned();
    assert_eq!(
        elsewhere.pap("alice", "a guess").code,
        nac_test_support::wire::code::ACCESS_REJECT
    );
    site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    site.nac(&["user", "set", "alice", "--disable"]);
    switch.coa();
    let why = site.why(&first);
    assert!(why["session"]["stopped_us"].is_null(), "{why:#}");
}

#[test]
fn a_revoked_certificate_ends_the_session_and_is_refused_even_when_tls_is_resumed() {
    let site = Site::start();
    site.staff("alice");
    let credential = site.certificate("--user", "alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x03, 0x01]);
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    let first = site.why_once(&port.mac_text(), |why| why["id"].is_string());
    let first = first["id"].as_str().expect("a decision").to_owned();
    let resumed = port.dot1x(&alice);
    assert!(resumed.is_resumed());

    site.nac(&["certificate", "revoke", "alice", "--reason", "laptop lost"]);
    switch.coa();
    // The supplicant offers its TLS session again.
    assert!(port.dot1x(&alice).is_refused());
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["eap"]["resumed"], true, "{why:#}");
    let reason = why["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("revoked"), "{reason}");
    site.why_once(&first, |why| is(why, "proven"));
    // A full handshake is refused with the same reason.
    let fresh = Supplicant::tls("alice", &site.ca(), &credential);
    assert!(port.dot1x(&fresh).is_refused());
    let why = site.why_once(&port.mac_text(), |why| why["eap"]["resumed"] == false);
    assert!(
        why["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("revoked"))
    );
}

#[test]
fn a_change_of_groups_moves_the_session() {
    let site = office();
    site.nac(&["segment", "set", "interns", "--vlan", "60"]);
    let policy = site.policy()
        + "\n@id(\"interns\") @segment(\"interns\") @order(\"200\")\n\
           permit (principal is User in Group::\"interns\", action == Action::\"connect\", resource);\n";
    site.apply_policy(&policy);
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x04, 0x01]);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    site.nac(&["user", "set", "alice", "--group", "interns"]);
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("60"));
    site.why_once(&port.mac_text(), |why| has_moved_to(why, "interns"));
}

#[test]
fn a_device_leaves_registration_when_it_is_registered_and_the_network_when_it_is_blocked() {
    let site = office();
    site.nac(&["segment", "set", "printers", "--vlan", "40"]);
    let policy = site.policy()
        + "\n@id(\"printers\") @segment(\"printers\") @order(\"200\")\n\
           permit (principal is Mac, action == Action::\"connect\", resource)\n\
           when { context.device.labels.contains(\"printer\") };\n";
    site.apply_policy(&policy);
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x05, 0x01]);
    assert_eq!(port.mab().vlan().as_deref(), Some("90"));

    site.nac(&["device", "add", &port.mac_text(), "--label", "printer"]);
    switch.coa();
    assert_eq!(port.mab().vlan().as_deref(), Some("40"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "printers"));
    let accepted = why["id"].as_str().expect("a decision").to_owned();

    site.nac(&["device", "block", &port.mac_text()]);
    switch.coa();
    assert_eq!(port.mab().code, nac_test_support::wire::code::ACCESS_REJECT);
    let why = site.why_once(&accepted, |why| is(why, "proven"));
    assert!(enforcement(&why)["to_segment"].is_null());
}
