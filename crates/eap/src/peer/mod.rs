//! The supplicant half of the same methods, for probes, demonstrations and tests.

mod inner;
mod method;
mod mschapv2;
mod peap;
mod teap;
mod ttls;
mod tunnel;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use self::tunnel::{Habits, Tunnel};
use crate::fragment::{self, ACKNOWLEDGEMENT, Framing, Inbound};
use crate::packet::{self, Body, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::CryptoBinding;
use crate::step::Random;

pub use self::method::PeerMethod;
pub use self::teap::PeerMachine;
pub use crate::tls::PeerTls;

/// A supplicant's profile.
pub struct PeerSettings {
    /// The method.
    pub method: PeerMethod,
    /// The user name; inside the tunnel if there is one.
    pub identity: String,
    /// The name to show outside the tunnel; `None` shows [`PeerSettings::identity`].
    pub anonymous_identity: Option<String>,
    /// The password, for the tunnel methods.
    pub password: Option<Zeroizing<String>>,
    /// Trust anchors, certificate (for EAP-TLS, also inside a tunnel) and resumable sessions.
    pub tls: Arc<PeerTls>,
    /// The largest EAP packet to send, in octets.
    pub eap_mtu: usize,
}

impl fmt::Debug for PeerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerSettings")
            .field("method", &self.method)
            .field("identity", &self.identity)
            .field("anonymous_identity", &self.anonymous_identity)
            .field("eap_mtu", &self.eap_mtu)
            .finish_non_exhaustive()
    }
}

/// What the supplicant does next.
#[derive(Debug)]
pub enum PeerStep {
    /// Send this response.
    Response(Vec<u8>),
    /// The server accepted, and the method is complete.
    Success(PeerSuccess),
    /// The login is over.
    Failure(Reason),
    /// Drop the packet.
    Ignore,
}

/// The keys of a finished login.
pub struct PeerSuccess {
    /// The Master Session Key, which must equal the server's.
    pub msk: [u8; 64],
    /// The EAP Session-Id.
    pub session_id: Vec<u8>,
    /// Whether the TLS session was resumed.
    pub resumed: bool,
    /// `1.2` or `1.3`.
    pub tls_version: &'static str,
}

impl fmt::Debug for PeerSuccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerSuccess")
            .field("resumed", &self.resumed)
            .field("tls_version", &self.tls_version)
            .finish_non_exhaustive()
    }
}

/// One login of a supplicant.
pub struct Peer {
    settings: Arc<PeerSettings>,
    unix_time: Duration,
    random: Random,
    framing: Framing,
    /// From the Start on.
    tunnel: Option<Tunnel>,
    habits: Habits,
    /// A method that was refused with a NAK.
    refused: Option<u8>,
    /// What went wrong on this side, until the server's EAP-Failure confirms it.
    trouble: Option<Reason>,
    last: Option<(Vec<u8>, Vec<u8>)>,
    over: bool,
}

impl Peer {
    /// Begins a login. `unix_time` is the wall clock time, `random` the source of
    /// challenges.
    pub fn new(settings: Arc<PeerSettings>, unix_time: Duration, random: Random) -> Self {
        let framing = Framing::new(settings.eap_mtu);
        Self {
            settings,
            unix_time,
            random,
            framing,
            tunnel: None,
            habits: Habits::default(),
            refused: None,
            trouble: None,
            last: None,
            over: false,
        }
    }

    /// Sends the credentials of EAP-TTLS along with the TLS 1.3 Finished, which saves a round trip.
    pub fn with_early_credentials(mut self) -> Self {
        self.habits.early = true;
        self
    }

    /// Whether it binds the tunnel of PEAP to the inner method; it does where the server can, unless told otherwise.
    pub fn with_crypto_binding(mut self, crypto_binding: CryptoBinding) -> Self {
        self.habits.crypto_binding = crypto_binding;
        self
    }

    /// Answers a second prompt of EAP-GTC with this code of an authenticator app.
    pub fn with_code(mut self, code: Zeroizing<String>) -> Self {
        self.habits.code = Some(code);
        self
    }

    /// Answers MS-CHAPv2's word that the password is expired with a new one (RFC 2759 section 7), in PEAP and EAP-TTLS.
    pub fn with_new_password(mut self, password: Zeroizing<String>) -> Self {
        self.habits.new_password = Some(password);
        self
    }

    /// Has a machine to authenticate besides the user, in TEAP.
    pub fn with_machine(mut self, machine: PeerMachine) -> Self {
        self.habits.machine = Some(machine);
        self
    }

    /// Takes one EAP packet from the server.
    pub fn receive(&mut self, packet: &[u8]) -> PeerStep {
        if self.over {
            return PeerStep::Ignore;
        }
        let Ok(parsed) = Packet::parse(packet) else {
            return PeerStep::Ignore;
        };
        match (parsed.code, parsed.body) {
            (Code::Request, Some(body)) => {
                if let Some((request, response)) = &self.last
                    && request == packet
                {
                    return PeerStep::Response(response.clone());
                }
                match self.request(parsed.identifier, body) {
                    Ok(Some(response)) => {
                        self.last = Some((packet.to_vec(), response.clone()));
                        PeerStep::Response(response)
                    }
                    Ok(None) => PeerStep::Ignore,
                    Err(reason) => self.fail(reason),
                }
            }
            (Code::Success, _) => match self.success() {
                Ok(success) => {
                    self.over = true;
                    PeerStep::Success(success)
                }
                Err(reason) => self.fail(reason),
            },
            (Code::Failure, _) => {
                let reason = self.trouble.take().unwrap_or_else(|| match self.refused {
                    Some(offered) if self.tunnel.is_none() => {
                        reason::METHOD_REFUSED.with(packet::type_name(offered))
                    }
                    _ => reason::SERVER_REFUSED.reason(),
                });
                self.fail(reason)
            }
            _ => PeerStep::Ignore,
        }
    }

    fn request(&mut self, identifier: u8, body: Body<'_>) -> Result<Option<Vec<u8>>, Reason> {
        let outer = self.settings.method.outer();
        let wanted = outer.type_number();
        let (eap_type, data) = match body.eap_type {
            eap_type::IDENTITY => {
                let settings = &self.settings;
                let name = settings
                    .anonymous_identity
                    .as_ref()
                    .unwrap_or(&settings.identity);
                (eap_type::IDENTITY, name.clone().into_bytes())
            }
            eap_type::NOTIFICATION => (eap_type::NOTIFICATION, Vec::new()),
            own if own == wanted => {
                let data = self.method_request(body.data)?;
                (own, fragment::with_version(outer.version(), data))
            }
            _ if self.tunnel.is_some() => return Ok(None),
            other => {
                self.refused = Some(other);
                (eap_type::NAK, vec![wanted])
            }
        };
        Ok(Some(packet::response(identifier, eap_type, &data)))
    }

    /// The type data of the response to type data of our method.
    fn method_request(&mut self, type_data: &[u8]) -> Result<Vec<u8>, Reason> {
        let fault = |fault: &str| reason::SERVER_METHOD.with(fault);
        match self
            .framing
            .receive(type_data)
            .map_err(|text| fault(&text))?
        {
            Inbound::Start(_) if self.tunnel.is_some() => Err(fault("a second Start")),
            Inbound::Start(_) => {
                let mut tunnel =
                    Tunnel::new(&self.settings, &self.habits, type_data, self.unix_time)?;
                let hello = tunnel.output();
                self.tunnel = Some(tunnel);
                Ok(self.framing.send(hello))
            }
            Inbound::Fragment => Ok(ACKNOWLEDGEMENT.to_vec()),
            Inbound::Acknowledged => Ok(self.framing.next_fragment()),
            Inbound::Message(message) => {
                let tunnel = self
                    .tunnel
                    .as_mut()
                    .ok_or_else(|| fault("no Start came first"))?;
                if self.trouble.is_none() {
                    self.trouble = tunnel.receive(&message, &mut self.random).err();
                }
                Ok(self.framing.send(tunnel.output()))
            }
        }
    }

    fn success(&self) -> Result<PeerSuccess, Reason> {
        match &self.tunnel {
            Some(tunnel) if tunnel.is_complete() && self.trouble.is_none() => {
                let keys = tunnel.keys()?;
                Ok(PeerSuccess {
                    msk: *keys.msk,
                    session_id: keys.session_id,
                    resumed: tunnel.tls().is_resumed(),
                    tls_version: tunnel.tls().version().name(),
                })
            }
            _ => Err(reason::SERVER_EARLY_SUCCESS.reason()),
        }
    }

    fn fail(&mut self, reason: Reason) -> PeerStep {
        self.over = true;
        PeerStep::Failure(reason)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("settings", &self.settings)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
