//! RFC 6960 section 3.2: which answers count, and which do not.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, PublicKeyData as _, SerialNumber, SigningKey as _, date_time_ymd,
};

use super::*;
use crate::ocsp::OcspStatus;

/// 1 June 2026.
const NOW: i64 = 1_780_272_000 * 1_000_000;
const URL: &str = "http://ocsp.example.org/";
const GOOD: &[u8] = &[0x80, 0];
const REVOKED: &[u8] = b"\xa1\x11\x18\x0f20260501000000Z";

struct Party {
    certificate: CertificateDer<'static>,
    params: CertificateParams,
    key: KeyPair,
}

fn params(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = is_ca;
    params
}

fn authority(name: &str) -> CertificateParams {
    params(name, IsCa::Ca(BasicConstraints::Unconstrained))
}

/// A client's certificate that names the responder of its issuer.
fn client() -> CertificateParams {
    let mut params = params("alice", IsCa::NoCa);
    params.serial_number = Some(SerialNumber::from(0x9abc));
    let method = wrap(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1]);
    let place = |url: &str| wrap(0x30, &[method.clone(), wrap(0x86, url.as_bytes())].concat());
    let places = [place("ldap://dc/"), place("https://x/"), place(URL)].concat();
    let access = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    let extension = CustomExtension::from_oid_content(&access, wrap(0x30, &places));
    params.custom_extensions.push(extension);
    params
}

/// A certificate of a responder.
fn delegate() -> CertificateParams {
    let mut params = params("Responder", IsCa::NoCa);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    params
}

impl Party {
    fn root() -> Self {
        let (params, key) = (authority("Root"), KeyPair::generate().expect("a key"));
        let certificate = params.self_signed(&key).expect("signed").der().clone();
        Self {
            certificate,
            params,
            key,
        }
    }

    fn under(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("signed");
        Self {
            certificate: certificate.der().clone(),
            params,
            key,
        }
    }

    fn by_name(&self) -> Vec<u8> {
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.certificate).expect("parsed");
        wrap(0xa1, parsed.subject().as_raw())
    }

    fn by_key(&self) -> Vec<u8> {
        wrap(
            0xa2,
            &wrap(4, &sha1(self.key.der_bytes()).expect("a digest")),
        )
    }
}

/// What a response says.
struct Said<'a> {
    serial: &'a [u8],
    status: &'a [u8],
    this: &'a str,
    next: Option<&'a str>,
    extensions: Vec<u8>,
}

fn said(status: &[u8]) -> Said<'_> {
    Said {
        serial: &[0, 0x9a, 0xbc],
        status,
        this: "20260531000000Z",
        next: Some("20260602000000Z"),
        extensions: Vec::new(),
    }
}

fn response(
    question: &OcspQuestion,
    said: &Said<'_>,
    responder: Vec<u8>,
    key: &KeyPair,
    certificates: &[&Party],
) -> Vec<u8> {
    let at = |text: &str| wrap(0x18, text.as_bytes());
    let id = [
        wrap(0x30, &wrap(6, &SHA1)),
        wrap(4, &question.issuer_name),
        wrap(4, &question.issuer_key),
        wrap(2, said.serial),
    ];
    let single = [
        wrap(0x30, &id.concat()),
        said.status.to_vec(),
        at(said.this),
        said.next
            .map(|next| wrap(0xa0, &at(next)))
            .unwrap_or_default(),
        said.extensions.clone(),
    ];
    let data = [
        responder,
        at(said.this),
        wrap(0x30, &wrap(0x30, &single.concat())),
    ];
    let data = wrap(0x30, &data.concat());
    let signature = key.sign(&data).expect("signed");
    let certificates: Vec<u8> = certificates
        .iter()
        .flat_map(|party| party.certificate.to_vec())
        .collect();
    let certificates = match certificates.is_empty() {
        true => Vec::new(),
        false => wrap(0xa0, &wrap(0x30, &certificates)),
    };
    let ecdsa_with_sha256 = wrap(0x30, &wrap(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let signature = wrap(3, &[&[0][..], &signature].concat());
    let basic = wrap(
        0x30,
        &[data, ecdsa_with_sha256, signature, certificates].concat(),
    );
    let kind = wrap(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]);
    let octets = wrap(0x30, &[kind, wrap(4, &basic)].concat());
    wrap(0x30, &[vec![0x0a, 1, 0], wrap(0xa0, &octets)].concat())
}

fn question(root: &Party, chain: &[&Party]) -> OcspQuestion {
    let mut questions = questions(root, chain);
    assert!(!questions.is_empty());
    questions.remove(0)
}

fn questions(root: &Party, chain: &[&Party]) -> Vec<OcspQuestion> {
    let chain: Vec<_> = chain
        .iter()
        .map(|party| party.certificate.clone())
        .collect();
    OcspQuestion::of_chain(&chain, std::slice::from_ref(&root.certificate))
}

#[test]
fn section_4_1_1_a_request_names_the_certificate() {
    let root = Party::root();
    let alice = root.under(client());
    let question = question(&root, &[&alice]);
    assert_eq!(question.url.as_deref(), Some(URL));
    assert_eq!(question.issuance.serial, "9abc");
    let request = question.request();
    // Five SEQUENCEs, then CertID's hash, name, key and serial number.
    let sha1 = [&[0x30, 9, 6, 5][..], &SHA1, &[5, 0]].concat();
    let id = [
        sha1,
        [&[4, 20][..], &question.issuer_name].concat(),
        [&[4, 20][..], &question.issuer_key].concat(),
        vec![2, 3, 0, 0x9a, 0xbc],
    ];
    let id = id.concat();
    assert!(request.ends_with(&id));
    assert_eq!(request.len(), id.len() + 5 * 2);
}

#[test]
fn section_2_2_an_answer_of_the_issuer_counts_whatever_it_is() {
    let root = Party::root();
    let question = question(&root, &[&root.under(client())]);
    for responder in [root.by_name(), root.by_key()] {
        for (status, expected) in [
            (GOOD, OcspStatus::Good),
            (REVOKED, OcspStatus::Revoked),
            (&[0x82, 0], OcspStatus::Unknown),
        ] {
            let response = response(&question, &said(status), responder.clone(), &root.key, &[]);
            let answer = question.read(&response, NOW).expect("it counts");
            assert_eq!(answer.status, expected);
        }
    }
}

#[test]
fn section_4_2_2_2_only_the_issuer_and_its_delegates_may_sign() {
    let (root, stranger) = (Party::root(), Party::root());
    let alice = root.under(client());
    let question = question(&root, &[&alice]);
    let good = said(GOOD);
    let by = |party: &Party, with: &[&Party]| {
        let response = response(&question, &good, party.by_name(), &party.key, with);
        question.read(&response, NOW).map(|answer| answer.status)
    };
    let delegated = root.under(delegate());
    assert_eq!(by(&delegated, &[&delegated]), Ok(OcspStatus::Good));
    assert_eq!(by(&delegated, &[&alice, &delegated]), Ok(OcspStatus::Good));
    // It does not come along; it is for something else; somebody else delegated; its time is over.
    assert_eq!(by(&delegated, &[]), Err(OcspError::Signer));
    assert_eq!(by(&alice, &[&alice]), Err(OcspError::Signer));
    let other = stranger.under(delegate());
    assert_eq!(by(&other, &[&other]), Err(OcspError::Signer));
    let mut old = delegate();
    old.not_before = date_time_ymd(2020, 1, 1);
    old.not_after = date_time_ymd(2026, 5, 31);
    let old = root.under(old);
    assert_eq!(by(&old, &[&old]), Err(OcspError::Signer));
    // Who only has the issuer's name has not its key.
    assert_eq!(by(&stranger, &[&stranger]), Err(OcspError::Signature));
}

#[test]
fn section_3_2_an_answer_is_about_this_certificate_and_of_this_time() {
    let root = Party::root();
    let question = question(&root, &[&root.under(client())]);
    let read = |said: Said<'_>| {
        let response = response(&question, &said, root.by_name(), &root.key, &[]);
        question.read(&response, NOW).map(|answer| answer.status)
    };
    let other = Said {
        serial: &[0x55],
        ..said(GOOD)
    };
    assert_eq!(read(other), Err(OcspError::OtherCertificate));
    for (this, next, expected) in [
        (
            "20260531000000Z",
            Some("20260601000000Z"),
            Ok(OcspStatus::Good),
        ),
        (
            "20260530000000Z",
            Some("20260531235959Z"),
            Err(OcspError::Stale),
        ),
        (
            "20260601000500Z",
            Some("20260602000000Z"),
            Ok(OcspStatus::Good),
        ),
        (
            "20260601000501Z",
            Some("20260602000000Z"),
            Err(OcspError::NotYet),
        ),
        ("20260531230000Z", None, Ok(OcspStatus::Good)),
        ("20260531225959Z", None, Err(OcspError::Stale)),
    ] {
        let said = Said {
            this,
            next,
            ..said(GOOD)
        };
        assert_eq!(read(said), expected, "{this} {next:?}");
    }
    // An extension that has to be understood.
    let extension = |critical: u8| {
        let parts = [wrap(6, &[0x2a, 3]), wrap(1, &[critical]), wrap(4, &[5, 0])];
        wrap(0xa1, &wrap(0x30, &wrap(0x30, &parts.concat())))
    };
    let with = |critical| Said {
        extensions: extension(critical),
        ..said(GOOD)
    };
    assert_eq!(read(with(0)), Ok(OcspStatus::Good));
    assert_eq!(read(with(0xff)), Err(OcspError::Malformed));
}

#[test]
fn section_2_3_a_responder_may_fail_and_say_how() {
    let root = Party::root();
    let question = question(&root, &[&root.under(client())]);
    for (status, name) in [
        (1, "malformedRequest"),
        (3, "tryLater"),
        (6, "unauthorized"),
    ] {
        let read = question.read(&[0x30, 3, 0x0a, 1, status], NOW);
        assert_eq!(read, Err(OcspError::Failed(name)));
    }
}

#[test]
fn damaged_octets_never_count() {
    let root = Party::root();
    let question = question(&root, &[&root.under(client())]);
    let delegated = root.under(delegate());
    let good = response(
        &question,
        &said(GOOD),
        delegated.by_key(),
        &delegated.key,
        &[&delegated],
    );
    assert!(question.read(&good, NOW).is_ok());
    for end in 0..good.len() {
        assert!(question.read(&good[..end], NOW).is_err(), "cut at {end}");
    }
    for (place, octet) in good.iter().enumerate() {
        for wrong in [octet ^ 1, octet ^ 0x80, 0xff - octet] {
            let mut damaged = good.clone();
            damaged[place] = wrong;
            // Outside what is signed an octet may mean nothing.
            if let Ok(answer) = question.read(&damaged, NOW) {
                assert_eq!(
                    (answer.status, answer.serial.as_str()),
                    (OcspStatus::Good, "9abc")
                );
            }
        }
    }
}

#[test]
fn only_what_leads_to_an_anchor_is_asked_about() {
    let root = Party::root();
    let middle = root.under(authority("Middle"));
    let alice = middle.under(client());
    let serials = |chain: &[&Party]| questions(&root, chain).len();
    assert_eq!(serials(&[&alice, &middle]), 2);
    assert_eq!(serials(&[&alice, &middle, &root]), 2);
    // Nobody knows who issued it.
    assert_eq!(serials(&[&alice]), 0);
    assert_eq!(serials(&[]), 0);
    // Somebody with the same name, and the right one.
    let false_root = Party::root();
    let false_middle = false_root.under(authority("Middle"));
    assert_eq!(serials(&[&alice, &false_middle, &middle]), 2);
    assert_eq!(serials(&[&alice, &false_middle]), 0);
    // The right key in a certificate that nobody issued.
    let issuer = Issuer::from_params(&false_root.params, &false_root.key);
    let forged = authority("Middle")
        .signed_by(&middle.key, &issuer)
        .expect("signed");
    let forged = Party {
        certificate: forged.der().clone(),
        params: authority("Middle"),
        key: KeyPair::generate().expect("a key"),
    };
    assert_eq!(serials(&[&alice, &forged]), 0);
    assert_eq!(serials(&[&alice, &forged, &middle]), 2);
}
