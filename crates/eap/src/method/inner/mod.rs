//! EAP inside a tunnel, as the server plays it: identity, proposed method, NAK, method, keys.
//!
//! The tunnels differ in how they wrap it (PEAP leaves the header out, EAP-TTLS puts a packet into an attribute),
//! so this engine sees and yields a type and its data. EAP-MSCHAPv2 and EAP-GTC exist here only: outside of a
//! tunnel they give the password away.

mod gtc;
mod mschapv2;
mod packets;

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use self::gtc::Gtc;
use self::mschapv2::Mschapv2;
use super::{Context, Next, TlsMethod};
use crate::fragment::START_DATA;
use crate::packet::{self, Body, Wanted, eap_type, wanted_types};
use crate::reason::{self, Reason};
use crate::settings::InnerMethod;
use crate::step::{Answer, Question};

pub(crate) use self::gtc::password_matches;
pub(crate) use self::packets::{InnerPackets, identity_of};

/// As long as the user name of RADIUS may be.
pub(crate) const IDENTITY_LIMIT: usize = 253;
/// What a link always carries (RFC 3748 section 3.1). The tunnel cuts up what its own link does not.
const SMALLEST_MTU: usize = 1020;
/// What the tunnel adds to a packet: framing, TLS records, an attribute's header.
const TUNNEL_OVERHEAD: usize = 80;

/// What the engine wants next.
pub(crate) enum InnerStep {
    /// Send this request.
    Request { eap_type: u8, data: Vec<u8> },
    /// Ask the world.
    Ask(Question),
    /// The supplicant is authenticated.
    Success(InnerSuccess),
    /// It is not, in good order: where the tunnel has words for that, they may be said.
    Failure(Reason),
    /// It broke the protocol. Nothing more is said.
    Broken(Reason),
}

/// What an inner method proved, and its keys.
pub(crate) struct InnerSuccess {
    pub(crate) method: InnerMethod,
    pub(crate) identity: String,
    /// A code of an authenticator app was checked as well, in EAP-GTC.
    pub(crate) second_factor: bool,
    /// Empty but for EAP-TLS.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// The first octets of the MSK; `None` for EAP-GTC, which has no keys.
    pub(crate) msk: Option<Zeroizing<[u8; 32]>>,
    /// The EMSK, which only EAP-TLS has.
    pub(crate) emsk: Option<Zeroizing<[u8; 64]>>,
}

/// One inner authentication.
pub(crate) struct InnerEap {
    /// Methods that the supplicant has not refused yet.
    untried: Vec<InnerMethod>,
    identity: String,
    state: State,
}

enum State {
    /// The identity was requested.
    Identity,
    /// A method's first request was sent and not answered, so the supplicant may refuse it.
    Proposed(Running),
    Running(Running),
    Over,
}

enum Running {
    Mschapv2(Mschapv2),
    Gtc(Gtc),
    Tls(Box<TlsMethod>),
}

impl InnerEap {
    /// Awaits the identity. `offered` are EAP methods, the preferred one first.
    pub(crate) fn new(offered: Vec<InnerMethod>) -> Self {
        Self {
            untried: offered,
            identity: String::new(),
            state: State::Identity,
        }
    }

    /// Takes a response.
    pub(crate) fn receive(&mut self, body: Body<'_>, context: &mut Context<'_>) -> InnerStep {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Identity if body.eap_type == eap_type::IDENTITY => {
                if body.data.len() > IDENTITY_LIMIT {
                    return InnerStep::Broken(reason::IDENTITY_TOO_LONG.with(body.data.len()));
                }
                self.identity = String::from_utf8_lossy(body.data).into_owned();
                match self.untried.first() {
                    Some(method) => self.propose(*method, context),
                    None => InnerStep::Failure(reason::NO_INNER_METHOD.reason()),
                }
            }
            State::Identity => InnerStep::Broken(wrong_type(eap_type::IDENTITY, body.eap_type)),
            State::Proposed(running) if body.eap_type != running.eap_type() => {
                match wanted_types(body) {
                    Some(wanted) => self.negative(&wanted, context),
                    None => InnerStep::Broken(wrong_type(running.eap_type(), body.eap_type)),
                }
            }
            State::Proposed(running) | State::Running(running)
                if body.eap_type == running.eap_type() =>
            {
                self.run(running, body.data, context)
            }
            State::Proposed(running) | State::Running(running) => {
                InnerStep::Broken(wrong_type(running.eap_type(), body.eap_type))
            }
            State::Over => InnerStep::Broken(reason::UNEXPECTED_DATA.with("an EAP packet")),
        }
    }

    /// Takes the world's answer.
    pub(crate) fn answered(&mut self, answer: Answer, context: &mut Context<'_>) -> InnerStep {
        let State::Running(running) = &mut self.state else {
            return InnerStep::Broken(reason::WRONG_ANSWER.reason());
        };
        match running {
            Running::Mschapv2(method) => {
                let step = method.answered(answer, context.random);
                *context.refusal = method.refusal().cloned();
                step
            }
            Running::Gtc(method) => method.answered(&self.identity, answer),
            Running::Tls(_) => InnerStep::Broken(reason::WRONG_ANSWER.reason()),
        }
    }

    /// Sends a method's first request.
    fn propose(&mut self, method: InnerMethod, context: &mut Context<'_>) -> InnerStep {
        self.untried.retain(|other| *other != method);
        let (running, data) = match method {
            InnerMethod::EapMschapv2 => {
                let (method, challenge) = Mschapv2::begin(context.identifier, context.random);
                (Running::Mschapv2(method), challenge)
            }
            InnerMethod::EapGtc => (Running::Gtc(Gtc::default()), gtc::PROMPT.to_vec()),
            InnerMethod::EapTls => {
                let room = context.eap_mtu.saturating_sub(TUNNEL_OVERHEAD);
                let eap_mtu = room.max(SMALLEST_MTU);
                match TlsMethod::inside(context.settings, eap_mtu, context.unix_time) {
                    Ok(method) => (Running::Tls(Box::new(method)), START_DATA.to_vec()),
                    Err(reason) => return InnerStep::Failure(reason),
                }
            }
            // No tunnel offers these here: they are no EAP.
            InnerMethod::Pap | InnerMethod::Chap | InnerMethod::Mschap | InnerMethod::Mschapv2 => {
                return InnerStep::Failure(reason::NO_INNER_METHOD.reason());
            }
        };
        let eap_type = running.eap_type();
        self.state = State::Proposed(running);
        InnerStep::Request { eap_type, data }
    }

    /// The supplicant refused the proposed method (RFC 3748 section 5.3).
    fn negative(&mut self, wanted: &[Wanted], context: &mut Context<'_>) -> InnerStep {
        let acceptable = |method: &&InnerMethod| {
            method
                .eap_type()
                .is_some_and(|number| wanted.contains(&Wanted::Type(number)))
        };
        match self.untried.iter().find(acceptable) {
            Some(method) => self.propose(*method, context),
            None => InnerStep::Failure(reason::INNER_NAK.with(packet::wanted_text(wanted))),
        }
    }

    fn run(&mut self, mut running: Running, data: &[u8], context: &mut Context<'_>) -> InnerStep {
        let step = match &mut running {
            Running::Mschapv2(method) => method.receive(&self.identity, data),
            Running::Gtc(method) => method.receive(&self.identity, data),
            Running::Tls(method) => {
                let mut inside = Context {
                    settings: context.settings,
                    eap_mtu: context.eap_mtu,
                    identity: &self.identity,
                    unix_time: context.unix_time,
                    identifier: context.identifier,
                    random: &mut *context.random,
                    refusal: &mut *context.refusal,
                };
                let next = method.receive(data, &mut inside);
                certificate_step(method, next, &self.identity)
            }
        };
        self.state = State::Running(running);
        step
    }
}

impl Running {
    fn eap_type(&self) -> u8 {
        match self {
            Self::Mschapv2(_) => eap_type::MSCHAPV2,
            Self::Gtc(_) => eap_type::GTC,
            Self::Tls(_) => eap_type::TLS,
        }
    }
}

/// What the tunnel has to do after a step of EAP-TLS inside it.
fn certificate_step(method: &TlsMethod, next: Next, identity: &str) -> InnerStep {
    match next {
        Next::Request(data) => InnerStep::Request {
            eap_type: eap_type::TLS,
            data,
        },
        Next::Success(_) => match method.keys() {
            Ok(keys) => {
                let mut msk = Zeroizing::new([0; 32]);
                let first = keys.msk.first_chunk::<32>();
                msk.copy_from_slice(first.unwrap_or(&[0; 32]));
                InnerStep::Success(InnerSuccess {
                    method: InnerMethod::EapTls,
                    identity: identity.to_owned(),
                    second_factor: false,
                    certificates: method.tls().certificates(),
                    msk: Some(msk),
                    emsk: Some(keys.emsk),
                })
            }
            Err(reason) => InnerStep::Failure(reason),
        },
        Next::Failure(reason) => InnerStep::Failure(reason),
        Next::Ask(_) => InnerStep::Broken(reason::WRONG_ANSWER.reason()),
    }
}

fn wrong_type(expected: u8, found: u8) -> Reason {
    let (expected, found) = (packet::type_name(expected), packet::type_name(found));
    Reason {
        sentence: format!("the supplicant answered {expected} with {found}"),
        ..reason::WRONG_TYPE.reason()
    }
}
