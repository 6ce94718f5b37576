//! TEAPv1 after the handshake (RFC 9930): the machine authenticates, then the user, and each is bound to the tunnel.
//!
//! The server asks for the machine first. A supplicant that has none answers with its user, and one that has no
//! user leaves that out. What a credential really proves, the caller reads from the credential.

pub(crate) mod keys;
pub(crate) mod outer;
pub(crate) mod tlv;

use zeroize::Zeroizing;

use self::keys::{Chain, InnerKeys, OuterTlvs};
use self::tlv::{MACHINE, Tlvs, USER};
use super::inner::{
    IDENTITY_LIMIT, InnerPackets, InnerStep, InnerSuccess, identity_of, password_matches,
};
use super::{Context, Inner, MachineProof, Phase2, Proven};
use crate::keys::CompoundKeys;
use crate::reason::{self, Reason};
use crate::settings::{InnerMethod, Settings};
use crate::step::{Answer, Question};
use crate::tls::{Tls, Version};

/// What a supplicant may show to its user.
const PROMPT: &[u8] = b"Password";

/// The state inside the tunnel, named by what is awaited.
#[derive(Default)]
enum State {
    /// The empty acknowledgement of the server's Finished, on TLS 1.2.
    #[default]
    Acknowledgement,
    /// A response of an inner EAP method.
    Method(Authentication),
    /// The world's answer to it.
    Answer(Authentication),
    /// A password.
    Password,
    /// The world's answer to it.
    PasswordAnswer {
        identity: String,
        password: Zeroizing<Vec<u8>>,
    },
    /// The peer's Result TLV, after success or resumption.
    Result { resumed: bool },
    /// The peer's Result TLV, after failure; anything will do.
    FailureResult(Reason),
}

/// One EAP authentication.
struct Authentication {
    packets: InnerPackets,
    /// What was asked for, and then what the peer said that it is.
    identity_type: u16,
    /// The identity came.
    begun: bool,
}

/// Who was proven so far.
struct Identity {
    identity_type: u16,
    proven: Proven,
}

#[derive(Default)]
pub(super) struct Teap {
    state: State,
    outer: OuterTlvs,
    chain: Option<Chain>,
    /// Of the binding that the peer has not answered yet.
    nonce: Option<[u8; 32]>,
    /// A method ran before that binding, so that its result belongs to it.
    intermediate: bool,
    identities: Vec<Identity>,
    compound_keys: Option<CompoundKeys>,
}

impl Phase2 for Teap {
    fn established(&mut self, tls: &mut Tls, early: &[u8], context: &mut Context<'_>) -> Inner {
        if !early.is_empty() {
            return Inner::Failure(reason::UNEXPECTED_DATA.with("application data"));
        }
        self.chain = match Chain::new(tls) {
            Ok(chain) => Some(chain),
            Err(reason) => return Inner::Failure(reason),
        };
        if tls.is_resumed() {
            let mut message = Vec::new();
            self.bind(&mut message, context);
            tlv::push_result(&mut message, true);
            return self.send(tls, &message, State::Result { resumed: true });
        }
        match tls.version() {
            // The first request rides with the session ticket.
            Version::Tls13 => self.begin(tls, context),
            Version::Tls12 => Inner::Flush,
        }
    }

    fn received(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner {
        let state = std::mem::take(&mut self.state);
        match state {
            State::Acknowledgement if data.is_empty() => return self.begin(tls, context),
            State::Acknowledgement => {
                return Inner::Failure(reason::UNEXPECTED_DATA.with("application data"));
            }
            State::FailureResult(reason) => return Inner::Failure(reason),
            _ => {}
        }
        let tlvs = match tlv::parse(data) {
            Ok(tlvs) => tlvs,
            Err(fault) => return Inner::Failure(reason::TLV_MALFORMED.with(fault)),
        };
        // The binding comes before everything else (RFC 9930 section 4.3).
        if let Err(reason) = self.bound(&tlvs) {
            return self.fail(tls, reason, tlv::TUNNEL_COMPROMISE, context);
        }
        if tlvs.result == Some(false) || tlvs.intermediate == Some(false) {
            return Inner::Failure(reason::TUNNEL_RESULT.reason());
        }
        match state {
            State::Method(authentication) => self.method(authentication, &tlvs, tls, context),
            State::Password => self.password(&tlvs, tls, context),
            State::Result { resumed } if tlvs.result == Some(true) => self.finish(resumed),
            State::Result { .. } => {
                Inner::Failure(reason::TLV_MALFORMED.with("there is no result"))
            }
            _ => Inner::Failure(reason::WRONG_ANSWER.reason()),
        }
    }

    fn answered(&mut self, tls: &mut Tls, answer: Answer, context: &mut Context<'_>) -> Inner {
        match std::mem::take(&mut self.state) {
            State::Answer(mut authentication) => {
                let step = authentication.packets.answered(answer, context);
                self.proceed(authentication, step, tls, context)
            }
            State::PasswordAnswer { identity, password } => {
                let second_factor = match answer {
                    Answer::Accepted => Ok(false),
                    Answer::AcceptedWithCode => Ok(true),
                    Answer::NtHash(expected) if password_matches(&password, &expected) => Ok(false),
                    Answer::NtHash(_) => Err(reason::WRONG_PASSWORD_PAP.reason()),
                    Answer::Refused(reason) => Err(reason),
                    Answer::CodeNeeded | Answer::ExpiredNtHash { .. } => {
                        Err(reason::WRONG_ANSWER.reason())
                    }
                };
                match second_factor {
                    Ok(second_factor) => {
                        let proven = Proven {
                            second_factor,
                            ..Proven::new(identity, name(InnerMethod::Pap))
                        };
                        self.succeed(USER, proven, &InnerKeys::default(), tls, context)
                    }
                    Err(reason) => self.fail(tls, reason, tlv::INNER_METHOD_ERROR, context),
                }
            }
            _ => Inner::Failure(reason::WRONG_ANSWER.reason()),
        }
    }

    fn compound_keys(&self) -> Option<CompoundKeys> {
        self.compound_keys.clone()
    }

    fn outer_tlvs(&mut self, tlvs: &[u8]) {
        self.outer.peer = tlvs.to_vec();
    }
}

impl Teap {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            outer: OuterTlvs {
                server: outer::server_tlvs(settings),
                peer: Vec::new(),
            },
            ..Self::default()
        }
    }

    /// Asks for the machine by EAP, or at once for the user's password where that is preferred.
    fn begin(&mut self, tls: &mut Tls, context: &Context<'_>) -> Inner {
        let takes = |inner: &&InnerMethod| {
            matches!(
                inner,
                InnerMethod::Pap | InnerMethod::EapMschapv2 | InnerMethod::EapTls
            ) && context.settings.serves_inner(**inner)
        };
        match context.settings.inner_methods.iter().find(takes) {
            Some(InnerMethod::Pap) => self.ask_password(tls, Vec::new()),
            _ => self.ask(MACHINE, Vec::new(), tls, context),
        }
    }

    /// Asks for an identity of this type, behind what `message` holds already.
    fn ask(
        &mut self,
        identity_type: u16,
        mut message: Vec<u8>,
        tls: &mut Tls,
        context: &Context<'_>,
    ) -> Inner {
        let mut packets = InnerPackets::new(context.settings.inner_eap_with_keys());
        tlv::push_identity_type(&mut message, identity_type);
        tlv::push_eap(&mut message, &packets.identity_request());
        let authentication = Authentication {
            packets,
            identity_type,
            begun: false,
        };
        self.send(tls, &message, State::Method(authentication))
    }

    fn ask_password(&mut self, tls: &mut Tls, mut message: Vec<u8>) -> Inner {
        tlv::push_identity_type(&mut message, USER);
        tlv::push_password_request(&mut message, PROMPT);
        self.send(tls, &message, State::Password)
    }

    /// A message while an EAP method runs.
    fn method(
        &mut self,
        mut authentication: Authentication,
        tlvs: &Tlvs<'_>,
        tls: &mut Tls,
        context: &mut Context<'_>,
    ) -> Inner {
        let Some(packet) = tlvs.eap else {
            // Whoever was asked for a user besides, and has none, may refuse the question.
            if !self.identities.is_empty() && !authentication.begun && tlvs.nak.is_some() {
                return self.conclude(tls);
            }
            return Inner::Failure(reason::INNER_EAP_MALFORMED.with("there is none"));
        };
        if !std::mem::replace(&mut authentication.begun, true) {
            let claimed = tlvs.identity_type.unwrap_or(authentication.identity_type);
            let identity = identity_of(packet).unwrap_or_default();
            let again = self
                .identities
                .iter()
                .any(|one| one.identity_type == claimed);
            if !self.identities.is_empty() && (again || identity.is_empty()) {
                return self.conclude(tls);
            }
            authentication.identity_type = claimed;
        }
        let step = authentication.packets.receive(packet, context);
        self.proceed(authentication, step, tls, context)
    }

    /// Does what the inner method wants.
    fn proceed(
        &mut self,
        mut authentication: Authentication,
        step: InnerStep,
        tls: &mut Tls,
        context: &mut Context<'_>,
    ) -> Inner {
        match step {
            InnerStep::Request { eap_type, data } => {
                let mut message = Vec::new();
                let packet = authentication.packets.request(eap_type, &data);
                tlv::push_eap(&mut message, &packet);
                self.send(tls, &message, State::Method(authentication))
            }
            InnerStep::Ask(question) => {
                self.state = State::Answer(authentication);
                Inner::Ask(question)
            }
            InnerStep::Success(success) => {
                let InnerSuccess {
                    method,
                    identity,
                    second_factor,
                    certificates,
                    msk,
                    emsk,
                } = success;
                let proven = Proven {
                    second_factor,
                    certificates,
                    ..Proven::new(identity, name(method))
                };
                let keys = InnerKeys::of(method, msk, emsk);
                self.succeed(authentication.identity_type, proven, &keys, tls, context)
            }
            // It has no EAP method for us, but it may have a password.
            InnerStep::Failure(reason)
                if reason.code == reason::INNER_NAK.code
                    && authentication.identity_type == USER
                    && context.settings.serves_inner(InnerMethod::Pap) =>
            {
                self.ask_password(tls, Vec::new())
            }
            InnerStep::Failure(reason) => self.fail(tls, reason, tlv::INNER_METHOD_ERROR, context),
            InnerStep::Broken(reason) => Inner::Failure(reason),
        }
    }

    fn password(&mut self, tlvs: &Tlvs<'_>, tls: &mut Tls, context: &mut Context<'_>) -> Inner {
        let Some((name, password)) = tlvs.password else {
            return self.fail(
                tls,
                reason::PASSWORD_REFUSED.reason(),
                tlv::INNER_METHOD_ERROR,
                context,
            );
        };
        if name.len() > IDENTITY_LIMIT {
            return Inner::Failure(reason::IDENTITY_TOO_LONG.with(name.len()));
        }
        let identity = String::from_utf8_lossy(name).into_owned();
        let password = Zeroizing::new(password.to_vec());
        let question = Question::Password {
            user: identity.clone(),
            password: password.clone(),
            // One prompt that everybody knows how to answer; a second one is not.
            can_ask_for_code: false,
        };
        self.state = State::PasswordAnswer { identity, password };
        Inner::Ask(question)
    }

    /// Binds what was proven to the tunnel, and goes on to the user or to the end.
    fn succeed(
        &mut self,
        identity_type: u16,
        proven: Proven,
        keys: &InnerKeys,
        tls: &mut Tls,
        context: &mut Context<'_>,
    ) -> Inner {
        let Some(chain) = &mut self.chain else {
            return Inner::Failure(reason::INTERNAL.with("there is no key to bind to"));
        };
        chain.advance(keys);
        let first = self.identities.is_empty();
        self.identities.push(Identity {
            identity_type,
            proven,
        });
        let mut message = Vec::new();
        tlv::push_intermediate(&mut message, true);
        self.bind(&mut message, context);
        self.intermediate = true;
        if first && identity_type == MACHINE {
            return self.ask(USER, message, tls, context);
        }
        tlv::push_result(&mut message, true);
        self.send(tls, &message, State::Result { resumed: false })
    }

    /// The end after a question that was left out: what was proven is bound already.
    fn conclude(&mut self, tls: &mut Tls) -> Inner {
        let mut message = Vec::new();
        tlv::push_result(&mut message, true);
        self.send(tls, &message, State::Result { resumed: false })
    }

    /// Appends a Crypto-Binding TLV, which the peer has to answer.
    fn bind(&mut self, message: &mut Vec<u8>, context: &mut Context<'_>) {
        let mut nonce = [0; 32];
        (context.random)(&mut nonce);
        if let Some(last) = nonce.last_mut() {
            *last &= 0xfe;
        }
        if let Some(chain) = &self.chain {
            message.extend_from_slice(&chain.request(&nonce, &self.outer));
        }
        self.nonce = Some(nonce);
    }

    /// Checks the peer's answer to a binding. Once it stands, the keys for the link come from it.
    fn bound(&mut self, tlvs: &Tlvs<'_>) -> Result<(), Reason> {
        let Some(nonce) = self.nonce.take() else {
            return match tlvs.binding {
                Some(_) => Err(reason::UNEXPECTED_DATA.with("a second binding")),
                None => Ok(()),
            };
        };
        // Its failure needs no binding.
        if tlvs.result == Some(false) || tlvs.intermediate == Some(false) {
            return Ok(());
        }
        let received = tlvs.binding.as_ref();
        let received = received.ok_or_else(|| reason::BINDING_MISSING.reason())?;
        if std::mem::take(&mut self.intermediate) && tlvs.intermediate.is_none() {
            return Err(reason::TLV_MALFORMED.with("there is no intermediate result"));
        }
        let chain = self.chain.as_mut();
        let chain = chain.ok_or_else(|| reason::BINDING_MISMATCH.reason())?;
        if !chain.verify_response(received, &nonce, &self.outer) {
            return Err(reason::BINDING_MISMATCH.reason());
        }
        self.compound_keys = Some(chain.keys());
        Ok(())
    }

    fn finish(&mut self, resumed: bool) -> Inner {
        if self.compound_keys.is_none() {
            return Inner::Failure(reason::BINDING_MISSING.reason());
        }
        if resumed {
            return Inner::Resumed;
        }
        // The user is whom the login is about; the machine then came along.
        self.identities.sort_by_key(|one| one.identity_type != USER);
        let mut identities = std::mem::take(&mut self.identities).into_iter();
        let Some(Identity { mut proven, .. }) = identities.next() else {
            return Inner::Failure(reason::INTERNAL.with("nobody was proven"));
        };
        proven.machine = identities
            .next()
            .map(|Identity { proven, .. }| MachineProof {
                identity: proven.identity,
                certificates: proven.certificates,
            });
        Inner::Authenticated(proven)
    }

    /// Says that it failed, and why as far as a supplicant may know.
    fn fail(
        &mut self,
        tls: &mut Tls,
        reason: Reason,
        code: u32,
        context: &mut Context<'_>,
    ) -> Inner {
        let mut message = Vec::new();
        tlv::push_intermediate(&mut message, false);
        tlv::push_error(&mut message, code);
        tlv::push_result(&mut message, false);
        *context.refusal = Some(reason.clone());
        self.send(tls, &message, State::FailureResult(reason))
    }

    fn send(&mut self, tls: &mut Tls, message: &[u8], next: State) -> Inner {
        self.state = next;
        tls.write(message);
        Inner::Flush
    }
}

/// The name under which a login is recorded.
fn name(inner: InnerMethod) -> &'static str {
    match inner {
        InnerMethod::EapTls => "TEAP-TLS",
        InnerMethod::Pap => "TEAP-PAP",
        _ => "TEAP-MSCHAPv2",
    }
}
