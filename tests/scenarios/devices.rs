//! Devices that people register: into their own network, out of it when their time is over or when they are lost, and with a Wi-Fi
//! key of their own.

use nac_test_support::wait;
use nac_test_support::wire::code;
use serde_json::Value;

use crate::site::{SOON, Site, has_moved_to, is};
use crate::switch::Switch;

#[test]
fn a_registered_device_moves_into_its_network_and_a_lost_one_out_of_every() {
    let site = Site::start();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x57, 0x00, 0x01]);
    let mac = port.mac_text();
    assert_eq!(port.mab().vlan().as_deref(), Some("90"));
    site.nac(&[
        "device",
        "add",
        &mac,
        "--label",
        "registered",
        "--owner",
        "alice",
    ]);
    switch.coa();
    assert_eq!(port.mab().vlan().as_deref(), Some("70"));
    let why = site.why_once(&mac, |why| has_moved_to(why, "devices"));
    let accepted = why["id"].as_str().expect("a decision").to_owned();

    site.nac(&["device", "lost", &mac]);
    switch.coa();
    assert_eq!(port.mab().code, code::ACCESS_REJECT);
    site.why_once(&accepted, |why| is(why, "proven"));
    let shown = site.nac(&["device", "show", &mac, "--json"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["owner"], "alice", "it keeps its record");
    assert!(shown["lost_us"].is_i64());

    site.nac(&["device", "found", &mac]);
    let back = wait::until(SOON, || port.mab().vlan().as_deref() == Some("70"));
    assert!(back, "and found again it is let in");
}

#[test]
fn a_device_whose_time_is_over_is_a_stranger_from_that_moment_on() {
    let site = Site::start();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x57, 0x01, 0x01]);
    let mac = port.mac_text();
    assert_eq!(port.mab().vlan().as_deref(), Some("90"));
    site.nac(&[
        "device",
        "add",
        &mac,
        "--label",
        "registered",
        "--expires",
        "3s",
    ]);
    switch.coa();
    assert_eq!(port.mab().vlan().as_deref(), Some("70"));
    // Nobody does anything.
    switch.coa();
    assert_eq!(port.mab().vlan().as_deref(), Some("90"));
    let why = site.why_once(&mac, |why| has_moved_to(why, "registration"));
    assert_eq!(why["facts"]["device"]["known"], false);
}

/// Makes or rotates a key, and gives it.
fn key(site: &Site, verb: &str, mac: &str) -> String {
    let told = site.nac(&["device", "psk", verb, mac, "--ssid", "devices", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told["passphrase"]
        .as_str()
        .expect("a passphrase")
        .to_owned()
}

#[test]
fn each_vendors_access_point_is_told_the_stations_own_key() {
    let site = Site::start();
    for (number, vendor) in (1_u8..).zip(["hostapd", "meraki", "aruba-wireless", "cisco-wlc"]) {
        let point = Switch::add(&site, vendor, [127, 0, 2, number], vendor);
        let station = point
            .port(1, [0x00, 0x16, 0x3e, 0x57, 0x02, number])
            .on_wifi("devices");
        let mac = station.mac_text();
        site.nac(&["device", "add", &mac, "--label", "registered"]);
        let key = key(&site, "create", &mac);
        let told = wait::until(SOON, || station.mab_with_keys().1 == [key.as_str()]);
        assert!(told, "{vendor}");
        let why = site.why_once(&mac, |why| why["facts"]["device"]["psk"] == true);
        assert_eq!(why["method"], "MAB");
        let text = why.to_string() + &site.nac(&["why", &mac]) + &site.log();
        assert!(!text.contains(&key), "{vendor}: the key is shown");
        assert!(text.contains("<hidden"), "{vendor}");
        // On another network, and on a cable, there is no key to tell.
        for other in [
            point.port(2, station.mac).on_wifi("office"),
            point.port(3, station.mac),
        ] {
            assert_eq!(other.mab_with_keys().1, [""; 0], "{vendor}");
        }
    }
}

#[test]
fn both_keys_are_right_while_one_follows_the_other_and_none_after_a_revocation() {
    let site = Site::start();
    let mac = "00:16:3e:57:03:01";
    site.nac(&["device", "add", mac, "--label", "registered"]);
    let first = key(&site, "create", mac);
    // The server reads changes in their order: once it knows the access point, it knows the device and its key.
    let point = Switch::add(&site, "ap-1", [127, 0, 2, 1], "hostapd");
    let station = point
        .port(1, [0x00, 0x16, 0x3e, 0x57, 0x03, 0x01])
        .on_wifi("devices");
    assert_eq!(station.mab_with_keys().1, [first.as_str()]);
    let second = key(&site, "rotate", mac);
    let both = [second.as_str(), first.as_str()];
    assert!(wait::until(SOON, || station.mab_with_keys().1 == both));
    assert!(point.is_left_alone(), "a rotation disturbs nobody");

    let (_, why) = site.why_after(mac, || station.mab_with_keys());
    let accepted = why["id"].as_str().expect("a decision").to_owned();
    site.nac(&["device", "psk", "revoke", mac]);
    point.disconnect();
    let (reply, keys) = station.mab_with_keys();
    assert_eq!((reply.code, keys.len()), (code::ACCESS_REJECT, 0));
    site.why_once(&accepted, |why| is(why, "proven"));
    let why = site.why_once(mac, |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2009");
    let third = key(&site, "create", mac);
    assert!(wait::until(SOON, || station.mab_with_keys().1 == [third.as_str()]));
}

#[test]
fn a_device_that_the_policy_does_not_let_in_is_told_no_key() {
    let site = Site::start();
    let mac = "00:16:3e:57:04:01";
    site.nac(&["device", "add", mac, "--label", "registered"]);
    let key = key(&site, "create", mac);
    // The server reads changes in their order: once it knows the access point, it knows the device and its key.
    let point = Switch::add(&site, "ap-1", [127, 0, 2, 1], "hostapd");
    let station = point
        .port(1, [0x00, 0x16, 0x3e, 0x57, 0x04, 0x01])
        .on_wifi("devices");
    assert_eq!(station.mab_with_keys().1, [key.as_str()]);
    site.nac(&["device", "block", mac]);
    point.disconnect();
    let (reply, keys) = station.mab_with_keys();
    assert_eq!((reply.code, keys.len()), (code::ACCESS_REJECT, 0));
}
