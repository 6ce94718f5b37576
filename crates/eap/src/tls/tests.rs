//! What the server shows to which supplicant: certificates, OCSP responses, key exchange.

use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_RSA_SHA256,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, NamedGroup, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::provider::versions;
use super::{ServerTls, ServerTlsOptions};
use crate::settings::{Method, TlsVersions};
use crate::support::NOW;

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(key: &KeyPair) -> Identity {
    let mut params = CertificateParams::new(vec!["radius.example.org".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "radius");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (vec![certificate.der().clone()], key)
}

fn server(identities: Vec<Identity>, versions: TlsVersions, post_quantum: bool) -> ServerTls {
    let options = ServerTlsOptions {
        identities,
        client_ca: Vec::new(),
        versions,
        session_lifetime_s: 0,
        post_quantum,
        share_sessions: false,
    };
    ServerTls::with(options).unwrap()
}

/// Believes everything that is signed by the schemes that it knows, and remembers what it was shown.
#[derive(Debug)]
struct Witness {
    schemes: Vec<SignatureScheme>,
    shown: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.lock().unwrap() = Some((end_entity.to_vec(), ocsp_response.to_vec()));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// What a handshake came to.
#[derive(Debug)]
struct Seen {
    certificate: Vec<u8>,
    ocsp: Vec<u8>,
    group: Option<NamedGroup>,
}

/// Shakes hands as a supplicant that knows these schemes, and these cipher suites and groups.
fn shake_hands(
    server: &ServerTls,
    schemes: &[SignatureScheme],
    client_versions: TlsVersions,
    change: impl FnOnce(&mut CryptoProvider),
) -> Result<Seen, &'static str> {
    let witness = Arc::new(Witness {
        schemes: schemes.to_vec(),
        shown: Mutex::default(),
    });
    let mut provider = aws_lc_rs::default_provider();
    change(&mut provider);
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions(client_versions))
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as _)
        .with_no_client_auth();
    let client = finish(server, Method::Peap, config)?;
    let group = client.negotiated_key_exchange_group();
    let (certificate, ocsp) = witness.shown.lock().unwrap().take().unwrap();
    Ok(Seen {
        certificate,
        ocsp,
        group: group.map(|group| group.name()),
    })
}

/// Goes on until both sides are done.
fn finish(
    server: &ServerTls,
    method: Method,
    config: ClientConfig,
) -> Result<ClientConnection, &'static str> {
    let name = ServerName::try_from("radius.example.org").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let (mut tls, _) = server.connect(method, NOW).unwrap();
    while client.is_handshaking() || tls.is_handshaking() {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        tls.feed(&flight).map_err(|reason| reason.code)?;
        let flight = tls.output();
        client.read_tls(&mut &flight[..]).unwrap();
        client.process_new_packets().unwrap();
    }
    Ok(client)
}

const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
];
const BOTH: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ECDSA_NISTP256_SHA256,
];

fn only_rsa_suites(provider: &mut CryptoProvider) {
    let rsa = |name: &str| name.starts_with("TLS_ECDHE_RSA");
    let suites = &mut provider.cipher_suites;
    suites.retain(|suite| suite.suite().as_str().is_some_and(rsa));
}

#[test]
fn a_supplicant_is_shown_the_certificate_that_it_can_verify() {
    let elliptic = KeyPair::generate().unwrap();
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let (first, second) = (identity(&elliptic), identity(&rsa));
    let certificates = [first.0[0].to_vec(), second.0[0].to_vec()];
    let copy = |(chain, key): &Identity| (chain.clone(), key.clone_key());
    for served in [TlsVersions::Both, TlsVersions::Only12, TlsVersions::Only13] {
        let server = server(vec![copy(&first), copy(&second)], served, false);
        for (schemes, shown) in [(ECDSA, 0), (RSA, 1), (BOTH, 0)] {
            let seen = shake_hands(&server, schemes, TlsVersions::Both, |_| ()).unwrap();
            assert_eq!(
                seen.certificate, certificates[shown],
                "{served:?} {schemes:?}"
            );
        }
        // It knows both kinds of signature, and RSA's cipher suites only.
        let old = shake_hands(&server, BOTH, TlsVersions::Only12, only_rsa_suites);
        match served {
            TlsVersions::Only13 => assert_eq!(old.unwrap_err(), "EAP-1206"),
            _ => assert_eq!(old.unwrap().certificate, certificates[1], "{served:?}"),
        }
    }
    // The order is the preference.
    let reversed = server(vec![copy(&second), copy(&first)], TlsVersions::Both, false);
    let seen = shake_hands(&reversed, BOTH, TlsVersions::Both, |_| ()).unwrap();
    assert_eq!(seen.certificate, certificates[1]);
    // One certificate is all there is.
    let single = server(vec![copy(&first)], TlsVersions::Both, false);
    let code = shake_hands(&single, RSA, TlsVersions::Both, |_| ()).unwrap_err();
    assert_eq!(code, "EAP-1206");
    assert!(
        ServerTls::with(ServerTlsOptions {
            identities: Vec::new(),
            client_ca: Vec::new(),
            versions: TlsVersions::Both,
            session_lifetime_s: 0,
            post_quantum: false,
            share_sessions: false,
        })
        .is_err()
    );
}

#[test]
fn an_ocsp_response_comes_with_the_certificate_that_it_is_about() {
    let elliptic = identity(&KeyPair::generate().unwrap());
    let rsa = identity(&KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
    let server = server(vec![elliptic, rsa], TlsVersions::Both, false);
    for version in [TlsVersions::Only12, TlsVersions::Only13] {
        let stapled = |schemes| shake_hands(&server, schemes, version, |_| ()).unwrap().ocsp;
        server.staple(0, Some(b"first".to_vec()));
        assert_eq!(
            (stapled(ECDSA), stapled(RSA)),
            (b"first".to_vec(), Vec::new())
        );
        server.staple(0, None);
        server.staple(1, Some(b"second".to_vec()));
        server.staple(2, Some(b"nobody's".to_vec()));
        assert_eq!(
            (stapled(ECDSA), stapled(RSA)),
            (Vec::new(), b"second".to_vec())
        );
        server.staple(1, None);
    }
}

#[test]
fn a_post_quantum_key_exchange_is_an_option() {
    let identity = identity(&KeyPair::generate().unwrap());
    let copy = || vec![(identity.0.clone(), identity.1.clone_key())];
    let classic = |provider: &mut CryptoProvider| {
        provider.kx_groups = vec![kx_group::X25519, kx_group::SECP256R1];
    };
    let hybrid = |provider: &mut CryptoProvider| {
        provider.kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519];
    };
    for (wanted, group) in [
        (true, NamedGroup::X25519MLKEM768),
        (false, NamedGroup::X25519),
    ] {
        let server = server(copy(), TlsVersions::Both, wanted);
        let seen = shake_hands(&server, BOTH, TlsVersions::Only13, hybrid).unwrap();
        assert_eq!(seen.group, Some(group));
        // Nobody needs it.
        let seen = shake_hands(&server, BOTH, TlsVersions::Only13, classic).unwrap();
        assert_eq!(seen.group, Some(NamedGroup::X25519));
        let seen = shake_hands(&server, BOTH, TlsVersions::Only12, hybrid).unwrap();
        assert_eq!(seen.group, Some(NamedGroup::X25519));
    }
}

#[test]
fn a_chain_that_is_known_already_lets_nobody_in_without_its_key() {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let mut params = CertificateParams::new(vec!["laptop.example.org".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (owner, thief) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = params.signed_by(&owner, &issuer).unwrap().der().clone();
    for versions_of_both in [TlsVersions::Only12, TlsVersions::Only13] {
        let options = ServerTlsOptions {
            identities: vec![identity(&KeyPair::generate().unwrap())],
            client_ca: vec![authority.der().clone()],
            versions: versions_of_both,
            session_lifetime_s: 0,
            post_quantum: false,
            share_sessions: false,
        };
        let server = ServerTls::with(options).unwrap();
        let log_in = |key: &KeyPair| {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
            let shown = CertifiedKey::new(vec![certificate.clone()], key);
            let witness = Witness {
                schemes: ECDSA.to_vec(),
                shown: Mutex::default(),
            };
            let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
                .with_protocol_versions(versions(versions_of_both))
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(witness))
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
            finish(&server, Method::Tls, config).map(drop)
        };
        for (key, expected) in [
            (&thief, Err("EAP-1207")),
            (&owner, Ok(())),
            (&thief, Err("EAP-1207")),
            (&owner, Ok(())),
        ] {
            assert_eq!(log_in(key), expected, "{versions_of_both:?}");
        }
    }
}
