//! The change of an expired password (RFC 2759 section 7), and what it looks like in attributes (RFC 2548).
//!
//! *Invariant:* a new password is read only from who proves to know the old one and the new one.

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    ENCRYPTED_PASSWORD_LEN, decrypt_new_password, encrypt_new_password, encrypted_old_hash,
    nt_hash, nt_response, verify,
};

/// The Code of MS-CHAP2-CPW.
const CPW_CODE: u8 = 7;
/// The Code of MS-CHAP-NT-Enc-PW.
const ENC_PW_CODE: u8 = 6;
/// Code, Ident, Encrypted-Hash, Peer-Challenge with eight reserved octets, NT-Response and Flags.
const CPW_LEN: usize = 68;
/// Code, Ident and Sequence-Number of MS-CHAP-NT-Enc-PW.
const ENC_PW_HEADER_LEN: usize = 4;
/// What fits behind that header into a Vendor-Specific attribute of RADIUS.
const ENC_PW_PIECE_LEN: usize = 243;

/// What changes a password (RFC 2759 section 7).
#[derive(Debug, PartialEq, Eq)]
pub struct ChangePassword {
    /// The new password, encrypted with the hash of the old one.
    pub encrypted_password: [u8; ENCRYPTED_PASSWORD_LEN],
    /// The hash of the old password, encrypted with that of the new one.
    pub encrypted_hash: [u8; 16],
    /// The peer's challenge.
    pub peer_challenge: [u8; 16],
    /// The response of the new password.
    pub nt_response: [u8; 24],
}

/// A new password, from who knows the old one.
pub struct NewPassword {
    /// The password.
    pub password: Zeroizing<String>,
    /// Its NT hash.
    pub nt_hash: Zeroizing<[u8; 16]>,
    /// What proves to the peer that the server knows it (RFC 2759 section 8.7).
    pub authenticator_response: String,
}

impl ChangePassword {
    /// The supplicant's half. `user` is taken without its `DOMAIN\` prefix, `padding` is random. `None` for a password that is too long.
    pub fn new(
        passwords: (&str, &str),
        challenge: &[u8; 16],
        peer_challenge: [u8; 16],
        user: &str,
        padding: &[u8; ENCRYPTED_PASSWORD_LEN],
    ) -> Option<Self> {
        let (old, new) = passwords;
        let old_hash = Zeroizing::new(nt_hash(old));
        let new_hash = Zeroizing::new(nt_hash(new));
        let encrypted_password = encrypt_new_password(&old_hash, new, padding)?;
        let user = super::account_name(user);
        Some(Self {
            encrypted_password: *encrypted_password,
            encrypted_hash: encrypted_old_hash(&old_hash, &new_hash),
            peer_challenge,
            nt_response: nt_response(&new_hash, challenge, &peer_challenge, user),
        })
    }

    /// Reads the new password with the hash of the old one. `None` when it does not come from who knows both (RFC 2759 sections 8.10
    /// to 8.13), or answers another challenge.
    pub fn open(
        &self,
        old_nt_hash: &[u8; 16],
        challenge: &[u8; 16],
        user: impl AsRef<[u8]>,
    ) -> Option<NewPassword> {
        let password = decrypt_new_password(old_nt_hash, &self.encrypted_password)?;
        let nt_hash = Zeroizing::new(nt_hash(&password));
        let old = encrypted_old_hash(old_nt_hash, &nt_hash);
        let verified = verify(
            &nt_hash,
            challenge,
            &self.peer_challenge,
            user,
            &self.nt_response,
        );
        let knows_old = bool::from(old.ct_eq(&self.encrypted_hash));
        let authenticator_response = verified.filter(|_| knows_old)?;
        Some(NewPassword {
            password,
            nt_hash,
            authenticator_response,
        })
    }

    /// Reads MS-CHAP2-CPW (RFC 2548 section 2.3.4) and the MS-CHAP-NT-Enc-PW attributes beside it, in any order; gives the Ident too.
    ///
    /// # Errors
    /// What is wrong, as a clause for a sentence.
    pub fn from_attributes<'a>(
        cpw: &[u8],
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(u8, Self), &'static str> {
        let short = "MS-CHAP2-CPW is cut off";
        if cpw.len() != CPW_LEN {
            return Err("MS-CHAP2-CPW must have 68 octets");
        }
        let (&[code, ident], rest) = cpw.split_first_chunk().ok_or(short)?;
        let (encrypted_hash, rest) = rest.split_first_chunk().ok_or(short)?;
        let (peer_challenge, rest) = rest.split_first_chunk().ok_or(short)?;
        let (_reserved, rest) = rest.split_first_chunk::<8>().ok_or(short)?;
        let nt_response = rest.first_chunk().ok_or(short)?;
        if code != CPW_CODE {
            return Err("MS-CHAP2-CPW does not begin with its code");
        }
        let mut parts = BTreeMap::new();
        for piece in pieces {
            let broken = "MS-CHAP-NT-Enc-PW is cut off";
            let (&[code, of, high, low], part) = piece.split_first_chunk().ok_or(broken)?;
            if code != ENC_PW_CODE || of != ident {
                return Err("an MS-CHAP-NT-Enc-PW belongs to something else");
            }
            if parts
                .insert(u16::from_be_bytes([high, low]), part)
                .is_some()
            {
                return Err("an MS-CHAP-NT-Enc-PW came twice");
            }
        }
        let in_order = parts.keys().copied().eq((1..).take(parts.len()));
        let octets: Vec<u8> = parts.into_values().flatten().copied().collect();
        let encrypted_password = octets.as_slice().try_into();
        match (in_order, encrypted_password) {
            (true, Ok(encrypted_password)) => Ok((
                ident,
                Self {
                    encrypted_password,
                    encrypted_hash: *encrypted_hash,
                    peer_challenge: *peer_challenge,
                    nt_response: *nt_response,
                },
            )),
            _ => Err("the MS-CHAP-NT-Enc-PW attributes do not make up 516 octets"),
        }
    }

    /// The values of MS-CHAP2-CPW and of the MS-CHAP-NT-Enc-PW attributes beside it.
    pub fn to_attributes(&self, ident: u8) -> (Vec<u8>, Vec<Vec<u8>>) {
        let cpw = [
            &[CPW_CODE, ident][..],
            &self.encrypted_hash,
            &self.peer_challenge,
            &[0; 8],
            &self.nt_response,
            &[0; 2],
        ]
        .concat();
        let pieces = self.encrypted_password.chunks(ENC_PW_PIECE_LEN);
        let numbered = (1_u16..).zip(pieces).map(|(number, piece)| {
            let mut value = Vec::with_capacity(piece.len().saturating_add(ENC_PW_HEADER_LEN));
            value.extend_from_slice(&[ENC_PW_CODE, ident]);
            value.extend_from_slice(&number.to_be_bytes());
            value.extend_from_slice(piece);
            value
        });
        (cpw, numbered.collect())
    }
}

/// The error number of an expired password.
pub(crate) const EXPIRED: u16 = 648;

/// The challenge of a Failure that says that the password is expired and may be changed now; `None` for every other.
pub fn expired_challenge(text: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(text).ok()?;
    let field = |name: &str| text.split(' ').find_map(|word| word.strip_prefix(name));
    if field("E=")? != EXPIRED.to_string() || field("V=")? != "3" {
        return None;
    }
    let mut challenge = [0; 16];
    hex::decode_to_slice(field("C=")?, &mut challenge).ok()?;
    Some(challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: [u8; 16] = [0x31; 16];

    fn change(old: &str, new: &str) -> ChangePassword {
        let padding = [0x5a; ENCRYPTED_PASSWORD_LEN];
        ChangePassword::new((old, new), &CHALLENGE, [0x32; 16], r"CORP\alice", &padding).unwrap()
    }

    fn read(cpw: &[u8], pieces: &[Vec<u8>]) -> Result<(u8, ChangePassword), &'static str> {
        ChangePassword::from_attributes(cpw, pieces.iter().map(Vec::as_slice))
    }

    #[test]
    fn only_who_knows_both_passwords_changes_one() {
        let (old, other) = (nt_hash("old"), nt_hash("other"));
        let right = change("old", "new");
        let opened = right.open(&old, &CHALLENGE, "alice").unwrap();
        assert_eq!(*opened.password, "new");
        assert_eq!(*opened.nt_hash, nt_hash("new"));
        assert!(right.open(&other, &CHALLENGE, "alice").is_none());
        assert!(right.open(&old, &[0x30; 16], "alice").is_none(), "replayed");
        assert!(right.open(&old, &CHALLENGE, "bob").is_none());
        for (octet, what) in [(2, "the old hash"), (42, "the response")] {
            let (mut cpw, pieces) = right.to_attributes(9);
            cpw[octet] ^= 1;
            let (_, bent) = read(&cpw, &pieces).unwrap();
            assert!(bent.open(&old, &CHALLENGE, "alice").is_none(), "{what}");
        }
    }

    #[test]
    fn what_is_written_into_attributes_is_read_in_any_order() {
        let change = change("old", "new");
        let (cpw, mut pieces) = change.to_attributes(9);
        assert_eq!(cpw.len(), 68);
        let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
        assert_eq!(lengths, [247, 247, 34]);
        assert_eq!(read(&cpw, &pieces), Ok((9, change)));
        pieces.reverse();
        assert!(read(&cpw, &pieces).is_ok());
    }

    #[test]
    fn what_is_cut_off_doubled_or_of_something_else_is_malformed() {
        let (cpw, pieces) = change("old", "new").to_attributes(9);
        for length in 0..cpw.len() {
            assert!(read(&cpw[..length], &pieces).is_err(), "{length}");
        }
        for length in 0..pieces[2].len() {
            let mut short = pieces.clone();
            short[2].truncate(length);
            assert!(read(&cpw, &short).is_err(), "{length}");
        }
        for gone in 0..3 {
            let mut fewer = pieces.clone();
            fewer.remove(gone);
            assert!(read(&cpw, &fewer).is_err(), "without {gone}");
        }
        let mut twice = pieces.clone();
        twice.push(pieces[0].clone());
        assert!(read(&cpw, &twice).is_err());
        let mut longer = pieces.clone();
        longer[2].push(0);
        assert!(read(&cpw, &longer).is_err());
        for (place, value) in [(0, 7), (1, 8), (3, 4)] {
            let mut foreign = pieces.clone();
            foreign[2][place] = value;
            assert!(read(&cpw, &foreign).is_err(), "{place}");
        }
        let mut other = cpw;
        other[0] = 6;
        assert!(read(&other, &pieces).is_err());
    }
}
