//! The settings themselves: every key of `nac.toml`, and what it means.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use nac_eap::{CryptoBinding, InnerMethod, Method, TlsVersions};
use nac_pki::NameKind;
use nac_portal::mail::MailTls;

use super::fault::without_passwords;
use super::{IdentitySettings, RadSecSettings};

/// What `nac.toml` says, with every path absolute and every default filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that was read.
    pub file: PathBuf,
    /// `[radius]`
    pub radius: RadiusSettings,
    /// `[radsec]`, where there is one.
    pub radsec: Option<RadSecSettings>,
    /// `[portal]`
    pub portal: PortalSettings,
    /// `[admin]`
    pub admin: AdminSettings,
    /// `[metrics]`
    pub metrics: MetricsSettings,
    /// `[database]`
    pub database: DatabaseSettings,
    /// `[secrets]`
    pub secrets: SecretsSettings,
    /// `[eap]`
    pub eap: EapSettings,
    /// `[identity]`
    pub identity: IdentitySettings,
    /// `[mail]`, where there is one.
    pub mail: Option<MailSettings>,
    /// `[posture]`
    pub posture: PostureSettings,
    /// `[log]`
    pub log: LogSettings,
}

/// Where RADIUS is spoken over UDP, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadiusSettings {
    /// Authentication; port 1812 unless told otherwise.
    pub listen_auth: SocketAddr,
    /// Accounting; port 1813 unless told otherwise.
    pub listen_acct: SocketAddr,
    /// How long an Access-Reject waits before it is sent; 1 s unless told otherwise, 0 for not at all. Also over RadSec.
    pub reject_delay: Duration,
}

/// Where browsers and osquery arrive, over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalSettings {
    /// The address; port 8443 unless told otherwise.
    pub listen: SocketAddr,
    /// A plain HTTP port, usually 80, that answers systems' probes and otherwise only leads to the portal; none unless told.
    pub listen_http: Option<SocketAddr>,
    /// The name by which endpoints reach this listener; it stands in flag files and links.
    pub public_name: Option<String>,
    /// A certificate of its own, in PEM; that of `[eap]` when there is none.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM.
    pub key: Option<PathBuf>,
}

/// Where administrators and the API arrive, over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// The address; loopback and port 9443 unless told otherwise.
    pub listen: SocketAddr,
    /// The name by which administrators reach this listener. Passkeys belong to it, so it cannot be an address.
    pub public_name: Option<String>,
}

impl PortalSettings {
    /// What links to the portal begin with, while it listens at `bound`.
    #[must_use]
    pub fn url(&self, bound: SocketAddr) -> String {
        url(self.public_name.as_deref(), bound)
    }
}

impl AdminSettings {
    /// What links to the admin pages begin with, while they are served at `bound`.
    #[must_use]
    pub fn url(&self, bound: SocketAddr) -> String {
        url(self.public_name.as_deref(), bound)
    }
}

/// `https://NAME[:PORT]`, without the port where the name brings its own or it is HTTPS's.
fn url(name: Option<&str>, bound: SocketAddr) -> String {
    let name = name.unwrap_or("localhost");
    let has_port = name.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit())
    });
    if has_port || bound.port() == 443 {
        return format!("https://{name}");
    }
    format!("https://{name}:{}", bound.port())
}

/// Where Prometheus reads, over plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// The address; loopback and port 9812 unless told otherwise.
    pub listen: SocketAddr,
}

/// Which database holds everything that administrators change.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// `sqlite:///absolute/path` or `postgres://user:password@host/name`.
    pub url: String,
}

/// Where the key is that seals secrets in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretsSettings {
    /// The file with the sealing key: `[secrets] sealing_key_file`, else systemd's credential
    /// `sealing-key`.
    pub sealing_key_file: PathBuf,
}

/// How EAP is spoken.
#[derive(Clone, Debug)]
pub struct EapSettings {
    /// The RADIUS server's certificate chain, leaf first, in PEM.
    pub certificate: PathBuf,
    /// The private key of that certificate, in PEM.
    pub key: PathBuf,
    /// The authorities whose client certificates are accepted, in PEM. When the list is empty, only the
    /// authority in the database counts.
    pub client_ca: Vec<PathBuf>,
    /// The methods on offer, the preferred one first.
    pub methods: Vec<Method>,
    /// What may authenticate inside the tunnels of PEAP and EAP-TTLS, the preferred one first.
    pub inner_methods: Vec<InnerMethod>,
    /// Whether PEAP's tunnel is bound to what happens inside it.
    pub crypto_binding: CryptoBinding,
    /// Whether EAP-TTLS asks for a client certificate beside the password.
    pub ttls_client_certificate: bool,
    /// The versions of TLS on offer.
    pub tls: TlsVersions,
    /// How long a TLS session may be resumed.
    pub session_lifetime: Duration,
    /// Where TLS sessions are kept.
    pub session_store: SessionStorage,
    /// Where in a certificate its user's name is looked for; the first name that is there counts.
    pub certificate_identity: Vec<NameKind>,
    /// A second certificate chain, for supplicants that cannot verify the first: usually RSA beside ECDSA.
    pub second_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM.
    pub second_key: Option<PathBuf>,
    /// OCSP responses in DER that are handed out with the certificate that each is about.
    pub stapled_ocsp: Vec<PathBuf>,
    /// Whether X25519MLKEM768 is preferred where the supplicant offers it.
    pub post_quantum: bool,
    /// How client certificates of other authorities are looked up.
    pub revocation: RevocationSettings,
}

/// Where TLS sessions are kept that may be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionStorage {
    /// In this process: a restart ends them.
    #[default]
    Memory,
    /// In memory and, sealed, in the database: every server on it may resume them, and so may this one after a restart.
    Database,
}

/// How it is known whether a client certificate that another authority issued is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationSettings {
    /// Where the revocation lists are.
    pub sources: Vec<CrlSource>,
    /// Intermediate authorities that sign lists, in PEM.
    pub issuers: Vec<PathBuf>,
    /// How often a list is fetched again over HTTP, at the latest.
    pub refresh: Duration,
    /// Whom to ask about a certificate that no list in force covers.
    pub ocsp: Option<OcspResponder>,
    /// What happens to a certificate of which neither a list nor a responder says anything.
    pub unknown: UnknownRevocation,
}

/// Who is asked whether a certificate is revoked (RFC 6960).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OcspResponder {
    /// The one that the certificate names, at an `http://` URL.
    Named,
    /// The one at this `http://` URL, about every certificate.
    At(String),
}

/// Where a revocation list is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CrlSource {
    /// A file, in PEM or DER, which is read again when it changes.
    File(PathBuf),
    /// An `http://` URL. The list is signed, so the way need not be.
    Http(String),
}

impl fmt::Display for CrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Http(url) => f.write_str(url),
        }
    }
}

/// What happens to a client certificate of which nobody can say whether it is revoked: there is no list of its issuer, or the
/// list's time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownRevocation {
    /// It is accepted.
    #[default]
    Accept,
    /// It is refused.
    Refuse,
}

/// The SMTP server that takes mail to guests and their sponsors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// Its name, which its certificate has to carry.
    pub server: String,
    /// Its port; 465, 587 or 25 after `tls`, unless told otherwise.
    pub port: u16,
    /// `implicit`, `starttls`, or `none` for a relay on this machine.
    pub tls: MailTls,
    /// The sender, such as `Network access <noreply@example.org>`.
    pub from: String,
    /// The account, where the server wants one.
    pub username: Option<String>,
    /// The file with that account's password.
    pub password_file: Option<PathBuf>,
    /// The authorities that may sign its certificate, in PEM; the system's when there is no such file.
    pub ca: Option<PathBuf>,
}

/// How posture is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostureSettings {
    /// A folder with checks that replace the built-in ones.
    pub checks_dir: Option<PathBuf>,
    /// The age at which a result no longer counts and the verdict is `stale`.
    pub max_age: Duration,
}

/// How log lines look and which are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,nac_eap=debug`.
    pub level: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text.
    Text,
    /// One JSON object on a line.
    Json,
}

impl DatabaseSettings {
    /// The URL for people, without its password.
    #[must_use]
    pub fn shown(&self) -> String {
        without_passwords(&self.url)
    }
}

/// The password is not shown.
impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("url", &self.shown())
            .finish()
    }
}
