//! What is asked about a client's certificate (RFC 6960 section 4.1), and which answers count (section 3.2, RFC 5019 section 4).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_OCSP;

use super::{OcspAnswer, Response, signer};
use crate::PkiError;
use crate::facts::is_authority;
use crate::revocation::{Issuance, authority_key, name_id};
use crate::serial::canonical;

/// 1.3.14.3.2.26. RFC 5019 section 2.1.1 wants SHA-1 here; it tells certificates apart and protects nothing.
const SHA1: [u8; 5] = [0x2b, 0x0e, 3, 2, 0x1a];
/// How far a responder's clock may be ahead, in microseconds.
const CLOCK_SKEW_US: i64 = 300 * 1_000_000;
/// How old an answer without nextUpdate may be, in microseconds: it may have been kept by somebody since.
const OLDEST_US: i64 = 3_600 * 1_000_000;
/// More octets than an honest URL has.
const LONGEST_URL: usize = 1_024;
/// More certificates than any honest chain has.
const LONGEST_CHAIN: usize = 16;

/// Why an answer says nothing about a certificate. Each is a clause about the responder or its answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspError {
    /// The octets are no OCSP response, or one that is not understood.
    #[error("its answer cannot be read")]
    Malformed,
    /// OCSPResponseStatus is not *successful* (RFC 6960 section 2.3).
    #[error("it says \"{0}\"")]
    Failed(&'static str),
    /// Neither the issuer nor one to whom it delegated that signed.
    #[error("its answer is signed by somebody who may not speak for the certificate's issuer")]
    Signer,
    /// The signature is wrong, or made with SHA-1.
    #[error("the signature of its answer is wrong")]
    Signature,
    /// The answer is about something else.
    #[error("its answer is about another certificate")]
    OtherCertificate,
    /// thisUpdate lies in the future.
    #[error("its answer is from the future")]
    NotYet,
    /// nextUpdate has passed.
    #[error("its answer is stale")]
    Stale,
}

/// One certificate of a chain to ask about.
#[derive(Clone, Debug)]
pub struct OcspQuestion {
    /// The certificate.
    pub issuance: Issuance,
    /// The first `http://` responder that the certificate names (RFC 5280 section 4.2.2.1).
    pub url: Option<String>,
    issuer: Arc<CertificateDer<'static>>,
    issuer_name: [u8; 20],
    issuer_key: [u8; 20],
    serial: Vec<u8>,
}

impl OcspQuestion {
    /// A question for each certificate of a chain, leaf first, that leads to one of `trusted` by signatures that are right. What else
    /// a peer put into its chain is not asked about: anybody may have written it, and where to ask besides.
    #[must_use]
    pub fn of_chain(chain: &[CertificateDer<'_>], trusted: &[CertificateDer<'_>]) -> Vec<Self> {
        let parse = |der: &CertificateDer<'_>| CertificateDer::from(der.to_vec());
        let chain: Vec<_> = chain.iter().take(LONGEST_CHAIN).map(parse).collect();
        let trusted: Vec<_> = trusted.iter().map(parse).collect();
        let mut way = signer::Way::new(&chain, &trusted);
        way.follow();
        way.found()
            .filter_map(|(certificate, issuer)| Self::about(certificate, issuer))
            .collect()
    }

    fn about(certificate: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let (_, authority) = x509_parser::parse_x509_certificate(issuer).ok()?;
        Some(Self {
            issuance: Issuance {
                issuer: name_id(parsed.issuer().as_raw()),
                authority_key: authority_key(parsed.extensions()),
                serial: canonical(parsed.raw_serial()),
                is_authority: is_authority(&parsed),
            },
            url: responder(&parsed),
            issuer_name: sha1(authority.subject().as_raw())?,
            issuer_key: sha1(&authority.public_key().subject_public_key.data)?,
            issuer: Arc::new(issuer.clone().into_owned()),
            serial: parsed.raw_serial().to_vec(),
        })
    }

    /// Keeps the issuer's certificate together with another question, if it is the same: who remembers many questions has few issuers.
    pub fn share_issuer(&mut self, other: &Self) {
        if self.issuer == other.issuer {
            self.issuer = Arc::clone(&other.issuer);
        }
    }

    /// The request in DER, without a nonce, so that a responder may keep its answers (RFC 5019 section 2.1.1).
    #[must_use]
    pub fn request(&self) -> Vec<u8> {
        let hash = wrap(0x30, &[&wrap(6, &SHA1)[..], &[5, 0]].concat());
        let id = [
            hash,
            wrap(4, &self.issuer_name),
            wrap(4, &self.issuer_key),
            wrap(2, &self.serial),
        ];
        // CertID in Request in requestList in TBSRequest in OCSPRequest.
        (0..5).fold(id.concat(), |content, _| wrap(0x30, &content))
    }

    /// What a response in DER says about this certificate at this time, in microseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`OcspError`]: it says nothing that counts.
    pub fn read(&self, response: &[u8], now_us: i64) -> Result<OcspAnswer, OcspError> {
        let response = Response::read(response).map_err(|_: PkiError| OcspError::Malformed)?;
        if response.status != 0 {
            return Err(OcspError::Failed(status_name(response.status)));
        }
        let basic = response.basic().ok_or(OcspError::Malformed)?;
        signer::verify(&basic, &self.issuer, now_us)?;
        let mut about = basic.singles.iter().filter(|single| {
            single.hash == SHA1
                && single.issuer_name == self.issuer_name
                && single.issuer_key == self.issuer_key
                && single.answer.serial == self.issuance.serial
        });
        let single = about.next().ok_or(OcspError::OtherCertificate)?;
        if basic.has_critical || single.has_critical || about.next().is_some() {
            return Err(OcspError::Malformed);
        }
        let answer = &single.answer;
        if answer.this_update_us > now_us.saturating_add(CLOCK_SKEW_US) {
            return Err(OcspError::NotYet);
        }
        let oldest = answer.this_update_us.saturating_add(OLDEST_US);
        if now_us > answer.next_update_us.unwrap_or(oldest) {
            return Err(OcspError::Stale);
        }
        Ok(answer.clone())
    }
}

fn responder(certificate: &X509Certificate<'_>) -> Option<String> {
    let access = certificate.extensions().iter().find_map(|extension| {
        match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(access),
            _ => None,
        }
    })?;
    access
        .iter()
        .find_map(|place| match &place.access_location {
            GeneralName::URI(url)
                if place.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP
                    && url.len() <= LONGEST_URL
                    && url
                        .get(..7)
                        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://")) =>
            {
                Some((*url).to_owned())
            }
            _ => None,
        })
}

/// RFC 6960 section 4.2.1.
const fn status_name(status: u8) -> &'static str {
    match status {
        1 => "malformedRequest",
        2 => "internalError",
        3 => "tryLater",
        5 => "sigRequired",
        6 => "unauthorized",
        _ => "an unknown status",
    }
}

pub(super) fn sha1(octets: &[u8]) -> Option<[u8; 20]> {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, octets);
    digest.as_ref().try_into().ok()
}

/// A DER element.
fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|octet| **octet == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut element = vec![tag];
    match length {
        [] => element.push(0),
        [short] if *short < 0x80 => element.push(*short),
        long => {
            // At most eight octets.
            element.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests;
