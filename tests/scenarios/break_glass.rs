//! Break-glass: a check locks people out, somebody lets posture keep nobody out for a time, and then it counts again.

use nac_test_support::wait;

use crate::laptop::{DISK_ENCRYPTION, Laptop, arrive, moves};
use crate::site::{SOON, Site, enforcement};
use crate::supplicant::Supplicant;
use crate::switch::{Port, Switch};

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x5c, 0x00, 0x21];

/// Alice's laptop, which a check has put into quarantine.
fn locked_out(site: &Site, switch: &Switch, port: &Port<'_>) -> (Laptop, Supplicant) {
    let (laptop, alice) = arrive(site, port);
    laptop.decrypt_disk();
    laptop.report();
    moves(site, switch, port, &alice, "quarantine");
    (laptop, alice)
}

#[test]
fn break_glass_lets_out_whom_a_check_locked_out_and_says_so_until_it_is_switched_off() {
    let site = Site::start();
    site.staff("alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (_laptop, alice) = locked_out(&site, &switch, &port);
    let off = site.try_nac(&["break-glass", "show"], "");
    assert_eq!(off.status.code(), Some(1), "it is off");

    let reason = "the new disk check is wrong";
    site.nac(&["break-glass", "on", "--reason", reason, "--for", "1h"]);
    moves(&site, &switch, &port, &alice, "staff");
    let why = site.why(&port.mac_text());
    let posture = &why["facts"]["posture"];
    assert_eq!(posture["break_glass"], true, "{why:#}");
    assert_eq!(posture["verdict"], "compliant", "{why:#}");
    assert_eq!(posture["excepted"][0], DISK_ENCRYPTION, "{why:#}");
    assert_eq!(why["break_glass"]["reason"], reason, "{why:#}");
    let moved = enforcement(&why)["reason"].as_str().unwrap_or_default();
    assert!(moved.contains("break-glass is on"), "{moved}");
    let told = site.nac(&["why", &port.mac_text()]);
    assert!(told.contains("posture counted as compliant"), "{told}");
    assert!(told.contains(reason), "{told}");
    let log = site.log();
    assert!(
        log.contains("break-glass is on: posture keeps nobody out"),
        "{log}"
    );
    let shown = site.nac(&["break-glass", "show", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["on"], true, "{shown:#}");
    assert_eq!(shown["current"]["reason"], reason, "{shown:#}");
    let settled = wait::until(SOON, || {
        site.nac(&["quarantine", "list"])
            .contains("nobody is in quarantine")
    });
    assert!(settled, "its quarantine is still open");

    site.nac(&["break-glass", "off"]);
    moves(&site, &switch, &port, &alice, "quarantine");
    let why = site.why(&port.mac_text());
    assert_eq!(why["facts"]["posture"]["break_glass"], false, "{why:#}");
    assert!(why["break_glass"].is_null(), "{why:#}");
    let again = site.try_nac(&["break-glass", "off"], "");
    assert_eq!(again.status.code(), Some(1), "it is off already");
}

#[test]
fn break_glass_ends_by_itself_and_lets_nobody_out_whom_somebody_put_into_quarantine() {
    let site = Site::start();
    site.staff("alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (_laptop, alice) = locked_out(&site, &switch, &port);
    site.nac(&["break-glass", "on", "--reason", "drill", "--for", "4s"]);
    moves(&site, &switch, &port, &alice, "staff");
    // Nobody does anything: its time is over.
    moves(&site, &switch, &port, &alice, "quarantine");

    let mac = port.mac_text();
    site.nac(&["quarantine", "add", &mac, "--reason", "seen scanning"]);
    site.nac(&["break-glass", "on", "--reason", "drill", "--for", "1h"]);
    assert!(switch.is_left_alone(), "what somebody decided counts");
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("99"));
    let why = site.why_once(&mac, |why| why["facts"]["posture"]["break_glass"] == true);
    assert_eq!(why["segment"], "quarantine", "{why:#}");

    let too_long = ["break-glass", "on", "--reason", "drill", "--for", "25h"];
    let refused = site.try_nac(&too_long, "");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}
