//! Certificates that our authority issues: the authority from the store, what it issues, and the row for it.

use nac_pki::{Authority, ClientSubject, Issued, PkiError};
use nac_store::{Certificate, CertificateKind, IdentifierKind, Store, StoreError, now_us};
use zeroize::Zeroizing;

use crate::web::Failure;

/// Why nothing can be issued.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// There is none.
    #[error("the database holds no certificate authority")]
    Missing,
    /// Its key cannot be read.
    #[error("the authority's key in the database is damaged")]
    Damaged,
    /// It cannot be used.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Store(error) => error.into(),
            other => Self::Conflict(other.to_string()),
        }
    }
}

/// The authority of this installation.
///
/// # Errors
///
/// [`AuthorityError`].
pub async fn authority(store: &Store) -> Result<Authority, AuthorityError> {
    let (certificate, key) = store
        .authority_fetch()
        .await?
        .ok_or(AuthorityError::Missing)?;
    let key = std::str::from_utf8(key.expose()).map_err(|_| AuthorityError::Damaged)?;
    Ok(Authority::load(&certificate, key)?)
}

/// The row for a certificate that was just issued.
pub fn record(issued: &Issued, kind: CertificateKind, name: &str, now_us: i64) -> Certificate {
    let facts = &issued.facts;
    Certificate {
        serial: facts.serial.clone(),
        kind,
        name: name.to_owned(),
        device_id: None,
        subject: facts.subject.clone(),
        spki_sha256: facts.spki_sha256.clone(),
        fingerprint_sha256: facts.fingerprint_sha256.clone(),
        certificate_pem: issued.certificate_pem.clone(),
        not_before_us: facts.not_before_us,
        not_after_us: facts.not_after_us,
        issued_us: now_us,
        revoked_us: None,
        revoked_reason: None,
        revoked_by: None,
    }
}

/// What was issued.
pub struct Bundle {
    /// The row in the store.
    pub certificate: Certificate,
    /// Private key, certificate and authority's certificate, PEM. The key is kept nowhere else.
    pub pem: Zeroizing<String>,
}

/// Issues a certificate to a user by name, to a device by id, name or MAC address, or to a NAS by its host name, for this many days,
/// and makes the device known by it.
///
/// # Errors
///
/// [`Failure::Invalid`] for a name that cannot be in a certificate and for a device that nobody knows.
pub async fn issue(
    store: &Store,
    kind: CertificateKind,
    name: &str,
    days: u32,
) -> Result<Bundle, Failure> {
    let own = authority(store).await?;
    let now = now_us();
    let fail = |error: PkiError| Failure::invalid("name", error.to_string());
    let client = |subject| {
        own.issue_client(subject, now / 1_000_000, days)
            .map_err(fail)
    };
    let (issued, certificate) = match kind {
        CertificateKind::User => {
            let issued = client(ClientSubject::User(name))?;
            let certificate = record(&issued, kind, name, now);
            (issued, certificate)
        }
        CertificateKind::Device => {
            let device = store.device_find(name).await?.ok_or_else(|| {
                Failure::invalid(
                    "name",
                    format!("there is no device {name}: add it first, then issue its certificate"),
                )
            })?;
            let id = device.id.to_string();
            let issued = client(ClientSubject::Device {
                name: &device.name,
                id: &id,
            })?;
            let mut certificate = record(&issued, kind, &device.name, now);
            certificate.device_id = Some(device.id);
            (issued, certificate)
        }
        CertificateKind::Nas => {
            let issued = own
                .issue_nas(&[name.to_owned()], now / 1_000_000, days)
                .map_err(fail)?;
            let certificate = record(&issued, kind, name, now);
            (issued, certificate)
        }
        CertificateKind::Server => {
            return Err(Failure::invalid(
                "kind",
                "a server's certificate is issued on the server: nac certificate issue --server NAME",
            ));
        }
    };
    store.certificate_add(&certificate).await?;
    if let Some(device) = certificate.device_id {
        let id = device.to_string();
        for (kind, value) in [
            (IdentifierKind::Spki, &certificate.spki_sha256),
            (IdentifierKind::AssertedId, &id),
        ] {
            store
                .device_identifier_put(device, kind, value, "certificate")
                .await?;
        }
    }
    let mut pem = Zeroizing::new(String::with_capacity(8_192));
    for part in [
        issued.key_pem.as_str(),
        &issued.certificate_pem,
        own.certificate_pem(),
    ] {
        pem.push_str(part.trim_end());
        pem.push('\n');
    }
    Ok(Bundle { certificate, pem })
}
