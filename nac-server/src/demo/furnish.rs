//! The demo's sample data: two people, a switch, an access point, a printer, certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use nac_pki::{Authority, ClientSubject, Issued};
use nac_radius::Secret;
use nac_store::{Certificate, CertificateKind, NewClient, SecretBytes, Store, UserRecord, now_us};
use zeroize::Zeroizing;

use super::{PASSWORD, Premises};
use crate::server::Addresses;

/// How long demo certificates live.
const LIFETIME_DAYS: u32 = 30;

/// Who plays.
pub(super) struct Cast {
    /// The shared secret of the demo's NAS.
    pub(super) secret: Secret,
    /// The same in a file, for `nac probe`.
    pub(super) secret_file: PathBuf,
    /// The CA, PEM.
    pub(super) ca_pem: String,
    /// Alice's certificate, for her laptop's EAP-TLS and its osquery.
    pub(super) laptop: Issued,
    /// Carol's certificate, for hers.
    pub(super) waiting: Issued,
    /// osquery's enrolment secret.
    pub(super) enroll_secret: Zeroizing<String>,
}

/// The name of the demo's switch.
pub(super) const SWITCH: &str = "demo-switch";

/// Puts users and certificates into the database. The switch comes when its CoA port is known.
pub(super) async fn cast(premises: &Premises, folder: &Path) -> Result<Cast, String> {
    let store = &premises.store;
    for name in ["alice", "bob", "carol"] {
        store
            .user_put(UserRecord {
                name: name.to_owned(),
                password: Some(premises.password_hash.clone()),
                cleartext: Some(SecretBytes::new(PASSWORD.as_bytes())),
                enabled: true,
                groups: vec!["staff".to_owned()],
            })
            .await
            .map_err(text)?;
    }
    super::guest::furnish(store).await?;
    let secret = Zeroizing::new(hex::encode(crate::authenticate::random::<16>()));
    let secret_file = folder.join("demo-secret");
    write_private(&secret_file, &secret)?;
    let ca_pem = read(&premises.ca_certificate)?;
    Ok(Cast {
        secret: Secret::new(secret.as_bytes()),
        secret_file,
        laptop: issue(store, "alice").await?,
        waiting: issue(store, "carol").await?,
        enroll_secret: Zeroizing::new(read(&premises.enroll_secret)?.trim().to_owned()),
        ca_pem,
    })
}

/// Lets the demo's switch ask, with the port where it hears CoA.
pub(super) async fn switch(store: &Store, cast: &Cast, coa: SocketAddr) -> Result<(), String> {
    let address = std::net::IpAddr::from([127, 0, 0, 1]).into();
    let client = NewClient {
        name: SWITCH.to_owned(),
        address,
        secret: SecretBytes::new(cast.secret.as_bytes()),
        message_authenticator: nac_store::MessageAuthenticatorRule::Required,
        legacy_until_us: None,
        vendor: "cisco-ios".to_owned(),
        coa_port: Some(coa.port()),
        radsec_name: None,
        site: "demo".to_owned(),
    };
    store
        .client_add(client)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Writes the ports that the system chose into `nac.toml`, so that the commands that the demo suggests find the server.
pub(super) fn remember(config: &Path, addresses: &Addresses) -> Result<(), String> {
    let mut text = read(config)?;
    for (usual, actual) in [
        ("0.0.0.0:1812", addresses.auth),
        ("0.0.0.0:1813", addresses.acct),
        ("0.0.0.0:8443", addresses.portal),
        ("127.0.0.1:9443", addresses.admin),
        ("127.0.0.1:9812", addresses.metrics),
    ] {
        text = text.replace(usual, &actual.to_string());
    }
    if let Some(actual) = addresses.portal_http {
        let commented = "# listen_http = \"0.0.0.0:80\"";
        text = text.replace(commented, &format!("listen_http = \"{actual}\""));
    }
    std::fs::write(config, text).map_err(|error| file("write", config, &error))
}

async fn issue(store: &Store, user: &str) -> Result<Issued, String> {
    let authority = match store.authority_fetch().await.map_err(text)? {
        Some((certificate, key)) => {
            Authority::load(&certificate, &String::from_utf8_lossy(key.expose())).map_err(text)?
        }
        None => {
            return Err("the new installation has no certificate authority".to_owned());
        }
    };
    let now = now_us();
    let issued = authority
        .issue_client(ClientSubject::User(user), now / 1_000_000, LIFETIME_DAYS)
        .map_err(text)?;
    let facts = &issued.facts;
    store
        .certificate_add(&Certificate {
            serial: facts.serial.clone(),
            kind: CertificateKind::User,
            name: user.to_owned(),
            device_id: None,
            subject: facts.subject.clone(),
            spki_sha256: facts.spki_sha256.clone(),
            fingerprint_sha256: facts.fingerprint_sha256.clone(),
            certificate_pem: issued.certificate_pem.clone(),
            not_before_us: facts.not_before_us,
            not_after_us: facts.not_after_us,
            issued_us: now,
            revoked_us: None,
            revoked_reason: None,
            revoked_by: None,
        })
        .await
        .map_err(text)?;
    Ok(issued)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| file("read", path, &error))
}

fn write_private(path: &Path, text: &str) -> Result<(), String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| file("write", path, &error))
}

fn file(action: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {action} {}: {error}", path.display())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
