//! What the server notices of its NASes, told by `nac client`.

use std::time::Duration;

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::nas::Behaviour::Refuse;
use nac_test_support::wait;
use nac_test_support::wire::{attribute, code};
use serde_json::Value;

use crate::enforcement::office;
use crate::site::Site;
use crate::switch::Switch;

/// What is heard is noted every five seconds.
const NOTED: Duration = Duration::from_secs(20);

fn client_once(site: &Site, name: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let found = wait::until(NOTED, || {
        let said = site.nac(&["client", "show", name, "--json"]);
        last = serde_json::from_str(&said).expect("JSON");
        condition(&last["activity"])
    });
    assert!(found, "{last:#}");
    last["activity"].clone()
}

#[test]
fn a_stranger_is_listed_until_it_is_a_client() {
    let site = office();
    let stranger = Exchange::from("127.0.9.9:0", site.auth, cast::SECRET);
    for identifier in 1..=3 {
        let request = stranger
            .access_request(identifier, "alice")
            .with(attribute::NAS_IDENTIFIER, "new-switch");
        stranger.send(&request.bytes());
    }
    let mut seen = Value::Null;
    let listed = wait::until(NOTED, || {
        let said = site.nac(&["client", "unknown", "--json"]);
        seen = serde_json::from_str(&said).expect("JSON");
        seen[0]["packets"] == 3
    });
    assert!(listed, "{seen:#}");
    assert_eq!(seen[0]["address"], "127.0.9.9");
    assert_eq!(seen[0]["nas_identifier"], "new-switch");
    Switch::add(&site, "new-switch", [127, 0, 9, 9], "generic");
    let said = site.nac(&["client", "unknown"]);
    assert!(said.contains("nobody unknown"), "{said}");
}

#[test]
fn a_wrong_secret_is_named_until_it_is_right() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let wrong = Exchange::from("127.0.1.1:0", site.auth, "another secret than that");
    let request = wrong.access_request(1, "alice");
    assert!(wrong.is_ignored(&request.bytes()));
    let heard = client_once(&site, "access-1", |heard| heard["wrong_secret"] == 1);
    assert_eq!(heard["concern"], "wrong-secret");
    assert_eq!(heard["last_source"], "127.0.1.1");
    let told = site.nac(&["client", "list"]);
    assert!(told.contains("wrong-secret"), "{told}");

    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x00, 0x01]);
    port.pap("alice", cast::PASSWORD);
    let heard = client_once(&site, "access-1", |heard| heard["concern"].is_null());
    assert_eq!(heard["message_authenticator"], "always");
    assert_eq!(heard["wrong_secret"], 1, "it is remembered");
    assert!(
        heard["requests_per_minute"].as_i64() >= Some(2),
        "{heard:#}"
    );
}

#[test]
fn requests_without_message_authenticator_and_refused_orders_are_named() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let bare = Exchange::from("127.0.1.1:0", site.auth, cast::SECRET);
    let request = bare
        .request(code::ACCESS_REQUEST, 1)
        .with(attribute::USER_NAME, "alice")
        .with_password(cast::PASSWORD);
    assert!(bare.is_ignored(&request.bytes()));
    let heard = client_once(&site, "access-1", |heard| heard["missing_signature"] == 1);
    assert_eq!(heard["concern"], "missing-message-authenticator");
    assert_eq!(heard["message_authenticator"], "never");

    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x54, 0x00, 0x02]);
    port.pap("alice", cast::PASSWORD);
    switch.nas.behave(Refuse(405), Refuse(405));
    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "seen scanning",
    ]);
    let heard = client_once(&site, "access-1", |heard| {
        heard["coa_refused"].as_i64() >= Some(1)
    });
    let said = heard["coa_result"].as_str().unwrap_or_default();
    assert!(said.contains("unsupported service (405)"), "{said}");
    assert_eq!(heard["concern"], "coa-refused");
}
