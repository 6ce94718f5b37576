//! Which methods are offered: by Wi-Fi network, client and realm, and what is not offered.

use nac_test_support::eapol_test::{Method, Outcome, Supplicant as EapolTest, TlsVersion};
use nac_test_support::wire::code;
use nac_test_support::{cast, wait};

use crate::enforcement::office;
use crate::site::{SOON, Site};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const MAC: &str = "02:00:00:00:00:10";

fn site() -> Site {
    let site = Site::start();
    site.staff("alice");
    let secret = site.secret_file().display().to_string();
    for (name, address) in [("hall", "127.0.2.1/32"), ("lab", "127.0.0.0/8")] {
        site.nac(&[
            "client",
            "add",
            name,
            "--address",
            address,
            "--secret-file",
            &secret,
        ]);
    }
    site
}

/// Alice logs in from an access point.
fn log_in(site: &Site, method: Method, ssid: &str, source: &str, anonymous: &str) -> Outcome {
    let ca = site.ca();
    let mut alice = EapolTest::new(method, TlsVersion::V13, &ca);
    alice.identity = "alice";
    alice.ssid = ssid;
    alice.source = source;
    alice.anonymous = anonymous;
    alice.run(site.auth, cast::SECRET)
}

/// She is let in, by this offer.
#[track_caller]
fn let_in(site: &Site, method: Method, ssid: &str, source: &str, anonymous: &str, offer: &str) {
    // The running server may not have heard of the offer yet.
    let mut outcome = log_in(site, method, ssid, source, anonymous);
    let found = wait::until(SOON, || {
        let why = site.why(MAC);
        if outcome.success && why["offer"] == offer && why["outcome"] == "accept" {
            return true;
        }
        outcome = log_in(site, method, ssid, source, anonymous);
        false
    });
    assert!(found, "{:#}\n{}", site.why(MAC), outcome.tail());
}

/// She is refused for what the offer does not have.
#[track_caller]
fn refused(site: &Site, method: Method, ssid: &str, source: &str, anonymous: &str, offer: &str) {
    let outcome = log_in(site, method, ssid, source, anonymous);
    assert!(!outcome.success, "{}", outcome.tail());
    let why = site.why_once(MAC, |why| {
        why["outcome"] == "reject" && why["offer"] == offer
    });
    let reason = why["reason"].as_str().unwrap_or_default();
    let by = format!("method not allowed by the offer \"{offer}\"");
    assert!(reason.ends_with(&by), "{why:#}");
    assert!(
        why["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("nac offer")),
        "{why:#}"
    );
}

#[test]
fn two_wifi_networks_offer_different_methods_and_a_third_what_is_configured() {
    let site = site();
    let here = "127.0.0.1";
    site.nac(&[
        "offer",
        "add",
        "corp",
        "--ssid",
        "corp",
        "--method",
        "EAP-TTLS",
        "--inner-method",
        "PAP",
    ]);
    site.nac(&[
        "offer",
        "add",
        "guests",
        "--ssid",
        "guest-*",
        "--method",
        "peap,eap-tls",
    ]);
    let_in(&site, Method::TtlsPap, "corp", here, "anonymous", "corp");
    let_in(
        &site,
        Method::PeapMschapv2,
        "guest-2",
        here,
        "anonymous",
        "guests",
    );
    refused(
        &site,
        Method::PeapMschapv2,
        "corp",
        here,
        "anonymous",
        "corp",
    );
    refused(
        &site,
        Method::TtlsPap,
        "guest-1",
        here,
        "anonymous",
        "guests",
    );
    // The tunnel is offered, and what runs in it is not.
    refused(
        &site,
        Method::TtlsMschapv2,
        "corp",
        here,
        "anonymous",
        "corp",
    );
    refused(&site, Method::TtlsEapGtc, "corp", here, "anonymous", "corp");
    for method in [Method::PeapMschapv2, Method::TtlsPap] {
        let_in(&site, method, "lobby", here, "anonymous", "default");
    }
    let text = site.nac(&["why", MAC]);
    assert!(text.contains("default"), "{text}");
}

#[test]
fn two_clients_offer_different_methods_and_the_first_that_fits_counts() {
    let site = site();
    site.nac(&[
        "offer",
        "add",
        "everywhere",
        "--method",
        "PEAP,PAP",
        "--description",
        "old phones",
    ]);
    site.nac(&[
        "offer",
        "add",
        "hall",
        "--client",
        "ha*",
        "--method",
        "EAP-TTLS,MAB",
        "--position",
        "1",
    ]);
    let_in(&site, Method::TtlsPap, "", "127.0.2.1", "anonymous", "hall");
    let_in(
        &site,
        Method::PeapMschapv2,
        "",
        "127.0.0.1",
        "anonymous",
        "everywhere",
    );
    refused(
        &site,
        Method::PeapMschapv2,
        "",
        "127.0.2.1",
        "anonymous",
        "hall",
    );
    // In the other order the general one hides the other.
    site.nac(&["offer", "move", "hall", "2"]);
    let_in(
        &site,
        Method::PeapMschapv2,
        "",
        "127.0.2.1",
        "anonymous",
        "everywhere",
    );
    let which = site.nac(&["offer", "which", "--client", "hall", "--json"]);
    assert!(which.contains("\"everywhere\""), "{which}");
    site.nac(&["offer", "remove", "everywhere"]);
    let_in(&site, Method::TtlsPap, "", "127.0.2.1", "anonymous", "hall");
    let_in(
        &site,
        Method::TtlsPap,
        "",
        "127.0.0.1",
        "anonymous",
        "default",
    );
    let audit = site.nac(&["audit", "list", "--json"]);
    for action in ["offer.put", "offer.move", "offer.remove"] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
}

#[test]
fn two_realms_are_offered_different_methods_by_what_stands_outside_the_tunnel() {
    let site = site();
    let here = "127.0.0.1";
    for (realm, method) in [
        ("students.example.org", "EAP-TTLS"),
        ("*.example.org", "PEAP"),
    ] {
        let name = method.to_lowercase();
        site.nac(&["offer", "add", &name, "--realm", realm, "--method", method]);
    }
    let student = "anonymous@Students.Example.ORG";
    let_in(&site, Method::TtlsPap, "", here, student, "eap-ttls");
    let_in(
        &site,
        Method::PeapMschapv2,
        "",
        here,
        "@staff.example.org",
        "peap",
    );
    refused(&site, Method::PeapMschapv2, "", here, student, "eap-ttls");
    let_in(&site, Method::TtlsPap, "", here, "anonymous", "default");
}

#[test]
fn a_password_and_a_mac_without_eap_are_offered_or_refused_with_a_remedy() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x60, 0x00, 0x01]);
    let in_force = || port.pap("alice", cast::PASSWORD).code == code::ACCESS_ACCEPT;
    assert!(wait::until(SOON, in_force));
    assert_eq!(port.mab().code, code::ACCESS_ACCEPT);
    site.nac(&[
        "offer", "add", "wired", "--client", "access-*", "--method", "PEAP,MAB",
    ]);
    let refused = || port.pap("alice", cast::PASSWORD).code == code::ACCESS_REJECT;
    assert!(wait::until(SOON, refused), "the offer counts at once");
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2043", "{why:#}");
    assert_eq!(why["offer"], "wired");
    assert_eq!(why["method"], "PAP");
    assert_eq!(
        why["reason"], "method not allowed: PAP is not in the offer \"wired\"",
        "{why:#}"
    );
    assert_eq!(port.mab().code, code::ACCESS_ACCEPT);
    let alice = Supplicant::peap("alice", &site.ca());
    assert!(port.dot1x(&alice).vlan().is_some());
    site.nac(&["offer", "set", "wired", "--method", "PEAP"]);
    let refused = || port.mab().code == code::ACCESS_REJECT;
    assert!(wait::until(SOON, refused));
}

#[test]
fn a_session_is_not_resumed_where_what_it_stems_from_is_not_offered_any_more() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x60, 0x00, 0x02]);
    let alice = Supplicant::peap("alice", &site.ca());
    assert!(port.dot1x(&alice).vlan().is_some());
    assert!(port.dot1x(&alice).is_resumed());
    site.nac(&[
        "offer",
        "add",
        "cards",
        "--method",
        "PEAP",
        "--inner-method",
        "EAP-GTC",
    ]);
    let refused = || port.dot1x(&alice).is_refused();
    assert!(wait::until(SOON, refused));
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "EAP-1502", "{why:#}");
    let reason = why["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("the offer \"cards\""), "{why:#}");
    // What she succeeded with last is not proposed where it is not offered.
    site.nac(&[
        "offer",
        "set",
        "cards",
        "--method",
        "EAP-TTLS",
        "--inner-method",
        "PAP",
    ]);
    let not_proposed = || {
        assert!(port.dot1x(&alice).is_refused());
        site.why(&port.mac_text())["reason_code"] == "EAP-1301"
    };
    assert!(wait::until(SOON, not_proposed));
    site.nac(&["offer", "remove", "cards"]);
    let back = || port.dot1x(&alice).vlan().is_some();
    assert!(wait::until(SOON, back));
}
