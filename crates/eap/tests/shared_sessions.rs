//! Sessions that another server of the installation may resume, and what it does not resume all the same.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use nac_eap::peer::PeerMethod;
use nac_eap::{Method, ServerTls, ServerTlsOptions, Settings, SharedSession, TlsVersions};
use support::{HOLDER, LIFETIME_S, Login, NOW, Verdict, copy, peer_tls, pki, settings_of};

const ALL: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];
const METHODS: [PeerMethod; 14] = PeerMethod::ALL;
const VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];

/// One server of an installation: all have the same certificate and trust.
struct Server {
    tls: Arc<ServerTls>,
    settings: Arc<Settings>,
}

impl Server {
    fn with(versions: TlsVersions, session_lifetime_s: u64) -> Self {
        let tls = Arc::new(ServerTls::with(options(versions, session_lifetime_s)).unwrap());
        let settings = settings_of(&tls, &ALL);
        Self { tls, settings }
    }

    fn new(versions: TlsVersions) -> Self {
        Self::with(versions, LIFETIME_S)
    }

    /// Tells another server everything, at this time.
    fn tell(&self, other: &Self, at: Duration) -> usize {
        let changes = self.tls.changed_sessions();
        for change in &changes {
            other.tls.learn_session(change, at);
        }
        changes.len()
    }
}

fn options(versions: TlsVersions, session_lifetime_s: u64) -> ServerTlsOptions {
    ServerTlsOptions {
        identities: vec![copy(&pki().server)],
        client_ca: vec![pki().authority.certificate()],
        versions,
        session_lifetime_s,
        post_quantum: false,
        share_sessions: true,
    }
}

/// Runs a test for each method and TLS version, with two fresh servers and one supplicant.
fn each(test: impl Fn(&dyn Fn(&Server) -> Login, &Server, &Server)) {
    for versions in VERSIONS {
        for method in METHODS {
            let tls = peer_tls(versions, Some(&pki().client));
            let at = |server: &Server| Login::new(&server.settings, method, &tls);
            test(&at, &Server::new(versions), &Server::new(versions));
        }
    }
}

#[track_caller]
fn resumed(login: Login) -> bool {
    login.run().success().0.resumed
}

#[test]
fn a_session_of_one_server_is_resumed_at_another_with_what_was_proven() {
    each(|at, here, there| {
        let (first, _) = at(here).run().success();
        assert!(!first.resumed);
        assert_eq!(here.tell(there, NOW), 1);
        let (second, _) = at(there).run().success();
        assert!(second.resumed);
        assert_eq!(
            (&second.identity, second.method, second.by_certificate),
            (&first.identity, first.method, first.by_certificate)
        );
        assert_eq!(second.certificates, first.certificates);
        // And back.
        there.tell(here, NOW);
        assert!(resumed(at(here)));
    });
}

#[test]
fn nobody_is_told_of_a_login_that_was_not_accepted() {
    each(|at, here, there| {
        for verdict in [Verdict::Refuse, Verdict::Vanish] {
            let login = Login {
                verdict,
                ..at(here)
            };
            assert!(login.run().server.is_ok());
            assert_eq!(here.tell(there, NOW), 0);
        }
        assert!(!resumed(at(there)));
    });
}

#[test]
fn refusing_a_resumed_login_kills_the_session_everywhere() {
    each(|at, here, there| {
        assert!(!resumed(at(here)));
        here.tell(there, NOW);
        let refused = Login {
            verdict: Verdict::Refuse,
            ..at(there)
        };
        assert!(refused.run().server.unwrap().resumed);
        there.tell(here, NOW);
        assert!(!resumed(at(here)));
    });
}

#[test]
fn a_chain_of_resumptions_over_servers_ends_with_the_lifetime_of_the_first_login() {
    each(|at, here, there| {
        let login = |server: &Server, seconds: u64| {
            let unix_time = NOW + Duration::from_secs(seconds);
            let resumed = resumed(Login {
                unix_time,
                ..at(server)
            });
            here.tell(there, unix_time);
            there.tell(here, unix_time);
            resumed
        };
        assert!(!login(here, 0));
        assert!(login(there, LIFETIME_S / 2));
        assert!(login(here, LIFETIME_S - 1));
        assert!(!login(there, LIFETIME_S));
    });
}

#[test]
fn what_comes_after_its_lifetime_is_not_kept() {
    each(|at, here, there| {
        assert!(!resumed(at(here)));
        let changes = here.tls.changed_sessions();
        assert_eq!(changes[0].ends_s, NOW.as_secs() + LIFETIME_S);
        // Its own lifetime counts at each server.
        let strict = Server::with(TlsVersions::Both, 60);
        for change in &changes {
            there
                .tls
                .learn_session(change, NOW + Duration::from_secs(LIFETIME_S));
            strict
                .tls
                .learn_session(change, NOW + Duration::from_secs(60));
        }
        assert!(!resumed(at(there)));
        assert!(!resumed(at(&strict)));
    });
}

#[test]
fn a_certificate_that_expired_meanwhile_ends_a_login_that_is_resumed_elsewhere() {
    for versions in VERSIONS {
        for method in [PeerMethod::Tls, PeerMethod::PeapTls, PeerMethod::TeapTls] {
            let (here, there) = (Server::new(versions), Server::new(versions));
            let tls = peer_tls(versions, Some(&pki().short_client));
            let at = |server: &Server, hours: u64| Login {
                unix_time: NOW + Duration::from_secs(hours * 3600),
                ..Login::new(&server.settings, method, &tls)
            };
            assert!(!resumed(at(&here, 23)));
            here.tell(&there, NOW);
            let refused = at(&there, 25).run().server.unwrap_err();
            assert_eq!(refused.code, "EAP-1501");
        }
    }
}

#[test]
fn a_server_that_does_not_share_tells_nothing() {
    for versions in VERSIONS {
        let tls = ServerTls::with(ServerTlsOptions {
            share_sessions: false,
            ..options(versions, LIFETIME_S)
        });
        let tls = Arc::new(tls.unwrap());
        let settings = settings_of(&tls, &ALL);
        let supplicant = peer_tls(versions, None);
        let login = || Login::new(&settings, PeerMethod::PeapMschapv2, &supplicant);
        assert!(!resumed(login()));
        assert!(resumed(login()));
        assert!(!tls.shares_sessions() && tls.changed_sessions().is_empty());
    }
}

#[test]
fn a_session_says_whose_it_is_in_the_words_of_the_server() {
    each(|at, here, _| {
        assert!(!resumed(at(here)));
        assert!(resumed(at(here)), "and so does one that goes on");
        let changes = here.tls.changed_sessions();
        let mut kept = changes.iter().filter(|change| change.content.is_some());
        assert!(kept.clone().count() >= 1);
        assert!(kept.all(|change| change.holder == HOLDER));
    });
}

#[test]
fn what_is_no_session_is_none() {
    let there = Server::new(TlsVersions::Both);
    for content in [&b""[..], b"\x01\x19", &[0xff; 300]] {
        let session = SharedSession {
            handle: [0; 32],
            ends_s: u64::MAX,
            content: Some(content.to_vec().into()),
            holder: String::new(),
        };
        there.tls.learn_session(&session, NOW);
    }
}

#[test]
fn another_certificate_trust_or_offer_is_another_context() {
    let context = |options: ServerTlsOptions| ServerTls::with(options).unwrap().session_context();
    let usual = || options(TlsVersions::Both, LIFETIME_S);
    let other_ca = pki().other_authority.certificate();
    let both = vec![pki().authority.certificate(), other_ca.clone()];
    let mut reversed = both.clone();
    reversed.reverse();
    let trusting = |client_ca: Vec<_>| ServerTlsOptions {
        client_ca,
        ..usual()
    };
    let other_server = pki().authority.issue(
        "radius.example.org",
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        (2036, 1, 1),
    );
    let contexts = [
        context(usual()),
        context(trusting(both.clone())),
        context(trusting(vec![other_ca])),
        context(trusting(Vec::new())),
        context(options(TlsVersions::Only12, LIFETIME_S)),
        context(options(TlsVersions::Only13, LIFETIME_S)),
        context(ServerTlsOptions {
            identities: vec![other_server],
            ..usual()
        }),
        ServerTls::with(usual())
            .unwrap()
            .with_certificates_in_ttls()
            .session_context(),
    ];
    for (number, one) in contexts.iter().enumerate() {
        for other in &contexts[number + 1..] {
            assert_ne!(one, other);
        }
    }
    // The same, however long its sessions live and in whatever order it trusts.
    assert_eq!(contexts[0], context(options(TlsVersions::Both, 60)));
    assert_eq!(contexts[1], context(trusting(reversed)));
}

/// What [decision 0012](../../../docs/decisions/0012-sessions-are-told-not-carried.md) says.
#[test]
fn a_session_is_small_without_certificates_and_as_large_as_they_are_with_them() {
    for versions in VERSIONS {
        let server = Server::new(versions);
        let tls = peer_tls(versions, Some(&pki().client));
        let size = |method| {
            assert!(!resumed(Login::new(&server.settings, method, &tls)));
            let changes = server.tls.changed_sessions();
            changes[0].content.as_ref().unwrap().len()
        };
        let certificate = pki().client.0[0].len();
        for method in [PeerMethod::PeapMschapv2, PeerMethod::TtlsPap] {
            let size = size(method);
            assert!(size < 200, "{versions:?} {method:?}: {size}");
        }
        for method in [PeerMethod::Tls, PeerMethod::PeapTls] {
            let size = size(method);
            assert!(size < certificate + 200, "{versions:?} {method:?}: {size}");
        }
    }
}
