//! PEAP.

use super::{Client, Reply, VERSIONS};
use crate::fragment::Framing;
use crate::method::mschapv2;
use crate::method::peap::binding::{Binding, InnerKey, RESPONSE};
use crate::method::peap::tlv;
use crate::peer::PeerMethod;
use crate::settings::Method;
use crate::support::{
    Login, NOW, PASSWORD, answer, peer_tls, server_tls, settings_of, start_of_time,
};
use crate::{Answer, CryptoBinding, Question, Settings, Step, TlsVersions, packet};

/// PEAP up to the inner identity request.
fn peap(versions: TlsVersions) -> Client {
    let (mut client, mut first) = Client::connect(Method::Peap, versions);
    if versions == TlsVersions::Only12 {
        first = client.say(b"");
    }
    assert_eq!(first, Reply::Inside(vec![1]));
    client
}

/// PEAP up to the challenge; with it its identifier and octets.
fn peap_challenged(versions: TlsVersions) -> (Client, u8, [u8; 16]) {
    let mut client = peap(versions);
    let Reply::Inside(message) = client.say(b"\x01alice") else {
        panic!()
    };
    match mschapv2::Message::parse(&message[1..]).unwrap() {
        mschapv2::Message::Challenge {
            identifier,
            challenge,
        } => (client, identifier, challenge),
        other => panic!("{other:?}"),
    }
}

fn peap_response(identifier: u8, challenge: &[u8; 16], name: &str) -> Vec<u8> {
    let hash = crate::mschapv2::nt_hash(PASSWORD);
    let user = crate::mschapv2::account_name(name);
    let response = crate::mschapv2::nt_response(&hash, challenge, &[9; 16], user);
    let mut message = vec![26];
    message.extend(mschapv2::response(
        identifier,
        &[9; 16],
        &response,
        name.as_bytes(),
    ));
    message
}

fn result(success: bool) -> Vec<u8> {
    packet::response(3, 33, &tlv::result(success))
}

fn is_result(reply: &Reply, success: bool) -> bool {
    let Reply::Inside(message) = reply else {
        return false;
    };
    message[0] == 1 && message[4] == 33 && message[5..11] == tlv::result(success)
}

#[test]
fn peap_needs_an_identity_first() {
    for versions in VERSIONS {
        for (said, code) in [
            (&b""[..], "EAP-1109"),
            (b"\x00", "EAP-1303"),
            (b"\x03\x06", "EAP-1303"),
            (b"\x1a\x03", "EAP-1303"),
            (b"\xfe", "EAP-1303"),
            (&[&[1][..], &[b'a'; 254]].concat(), "EAP-1106"),
            (&result(true), "EAP-1303"),
        ] {
            assert_eq!(peap(versions).say(said), Reply::Failure(code), "{said:?}");
        }
    }
}

#[test]
fn peap_takes_only_a_well_formed_response_to_its_challenge() {
    for versions in VERSIONS {
        let good = {
            let (_, identifier, challenge) = peap_challenged(versions);
            peap_response(identifier, &challenge, "alice")
        };
        let with = |at: usize, value: u8| {
            let mut bad = good.clone();
            bad[at] = value;
            bad
        };
        for (said, code) in [
            (vec![26], "EAP-1404"),
            (vec![26, 3], "EAP-1404"),
            (vec![26, 4], "EAP-1404"),
            (vec![26, 1], "EAP-1404"),
            (vec![26, 7, 0, 0, 4], "EAP-1404"),
            (good[..good.len() - 1].to_vec(), "EAP-1404"),
            (with(2, good[2].wrapping_add(1)), "EAP-1404"),
            (with(4, 0), "EAP-1404"),
            (with(5, 255), "EAP-1404"),
            (result(true), "EAP-1303"),
            (b"\x01alice".to_vec(), "EAP-1303"),
            (vec![], "EAP-1109"),
        ] {
            let (mut client, ..) = peap_challenged(versions);
            assert_eq!(client.say(&said), Reply::Failure(code), "{said:?}");
        }
    }
}

#[test]
fn peap_tells_a_supplicant_that_wants_another_inner_method() {
    for versions in VERSIONS {
        for nak in [&b"\x03\x04"[..], b"\x03", b"\x03\x00", b"\x03\x1a"] {
            let (mut client, ..) = peap_challenged(versions);
            assert!(is_result(&client.say(nak), false));
            assert_eq!(client.say(&result(false)), Reply::Failure("EAP-1405"));
        }
    }
}

#[test]
fn peap_compares_the_name_with_the_identity() {
    for versions in VERSIONS {
        let (mut client, identifier, challenge) = peap_challenged(versions);
        let reply = client.say(&peap_response(identifier, &challenge, "bob"));
        assert!(is_result(&reply, false));
        assert_eq!(client.say(&result(false)), Reply::Failure("EAP-1403"));
        let (mut client, identifier, challenge) = peap_challenged(versions);
        let reply = client.say(&peap_response(identifier, &challenge, r"CORP\Alice"));
        assert_eq!(reply, Reply::Ask("alice".to_owned()));
    }
}

#[test]
fn peap_ends_only_with_both_results() {
    for versions in VERSIONS {
        let authenticated = || {
            let (mut client, identifier, challenge) = peap_challenged(versions);
            client.say(&peap_response(identifier, &challenge, "alice"));
            let hash = crate::mschapv2::nt_hash(PASSWORD);
            let Reply::Inside(message) = client.resume(Answer::NtHash(hash.into())) else {
                panic!()
            };
            assert_eq!(message[..2], [26, 3]);
            client
        };
        let mut client = authenticated();
        assert!(is_result(&client.say(&[26, 3]), true));
        assert_eq!(client.say(&result(true)), Reply::Success("PEAP-MSCHAPv2"));

        let mut client = authenticated();
        assert!(is_result(&client.say(&[26, 4]), false));
        assert_eq!(client.say(b""), Reply::Failure("EAP-1409"));

        for (said, code) in [
            (result(false), "EAP-1409"),
            (vec![], "EAP-1411"),
            (vec![33], "EAP-1411"),
            (packet::response(1, 33, &[]), "EAP-1411"),
            (packet::request(1, 33, &tlv::result(true)), "EAP-1411"),
            (packet::response(1, 26, &tlv::result(true)), "EAP-1411"),
            (packet::response(1, 33, &[0x80, 3, 0, 2, 0, 3]), "EAP-1411"),
        ] {
            let mut client = authenticated();
            client.say(&[26, 3]);
            assert_eq!(client.say(&said), Reply::Failure(code), "{said:?}");
        }

        for (said, code) in [
            (result(true), "EAP-1303"),
            (vec![26, 2], "EAP-1404"),
            (vec![], "EAP-1109"),
        ] {
            assert_eq!(authenticated().say(&said), Reply::Failure(code), "{said:?}");
        }
    }
}

/// PEAP up to the server's result, for a supplicant that is right; with it the MSK of the inner method.
fn peap_authenticated(
    versions: TlsVersions,
    crypto_binding: CryptoBinding,
) -> (Client, zeroize::Zeroizing<[u8; 32]>) {
    let settings = settings_of(&server_tls(versions), &[Method::Peap]);
    let settings = Settings {
        crypto_binding,
        ..(*settings).clone()
    };
    let (mut client, _) = Client::connect_to(settings.into(), Method::Peap, versions);
    if versions == TlsVersions::Only12 {
        client.say(b"");
    }
    let Reply::Inside(message) = client.say(b"\x01alice") else {
        panic!()
    };
    let mschapv2::Message::Challenge {
        identifier,
        challenge,
    } = mschapv2::Message::parse(&message[1..]).unwrap()
    else {
        panic!()
    };
    client.say(&peap_response(identifier, &challenge, "alice"));
    let hash = crate::mschapv2::nt_hash(PASSWORD);
    client.resume(Answer::NtHash(hash.into()));
    assert!(is_result(&client.say(&[26, 3]), true));
    let response = crate::mschapv2::nt_response(&hash, &challenge, &[9; 16], "alice");
    (client, crate::mschapv2::eap_msk(&hash, &response))
}

/// A result of success, and beside it a binding that `damage` may change.
fn bound(client: &Client, msk: &[u8; 32], damage: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let key = InnerKey::of(Some(msk));
    let binding = Binding::derive(&client.tls, &key).unwrap();
    let mut tlvs = tlv::result(true).to_vec();
    tlvs.extend(binding.tlv(RESPONSE, &[7; 32]));
    damage(&mut tlvs);
    packet::response(3, 33, &tlvs)
}

#[test]
fn peap_lets_nobody_in_whose_binding_is_wrong() {
    for versions in VERSIONS {
        for crypto_binding in [CryptoBinding::Optional, CryptoBinding::Required] {
            let say = |damage: &dyn Fn(&mut Vec<u8>)| {
                let (mut client, msk) = peap_authenticated(versions, crypto_binding);
                let said = bound(&client, &msk, damage);
                client.say(&said)
            };
            assert_eq!(say(&|_| {}), Reply::Success("PEAP-MSCHAPv2"));
            // The MAC, the nonce under it, the versions, and a reflected request.
            for at in [65, 20, 11, 12, 13] {
                let reply = say(&|tlvs: &mut Vec<u8>| tlvs[at] ^= 1);
                assert_eq!(reply, Reply::Failure("EAP-1414"), "octet {at}");
            }
            assert_eq!(
                say(&|tlvs: &mut Vec<u8>| tlvs.truncate(65)),
                Reply::Failure("EAP-1411")
            );
            let twice = |tlvs: &mut Vec<u8>| tlvs.extend_from_within(6..);
            assert_eq!(say(&twice), Reply::Failure("EAP-1411"));
            // Keys of another login, or none, are those of somebody in the middle.
            let (_, foreign) = peap_authenticated(versions, crypto_binding);
            for msk in [&*foreign, &[0; 32]] {
                let (mut client, _) = peap_authenticated(versions, crypto_binding);
                let said = bound(&client, msk, |_| {});
                assert_eq!(client.say(&said), Reply::Failure("EAP-1414"));
            }
            let (mut client, _) = peap_authenticated(versions, crypto_binding);
            let expected = match crypto_binding {
                CryptoBinding::Required => Reply::Failure("EAP-1415"),
                _ => Reply::Success("PEAP-MSCHAPv2"),
            };
            assert_eq!(client.say(&result(true)), expected);
        }
        // What was not asked for is not looked at.
        let (mut client, _) = peap_authenticated(versions, CryptoBinding::Off);
        let said = bound(&client, &[0; 32], |_| {});
        assert_eq!(client.say(&said), Reply::Success("PEAP-MSCHAPv2"));
    }
}

#[test]
fn peap_asks_for_a_password_by_gtc_and_takes_one_only() {
    for versions in VERSIONS {
        let prompted = || {
            let (mut client, ..) = peap_challenged(versions);
            let Reply::Inside(prompt) = client.say(b"\x03\x06") else {
                panic!()
            };
            assert_eq!(prompt[0], 6);
            client
        };
        assert_eq!(
            prompted().say(b"\x06secret"),
            Reply::Ask("alice".to_owned())
        );
        for said in [&b"\x06"[..], &[&[6][..], &[b'a'; 513]].concat()] {
            let mut client = prompted();
            assert!(is_result(&client.say(said), false), "{}", said.len());
            assert_eq!(client.say(b""), Reply::Failure("EAP-1418"));
        }
        // One that was refused before is not proposed again.
        let mut client = prompted();
        assert!(is_result(&client.say(b"\x03\x1a"), false));
        assert_eq!(client.say(b""), Reply::Failure("EAP-1405"));
        // A NAK after the method has begun is out of place.
        let (mut client, identifier, challenge) = peap_challenged(versions);
        client.say(&peap_response(identifier, &challenge, "alice"));
        let hash = crate::mschapv2::nt_hash(PASSWORD);
        client.resume(Answer::NtHash(hash.into()));
        assert_eq!(client.say(b"\x03\x06"), Reply::Failure("EAP-1303"));
        // A password that is only known as an NT hash.
        for (password, success) in [(PASSWORD, true), ("wrong", false)] {
            let mut client = prompted();
            client.say(&[b"\x06", password.as_bytes()].concat());
            let hash = crate::mschapv2::nt_hash(PASSWORD);
            let reply = client.resume(Answer::NtHash(hash.into()));
            assert!(is_result(&reply, success));
            let expected = match success {
                true => Reply::Success("PEAP-GTC"),
                false => Reply::Failure("EAP-1417"),
            };
            assert_eq!(client.say(&result(success)), expected);
        }
    }
}

#[test]
fn an_answer_that_does_not_fit_the_question_lets_nobody_in() {
    let (mut client, identifier, challenge) = peap_challenged(TlsVersions::Only13);
    client.say(&peap_response(identifier, &challenge, "alice"));
    let Reply::Inside(message) = client.resume(Answer::Accepted) else {
        panic!()
    };
    assert_eq!(message[..2], [26, 4]);
    let (mut client, identifier, challenge) = peap_challenged(TlsVersions::Only13);
    let step = client
        .conversation
        .resume(start_of_time(), Answer::Accepted);
    assert!(matches!(step, Step::Ignore(_)), "nothing was asked");
    let reply = client.say(&peap_response(identifier, &challenge, "alice"));
    assert_eq!(reply, Reply::Ask("alice".to_owned()));
}

#[test]
fn a_peap_supplicant_may_decline_to_resume() {
    for versions in VERSIONS {
        let settings = settings_of(&server_tls(versions), &[Method::Peap]);
        let tls = peer_tls(versions, None);
        let login = Login::new(&settings, PeerMethod::PeapMschapv2, &tls);
        assert!(!login.run().success().0.resumed);

        let mut conversation = login.conversation();
        let start = conversation.start();
        let identity = packet::response(start[1], 1, b"anonymous");
        let Step::Request(request) = conversation.receive(start_of_time(), &identity) else {
            panic!()
        };
        let mut client = Client {
            conversation,
            tls: tls.connect(NOW).unwrap(),
            framing: Framing::new(60_000),
            method: Method::Peap,
            identifier: request[1],
        };
        client.exchange();
        let reply = client.exchange();
        assert!(is_result(&reply, true), "{reply:?}");
        // It says failure: the server begins a whole login inside.
        assert_eq!(client.say(&result(false)), Reply::Inside(vec![1]));
        let Reply::Inside(message) = client.say(b"\x01alice") else {
            panic!()
        };
        let mschapv2::Message::Challenge {
            identifier,
            challenge,
        } = mschapv2::Message::parse(&message[1..]).unwrap()
        else {
            panic!()
        };
        client.say(&peap_response(identifier, &challenge, "alice"));
        let question = Question::NtHash {
            user: "alice".to_owned(),
        };
        client.resume(answer(&question));
        assert!(is_result(&client.say(&[26, 3]), true));
        let response = {
            client.tls.write(&result(true));
            let output = client.tls.output();
            let data = client.framing.send(output);
            packet::response(client.identifier, 25, &data)
        };
        match client.conversation.receive(start_of_time(), &response) {
            Step::Success(success) => assert!(!success.resumed),
            other => panic!("{other:?}"),
        }
    }
}
