//! Serial numbers: where they come from and the one way they are written.

use std::fmt;

use crate::PkiError;

/// A certificate's serial number for one certificate that is about to be issued.
///
/// RFC 5280 section 4.1.2.2 wants positive integers of at most 20 octets; these have 16 octets and 126
/// random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial([u8; 16]);

impl Serial {
    /// Draws a serial number from the system's random number generator.
    ///
    /// # Errors
    /// [`PkiError::Random`] when the system gives no random bytes.
    pub fn random() -> Result<Self, PkiError> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PkiError::Random)?;
        Ok(Self::from_random(bytes))
    }

    /// Makes a serial number from sixteen bytes of the caller's own randomness; the two highest bits are
    /// fixed so that the number is positive and always has sixteen octets.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[0] = bytes[0] & 0x3f | 0x40;
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Lower-case hexadecimal, as in [`crate::CertificateFacts::serial`].
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Writes a DER integer's content octets in the canonical form: lower-case hexadecimal pairs, without
/// the zero octets that only pad. Zero itself is `00`.
pub(crate) fn canonical(octets: &[u8]) -> String {
    hex::encode(significant(octets))
}

/// The octets of a number without those that only pad.
pub(crate) fn significant(octets: &[u8]) -> &[u8] {
    let first = octets.iter().position(|octet| *octet != 0);
    first.and_then(|first| octets.get(first..)).unwrap_or(&[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_positive_and_keeps_its_length() {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let serial = Serial::from_random([byte; 16]);
            assert!(serial.as_bytes()[0] < 0x80 && serial.as_bytes()[0] != 0);
            assert_eq!(serial.to_string().len(), 32);
        }
    }

    #[test]
    fn padding_octets_are_dropped_but_never_the_whole_number() {
        assert_eq!(canonical(&[0, 0x8f, 0]), "8f00");
        assert_eq!(canonical(&[0x0a]), "0a");
        assert_eq!(canonical(&[0, 0]), "00");
        assert_eq!(canonical(&[]), "00");
    }
}
