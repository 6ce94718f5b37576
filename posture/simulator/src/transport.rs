//! One HTTPS connection with osquery's habits: status codes unseen, empty body means success.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value};

use crate::settings::{HostSettings, Profile};

/// Why a request to the server, or a host's set-up, failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The settings cannot make a TLS client.
    #[error("the host's TLS settings do not work: {0}")]
    Settings(String),
    /// A fixture does not fit the tables.
    #[error("the host's tables refuse a statement: {0}")]
    Tables(#[from] crate::SqlFault),
    /// No answer: refused, timed out, or TLS failed.
    #[error("no answer from the server: {0}")]
    Transport(String),
    /// The answer is not a JSON object.
    #[error("the answer is not a JSON object")]
    NotJson,
    /// The answer carries `error`.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The answer carries `node_invalid: true`; the node key is gone.
    #[error("the server does not know this node")]
    NodeInvalid,
    /// The enrolment answer has no usable node key.
    #[error("enrolment was refused")]
    NotEnrolled,
}

/// The client half of osquery's TLS plug-ins.
#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    base: String,
    profile: Profile,
}

impl Transport {
    pub(crate) fn new(settings: &HostSettings) -> Result<Self, Fault> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings)?)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(format!("osquery/{}", settings.osquery_version))
            .timeout(settings.timeout)
            .local_address(settings.local_address)
            .pool_max_idle_per_host(2)
            .no_proxy()
            .http1_only()
            .build()
            .map_err(|error| Fault::Settings(chain(&error)))?;
        Ok(Self {
            client,
            base: format!(
                "{}{}",
                settings.server_url.trim_end_matches('/'),
                settings.prefix
            ),
            profile: settings.profile,
        })
    }

    /// Posts one JSON object, gives back the answer's object. The HTTP status is not looked at.
    pub(crate) async fn post(
        &self,
        endpoint: &str,
        body: &Value,
        node_key: Option<&str>,
        gzip: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let mut bytes = body.to_string().into_bytes();
        let content_type = match self.profile {
            Profile::ChromeExtension => "text/plain;charset=UTF-8",
            _ => "application/json",
        };
        let mut request = self
            .client
            .post(format!("{}/{endpoint}", self.base))
            .header(CONTENT_TYPE, content_type)
            .header("Accept", "application/json");
        if gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            bytes = encoder
                .write_all(&bytes)
                .and_then(|()| encoder.finish())
                .map_err(|error| Fault::Settings(error.to_string()))?;
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        if let (Profile::AuthorizationHeader, Some(key)) = (self.profile, node_key)
            && let Ok(mut value) = HeaderValue::from_str(&format!("NodeKey {key}"))
        {
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let answer = request
            .body(bytes)
            .send()
            .await
            .map_err(|error| Fault::Transport(chain(&error)))?
            .bytes()
            .await
            .map_err(|error| Fault::Transport(chain(&error)))?;
        if answer.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&answer) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Fault::NotJson),
        }
    }
}

/// A client configuration that trusts only the given authorities and assumes no global provider.
fn tls(settings: &HostSettings) -> Result<ClientConfig, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Settings(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(settings.ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|error| fault(&error))?;
        roots.add(certificate).map_err(|error| fault(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(&error))?
        .with_root_certificates(roots);
    let Some((certificates, key)) = &settings.client_identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(certificates.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| fault(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| fault(&error))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| fault(&error))
}

/// The whole story: reqwest's first sentence alone says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        story.push_str(": ");
        story.push_str(&inner.to_string());
        cause = inner.source();
    }
    story
}
