//! EAP-TTLS.

use super::{Client, Reply, VERSIONS};
use crate::method::avp;
use crate::mschapv2::{self, ChangePassword};
use crate::reason;
use crate::settings::Method;
use crate::support::{PASSWORD, server_tls, settings_of, start_of_time};
use crate::{Answer, InnerMethod, Question, Settings, Step, TlsVersions, keys, packet};

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
            (attributes(&[(0, avp::EAP_MESSAGE, &[])]), "EAP-1416"),
            (
                attributes(&[(0, avp::EAP_MESSAGE, &[1, 0, 0, 5, 1])]),
                "EAP-1416",
            ),
            (
                attributes(&[(0, avp::EAP_MESSAGE, &[2, 0, 0, 6, 1])]),
                "EAP-1416",
            ),
            (
                attributes(&[(0, avp::EAP_MESSAGE, &[2, 0, 0, 6, 26, 3])]),
                "EAP-1303",
            ),
            (
                attributes(&[name, (0, avp::CHAP_PASSWORD, &[0; 17])]),
                "EAP-1408",
            ),
            (
                attributes(&[name, (0, avp::CHAP_PASSWORD, &[0; 16])]),
                "EAP-1407",
            ),
            (
                attributes(&[name, (0, avp::CHAP_PASSWORD, &[])]),
                "EAP-1407",
            ),
            (
                attributes(&[name, (311, avp::MS_CHAP_RESPONSE, &[0; 50])]),
                "EAP-1408",
            ),
            (
                attributes(&[name, (311, avp::MS_CHAP_RESPONSE, &[0; 49])]),
                "EAP-1404",
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
        let hash = mschapv2::nt_hash(hashed);
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
fn ttls_takes_chap_and_ms_chap_of_this_session_only() {
    for versions in VERSIONS {
        let chap = |challenge: Option<[u8; 16]>, identifier: u8, length: usize| {
            let mut client = ttls(versions);
            let (real, real_identifier) = keys::ttls_challenge(&client.tls).unwrap();
            let mut password = vec![real_identifier ^ identifier];
            password.resize(length, 0);
            client.say(&attributes(&[
                (0, avp::USER_NAME, b"alice"),
                (0, avp::CHAP_CHALLENGE, &challenge.unwrap_or(real)),
                (0, avp::CHAP_PASSWORD, &password),
            ]))
        };
        assert_eq!(chap(None, 0, 17), Reply::Ask("alice".to_owned()));
        assert_eq!(chap(Some([1; 16]), 0, 17), Reply::Failure("EAP-1408"));
        assert_eq!(chap(None, 1, 17), Reply::Failure("EAP-1408"));
        assert_eq!(chap(None, 0, 16), Reply::Failure("EAP-1407"));
        assert_eq!(chap(None, 0, 18), Reply::Failure("EAP-1407"));

        let mschap = |challenge: Option<[u8; 8]>, flags: u8, length: usize| {
            let mut client = ttls(versions);
            let (real, identifier) = keys::ttls_short_challenge(&client.tls).unwrap();
            let mut response = vec![identifier, flags];
            response.resize(length, 7);
            client.say(&attributes(&[
                (0, avp::USER_NAME, b"alice"),
                (311, avp::MS_CHAP_CHALLENGE, &challenge.unwrap_or(real)),
                (311, avp::MS_CHAP_RESPONSE, &response),
            ]))
        };
        assert_eq!(mschap(None, 1, 50), Reply::Ask("alice".to_owned()));
        assert_eq!(mschap(Some([1; 8]), 1, 50), Reply::Failure("EAP-1408"));
        assert_eq!(mschap(None, 0, 50), Reply::Failure("EAP-1404"));
        assert_eq!(mschap(None, 1, 49), Reply::Failure("EAP-1404"));
    }
}

#[test]
fn ttls_refuses_an_inner_method_that_is_not_offered() {
    let name = (0, avp::USER_NAME, &b"alice"[..]);
    for (offered, said) in [
        (
            InnerMethod::Pap,
            attributes(&[name, (0, avp::CHAP_PASSWORD, &[0; 17])]),
        ),
        (
            InnerMethod::Pap,
            attributes(&[name, (311, avp::MS_CHAP_RESPONSE, &[0; 50])]),
        ),
        (
            InnerMethod::Pap,
            attributes(&[name, (311, avp::MS_CHAP2_RESPONSE, &[0; 50])]),
        ),
        (
            InnerMethod::Pap,
            attributes(&[(0, avp::EAP_MESSAGE, &[2, 0, 0, 5, 1])]),
        ),
        (
            InnerMethod::EapGtc,
            attributes(&[name, (0, avp::USER_PASSWORD, &[0; 16])]),
        ),
    ] {
        let settings = settings_of(&server_tls(TlsVersions::Only13), &[Method::Ttls]);
        let settings = Settings {
            inner_methods: vec![offered],
            ..(*settings).clone()
        };
        let (mut client, _) =
            Client::connect_to(settings.into(), Method::Ttls, TlsVersions::Only13);
        assert_eq!(client.say(&said), Reply::Failure("EAP-1406"));
    }
}

#[test]
fn ttls_takes_eap_that_answers_its_own_request() {
    let inside = |packet: &[u8]| attributes(&[(0, avp::EAP_MESSAGE, packet)]);
    for versions in VERSIONS {
        let challenged = || {
            let mut client = ttls(versions);
            // The identity in two attributes, as RADIUS would split it.
            let Reply::Inside(request) = client.say(&attributes(&[
                (0, avp::EAP_MESSAGE, &[2, 7, 0, 10, 1]),
                (0, avp::EAP_MESSAGE, b"alice"),
            ])) else {
                panic!()
            };
            let avps = avp::parse(&request).unwrap();
            let request = avp::eap_message(&avps).unwrap();
            assert_eq!(request[..2], [1, 8]);
            assert_eq!(request[4], 26);
            client
        };
        for (said, code) in [
            (vec![], "EAP-1109"),
            (vec![1, 2, 3], "EAP-1407"),
            (attributes(&[(0, avp::USER_NAME, b"alice")]), "EAP-1407"),
            (inside(&[2, 7, 0, 6, 3, 6]), "EAP-1416"),
            (inside(&[2, 9, 0, 6, 3, 6]), "EAP-1416"),
            (inside(&[1, 8, 0, 6, 3, 6]), "EAP-1416"),
            (inside(&[3, 8, 0, 4]), "EAP-1416"),
            (inside(&[2, 8, 0, 7, 3, 6]), "EAP-1416"),
            (inside(&[2, 8, 0, 6, 3, 4]), "EAP-1405"),
            (inside(&[2, 8, 0, 6, 26, 3]), "EAP-1404"),
            (
                inside(&[2, 8, 0, 10, 1, b'a', b'l', b'i', b'c', b'e']),
                "EAP-1303",
            ),
        ] {
            assert_eq!(challenged().say(&said), Reply::Failure(code), "{said:?}");
        }
        assert!(matches!(
            challenged().say(&inside(&[2, 8, 0, 6, 3, 6])),
            Reply::Inside(_)
        ));
    }
}

/// A login with a password that is right and expired, up to MS-CHAP-Error. Yields the challenge of that.
fn expired(versions: TlsVersions) -> (Client, [u8; 16]) {
    let mut client = ttls(versions);
    let (challenge, identifier) = keys::ttls_challenge(&client.tls).unwrap();
    let hash = mschapv2::nt_hash(PASSWORD);
    let response = mschapv2::nt_response(&hash, &challenge, &[3; 16], "alice");
    let response = [&[identifier, 0][..], &[3; 16], &[0; 8], &response].concat();
    let said = attributes(&[
        (0, avp::USER_NAME, b"alice"),
        (311, avp::MS_CHAP_CHALLENGE, &challenge),
        (311, avp::MS_CHAP2_RESPONSE, &response),
    ]);
    assert_eq!(client.say(&said), Reply::Ask("alice".to_owned()));
    let Reply::Inside(error) = client.resume(Answer::ExpiredNtHash {
        nt_hash: hash.into(),
        reason: reason::CREDENTIALS_MISSING.reason(),
    }) else {
        panic!("no MS-CHAP-Error")
    };
    let error = &avp::parse(&error).unwrap()[0];
    assert_eq!((error.vendor, error.code), (311, avp::MS_CHAP_ERROR));
    let given = mschapv2::expired_challenge(&error.data[1..]).unwrap();
    assert_ne!(given, challenge, "a challenge of its own");
    (client, given)
}

/// The attributes that change a password: MS-CHAP2-CPW, MS-CHAP-Challenge, and the pieces of the password.
fn change(old: &str, challenge: &[u8; 16]) -> Vec<(u32, u32, Vec<u8>)> {
    let padding = [9; mschapv2::ENCRYPTED_PASSWORD_LEN];
    let passwords = (old, "new");
    let change = ChangePassword::new(passwords, challenge, [4; 16], "alice", &padding).unwrap();
    let (cpw, pieces) = change.to_attributes(77);
    let pieces = pieces.into_iter();
    let mut all = vec![
        (311, avp::MS_CHAP2_CPW, cpw),
        (311, avp::MS_CHAP_CHALLENGE, challenge.to_vec()),
    ];
    all.extend(pieces.map(|piece| (311, avp::MS_CHAP_NT_ENC_PW, piece)));
    all
}

fn said(list: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
    let list: Vec<_> = list.iter().map(|(v, c, d)| (*v, *c, &d[..])).collect();
    attributes(&list)
}

#[test]
fn ttls_changes_an_expired_password_for_who_knows_it_and_answers_the_challenge_of_the_error() {
    for versions in VERSIONS {
        let (mut client, challenge) = expired(versions);
        let change_it = said(&change(PASSWORD, &challenge));
        assert_eq!(client.say(&change_it), Reply::Ask("alice".to_owned()));
        let Reply::Inside(success) = client.resume(Answer::Accepted) else {
            panic!("no MS-CHAP2-Success")
        };
        let success = &avp::parse(&success).unwrap()[0];
        assert_eq!(success.code, avp::MS_CHAP2_SUCCESS);
        assert_eq!(success.data[0], 77, "the Ident of the change");
        assert_eq!(client.say(&[]), Reply::Success("TTLS-MSCHAPv2"));

        let (mut silent, _) = expired(versions);
        assert_eq!(silent.say(&[]), Reply::Failure("EAP-1410"));
        let (mut thief, challenge) = expired(versions);
        let guessed = said(&change("wrong", &challenge));
        assert_eq!(thief.say(&guessed), Reply::Failure("EAP-1421"));
        let (mut replayed, _) = expired(versions);
        assert_eq!(replayed.say(&change_it), Reply::Failure("EAP-1408"));
        let (mut unasked, _) = Client::connect(Method::Ttls, versions);
        assert_eq!(unasked.say(&change_it), Reply::Failure("EAP-1407"));
    }
}

#[test]
fn ttls_refuses_a_change_that_is_cut_off_or_reuses_the_challenge_of_the_login() {
    let versions = TlsVersions::Only13;
    for without in 0..5 {
        let (mut client, challenge) = expired(versions);
        let mut list = change(PASSWORD, &challenge);
        list.remove(without);
        let Reply::Failure(code) = client.say(&said(&list)) else {
            panic!("taken without {without}")
        };
        assert!(
            ["EAP-1109", "EAP-1404", "EAP-1408"].contains(&code),
            "{code}"
        );
        let (mut client, challenge) = expired(versions);
        let mut list = change(PASSWORD, &challenge);
        list[without].2.pop();
        let Reply::Failure(code) = client.say(&said(&list)) else {
            panic!("taken with a cut in {without}")
        };
        assert!(["EAP-1404", "EAP-1408"].contains(&code), "{code}");
    }
    let (mut client, _) = expired(versions);
    let (of_the_login, _) = keys::ttls_challenge(&client.tls).unwrap();
    let reused = said(&change(PASSWORD, &of_the_login));
    assert_eq!(client.say(&reused), Reply::Failure("EAP-1408"));
}
