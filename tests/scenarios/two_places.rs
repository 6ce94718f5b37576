//! One MAC at two places: a copy is found out by what the NASes report, and a station that moved is left alone.

use std::time::Duration;

use nac_test_support::wait;
use nac_test_support::wire::attribute;

use crate::site::{QUIET, SOON, Site};
use crate::switch::{Port, Switch};

/// Acct-Delay-Time counts whole seconds, so that the first moments after an accept are not judged.
const SLACK: Duration = Duration::from_millis(2_500);

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x5a, 0x00, 0x01];
const MAC_TEXT: &str = "00:16:3e:5a:00:01";

/// The printer gets in by its MAC, and a MAC that is in two places goes to quarantine.
fn print_shop() -> Site {
    let site = Site::start();
    site.nac(&["segment", "set", "printers", "--vlan", "40"]);
    let policy = site.policy()
        + "\n@id(\"printers\") @segment(\"printers\") @order(\"200\")\n\
           permit (principal is Mac, action == Action::\"connect\", resource)\n\
           when { context.device.labels.contains(\"printer\") };\n\
           @id(\"copied-macs\") @segment(\"quarantine\") @order(\"40\")\n\
           forbid (principal is Mac, action == Action::\"connect\", resource)\n\
           when { context.device.in_two_places };\n";
    site.apply_policy(&policy);
    site.nac(&["device", "add", MAC_TEXT, "--label", "printer"]);
    site
}

/// It gets in as a printer.
fn comes_in(port: &Port<'_>) {
    assert_eq!(port.mab().vlan().as_deref(), Some("40"));
    port.start();
}

/// The same for the first time: the server may not have heard of policy and device yet, and moves it when it has.
fn comes_in_first(switch: &Switch, port: &Port<'_>) {
    let vlan = || port.mab().vlan();
    assert!(wait::until(SOON, || vlan().as_deref() == Some("40")));
    port.start();
    while switch.nas.next(QUIET).is_some() {}
}

fn in_two_places(site: &Site) -> bool {
    site.metrics().contains("nac_devices_in_two_places 1")
}

#[test]
fn a_printer_and_its_copy_are_both_moved_when_the_printer_is_heard_beside_it() {
    let site = print_shop();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let printer = switch.port(1, MAC);
    comes_in_first(&switch, &printer);
    printer.interim([10, 40, 0, 1]);
    let copy = switch.port(2, MAC);
    comes_in(&copy);
    assert!(switch.is_left_alone(), "it may have moved");
    assert!(!in_two_places(&site));

    let mut first = None;
    let moved = wait::until(SOON, || {
        printer.interim([10, 40, 0, 1]);
        first = switch.nas.next(Duration::from_millis(500));
        first.is_some()
    });
    assert!(moved, "the printer is still there: {}", site.log());
    let orders = [first.expect("a CoA-Request"), switch.coa()];
    let mut meant = orders.map(|order| {
        let id = order.packet.first(attribute::ACCT_SESSION_ID);
        String::from_utf8_lossy(id.unwrap_or_default()).into_owned()
    });
    meant.sort();
    assert_eq!(meant, [printer.acct_session_id(), copy.acct_session_id()]);
    assert_eq!(printer.mab().vlan().as_deref(), Some("99"));
    assert_eq!(copy.mab().vlan().as_deref(), Some("99"));
    let third = switch.port(3, MAC);
    assert_eq!(third.mab().vlan().as_deref(), Some("99"), "wherever it is");

    let why = site.why_once(MAC_TEXT, |why| why["segment"] == "quarantine");
    assert_eq!(why["facts"]["device"]["in_two_places"], true, "{why:#}");
    let said = site.nac(&["why", MAC_TEXT]);
    assert!(said.contains("in two places at once"), "{said}");
    assert!(in_two_places(&site), "{}", site.metrics());
    assert!(
        site.log()
            .contains("a MAC address is in two places at once")
    );
}

#[test]
fn a_printer_that_moves_without_a_stop_and_back_is_left_alone() {
    let site = print_shop();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let here = switch.port(1, MAC);
    comes_in_first(&switch, &here);
    here.interim([10, 40, 0, 1]);
    let there = switch.port(2, MAC);
    for now in [&there, &here, &there] {
        comes_in(now);
        wait::pause(SLACK);
        now.interim([10, 40, 0, 1]);
    }
    assert!(switch.is_left_alone());
    assert!(!in_two_places(&site));
}

#[test]
fn a_roaming_station_is_left_alone_until_both_access_points_count_what_it_sends() {
    let site = print_shop();
    let left = Switch::add(&site, "ap-1", [127, 0, 1, 1], "cisco-ios");
    let right = Switch::add(&site, "ap-2", [127, 0, 1, 2], "cisco-ios");
    let before = left.port(1, MAC).on_wifi("corp");
    comes_in_first(&left, &before);
    before.counted(1_000);
    let after = right.port(1, MAC).on_wifi("corp");
    comes_in(&after);
    wait::pause(SLACK);
    // An access point believes in a station for some minutes after it left.
    before.counted(2_000);
    before.counted(2_000);
    assert!(left.is_left_alone() && right.is_left_alone());
    assert!(!in_two_places(&site));

    before.counted(3_000);
    left.coa();
    right.coa();
    assert_eq!(before.mab().vlan().as_deref(), Some("99"));
    assert_eq!(after.mab().vlan().as_deref(), Some("99"));
}
