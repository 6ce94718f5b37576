//! TLS sessions that outlive a restart and are resumed at another server, with eapol_test as the supplicant.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nac_test_support::eapol_test::{Method, Outcome, Supplicant, TlsVersion};
use nac_test_support::pki::Credential;
use nac_test_support::{cast, relay, wait};

use crate::site::Site;

const SHARED: &str = "[eap]\nsession_store = \"database\"\n";
const METHODS: [Method; 3] = [Method::Tls, Method::PeapMschapv2, Method::TtlsPap];

fn site(sections: &str) -> Site {
    let site = Site::start_with(sections);
    site.staff("alice");
    let secret = site.secret_file().display().to_string();
    let client = ["client", "add", "lab", "--address", "127.0.0.1"];
    site.nac(&[&client[..], &["--secret-file", &secret]].concat());
    site
}

/// What one server has accepted is at the other within a second.
fn told() {
    wait::pause(Duration::from_millis(1_000));
}

/// A change made by the command line reaches a running server within a second.
fn noticed() {
    wait::pause(Duration::from_millis(1_500));
}

struct Case<'a> {
    method: Method,
    version: TlsVersion,
    identity: &'a str,
    credential: &'a Credential,
    ca: &'a Path,
    mac: [u8; 6],
}

impl Case<'_> {
    /// Logs in at one server and again, in the same process, at the other.
    fn across(&self, first: SocketAddr, second: SocketAddr, between: impl FnOnce()) -> Outcome {
        let mut supplicant = Supplicant::new(self.method, self.version, self.ca);
        supplicant.identity = self.identity;
        supplicant.credential = Some(self.credential);
        supplicant.again = 1;
        supplicant.mac = self.mac;
        let log_in = |address| supplicant.run(address, cast::SECRET);
        relay::across(first, second, log_in, between)
    }
}

/// Every method on both versions of TLS, as the user `alice`.
fn each(credential: &Credential, ca: &Path, test: impl Fn(&Case<'_>, &str)) {
    let mut number = 0;
    for method in METHODS {
        for version in TlsVersion::ALL {
            number += 1;
            let case = Case {
                method,
                version,
                identity: "alice",
                credential,
                ca,
                mac: [0x02, 0, 0, 0x70, 0x10, number],
            };
            test(&case, &format!("{method:?} on {}", version.name()));
        }
    }
}

#[test]
fn a_session_of_one_server_is_resumed_at_another_on_the_same_database() {
    let site = site(SHARED);
    let credential = site.certificate("--user", "alice");
    let neighbour = site.beside();
    each(&credential, &site.ca(), |case, name| {
        let outcome = case.across(site.auth, neighbour.auth, told);
        assert!(outcome.success, "{name}: {}", outcome.log);
        assert_eq!(outcome.resumptions(), [false, true], "{name}");
        // And the other way round, which is the server that joined later.
        let outcome = case.across(neighbour.auth, site.auth, told);
        assert!(outcome.success, "{name}: {}", outcome.log);
        assert_eq!(outcome.resumptions(), [false, true], "{name}");
    });
}

#[test]
fn a_restart_ends_sessions_in_memory_and_not_those_in_the_database() {
    for (sections, resumes) in [(SHARED, true), ("", false)] {
        let site = site(sections);
        let credential = site.certificate("--user", "alice");
        noticed();
        each(&credential, &site.ca(), |case, name| {
            let outcome = case.across(site.auth, site.auth, || {
                told();
                // No last words.
                site.kill();
                site.serve();
            });
            assert!(outcome.success, "{name}: {}", outcome.log);
            assert_eq!(outcome.resumptions(), [false, resumes], "{name}");
        });
    }
}

#[test]
fn the_sessions_of_a_user_who_is_removed_are_resumed_nowhere_even_when_the_name_comes_back() {
    let site = site(SHARED);
    let credential = site.certificate("--user", "alice");
    let neighbour = site.beside();
    each(&credential, &site.ca(), |case, name| {
        for there in [site.auth, neighbour.auth] {
            let outcome = case.across(site.auth, there, || {
                told();
                site.nac(&["user", "remove", "alice"]);
                site.staff("alice");
                noticed();
            });
            assert!(outcome.success, "{name}: {}", outcome.log);
            assert_eq!(outcome.resumptions(), [false, false], "{name}");
        }
    });
}

#[test]
fn a_session_under_an_old_key_is_a_full_login() {
    let site = site(SHARED);
    let credential = site.certificate("--user", "alice");
    noticed();
    each(&credential, &site.ca(), |case, name| {
        for (epochs, resumes) in [(1, false), (0, true)] {
            let outcome = case.across(site.auth, site.auth, || {
                told();
                site.kill();
                // As if it had been sealed so many epochs before: the key of that time does not fit, and after two it is not looked at.
                site.tamper(&format!("UPDATE eap_session SET epoch = epoch - {epochs}"));
                site.serve();
            });
            assert!(outcome.success, "{name}: {}", outcome.log);
            assert_eq!(outcome.resumptions(), [false, resumes], "{name}, {epochs}");
        }
    });
}

#[test]
fn a_session_of_another_installation_is_a_full_login() {
    let (here, there) = (site(SHARED), site(SHARED));
    // The same certificates, but another key and database.
    for file in ["ca.crt", "tls/server.crt", "tls/server.key"] {
        std::fs::copy(here.home().join(file), there.home().join(file)).expect("copied");
    }
    there.kill();
    there.serve();
    let credential = here.certificate("--user", "alice");
    noticed();
    each(&credential, &here.ca(), |case, name| {
        let outcome = case.across(here.auth, there.auth, told);
        assert!(outcome.success, "{name}: {}", outcome.log);
        assert_eq!(outcome.resumptions(), [false, false], "{name}");
    });
}

#[test]
fn who_was_disabled_or_revoked_meanwhile_is_refused_at_the_other_server_too() {
    let site = site(SHARED);
    let neighbour = site.beside();
    let mut number = 0;
    for method in METHODS {
        for version in TlsVersion::ALL {
            number += 1;
            let name = format!("guest{number}");
            site.staff(&name);
            let credential = site.certificate("--user", &name);
            let case = Case {
                method,
                version,
                identity: &name,
                credential: &credential,
                ca: &site.ca(),
                mac: [0x02, 0, 0, 0x70, 0x20, number],
            };
            noticed();
            let (change, expected): (&[&str], _) = match method {
                Method::Tls => (
                    &["certificate", "revoke", &name, "--reason", "stolen"],
                    "NAC-2201",
                ),
                _ => (&["user", "set", &name, "--disable"], "NAC-2003"),
            };
            let outcome = case.across(site.auth, neighbour.auth, || {
                site.nac(change);
                noticed();
            });
            assert!(!outcome.success, "{name}: {}", outcome.log);
            let mac = case.mac.map(|octet| format!("{octet:02x}")).join(":");
            let why = site.why_once(&mac, |why| why["outcome"] == "reject");
            assert_eq!(why["reason_code"], expected, "{why:#}");
            assert_eq!(why["eap"]["resumed"], true, "{why:#}");
        }
    }
}
