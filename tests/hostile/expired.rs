//! Expired passwords: nobody gets in with one, and only who knows it puts another in its place.

use nac_eap::peer::PeerMethod;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Profile, log_in, log_in_with_new_password};
use nac_test_support::wait;
use nac_test_support::wire::{Packet, attribute, code};

use crate::ground::{Ground, SOON, read_only};

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

/// Somebody whose password is expired, as the running server knows.
fn expired(ground: &Ground, name: &str) {
    let add = [
        "user",
        "add",
        name,
        "--group",
        "staff",
        "--password-stdin",
        "--mschap",
    ];
    ground.nac.command_with_input(&add, &format!("{OLD}\n"));
    ground
        .nac
        .command(&["user", "set", name, "--must-change-password"]);
    let client = ground.client("127.0.0.1:0");
    let known = wait::until(SOON, || {
        pap(&client, name, OLD) == code::ACCESS_REJECT
            && decided(ground, name).iter().any(|code| code == "NAC-2030")
    });
    assert!(known, "the server knows that {name}'s password is expired");
}

fn pap(client: &Exchange, user: &str, password: &str) -> u8 {
    let request = client
        .request(code::ACCESS_REQUEST, 1)
        .with_message_authenticator()
        .with(attribute::USER_NAME, user)
        .with_password(password);
    client.answer(&request).code
}

fn decided(ground: &Ground, user: &str) -> Vec<String> {
    ground.decisions(user);
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let text = "SELECT reason_code FROM decision WHERE identity_key = ?1 ORDER BY id";
    let mut statement = database.prepare(text).expect("SQL");
    let rows = statement.query_map([user], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn profile(ground: &Ground, password: &str, method: PeerMethod) -> Profile {
    Profile {
        identity: "erin".to_owned(),
        password: password.to_owned(),
        ..ground.profile(method)
    }
}

#[test]
fn an_expired_password_lets_nobody_in_by_any_method() {
    let ground = Ground::start();
    expired(&ground, "erin");
    let client = ground.client("127.0.0.1:0");
    for method in [
        PeerMethod::PeapMschapv2,
        PeerMethod::PeapGtc,
        PeerMethod::TtlsPap,
        PeerMethod::TtlsChap,
        PeerMethod::TtlsMschap,
        PeerMethod::TtlsMschapv2,
        PeerMethod::TtlsEapMschapv2,
        PeerMethod::TtlsEapGtc,
        PeerMethod::TeapMschapv2,
        PeerMethod::TeapPap,
    ] {
        let login = log_in(&client, &profile(&ground, OLD, method));
        assert!(!login.is_accepted(), "{method:?}");
    }
    let reply = plain_mschapv2(&client, OLD);
    assert_eq!(reply.code, code::ACCESS_REJECT);
    let error = reply.first(attribute::VENDOR_SPECIFIC).expect("an error");
    assert!(String::from_utf8_lossy(error).contains("E=648 R=0 C="));
    let wrong = plain_mschapv2(&client, "wrong");
    let error = wrong.first(attribute::VENDOR_SPECIFIC).expect("an error");
    assert!(String::from_utf8_lossy(error).contains("E=691 R=0 C="));
    ground.survived();
}

fn plain_mschapv2(client: &Exchange, password: &str) -> Packet {
    let request = client
        .request(code::ACCESS_REQUEST, 2)
        .with_message_authenticator()
        .with(attribute::USER_NAME, "erin")
        .with_ms_chap_v2(&[0x31; 16], &[0x32; 16], "erin", password);
    client.answer(&request)
}

#[test]
fn who_knows_the_expired_password_puts_another_in_its_place() {
    let ground = Ground::start();
    expired(&ground, "erin");
    let client = ground.client("127.0.0.1:0");
    let method = PeerMethod::PeapMschapv2;
    let thief = log_in_with_new_password(&client, &profile(&ground, "wrong", method), "mine now");
    assert!(!thief.is_accepted());
    for refused in ["", OLD, "a\0b"] {
        let login = log_in_with_new_password(&client, &profile(&ground, OLD, method), refused);
        assert!(!login.is_accepted(), "{refused:?}");
    }
    // What is refused in a tunnel is recorded under the name outside of it.
    let decided = decided(&ground, "anonymous");
    let refused = decided.iter().filter(|code| *code == "NAC-2031");
    assert_eq!(refused.count(), 3, "{decided:?}");

    let changed = log_in_with_new_password(&client, &profile(&ground, OLD, method), NEW);
    assert!(changed.is_accepted());
    assert!(changed.success.is_some(), "both sides have the same keys");
    // From now on, and by every method.
    assert!(!log_in(&client, &profile(&ground, OLD, PeerMethod::TtlsEapMschapv2)).is_accepted());
    assert_eq!(pap(&client, "erin", OLD), code::ACCESS_REJECT);
    assert_eq!(pap(&client, "erin", NEW), code::ACCESS_ACCEPT);
    assert!(log_in(&client, &profile(&ground, NEW, PeerMethod::TtlsMschapv2)).is_accepted());
    let shown = ground.nac.command(&["user", "show", "erin", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert!(shown["password_expires_us"].is_null() && shown["mschap"] == true);
    let audit = ground.nac.command(&["audit", "list", "--json"]);
    assert!(audit.contains("user.change-password") && audit.contains("password change"));
    let log = ground.nac.service.log();
    assert!(!log.contains(NEW) && !audit.contains(NEW));
    ground.survived();
}
