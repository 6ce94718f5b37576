//! The server's TLS set-up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConnection};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::chain::Bounded;
use super::connection::{Role, Tls};
use super::identity::ServerIdentities;
use super::known::KnownChains;
use super::provider::{FixedTime, provider, versions};
use super::sessions::ConversationSessions;
use crate::reason::{self, Reason};
use crate::sessions::{self, Journal, SessionStore, SharedSession};
use crate::settings::{Method, TlsVersions};

/// How many resumable sessions are kept per method before the oldest is evicted.
const SESSIONS: usize = 100_000;

/// Why a certificate, key or CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The certificate chain and the private key do not make a usable pair.
    #[error("the certificate and its private key cannot be used: {0}")]
    Identity(String),
    /// A CA certificate cannot be read.
    #[error("the CA certificate number {number} cannot be used: {why}")]
    Authority {
        /// Its place in the list, counted from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
    /// No CA certificate was given where one is needed.
    #[error("no CA certificate was given")]
    NoAuthority,
    /// The expected server name is not a DNS name or IP address.
    #[error("{0:?} is not a DNS name or IP address")]
    ServerName(String),
    /// rustls does not take the configuration.
    #[error("TLS cannot be set up: {0}")]
    Configuration(String),
}

/// A server's certificate, key, client CAs, and the sessions that may be resumed under them.
///
/// Sessions belong to one `ServerTls` and one method: a new certificate or another set of client
/// CAs means a new `ServerTls`, and with it no resumable session.
pub struct ServerTls {
    certificate_only: Option<Arc<ServerConfig>>,
    /// Inside a tunnel: nothing is resumed there, so no tickets are sent.
    certificate_only_inside: Option<Arc<ServerConfig>>,
    tunnel: Arc<ServerConfig>,
    /// Asks for a certificate and does without one.
    tunnel_with_certificate: Option<Arc<ServerConfig>>,
    ttls_asks_for_certificate: bool,
    tls: Arc<SessionStore>,
    peap: Arc<SessionStore>,
    ttls: Arc<SessionStore>,
    teap: Arc<SessionStore>,
    authority_id: [u8; 16],
    identities: Arc<ServerIdentities>,
    journal: Option<Arc<Journal>>,
    /// Digest of what it is made of.
    made_of: [u8; 32],
}

/// What a [`ServerTls`] is made of.
pub struct ServerTlsOptions {
    /// The server's certificates with their keys, the preferred one first. Each is a chain, leaf first, best
    /// without the root. A supplicant is shown the first whose signatures it can verify: the other one is for
    /// those that know RSA only, or elliptic curves only.
    pub identities: Vec<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// The trust anchors for EAP-TLS, which is not offered when there are none.
    pub client_ca: Vec<CertificateDer<'static>>,
    /// The TLS versions on offer.
    pub versions: TlsVersions,
    /// How long after a full login its TLS session may be resumed, in seconds; 0 turns resumption off.
    pub session_lifetime_s: u64,
    /// Whether X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem) is preferred where the supplicant offers it: it protects
    /// what is recorded today from a quantum computer of tomorrow, for 1.1 KiB more each way.
    pub post_quantum: bool,
    /// Whether other servers shall resume its sessions too: then [`ServerTls::changed_sessions`] has to be asked often.
    pub share_sessions: bool,
}

impl fmt::Debug for ServerTlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTlsOptions")
            .field("identities", &self.identities.len())
            .field("client_ca", &self.client_ca.len())
            .field("versions", &self.versions)
            .field("session_lifetime_s", &self.session_lifetime_s)
            .field("post_quantum", &self.post_quantum)
            .field("share_sessions", &self.share_sessions)
            .finish()
    }
}

impl ServerTls {
    /// Sets TLS up with one certificate and without post-quantum key exchange; the arguments are those of
    /// [`ServerTlsOptions`].
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        client_ca: Vec<CertificateDer<'static>>,
        versions: TlsVersions,
        session_lifetime_s: u64,
    ) -> Result<Self, TlsSetupError> {
        Self::with(ServerTlsOptions {
            identities: vec![(chain, key)],
            client_ca,
            versions,
            session_lifetime_s,
            post_quantum: false,
            share_sessions: false,
        })
    }

    /// Sets TLS up.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn with(options: ServerTlsOptions) -> Result<Self, TlsSetupError> {
        let ServerTlsOptions {
            identities,
            client_ca,
            versions,
            session_lifetime_s,
            post_quantum,
            share_sessions,
        } = options;
        let made_of = digest_of(&identities, &client_ca, versions);
        let provider = provider(post_quantum);
        let leaf = identities
            .first()
            .and_then(|(chain, _)| chain.first())
            .map(|leaf| leaf.as_ref());
        let authority_id = authority_id(leaf.unwrap_or_default());
        let identities = Arc::new(ServerIdentities::new(identities, versions, &provider)?);
        let builder = || {
            ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(self::versions(versions))
                .map_err(|error| TlsSetupError::Configuration(error.to_string()))
        };
        let with_tickets = |mut config: ServerConfig, tickets: usize| {
            config.send_tls13_tickets = tickets;
            config.max_early_data_size = 0;
            config.ignore_client_order = true;
            Arc::new(config)
        };
        // A second ticket would only cost bytes: one port resumes one session.
        let tickets = usize::from(session_lifetime_s > 0);
        let finish = |config| with_tickets(config, tickets);
        let roots = match client_ca.is_empty() {
            true => None,
            false => Some(Arc::new(roots(client_ca)?)),
        };
        let known = Arc::<KnownChains>::default();
        let certificate = |roots: &Arc<RootCertStore>, mandatory: bool| {
            let verifier = WebPkiClientVerifier::builder_with_provider(
                Arc::clone(roots),
                Arc::clone(&provider),
            );
            let verifier = match mandatory {
                true => verifier,
                false => verifier.allow_unauthenticated(),
            };
            let verifier = verifier
                .build()
                .map_err(|error| TlsSetupError::Configuration(error.to_string()))?;
            let known = Arc::clone(&known);
            Ok(builder()?
                .with_client_cert_verifier(Arc::new(Bounded { verifier, known }))
                .with_cert_resolver(Arc::clone(&identities) as _))
        };
        let certificate_only = roots
            .as_ref()
            .map(|roots| certificate(roots, true))
            .transpose()?;
        let tunnel_with_certificate = roots
            .as_ref()
            .map(|roots| certificate(roots, false))
            .transpose()?;
        let certificate_only_inside = certificate_only
            .clone()
            .map(|config| with_tickets(config, 0));
        let tunnel = finish(
            builder()?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&identities) as _),
        );
        let journal = share_sessions.then(Arc::<Journal>::default);
        let store = |method| {
            let journal = journal.clone();
            Arc::new(SessionStore::new(
                method,
                session_lifetime_s,
                SESSIONS,
                journal,
            ))
        };
        Ok(Self {
            certificate_only: certificate_only.map(&finish),
            certificate_only_inside,
            tunnel,
            tunnel_with_certificate: tunnel_with_certificate.map(&finish),
            ttls_asks_for_certificate: false,
            tls: store(Method::Tls),
            peap: store(Method::Peap),
            ttls: store(Method::Ttls),
            teap: store(Method::Teap),
            authority_id,
            identities,
            journal,
            made_of,
        })
    }

    /// EAP-TTLS asks for a client certificate outside its tunnel too, and does without one (RFC 5281 section
    /// 7.1). One that is shown has to be valid. Without client CAs nothing changes.
    pub fn with_certificates_in_ttls(mut self) -> Self {
        self.ttls_asks_for_certificate = true;
        self
    }

    /// Hands this OCSP response (RFC 6960, in DER) out with a certificate to every supplicant that asks for one,
    /// from now on (RFC 9190 section 5.4); `None` hands out none. Certificates are counted from 0, in the order of
    /// [`ServerTlsOptions::identities`]. The response is not looked at.
    pub fn staple(&self, certificate: usize, response: Option<Vec<u8>>) {
        self.identities.staple(certificate, response);
    }

    /// Drops every resumable session, so that everybody has to log in in full.
    pub fn forget_sessions(&self) {
        for store in [&self.tls, &self.peap, &self.ttls, &self.teap] {
            store.clear();
        }
    }

    /// Whether other servers are told of its sessions.
    pub fn shares_sessions(&self) -> bool {
        self.journal.is_some()
    }

    /// What became of the sessions here since this was asked last, for the other servers.
    pub fn changed_sessions(&self) -> Vec<SharedSession> {
        let journal = self.journal.as_ref();
        journal.map(|journal| journal.take()).unwrap_or_default()
    }

    /// Takes what another server said of a session, at this time since the Unix epoch. It has to be one with the same
    /// [`ServerTls::session_context`]. What cannot be read is no session.
    pub fn learn_session(&self, session: &SharedSession, unix_time: Duration) {
        let now_s = unix_time.as_secs();
        match &session.content {
            Some(octets) => {
                if let Some((method, secret, record)) = sessions::read(octets) {
                    let store = self.store(method);
                    store.learn(session.handle, Some((secret, record)), now_s);
                }
            }
            None => {
                for store in [&self.tls, &self.peap, &self.ttls, &self.teap] {
                    store.learn(session.handle, None, now_s);
                }
            }
        }
    }

    /// What a session depends on besides the supplicant: the server's certificates, the client CAs and what TLS offers. A session of
    /// another context must not be resumed here.
    pub fn session_context(&self) -> [u8; 32] {
        let asks = [u8::from(self.ttls_asks_for_certificate)];
        digest_32(&[&self.made_of, &asks])
    }

    fn store(&self, method: Method) -> &Arc<SessionStore> {
        match method {
            Method::Tls => &self.tls,
            Method::Peap => &self.peap,
            Method::Ttls => &self.ttls,
            Method::Teap => &self.teap,
        }
    }

    /// Whether a method can be served with this set-up.
    pub fn serves(&self, method: Method) -> bool {
        method != Method::Tls || self.certificate_only.is_some()
    }

    /// What names this server in TEAP (RFC 9930 section 4.2.2).
    pub(crate) fn authority_id(&self) -> &[u8; 16] {
        &self.authority_id
    }

    /// A connection for one conversation, and its private view of the sessions.
    pub(crate) fn connect(
        &self,
        method: Method,
        unix_time: Duration,
    ) -> Result<(Tls, Arc<ConversationSessions>), Reason> {
        let config = match method {
            Method::Tls => {
                let config = self.certificate_only.as_ref();
                config.ok_or_else(|| reason::NOTHING_OFFERED.reason())?
            }
            Method::Peap | Method::Teap => &self.tunnel,
            Method::Ttls => match &self.tunnel_with_certificate {
                Some(config) if self.ttls_asks_for_certificate => config,
                _ => &self.tunnel,
            },
        };
        start(config, self.store(method), unix_time)
    }

    /// EAP-TLS inside a tunnel: it resumes nothing and leaves nothing to resume, which is the tunnel's part.
    pub(crate) fn connect_inside(
        &self,
        unix_time: Duration,
    ) -> Result<(Tls, Arc<ConversationSessions>), Reason> {
        let config = self.certificate_only_inside.as_ref();
        let config = config.ok_or_else(|| reason::NOTHING_OFFERED.reason())?;
        let none = SessionStore::new(Method::Tls, 0, 0, None);
        start(config, &Arc::new(none), unix_time)
    }
}

/// Another certificate is another server, as far as a supplicant can tell.
fn authority_id(certificate: &[u8]) -> [u8; 16] {
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(digest_32(&[certificate])) {
        *to = from;
    }
    id
}

fn digest_of(
    identities: &[(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)],
    client_ca: &[CertificateDer<'static>],
    versions: TlsVersions,
) -> [u8; 32] {
    let each = |certificate: &CertificateDer<'_>| digest_32(&[certificate]);
    let shown: Vec<_> = identities
        .iter()
        .map(|(chain, _)| chain.first().map(each).unwrap_or_default())
        .collect();
    let mut trusted: Vec<_> = client_ca.iter().map(each).collect();
    // Trust has no order.
    trusted.sort_unstable();
    trusted.dedup();
    let versions = match versions {
        TlsVersions::Both => 0,
        TlsVersions::Only12 => 2,
        TlsVersions::Only13 => 3,
    };
    digest_32(&[
        &digest_32(&[shown.as_flattened()]),
        trusted.as_flattened(),
        &[versions],
    ])
}

fn digest_32(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    digest
}

fn start(
    config: &ServerConfig,
    store: &Arc<SessionStore>,
    unix_time: Duration,
) -> Result<(Tls, Arc<ConversationSessions>), Reason> {
    let sessions = Arc::new(ConversationSessions::new(
        Arc::clone(store),
        unix_time.as_secs(),
    ));
    let mut config = config.clone();
    config.session_storage = Arc::clone(&sessions) as _;
    config.time_provider = Arc::new(FixedTime(UnixTime::since_unix_epoch(unix_time)));
    let connection =
        ServerConnection::new(Arc::new(config)).map_err(|error| reason::INTERNAL.with(error))?;
    Ok((Tls::new(connection.into(), Role::Server), sessions))
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("serves_tls", &self.certificate_only.is_some())
            .field("tls", &self.tls)
            .field("peap", &self.peap)
            .field("ttls", &self.ttls)
            .finish_non_exhaustive()
    }
}

/// Reads trust anchors.
pub(super) fn roots(
    certificates: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, TlsSetupError> {
    if certificates.is_empty() {
        return Err(TlsSetupError::NoAuthority);
    }
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(certificates) {
        roots
            .add(certificate)
            .map_err(|error| TlsSetupError::Authority {
                number,
                why: error.to_string(),
            })?;
    }
    Ok(roots)
}
