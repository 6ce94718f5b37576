//! Every method against our own supplicant: versions, fragment sizes, resumption, keys, rounds.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::sync::Arc;

use nac_eap::peer::{PeerMachine, PeerMethod};
use nac_eap::{
    Conversation, CryptoBinding, InnerMethod, Method, ServerTls, Settings, Step, TlsVersions,
    is_by_certificate, method_names,
};
use support::{
    Login, NOW, Outcome, copy, peer_tls, pki, random, server_tls, settings_of, start_of_time,
};

const ALL: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];

/// A full login and two resumed ones. `full` and `resumed` are the responses that it takes when no
/// flight needs fragments.
#[track_caller]
fn check(method: PeerMethod, versions: TlsVersions, full: usize, resumed: usize) {
    for eap_mtu in [100, 500, 1024, 1386, 4000] {
        let tls = server_tls(versions);
        let settings = settings_of(&tls, &[method.outer()]);
        let identity = method.by_certificate().then_some(&pki().client);
        let peer = peer_tls(versions, identity);
        let login = || {
            Login {
                eap_mtu,
                ..Login::new(&settings, method, &peer)
            }
            .run()
        };
        let certificates = usize::from(method.by_certificate());
        let version = if versions == TlsVersions::Only12 {
            "1.2"
        } else {
            "1.3"
        };
        let inspect = |outcome: Outcome, is_resumed: bool, rounds: usize| {
            let asked = usize::from(!is_resumed && !method.by_certificate());
            assert_eq!(outcome.asked, asked);
            if eap_mtu == 4000 {
                assert_eq!(outcome.responses, rounds, "{method:?} resumed={is_resumed}");
            }
            let (server, peer) = outcome.success();
            assert_eq!(server.resumed, is_resumed);
            assert_eq!(server.method, method.name());
            assert_eq!(server.identity, "alice");
            let outer = if method == PeerMethod::Tls {
                "alice"
            } else {
                "anonymous"
            };
            assert_eq!(server.outer_identity, outer);
            assert_eq!(server.certificates.len(), certificates);
            assert_eq!(server.by_certificate, method.by_certificate());
            assert_eq!(server.tls_version, version);
            assert!(
                server.cipher_suite.starts_with("TLS"),
                "{}",
                server.cipher_suite
            );
            assert_ne!(*server.msk, *server.emsk);
            assert_eq!(server.session_id.len(), 65);
            assert_eq!(server.session_id[0], method.outer().type_number());
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
fn peap_with_gtc() {
    // The first method inside is refused with a NAK.
    check(PeerMethod::PeapGtc, TlsVersions::Only12, 8, 4);
    check(PeerMethod::PeapGtc, TlsVersions::Only13, 7, 4);
}

#[test]
fn peap_with_eap_tls_on_tls_1_2() {
    check(PeerMethod::PeapTls, TlsVersions::Only12, 10, 4);
}

#[test]
fn peap_with_eap_tls_on_tls_1_3() {
    check(PeerMethod::PeapTls, TlsVersions::Only13, 9, 4);
}

#[test]
fn ttls_with_one_message_inside() {
    for method in [
        PeerMethod::TtlsPap,
        PeerMethod::TtlsChap,
        PeerMethod::TtlsMschap,
    ] {
        check(method, TlsVersions::Only12, 4, 3);
        check(method, TlsVersions::Only13, 4, 4);
    }
}

#[test]
fn ttls_mschapv2() {
    check(PeerMethod::TtlsMschapv2, TlsVersions::Only12, 5, 3);
    check(PeerMethod::TtlsMschapv2, TlsVersions::Only13, 5, 4);
}

#[test]
fn ttls_with_eap_inside() {
    for method in [PeerMethod::TtlsEapMschapv2, PeerMethod::TtlsEapGtc] {
        check(method, TlsVersions::Only12, 6, 3);
        check(method, TlsVersions::Only13, 6, 4);
    }
}

#[test]
fn ttls_with_eap_tls_inside() {
    check(PeerMethod::TtlsEapTls, TlsVersions::Only12, 8, 3);
    check(PeerMethod::TtlsEapTls, TlsVersions::Only13, 8, 4);
}

#[test]
fn teap_with_one_method_inside() {
    // Without a machine the supplicant answers with its user at once; the TLS 1.2 Finished is acknowledged apart.
    check(PeerMethod::TeapMschapv2, TlsVersions::Only12, 8, 4);
    check(PeerMethod::TeapMschapv2, TlsVersions::Only13, 7, 4);
    check(PeerMethod::TeapTls, TlsVersions::Only12, 10, 4);
    check(PeerMethod::TeapTls, TlsVersions::Only13, 9, 4);
    check(PeerMethod::TeapPap, TlsVersions::Only12, 8, 4);
    check(PeerMethod::TeapPap, TlsVersions::Only13, 7, 4);
}

#[test]
fn teap_proves_the_machine_and_then_the_user() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for method in [
            PeerMethod::TeapMschapv2,
            PeerMethod::TeapTls,
            PeerMethod::TeapPap,
        ] {
            let settings = settings_of(&server_tls(versions), &ALL);
            let tls = peer_tls(versions, Some(&pki().client));
            let machine = PeerMachine {
                identity: "host/laptop".to_owned(),
                tls: peer_tls(versions, Some(&pki().short_client)),
                alone: false,
            };
            for resumed in [false, true] {
                let login = Login {
                    machine: Some(machine.clone()),
                    ..Login::new(&settings, method, &tls)
                };
                let (server, _) = login.run().success();
                assert_eq!(server.resumed, resumed);
                assert_eq!((server.method, &*server.identity), (method.name(), "alice"));
                let expected = match method.by_certificate() {
                    true => pki().client.0.clone(),
                    false => Vec::new(),
                };
                assert_eq!(server.certificates, expected);
                let proven = server.machine.unwrap();
                assert_eq!(proven.identity, "host/laptop");
                assert_eq!(proven.certificates, pki().short_client.0);
            }
        }
    }
}

#[test]
fn teap_proves_a_machine_that_nobody_is_logged_in_to() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let settings = settings_of(&server_tls(versions), &ALL);
        let tls = peer_tls(versions, None);
        for resumed in [false, true] {
            let login = Login {
                machine: Some(PeerMachine {
                    identity: "host/laptop".to_owned(),
                    tls: peer_tls(versions, Some(&pki().client)),
                    alone: true,
                }),
                ..Login::new(&settings, PeerMethod::TeapMschapv2, &tls)
            };
            let (server, _) = login.run().success();
            assert_eq!(server.resumed, resumed);
            assert_eq!(
                (server.method, &*server.identity),
                ("TEAP-TLS", "host/laptop")
            );
            assert_eq!(server.certificates, pki().client.0);
            assert!(server.by_certificate && server.machine.is_none());
        }
    }
}

#[test]
fn teap_asks_for_the_password_alone_where_that_is_preferred() {
    let settings = settings_of(&server_tls(TlsVersions::Only13), &ALL[3..]);
    let settings = Arc::new(Settings {
        inner_methods: vec![InnerMethod::Pap],
        ..(*settings).clone()
    });
    let tls = peer_tls(TlsVersions::Only13, None);
    let login = Login::new(&settings, PeerMethod::TeapPap, &tls).run();
    assert_eq!(login.responses, 5);
    assert_eq!(login.success().0.method, "TEAP-PAP");
    let tls = peer_tls(TlsVersions::Only13, None);
    let other = Login::new(&settings, PeerMethod::TeapMschapv2, &tls);
    assert_eq!(other.run().server.unwrap_err().code, "EAP-1420");
}

#[test]
fn the_method_that_is_preferred_is_proposed_first_if_it_is_on_offer() {
    let proposed = |methods: &[Method], preferred: Method| {
        let tls = server_tls(TlsVersions::Both);
        let settings = settings_of(&tls, methods);
        let mtu = 1_000;
        let mut conversation = Conversation::new(settings, start_of_time(), NOW, mtu, random());
        conversation.prefer(preferred);
        let identity = b"\x02\x07\x00\x0a\x01alice";
        match conversation.receive(start_of_time(), identity) {
            Step::Request(request) => request[4],
            other => panic!("{other:?}"),
        }
    };
    let both = [Method::Tls, Method::Peap];
    assert_eq!(proposed(&both, Method::Peap), Method::Peap.type_number());
    assert_eq!(proposed(&both, Method::Ttls), Method::Tls.type_number());
}

#[test]
fn the_list_of_names_is_that_of_the_methods() {
    assert_eq!(PeerMethod::ALL.map(PeerMethod::name), method_names());
    for method in PeerMethod::ALL {
        assert_eq!(is_by_certificate(method.name()), method.by_certificate());
    }
}

#[test]
fn the_order_of_the_settings_decides_what_is_proposed_inside() {
    for (order, expected) in [
        ([InnerMethod::EapGtc, InnerMethod::EapMschapv2], 7),
        ([InnerMethod::EapMschapv2, InnerMethod::EapGtc], 6),
    ] {
        let settings = settings_of(&server_tls(TlsVersions::Only13), &ALL[1..2]);
        let settings = Arc::new(Settings {
            inner_methods: order.to_vec(),
            ..(*settings).clone()
        });
        let peer = peer_tls(TlsVersions::Only13, None);
        let login = Login {
            eap_mtu: 4000,
            ..Login::new(&settings, PeerMethod::PeapGtc, &peer)
        };
        // Offered first, GTC needs no NAK.
        assert_eq!(login.run().responses, 13 - expected);
    }
}

#[test]
fn the_keys_of_peap_come_from_the_binding_where_both_sides_make_one() {
    use CryptoBinding::{Off, Optional, Required};
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for method in [
            PeerMethod::PeapMschapv2,
            PeerMethod::PeapGtc,
            PeerMethod::PeapTls,
        ] {
            for (server, peer) in [
                (Off, Off),
                (Off, Optional),
                (Optional, Off),
                (Optional, Optional),
                (Optional, Required),
                (Required, Optional),
                (Required, Required),
            ] {
                let settings = settings_of(&server_tls(versions), &ALL[1..2]);
                let settings = Arc::new(Settings {
                    crypto_binding: server,
                    ..(*settings).clone()
                });
                let tls = peer_tls(versions, Some(&pki().client));
                let login = || Login {
                    crypto_binding: peer,
                    ..Login::new(&settings, method, &tls)
                };
                for resumed in [false, true] {
                    let (server, _) = login().run().success();
                    assert_eq!(server.resumed, resumed);
                }
            }
        }
    }
}

#[test]
fn a_certificate_beside_a_password_comes_along_and_is_not_the_identity() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let (chain, key) = copy(&pki().server);
        let ca = vec![pki().authority.certificate()];
        let server = ServerTls::new(chain, key, ca, versions, 3600).unwrap();
        let settings = settings_of(&Arc::new(server.with_certificates_in_ttls()), &ALL);
        for (identity, certificates) in [(Some(&pki().client), 1), (None, 0)] {
            let tls = peer_tls(versions, identity);
            for resumed in [false, true] {
                let login = Login::new(&settings, PeerMethod::TtlsPap, &tls);
                let (server, _) = login.run().success();
                assert_eq!((server.resumed, server.by_certificate), (resumed, false));
                assert_eq!(server.certificates.len(), certificates);
                assert_eq!(server.identity, "alice");
            }
        }
        let tls = peer_tls(versions, Some(&pki().foreign_client));
        let login = Login::new(&settings, PeerMethod::TtlsPap, &tls);
        assert_eq!(login.run().server.unwrap_err().code, "EAP-1205");
    }
}

#[test]
fn credentials_that_ride_with_the_finished_save_a_round_trip() {
    for (method, responses) in [(PeerMethod::TtlsPap, 3), (PeerMethod::TtlsMschapv2, 4)] {
        let settings = settings_of(&server_tls(TlsVersions::Only13), &ALL[2..3]);
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
    for method in PeerMethod::ALL {
        let peer = peer_tls(TlsVersions::Both, Some(&pki().client));
        let (server, _) = Login::new(&settings, method, &peer).run().success();
        assert_eq!(server.method, method.name());
    }
}

#[test]
fn a_domain_before_the_user_name_does_not_matter() {
    let settings = settings_of(&server_tls(TlsVersions::Both), &ALL);
    for method in [
        PeerMethod::PeapMschapv2,
        PeerMethod::TtlsMschapv2,
        PeerMethod::TtlsEapMschapv2,
    ] {
        let peer = peer_tls(TlsVersions::Both, None);
        let login = Login {
            identity: r"CORP\alice",
            ..Login::new(&settings, method, &peer)
        };
        let (server, _) = login.run().success();
        assert_eq!(server.identity, r"CORP\alice");
    }
}
