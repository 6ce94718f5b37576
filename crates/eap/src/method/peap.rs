//! PEAPv0 after the handshake, with EAP-MSCHAPv2 inside ([MS-PEAP], draft-kamath).
//!
//! Inner EAP packets travel without their header, except the extensions that carry TLVs.

use super::mschapv2::{self, Message, Response};
use super::{Context, Inner, Phase2};
use crate::mschapv2 as crypto;
use crate::packet::{self, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::step::{Answer, Question};
use crate::tls::{Tls, Version};

/// The name under which the login is recorded.
const METHOD: &str = "PEAP-MSCHAPv2";
/// As long as the user name of RADIUS may be.
const IDENTITY_LIMIT: usize = 253;

/// The state inside the tunnel, named by what is awaited.
#[derive(Default)]
enum State {
    /// The empty acknowledgement of the server's Finished, on TLS 1.2.
    #[default]
    Acknowledgement,
    Identity,
    /// The response to a challenge.
    Response {
        identity: String,
        identifier: u8,
        challenge: [u8; 16],
    },
    /// The NT hash.
    Answer(Box<Pending>),
    /// The acknowledgement of MS-CHAPv2's success.
    SuccessAcknowledgement {
        identity: String,
    },
    /// The acknowledgement of MS-CHAPv2's failure.
    FailureAcknowledgement(Reason),
    /// The peer's Result TLV, after success.
    SuccessResult {
        identity: String,
    },
    /// The peer's Result TLV, after resumption.
    ResumedResult,
    /// The peer's Result TLV, after failure; anything will do.
    FailureResult(Reason),
}

/// A response whose NT hash is being looked up.
struct Pending {
    identity: String,
    name: Vec<u8>,
    identifier: u8,
    challenge: [u8; 16],
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
}

#[derive(Default)]
pub(super) struct Peap {
    state: State,
}

impl Phase2 for Peap {
    fn established(&mut self, tls: &mut Tls, early: &[u8], context: &mut Context<'_>) -> Inner {
        if !early.is_empty() {
            return Inner::Failure(reason::UNEXPECTED_DATA.with("application data"));
        }
        if tls.is_resumed() {
            return self.send_result(tls, context, true, State::ResumedResult);
        }
        match tls.version() {
            // The first request rides with the session ticket.
            Version::Tls13 => self.request_identity(tls),
            Version::Tls12 => Inner::Flush,
        }
    }

    fn received(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner {
        match std::mem::take(&mut self.state) {
            State::Acknowledgement if data.is_empty() => self.request_identity(tls),
            State::Acknowledgement => {
                Inner::Failure(reason::UNEXPECTED_DATA.with("application data"))
            }
            State::FailureResult(reason) => Inner::Failure(reason),
            State::ResumedResult => match result(data) {
                Ok(true) => Inner::Resumed,
                // It does not want to resume after all: a whole login inside the tunnel.
                Ok(false) => self.request_identity(tls),
                Err(reason) => Inner::Failure(reason),
            },
            State::SuccessResult { identity } => match result(data) {
                Ok(true) => Inner::Authenticated {
                    identity,
                    method: METHOD,
                },
                Ok(false) => Inner::Failure(reason::TUNNEL_RESULT.reason()),
                Err(reason) => Inner::Failure(reason),
            },
            state => match method_data(data) {
                Ok((eap_type, data)) => self.method(state, eap_type, data, tls, context),
                Err(reason) => Inner::Failure(reason),
            },
        }
    }

    fn answered(&mut self, tls: &mut Tls, answer: Answer, context: &mut Context<'_>) -> Inner {
        let State::Answer(pending) = std::mem::take(&mut self.state) else {
            return Inner::Failure(reason::WRONG_ANSWER.reason());
        };
        let refusal = match answer {
            Answer::NtHash(nt_hash) => {
                let verified = crypto::verify(
                    &nt_hash,
                    &pending.challenge,
                    &pending.peer_challenge,
                    &pending.name,
                    &pending.nt_response,
                );
                if let Some(response) = verified {
                    let message = mschapv2::success(pending.identifier, &response);
                    let identity = pending.identity;
                    return self.send(tls, &message, State::SuccessAcknowledgement { identity });
                }
                reason::WRONG_PASSWORD.reason()
            }
            Answer::Refused(reason) => reason,
            Answer::Accepted => reason::WRONG_ANSWER.reason(),
        };
        let mut challenge = [0; 16];
        (context.random)(&mut challenge);
        let message = mschapv2::failure(pending.identifier, &challenge);
        self.send(tls, &message, State::FailureAcknowledgement(refusal))
    }
}

impl Peap {
    /// A response of an inner method.
    fn method(
        &mut self,
        state: State,
        eap_type: u8,
        data: &[u8],
        tls: &mut Tls,
        context: &mut Context<'_>,
    ) -> Inner {
        match (state, eap_type) {
            (State::Identity, eap_type::IDENTITY) => {
                if data.len() > IDENTITY_LIMIT {
                    return Inner::Failure(reason::IDENTITY_TOO_LONG.with(data.len()));
                }
                let identity = String::from_utf8_lossy(data).into_owned();
                let identifier = context.identifier;
                let mut challenge = [0; 16];
                (context.random)(&mut challenge);
                let message = mschapv2::challenge(identifier, &challenge);
                self.send(
                    tls,
                    &message,
                    State::Response {
                        identity,
                        identifier,
                        challenge,
                    },
                )
            }
            (State::Response { .. }, eap_type::NAK) => {
                let wanted = wanted(data);
                let failure = State::FailureResult(reason::INNER_NAK.with(wanted));
                self.send_result(tls, context, false, failure)
            }
            (
                State::Response {
                    identity,
                    identifier,
                    challenge,
                },
                eap_type::MSCHAPV2,
            ) => match Message::parse(data) {
                Ok(Message::Response {
                    identifier: answered,
                    response,
                }) if answered == identifier => {
                    self.response(identity, identifier, challenge, &response, tls, context)
                }
                Ok(_) => Inner::Failure(
                    reason::MSCHAPV2_MALFORMED.with("it is not the response to the challenge"),
                ),
                Err(fault) => Inner::Failure(reason::MSCHAPV2_MALFORMED.with(fault)),
            },
            (State::SuccessAcknowledgement { identity }, eap_type::MSCHAPV2) => {
                match Message::parse(data) {
                    Ok(Message::Success { .. }) => {
                        self.send_result(tls, context, true, State::SuccessResult { identity })
                    }
                    // It does not believe that we know the password.
                    Ok(Message::Failure { .. }) => {
                        let failure = State::FailureResult(reason::TUNNEL_RESULT.reason());
                        self.send_result(tls, context, false, failure)
                    }
                    Ok(_) => Inner::Failure(
                        reason::MSCHAPV2_MALFORMED.with("it does not acknowledge the success"),
                    ),
                    Err(fault) => Inner::Failure(reason::MSCHAPV2_MALFORMED.with(fault)),
                }
            }
            // Whatever it says to a failure, the answer is the same.
            (State::FailureAcknowledgement(reason), _) => {
                self.send_result(tls, context, false, State::FailureResult(reason))
            }
            (State::Identity, other) => wrong_type(eap_type::IDENTITY, other),
            (_, other) => wrong_type(eap_type::MSCHAPV2, other),
        }
    }

    fn response(
        &mut self,
        identity: String,
        identifier: u8,
        challenge: [u8; 16],
        response: &Response<'_>,
        tls: &mut Tls,
        context: &Context<'_>,
    ) -> Inner {
        if !mschapv2::same_account(response.name, &identity) {
            let failure = State::FailureResult(reason::NAME_MISMATCH.reason());
            return self.send_result(tls, context, false, failure);
        }
        let question = Question::NtHash {
            user: identity.clone(),
        };
        self.state = State::Answer(Box::new(Pending {
            identity,
            name: response.name.to_vec(),
            identifier,
            challenge,
            peer_challenge: response.peer_challenge,
            nt_response: response.nt_response,
        }));
        Inner::Ask(question)
    }

    fn request_identity(&mut self, tls: &mut Tls) -> Inner {
        self.state = State::Identity;
        tls.write(&[eap_type::IDENTITY]);
        Inner::Flush
    }

    /// Sends an EAP-MSCHAPv2 request, without its header.
    fn send(&mut self, tls: &mut Tls, message: &[u8], next: State) -> Inner {
        self.state = next;
        tls.write(&[&[eap_type::MSCHAPV2], message].concat());
        Inner::Flush
    }

    /// Sends a Result TLV, with its header.
    fn send_result(
        &mut self,
        tls: &mut Tls,
        context: &Context<'_>,
        success: bool,
        next: State,
    ) -> Inner {
        self.state = next;
        let tlv = result_tlv(success);
        tls.write(&packet::request(context.identifier, eap_type::TLV, &tlv));
        Inner::Flush
    }
}

/// The Result TLV: mandatory, type 3, two octets ([MS-PEAP] section 2.2.8.1.2).
pub(crate) fn result_tlv(success: bool) -> [u8; 6] {
    [0x80, RESULT as u8, 0, 2, 0, if success { 1 } else { 2 }]
}

const RESULT: u16 = 3;
const MANDATORY: u16 = 0x8000;
const TYPE_MASK: u16 = 0x3fff;

/// Reads the TLVs of an extensions message; whether the result is success.
pub(crate) fn read_result(mut tlvs: &[u8]) -> Result<bool, String> {
    let mut result = None;
    while !tlvs.is_empty() {
        let (&[t0, t1, l0, l1], rest) = tlvs
            .split_first_chunk()
            .ok_or("the header of a TLV is cut off")?;
        let (kind, length) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([l0, l1]));
        let (value, rest) = rest
            .split_at_checked(usize::from(length))
            .ok_or("a TLV is cut off")?;
        match (kind & TYPE_MASK, value) {
            (RESULT, _) if result.is_some() => return Err("there are two results".to_owned()),
            (RESULT, [0, 1]) => result = Some(true),
            (RESULT, [0, 2]) => result = Some(false),
            (RESULT, _) => return Err("the result is neither success nor failure".to_owned()),
            (other, _) if kind & MANDATORY != 0 => {
                return Err(format!("the mandatory TLV {other} is unknown"));
            }
            _ => {}
        }
        tlvs = rest;
    }
    result.ok_or_else(|| "there is no result".to_owned())
}

/// The peer's result.
fn result(data: &[u8]) -> Result<bool, Reason> {
    let malformed = |fault: String| reason::TLV_MALFORMED.with(fault);
    let packet = Packet::parse(data).map_err(malformed)?;
    match packet.body {
        Some(body) if packet.code == Code::Response && body.eap_type == eap_type::TLV => {
            read_result(body.data).map_err(malformed)
        }
        _ => Err(malformed("it is not an extensions response".to_owned())),
    }
}

/// The type and data of an inner response, which has no header.
fn method_data(data: &[u8]) -> Result<(u8, &[u8]), Reason> {
    data.split_first()
        .map(|(eap_type, data)| (*eap_type, data))
        .ok_or_else(|| reason::UNEXPECTED_DATA.with("an empty message"))
}

fn wanted(types: &[u8]) -> String {
    let names: Vec<String> = types
        .iter()
        .filter(|number| **number != 0)
        .map(|n| packet::type_name(*n))
        .collect();
    if names.is_empty() {
        "no method".to_owned()
    } else {
        names.join(" or ")
    }
}

fn wrong_type(expected: u8, found: u8) -> Inner {
    let (expected, found) = (packet::type_name(expected), packet::type_name(found));
    let sentence = format!("the supplicant answered {expected} with {found}");
    Inner::Failure(Reason {
        sentence,
        ..reason::WRONG_TYPE.reason()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read() {
        assert_eq!(read_result(&result_tlv(true)), Ok(true));
        assert_eq!(read_result(&result_tlv(false)), Ok(false));
        // An optional TLV that we do not know may stand beside it.
        assert_eq!(read_result(&[0, 9, 0, 1, 7, 0x80, 3, 0, 2, 0, 1]), Ok(true));
    }

    #[test]
    fn malformed_tlvs_are_refused() {
        for bad in [
            &[][..],
            &[0x80],
            &[0x80, 3, 0],
            &[0x80, 3, 0, 2],
            &[0x80, 3, 0, 2, 0],
            &[0x80, 3, 0, 1, 1],
            &[0x80, 3, 0, 2, 0, 0],
            &[0x80, 3, 0, 2, 0, 3],
            &[0x80, 3, 0xff, 0xff, 0, 1],
            &[0x80, 3, 0, 2, 0, 1, 0x80, 3, 0, 2, 0, 1],
            &[0x80, 12, 0, 0, 0x80, 3, 0, 2, 0, 1],
            &[0, 9, 0, 1, 7],
        ] {
            assert!(read_result(bad).is_err(), "{bad:?}");
        }
    }
}
