//! Hiding passwords and keys inside attributes, and checking CHAP.
//!
//! All three schemes are MD5 keystreams from the 1990s. They hide nothing from somebody who can
//! guess the shared secret, which is why RadSec exists; they are what every NAS speaks.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::malformed::Malformed;
use crate::packet::Packet;
use crate::secret::Secret;
use crate::version::Version;
use crate::{attribute, vendor};

/// The longest password that fits into a User-Password, in octets (RFC 2865 section 5.2).
pub const MAX_USER_PASSWORD: usize = 128;

impl Packet<'_> {
    /// The User-Password in clear, without its padding; `None` when the packet has none.
    ///
    /// With the wrong secret this is noise, not an error: check the Message-Authenticator first. RADIUS/1.1 hides nothing and pads
    /// nothing (RFC 9765 section 5.1.1).
    pub fn user_password(&self, secret: &Secret) -> Result<Option<Zeroizing<Vec<u8>>>, Malformed> {
        let Some(hidden) = self.attribute(attribute::USER_PASSWORD) else {
            return Ok(None);
        };
        let length = hidden.len();
        if self.version() == Version::V1_1 && (1..=MAX_USER_PASSWORD).contains(&length) {
            return Ok(Some(Zeroizing::new(hidden.to_vec())));
        }
        if length == 0 || length > MAX_USER_PASSWORD || length % 16 != 0 {
            return Err(Malformed::UserPasswordLength { length });
        }
        let mut clear = reveal(hidden, &[self.authenticator()], secret);
        let end = clear
            .iter()
            .rposition(|&octet| octet != 0)
            .map_or(0, |last| last.saturating_add(1));
        clear.truncate(end);
        Ok(Some(clear))
    }

    /// A Microsoft MPPE key in clear: number 16 is the Send-Key, 17 the Recv-Key
    /// (RFC 2548 sections 2.4.2 and 2.4.3).
    ///
    /// `request_authenticator` is the Authenticator field of the Access-Request that this packet
    /// answers. `None` when the key is absent, malformed, or hidden with another secret so that its
    /// inner length makes no sense.
    pub fn mppe_key(
        &self,
        number: u8,
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Option<Vec<u8>> {
        let value = self.vendor(vendor::MICROSOFT, number)?;
        if self.version() == Version::V1_1 {
            return Some(value.to_vec());
        }
        let mut clear = salt_decrypt(value, request_authenticator, secret)?;
        Some(std::mem::take(&mut *clear))
    }

    /// The tag and the clear text of the first Tunnel-Password (RFC 2868 section 3.5).
    pub fn tunnel_password(
        &self,
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Option<(u8, Zeroizing<Vec<u8>>)> {
        let (tag, salted) = self.attribute(attribute::TUNNEL_PASSWORD)?.split_first()?;
        if self.version() == Version::V1_1 {
            return Some((*tag, Zeroizing::new(salted.to_vec())));
        }
        Some((*tag, salt_decrypt(salted, request_authenticator, secret)?))
    }
}

/// Whether the CHAP-Password of a request answers its challenge with this password
/// (RFC 2865 section 5.3).
///
/// The challenge is the CHAP-Challenge attribute or, without one, the Request Authenticator, which RADIUS/1.1 does not have
/// (RFC 9765 section 5.1.2). False when the request has no CHAP-Password of the right length.
pub fn chap_password_valid(packet: &Packet<'_>, cleartext: &[u8]) -> bool {
    let Some(value) = packet.attribute(attribute::CHAP_PASSWORD) else {
        return false;
    };
    let Some((identifier, response)) = value.split_first() else {
        return false;
    };
    let challenge = match packet.attribute(attribute::CHAP_CHALLENGE) {
        Some(challenge) => challenge,
        None if packet.version() == Version::V1_1 => return false,
        None => packet.authenticator().as_slice(),
    };
    let expected = chap_response(*identifier, cleartext, challenge);
    expected.as_slice().ct_eq(response).into()
}

/// The CHAP response to a challenge (RFC 1994 section 4.1).
pub fn chap_response(identifier: u8, cleartext: &[u8], challenge: &[u8]) -> [u8; 16] {
    Md5::new()
        .chain_update([identifier])
        .chain_update(cleartext)
        .chain_update(challenge)
        .finalize()
        .into()
}

/// Hides a password of at most 128 octets (RFC 2865 section 5.2) and appends it to `out`.
pub(crate) fn hide_user_password(
    password: &[u8],
    authenticator: &[u8; 16],
    secret: &Secret,
    out: &mut Vec<u8>,
) {
    if password.is_empty() {
        hide(&[0; 16], &[authenticator], secret, out);
    } else {
        hide(password, &[authenticator], secret, out);
    }
}

/// Appends salt and ciphertext of `clear`, at most 239 octets, to `out`
/// (RFC 2868 section 3.5, RFC 2548 section 2.4.2).
pub(crate) fn salt_encrypt(
    clear: &[u8],
    salt: [u8; 2],
    request_authenticator: &[u8; 16],
    secret: &Secret,
    out: &mut Vec<u8>,
) {
    let mut plain = Zeroizing::new(Vec::with_capacity(clear.len().saturating_add(1)));
    plain.push(u8::try_from(clear.len()).unwrap_or(u8::MAX));
    plain.extend_from_slice(clear);
    out.extend_from_slice(&salt);
    hide(&plain, &[request_authenticator, &salt], secret, out);
}

/// How many octets [`salt_encrypt`] appends for a clear text of this length.
pub(crate) const fn salted_len(clear: usize) -> usize {
    clear
        .saturating_add(1)
        .next_multiple_of(16)
        .saturating_add(2)
}

/// Reads what [`salt_encrypt`] writes.
pub(crate) fn salt_decrypt(
    salted: &[u8],
    request_authenticator: &[u8; 16],
    secret: &Secret,
) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, hidden) = salted.split_first_chunk::<2>()?;
    if hidden.is_empty() || hidden.len() % 16 != 0 {
        return None;
    }
    let plain = reveal(hidden, &[request_authenticator, salt], secret);
    let (length, rest) = plain.split_first()?;
    Some(Zeroizing::new(rest.get(..usize::from(*length))?.to_vec()))
}

/// Pads with zeros to blocks of 16 and adds the keystream b1 = MD5(S + start),
/// bi = MD5(S + c(i-1)).
fn hide(clear: &[u8], start: &[&[u8]], secret: &Secret, out: &mut Vec<u8>) {
    let mut key = secret.md5_after(start);
    for chunk in clear.chunks(16) {
        let mut block = [0; 16];
        for (index, (cipher, key)) in block.iter_mut().zip(key).enumerate() {
            *cipher = chunk.get(index).copied().unwrap_or(0) ^ key;
        }
        out.extend_from_slice(&block);
        key = secret.md5_after(&[&block]);
    }
}

/// Removes the keystream of [`hide`]; padding stays.
fn reveal(hidden: &[u8], start: &[&[u8]], secret: &Secret) -> Zeroizing<Vec<u8>> {
    let mut clear = Zeroizing::new(Vec::with_capacity(hidden.len()));
    let mut key = secret.md5_after(start);
    for chunk in hidden.chunks(16) {
        clear.extend(chunk.iter().zip(key).map(|(cipher, key)| cipher ^ key));
        key = secret.md5_after(&[chunk]);
    }
    clear
}

#[cfg(test)]
mod tests;
