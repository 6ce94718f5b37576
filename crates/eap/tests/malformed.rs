//! Malformed, misplaced and lying packets: none may panic, pass, or keep a conversation alive.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use nac_eap::peer::{PeerMethod, PeerStep};
use nac_eap::{Conversation, Method, Step, TlsVersions};
use proptest::prelude::*;
use support::{Login, NOW, answer, peer_tls, pki, random, server_tls, settings_of, start_of_time};

const ALL: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];
const IDENTITY: u8 = 1;
const NAK: u8 = 3;
const TLS: u8 = 13;

fn begun() -> Conversation {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    Conversation::new(settings, start_of_time(), NOW, 1386, random())
}

/// A conversation that has proposed EAP-TLS, and the identifier of that request.
fn proposed() -> (Conversation, u8) {
    let mut conversation = begun();
    let step = conversation.receive(start_of_time(), &response(7, IDENTITY, b"alice"));
    let Step::Request(request) = step else {
        panic!("{step:?}")
    };
    assert_eq!(
        request,
        [1, 8, 0, 6, TLS, 0x20],
        "Start goes without a length"
    );
    (conversation, 8)
}

fn response(identifier: u8, eap_type: u8, data: &[u8]) -> Vec<u8> {
    let length = (5 + data.len()) as u16;
    let mut packet = vec![2, identifier];
    packet.extend(length.to_be_bytes());
    packet.push(eap_type);
    packet.extend(data);
    packet
}

/// What became of a packet: `request`, `ask`, `success`, or the code of the reason with a sign.
fn label(step: &Step) -> String {
    match step {
        Step::Request(_) => "request".to_owned(),
        Step::Ask(_) => "ask".to_owned(),
        Step::Success(_) => "success".to_owned(),
        Step::Failure { reason, .. } => format!("failure {}", reason.code),
        Step::Ignore(reason) => format!("ignore {}", reason.code),
    }
}

/// Sends type data of EAP-TLS, each packet answering the request before it.
fn check_tls(packets: &[&[u8]], expected: &str) {
    let (mut conversation, mut identifier) = proposed();
    let mut last = String::new();
    for data in packets {
        let step = conversation.receive(start_of_time(), &response(identifier, TLS, data));
        last = label(&step);
        if let Step::Request(request) = step {
            identifier = request[1];
        }
    }
    assert_eq!(last, expected, "{packets:?}");
}

#[test]
fn framing_that_lies_is_refused() {
    let lie = "failure EAP-1108";
    check_tls(&[&[0x80, 0, 0, 0, 0, 1]], lie);
    check_tls(&[&[0xc0, 0, 0, 0, 2, 1], &[0x40, 1, 1]], lie);
    check_tls(&[&[0xc0, 0, 0, 0, 2, 1], &[0x00, 1, 1]], lie);
    check_tls(&[&[0xc0, 0, 0, 0, 9, 1], &[0x00, 1, 1]], lie);
    check_tls(&[&[0x80, 0, 0, 0]], lie);
    check_tls(&[&[0x80, 0xff, 0xff, 0xff, 0xff, 1]], lie);
    check_tls(&[&[0xc0, 0, 1, 0, 1, 1]], lie);
    check_tls(&[&[0x40]], lie);
    check_tls(&[&[0x20, 1, 2, 3]], lie);
    check_tls(&[&[0x40, 22], &[0x40, 3], &[0x40]], lie);
}

#[test]
fn fragments_without_a_length_are_acknowledged() {
    check_tls(&[&[0x40, 22]], "request");
}

#[test]
fn an_empty_answer_to_the_start_ends_the_login() {
    check_tls(&[&[]], "failure EAP-1213");
    check_tls(&[&[0]], "failure EAP-1213");
    check_tls(&[&[0x80, 0, 0, 0, 0]], "failure EAP-1213");
}

#[test]
fn an_alert_as_the_first_message_is_understood() {
    check_tls(&[&[0, 21, 3, 1, 0, 2, 2, 48]], "failure EAP-1201");
    check_tls(&[&[0, 21, 3, 1, 0, 2, 2, 42]], "failure EAP-1209");
    check_tls(&[&[0, 21, 3, 1, 0, 2, 2, 45]], "failure EAP-1210");
    check_tls(&[&[0, 21, 3, 1, 0, 2, 2, 70]], "failure EAP-1211");
    check_tls(&[&[0, 21, 3, 1, 0, 2, 2, 49]], "failure EAP-1212");
    check_tls(&[&[0, 21, 3, 1, 0, 2, 2, 80]], "failure EAP-1202");
    // A warning ends nothing, but leads nowhere either.
    check_tls(&[&[0, 21, 3, 1, 0, 2, 1, 0], &[0]], "failure EAP-1213");
}

#[test]
fn garbage_in_place_of_tls_gets_an_alert_and_then_a_failure() {
    check_tls(&[b"\x00GET / HTTP/1.1\r\n"], "request");
    check_tls(&[b"\x00GET / HTTP/1.1\r\n", &[0]], "failure EAP-1208");
    check_tls(
        &[b"\x00GET / HTTP/1.1\r\n", &[0, 1, 2, 3]],
        "failure EAP-1208",
    );
}

#[test]
fn one_octet_at_a_time_ends_at_the_round_limit() {
    let (mut conversation, mut identifier) = proposed();
    for round in 1..50 {
        let step = conversation.receive(start_of_time(), &response(identifier, TLS, &[0x40, 22]));
        let Step::Request(request) = step else {
            panic!("{step:?} in round {round}")
        };
        identifier = request[1];
    }
    let step = conversation.receive(start_of_time(), &response(identifier, TLS, &[0x40, 22]));
    assert_eq!(label(&step), "failure EAP-1102");
    let step = conversation.receive(start_of_time(), &response(identifier, TLS, &[0x40, 22]));
    assert_eq!(label(&step), "ignore EAP-1003");
}

#[test]
fn sixty_four_kibibytes_are_the_end() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let mut settings = (*settings).clone();
    settings.max_rounds = 5000;
    let mut conversation = Conversation::new(settings.into(), start_of_time(), NOW, 1386, random());
    conversation.receive(start_of_time(), &response(7, IDENTITY, b"alice"));
    let mut fragment = vec![0x40];
    fragment.resize(1 + 1400, 0);
    let mut identifier = 8;
    let mut taken = 0;
    loop {
        match conversation.receive(start_of_time(), &response(identifier, TLS, &fragment)) {
            Step::Request(request) => identifier = request[1],
            Step::Failure { reason, .. } => {
                assert_eq!(reason.code, "EAP-1108");
                break;
            }
            other => panic!("{other:?}"),
        }
        taken += 1400;
        assert!(taken <= 64 * 1024);
    }
}

#[test]
fn data_in_place_of_an_acknowledgement_is_refused() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let tls = peer_tls(TlsVersions::Both, Some(&pki().client));
    let login = Login {
        eap_mtu: 300,
        ..Login::new(&settings, PeerMethod::Tls, &tls)
    };
    let (mut conversation, mut peer) = (login.conversation(), login.peer());
    let mut request = conversation.start();
    loop {
        if request[4] == TLS && request[5] & 0x40 != 0 {
            let data = response(request[1], TLS, &[0, 1, 2, 3]);
            let step = conversation.receive(start_of_time(), &data);
            assert_eq!(label(&step), "failure EAP-1108");
            return;
        }
        let PeerStep::Response(answer) = peer.receive(&request) else {
            panic!()
        };
        match conversation.receive(start_of_time(), &answer) {
            Step::Request(next) => request = next,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn packets_that_do_not_belong_are_ignored_and_the_login_goes_on() {
    let (mut conversation, identifier) = proposed();
    let mut check = |packet: &[u8], expected: &str| {
        let step = conversation.receive(start_of_time(), packet);
        assert_eq!(label(&step), expected, "{packet:?}");
    };
    for other in [7, 9, 10, 11, 0, 255] {
        check(&response(other, TLS, &[0, 1]), "ignore EAP-1001");
    }
    check(&response(7, IDENTITY, b"alice"), "ignore EAP-1001");
    check(&[3, identifier, 0, 4], "ignore EAP-1101");
    check(&[4, identifier, 0, 4], "ignore EAP-1101");
    check(&[9, identifier, 0, 5, TLS], "ignore EAP-1101");
    check(&response(identifier, 2, b""), "ignore EAP-1303");
    check(&response(identifier, 0, b""), "ignore EAP-1303");
    check(
        &response(identifier, TLS, b"\x00GET / HTTP/1.1\r\n"),
        "request",
    );
}

#[test]
fn the_sixth_malformed_packet_ends_the_login() {
    for packet in [
        &[][..],
        &[2],
        &[2, 8, 0],
        &[2, 8, 0, 0],
        &[2, 8, 0, 3, 13],
        &[2, 8, 0, 4],
        &[2, 8, 0, 5],
        &[2, 8, 255, 255, 13, 0],
        &[5, 8, 0, 5, 13],
        &[0, 8, 0, 5, 13],
    ] {
        let (mut conversation, _) = proposed();
        for _ in 0..5 {
            let step = conversation.receive(start_of_time(), packet);
            assert_eq!(label(&step), "ignore EAP-1101", "{packet:?}");
        }
        let step = conversation.receive(start_of_time(), packet);
        assert_eq!(label(&step), "failure EAP-1107", "{packet:?}");
    }
}

#[test]
fn stale_packets_do_not_keep_a_conversation_busy_for_ever() {
    let (mut conversation, _) = proposed();
    let mut ignored = 0;
    loop {
        match conversation.receive(start_of_time(), &response(7, IDENTITY, b"alice")) {
            Step::Ignore(_) => ignored += 1,
            Step::Failure { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ignored, 50);
}

#[test]
fn a_request_from_the_supplicant_ends_the_login() {
    let (mut conversation, identifier) = proposed();
    let step = conversation.receive(start_of_time(), &[1, identifier, 0, 5, IDENTITY]);
    assert_eq!(label(&step), "failure EAP-1104");
}

#[test]
fn a_conversation_begins_with_an_identity() {
    for (eap_type, data) in [(TLS, &[0, 1][..]), (NAK, &[25]), (2, b""), (254, b"")] {
        let step = begun().receive(start_of_time(), &response(1, eap_type, data));
        assert_eq!(label(&step), "failure EAP-1105");
    }
}

#[test]
fn identities_of_every_kind() {
    let check = |identity: &[u8], expected: Result<&str, &str>| {
        let mut conversation = begun();
        let step = conversation.receive(start_of_time(), &response(1, IDENTITY, identity));
        match expected {
            Ok(identity) => {
                assert_eq!(label(&step), "request");
                assert_eq!(conversation.outer_identity(), identity);
            }
            Err(code) => assert_eq!(label(&step), format!("failure {code}")),
        }
    };
    check(b"", Ok(""));
    check(b"@example.org", Ok("@example.org"));
    check("Zoë".as_bytes(), Ok("Zoë"));
    check(b"\xff\xfe", Ok("\u{fffd}\u{fffd}"));
    check(b"alice\0networkid=x", Ok("alice"));
    check(b"\0", Ok(""));
    check(&[b'a'; 253], Ok(&"a".repeat(253)));
    check(&[b'a'; 254], Err("EAP-1106"));
    check(&[b'a'; 4000], Err("EAP-1106"));
}

#[test]
fn naks_of_every_kind() {
    let check = |eap_type: u8, data: &[u8], expected: Result<u8, &str>| {
        let (mut conversation, identifier) = proposed();
        let step = conversation.receive(start_of_time(), &response(identifier, eap_type, data));
        match (step, expected) {
            (Step::Request(request), Ok(method)) => assert_eq!(request[4], method),
            (Step::Failure { reason, .. }, Err(wanted)) => {
                let sentence = format!(
                    "the supplicant wants {wanted}; offered: EAP-TLS, PEAP, EAP-TTLS, TEAP"
                );
                assert_eq!(reason.sentence, sentence);
                assert_eq!(reason.code, "EAP-1301");
            }
            (step, expected) => panic!("{step:?} {expected:?}"),
        }
    };
    check(NAK, &[25], Ok(25));
    check(NAK, &[21], Ok(21));
    check(NAK, &[52, 21, 25], Ok(25));
    let everything: Vec<u8> = (0..=255).collect();
    check(NAK, &everything, Ok(25));
    check(NAK, &[], Err("none of the methods on offer"));
    check(NAK, &[0], Err("none of the methods on offer"));
    check(NAK, &[52], Err("EAP-PWD"));
    check(NAK, &[52, 43], Err("EAP-PWD or EAP-FAST"));
    check(NAK, &[13], Err("EAP-TLS"));
    check(
        254,
        &[0, 0, 0, 0, 0, 0, 3, 254, 0, 0, 0, 0, 0, 0, 21],
        Ok(21),
    );
    check(
        254,
        &[0, 0, 0, 0, 0, 0, 3, 254, 0, 1, 0x37, 0, 0, 0, 9],
        Err("type 9 of vendor 311"),
    );
    check(
        254,
        &[0, 0, 0, 0, 0, 0, 3],
        Err("none of the methods on offer"),
    );
    check(
        254,
        &[0, 0, 0, 0, 0, 0, 3, 254, 0, 0],
        Err("none of the methods on offer"),
    );
    let (mut conversation, identifier) = proposed();
    for short in [&[][..], &[0, 0, 0], &[0, 0, 0, 0, 0, 0, 4]] {
        let step = conversation.receive(start_of_time(), &response(identifier, 254, short));
        assert_eq!(label(&step), "ignore EAP-1303");
    }
}

#[test]
fn a_nak_after_the_method_has_begun_is_ignored() {
    let (mut conversation, identifier) = proposed();
    let step = conversation.receive(start_of_time(), &response(identifier, TLS, &[0x40, 22]));
    let Step::Request(request) = step else {
        panic!("{step:?}")
    };
    let step = conversation.receive(start_of_time(), &response(request[1], NAK, &[25]));
    assert_eq!(label(&step), "ignore EAP-1004");
}

#[test]
fn methods_run_out_after_one_nak_each() {
    let (mut conversation, mut identifier) = proposed();
    for wanted in [25, 21, 55] {
        let step = conversation.receive(start_of_time(), &response(identifier, NAK, &[wanted]));
        let Step::Request(request) = step else {
            panic!("{step:?}")
        };
        identifier = request[1];
    }
    let step = conversation.receive(
        start_of_time(),
        &response(identifier, NAK, &[13, 25, 21, 55]),
    );
    assert_eq!(label(&step), "failure EAP-1301");
}

#[test]
fn a_client_hello_may_be_split_at_every_octet() {
    let settings = settings_of(&server_tls(TlsVersions::Only12), &ALL);
    let tls = peer_tls(TlsVersions::Only12, Some(&pki().client));
    let login = Login::new(&settings, PeerMethod::Tls, &tls);
    let hello = {
        let (mut conversation, mut peer) = (login.conversation(), login.peer());
        let PeerStep::Response(identity) = peer.receive(&conversation.start()) else {
            panic!()
        };
        let step = conversation.receive(start_of_time(), &identity);
        let Step::Request(start) = step else { panic!() };
        let PeerStep::Response(hello) = peer.receive(&start) else {
            panic!()
        };
        hello[6..].to_vec()
    };
    for at in 1..hello.len() {
        let (first, second) = hello.split_at(at);
        // As fragments with a length, as fragments without one, and as two whole messages.
        let length = (hello.len() as u32).to_be_bytes();
        for head in [[&[0xc0][..], &length].concat(), vec![0x40], vec![0x00]] {
            let first = [&head[..], first].concat();
            let second = [&[0x00][..], second].concat();
            check_tls(&[&first, &second], "request");
        }
    }
}

/// One login in which `damage` may alter each response. The server must not let in anybody else.
fn damaged_login(
    method: PeerMethod,
    versions: TlsVersions,
    mut damage: impl FnMut(usize, &mut Vec<u8>),
) {
    let settings = settings_of(&server_tls(versions), &ALL);
    let tls = peer_tls(versions, Some(&pki().client));
    let login = Login {
        eap_mtu: 700,
        ..Login::new(&settings, method, &tls)
    };
    let (mut conversation, mut peer) = (login.conversation(), login.peer());
    let mut request = conversation.start();
    for number in 0.. {
        let PeerStep::Response(mut packet) = peer.receive(&request) else {
            return;
        };
        damage(number, &mut packet);
        let mut step = conversation.receive(start_of_time(), &packet);
        while let Step::Ask(question) = step {
            step = conversation.resume(start_of_time(), answer(&question));
        }
        match step {
            Step::Request(next) => request = next,
            Step::Success(success) => {
                // By certificate it is whom that names; the identity beside it is a hint that anybody may alter (RFC 9190
                // section 2.2).
                match success.certificates.first() {
                    Some(leaf) => assert_eq!(leaf, &pki().client.0[0]),
                    None => assert_eq!(success.identity, "alice"),
                }
                assert_eq!(!success.certificates.is_empty(), method.by_certificate());
                return;
            }
            _ => return,
        }
    }
}

fn method() -> impl Strategy<Value = (PeerMethod, TlsVersions)> {
    let versions = [TlsVersions::Only12, TlsVersions::Only13];
    (
        proptest::sample::select(PeerMethod::ALL.to_vec()),
        proptest::sample::select(versions.to_vec()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_octets_never_panic_and_never_succeed(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40),
    ) {
        let mut conversation = begun();
        for packet in packets {
            let step = conversation.receive(start_of_time(), &packet);
            prop_assert!(!matches!(step, Step::Success(_) | Step::Ask(_)));
        }
        prop_assert_eq!(conversation.accept("")[0], 4);
    }

    #[test]
    fn arbitrary_responses_to_the_right_request_never_panic_and_never_succeed(
        responses in prop::collection::vec(
            (
                prop::sample::select(&[1_u8, 2, 3, 13, 21, 25, 26, 33, 55, 254][..]),
                prop::sample::select(&[0_u8, 0x01, 0x11, 0x20, 0x31, 0x40, 0x80, 0x91, 0xc0][..]),
                prop::collection::vec(any::<u8>(), 0..600),
            ),
            0..40,
        ),
        first in prop::collection::vec(any::<u8>(), 0..260),
    ) {
        let mut conversation = begun();
        let mut identifier = 1;
        let mut packets = vec![(IDENTITY, first)];
        packets.extend(responses.into_iter().map(|(eap_type, flags, mut data)| {
            data.insert(0, flags);
            (eap_type, data)
        }));
        for (eap_type, data) in packets {
            let packet = response(identifier, eap_type, &data);
            match conversation.receive(start_of_time(), &packet) {
                Step::Request(request) => identifier = request[1],
                Step::Success(_) | Step::Ask(_) => prop_assert!(false),
                Step::Failure { .. } => {
                    let again = conversation.receive(start_of_time(), &packet);
                    prop_assert!(matches!(again, Step::Ignore(_)));
                    break;
                }
                Step::Ignore(_) => {}
            }
        }
        prop_assert_eq!(conversation.accept("")[0], 4);
    }

    #[test]
    fn damaged_logins_let_nobody_else_in(
        (method, versions) in method(),
        at in 0_usize..16,
        offset in 0_usize..800,
        mask in 1_u8..,
        truncate in any::<bool>(),
    ) {
        damaged_login(method, versions, |number, packet| {
            if number == at {
                let offset = offset % packet.len();
                if truncate {
                    packet.truncate(offset);
                } else {
                    packet[offset] ^= mask;
                }
            }
        });
    }

    #[test]
    fn a_supplicant_survives_arbitrary_requests(
        requests in prop::collection::vec(
            (
                prop::sample::select(&[1_u8, 2, 3, 13, 21, 25, 26, 33, 55][..]),
                prop::sample::select(&[0_u8, 0x01, 0x11, 0x20, 0x31, 0x40, 0x80, 0x91, 0xc0][..]),
                prop::collection::vec(any::<u8>(), 0..200),
            ),
            0..20,
        ),
        (method, versions) in method(),
    ) {
        let settings = settings_of(&server_tls(versions), &ALL);
        let tls = peer_tls(versions, Some(&pki().client));
        let mut peer = Login::new(&settings, method, &tls).peer();
        for (identifier, (eap_type, flags, mut data)) in (0_u8..).zip(requests) {
            data.insert(0, flags);
            let mut request = response(identifier, eap_type, &data);
            request[0] = 1;
            prop_assert!(!matches!(peer.receive(&request), PeerStep::Success(_)));
        }
    }
}
