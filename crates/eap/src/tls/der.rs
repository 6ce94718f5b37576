//! As much DER as it takes to find two fields of a certificate (RFC 5280 section 4.1).

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
const VERSION: u8 = 0xa0;

/// The fields of a certificate from its validity on.
pub(super) fn from_validity(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if let Some((_, rest)) = element(fields, VERSION) {
        fields = rest;
    }
    let (_serial, fields) = element(fields, INTEGER)?;
    let (_signature, fields) = element(fields, SEQUENCE)?;
    let (_issuer, fields) = element(fields, SEQUENCE)?;
    Some(fields)
}

/// The content of a certificate's SubjectPublicKeyInfo.
pub(super) fn public_key_of_certificate(certificate: &[u8]) -> Option<&[u8]> {
    let (_validity, fields) = element(from_validity(certificate)?, SEQUENCE)?;
    let (_subject, fields) = element(fields, SEQUENCE)?;
    let (key, _) = element(fields, SEQUENCE)?;
    Some(key)
}

/// The content of the first element, which must have this tag, and what follows it.
pub(super) fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first != tag {
        return None;
    }
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (
                octets
                    .iter()
                    .fold(0, |sum, octet| sum << 8 | usize::from(*octet)),
                rest,
            )
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
