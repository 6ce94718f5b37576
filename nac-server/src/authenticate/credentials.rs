//! What an Access-Request asks to be authenticated by.

use nac_eap::mschapv2::ChangePassword;
use nac_radius::vendor::{MICROSOFT, microsoft};
use nac_radius::{MacAddr, Packet, attribute};
use zeroize::Zeroizing;

use super::expired::Change;
use super::request::Request;
use crate::reason::Refusal;

/// The credentials of one request, by method.
pub(crate) enum Credentials {
    /// EAP (RFC 3579). Empty means EAP-Start.
    Eap(Vec<u8>),
    /// MAC authentication bypass: the NAS vouches for an address, which proves nothing about who uses it.
    Mab(MacAddr),
    /// A cleartext password (RFC 2865 section 5.2).
    Pap {
        user: String,
        password: Zeroizing<Vec<u8>>,
    },
    /// CHAP (RFC 2865 section 5.3); checked against the packet.
    Chap { user: String },
    /// MS-CHAPv2 (RFC 2548 section 2.3).
    MsChapV2 {
        user: String,
        challenge: [u8; 16],
        response: MsChapV2Response,
    },
    /// A new password in MS-CHAPv2 (RFC 2548 section 2.3.4).
    MsChapV2Change(Change),
}

/// The fields of MS-CHAP2-Response (RFC 2548 section 2.3.2).
pub(crate) struct MsChapV2Response {
    /// Echoed in the answer.
    pub(crate) ident: u8,
    /// The peer's challenge.
    pub(crate) peer_challenge: [u8; 16],
    /// The response proper.
    pub(crate) nt_response: [u8; 24],
}

/// Service-Types that ask for a login to the NAS itself (RFC 2865 section 5.6).
const LOGINS: [(u32, &str); 3] = [(1, "Login"), (6, "Administrative"), (7, "NAS-Prompt")];
/// Service-Type Call-Check: MAC authentication (RFC 3580 section 3.1 leaves it to vendors; all use it so).
const CALL_CHECK: u32 = 10;

impl Credentials {
    /// Sorts a verified request.
    ///
    /// # Errors
    /// Nothing usable in it, or malformed fields.
    pub(crate) fn read(request: &Request, packet: &Packet<'_>) -> Result<Self, Refusal> {
        if let Some(message) = packet.eap_message() {
            return Ok(Self::Eap(message));
        }
        let service = packet.integer(attribute::SERVICE_TYPE);
        if let Some((_, name)) = LOGINS.iter().find(|(number, _)| Some(*number) == service) {
            return Err(Refusal::administrative_login(name));
        }
        let user = request.user_name.clone();
        let password = packet
            .user_password(request.secret())
            .map_err(|error| Refusal::malformed_credentials(&error.to_string()))?;
        if let Some(mac) = mab(
            request,
            packet,
            service,
            password.as_ref().map(|bytes| bytes.as_slice()),
        ) {
            return Ok(Self::Mab(mac));
        }
        if let Some(password) = password {
            return Ok(Self::Pap { user, password });
        }
        if packet.attribute(attribute::CHAP_PASSWORD).is_some() {
            return Ok(Self::Chap { user });
        }
        if let Some(response) = packet.vendor(MICROSOFT, microsoft::CHAP2_RESPONSE) {
            return ms_chap_v2(user, packet, response);
        }
        if let Some(cpw) = packet.vendor(MICROSOFT, microsoft::CHAP2_CPW) {
            return ms_chap_v2_change(user, packet, cpw);
        }
        Err(Refusal::no_credentials())
    }
}

/// MAB is recognised by its content, not by Service-Type alone: the user name is the station's own MAC, and the password, if any, is
/// the same name again. Anything else is a person or a login and gets no MAB treatment.
fn mab(
    request: &Request,
    packet: &Packet<'_>,
    service: Option<u32>,
    password: Option<&[u8]>,
) -> Option<MacAddr> {
    let mac: MacAddr = request.user_name.parse().ok()?;
    // Somebody who types a MAC as a user name is no device: the NAS itself must say that this is the station.
    match request.mac {
        Some(station) if station == mac => {}
        None if service == Some(CALL_CHECK) => {}
        _ => return None,
    }
    let same_name = match password {
        Some(password) => password == request.user_name.as_bytes(),
        None => match packet.attribute(attribute::CHAP_PASSWORD) {
            Some(_) => nac_radius::chap_password_valid(packet, request.user_name.as_bytes()),
            None => service == Some(CALL_CHECK),
        },
    };
    (same_name || service == Some(CALL_CHECK)).then_some(mac)
}

fn ms_chap_challenge(packet: &Packet<'_>) -> Result<[u8; 16], Refusal> {
    packet
        .vendor(MICROSOFT, microsoft::CHAP_CHALLENGE)
        .and_then(|challenge| challenge.try_into().ok())
        .ok_or_else(|| Refusal::malformed_credentials("MS-CHAP-Challenge must have 16 octets"))
}

fn ms_chap_v2_change(
    user: String,
    packet: &Packet<'_>,
    cpw: &[u8],
) -> Result<Credentials, Refusal> {
    let challenge = ms_chap_challenge(packet)?;
    let pieces = packet
        .vendor_attributes()
        .filter(|found| (found.vendor, found.number) == (MICROSOFT, microsoft::CHAP_NT_ENC_PW));
    let (ident, change) = ChangePassword::from_attributes(cpw, pieces.map(|found| found.value))
        .map_err(Refusal::malformed_credentials)?;
    Ok(Credentials::MsChapV2Change(Change {
        user,
        challenge,
        ident,
        change: Box::new(change),
    }))
}

fn ms_chap_v2(user: String, packet: &Packet<'_>, response: &[u8]) -> Result<Credentials, Refusal> {
    let malformed = |what: &str| Refusal::malformed_credentials(what);
    let challenge = ms_chap_challenge(packet)?;
    // Ident, Flags, Peer-Challenge (16), Reserved (8), Response (24).
    let fields = || {
        Some(MsChapV2Response {
            ident: *response.first()?,
            peer_challenge: response.get(2..18)?.try_into().ok()?,
            nt_response: response.get(26..50)?.try_into().ok()?,
        })
    };
    let response = fields().ok_or_else(|| malformed("MS-CHAP2-Response must have 50 octets"))?;
    Ok(Credentials::MsChapV2 {
        user,
        challenge,
        response,
    })
}
