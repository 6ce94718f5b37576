//! Certificates that our authority issues: the authority from the store, and the row for what it issued.

use nac_pki::{Authority, Issued, PkiError};
use nac_store::{Certificate, CertificateKind, Store, StoreError};

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
