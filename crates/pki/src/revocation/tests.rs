//! RFC 5280 section 5: lists that count, lists that do not, and what they are looked up by.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CrlScope, CustomExtension, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::*;

/// 1 June 2026.
const NOW: i64 = 1_780_272_000 * 1_000_000;

struct Signer {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = usages.to_vec();
    params.use_authority_key_identifier_extension = true;
    params
}

impl Signer {
    fn new(name: &str) -> Self {
        Self::with(params(
            name,
            &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        ))
    }

    fn with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed").der().clone();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate below this one, with its own key.
    fn under(&self, name: &str, serial: u64, authority: bool) -> Self {
        let mut params = params(
            name,
            &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        );
        params.serial_number = Some(SerialNumber::from(serial));
        if !authority {
            params.is_ca = IsCa::NoCa;
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("signed")
            .der()
            .clone();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    fn list(&self, serials: &[u64], point: Option<CrlIssuingDistributionPoint>) -> Vec<u8> {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 5, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 5, 20),
            next_update: date_time_ymd(2026, 6, 20),
            crl_number: SerialNumber::from(7),
            issuing_distribution_point: point,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).expect("signed");
        list.der().to_vec()
    }
}

fn issuances(anchor: &Signer, chain: &[&Signer]) -> Vec<Issuance> {
    let chain: Vec<_> = chain
        .iter()
        .map(|signer| signer.certificate.clone())
        .collect();
    let anchors = Anchors::new(std::slice::from_ref(&anchor.certificate), &[]);
    anchors.way(&chain).expect("readable")
}

#[test]
fn section_5_1_a_list_names_those_that_are_revoked_and_no_others() {
    let root = Signer::new("Root");
    let list = root.list(&[0x80, 0x1234], None);
    let list = RevocationList::read(&list, std::slice::from_ref(&root.certificate)).expect("read");
    for (serial, revoked) in [(0x80, true), (0x1234, true), (0x12, false), (0x3412, false)] {
        let leaf = root.under("leaf", serial, false);
        let way = issuances(&root, &[&leaf]);
        let [link] = &way[..] else { panic!("{way:?}") };
        assert!(list.covers(link));
        assert_eq!(list.revokes(link), revoked, "{serial:x}");
    }
    assert_eq!((list.len(), list.is_empty()), (2, false));
    assert!(list.issuer.contains("Root"));
}

#[test]
fn section_5_1_2_5_a_list_holds_until_its_next_update() {
    const DAY: i64 = 86_400 * 1_000_000;
    let root = Signer::new("Root");
    let list = RevocationList::read(
        &root.list(&[], None),
        std::slice::from_ref(&root.certificate),
    );
    let list = list.expect("read");
    for (days, holds) in [
        (-13, false),
        (-12, true),
        (0, true),
        (19, true),
        (20, false),
    ] {
        assert_eq!(list.holds_at(NOW + days * DAY), holds, "{days} days");
    }
}

#[test]
fn section_6_3_3_only_the_issuers_signature_counts() {
    let (root, namesake, other) = (
        Signer::new("Root"),
        Signer::new("Root"),
        Signer::new("Other"),
    );
    let list = root.list(&[1], None);
    let read = |authorities: &[&Signer]| {
        let authorities: Vec<_> = authorities
            .iter()
            .map(|signer| signer.certificate.clone())
            .collect();
        RevocationList::read(&list, &authorities).map(|list| list.len())
    };
    assert_eq!(read(&[&other, &namesake, &root]), Ok(1));
    assert!(matches!(
        read(&[&namesake]),
        Err(RevocationListError::Signature(_))
    ));
    assert!(matches!(
        read(&[&other]),
        Err(RevocationListError::UnknownIssuer(_))
    ));
    assert!(matches!(
        read(&[]),
        Err(RevocationListError::UnknownIssuer(_))
    ));
    // A key may sign lists only if its certificate says so.
    let signs = KeyUsagePurpose::KeyCertSign;
    let key = KeyPair::generate().expect("a key");
    let mute = params("Root", std::slice::from_ref(&signs));
    let certificate = mute.self_signed(&key).expect("signed").der().clone();
    let loud = params("Root", &[signs, KeyUsagePurpose::CrlSign]);
    let signer = Signer {
        certificate,
        issuer: Issuer::new(loud, key),
    };
    let list = RevocationList::read(&signer.list(&[1], None), &[signer.certificate]);
    assert!(
        matches!(list, Err(RevocationListError::UnknownIssuer(_))),
        "{list:?}"
    );
}

#[test]
fn a_list_that_was_changed_or_cut_says_nothing_else() {
    let root = Signer::new("Root");
    let list = root.list(&[0x55aa], None);
    let authorities = [root.certificate.clone()];
    let says = |list: &[u8]| {
        let read = RevocationList::read(list, &authorities).ok()?;
        let times = (read.this_update_us, read.next_update_us);
        Some((read.serials, times, read.issuer_id, read.authority_key))
    };
    let honest = says(&list);
    assert!(honest.is_some());
    let mut borne = 0;
    for at in 0..list.len() {
        let mut changed = list.clone();
        changed[at] ^= 1;
        if let Some(said) = says(&changed) {
            // Only what is not signed can be changed.
            assert_eq!(Some(said), honest, "octet {at} of {list:02x?}");
            borne += 1;
        }
        assert_eq!(says(&list[..at]), None, "cut at {at}");
    }
    assert!(borne < 3, "{borne} octets of {list:02x?}");
    assert_eq!(says(&[&list[..], &[0]].concat()), None);
}

#[test]
fn section_5_2_5_a_list_about_users_says_nothing_about_authorities() {
    let root = Signer::new("Root");
    let (user, authority) = (root.under("u", 9, false), root.under("a", 9, true));
    let point = |scope| CrlIssuingDistributionPoint {
        distribution_point: CrlDistributionPoint {
            uris: vec!["http://crl.example.org/".to_owned()],
        },
        scope,
    };
    let partial = root.list(&[9], Some(point(Some(CrlScope::UserCertsOnly))));
    let read = RevocationList::read(&partial, std::slice::from_ref(&root.certificate));
    assert!(
        matches!(read, Err(RevocationListError::Partial(_))),
        "{read:?}"
    );
    // rcgen makes no list with a scope and without a distribution point.
    let mut list = RevocationList::read(
        &root.list(&[9], None),
        std::slice::from_ref(&root.certificate),
    );
    let list = list.as_mut().expect("read");
    for (scope, of_user, of_authority) in [
        (Scope::All, true, true),
        (Scope::Users, true, false),
        (Scope::Authorities, false, true),
    ] {
        list.scope = scope;
        let revoked = |signer| list.revokes(&issuances(&root, &[signer])[0]);
        assert_eq!(
            (revoked(&user), revoked(&authority)),
            (of_user, of_authority)
        );
    }
}

#[test]
fn section_5_2_1_an_authority_with_a_new_key_has_a_list_of_its_own() {
    let (old, new) = (Signer::new("Root"), Signer::new("Root"));
    let list = RevocationList::read(
        &old.list(&[9], None),
        std::slice::from_ref(&old.certificate),
    );
    let list = list.expect("read");
    let of = |signer: &Signer| issuances(signer, &[&signer.under("leaf", 9, false)]);
    assert!(list.revokes(&of(&old)[0]));
    assert!(!list.covers(&of(&new)[0]));
}

#[test]
fn every_certificate_on_the_way_is_looked_up_and_none_beside_it() {
    let root = Signer::new("Root");
    let middle = root.under("Middle", 2, true);
    let twin = root.under("Middle", 3, true);
    let leaf = middle.under("leaf", 4, false);
    let stranger = Signer::new("Stranger");
    let serials = |way: Vec<Issuance>| {
        let mut serials: Vec<_> = way.into_iter().map(|link| link.serial).collect();
        serials.sort();
        serials
    };
    let way = issuances(&root, &[&leaf, &stranger, &middle, &root]);
    assert_eq!(serials(way), ["02", "04"]);
    // Which of two authorities by one name signed is not known here, so neither may be revoked.
    let way = issuances(&root, &[&leaf, &twin, &middle]);
    assert_eq!(serials(way), ["02", "03", "04"]);
    assert_eq!(serials(issuances(&middle, &[&leaf, &middle])), ["04"]);
    // Circles end.
    assert_eq!(
        issuances(&root, &[&stranger, &stranger, &stranger]).len(),
        3
    );
    let own = Anchors::new(&[], std::slice::from_ref(&root.certificate));
    let direct = root.under("leaf", 5, false);
    assert_eq!(
        own.way(&[direct.certificate]),
        Ok(Vec::new()),
        "known otherwise"
    );
    let garbage = CertificateDer::from(vec![0x30, 3, 1, 2, 3]);
    assert!(own.way(&[leaf.certificate, garbage]).is_err());
}

#[test]
fn an_unknown_critical_extension_is_not_passed_over() {
    let extension = |critical| {
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 27], vec![2, 1, 1]);
        extension.set_criticality(critical);
        extension
    };
    // rcgen puts no such extension into a list, so it is tried on a certificate's.
    let mut with = params("Root", &[]);
    with.custom_extensions = vec![extension(true)];
    let der = Signer::with(with).certificate;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).expect("read");
    let delta = parsed
        .extensions()
        .iter()
        .filter(|one| one.critical && one.oid.to_id_string() == "2.5.29.27");
    let delta: Vec<_> = delta.cloned().collect();
    assert_eq!(delta.len(), 1);
    assert!(matches!(
        scope(&delta),
        Err(RevocationListError::Partial(_))
    ));
}

#[test]
fn lists_are_found_in_der_and_in_pem() {
    let root = Signer::new("Root");
    let der = root.list(&[1], None);
    assert_eq!(revocation_lists(&der).expect("DER").len(), 1);
    let encoded = rcgen_pem(&der);
    assert_eq!(
        revocation_lists(encoded.repeat(2).as_bytes())
            .expect("PEM")
            .len(),
        2
    );
    for nothing in [&b""[..], b"hello", b"-----BEGIN X509 CRL-----\nAAAA\n"] {
        assert!(matches!(
            revocation_lists(nothing),
            Err(RevocationListError::Malformed(_))
        ));
    }
}

/// The list of [`Signer::list`] in PEM, by hand.
fn rcgen_pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= three.len() {
                ALPHABET[digit] as char
            } else {
                '='
            });
        }
    }
    format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n")
}
