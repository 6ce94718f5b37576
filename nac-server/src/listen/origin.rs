//! Where a packet came from and over what, which decides with what it is verified and how its answer is protected.

use std::net::SocketAddr;
use std::sync::LazyLock;

use nac_radius::{Secret, Version};

use crate::snapshot::Client;

/// The shared secret of every RADIUS/TLS connection (RFC 6614 section 2.3): TLS does the protecting.
static RADSEC_SECRET: LazyLock<Secret> = LazyLock::new(|| Secret::new("radsec"));

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The other end.
    pub source: SocketAddr,
    /// What it was carried by.
    pub transport: Transport,
}

/// What carries RADIUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams, signed with the client's own secret.
    Udp,
    /// A TLS connection (RFC 6614, RFC 9765).
    RadSec {
        /// Its number; no two connections of one run have the same.
        connection: u64,
        /// What its two ends agreed to speak.
        version: Version,
    },
}

impl Origin {
    /// A datagram's.
    pub const fn udp(source: SocketAddr) -> Self {
        Self {
            source,
            transport: Transport::Udp,
        }
    }

    /// Whether TLS protects the packet, so that nobody on the way can have written it.
    pub const fn is_radsec(&self) -> bool {
        matches!(self.transport, Transport::RadSec { .. })
    }

    /// The number of the connection; 0 for datagrams.
    pub const fn connection(&self) -> u64 {
        match self.transport {
            Transport::Udp => 0,
            Transport::RadSec { connection, .. } => connection,
        }
    }

    /// In which form packets are read and written.
    pub const fn version(&self) -> Version {
        match self.transport {
            Transport::Udp => Version::V1_0,
            Transport::RadSec { version, .. } => version,
        }
    }

    /// What carried the packet, for people.
    pub const fn carrier(&self) -> &'static str {
        match self.transport {
            Transport::Udp => "UDP",
            Transport::RadSec { version, .. } => match version {
                Version::V1_0 => "RADIUS/1.0 over TLS",
                Version::V1_1 => "RADIUS/1.1 over TLS",
            },
        }
    }

    /// The secret that signs and hides here.
    pub fn secret<'a>(&self, client: &'a Client) -> &'a Secret {
        match self.transport {
            Transport::Udp => &client.secret,
            Transport::RadSec { .. } => radsec_secret(),
        }
    }
}

/// The secret of RADIUS/TLS, which is none.
pub fn radsec_secret() -> &'static Secret {
    &RADSEC_SECRET
}
