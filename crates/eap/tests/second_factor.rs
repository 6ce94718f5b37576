//! A second factor in the tunnels: EAP-GTC asks for a code after the password (RFC 3748 section 5.6), and where there is room for one
//! answer only, the code stands right behind the password.

#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use nac_eap::peer::PeerMethod;
use nac_eap::{Answer, Method, Question, Step, TlsVersions};

use support::{CODE, Login, PASSWORD, Verdict, peer_tls, server_tls, settings_of, start_of_time};

const ALL: [Method; 3] = [Method::Peap, Method::Ttls, Method::Teap];

fn carol(method: PeerMethod, versions: TlsVersions) -> Login {
    let settings = settings_of(&server_tls(versions), &ALL);
    Login {
        identity: "carol",
        ..Login::new(&settings, method, &peer_tls(versions, None))
    }
}

#[test]
fn gtc_asks_for_the_password_and_then_for_the_code() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for method in [PeerMethod::PeapGtc, PeerMethod::TtlsEapGtc] {
            let login = Login {
                code: Some(CODE),
                ..carol(method, versions)
            };
            let outcome = login.run();
            assert_eq!(outcome.asked, 2);
            let (server, _) = outcome.success();
            assert!(server.second_factor, "{method:?}");
            assert_eq!(server.identity, "carol");
        }
    }
}

#[test]
fn a_wrong_code_is_refused_like_a_wrong_password() {
    for method in [PeerMethod::PeapGtc, PeerMethod::TtlsEapGtc] {
        let login = Login {
            code: Some("000000"),
            ..carol(method, TlsVersions::Both)
        };
        let outcome = login.run();
        assert_eq!(outcome.asked, 2);
        assert_eq!(outcome.codes().0, "ACC-1", "{method:?}");
    }
}

#[test]
fn the_code_may_stand_behind_the_password_in_every_method_that_sends_one() {
    let with_code: &'static str = [PASSWORD, CODE].concat().leak();
    for method in [
        PeerMethod::PeapGtc,
        PeerMethod::TtlsEapGtc,
        PeerMethod::TtlsPap,
        PeerMethod::TeapPap,
    ] {
        let login = Login {
            password: with_code,
            ..carol(method, TlsVersions::Both)
        };
        let outcome = login.run();
        assert_eq!(outcome.asked, 1, "{method:?}");
        assert!(outcome.success().0.second_factor, "{method:?}");
    }
}

#[test]
fn a_method_with_room_for_one_answer_does_not_say_that_it_can_ask() {
    for method in [PeerMethod::TtlsPap, PeerMethod::TeapPap] {
        let outcome = carol(method, TlsVersions::Both).run();
        assert_eq!(outcome.asked, 1);
        assert_eq!(outcome.codes().0, "ACC-1", "{method:?}");
    }
}

#[test]
fn who_has_no_app_is_asked_for_nothing_and_said_to_have_shown_none() {
    let login = Login {
        identity: "alice",
        ..carol(PeerMethod::PeapGtc, TlsVersions::Both)
    };
    let outcome = login.run();
    assert_eq!(outcome.asked, 1);
    assert!(!outcome.success().0.second_factor);
}

#[test]
fn a_resumed_session_still_knows_whether_a_code_was_checked() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for (identity, second_factor) in [("carol", true), ("alice", false)] {
            let login = Login {
                identity,
                code: Some(CODE),
                ..carol(PeerMethod::PeapGtc, versions)
            };
            assert!(!login.run().success().0.resumed);
            let (server, _) = login.run().success();
            assert!(server.resumed);
            assert_eq!(server.second_factor, second_factor, "{versions:?}");
        }
    }
}

#[test]
fn a_session_whose_login_was_refused_for_want_of_a_code_resumes_nothing() {
    let login = Login {
        verdict: Verdict::Refuse,
        ..Login {
            identity: "alice",
            ..carol(PeerMethod::PeapGtc, TlsVersions::Only13)
        }
    };
    assert!(login.run().peer.is_some_and(|peer| peer.is_err()));
    let again = Login {
        verdict: Verdict::Accept,
        ..login
    };
    assert!(!again.run().success().0.resumed);
}

#[test]
fn a_code_is_no_answer_where_none_was_asked_for() {
    let login = carol(PeerMethod::TtlsPap, TlsVersions::Both);
    let (mut conversation, mut peer) = (login.conversation(), login.peer());
    let mut to_peer = conversation.start();
    let step = loop {
        let nac_eap::peer::PeerStep::Response(response) = peer.receive(&to_peer) else {
            panic!("the supplicant ended");
        };
        match conversation.receive(start_of_time(), &response) {
            Step::Request(request) => to_peer = request,
            Step::Ask(Question::Password { .. }) => {
                break conversation.resume(start_of_time(), Answer::CodeNeeded);
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(step, Step::Failure { .. }), "{step:?}");
}
