//! Logins that must fail, and the reasons that both sides give.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use nac_eap::peer::{PeerMethod, PeerStep, PeerTls};
use nac_eap::{
    Conversation, CryptoBinding, InnerMethod, Method, ServerTls, Settings, Step, TlsVersions,
};
use support::{
    LIFETIME_S, Login, NOW, copy, peer_tls, pki, random, server_tls, settings_of, start_of_time,
};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];
const ALL: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];

#[test]
fn a_wrong_password_fails() {
    for versions in VERSIONS {
        for (method, server, peer) in [
            (PeerMethod::PeapMschapv2, "EAP-1401", "EAP-1908"),
            (PeerMethod::PeapGtc, "ACC-1", "EAP-1904"),
            (PeerMethod::TtlsPap, "ACC-1", "EAP-1904"),
            (PeerMethod::TtlsChap, "ACC-1", "EAP-1904"),
            (PeerMethod::TtlsMschap, "EAP-1419", "EAP-1904"),
            (PeerMethod::TtlsMschapv2, "EAP-1401", "EAP-1904"),
            (PeerMethod::TtlsEapMschapv2, "EAP-1401", "EAP-1908"),
            (PeerMethod::TtlsEapGtc, "ACC-1", "EAP-1904"),
            (PeerMethod::TeapMschapv2, "EAP-1401", "EAP-1908"),
            (PeerMethod::TeapPap, "ACC-1", "EAP-1904"),
        ] {
            let settings = settings_of(&server_tls(versions), &ALL);
            let tls = peer_tls(versions, None);
            let login = Login {
                password: "wrong",
                ..Login::new(&settings, method, &tls)
            };
            assert_eq!(login.run().codes(), (server, peer), "{method:?}");
        }
    }
}

#[test]
fn a_wrong_password_is_known_before_the_supplicant_acknowledges_it() {
    for method in [PeerMethod::PeapMschapv2, PeerMethod::TtlsEapMschapv2] {
        for password in ["wrong", support::PASSWORD] {
            let settings = settings_of(&server_tls(TlsVersions::Both), &[method.outer()]);
            let login = Login {
                password,
                ..Login::new(&settings, method, &peer_tls(TlsVersions::Both, None))
            };
            let (mut conversation, mut peer) = (login.conversation(), login.peer());
            let mut to_peer = conversation.start();
            let mut asked = false;
            while let PeerStep::Response(response) = peer.receive(&to_peer) {
                let step = conversation.receive(start_of_time(), &response);
                assert_eq!(conversation.refusal(), None, "{method:?}");
                let Step::Ask(question) = step else {
                    let Step::Request(request) = step else { break };
                    to_peer = request;
                    continue;
                };
                let step = conversation.resume(start_of_time(), support::answer(&question));
                assert!(matches!(step, Step::Request(_)), "{step:?}");
                let refusal = conversation.refusal().map(|reason| reason.code);
                let expected = (password == "wrong").then_some("EAP-1401");
                assert_eq!(refusal, expected, "{method:?}");
                asked = true;
                break;
            }
            assert!(asked, "{method:?}");
        }
    }
}

#[test]
fn an_unknown_user_fails_like_a_wrong_password() {
    let passwords = PeerMethod::ALL.map(|method| (method, method.by_certificate()));
    for (method, _) in passwords.iter().filter(|(_, certificate)| !certificate) {
        let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
        let tls = peer_tls(TlsVersions::Both, None);
        let wrong = Login {
            password: "wrong",
            ..Login::new(&settings, *method, &tls)
        };
        let unknown = Login {
            identity: "bob",
            ..Login::new(&settings, *method, &tls)
        };
        let (wrong, unknown) = (wrong.run(), unknown.run());
        assert_eq!(wrong.responses, unknown.responses);
        let (_, told) = wrong.codes();
        assert_eq!(unknown.codes(), ("ACC-1", told));
    }
}

#[test]
fn a_supplicant_that_does_not_trust_the_server_says_so() {
    for versions in VERSIONS {
        for method in [
            PeerMethod::Tls,
            PeerMethod::PeapMschapv2,
            PeerMethod::TtlsPap,
        ] {
            let settings = settings_of(&server_tls(versions), &ALL);
            let ca = vec![pki().other_authority.certificate()];
            let identity = Some(copy(&pki().client));
            let tls = Arc::new(PeerTls::new(ca, None, identity, versions).unwrap());
            let outcome = Login::new(&settings, method, &tls).run();
            assert!(
                outcome
                    .server
                    .as_ref()
                    .unwrap_err()
                    .sentence
                    .contains("unknown_ca")
            );
            assert_eq!(outcome.codes(), ("EAP-1201", "EAP-1901"));
        }
    }
}

#[test]
fn the_server_name_is_checked_when_one_is_given() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let login = |name: &str| {
        let ca = vec![pki().authority.certificate()];
        let tls = PeerTls::new(ca, Some(name.to_owned()), None, TlsVersions::Both).unwrap();
        Login::new(&settings, PeerMethod::TtlsPap, &Arc::new(tls)).run()
    };
    login("radius.example.org").success();
    assert_eq!(login("evil.example.org").codes(), ("EAP-1209", "EAP-1901"));
}

#[test]
fn a_client_certificate_must_serve_for_clients() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let tls = peer_tls(TlsVersions::Both, Some(&pki().server));
    let outcome = Login::new(&settings, PeerMethod::Tls, &tls).run();
    assert_eq!(outcome.codes(), ("EAP-1216", "EAP-1902"));
}

#[test]
fn client_certificates_that_are_absent_expired_or_foreign_are_told_apart() {
    for versions in VERSIONS {
        for (identity, code) in [
            (None, "EAP-1203"),
            (Some(&pki().expired_client), "EAP-1204"),
            (Some(&pki().foreign_client), "EAP-1205"),
        ] {
            let settings = settings_of(&server_tls(versions), &ALL);
            let tls = peer_tls(versions, identity);
            let outcome = Login::new(&settings, PeerMethod::Tls, &tls).run();
            // The server's alert reached the supplicant before the EAP-Failure.
            assert_eq!(outcome.codes(), (code, "EAP-1902"), "{versions:?}");
        }
    }
}

#[test]
fn without_a_common_tls_version_nobody_logs_in() {
    for (server, peer) in [
        (TlsVersions::Only13, TlsVersions::Only12),
        (TlsVersions::Only12, TlsVersions::Only13),
    ] {
        let settings = settings_of(&server_tls(server), &ALL);
        let outcome = Login::new(&settings, PeerMethod::TtlsPap, &peer_tls(peer, None)).run();
        assert_eq!(outcome.codes(), ("EAP-1206", "EAP-1902"));
    }
}

#[test]
fn a_supplicant_that_wants_another_method_is_named_what_is_offered() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &[Method::Tls, Method::Ttls]);
    let tls = peer_tls(TlsVersions::Both, None);
    let outcome = Login::new(&settings, PeerMethod::PeapMschapv2, &tls).run();
    let reason = outcome.server.as_ref().unwrap_err();
    assert_eq!(
        reason.sentence,
        "the supplicant wants PEAP; offered: EAP-TLS, EAP-TTLS"
    );
    assert_eq!(outcome.codes(), ("EAP-1301", "EAP-1910"));
}

#[test]
fn eap_tls_is_not_offered_without_a_client_ca() {
    let (chain, key) = copy(&pki().server);
    let tls = ServerTls::new(chain, key, Vec::new(), TlsVersions::Both, LIFETIME_S).unwrap();
    assert!(!tls.serves(Method::Tls));
    let tls = Arc::new(tls);
    let peer = peer_tls(TlsVersions::Both, Some(&pki().client));
    let outcome = Login::new(&settings_of(&tls, &ALL), PeerMethod::Tls, &peer).run();
    let reason = outcome.server.as_ref().unwrap_err();
    assert_eq!(
        reason.sentence,
        "the supplicant wants EAP-TLS; offered: PEAP, EAP-TTLS, TEAP"
    );
    let outcome = Login::new(&settings_of(&tls, &[Method::Tls]), PeerMethod::Tls, &peer).run();
    assert_eq!(outcome.server.unwrap_err().code, "EAP-1302");
}

#[test]
fn a_key_that_does_not_fit_the_certificate_is_refused_at_set_up() {
    let (chain, _) = copy(&pki().server);
    let (_, key) = copy(&pki().client);
    assert!(ServerTls::new(chain, key, Vec::new(), TlsVersions::Both, 0).is_err());
    let (chain, key) = copy(&pki().server);
    let garbage = vec![vec![1, 2, 3].into()];
    let error = ServerTls::new(chain, key, garbage, TlsVersions::Both, 0).unwrap_err();
    assert!(error.to_string().contains("number 1"), "{error}");
}

#[test]
fn a_supplicant_that_falls_silent_is_given_up() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let login = Login::new(
        &settings,
        PeerMethod::Tls,
        &peer_tls(TlsVersions::Both, None),
    );
    let (mut conversation, mut peer) = (login.conversation(), login.peer());
    let PeerStep::Response(response) = peer.receive(&conversation.start()) else {
        panic!()
    };
    let late = start_of_time() + Duration::from_secs(61);
    let Step::Failure { packet, reason } = conversation.receive(late, &response) else {
        panic!()
    };
    assert_eq!(reason.code, "EAP-1103");
    assert_eq!(packet, [4, response[1], 0, 4]);
}

#[test]
fn a_login_of_too_many_rounds_is_given_up() {
    let settings = Settings {
        inner_methods: InnerMethod::ALL.to_vec(),
        crypto_binding: CryptoBinding::Optional,
        methods: vec![Method::Tls],
        tls: server_tls(TlsVersions::Both),
        max_rounds: 6,
        timeout: Duration::from_secs(60),
    };
    let tls = peer_tls(TlsVersions::Both, Some(&pki().client));
    let login = Login {
        eap_mtu: 100,
        ..Login::new(&Arc::new(settings), PeerMethod::Tls, &tls)
    };
    let outcome = login.run();
    assert_eq!(outcome.responses, 6);
    assert_eq!(outcome.codes(), ("EAP-1102", "EAP-1904"));
}

#[test]
fn a_supplicant_refuses_a_success_that_comes_too_early() {
    for method in [
        PeerMethod::Tls,
        PeerMethod::PeapMschapv2,
        PeerMethod::TtlsPap,
    ] {
        for versions in VERSIONS {
            let settings = settings_of(&server_tls(versions), &ALL);
            let tls = peer_tls(versions, Some(&pki().client));
            let login = Login::new(&settings, method, &tls);
            // EAP-Success in place of the n-th request.
            for forged in 0..4 {
                let (mut conversation, mut peer) = (login.conversation(), login.peer());
                let mut request = conversation.start();
                for _ in 0..forged {
                    let PeerStep::Response(response) = peer.receive(&request) else {
                        panic!()
                    };
                    match conversation.receive(start_of_time(), &response) {
                        Step::Request(next) => request = next,
                        other => panic!("{other:?}"),
                    }
                }
                let success = [3, request[1], 0, 4];
                let PeerStep::Failure(reason) = peer.receive(&success) else {
                    panic!()
                };
                assert_eq!(reason.code, "EAP-1905", "{method:?} {versions:?} {forged}");
            }
        }
    }
}

#[test]
fn accept_before_success_is_a_failure() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let mut conversation = Conversation::new(settings, start_of_time(), NOW, 1020, random());
    let request = conversation.start();
    assert_eq!(conversation.last_request(), Some(&request[..]));
    assert_eq!(conversation.accept(""), [4, request[1], 0, 4]);
    assert_eq!(conversation.last_request(), None);
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let tls = peer_tls(TlsVersions::Both, None);
    let login = Login::new(&settings, PeerMethod::TtlsPap, &tls);
    let outcome = login.run();
    let msk = outcome.peer.as_ref().unwrap().as_ref().unwrap().msk;
    let text = format!("{outcome:?} {settings:?} {:?}", login.peer());
    assert!(!text.contains(support::PASSWORD));
    assert!(!text.contains(&format!("{:?}", &msk[..4])[1..10]));
}

#[test]
fn of_a_supplicant_that_falls_silent_it_is_known_what_it_was_sent_last() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    let login = Login {
        eap_mtu: 1400,
        ..Login::new(
            &settings,
            PeerMethod::PeapMschapv2,
            &peer_tls(TlsVersions::Only12, None),
        )
    };
    let (mut conversation, mut peer) = (login.conversation(), login.peer());
    let mut said = Vec::new();
    let mut request = conversation.start();
    while let PeerStep::Response(response) = peer.receive(&request) {
        let reason = conversation.unanswered().unwrap();
        assert_eq!(reason.code, "EAP-1111");
        said.push(reason.sentence);
        match conversation.receive(start_of_time(), &response) {
            Step::Request(next) => request = next,
            Step::Ask(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(conversation.unanswered(), None, "it is this server's turn");
    let sent = |words: &str| said.iter().any(|sentence| sentence.contains(words));
    for words in [
        "the request for its identity (round trip 1)",
        "the proposal of ",
        "this server's certificate (",
        "a message inside the TLS tunnel (",
    ] {
        assert!(sent(words), "{words}: {said:#?}");
    }
}

#[test]
fn a_refusal_that_nobody_acknowledges_is_known_by_its_own_code() {
    for (method, code) in [
        (PeerMethod::PeapMschapv2, "EAP-1401"),
        (PeerMethod::PeapGtc, "ACC-1"),
        (PeerMethod::TtlsEapMschapv2, "EAP-1401"),
        (PeerMethod::TeapMschapv2, "EAP-1401"),
        (PeerMethod::TeapPap, "ACC-1"),
    ] {
        let settings = settings_of(&server_tls(TlsVersions::Both), &[method.outer()]);
        let login = Login {
            password: "wrong",
            ..Login::new(&settings, method, &peer_tls(TlsVersions::Both, None))
        };
        let (mut conversation, mut peer) = (login.conversation(), login.peer());
        let mut request = conversation.start();
        let mut last = None;
        while let PeerStep::Response(response) = peer.receive(&request) {
            last = conversation.unanswered();
            let mut step = conversation.receive(start_of_time(), &response);
            while let Step::Ask(question) = step {
                step = conversation.resume(start_of_time(), support::answer(&question));
            }
            let Step::Request(next) = step else { break };
            request = next;
        }
        assert_eq!(last.map(|reason| reason.code), Some(code), "{method:?}");
    }
    // TLS says it by an alert.
    let settings = settings_of(&server_tls(TlsVersions::Only13), &[Method::Peap]);
    let old = peer_tls(TlsVersions::Only12, None);
    let login = Login::new(&settings, PeerMethod::PeapMschapv2, &old);
    let (mut conversation, mut peer) = (login.conversation(), login.peer());
    let mut request = conversation.start();
    for _ in 0..2 {
        let PeerStep::Response(response) = peer.receive(&request) else {
            panic!()
        };
        let Step::Request(next) = conversation.receive(start_of_time(), &response) else {
            panic!()
        };
        request = next;
    }
    assert_eq!(conversation.unanswered().unwrap().code, "EAP-1206");
}
