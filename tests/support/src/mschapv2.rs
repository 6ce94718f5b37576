//! The client's half of MS-CHAPv2 (RFC 2759), independent of `crates/eap` on purpose.

use des::Des;
use des::cipher::{Array, BlockCipherEncrypt, KeyInit};
use md4::Md4;
use sha1::{Digest, Sha1};

/// The NT-Response to a challenge (RFC 2759 section 8.1).
#[must_use]
pub fn nt_response(
    authenticator: &[u8; 16],
    peer: &[u8; 16],
    user: &str,
    password: &str,
) -> [u8; 24] {
    let challenge = challenge_hash(peer, authenticator, user);
    let mut key = [0; 21];
    key[..16].copy_from_slice(&nt_hash(password));
    let mut response = [0; 24];
    for (part, block) in key.chunks(7).zip(response.chunks_mut(8)) {
        block.copy_from_slice(&des(part, challenge));
    }
    response
}

/// The change of a password (RFC 2759 sections 7 and 8.9 to 8.13): the encrypted new password of 516 octets, and the old hash under the
/// new one.
#[must_use]
pub fn change(old: &str, new: &str) -> (Vec<u8>, [u8; 16]) {
    let wide: Vec<u8> = new.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut block = vec![0x77; 512 - wide.len()];
    block.extend_from_slice(&wide);
    block.extend_from_slice(&u32::try_from(wide.len()).unwrap_or(0).to_le_bytes());
    rc4(&nt_hash(old), &mut block);
    let (old_hash, new_hash) = (nt_hash(old), nt_hash(new));
    let mut hidden = [0; 16];
    for (at, half) in hidden.chunks_mut(8).enumerate() {
        let mut clear = [0; 8];
        clear.copy_from_slice(&old_hash[at * 8..][..8]);
        half.copy_from_slice(&des(&new_hash[at * 7..][..7], clear));
    }
    (block, hidden)
}

fn rc4(key: &[u8], data: &mut [u8]) {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut j = 0;
    for i in 0..256 {
        j = (j + usize::from(state[i]) + usize::from(key[i % key.len()])) % 256;
        state.swap(i, j);
    }
    let (mut i, mut j) = (0, 0);
    for octet in data {
        i = (i + 1) % 256;
        j = (j + usize::from(state[i])) % 256;
        state.swap(i, j);
        *octet ^= state[(usize::from(state[i]) + usize::from(state[j])) % 256];
    }
}

/// The text that proves the server's knowledge of the password (RFC 2759 section 8.7).
#[must_use]
pub fn authenticator_response(
    authenticator: &[u8; 16],
    peer: &[u8; 16],
    user: &str,
    password: &str,
    response: &[u8; 24],
) -> String {
    let hash_hash = Md4::digest(nt_hash(password));
    let first = Sha1::new()
        .chain_update(hash_hash)
        .chain_update(response)
        .chain_update(b"Magic server to client signing constant")
        .finalize();
    let second = Sha1::new()
        .chain_update(first)
        .chain_update(challenge_hash(peer, authenticator, user))
        .chain_update(b"Pad to make it do more than one iteration")
        .finalize();
    format!("S={}", hex::encode_upper(second))
}

fn nt_hash(password: &str) -> [u8; 16] {
    let wide: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Md4::digest(wide).into()
}

fn challenge_hash(peer: &[u8; 16], authenticator: &[u8; 16], user: &str) -> [u8; 8] {
    let hash = Sha1::new()
        .chain_update(peer)
        .chain_update(authenticator)
        .chain_update(user)
        .finalize();
    let mut challenge = [0; 8];
    challenge.copy_from_slice(&hash[..8]);
    challenge
}

/// DES under a key of 56 bits, spread over eight octets with a parity bit each.
fn des(key: &[u8], block: [u8; 8]) -> [u8; 8] {
    let bits = key
        .iter()
        .fold(0_u64, |bits, octet| (bits << 8) | u64::from(*octet));
    let mut spread = [0; 8];
    for (at, octet) in spread.iter_mut().enumerate() {
        *octet = ((bits >> (49 - 7 * at)) as u8) << 1;
    }
    let mut block = Array::from(block);
    Des::new(&Array::from(spread)).encrypt_block(&mut block);
    block.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2759 section 9.2.
    #[test]
    fn the_example_of_the_rfc() {
        let mut authenticator = [0; 16];
        let mut peer = [0; 16];
        hex::decode_to_slice("5b5d7c7d7b3f2f3e3c2c602132262628", &mut authenticator).unwrap();
        hex::decode_to_slice("21402324255e262a28295f2b3a337c7e", &mut peer).unwrap();
        let response = nt_response(&authenticator, &peer, "User", "clientPass");
        assert_eq!(
            hex::encode(response),
            "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
        );
        assert_eq!(
            authenticator_response(&authenticator, &peer, "User", "clientPass", &response),
            "S=407A5589115FD0D6209F510FE9C04566932CDA56"
        );
    }
}
