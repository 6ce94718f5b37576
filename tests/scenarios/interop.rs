//! The same with a supplicant that others wrote.

use nac_test_support::cast;
use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::wire::attribute;

use crate::site::{Site, has_moved_to};
use crate::switch::Switch;

#[test]
fn eapol_test_is_moved_to_quarantine_by_the_identifiers_that_it_sent() {
    let site = Site::start();
    site.staff("alice");
    let credential = site.certificate("--user", "alice");
    // eapol_test sends from 127.0.0.1.
    let switch = Switch::add(&site, "eapol-test", [127, 0, 0, 1], "cisco-ios");
    let ca = site.ca();
    let mut alice = Supplicant::new(Method::Tls, TlsVersion::V13, &ca);
    alice.identity = "alice";
    alice.credential = Some(&credential);
    let run = || {
        let outcome = alice.run(site.auth, cast::SECRET);
        assert!(outcome.success, "{}", outcome.tail());
        outcome.vlans()
    };
    assert_eq!(run(), [Some("10".to_owned())]);
    site.nac(&[
        "quarantine",
        "add",
        "02:00:00:00:00:10",
        "--reason",
        "seen scanning",
    ]);
    let coa = switch.coa();
    assert_eq!(
        coa.packet.first(attribute::CALLING_STATION_ID),
        Some(&b"02-00-00-00-00-10"[..])
    );
    assert_eq!(run(), [Some("99".to_owned())]);
    site.why_once("02:00:00:00:00:10", |why| has_moved_to(why, "quarantine"));
}
