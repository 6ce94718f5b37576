//! Which certificate chains let a client in, and the reason for each that does not (RFC 5280 section 6.1, RFC 5216
//! section 5.3, RFC 9190 section 5.3).
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use nac_eap::peer::{PeerMethod, PeerTls};
use nac_eap::{CertificateDer, Method, PrivateKeyDer, ServerTls, TlsVersions};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use support::{Identity, LIFETIME_S, Login, copy, pki, settings_of};

/// An authority, and how the leaf reaches it.
struct Signer {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example.org")]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Signer {
    fn root(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn under(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    /// A leaf with these certificates behind it.
    fn issue(&self, params: CertificateParams, behind: &[&Self]) -> Identity {
        self.issue_for(KeyPair::generate().unwrap(), params, behind)
    }

    fn issue_for(&self, key: KeyPair, params: CertificateParams, behind: &[&Self]) -> Identity {
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let behind = behind.iter().map(|signer| signer.certificate.clone());
        let chain = std::iter::once(certificate.der().clone()).chain(behind);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (chain.collect(), key)
    }
}

fn rsa(size: RsaKeySize) -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap()
}

/// What is expected of a chain: nothing against it, or this code.
type Case = (&'static str, Identity, Result<(), &'static str>);

/// One trusted root, and every way to lean on it.
fn cases(root: &Signer) -> Vec<Case> {
    let intermediate = root.under(authority("Intermediate"));
    let stranger = Signer::root(authority("Stranger"));
    let namesake = Signer::root(authority("Root"));
    let under_leaf = root.under(leaf("no-authority"));

    let mut limited = authority("Limited");
    limited.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".to_owned())],
        excluded_subtrees: vec![GeneralSubtree::DnsName("secret.example.org".to_owned())],
    });
    let limited = root.under(limited);
    let named = |name: &str| {
        let mut params = leaf("named");
        params.subject_alt_names = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .subject_alt_names;
        params
    };

    let mut last = authority("Last");
    last.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let last = root.under(last);
    let below_last = last.under(authority("Below last"));

    let mut old = authority("Old");
    old.not_after = date_time_ymd(2026, 5, 1);
    let old = root.under(old);

    let mut expired = leaf("expired");
    expired.not_after = date_time_ymd(2026, 5, 1);
    let mut early = leaf("early");
    early.not_before = date_time_ymd(2026, 7, 1);
    let mut server = leaf("server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut code = leaf("code");
    code.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let mut both = leaf("both");
    both.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let mut any = leaf("any");
    any.extended_key_usages.clear();
    let mut authority_as_client = authority("authority-as-client");
    authority_as_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];

    let self_signed = {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf("self").self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    };
    let ten = vec![&intermediate; 9];
    let eleven = vec![&intermediate; 10];
    vec![
        ("good", root.issue(leaf("good"), &[]), Ok(())),
        (
            "good, with the root",
            root.issue(leaf("good"), &[root]),
            Ok(()),
        ),
        (
            "good by an intermediate",
            intermediate.issue(leaf("good"), &[&intermediate]),
            Ok(()),
        ),
        (
            "ten certificates",
            intermediate.issue(leaf("good"), &ten),
            Ok(()),
        ),
        ("for servers and clients", root.issue(both, &[]), Ok(())),
        ("for any purpose", root.issue(any, &[]), Ok(())),
        (
            "RSA 2048",
            root.issue_for(rsa(RsaKeySize::_2048), leaf("rsa"), &[]),
            Ok(()),
        ),
        (
            "RSA 4096",
            root.issue_for(rsa(RsaKeySize::_4096), leaf("rsa"), &[]),
            Ok(()),
        ),
        (
            "a permitted name",
            limited.issue(named("a.example.org"), &[&limited]),
            Ok(()),
        ),
        ("expired", root.issue(expired, &[]), Err("EAP-1204")),
        ("not valid yet", root.issue(early, &[]), Err("EAP-1215")),
        (
            "an expired intermediate",
            old.issue(leaf("good"), &[&old]),
            Err("EAP-1204"),
        ),
        ("for servers only", root.issue(server, &[]), Err("EAP-1216")),
        ("for code only", root.issue(code, &[]), Err("EAP-1216")),
        (
            "an authority",
            root.issue(authority_as_client, &[]),
            Err("EAP-1217"),
        ),
        (
            "an unknown authority",
            stranger.issue(leaf("good"), &[]),
            Err("EAP-1205"),
        ),
        (
            "an unknown authority, sent along",
            stranger.issue(leaf("good"), &[&stranger]),
            Err("EAP-1205"),
        ),
        (
            "an authority by the same name",
            namesake.issue(leaf("good"), &[&namesake]),
            Err("EAP-1207"),
        ),
        ("self-signed", self_signed, Err("EAP-1205")),
        (
            "the intermediate missing",
            intermediate.issue(leaf("good"), &[]),
            Err("EAP-1205"),
        ),
        (
            "a foreign name",
            limited.issue(named("a.example.net"), &[&limited]),
            Err("EAP-1218"),
        ),
        (
            "an excluded name",
            limited.issue(named("a.secret.example.org"), &[&limited]),
            Err("EAP-1218"),
        ),
        (
            "signed by a client",
            under_leaf.issue(leaf("good"), &[&under_leaf]),
            Err("EAP-1221"),
        ),
        (
            "below the last authority",
            below_last.issue(leaf("good"), &[&below_last, &last]),
            Err("EAP-1222"),
        ),
        (
            "eleven certificates",
            intermediate.issue(leaf("good"), &eleven),
            Err("EAP-1220"),
        ),
    ]
}

#[test]
fn only_good_chains_let_a_client_in_and_each_other_has_its_reason() {
    let root = Signer::root(authority("Root"));
    let cases = cases(&root);
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let (chain, key) = copy(&pki().server);
        let trusted = vec![root.certificate.clone()];
        let tls = ServerTls::new(chain, key, trusted, versions, LIFETIME_S).unwrap();
        let tls = Arc::new(tls);
        for method in [PeerMethod::Tls, PeerMethod::PeapTls, PeerMethod::TtlsEapTls] {
            let settings = settings_of(&tls, &[Method::Tls, Method::Peap, Method::Ttls]);
            for (name, identity, expected) in &cases {
                let ca = vec![pki().authority.certificate()];
                let peer = PeerTls::new(ca, None, Some(copy(identity)), versions).unwrap();
                let outcome = Login::new(&settings, method, &Arc::new(peer)).run();
                let found = outcome.server.map(drop).map_err(|reason| reason.code);
                assert_eq!(found, *expected, "{name}: {method:?}, {versions:?}");
                let welcomed = matches!(outcome.peer, Some(Ok(_)));
                assert_eq!(
                    welcomed,
                    expected.is_ok(),
                    "{name}: {method:?}, {versions:?}"
                );
            }
        }
    }
}

#[test]
fn a_chain_that_let_a_client_in_before_is_judged_by_its_time_anew() {
    let root = Signer::root(authority("Root"));
    let mut middle = authority("Middle");
    middle.not_after = date_time_ymd(2027, 1, 1);
    let middle = root.under(middle);
    let mut short = leaf("short");
    short.not_after = date_time_ymd(2026, 12, 1);
    let by_root = root.issue(short, &[]);
    let by_middle = middle.issue(leaf("long"), &[&middle]);
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let (chain, key) = copy(&pki().server);
        let trusted = vec![root.certificate.clone()];
        let tls = Arc::new(ServerTls::new(chain, key, trusted, versions, LIFETIME_S).unwrap());
        let settings = settings_of(&tls, &[Method::Tls]);
        let log_in = |identity: &Identity, unix_time: Option<Duration>| {
            let ca = vec![pki().authority.certificate()];
            let peer = PeerTls::new(ca, None, Some(copy(identity)), versions);
            let mut login = Login::new(&settings, PeerMethod::Tls, &Arc::new(peer.unwrap()));
            login.unix_time = unix_time.unwrap_or(login.unix_time);
            login.run().server.map(drop).map_err(|reason| reason.code)
        };
        // 1 February 2027: the server's own certificate is good for longer.
        let later = Some(Duration::from_secs(1_801_440_000));
        for identity in [&by_root, &by_middle] {
            assert_eq!(log_in(identity, None), Ok(()), "{versions:?}");
            assert_eq!(log_in(identity, None), Ok(()), "{versions:?}");
            assert_eq!(log_in(identity, later), Err("EAP-1204"), "{versions:?}");
        }
    }
}
