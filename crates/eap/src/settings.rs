//! What a server offers: methods, TLS, and limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::tls::ServerTls;

/// An EAP method that this server can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// EAP-TLS: both sides show certificates (RFC 5216, RFC 9190).
    Tls,
    /// PEAPv0: a TLS tunnel with EAP-MSCHAPv2 inside.
    Peap,
    /// EAP-TTLSv0: a TLS tunnel with PAP or MS-CHAPv2 inside (RFC 5281).
    Ttls,
}

impl Method {
    /// The EAP method type number that IANA assigned.
    pub const fn type_number(self) -> u8 {
        match self {
            Self::Tls => 13,
            Self::Peap => 25,
            Self::Ttls => 21,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "EAP-TLS",
            Self::Peap => "PEAP",
            Self::Ttls => "EAP-TTLS",
        })
    }
}

/// Which TLS versions may be negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.3 and TLS 1.2, the newer one preferred.
    #[default]
    Both,
    /// TLS 1.2 only.
    Only12,
    /// TLS 1.3 only.
    Only13,
}

/// What a server offers to every supplicant, shared by all its conversations.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The methods on offer, the preferred one first. EAP-TLS is left out when [`Settings::tls`]
    /// has no client CA.
    pub methods: Vec<Method>,
    /// The server's certificate, trust anchors and resumable sessions.
    pub tls: Arc<ServerTls>,
    /// How many requests one conversation may send; 50 is usual.
    pub max_rounds: u16,
    /// How long a supplicant may take for one answer; 60 s is usual.
    pub timeout: Duration,
}
