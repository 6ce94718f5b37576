//! A TLS client that believes everything, and what is said through it: for supplicants that are not honest.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use nac_eap::{Answer, Conversation, Method, Question, Step, Success, TlsVersions, mschapv2};
use proptest::prelude::*;
use proptest::sample::select;
use rustls::client::Resumption;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, ExtractedSecrets, RootCertStore};
use rustls_pki_types::{ServerName, UnixTime};

use super::{NOW, PASSWORD, answer, pki, random, server_tls, settings_of, start_of_time};

/// What the world says to a question of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum World {
    Truth,
    Refusal,
    WrongHash,
    /// It says yes to a password that it did not look at.
    Accepted,
}

impl World {
    /// The truth, most of the time.
    pub fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            4 => Just(Self::Truth),
            1 => select(vec![Self::Refusal, Self::WrongHash, Self::Accepted]),
        ]
    }

    pub fn answer(self, question: &Question) -> Answer {
        match self {
            Self::Truth => answer(question),
            Self::Refusal => answer(&Question::NtHash {
                user: "nobody".to_owned(),
            }),
            Self::WrongHash => Answer::NtHash(mschapv2::nt_hash("another").into()),
            Self::Accepted => Answer::Accepted,
        }
    }

    /// Whether somebody may be let in for words that show the password, or do not.
    pub fn is_proven(self, question: &Question, shown: bool) -> bool {
        match self {
            Self::Truth => shown,
            Self::Accepted => matches!(question, Question::Password { .. }),
            Self::Refusal | Self::WrongHash => false,
        }
    }
}

/// Somebody in a tunnel, and what came of it.
pub struct Visit {
    pub tunnel: Tunnel,
    world: World,
    /// The right password was said, or proven to be known, and the world agreed.
    pub proven: bool,
    pub success: Option<Success>,
    pub over: bool,
}

impl Visit {
    /// The handshake is done, and nothing was said yet.
    pub fn open(method: Method, versions: TlsVersions, world: World) -> Self {
        Self {
            tunnel: Tunnel::open(method, versions),
            world,
            proven: false,
            success: None,
            over: false,
        }
    }

    /// Says these words, which show that the password is known or do not.
    pub fn say(&mut self, words: &[u8], shown: bool) {
        let world = self.world;
        let mut proven = false;
        let outcome = self.tunnel.say(words, |question| {
            proven = world.is_proven(question, shown);
            world.answer(question)
        });
        self.proven |= proven;
        match outcome {
            Outcome::GoesOn => {}
            Outcome::LetIn(success) => (self.success, self.over) = (Some(*success), true),
            Outcome::Over => self.over = true,
        }
    }
}

pub fn password(knows: bool) -> &'static str {
    if knows { PASSWORD } else { "guess" }
}

/// As many as are quick, or as `PROPTEST_CASES` says.
pub fn cases() -> u32 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(128)
}

const MTU: usize = 60_000;
/// Version 1, which is the only one that TEAP has.
const TEAP_FLAGS: u8 = 1;

/// A tunnel to a server, whose handshake is done.
pub struct Tunnel {
    pub tls: ClientConnection,
    /// What the server said last, inside.
    pub heard: Vec<u8>,
    /// What it said outside, in its first message.
    pub outer: Vec<u8>,
    pub method: Method,
    pub identifier: u8,
    conversation: Conversation,
    /// Its keys are elsewhere: what the server says is not read any more.
    deaf: bool,
}

/// What became of something that was said.
#[derive(Debug)]
pub enum Outcome {
    GoesOn,
    LetIn(Box<Success>),
    Over,
}

impl Tunnel {
    pub fn open(method: Method, versions: TlsVersions) -> Self {
        let settings = settings_of(&server_tls(versions), &[method]);
        let mut conversation = Conversation::new(settings, start_of_time(), NOW, MTU, random());
        let identifier = conversation.start()[1];
        let mut tunnel = Self {
            tls: client(),
            heard: Vec::new(),
            outer: Vec::new(),
            method,
            identifier,
            conversation,
            deaf: false,
        };
        let nobody = |_: &Question| unreachable!("nothing is asked before the tunnel stands");
        tunnel.respond(1, b"anybody", nobody);
        while tunnel.tls.is_handshaking() {
            tunnel.say(&[], nobody);
        }
        // TLS 1.3: our Finished. TLS 1.2: the acknowledgement of the server's, where EAP-TTLS goes on at once.
        if tunnel.tls.wants_write() || method != Method::Ttls {
            tunnel.say(&[], nobody);
        }
        tunnel
    }

    /// Says these words inside; the world answers what the server asks it.
    pub fn say(&mut self, words: &[u8], world: impl FnOnce(&Question) -> Answer) -> Outcome {
        self.tls.writer().write_all(words).unwrap();
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).unwrap();
        }
        self.say_records(&records, world)
    }

    /// Gives the keys away, to write records that no client writes.
    pub fn take_secrets(&mut self) -> ExtractedSecrets {
        self.deaf = true;
        let tls = std::mem::replace(&mut self.tls, client());
        tls.dangerous_extract_secrets().unwrap()
    }

    /// Says what is encrypted already.
    pub fn say_records(
        &mut self,
        records: &[u8],
        world: impl FnOnce(&Question) -> Answer,
    ) -> Outcome {
        let flags = match self.method {
            Method::Teap => TEAP_FLAGS,
            _ => 0,
        };
        let data = [&[flags], records].concat();
        self.respond(self.method.type_number(), &data, world)
    }

    fn respond(
        &mut self,
        eap_type: u8,
        data: &[u8],
        world: impl FnOnce(&Question) -> Answer,
    ) -> Outcome {
        let [high, low] = ((5 + data.len()) as u16).to_be_bytes();
        let packet = [&[2, self.identifier, high, low, eap_type], data].concat();
        let mut step = self.conversation.receive(start_of_time(), &packet);
        if let Step::Ask(question) = &step {
            step = self.conversation.resume(start_of_time(), world(question));
        }
        match step {
            Step::Request(request) => {
                self.hear(&request);
                Outcome::GoesOn
            }
            Step::Success(success) => Outcome::LetIn(Box::new(success)),
            _ => Outcome::Over,
        }
    }

    fn hear(&mut self, request: &[u8]) {
        self.identifier = request[1];
        if self.deaf {
            return;
        }
        let flags = request[5];
        let start = if flags & 0x80 == 0 { 6 } else { 10 };
        let mut message = &request[start..];
        if flags & 0x10 != 0 {
            let (length, rest) = message.split_first_chunk::<4>().unwrap();
            let length = u32::from_be_bytes(*length) as usize;
            let (data, outer) = rest.split_at(rest.len() - length);
            self.outer = outer.to_vec();
            message = data;
        }
        while !message.is_empty() {
            self.tls.read_tls(&mut message).unwrap();
            self.tls.process_new_packets().unwrap();
        }
        self.heard.clear();
        // "Would block" when there is no more.
        let _ = self.tls.reader().read_to_end(&mut self.heard);
    }
}

/// What a client says first, in a record.
pub fn hello() -> Vec<u8> {
    let mut record = Vec::new();
    client().write_tls(&mut record).unwrap();
    record
}

fn client() -> ClientConnection {
    let name = ServerName::try_from("radius.example.org").unwrap();
    ClientConnection::new(config(), name).unwrap()
}

fn config() -> Arc<ClientConfig> {
    #[derive(Debug)]
    struct Fixed;
    impl TimeProvider for Fixed {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(NOW))
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pki().authority.certificate()).unwrap();
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.time_provider = Arc::new(Fixed);
    config.enable_secret_extraction = true;
    Arc::new(config)
}
