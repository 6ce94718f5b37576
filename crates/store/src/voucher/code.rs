//! The code itself: ten characters of Crockford's base32, which people read aloud and type with their thumbs.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::{SealedError, SecretBytes, Store, StoreError};

/// No I, L, O or U: three look like digits, and one makes words.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 50 bits.
const LENGTH: usize = 10;
/// Longer texts are not looked at.
const TYPED_MAX: usize = 64;

/// A voucher's code. It shows itself in [`VoucherCode::shown`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct VoucherCode(Zeroizing<String>);

impl VoucherCode {
    /// A new random code.
    ///
    /// # Errors
    ///
    /// [`SealedError::NoRandomness`] when the system has none to give.
    pub fn generate() -> Result<Self, StoreError> {
        let mut octets = Zeroizing::new([0; LENGTH]);
        aws_lc_rs::rand::fill(octets.as_mut_slice()).map_err(|_| SealedError::NoRandomness)?;
        Ok(Self(Zeroizing::new(
            octets
                .iter()
                .filter_map(|octet| ALPHABET.get(usize::from(octet % 32)))
                .map(|&symbol| char::from(symbol))
                .collect(),
        )))
    }

    /// What somebody typed: in any case, with dashes or spaces, with O for 0 and I or L for 1. `None` when it cannot be a
    /// code.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > TYPED_MAX {
            return None;
        }
        let mut code = Zeroizing::new(String::with_capacity(LENGTH));
        for symbol in typed.chars() {
            let symbol = match symbol.to_ascii_uppercase() {
                '-' | ' ' | '\t' | '\u{2013}' => continue,
                'O' => '0',
                'I' | 'L' => '1',
                symbol => symbol,
            };
            let known = u8::try_from(symbol).is_ok_and(|symbol| ALPHABET.contains(&symbol));
            if !known || code.len() == LENGTH {
                return None;
            }
            code.push(symbol);
        }
        (code.len() == LENGTH).then_some(Self(code))
    }

    /// The code for people: `ABCDE-FGHJK`.
    pub fn shown(&self) -> String {
        let (front, back) = self.0.split_at(LENGTH / 2);
        format!("{front}-{back}")
    }

    /// The code for links, without the dash.
    pub fn plain(&self) -> &str {
        &self.0
    }

    pub(super) fn secret(&self) -> SecretBytes {
        SecretBytes::new(self.0.as_bytes())
    }
}

impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode(<hidden>)")
    }
}

impl Store {
    /// What a code is found by.
    pub(super) fn voucher_hmac(&self, code: &VoucherCode) -> Result<String, StoreError> {
        let key = self.sealing_key().ok_or(SealedError::NoKey)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.derive("nac.voucher"));
        let tag = hmac::sign(&key, code.0.as_bytes());
        Ok(tag
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_as_people_type_it() {
        let code = VoucherCode::parse("01ABC-DEFGH").unwrap();
        for typed in ["oiabc defgh", "0labc-defgh", " 01AB-CDEF-GH ", "01abcdefgh"] {
            assert_eq!(VoucherCode::parse(typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(code.shown(), "01ABC-DEFGH");
        assert!(!format!("{code:?}").contains("ABC"));
    }

    #[test]
    fn anything_else_is_not_a_code() {
        for typed in [
            "",
            "01ABCDEFG",
            "01ABCDEFGHJ",
            "01ABCDEFGU",
            "01ABCDEFG\u{130}",
            "=cmd()!ABCD",
        ] {
            assert_eq!(VoucherCode::parse(typed), None, "{typed}");
        }
        assert_eq!(VoucherCode::parse(&"-".repeat(65)), None);
    }

    #[test]
    fn new_codes_are_codes_and_differ() {
        let one = VoucherCode::generate().unwrap();
        assert_eq!(VoucherCode::parse(&one.shown()), Some(one.clone()));
        assert_ne!(VoucherCode::generate().unwrap(), one);
    }
}
