//! Where an issued certificate, its key and the authorities go.

use std::fs;
use std::path::{Path, PathBuf};

use nac_pki::{CertificateFacts, Issued, pem_certificates};
use nac_store::Store;

use super::paths;
use crate::cli::Failure;
use crate::cli::init::{authority, write_new};
use crate::config::Settings;

/// The two files of a certificate, which do not exist yet.
pub(super) struct Place {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Place {
    /// Creates the folder when there is none; refuses to overwrite.
    pub(super) fn prepare(folder: &Path, name: &str) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        let (certificate, key) = paths(folder, name);
        for path in [&certificate, &key] {
            if path.exists() {
                return Err(Failure::no(format!("{} exists already", path.display()))
                    .fix("name another folder with --out, or move the file away"));
            }
        }
        Ok(Self { certificate, key })
    }

    pub(super) fn write(&self, issued: &Issued) -> Result<(), Failure> {
        let written = write_new(&self.key, &issued.key_pem, 0o600)
            .and_then(|()| write_new(&self.certificate, &issued.certificate_pem, 0o644));
        if written.is_err() {
            self.remove();
        }
        written
    }

    /// Takes back what was written. The failure that led here is the one to report.
    pub(super) fn remove(&self) {
        for path in [&self.key, &self.certificate] {
            let _ = fs::remove_file(path);
        }
    }
}

/// The authorities that a supplicant has to trust, in PEM: ours, and the one that issued the server's
/// certificate when that is another.
pub(super) async fn authorities(store: &Store, settings: &Settings) -> Result<String, Failure> {
    let own = authority(store).await?;
    let mut pem = own.certificate_pem().to_owned();
    for certificate in server_authority(settings) {
        if certificate.fingerprint != own.facts().fingerprint_sha256 {
            pem.push_str(&certificate.pem);
        }
    }
    Ok(pem)
}

struct Anchor {
    pem: String,
    fingerprint: String,
}

/// The certificates among `[eap] client_ca` that issued the server's. Files that cannot be read are passed
/// over: `nac config check` is the place that complains about them.
fn server_authority(settings: &Settings) -> Vec<Anchor> {
    let facts = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let certificates = pem_certificates(&text).unwrap_or_default();
        let read = |der: &rustls::pki_types::CertificateDer<'static>| {
            CertificateFacts::read(der)
                .ok()
                .map(|facts| (der.to_vec(), facts))
        };
        certificates.iter().filter_map(read).collect::<Vec<_>>()
    };
    let chain = facts(&settings.eap.certificate);
    let issuers: Vec<&str> = chain
        .iter()
        .map(|(_, facts)| facts.issuer.as_str())
        .collect();
    let anchors = settings.eap.client_ca.iter().flat_map(facts);
    anchors
        .filter(|(_, anchor)| issuers.contains(&anchor.subject.as_str()))
        .map(|(der, anchor)| Anchor {
            pem: armoured(&der),
            fingerprint: anchor.fingerprint_sha256,
        })
        .collect()
}

fn armoured(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// Writes ca.crt, or leaves it when it says the same already.
pub(super) fn write_authorities(folder: &Path, pem: &str) -> Result<PathBuf, Failure> {
    let path = folder.join("ca.crt");
    if fs::read_to_string(&path).is_ok_and(|present| present == pem) {
        return Ok(path);
    }
    fs::write(&path, pem).map_err(|error| Failure::file("write", &path, &error))?;
    Ok(path)
}
