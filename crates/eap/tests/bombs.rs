//! TLS that is legal in every octet and costs its reader more than its writer (RFC 8446 section 4.1.2, RFC 5746): ClientHellos as
//! large as they can be, in as many pieces as they can be, and a handshake that is begun anew behind the first one.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod support;

use std::time::Duration;
use std::{fs, thread};

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use nac_eap::{Conversation, Method, Step, TlsVersions};
use rustls::{ConnectionTrafficSecrets, ExtractedSecrets};
use support::stranger::{Outcome, Tunnel, hello};
use support::{NOW, random, server_tls, settings_of, start_of_time};

/// A handshake may cost this much of a processor; without the optimizer it takes several times as long.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });
/// What one EAP packet can carry in any case.
const LARGE: usize = 60_000;
const TLS: u8 = 13;
/// TLS extensions.
const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
/// Types of records.
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// A ClientHello, taken apart.
#[derive(Clone)]
struct Hello {
    /// Version, random and session.
    head: Vec<u8>,
    suites: Vec<u8>,
    compression: Vec<u8>,
    extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// The one of a client that means it.
    fn honest() -> Self {
        let message = hello();
        // Record header, type and length.
        let body = &message[9..];
        let session = 35 + usize::from(body[34]);
        let (head, rest) = body.split_at(session);
        let (suites, rest) = vector(rest, 2);
        let (compression, rest) = vector(rest, 1);
        let (mut rest, _) = vector(rest, 2);
        let mut extensions = Vec::new();
        while let [high, low, after @ ..] = rest {
            let (value, after) = vector(after, 2);
            extensions.push((u16::from_be_bytes([*high, *low]), value.to_vec()));
            rest = after;
        }
        Self {
            head: head.to_vec(),
            suites: suites.to_vec(),
            compression: compression.to_vec(),
            extensions,
        }
    }

    fn with(mut self, kind: u16, value: Vec<u8>) -> Self {
        self.extensions.retain(|(there, _)| *there != kind);
        // The last place is that of a pre-shared key.
        self.extensions.insert(0, (kind, value));
        self
    }

    /// The handshake message.
    fn message(&self) -> Vec<u8> {
        let extensions: Vec<u8> = self
            .extensions
            .iter()
            .flat_map(|(kind, value)| [&kind.to_be_bytes()[..], &sized(value, 2)].concat())
            .collect();
        let body = [
            &self.head[..],
            &sized(&self.suites, 2),
            &sized(&self.compression, 1),
            &sized(&extensions, 2),
        ]
        .concat();
        [&[1][..], &sized(&body, 3)].concat()
    }

    /// In records of so many octets.
    fn records(&self, size: usize) -> Vec<u8> {
        let message = self.message();
        let records = message
            .chunks(size)
            .flat_map(|part| [&[HANDSHAKE, 3, 1][..], &sized(part, 2)].concat());
        records.collect()
    }
}

/// What has its length before it, and what follows.
fn vector(octets: &[u8], width: usize) -> (&[u8], &[u8]) {
    let (length, rest) = octets.split_at(width);
    let length = length
        .iter()
        .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
    rest.split_at(length)
}

/// With its length before it.
fn sized(octets: &[u8], width: usize) -> Vec<u8> {
    let length = octets.len().to_be_bytes();
    [&length[length.len() - width..], octets].concat()
}

/// The same octets until it is large.
fn many(octets: &[u8]) -> Vec<u8> {
    let count = LARGE / octets.len() * octets.len();
    octets.iter().copied().cycle().take(count).collect()
}

/// What this thread has had of a processor.
fn processor_time() -> Duration {
    // The kernel brings the account up to date when the thread gives way.
    thread::yield_now();
    let account = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = account.split_whitespace().next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}

/// What a server makes of TLS data in one EAP packet, and what that cost.
fn read(data: &[u8]) -> (Step, Duration) {
    let settings = settings_of(&server_tls(TlsVersions::Both), &[Method::Tls]);
    let mut conversation = Conversation::new(settings, start_of_time(), NOW, 1_386, random());
    let identifier = conversation.start()[1];
    let respond = |identifier: u8, kind: u8, data: &[u8]| {
        let length = ((5 + data.len()) as u16).to_be_bytes();
        [&[2, identifier][..], &length, &[kind], data].concat()
    };
    let step = conversation.receive(start_of_time(), &respond(identifier, 1, b"alice"));
    let Step::Request(request) = step else {
        panic!("{step:?}");
    };
    let response = respond(request[1], TLS, &[&[0], data].concat());
    let before = processor_time();
    let step = conversation.receive(start_of_time(), &response);
    (step, processor_time() - before)
}

#[test]
fn a_client_hello_as_large_as_it_can_be_costs_no_more_than_a_handshake() {
    let honest = Hello::honest();
    let name = [&[0][..], &sized(&[b'a'; LARGE], 2)].concat();
    let short_names = sized(&many(&[1, b'h']), 2);
    let one_name = sized(&many(&[&[250][..], &[b'h'; 250]].concat()), 2);
    let shares = sized(&many(&[0x7a, 0x7a, 0, 1, 0]), 2);
    let mut suites = honest.clone();
    suites.suites = [many(&[0x7a, 0x7a]), suites.suites].concat();
    let mut compression = honest.clone();
    compression.compression = (0..=254).collect();
    let mut unknown = honest.clone();
    let more = (0..LARGE / 4).map(|number| (20_000 + number as u16, Vec::new()));
    unknown.extensions.splice(0..0, more);
    let mut twice = honest.clone();
    let more = (0..LARGE / 4).map(|_| (20_000, Vec::new()));
    twice.extensions.splice(0..0, more);
    let cases = [
        (
            "a name of a server",
            honest.clone().with(SERVER_NAME, sized(&name, 2)),
        ),
        (
            "short names of protocols",
            honest.clone().with(ALPN, short_names),
        ),
        (
            "long names of protocols",
            honest.clone().with(ALPN, one_name),
        ),
        ("key shares", honest.clone().with(KEY_SHARE, shares)),
        (
            "groups",
            honest
                .clone()
                .with(SUPPORTED_GROUPS, sized(&many(&[0x7a, 0x7a]), 2)),
        ),
        (
            "signature algorithms",
            honest.with(SIGNATURE_ALGORITHMS, sized(&many(&[0x7a, 0x7a]), 2)),
        ),
        ("cipher suites", suites),
        ("methods of compression", compression),
        ("unknown extensions", unknown),
        ("one extension again and again", twice),
    ];
    for (what, hello) in cases {
        let data = hello.records(16_384);
        // The least of some: others use this machine as well.
        let least = (0..5).map(|_| {
            let (step, cost) = read(&data);
            // A flight of the server, or an alert.
            assert!(matches!(step, Step::Request(_)), "{what}: {step:?}");
            cost
        });
        let least = least.min().unwrap();
        assert!(least < LIMIT, "{what}: {least:?}");
    }
}

#[test]
fn a_client_hello_in_records_of_one_octet_is_read_or_refused_at_once() {
    let data = Hello::honest().records(1);
    let (_, cost) = (0..5)
        .map(|_| read(&data))
        .min_by_key(|(_, cost)| *cost)
        .unwrap();
    assert!(cost < LIMIT, "{cost:?}");
    // Records without any content, as many as fit.
    let (step, cost) = read(&many(&[HANDSHAKE, 3, 1, 0, 0]));
    assert!(matches!(step, Step::Request(_)), "an alert: {step:?}");
    assert!(cost < LIMIT, "{cost:?}");
}

#[test]
fn compression_is_never_agreed_on() {
    // TLS 1.3 refuses it (RFC 8446 section 4.1.2); in TLS 1.2 it may be offered.
    let mut hello = Hello::honest();
    hello.compression = vec![1, 64, 0];
    let (step, _) = read(&hello.records(16_384));
    assert!(is_alert(&step), "{step:?}");
    hello
        .extensions
        .retain(|(kind, _)| *kind != SUPPORTED_VERSIONS);
    let (step, _) = read(&hello.records(16_384));
    let Step::Request(request) = step else {
        panic!("{step:?}");
    };
    let record = if request[5] & 0x80 == 0 { 6 } else { 10 };
    let message = &request[record + 5..];
    assert_eq!(message[0], 2, "a ServerHello");
    // Behind type, length, version and random come the session and the suite.
    let (session, rest) = vector(&message[4 + 2 + 32..], 1);
    assert!(session.len() <= 32);
    assert_eq!(rest[2], 0, "no compression");
    // Nothing but compression is no offer.
    hello.compression = vec![1];
    let (step, _) = read(&hello.records(16_384));
    assert!(is_alert(&step), "{step:?}");
}

/// Whether the server answers with an alert, which it does not cut up.
fn is_alert(step: &Step) -> bool {
    matches!(step, Step::Request(request) if request[6] == 21)
}

/// A record of TLS 1.2, encrypted as the connection's next one.
fn encrypted(secrets: ExtractedSecrets, kind: u8, message: &[u8]) -> Vec<u8> {
    let (sequence, secrets) = secrets.tx;
    let sequence = sequence.to_be_bytes();
    let mut sealed = message.to_vec();
    let header = [kind, 3, 3];
    let aad = [
        &sequence[..],
        &header,
        &(message.len() as u16).to_be_bytes(),
    ]
    .concat();
    let mut seal = |algorithm: &'static Algorithm, key: &[u8], nonce: [u8; 12]| {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(&aad);
        key.seal_in_place_append_tag(nonce, aad, &mut sealed)
            .unwrap();
    };
    // GCM sends half of the nonce along (RFC 5288 section 3), ChaCha20 none of it (RFC 7905 section 2).
    let mut explicit = sequence.to_vec();
    let mut nonce: [u8; 12] = [0; 12];
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => {
            nonce.copy_from_slice(&[&iv.as_ref()[..4], &sequence].concat());
            seal(&AES_128_GCM, key.as_ref(), nonce);
        }
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => {
            nonce.copy_from_slice(&[&iv.as_ref()[..4], &sequence].concat());
            seal(&AES_256_GCM, key.as_ref(), nonce);
        }
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
            nonce.copy_from_slice(iv.as_ref());
            for (octet, number) in nonce[4..].iter_mut().zip(sequence) {
                *octet ^= number;
            }
            seal(&CHACHA20_POLY1305, key.as_ref(), nonce);
            explicit.clear();
        }
        _ => panic!("TLS 1.2 has no other"),
    }
    [&header[..], &sized(&[explicit, sealed].concat(), 2)].concat()
}

#[test]
fn a_handshake_that_begins_anew_in_the_tunnel_ends_the_login() {
    // A record that is made like this is read: somebody says a name in PEAP.
    let mut tunnel = Tunnel::open(Method::Peap, TlsVersions::Only12);
    let record = encrypted(tunnel.take_secrets(), APPLICATION_DATA, b"\x01alice");
    let outcome = tunnel.say_records(&record, |_| unreachable!("a name is no question"));
    assert!(matches!(outcome, Outcome::GoesOn), "{outcome:?}");
    for method in [Method::Peap, Method::Ttls, Method::Teap] {
        let mut tunnel = Tunnel::open(method, TlsVersions::Only12);
        let record = encrypted(tunnel.take_secrets(), HANDSHAKE, &Hello::honest().message());
        // A warning that there will be none is all that may come before the end.
        let nothing = |_: &nac_eap::Question| unreachable!("nobody has said a name");
        let mut outcome = tunnel.say_records(&record, nothing);
        for _ in 0..3 {
            if !matches!(outcome, Outcome::GoesOn) {
                break;
            }
            outcome = tunnel.say_records(&[], nothing);
        }
        assert!(matches!(outcome, Outcome::Over), "{method}: {outcome:?}");
    }
}
