//! EAP-TTLSv0 after the handshake: PAP, CHAP, MS-CHAP, MS-CHAPv2 or EAP inside (RFC 5281 sections 10 and 11).

mod change;
mod credentials;
mod eap;

use zeroize::Zeroizing;

use self::change::{Changed, Expired};
use self::credentials::{Credentials, MschapResponse, Mschapv2Response};
use super::inner::{InnerPackets, InnerStep, password_matches};
use super::tls::COMMITMENT;
use super::{Context, Inner, Phase2, Proven, avp};
use crate::method::mschapv2::{self as messages, Error};
use crate::mschapv2;
use crate::reason::{self, Reason};
use crate::settings::InnerMethod;
use crate::step::{Answer, Question};
use crate::tls::{Tls, Version};

/// The state inside the tunnel, named by what is awaited.
#[derive(Default)]
enum State {
    /// The peer's attributes.
    #[default]
    Attributes,
    /// The acknowledgement of a resumed session; or attributes, if the peer insists on a login.
    ResumedAcknowledgement,
    /// The verdict on a password.
    PasswordAnswer {
        identity: String,
        password: Zeroizing<Vec<u8>>,
    },
    /// The verdict on CHAP.
    ChapAnswer { identity: String },
    /// The NT hash, for MS-CHAP.
    MschapAnswer {
        identity: String,
        response: MschapResponse,
    },
    /// The NT hash, for MS-CHAPv2.
    Mschapv2Answer {
        identity: String,
        response: Box<Mschapv2Response>,
    },
    /// A new password, for the old one is right and expired; or the acknowledgement that there will be none.
    Change(Box<Expired>),
    /// Whether the new password is taken.
    ChangeAnswer(Box<Changed>),
    /// The acknowledgement of MS-CHAP-Error, after which the login is over.
    ErrorAcknowledgement(Reason),
    /// The acknowledgement of MS-CHAP2-Success.
    SuccessAcknowledgement { identity: String },
    /// A response of the inner EAP method.
    Eap(InnerPackets),
    /// The world's answer to it.
    EapAnswer(InnerPackets),
}

#[derive(Default)]
pub(super) struct Ttls {
    state: State,
}

impl Phase2 for Ttls {
    fn established(&mut self, tls: &mut Tls, early: &[u8], context: &mut Context<'_>) -> Inner {
        if !early.is_empty() {
            return self.attributes(tls, early, context);
        }
        match tls.version() {
            _ if !tls.is_resumed() => Inner::Flush,
            Version::Tls12 => Inner::Resumed,
            Version::Tls13 => {
                // RFC 9427 section 3.2: the protected success indication.
                self.state = State::ResumedAcknowledgement;
                tls.write(&COMMITMENT);
                Inner::Flush
            }
        }
    }

    fn received(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner {
        match std::mem::take(&mut self.state) {
            State::ResumedAcknowledgement if data.is_empty() => Inner::Resumed,
            State::Attributes | State::ResumedAcknowledgement => {
                self.attributes(tls, data, context)
            }
            State::SuccessAcknowledgement { identity } if data.is_empty() => {
                authenticated(identity, InnerMethod::Mschapv2)
            }
            State::Change(expired) if data.is_empty() => Inner::Failure(expired.into_reason()),
            State::Change(expired) => match expired.receive(data) {
                Ok((changed, password)) => {
                    let user = changed.identity.clone();
                    self.state = State::ChangeAnswer(Box::new(changed));
                    Inner::Ask(Question::NewPassword { user, password })
                }
                Err(reason) => Inner::Failure(reason),
            },
            // Whatever it says to an error, the answer is the same.
            State::ErrorAcknowledgement(reason) => Inner::Failure(reason),
            State::Eap(mut eap) => {
                let step = eap::receive(&mut eap, data, context);
                self.proceed(eap, step, tls)
            }
            _ => Inner::Failure(reason::UNEXPECTED_DATA.with("more attributes")),
        }
    }

    fn answered(&mut self, tls: &mut Tls, answer: Answer, context: &mut Context<'_>) -> Inner {
        match (std::mem::take(&mut self.state), answer) {
            // EAP has its own words for a refusal.
            (State::EapAnswer(mut eap), answer) => {
                let step = eap.answered(answer, context);
                self.proceed(eap, step, tls)
            }
            (State::ChangeAnswer(changed), Answer::Refused(reason)) => {
                let error = Error::ChangingPassword;
                say_error(changed.identifier, error, tls, context);
                self.state = State::ErrorAcknowledgement(reason);
                Inner::Flush
            }
            (State::ChangeAnswer(changed), Answer::Accepted) => {
                self.succeed(changed.identity, changed.identifier, &changed.proof, tls)
            }
            (_, Answer::Refused(reason)) => Inner::Failure(reason),
            (State::PasswordAnswer { identity, .. }, Answer::Accepted) => {
                authenticated(identity, InnerMethod::Pap)
            }
            (State::PasswordAnswer { identity, .. }, Answer::AcceptedWithCode) => {
                Inner::Authenticated(Proven {
                    second_factor: true,
                    ..Proven::new(identity, name(InnerMethod::Pap))
                })
            }
            (State::PasswordAnswer { identity, password }, Answer::NtHash(expected)) => {
                match password_matches(&password, &expected) {
                    true => authenticated(identity, InnerMethod::Pap),
                    false => Inner::Failure(reason::WRONG_PASSWORD_PAP.reason()),
                }
            }
            (State::ChapAnswer { identity }, Answer::Accepted) => {
                authenticated(identity, InnerMethod::Chap)
            }
            (State::MschapAnswer { identity, response }, Answer::NtHash(nt_hash)) => {
                match mschapv2::verify_v1(&nt_hash, &response.challenge, &response.nt_response) {
                    true => authenticated(identity, InnerMethod::Mschap),
                    false => Inner::Failure(reason::WRONG_PASSWORD_MSCHAP.reason()),
                }
            }
            // MS-CHAP of the first version changes nothing: its way to a new password is older than its proof.
            (State::MschapAnswer { response, .. }, Answer::ExpiredNtHash { nt_hash, reason }) => {
                Inner::Failure(
                    match mschapv2::verify_v1(&nt_hash, &response.challenge, &response.nt_response)
                    {
                        true => reason,
                        false => reason::WRONG_PASSWORD_MSCHAP.reason(),
                    },
                )
            }
            (
                State::Mschapv2Answer { identity, response },
                Answer::ExpiredNtHash { nt_hash, reason },
            ) => match verified(&identity, &response, &nt_hash) {
                Some(_) => {
                    let identifier = response.identifier;
                    let challenge = say_error(identifier, Error::PasswordExpired, tls, context);
                    let expired = Expired::new(identity, challenge, nt_hash, reason);
                    self.state = State::Change(Box::new(expired));
                    Inner::Flush
                }
                None => Inner::Failure(reason::WRONG_PASSWORD.reason()),
            },
            (State::Mschapv2Answer { identity, response }, Answer::NtHash(nt_hash)) => {
                self.verify(identity, &response, &nt_hash, tls)
            }
            _ => Inner::Failure(reason::WRONG_ANSWER.reason()),
        }
    }
}

impl Ttls {
    fn attributes(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner {
        let read = avp::parse(data).map_err(|fault| reason::AVP_MALFORMED.with(fault));
        let credentials = read.and_then(|avps| credentials::read(tls, &avps, context.settings));
        match credentials {
            Ok(Credentials::Eap(packet)) => {
                let mut eap = InnerPackets::new(context.settings.inner_eap());
                let step = eap.begin(&packet, context);
                self.proceed(eap, step, tls)
            }
            Ok(Credentials::Of { identity, proof }) => self.ask(identity, proof),
            Err(reason) => Inner::Failure(reason),
        }
    }

    /// Asks the world what it takes to check a proof.
    fn ask(&mut self, identity: String, proof: credentials::Proof) -> Inner {
        use credentials::Proof;
        let user = identity.clone();
        Inner::Ask(match proof {
            Proof::Pap(password) => {
                self.state = State::PasswordAnswer {
                    identity,
                    password: password.clone(),
                };
                Question::Password {
                    user,
                    password,
                    // The supplicant says everything at once.
                    can_ask_for_code: false,
                }
            }
            Proof::Chap {
                identifier,
                challenge,
                response,
            } => {
                self.state = State::ChapAnswer { identity };
                Question::Chap {
                    user,
                    identifier,
                    challenge,
                    response,
                }
            }
            Proof::Mschap(response) => {
                self.state = State::MschapAnswer { identity, response };
                Question::NtHash { user }
            }
            Proof::Mschapv2(response) => {
                let response = Box::new(response);
                self.state = State::Mschapv2Answer { identity, response };
                Question::NtHash { user }
            }
        })
    }

    fn verify(
        &mut self,
        identity: String,
        response: &Mschapv2Response,
        nt_hash: &[u8; 16],
        tls: &mut Tls,
    ) -> Inner {
        let Some(proof) = verified(&identity, response, nt_hash) else {
            return Inner::Failure(reason::WRONG_PASSWORD.reason());
        };
        self.succeed(identity, response.identifier, &proof, tls)
    }

    fn succeed(&mut self, identity: String, identifier: u8, proof: &str, tls: &mut Tls) -> Inner {
        let mut data = vec![identifier];
        data.extend_from_slice(proof.as_bytes());
        let mut message = Vec::new();
        avp::push(&mut message, avp::MICROSOFT, avp::MS_CHAP2_SUCCESS, &data);
        tls.write(&message);
        self.state = State::SuccessAcknowledgement { identity };
        Inner::Flush
    }

    /// Does what the inner EAP method wants. Its success needs no word of its own here, and neither does its failure:
    /// the EAP-Success or EAP-Failure outside says it (RFC 5281 section 11.2.1).
    fn proceed(&mut self, mut eap: InnerPackets, step: InnerStep, tls: &mut Tls) -> Inner {
        match step {
            InnerStep::Request { eap_type, data } => {
                tls.write(&eap::attribute(&eap.request(eap_type, &data)));
                self.state = State::Eap(eap);
                Inner::Flush
            }
            InnerStep::Ask(question) => {
                self.state = State::EapAnswer(eap);
                Inner::Ask(question)
            }
            InnerStep::Success(success) => Inner::Authenticated(Proven {
                second_factor: success.second_factor,
                certificates: success.certificates,
                ..Proven::new(success.identity, name(success.method))
            }),
            InnerStep::Failure(reason) | InnerStep::Broken(reason) => Inner::Failure(reason),
        }
    }
}

/// Says MS-CHAP-Error, and with which challenge.
fn say_error(identifier: u8, error: Error, tls: &mut Tls, context: &mut Context<'_>) -> [u8; 16] {
    let mut challenge = [0; 16];
    (context.random)(&mut challenge);
    let mut data = vec![identifier];
    data.extend_from_slice(messages::failure_text(error, &challenge).as_bytes());
    let mut message = Vec::new();
    avp::push(&mut message, avp::MICROSOFT, avp::MS_CHAP_ERROR, &data);
    tls.write(&message);
    challenge
}

fn verified(identity: &str, response: &Mschapv2Response, nt_hash: &[u8; 16]) -> Option<String> {
    mschapv2::verify(
        nt_hash,
        &response.challenge,
        &response.peer_challenge,
        identity,
        &response.nt_response,
    )
}

fn authenticated(identity: String, inner: InnerMethod) -> Inner {
    Inner::Authenticated(Proven::new(identity, name(inner)))
}

/// The name under which a login is recorded.
fn name(inner: InnerMethod) -> &'static str {
    match inner {
        InnerMethod::EapMschapv2 => "TTLS-EAP-MSCHAPv2",
        InnerMethod::EapGtc => "TTLS-EAP-GTC",
        InnerMethod::EapTls => "TTLS-EAP-TLS",
        InnerMethod::Pap => "TTLS-PAP",
        InnerMethod::Chap => "TTLS-CHAP",
        InnerMethod::Mschap => "TTLS-MSCHAP",
        InnerMethod::Mschapv2 => "TTLS-MSCHAPv2",
    }
}

/// A refusal for what a supplicant uses and this server does not offer.
fn not_offered(what: impl std::fmt::Display) -> Reason {
    reason::INNER_UNSUPPORTED.with(what)
}
