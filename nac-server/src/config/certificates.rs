//! Opens the certificate files that the settings name, and finds out before the first handshake whether
//! they can serve.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nac_pki::{CertificateFacts, PkiError, pem_certificates, pem_key};
use nac_posture::CheckSet;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::{Fault, Source};
use super::read::Parsed;

/// What the certificate files hold.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The server's identity in EAP.
    pub eap: ServerIdentity,
    /// The server's identity on the HTTPS listeners; the same as in EAP unless `[portal]` names another.
    pub portal: ServerIdentity,
    /// The server's identity for RadSec; the same as in EAP unless `[radsec]` names another.
    pub radsec: ServerIdentity,
    /// The authorities whose certificates NASes show; the one in the database when there is none.
    pub radsec_ca: Vec<CertificateDer<'static>>,
    /// The authorities whose client certificates are accepted, besides the one in the database.
    pub client_ca: Vec<CertificateDer<'static>>,
    /// The server's other identity in EAP, for supplicants that cannot verify the first.
    pub second: Option<ServerIdentity>,
    /// Intermediate authorities whose revocation lists count.
    pub crl_issuers: Vec<CertificateDer<'static>>,
}

/// A certificate chain and the private key of its leaf.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: Arc<PrivateKeyDer<'static>>,
    /// What the leaf says.
    pub facts: CertificateFacts,
}

/// Reads every file; faults go into the source, under the line that names the file.
pub(super) fn read(parsed: &Parsed, source: &mut Source) -> Option<Certificates> {
    let (settings, places) = (&parsed.values, &parsed.places);
    let now_us = jiff::Timestamp::now().as_microsecond();
    // A path that is empty was missing, and that fault is noted already.
    let eap = (settings.eap.certificate != Path::new("") && settings.eap.key != Path::new(""))
        .then(|| {
            let files = Files {
                certificate: (&settings.eap.certificate, places.eap_certificate.clone()),
                key: (&settings.eap.key, places.eap_key.clone()),
            };
            files.identity(now_us, source)
        })
        .flatten();
    let own = |certificate: Option<Located<'_>>, key: Option<Located<'_>>, source: &mut _| {
        match certificate.zip(key) {
            Some((certificate, key)) => Files { certificate, key }.identity(now_us, source),
            None => eap.clone(),
        }
    };
    let portal = own(
        located(&settings.portal.certificate, &places.portal_certificate),
        located(&settings.portal.key, &places.portal_key),
        source,
    );
    let (mut radsec, mut radsec_ca) = (eap.clone(), Vec::new());
    if let Some(settings) = &settings.radsec {
        let places = &places.radsec;
        radsec = own(
            located(&settings.certificate, &places.certificate),
            located(&settings.key, &places.key),
            source,
        );
        for (path, place) in settings.client_ca.iter().zip(&places.client_ca) {
            radsec_ca.extend(authorities((path, place.clone()), now_us, source));
        }
    }
    let mut client_ca = Vec::new();
    for (path, place) in settings.eap.client_ca.iter().zip(&places.client_ca) {
        client_ca.extend(authorities((path, place.clone()), now_us, source));
    }
    let second = located(&settings.eap.second_certificate, &places.second_certificate)
        .zip(located(&settings.eap.second_key, &places.second_key))
        .map(|(certificate, key)| Files { certificate, key }.identity(now_us, source));
    let mut crl_issuers = Vec::new();
    let issuers = &settings.eap.revocation.issuers;
    for (path, place) in issuers.iter().zip(&places.crl_issuer) {
        crl_issuers.extend(authorities((path, place.clone()), now_us, source));
    }
    let sealing_key = &settings.secrets.sealing_key_file;
    if sealing_key != Path::new("") && !sealing_key.is_file() {
        let fix =
            "restore the key file that belongs to this database; without it its secrets are lost";
        source.faults.push(absent(
            sealing_key,
            places.sealing_key.clone(),
            "sealing key",
            fix,
        ));
    }
    if let Some(folder) = &settings.posture.checks_dir {
        checks(folder, places.checks_dir.as_ref(), source);
    }
    Some(Certificates {
        eap: eap?,
        portal: portal?,
        radsec: radsec?,
        radsec_ca,
        client_ca,
        second: match second {
            Some(second) => Some(second?),
            None => None,
        },
        crl_issuers,
    })
}

/// What is wrong with the folder of checks, each fault under the line that names the folder.
fn checks(folder: &Path, place: Option<&Range<usize>>, source: &mut Source) {
    if !folder.is_dir() {
        let fix = "create the folder, or remove checks_dir to use the built-in checks";
        let fault = absent(folder, place.cloned(), "folder of checks", fix);
        source.faults.push(fault);
        return;
    }
    let Err(faults) = CheckSet::load_dir(folder) else {
        return;
    };
    source.faults.extend(faults.0.into_iter().map(|fault| {
        let field = if fault.field.is_empty() {
            String::new()
        } else {
            format!("`{}` ", fault.field)
        };
        Fault {
            message: format!("the check {}: {field}{}", fault.file, fault.problem),
            span: place.cloned(),
            help: fault.fix,
        }
    }));
}

impl Certificates {
    /// What an administrator should know although the server can serve: a certificate of its own that ends
    /// within 30 days of `now_us`, in microseconds since the Unix epoch.
    #[must_use]
    pub fn warnings(&self, now_us: i64) -> Vec<String> {
        let mut own = vec![("EAP", &self.eap.facts)];
        own.extend(self.second.iter().map(|second| ("EAP", &second.facts)));
        if self.portal.facts.fingerprint_sha256 != self.eap.facts.fingerprint_sha256 {
            own.push(("HTTPS", &self.portal.facts));
        }
        if self.radsec.facts.fingerprint_sha256 != self.eap.facts.fingerprint_sha256 {
            own.push(("RadSec", &self.radsec.facts));
        }
        own.into_iter()
            .filter(|(_, facts)| facts.not_after_us < now_us.saturating_add(RENEW_BEFORE_US))
            .map(|(place, facts)| {
                format!(
                    "the server's certificate for {place} ({}) ends on {}: renew it before, or nobody gets in",
                    facts.common_name.as_deref().unwrap_or(&facts.subject),
                    day(facts.not_after_us)
                )
            })
            .collect()
    }
}

/// 30 days, in microseconds: enough to notice and to roll out another.
const RENEW_BEFORE_US: i64 = 30 * 86_400 * 1_000_000;

type Located<'a> = (&'a Path, Option<Range<usize>>);

fn located<'a>(path: &'a Option<PathBuf>, place: &Option<Range<usize>>) -> Option<Located<'a>> {
    Some((path.as_deref()?, place.clone()))
}

struct Files<'a> {
    certificate: Located<'a>,
    key: Located<'a>,
}

impl Files<'_> {
    fn identity(self, now_us: i64, source: &mut Source) -> Option<ServerIdentity> {
        let chain = open(&self.certificate, "certificate", pem_certificates, source);
        let key = open(&self.key, "private key", pem_key, source);
        let chain = chain?;
        let leaf = chain.first()?;
        let facts = match CertificateFacts::read(leaf) {
            Ok(facts) => facts,
            Err(error) => {
                source.faults.push(unreadable(&self.certificate, &error));
                return None;
            }
        };
        let fault = serves(&self.certificate, &facts, now_us);
        let usable = fault.is_none();
        source.faults.extend(fault);
        let key = key?;
        if let Err(fault) = belongs(&self, &chain, &key) {
            source.faults.push(fault);
            return None;
        }
        usable.then(|| ServerIdentity {
            chain,
            key: Arc::new(key),
            facts,
        })
    }
}

/// Why this certificate cannot identify a server now, if it cannot.
fn serves(file: &Located<'_>, facts: &CertificateFacts, now_us: i64) -> Option<Fault> {
    let (path, place) = (file.0.display(), file.1.clone());
    let (message, help) = if facts.not_after_us <= now_us {
        (
            format!(
                "the certificate {path} expired on {}",
                day(facts.not_after_us)
            ),
            "supplicants would refuse it: renew it and put the new one in its place",
        )
    } else if facts.not_before_us > now_us {
        (
            format!(
                "the certificate {path} is not valid before {}",
                day(facts.not_before_us)
            ),
            "check the clock of this machine, or use a certificate that is valid now",
        )
    } else if !facts.server_auth {
        (
            format!("the certificate {path} may not identify a server"),
            "its extended key usage lacks serverAuth, so supplicants would refuse it: issue it as a server certificate",
        )
    } else if facts.is_authority {
        (
            format!("the certificate {path} is that of a certificate authority"),
            "supplicants refuse an authority as a server: name the server's own certificate, with the authority behind it",
        )
    } else {
        return None;
    };
    Some(Fault {
        message,
        span: place,
        help: help.to_owned(),
    })
}

fn belongs(
    files: &Files<'_>,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<(), Fault> {
    let (path, place) = (files.key.0.display(), files.key.1.clone());
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signing = provider
        .key_provider
        .load_private_key(key.clone_key())
        .map_err(|_| {
            Fault {
        message: format!("the private key {path} is of a kind that cannot be used"),
        span: place.clone(),
        help: "use an ECDSA key (P-256, P-384, P-521), an RSA key of 2048 bits or more, or Ed25519"
            .to_owned(),
    }
        })?;
    match rustls::sign::CertifiedKey::new(chain.to_vec(), signing).keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Err(Fault {
            message: format!(
                "the private key {path} does not belong to the certificate {}",
                files.certificate.0.display()
            ),
            span: place,
            help: "name the key that the certificate was issued for (the leaf comes first in its file)"
                .to_owned(),
        }),
        // Other results say that the library could not compare them, not that they differ.
        _ => Ok(()),
    }
}

fn authorities(
    file: Located<'_>,
    now_us: i64,
    source: &mut Source,
) -> Vec<CertificateDer<'static>> {
    let certificates =
        open(&file, "certificate authority", pem_certificates, source).unwrap_or_default();
    let mut newest_end = None;
    for certificate in &certificates {
        match CertificateFacts::read(certificate) {
            Err(error) => source.faults.push(unreadable(&file, &error)),
            Ok(facts) if !facts.is_authority => source.faults.push(Fault {
                message: format!(
                    "{} holds {}, which is not a certificate authority",
                    file.0.display(),
                    facts.subject
                ),
                span: file.1.clone(),
                help: "name the certificate of the authority that issues client certificates"
                    .to_owned(),
            }),
            Ok(facts) => newest_end = newest_end.max(Some(facts.not_after_us)),
        }
    }
    if let Some(end) = newest_end.filter(|end| *end <= now_us) {
        source.faults.push(Fault {
            message: format!(
                "every authority in {} has expired, the last on {}",
                file.0.display(),
                day(end)
            ),
            span: file.1,
            help: "no client certificate could be accepted: put the renewed authority in its place"
                .to_owned(),
        });
    }
    certificates
}

fn open<T>(
    file: &Located<'_>,
    what: &str,
    parse: impl FnOnce(&str) -> Result<T, PkiError>,
    source: &mut Source,
) -> Option<T> {
    let fault = match std::fs::read_to_string(file.0) {
        Ok(text) => match parse(&text) {
            Ok(value) => return Some(value),
            Err(error) => unreadable(file, &error),
        },
        Err(error) => cannot_open(file, what, &error),
    };
    source.faults.push(fault);
    None
}

fn cannot_open(file: &Located<'_>, what: &str, error: &std::io::Error) -> Fault {
    let (path, place) = (file.0, file.1.clone());
    match error.kind() {
        ErrorKind::NotFound => absent(
            path,
            place,
            what,
            "put the file there, or correct the path (relative to nac.toml's folder)",
        ),
        ErrorKind::PermissionDenied => Fault {
            message: format!("the {what} {} may not be read by this user", path.display()),
            span: place,
            help: "give the user that runs nac read access to it".to_owned(),
        },
        ErrorKind::InvalidData => Fault {
            message: format!("the {what} {} is not PEM text", path.display()),
            span: place,
            help: "convert it, for example with: openssl x509 -inform DER -in FILE -out FILE.pem"
                .to_owned(),
        },
        _ => Fault {
            message: format!("the {what} {} cannot be read: {error}", path.display()),
            span: place,
            help: "name a file that can be read".to_owned(),
        },
    }
}

fn absent(path: &Path, place: Option<Range<usize>>, what: &str, fix: &str) -> Fault {
    let message = format!("the {what} {} does not exist", path.display());
    Fault {
        message,
        span: place,
        help: fix.to_owned(),
    }
}

fn unreadable(file: &Located<'_>, error: &PkiError) -> Fault {
    Fault {
        message: format!("{}: {error}", file.0.display()),
        span: file.1.clone(),
        help: "put a readable PEM file there".to_owned(),
    }
}

fn day(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map_or_else(
        |_| "an impossible day".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
