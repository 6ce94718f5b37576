//! The supplicant half of the same methods, for probes, demonstrations and tests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::conversation::Random;
use crate::reason::Reason;

pub use crate::tls::PeerTls;

/// Which method the supplicant uses. It refuses every other with a NAK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerMethod {
    /// EAP-TLS.
    Tls,
    /// PEAPv0 with EAP-MSCHAPv2.
    PeapMschapv2,
    /// EAP-TTLS with PAP.
    TtlsPap,
    /// EAP-TTLS with MS-CHAPv2.
    TtlsMschapv2,
}

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
    /// Trust anchors, certificate and resumable sessions.
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
}

impl Peer {
    /// Begins a login. `unix_time` is the wall clock time, `random` a cryptographically strong source.
    pub fn new(
        settings: Arc<PeerSettings>,
        unix_time: Duration,
        random: Box<dyn FnMut(&mut [u8]) + Send>,
    ) -> Self {
        Self {
            settings,
            unix_time,
            random,
        }
    }

    /// Takes one EAP packet from the server.
    pub fn receive(&mut self, _packet: &[u8]) -> PeerStep {
        let _ = (&self.settings, self.unix_time, &mut self.random);
        PeerStep::Ignore
    }
}
