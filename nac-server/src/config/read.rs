//! From the text of `nac.toml` to the settings: every default, every bound.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nac_eap::{CryptoBinding, InnerMethod, Method, TlsVersions};
use nac_pki::NameKind;

use super::fault::{ConfigErrors, Fault, Source, without_passwords};
use super::listeners::{Listener, Transport, clashes};
use super::radsec::RadSecPlaces;
use super::reader::{Document, Section};
use super::settings::{
    AdminSettings, DatabaseSettings, EapSettings, LogFormat, LogSettings, MetricsSettings,
    PortalSettings, PostureSettings, RadiusSettings, SecretsSettings, SessionStorage, Settings,
};
use super::suggestion::suggestion;

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
    pub(super) second_certificate: Option<Range<usize>>,
    pub(super) second_key: Option<Range<usize>>,
    pub(super) crl_issuer: Vec<Option<Range<usize>>>,
    pub(super) portal_certificate: Option<Range<usize>>,
    pub(super) portal_key: Option<Range<usize>>,
    pub(super) radsec: RadSecPlaces,
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

const SECTIONS: [&str; 12] = [
    "radius", "radsec", "portal", "admin", "metrics", "database", "secrets", "eap", "identity",
    "mail", "posture", "log",
];

fn settings(file: &Path, document: &mut Document<'_>) -> Parsed {
    document.expect_sections(&SECTIONS);
    let mut places = Places::default();
    let mut listeners = Vec::new();

    let mut section = document.section("radius", &["listen_auth", "listen_acct", "reject_delay"]);
    let auth = section.address("listen_auth", "0.0.0.0:1812");
    let acct = section.address("listen_acct", "0.0.0.0:1813");
    let radius = RadiusSettings {
        listen_auth: auth.value,
        listen_acct: acct.value,
        reject_delay: section.duration("reject_delay", Duration::from_secs(1), 0..=5),
    };
    listeners.push(Listener::new("[radius] listen_auth", Transport::Udp, auth));
    listeners.push(Listener::new("[radius] listen_acct", Transport::Udp, acct));

    let mut radsec = None;
    let mut section = document.section("radsec", &super::radsec::KEYS);
    if let Some((settings, files, listen)) = super::radsec::read(&mut section) {
        radsec = Some(settings);
        places.radsec = files;
        listeners.push(Listener::new("[radsec] listen", Transport::Tcp, listen));
    }

    let mut section = document.section(
        "portal",
        &["listen", "listen_http", "public_name", "certificate", "key"],
    );
    let listen = section.address("listen", "0.0.0.0:8443");
    let listen_http = section.optional_address("listen_http", "0.0.0.0:80");
    let mut portal = portal(&mut section, listen.value, &mut places);
    portal.listen_http = listen_http.as_ref().map(|placed| placed.value);
    if let Some(listen) = listen_http {
        listeners.push(Listener::new(
            "[portal] listen_http",
            Transport::Tcp,
            listen,
        ));
    }
    listeners.push(Listener::new("[portal] listen", Transport::Tcp, listen));

    let mut section = document.section("admin", &["listen", "public_name"]);
    let listen = section.address("listen", "127.0.0.1:9443");
    let admin = AdminSettings {
        listen: listen.value,
        public_name: public_name(&mut section),
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
        "inner_methods",
        "crypto_binding",
        "ttls_client_certificate",
        "tls",
        "session_lifetime",
        "session_store",
        "certificate_identity",
        "second_certificate",
        "second_key",
        "stapled_ocsp",
        "post_quantum",
    ];
    let keys = [&keys[..], &super::revocation::KEYS].concat();
    let eap = eap(&mut document.section("eap", &keys), &mut places);

    let identity = super::identity::read(&mut document.section("identity", &super::identity::KEYS));

    let mail = super::mail::read(&mut document.section("mail", &super::mail::KEYS));

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
        radsec,
        portal,
        admin,
        metrics,
        database,
        secrets,
        eap,
        identity,
        mail,
        posture,
        log,
    };
    Parsed { values, places }
}

fn public_name(section: &mut Section<'_, '_>) -> Option<String> {
    section.text("public_name").and_then(|name| {
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
    })
}

fn portal(
    section: &mut Section<'_, '_>,
    listen: SocketAddr,
    places: &mut Places,
) -> PortalSettings {
    let public_name = public_name(section);
    let certificate = section.path("certificate");
    let key = section.path("key");
    section.both_or_neither(&certificate, &key);
    places.portal_certificate = certificate.as_ref().and_then(|placed| placed.span.clone());
    places.portal_key = key.as_ref().and_then(|placed| placed.span.clone());
    PortalSettings {
        listen,
        listen_http: None,
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
    let second_certificate = section.path("second_certificate");
    let second_key = section.path("second_key");
    if second_certificate.is_some() != second_key.is_some() {
        section.note(Fault::missing(
            "[eap] has only one of second_certificate and second_key",
            "name both, or neither",
        ));
    }
    places.second_certificate = second_certificate
        .as_ref()
        .and_then(|placed| placed.span.clone());
    places.second_key = second_key.as_ref().and_then(|placed| placed.span.clone());
    let stapled_ocsp = section.paths("stapled_ocsp").unwrap_or_default();
    let (revocation, issuers) = super::revocation::read(section);
    places.crl_issuer = issuers;
    EapSettings {
        certificate: certificate.map(|placed| placed.value).unwrap_or_default(),
        key: key.map(|placed| placed.value).unwrap_or_default(),
        client_ca: client_ca.into_iter().map(|placed| placed.value).collect(),
        methods: methods(section),
        inner_methods: inner_methods(section),
        crypto_binding: section.word(
            "crypto_binding",
            CryptoBinding::Optional,
            &[
                ("off", CryptoBinding::Off),
                ("optional", CryptoBinding::Optional),
                ("required", CryptoBinding::Required),
            ],
        ),
        ttls_client_certificate: section.word(
            "ttls_client_certificate",
            false,
            &[("off", false), ("optional", true)],
        ),
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
        session_store: section.word(
            "session_store",
            SessionStorage::Memory,
            &[
                ("memory", SessionStorage::Memory),
                ("database", SessionStorage::Database),
            ],
        ),
        certificate_identity: certificate_identity(section),
        second_certificate: second_certificate.map(|placed| placed.value),
        second_key: second_key.map(|placed| placed.value),
        stapled_ocsp: stapled_ocsp
            .into_iter()
            .map(|placed| placed.value)
            .collect(),
        post_quantum: section.flag("post_quantum", false),
        revocation,
    }
}

fn methods(section: &mut Section<'_, '_>) -> Vec<Method> {
    let words = [
        ("EAP-TLS", Method::Tls),
        ("PEAP", Method::Peap),
        ("EAP-TTLS", Method::Ttls),
        ("TEAP", Method::Teap),
    ];
    ordered(section, "methods", &words)
}

/// The usual order is not that of the words, for without the key not every kind is looked for.
fn certificate_identity(section: &mut Section<'_, '_>) -> Vec<NameKind> {
    let words = [
        ("san-uri", NameKind::Uri),
        ("san-upn", NameKind::Upn),
        ("san-dns", NameKind::Dns),
        ("san-email", NameKind::Email),
        ("subject-cn", NameKind::CommonName),
    ];
    match section.texts("certificate_identity") {
        None => NameKind::USUAL.to_vec(),
        Some(none) if none.is_empty() => {
            section.note(Fault::missing(
                "certificate_identity in [eap] is empty, so no certificate would name anybody",
                "name one of san-uri, san-upn, san-dns, san-email and subject-cn, or leave it out",
            ));
            Vec::new()
        }
        Some(_) => ordered(section, "certificate_identity", &words),
    }
}

fn inner_methods(section: &mut Section<'_, '_>) -> Vec<InnerMethod> {
    let names = InnerMethod::ALL.map(|method| method.to_string());
    let words: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(InnerMethod::ALL)
        .collect();
    ordered(section, "inner_methods", &words)
}

/// A list of words without repetition; all of them in their usual order when there is none.
fn ordered<T: Copy + PartialEq>(
    section: &mut Section<'_, '_>,
    key: &str,
    words: &[(&str, T)],
) -> Vec<T> {
    let Some(names) = section.texts(key) else {
        return words.iter().map(|(_, value)| *value).collect();
    };
    let mut values = Vec::new();
    for name in &names {
        let Some(value) = section.one_of(key, name, words) else {
            continue;
        };
        if values.contains(&value) {
            let message = format!("\"{}\" is named twice", name.value);
            section.note(name.fault(message, "name each once, the preferred one first"));
        }
        values.push(value);
    }
    values
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
            if let Some(help) = no_level(&level.value) {
                section.note(level.fault(format!("\"{}\" is no log level", level.value), help));
            }
            level.value
        }
    };
    LogSettings { format, level }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What to write instead, when this is no log level. A bare word that is no level would be understood as
/// the name of a module, and nearly nothing would be logged.
fn no_level(text: &str) -> Option<String> {
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let bare = |word: &&str| !word.is_empty() && !word.contains(['=', '[', ']', '{', '}']);
    let wrong = text
        .split(',')
        .map(str::trim)
        .filter(bare)
        .find(|word| !is_level(word));
    let help = "write off, error, warn, info, debug or trace, or directives such as \"info,nac_eap=debug\"";
    match wrong {
        Some(word) => Some(suggestion(word, &LEVELS).map_or_else(
            || help.to_owned(),
            |near| format!("did you mean \"{near}\"? Otherwise {help}"),
        )),
        None if text.trim().is_empty() || tracing_subscriber::EnvFilter::try_new(text).is_err() => {
            Some(help.to_owned())
        }
        None => None,
    }
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
