//! The supplicant's TLS set-up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::connection::{Role, Tls};
use super::provider::{FixedTime, provider, versions};
use super::server::{TlsSetupError, roots};
use crate::reason::{self, Reason};
use crate::settings::TlsVersions;

/// The key under which sessions are kept when any server name will do. Never sent: SNI is off.
const ANY_SERVER: &str = "any.invalid";

/// A supplicant's trust anchors, its certificate, and the sessions that it can resume.
pub struct PeerTls {
    config: ClientConfig,
    server_name: ServerName<'static>,
}

impl PeerTls {
    /// Sets TLS up. `ca` are the trust anchors for the server's certificate, `server_name` the name
    /// that it must carry (`None`: any name under those anchors), `identity` the supplicant's
    /// certificate chain and key for EAP-TLS.
    pub fn new(
        ca: Vec<CertificateDer<'static>>,
        server_name: Option<String>,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        versions: TlsVersions,
    ) -> Result<Self, TlsSetupError> {
        let provider = provider(false);
        let any_name = server_name.is_none();
        let server_name = server_name.unwrap_or_else(|| ANY_SERVER.to_owned());
        let server_name = ServerName::try_from(server_name.clone())
            .map_err(|_| TlsSetupError::ServerName(server_name))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots(ca)?),
            Arc::clone(&provider),
        )
        .build()
        .map_err(|error| TlsSetupError::Configuration(error.to_string()))?;
        let verifier: Arc<dyn ServerCertVerifier> = if any_name {
            Arc::new(AnyName(verifier))
        } else {
            verifier
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self::versions(versions))
            .map_err(|error| TlsSetupError::Configuration(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| TlsSetupError::Identity(error.to_string()))?,
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = false;
        config.resumption = Resumption::in_memory_sessions(64);
        Ok(Self {
            config,
            server_name,
        })
    }

    pub(crate) fn connect(&self, unix_time: Duration) -> Result<Tls, Reason> {
        self.start(self.config.clone(), unix_time)
    }

    /// A connection inside a tunnel, which resumes nothing.
    pub(crate) fn connect_inside(&self, unix_time: Duration) -> Result<Tls, Reason> {
        let mut config = self.config.clone();
        config.resumption = Resumption::disabled();
        self.start(config, unix_time)
    }

    fn start(&self, mut config: ClientConfig, unix_time: Duration) -> Result<Tls, Reason> {
        config.time_provider = Arc::new(FixedTime(UnixTime::since_unix_epoch(unix_time)));
        let connection = ClientConnection::new(Arc::new(config), self.server_name.clone())
            .map_err(|error| reason::INTERNAL.with(error))?;
        Ok(Tls::new(connection.into(), Role::Peer))
    }
}

impl fmt::Debug for PeerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// Verifies the chain and its purpose, and takes any name. rustls checks the name last, so a name
/// error means that all else was right.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
