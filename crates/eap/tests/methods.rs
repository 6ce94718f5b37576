//! Every method against our own supplicant: versions, fragment sizes, resumption, keys, rounds.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use nac_eap::peer::PeerMethod;
use nac_eap::{Method, TlsVersions};
use support::{Login, Outcome, peer_tls, pki, server_tls, settings_of};

const ALL: [Method; 3] = [Method::Tls, Method::Peap, Method::Ttls];

fn own(method: PeerMethod) -> Method {
    match method {
        PeerMethod::Tls => Method::Tls,
        PeerMethod::PeapMschapv2 => Method::Peap,
        PeerMethod::TtlsPap | PeerMethod::TtlsMschapv2 => Method::Ttls,
    }
}

fn name(method: PeerMethod) -> &'static str {
    match method {
        PeerMethod::Tls => "EAP-TLS",
        PeerMethod::PeapMschapv2 => "PEAP-MSCHAPv2",
        PeerMethod::TtlsPap => "TTLS-PAP",
        PeerMethod::TtlsMschapv2 => "TTLS-MSCHAPv2",
    }
}

/// A full login and two resumed ones. `full` and `resumed` are the responses that it takes when no
/// flight needs fragments.
#[track_caller]
fn check(method: PeerMethod, versions: TlsVersions, full: usize, resumed: usize) {
    for eap_mtu in [100, 500, 1024, 1386, 4000] {
        let tls = server_tls(versions);
        let settings = settings_of(&tls, &[own(method)]);
        let identity = (method == PeerMethod::Tls).then_some(&pki().client);
        let peer = peer_tls(versions, identity);
        let login = || {
            Login {
                eap_mtu,
                ..Login::new(&settings, method, &peer)
            }
            .run()
        };
        let certificates = usize::from(method == PeerMethod::Tls);
        let version = if versions == TlsVersions::Only12 {
            "1.2"
        } else {
            "1.3"
        };
        let inspect = |outcome: Outcome, is_resumed: bool, rounds: usize| {
            let asked = usize::from(!is_resumed && method != PeerMethod::Tls);
            assert_eq!(outcome.asked, asked);
            if eap_mtu == 4000 {
                assert_eq!(outcome.responses, rounds, "{method:?} resumed={is_resumed}");
            }
            let (server, peer) = outcome.success();
            assert_eq!(server.resumed, is_resumed);
            assert_eq!(server.method, name(method));
            assert_eq!(server.identity, "alice");
            let outer = if method == PeerMethod::Tls {
                "alice"
            } else {
                "anonymous"
            };
            assert_eq!(server.outer_identity, outer);
            assert_eq!(server.certificates.len(), certificates);
            assert_eq!(server.tls_version, version);
            assert!(
                server.cipher_suite.starts_with("TLS"),
                "{}",
                server.cipher_suite
            );
            assert_ne!(*server.msk, *server.emsk);
            assert_eq!(server.session_id.len(), 65);
            assert_eq!(server.session_id[0], own(method).type_number());
            peer.msk
        };
        let keys = [
            inspect(login(), false, full),
            inspect(login(), true, resumed),
            // A ticket from a resumed session works as well.
            inspect(login(), true, resumed),
        ];
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    }
}

#[test]
fn eap_tls_on_tls_1_2() {
    check(PeerMethod::Tls, TlsVersions::Only12, 4, 3);
}

#[test]
fn eap_tls_on_tls_1_3() {
    check(PeerMethod::Tls, TlsVersions::Only13, 4, 4);
}

#[test]
fn the_newest_version_is_negotiated() {
    check(PeerMethod::Tls, TlsVersions::Both, 4, 4);
}

#[test]
fn peap_on_tls_1_2() {
    check(PeerMethod::PeapMschapv2, TlsVersions::Only12, 8, 4);
}

#[test]
fn peap_on_tls_1_3() {
    check(PeerMethod::PeapMschapv2, TlsVersions::Only13, 7, 4);
}

#[test]
fn ttls_pap_on_tls_1_2() {
    check(PeerMethod::TtlsPap, TlsVersions::Only12, 4, 3);
}

#[test]
fn ttls_pap_on_tls_1_3() {
    check(PeerMethod::TtlsPap, TlsVersions::Only13, 4, 4);
}

#[test]
fn ttls_mschapv2_on_tls_1_2() {
    check(PeerMethod::TtlsMschapv2, TlsVersions::Only12, 5, 3);
}

#[test]
fn ttls_mschapv2_on_tls_1_3() {
    check(PeerMethod::TtlsMschapv2, TlsVersions::Only13, 5, 4);
}

#[test]
fn credentials_that_ride_with_the_finished_save_a_round_trip() {
    for (method, responses) in [(PeerMethod::TtlsPap, 3), (PeerMethod::TtlsMschapv2, 4)] {
        let settings = settings_of(&server_tls(TlsVersions::Only13), &ALL[2..]);
        let peer = peer_tls(TlsVersions::Only13, None);
        let login = Login {
            early: true,
            eap_mtu: 4000,
            ..Login::new(&settings, method, &peer)
        };
        let outcome = login.run();
        assert_eq!(outcome.responses, responses);
        outcome.success();
    }
}

#[test]
fn a_nak_leads_to_a_method_that_both_sides_have() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    for method in [PeerMethod::PeapMschapv2, PeerMethod::TtlsPap] {
        let peer = peer_tls(TlsVersions::Both, None);
        let (server, _) = Login::new(&settings, method, &peer).run().success();
        assert_eq!(server.method, name(method));
    }
}

#[test]
fn a_domain_before_the_user_name_does_not_matter() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    for method in [PeerMethod::PeapMschapv2, PeerMethod::TtlsMschapv2] {
        let peer = peer_tls(TlsVersions::Both, None);
        let login = Login {
            identity: r"CORP\alice",
            ..Login::new(&settings, method, &peer)
        };
        let (server, _) = login.run().success();
        assert_eq!(server.identity, r"CORP\alice");
    }
}
