//! The secret that a NAS and this server share, with the keyed hash states made from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// A shared secret (RFC 2865 section 3).
///
/// The HMAC-MD5 key schedule and the MD5 state after the secret are computed once, here, because
/// every packet starts from them. The octets are wiped when the value is dropped and never printed.
#[derive(Clone)]
pub struct Secret {
    octets: Zeroizing<Vec<u8>>,
    hmac: Hmac<Md5>,
    prefix: Md5,
}

impl Secret {
    /// Takes the octets of a shared secret.
    #[expect(
        clippy::expect_used,
        reason = "HMAC accepts keys of any length (RFC 2104)"
    )]
    pub fn new(octets: impl AsRef<[u8]>) -> Self {
        let octets = Zeroizing::new(octets.as_ref().to_vec());
        let hmac = Hmac::new_from_slice(&octets).expect("HMAC accepts keys of any length");
        let prefix = Md5::new_with_prefix(octets.as_slice());
        Self {
            octets,
            hmac,
            prefix,
        }
    }

    /// The octets of the secret.
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// HMAC-MD5 keyed with the secret over the concatenated parts (RFC 3579 section 3.2).
    pub(crate) fn hmac_md5(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.hmac.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// MD5 over the secret and then the parts (RFC 2865 section 5.2, RFC 2868 section 3.5).
    pub(crate) fn md5_after(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut md5 = self.prefix.clone();
        for part in parts {
            md5.update(part);
        }
        md5.finalize().into()
    }

    /// MD5 over the parts and then the secret (RFC 2865 section 3, RFC 2866 section 3).
    pub(crate) fn md5_before(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut md5 = Md5::new();
        for part in parts {
            md5.update(part);
        }
        md5.update(self.octets.as_slice());
        md5.finalize().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", Secret::new("xyzzy5461")), "Secret(hidden)");
    }

    #[test]
    fn the_keyed_hash_is_the_one_of_rfc_2104() {
        let check = |key: &[u8], data: &[u8], expected: &str| {
            assert_eq!(hex::encode(Secret::new(key).hmac_md5(&[data])), expected);
        };
        check(&[0x0b; 16], b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d");
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "750c783e6ab0b503eaa86e310a5db738",
        );
        check(&[0xaa; 16], &[0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6");
        check(
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
        );
    }
}
