//! What travels inside the TLS tunnel of PEAP, EAP-TTLS and TEAP.
//!
//! A supplicant made of rustls alone completes the handshake, and then says whatever the input says. The handshake is
//! real, so an input costs a fraction of a millisecond: these targets try fewer inputs than the others, and what they
//! reach is what a stranger reaches.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, LazyLock};

use nac_eap::{Answer, Conversation, Method, Step, mschapv2};
use rustls::client::Resumption;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::{ServerName, UnixTime};

use crate::conversation::{check, conversation};
use crate::ground::{GROUND, NOW, PASSWORD, START, USER, truth};

/// No EAP packet is fragmented here: the targets of `conversation` see to fragments.
const MTU: usize = 60_000;
const TLS_1_2: usize = 1;
const TLS_1_3: usize = 2;
/// A Start has no TLS data; in TEAP it has TLVs outside the tunnel.
const START_FLAG: u8 = 0x20;
/// EAP-MSCHAPv2 and the extensions method inside PEAP.
const MSCHAPV2: u8 = 26;
const EXTENSIONS: u8 = 33;

/// The attributes inside EAP-TTLS. The first octet picks TLS 1.2 or 1.3.
pub fn ttls_avps(input: &[u8]) {
    let Some((&version, avps)) = input.split_first() else {
        return;
    };
    let version = if version % 2 == 0 { TLS_1_2 } else { TLS_1_3 };
    if let Some(mut tunnel) = Tunnel::open(Method::Ttls, version) {
        tunnel.say(avps);
        tunnel.say(&[]);
    }
    GROUND.forget();
}

/// The extensions message that answers the server's Result TLV: the supplicant logged in as it should.
pub fn peap_tlvs(input: &[u8]) {
    if let Some(mut tunnel) = Tunnel::open(Method::Peap, TLS_1_2) {
        tunnel.say(&[]);
        for _ in 0..4 {
            if tunnel.heard.get(4) == Some(&EXTENSIONS) {
                let header = [2, tunnel.heard.get(1).copied().unwrap_or(0), 0, 0];
                let mut message = [&header[..], input].concat();
                let length = u16::try_from(message.len())
                    .unwrap_or(u16::MAX)
                    .to_be_bytes();
                message.splice(2..4, length);
                tunnel.say(&message);
                break;
            }
            let right = tunnel.right_answer();
            tunnel.say(&right);
        }
    }
    GROUND.forget();
}

/// The TLVs of TEAP. The first octet picks TLS 1.2 or 1.3, and whether the input answers the question who is there or the inner method's
/// first message.
pub fn teap_tlvs(input: &[u8]) {
    /// Identity-Type user, and the beginning of an EAP-Payload with a Response/Identity: its identifier comes next.
    const IDENTITY: &[u8] = b"\x00\x02\x00\x02\x00\x01\x80\x09\x00\x0a\x02";
    let Some((&first, tlvs)) = input.split_first() else {
        return;
    };
    let version = if first & 1 == 0 { TLS_1_2 } else { TLS_1_3 };
    if let Some(mut tunnel) = Tunnel::open(Method::Teap, version) {
        if tunnel.heard.is_empty() {
            tunnel.say(&[]);
        }
        if first & 2 != 0 {
            // The EAP-Payload is what the server's message ends with: an identity request of five octets.
            let at = tunnel.heard.len().saturating_sub(4);
            let identifier = tunnel.heard.get(at).copied().unwrap_or_default();
            let answer = [IDENTITY, &[identifier], b"\x00\x0a\x01alice"].concat();
            tunnel.say(&answer);
        }
        tunnel.say(tlvs);
        tunnel.say(&[]);
    }
    GROUND.forget();
}

/// EAP-MSCHAPv2. The first octet says which of the server's messages the input answers: the challenge, its success,
/// or its failure.
pub fn mschapv2_messages(input: &[u8]) {
    let Some((&which, message)) = input.split_first() else {
        return;
    };
    let message = [&[MSCHAPV2][..], message].concat();
    if let Some(mut tunnel) = Tunnel::open(Method::Peap, TLS_1_2) {
        tunnel.say(&[]);
        tunnel.say(b"\x01alice");
        match which % 3 {
            0 => {}
            1 => {
                let right = tunnel.right_answer();
                tunnel.say(&right);
            }
            _ => {
                let mut wrong = tunnel.right_answer();
                // An octet of the NT response.
                if let Some(octet) = wrong.get_mut(40) {
                    *octet ^= 1;
                }
                tunnel.say(&wrong);
            }
        }
        tunnel.say(&message);
        let right = tunnel.right_answer();
        tunnel.say(&right);
    }
    GROUND.forget();
}

/// A supplicant whose TLS handshake is done.
struct Tunnel {
    conversation: Conversation,
    tls: ClientConnection,
    method: Method,
    /// The identifier of the outstanding request.
    identifier: u8,
    /// What the server said last, inside the tunnel.
    heard: Vec<u8>,
    over: bool,
    /// What was said last is the response of somebody who knows the password.
    right: bool,
    /// The world found a password right, or gave the NT hash to judge what was right.
    agreed: bool,
}

impl Tunnel {
    fn open(method: Method, version: usize) -> Option<Self> {
        let mut conversation = conversation(method, version, MTU);
        conversation.start();
        let tls = ClientConnection::new(
            Arc::clone(&CLIENT),
            ServerName::try_from("radius.example.org").ok()?,
        )
        .ok()?;
        let identifier = conversation
            .last_request()
            .and_then(|packet| packet.get(1).copied())?;
        let mut tunnel = Self {
            conversation,
            tls,
            method,
            identifier,
            heard: Vec::new(),
            over: false,
            right: false,
            agreed: false,
        };
        tunnel.respond(1, USER.as_bytes());
        while tunnel.tls.is_handshaking() && !tunnel.over {
            tunnel.flush();
        }
        if tunnel.tls.wants_write() {
            tunnel.flush();
        }
        (!tunnel.over).then_some(tunnel)
    }

    /// Says something inside the tunnel; nothing is an acknowledgement.
    fn say(&mut self, data: &[u8]) {
        if self.over {
            return;
        }
        self.right = data.starts_with(&[MSCHAPV2, 2]) && data == self.right_answer();
        self.heard.clear();
        let _ = self.tls.writer().write_all(data);
        self.flush();
    }

    /// Sends what TLS has queued, as one message.
    fn flush(&mut self) {
        let version = u8::from(self.method == Method::Teap);
        let mut message = vec![version];
        while self.tls.wants_write() {
            if self.tls.write_tls(&mut message).is_err() {
                break;
            }
        }
        self.respond(self.method.type_number(), &message);
    }

    fn respond(&mut self, eap_type: u8, data: &[u8]) {
        let length = u16::try_from(5 + data.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        let mut packet = vec![2, self.identifier, length[0], length[1], eap_type];
        packet.extend_from_slice(data);
        let mut step = self.conversation.receive(*START, &packet);
        if let Step::Ask(question) = &step {
            let answer = truth(question);
            self.agreed |= match answer {
                Answer::Accepted => true,
                Answer::NtHash(_) => self.right,
                Answer::Refused(_)
                | Answer::AcceptedWithCode
                | Answer::CodeNeeded
                | Answer::ExpiredNtHash { .. } => false,
            };
            step = self.conversation.resume(*START, answer);
        }
        check(&self.conversation, &step);
        match step {
            Step::Request(request) => self.hear(&request),
            Step::Success(_) => {
                assert!(self.agreed, "the world never agreed");
                self.over = true;
            }
            _ => self.over = true,
        }
    }

    fn hear(&mut self, request: &[u8]) {
        self.identifier = request.get(1).copied().unwrap_or_default();
        let flags = request.get(5).copied().unwrap_or_default();
        if flags & START_FLAG != 0 {
            return;
        }
        let start = if flags & 0x80 == 0 { 6 } else { 10 };
        let mut message = request.get(start..).unwrap_or_default();
        while !message.is_empty() {
            if self.tls.read_tls(&mut message).is_err() || self.tls.process_new_packets().is_err() {
                self.over = true;
                return;
            }
        }
        // "Would block" when there is no more.
        let _ = self.tls.reader().read_to_end(&mut self.heard);
    }

    /// What a supplicant that knows the password says to what was heard, in PEAP.
    fn right_answer(&self) -> Vec<u8> {
        match self.heard[..] {
            [1] => [&[1], USER.as_bytes()].concat(),
            [MSCHAPV2, 1, identifier, _, _, 16, ref rest @ ..] => {
                let Some(challenge) = rest.first_chunk::<16>() else {
                    return Vec::new();
                };
                let hash = mschapv2::nt_hash(PASSWORD);
                let response = mschapv2::nt_response(&hash, challenge, &[7; 16], USER);
                let length = (5 + 49 + USER.len()).to_be_bytes();
                let header = [MSCHAPV2, 2, identifier, length[6], length[7], 49];
                [
                    &header[..],
                    &[7; 16],
                    &[0; 8],
                    &response,
                    &[0],
                    USER.as_bytes(),
                ]
                .concat()
            }
            [MSCHAPV2, operation, ..] => vec![MSCHAPV2, operation],
            [1, ref rest @ ..] => [&[2], rest].concat(),
            _ => Vec::new(),
        }
    }
}

/// X25519 only, so that a handshake is cheap.
static CLIENT: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    let mut roots = RootCertStore::empty();
    roots.add(GROUND.authority()).expect("our own authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions();
    let builder = builder
        .expect("usual versions")
        .with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    config.time_provider = Arc::new(Fixed);
    Arc::new(config)
});

/// A clock that stands still.
#[derive(Debug)]
struct Fixed;

impl TimeProvider for Fixed {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(NOW))
    }
}
