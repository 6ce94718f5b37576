//! EAP-MSCHAPv2 inside a tunnel (draft-kamath-pppext-eap-mschapv2), as the server plays it.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{InnerStep, InnerSuccess};
use crate::method::mschapv2::{self as messages, ChangePassword, Error, Message};
use crate::mschapv2 as crypto;
use crate::packet::eap_type;
use crate::reason::{self, Reason};
use crate::settings::InnerMethod;
use crate::step::{Answer, Question};

pub(super) struct Mschapv2 {
    /// MS-CHAPv2-ID.
    identifier: u8,
    challenge: [u8; 16],
    state: State,
}

/// Named by what is awaited.
enum State {
    Response,
    /// The NT hash.
    Answer(Box<Pending>),
    /// A new password, for the old one is right and expired; or the acknowledgement that there will be none.
    Change(Box<Expired>),
    /// Whether the new password is taken.
    ChangeAnswer(Box<Changed>),
    /// The acknowledgement of success.
    SuccessAcknowledgement {
        msk: Zeroizing<[u8; 32]>,
    },
    /// The acknowledgement of failure.
    FailureAcknowledgement(Reason),
    Over,
}

/// A response whose NT hash is being looked up.
struct Pending {
    name: Vec<u8>,
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
}

/// A login with a password that was right and is over.
struct Expired {
    name: Vec<u8>,
    /// The challenge of the failure, which the change answers (RFC 2759 section 7).
    challenge: [u8; 16],
    nt_hash: Zeroizing<[u8; 16]>,
    reason: Reason,
}

/// What the login is worth once its new password is taken.
struct Changed {
    authenticator_response: String,
    msk: Zeroizing<[u8; 32]>,
}

impl Mschapv2 {
    /// Begins with a challenge.
    pub(super) fn begin(identifier: u8, random: &mut dyn FnMut(&mut [u8])) -> (Self, Vec<u8>) {
        let mut challenge = [0; 16];
        random(&mut challenge);
        let method = Self {
            identifier,
            challenge,
            state: State::Response,
        };
        (method, messages::challenge(identifier, &challenge))
    }

    pub(super) fn receive(&mut self, identity: &str, data: &[u8]) -> InnerStep {
        let malformed = |fault: &str| InnerStep::Broken(reason::MSCHAPV2_MALFORMED.with(fault));
        match std::mem::replace(&mut self.state, State::Over) {
            State::Response => match Message::parse(data) {
                Ok(Message::Response {
                    identifier,
                    response,
                }) if identifier == self.identifier => self.response(identity, &response),
                Ok(_) => malformed("it is not the response to the challenge"),
                Err(fault) => malformed(&fault),
            },
            State::SuccessAcknowledgement { msk } => match Message::parse(data) {
                Ok(Message::Success { .. }) => InnerStep::Success(InnerSuccess {
                    method: InnerMethod::EapMschapv2,
                    identity: identity.to_owned(),
                    second_factor: false,
                    certificates: Vec::new(),
                    msk: Some(msk),
                    emsk: None,
                }),
                // It does not believe that we know the password.
                Ok(Message::Failure { .. }) => InnerStep::Failure(reason::TUNNEL_RESULT.reason()),
                Ok(_) => malformed("it does not acknowledge the success"),
                Err(fault) => malformed(&fault),
            },
            State::Change(expired) => match Message::parse(data) {
                Ok(Message::ChangePassword { identifier, change }) => {
                    self.identifier = identifier;
                    self.change(identity, &expired, &change)
                }
                Ok(Message::Failure { .. }) => InnerStep::Failure(expired.reason),
                Ok(_) => malformed("it does not change the password"),
                Err(fault) => malformed(&fault),
            },
            // Whatever it says to a failure, the answer is the same.
            State::FailureAcknowledgement(reason) => InnerStep::Failure(reason),
            State::Answer(_) | State::ChangeAnswer(_) | State::Over => {
                malformed("nothing was asked")
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        answer: Answer,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> InnerStep {
        let pending = match std::mem::replace(&mut self.state, State::Over) {
            State::Answer(pending) => pending,
            State::ChangeAnswer(changed) => return self.changed(*changed, answer, random),
            _ => return InnerStep::Broken(reason::WRONG_ANSWER.reason()),
        };
        let mut challenge = [0; 16];
        random(&mut challenge);
        let refusal = match answer {
            Answer::ExpiredNtHash { nt_hash, reason } => {
                if self.verify(&pending, &nt_hash).is_some() {
                    self.state = State::Change(Box::new(Expired {
                        name: pending.name,
                        challenge,
                        nt_hash,
                        reason,
                    }));
                    let error = Error::PasswordExpired;
                    return request(messages::failure(self.identifier, error, &challenge));
                }
                reason::WRONG_PASSWORD.reason()
            }
            Answer::NtHash(nt_hash) => {
                if let Some(response) = self.verify(&pending, &nt_hash) {
                    let msk = crypto::eap_msk(&nt_hash, &pending.nt_response);
                    self.state = State::SuccessAcknowledgement { msk };
                    return request(messages::success(self.identifier, &response));
                }
                reason::WRONG_PASSWORD.reason()
            }
            Answer::Refused(reason) => {
                // For nobody the same is computed, so that the time does not tell who exists.
                let _ = self.verify(&pending, &[0; 16]);
                reason
            }
            Answer::Accepted | Answer::AcceptedWithCode | Answer::CodeNeeded => {
                reason::WRONG_ANSWER.reason()
            }
        };
        self.state = State::FailureAcknowledgement(refusal);
        let error = Error::Authentication;
        request(messages::failure(self.identifier, error, &challenge))
    }

    fn verify(&self, pending: &Pending, nt_hash: &[u8; 16]) -> Option<String> {
        crypto::verify(
            nt_hash,
            &self.challenge,
            &pending.peer_challenge,
            &pending.name,
            &pending.nt_response,
        )
    }

    /// Reads a new password, and asks whether it is taken. It has to come from who knows the old one (RFC 2759 section 8.12).
    fn change(&mut self, identity: &str, expired: &Expired, change: &ChangePassword) -> InnerStep {
        let unproven = || InnerStep::Failure(reason::CHANGE_UNPROVEN.reason());
        let password = crypto::decrypt_new_password(&expired.nt_hash, &change.encrypted_password);
        let Some(password) = password else {
            return unproven();
        };
        let nt_hash = Zeroizing::new(crypto::nt_hash(&password));
        let old = crypto::encrypted_old_hash(&expired.nt_hash, &nt_hash);
        let verified = crypto::verify(
            &nt_hash,
            &expired.challenge,
            &change.peer_challenge,
            &expired.name,
            &change.nt_response,
        );
        let knows_old = bool::from(old.ct_eq(&change.encrypted_hash));
        let Some(authenticator_response) = verified.filter(|_| knows_old) else {
            return unproven();
        };
        self.state = State::ChangeAnswer(Box::new(Changed {
            authenticator_response,
            msk: crypto::eap_msk(&nt_hash, &change.nt_response),
        }));
        InnerStep::Ask(Question::NewPassword {
            user: identity.to_owned(),
            password,
        })
    }

    fn changed(
        &mut self,
        changed: Changed,
        answer: Answer,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> InnerStep {
        match answer {
            Answer::Accepted => {
                self.state = State::SuccessAcknowledgement { msk: changed.msk };
                let response = changed.authenticator_response;
                request(messages::success(self.identifier, &response))
            }
            Answer::Refused(reason) => {
                let mut challenge = [0; 16];
                random(&mut challenge);
                self.state = State::FailureAcknowledgement(reason);
                let error = Error::ChangingPassword;
                request(messages::failure(self.identifier, error, &challenge))
            }
            _ => InnerStep::Broken(reason::WRONG_ANSWER.reason()),
        }
    }

    /// Why the password was refused, while the supplicant has not acknowledged it, or not chosen a new one.
    pub(super) fn refusal(&self) -> Option<&Reason> {
        match &self.state {
            State::FailureAcknowledgement(reason) => Some(reason),
            State::Change(expired) => Some(&expired.reason),
            _ => None,
        }
    }

    fn response(&mut self, identity: &str, response: &messages::Response<'_>) -> InnerStep {
        if !messages::same_account(response.name, identity) {
            return InnerStep::Failure(reason::NAME_MISMATCH.reason());
        }
        self.state = State::Answer(Box::new(Pending {
            name: response.name.to_vec(),
            peer_challenge: response.peer_challenge,
            nt_response: response.nt_response,
        }));
        InnerStep::Ask(Question::NtHash {
            user: identity.to_owned(),
        })
    }
}

fn request(data: Vec<u8>) -> InnerStep {
    InnerStep::Request {
        eap_type: eap_type::MSCHAPV2,
        data,
    }
}
