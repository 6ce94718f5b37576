//! Facts of hostile and of foreign certificates.

use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SanType};

use super::*;
use crate::{Authority, ClientSubject, pem_certificates};

const NOW: i64 = 1_800_000_000;

fn device() -> Vec<u8> {
    let authority = Authority::create("CA", NOW, 3650).expect("made");
    let id = "018f3c6e-2b7a-7c3e-9d52-0a1b2c3d4e5f";
    let issued = authority.issue_client(ClientSubject::Device { name: "laptop", id }, NOW, 365);
    let pem = issued.expect("issued").certificate_pem;
    pem_certificates(&pem).expect("readable").remove(0).to_vec()
}

fn foreign(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("signed").der().to_vec()
}

#[test]
fn a_certificate_without_extended_key_usage_serves_every_purpose() {
    let facts = CertificateFacts::read(&foreign(|_| ())).expect("readable");
    assert!(facts.client_auth && facts.server_auth && !facts.is_authority);
}

#[test]
fn a_name_with_a_control_character_names_nobody() {
    let der = foreign(|params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "alice\0.example.com");
        let evil = "admin@example.com\0.evil"
            .to_owned()
            .try_into()
            .expect("ASCII");
        params.subject_alt_names.push(SanType::Rfc822Name(evil));
    });
    let facts = CertificateFacts::read(&der).expect("readable");
    assert_eq!(facts.user_name(), None);
    assert!(!facts.subject.contains('\0'));
    assert_eq!(facts.unusable, [NameKind::CommonName, NameKind::Email]);
}

/// A subjectAltName, by hand, with names that no library would write.
fn named(names: &[(u8, &[u8])]) -> CertificateFacts {
    let wrap = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short");
        assert!(length < 0x80);
        [&[tag, length], content].concat()
    };
    let upn = |text: &[u8]| {
        let oid = [6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 20, 2, 3];
        wrap(0xa0, &[&oid[..], &wrap(0xa0, &wrap(0x0c, text))].concat())
    };
    let names = names.iter().map(|(tag, text)| match tag {
        0 => upn(text),
        tag => wrap(0x80 | tag, text),
    });
    let content = wrap(0x30, &names.collect::<Vec<_>>().concat());
    let der = foreign(|params| {
        params.distinguished_name.push(DnType::CommonName, "common");
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], content);
        params.custom_extensions.push(extension);
    });
    CertificateFacts::read(&der).expect("readable")
}

#[test]
fn the_order_of_the_configuration_says_which_name_counts() {
    use NameKind::{CommonName, Dns, Email, Upn, Uri};
    let all = named(&[
        (6, b"urn:x:1"),
        (0, b"upn@x"),
        (2, b"dns.x"),
        (1, b"mail@x"),
    ]);
    for (order, name) in [
        (&[Uri, Upn][..], Some("urn:x:1")),
        (&[Upn, Uri], Some("upn@x")),
        (&[Dns, CommonName], Some("dns.x")),
        (&[Email], Some("mail@x")),
        (&[CommonName, Upn], Some("common")),
        (&NameKind::USUAL, Some("upn@x")),
        (&[], None),
    ] {
        assert_eq!(all.user_name_by(order), Ok(name), "{order:?}");
    }
    let few = named(&[(2, b"dns.x")]);
    assert_eq!(few.user_name_by(&[Uri, Upn, Email, Dns]), Ok(Some("dns.x")));
    assert_eq!(few.user_name_by(&[Uri, Upn, Email]), Ok(None));
    assert_eq!(few.user_name(), Some("common"));
}

#[test]
fn a_name_that_cannot_be_used_is_not_passed_over_for_another() {
    use NameKind::{CommonName, Dns, Email, Upn, Uri};
    for (kind, tag) in [(Uri, 6), (Upn, 0), (Dns, 2), (Email, 1)] {
        for bad in [&b""[..], b"a\0b", b"a\nb", b"\xff\xfe", b"a\x1bb"] {
            let facts = named(&[(tag, bad)]);
            assert_eq!(
                facts.user_name_by(&[kind, CommonName]),
                Err(kind),
                "{bad:?}"
            );
            let both = named(&[(tag, b"good"), (tag, bad)]);
            assert_eq!(both.user_name_by(&[kind]), Err(kind), "{bad:?}");
            // What nobody looks for harms nobody.
            assert_eq!(facts.user_name_by(&[CommonName]), Ok(Some("common")));
            assert_eq!(facts.user_name_by(&[CommonName, kind]), Ok(Some("common")));
        }
    }
}

#[test]
fn the_number_of_names_is_bounded() {
    let der = foreign(|params| {
        for number in 0..500 {
            let name = format!("h{number}.example").try_into().expect("ASCII");
            params.subject_alt_names.push(SanType::DnsName(name));
        }
    });
    assert_eq!(
        CertificateFacts::read(&der)
            .expect("readable")
            .dns_names
            .len(),
        MAX_NAMES
    );
}

#[test]
fn a_second_or_a_damaged_alternative_name_makes_the_certificate_unreadable() {
    let san = [2, 5, 29, 17];
    let twice = foreign(|params| {
        params
            .subject_alt_names
            .push(SanType::DnsName("a".to_owned().try_into().expect("ASCII")));
        let extension = CustomExtension::from_oid_content(&san, vec![0x30, 3, 0x82, 1, b'b']);
        params.custom_extensions.push(extension);
    });
    assert!(matches!(
        CertificateFacts::read(&twice),
        Err(PkiError::Malformed(_))
    ));
    let damaged = foreign(|params| {
        let extension = CustomExtension::from_oid_content(&san, vec![0x04, 1, 0]);
        params.custom_extensions.push(extension);
    });
    assert!(matches!(
        CertificateFacts::read(&damaged),
        Err(PkiError::Malformed(_))
    ));
}

#[test]
fn bytes_after_the_certificate_and_oversized_input_are_refused() {
    let mut der = device();
    der.push(0);
    assert!(matches!(
        CertificateFacts::read(&der),
        Err(PkiError::Malformed(_))
    ));
    let huge = vec![0x30; MAX_CERTIFICATE_LEN + 1];
    assert_eq!(
        CertificateFacts::read(&huge),
        Err(PkiError::TooLong(huge.len()))
    );
}

#[test]
fn every_truncation_is_an_error() {
    let der = device();
    for length in 0..der.len() {
        assert!(CertificateFacts::read(&der[..length]).is_err(), "{length}");
    }
}

#[test]
fn the_same_key_in_another_certificate_has_the_same_spki_hash() {
    let key = KeyPair::generate().expect("a key");
    let read = |params: CertificateParams| {
        let certificate = params.self_signed(&key).expect("signed");
        CertificateFacts::read(certificate.der()).expect("readable")
    };
    let one = read(CertificateParams::default());
    let two = read(CertificateParams::new(vec!["two.example".to_owned()]).expect("parameters"));
    assert_eq!(one.spki_sha256, two.spki_sha256);
    assert_ne!(one.fingerprint_sha256, two.fingerprint_sha256);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = CertificateFacts::read(&bytes);
    }

    #[test]
    fn a_certificate_with_changed_bytes_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        static DER: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(device);
        let mut der = DER.clone();
        for (index, byte) in changes {
            let position = index.index(der.len());
            der[position] = byte;
        }
        if let Ok(facts) = CertificateFacts::read(&der) {
            for name in facts.emails.iter().chain(&facts.upns).chain(&facts.common_name) {
                prop_assert!(!name.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn arbitrary_text_as_pem_never_panics(text in ".{0,400}") {
        let _ = pem_certificates(&text);
        let _ = crate::pem_key(&text);
    }
}
