//! EAP conversations: with raw packets, and with a real supplicant whose packets are tampered with.

use std::sync::Arc;

use nac_eap::peer::{Peer, PeerMethod, PeerSettings, PeerStep, PeerTls};
use nac_eap::{Answer, Conversation, Method, Question, Step, mschapv2};

use crate::ground::{GROUND, METHODS, NOW, PASSWORD, START, USER, random, refusal, truth};

const MTU: usize = 1386;
/// More packets than any login needs.
const MAX_STEPS: usize = 80;

/// EAP packets as they are. The first octet says how far the conversation has come when they arrive, and which method is proposed; each
/// packet has two octets of length before it.
pub fn eap_packet(input: &[u8]) {
    let Some((&how_far, rest)) = input.split_first() else {
        return;
    };
    let method = match how_far {
        0..=127 => METHODS[usize::from(how_far) % 3],
        _ => Method::Teap,
    };
    let mut conversation = conversation(method, 0, MTU);
    match how_far / 3 % 3 {
        0 => {}
        1 => drop(conversation.start()),
        _ => drop(conversation.receive(*START, &[2, 1, 0, 10, 1, b'a', b'l', b'i', b'c', b'e'])),
    }
    let mut peer = peer(
        PeerMethod::PeapMschapv2,
        PASSWORD,
        &GROUND.peer_tls(false),
        MTU,
    );
    for packet in pieces(rest).take(MAX_STEPS) {
        let mut step = conversation.receive(*START, packet);
        if let Step::Ask(_) = step {
            step = conversation.resume(*START, refusal());
        }
        check(&conversation, &step);
        assert!(!matches!(step, Step::Success(_)), "nobody proved anything");
        if let PeerStep::Success(_) = peer.receive(packet) {
            panic!("a supplicant believed a server that proved nothing");
        }
    }
    GROUND.forget();
}

/// A whole conversation of a real supplicant. The input says what happens to its packets on the way, and what the world
/// answers; when it ends, everything goes as it should.
pub fn eap_conversation(input: &[u8]) {
    let mut script = Script(input);
    let scene = Scene::read(&mut script);
    let tls = GROUND.peer_tls(scene.certificate);
    let accepted = scene.run(&mut script, &tls, false);
    if scene.again {
        scene.run(&mut script, &tls, accepted);
    }
    GROUND.forget();
}

/// Octets of the input, one after the other; zeros when it has ended.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn next(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    fn take(&mut self, length: u8) -> &'a [u8] {
        let (taken, rest) = self
            .0
            .split_at_checked(usize::from(length))
            .unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }
}

/// Who logs in, and where.
struct Scene {
    method: PeerMethod,
    proposed: Method,
    version: usize,
    certificate: bool,
    right_password: bool,
    accept: bool,
    again: bool,
    mtu: usize,
}

/// What happened in a login that could let somebody in.
#[derive(Default)]
struct Proof {
    /// The world gave the right NT hash, or found the password right.
    truth: bool,
    /// The world accepted whatever it was asked.
    gift: bool,
}

impl Scene {
    fn read(script: &mut Script<'_>) -> Self {
        let (who, flags, mtu) = (script.next(), script.next(), script.next());
        let teap = [
            PeerMethod::TeapMschapv2,
            PeerMethod::TeapPap,
            PeerMethod::TeapTls,
        ];
        let method = match usize::from(mtu / 4 % 4) {
            0 => [
                PeerMethod::Tls,
                PeerMethod::PeapMschapv2,
                PeerMethod::TtlsPap,
                PeerMethod::TtlsMschapv2,
            ][usize::from(who % 4)],
            number => teap[number - 1],
        };
        Self {
            method,
            proposed: METHODS[usize::from(who / 4) % METHODS.len()],
            version: usize::from(who / 16),
            certificate: flags & 1 == 0,
            right_password: flags & 2 == 0,
            accept: flags & 4 == 0,
            again: flags & 8 != 0,
            mtu: [MTU, 100, 300, 1020][usize::from(mtu % 4)],
        }
    }

    /// One login; whether it succeeded and was accepted.
    fn run(&self, script: &mut Script<'_>, tls: &Arc<PeerTls>, resumable: bool) -> bool {
        let password = if self.right_password {
            PASSWORD
        } else {
            "guess"
        };
        let mut conversation = conversation(self.proposed, self.version, self.mtu);
        let mut peer = peer(self.method, password, tls, self.mtu);
        let mut request = conversation.start();
        let (mut sent, mut proof) = (Vec::new(), Proof::default());
        for _ in 0..MAX_STEPS {
            let PeerStep::Response(response) = peer.receive(&request) else {
                return false;
            };
            let packet = tampered(script, &request, response, &mut sent);
            let mut step = conversation.receive(*START, &packet);
            while let Step::Ask(question) = step {
                step = conversation.resume(*START, answer(script, &question, &mut proof));
            }
            check(&conversation, &step);
            match step {
                Step::Request(next) => request = next,
                Step::Success(success) => {
                    self.judge(success.method, success.resumed, resumable, &proof);
                    let last = if self.accept {
                        conversation.accept("")
                    } else {
                        conversation.refuse()
                    };
                    assert_eq!(last.first(), Some(&(4 - u8::from(self.accept))));
                    assert!(
                        matches!(conversation.receive(*START, &packet), Step::Ignore(_)),
                        "it is over"
                    );
                    return self.accept;
                }
                Step::Failure { .. } => {
                    assert!(
                        matches!(conversation.receive(*START, &packet), Step::Ignore(_)),
                        "it is over"
                    );
                    return false;
                }
                // The supplicant is asked again, as after a lost packet.
                Step::Ignore(_) | Step::Ask(_) => {}
            }
        }
        false
    }

    /// Whether a success was deserved.
    fn judge(&self, method: &str, resumed: bool, resumable: bool, proof: &Proof) {
        if resumed {
            assert!(
                resumable,
                "{method}: a session that was never accepted was resumed"
            );
        } else if nac_eap::is_by_certificate(method) {
            assert!(self.certificate, "{method} without a certificate");
        } else {
            assert!(
                proof.truth || proof.gift,
                "{method}: the world never agreed"
            );
            assert!(
                self.right_password || proof.gift,
                "{method}: the password was wrong"
            );
        }
    }
}

/// What becomes of a response on its way.
fn tampered(
    script: &mut Script<'_>,
    request: &[u8],
    response: Vec<u8>,
    sent: &mut Vec<Vec<u8>>,
) -> Vec<u8> {
    let mut packet = response;
    match script.next() % 8 {
        // Some octets are changed.
        3 => {
            for _ in 0..script.next() % 4 + 1 {
                let (high, low, change) = (script.next(), script.next(), script.next());
                let at = usize::from(u16::from_be_bytes([high, low])) % packet.len().max(1);
                if let Some(octet) = packet.get_mut(at) {
                    *octet ^= change;
                }
            }
        }
        // It is cut off, with a length that is right again.
        4 => {
            packet.truncate(usize::from(script.next()));
            if let Some([_, _, high, low]) = packet.first_chunk_mut() {
                [*high, *low] = [0, script.next()];
            }
        }
        // An earlier one comes instead.
        5 => {
            let number = usize::from(script.next());
            if let Some(earlier) = sent.get(number % sent.len().max(1)) {
                packet.clone_from(earlier);
            }
        }
        // Other data come with the right header.
        6 => {
            let length = script.next();
            let data = script.take(length);
            let kind = request.get(4).copied().unwrap_or(1);
            let total = (5 + data.len()).to_be_bytes();
            packet = vec![
                2,
                request.get(1).copied().unwrap_or(0),
                total[6],
                total[7],
                kind,
            ];
            packet.extend(data);
        }
        // Anything comes.
        7 => {
            let length = script.next();
            packet = script.take(length).to_vec();
        }
        _ => {}
    }
    sent.push(packet.clone());
    packet
}

fn answer(script: &mut Script<'_>, question: &Question, proof: &mut Proof) -> Answer {
    match script.next() % 5 {
        1 => refusal(),
        2 => Answer::NtHash(mschapv2::nt_hash("another").into()),
        3 => {
            let is_password = matches!(question, Question::Password { .. } | Question::Code { .. });
            proof.gift |= is_password;
            Answer::Accepted
        }
        _ => {
            let answer = truth(question);
            proof.truth |= matches!(answer, Answer::Accepted | Answer::NtHash(_));
            answer
        }
    }
}

pub(crate) fn conversation(first: Method, version: usize, mtu: usize) -> Conversation {
    Conversation::new(GROUND.settings(version, first), *START, NOW, mtu, random(1))
}

fn peer(method: PeerMethod, password: &str, tls: &Arc<PeerTls>, eap_mtu: usize) -> Peer {
    let settings = PeerSettings {
        method,
        identity: USER.to_owned(),
        anonymous_identity: None,
        password: Some(password.to_owned().into()),
        tls: Arc::clone(tls),
        eap_mtu,
    };
    Peer::new(Arc::new(settings), NOW, random(2))
}

/// Packets of an input, each with two octets of length before it; what is cut off comes as it is.
fn pieces(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (piece, tail) = tail.split_at_checked(length).unwrap_or((tail, &[]));
        rest = tail;
        Some(piece)
    })
}

/// What holds after every step.
pub(crate) fn check(conversation: &Conversation, step: &Step) {
    assert!(
        conversation.unfinished() <= 64 * 1024,
        "a flight has at most 64 KiB"
    );
    assert!(conversation.rounds() <= 51);
    match step {
        Step::Request(packet) => {
            let [1, _, high, low, _, ..] = packet[..] else {
                panic!("{packet:?} is no request");
            };
            assert_eq!(usize::from(u16::from_be_bytes([high, low])), packet.len());
        }
        Step::Failure { packet, reason } => {
            assert!(
                matches!(packet[..], [4, _, 0, 4]),
                "{packet:?} is no EAP-Failure"
            );
            assert!(!reason.sentence.is_empty() && !reason.remedy.is_empty());
        }
        Step::Ignore(reason) => assert!(!reason.code.is_empty()),
        Step::Success(_) | Step::Ask(_) => {}
    }
}
