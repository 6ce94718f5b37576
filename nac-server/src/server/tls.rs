//! TLS for EAP, for HTTPS and for RadSec, from the configured files and the CA in the database.

use std::sync::Arc;
use std::time::Duration;

use nac_eap::{CertificateDer, ServerTls, ServerTlsOptions, Settings};
use nac_radius::Version;
use nac_store::Store;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::StartError;
use crate::config::{Config, SessionStorage};

/// Requests in one EAP conversation.
const MAX_ROUNDS: u16 = 50;
/// A supplicant's time for one answer.
const EAP_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of EAP. Fresh settings bring fresh session stores: nothing that an old trust set let in is resumed. Sessions in the
/// database come back only under the same trust set.
pub(super) async fn eap_settings(
    config: &Config,
    store: &Store,
) -> Result<Arc<Settings>, StartError> {
    let identity = &config.certificates.eap;
    let second = config.certificates.second.as_ref();
    let identities = std::iter::once(identity).chain(second);
    let tls = ServerTls::with(ServerTlsOptions {
        identities: identities
            .map(|identity| (identity.chain.clone(), identity.key.clone_key()))
            .collect(),
        client_ca: client_authorities(config, store).await?,
        versions: config.eap.tls,
        session_lifetime_s: config.eap.session_lifetime.as_secs(),
        post_quantum: config.eap.post_quantum,
        share_sessions: config.eap.session_store == SessionStorage::Database,
    })
    .map_err(|error| StartError::Tls(error.to_string()))?;
    let tls = match config.eap.ttls_client_certificate {
        true => tls.with_certificates_in_ttls(),
        false => tls,
    };
    Ok(Arc::new(Settings {
        methods: config.eap.methods.clone(),
        inner_methods: config.eap.inner_methods.clone(),
        crypto_binding: config.eap.crypto_binding,
        tls: Arc::new(tls),
        max_rounds: MAX_ROUNDS,
        timeout: EAP_TIMEOUT,
    }))
}

/// The HTTPS listeners' TLS: client certificates of the same authorities are welcome (osquery's strongest binding), none is fine.
pub(super) async fn https_config(
    config: &Config,
    store: &Store,
) -> Result<Arc<ServerConfig>, StartError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let fault = |error: String| StartError::Tls(error);
    let authorities = client_authorities(config, store).await?;
    let verifier: Arc<dyn ClientCertVerifier> = if authorities.is_empty() {
        WebPkiClientVerifier::no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots
                .add(authority)
                .map_err(|error| fault(error.to_string()))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .map_err(|error| fault(error.to_string()))?
    };
    let identity = &config.certificates.portal;
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(|error| fault(error.to_string()))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// RadSec's TLS: a certificate is demanded. A session is never resumed, so that every connection shows its certificate anew, and no
/// resumption can fall back from RADIUS/1.1 (RFC 9765 section 3.5).
pub(super) async fn radsec_config(
    config: &Config,
    store: &Store,
) -> Result<Arc<ServerConfig>, StartError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let fault = |error: String| StartError::Tls(format!("[radsec] {error}"));
    let mut authorities = config.certificates.radsec_ca.clone();
    if authorities.is_empty() {
        authorities = own_authority(store).await?;
    }
    if authorities.is_empty() {
        let missing = "there is no authority for the NASes' certificates: name one with client_ca";
        return Err(fault(missing.to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        let added = roots.add(authority);
        added.map_err(|error| fault(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| fault(error.to_string()))?;
    let identity = &config.certificates.radsec;
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(|error| fault(error.to_string()))?;
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    tls.alpn_protocols = [Version::V1_1, Version::V1_0]
        .map(|version| version.alpn().to_vec())
        .to_vec();
    Ok(Arc::new(tls))
}

/// Our own CA and the configured ones.
pub(super) async fn client_authorities(
    config: &Config,
    store: &Store,
) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let mut authorities = config.certificates.client_ca.clone();
    let own = own_authority(store).await?;
    authorities.extend(
        own.into_iter()
            .filter(|authority| !config.certificates.client_ca.contains(authority)),
    );
    Ok(authorities)
}

pub(super) async fn own_authority(
    store: &Store,
) -> Result<Vec<CertificateDer<'static>>, StartError> {
    match store.authority_fetch().await? {
        Some((pem, _)) => {
            nac_pki::pem_certificates(&pem).map_err(|error| StartError::Tls(error.to_string()))
        }
        None => Ok(Vec::new()),
    }
}
