//! Which of its certificates the server shows: the first that the supplicant can verify.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::SignatureAlgorithm;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::server::TlsSetupError;
use crate::settings::TlsVersions;

/// The server's certificates, the preferred one first.
#[derive(Debug)]
pub(super) struct ServerIdentities {
    identities: Vec<RwLock<Arc<CertifiedKey>>>,
    tls13: bool,
}

impl ServerIdentities {
    pub(super) fn new(
        identities: Vec<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        versions: TlsVersions,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsSetupError> {
        let certified = |(chain, key)| {
            CertifiedKey::from_der(chain, key, provider)
                .map(|identity| RwLock::new(Arc::new(identity)))
                .map_err(|error| TlsSetupError::Identity(error.to_string()))
        };
        let identities: Vec<_> = identities
            .into_iter()
            .map(certified)
            .collect::<Result<_, _>>()?;
        if identities.is_empty() {
            return Err(TlsSetupError::Identity("there is none".to_owned()));
        }
        Ok(Self {
            identities,
            tls13: versions != TlsVersions::Only12,
        })
    }

    /// Hands this OCSP response out with a certificate from now on, or none.
    pub(super) fn staple(&self, number: usize, response: Option<Vec<u8>>) {
        let Some(identity) = self.identities.get(number) else {
            return;
        };
        let mut identity = identity.write().unwrap_or_else(PoisonError::into_inner);
        let mut stapled = CertifiedKey::clone(&identity);
        stapled.ocsp = response;
        *identity = Arc::new(stapled);
    }

    fn get(identity: &RwLock<Arc<CertifiedKey>>) -> Arc<CertifiedKey> {
        Arc::clone(&identity.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for ServerIdentities {
    /// When none fits, the first is as good as any: TLS then says what was missing.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut identities = self.identities.iter().map(Self::get);
        let first = identities.next()?;
        if fits(&first, &hello, self.tls13) {
            return Some(first);
        }
        let fitting = identities.find(|identity| fits(identity, &hello, self.tls13));
        Some(fitting.unwrap_or(first))
    }
}

/// Whether a ClientHello can be answered with this certificate. Up to TLS 1.2 the kind of its key is a part of the
/// cipher suite (RFC 8422 section 2); in TLS 1.3 the signature schemes say it all (RFC 8446 section 4.4.2.2).
fn fits(identity: &CertifiedKey, hello: &ClientHello<'_>, tls13: bool) -> bool {
    if identity
        .key
        .choose_scheme(hello.signature_schemes())
        .is_none()
    {
        return false;
    }
    let kind = match identity.key.algorithm() {
        SignatureAlgorithm::RSA => "TLS_ECDHE_RSA_",
        _ => "TLS_ECDHE_ECDSA_",
    };
    hello.cipher_suites().iter().any(|suite| {
        let name = suite.as_str().unwrap_or_default();
        name.starts_with(kind) || (tls13 && name.starts_with("TLS13_"))
    })
}
