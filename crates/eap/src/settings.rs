//! What a server offers: methods, TLS, and limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::packet::eap_type;
use crate::tls::ServerTls;

/// An EAP method that this server can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// EAP-TLS: both sides show certificates (RFC 5216, RFC 9190).
    Tls,
    /// PEAPv0: a TLS tunnel with another EAP method inside.
    Peap,
    /// EAP-TTLSv0: a TLS tunnel with PAP, CHAP, MS-CHAP, MS-CHAPv2 or EAP inside (RFC 5281).
    Ttls,
    /// TEAPv1: a TLS tunnel in which machine and user may authenticate one after the other (RFC 9930).
    Teap,
}

/// What can authenticate inside a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InnerMethod {
    /// EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), in PEAP, EAP-TTLS and TEAP.
    EapMschapv2,
    /// EAP-GTC: the password itself (RFC 3748 section 5.6), in PEAP and EAP-TTLS.
    EapGtc,
    /// EAP-TLS once more, in PEAP, EAP-TTLS and TEAP: the certificate is not seen outside.
    EapTls,
    /// PAP in EAP-TTLS (RFC 5281 section 11.2.5), the password itself in TEAP (RFC 9930 section 3.6.2).
    Pap,
    /// CHAP in EAP-TTLS (RFC 5281 section 11.2.2).
    Chap,
    /// MS-CHAP in EAP-TTLS (RFC 5281 section 11.2.3).
    Mschap,
    /// MS-CHAPv2 in EAP-TTLS (RFC 5281 section 11.2.4).
    Mschapv2,
}

impl InnerMethod {
    /// Every inner method, in the order in which they are offered unless told otherwise.
    pub const ALL: [Self; 7] = [
        Self::EapMschapv2,
        Self::EapGtc,
        Self::EapTls,
        Self::Pap,
        Self::Chap,
        Self::Mschap,
        Self::Mschapv2,
    ];

    /// The EAP type number, if it is an EAP method.
    pub const fn eap_type(self) -> Option<u8> {
        match self {
            Self::EapMschapv2 => Some(eap_type::MSCHAPV2),
            Self::EapGtc => Some(eap_type::GTC),
            Self::EapTls => Some(eap_type::TLS),
            Self::Pap | Self::Chap | Self::Mschap | Self::Mschapv2 => None,
        }
    }
}

impl fmt::Display for InnerMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EapMschapv2 => "EAP-MSCHAPv2",
            Self::EapGtc => "EAP-GTC",
            Self::EapTls => "EAP-TLS",
            Self::Pap => "PAP",
            Self::Chap => "CHAP",
            Self::Mschap => "MS-CHAP",
            Self::Mschapv2 => "MS-CHAPv2",
        })
    }
}

/// Whether PEAP's tunnel is bound to what happened inside it ([MS-PEAP] section 3.1.5.5), so that nobody
/// can sit between the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CryptoBinding {
    /// It is not offered.
    Off,
    /// It is offered; a supplicant that leaves it out gets in.
    #[default]
    Optional,
    /// Who leaves it out is refused.
    Required,
}

impl Method {
    /// The EAP method type number that IANA assigned.
    pub const fn type_number(self) -> u8 {
        match self {
            Self::Tls => 13,
            Self::Peap => 25,
            Self::Ttls => 21,
            Self::Teap => 55,
        }
    }

    /// The version that stands in the flags of every message.
    pub(crate) const fn version(self) -> u8 {
        match self {
            Self::Tls | Self::Peap | Self::Ttls => 0,
            Self::Teap => 1,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "EAP-TLS",
            Self::Peap => "PEAP",
            Self::Ttls => "EAP-TTLS",
            Self::Teap => "TEAP",
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
    /// What may authenticate inside a tunnel. EAP methods are proposed in this order; which of the others
    /// EAP-TTLS carries is the supplicant's choice. EAP-TLS is left out when [`Settings::tls`] has no client CA.
    pub inner_methods: Vec<InnerMethod>,
    /// Whether PEAP's tunnel is bound to the inner method.
    pub crypto_binding: CryptoBinding,
    /// The server's certificate, trust anchors and resumable sessions.
    pub tls: Arc<ServerTls>,
    /// How many requests one conversation may send; 50 is usual.
    pub max_rounds: u16,
    /// How long a supplicant may take for one answer; 60 s is usual.
    pub timeout: Duration,
}

impl Settings {
    /// Whether a method can be served: EAP-TLS needs a client CA, a tunnel something that may run inside.
    pub(crate) fn serves(&self, method: Method) -> bool {
        match method {
            Method::Tls => self.tls.serves(method),
            Method::Peap => !self.inner_eap().is_empty(),
            Method::Teap => {
                self.serves_inner(InnerMethod::Pap) || !self.inner_eap_with_keys().is_empty()
            }
            Method::Ttls => self
                .inner_methods
                .iter()
                .any(|inner| self.serves_inner(*inner)),
        }
    }

    /// Whether something may run inside a tunnel.
    pub(crate) fn serves_inner(&self, inner: InnerMethod) -> bool {
        self.inner_methods.contains(&inner)
            && (inner != InnerMethod::EapTls || self.tls.serves(Method::Tls))
    }

    /// Those that have keys, which are all that TEAP takes (RFC 9930 section 3.6.4).
    pub(crate) fn inner_eap_with_keys(&self) -> Vec<InnerMethod> {
        let mut offered = self.inner_eap();
        offered.retain(|inner| *inner != InnerMethod::EapGtc);
        offered
    }

    /// The EAP methods that may run inside a tunnel, the preferred one first.
    pub(crate) fn inner_eap(&self) -> Vec<InnerMethod> {
        let mut offered = Vec::new();
        for inner in &self.inner_methods {
            if inner.eap_type().is_some() && self.serves_inner(*inner) && !offered.contains(inner) {
                offered.push(*inner);
            }
        }
        offered
    }
}
