//! A device that normally does 802.1X comes by its MAC alone: it, or another that copied the MAC, gets no more than a stranger.

use std::time::Duration;

use nac_test_support::wait;

use crate::site::{SOON, Site};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x5a, 0x00, 0x02];
const MAC_TEXT: &str = "00:16:3e:5a:00:02";
/// What is new is written down within a second.
const WRITTEN: Duration = Duration::from_millis(2_500);

/// The policy of a new installation, and a laptop that somebody also registered by its MAC.
fn office() -> Site {
    let site = Site::start();
    site.staff("alice");
    site.nac(&["device", "add", MAC_TEXT, "--label", "registered"]);
    site
}

/// The VLANs of the segments that `nac init` makes.
const STAFF: Option<&str> = Some("10");
const DEVICES: Option<&str> = Some("70");
const REGISTRATION: Option<&str> = Some("90");

fn counted(site: &Site) -> bool {
    !site.metrics().contains("nac_downgrades_total 0")
}

#[test]
fn a_copy_of_a_laptop_that_did_802_1x_gets_no_more_than_a_stranger() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let desk = switch.port(1, MAC);
    // The server may not have heard of the device yet.
    assert!(wait::until(SOON, || desk.mab().vlan().as_deref() == DEVICES));
    assert!(
        !counted(&site),
        "a MAC that never did 802.1X is as good as before"
    );

    let alice = Supplicant::peap("alice", &site.ca());
    assert_eq!(desk.dot1x(&alice).vlan().as_deref(), STAFF);
    let copy = switch.port(2, MAC);
    assert_eq!(copy.mab().vlan().as_deref(), REGISTRATION, "{}", site.log());

    let why = site.why_once(MAC_TEXT, |why| {
        why["method"] == "MAB" && why["segment"] == "registration"
    });
    assert_eq!(why["facts"]["device"]["downgraded"], true, "{why:#}");
    let said = site.nac(&["why", MAC_TEXT]);
    assert!(
        said.contains("without 802.1X, which let it in before"),
        "{said}"
    );
    assert!(said.contains("downgraded-devices"), "{said}");
    assert!(counted(&site));
    let line = "a device that was let in by 802.1X came by its MAC address alone";
    assert_eq!(copy.mab().vlan().as_deref(), REGISTRATION);
    assert_eq!(site.log().matches(line).count(), 1, "one line an hour");

    // With 802.1X it is as welcome as ever.
    assert_eq!(desk.dot1x(&alice).vlan().as_deref(), STAFF);
}

#[test]
fn what_did_802_1x_is_remembered_across_a_restart_until_somebody_allows_mab() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let desk = switch.port(1, MAC);
    assert!(wait::until(SOON, || desk.mab().vlan().as_deref() == DEVICES));
    let alice = Supplicant::peap("alice", &site.ca());
    assert!(desk.dot1x(&alice).vlan().is_some());
    wait::pause(WRITTEN);
    site.kill();
    site.serve();
    assert_eq!(desk.mab().vlan().as_deref(), REGISTRATION, "{}", site.log());
    let shown = site.nac(&["device", "show", MAC_TEXT]);
    assert!(shown.contains("by PEAP-MSCHAPv2 at "), "{shown}");

    site.nac(&["device", "allow-mab", MAC_TEXT]);
    assert!(wait::until(SOON, || desk.mab().vlan().as_deref() == DEVICES));
    let audit = site.nac(&["audit", "list", "--json"]);
    assert!(audit.contains("supplicant.forget"), "{audit}");
    let again = site.try_nac(&["device", "allow-mab", MAC_TEXT], "");
    assert_eq!(again.status.code(), Some(1), "there is nothing to allow");
    site.kill();
    site.serve();
    assert_eq!(desk.mab().vlan().as_deref(), DEVICES, "and that stays");
    assert!(desk.dot1x(&alice).vlan().is_some());
    assert_eq!(
        desk.mab().vlan().as_deref(),
        REGISTRATION,
        "until the next 802.1X"
    );
}

#[test]
fn a_session_by_mac_is_moved_when_its_device_logs_in_by_802_1x_elsewhere() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let copy = switch.port(1, MAC);
    assert!(wait::until(SOON, || copy.mab().vlan().as_deref() == DEVICES));
    copy.start();
    let desk = switch.port(2, MAC);
    let alice = Supplicant::peap("alice", &site.ca());
    assert!(desk.dot1x(&alice).vlan().is_some());
    // Whatever is heard of a session has it judged again.
    copy.interim([10, 40, 0, 1]);
    switch.coa();
    assert_eq!(copy.mab().vlan().as_deref(), REGISTRATION);
}
