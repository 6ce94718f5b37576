//! OCSP responses (RFC 6960 section 4.2) that a server hands out with its own certificate: what they say and how long.
//!
//! Their signatures are not looked at: that is for the supplicant, which trusts or does not.

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::time::ASN1Time;

use crate::PkiError;
use crate::serial::canonical;

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
        if der.len() > MAX_OCSP_RESPONSE_LEN {
            return Err(PkiError::TooLong(der.len()));
        }
        answers(der).ok_or(PkiError::Malformed(
            "it is not a successful OCSP response in DER",
        ))
    }
}

fn answers(der: &[u8]) -> Option<Vec<OcspAnswer>> {
    let (response, rest) = sequence(der)?;
    if !rest.is_empty() {
        return None;
    }
    let (status, response) = universal(response, Tag::Enumerated)?;
    if status != [0] {
        return None;
    }
    let (octets, _) = context(response, 0)?;
    let (octets, _) = sequence(octets)?;
    let (_kind, octets) = universal(octets, Tag::Oid)?;
    let (basic, _) = universal(octets, Tag::OctetString)?;
    let (basic, _) = sequence(basic)?;
    let (mut data, _) = sequence(basic)?;
    if let Some((_version, rest)) = context(data, 0) {
        data = rest;
    }
    let (_responder, data) = context(data, 1).or_else(|| context(data, 2))?;
    let (_produced, data) = time(data)?;
    let (mut singles, _) = sequence(data)?;
    let mut answers = Vec::new();
    while !singles.is_empty() {
        let (single, rest) = sequence(singles)?;
        answers.push(answer(single)?);
        singles = rest;
    }
    Some(answers)
}

fn answer(single: &[u8]) -> Option<OcspAnswer> {
    let (id, single) = sequence(single)?;
    let (_hash, id) = sequence(id)?;
    let (_name, id) = universal(id, Tag::OctetString)?;
    let (_key, id) = universal(id, Tag::OctetString)?;
    let (serial, _) = universal(id, Tag::Integer)?;
    let (status, single) = if let Some((_, rest)) = context(single, 0) {
        (OcspStatus::Good, rest)
    } else if let Some((_, rest)) = context(single, 1) {
        (OcspStatus::Revoked, rest)
    } else {
        (OcspStatus::Unknown, context(single, 2)?.1)
    };
    let (this_update_us, single) = time(single)?;
    let next_update_us = match context(single, 0) {
        Some((next, _)) => Some(time(next)?.0),
        None => None,
    };
    Some(OcspAnswer {
        serial: canonical(serial),
        status,
        this_update_us,
        next_update_us,
    })
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
mod tests {
    use super::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        match length < 0x80 {
            true => [&[tag, length], content].concat(),
            false => [&[tag, 0x81, length], content].concat(),
        }
    }

    fn at(text: &[u8; 15]) -> Vec<u8> {
        wrap(0x18, text)
    }

    /// A response without a signature, which is not looked at.
    fn response(outcome: u8, status: &[u8], next: Option<&[u8; 15]>) -> Vec<u8> {
        let hash = wrap(0x30, &wrap(6, &[0x2b, 0x0e, 3, 2, 0x1a]));
        let hashes = [
            wrap(4, &[1; 20]),
            wrap(4, &[2; 20]),
            wrap(2, &[0, 0x9a, 0xbc]),
        ];
        let id = wrap(0x30, &[hash, hashes.concat()].concat());
        let next = next.map(|next| wrap(0xa0, &at(next))).unwrap_or_default();
        let single = [id, status.to_vec(), at(b"20260601000000Z"), next].concat();
        let data = [
            wrap(0xa2, &wrap(4, &[3; 20])),
            at(b"20260601000000Z"),
            wrap(0x30, &wrap(0x30, &single)),
        ];
        let basic = wrap(0x30, &wrap(0x30, &data.concat()));
        let kind = wrap(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]);
        let octets = wrap(0x30, &[kind, wrap(4, &basic)].concat());
        wrap(
            0x30,
            &[wrap(0x0a, &[outcome]), wrap(0xa0, &octets)].concat(),
        )
    }

    #[test]
    fn section_4_2_1_a_response_says_what_of_which_certificate_and_until_when() {
        for (status, expected) in [
            (&[0x80, 0][..], OcspStatus::Good),
            (
                &[
                    0xa1, 17, 0x18, 15, b'2', b'0', b'2', b'6', b'0', b'5', b'0', b'1', b'0', b'0',
                    b'0', b'0', b'0', b'0', b'Z',
                ],
                OcspStatus::Revoked,
            ),
            (&[0x82, 0], OcspStatus::Unknown),
        ] {
            let answers = OcspAnswer::read(&response(0, status, Some(b"20260608000000Z")));
            let answers = answers.expect("readable");
            let [answer] = &answers[..] else {
                panic!("{answers:?}")
            };
            assert_eq!((answer.serial.as_str(), answer.status), ("9abc", expected));
            let from = answer.this_update_us;
            let until = answer.next_update_us.expect("it says until when");
            assert_eq!(until - from, 7 * 86_400 * 1_000_000);
            assert!(answer.holds_at(from) && answer.holds_at(until));
            assert!(!answer.holds_at(from - 1) && !answer.holds_at(until + 1));
        }
        let answers = OcspAnswer::read(&response(0, &[0x80, 0], None)).expect("readable");
        assert!(answers[0].holds_at(i64::MAX));
    }

    #[test]
    fn a_failure_and_a_damaged_response_say_nothing() {
        assert!(OcspAnswer::read(&response(6, &[0x80, 0], None)).is_err());
        let good = response(0, &[0x80, 0], None);
        for end in 0..good.len() {
            assert!(OcspAnswer::read(&good[..end]).is_err(), "cut at {end}");
        }
        assert!(OcspAnswer::read(&[&good[..], &[0]].concat()).is_err());
        assert!(OcspAnswer::read(&vec![0x30; MAX_OCSP_RESPONSE_LEN + 1]).is_err());
    }
}
