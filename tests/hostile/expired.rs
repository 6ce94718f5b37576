//! Expired passwords: nobody gets in with one, and only who knows it puts another in its place.

use nac_eap::peer::PeerMethod;
use nac_test_support::exchange::Exchange;
use nac_test_support::mschapv2::{authenticator_response, nt_response};
use nac_test_support::supplicant::{Profile, log_in, log_in_with_new_password};
use nac_test_support::wait;
use nac_test_support::wire::{Packet, Request, attribute, code};

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
    let request = client.access_request(1, user).with_password(password);
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
    let request = client.access_request(2, "erin").with_ms_chap_v2(
        &[0x31; 16],
        &[0x32; 16],
        "erin",
        password,
    );
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

/// What an MS-CHAP-Error says.
fn error(reply: &Packet) -> String {
    assert_eq!(reply.code, code::ACCESS_REJECT);
    let error = reply.first(attribute::VENDOR_SPECIFIC).expect("an error");
    String::from_utf8_lossy(error).into_owned()
}

/// The challenge that it gives.
fn challenge_of(reply: &Packet) -> [u8; 16] {
    let text = error(reply);
    let (_, rest) = text.split_once("C=").expect("a challenge");
    let octets = hex::decode(&rest[..32]).expect("32 hexadecimal digits");
    octets.try_into().expect("16 octets")
}

fn change(client: &Exchange, challenge: &[u8; 16], passwords: (&str, &str)) -> Request {
    client
        .access_request(3, "erin")
        .with_new_password(challenge, &[0x33; 16], "erin", passwords)
}

#[test]
fn an_expired_password_is_changed_without_eap_by_who_knows_it() {
    let ground = Ground::start();
    expired(&ground, "erin");
    let client = ground.client("127.0.0.1:0");
    let expired = plain_mschapv2(&client, OLD);
    assert!(error(&expired).contains("E=648 R=0 C="));
    let challenge = challenge_of(&expired);

    let thief = client.answer(&change(&client, &challenge, ("wrong", "mine now")));
    assert!(error(&thief).contains("E=691"), "{}", error(&thief));
    for refused in ["", OLD, "a\0b"] {
        let reply = client.answer(&change(&client, &challenge, (OLD, refused)));
        assert!(error(&reply).contains("E=709"), "{refused:?}");
    }
    // Another name, or another challenge, than the new password was hashed with.
    let bent = client.access_request(4, "erin").with_new_password(
        &challenge,
        &[0x33; 16],
        "frank",
        (OLD, NEW),
    );
    assert!(error(&client.answer(&bent)).contains("E=691"));

    let request = change(&client, &challenge, (OLD, NEW));
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    let response = nt_response(&challenge, &[0x33; 16], "erin", NEW);
    let proof = authenticator_response(&challenge, &[0x33; 16], "erin", NEW, &response);
    let success = reply.all(attribute::VENDOR_SPECIFIC);
    let proven = |value: &&[u8]| String::from_utf8_lossy(value).contains(&proof);
    assert!(
        success.iter().any(proven),
        "the server knows the new password"
    );
    assert_eq!(pap(&client, "erin", OLD), code::ACCESS_REJECT);
    assert_eq!(pap(&client, "erin", NEW), code::ACCESS_ACCEPT);
    let decided = decided(&ground, "erin");
    for (reason, times) in [("NAC-2044", 2), ("NAC-2031", 3)] {
        let found = decided.iter().filter(|code| *code == reason).count();
        assert_eq!(found, times, "{reason}: {decided:?}");
    }
    let audit = ground.nac.command(&["audit", "list", "--json"]);
    assert!(audit.contains("user.change-password"));
    assert!(!audit.contains(NEW) && !ground.nac.service.log().contains(NEW));
    ground.survived();
}

#[test]
fn a_recorded_change_of_a_password_changes_nothing_again() {
    let ground = Ground::start();
    expired(&ground, "erin");
    let client = ground.client("127.0.0.1:0");
    let challenge = [0x55; 16];
    let first = change(&client, &challenge, (OLD, NEW));
    assert_eq!(client.answer(&first).code, code::ACCESS_ACCEPT);
    // From elsewhere, so that it is no retransmission: the old password is another by now.
    let elsewhere = ground.client("127.0.0.1:0");
    assert!(error(&elsewhere.answer(&first)).contains("E=691"));
    assert_eq!(pap(&client, "erin", NEW), code::ACCESS_ACCEPT);

    // Not even when the old password is the present one again, and expired again.
    let set = ["user", "set", "erin", "--mschap", "--password-stdin"];
    ground.nac.command_with_input(&set, &format!("{OLD}\n"));
    let again = ["user", "set", "erin", "--must-change-password"];
    ground.nac.command(&again);
    let known = wait::until(SOON, || {
        let reply = plain_mschapv2(&client, OLD);
        reply.code == code::ACCESS_REJECT && error(&reply).contains("E=648")
    });
    assert!(known);
    let third = ground.client("127.0.0.1:0");
    assert!(error(&third.answer(&first)).contains("E=691"));
    let reused = change(&client, &challenge, (OLD, "yet another"));
    assert!(error(&client.answer(&reused)).contains("E=691"));
    let decided = decided(&ground, "erin");
    let replayed = decided.iter().filter(|code| *code == "NAC-2046");
    assert_eq!(replayed.count(), 2, "{decided:?}");
    let fresh = change(&client, &[0x56; 16], (OLD, NEW));
    assert_eq!(client.answer(&fresh).code, code::ACCESS_ACCEPT);
    ground.survived();
}

#[test]
fn a_new_password_that_is_cut_off_or_not_due_changes_nothing() {
    let ground = Ground::start();
    expired(&ground, "erin");
    let client = ground.client("127.0.0.1:0");
    let vendor = attribute::VENDOR_SPECIFIC;
    let whole = |client: &Exchange| change(client, &[0x57; 16], (OLD, NEW));
    // MS-CHAP-Challenge, MS-CHAP2-CPW, and three pieces of the password.
    for nth in 0..5 {
        let request = whole(&client).with_changed(vendor, nth, |_| None);
        assert_eq!(client.answer(&request).code, code::ACCESS_REJECT, "{nth}");
        for left in [0, 1, 3, 4, 15, 33] {
            let cut = |value: &[u8]| {
                let mut value = value[..6 + left.min(value.len() - 7)].to_vec();
                value[5] = u8::try_from(value.len() - 4).expect("a short value");
                Some(value)
            };
            let request = whole(&client).with_changed(vendor, nth, cut);
            let reply = client.answer(&request);
            assert_eq!(reply.code, code::ACCESS_REJECT, "{nth}: {left}");
        }
    }
    assert_eq!(pap(&client, "erin", NEW), code::ACCESS_REJECT);
    let never = ["user", "set", "erin", "--password-expires", "never"];
    ground.nac.command(&never);
    assert!(wait::until(SOON, || pap(&client, "erin", OLD) == code::ACCESS_ACCEPT));
    let reply = client.answer(&change(&client, &[0x58; 16], (OLD, NEW)));
    assert!(error(&reply).contains("E=691"));
    assert!(
        decided(&ground, "erin")
            .iter()
            .any(|code| code == "NAC-2045")
    );
    assert_eq!(pap(&client, "erin", OLD), code::ACCESS_ACCEPT);
    ground.survived();
}
