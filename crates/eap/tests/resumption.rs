//! What a TLS session may be used for again, and what kills it.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use nac_eap::peer::PeerMethod;
use nac_eap::{InnerMethod, Method, ServerTls, Settings, TlsVersions};
use support::{LIFETIME_S, Login, NOW, Verdict, copy, peer_tls, pki, server_tls, settings_of};

const ALL: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];
const METHODS: [PeerMethod; 14] = PeerMethod::ALL;
const VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];

/// Runs a test for each method and TLS version, with a fresh server and a fresh supplicant.
fn each(methods: &[PeerMethod], test: impl Fn(&dyn Fn() -> Login, &ServerTls)) {
    for versions in VERSIONS {
        for method in methods {
            let server = server_tls(versions);
            let settings = settings_of(&server, &ALL);
            let tls = peer_tls(versions, Some(&pki().client));
            test(&|| Login::new(&settings, *method, &tls), &server);
        }
    }
}

#[track_caller]
fn resumed(login: Login) -> bool {
    login.run().success().0.resumed
}

#[test]
fn a_ticket_from_an_unfinished_authentication_resumes_nothing() {
    let passwords = METHODS.map(|method| (!method.by_certificate()).then_some(method));
    let passwords: Vec<PeerMethod> = passwords.into_iter().flatten().collect();
    each(&passwords, |login, _| {
        // TLS is complete and its session in the supplicant's hands; the password is wrong.
        assert!(
            Login {
                password: "wrong",
                ..login()
            }
            .run()
            .server
            .is_err()
        );
        let outcome = login().run();
        assert_eq!(outcome.asked, 1);
        assert!(!outcome.success().0.resumed);
    });
}

#[test]
fn a_login_that_nobody_accepted_resumes_nothing() {
    for verdict in [Verdict::Refuse, Verdict::Vanish] {
        each(&METHODS, |login, _| {
            assert!(Login { verdict, ..login() }.run().server.is_ok());
            assert!(!resumed(login()));
        });
    }
}

#[test]
fn refusing_a_resumed_login_kills_the_session() {
    each(&METHODS, |login, _| {
        assert!(!resumed(login()));
        assert!(
            Login {
                verdict: Verdict::Refuse,
                ..login()
            }
            .run()
            .server
            .unwrap()
            .resumed
        );
        assert!(!resumed(login()));
        assert!(resumed(login()));
    });
}

#[test]
fn sessions_do_not_cross_methods() {
    for versions in VERSIONS {
        let settings = settings_of(&server_tls(versions), &ALL);
        let tls = peer_tls(versions, Some(&pki().client));
        for (first, second) in [
            (PeerMethod::PeapMschapv2, PeerMethod::TtlsPap),
            (PeerMethod::TtlsPap, PeerMethod::Tls),
            (PeerMethod::Tls, PeerMethod::PeapMschapv2),
            (PeerMethod::PeapMschapv2, PeerMethod::Tls),
            (PeerMethod::TeapMschapv2, PeerMethod::TtlsPap),
            (PeerMethod::PeapMschapv2, PeerMethod::TeapMschapv2),
        ] {
            Login::new(&settings, first, &tls).run().success();
            let second = Login::new(&settings, second, &tls);
            assert!(!resumed(second), "{versions:?} {first:?}");
        }
    }
}

#[test]
fn a_session_is_worth_nothing_where_what_it_stems_from_is_not_offered() {
    for versions in VERSIONS {
        for (method, narrowed) in [
            (PeerMethod::PeapMschapv2, InnerMethod::EapGtc),
            (PeerMethod::TtlsPap, InnerMethod::EapTls),
            (PeerMethod::TtlsMschapv2, InnerMethod::EapMschapv2),
            (PeerMethod::TeapMschapv2, InnerMethod::EapTls),
        ] {
            let settings = settings_of(&server_tls(versions), &ALL);
            let narrow = Arc::new(Settings {
                inner_methods: vec![narrowed],
                ..Settings::clone(&settings)
            });
            let tls = peer_tls(versions, Some(&pki().client));
            assert!(!resumed(Login::new(&settings, method, &tls)));
            assert!(resumed(Login::new(&settings, method, &tls)));
            let refused = Login::new(&narrow, method, &tls).run();
            assert_eq!(refused.server.unwrap_err().code, "EAP-1502", "{method:?}");
            // The session is gone with it.
            assert!(!resumed(Login::new(&settings, method, &tls)));
        }
    }
}

#[test]
fn a_new_certificate_or_ca_starts_without_sessions() {
    for versions in VERSIONS {
        let tls = peer_tls(versions, Some(&pki().client));
        for _ in 0..2 {
            let settings = settings_of(&server_tls(versions), &ALL);
            assert!(!resumed(Login::new(&settings, PeerMethod::Tls, &tls)));
        }
    }
}

#[test]
fn forgotten_sessions_are_not_resumed() {
    each(&METHODS, |login, server| {
        assert!(!resumed(login()));
        server.forget_sessions();
        assert!(!resumed(login()));
        assert!(resumed(login()));
    });
}

#[test]
fn a_chain_of_resumptions_ends_with_the_lifetime_of_the_first_login() {
    each(&METHODS, |login, _| {
        let at = |seconds: u64| {
            resumed(Login {
                unix_time: NOW + Duration::from_secs(seconds),
                ..login()
            })
        };
        assert!(!at(0));
        assert!(at(LIFETIME_S / 2));
        assert!(at(LIFETIME_S - 1));
        assert!(!at(LIFETIME_S));
        assert!(at(LIFETIME_S + 1));
    });
}

#[test]
fn a_lifetime_of_zero_turns_resumption_off() {
    for versions in VERSIONS {
        let (chain, key) = copy(&pki().server);
        let ca = vec![pki().authority.certificate()];
        let server = ServerTls::new(chain, key, ca, versions, 0).unwrap();
        let settings = settings_of(&server.into(), &ALL);
        let tls = peer_tls(versions, Some(&pki().client));
        for method in METHODS {
            for _ in 0..2 {
                assert!(!resumed(Login::new(&settings, method, &tls)));
            }
        }
    }
}

#[test]
fn a_certificate_that_expired_meanwhile_ends_a_resumed_login() {
    for versions in VERSIONS {
        for method in [
            PeerMethod::Tls,
            PeerMethod::PeapTls,
            PeerMethod::TtlsEapTls,
            PeerMethod::TeapTls,
        ] {
            let settings = settings_of(&server_tls(versions), &ALL);
            let tls = peer_tls(versions, Some(&pki().short_client));
            let at = |hours: u64| Login {
                unix_time: NOW + Duration::from_secs(hours * 3600),
                ..Login::new(&settings, method, &tls)
            };
            assert!(!resumed(at(22)));
            assert!(resumed(at(23)));
            assert_eq!(at(25).run().server.unwrap_err().code, "EAP-1501");
            // The session is dead, and the full login says the same.
            assert_eq!(at(25).run().server.unwrap_err().code, "EAP-1204");
        }
    }
}

#[test]
fn a_resumed_session_brings_the_same_certificate() {
    let by_certificate = [
        PeerMethod::Tls,
        PeerMethod::PeapTls,
        PeerMethod::TtlsEapTls,
        PeerMethod::TeapTls,
    ];
    each(&by_certificate, |login, _| {
        let (first, _) = login().run().success();
        let (second, _) = login().run().success();
        assert!(second.resumed && second.by_certificate);
        assert_eq!(first.certificates, second.certificates);
        assert_eq!(first.certificates, pki().client.0);
    });
}

#[test]
fn a_superfluous_expired_certificate_costs_resumption_but_no_login() {
    for versions in VERSIONS {
        let settings = settings_of(&server_tls(versions), &ALL);
        let (mut chain, key) = copy(&pki().client);
        chain.extend(pki().expired_client.0.clone());
        let tls = peer_tls(versions, Some(&(chain, key)));
        for _ in 0..3 {
            assert!(!resumed(Login::new(&settings, PeerMethod::Tls, &tls)));
        }
    }
}

#[test]
fn who_only_knows_the_id_of_a_session_cannot_kill_it() {
    use nac_eap::Step;
    use nac_eap::peer::PeerStep;
    use support::start_of_time;

    // On TLS 1.2 the id is sent in the clear. Somebody repeats the victim's ClientHello.
    let settings = settings_of(&server_tls(TlsVersions::Only12), &ALL);
    let tls = peer_tls(TlsVersions::Only12, Some(&pki().client));
    let victim = || Login::new(&settings, PeerMethod::Tls, &tls);
    assert!(!resumed(victim()));
    let (mut conversation, mut peer) = (victim().conversation(), victim().peer());
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
    // The Finished is what the thief cannot make.
    let garbage = [2, request[1], 0, 10, 13, 0, 22, 3, 3, 0];
    conversation.receive(start_of_time(), &garbage);
    conversation.refuse();
    assert!(resumed(victim()));
}
