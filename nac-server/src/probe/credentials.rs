//! What the person types, or the device holds.

use std::fmt;
use std::sync::Arc;

use nac_eap::peer::{PeerMachine, PeerSettings};
use nac_radius::MacFormat;
use zeroize::Zeroizing;

/// How an endpoint authenticates.
#[derive(Clone)]
pub enum Credentials {
    /// A password, hidden with the shared secret only (RFC 2865 section 5.2).
    Pap {
        /// The user's name.
        user: String,
        /// The password, at most 128 octets.
        password: Zeroizing<String>,
    },
    /// The answer to a challenge (RFC 2865 section 5.3).
    Chap {
        /// The user's name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// Mutual proof of the password, and keys (RFC 2548 section 2.3, RFC 2759).
    MsChapV2 {
        /// The user's name, with or without a `DOMAIN\` prefix.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// The station's address as name and password (MAC authentication bypass).
    Mab {
        /// How this NAS writes the address.
        format: MacFormat,
    },
    /// EAP, with the supplicant's profile. Sessions are resumed when the same [`PeerSettings::tls`]
    /// is used again.
    Eap(Arc<PeerSettings>),
    /// TEAP, with a machine that authenticates before its user.
    EapWithMachine(Arc<PeerSettings>, Box<PeerMachine>),
}

/// What is answered when the server asks for more than the password.
#[derive(Clone, Default)]
pub struct Answers {
    /// The code of an authenticator app: to an Access-Challenge of PAP, and to a second prompt of EAP-GTC.
    pub code: Option<Zeroizing<String>>,
    /// A new password, when the server says that the present one is expired (RFC 2759 section 7).
    pub new_password: Option<Zeroizing<String>>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

impl Credentials {
    /// PAP.
    #[must_use]
    pub fn pap(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Pap {
            user: user.into(),
            password: Zeroizing::new(password.into()),
        }
    }

    /// CHAP.
    #[must_use]
    pub fn chap(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Chap {
            user: user.into(),
            password: Zeroizing::new(password.into()),
        }
    }

    /// MS-CHAPv2.
    #[must_use]
    pub fn ms_chap_v2(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::MsChapV2 {
            user: user.into(),
            password: Zeroizing::new(password.into()),
        }
    }

    /// EAP.
    #[must_use]
    pub fn eap(settings: PeerSettings) -> Self {
        Self::Eap(Arc::new(settings))
    }

    /// The method's name, as decisions and policies write it.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Pap { .. } => "PAP",
            Self::Chap { .. } => "CHAP",
            Self::MsChapV2 { .. } => "MS-CHAPv2",
            Self::Mab { .. } => "MAB",
            Self::Eap(settings) | Self::EapWithMachine(settings, _) => settings.method.name(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}
