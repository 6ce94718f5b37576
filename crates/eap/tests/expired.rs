//! An expired password is changed inside the tunnel (RFC 2759 sections 6 and 7).
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use nac_eap::peer::PeerMethod;
use nac_eap::{Method, TlsVersions};

use support::{Login, peer_tls, server_tls, settings_of};

const CARRYING: [PeerMethod; 3] = [
    PeerMethod::PeapMschapv2,
    PeerMethod::TtlsEapMschapv2,
    PeerMethod::TtlsMschapv2,
];

fn dave(method: PeerMethod, versions: TlsVersions) -> Login {
    let settings = settings_of(
        &server_tls(versions),
        &[Method::Peap, Method::Ttls, Method::Teap],
    );
    Login {
        identity: "dave",
        ..Login::new(&settings, method, &peer_tls(versions, None))
    }
}

#[test]
fn a_new_password_lets_its_user_in_with_its_own_keys() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for method in CARRYING {
            for new in ["neues Paßwort", "four", &"x".repeat(256)] {
                let login = Login {
                    new_password: Some(new.to_owned().leak()),
                    ..dave(method, versions)
                };
                let outcome = login.run();
                assert_eq!(outcome.asked, 2, "{method:?}");
                let (server, _) = outcome.success();
                assert_eq!(server.identity, "dave");
            }
        }
    }
}

#[test]
fn who_chooses_none_is_refused_because_the_old_one_is_expired() {
    for method in CARRYING
        .into_iter()
        .chain([PeerMethod::TtlsMschap, PeerMethod::TeapMschapv2])
    {
        let outcome = dave(method, TlsVersions::Both).run();
        assert_eq!(outcome.asked, 1);
        assert_eq!(outcome.codes().0, "ACC-2", "{method:?}");
    }
}

#[test]
fn a_new_password_that_is_not_taken_lets_nobody_in() {
    for method in CARRYING {
        let login = Login {
            new_password: Some("abc"),
            ..dave(method, TlsVersions::Both)
        };
        let outcome = login.run();
        assert_eq!(outcome.asked, 2);
        assert_eq!(outcome.codes().0, "ACC-3", "{method:?}");
    }
}

#[test]
fn who_does_not_know_the_old_password_changes_nothing() {
    for (method, code) in [
        (PeerMethod::PeapMschapv2, "EAP-1401"),
        (PeerMethod::TtlsEapMschapv2, "EAP-1401"),
        (PeerMethod::TtlsMschapv2, "EAP-1401"),
        (PeerMethod::TtlsMschap, "EAP-1419"),
    ] {
        let login = Login {
            password: "wrong",
            new_password: Some("another one"),
            ..dave(method, TlsVersions::Both)
        };
        let outcome = login.run();
        assert_eq!(outcome.asked, 1);
        assert_eq!(outcome.codes().0, code, "{method:?}");
    }
}
