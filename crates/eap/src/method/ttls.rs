//! EAP-TTLSv0 after the handshake, with PAP or MS-CHAPv2 inside (RFC 5281 sections 10 and 11).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::avp::{self, Avp};
use super::tls::COMMITMENT;
use super::{Context, Inner, Phase2};
use crate::keys;
use crate::mschapv2;
use crate::reason::{self, Reason};
use crate::step::{Answer, Question};
use crate::tls::{Tls, Version};

const PAP: &str = "TTLS-PAP";
const MSCHAPV2: &str = "TTLS-MSCHAPv2";
/// As long as the user name of RADIUS may be.
const IDENTITY_LIMIT: usize = 253;

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
    /// The NT hash.
    NtHashAnswer(Box<Pending>),
    /// The acknowledgement of MS-CHAP2-Success.
    SuccessAcknowledgement { identity: String },
}

/// A response whose NT hash is being looked up.
struct Pending {
    identity: String,
    identifier: u8,
    challenge: [u8; 16],
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
}

#[derive(Default)]
pub(super) struct Ttls {
    state: State,
}

impl Phase2 for Ttls {
    fn established(&mut self, tls: &mut Tls, early: &[u8], _: &mut Context<'_>) -> Inner {
        if !early.is_empty() {
            return self.attributes(tls, early);
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

    fn received(&mut self, tls: &mut Tls, data: &[u8], _: &mut Context<'_>) -> Inner {
        match std::mem::take(&mut self.state) {
            State::ResumedAcknowledgement if data.is_empty() => Inner::Resumed,
            State::Attributes | State::ResumedAcknowledgement => self.attributes(tls, data),
            State::SuccessAcknowledgement { identity } if data.is_empty() => Inner::Authenticated {
                identity,
                method: MSCHAPV2,
            },
            _ => Inner::Failure(reason::UNEXPECTED_DATA.with("more attributes")),
        }
    }

    fn answered(&mut self, tls: &mut Tls, answer: Answer, _: &mut Context<'_>) -> Inner {
        match (std::mem::take(&mut self.state), answer) {
            (_, Answer::Refused(reason)) => Inner::Failure(reason),
            (State::PasswordAnswer { identity, .. }, Answer::Accepted) => Inner::Authenticated {
                identity,
                method: PAP,
            },
            (State::PasswordAnswer { identity, password }, Answer::NtHash(expected)) => {
                let right = std::str::from_utf8(&password)
                    .is_ok_and(|password| mschapv2::nt_hash(password).ct_eq(&*expected).into());
                if right {
                    Inner::Authenticated {
                        identity,
                        method: PAP,
                    }
                } else {
                    Inner::Failure(reason::WRONG_PASSWORD_PAP.reason())
                }
            }
            (State::NtHashAnswer(pending), Answer::NtHash(nt_hash)) => {
                self.verify(*pending, &nt_hash, tls)
            }
            _ => Inner::Failure(reason::WRONG_ANSWER.reason()),
        }
    }
}

impl Ttls {
    fn attributes(&mut self, tls: &Tls, data: &[u8]) -> Inner {
        match self.question(tls, data) {
            Ok(question) => Inner::Ask(question),
            Err(reason) => Inner::Failure(reason),
        }
    }

    fn question(&mut self, tls: &Tls, data: &[u8]) -> Result<Question, Reason> {
        let avps = avp::parse(data).map_err(|fault| reason::AVP_MALFORMED.with(fault))?;
        let find = |vendor, code| {
            avps.iter()
                .find(|avp| avp.vendor == vendor && avp.code == code)
                .map(|avp| avp.data)
        };
        if let Some(method) = avps.iter().find_map(unsupported) {
            return Err(reason::INNER_UNSUPPORTED.with(method));
        }
        if let Some(unknown) = avps.iter().find(|avp| avp.mandatory && !is_known(avp)) {
            let Avp { vendor, code, .. } = unknown;
            let fault = format!("the mandatory attribute {code} of vendor {vendor} is unknown");
            return Err(reason::AVP_MALFORMED.with(fault));
        }
        let name = find(0, avp::USER_NAME);
        let name = name.ok_or_else(|| reason::CREDENTIALS_MISSING.reason())?;
        if name.len() > IDENTITY_LIMIT {
            return Err(reason::IDENTITY_TOO_LONG.with(name.len()));
        }
        let identity = String::from_utf8_lossy(name).into_owned();
        let user = identity.clone();
        if let Some(response) = find(avp::MICROSOFT, avp::MS_CHAP2_RESPONSE) {
            let challenge = find(avp::MICROSOFT, avp::MS_CHAP_CHALLENGE);
            let pending = mschapv2_response(tls, identity, challenge, response)?;
            self.state = State::NtHashAnswer(Box::new(pending));
            return Ok(Question::NtHash { user });
        }
        let password = find(0, avp::USER_PASSWORD);
        let password = password.ok_or_else(|| reason::CREDENTIALS_MISSING.reason())?;
        // RFC 5281 section 11.2.5: padded with NUL to a multiple of 16.
        let end = password
            .iter()
            .rposition(|octet| *octet != 0)
            .map_or(0, |last| last + 1);
        let password = Zeroizing::new(password.get(..end).unwrap_or_default().to_vec());
        self.state = State::PasswordAnswer {
            identity,
            password: password.clone(),
        };
        Ok(Question::Password { user, password })
    }

    fn verify(&mut self, pending: Pending, nt_hash: &[u8; 16], tls: &mut Tls) -> Inner {
        let verified = mschapv2::verify(
            nt_hash,
            &pending.challenge,
            &pending.peer_challenge,
            &pending.identity,
            &pending.nt_response,
        );
        let Some(response) = verified else {
            return Inner::Failure(reason::WRONG_PASSWORD.reason());
        };
        let mut data = vec![pending.identifier];
        data.extend_from_slice(response.as_bytes());
        let mut message = Vec::new();
        avp::push(&mut message, avp::MICROSOFT, avp::MS_CHAP2_SUCCESS, &data);
        tls.write(&message);
        self.state = State::SuccessAcknowledgement {
            identity: pending.identity,
        };
        Inner::Flush
    }
}

/// Reads MS-CHAP2-Response (RFC 2548 section 2.3.2) and compares the challenge with the one that
/// both sides derive from TLS, so that no other session's response can be replayed.
fn mschapv2_response(
    tls: &Tls,
    identity: String,
    challenge: Option<&[u8]>,
    response: &[u8],
) -> Result<Pending, Reason> {
    let malformed = |fault: &str| reason::MSCHAPV2_MALFORMED.with(fault);
    let (expected, expected_identifier) = keys::ttls_challenge(tls)?;
    if response.len() != 50 {
        return Err(malformed("the response is not 50 octets long"));
    }
    let cut_off = || malformed("the response is cut off");
    let (&[identifier, _flags], rest) = response.split_first_chunk().ok_or_else(cut_off)?;
    let (peer_challenge, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
    let (_reserved, rest) = rest.split_first_chunk::<8>().ok_or_else(cut_off)?;
    let nt_response = rest.first_chunk().ok_or_else(cut_off)?;
    let matches = challenge.is_some_and(|challenge| challenge.ct_eq(&expected).into());
    if !matches || identifier != expected_identifier {
        return Err(reason::CHALLENGE_MISMATCH.reason());
    }
    Ok(Pending {
        identity,
        identifier,
        challenge: expected,
        peer_challenge: *peer_challenge,
        nt_response: *nt_response,
    })
}

/// The inner method that an attribute stands for, if it is one that is not served.
fn unsupported(avp: &Avp<'_>) -> Option<&'static str> {
    match (avp.vendor, avp.code) {
        (0, avp::EAP_MESSAGE) => Some("EAP"),
        (0, avp::CHAP_PASSWORD | avp::CHAP_CHALLENGE) => Some("CHAP"),
        (avp::MICROSOFT, avp::MS_CHAP_RESPONSE) => Some("MS-CHAP (version 1)"),
        _ => None,
    }
}

fn is_known(avp: &Avp<'_>) -> bool {
    matches!(
        (avp.vendor, avp.code),
        (0, avp::USER_NAME | avp::USER_PASSWORD)
            | (
                avp::MICROSOFT,
                avp::MS_CHAP_CHALLENGE | avp::MS_CHAP2_RESPONSE
            )
    )
}
