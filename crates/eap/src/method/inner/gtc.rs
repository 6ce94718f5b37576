//! EAP-GTC inside a tunnel (RFC 3748 section 5.6): a prompt and the password, then, where the user has to show a second factor, a
//! prompt and its code.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{InnerStep, InnerSuccess};
use crate::mschapv2;
use crate::packet::eap_type;
use crate::reason;
use crate::settings::InnerMethod;
use crate::step::{Answer, Question};

/// What a supplicant may show to its user.
pub(super) const PROMPT: &[u8] = b"Password";
/// What it may show to a user who has to show a code besides.
const CODE_PROMPT: &[u8] = b"Code of your authenticator app";
/// Longer than any password that a person has; RADIUS itself ends at 128 octets.
const PASSWORD_LIMIT: usize = 512;

/// Named by what is awaited.
#[derive(Default)]
pub(super) enum Gtc {
    #[default]
    Password,
    /// The verdict on it.
    PasswordAnswer(Zeroizing<Vec<u8>>),
    Code,
    /// The verdict on it.
    CodeAnswer,
    /// Nothing any more.
    Over,
}

impl Gtc {
    pub(super) fn receive(&mut self, identity: &str, data: &[u8]) -> InnerStep {
        let sized = !data.is_empty() && data.len() <= PASSWORD_LIMIT;
        let said = || Zeroizing::new(data.to_vec());
        let user = identity.to_owned();
        match std::mem::replace(self, Self::Over) {
            Self::Password | Self::Code if !sized => {
                InnerStep::Failure(reason::GTC_MALFORMED.with(data.len()))
            }
            Self::Password => {
                *self = Self::PasswordAnswer(said());
                InnerStep::Ask(Question::Password {
                    user,
                    password: said(),
                    can_ask_for_code: true,
                })
            }
            Self::Code => {
                *self = Self::CodeAnswer;
                InnerStep::Ask(Question::Code { user, code: said() })
            }
            Self::PasswordAnswer(_) | Self::CodeAnswer | Self::Over => {
                InnerStep::Broken(reason::UNEXPECTED_DATA.with("a second password"))
            }
        }
    }

    pub(super) fn answered(&mut self, identity: &str, answer: Answer) -> InnerStep {
        match (std::mem::replace(self, Self::Over), answer) {
            (Self::PasswordAnswer(_) | Self::CodeAnswer, Answer::Refused(reason)) => {
                InnerStep::Failure(reason)
            }
            (Self::PasswordAnswer(_), Answer::CodeNeeded) => {
                *self = Self::Code;
                InnerStep::Request {
                    eap_type: eap_type::GTC,
                    data: CODE_PROMPT.to_vec(),
                }
            }
            (Self::PasswordAnswer(_), Answer::Accepted) => success(identity, false),
            (Self::PasswordAnswer(_), Answer::AcceptedWithCode)
            | (Self::CodeAnswer, Answer::Accepted) => success(identity, true),
            (Self::PasswordAnswer(password), Answer::NtHash(expected)) => {
                match password_matches(&password, &expected) {
                    true => success(identity, false),
                    false => InnerStep::Failure(reason::WRONG_PASSWORD_GTC.reason()),
                }
            }
            _ => InnerStep::Broken(reason::WRONG_ANSWER.reason()),
        }
    }
}

fn success(identity: &str, second_factor: bool) -> InnerStep {
    InnerStep::Success(InnerSuccess {
        method: InnerMethod::EapGtc,
        identity: identity.to_owned(),
        second_factor,
        certificates: Vec::new(),
        msk: None,
        emsk: None,
    })
}

/// Whether this is the password with that NT hash, in constant time.
pub(crate) fn password_matches(password: &[u8], expected: &[u8; 16]) -> bool {
    std::str::from_utf8(password)
        .is_ok_and(|password| mschapv2::nt_hash(password).ct_eq(expected).into())
}
