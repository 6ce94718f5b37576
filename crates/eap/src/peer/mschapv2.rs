//! The supplicant's answer to a challenge of MS-CHAPv2, and what the server has to prove in return.

use zeroize::Zeroizing;

use crate::mschapv2;
use crate::reason::{self, Reason};
use crate::step::Random;

/// An answer.
pub(super) struct Answered {
    pub(super) peer_challenge: [u8; 16],
    pub(super) nt_response: [u8; 24],
    /// What the server must prove that it knows (RFC 2759 section 8.7).
    expected: String,
    /// The MSK of EAP-MSCHAPv2.
    pub(super) msk: Zeroizing<[u8; 32]>,
}

impl Answered {
    pub(super) fn new(
        challenge: &[u8; 16],
        identity: &str,
        password: &str,
        random: &mut Random,
    ) -> Self {
        let mut peer_challenge = [0; 16];
        random(&mut peer_challenge);
        Self::with(challenge, identity, password, peer_challenge)
    }

    /// With this challenge of its own.
    pub(super) fn with(
        challenge: &[u8; 16],
        identity: &str,
        password: &str,
        peer_challenge: [u8; 16],
    ) -> Self {
        let nt_hash = Zeroizing::new(mschapv2::nt_hash(password));
        let user = mschapv2::account_name(identity);
        let nt_response = mschapv2::nt_response(&nt_hash, challenge, &peer_challenge, user);
        let expected = mschapv2::authenticator_response(
            &nt_hash,
            &nt_response,
            challenge,
            &peer_challenge,
            user,
        );
        Self {
            peer_challenge,
            nt_response,
            expected,
            msk: mschapv2::eap_msk(&nt_hash, &nt_response),
        }
    }

    /// Whether the server knows the password as well.
    pub(super) fn prove_server(&self, text: &[u8]) -> Result<(), Reason> {
        let start = text.get(..self.expected.len()).unwrap_or_default();
        match start.eq_ignore_ascii_case(self.expected.as_bytes()) {
            true => Ok(()),
            false => Err(reason::SERVER_NOT_AUTHENTIC.reason()),
        }
    }
}
