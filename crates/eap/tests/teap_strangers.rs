//! A stranger in TEAP's tunnel, as in `strangers.rs`: what it says there may be anything, in any order, and is bound to the tunnel with
//! every key that a stranger can have.
//!
//! The keys are written from RFC 9930 section 6 once more, apart from those of the crate.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use aws_lc_rs::hmac;
use nac_eap::{Method, TlsVersions, mschapv2};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::stranger::{Visit, World, cases, password};

/// TLVs (RFC 9930 section 4.2), of which some must be understood.
const IDENTITY_TYPE: u16 = 2;
const NAK: u16 = 4;
const RESULT: u16 = 3;
const EAP_PAYLOAD: u16 = 9;
const INTERMEDIATE_RESULT: u16 = 10;
const CRYPTO_BINDING: u16 = 12;
const PASSWORD_REQUEST: u16 = 13;
const PASSWORD_RESPONSE: u16 = 14;
const MANDATORY: u16 = 0x8000;
/// The types of EAP in it.
const IDENTITY: u8 = 1;
const EAP_NAK: u8 = 3;
const MSCHAPV2: u8 = 26;

/// What the stranger says next.
#[derive(Clone, Debug)]
enum Say {
    /// What a supplicant says that knows the password, or one that guesses it.
    Expected {
        knows: bool,
    },
    /// The password, asked for or not.
    Password {
        knows: bool,
    },
    /// That all is well (1) or not (2), with the binding of a tunnel in which nothing was proven, or with none.
    Result {
        status: u8,
        intermediate: bool,
        bound: bool,
    },
    /// A message of EAP-MSCHAPv2, of which only the operation is there.
    Operation(u8),
    /// That it has no user, as a machine does that nobody is logged in to.
    NoUser,
    Nothing,
    Again(Index),
    Garbage(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Case {
    versions: TlsVersions,
    by_password_tlv: bool,
    says: Vec<Say>,
    world: World,
}

fn say() -> impl Strategy<Value = Say> {
    let result = (select(vec![1, 2]), any::<bool>(), any::<bool>());
    prop_oneof![
        8 => any::<bool>().prop_map(|knows| Say::Expected { knows }),
        2 => any::<bool>().prop_map(|knows| Say::Password { knows }),
        4 => result.prop_map(|(status, intermediate, bound)| Say::Result { status, intermediate, bound }),
        2 => select(vec![2, 3, 4]).prop_map(Say::Operation),
        1 => Just(Say::NoUser),
        1 => Just(Say::Nothing),
        1 => any::<Index>().prop_map(Say::Again),
        1 => vec(any::<u8>(), 0..20).prop_map(Say::Garbage),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let world = World::any();
    let versions = select(vec![TlsVersions::Only12, TlsVersions::Only13]);
    (versions, any::<bool>(), vec(say(), 0..14), world).prop_map(
        |(versions, by_password_tlv, says, world)| Case {
            versions,
            by_password_tlv,
            says,
            world,
        },
    )
}

struct Stranger {
    visit: Visit,
    /// It refuses EAP in the tunnel, so that it is asked for a password.
    by_password_tlv: bool,
    /// The response that it gave to the challenge of EAP-MSCHAPv2, and the hash that it was made with.
    responded: Option<([u8; 24], [u8; 16])>,
    said: Vec<Vec<u8>>,
}

impl Stranger {
    fn new(case: &Case) -> Self {
        Self {
            visit: Visit::open(Method::Teap, case.versions, case.world),
            by_password_tlv: case.by_password_tlv,
            responded: None,
            said: Vec::new(),
        }
    }

    fn play(&mut self, says: &[Say]) {
        for say in says {
            if self.visit.over {
                return;
            }
            let words = match say {
                Say::Expected { knows } => self.expected(*knows),
                Say::Password { knows } => password_tlv(*knows),
                Say::Result {
                    status,
                    intermediate,
                    bound,
                } => {
                    let binding = if *bound {
                        self.binding(None)
                    } else {
                        Vec::new()
                    };
                    let intermediate = match intermediate {
                        true => tlv(MANDATORY | INTERMEDIATE_RESULT, &[0, *status]),
                        false => Vec::new(),
                    };
                    [
                        binding,
                        intermediate,
                        tlv(MANDATORY | RESULT, &[0, *status]),
                    ]
                    .concat()
                }
                Say::Operation(operation) => self.eap(MSCHAPV2, &[*operation]),
                Say::NoUser => tlv(MANDATORY | NAK, &[0, 0, 0, 0, 0, EAP_PAYLOAD as u8]),
                Say::Nothing => Vec::new(),
                Say::Again(number) if !self.said.is_empty() => number.get(&self.said).clone(),
                Say::Again(_) => Vec::new(),
                Say::Garbage(words) => words.clone(),
            };
            self.say(&words);
            self.said.push(words);
        }
    }

    fn say(&mut self, words: &[u8]) {
        let proves = self.proves(words);
        for knows in [true, false] {
            if let Some((response, eap)) = self.response(knows)
                && words == eap
            {
                self.responded = Some((response, mschapv2::nt_hash(password(knows))));
            }
        }
        self.visit.say(words, proves);
    }

    /// Whether these words show that the password is known.
    fn proves(&self, words: &[u8]) -> bool {
        let response = self.response(true);
        response.is_some_and(|(_, eap)| eap == words) || words == password_tlv(true)
    }

    /// A TLV of what the server said last.
    fn heard(&self, kind: u16) -> Option<&[u8]> {
        let mut rest = &self.visit.tunnel.heard[..];
        while let [high, low, length_high, length_low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
            let (value, after) = after.split_at(length);
            if u16::from_be_bytes([*high, *low]) & 0x3fff == kind {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    /// What is due now, from somebody who knows the password or guesses it.
    fn expected(&self, knows: bool) -> Vec<u8> {
        let mut words = Vec::new();
        if self.heard(CRYPTO_BINDING).is_some() {
            words.extend(self.binding(self.responded));
        }
        if self.heard(INTERMEDIATE_RESULT).is_some() {
            words.extend(tlv(MANDATORY | INTERMEDIATE_RESULT, &[0, 1]));
        }
        if self.heard(RESULT).is_some() {
            words.extend(tlv(MANDATORY | RESULT, &[0, 1]));
        }
        if self.heard(PASSWORD_REQUEST).is_some() {
            words.extend(password_tlv(knows));
        }
        match self.heard(EAP_PAYLOAD) {
            Some([1, _, _, _, IDENTITY]) => {
                words.extend(tlv(IDENTITY_TYPE, &[0, 1]));
                words.extend(self.eap(IDENTITY, b"alice"));
            }
            Some([1, ..]) if self.by_password_tlv => words.extend(self.eap(EAP_NAK, &[0])),
            Some([1, _, _, _, MSCHAPV2, operation @ 3..=4, ..]) => {
                words.extend(self.eap(MSCHAPV2, &[*operation]));
            }
            Some([1, _, _, _, MSCHAPV2, ..]) => {
                words.extend(self.response(knows).map(|(_, eap)| eap).unwrap_or_default());
            }
            Some([1, ..]) => words.extend(self.eap(EAP_NAK, &[MSCHAPV2])),
            _ => {}
        }
        words
    }

    /// The answer to a challenge of EAP-MSCHAPv2, if there is one: the NT response, and the TLV.
    fn response(&self, knows: bool) -> Option<([u8; 24], Vec<u8>)> {
        let [1, _, _, _, MSCHAPV2, 1, identifier, _, _, 16, rest @ ..] = self.heard(EAP_PAYLOAD)?
        else {
            return None;
        };
        let challenge = rest.first_chunk()?;
        let hash = mschapv2::nt_hash(password(knows));
        let response = mschapv2::nt_response(&hash, challenge, &[7; 16], "alice");
        let head = [2, *identifier, 0, 59, 49];
        let data = [&head[..], &[7; 16], &[0; 8], &response, &[0], b"alice"].concat();
        Some((response, self.eap(MSCHAPV2, &data)))
    }

    /// An EAP packet in a TLV, which answers what was heard.
    fn eap(&self, eap_type: u8, data: &[u8]) -> Vec<u8> {
        let identifier = self.heard(EAP_PAYLOAD).and_then(|packet| packet.get(1));
        let [high, low] = ((5 + data.len()) as u16).to_be_bytes();
        let head = [
            2,
            identifier.copied().unwrap_or_default(),
            high,
            low,
            eap_type,
        ];
        tlv(MANDATORY | EAP_PAYLOAD, &[&head[..], data].concat())
    }

    /// The Crypto-Binding TLV that answers the server's (section 4.2.13), or one out of the blue. Its key comes from what was proven by
    /// EAP-MSCHAPv2, or from an inner session key of zeros.
    fn binding(&self, proven: Option<([u8; 24], [u8; 16])>) -> Vec<u8> {
        let inner = proven.map_or([0; 32], |(response, hash)| {
            let (sends, receives) = mschapv2::mppe_keys(&hash, &response);
            [sends, receives].concat().try_into().unwrap()
        });
        let seed = self.visit.tunnel.tls.export_keying_material(
            [0; 40],
            b"EXPORTER: teap session key seed",
            None,
        );
        let suite = self
            .visit
            .tunnel
            .tls
            .negotiated_cipher_suite()
            .unwrap()
            .suite();
        let hash = match format!("{suite:?}").ends_with("SHA384") {
            true => hmac::HMAC_SHA384,
            false => hmac::HMAC_SHA256,
        };
        let compound = expand(hash, &seed.unwrap(), b"Inner Methods Compound Keys", &inner);
        let key = hmac::Key::new(hash, &compound[40..60]);
        let nonce = self
            .heard(CRYPTO_BINDING)
            .and_then(|value| value.get(4..36));
        let mut nonce = nonce.unwrap_or(&[0; 32]).to_vec();
        nonce[31] |= 1;
        // Version 1 was sent and received; the MSK's MAC is there; it is a response.
        let head = [&[0, 1, 1, 0x21][..], &nonce].concat();
        let unsigned = tlv(MANDATORY | CRYPTO_BINDING, &[&head[..], &[0; 40]].concat());
        let mac = hmac::sign(
            &key,
            &[
                &unsigned,
                &[Method::Teap.type_number()][..],
                &self.visit.tunnel.outer,
            ]
            .concat(),
        );
        let value = [&head[..], &[0; 20], &mac.as_ref()[..20]].concat();
        tlv(MANDATORY | CRYPTO_BINDING, &value)
    }
}

/// The PRF of TLS 1.2, 96 octets of it (RFC 5246 section 5).
fn expand(hash: hmac::Algorithm, secret: &[u8], label: &[u8], seed: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hash, secret);
    let seed = [label, seed].concat();
    let (mut a, mut material) = (seed.clone(), Vec::new());
    while material.len() < 96 {
        a = hmac::sign(&key, &a).as_ref().to_vec();
        material.extend_from_slice(hmac::sign(&key, &[&a[..], &seed].concat()).as_ref());
    }
    material
}

fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u16).to_be_bytes();
    [&kind.to_be_bytes()[..], &length, value].concat()
}

fn password_tlv(knows: bool) -> Vec<u8> {
    let password = password(knows).as_bytes();
    let value = [&[5][..], b"alice", &[password.len() as u8], password].concat();
    tlv(MANDATORY | PASSWORD_RESPONSE, &value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn whatever_a_stranger_says_in_teap_only_the_password_lets_it_in(case in case()) {
        let mut stranger = Stranger::new(&case);
        stranger.play(&case.says);
        if let Some(success) = &stranger.visit.success {
            prop_assert!(stranger.visit.proven, "{success:?}");
            prop_assert_eq!(&success.identity, "alice");
            prop_assert!(success.machine.is_none());
        }
    }
}

#[test]
fn who_says_what_is_expected_and_knows_the_password_gets_in_and_who_guesses_does_not() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for by_password_tlv in [false, true] {
            for knows in [true, false] {
                let case = Case {
                    versions,
                    by_password_tlv,
                    says: vec![Say::Expected { knows }; 8],
                    world: World::Truth,
                };
                let mut stranger = Stranger::new(&case);
                stranger.play(&case.says);
                let what = format!("{versions:?}, by a password TLV: {by_password_tlv}");
                assert_eq!(stranger.visit.success.is_some(), knows, "{what}");
                assert_eq!(stranger.visit.proven, knows, "{what}");
            }
        }
    }
}
