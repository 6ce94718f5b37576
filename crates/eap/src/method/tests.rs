//! What a supplicant may say inside the tunnel, sent by one that says anything.

use super::avp;
use super::mschapv2;
use super::peap::result_tlv;
use crate::fragment::{ACKNOWLEDGEMENT, Framing, Inbound};
use crate::peer::PeerMethod;
use crate::settings::Method;
use crate::support::{
    Login, NOW, PASSWORD, answer, peer_tls, pki, server_tls, settings_of, start_of_time,
};
use crate::tls::Tls;
use crate::{Answer, Conversation, Question, Step, TlsVersions, keys, packet};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];

/// A TLS client that puts arbitrary octets into the tunnel.
struct Client {
    conversation: Conversation,
    tls: Tls,
    framing: Framing,
    method: Method,
    identifier: u8,
}

/// A step of the server, with what came through the tunnel.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Inside(Vec<u8>),
    Ask(String),
    Success(&'static str),
    Failure(&'static str),
}

impl Client {
    /// Logs in up to the point where the tunnel stands. Yields what the server says first in it.
    fn connect(method: Method, versions: TlsVersions) -> (Self, Reply) {
        let settings = settings_of(&server_tls(versions), &[method]);
        let tls = peer_tls(versions, Some(&pki().client));
        let login = Login::new(&settings, PeerMethod::Tls, &tls);
        let mut conversation = login.conversation();
        let start = conversation.start();
        let tls = tls.connect(NOW).unwrap();
        let framing = Framing::new(60_000);
        let mut client = Self {
            conversation,
            tls,
            framing,
            method,
            identifier: start[1],
        };
        let identity = packet::response(client.identifier, 1, b"anonymous");
        let Step::Request(request) = client.conversation.receive(start_of_time(), &identity) else {
            panic!()
        };
        client.identifier = request[1];
        let mut reply = client.exchange();
        while client.tls.is_handshaking() {
            reply = client.exchange();
        }
        if client.tls.version() == crate::tls::Version::Tls13 {
            // Our Finished.
            reply = client.exchange();
        }
        (client, reply)
    }

    fn say(&mut self, inside: &[u8]) -> Reply {
        if !inside.is_empty() {
            self.tls.write(inside);
        }
        self.exchange()
    }

    /// Sends what TLS has to send, which may be nothing.
    fn exchange(&mut self) -> Reply {
        let output = self.tls.output();
        let mut data = self.framing.send(output);
        loop {
            let response = packet::response(self.identifier, self.method.type_number(), &data);
            let step = self.conversation.receive(start_of_time(), &response);
            let Step::Request(request) = step else {
                return self.reply(step);
            };
            self.identifier = request[1];
            match self.framing.receive(&request[5..]).unwrap() {
                Inbound::Fragment => data = ACKNOWLEDGEMENT.to_vec(),
                Inbound::Message(message) => return self.read(&message),
                other => panic!("{other:?}"),
            }
        }
    }

    fn read(&mut self, message: &[u8]) -> Reply {
        Reply::Inside(self.tls.feed(message).unwrap().to_vec())
    }

    fn reply(&mut self, step: Step) -> Reply {
        match step {
            Step::Request(request) => {
                self.identifier = request[1];
                match self.framing.receive(&request[5..]).unwrap() {
                    Inbound::Message(message) => self.read(&message),
                    other => panic!("{other:?}"),
                }
            }
            Step::Ask(Question::NtHash { user } | Question::Password { user, .. }) => {
                Reply::Ask(user)
            }
            Step::Success(success) => Reply::Success(success.method),
            Step::Failure { reason, .. } => Reply::Failure(reason.code),
            Step::Ignore(reason) => panic!("{reason}"),
        }
    }

    fn resume(&mut self, answer: Answer) -> Reply {
        let step = self.conversation.resume(start_of_time(), answer);
        self.reply(step)
    }
}

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
    packet::response(3, 33, &result_tlv(success))
}

fn is_result(reply: &Reply, success: bool) -> bool {
    let Reply::Inside(message) = reply else {
        return false;
    };
    message[0] == 1 && message[4] == 33 && message[5..] == result_tlv(success)
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
        for nak in [&b"\x03\x06"[..], b"\x03", b"\x03\x00"] {
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
            (packet::request(1, 33, &result_tlv(true)), "EAP-1411"),
            (packet::response(1, 26, &result_tlv(true)), "EAP-1411"),
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

fn ttls(versions: TlsVersions) -> Client {
    Client::connect(Method::Ttls, versions).0
}

fn attributes(list: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (vendor, code, data) in list {
        avp::push(&mut message, *vendor, *code, data);
    }
    message
}

#[test]
fn ttls_refuses_what_it_does_not_serve_and_what_is_malformed() {
    let name = (0, avp::USER_NAME, &b"alice"[..]);
    let long = [b'a'; 254];
    for versions in VERSIONS {
        for (said, code) in [
            (vec![], "EAP-1410"),
            (vec![1], "EAP-1407"),
            (attributes(&[name])[..9].to_vec(), "EAP-1407"),
            (vec![0, 0, 0, 1, 0x40, 0xff, 0xff, 0xff], "EAP-1407"),
            (vec![0, 0, 0, 1, 0x40, 0, 0, 0], "EAP-1407"),
            (attributes(&[name, (0, 4242, b"x")]), "EAP-1407"),
            (attributes(&[name, (99, 1, b"x")]), "EAP-1407"),
            (
                attributes(&[(0, avp::EAP_MESSAGE, &[2, 0, 0, 5, 1])]),
                "EAP-1406",
            ),
            (
                attributes(&[name, (0, avp::CHAP_PASSWORD, &[0; 17])]),
                "EAP-1406",
            ),
            (
                attributes(&[name, (311, avp::MS_CHAP_RESPONSE, &[0; 50])]),
                "EAP-1406",
            ),
            (attributes(&[name]), "EAP-1410"),
            (attributes(&[(0, avp::USER_PASSWORD, &[0; 16])]), "EAP-1410"),
            (attributes(&[(0, avp::USER_NAME, &long)]), "EAP-1106"),
        ] {
            assert_eq!(ttls(versions).say(&said), Reply::Failure(code), "{said:?}");
        }
    }
}

#[test]
fn ttls_strips_only_the_padding_of_a_password() {
    for (sent, expected) in [
        (&b"secret\0\0\0\0\0\0\0\0\0\0"[..], &b"secret"[..]),
        (b"sec\0ret\0", b"sec\0ret"),
        (b"0123456789abcdef", b"0123456789abcdef"),
        (&[0; 16], b""),
        (b"", b""),
    ] {
        let mut client = ttls(TlsVersions::Only13);
        let said = attributes(&[(0, avp::USER_NAME, b"alice"), (0, avp::USER_PASSWORD, sent)]);
        client.tls.write(&said);
        let output = client.tls.output();
        let data = client.framing.send(output);
        let response = packet::response(client.identifier, 21, &data);
        match client.conversation.receive(start_of_time(), &response) {
            Step::Ask(Question::Password { password, .. }) => assert_eq!(*password, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn ttls_pap_is_checked_against_an_nt_hash_as_well() {
    for (hashed, expected) in [
        (PASSWORD, Reply::Success("TTLS-PAP")),
        ("other", Reply::Failure("EAP-1402")),
    ] {
        let mut client = ttls(TlsVersions::Only12);
        let said = attributes(&[
            (0, avp::USER_NAME, b"alice"),
            (0, avp::USER_PASSWORD, PASSWORD.as_bytes()),
        ]);
        assert_eq!(client.say(&said), Reply::Ask("alice".to_owned()));
        let hash = crate::mschapv2::nt_hash(hashed);
        assert_eq!(client.resume(Answer::NtHash(hash.into())), expected);
    }
}

#[test]
fn ttls_takes_no_response_of_another_session() {
    for versions in VERSIONS {
        let response = |identifier: u8| {
            let mut response = vec![identifier, 0];
            response.extend([7; 48]);
            response
        };
        let say = |challenge: Option<[u8; 16]>, identifier: Option<u8>, cut: usize| {
            let mut client = ttls(versions);
            let (real, real_identifier) = keys::ttls_challenge(&client.tls).unwrap();
            let challenge = challenge.unwrap_or(real);
            let response = response(identifier.unwrap_or(real_identifier));
            client.say(&attributes(&[
                (0, avp::USER_NAME, b"alice"),
                (311, avp::MS_CHAP_CHALLENGE, &challenge),
                (311, avp::MS_CHAP2_RESPONSE, &response[..cut]),
            ]))
        };
        assert_eq!(say(None, None, 50), Reply::Ask("alice".to_owned()));
        assert_eq!(say(Some([1; 16]), None, 50), Reply::Failure("EAP-1408"));
        assert_eq!(say(None, None, 49), Reply::Failure("EAP-1404"));
        assert_eq!(say(None, None, 0), Reply::Failure("EAP-1404"));
    }
}

#[test]
fn eap_tls_has_no_place_for_application_data() {
    for versions in VERSIONS {
        let (mut client, _) = Client::connect(Method::Tls, versions);
        assert_eq!(client.say(b"hello"), Reply::Failure("EAP-1109"));
    }
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
