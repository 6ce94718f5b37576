//! The methods, as the server plays them.
//!
//! All of them run TLS over the same framing; [`TlsMethod`] is that part. What follows the handshake
//! is a [`Phase2`]: nothing but a farewell in EAP-TLS, another authentication in PEAP and EAP-TTLS. Where
//! that is EAP again, [`inner`] does it.

pub(crate) mod avp;
pub(crate) mod inner;
pub(crate) mod mschapv2;
pub(crate) mod peap;
pub(crate) mod teap;
#[cfg(test)]
mod tests;
mod tls;
pub(crate) mod tlv;
mod ttls;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

use crate::fragment::{self, ACKNOWLEDGEMENT, Framing, Inbound};
use crate::keys::{self, CompoundKeys, Keys};
use crate::reason::{self, Reason};
use crate::sessions::{MachineProof, SessionRecord};
use crate::settings::{InnerMethod, Method, Settings};
use crate::step::{Answer, Question};
use crate::tls::{ConversationSessions, Tls, check_validity};

/// The names under which logins are recorded: the tunnel, and what ran inside it.
const NAMES: [&str; 14] = [
    "EAP-TLS",
    "PEAP-MSCHAPv2",
    "PEAP-GTC",
    "PEAP-TLS",
    "TTLS-PAP",
    "TTLS-CHAP",
    "TTLS-MSCHAP",
    "TTLS-MSCHAPv2",
    "TTLS-EAP-MSCHAPv2",
    "TTLS-EAP-GTC",
    "TTLS-EAP-TLS",
    "TEAP-MSCHAPv2",
    "TEAP-TLS",
    "TEAP-PAP",
];

/// Every value of [`Success::method`](crate::Success::method).
pub fn method_names() -> &'static [&'static str] {
    &NAMES
}

/// Whether a method of [`method_names`] proves the identity by a certificate, not by a password.
pub fn is_by_certificate(method: &str) -> bool {
    matches!(method, "EAP-TLS" | "PEAP-TLS" | "TTLS-EAP-TLS" | "TEAP-TLS")
}

/// What ran inside the tunnel in a method of [`method_names`]; nothing in EAP-TLS.
fn inner_method(method: &str) -> Option<InnerMethod> {
    Some(match method {
        "PEAP-MSCHAPv2" | "TTLS-EAP-MSCHAPv2" | "TEAP-MSCHAPv2" => InnerMethod::EapMschapv2,
        "PEAP-GTC" | "TTLS-EAP-GTC" => InnerMethod::EapGtc,
        "PEAP-TLS" | "TTLS-EAP-TLS" | "TEAP-TLS" => InnerMethod::EapTls,
        "TTLS-PAP" | "TEAP-PAP" => InnerMethod::Pap,
        "TTLS-CHAP" => InnerMethod::Chap,
        "TTLS-MSCHAP" => InnerMethod::Mschap,
        "TTLS-MSCHAPv2" => InnerMethod::Mschapv2,
        _ => return None,
    })
}

/// What a method wants next.
pub(crate) enum Next {
    /// Send a request with this type data.
    Request(Vec<u8>),
    /// Ask the world.
    Ask(Question),
    /// The supplicant is authenticated.
    Success(Authenticated),
    /// It is over.
    Failure(Reason),
}

/// What a method found out.
pub(crate) struct Authenticated {
    pub(crate) record: SessionRecord,
    pub(crate) resumed: bool,
}

/// What a method may use of the conversation.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    /// The largest EAP packet to send.
    pub(crate) eap_mtu: usize,
    /// What the supplicant said when it was asked for its name, outside of this method.
    pub(crate) identity: &'a str,
    pub(crate) unix_time: Duration,
    /// The identifier of the request that comes next.
    pub(crate) identifier: u8,
    pub(crate) random: &'a mut dyn FnMut(&mut [u8]),
    /// Set when it is certain that the login is refused, before the supplicant has acknowledged that.
    pub(crate) refusal: &'a mut Option<Reason>,
}

/// What the second phase wants next.
enum Inner {
    /// Send what TLS has queued, which may be nothing.
    Flush,
    /// Ask the world.
    Ask(Question),
    /// The supplicant is authenticated now.
    Authenticated(Proven),
    /// The resumed session stands, with what was proven in it.
    Resumed,
    /// It is over.
    Failure(Reason),
}

/// What was proven, and by which method.
#[derive(Debug)]
struct Proven {
    identity: String,
    method: &'static str,
    /// A code of an authenticator app was checked as well.
    second_factor: bool,
    /// The chain that proved it inside a tunnel; empty otherwise.
    certificates: Vec<CertificateDer<'static>>,
    /// What was proven before it in the same tunnel, as TEAP's machine.
    machine: Option<MachineProof>,
}

impl Proven {
    /// Without a certificate inside the tunnel.
    fn new(identity: String, method: &'static str) -> Self {
        Self {
            identity,
            method,
            second_factor: false,
            certificates: Vec::new(),
            machine: None,
        }
    }
}

/// What happens inside TLS once the handshake is done.
trait Phase2: Send {
    /// The handshake is done. `early` is application data that came with its last message.
    fn established(&mut self, tls: &mut Tls, early: &[u8], context: &mut Context<'_>) -> Inner;

    /// The peer sent application data, or nothing, which acknowledges what we sent.
    fn received(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner;

    /// The world answered.
    fn answered(&mut self, tls: &mut Tls, answer: Answer, context: &mut Context<'_>) -> Inner;

    /// The keys that bind the tunnel to what ran inside it; without them TLS's own count.
    fn compound_keys(&self) -> Option<CompoundKeys> {
        None
    }

    /// The peer's TLVs outside the tunnel, in its first message.
    fn outer_tlvs(&mut self, _tlvs: &[u8]) {}
}

/// A method in progress: framing, TLS, and what happens inside.
pub(crate) struct TlsMethod {
    method: Method,
    framing: Framing,
    tls: Tls,
    sessions: Arc<ConversationSessions>,
    phase2: Box<dyn Phase2>,
    /// An alert is on its way to the peer; when it has answered, this is the reason.
    ending: Option<Reason>,
    /// The peer has said something.
    heard: bool,
}

impl TlsMethod {
    pub(crate) fn new(
        method: Method,
        settings: &Settings,
        eap_mtu: usize,
        unix_time: Duration,
    ) -> Result<Self, Reason> {
        let (tls, sessions) = settings.tls.connect(method, unix_time)?;
        let phase2: Box<dyn Phase2> = match method {
            Method::Tls => Box::new(tls::CertificateOnly),
            Method::Peap => Box::new(peap::Peap::default()),
            Method::Ttls => Box::new(ttls::Ttls::default()),
            Method::Teap => Box::new(teap::Teap::new(settings)),
        };
        Ok(Self {
            method,
            framing: Framing::new(eap_mtu),
            tls,
            sessions,
            phase2,
            ending: None,
            heard: false,
        })
    }

    /// EAP-TLS inside a tunnel.
    fn inside(settings: &Settings, eap_mtu: usize, unix_time: Duration) -> Result<Self, Reason> {
        let (tls, sessions) = settings.tls.connect_inside(unix_time)?;
        Ok(Self {
            method: Method::Tls,
            framing: Framing::new(eap_mtu),
            tls,
            sessions,
            phase2: Box::new(tls::CertificateOnly),
            ending: None,
            heard: false,
        })
    }

    pub(crate) fn method(&self) -> Method {
        self.method
    }

    /// How many octets of an unfinished message are held.
    pub(crate) fn unfinished(&self) -> usize {
        self.framing.unfinished()
    }

    /// What the peer was sent last, in the words of who looks for the reason of its silence.
    pub(crate) fn awaited(&self) -> &'static str {
        if self.framing.unfinished() > 0 {
            "the acknowledgement of a fragment of its own message"
        } else if self.framing.has_more() {
            "a fragment of this server's message, of which more were to follow"
        } else if !self.tls.is_handshaking() {
            "a message inside the TLS tunnel"
        } else if self.tls.is_resumed() {
            "the resumption of its TLS session"
        } else {
            "this server's certificate"
        }
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// MSK, EMSK and Session-Id, once the supplicant is authenticated.
    pub(crate) fn keys(&self) -> Result<Keys, Reason> {
        let keys = keys::derive(self.method, &self.tls)?;
        Ok(match self.phase2.compound_keys() {
            Some(CompoundKeys { msk, emsk }) => Keys { msk, emsk, ..keys },
            None => keys,
        })
    }

    /// Makes the TLS session resumable.
    pub(crate) fn keep_session(&self, record: &SessionRecord, holder: &str, unix_time: Duration) {
        // A peer may send a certificate that is expired and not part of the verified chain. Which
        // ones are is not known on resumption, where such a chain would be refused; so it is not
        // resumed at all.
        let machine = record
            .machine
            .as_ref()
            .map(|machine| &machine.certificates[..]);
        let machine = machine.unwrap_or_default();
        let valid = [&self.tls.certificates()[..], &record.certificates, machine]
            .into_iter()
            .all(|chain| check_validity(chain, unix_time).is_ok());
        if valid {
            self.sessions.commit(record, holder);
        }
    }

    /// Makes the TLS session worthless. A session that was resumed dies only if the peer has shown
    /// that it knows the secret: its id alone, seen in the clear, must not be enough.
    pub(crate) fn forget_session(&self) {
        self.sessions
            .forget(!self.tls.is_handshaking() && self.tls.is_resumed());
    }

    /// Takes the type data of a response.
    pub(crate) fn receive(&mut self, type_data: &[u8], context: &mut Context<'_>) -> Next {
        // Version bits are reserved in EAP-TLS, so nothing follows from them there.
        let version = fragment::version(type_data);
        // An acknowledgement may come without flags, and so without a version.
        let versioned = self.method != Method::Tls && !type_data.is_empty();
        if versioned && version != self.method.version() {
            return Next::Failure(reason::PEER_VERSION.with(version));
        }
        let type_data = match self.method {
            Method::Teap => match teap::outer::split(type_data) {
                Ok((type_data, outer)) => {
                    if !std::mem::replace(&mut self.heard, true) {
                        self.phase2.outer_tlvs(&outer);
                    }
                    Cow::Owned(type_data)
                }
                Err(fault) => return Next::Failure(reason::FRAGMENT.with(fault)),
            },
            _ => Cow::Borrowed(type_data),
        };
        match self.framing.receive(&type_data) {
            Ok(Inbound::Message(message)) => self.message(&message, context),
            Ok(Inbound::Fragment) => Next::Request(ACKNOWLEDGEMENT.to_vec()),
            Ok(Inbound::Acknowledged) => Next::Request(self.framing.next_fragment()),
            Ok(Inbound::Start(_)) => {
                Next::Failure(reason::FRAGMENT.with("it set the Start flag, as only a server may"))
            }
            Err(fault) => Next::Failure(reason::FRAGMENT.with(fault)),
        }
    }

    /// Takes the world's answer.
    pub(crate) fn resume(&mut self, answer: Answer, context: &mut Context<'_>) -> Next {
        let inner = self.phase2.answered(&mut self.tls, answer, context);
        self.next(inner, context)
    }

    fn message(&mut self, message: &[u8], context: &mut Context<'_>) -> Next {
        if let Some(reason) = self.ending.take() {
            return Next::Failure(reason);
        }
        let was_handshaking = self.tls.is_handshaking();
        if message.is_empty() && was_handshaking {
            return Next::Failure(reason::TLS_EMPTY.reason());
        }
        let data = match self.tls.feed(message) {
            Ok(data) => data,
            Err(reason) => return self.end(reason, context),
        };
        let inner = if self.tls.is_handshaking() {
            Inner::Flush
        } else if was_handshaking {
            self.phase2.established(&mut self.tls, &data, context)
        } else if data.is_empty() && !message.is_empty() {
            // Part of a record, or a key update. The number of rounds limits it.
            Inner::Flush
        } else {
            self.phase2.received(&mut self.tls, &data, context)
        };
        self.next(inner, context)
    }

    fn next(&mut self, inner: Inner, context: &Context<'_>) -> Next {
        match inner {
            Inner::Flush => {
                let output = self.tls.output();
                Next::Request(self.framing.send(output))
            }
            Inner::Ask(question) => Next::Ask(question),
            Inner::Authenticated(proven) => {
                let record = SessionRecord {
                    identity: proven.identity,
                    method: proven.method,
                    second_factor: proven.second_factor,
                    certificates: proven.certificates.into(),
                    machine: proven.machine.map(Arc::new),
                    created_s: context.unix_time.as_secs(),
                };
                Next::Success(Authenticated {
                    record,
                    resumed: false,
                })
            }
            Inner::Resumed => self.resumed(context),
            Inner::Failure(reason) => Next::Failure(reason),
        }
    }

    fn resumed(&self, context: &Context<'_>) -> Next {
        let Some(record) = self.sessions.record() else {
            return Next::Failure(reason::INTERNAL.with("a resumed session has no record"));
        };
        if !is_offered(&record, context.settings) {
            return Next::Failure(reason::RESUMED_NOT_OFFERED.with(record.method));
        }
        // TLS verifies no certificate on resumption. Revocation is the caller's to check.
        let machine = record
            .machine
            .as_ref()
            .map(|machine| &machine.certificates[..]);
        for chain in [
            &self.tls.certificates()[..],
            &record.certificates,
            machine.unwrap_or_default(),
        ] {
            if let Err(fault) = check_validity(chain, context.unix_time) {
                return Next::Failure(reason::RESUMED_CERTIFICATE_EXPIRED.with(fault));
            }
        }
        Next::Success(Authenticated {
            record,
            resumed: true,
        })
    }

    /// Ends with an alert to the peer, if TLS has one to send (RFC 5216 section 2.1.3).
    fn end(&mut self, reason: Reason, context: &mut Context<'_>) -> Next {
        let alert = self.tls.output();
        if alert.is_empty() {
            return Next::Failure(reason);
        }
        *context.refusal = Some(reason.clone());
        self.ending = Some(reason);
        Next::Request(self.framing.send(alert))
    }
}

/// Whether what a session stems from could be done again under these settings. The tunnel itself was just proposed.
fn is_offered(record: &SessionRecord, settings: &Settings) -> bool {
    let served = |inner| settings.serves_inner(inner);
    let machine = record.machine.as_deref();
    let machine = machine.is_none_or(|machine| match machine.certificates.is_empty() {
        true => served(InnerMethod::EapMschapv2) || served(InnerMethod::Pap),
        false => served(InnerMethod::EapTls),
    });
    machine && inner_method(record.method).is_none_or(served)
}
