//! What a TLS session is worth later: nothing by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use nac_eap::TlsVersions;
use nac_eap::peer::{PeerMethod, PeerTls};
use nac_test_support::nac::Nac;
use nac_test_support::subject::Plan;
use nac_test_support::supplicant::{self, Profile, break_off, log_in};
use nac_test_support::{Subject, SubjectKind, cast, wait};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];
const TUNNELS: [PeerMethod; 5] = [
    PeerMethod::PeapMschapv2,
    PeerMethod::PeapGtc,
    PeerMethod::TtlsPap,
    PeerMethod::TtlsMschapv2,
    PeerMethod::TtlsEapMschapv2,
];

fn profile(method: PeerMethod, tls: &Arc<PeerTls>, password: &str) -> Profile {
    Profile {
        method,
        identity: cast::USER.to_owned(),
        password: password.to_owned(),
        tls: Arc::clone(tls),
        mac: [0x02, 0, 0, 0, 0, 0x20],
    }
}

/// A station from which Alice has logged in before: what is guessed from it is at nobody else's cost.
fn station_of_alice(subject: &Subject, version: TlsVersions) -> [u8; 6] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let mac = [0x02, 0, 0, 0, 0x30, NEXT.fetch_add(1, Ordering::Relaxed)];
    let tls = supplicant::tls(subject.ca(), None, version);
    let alice = Profile {
        mac,
        ..profile(PeerMethod::TtlsPap, &tls, cast::PASSWORD)
    };
    assert!(log_in(&subject.client(), &alice).is_accepted());
    mac
}

/// CVE-2017-9148: break the login off after every number of requests, then resume without a password.
#[test]
fn a_ticket_from_an_unfinished_authentication_resumes_nothing() {
    let subject = Subject::shared();
    for method in TUNNELS {
        for version in VERSIONS {
            let mac = station_of_alice(subject, version);
            for requests in 1..14 {
                let tls = supplicant::tls(subject.ca(), None, version);
                let client = subject.client();
                let there = |password| Profile {
                    mac,
                    ..profile(method, &tls, password)
                };
                let finished = break_off(&client, &there(cast::PASSWORD), requests);
                if finished.is_some() {
                    break;
                }
                let thief = log_in(&client, &there("no idea"));
                assert!(
                    !thief.is_accepted(),
                    "{method:?} {version:?}, broken off after {requests}"
                );
            }
        }
    }
}

#[test]
fn a_ticket_from_a_refused_authentication_resumes_nothing() {
    let subject = Subject::shared();
    for method in TUNNELS {
        for version in VERSIONS {
            let mac = station_of_alice(subject, version);
            let tls = supplicant::tls(subject.ca(), None, version);
            let client = subject.client();
            for attempt in 0..3 {
                let thief = Profile {
                    mac,
                    ..profile(method, &tls, "no idea")
                };
                let login = log_in(&client, &thief);
                assert!(
                    !login.is_accepted(),
                    "{method:?} {version:?}, attempt {attempt}"
                );
            }
        }
    }
}

#[test]
fn a_session_of_one_method_does_not_open_another() {
    let subject = Subject::shared();
    for version in VERSIONS {
        for first in TUNNELS {
            for second in [PeerMethod::PeapMschapv2, PeerMethod::TtlsPap] {
                if first.outer() == second.outer() {
                    continue;
                }
                let tls = supplicant::tls(subject.ca(), None, version);
                let client = subject.client();
                assert!(log_in(&client, &profile(first, &tls, cast::PASSWORD)).is_accepted());
                let login = log_in(&client, &profile(second, &tls, "no idea"));
                let fault =
                    "with one tls-config, a session of PEAP opens TTLS and the other way round";
                subject.unless_freeradius(fault, || {
                    assert!(
                        !login.is_accepted(),
                        "{first:?} then {second:?} on {version:?}"
                    );
                });
            }
        }
    }
}

/// A server that only this test changes; `None` for a subject whose administration we do not drive.
fn changeable() -> Option<Nac> {
    (SubjectKind::of_environment() == SubjectKind::Nac).then(|| Nac::start(&Plan::default(), false))
}

/// A change made by the command line reaches the running server within a second (issue's contract).
fn noticed() {
    wait::pause(Duration::from_millis(1500));
}

#[test]
fn a_revoked_certificate_cannot_be_resumed() {
    let Some(nac) = changeable() else { return };
    let client = nac_test_support::exchange::Exchange::new(nac.auth, cast::SECRET);
    for version in VERSIONS {
        let name = format!("laptop-{version:?}").to_lowercase();
        let credential = nac.issue(&name);
        noticed();
        let tls = supplicant::tls(&nac.ca, Some(&credential), version);
        let login = || {
            log_in(
                &client,
                &Profile {
                    identity: name.clone(),
                    ..profile(PeerMethod::Tls, &tls, "")
                },
            )
        };
        assert!(login().is_accepted());
        assert!(login().is_resumed());
        nac.command(&["certificate", "revoke", &name, "--reason", "stolen"]);
        noticed();
        assert!(!login().is_accepted(), "{version:?}");
    }
}

#[test]
fn a_disabled_user_cannot_resume() {
    let Some(nac) = changeable() else { return };
    let client = nac_test_support::exchange::Exchange::new(nac.auth, cast::SECRET);
    for version in VERSIONS {
        let tls = supplicant::tls(&nac.ca, None, version);
        let login = || log_in(&client, &profile(PeerMethod::TtlsPap, &tls, cast::PASSWORD));
        assert!(login().is_accepted());
        assert!(login().is_resumed());
        nac.command(&["user", "set", cast::USER, "--disable"]);
        noticed();
        assert!(!login().is_accepted(), "{version:?}");
        nac.command(&["user", "set", cast::USER, "--enable"]);
        noticed();
    }
}

#[test]
fn a_resumed_session_gets_the_segment_of_today() {
    let Some(nac) = changeable() else { return };
    let client = nac_test_support::exchange::Exchange::new(nac.auth, cast::SECRET);
    let tls = supplicant::tls(&nac.ca, None, TlsVersions::Only13);
    let login = || log_in(&client, &profile(PeerMethod::TtlsPap, &tls, cast::PASSWORD));
    assert_eq!(login().reply.vlan().as_deref(), Some(cast::STAFF_VLAN));
    nac.command(&["segment", "set", "staff", "--vlan", "123"]);
    noticed();
    let second = login();
    assert!(second.is_resumed());
    assert_eq!(second.reply.vlan().as_deref(), Some("123"));
}
