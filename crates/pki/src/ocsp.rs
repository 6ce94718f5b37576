//! OCSP responses (RFC 6960 section 4.2): what they say and how long.
//!
//! The signature of one that a server hands out with its own certificate is not looked at: that is for the supplicant,
//! which trusts or does not. What is asked about a client's certificate is an [`OcspQuestion`], which takes signed answers only.

mod question;
mod signer;

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::time::ASN1Time;

use crate::PkiError;
use crate::serial::canonical;
pub use question::{OcspError, OcspQuestion};

/// The largest response that is read, in bytes. TLS takes 65,535 and EAP has to carry it.
pub const MAX_OCSP_RESPONSE_LEN: usize = 16 * 1024;

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// It is not revoked.
    Good,
    /// It is revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

/// What a response says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// The certificate's serial number, as [`crate::CertificateFacts::serial`] has it.
    pub serial: String,
    /// What is said of it.
    pub status: OcspStatus,
    /// From when that is known to be right, in microseconds since the Unix epoch.
    pub this_update_us: i64,
    /// Until when, in microseconds since the Unix epoch; `None` when the responder always knows something newer.
    pub next_update_us: Option<i64>,
}

impl OcspAnswer {
    /// Whether this may be said at this time, in microseconds since the Unix epoch.
    #[must_use]
    pub fn holds_at(&self, now_us: i64) -> bool {
        self.this_update_us <= now_us && self.next_update_us.is_none_or(|until| now_us <= until)
    }

    /// Every answer of a response in DER.
    ///
    /// # Errors
    /// [`PkiError::Malformed`], also for a response that says that the responder failed.
    pub fn read(der: &[u8]) -> Result<Vec<Self>, PkiError> {
        let basic = Response::read(der)?.basic().ok_or(PkiError::Malformed(
            "it is not a successful OCSP response in DER",
        ))?;
        Ok(basic
            .singles
            .into_iter()
            .map(|single| single.answer)
            .collect())
    }
}

/// The outermost layer (RFC 6960 section 4.2.1): whether the responder answers at all.
struct Response<'a> {
    /// OCSPResponseStatus; 0 is success.
    status: u8,
    rest: &'a [u8],
}

impl<'a> Response<'a> {
    fn read(der: &'a [u8]) -> Result<Self, PkiError> {
        if der.len() > MAX_OCSP_RESPONSE_LEN {
            return Err(PkiError::TooLong(der.len()));
        }
        let read = || {
            let (response, after) = sequence(der)?;
            let (status, rest) = universal(response, Tag::Enumerated)?;
            match (after, status) {
                ([], &[status]) => Some(Self { status, rest }),
                _ => None,
            }
        };
        read().ok_or(PkiError::Malformed("it is not an OCSP response in DER"))
    }

    /// What was signed. `None` for a failure, and for what is not understood.
    fn basic(&self) -> Option<Basic<'a>> {
        /// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
        const BASIC: [u8; 9] = [0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
        if self.status != 0 {
            return None;
        }
        let (octets, _) = context(self.rest, 0)?;
        let (octets, _) = sequence(octets)?;
        let (kind, octets) = universal(octets, Tag::Oid)?;
        let (basic, _) = universal(octets, Tag::OctetString)?;
        (kind == BASIC).then(|| Basic::read(basic))?
    }
}

/// BasicOCSPResponse.
struct Basic<'a> {
    /// ResponseData as it was signed.
    signed: &'a [u8],
    responder: Responder<'a>,
    singles: Vec<Single<'a>>,
    has_critical: bool,
    /// The signature's algorithm, its value and certificates.
    signature: &'a [u8],
}

/// Who says to have signed.
enum Responder<'a> {
    /// The distinguished name in DER.
    Name(&'a [u8]),
    /// SHA-1 of the public key.
    Key(&'a [u8]),
}

/// SingleResponse.
struct Single<'a> {
    hash: &'a [u8],
    issuer_name: &'a [u8],
    issuer_key: &'a [u8],
    has_critical: bool,
    answer: OcspAnswer,
}

impl<'a> Basic<'a> {
    fn read(basic: &'a [u8]) -> Option<Self> {
        let (basic, _) = sequence(basic)?;
        let (mut data, signature) = sequence(basic)?;
        let signed = basic.get(..basic.len().checked_sub(signature.len())?)?;
        if let Some((_version, rest)) = context(data, 0) {
            data = rest;
        }
        let (responder, data) = match context(data, 1) {
            Some((name, rest)) => (Responder::Name(name), rest),
            None => {
                let (key, rest) = context(data, 2)?;
                (Responder::Key(universal(key, Tag::OctetString)?.0), rest)
            }
        };
        let (_produced, data) = time(data)?;
        let (mut rest, extensions) = sequence(data)?;
        let mut singles = Vec::new();
        while !rest.is_empty() {
            let (single, after) = sequence(rest)?;
            singles.push(Single::read(single)?);
            rest = after;
        }
        Some(Self {
            signed,
            responder,
            singles,
            has_critical: has_critical(extensions)?,
            signature,
        })
    }
}

impl<'a> Single<'a> {
    fn read(single: &'a [u8]) -> Option<Self> {
        let (id, single) = sequence(single)?;
        let (hash, id) = sequence(id)?;
        let (hash, _parameters) = universal(hash, Tag::Oid)?;
        let (issuer_name, id) = universal(id, Tag::OctetString)?;
        let (issuer_key, id) = universal(id, Tag::OctetString)?;
        let (serial, _) = universal(id, Tag::Integer)?;
        let (status, single) = if let Some((_, rest)) = context(single, 0) {
            (OcspStatus::Good, rest)
        } else if let Some((_, rest)) = context(single, 1) {
            (OcspStatus::Revoked, rest)
        } else {
            (OcspStatus::Unknown, context(single, 2)?.1)
        };
        let (this_update_us, single) = time(single)?;
        let (next_update_us, extensions) = match context(single, 0) {
            Some((next, rest)) => (Some(time(next)?.0), rest),
            None => (None, single),
        };
        Some(Self {
            hash,
            issuer_name,
            issuer_key,
            has_critical: has_critical(extensions)?,
            answer: OcspAnswer {
                serial: canonical(serial),
                status,
                this_update_us,
                next_update_us,
            },
        })
    }
}

/// Whether one of the extensions in `[1]` must be understood (RFC 6960 section 4.4): none is.
fn has_critical(bytes: &[u8]) -> Option<bool> {
    let Some((extensions, _)) = context(bytes, 1) else {
        return Some(false);
    };
    let (mut extensions, _) = sequence(extensions)?;
    while !extensions.is_empty() {
        let (extension, rest) = sequence(extensions)?;
        let (_oid, extension) = universal(extension, Tag::Oid)?;
        if matches!(universal(extension, Tag::Boolean), Some((flag, _)) if flag != [0]) {
            return Some(true);
        }
        extensions = rest;
    }
    Some(false)
}

/// The content of the first element, which must have this tag, and what follows it.
fn universal(bytes: &[u8], tag: Tag) -> Option<(&[u8], &[u8])> {
    element(bytes, Class::Universal, tag)
}

fn sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    universal(bytes, Tag::Sequence)
}

fn context(bytes: &[u8], number: u32) -> Option<(&[u8], &[u8])> {
    element(bytes, Class::ContextSpecific, Tag(number))
}

fn element(bytes: &[u8], class: Class, tag: Tag) -> Option<(&[u8], &[u8])> {
    let (rest, any) = Any::from_der(bytes).ok()?;
    (any.class() == class && any.tag() == tag).then_some((any.data, rest))
}

/// Microseconds since the Unix epoch.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (rest, time) = ASN1Time::from_der(bytes).ok()?;
    Some((time.timestamp().saturating_mul(1_000_000), rest))
}

#[cfg(test)]
mod tests;
