//! Answers that are lost, and packets that somebody recorded (RFC 5080 section 2.2.2): asked again late, under another Identifier or
//! from another port, a login is the same login, and no old packet takes a live session out of anybody's sight.

use std::time::Duration;

use nac_eap::peer::PeerMethod;
use nac_test_support::exchange::{Exchange, fresh_authenticator};
use nac_test_support::supplicant::{Asked, Profile, recorded};
use nac_test_support::wire::{Packet, Request, attribute, code, eap_response};
use nac_test_support::{cast, wait};

use crate::ground::{Ground, expect_silence, pap, read_only};

/// Longer than Cisco IOS waits before it asks again.
const LATE: Duration = Duration::from_millis(6_500);

fn ttls(ground: &Ground, station: u8) -> Profile {
    Profile {
        mac: [2, 0, 0, 0, 0x17, station],
        ..ground.profile(PeerMethod::TtlsPap)
    }
}

/// A whole login of EAP-TTLS, of which the server knows a live session then.
fn log_in(ground: &Ground, client: &Exchange, station: u8, session: &str) -> Vec<Asked> {
    let (login, asked) = recorded(client, &ttls(ground, station), session, usize::MAX);
    assert!(login.expect("it is not broken off").is_accepted());
    assert_eq!(live(ground, session), 1);
    asked
}

/// How many live sessions of this name there are, once everything so far is written down.
fn live(ground: &Ground, session: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM session WHERE acct_session_id = ?1 AND stopped_us IS NULL";
    count(ground, sql, session)
}

fn decided(ground: &Ground, station: u8) -> i64 {
    let mac = format!("02:00:00:00:17:{station:02x}");
    count(ground, "SELECT COUNT(*) FROM decision WHERE mac = ?1", &mac)
}

fn records(ground: &Ground, session: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM accounting WHERE acct_session_id = ?1";
    count(ground, sql, session)
}

fn count(ground: &Ground, sql: &str, of: &str) -> i64 {
    // What was decided later is written down later.
    ground.decisions("");
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let number = database.query_row(sql, [of], |row| row.get(0));
    number.expect("a number")
}

fn parsed(octets: &[u8]) -> Packet {
    Packet::parse(octets).expect("a packet")
}

#[test]
fn the_last_request_of_a_login_is_one_decision_and_one_accept_from_wherever_it_comes() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.1:0");
    let asked = log_in(ground, &client, 1, "replay-accept");
    let Asked { request, reply } = asked.last().expect("the last one");
    let octets = request.bytes();
    let keys = |reply: &Packet, octets: &[u8]| {
        reply.session_keys(&Request::authenticator(octets), cast::SECRET)
    };
    let right = keys(reply, &octets);
    assert_eq!(right.len(), 2);
    for copy in 0..100 {
        let again = ground.client("127.17.0.1:0").ask(&octets);
        let again = again.unwrap_or_else(|| panic!("no answer to copy {copy}"));
        assert_eq!(again.bytes, reply.bytes, "copy {copy}");
    }
    for identifier in [200, 201] {
        let anew = request.again(identifier, fresh_authenticator());
        let again = ground.client("127.17.0.2:0").answer(&anew);
        assert_eq!(again.code, code::ACCESS_ACCEPT);
        assert_eq!(again.first(attribute::CLASS), reply.first(attribute::CLASS));
        assert_eq!(again.eap(), reply.eap());
        assert_eq!(again.vlan(), reply.vlan());
        let octets = anew.bytes();
        assert_eq!(
            keys(&again, &octets),
            right,
            "the keys are the supplicant's"
        );
        let signed = again.message_authenticator(&octets, cast::SECRET);
        assert_eq!(signed, Some(true));
    }
    assert_eq!(decided(ground, 1), 1);
    assert_eq!(live(ground, "replay-accept"), 1);
    ground.survived();
}

#[test]
fn a_message_in_the_middle_gets_its_answer_again_until_the_next_one_came() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.3:0");
    let (login, asked) = recorded(&client, &ttls(ground, 3), "replay-middle", 4);
    assert!(login.is_none(), "it is broken off");
    let [.., former, last] = &asked[..] else {
        panic!("too few requests")
    };
    for port in 0..3_u8 {
        let anew = last.request.again(100 + port, fresh_authenticator());
        let again = ground.client("127.17.0.3:0").answer(&anew);
        assert_eq!(again.code, code::ACCESS_CHALLENGE);
        assert_eq!(again.eap(), last.reply.eap());
        let state = |reply: &Packet| reply.first(attribute::STATE).map(Vec::from);
        assert_eq!(state(&again), state(&last.reply));
    }
    // The supplicant has gone on from there, so its answer has come.
    let anew = former.request.again(110, fresh_authenticator());
    expect_silence(&client, &anew.bytes());
    // Other words with a State that is spent.
    let other = last
        .request
        .again(111, fresh_authenticator())
        .without(attribute::EAP_MESSAGE)
        .with_eap(&eap_response(last.reply.eap()[1], 3, &[25]));
    expect_silence(&client, &other.bytes());
    ground.survived();
}

#[test]
fn a_message_before_a_method_gets_its_answer_again_too() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.4:0");
    let begun = crate::eap::Talk::begin(&client);
    let nak = client
        .request(code::ACCESS_REQUEST, 50)
        .with_message_authenticator()
        .with(attribute::STATE, begun.state().expect("a State"))
        .with_eap(&eap_response(begun.identifier(), 3, &[25]));
    let first = client.answer(&nak);
    assert_eq!(first.eap()[4], 25, "PEAP is proposed");
    let anew = nak.again(51, fresh_authenticator());
    let again = ground.client("127.17.0.4:0").answer(&anew);
    assert_eq!(again.eap(), first.eap());
    assert_eq!(again.all(attribute::STATE), first.all(attribute::STATE));
    ground.survived();
}

#[test]
fn a_state_that_is_spent_or_unknown_ends_no_session() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.5:0");
    let asked = log_in(ground, &client, 5, "replay-state");
    let last = &asked.last().expect("the last one").request;
    let other_words = eap_response(9, 21, &[0]);
    let changed = |identifier| {
        let anew = last.again(identifier, fresh_authenticator());
        anew.without(attribute::EAP_MESSAGE)
    };
    let spent = changed(120).with_eap(&other_words);
    let unknown = changed(121)
        .without(attribute::STATE)
        .with(attribute::STATE, [7; 16])
        .with_eap(&other_words);
    let none = changed(122)
        .without(attribute::STATE)
        .with_eap(&other_words);
    for request in [spent, unknown, none] {
        assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
    }
    // Of the packets before the last one, recorded as they were.
    for asked in &asked[1..asked.len() - 1] {
        client.send(&asked.request.again(130, fresh_authenticator()).bytes());
        let _ = client.receive(Duration::from_millis(300));
    }
    assert_eq!(live(ground, "replay-state"), 1);
    ground.survived();
}

#[test]
fn a_recorded_refusal_ends_no_later_session_and_a_refusal_now_does() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.6:0");
    log_in(ground, &client, 6, "replay-refusal");
    // The station authenticates again, and fails.
    let wrong = Profile {
        password: "forgotten".to_owned(),
        ..ttls(ground, 6)
    };
    let (login, refused) = recorded(&client, &wrong, "replay-refusal", usize::MAX);
    assert!(!login.expect("it is not broken off").is_accepted());
    assert_eq!(live(ground, "replay-refusal"), 0, "it is off the network");

    log_in(ground, &client, 6, "replay-refusal");
    let failing = refused.last().expect("the last one");
    let before = decided(ground, 6);
    for identifier in 0..3 {
        let stranger = ground.client("127.17.0.6:0");
        let octets = failing.request.bytes();
        let again = stranger.ask(&octets).expect("an answer");
        assert_eq!(again.bytes, failing.reply.bytes);
        let anew = failing.request.again(identifier, fresh_authenticator());
        assert_eq!(stranger.answer(&anew).code, code::ACCESS_REJECT);
    }
    assert_eq!(decided(ground, 6), before, "nothing is decided twice");
    assert_eq!(live(ground, "replay-refusal"), 1);
    ground.survived();
}

#[test]
fn a_recorded_password_that_was_wrong_ends_no_session() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.7:0");
    log_in(ground, &client, 7, "replay-password");
    let of_station = |identifier: u8| {
        client
            .access_request(identifier, "nobody-here")
            .with(attribute::CALLING_STATION_ID, "02-00-00-00-17-07")
            .with(attribute::NAS_PORT_TYPE, 15_u32.to_be_bytes())
            .with(attribute::ACCT_SESSION_ID, "replay-password")
    };
    let wrong = of_station(1).with_password("wrong").bytes();
    let empty = of_station(2).bytes();
    for _ in 0..3 {
        for octets in [&wrong, &empty] {
            let reply = ground.client("127.17.0.7:0").ask(octets);
            assert_eq!(reply.expect("an answer").code, code::ACCESS_REJECT);
        }
    }
    assert_eq!(live(ground, "replay-password"), 1);
    ground.survived();
}

#[test]
fn a_mac_that_is_not_let_in_does_not_end_the_session_of_who_logged_in() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.8:0");
    let mac = "02:00:00:00:17:08";
    ground.nac.command(&["device", "add", mac]);
    log_in(ground, &client, 8, "replay-mac");
    // A switch that tries MAC authentication first, or beside 802.1X; or somebody who recorded that.
    let bypass = |identifier: u8| {
        client
            .access_request(identifier, "020000001708")
            .with(attribute::SERVICE_TYPE, 10_u32.to_be_bytes())
            .with(attribute::CALLING_STATION_ID, "02-00-00-00-17-08")
            .with(attribute::NAS_PORT_TYPE, 15_u32.to_be_bytes())
            .with(attribute::ACCT_SESSION_ID, "replay-mac")
            .with_password("020000001708")
    };
    let refused = wait::until(crate::ground::SOON, || {
        client.answer(&bypass(1)).code == code::ACCESS_REJECT
    });
    assert!(refused, "a known device without a label is let in nowhere");
    log_in(ground, &client, 8, "replay-mac");
    assert_eq!(client.answer(&bypass(2)).code, code::ACCESS_REJECT);
    assert_eq!(live(ground, "replay-mac"), 1);
    ground.survived();
}

#[test]
fn the_same_octets_get_the_same_answer_when_they_come_late() {
    let ground = Ground::shared();
    let client = ground.client("127.17.0.9:0");
    let asked = log_in(ground, &client, 9, "replay-late");
    let accept = asked.last().expect("the last one");
    let other = ground.client("127.17.0.9:0");
    let (_, half) = recorded(&other, &ttls(ground, 10), "replay-late-half", 3);
    let challenge = half.last().expect("the last one");
    let login = pap(&client, 240, true).with(attribute::CALLING_STATION_ID, "02-00-00-00-17-0b");
    let password = client.answer(&login);
    assert_eq!(password.code, code::ACCESS_ACCEPT);
    let accounting = Exchange::from("127.17.0.9:0", ground.nac.acct, cast::SECRET);
    let record = record(&accounting, 1, "replay-late-record");
    let stored = accounting.answer(&record);

    wait::pause(LATE);
    for (client, request, reply) in [
        (&client, &accept.request, &accept.reply),
        (&other, &challenge.request, &challenge.reply),
        (&client, &login, &password),
    ] {
        let again = client.ask(&request.bytes()).expect("an answer again");
        assert_eq!(again.bytes, reply.bytes);
    }
    let again = accounting.ask(&record.bytes()).expect("an answer again");
    assert_eq!(again.bytes, stored.bytes);
    assert_eq!(records(ground, "replay-late-record"), 1);
    assert_eq!((decided(ground, 9), decided(ground, 11)), (1, 1));
    assert_eq!(live(ground, "replay-late"), 1);
    ground.survived();
}

fn record(client: &Exchange, identifier: u8, session: &str) -> Request {
    client
        .request(code::ACCOUNTING_REQUEST, identifier)
        .with(attribute::ACCT_STATUS_TYPE, 3_u32.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, session)
        .with(attribute::EVENT_TIMESTAMP, 1_790_000_000_u32.to_be_bytes())
}

#[test]
fn a_record_that_a_nas_sends_again_with_its_delay_is_stored_once() {
    let ground = Ground::shared();
    let client = Exchange::from("127.17.0.12:0", ground.nac.acct, cast::SECRET);
    let delayed = |identifier, seconds: u32, session| {
        record(&client, identifier, session).with(attribute::ACCT_DELAY_TIME, seconds.to_be_bytes())
    };
    let send = |request: &Request| {
        let reply = client.answer(request);
        assert_eq!(reply.code, code::ACCOUNTING_RESPONSE);
        parsed(&reply.bytes)
    };
    send(&delayed(1, 0, "replay-delay"));
    for (identifier, seconds) in [(2, 5), (3, 10), (4, 15)] {
        send(&delayed(identifier, seconds, "replay-delay"));
    }
    assert_eq!(records(ground, "replay-delay"), 1);
    // One that says nothing new otherwise, but not that it is late.
    send(&record(&client, 5, "replay-twice"));
    send(&record(&client, 6, "replay-twice"));
    assert_eq!(records(ground, "replay-twice"), 2);
    // Another time is another event.
    let another = delayed(7, 5, "replay-delay")
        .without(attribute::EVENT_TIMESTAMP)
        .with(attribute::EVENT_TIMESTAMP, 1_790_000_060_u32.to_be_bytes());
    send(&another);
    assert_eq!(records(ground, "replay-delay"), 2);
    ground.survived();
}
