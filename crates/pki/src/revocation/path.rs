//! Which certificates have to be looked up before a chain can be trusted.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use super::{authority_key, name_id};
use crate::facts::is_authority;
use crate::serial::canonical;
use crate::{MAX_CERTIFICATE_LEN, PkiError};

/// More certificates than any honest chain has.
const LONGEST_CHAIN: usize = 16;

/// One certificate, as its issuer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuance {
    /// What stands for the issuer's distinguished name.
    pub issuer: String,
    /// The issuer's key, where the certificate says which (RFC 5280 section 4.2.1.1), in lower-case hexadecimal.
    pub authority_key: Option<String>,
    /// The serial number, as [`crate::CertificateFacts::serial`] has it.
    pub serial: String,
    /// Whether it is an authority's certificate.
    pub is_authority: bool,
}

/// Where chains may end.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    trusted: HashSet<(String, Vec<u8>)>,
    own: HashSet<String>,
}

impl Anchors {
    /// Chains end at `trusted`. What one of `own` issued is not looked up: its revocations are known otherwise.
    #[must_use]
    pub fn new(trusted: &[CertificateDer<'_>], own: &[CertificateDer<'_>]) -> Self {
        let parsed = |der| x509_parser::parse_x509_certificate(der).map(|(_, parsed)| parsed);
        Self {
            trusted: trusted
                .iter()
                .filter_map(|der| parsed(der).ok())
                .map(|certificate| identity(&certificate))
                .collect(),
            own: own
                .iter()
                .filter_map(|der| parsed(der).ok())
                .map(|certificate| name_id(certificate.subject().as_raw()))
                .collect(),
        }
    }

    /// Every certificate of a chain, leaf first, that may be on its way to an anchor. TLS has found one such way and
    /// does not say which; those that issued nothing on any of them do not count.
    ///
    /// # Errors
    /// [`PkiError`] when one cannot be read: it might be one that counts.
    pub fn way(&self, chain: &[CertificateDer<'_>]) -> Result<Vec<Issuance>, PkiError> {
        if chain.len() > LONGEST_CHAIN {
            return Err(PkiError::Malformed("its chain is too long"));
        }
        let mut waiting = Vec::with_capacity(chain.len());
        for der in chain {
            if der.len() > MAX_CERTIFICATE_LEN {
                return Err(PkiError::TooLong(der.len()));
            }
            let (_, certificate) = x509_parser::parse_x509_certificate(der)
                .map_err(|_| PkiError::Malformed("one of its chain is no X.509 certificate"))?;
            waiting.push(certificate);
        }
        let mut way = Vec::new();
        let mut reached: Vec<_> = waiting.drain(..waiting.len().min(1)).collect();
        while let Some(certificate) = reached.pop() {
            let issuer = certificate.issuer().as_raw();
            let issuer_id = name_id(issuer);
            if self.own.contains(&issuer_id) || self.trusted.contains(&identity(&certificate)) {
                continue;
            }
            let (issuers, others): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|other: &X509Certificate<'_>| other.subject().as_raw() == issuer);
            waiting = others;
            reached.extend(issuers);
            way.push(Issuance {
                issuer: issuer_id,
                authority_key: authority_key(certificate.extensions()),
                serial: canonical(certificate.raw_serial()),
                is_authority: is_authority(&certificate),
            });
        }
        Ok(way)
    }
}

/// An anchor is a name with a key, in whatever certificate.
fn identity(certificate: &X509Certificate<'_>) -> (String, Vec<u8>) {
    let key = digest(&SHA256, certificate.public_key().raw);
    (
        name_id(certificate.subject().as_raw()),
        key.as_ref().to_vec(),
    )
}
