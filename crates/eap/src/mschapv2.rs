//! MS-CHAPv2 (RFC 2759), MS-CHAPv1 verification (RFC 2433), and their MPPE keys (RFC 3079).
//!
//! MD4, DES and SHA-1 are used here and nowhere else.

mod change;

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use md4::{Digest, Md4};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub(crate) use change::EXPIRED;
pub use change::{ChangePassword, NewPassword, expired_challenge};

/// The NT hash of a password: MD4 over its UTF-16LE form (RFC 2759 section 8.3).
pub fn nt_hash(password: &str) -> [u8; 16] {
    let unicode: Zeroizing<Vec<u8>> =
        Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect());
    Md4::digest(&*unicode).into()
}

/// ChallengeHash (RFC 2759 section 8.2). `user` is taken as it is: see [`account_name`].
pub fn challenge_hash(
    peer_challenge: &[u8; 16],
    authenticator_challenge: &[u8; 16],
    user: impl AsRef<[u8]>,
) -> [u8; 8] {
    let digest: [u8; 20] = Sha1::new()
        .chain_update(peer_challenge)
        .chain_update(authenticator_challenge)
        .chain_update(user)
        .finalize()
        .into();
    let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _] = digest;
    hash
}

/// GenerateNTResponse (RFC 2759 section 8.1), from the NT hash. `user` is taken as it is.
pub fn nt_response(
    nt_hash: &[u8; 16],
    authenticator_challenge: &[u8; 16],
    peer_challenge: &[u8; 16],
    user: impl AsRef<[u8]>,
) -> [u8; 24] {
    let challenge = challenge_hash(peer_challenge, authenticator_challenge, user);
    challenge_response(nt_hash, &challenge)
}

/// GenerateAuthenticatorResponse (RFC 2759 section 8.7): `S=` and 40 hexadecimal digits. `user` is
/// taken as it is.
pub fn authenticator_response(
    nt_hash: &[u8; 16],
    nt_response: &[u8; 24],
    authenticator_challenge: &[u8; 16],
    peer_challenge: &[u8; 16],
    user: impl AsRef<[u8]>,
) -> String {
    let digest = Sha1::new()
        .chain_update(hash_of_hash(nt_hash))
        .chain_update(nt_response)
        .chain_update(b"Magic server to client signing constant")
        .finalize();
    let digest = Sha1::new()
        .chain_update(digest)
        .chain_update(challenge_hash(
            peer_challenge,
            authenticator_challenge,
            user,
        ))
        .chain_update(b"Pad to make it do more than one iteration")
        .finalize();
    let mut text = String::from("S=");
    for octet in digest {
        text.push_str(&format!("{octet:02X}"));
    }
    text
}

/// Verifies an MS-CHAPv2 response in constant time, and yields the authenticator response. A
/// `DOMAIN\` prefix of `user` does not count, as every client and server of the field has it.
pub fn verify(
    nt_hash: &[u8; 16],
    authenticator_challenge: &[u8; 16],
    peer_challenge: &[u8; 16],
    user: impl AsRef<[u8]>,
    response: &[u8; 24],
) -> Option<String> {
    let user = account_name_octets(user.as_ref());
    let expected = nt_response(nt_hash, authenticator_challenge, peer_challenge, user);
    bool::from(expected.ct_eq(response)).then(|| {
        authenticator_response(
            nt_hash,
            response,
            authenticator_challenge,
            peer_challenge,
            user,
        )
    })
}

/// The NT response of MS-CHAPv1 (RFC 2433 section A.5).
pub fn nt_response_v1(nt_hash: &[u8; 16], challenge: &[u8; 8]) -> [u8; 24] {
    challenge_response(nt_hash, challenge)
}

/// Verifies the NT response of MS-CHAPv1 in constant time (RFC 2433 section A.5).
pub fn verify_v1(nt_hash: &[u8; 16], challenge: &[u8; 8], response: &[u8; 24]) -> bool {
    challenge_response(nt_hash, challenge)
        .ct_eq(response)
        .into()
}

/// The server's 128-bit MPPE keys, sending and receiving (RFC 3079 section 3).
pub fn mppe_keys(nt_hash: &[u8; 16], nt_response: &[u8; 24]) -> ([u8; 16], [u8; 16]) {
    let master = master_key(nt_hash, nt_response);
    (
        asymmetric_start_key(&master, SERVER_SENDS),
        asymmetric_start_key(&master, SERVER_RECEIVES),
    )
}

/// The MSK of EAP-MSCHAPv2: the key with which the server receives, then the one with which it sends.
pub(crate) fn eap_msk(nt_hash: &[u8; 16], nt_response: &[u8; 24]) -> Zeroizing<[u8; 32]> {
    let (send, receive) = mppe_keys(nt_hash, nt_response);
    let mut msk = Zeroizing::new([0; 32]);
    for (to, from) in msk.iter_mut().zip(receive.iter().chain(&send)) {
        *to = *from;
    }
    msk
}

/// GetMasterKey (RFC 3079 section 3.4).
pub fn master_key(nt_hash: &[u8; 16], nt_response: &[u8; 24]) -> [u8; 16] {
    let digest = Sha1::new()
        .chain_update(hash_of_hash(nt_hash))
        .chain_update(nt_response)
        .chain_update(b"This is the MPPE Master Key")
        .finalize();
    first_16(digest.into())
}

/// The octets of a new password in a Change-Password packet: 512 for the password, four for its length (RFC 2759 section 8.10).
pub const ENCRYPTED_PASSWORD_LEN: usize = 516;
/// Where the length stands.
const PASSWORD_BLOCK_LEN: usize = 512;

/// The new password in a Change-Password packet: RFC 2759 sections 8.9 and 8.10 turned round. `None` for what is no
/// password, as whoever does not know the old one sends.
pub fn decrypt_new_password(
    old_nt_hash: &[u8; 16],
    encrypted: &[u8; ENCRYPTED_PASSWORD_LEN],
) -> Option<Zeroizing<String>> {
    let mut block = Zeroizing::new(*encrypted);
    rc4(old_nt_hash, &mut *block);
    let (password, length) = block.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let begin = PASSWORD_BLOCK_LEN.checked_sub(length)?;
    let (units, odd) = password.get(begin..)?.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let units: Zeroizing<Vec<u16>> =
        Zeroizing::new(units.iter().map(|unit| u16::from_le_bytes(*unit)).collect());
    String::from_utf16(&units).ok().map(Zeroizing::new)
}

/// NewPasswordEncryptedWithOldNtPasswordHash (RFC 2759 section 8.9), the supplicant's half. `padding` is random. `None` for more than
/// 256 UTF-16 units.
pub fn encrypt_new_password(
    old_nt_hash: &[u8; 16],
    password: &str,
    padding: &[u8; ENCRYPTED_PASSWORD_LEN],
) -> Option<Zeroizing<[u8; ENCRYPTED_PASSWORD_LEN]>> {
    let mut block = Zeroizing::new(*padding);
    let (place, length) = block.split_last_chunk_mut::<4>()?;
    let octets: Zeroizing<Vec<u8>> =
        Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect());
    let begin = PASSWORD_BLOCK_LEN.checked_sub(octets.len())?;
    place.get_mut(begin..)?.copy_from_slice(&octets);
    *length = u32::try_from(octets.len()).ok()?.to_le_bytes();
    rc4(old_nt_hash, &mut *block);
    Some(block)
}

/// OldNtPasswordHashEncryptedWithNewNtPasswordHash (RFC 2759 sections 8.12 and 8.13): whoever sends it knows both passwords.
pub fn encrypted_old_hash(old_nt_hash: &[u8; 16], new_nt_hash: &[u8; 16]) -> [u8; 16] {
    let mut out = *old_nt_hash;
    let keys = new_nt_hash.as_chunks::<7>().0;
    for (seven, block) in keys.iter().zip(out.as_chunks_mut::<8>().0) {
        let mut cipher = (*block).into();
        Des::new(&des_key(seven).into()).encrypt_block(&mut cipher);
        *block = cipher.into();
    }
    out
}

/// RC4, which RFC 2759 section 8.10 prescribes; the TLS tunnel around it is what protects the password.
fn rc4(key: &[u8; 16], data: &mut [u8]) {
    let mut state = Zeroizing::new([0_u8; 256]);
    for (value, place) in (0_u8..=255).zip(state.iter_mut()) {
        *place = value;
    }
    let mut j = 0_u8;
    for (i, key) in (0..256).zip(key.iter().cycle()) {
        j = j
            .wrapping_add(state.get(i).copied().unwrap_or_default())
            .wrapping_add(*key);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let at =
        |state: &[u8; 256], index: u8| state.get(usize::from(index)).copied().unwrap_or_default();
    for octet in data {
        i = i.wrapping_add(1);
        j = j.wrapping_add(at(&state, i));
        state.swap(usize::from(i), usize::from(j));
        *octet ^= at(&state, at(&state, i).wrapping_add(at(&state, j)));
    }
}

/// A user name without its `DOMAIN\` prefix.
pub fn account_name(user: &str) -> &str {
    user.split_once('\\').map_or(user, |(_, account)| account)
}

fn account_name_octets(user: &[u8]) -> &[u8] {
    let mut parts = user.splitn(2, |octet| *octet == b'\\');
    let first = parts.next().unwrap_or_default();
    parts.next().unwrap_or(first)
}

/// HashNtPasswordHash (RFC 2759 section 8.4).
fn hash_of_hash(nt_hash: &[u8; 16]) -> [u8; 16] {
    Md4::digest(nt_hash).into()
}

/// ChallengeResponse (RFC 2759 section 8.5): the hash as three DES keys.
fn challenge_response(nt_hash: &[u8; 16], challenge: &[u8; 8]) -> [u8; 24] {
    let mut keys = Zeroizing::new([0; 21]);
    for (to, from) in keys.iter_mut().zip(nt_hash) {
        *to = *from;
    }
    let mut response = [0; 24];
    for (seven, out) in keys
        .as_chunks::<7>()
        .0
        .iter()
        .zip(response.as_chunks_mut::<8>().0)
    {
        let mut block = (*challenge).into();
        Des::new(&des_key(seven).into()).encrypt_block(&mut block);
        *out = block.into();
    }
    response
}

/// Spreads 56 bits over 8 octets, leaving the parity bits alone (RFC 2759 section 8.6).
fn des_key(seven: &[u8; 7]) -> [u8; 8] {
    let bits = seven
        .iter()
        .fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
    let mut key = [0; 8];
    for (shift, octet) in [49, 42, 35, 28, 21, 14, 7, 0].iter().zip(key.iter_mut()) {
        *octet = ((bits >> shift) as u8 & 0x7f) << 1;
    }
    key
}

/// "On the client side, this is the receive key; on the server side, it is the send key."
const SERVER_SENDS: &[u8; 84] =
    b"On the client side, this is the receive key; on the server side, it is the send key.";
/// The other direction.
const SERVER_RECEIVES: &[u8; 84] =
    b"On the client side, this is the send key; on the server side, it is the receive key.";

/// GetAsymmetricStartKey for 128 bits (RFC 3079 section 3.4).
fn asymmetric_start_key(master: &[u8; 16], direction: &[u8; 84]) -> [u8; 16] {
    let digest = Sha1::new()
        .chain_update(master)
        .chain_update([0; 40])
        .chain_update(direction)
        .chain_update([0xf2; 40])
        .finalize();
    first_16(digest.into())
}

fn first_16(digest: [u8; 20]) -> [u8; 16] {
    let [key @ .., _, _, _, _] = digest;
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHENTICATOR: [u8; 16] = [
        0x5b, 0x5d, 0x7c, 0x7d, 0x7b, 0x3f, 0x2f, 0x3e, 0x3c, 0x2c, 0x60, 0x21, 0x32, 0x26, 0x26,
        0x28,
    ];
    const PEER: [u8; 16] = [
        0x21, 0x40, 0x23, 0x24, 0x25, 0x5e, 0x26, 0x2a, 0x28, 0x29, 0x5f, 0x2b, 0x3a, 0x33, 0x7c,
        0x7e,
    ];

    #[test]
    fn rc4_is_the_cipher_of_rfc_6229() {
        // RFC 6229 section 2, the 128-bit key that begins with 01, offset 0.
        let key: [u8; 16] = std::array::from_fn(|index| index as u8 + 1);
        let mut stream = [0; 32];
        rc4(&key, &mut stream);
        assert_eq!(
            hex::encode(stream),
            "9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c"
        );
    }

    #[test]
    fn a_new_password_is_read_with_the_old_hash_and_with_no_other() {
        let (old, other) = (nt_hash("MyPw"), nt_hash("MyPv"));
        for new in ["MyNewPw", "", "pässword 🔑", &"x".repeat(256)] {
            let padding = [0x5a; ENCRYPTED_PASSWORD_LEN];
            let encrypted = encrypt_new_password(&old, new, &padding).unwrap();
            let read = decrypt_new_password(&old, &encrypted).unwrap();
            assert_eq!(*read, new);
            assert!(decrypt_new_password(&other, &encrypted).is_none());
        }
        let padding = [0; ENCRYPTED_PASSWORD_LEN];
        assert!(encrypt_new_password(&old, &"x".repeat(257), &padding).is_none());
    }

    #[test]
    fn lengths_that_cannot_be_are_no_password() {
        let old = nt_hash("MyPw");
        for length in [1_u32, 513, 514, 1 << 31, u32::MAX] {
            let mut block = [0; ENCRYPTED_PASSWORD_LEN];
            block[512..].copy_from_slice(&length.to_le_bytes());
            rc4(&old, &mut block);
            assert!(decrypt_new_password(&old, &block).is_none(), "{length}");
        }
        // Half of a surrogate pair.
        let mut block = [0xd8; ENCRYPTED_PASSWORD_LEN];
        block[512..].copy_from_slice(&2_u32.to_le_bytes());
        rc4(&old, &mut block);
        assert!(decrypt_new_password(&old, &block).is_none());
    }

    #[test]
    fn the_vectors_of_rfc_2759_section_9_2() {
        let hash = nt_hash("clientPass");
        assert_eq!(hex::encode(hash), "44ebba8d5312b8d611474411f56989ae");
        assert_eq!(
            hex::encode(challenge_hash(&PEER, &AUTHENTICATOR, "User")),
            "d02e4386bce91226"
        );
        let response = nt_response(&hash, &AUTHENTICATOR, &PEER, "User");
        assert_eq!(
            hex::encode(response),
            "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
        );
        assert_eq!(
            hex::encode(hash_of_hash(&hash)),
            "41c00c584bd2d91c4017a2a12fa59f3f"
        );
        let expected = "S=407A5589115FD0D6209F510FE9C04566932CDA56";
        assert_eq!(
            authenticator_response(&hash, &response, &AUTHENTICATOR, &PEER, "User"),
            expected
        );
        assert_eq!(
            verify(&hash, &AUTHENTICATOR, &PEER, "User", &response).as_deref(),
            Some(expected)
        );
        assert!(verify(&hash, &AUTHENTICATOR, &PEER, r"CORP\User", &response).is_some());
        assert_eq!(
            verify(&nt_hash("other"), &AUTHENTICATOR, &PEER, "User", &response),
            None
        );
        assert_eq!(
            verify(&hash, &AUTHENTICATOR, &PEER, "user", &response),
            None
        );
    }

    #[test]
    fn the_vectors_of_rfc_3079_section_3_5_3() {
        let hash = nt_hash("clientPass");
        let response = nt_response(&hash, &AUTHENTICATOR, &PEER, "User");
        assert_eq!(
            hex::encode(master_key(&hash, &response)),
            "fdece3717a8c838cb388e527ae3cdd31"
        );
        let (send, _) = mppe_keys(&hash, &response);
        assert_eq!(hex::encode(send), "8b7cdc149b993a1ba118cb153f56dccb");
    }

    #[test]
    fn des_keys_follow_the_bits() {
        assert_eq!(des_key(&[0xff; 7]), [0xfe; 8]);
        assert_eq!(
            des_key(&[0x80, 0, 0, 0, 0, 0, 1]),
            [0x80, 0, 0, 0, 0, 0, 0, 0x02]
        );
    }

    #[test]
    fn ms_chap_v1_is_verified() {
        // RFC 2433 appendix B.2: the NT response for "MyPw".
        let challenge = [0x10, 0x2d, 0xb5, 0xdf, 0x08, 0x5d, 0x30, 0x41];
        let response: [u8; 24] = hex::decode("4e9d3c8f9cfd385d5bf4d3246791956ca4c351ab409a3d61")
            .unwrap()
            .try_into()
            .unwrap();
        assert!(verify_v1(&nt_hash("MyPw"), &challenge, &response));
        assert!(!verify_v1(&nt_hash("MyPW"), &challenge, &response));
    }

    #[test]
    fn the_domain_does_not_belong_to_the_account() {
        assert_eq!(account_name(r"CORP\alice"), "alice");
        assert_eq!(account_name("alice@corp.example"), "alice@corp.example");
        assert_eq!(account_name("alice"), "alice");
        assert_eq!(account_name(r"CORP\"), "");
    }
}
