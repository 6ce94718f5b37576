//! One supplicant's authentication, from identity to verdict.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fragment::{self, START_DATA};
use crate::method::{Authenticated, Context, Next, TlsMethod, teap};
use crate::opening::{Opening, whole_identity};
use crate::packet::{self, Body, Code, Packet, Wanted, eap_type, wanted_types};
use crate::reason::{self, Reason};
use crate::sessions::SessionRecord;
use crate::settings::{Method, Settings};
use crate::step::{Answer, Machine, Random, Step, Success};

/// How many malformed packets a conversation bears (RFC 3579 section 2.2).
const INVALID_LIMIT: u16 = 5;
/// The longest identity, which has to fit into RADIUS's User-Name.
const IDENTITY_LIMIT: usize = 253;

/// One supplicant's authentication. Never sleeps, never reads a clock.
pub struct Conversation {
    settings: Arc<Settings>,
    unix_time: Duration,
    eap_mtu: usize,
    random: Random,
    last_active: Instant,
    state: State,
    outer_identity: String,
    /// Methods that the supplicant has not refused yet.
    untried: Vec<Method>,
    /// Proposed before the others, when it is on offer.
    preferred: Option<Method>,
    method: Option<Method>,
    /// Of the outstanding request.
    identifier: u8,
    last_request: Option<Vec<u8>>,
    refusal: Option<Reason>,
    rounds: u16,
    invalid: u16,
    stale: u16,
}

enum State {
    /// Nothing was sent: the NAS may have asked for the identity itself.
    Begun,
    IdentityRequested,
    /// A method's Start was sent and not answered, so the supplicant may refuse it.
    Proposed(Method),
    Running(Box<TlsMethod>),
    Asking(Box<TlsMethod>),
    /// Waiting for the caller's verdict.
    Authenticated(Box<TlsMethod>, SessionRecord),
    Over,
}

impl Conversation {
    /// Begins a conversation. `now` and `unix_time` are the monotonic and the wall clock time,
    /// `eap_mtu` the largest EAP packet to send in octets, `random` the source of
    /// identifiers and challenges.
    pub fn new(
        settings: Arc<Settings>,
        now: Instant,
        unix_time: Duration,
        eap_mtu: usize,
        random: Random,
    ) -> Self {
        let untried = offered(&settings);
        Self {
            settings,
            unix_time,
            eap_mtu,
            random,
            last_active: now,
            state: State::Begun,
            outer_identity: String::new(),
            untried,
            preferred: None,
            method: None,
            identifier: 0,
            last_request: None,
            refusal: None,
            rounds: 0,
            invalid: 0,
            stale: 0,
        }
    }

    /// Goes on from an [`Opening`], as if the conversation had been kept; only `settings` may be newer meanwhile. `epoch` is the moment that
    /// [`Conversation::opening`] was given, and `user_name` what the NAS calls the supplicant. `None` if the method that was
    /// proposed is not on offer any more.
    pub fn resume_opening(
        settings: Arc<Settings>,
        epoch: Instant,
        unix_time: Duration,
        eap_mtu: usize,
        random: Random,
        opening: &Opening,
        user_name: &str,
    ) -> Option<Self> {
        let last_active = epoch.checked_add(opening.at)?;
        let mut conversation = Self::new(settings, last_active, unix_time, eap_mtu, random);
        let type_data = match opening.proposed {
            Some(method) if conversation.untried.contains(&method) => {
                conversation.state = State::Proposed(method);
                conversation.start_of(method)
            }
            Some(_) => return None,
            None => {
                conversation.state = State::IdentityRequested;
                Vec::new()
            }
        };
        conversation.method = opening.proposed;
        conversation
            .untried
            .retain(|method| !opening.tried.contains(method));
        whole_identity(&opening.identity, user_name).clone_into(&mut conversation.outer_identity);
        conversation.identifier = opening.identifier;
        conversation.last_request = Some(match opening.proposed {
            Some(method) => method_request(opening.identifier, method, type_data),
            None => packet::request(opening.identifier, eap_type::IDENTITY, &[]),
        });
        conversation.rounds = opening.rounds;
        conversation.invalid = u16::from(opening.invalid);
        conversation.stale = u16::from(opening.stale);
        Some(conversation)
    }

    /// What is to be remembered of it until the supplicant's first message of a method, for [`Conversation::resume_opening`];
    /// `None` before the first request and from that message on. `epoch` is any moment before the conversation began.
    pub fn opening(&self, epoch: Instant) -> Option<Opening> {
        let proposed = match self.state {
            State::IdentityRequested => None,
            State::Proposed(method) => Some(method),
            _ => return None,
        };
        let tried = |method: &Method| !self.untried.contains(method);
        let mut offered = offered(&self.settings);
        offered.retain(tried);
        Some(Opening {
            at: self.last_active.saturating_duration_since(epoch),
            identifier: self.identifier,
            proposed,
            tried: offered,
            rounds: self.rounds,
            invalid: u8::try_from(self.invalid).unwrap_or(u8::MAX),
            stale: u8::try_from(self.stale).unwrap_or(u8::MAX),
            identity: self.outer_identity.clone(),
        })
    }

    /// Proposes this method before the others, if it is on offer: the one with which this supplicant succeeded last.
    pub fn prefer(&mut self, method: Method) {
        self.preferred = Some(method);
    }

    /// Offers what these settings say. It counts for what is still to be proposed: once a method was, it does nothing.
    pub fn offer(&mut self, settings: Arc<Settings>) {
        if matches!(self.state, State::Begun | State::IdentityRequested) {
            self.untried = offered(&settings);
            self.settings = settings;
        }
    }

    /// The EAP-Request/Identity that answers an EAP-Start. Whatever went before is forgotten.
    pub fn start(&mut self) -> Vec<u8> {
        self.forget();
        self.untried = offered(&self.settings);
        self.method = None;
        self.refusal = None;
        self.state = State::IdentityRequested;
        let mut identifier = [0];
        (self.random)(&mut identifier);
        [self.identifier] = identifier;
        let packet = packet::request(self.identifier, eap_type::IDENTITY, &[]);
        self.rounds = self.rounds.saturating_add(1);
        self.last_request = Some(packet.clone());
        packet
    }

    /// Takes one EAP packet, says what happens next.
    pub fn receive(&mut self, now: Instant, packet: &[u8]) -> Step {
        match self.state {
            State::Asking(_) => return Step::Ignore(reason::BUSY.reason()),
            State::Authenticated(..) | State::Over => return Step::Ignore(reason::OVER.reason()),
            _ => {}
        }
        if now.saturating_duration_since(self.last_active) > self.settings.timeout {
            return self.fail(reason::TIMEOUT.with(self.settings.timeout.as_secs()));
        }
        let packet = match Packet::parse(packet) {
            Ok(packet) => packet,
            Err(fault) => return self.invalid(reason::MALFORMED.with(fault)),
        };
        let body = match (packet.code, packet.body) {
            (Code::Response, Some(body)) => body,
            (Code::Request, _) => return self.fail(reason::ROLE_REVERSAL.reason()),
            _ => {
                let fault = "a supplicant sends neither Success nor Failure";
                return self.invalid(reason::MALFORMED.with(fault));
            }
        };
        if matches!(self.state, State::Begun) {
            self.identifier = packet.identifier;
        } else if packet.identifier != self.identifier {
            return self.stale(packet.identifier);
        }
        self.last_active = now;
        self.response(body)
    }

    /// Takes the world's answer to a [`Step::Ask`].
    pub fn resume(&mut self, now: Instant, answer: Answer) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Asking(mut method) => {
                self.last_active = now;
                let next = method.resume(answer, &mut self.context());
                self.proceed(method, next)
            }
            state => {
                self.state = state;
                Step::Ignore(reason::OVER.reason())
            }
        }
    }

    /// The EAP-Success packet, after [`Step::Success`]. Only now does the TLS session of this
    /// conversation become resumable. At any other time it is an EAP-Failure packet.
    ///
    /// `holder` is whom the caller let in, by the name that it knows: the supplicant may have written it otherwise, or not at all. It
    /// only says whose the TLS session is ([`crate::SharedSession::holder`]), and may be empty.
    pub fn accept(&mut self, holder: &str) -> Vec<u8> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Authenticated(method, record) => {
                method.keep_session(&record, holder, self.unix_time);
                packet::success(self.identifier)
            }
            state => {
                self.state = state;
                self.refuse()
            }
        }
    }

    /// The EAP-Failure packet, at any time. The TLS session of this conversation is forgotten.
    pub fn refuse(&mut self) -> Vec<u8> {
        self.forget();
        packet::failure(self.identifier)
    }

    /// The identity outside the tunnel: a routing hint, never an authenticated name.
    pub fn outer_identity(&self) -> &str {
        &self.outer_identity
    }

    /// The method in progress, once one was proposed.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Why the login is refused, once that is certain: the supplicant is told by an alert or in the tunnel, and may never
    /// acknowledge it.
    pub fn refusal(&self) -> Option<&Reason> {
        self.refusal.as_ref()
    }

    /// Why it ended, if the supplicant says no more: its refusal where that is certain, and otherwise that there was no answer,
    /// and to what. `None` while it is not the supplicant's turn.
    pub fn unanswered(&self) -> Option<Reason> {
        let sent = match &self.state {
            State::Begun | State::Asking(_) | State::Authenticated(..) | State::Over => {
                return None;
            }
            State::IdentityRequested => "the request for its identity".to_owned(),
            State::Proposed(method) => format!("the proposal of {method}"),
            State::Running(method) => method.awaited().to_owned(),
        };
        let refusal = self.refusal.clone();
        Some(refusal.unwrap_or_else(|| {
            let round = self.rounds;
            reason::UNANSWERED.with(format!("{sent} (round trip {round})"))
        }))
    }

    /// How many requests were sent.
    pub fn rounds(&self) -> u16 {
        self.rounds
    }

    /// How many octets of a fragmented message are held until the rest of it arrives, at most 64 KiB. For bounding what all
    /// conversations hold together.
    pub fn unfinished(&self) -> usize {
        match &self.state {
            State::Running(method) => method.unfinished(),
            _ => 0,
        }
    }

    /// The outstanding request, for sending it again.
    pub fn last_request(&self) -> Option<&[u8]> {
        self.last_request.as_deref()
    }

    /// A response to the outstanding request.
    fn response(&mut self, body: Body<'_>) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begun | State::IdentityRequested => self.identity(body),
            State::Proposed(method) if body.eap_type == method.type_number() => {
                let begun = TlsMethod::new(method, &self.settings, self.eap_mtu, self.unix_time);
                match begun {
                    Ok(running) => self.run(Box::new(running), body.data),
                    Err(reason) => self.fail(reason),
                }
            }
            State::Proposed(method) => match wanted_types(body) {
                Some(wanted) => self.negative(&wanted),
                None => {
                    self.state = State::Proposed(method);
                    self.wrong_type(method, body.eap_type)
                }
            },
            State::Running(running) if body.eap_type == running.method().type_number() => {
                self.run(running, body.data)
            }
            State::Running(running) => {
                let method = running.method();
                self.state = State::Running(running);
                if wanted_types(body).is_some() {
                    self.invalid(reason::NAK_LATE.reason())
                } else {
                    self.wrong_type(method, body.eap_type)
                }
            }
            // `receive` has dealt with these.
            state => {
                self.state = state;
                Step::Ignore(reason::OVER.reason())
            }
        }
    }

    fn identity(&mut self, body: Body<'_>) -> Step {
        if body.eap_type != eap_type::IDENTITY {
            return self.fail(reason::NOT_BEGUN.with(packet::type_name(body.eap_type)));
        }
        // RFC 3748 section 5.1: what follows a NUL is not part of the identity.
        let identity = body
            .data
            .split(|octet| *octet == 0)
            .next()
            .unwrap_or_default();
        if identity.len() > IDENTITY_LIMIT {
            return self.fail(reason::IDENTITY_TOO_LONG.with(identity.len()));
        }
        self.outer_identity = String::from_utf8_lossy(identity).into_owned();
        let preferred = self
            .preferred
            .filter(|method| self.untried.contains(method));
        match preferred.or_else(|| self.untried.first().copied()) {
            Some(method) => self.propose(method),
            None => self.fail(reason::NOTHING_OFFERED.reason()),
        }
    }

    /// Sends a method's Start.
    fn propose(&mut self, method: Method) -> Step {
        self.method = Some(method);
        self.untried.retain(|other| *other != method);
        self.state = State::Proposed(method);
        let type_data = self.start_of(method);
        self.request(method, type_data)
    }

    /// The type data of a method's Start.
    fn start_of(&self, method: Method) -> Vec<u8> {
        match method {
            Method::Teap => teap::outer::start(&self.settings),
            Method::Tls | Method::Peap | Method::Ttls => START_DATA.to_vec(),
        }
    }

    /// The supplicant refused the proposed method (RFC 3748 section 5.3).
    fn negative(&mut self, wanted: &[Wanted]) -> Step {
        let acceptable = |method: &&Method| wanted.contains(&Wanted::Type(method.type_number()));
        if let Some(method) = self.untried.iter().find(acceptable) {
            return self.propose(*method);
        }
        let wanted = packet::wanted_text(wanted);
        let offered: Vec<String> = offered(&self.settings)
            .iter()
            .map(Method::to_string)
            .collect();
        self.fail(reason::NAK.with(format!("{wanted}; offered: {}", offered.join(", "))))
    }

    fn run(&mut self, mut method: Box<TlsMethod>, type_data: &[u8]) -> Step {
        let next = method.receive(type_data, &mut self.context());
        self.proceed(method, next)
    }

    fn proceed(&mut self, method: Box<TlsMethod>, next: Next) -> Step {
        match next {
            Next::Request(type_data) => {
                let number = method.method();
                self.state = State::Running(method);
                self.request(number, type_data)
            }
            Next::Ask(question) => {
                self.state = State::Asking(method);
                Step::Ask(question)
            }
            Next::Success(authenticated) => match self.success(&method, &authenticated) {
                Ok(success) => {
                    self.state = State::Authenticated(method, authenticated.record);
                    Step::Success(success)
                }
                Err(reason) => {
                    self.state = State::Running(method);
                    self.fail(reason)
                }
            },
            Next::Failure(reason) => {
                self.state = State::Running(method);
                self.fail(reason)
            }
        }
    }

    fn success(&self, method: &TlsMethod, proven: &Authenticated) -> Result<Success, Reason> {
        let tls = method.tls();
        let keys = method.keys()?;
        let record = &proven.record;
        // Inside a tunnel nothing but a certificate of its own leaves one in the record.
        let by_certificate = method.method() == Method::Tls || !record.certificates.is_empty();
        let certificates = match &record.certificates[..] {
            [] => tls.certificates(),
            inner => inner.to_vec(),
        };
        Ok(Success {
            method: record.method,
            identity: record.identity.clone(),
            by_certificate,
            second_factor: record.second_factor,
            outer_identity: self.outer_identity.clone(),
            msk: keys.msk,
            emsk: keys.emsk,
            session_id: keys.session_id,
            resumed: proven.resumed,
            tls_version: tls.version().name(),
            cipher_suite: tls.cipher_suite(),
            certificates,
            machine: record.machine.as_ref().map(|machine| Machine {
                identity: machine.identity.clone(),
                certificates: machine.certificates.clone(),
            }),
        })
    }

    fn request(&mut self, method: Method, type_data: Vec<u8>) -> Step {
        if self.rounds >= self.settings.max_rounds {
            return self.fail(reason::TOO_MANY_ROUNDS.with(self.settings.max_rounds));
        }
        self.rounds = self.rounds.saturating_add(1);
        self.identifier = self.identifier.wrapping_add(1);
        let packet = method_request(self.identifier, method, type_data);
        self.last_request = Some(packet.clone());
        Step::Request(packet)
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            settings: &self.settings,
            eap_mtu: self.eap_mtu,
            identity: &self.outer_identity,
            unix_time: self.unix_time,
            identifier: self.identifier.wrapping_add(1),
            random: &mut self.random,
            refusal: &mut self.refusal,
        }
    }

    fn wrong_type(&mut self, method: Method, found: u8) -> Step {
        let found = packet::type_name(found);
        let sentence = format!("the supplicant answered {method} with {found}");
        self.invalid(Reason {
            sentence,
            ..reason::WRONG_TYPE.reason()
        })
    }

    fn invalid(&mut self, reason: Reason) -> Step {
        self.invalid = self.invalid.saturating_add(1);
        if self.invalid > INVALID_LIMIT {
            return self.fail(reason::TOO_MANY_INVALID.with(reason.sentence));
        }
        Step::Ignore(reason)
    }

    /// A late or repeated response. Only so many are borne, since each costs work.
    fn stale(&mut self, found: u8) -> Step {
        let expected = self.identifier;
        let reason = reason::IDENTIFIER.with(format!("identifier {found} instead of {expected}"));
        self.stale = self.stale.saturating_add(1);
        if self.stale > self.settings.max_rounds {
            return self.fail(reason::TOO_MANY_INVALID.with(reason.sentence));
        }
        Step::Ignore(reason)
    }

    fn fail(&mut self, reason: Reason) -> Step {
        Step::Failure {
            packet: self.refuse(),
            reason,
        }
    }

    fn forget(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Running(method) | State::Asking(method) | State::Authenticated(method, _) => {
                method.forget_session();
            }
            State::Begun | State::IdentityRequested | State::Proposed(_) | State::Over => {}
        }
        self.last_request = None;
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("outer_identity", &self.outer_identity)
            .field("method", &self.method)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

fn method_request(identifier: u8, method: Method, type_data: Vec<u8>) -> Vec<u8> {
    let type_data = fragment::with_version(method.version(), type_data);
    packet::request(identifier, method.type_number(), &type_data)
}

/// The methods that can really be served, in order of preference.
fn offered(settings: &Settings) -> Vec<Method> {
    let mut offered = Vec::new();
    for method in &settings.methods {
        if settings.serves(*method) && !offered.contains(method) {
            offered.push(*method);
        }
    }
    offered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_small_and_moves_between_threads() {
        fn is_send<T: Send>() {}
        is_send::<Conversation>();
        is_send::<crate::peer::Peer>();
        assert!(
            size_of::<Conversation>() <= 512,
            "{}",
            size_of::<Conversation>()
        );
    }
}
