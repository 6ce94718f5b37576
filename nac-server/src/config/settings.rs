//! The settings themselves: every key of `nac.toml`, its default, and what it may hold.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nac_eap::{Method, TlsVersions};

use super::fault::{ConfigErrors, Fault, Source};
use super::reader::{Document, Placed, Section};

/// What `nac.toml` says, with every path absolute and every default filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that was read.
    pub file: PathBuf,
    /// `[radius]`
    pub radius: RadiusSettings,
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
    /// `[posture]`
    pub posture: PostureSettings,
    /// `[log]`
    pub log: LogSettings,
}

/// Where RADIUS is spoken, over UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadiusSettings {
    /// Authentication; port 1812 unless told otherwise.
    pub listen_auth: SocketAddr,
    /// Accounting; port 1813 unless told otherwise.
    pub listen_acct: SocketAddr,
}

/// Where browsers and osquery arrive, over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalSettings {
    /// The address; port 8443 unless told otherwise.
    pub listen: SocketAddr,
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
    /// The versions of TLS on offer.
    pub tls: TlsVersions,
    /// How long a TLS session may be resumed.
    pub session_lifetime: Duration,
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

/// The settings, and the places of those values that a later step may have to complain about.
pub(super) struct Parsed {
    pub(super) values: Settings,
    pub(super) places: Places,
}

/// Where the files are named in the text.
#[derive(Default)]
pub(super) struct Places {
    pub(super) eap_certificate: Option<Range<usize>>,
    pub(super) eap_key: Option<Range<usize>>,
    pub(super) client_ca: Vec<Option<Range<usize>>>,
    pub(super) portal_certificate: Option<Range<usize>>,
    pub(super) portal_key: Option<Range<usize>>,
    pub(super) sealing_key: Option<Range<usize>>,
    pub(super) checks_dir: Option<Range<usize>>,
}

/// Reads the file. `Err` only when there is no text to read; faults in the text are in the source.
pub(super) fn read(path: &Path) -> Result<(Source, Parsed), ConfigErrors> {
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return Err(unreadable(&file, &error)),
    };
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let mut document = Document::parse(&text, &folder);
    let parsed = settings(&file, &mut document);
    let mut source = Source::new(&file, without_passwords(&text));
    source.faults = document.into_faults();
    Ok((source, parsed))
}

fn unreadable(file: &Path, error: &std::io::Error) -> ConfigErrors {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => ConfigErrors::unreadable(
            file,
            "does not exist",
            "name the configuration with --config FILE, or create a new one with: nac init DIR",
        ),
        ErrorKind::PermissionDenied => ConfigErrors::unreadable(
            file,
            "may not be read by this user",
            "run the command as the user that owns the file (or with sudo)",
        ),
        ErrorKind::InvalidData => {
            ConfigErrors::unreadable(file, "is not UTF-8 text", "save the file as UTF-8")
        }
        _ => ConfigErrors::unreadable(file, &format!("cannot be read: {error}"), ""),
    }
}

const SECTIONS: [&str; 9] = [
    "radius", "portal", "admin", "metrics", "database", "secrets", "eap", "posture", "log",
];

fn settings(file: &Path, document: &mut Document<'_>) -> Parsed {
    document.expect_sections(&SECTIONS);
    let mut places = Places::default();
    let mut listeners = Vec::new();

    let mut section = document.section("radius", &["listen_auth", "listen_acct"]);
    let auth = section.address("listen_auth", "0.0.0.0:1812");
    let acct = section.address("listen_acct", "0.0.0.0:1813");
    let radius = RadiusSettings {
        listen_auth: auth.value,
        listen_acct: acct.value,
    };
    listeners.push(Listener::new("[radius] listen_auth", Transport::Udp, auth));
    listeners.push(Listener::new("[radius] listen_acct", Transport::Udp, acct));

    let mut section = document.section("portal", &["listen", "public_name", "certificate", "key"]);
    let listen = section.address("listen", "0.0.0.0:8443");
    let portal = portal(&mut section, listen.value, &mut places);
    listeners.push(Listener::new("[portal] listen", Transport::Tcp, listen));

    let listen = document
        .section("admin", &["listen"])
        .address("listen", "127.0.0.1:9443");
    let admin = AdminSettings {
        listen: listen.value,
    };
    listeners.push(Listener::new("[admin] listen", Transport::Tcp, listen));

    let listen = document
        .section("metrics", &["listen"])
        .address("listen", "127.0.0.1:9812");
    let metrics = MetricsSettings {
        listen: listen.value,
    };
    listeners.push(Listener::new("[metrics] listen", Transport::Tcp, listen));

    let mut section = document.section("database", &["url"]);
    let database = DatabaseSettings {
        url: database_url(&mut section),
    };

    let mut section = document.section("secrets", &["sealing_key_file"]);
    let secrets = secrets(&mut section, &mut places);

    let keys = [
        "certificate",
        "key",
        "client_ca",
        "methods",
        "tls",
        "session_lifetime",
    ];
    let eap = eap(&mut document.section("eap", &keys), &mut places);

    let mut section = document.section("posture", &["checks_dir", "max_age_seconds"]);
    let posture = posture(&mut section, &mut places);

    let log = log(&mut document.section("log", &["format", "level"]));
    for fault in clashes(&listeners) {
        document.note(fault);
    }
    let file = file.to_owned();
    let values = Settings {
        file,
        radius,
        portal,
        admin,
        metrics,
        database,
        secrets,
        eap,
        posture,
        log,
    };
    Parsed { values, places }
}

fn portal(
    section: &mut Section<'_, '_>,
    listen: SocketAddr,
    places: &mut Places,
) -> PortalSettings {
    let public_name = section.text("public_name").and_then(|name| {
        let usable = !name.value.is_empty()
            && name
                .value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c));
        if usable {
            return Some(name.value);
        }
        let message = format!("\"{}\" is not a host name", name.value);
        section.note(name.fault(
            message,
            "write the name without https:// and without a path",
        ));
        None
    });
    let certificate = section.path("certificate");
    let key = section.path("key");
    let lonely = match (&certificate, &key) {
        (Some(alone), None) => Some((alone, "key")),
        (None, Some(alone)) => Some((alone, "certificate")),
        _ => None,
    };
    if let Some((alone, missing)) = lonely {
        section.note(alone.fault(
            format!("[portal] {missing} is missing beside this"),
            "name both certificate and key, or neither to use those of [eap]",
        ));
    }
    places.portal_certificate = certificate.as_ref().and_then(|placed| placed.span.clone());
    places.portal_key = key.as_ref().and_then(|placed| placed.span.clone());
    PortalSettings {
        listen,
        public_name,
        certificate: certificate.map(|placed| placed.value),
        key: key.map(|placed| placed.value),
    }
}

fn secrets(section: &mut Section<'_, '_>, places: &mut Places) -> SecretsSettings {
    if let Some(file) = section.path("sealing_key_file") {
        places.sealing_key = file.span;
        return SecretsSettings {
            sealing_key_file: file.value,
        };
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        return SecretsSettings {
            sealing_key_file: Path::new(&folder).join("sealing-key"),
        };
    }
    section.note(Fault::missing(
        "there is no key to unseal the secrets in the database",
        "add to the section [secrets]:  sealing_key_file = \"sealing.key\"  (or give systemd's service the \
         credential sealing-key)",
    ));
    SecretsSettings {
        sealing_key_file: PathBuf::new(),
    }
}

const DEFAULT_SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// RFC 8446 section 4.6.1: no ticket lives longer than seven days.
const LONGEST_SESSION_LIFETIME_S: u64 = 604_800;

fn eap(section: &mut Section<'_, '_>, places: &mut Places) -> EapSettings {
    let certificate = section.required_path("certificate", "tls/server.crt");
    let key = section.required_path("key", "tls/server.key");
    let client_ca = section.paths("client_ca").unwrap_or_default();
    places.eap_certificate = certificate.as_ref().and_then(|placed| placed.span.clone());
    places.eap_key = key.as_ref().and_then(|placed| placed.span.clone());
    places.client_ca = client_ca.iter().map(|placed| placed.span.clone()).collect();
    EapSettings {
        certificate: certificate.map(|placed| placed.value).unwrap_or_default(),
        key: key.map(|placed| placed.value).unwrap_or_default(),
        client_ca: client_ca.into_iter().map(|placed| placed.value).collect(),
        methods: methods(section),
        tls: section.word(
            "tls",
            TlsVersions::Both,
            &[
                ("1.2+1.3", TlsVersions::Both),
                ("1.2", TlsVersions::Only12),
                ("1.3", TlsVersions::Only13),
            ],
        ),
        session_lifetime: section.duration(
            "session_lifetime",
            DEFAULT_SESSION_LIFETIME,
            0..=LONGEST_SESSION_LIFETIME_S,
        ),
    }
}

fn methods(section: &mut Section<'_, '_>) -> Vec<Method> {
    let words = [
        ("EAP-TLS", Method::Tls),
        ("PEAP", Method::Peap),
        ("EAP-TTLS", Method::Ttls),
    ];
    let Some(names) = section.texts("methods") else {
        return words.into_iter().map(|(_, method)| method).collect();
    };
    let mut methods = Vec::new();
    for name in &names {
        let Some(method) = section.one_of("methods", name, &words) else {
            continue;
        };
        if methods.contains(&method) {
            let message = format!("\"{}\" is named twice", name.value);
            section.note(name.fault(message, "name each method once, the preferred one first"));
        }
        methods.push(method);
    }
    methods
}

fn posture(section: &mut Section<'_, '_>, places: &mut Places) -> PostureSettings {
    let checks_dir = section.path("checks_dir");
    places.checks_dir = checks_dir.as_ref().and_then(|placed| placed.span.clone());
    PostureSettings {
        checks_dir: checks_dir.map(|placed| placed.value),
        max_age: section.duration("max_age_seconds", Duration::from_secs(900), 10..=31_536_000),
    }
}

fn log(section: &mut Section<'_, '_>) -> LogSettings {
    let format = section.word(
        "format",
        LogFormat::Text,
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
    );
    let level = match section.text("level") {
        None => "info".to_owned(),
        Some(level) => {
            if tracing_subscriber::EnvFilter::try_new(&level.value).is_err() {
                section.note(level.fault(
                    format!("\"{}\" is no log level", level.value),
                    "write error, warn, info, debug or trace, or directives such as \"info,nac_eap=debug\"",
                ));
            }
            level.value
        }
    };
    LogSettings { format, level }
}

/// A relative SQLite path becomes absolute, because the working directory of a service is anything.
fn database_url(section: &mut Section<'_, '_>) -> String {
    let Some(url) = section.required_text("url", "sqlite://nac.db") else {
        return String::new();
    };
    let text = url.value.as_str();
    if let Some(rest) = text.strip_prefix("sqlite:") {
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, options) = rest
            .split_once('?')
            .map_or((rest, None), |(path, options)| (path, Some(options)));
        if path.is_empty() || path == ":memory:" {
            section.note(url.fault(
                "this names no database file",
                "write the path of a file after sqlite://, such as \"sqlite://nac.db\"",
            ));
            return String::new();
        }
        let path = section.folder().join(path);
        let options = options
            .map(|options| format!("?{options}"))
            .unwrap_or_default();
        return format!("sqlite://{}{options}", path.display());
    }
    let server = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"));
    match server {
        Some(rest) if !rest.is_empty() => url.value,
        _ => {
            section.note(url.fault(
                "this is not the URL of a database",
                "write \"sqlite://nac.db\" or \"postgres://user:password@host/database\"",
            ));
            String::new()
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

struct Listener {
    name: &'static str,
    transport: Transport,
    address: Placed<SocketAddr>,
}

impl Listener {
    const fn new(name: &'static str, transport: Transport, address: Placed<SocketAddr>) -> Self {
        Self {
            name,
            transport,
            address,
        }
    }

    fn clashes_with(&self, other: &Self) -> bool {
        let (one, two) = (self.address.value, other.address.value);
        self.transport == other.transport
            && one.port() != 0
            && one.port() == two.port()
            && (one.ip() == two.ip() || one.ip().is_unspecified() || two.ip().is_unspecified())
    }
}

fn clashes(listeners: &[Listener]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, later) in listeners.iter().enumerate() {
        if let Some(earlier) = listeners
            .iter()
            .take(index)
            .find(|one| one.clashes_with(later))
        {
            let port = later.address.value.port();
            // Underline the line that is in the file; the other one may be a default.
            let place = if later.address.span.is_some() {
                later
            } else {
                earlier
            };
            faults.push(place.address.fault(
                format!(
                    "{} and {} would both listen on port {port}",
                    earlier.name, later.name
                ),
                "give each listener a port of its own",
            ));
        }
    }
    faults
}

/// Replaces the password in every database URL by as many stars, so that offsets stay true.
fn without_passwords(text: &str) -> String {
    let mut masked = text.to_owned();
    let mut from = 0;
    while let Some(found) = masked.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + found + 3;
        let rest = masked.get(start..).unwrap_or_default();
        let length = rest.find(['"', '\'', '\n', ' ']).unwrap_or(rest.len());
        let url = rest.get(..length).unwrap_or_default();
        if let (Some(colon), Some(at)) = (url.find(':'), url.rfind('@'))
            && colon < at
        {
            masked.replace_range(start + colon + 1..start + at, &"*".repeat(at - colon - 1));
        }
        from = start + length;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_become_stars_of_the_same_length() {
        let text = "url = \"postgres://nac:s3cr@et@db/nac\" # x\nother = 'sqlite://nac.db'\n";
        let masked = without_passwords(text);
        assert_eq!(
            masked,
            "url = \"postgres://nac:*******@db/nac\" # x\nother = 'sqlite://nac.db'\n"
        );
        assert_eq!(masked.len(), text.len());
        assert_eq!(without_passwords("://:ü@"), "://:**@");
    }
}
