//! Who exists is told to nobody: not by the answer, and not by the time that it takes.

use std::time::{Duration, Instant};

use nac_eap::peer::PeerMethod;
use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Profile, log_in};
use nac_test_support::wire::{Packet, attribute, code};

use crate::ground::Ground;

/// A wrong password for somebody, and how long the answer took.
fn guess(client: &Exchange, name: &str, count: u8) -> (Packet, Duration) {
    let request = client
        .request(code::ACCESS_REQUEST, count)
        .with_message_authenticator()
        .with(attribute::USER_NAME, name)
        .with_password(&format!("not the password {count}"));
    let began = Instant::now();
    let reply = client.answer(&request);
    (reply, began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What the answer consists of. The octets of signatures and random values are never the same.
fn shape(reply: &Packet) -> (u8, Vec<(u8, usize)>) {
    let attributes = reply.attributes.iter();
    let attributes = attributes.map(|(number, value)| (*number, value.len()));
    (reply.code, attributes.collect())
}

#[test]
fn an_unknown_user_gets_the_same_answer_after_the_same_work_as_a_known_one() {
    // More than these are not looked at within a minute.
    const EACH: u8 = 15;
    let ground = &Ground::start();
    ground.nac.command(&[
        "user",
        "add",
        "keyless",
        "--group",
        "staff",
        "--no-password",
    ]);
    let client = ground.client("127.14.0.1:0");
    let (mut known, mut keyless, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for count in 0..EACH {
        let (one, time) = guess(&client, cast::USER, 3 * count);
        known.push(time);
        let (another, time) = guess(&client, "keyless", 3 * count + 1);
        keyless.push(time);
        let (nobody, time) = guess(&client, "ghost", 3 * count + 2);
        unknown.push(time);
        assert_eq!(one.code, code::ACCESS_REJECT);
        assert_eq!(shape(&one), shape(&nobody));
        assert_eq!(shape(&one), shape(&another));
    }
    // The work of a check is milliseconds; without it an answer takes a small part of one. So a wide margin, which a busy machine does not
    // leave, tells them apart.
    let known = median(known);
    for (whose, times) in [("nobody", unknown), ("a user without a password", keyless)] {
        let median = median(times);
        assert!(
            median * 3 > known && median < known * 3,
            "{known:?} for a user, {median:?} for {whose}"
        );
    }
}

#[test]
fn inside_a_tunnel_an_unknown_user_fails_after_as_many_rounds_as_a_known_one() {
    let ground = Ground::shared();
    for method in [
        PeerMethod::PeapMschapv2,
        PeerMethod::PeapGtc,
        PeerMethod::TtlsPap,
        PeerMethod::TtlsMschapv2,
        PeerMethod::TeapMschapv2,
    ] {
        let attempt = |name: &str, source: &str| {
            let profile = Profile {
                identity: name.to_owned(),
                password: "not the password".to_owned(),
                ..ground.profile(method)
            };
            let login = log_in(&ground.client(source), &profile);
            (login.rounds, shape(&login.reply))
        };
        let known = attempt(cast::USER, "127.14.0.2:0");
        assert_eq!(known.1.0, code::ACCESS_REJECT, "{method:?}");
        assert_eq!(attempt("ghost", "127.14.0.3:0"), known, "{method:?}");
    }
    ground.survived();
}
