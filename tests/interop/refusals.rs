//! What must not lead to an Accept, through a real supplicant.

use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::{Subject, cast};

const TUNNELS: [Method; 8] = Method::BY_PASSWORD;

#[test]
fn a_wrong_password_is_refused_by_every_method() {
    let subject = Subject::shared();
    for method in TUNNELS {
        for version in TlsVersion::ALL {
            let mut supplicant = Supplicant::new(method, version, subject.ca());
            supplicant.password = "not her password";
            let outcome = supplicant.run(subject.auth(), cast::SECRET);
            assert!(!outcome.success, "{method:?} on {version:?}");
            assert!(
                outcome.vlans().is_empty(),
                "{method:?} on {version:?}: an Accept was sent"
            );
        }
    }
}

#[test]
fn a_user_who_does_not_exist_is_refused() {
    let subject = Subject::shared();
    for method in TUNNELS {
        let mut supplicant = Supplicant::new(method, TlsVersion::V12, subject.ca());
        supplicant.identity = "nobody-by-that-name";
        let outcome = supplicant.run(subject.auth(), cast::SECRET);
        assert!(outcome.vlans().is_empty(), "{method:?}");
    }
}

#[test]
fn a_supplicant_that_does_not_trust_the_server_ends_the_handshake() {
    let subject = Subject::shared();
    for method in Method::ALL {
        for version in TlsVersion::ALL {
            let mut supplicant = Supplicant::new(method, version, subject.unknown_ca());
            if method.by_certificate() {
                supplicant.credential = Some(subject.credential());
            }
            let outcome = supplicant.run(subject.auth(), cast::SECRET);
            assert!(!outcome.success, "{method:?} on {version:?}");
            assert!(
                outcome.log.contains("unknown CA"),
                "{method:?} on {version:?}:\n{}",
                outcome.tail()
            );
            assert!(
                outcome.log.contains("(Access-Reject)"),
                "{method:?} on {version:?}: the server ends it"
            );
        }
    }
}

#[test]
fn a_revoked_certificate_is_refused() {
    let subject = Subject::shared();
    for method in [Method::Tls, Method::PeapTls, Method::TtlsEapTls] {
        for version in TlsVersion::ALL {
            let mut supplicant = Supplicant::new(method, version, subject.ca());
            supplicant.identity = cast::REVOKED_USER;
            supplicant.credential = Some(subject.revoked());
            let outcome = supplicant.run(subject.auth(), cast::SECRET);
            assert!(
                !outcome.success && outcome.vlans().is_empty(),
                "{method:?} on {version:?}:\n{}",
                outcome.tail()
            );
        }
    }
}
