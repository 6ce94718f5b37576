//! Access-Requests: from a datagram to an answer.
//!
//! The way: known client → well-formed → Message-Authenticator → duplicate? → credentials → identity → facts → policy → segment →
//! attributes → sealed reply. Nothing on it waits for the database; a password check goes to the bounded pool.

mod answer;
mod answers;
mod content;
mod conversations;
mod credentials;
mod duplicate;
mod eap;
mod expired;
mod habits;
mod methods;
pub(crate) mod new_password;
mod offer;
mod openings;
mod psk;
mod record;
mod rejects;
mod repeats;
pub mod request;
mod second_factor;
mod silence;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use nac_pki::OcspQuestion;
use nac_posture::PostureGate;
use nac_radius::{Code, MacAddr, MessageAuthenticator, Packet, PacketBuilder, Secret, attribute};
use nac_store::{DecisionRecord, MessageAuthenticatorRule, WriterHandle};
use rustls_pki_types::CertificateDer;

use crate::account::SessionTable;
use crate::identity::guesses::Guesses;
use crate::identity::password::Passwords;
use crate::listen::origin::Origin;
use crate::listen::udp::{Disposition, Responder};
use crate::ocsp::Ocsp;
use crate::reason::{Refusal, is_wrong_guess};
use crate::snapshot::{Client, World};
use crate::telemetry::activity::Heard;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate::PerSource;

pub(crate) use answers::{Answers, Claim, Seen};
pub(crate) use content::{Content, OF_RECORDS};
pub(crate) use conversations::{Conversations, random};
use credentials::Credentials;
pub(crate) use duplicate::{Duplicates, Slot, claim, duplicates};
use request::{Freshness, Request};
pub(crate) use silence::run as take_down_silences;

/// Everything that answers Access-Requests. Shared by all sockets.
pub struct Authenticator {
    pub(crate) world: Arc<World>,
    pub(crate) gate: PostureGate,
    pub(crate) sessions: Arc<SessionTable>,
    pub(crate) writer: WriterHandle,
    pub(crate) metrics: Arc<Metrics>,
    /// EAP's settings; absent while no server certificate is configured.
    pub(crate) eap: ArcSwapOption<nac_eap::Settings>,
    pub(crate) passwords: Passwords,
    guesses: Guesses,
    second_factors: second_factor::SecondFactors,
    new_passwords: new_password::NewPasswords,
    spent_challenges: expired::Spent,
    habits: habits::Habits,
    openings: openings::Openings,
    rejects: rejects::Rejects,
    conversations: Conversations,
    silences: silence::Silences,
    repeats: repeats::Repeats<DecisionRecord>,
    duplicates: Duplicates,
    /// The last answer of every conversation.
    last_answers: Arc<Answers<Content>>,
    psks: psk::Told,
    unknown_nas: PerSource,
}

/// What a step of authentication leads to.
enum Progress {
    /// Send this.
    Reply(Vec<u8>),
    /// Send nothing, and let a retransmission be processed anew.
    Silence,
    /// Ask the password pool or an OCSP responder, then go on.
    Later(std::pin::Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>),
}

impl Authenticator {
    /// Puts the parts together.
    #[expect(clippy::too_many_arguments, reason = "each is one part, given once")]
    pub(crate) fn new(
        world: Arc<World>,
        gate: PostureGate,
        sessions: Arc<SessionTable>,
        writer: WriterHandle,
        metrics: Arc<Metrics>,
        eap: Option<Arc<nac_eap::Settings>>,
        new_passwords: new_password::NewPasswords,
        cores: usize,
    ) -> Self {
        Self {
            world,
            gate,
            sessions,
            writer,
            metrics,
            eap: ArcSwapOption::new(eap),
            passwords: Passwords::new(cores),
            guesses: Guesses::default(),
            second_factors: second_factor::SecondFactors::default(),
            new_passwords,
            spent_challenges: expired::Spent::default(),
            habits: habits::Habits::default(),
            openings: openings::Openings::default(),
            rejects: rejects::Rejects::default(),
            conversations: Conversations::default(),
            silences: silence::Silences::default(),
            repeats: repeats::Repeats::default(),
            duplicates: duplicates(),
            last_answers: Answers::new(content::OF_CONVERSATIONS),
            psks: psk::Told::default(),
            unknown_nas: PerSource::default(),
        }
    }

    /// Lets Access-Rejects wait for so long; without this they do not.
    #[must_use]
    pub fn rejecting_after(mut self, delay: Duration) -> Self {
        self.rejects = rejects::Rejects::after(delay);
        self
    }

    /// Takes new EAP settings; conversations under way keep theirs.
    pub fn replace_eap(&self, settings: Option<Arc<nac_eap::Settings>>) {
        self.eap.store(settings);
    }

    /// Whether a credential of this user is looked at for this station, or too many were wrong lately.
    fn may_guess(&self, user: &str, station: Option<MacAddr>) -> Result<(), Refusal> {
        // One account, however many spellings.
        let account = self.world.directory.registered_name(user);
        if self.guesses.may_try(&account, station, Instant::now()) {
            Ok(())
        } else {
            Err(Refusal::too_many_guesses(user))
        }
    }

    /// Takes note of what came of a user's credential.
    fn guessed<T>(
        &self,
        user: &str,
        station: Option<MacAddr>,
        result: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let account = || self.world.directory.registered_name(user);
        if result.is_ok() {
            self.guesses.right(&account(), station, Instant::now());
        }
        result.map_err(|refusal| self.guessed_wrong(user, station, refusal))
    }

    /// Takes note of a refusal, if it is for a credential.
    fn guessed_wrong(&self, user: &str, station: Option<MacAddr>, refusal: Refusal) -> Refusal {
        if is_wrong_guess(refusal.code) {
            let account = self.world.directory.registered_name(user);
            self.guesses.wrong(&account, station, Instant::now());
        }
        refusal
    }

    /// Asks other authorities' OCSP responders about chains that TLS has verified, as far as they are asked and it is not
    /// known what they say.
    pub(crate) async fn ask_about(&self, chains: &[&[CertificateDer<'_>]]) {
        if let Some((ocsp, questions)) = self.questions(chains) {
            ocsp.ask(questions).await;
        }
    }

    fn questions(
        &self,
        chains: &[&[CertificateDer<'_>]],
    ) -> Option<(Arc<Ocsp>, Vec<OcspQuestion>)> {
        let snapshot = self.world.snapshot();
        let revocations = &snapshot.revocations;
        let ocsp = revocations.ocsp()?.clone();
        let chains = chains.iter().filter(|chain| !chain.is_empty());
        let questions: Vec<_> = chains
            .flat_map(|chain| revocations.questions(chain))
            .collect();
        (!questions.is_empty()).then_some((ocsp, questions))
    }

    /// Takes note of a request that came before.
    fn repeated(&self, client: &Client) {
        self.metrics.duplicates.inc();
        client.activity.heard(Heard::Duplicate);
    }

    /// EAP conversations in which a method runs.
    pub fn conversations(&self) -> usize {
        self.conversations.len()
    }
}

/// The Access-Request port.
pub struct AuthenticationPort(pub Arc<Authenticator>);

impl Responder for AuthenticationPort {
    fn respond(&self, source: SocketAddr, datagram: &[u8]) -> Disposition {
        let Some((client, packet)) = self.0.known(source, datagram) else {
            return Disposition::Silence;
        };
        match packet.code() {
            Code::AccessRequest | Code::StatusServer if verified(&client, source, &packet) => {
                self.answer(&client, Origin::udp(source), &packet)
            }
            _ => Disposition::Silence,
        }
    }
}

impl AuthenticationPort {
    /// Answers an Access-Request or a Status-Server of which it is known that it is the client's own.
    pub(crate) fn answer(
        &self,
        client: &Arc<Client>,
        origin: Origin,
        packet: &Packet<'_>,
    ) -> Disposition {
        match packet.code() {
            Code::AccessRequest => access_request(&self.0, client, origin, packet),
            Code::StatusServer => {
                let secret = origin.secret(client);
                Disposition::Reply(status_reply(Code::AccessAccept, secret, packet).into())
            }
            _ => Disposition::Silence,
        }
    }
}

impl Authenticator {
    /// Who sent this, and what: nothing for an unknown NAS or a malformed packet, which get silence and one line a minute.
    pub(crate) fn known<'a>(
        &self,
        source: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<(Arc<Client>, Packet<'a>)> {
        let snapshot = self.world.snapshot();
        let Some(client) = snapshot.clients.by_address(source.ip()) else {
            self.metrics.unknown_nas.inc();
            self.world.activity.stranger(source.ip(), datagram);
            if let Some(held) = self.unknown_nas.may_speak(source.ip()) {
                tracing::warn!(code = Refusal::unknown_nas().code, %source, held_back = held,
                    "ignored a packet from an unknown NAS: add it with nac client add NAME --address ADDRESS");
            }
            return None;
        };
        let origin = Origin::udp(source);
        client.activity.packet(source.ip(), origin.carrier());
        match Packet::parse(datagram) {
            Ok(packet) => {
                self.metrics.packet(packet.code());
                Some((client.clone(), packet))
            }
            Err(error) => {
                self.metrics.malformed.inc();
                client.activity.heard(Heard::Malformed);
                if let Some(held) = client.complaints.malformed.may_speak(source.ip()) {
                    let code = Refusal::malformed_packet().code;
                    tracing::warn!(code, client = %client.name, %source, %error, held_back = held, "malformed packet");
                }
                None
            }
        }
    }
}

/// Whether the Message-Authenticator allows this packet to be looked at (RFC 3579 section 3.2, RFC 5997 section 3, CVE-2024-3596).
pub(crate) fn verified(client: &Client, source: SocketAddr, packet: &Packet<'_>) -> bool {
    match packet.message_authenticator(&client.secret) {
        MessageAuthenticator::Valid => {
            // A monitor's Status-Server says nothing of the NAS's own requests.
            if packet.code() == Code::AccessRequest {
                client.activity.heard(Heard::Signed);
                // Every NAS signs EAP; whether it can sign the rest shows only there.
                if client.learns() && !packet.has_eap_message() {
                    client.activity.signed();
                }
            }
            true
        }
        MessageAuthenticator::Invalid => {
            client.activity.heard(Heard::WrongSecret);
            if let Some(held) = client.complaints.wrong_secret.may_speak(source.ip()) {
                tracing::warn!(code = Refusal::wrong_secret().code, client = %client.name, %source, held_back = held,
                    "wrong secret: the Message-Authenticator does not verify; set the same shared secret on the NAS and here: nac client set NAME --secret-file FILE");
            }
            false
        }
        MessageAuthenticator::Absent => {
            let Some(fix) = message_authenticator_needed(client, packet) else {
                client.activity.heard(Heard::Unsigned);
                return true;
            };
            client.activity.heard(Heard::MissingSignature);
            if let Some(held) = client
                .complaints
                .missing_message_authenticator
                .may_speak(source.ip())
            {
                let code = Refusal::missing_message_authenticator().code;
                tracing::warn!(code, client = %client.name, %source, held_back = held, "missing Message-Authenticator: {fix}");
            }
            false
        }
    }
}

/// Why a packet without Message-Authenticator is not looked at, as what to do about it.
fn message_authenticator_needed(client: &Client, packet: &Packet<'_>) -> Option<&'static str> {
    if packet.code() == Code::StatusServer {
        return Some(
            "Status-Server must carry one (RFC 5997 section 3): update the monitor that sends it",
        );
    }
    if packet.has_eap_message() {
        return Some("EAP must carry one (RFC 3579 section 3.2): update the NAS");
    }
    if client.requires_message_authenticator() {
        return Some(match client.message_authenticator.rule {
            MessageAuthenticatorRule::Required => {
                "update the NAS, or bear with it for a time (CVE-2024-3596): nac client set NAME --message-authenticator legacy"
            }
            MessageAuthenticatorRule::Learn => {
                "other requests of this client carry one: see which of its devices does not, and update it"
            }
            MessageAuthenticatorRule::Legacy => {
                "its time as a legacy NAS is over: update it, or give it more with nac client set NAME --legacy-until DATE"
            }
        });
    }
    // The forger of CVE-2024-3596 needs Proxy-State to be echoed; a NAS that is that old never sends it.
    packet.attribute(attribute::PROXY_STATE).map(|_| {
        "the request carries Proxy-State, through which answers are forged (CVE-2024-3596): update the proxy that sent it"
    })
}

/// Status-Server's answer (RFC 5997 section 4).
pub(crate) fn status_reply(code: Code, secret: &Secret, packet: &Packet<'_>) -> Vec<u8> {
    PacketBuilder::reply(code, packet).seal(secret)
}

fn access_request(
    authenticator: &Arc<Authenticator>,
    client: &Arc<Client>,
    origin: Origin,
    packet: &Packet<'_>,
) -> Disposition {
    let now = Instant::now();
    let duplicate = match claim(&authenticator.duplicates, &origin, packet, now) {
        Seen::New(claim) => claim,
        Seen::Answered(answered) => {
            authenticator.repeated(client);
            return Disposition::Reply(answered.reply);
        }
        Seen::InFlight => {
            authenticator.repeated(client);
            return Disposition::Silence;
        }
    };
    let connection = origin.connection();
    let mut claims = Claims {
        duplicate,
        content: Claim::none(),
    };
    let mut request = Request::new(client, origin, packet, now);
    let progress = match Credentials::read(&request, packet) {
        Ok(Credentials::Eap(message)) => {
            match eap::claim(authenticator, &mut request, packet, now) {
                Ok(claim) => {
                    claims.content = claim;
                    eap::receive(authenticator, request, &message)
                }
                Err(repetition) => {
                    authenticator.repeated(client);
                    repetition
                }
            }
        }
        Ok(credentials) => {
            // Over TLS nobody sends what somebody else has sent before.
            request.freshness = match origin.is_radsec() {
                true => Freshness::Certain,
                false => Freshness::Possible,
            };
            match offer::allow(authenticator, &mut request, &credentials) {
                Ok(()) => methods::check(authenticator, request, credentials),
                Err(refusal) => Progress::Reply(methods::refuse(
                    authenticator,
                    &request,
                    &credentials,
                    refusal,
                )),
            }
        }
        Err(refusal) => Progress::Reply(answer::refuse_plain(authenticator, &request, refusal)),
    };
    match progress {
        Progress::Reply(reply) => {
            let reply: Arc<[u8]> = reply.into();
            let Some(wait) = may_wait(authenticator, &reply, connection) else {
                claims.answered(&reply);
                return Disposition::Reply(reply);
            };
            Disposition::Later(Box::pin(async move {
                wait.over().await;
                claims.answered(&reply);
                Some(reply)
            }))
        }
        Progress::Silence => Disposition::Silence,
        Progress::Later(later) => {
            let authenticator = authenticator.clone();
            Disposition::Later(Box::pin(async move {
                let reply: Arc<[u8]> = later.await?.into();
                if let Some(wait) = may_wait(&authenticator, &reply, connection) {
                    wait.over().await;
                }
                claims.answered(&reply);
                Some(reply)
            }))
        }
    }
}

/// What a request holds until it is answered. Dropped without an answer, it lets a retransmission be processed anew.
struct Claims {
    /// The same octets get the same octets.
    duplicate: Claim<Slot>,
    /// The same words in a conversation get the same words.
    content: Claim<Content>,
}

impl Claims {
    fn answered(self, reply: &Arc<[u8]>) {
        let now = Instant::now();
        self.duplicate.answered(reply, now);
        self.content.answered(reply, now);
    }
}

/// Whether an answer is one that waits: an Access-Reject, whatever it is for, so that its time tells nothing.
fn may_wait(authenticator: &Authenticator, reply: &[u8], connection: u64) -> Option<rejects::Wait> {
    let is_reject = reply.first() == Some(&Code::AccessReject.octet());
    is_reject.then(|| authenticator.rejects.wait(connection))?
}
