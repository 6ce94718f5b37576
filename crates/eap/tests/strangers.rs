//! A stranger in the tunnel: a TLS handshake costs nothing, and what is said behind it may be anything, in any order.
//!
//! The supplicant of `nac_eap::peer` is honest: it demands the server's proof and stops when something is odd. This one
//! is made of rustls alone, believes everything and says whatever might let it in.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use nac_eap::{Method, TlsVersions, mschapv2};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::PASSWORD;
use support::stranger::{Visit, World, cases, password};

const MSCHAPV2: u8 = 26;
const EXTENSIONS: u8 = 33;
const MICROSOFT: u32 = 311;

/// What the stranger says next, inside the tunnel.
#[derive(Clone, Debug)]
enum Say {
    /// What a supplicant says that knows the password, or one that guesses it.
    Expected {
        knows: bool,
    },
    /// Nothing: an acknowledgement.
    Nothing,
    /// Something that was said before.
    Again(Index),
    /// EAP-MSCHAPv2's acknowledgement of success (3) or failure (4).
    Acknowledge(u8),
    /// The Result TLV: success (1) or failure (2).
    Result(u8),
    /// PAP inside EAP-TTLS.
    Password {
        knows: bool,
    },
    Garbage(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Case {
    method: Method,
    versions: TlsVersions,
    says: Vec<Say>,
    world: World,
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        6 => any::<bool>().prop_map(|knows| Say::Expected { knows }),
        2 => Just(Say::Nothing),
        1 => any::<Index>().prop_map(Say::Again),
        2 => select(vec![3, 4]).prop_map(Say::Acknowledge),
        3 => select(vec![1, 2]).prop_map(Say::Result),
        1 => any::<bool>().prop_map(|knows| Say::Password { knows }),
        1 => vec(any::<u8>(), 0..20).prop_map(Say::Garbage),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let world = World::any();
    let method = select(vec![Method::Peap, Method::Ttls]);
    let versions = select(vec![TlsVersions::Only12, TlsVersions::Only13]);
    (method, versions, vec(say(), 0..14), world).prop_map(|(method, versions, says, world)| Case {
        method,
        versions,
        says,
        world,
    })
}

struct Stranger {
    visit: Visit,
    said: Vec<Vec<u8>>,
}

impl Stranger {
    /// A stranger whose handshake is done.
    fn new(case: &Case) -> Self {
        Self {
            visit: Visit::open(case.method, case.versions, case.world),
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
                Say::Nothing => Vec::new(),
                Say::Again(number) if !self.said.is_empty() => number.get(&self.said).clone(),
                Say::Again(_) => Vec::new(),
                Say::Acknowledge(operation) => vec![MSCHAPV2, *operation],
                Say::Result(result) => {
                    let identifier = self.visit.tunnel.heard.get(1).copied();
                    let identifier = identifier.unwrap_or(self.visit.tunnel.identifier);
                    vec![2, identifier, 0, 11, EXTENSIONS, 0x80, 3, 0, 2, 0, *result]
                }
                Say::Password { knows } => pap(password(*knows)),
                Say::Garbage(words) => words.clone(),
            };
            self.said.push(words.clone());
            self.say(&words);
        }
    }

    /// What is due now, from somebody who knows the password or guesses it.
    fn expected(&self, knows: bool) -> Vec<u8> {
        if self.visit.tunnel.method == Method::Ttls {
            let due = self.visit.tunnel.heard.is_empty();
            return if due {
                self.ttls_mschapv2(knows)
            } else {
                Vec::new()
            };
        }
        match self.visit.tunnel.heard[..] {
            [1] => b"\x01alice".to_vec(),
            [MSCHAPV2, 1, identifier, _, _, 16, ref rest @ ..] => {
                let challenge = rest.first_chunk().unwrap();
                let head = [MSCHAPV2, 2, identifier, 0, 59, 49];
                [&head[..], &value(challenge, knows), b"alice"].concat()
            }
            [MSCHAPV2, operation, ..] => vec![MSCHAPV2, operation],
            // The result alone: it leaves the crypto-binding out, as it may.
            [1, identifier, ..] => vec![2, identifier, 0, 11, EXTENSIONS, 0x80, 3, 0, 2, 0, 1],
            _ => Vec::new(),
        }
    }

    fn ttls_mschapv2(&self, knows: bool) -> Vec<u8> {
        let material =
            self.visit
                .tunnel
                .tls
                .export_keying_material([0; 17], b"ttls challenge", None);
        let material = material.unwrap();
        let challenge = material.first_chunk().unwrap();
        let value = value(challenge, knows);
        // The identifier comes first, and flags of zero where EAP-MSCHAPv2 has them last.
        let response = [&[material[16], 0], &value[..48]].concat();
        let mut words = avp(0, 1, b"alice");
        words.extend(avp(MICROSOFT, 11, challenge));
        words.extend(avp(MICROSOFT, 25, &response));
        words
    }

    /// Whether these words, here and now, show that the password is known.
    fn prove(&self, words: &[u8]) -> bool {
        let asked = self.visit.tunnel.method == Method::Ttls
            || self.visit.tunnel.heard.starts_with(&[MSCHAPV2, 1]);
        asked && words == self.expected(true) || words == pap(PASSWORD)
    }

    fn say(&mut self, words: &[u8]) {
        let proves = self.prove(words);
        self.visit.say(words, proves);
    }
}

/// The Value of an MS-CHAPv2 response: peer challenge, reserved, NT response, flags.
fn value(challenge: &[u8; 16], knows: bool) -> [u8; 49] {
    let hash = mschapv2::nt_hash(password(knows));
    let response = mschapv2::nt_response(&hash, challenge, &[7; 16], "alice");
    let value = [&[7; 16][..], &[0; 8], &response, &[0]].concat();
    value.try_into().unwrap()
}

fn pap(password: &str) -> Vec<u8> {
    let mut words = avp(0, 1, b"alice");
    words.extend(avp(0, 2, password.as_bytes()));
    words
}

/// A mandatory attribute (RFC 5281 section 10.1).
fn avp(vendor: u32, code: u32, data: &[u8]) -> Vec<u8> {
    let vendor = if vendor == 0 {
        Vec::new()
    } else {
        vendor.to_be_bytes().to_vec()
    };
    let flags: u32 = if vendor.is_empty() { 0x40 } else { 0xc0 };
    let length = (8 + vendor.len() + data.len()) as u32;
    let mut words = [
        &code.to_be_bytes()[..],
        &(flags << 24 | length).to_be_bytes(),
    ]
    .concat();
    words.extend(vendor);
    words.extend(data);
    words.resize(words.len().next_multiple_of(4), 0);
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn whatever_a_stranger_says_in_the_tunnel_only_the_password_lets_it_in(case in case()) {
        let mut stranger = Stranger::new(&case);
        prop_assert!(!stranger.visit.over, "the handshake alone is neither success nor failure");
        stranger.play(&case.says);
        if let Some(success) = &stranger.visit.success {
            prop_assert!(stranger.visit.proven, "{success:?}");
            prop_assert_eq!(&success.identity, "alice");
        }
    }
}

#[test]
fn who_says_what_is_expected_and_knows_the_password_gets_in_and_who_guesses_does_not() {
    for method in [Method::Peap, Method::Ttls] {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            for knows in [true, false] {
                let says = vec![Say::Expected { knows }; 6];
                let case = Case {
                    method,
                    versions,
                    says,
                    world: World::Truth,
                };
                let mut stranger = Stranger::new(&case);
                stranger.play(&case.says);
                assert_eq!(
                    stranger.visit.success.is_some(),
                    knows,
                    "{method} {versions:?}"
                );
                assert_eq!(stranger.visit.proven, knows);
            }
        }
    }
}
