//! Which method a supplicant uses, with what runs inside its tunnel.

use std::fmt;

use crate::settings::{InnerMethod, Method};

/// Which method the supplicant uses. It refuses every other with a NAK, inside a tunnel too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerMethod {
    /// EAP-TLS.
    Tls,
    /// PEAPv0 with EAP-MSCHAPv2.
    PeapMschapv2,
    /// PEAPv0 with EAP-GTC.
    PeapGtc,
    /// PEAPv0 with EAP-TLS.
    PeapTls,
    /// EAP-TTLS with PAP.
    TtlsPap,
    /// EAP-TTLS with CHAP.
    TtlsChap,
    /// EAP-TTLS with MS-CHAP.
    TtlsMschap,
    /// EAP-TTLS with MS-CHAPv2.
    TtlsMschapv2,
    /// EAP-TTLS with EAP-MSCHAPv2.
    TtlsEapMschapv2,
    /// EAP-TTLS with EAP-GTC.
    TtlsEapGtc,
    /// EAP-TTLS with EAP-TLS.
    TtlsEapTls,
    /// TEAP with EAP-MSCHAPv2.
    TeapMschapv2,
    /// TEAP with EAP-TLS.
    TeapTls,
    /// TEAP with the password itself.
    TeapPap,
}

impl PeerMethod {
    /// Every method.
    pub const ALL: [Self; 14] = [
        Self::Tls,
        Self::PeapMschapv2,
        Self::PeapGtc,
        Self::PeapTls,
        Self::TtlsPap,
        Self::TtlsChap,
        Self::TtlsMschap,
        Self::TtlsMschapv2,
        Self::TtlsEapMschapv2,
        Self::TtlsEapGtc,
        Self::TtlsEapTls,
        Self::TeapMschapv2,
        Self::TeapTls,
        Self::TeapPap,
    ];

    /// The name, as decisions and policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls => "EAP-TLS",
            Self::PeapMschapv2 => "PEAP-MSCHAPv2",
            Self::PeapGtc => "PEAP-GTC",
            Self::PeapTls => "PEAP-TLS",
            Self::TtlsPap => "TTLS-PAP",
            Self::TtlsChap => "TTLS-CHAP",
            Self::TtlsMschap => "TTLS-MSCHAP",
            Self::TtlsMschapv2 => "TTLS-MSCHAPv2",
            Self::TtlsEapMschapv2 => "TTLS-EAP-MSCHAPv2",
            Self::TtlsEapGtc => "TTLS-EAP-GTC",
            Self::TtlsEapTls => "TTLS-EAP-TLS",
            Self::TeapMschapv2 => "TEAP-MSCHAPv2",
            Self::TeapTls => "TEAP-TLS",
            Self::TeapPap => "TEAP-PAP",
        }
    }

    /// The method outside.
    pub const fn outer(self) -> Method {
        match self {
            Self::Tls => Method::Tls,
            Self::PeapMschapv2 | Self::PeapGtc | Self::PeapTls => Method::Peap,
            Self::TtlsPap
            | Self::TtlsChap
            | Self::TtlsMschap
            | Self::TtlsMschapv2
            | Self::TtlsEapMschapv2
            | Self::TtlsEapGtc
            | Self::TtlsEapTls => Method::Ttls,
            Self::TeapMschapv2 | Self::TeapTls | Self::TeapPap => Method::Teap,
        }
    }

    /// The method inside; EAP-TLS has none.
    pub const fn inner(self) -> Option<InnerMethod> {
        Some(match self {
            Self::Tls => return None,
            Self::PeapMschapv2 | Self::TtlsEapMschapv2 | Self::TeapMschapv2 => {
                InnerMethod::EapMschapv2
            }
            Self::PeapGtc | Self::TtlsEapGtc => InnerMethod::EapGtc,
            Self::PeapTls | Self::TtlsEapTls | Self::TeapTls => InnerMethod::EapTls,
            Self::TtlsPap | Self::TeapPap => InnerMethod::Pap,
            Self::TtlsChap => InnerMethod::Chap,
            Self::TtlsMschap => InnerMethod::Mschap,
            Self::TtlsMschapv2 => InnerMethod::Mschapv2,
        })
    }

    /// Whether a certificate proves who the supplicant is; otherwise a password does.
    pub const fn by_certificate(self) -> bool {
        matches!(self.inner(), None | Some(InnerMethod::EapTls))
    }
}

impl fmt::Display for PeerMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
