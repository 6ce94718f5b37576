//! Clients that do not send Message-Authenticator (CVE-2024-3596): borne with for a time, or until they turn out to be able to. What was
//! learned is kept.

use std::time::Duration;

use nac_test_support::exchange::Exchange;
use nac_test_support::{cast, wait};

use crate::ground::{Ground, SOON, pap};

const APPRENTICE: &str = "127.188.0.1";
const OLD: &str = "127.188.0.2";

/// A ground with one more client, once it is known.
fn with_client(address: &str, rule: &[&str]) -> (Ground, Exchange) {
    let ground = Ground::start();
    let secret = ground
        .nac
        .directory()
        .write_private("secret-once-more", cast::SECRET);
    let secret = secret.display().to_string();
    let add = [
        "client",
        "add",
        "old",
        "--address",
        address,
        "--secret-file",
        &secret,
    ];
    ground.nac.command(&[&add[..], rule].concat());
    let client = ground.client(&format!("{address}:0"));
    assert!(
        wait::until(SOON, || is_answered(&client, false)),
        "the client is not known"
    );
    (ground, client)
}

fn is_answered(client: &Exchange, signed: bool) -> bool {
    client.send(&pap(client, 7, signed).bytes());
    client.receive(Duration::from_millis(700)).is_some()
}

fn rule(ground: &Ground) -> String {
    let shown = ground.nac.command(&["client", "show", "old", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    shown["message_authenticator"]
        .as_str()
        .expect("a rule")
        .to_owned()
}

#[test]
fn a_client_that_has_signed_once_has_to_sign_from_then_on() {
    let (ground, client) = with_client(APPRENTICE, &["--message-authenticator", "learn"]);
    assert!(is_answered(&client, false), "it may still do without");
    assert!(is_answered(&client, true));
    assert!(
        !is_answered(&client, false),
        "what was learned counts at once"
    );
    assert!(is_answered(&client, true));
    let noted = wait::until(SOON, || rule(&ground) == "required");
    assert!(noted, "what was learned is written down: {}", rule(&ground));
    let audit = ground.nac.command(&["audit", "list", "--json"]);
    assert!(audit.contains("client.learned"), "{audit}");
    // Only somebody's own change goes back behind it.
    ground
        .nac
        .command(&["client", "set", "old", "--message-authenticator", "learn"]);
    assert!(
        wait::until(SOON, || is_answered(&client, false)),
        "it is learned anew"
    );
}

#[test]
fn a_legacy_client_is_ignored_after_its_time() {
    let rule = ["--message-authenticator", "legacy", "--legacy-until", "4s"];
    let (ground, client) = with_client(OLD, &rule);
    let ended = wait::until(SOON, || !is_answered(&client, false));
    assert!(ended, "it is still borne with");
    assert!(
        is_answered(&client, true),
        "what is signed is always looked at"
    );
    let said = ground.line(&format!("source={OLD}:"), "missing Message-Authenticator");
    assert!(said.contains("its time as a legacy NAS is over"), "{said}");
}
