//! Revocation lists (RFC 5280 section 5): who signed them, until when they hold, and whom they name.

mod path;

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::oid_registry::{
    OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA, OID_X509_EXT_CRL_NUMBER, OID_X509_EXT_REASON_CODE,
};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::facts::printable;
use crate::serial::significant;
pub use path::{Anchors, Issuance};

/// The largest revocation list that is read, in bytes: about 800,000 entries.
pub const MAX_REVOCATION_LIST_LEN: usize = 32 * 1024 * 1024;

/// Why a revocation list counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// The list is larger than [`MAX_REVOCATION_LIST_LEN`].
    #[error("it has {0} bytes, more than the {max} allowed", max = MAX_REVOCATION_LIST_LEN)]
    TooLong(usize),
    /// The bytes are not a revocation list (RFC 5280 section 5.1).
    #[error("it cannot be read: {0}")]
    Malformed(&'static str),
    /// The list says less than it seems to, in a way that is not understood here.
    #[error("it is not a complete list of one authority: {0}")]
    Partial(&'static str),
    /// Nobody who is trusted has the issuer's name.
    #[error("its issuer, {0}, is neither in client_ca nor in crl_issuer")]
    UnknownIssuer(String),
    /// The signature is not that of the issuer.
    #[error("its signature is not one of {0}")]
    Signature(String),
}

/// A complete revocation list whose signature was right.
#[derive(Debug)]
pub struct RevocationList {
    /// The issuer's distinguished name, for people to read.
    pub issuer: String,
    /// When it was made, in microseconds since the Unix epoch.
    pub this_update_us: i64,
    /// Until when it holds, in microseconds since the Unix epoch.
    pub next_update_us: i64,
    issuer_id: String,
    authority_key: Option<String>,
    scope: Scope,
    serials: HashSet<Box<[u8]>>,
}

/// Which of an authority's certificates a list is about (RFC 5280 section 5.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Users,
    Authorities,
}

/// Finds the lists in a file: one in DER, or any number in PEM.
///
/// # Errors
/// [`RevocationListError::Malformed`] when there is none.
pub fn revocation_lists(
    file: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, RevocationListError> {
    /// How a DER SEQUENCE begins.
    const SEQUENCE: u8 = 0x30;
    if file.first() == Some(&SEQUENCE) {
        return Ok(vec![file.to_vec().into()]);
    }
    let lists = CertificateRevocationListDer::pem_slice_iter(file)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| RevocationListError::Malformed("the PEM text is damaged"))?;
    match lists.is_empty() {
        true => Err(RevocationListError::Malformed(
            "there is neither DER nor a \"-----BEGIN X509 CRL-----\" block",
        )),
        false => Ok(lists),
    }
}

impl RevocationList {
    /// Reads one list in DER and checks its signature against the authorities that have its issuer's name.
    ///
    /// # Errors
    /// [`RevocationListError`]; also for a list that covers only a part of an authority's certificates, other than
    /// those of users or of authorities, because nobody could tell which.
    pub fn read(
        der: &[u8],
        authorities: &[CertificateDer<'_>],
    ) -> Result<Self, RevocationListError> {
        if der.len() > MAX_REVOCATION_LIST_LEN {
            return Err(RevocationListError::TooLong(der.len()));
        }
        let (rest, list) = CertificateRevocationList::from_der(der)
            .map_err(|_| RevocationListError::Malformed("it is not an X.509 CRL in DER"))?;
        if !rest.is_empty() {
            return Err(RevocationListError::Malformed("bytes follow the list"));
        }
        verify(&list, authorities)?;
        let scope = scope(list.extensions())?;
        let next_update = list
            .next_update()
            .ok_or(RevocationListError::Malformed("it has no nextUpdate"))?;
        let mut serials = HashSet::new();
        for entry in list.iter_revoked_certificates() {
            let foreign = |extension: &X509Extension<'_>| {
                extension.critical && extension.oid != OID_X509_EXT_REASON_CODE
            };
            if entry.extensions().iter().any(foreign) {
                return Err(RevocationListError::Partial(
                    "it speaks for other authorities as well",
                ));
            }
            serials.insert(significant(entry.raw_serial()).into());
        }
        let seconds = |time: i64| time.saturating_mul(1_000_000);
        Ok(Self {
            issuer: printable(&list.issuer().to_string()),
            this_update_us: seconds(list.last_update().timestamp()),
            next_update_us: seconds(next_update.timestamp()),
            issuer_id: name_id(list.issuer().as_raw()),
            authority_key: authority_key(list.extensions()),
            scope,
            serials,
        })
    }

    /// The issuer, as [`Issuance::issuer`] says it.
    #[must_use]
    pub fn issuer_id(&self) -> &str {
        &self.issuer_id
    }

    /// How many certificates are revoked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.serials.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.serials.is_empty()
    }

    /// Whether the list holds at this time, in microseconds since the Unix epoch.
    #[must_use]
    pub const fn holds_at(&self, now_us: i64) -> bool {
        self.this_update_us <= now_us && now_us <= self.next_update_us
    }

    /// Whether the list would name this certificate if it were revoked. An authority with a new key under its old
    /// name has two lists, told apart by the key's identifier where both sides have one.
    #[must_use]
    pub fn covers(&self, certificate: &Issuance) -> bool {
        let same_key = match (&self.authority_key, &certificate.authority_key) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        let in_scope = match self.scope {
            Scope::All => true,
            Scope::Users => !certificate.is_authority,
            Scope::Authorities => certificate.is_authority,
        };
        self.issuer_id == certificate.issuer && same_key && in_scope
    }

    /// Whether the list covers this certificate and says that it is revoked, or on hold.
    #[must_use]
    pub fn revokes(&self, certificate: &Issuance) -> bool {
        self.covers(certificate)
            && hex::decode(&certificate.serial)
                .is_ok_and(|serial| self.serials.contains(significant(&serial)))
    }
}

/// The signature has to be that of an authority with the issuer's name that may sign lists (RFC 5280 section 6.3.3 (f)).
fn verify(
    list: &CertificateRevocationList<'_>,
    authorities: &[CertificateDer<'_>],
) -> Result<(), RevocationListError> {
    // RFC 5280 section 5.1.1.2; and a signature is whole octets.
    if list.signature_algorithm != list.tbs_cert_list.signature
        || list.signature_value.unused_bits != 0
    {
        return Err(RevocationListError::Malformed("its signature is damaged"));
    }
    let algorithm = &list.signature_algorithm.algorithm;
    if [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA].contains(algorithm) {
        return Err(RevocationListError::Malformed("it is signed with SHA-1"));
    }
    let name = || printable(&list.issuer().to_string());
    let mut named = false;
    for authority in authorities {
        let Ok((_, authority)) = x509_parser::parse_x509_certificate(authority) else {
            continue;
        };
        if authority.subject().as_raw() != list.issuer().as_raw() || !signs_lists(&authority) {
            continue;
        }
        named = true;
        if list.verify_signature(authority.public_key()).is_ok() {
            return Ok(());
        }
    }
    Err(match named {
        true => RevocationListError::Signature(name()),
        false => RevocationListError::UnknownIssuer(name()),
    })
}

/// A certificate without keyUsage serves every use (RFC 5280 section 4.2.1.3).
fn signs_lists(authority: &X509Certificate<'_>) -> bool {
    match authority.key_usage() {
        Ok(Some(usage)) => usage.value.crl_sign(),
        Ok(None) => true,
        Err(_) => false,
    }
}

fn scope(extensions: &[X509Extension<'_>]) -> Result<Scope, RevocationListError> {
    let mut scope = Scope::All;
    for extension in extensions {
        match extension.parsed_extension() {
            ParsedExtension::IssuingDistributionPoint(point) => {
                if point.distribution_point.is_some() {
                    return Err(RevocationListError::Partial(
                        "it names a distribution point",
                    ));
                }
                if point.indirect_crl
                    || point.only_some_reasons.is_some()
                    || point.only_contains_attribute_certs
                {
                    return Err(RevocationListError::Partial(
                        "it is indirect, or about some reasons or attribute certificates only",
                    ));
                }
                scope = match (point.only_contains_user_certs, point.only_contains_ca_certs) {
                    (false, false) => Scope::All,
                    (true, false) => Scope::Users,
                    (false, true) => Scope::Authorities,
                    (true, true) => {
                        return Err(RevocationListError::Malformed("its scope is empty"));
                    }
                };
            }
            ParsedExtension::AuthorityKeyIdentifier(_) | ParsedExtension::CRLNumber(_) => {}
            // A delta list has such an extension too.
            _ if extension.critical && extension.oid != OID_X509_EXT_CRL_NUMBER => {
                return Err(RevocationListError::Partial(
                    "it has a critical extension that is not understood",
                ));
            }
            _ => {}
        }
    }
    Ok(scope)
}

/// What stands for a distinguished name. Names are compared as they are encoded, as in the verification of chains.
pub(crate) fn name_id(der: &[u8]) -> String {
    let digest = digest(&SHA256, der);
    hex::encode(digest.as_ref().get(..16).unwrap_or_default())
}

pub(crate) fn authority_key(extensions: &[X509Extension<'_>]) -> Option<String> {
    extensions
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => identifier
                .key_identifier
                .as_ref()
                .map(|key| hex::encode(key.0)),
            _ => None,
        })
}

#[cfg(test)]
mod tests;
