//! What the attributes of a supplicant say: which inner method, who, and the proof (RFC 5281 section 11.2).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::not_offered;
use crate::keys;
use crate::method::avp::{self, Avp};
use crate::method::inner::IDENTITY_LIMIT;
use crate::reason::{self, Reason};
use crate::settings::{InnerMethod, Settings};
use crate::tls::Tls;

/// The length of MS-CHAP-Response and MS-CHAP2-Response (RFC 2548 sections 2.1.3 and 2.3.2).
const MS_RESPONSE_LEN: usize = 50;
/// The flag of MS-CHAP-Response that says that its NT part counts.
const NT_RESPONSE_COUNTS: u8 = 1;

/// What a first message holds.
pub(super) enum Credentials {
    /// An EAP packet.
    Eap(Vec<u8>),
    /// A name and what proves it.
    Of { identity: String, proof: Proof },
}

/// What proves a name.
pub(super) enum Proof {
    Pap(Zeroizing<Vec<u8>>),
    Chap {
        identifier: u8,
        challenge: [u8; 16],
        response: [u8; 16],
    },
    Mschap(MschapResponse),
    Mschapv2(Mschapv2Response),
}

/// An MS-CHAP response and the challenge that it answers.
pub(super) struct MschapResponse {
    pub(super) challenge: [u8; 8],
    pub(super) nt_response: [u8; 24],
}

/// An MS-CHAPv2 response and the challenge that it answers.
pub(super) struct Mschapv2Response {
    pub(super) identifier: u8,
    pub(super) challenge: [u8; 16],
    pub(super) peer_challenge: [u8; 16],
    pub(super) nt_response: [u8; 24],
}

/// Reads a first message. A challenge has to be the one that both sides derive from TLS, so that no other session's
/// response can be replayed (RFC 5281 section 11.1).
pub(super) fn read(
    tls: &Tls,
    avps: &[Avp<'_>],
    settings: &Settings,
) -> Result<Credentials, Reason> {
    let find = |vendor, code| {
        avps.iter()
            .find(|avp| avp.vendor == vendor && avp.code == code)
            .map(|avp| avp.data)
    };
    let method = avps.iter().find_map(method_of);
    if let Some(method) = method.filter(|method| !settings.serves_inner(*method)) {
        return Err(not_offered(method));
    }
    if let Some(unknown) = avps.iter().find(|avp| avp.mandatory && !is_known(avp)) {
        let Avp { vendor, code, .. } = unknown;
        let fault = format!("the mandatory attribute {code} of vendor {vendor} is unknown");
        return Err(reason::AVP_MALFORMED.with(fault));
    }
    if let Some(packet) = avp::eap_message(avps) {
        if settings.inner_eap().is_empty() {
            return Err(not_offered("EAP"));
        }
        return Ok(Credentials::Eap(packet));
    }
    let name = find(0, avp::USER_NAME);
    let name = name.ok_or_else(|| reason::CREDENTIALS_MISSING.reason())?;
    if name.len() > IDENTITY_LIMIT {
        return Err(reason::IDENTITY_TOO_LONG.with(name.len()));
    }
    let identity = String::from_utf8_lossy(name).into_owned();
    let data = |vendor, code| find(vendor, code).unwrap_or_default();
    let proof = match method {
        Some(InnerMethod::Pap) => Proof::Pap(password(data(0, avp::USER_PASSWORD))),
        Some(InnerMethod::Chap) => chap(
            tls,
            data(0, avp::CHAP_CHALLENGE),
            data(0, avp::CHAP_PASSWORD),
        )?,
        Some(InnerMethod::Mschap) => {
            let challenge = data(avp::MICROSOFT, avp::MS_CHAP_CHALLENGE);
            mschap(tls, challenge, data(avp::MICROSOFT, avp::MS_CHAP_RESPONSE))?
        }
        Some(InnerMethod::Mschapv2) => {
            let challenge = data(avp::MICROSOFT, avp::MS_CHAP_CHALLENGE);
            mschapv2(tls, challenge, data(avp::MICROSOFT, avp::MS_CHAP2_RESPONSE))?
        }
        _ => return Err(reason::CREDENTIALS_MISSING.reason()),
    };
    Ok(Credentials::Of { identity, proof })
}

/// The inner method that an attribute stands for. EAP says later which one it is.
fn method_of(avp: &Avp<'_>) -> Option<InnerMethod> {
    match (avp.vendor, avp.code) {
        (0, avp::USER_PASSWORD) => Some(InnerMethod::Pap),
        (0, avp::CHAP_PASSWORD) => Some(InnerMethod::Chap),
        (avp::MICROSOFT, avp::MS_CHAP_RESPONSE) => Some(InnerMethod::Mschap),
        (avp::MICROSOFT, avp::MS_CHAP2_RESPONSE) => Some(InnerMethod::Mschapv2),
        _ => None,
    }
}

fn is_known(avp: &Avp<'_>) -> bool {
    method_of(avp).is_some()
        || matches!(
            (avp.vendor, avp.code),
            (0, avp::USER_NAME | avp::CHAP_CHALLENGE | avp::EAP_MESSAGE)
                | (avp::MICROSOFT, avp::MS_CHAP_CHALLENGE)
        )
}

/// RFC 5281 section 11.2.5: padded with NUL to a multiple of 16.
fn password(padded: &[u8]) -> Zeroizing<Vec<u8>> {
    let end = padded
        .iter()
        .rposition(|octet| *octet != 0)
        .map_or(0, |last| last.saturating_add(1));
    Zeroizing::new(padded.get(..end).unwrap_or_default().to_vec())
}

/// RFC 5281 section 11.2.2.
fn chap(tls: &Tls, challenge: &[u8], password: &[u8]) -> Result<Proof, Reason> {
    let malformed = || reason::AVP_MALFORMED.with("CHAP-Password is not 17 octets long");
    let (expected, expected_identifier) = keys::ttls_challenge(tls)?;
    let (&identifier, response) = password.split_first().ok_or_else(malformed)?;
    let response = response.try_into().map_err(|_| malformed())?;
    if !bool::from(challenge.ct_eq(&expected)) || identifier != expected_identifier {
        return Err(reason::CHALLENGE_MISMATCH.reason());
    }
    Ok(Proof::Chap {
        identifier,
        challenge: expected,
        response,
    })
}

/// RFC 5281 section 11.2.3. The LAN Manager part is never looked at: it would give half the password away.
fn mschap(tls: &Tls, challenge: &[u8], response: &[u8]) -> Result<Proof, Reason> {
    let (expected, expected_identifier) = keys::ttls_short_challenge(tls)?;
    let (identifier, flags, rest) = ms_response(response)?;
    let (_lan_manager, rest) = rest.split_first_chunk::<24>().ok_or_else(cut_off)?;
    let nt_response = rest.first_chunk().ok_or_else(cut_off)?;
    if !bool::from(challenge.ct_eq(&expected)) || identifier != expected_identifier {
        return Err(reason::CHALLENGE_MISMATCH.reason());
    }
    if flags & NT_RESPONSE_COUNTS == 0 {
        let fault = "it holds only a LAN Manager response, which is never checked";
        return Err(reason::MSCHAPV2_MALFORMED.with(fault));
    }
    Ok(Proof::Mschap(MschapResponse {
        challenge: expected,
        nt_response: *nt_response,
    }))
}

/// RFC 5281 section 11.2.4.
fn mschapv2(tls: &Tls, challenge: &[u8], response: &[u8]) -> Result<Proof, Reason> {
    let (expected, expected_identifier) = keys::ttls_challenge(tls)?;
    let (identifier, _flags, rest) = ms_response(response)?;
    let (peer_challenge, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
    let (_reserved, rest) = rest.split_first_chunk::<8>().ok_or_else(cut_off)?;
    let nt_response = rest.first_chunk().ok_or_else(cut_off)?;
    if !bool::from(challenge.ct_eq(&expected)) || identifier != expected_identifier {
        return Err(reason::CHALLENGE_MISMATCH.reason());
    }
    Ok(Proof::Mschapv2(Mschapv2Response {
        identifier,
        challenge: expected,
        peer_challenge: *peer_challenge,
        nt_response: *nt_response,
    }))
}

/// Identifier, flags, and the rest of a Microsoft response.
fn ms_response(response: &[u8]) -> Result<(u8, u8, &[u8]), Reason> {
    if response.len() != MS_RESPONSE_LEN {
        return Err(reason::MSCHAPV2_MALFORMED.with("the response is not 50 octets long"));
    }
    let (&[identifier, flags], rest) = response.split_first_chunk().ok_or_else(cut_off)?;
    Ok((identifier, flags, rest))
}

fn cut_off() -> Reason {
    reason::MSCHAPV2_MALFORMED.with("the response is cut off")
}
