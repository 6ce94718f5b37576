//! What a firewall is told of who is where.

use nac_test_support::cast::PASSWORD;
use nac_test_support::wait;

use crate::enforcement::office;
use crate::site::{SOON, has_moved_to};
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x59, 0x00, 0x01];

#[test]
fn an_address_follows_its_device_into_quarantine_and_goes_with_it() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    port.start();
    port.interim([192, 0, 2, 77]);
    let list = |segment: &str| site.nac(&["export", "edl", "--segment", segment]);
    let holds = |segment: &str, text: &str| wait::until(SOON, || list(segment) == text);
    assert!(holds("staff", "192.0.2.77\n"), "{}", list("staff"));
    let nft = site.nac(&["export", "nft", "--timeout", "10m"]);
    let element = "add element inet nac seg_staff_v4 { 192.0.2.77 timeout 600s }";
    assert!(nft.contains(element), "{nft}");
    assert!(nft.contains("set seg_quarantine_v4 {"), "{nft}");

    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "seen scanning",
    ]);
    switch.coa();
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("99"));
    site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));
    assert!(holds("staff", ""), "{}", list("staff"));
    assert!(
        holds("quarantine", "192.0.2.77\n"),
        "{}",
        list("quarantine")
    );

    port.stop();
    assert!(holds("quarantine", ""), "{}", list("quarantine"));
}
