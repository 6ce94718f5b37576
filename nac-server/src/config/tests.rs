//! What the configuration says about good files, bad files and missing files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nac_eap::{CryptoBinding, InnerMethod, Method, TlsVersions};
use nac_pki::Authority;
use tempfile::TempDir;

use super::*;

const MINIMAL: &str = r#"
[database]
url = "sqlite://nac.db"
[secrets]
sealing_key_file = "sealing.key"
[eap]
certificate = "server.crt"
key = "server.key"
client_ca = "ca.crt"
"#;

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A folder with everything that [`MINIMAL`] names.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::create("Test CA", now(), 30).expect("an authority");
    let issued = authority
        .issue_server(&["radius.test".to_owned()], now(), 10)
        .expect("issued");
    fs::write(folder.path().join("ca.crt"), authority.certificate_pem()).expect("written");
    fs::write(folder.path().join("server.crt"), &issued.certificate_pem).expect("written");
    fs::write(folder.path().join("server.key"), issued.key_pem.as_bytes()).expect("written");
    fs::write(folder.path().join("sealing.key"), "x").expect("written");
    folder
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("nac.toml");
    fs::write(&file, text).expect("written");
    file
}

fn load(text: &str) -> Result<Config, ConfigErrors> {
    let folder = folder();
    Config::load(&write(folder.path(), text))
}

fn errors(text: &str) -> String {
    load(text).expect_err("has faults").to_string()
}

#[track_caller]
fn says(rendered: &str, parts: &[&str]) {
    for part in parts {
        assert!(rendered.contains(part), "no {part:?} in:\n{rendered}");
    }
}

#[test]
fn a_minimal_file_gets_the_documented_defaults() {
    let config = load(MINIMAL).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.radius.listen_auth.to_string(), "0.0.0.0:1812");
    assert_eq!(config.radius.listen_acct.to_string(), "0.0.0.0:1813");
    assert_eq!(config.radius.reject_delay, Duration::from_secs(1));
    assert_eq!(config.portal.listen.to_string(), "0.0.0.0:8443");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9443");
    assert_eq!(config.metrics.listen.to_string(), "127.0.0.1:9812");
    assert_eq!(
        config.eap.methods,
        [Method::Tls, Method::Peap, Method::Ttls, Method::Teap]
    );
    assert_eq!(config.eap.inner_methods, InnerMethod::ALL);
    assert_eq!(config.eap.crypto_binding, CryptoBinding::Optional);
    assert!(!config.eap.ttls_client_certificate);
    assert_eq!(config.eap.tls, TlsVersions::Both);
    assert_eq!(config.eap.session_lifetime, Duration::from_secs(28_800));
    assert_eq!(config.eap.session_store, SessionStorage::Memory);
    assert_eq!(config.posture.max_age, Duration::from_secs(900));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.certificates.client_ca.len(), 1);
    assert_eq!(
        config.certificates.portal.chain,
        config.certificates.eap.chain
    );
    assert_eq!(config.radsec, None);
}

#[test]
fn radsec_is_on_where_its_section_stands_and_takes_the_identity_of_eap() {
    let config = load(&format!("{MINIMAL}[radsec]\n")).unwrap_or_else(|errors| panic!("{errors}"));
    let radsec = config.radsec.as_ref().expect("a section");
    assert_eq!(radsec.listen.to_string(), "0.0.0.0:2083");
    assert_eq!(radsec.idle_timeout, Duration::from_secs(3_600));
    assert_eq!(
        config.certificates.radsec.chain,
        config.certificates.eap.chain
    );
    assert_eq!(config.certificates.radsec_ca, []);

    let text = format!(
        "{MINIMAL}[radsec]\nlisten = \"0.0.0.0:8443\"\nkey = \"tls/server.key\"\nclient_ca = \"gone.crt\"\n"
    );
    let errors = load(&text).expect_err("three faults").to_string();
    says(
        &errors,
        &[
            "[radsec] certificate is missing beside this",
            "would both listen on port 8443",
            "gone.crt does not exist",
        ],
    );
}

#[test]
fn realms_and_windows_domains_are_names_and_not_addresses() {
    let text = format!(
        "{MINIMAL}[identity]\nrealms = [\"example.org\", \"campus\"]\nnt_domains = [\"EXAMPLE\"]\n"
    );
    let config = load(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.identity.realms, ["example.org", "campus"]);
    assert_eq!(config.identity.nt_domains, ["EXAMPLE"]);
    let text = format!(
        "{MINIMAL}[identity]\nrealms = [\"@example.org\"]\nnt_domains = [\"EXAMPLE\\\\anna\"]\n"
    );
    let errors = load(&text).expect_err("two faults").to_string();
    says(
        &errors,
        &[
            "\"@example.org\" is no realm",
            "is no Windows domain",
            "such as EXAMPLE",
        ],
    );
}

#[test]
fn relative_paths_belong_to_the_folder_of_the_file() {
    let folder = folder();
    let config = Config::load(&write(folder.path(), MINIMAL)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        config.secrets.sealing_key_file,
        folder.path().join("sealing.key")
    );
    let database = folder.path().join("nac.db");
    assert_eq!(
        config.database.url,
        format!("sqlite://{}", database.display())
    );
}

#[test]
fn every_fault_is_reported_at_once_with_its_line_and_its_fix() {
    let rendered = errors(
        r#"
[radius]
listen_auht = "0.0.0.0:1812"
listen_acct = "localhost"
[portal]
listen = 8443
[admin]
listen = "127.0.0.1:9812"
[databse]
[database]
url = "mysql://x"
[secrets]
sealing_key_file = "gone.key"
[eap]
certificate = "nowhere.crt"
key = "server.key"
methods = ["PEEP", "EAP-TLS"]
inner_methods = ["PAP", "GTC", "PAP"]
crypto_binding = "require"
ttls_client_certificate = true
tls = "1.1"
session_lifetime = "8 days"
[log]
format = "jsno"
level = "info,=,"
"#,
    );
    says(
        &rendered,
        &[
            "there is no key in [radius] called listen_auht",
            "did you mean listen_auth?",
            "\"localhost\" is not an address to listen on",
            "listen must be a text in \"quotes\", not a number",
            "[admin] listen and [metrics] listen would both listen on port 9812",
            "there is no section called databse",
            "did you mean database?",
            "this is not the URL of a database",
            "nac.toml:4:15]",
            "gone.key does not exist",
            "nowhere.crt does not exist",
            "\"PEEP\" is no value for methods",
            "did you mean \"PEAP\"?",
            "\"GTC\" is no value for inner_methods",
            "\"PAP\" is named twice",
            "did you mean \"required\"?",
            "ttls_client_certificate must be a text in \"quotes\"",
            "\"1.1\" is no value for tls",
            "session_lifetime must be a length of time between 0 s and 604800 s",
            "did you mean \"json\"?",
            "no log level",
            "nac.toml:3:1]",
            "listen_auht = \"0.0.0.0:1812\"",
        ],
    );
}

#[test]
fn every_key_of_eap_is_known() {
    let rendered = errors(
        "[eap]\nmethods = []\ninner_methods = [\"GTC\"]\ncrypto_binding = \"off\"\n\
         ttls_client_certificate = \"optional\"\nsecond_certificate = \"a\"\nsecond_key = \"b\"\n\
         stapled_ocsp = \"c\"\npost_quantum = true\nsession_store = \"database\"\ncertificate_identity = \"san-dns\"\ncrl = \"d\"\n\
         crl_issuer = \"e\"\ncrl_refresh = 60\nocsp = false\nrevocation_unknown = \"accept\"\n",
    );
    says(&rendered, &["\"GTC\" is no value for inner_methods"]);
    assert!(!rendered.contains("there is no key in [eap]"), "{rendered}");
}

#[test]
fn a_reject_may_wait_for_up_to_five_seconds_or_not_at_all() {
    for (value, seconds) in [("0", 0), ("\"2s\"", 2), ("5", 5)] {
        let text = format!("{MINIMAL}[radius]\nreject_delay = {value}\n");
        let config = load(&text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.radius.reject_delay, Duration::from_secs(seconds));
    }
    let rendered = errors(&format!("{MINIMAL}[radius]\nreject_delay = \"6s\"\n"));
    let said = "reject_delay must be a length of time between 0 s and 5 s";
    says(&rendered, &[said]);
}

#[test]
fn revocation_lists_are_files_or_plain_http_and_count_also_when_they_are_missing() {
    let with = |keys: &str| load(&format!("{MINIMAL}{keys}"));
    let none = with("").expect("valid").settings.eap.revocation;
    assert_eq!(
        (none.sources, none.unknown),
        (vec![], UnknownRevocation::Accept)
    );
    let folder = folder();
    let keys =
        "crl = [\"lists/a.crl\", \"http://pki.example.org/b.crl\"]\ncrl_issuer = \"ca.crt\"\n";
    let config = Config::load(&write(folder.path(), &format!("{MINIMAL}{keys}"))).expect("valid");
    let revocation = &config.eap.revocation;
    let sources = [
        CrlSource::File(folder.path().join("lists/a.crl")),
        CrlSource::Http("http://pki.example.org/b.crl".to_owned()),
    ];
    assert_eq!(revocation.sources, sources);
    assert_eq!(revocation.refresh, Duration::from_secs(3_600));
    assert_eq!(revocation.unknown, UnknownRevocation::Refuse);
    assert_eq!(config.certificates.crl_issuers.len(), 1);
    let accepting = with("crl = \"a.crl\"\nrevocation_unknown = \"accept\"\n").expect("valid");
    assert_eq!(accepting.eap.revocation.unknown, UnknownRevocation::Accept);
    for (source, fault) in [
        ("ldap://dc/cn=ca", "cannot be fetched by ldap://"),
        (
            "https://pki.example.org/a.crl",
            "cannot be fetched by https://",
        ),
        ("http://", "not the URL of a revocation list"),
        (
            "http://user:pw@pki/a.crl",
            "not the URL of a revocation list",
        ),
        ("", "names no revocation list"),
    ] {
        let faults = with(&format!("crl = \"{source}\"\n")).expect_err("has a fault");
        says(&faults.to_string(), &[fault]);
    }
    let faults = with("crl_issuer = \"server.crt\"\n").expect_err("is no authority");
    says(
        &faults.to_string(),
        &["which is not a certificate authority"],
    );
}

#[test]
fn a_responder_is_the_one_that_certificates_name_or_one_for_all() {
    let with = |keys: &str| load(&format!("{MINIMAL}{keys}"));
    let url = "http://ocsp.example.org/";
    let at = OcspResponder::At(url.to_owned());
    for (value, expected, unknown) in [
        ("false", None, UnknownRevocation::Accept),
        (
            "true",
            Some(OcspResponder::Named),
            UnknownRevocation::Refuse,
        ),
        (&format!("\"{url}\""), Some(at), UnknownRevocation::Refuse),
    ] {
        let config = with(&format!("ocsp = {value}\n")).expect("valid");
        let revocation = &config.eap.revocation;
        assert_eq!((&revocation.ocsp, revocation.unknown), (&expected, unknown));
    }
    for (value, fault) in [
        (
            "\"https://ocsp.example.org/\"",
            "not the URL of an OCSP responder",
        ),
        ("\"http://\"", "not the URL of an OCSP responder"),
        (
            "\"http://user:pw@ocsp.example.org/\"",
            "not the URL of an OCSP responder",
        ),
        ("1", "ocsp must be"),
    ] {
        let faults = with(&format!("ocsp = {value}\n")).expect_err("has a fault");
        says(&faults.to_string(), &[fault]);
    }
}

#[test]
fn a_certificates_names_count_in_the_order_that_is_given() {
    use nac_pki::NameKind;
    let with = |keys: &str| load(&format!("{MINIMAL}{keys}"));
    let usual = with("").expect("valid");
    assert_eq!(usual.eap.certificate_identity, NameKind::USUAL);
    let other = with("certificate_identity = [\"san-dns\", \"san-uri\"]\n").expect("valid");
    assert_eq!(
        other.eap.certificate_identity,
        [NameKind::Dns, NameKind::Uri]
    );
    for (value, fault) in [
        ("[]", "no certificate would name anybody"),
        ("[\"cn\"]", "\"cn\" is no value for certificate_identity"),
        ("[\"san-dns\", \"san-dns\"]", "named twice"),
    ] {
        let faults = with(&format!("certificate_identity = {value}\n")).expect_err("has a fault");
        says(&faults.to_string(), &[fault]);
    }
}

#[test]
fn a_second_certificate_is_checked_as_the_first() {
    let with = |keys: &str| load(&format!("{MINIMAL}{keys}"));
    let both = with("second_certificate = \"server.crt\"\nsecond_key = \"server.key\"\n");
    assert!(both.expect("valid").certificates.second.is_some());
    assert!(
        with("post_quantum = true\n")
            .expect("valid")
            .eap
            .post_quantum
    );
    for (keys, fault) in [
        (
            "second_certificate = \"server.crt\"",
            "only one of second_certificate and second_key",
        ),
        (
            "second_key = \"server.key\"",
            "only one of second_certificate and second_key",
        ),
        (
            "second_certificate = \"ca.crt\"\nsecond_key = \"server.key\"",
            "ca.crt",
        ),
        (
            "second_certificate = \"no.crt\"\nsecond_key = \"server.key\"",
            "no.crt does not exist",
        ),
        ("post_quantum = \"yes\"", "true or false"),
    ] {
        let faults = with(&format!("{keys}\n")).expect_err("has a fault");
        says(&faults.to_string(), &[fault]);
    }
}

#[test]
fn a_syntax_error_does_not_hide_the_other_faults() {
    let rendered = errors(&format!(
        "{MINIMAL}\n[radius\nx = \n[log]\nlevle = \"info\"\n"
    ));
    says(&rendered, &["this is not TOML", "did you mean level?"]);
}

#[test]
fn what_is_missing_is_named_with_the_line_to_add() {
    let rendered = errors("[eap]\nkey = \"server.key\"\n");
    says(
        &rendered,
        &[
            "[database] url is missing",
            "url = \"sqlite://nac.db\"",
            "[eap] certificate is missing",
            "sealing_key_file = \"sealing.key\"",
        ],
    );
}

#[test]
fn port_zero_is_no_clash_and_tcp_does_not_clash_with_udp() {
    let text = format!(
        "{MINIMAL}[radius]\nlisten_auth = \"127.0.0.1:0\"\nlisten_acct = \"127.0.0.1:0\"\n\
         [portal]\nlisten = \"127.0.0.1:1813\"\n[admin]\nlisten = \"127.0.0.2:1813\"\n"
    );
    load(&text).unwrap_or_else(|errors| panic!("{errors}"));
    let text = format!("{MINIMAL}[radius]\nlisten_auth = \"[::]:1813\"\n");
    says(
        &errors(&text),
        &[
            "would both listen on port 1813",
            "listen_auth = \"[::]:1813\"",
        ],
    );
}

#[test]
fn a_password_in_a_database_url_is_never_shown() {
    let text = MINIMAL.replace("sqlite://nac.db", "postgres://nac:hunter2@db/nac") + "[lgo]\n";
    assert!(!errors(&text).contains("hunter2"));
    let text = MINIMAL.replace("sqlite://nac.db", "postgress://nac:hunter2@db/nac");
    let rendered = errors(&text);
    assert!(!rendered.contains("hunter2"), "{rendered}");
    let text = MINIMAL.replace("sqlite://nac.db", "postgres://nac:hunter2@db/nac");
    let config = load(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(config.database.url.contains("hunter2"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let folder = folder();
    let other = self::folder();
    fs::copy(
        other.path().join("server.key"),
        folder.path().join("server.key"),
    )
    .expect("copied");
    let errors = Config::load(&write(folder.path(), MINIMAL))
        .expect_err("a mismatch")
        .to_string();
    says(
        &errors,
        &["does not belong to the certificate", "key = \"server.key\""],
    );
}

#[test]
fn an_expired_certificate_is_refused_with_its_day_but_the_settings_still_load() {
    let folder = folder();
    let authority = Authority::create("Old CA", now() - 40 * 86_400, 60).expect("an authority");
    let issued = authority.issue_server(&["radius.test".to_owned()], now() - 40 * 86_400, 10);
    let issued = issued.expect("issued");
    fs::write(folder.path().join("server.crt"), &issued.certificate_pem).expect("written");
    fs::write(folder.path().join("server.key"), issued.key_pem.as_bytes()).expect("written");
    let file = write(folder.path(), MINIMAL);
    let errors = Config::load(&file).expect_err("expired").to_string();
    says(&errors, &["expired on 20", "renew it"]);
    Settings::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn a_client_certificate_cannot_identify_the_server_and_a_leaf_is_no_authority() {
    let folder = folder();
    let authority = Authority::create("CA", now(), 60).expect("an authority");
    let issued = authority.issue_client(nac_pki::ClientSubject::User("alice"), now(), 10);
    let issued = issued.expect("issued");
    for name in ["server.crt", "ca.crt"] {
        fs::write(folder.path().join(name), &issued.certificate_pem).expect("written");
    }
    fs::write(folder.path().join("server.key"), issued.key_pem.as_bytes()).expect("written");
    let errors = Config::load(&write(folder.path(), MINIMAL))
        .expect_err("wrong use")
        .to_string();
    says(
        &errors,
        &[
            "may not identify a server",
            "CN=alice, which is not a certificate authority",
        ],
    );
}

#[test]
fn an_authority_cannot_identify_the_server() {
    let folder = folder();
    let authority = Authority::create("CA", now(), 60).expect("an authority");
    fs::write(
        folder.path().join("server.crt"),
        authority.certificate_pem(),
    )
    .expect("written");
    fs::write(
        folder.path().join("server.key"),
        authority.key_pem().as_bytes(),
    )
    .expect("written");
    let errors = Config::load(&write(folder.path(), MINIMAL))
        .expect_err("an authority")
        .to_string();
    says(&errors, &["is that of a certificate authority"]);
}

#[test]
fn a_certificate_that_ends_within_30_days_is_worth_a_warning() {
    let config = load(MINIMAL).unwrap_or_else(|errors| panic!("{errors}"));
    let now_us = now() * 1_000_000;
    let warnings = config.certificates.warnings(now_us);
    assert_eq!(
        warnings.len(),
        1,
        "one certificate serves both: {warnings:?}"
    );
    assert!(warnings[0].contains("renew it"));
    let earlier = now_us - 21 * 86_400 * 1_000_000;
    assert!(config.certificates.warnings(earlier).is_empty());
}

#[test]
fn checks_that_cannot_be_read_are_faults_of_the_configuration() {
    let folder = folder();
    let checks = folder.path().join("checks");
    fs::create_dir(&checks).expect("created");
    fs::write(checks.join("broken.toml"), "name = 1\n").expect("written");
    let text = format!("{MINIMAL}[posture]\nchecks_dir = \"checks\"\n");
    let errors = Config::load(&write(folder.path(), &text))
        .expect_err("a broken check")
        .to_string();
    says(&errors, &["broken.toml", "checks_dir = \"checks\""]);
}

#[test]
fn a_word_that_is_no_log_level_is_not_taken_for_a_module() {
    for good in [
        "info",
        "OFF",
        "warn,nac_eap=debug",
        "nac_eap[login{user=x}]=trace",
    ] {
        let text = format!("{MINIMAL}[log]\nlevel = \"{good}\"\n");
        load(&text).unwrap_or_else(|errors| panic!("{errors}"));
    }
    for bad in ["infoo", "warn,nac_eap", "nac_eap=infoo", ""] {
        let rendered = errors(&format!("{MINIMAL}[log]\nlevel = \"{bad}\"\n"));
        says(&rendered, &["is no log level"]);
    }
    let rendered = errors(&format!("{MINIMAL}[log]\nlevel = \"infoo\"\n"));
    says(&rendered, &["did you mean \"info\"?"]);
}

#[test]
fn unreadable_pem_is_named_and_its_content_is_not_shown() {
    let folder = folder();
    let key = "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n";
    fs::write(folder.path().join("server.key"), key).expect("written");
    fs::write(folder.path().join("ca.crt"), [0x30, 0x82, 0xff]).expect("written");
    let errors = Config::load(&write(folder.path(), MINIMAL))
        .expect_err("damaged")
        .to_string();
    says(
        &errors,
        &[
            "server.key: the PEM text is damaged",
            "ca.crt is not PEM text",
        ],
    );
    assert!(!errors.contains("TOPSECRET"));
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let errors = Config::load(Path::new("/nonexistent/nac.toml"))
        .expect_err("missing")
        .to_string();
    says(
        &errors,
        &["/nonexistent/nac.toml does not exist", "nac init DIR"],
    );
}

#[test]
fn faults_are_data_too() {
    let errors = load(&format!("{MINIMAL}[lgo]\n")).expect_err("a fault");
    let json = serde_json::to_value(errors.records()).expect("plain data");
    assert_eq!(json[0]["line"], 10);
    assert_eq!(json[0]["column"], 2);
}

#[test]
fn a_portal_certificate_needs_its_key() {
    let errors = errors(&format!(
        "{MINIMAL}[portal]\ncertificate = \"server.crt\"\n"
    ));
    says(&errors, &["[portal] key is missing beside this"]);
}

#[test]
fn mail_is_optional_and_checked_when_it_is_there() {
    let config = load(MINIMAL).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.mail, None);
    let text = format!(
        "{MINIMAL}[mail]\nserver = \"smtp.example.org\"\nfrom = \"Network <noreply@example.org>\"\n\
         username = \"nac\"\npassword_file = \"mail-password\"\n"
    );
    let mail = load(&text)
        .unwrap_or_else(|errors| panic!("{errors}"))
        .settings
        .mail;
    let mail = mail.expect("the section is there");
    assert_eq!((mail.server.as_str(), mail.port), ("smtp.example.org", 587));
    assert!(mail.password_file.is_some_and(|file| file.is_absolute()));
    let rendered = errors(&format!(
        "{MINIMAL}[mail]\nfrom = \"nobody\"\nport = 70000\ntls = \"none\"\nusername = \"nac\"\n"
    ));
    says(
        &rendered,
        &[
            "server",
            "\"nobody\" is not a sender's address",
            "port must be a port",
            "password_file is missing",
            "in the clear",
        ],
    );
}
