//! What the person types, and the methods that are over after one round trip.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use nac_eap::peer::{PeerMethod, PeerSettings};
use nac_radius::{MacFormat, Packet, attribute, chap_response};
use zeroize::Zeroizing;

use super::outcome::{Accepted, KeyCheck, Outcome};
use super::station::ServiceType;
use super::{ProbeFault, RadiusClient, Reply, Station, access_request, random};

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
}

impl Credentials {
    /// PAP.
    #[must_use]
    pub fn pap(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Pap { user: user.into(), password: Zeroizing::new(password.into()) }
    }

    /// CHAP.
    #[must_use]
    pub fn chap(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Chap { user: user.into(), password: Zeroizing::new(password.into()) }
    }

    /// MS-CHAPv2.
    #[must_use]
    pub fn ms_chap_v2(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::MsChapV2 { user: user.into(), password: Zeroizing::new(password.into()) }
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
            Self::Eap(settings) => match settings.method {
                PeerMethod::Tls => "EAP-TLS",
                PeerMethod::PeapMschapv2 => "PEAP-MSCHAPv2",
                PeerMethod::TtlsPap => "TTLS-PAP",
                PeerMethod::TtlsMschapv2 => "TTLS-MSCHAPv2",
            },
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("method", &self.method()).finish_non_exhaustive()
    }
}

/// PAP, CHAP and MAB: one request, one answer, no keys.
pub(super) async fn authenticate(
    client: &mut RadiusClient,
    station: &Station,
    credentials: &Credentials,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let request = match credentials {
        Credentials::Pap { user, password } => {
            let mut request = access_request(client, station, user, ServiceType::Framed)?;
            request.push_user_password(password.as_bytes(), client.secret())?;
            request
        }
        Credentials::Chap { user, password } => {
            let challenge: [u8; 16] = random()?;
            let [identifier] = random()?;
            let answer = chap_response(identifier, password.as_bytes(), &challenge);
            let mut request = access_request(client, station, user, ServiceType::Framed)?;
            request.push(attribute::CHAP_PASSWORD, &[&[identifier], &answer[..]].concat())?;
            request.push(attribute::CHAP_CHALLENGE, &challenge)?;
            request
        }
        Credentials::Mab { format } => {
            let name = station.mac.format(*format);
            let mut request = access_request(client, station, &name, ServiceType::CallCheck)?;
            request.push_user_password(name.as_bytes(), client.secret())?;
            request
        }
        Credentials::MsChapV2 { .. } | Credentials::Eap(_) => {
            return Err(ProbeFault::EapOverRadius("this method takes another way"));
        }
    };
    let reply = client.exchange(request).await?;
    conclude(credentials.method(), &reply, began, |packet| {
        Ok(Accepted::new(packet, KeyCheck::NotDefined, None))
    })
}

/// The outcome of a method that is over after one round trip. `accepted` checks an Access-Accept.
pub(super) fn conclude(
    method: &'static str,
    reply: &Reply,
    began: Instant,
    accepted: impl FnOnce(&Packet<'_>) -> Result<Accepted, ProbeFault>,
) -> Result<Outcome, ProbeFault> {
    use super::outcome::{Rejected, Verdict};
    let packet = reply.packet();
    let verdict = match packet.code() {
        nac_radius::Code::AccessAccept => Verdict::Accept(accepted(&packet)?),
        nac_radius::Code::AccessReject => Verdict::Reject(Rejected::new(&packet, None)),
        other => {
            let request = nac_radius::Code::AccessRequest;
            return Err(ProbeFault::WrongCode { request, reply: other });
        }
    };
    Ok(Outcome::new(method, verdict, &packet, 1, reply.sent - 1, began.elapsed()))
}
