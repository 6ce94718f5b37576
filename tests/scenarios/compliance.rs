//! The main story: a laptop falls out of compliance and comes back, and the network follows.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nac_test_support::cast;
use nac_test_support::wire::{attribute, code};

use crate::laptop::{DISK_ENCRYPTION, Laptop};
use crate::site::{SOON, Site, enforcement, has_moved_to, is};
use crate::supplicant::Supplicant;
use crate::switch::{Switch, avpair};

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x51, 0x00, 0x01];

#[test]
fn a_laptop_whose_disk_is_decrypted_is_quarantined_at_once_and_released_when_it_is_mended() {
    let site = Site::start();
    site.staff("alice");
    let credential = site.certificate("--user", "alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let laptop = Laptop::healthy(&site, &port.mac_text(), Some(&credential), [127, 0, 1, 9]);

    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    port.start();
    let why = site.why_once(&port.mac_text(), |why| why["id"].is_string());
    assert_eq!(why["facts"]["posture"]["verdict"], "compliant", "{why:#}");
    assert_eq!(why["facts"]["posture"]["binding"], 4, "{why:#}");

    laptop.decrypt_disk();
    let broken = Instant::now();
    laptop.report();
    let coa = switch.coa();
    assert!(coa.at - broken < SOON);
    // Exactly the words of this switch, and nothing else of its: a switch refuses what it does not know.
    let expected = [
        (
            attribute::CALLING_STATION_ID,
            port.calling_station_id().into_bytes(),
        ),
        (attribute::NAS_IP_ADDRESS, vec![127, 0, 1, 1]),
        (
            attribute::ACCT_SESSION_ID,
            port.acct_session_id().into_bytes(),
        ),
        (attribute::VENDOR_SPECIFIC, avpair(&port.audit_session_id())),
        (
            attribute::VENDOR_SPECIFIC,
            avpair("subscriber:command=reauthenticate"),
        ),
        (
            attribute::VENDOR_SPECIFIC,
            avpair("subscriber:reauthenticate-type=last"),
        ),
    ];
    let mut sent = coa.packet.attributes.clone();
    sent.retain(|(number, _)| {
        ![attribute::MESSAGE_AUTHENTICATOR, attribute::EVENT_TIMESTAMP].contains(number)
    });
    assert_eq!(sent, expected);
    let stamp = coa
        .packet
        .first(attribute::EVENT_TIMESTAMP)
        .expect("Event-Timestamp");
    let stamp = u32::from_be_bytes(stamp.try_into().expect("four octets"));
    let clock = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    assert!(u64::from(stamp).abs_diff(clock) <= 5, "{stamp} is not now");

    // An acknowledgement is no proof; the next authentication is, and a resumed one carries no authority.
    site.why_once(&port.mac_text(), |why| is(why, "acknowledged"));
    let again = port.dot1x(&alice);
    assert!(again.is_resumed(), "TLS is resumed");
    assert_eq!(
        again.vlan().as_deref(),
        Some("99"),
        "and today's posture counts"
    );
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));
    assert_eq!(why["eap"]["resumed"], true);
    assert_eq!(why["facts"]["posture"]["failing"][0], DISK_ENCRYPTION);
    assert_eq!(enforcement(&why)["to_segment"], "quarantine");
    assert!(enforcement(&why)["proven_us"].as_i64() > enforcement(&why)["created_us"].as_i64());
    let told = site.nac(&["why", &port.mac_text()]);
    assert!(
        told.contains("move staff → quarantine: proven after "),
        "{told}"
    );
    assert!(told.contains(DISK_ENCRYPTION), "{told}");

    laptop.encrypt_disk();
    laptop.report();
    switch.coa();
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "staff"));
    assert_eq!(enforcement(&why)["to_segment"], "staff");
    assert!(switch.is_left_alone(), "it is where it belongs");
}

#[test]
fn a_laptop_mended_before_its_switch_reacted_is_left_where_it_is() {
    let site = Site::start();
    site.staff("alice");
    let credential = site.certificate("--user", "alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let laptop = Laptop::healthy(&site, &port.mac_text(), Some(&credential), [127, 0, 1, 9]);
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));

    laptop.decrypt_disk();
    laptop.report();
    switch.coa();
    laptop.encrypt_disk();
    laptop.report();
    let why = site.why_once(&port.mac_text(), |why| is(why, "superseded"));
    assert_eq!(enforcement(&why)["proven_us"], serde_json::Value::Null);
    assert!(
        switch.is_left_alone(),
        "the Disconnect-Request is not sent any more"
    );
}

#[test]
fn a_host_that_falls_silent_is_stale_after_max_age_and_quarantined() {
    let site = Site::start_with("[posture]\nmax_age_seconds = 10\n");
    site.staff("alice");
    let credential = site.certificate("--user", "alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let laptop = Laptop::healthy(&site, &port.mac_text(), Some(&credential), [127, 0, 1, 9]);
    let reported = Instant::now();
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));

    // The agent was stopped. Nobody asks for the ten seconds: the server's own clock does.
    let coa = switch.nas.next(SOON * 4).expect("a CoA-Request");
    assert_eq!(coa.packet.code, code::COA_REQUEST);
    let age = coa.at - reported;
    assert!(
        (9.5..15.0).contains(&age.as_secs_f64()),
        "stale after {age:?}"
    );
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("99"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));
    assert_eq!(why["facts"]["posture"]["verdict"], "stale");

    // It comes back by itself.
    laptop.report();
    switch.coa();
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    assert!(!site.log().contains(cast::SECRET));
}
