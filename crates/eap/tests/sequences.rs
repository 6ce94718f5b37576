//! Whatever happens to a conversation, and in whatever order: nobody gets in who has not completed a method with the
//! right credentials, and nobody gets in twice.
//!
//! A real supplicant speaks; its packets are changed, cut off, repeated, held back and forged; the world gives wrong
//! answers; the caller calls what it should not call. `PROPTEST_CASES=100000` makes a night of it.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::sync::Arc;

use nac_eap::peer::{Peer, PeerMachine, PeerMethod, PeerStep, PeerTls};
use nac_eap::{
    Answer, Conversation, InnerMethod, Method, Opening, Question, Settings, Step, Success,
    TlsVersions, mschapv2,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::{
    CODE, Login, NOW, PASSWORD, answer, peer_tls, pki, random, server_tls, settings_of,
    start_of_time,
};

/// More packets than the longest login needs.
const MAX_PACKETS: usize = 120;

/// The methods of the server.
const METHODS: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];

/// What happens next.
#[derive(Clone, Debug)]
enum Act {
    /// The supplicant's response arrives as it was sent.
    Deliver,
    /// It is lost, and the server asks again.
    Lose,
    /// An octet of it is changed.
    Change(Index, u8),
    /// It is cut off, and its length field says so.
    Cut(Index),
    /// An earlier response arrives in its place.
    Replay(Index),
    /// An earlier request reaches the supplicant again, and its answer arrives.
    Reorder(Index),
    /// A response of some type arrives, with the right identifier.
    Forge(u8, Vec<u8>),
    /// Anything arrives.
    Garbage(Vec<u8>),
    /// The NAS begins again.
    Start,
    /// The caller answers what was not asked.
    AnswerUnasked(World),
    /// The caller accepts what was not authenticated.
    AcceptTooEarly,
}

/// What the world says to a question.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    Truth,
    Refusal,
    WrongHash,
    /// Accepted, whatever the question was.
    Gift,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Certificate {
    Good,
    Foreign,
    Expired,
    None,
}

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Person {
    /// A password is all that she needs.
    Alice,
    /// She has to show a code besides: the right one, a wrong one or none.
    Carol(Option<bool>),
    /// His password is over: he chooses another that is taken, one that is not, or none.
    Dave(Option<bool>),
}

impl Person {
    const fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Carol(_) => "carol",
            Self::Dave(_) => "dave",
        }
    }
}

/// The machine that they sit at, which TEAP asks for first.
#[derive(Clone, Copy, Debug)]
struct Machine {
    certificate: Certificate,
    /// Nobody is logged in to it.
    alone: bool,
}

/// Its name.
const MACHINE: &str = "host/laptop";

#[derive(Clone, Debug)]
struct Case {
    method: PeerMethod,
    person: Person,
    machine: Option<Machine>,
    proposed: Method,
    versions: TlsVersions,
    certificate: Certificate,
    right_password: bool,
    accept: bool,
    mtu: usize,
    /// Until a method runs, nothing of the conversation is kept but its opening.
    stateless: bool,
    acts: Vec<Act>,
    world: Vec<World>,
}

fn act() -> impl Strategy<Value = Act> {
    let world = select(vec![
        World::Truth,
        World::Refusal,
        World::WrongHash,
        World::Gift,
    ]);
    prop_oneof![
        12 => Just(Act::Deliver),
        2 => Just(Act::Lose),
        2 => (any::<Index>(), 1..=u8::MAX).prop_map(|(at, change)| Act::Change(at, change)),
        1 => any::<Index>().prop_map(Act::Cut),
        2 => any::<Index>().prop_map(Act::Replay),
        2 => any::<Index>().prop_map(Act::Reorder),
        2 => (select(vec![1, 3, 13, 21, 25, 26, 55, 254]), vec(any::<u8>(), 0..12))
            .prop_map(|(eap_type, data)| Act::Forge(eap_type, data)),
        1 => vec(any::<u8>(), 0..12).prop_map(Act::Garbage),
        1 => Just(Act::Start),
        1 => world.prop_map(Act::AnswerUnasked),
        1 => Just(Act::AcceptTooEarly),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let certificate = || {
        prop_oneof![
            3 => Just(Certificate::Good),
            1 => select(vec![Certificate::Foreign, Certificate::Expired, Certificate::None]),
        ]
    };
    let told = || select(vec![Some(true), Some(false), None]);
    let person = prop_oneof![
        4 => Just(Person::Alice),
        1 => told().prop_map(Person::Carol),
        1 => told().prop_map(Person::Dave),
    ];
    let machine = (certificate(), any::<bool>());
    let machine = machine.prop_map(|(certificate, alone)| Machine { certificate, alone });
    let who = (
        select(PeerMethod::ALL.to_vec()),
        select(METHODS.to_vec()),
        select(vec![
            TlsVersions::Both,
            TlsVersions::Only12,
            TlsVersions::Only13,
        ]),
        certificate(),
        person,
        proptest::option::weighted(0.3, machine),
    );
    let world = prop_oneof![
        6 => Just(World::Truth),
        1 => select(vec![World::Refusal, World::WrongHash, World::Gift]),
    ];
    let how = (
        any::<bool>(),
        any::<bool>(),
        (select(vec![1386, 300]), any::<bool>()),
        vec(act(), 0..24),
        vec(world, 4),
    );
    (who, how).prop_map(|(who, how)| {
        let (method, proposed, versions, certificate, person, machine) = who;
        let (right_password, accept, (mtu, stateless), acts, world) = how;
        Case {
            method,
            person,
            machine,
            proposed,
            versions,
            certificate,
            right_password,
            accept,
            mtu,
            stateless,
            acts,
            world,
        }
    })
}

impl Case {
    /// Whether a login with all of this succeeds, if nothing but packets goes wrong.
    fn is_right(&self) -> bool {
        let machine = self.machine.filter(|_| self.method.outer() == Method::Teap);
        if let Some(machine) = machine {
            // Its certificate counts first, and alone where nobody is logged in.
            if machine.certificate != Certificate::Good || machine.alone {
                return machine.certificate == Certificate::Good;
            }
        }
        if self.method.by_certificate() {
            return self.certificate == Certificate::Good;
        }
        let more = match (self.person, self.method) {
            (Person::Alice, _) => true,
            // The methods that can ask for more.
            (Person::Carol(code), _) if self.method.inner() == Some(InnerMethod::EapGtc) => {
                code == Some(true)
            }
            (
                Person::Dave(new),
                PeerMethod::PeapMschapv2 | PeerMethod::TtlsEapMschapv2 | PeerMethod::TtlsMschapv2,
            ) => new == Some(true),
            _ => false,
        };
        self.right_password && more
    }
}

/// One conversation and its supplicant.
struct Run<'a> {
    case: &'a Case,
    settings: Arc<Settings>,
    conversation: Conversation,
    peer: Peer,
    request: Vec<u8>,
    requests: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    questions: usize,
    /// The world told the truth about the right user.
    agreed: bool,
    /// The world accepted a password that it did not look at.
    gift: bool,
    /// The same of a code or of a new password, which come after the right password.
    more_given: bool,
    /// The login is over, one way or the other.
    ended: bool,
    success: Option<Success>,
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, settings: &Arc<Settings>, tls: &Arc<PeerTls>) -> Self {
        let mut login = Login::new(settings, case.method, tls);
        login.password = if case.right_password {
            PASSWORD
        } else {
            "guess"
        };
        login.eap_mtu = case.mtu;
        login.identity = case.person.name();
        match case.person {
            Person::Alice => {}
            Person::Carol(code) => {
                login.code = code.map(|right| if right { CODE } else { "000000" })
            }
            Person::Dave(new) => {
                login.new_password = new.map(|taken| if taken { "neues Paßwort" } else { "abc" });
            }
        }
        login.machine = case.machine.map(|machine| PeerMachine {
            identity: MACHINE.to_owned(),
            tls: tls_of(machine.certificate),
            alone: machine.alone,
        });
        let mut conversation = login.conversation();
        let request = conversation.start();
        Self {
            case,
            settings: Arc::clone(settings),
            conversation,
            peer: login.peer(),
            requests: vec![request.clone()],
            request,
            responses: Vec::new(),
            questions: 0,
            agreed: false,
            gift: false,
            more_given: false,
            ended: false,
            success: None,
        }
    }

    /// Plays the acts, then lets the login go on as it should.
    fn play(&mut self) -> Result<(), TestCaseError> {
        let acts = self
            .case
            .acts
            .iter()
            .cloned()
            .chain(std::iter::repeat(Act::Deliver));
        for act in acts.take(MAX_PACKETS) {
            if self.ended {
                break;
            }
            self.act(&act)?;
        }
        Ok(())
    }

    fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        match act {
            Act::Lose => return Ok(()),
            Act::Start => {
                self.request = self.conversation.start();
                self.requests.push(self.request.clone());
                return Ok(());
            }
            Act::AnswerUnasked(world) => {
                let question = Question::NtHash {
                    user: "alice".to_owned(),
                };
                let step = self
                    .conversation
                    .resume(start_of_time(), told(*world, &question));
                prop_assert!(
                    matches!(step, Step::Ignore(_)),
                    "an answer without a question: {step:?}"
                );
                return Ok(());
            }
            Act::AcceptTooEarly => {
                prop_assert_eq!(
                    self.conversation.accept("").first().copied(),
                    Some(4),
                    "EAP-Failure"
                );
                self.ended = true;
                return Ok(());
            }
            Act::Reorder(number) => {
                let earlier = number.get(&self.requests).clone();
                if let PeerStep::Response(response) = self.peer.receive(&earlier) {
                    return self.arrive(response);
                }
                return Ok(());
            }
            Act::Forge(eap_type, data) => {
                let length = (5 + data.len()) as u16;
                let [high, low] = length.to_be_bytes();
                let head = [2, self.request[1], high, low, *eap_type];
                return self.arrive([&head[..], data].concat());
            }
            Act::Garbage(packet) => return self.arrive(packet.clone()),
            Act::Deliver | Act::Change(..) | Act::Cut(_) | Act::Replay(_) => {}
        }
        let PeerStep::Response(mut packet) = self.peer.receive(&self.request) else {
            self.ended = true;
            return Ok(());
        };
        match act {
            Act::Change(at, change) => *at.get_mut(&mut packet) ^= change,
            Act::Cut(at) => {
                packet.truncate(at.index(packet.len()));
                let length = (packet.len() as u16).to_be_bytes();
                if let Some(field) = packet.get_mut(2..4) {
                    field.copy_from_slice(&length);
                }
            }
            Act::Replay(number) if !self.responses.is_empty() => {
                packet = number.get(&self.responses).clone()
            }
            _ => {}
        }
        self.arrive(packet)
    }

    /// A packet reaches the server.
    fn arrive(&mut self, packet: Vec<u8>) -> Result<(), TestCaseError> {
        let mut step = self.conversation.receive(start_of_time(), &packet);
        self.responses.push(packet);
        while let Step::Ask(question) = step {
            let busy = self
                .conversation
                .receive(start_of_time(), &self.responses[0]);
            prop_assert!(
                matches!(busy, Step::Ignore(_)),
                "nothing counts while the world is asked: {busy:?}"
            );
            let world = self
                .case
                .world
                .get(self.questions)
                .copied()
                .unwrap_or(World::Truth);
            self.questions += 1;
            let told = told(world, &question);
            let given = world == World::Gift;
            match question {
                Question::Password { .. } | Question::Chap { .. } => self.gift |= given,
                Question::Code { .. } | Question::NewPassword { .. } => self.more_given |= given,
                Question::NtHash { .. } => {}
            }
            self.agreed |= world == World::Truth && !matches!(told, Answer::Refused(_));
            step = self.conversation.resume(start_of_time(), told);
        }
        match step {
            Step::Request(request) => {
                self.requests.push(request.clone());
                self.request = request;
                self.reopen()?;
            }
            Step::Success(success) => {
                self.success = Some(success);
                self.ended = true;
            }
            Step::Failure { packet, .. } => {
                prop_assert_eq!(packet.first().copied(), Some(4), "EAP-Failure");
                self.ended = true;
                self.nothing_counts_any_more()?;
                prop_assert_eq!(
                    self.conversation.accept("").first().copied(),
                    Some(4),
                    "a failure cannot be accepted"
                );
            }
            Step::Ignore(_) => self.reopen()?,
            Step::Ask(_) => {}
        }
        Ok(())
    }

    /// Forgets everything but what a NAS would carry, and goes on from that.
    fn reopen(&mut self) -> Result<(), TestCaseError> {
        let epoch = start_of_time();
        let Some(opening) = self
            .conversation
            .opening(epoch)
            .filter(|_| self.case.stateless)
        else {
            return Ok(());
        };
        let opening = Opening::from_bytes(&opening.to_bytes()).unwrap();
        let again = Conversation::resume_opening(
            Arc::clone(&self.settings),
            epoch,
            NOW,
            self.case.mtu,
            random(),
            &opening,
            "anonymous",
        );
        let again = again.unwrap();
        prop_assert_eq!(again.last_request(), self.conversation.last_request());
        prop_assert_eq!(again.outer_identity(), self.conversation.outer_identity());
        prop_assert_eq!(again.rounds(), self.conversation.rounds());
        prop_assert_eq!(again.method(), self.conversation.method());
        self.conversation = again;
        Ok(())
    }

    /// Every packet that was ever sent, and an answer: none leads anywhere.
    fn nothing_counts_any_more(&mut self) -> Result<(), TestCaseError> {
        for packet in &self.responses {
            let step = self.conversation.receive(start_of_time(), packet);
            prop_assert!(matches!(step, Step::Ignore(_)), "it is over: {step:?}");
        }
        let step = self.conversation.resume(start_of_time(), Answer::Accepted);
        prop_assert!(matches!(step, Step::Ignore(_)), "it is over: {step:?}");
        Ok(())
    }

    /// Whether the success was deserved, and is the only one; `accepted_before` if a session may be resumed.
    fn judge(&mut self, accepted_before: bool) -> Result<(), TestCaseError> {
        let Some(success) = self.success.take() else {
            return Ok(());
        };
        if success.resumed {
            prop_assert!(
                accepted_before,
                "a session that was never accepted was resumed: {success:?}"
            );
        } else if success.identity == MACHINE {
            let machine = self.case.machine;
            let alone = machine.filter(|machine| machine.alone);
            let certificate = alone.map(|machine| machine.certificate);
            prop_assert_eq!(certificate, Some(Certificate::Good));
            prop_assert!(success.by_certificate && !success.certificates.is_empty());
        } else {
            // Outside a tunnel it is only what was said, and may have been changed on the way.
            if success.method != "EAP-TLS" {
                prop_assert_eq!(&success.identity, self.case.person.name());
            }
            if success.machine.is_some() {
                let certificate = self.case.machine.map(|machine| machine.certificate);
                prop_assert_eq!(certificate, Some(Certificate::Good));
            }
            if success.by_certificate {
                prop_assert_eq!(self.case.certificate, Certificate::Good);
                prop_assert!(!success.certificates.is_empty());
            } else if !self.gift {
                prop_assert!(self.agreed, "the world never agreed: {success:?}");
                prop_assert!(
                    self.case.right_password,
                    "the password was wrong: {success:?}"
                );
                match self.case.person {
                    Person::Alice => {}
                    Person::Carol(more) | Person::Dave(more) => prop_assert!(
                        more == Some(true) || self.more_given,
                        "more than the password was needed: {success:?}"
                    ),
                }
            }
        }
        self.nothing_counts_any_more()?;
        let verdict = if self.case.accept {
            self.conversation.accept("")
        } else {
            self.conversation.refuse()
        };
        prop_assert_eq!(verdict.first(), Some(&if self.case.accept { 3 } else { 4 }));
        self.nothing_counts_any_more()?;
        prop_assert_eq!(
            self.conversation.accept("").first().copied(),
            Some(4),
            "nobody is accepted twice"
        );
        if let PeerStep::Success(peer) = self.peer.receive(&verdict) {
            prop_assert!(self.case.accept);
            prop_assert_eq!(peer.msk, *success.msk, "both sides have the same key");
        }
        Ok(())
    }
}

fn told(world: World, question: &Question) -> Answer {
    match world {
        World::Truth => answer(question),
        World::Refusal => answer(&Question::NtHash {
            user: "nobody".to_owned(),
        }),
        World::WrongHash => Answer::NtHash(mschapv2::nt_hash("another").into()),
        World::Gift => Answer::Accepted,
    }
}

fn tls_of(certificate: Certificate) -> Arc<PeerTls> {
    let pki = pki();
    let identity = match certificate {
        Certificate::Good => Some(&pki.client),
        Certificate::Foreign => Some(&pki.foreign_client),
        Certificate::Expired => Some(&pki.expired_client),
        Certificate::None => None,
    };
    peer_tls(TlsVersions::Both, identity)
}

/// The settings with the proposed method first.
fn settings(case: &Case) -> Arc<Settings> {
    let mut methods = vec![case.proposed];
    methods.extend(
        METHODS
            .into_iter()
            .filter(|method| *method != case.proposed),
    );
    settings_of(&server_tls(case.versions), &methods)
}

/// As many as are quick, or as `PROPTEST_CASES` says.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(320)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn only_a_completed_method_with_the_right_credentials_succeeds_and_only_once(case in case()) {
        let (settings, tls) = (settings(&case), tls_of(case.certificate));
        let mut first = Run::new(&case, &settings, &tls);
        first.play()?;
        let accepted = first.success.is_some() && case.accept;
        first.judge(false)?;
        // Once more, in the same order of events: only what was accepted can be resumed.
        let mut second = Run::new(&case, &settings, &tls);
        second.play()?;
        second.judge(accepted)?;
    }

    #[test]
    fn a_login_that_only_loses_packets_succeeds_if_and_only_if_the_credentials_are_right(mut case in case()) {
        case.acts.retain(|act| matches!(act, Act::Deliver | Act::Lose));
        case.world.clear();
        let mut run = Run::new(&case, &settings(&case), &tls_of(case.certificate));
        run.play()?;
        let right = case.is_right();
        prop_assert_eq!(run.success.is_some(), right);
        run.judge(false)?;
    }
}
