//! What the authority issues is what rustls accepts for the right purpose and refuses for the wrong one.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::extensions::ParsedExtension;

use super::*;

const NOW: i64 = 1_800_000_000;
const DEVICE: &str = "018f3c6e-2b7a-7c3e-9d52-0a1b2c3d4e5f";

fn authority() -> Authority {
    Authority::create("Example NAC CA", NOW, 3650).expect("the authority is made")
}

fn der(pem: &str) -> CertificateDer<'static> {
    pem_certificates(pem).expect("readable PEM").remove(0)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots
        .add(der(authority.certificate_pem()))
        .expect("the authority is a trust anchor");
    Arc::new(roots)
}

fn at(unix: i64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(unix.unsigned_abs()))
}

fn verify_server(authority: &Authority, pem: &str, name: &str, unix: i64) -> Result<(), Error> {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots(authority), provider()).build();
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    let verifier = verifier.expect("the verifier is made");
    verifier
        .verify_server_cert(&der(pem), &[], &name, &[], at(unix))
        .map(drop)
}

fn verify_client(authority: &Authority, pem: &str, unix: i64) -> Result<(), Error> {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots(authority), provider()).build();
    verifier
        .expect("the verifier is made")
        .verify_client_cert(&der(pem), &[], at(unix))
        .map(drop)
}

#[test]
fn a_server_certificate_verifies_for_its_names_and_addresses_only() {
    let authority = authority();
    let names = [
        "radius.example.com".to_owned(),
        "192.0.2.7".to_owned(),
        "::1".to_owned(),
    ];
    let issued = authority.issue_server(&names, NOW, 365).expect("issued");
    for name in ["radius.example.com", "192.0.2.7", "::1"] {
        verify_server(&authority, &issued.certificate_pem, name, NOW).expect(name);
    }
    verify_server(
        &authority,
        &issued.certificate_pem,
        "other.example.com",
        NOW,
    )
    .expect_err("another name");
    verify_client(&authority, &issued.certificate_pem, NOW).expect_err("the wrong purpose");
    assert!(issued.facts.server_auth && !issued.facts.client_auth);
    assert_eq!(issued.facts.dns_names, ["radius.example.com"]);
    assert_eq!(issued.facts.addresses.len(), 2);
    assert_eq!(
        issued.facts.common_name.as_deref(),
        Some("radius.example.com")
    );
}

#[test]
fn a_certificate_for_a_nas_says_its_names_and_plays_no_server() {
    let authority = authority();
    let names = ["sw1.example.org".to_owned(), "192.0.2.10".to_owned()];
    let issued = authority.issue_nas(&names, NOW, 365).expect("issued");
    let facts = &issued.facts;
    assert!(facts.client_auth && !facts.server_auth);
    assert_eq!(facts.dns_names, ["sw1.example.org"]);
    assert_eq!(facts.addresses, [std::net::IpAddr::from([192, 0, 2, 10])]);
    assert_eq!(facts.common_name.as_deref(), Some("sw1.example.org"));
    assert_eq!((&facts.device_id, facts.upns.len()), (&None, 0));
    verify_server(&authority, &issued.certificate_pem, "sw1.example.org", NOW)
        .expect_err("no supplicant takes it for a server");
    authority.issue_nas(&[], NOW, 365).expect_err("no name");
}

#[test]
fn a_client_certificate_verifies_as_a_client_and_not_as_a_server() {
    let authority = authority();
    let issued = authority
        .issue_client(ClientSubject::User("alice"), NOW, 365)
        .expect("issued");
    verify_client(&authority, &issued.certificate_pem, NOW).expect("a client");
    verify_server(&authority, &issued.certificate_pem, "alice", NOW).expect_err("no server");
    assert!(issued.facts.client_auth && !issued.facts.server_auth && !issued.facts.is_authority);
}

#[test]
fn another_authority_of_the_same_name_vouches_for_nothing() {
    let issued = authority()
        .issue_client(ClientSubject::User("alice"), NOW, 365)
        .expect("issued");
    let error = verify_client(&authority(), &issued.certificate_pem, NOW).expect_err("unknown");
    assert!(
        matches!(
            error,
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature
            )
        ),
        "{error:?}"
    );
}

#[test]
fn a_certificate_is_valid_an_hour_early_and_not_after_its_end() {
    let authority = authority();
    let issued = authority
        .issue_client(ClientSubject::User("alice"), NOW, 1)
        .expect("issued");
    assert_eq!(issued.facts.not_before_us, (NOW - BACKDATE_S) * 1_000_000);
    assert_eq!(issued.facts.not_after_us, (NOW + DAY_S) * 1_000_000);
    verify_client(&authority, &issued.certificate_pem, NOW - BACKDATE_S + 1).expect("backdated");
    verify_client(&authority, &issued.certificate_pem, NOW - BACKDATE_S - 1).expect_err("early");
    verify_client(&authority, &issued.certificate_pem, NOW + DAY_S + 1).expect_err("late");
}

#[test]
fn a_certificate_never_outlives_its_authority() {
    let authority = Authority::create("Short CA", NOW, 10).expect("made");
    let issued = authority
        .issue_client(ClientSubject::User("a"), NOW, 3650)
        .expect("issued");
    assert_eq!(issued.facts.not_after_us, authority.facts().not_after_us);
    let late = authority.issue_client(ClientSubject::User("a"), NOW + 11 * DAY_S, 1);
    assert_eq!(late.err(), Some(PkiError::AuthorityExpired));
}

#[test]
fn a_user_is_named_by_mail_address_or_by_principal_name() {
    let authority = authority();
    let mail = authority.issue_client(ClientSubject::User("alice@example.com"), NOW, 1);
    let mail = mail.expect("issued").facts;
    assert_eq!(mail.emails, ["alice@example.com"]);
    assert_eq!(mail.user_name(), Some("alice@example.com"));
    let plain = authority
        .issue_client(ClientSubject::User("jürgen"), NOW, 1)
        .expect("issued")
        .facts;
    assert_eq!(plain.upns, ["jürgen"]);
    assert_eq!(plain.user_name(), Some("jürgen"));
    assert_eq!(plain.device_id, None);
}

#[test]
fn a_device_is_named_by_its_id() {
    let subject = ClientSubject::Device {
        name: "laptop-7",
        id: DEVICE,
    };
    let facts = authority()
        .issue_client(subject, NOW, 1)
        .expect("issued")
        .facts;
    assert_eq!(facts.device_id.as_deref(), Some(DEVICE));
    assert_eq!(facts.uris, [format!("urn:uuid:{DEVICE}")]);
    assert_eq!(facts.common_name.as_deref(), Some("laptop-7"));
}

#[test]
fn names_that_no_certificate_can_hold_are_refused() {
    let authority = authority();
    let long = "x".repeat(65);
    for name in ["", " ", " alice", "a\0b", "a\nb", &long] {
        let refused = authority.issue_client(ClientSubject::User(name), NOW, 1);
        assert!(matches!(refused, Err(PkiError::Name { .. })), "{name:?}");
    }
    for id in [
        "",
        "laptop",
        "018f3c6e2b7a7c3e9d520a1b2c3d4e5f",
        "../../../etc/passwd",
    ] {
        let refused = authority.issue_client(ClientSubject::Device { name: "x", id }, NOW, 1);
        assert!(matches!(refused, Err(PkiError::Name { .. })), "{id:?}");
    }
    for names in [
        vec![],
        vec!["two words"],
        vec!["ok.example", "-"],
        vec!["bücher.example"],
    ] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let refused = authority.issue_server(&names, NOW, 1);
        assert!(matches!(refused, Err(PkiError::Name { .. })), "{names:?}");
    }
}

#[test]
fn impossible_lifetimes_are_refused() {
    assert_eq!(
        Authority::create("CA", NOW, 0).err(),
        Some(PkiError::Lifetime(0))
    );
    assert!(matches!(
        Authority::create("CA", NOW, u32::MAX),
        Err(PkiError::Lifetime(_))
    ));
    assert!(matches!(
        Authority::create("CA", i64::MAX, 1),
        Err(PkiError::Lifetime(_))
    ));
    assert!(matches!(
        Authority::create("CA", i64::MIN, 1),
        Err(PkiError::Lifetime(_))
    ));
}

#[test]
fn an_authority_is_loaded_with_its_own_key_only() {
    let (one, two) = (authority(), authority());
    let loaded = Authority::load(one.certificate_pem(), &one.key_pem()).expect("loaded");
    assert_eq!(loaded.fingerprint_sha256(), one.fingerprint_sha256());
    let issued = loaded
        .issue_client(ClientSubject::User("alice"), NOW, 1)
        .expect("issued");
    verify_client(&one, &issued.certificate_pem, NOW).expect("the same authority");
    let mixed = Authority::load(one.certificate_pem(), &two.key_pem());
    assert_eq!(mixed.err(), Some(PkiError::KeyMismatch));
    let leaf = Authority::load(&issued.certificate_pem, &issued.key_pem);
    assert_eq!(leaf.err(), Some(PkiError::NotAnAuthority));
}

#[test]
fn extensions_are_those_of_rfc_5280() {
    let authority = authority();
    let issued = authority
        .issue_client(ClientSubject::User("alice"), NOW, 1)
        .expect("issued");
    let (ca, leaf) = (
        der(authority.certificate_pem()),
        der(&issued.certificate_pem),
    );
    let (_, ca) = x509_parser::parse_x509_certificate(&ca).expect("readable");
    let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).expect("readable");

    let constraints = ca.basic_constraints().expect("once").expect("present");
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = ca.key_usage().expect("once").expect("present");
    assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
    assert!(!usage.value.digital_signature());

    let constraints = leaf.basic_constraints().expect("once").expect("present");
    assert!(constraints.critical && !constraints.value.ca);
    let usage = leaf.key_usage().expect("once").expect("present");
    assert!(usage.critical && usage.value.digital_signature() && !usage.value.key_cert_sign());

    let identifier = |certificate: &x509_parser::certificate::X509Certificate<'_>| {
        certificate
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            })
    };
    let issuer =
        leaf.extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref(),
                _ => None,
            });
    assert_eq!(issuer.map(|id| id.0.to_vec()), identifier(&ca));
    assert!(identifier(&leaf).is_some());
    assert_ne!(identifier(&leaf), identifier(&ca));
}

#[test]
fn debug_text_holds_no_key() {
    let authority = authority();
    let issued = authority
        .issue_client(ClientSubject::User("alice"), NOW, 1)
        .expect("issued");
    for text in [format!("{authority:?}"), format!("{issued:?}")] {
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
    assert_eq!(authority.fingerprint_sha256().len(), 32 * 3 - 1);
}
