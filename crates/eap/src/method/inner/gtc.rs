//! EAP-GTC inside a tunnel (RFC 3748 section 5.6): one prompt, one password.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{InnerStep, InnerSuccess};
use crate::mschapv2;
use crate::reason;
use crate::settings::InnerMethod;
use crate::step::{Answer, Question};

/// What a supplicant may show to its user.
pub(super) const PROMPT: &[u8] = b"Password";
/// Longer than any password that a person has; RADIUS itself ends at 128 octets.
const PASSWORD_LIMIT: usize = 512;

#[derive(Default)]
pub(super) struct Gtc {
    /// While the world is asked.
    password: Option<Zeroizing<Vec<u8>>>,
}

impl Gtc {
    pub(super) fn receive(&mut self, identity: &str, data: &[u8]) -> InnerStep {
        if self.password.is_some() {
            return InnerStep::Broken(reason::UNEXPECTED_DATA.with("a second password"));
        }
        if data.is_empty() || data.len() > PASSWORD_LIMIT {
            return InnerStep::Failure(reason::GTC_MALFORMED.with(data.len()));
        }
        let password = Zeroizing::new(data.to_vec());
        self.password = Some(password.clone());
        InnerStep::Ask(Question::Password {
            user: identity.to_owned(),
            password,
        })
    }

    pub(super) fn answered(&mut self, identity: &str, answer: Answer) -> InnerStep {
        let Some(password) = self.password.take() else {
            return InnerStep::Broken(reason::WRONG_ANSWER.reason());
        };
        let right = match answer {
            Answer::Accepted => true,
            Answer::NtHash(expected) => password_matches(&password, &expected),
            Answer::Refused(reason) => return InnerStep::Failure(reason),
        };
        if !right {
            return InnerStep::Failure(reason::WRONG_PASSWORD_GTC.reason());
        }
        InnerStep::Success(InnerSuccess {
            method: InnerMethod::EapGtc,
            identity: identity.to_owned(),
            certificates: Vec::new(),
            msk: None,
            emsk: None,
        })
    }
}

/// Whether this is the password with that NT hash, in constant time.
pub(crate) fn password_matches(password: &[u8], expected: &[u8; 16]) -> bool {
    std::str::from_utf8(password)
        .is_ok_and(|password| mschapv2::nt_hash(password).ct_eq(expected).into())
}
