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

/// Service-Types that ask for a login to the NAS itself, or for a call back for one (RFC 2865 section 5.6).
const LOGINS: [(u32, &str); 6] = [
    (1, "Login"),
    (3, "Callback-Login"),
    (6, "Administrative"),
    (7, "NAS-Prompt"),
    (9, "Callback-NAS-Prompt"),
    (11, "Callback-Administrative"),
];
/// Of these a request carries one.
const EXCLUSIVE: [(u8, &str); 4] = [
    (attribute::USER_PASSWORD, "User-Password"),
    (attribute::CHAP_PASSWORD, "CHAP-Password"),
    (attribute::ARAP_PASSWORD, "ARAP-Password"),
    (attribute::EAP_MESSAGE, "EAP-Message"),
];
/// Service-Type Call-Check: MAC authentication (RFC 3580 section 3.1 leaves it to vendors; all use it so).
const CALL_CHECK: u32 = 10;

impl Credentials {
    /// Sorts a verified request. One with an EAP-Message is [`unacceptable`] too, and has to be told so in EAP's words.
    ///
    /// # Errors
    /// Nothing usable in it, or malformed fields.
    pub(crate) fn read(request: &Request, packet: &Packet<'_>) -> Result<Self, Refusal> {
        if let Some(message) = packet.eap_message() {
            return Ok(Self::Eap(message));
        }
        if let Some(refusal) = unacceptable(packet) {
            return Err(refusal);
        }
        let service = packet.integer(attribute::SERVICE_TYPE);
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

/// Why a request is refused whatever is in its credentials.
pub(super) fn unacceptable(packet: &Packet<'_>) -> Option<Refusal> {
    administrative_login(packet).or_else(|| several_credentials(packet))
}

/// That there are two kinds of credential where one is allowed (RFC 2865 section 4.1, RFC 3579 section 3.3 note 1): which of them was
/// meant is not ours to guess, and what one of them proves says nothing of the other.
fn several_credentials(packet: &Packet<'_>) -> Option<Refusal> {
    let kinds = || {
        let present = EXCLUSIVE
            .iter()
            .filter(|(number, _)| packet.attribute(*number).is_some());
        present.map(|(_, name)| *name)
    };
    let several = kinds().nth(1).is_some();
    several.then(|| Refusal::several_credentials(&kinds().collect::<Vec<_>>().join(" and ")))
}

/// That a request asks for a login to the NAS itself, whatever it is authenticated by: whoever may use the network may not configure it.
fn administrative_login(packet: &Packet<'_>) -> Option<Refusal> {
    let service = packet.integer(attribute::SERVICE_TYPE)?;
    let (_, name) = LOGINS.iter().find(|(number, _)| *number == service)?;
    Some(Refusal::administrative_login(name))
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
