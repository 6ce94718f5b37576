//! A switch that does everything wrong: whatever becomes of the packets of honest supplicants on their way, nobody is let in but who
//! completed a method with the right credentials, and with the keys of exactly that.
//!
//! Several stations log in at once through one switch. It loses, repeats and reorders their packets, gives one station's State to
//! another, says other names outside, and makes packets up. `PROPTEST_CASES=2000` makes a night of it.

use std::collections::HashMap;
use std::time::Duration;

use nac_eap::TlsVersions;
use nac_eap::peer::{Peer, PeerMethod, PeerStep};
use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Profile, tls};
use nac_test_support::wire::{Packet, Request, attribute, code, eap_response};

use crate::ground::{Ground, Noise};

/// What the switch's own question for a name looks like (RFC 3579 section 2.1).
const WHO: [u8; 5] = [1, 1, 0, 5, 1];
/// An answer that is due comes within this.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// What is not due has come within this, or comes while something else is waited for.
const GLANCE: Duration = Duration::from_millis(60);
/// Acts in one case, after which everybody is left in peace to finish.
const ACTS: usize = 40;
/// Packets that the longest login needs, and some to begin again.
const FINISH: usize = 30;

/// A station and its supplicant.
struct Station {
    profile: Profile,
    /// Whether the credentials are right.
    entitled: bool,
    peer: Peer,
    /// The newest request of the server, and whether the supplicant has seen it.
    request: Vec<u8>,
    seen: bool,
    state: Option<Vec<u8>>,
    /// Every State and every response so far.
    states: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    let_in: usize,
    refused: usize,
}

impl Station {
    fn new(profile: Profile, entitled: bool) -> Self {
        Self {
            peer: profile.peer(),
            profile,
            entitled,
            request: WHO.to_vec(),
            seen: false,
            state: None,
            states: Vec::new(),
            responses: Vec::new(),
            let_in: 0,
            refused: 0,
        }
    }

    /// It is switched off and on.
    fn begin_again(&mut self) {
        self.peer = self.profile.peer();
        self.request = WHO.to_vec();
        self.seen = false;
        // Nobody may finish what the supplicant has forgotten: an acknowledgement, which needs no secret, may be all that is missing.
        let forgotten = self.state.take();
        self.states
            .retain(|state| Some(state) != forgotten.as_ref());
    }

    /// What the supplicant says to the newest request. One that is at its end begins again.
    fn respond(&mut self) -> Vec<u8> {
        self.seen = true;
        let response = match self.peer.receive(&self.request) {
            PeerStep::Response(response) => response,
            _ => {
                self.begin_again();
                self.seen = true;
                match self.peer.receive(&WHO) {
                    PeerStep::Response(response) => response,
                    other => panic!("a supplicant says its name: {other:?}"),
                }
            }
        };
        self.responses.push(response.clone());
        response
    }

    /// Whether its supplicant completed a method that gave these keys.
    fn agrees(&mut self, success: &[u8], keys: &[u8]) -> bool {
        // An acknowledgement is the same out of every mouth: the switch may have sent another's in its place.
        if !self.seen {
            self.respond();
        }
        matches!(self.peer.receive(success), PeerStep::Success(peer) if peer.msk == keys)
    }
}

/// What was sent, and for whom.
#[derive(Clone)]
struct Sent {
    who: usize,
    octets: Vec<u8>,
    /// The answer goes to the station; otherwise the switch keeps it for itself.
    delivered: bool,
}

/// One case: the switch and its stations.
struct Case<'a> {
    client: &'a Exchange,
    noise: Noise,
    stations: Vec<Station>,
    /// By identifier.
    sent: HashMap<u8, Sent>,
    identifier: u8,
    /// State and EAP of requests that were answered with an Access-Accept, which their repetitions get again.
    accepted: Vec<(Option<Vec<u8>>, Vec<u8>)>,
    log: Vec<String>,
}

impl Case<'_> {
    fn any<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.noise.below(of.len())].clone())
    }

    fn any_station(&mut self) -> usize {
        self.noise.below(self.stations.len())
    }

    /// An Access-Request of a station, with a State and a name of the switch's choice.
    fn access(&mut self, who: usize, name: &str, state: Option<Vec<u8>>, eap: &[u8]) -> Request {
        self.identifier = self.identifier.wrapping_add(1);
        let request = self
            .client
            .access_request(self.identifier, name)
            .with(
                attribute::CALLING_STATION_ID,
                hex::encode(self.stations[who].profile.mac),
            )
            .with(attribute::FRAMED_MTU, 1_400_u32.to_be_bytes());
        let request = match state {
            Some(state) => request.with(attribute::STATE, state),
            None => request,
        };
        request.with_eap(eap)
    }

    /// Sends a request that belongs where it goes; the answer reaches the station.
    fn send(&mut self, who: usize, request: &Request, patience: Duration) {
        let octets = request.bytes();
        let delivered = true;
        self.exchange(
            Sent {
                who,
                octets,
                delivered,
            },
            patience,
        );
    }

    /// Sends one that belongs elsewhere; what comes is not passed on.
    fn misdirect(&mut self, who: usize, request: &Request) {
        let octets = request.bytes();
        let delivered = false;
        self.exchange(
            Sent {
                who,
                octets,
                delivered,
            },
            GLANCE,
        );
    }

    fn exchange(&mut self, sent: Sent, patience: Duration) {
        let (identifier, who, delivered) = (sent.octets[1], sent.who, sent.delivered);
        self.client.send(&sent.octets);
        self.sent.insert(identifier, sent);
        while let Some(heard) = self.client.receive(patience) {
            let reply = Packet::parse(&heard).expect("a packet");
            self.hear(&reply);
            if reply.identifier == identifier {
                return;
            }
        }
        // A supplicant that hears nothing begins again.
        if delivered {
            self.stations[who].begin_again();
        }
    }

    fn hear(&mut self, reply: &Packet) {
        let Some(sent) = self.sent.get(&reply.identifier).cloned() else {
            return;
        };
        // A late answer to what another case sent with this identifier does not verify, and a switch believes nothing of it.
        if !reply.answers(&sent.octets, cast::SECRET) {
            return;
        }
        let station = &mut self.stations[sent.who];
        match reply.code {
            code::ACCESS_ACCEPT => {
                let request = Packet::parse(&sent.octets).expect("our own");
                self.judge(reply, &request);
            }
            code::ACCESS_CHALLENGE if sent.delivered => {
                station.request = reply.eap();
                station.seen = false;
                station.state = reply.first(attribute::STATE).map(<[u8]>::to_vec);
                station.states.extend(station.state.clone());
            }
            code::ACCESS_REJECT if sent.delivered => {
                station.refused += 1;
                station.begin_again();
            }
            code::ACCESS_CHALLENGE | code::ACCESS_REJECT => {}
            other => panic!("an answer of code {other}"),
        }
    }

    /// Somebody is let in: one supplicant agrees, its credentials are right, and the keys are its own.
    fn judge(&mut self, reply: &Packet, request: &Packet) {
        let asked = (
            request.first(attribute::STATE).map(<[u8]>::to_vec),
            request.eap(),
        );
        if self.accepted.contains(&asked) {
            return;
        }
        let authenticator = Request::authenticator(&request.bytes);
        let keys = reply.link_keys(&authenticator, cast::SECRET);
        let (log, success) = (&self.log, reply.eap());
        let let_in = self.stations.iter_mut().find_map(|station| {
            let agreed = station.entitled && station.agrees(&success, &keys);
            // Whoever was asked is at its end, whatever it said.
            station.begin_again();
            agreed.then_some(&mut station.let_in)
        });
        *let_in.unwrap_or_else(|| panic!("nobody has completed a method: {log:#?}")) += 1;
        self.accepted.push(asked);
    }

    /// One thing that the switch does.
    fn act(&mut self) {
        let who = self.any_station();
        let other = self.any_station();
        let state = self.stations[who].state.clone();
        let name = self.stations[who].profile.outer_identity().to_owned();
        let act = self.noise.below(22);
        self.log
            .push(format!("act {act} of station {who} with {other}"));
        match act {
            // As it should be.
            0..=9 => self.deliver(who),
            // Lost on its way to the server.
            10 => drop(self.stations[who].respond()),
            // One station's words with the State of another.
            11 => {
                let state = self.stations[other].state.clone();
                let response = self.stations[who].respond();
                let request = self.access(who, &name, state, &response);
                self.misdirect(who, &request);
            }
            // An old State, or none, or one that is made up.
            12 | 13 => {
                let states = self.stations[other].states.clone();
                let state = match self.noise.below(3) {
                    0 => None,
                    1 => Some(self.noise.octets(16)),
                    _ => self.any(&states),
                };
                let response = self.stations[who].respond();
                let request = self.access(who, &name, state, &response);
                self.misdirect(who, &request);
            }
            // What was said before, with the State of now.
            14 | 15 => {
                let responses = self.stations[other].responses.clone();
                if let Some(response) = self.any(&responses) {
                    let request = self.access(who, &name, state, &response);
                    self.misdirect(who, &request);
                }
            }
            // The same octets as before.
            16 => {
                let identifiers: Vec<u8> = self.sent.keys().copied().collect();
                if let Some(identifier) = self.any(&identifiers) {
                    let delivered = false;
                    let sent = self.sent[&identifier].clone();
                    self.exchange(Sent { delivered, ..sent }, GLANCE);
                }
            }
            // Another name outside, from now on or in the middle.
            17 => {
                let name = [cast::USER, cast::OTHER_USER, cast::REVOKED_USER, "", "x@y"];
                let name = name[self.noise.below(5)];
                let response = self.stations[who].respond();
                let request = self.access(who, name, state, &response);
                self.send(who, &request, PATIENCE);
            }
            // A response of the right identifier that nobody said.
            18 => {
                let kinds = [1, 3, 4, 6, 13, 21, 25, 26, 33, 55, 254];
                let kind = kinds[self.noise.below(kinds.len())];
                let length = self.noise.below(40);
                let data = self.noise.octets(length);
                let identifier = self.stations[who].request[1];
                let forged = eap_response(identifier, kind, &data);
                let request = self.access(who, &name, state, &forged);
                self.send(who, &request, GLANCE);
            }
            // EAP-Success, EAP-Failure and an EAP-Request out of a station's mouth.
            19 => {
                let identifier = self.stations[who].request[1];
                let forged = match self.noise.below(3) {
                    0 => vec![3, identifier, 0, 4],
                    1 => vec![4, identifier, 0, 4],
                    _ => vec![1, identifier, 0, 5, 1],
                };
                let request = self.access(who, &name, state, &forged);
                self.send(who, &request, GLANCE);
            }
            // An octet of the message is changed.
            20 => {
                let mut response = self.stations[who].respond();
                let at = self.noise.below(response.len());
                response[at] ^= 1 << self.noise.below(8);
                let request = self.access(who, &name, state, &response);
                self.send(who, &request, GLANCE);
            }
            // The cable is pulled.
            _ => self.stations[who].begin_again(),
        }
    }

    fn deliver(&mut self, who: usize) {
        let name = self.stations[who].profile.outer_identity().to_owned();
        let response = self.stations[who].respond();
        let state = self.stations[who].state.clone();
        let request = self.access(who, &name, state, &response);
        self.send(who, &request, PATIENCE);
    }
}

/// Three who may come in and three who may not: a guessed password by two methods, and a certificate that was revoked.
fn stations(ground: &Ground, noise: &mut Noise) -> Vec<Station> {
    let right = [
        PeerMethod::Tls,
        PeerMethod::PeapMschapv2,
        PeerMethod::PeapTls,
        PeerMethod::TtlsPap,
        PeerMethod::TtlsMschapv2,
        PeerMethod::TeapMschapv2,
        PeerMethod::TeapPap,
    ];
    let wrong = [
        PeerMethod::PeapMschapv2,
        PeerMethod::TtlsPap,
        PeerMethod::TeapMschapv2,
    ];
    let mut stations = Vec::new();
    let mut add = |method: PeerMethod, entitled: bool, profile: Profile| {
        let number = stations.len() as u8;
        let mac = [2, 33, 0, 0, 0, number];
        let profile = Profile {
            method,
            mac,
            ..profile
        };
        stations.push(Station::new(profile, entitled));
    };
    for _ in 0..3 {
        let method = right[noise.below(right.len())];
        let mut profile = ground.profile(method);
        if method.by_certificate() {
            profile.tls = tls(
                &ground.nac.ca,
                Some(&ground.nac.credential),
                TlsVersions::Both,
            );
        }
        add(method, true, profile);
    }
    for _ in 0..2 {
        let method = wrong[noise.below(wrong.len())];
        let mut profile = ground.profile(method);
        // Guesses at the other user, for those at Alice would be counted against her.
        profile.identity = cast::OTHER_USER.to_owned();
        profile.password = "a guess".to_owned();
        add(method, false, profile);
    }
    let mut stolen = ground.profile(PeerMethod::Tls);
    stolen.identity = cast::REVOKED_USER.to_owned();
    stolen.tls = tls(&ground.nac.ca, Some(&ground.nac.revoked), TlsVersions::Both);
    add(PeerMethod::Tls, false, stolen);
    stations
}

/// As many as are quick, or as `PROPTEST_CASES` says.
fn cases() -> u64 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(8)
}

#[test]
fn whatever_a_switch_does_to_their_packets_only_who_completed_a_method_is_let_in() {
    let ground = Ground::shared();
    let client = ground.client("127.33.0.1:0");
    let mut let_in = 0;
    for seed in 1..=cases() {
        let mut noise = Noise::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let stations = stations(ground, &mut noise);
        let mut case = Case {
            client: &client,
            noise,
            stations,
            sent: HashMap::new(),
            identifier: 0,
            accepted: Vec::new(),
            log: vec![format!("case {seed}")],
        };
        for _ in 0..ACTS {
            case.act();
        }
        // Left in peace, who may come in does.
        for who in 0..case.stations.len() {
            let entitled = case.stations[who].entitled;
            let before = (case.stations[who].let_in, case.stations[who].refused);
            for _ in 0..FINISH {
                case.deliver(who);
                let station = &case.stations[who];
                let seen = match entitled {
                    true => station.let_in > before.0,
                    // The first may belong to what the switch has spoilt.
                    false => station.refused > before.1 + 1,
                };
                if seen {
                    break;
                }
            }
            let station = &case.stations[who];
            let finished = station.let_in > before.0;
            assert_eq!(finished, entitled, "{:?}: {:#?}", station.profile, case.log);
            let_in += station.let_in;
        }
    }
    assert!(let_in > 0);
    ground.survived();
}
