//! TLS for EAP and for HTTPS, from the configured files and the CA in the database.

use std::sync::Arc;
use std::time::Duration;

use nac_eap::{CertificateDer, ServerTls, Settings};
use nac_store::Store;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::StartError;
use crate::config::Config;

/// Requests in one EAP conversation.
const MAX_ROUNDS: u16 = 50;
/// A supplicant's time for one answer.
const EAP_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of EAP. Fresh settings bring fresh session stores: nothing that an old trust set let in is resumed.
pub(super) async fn eap_settings(
    config: &Config,
    store: &Store,
) -> Result<Arc<Settings>, StartError> {
    let identity = &config.certificates.eap;
    let tls = ServerTls::new(
        identity.chain.clone(),
        identity.key.clone_key(),
        client_authorities(config, store).await?,
        config.eap.tls,
        config.eap.session_lifetime.as_secs(),
    )
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

/// Our own CA and the configured ones.
async fn client_authorities(
    config: &Config,
    store: &Store,
) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let mut authorities = config.certificates.client_ca.clone();
    if let Some((pem, _)) = store.authority_fetch().await? {
        let own =
            nac_pki::pem_certificates(&pem).map_err(|error| StartError::Tls(error.to_string()))?;
        authorities.extend(
            own.into_iter()
                .filter(|authority| !config.certificates.client_ca.contains(authority)),
        );
    }
    Ok(authorities)
}
