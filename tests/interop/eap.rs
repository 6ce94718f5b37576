//! Every method on both TLS versions, with every fragment size, full and resumed.

use nac_test_support::eapol_test::{Method, Outcome, Supplicant, TlsVersion};
use nac_test_support::{Subject, SubjectKind, cast};

/// From many small fragments to one that just fits (radius-eap gate G1).
const FRAGMENT_SIZES: [u16; 4] = [100, 500, 1024, 1386];

/// One method on one version: four fragment sizes, each authenticated twice, the second time resumed.
fn matrix(method: Method, version: TlsVersion) {
    let subject = Subject::shared();
    for fragment_size in FRAGMENT_SIZES {
        let outcome = run(subject, method, version, |supplicant| {
            supplicant.fragment_size = fragment_size;
            supplicant.again = 1;
        });
        let case = format!("{method:?} on {version:?}, fragments of {fragment_size}");
        assert!(outcome.success, "{case}:\n{}", outcome.tail());
        assert_eq!(outcome.keys(), Some((2, 0)), "{case}: MPPE keys");
        assert!(outcome.used(version), "{case}: the TLS version");
        assert_eq!(
            outcome.resumptions(),
            [false, true],
            "{case}: the second handshake resumes"
        );
        assert_eq!(
            outcome.vlans(),
            expected_vlans(subject, method, version),
            "{case}: VLANs"
        );
    }
}

fn run(
    subject: &Subject,
    method: Method,
    version: TlsVersion,
    change: impl FnOnce(&mut Supplicant<'_>),
) -> Outcome {
    let mut supplicant = Supplicant::new(method, version, subject.ca());
    if method == Method::Tls {
        supplicant.credential = Some(subject.credential());
    }
    change(&mut supplicant);
    supplicant.run(subject.auth(), cast::SECRET)
}

fn expected_vlans(subject: &Subject, method: Method, version: TlsVersion) -> [Option<String>; 2] {
    let staff = Some(cast::STAFF_VLAN.to_owned());
    let loses = subject.kind() == SubjectKind::FreeRadius
        && version == TlsVersion::V13
        && method != Method::Tls;
    // A known fault of FreeRADIUS 3.2.1: on TLS 1.3 it stores the session before the inner method is done.
    [staff.clone(), if loses { None } else { staff }]
}

#[test]
fn eap_tls_on_tls_1_2() {
    matrix(Method::Tls, TlsVersion::V12);
}

#[test]
fn eap_tls_on_tls_1_3() {
    matrix(Method::Tls, TlsVersion::V13);
}

#[test]
fn peap_mschapv2_on_tls_1_2() {
    matrix(Method::PeapMschapv2, TlsVersion::V12);
}

#[test]
fn peap_mschapv2_on_tls_1_3() {
    matrix(Method::PeapMschapv2, TlsVersion::V13);
}

#[test]
fn ttls_pap_on_tls_1_2() {
    matrix(Method::TtlsPap, TlsVersion::V12);
}

#[test]
fn ttls_pap_on_tls_1_3() {
    matrix(Method::TtlsPap, TlsVersion::V13);
}

#[test]
fn ttls_mschapv2_on_tls_1_2() {
    matrix(Method::TtlsMschapv2, TlsVersion::V12);
}

#[test]
fn ttls_mschapv2_on_tls_1_3() {
    matrix(Method::TtlsMschapv2, TlsVersion::V13);
}

/// MACsec needs the EAP Session-Id in the Accept (RFC 4072 section 2.8.3).
#[test]
fn a_switch_that_asks_for_eap_key_name_gets_the_session_id() {
    let subject = Subject::shared();
    subject.unless_freeradius(
        "EAP-Key-Name is not answered with this configuration",
        || {
            for method in Method::ALL {
                for version in TlsVersion::ALL {
                    let outcome = run(subject, method, version, |supplicant| {
                        supplicant.key_name = true
                    });
                    assert!(
                        outcome.success,
                        "{method:?} on {version:?}:\n{}",
                        outcome.tail()
                    );
                    assert!(outcome.key_name_matches(), "{method:?} on {version:?}");
                }
            }
        },
    );
}
