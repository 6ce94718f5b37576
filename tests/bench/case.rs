//! What is measured.

use nac_eap::TlsVersions;
use nac_eap::peer::PeerMethod;

/// One row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    /// User name and password in one packet.
    Pap,
    /// A MAC address in one packet.
    Mab,
    /// Start, Interim-Update and Stop of one session, each recorded before its answer.
    Accounting,
    /// A whole EAP authentication.
    Eap {
        /// The method.
        method: PeerMethod,
        /// On TLS 1.3 instead of 1.2.
        tls13: bool,
        /// By resuming a session instead of a full handshake.
        resumed: bool,
    },
}

const METHODS: [(PeerMethod, &str); 4] = [
    (PeerMethod::Tls, "eap-tls"),
    (PeerMethod::PeapMschapv2, "peap-mschapv2"),
    (PeerMethod::TtlsPap, "ttls-pap"),
    (PeerMethod::TtlsMschapv2, "ttls-mschapv2"),
];

impl Case {
    /// Every case, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let mut cases = vec![Self::Pap, Self::Mab, Self::Accounting];
        for resumed in [false, true] {
            for (method, _) in METHODS {
                cases.extend([false, true].map(|tls13| Self::Eap {
                    method,
                    tls13,
                    resumed,
                }));
            }
        }
        cases
    }

    /// The name on the command line and in the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Pap => "pap".into(),
            Self::Mab => "mab".into(),
            Self::Accounting => "accounting".into(),
            Self::Eap {
                method,
                tls13,
                resumed,
            } => {
                let name = METHODS
                    .iter()
                    .find(|(found, _)| *found == method)
                    .map_or("eap", |(_, name)| name);
                let version = if tls13 { "1.3" } else { "1.2" };
                format!("{name}-{version}{}", if resumed { "-resumed" } else { "" })
            }
        }
    }

    /// The case with this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|case| case.name() == name)
    }

    /// Whether TLS sessions are resumed.
    pub(crate) fn is_resumed(self) -> bool {
        matches!(self, Self::Eap { resumed: true, .. })
    }

    /// How often each station does it per round, so that a round is long enough to measure.
    pub(crate) fn weight(self) -> usize {
        match self {
            Self::Pap | Self::Mab => 400,
            Self::Accounting => 10,
            Self::Eap { .. } => 24,
        }
    }

    /// The TLS version that the stations offer.
    pub(crate) fn versions(self) -> TlsVersions {
        match self {
            Self::Eap { tls13: true, .. } => TlsVersions::Only13,
            _ => TlsVersions::Only12,
        }
    }
}
