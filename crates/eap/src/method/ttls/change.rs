//! The change of an expired password in EAP-TTLS/MS-CHAPv2 (RFC 5281 section 11.2.4): the server says MS-CHAP-Error, the supplicant
//! answers with MS-CHAP-NT-Enc-PW, MS-CHAP2-CPW and MS-CHAP-Challenge.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::method::avp;
use crate::mschapv2::ChangePassword;
use crate::reason::{self, Reason};

/// A login with a password that was right and is over.
pub(super) struct Expired {
    identity: String,
    /// That of the error, which the change answers (RFC 2759 section 7): no other login's change can be replayed.
    challenge: [u8; 16],
    nt_hash: Zeroizing<[u8; 16]>,
    reason: Reason,
}

/// What the login is worth once its new password is taken.
pub(super) struct Changed {
    pub(super) identity: String,
    pub(super) identifier: u8,
    /// What MS-CHAP2-Success will say.
    pub(super) proof: String,
}

impl Expired {
    pub(super) fn new(
        identity: String,
        challenge: [u8; 16],
        nt_hash: Zeroizing<[u8; 16]>,
        reason: Reason,
    ) -> Self {
        Self {
            identity,
            challenge,
            nt_hash,
            reason,
        }
    }

    /// Why there is no login without a new password.
    pub(super) fn into_reason(self) -> Reason {
        self.reason
    }

    /// Reads a new password from who knows the old one.
    pub(super) fn receive(self, data: &[u8]) -> Result<(Changed, Zeroizing<String>), Reason> {
        let avps = avp::parse(data).map_err(|fault| reason::AVP_MALFORMED.with(fault))?;
        let all = |code| {
            avps.iter()
                .filter(move |avp| avp.vendor == avp::MICROSOFT && avp.code == code)
                .map(|avp| avp.data)
        };
        let Some(cpw) = all(avp::MS_CHAP2_CPW).next() else {
            return Err(reason::UNEXPECTED_DATA.with("more attributes"));
        };
        let challenge = all(avp::MS_CHAP_CHALLENGE).next().unwrap_or_default();
        if !bool::from(challenge.ct_eq(&self.challenge)) {
            return Err(reason::CHALLENGE_MISMATCH.reason());
        }
        let (identifier, change) =
            ChangePassword::from_attributes(cpw, all(avp::MS_CHAP_NT_ENC_PW))
                .map_err(|fault| reason::MSCHAPV2_MALFORMED.with(fault))?;
        let opened = change.open(&self.nt_hash, &self.challenge, &self.identity);
        let new = opened.ok_or_else(|| reason::CHANGE_UNPROVEN.reason())?;
        let changed = Changed {
            identity: self.identity,
            identifier,
            proof: new.authenticator_response,
        };
        Ok((changed, new.password))
    }
}
