//! The TLVs of TEAP (RFC 9930 section 4.2), for server and peer.

use crate::method::tlv::{
    CRYPTO_BINDING, HEADER_LEN, MANDATORY, RESULT, push, read, status, wrong_binding,
};

/// The Crypto-Binding TLV with its header.
pub(crate) const BINDING_LEN: usize = 80;

/// Identity types (RFC 9930 section 4.2.3).
pub(crate) const USER: u16 = 1;
pub(crate) const MACHINE: u16 = 2;

/// Error codes (RFC 9930 section 4.2.6).
pub(crate) const INNER_METHOD_ERROR: u32 = 1001;
pub(crate) const TUNNEL_COMPROMISE: u32 = 2001;

const AUTHORITY_ID: u16 = 1;
const IDENTITY_TYPE: u16 = 2;
const NAK: u16 = 4;
const ERROR: u16 = 5;
const EAP_PAYLOAD: u16 = 9;
const INTERMEDIATE_RESULT: u16 = 10;
const PASSWORD_REQUEST: u16 = 13;
const PASSWORD_RESPONSE: u16 = 14;

/// Where the MACs begin in a Crypto-Binding TLV.
const MACS_AT: usize = BINDING_LEN - 40;

/// What a message inside the tunnel says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tlvs<'a> {
    pub(crate) identity_type: Option<u16>,
    /// Whether it is success.
    pub(crate) result: Option<bool>,
    /// The type of the TLV that is refused.
    pub(crate) nak: Option<u16>,
    pub(crate) error: Option<u32>,
    /// An EAP packet.
    pub(crate) eap: Option<&'a [u8]>,
    /// Whether it is success.
    pub(crate) intermediate: Option<bool>,
    pub(crate) binding: Option<BindingTlv<'a>>,
    pub(crate) password_request: bool,
    /// User name and password.
    pub(crate) password: Option<(&'a [u8], &'a [u8])>,
}

/// A Crypto-Binding TLV (RFC 9930 section 4.2.13).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BindingTlv<'a> {
    /// The TLV with its header, as the MACs cover it.
    pub(crate) whole: &'a [u8; BINDING_LEN],
    pub(crate) version: u8,
    pub(crate) received_version: u8,
    /// 1: the EMSK's MAC is there; 2: the MSK's.
    pub(crate) flags: u8,
    pub(crate) subtype: u8,
    pub(crate) nonce: &'a [u8; 32],
    pub(crate) emsk_mac: &'a [u8; 20],
    pub(crate) msk_mac: &'a [u8; 20],
}

/// Reads a message inside the tunnel. The error is a clause for a sentence.
pub(crate) fn parse(bytes: &[u8]) -> Result<Tlvs<'_>, String> {
    let mut tlvs = Tlvs::default();
    if bytes.is_empty() {
        return Err("there is no TLV".to_owned());
    }
    for tlv in read(bytes) {
        let tlv = tlv?;
        let value = tlv.value;
        let repeated = match tlv.kind {
            IDENTITY_TYPE => put(&mut tlvs.identity_type, number(value)?),
            RESULT => put(&mut tlvs.result, is_success(value)?),
            NAK => put(&mut tlvs.nak, refused(value)?),
            ERROR => put(&mut tlvs.error, error_code(value)?),
            EAP_PAYLOAD => put(&mut tlvs.eap, value),
            INTERMEDIATE_RESULT => put(&mut tlvs.intermediate, is_success(value)?),
            CRYPTO_BINDING => put(&mut tlvs.binding, read_binding(tlv.from_here, value)?),
            PASSWORD_REQUEST => std::mem::replace(&mut tlvs.password_request, true),
            PASSWORD_RESPONSE => put(&mut tlvs.password, read_password(value)?),
            other if tlv.mandatory => {
                return Err(format!("the mandatory TLV {other} is unknown"));
            }
            _ => false,
        };
        if repeated {
            return Err(format!("there are two TLVs of type {}", tlv.kind));
        }
    }
    Ok(tlvs)
}

/// Whether there was one already.
fn put<T>(place: &mut Option<T>, value: T) -> bool {
    place.replace(value).is_some()
}

fn number(value: &[u8]) -> Result<u16, String> {
    let value = value
        .try_into()
        .map_err(|_| "an identity type is not 2 octets")?;
    Ok(u16::from_be_bytes(value))
}

/// What follows the status are TLVs that only explain it.
fn is_success(value: &[u8]) -> Result<bool, String> {
    match value {
        [0, 1, ..] => Ok(true),
        [0, 2, ..] => Ok(false),
        _ => Err("a result is neither success nor failure".to_owned()),
    }
}

/// Vendor, which is 0, and type.
fn refused(value: &[u8]) -> Result<u16, String> {
    match value {
        [_, _, _, _, high, low, ..] => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err("a NAK is cut off".to_owned()),
    }
}

fn error_code(value: &[u8]) -> Result<u32, String> {
    let value = value.try_into().map_err(|_| "an error is not 4 octets")?;
    Ok(u32::from_be_bytes(value))
}

fn read_password(value: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let cut_off = || "a password is cut off".to_owned();
    let (&length, rest) = value.split_first().ok_or_else(cut_off)?;
    let (user, rest) = rest
        .split_at_checked(usize::from(length))
        .ok_or_else(cut_off)?;
    let (&length, rest) = rest.split_first().ok_or_else(cut_off)?;
    match rest.split_at_checked(usize::from(length)) {
        Some((password, [])) => Ok((user, password)),
        _ => Err(cut_off()),
    }
}

fn read_binding<'a>(tlv: &'a [u8], value: &'a [u8]) -> Result<BindingTlv<'a>, String> {
    let short = || wrong_binding(value, BINDING_LEN - HEADER_LEN);
    if value.len() != BINDING_LEN - HEADER_LEN {
        return Err(short());
    }
    let (&[_reserved, version, received_version, flags_and_subtype], rest) =
        value.split_first_chunk().ok_or_else(short)?;
    let (nonce, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (emsk_mac, rest) = rest.split_first_chunk().ok_or_else(short)?;
    Ok(BindingTlv {
        whole: tlv.first_chunk().ok_or_else(short)?,
        version,
        received_version,
        flags: flags_and_subtype >> 4,
        subtype: flags_and_subtype & 0x0f,
        nonce,
        emsk_mac,
        msk_mac: rest.first_chunk().ok_or_else(short)?,
    })
}

/// The outer TLV that names the server.
pub(crate) fn push_authority_id(message: &mut Vec<u8>, id: &[u8]) {
    push(message, AUTHORITY_ID, id);
}

pub(crate) fn push_identity_type(message: &mut Vec<u8>, identity_type: u16) {
    push(message, IDENTITY_TYPE, &identity_type.to_be_bytes());
}

pub(crate) fn push_result(message: &mut Vec<u8>, success: bool) {
    push(message, MANDATORY | RESULT, &status(success));
}

pub(crate) fn push_intermediate(message: &mut Vec<u8>, success: bool) {
    push(message, MANDATORY | INTERMEDIATE_RESULT, &status(success));
}

pub(crate) fn push_error(message: &mut Vec<u8>, code: u32) {
    push(message, MANDATORY | ERROR, &code.to_be_bytes());
}

/// Refuses a request for a password.
pub(crate) fn push_password_nak(message: &mut Vec<u8>) {
    let [high, low] = PASSWORD_REQUEST.to_be_bytes();
    push(message, MANDATORY | NAK, &[0, 0, 0, 0, high, low]);
}

pub(crate) fn push_eap(message: &mut Vec<u8>, packet: &[u8]) {
    push(message, MANDATORY | EAP_PAYLOAD, packet);
}

pub(crate) fn push_password_request(message: &mut Vec<u8>, prompt: &[u8]) {
    push(message, MANDATORY | PASSWORD_REQUEST, prompt);
}

/// Neither may have more than 255 octets; what is longer is cut, and so is wrong.
pub(crate) fn push_password(message: &mut Vec<u8>, user: &[u8], password: &[u8]) {
    const LONGEST: usize = 2 + 2 * u8::MAX as usize;
    let cut = |text: &[u8]| -> (u8, usize) {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        (length, usize::from(length))
    };
    let ((user_length, user_end), (length, end)) = (cut(user), cut(password));
    let mut value = zeroize::Zeroizing::new(Vec::with_capacity(LONGEST));
    value.push(user_length);
    value.extend_from_slice(user.get(..user_end).unwrap_or_default());
    value.push(length);
    value.extend_from_slice(password.get(..end).unwrap_or_default());
    push(message, MANDATORY | PASSWORD_RESPONSE, &value);
}

/// A Crypto-Binding TLV whose MACs are still zero.
pub(crate) fn binding(flags: u8, subtype: u8, nonce: &[u8; 32]) -> [u8; BINDING_LEN] {
    let mut tlv = [0; BINDING_LEN];
    let [high, low] = (MANDATORY | CRYPTO_BINDING).to_be_bytes();
    // Version 1 of the method was sent and received.
    let header = [high, low, 0, 76, 0, 1, 1, flags << 4 | subtype];
    for (to, from) in tlv.iter_mut().zip(header.iter().chain(nonce)) {
        *to = *from;
    }
    tlv
}

/// The same TLV with its MACs zeroed.
pub(crate) fn without_macs(tlv: &[u8; BINDING_LEN]) -> [u8; BINDING_LEN] {
    let mut zeroed = *tlv;
    zeroed.iter_mut().skip(MACS_AT).for_each(|octet| *octet = 0);
    zeroed
}

/// Fills the MACs in.
pub(crate) fn set_macs(tlv: &mut [u8; BINDING_LEN], emsk: &[u8; 20], msk: &[u8; 20]) {
    let macs = emsk.iter().chain(msk);
    for (to, from) in tlv.iter_mut().skip(MACS_AT).zip(macs) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_parses() {
        let mut message = Vec::new();
        push_identity_type(&mut message, MACHINE);
        push_intermediate(&mut message, true);
        message.extend(binding(3, 1, &[7; 32]));
        push_eap(&mut message, &[2, 1, 0, 5, 1]);
        push_result(&mut message, false);
        push_error(&mut message, TUNNEL_COMPROMISE);
        push_password_nak(&mut message);
        push_password_request(&mut message, b"Password");
        push_password(&mut message, b"alice", b"secret");
        // An optional TLV that nobody knows.
        message.extend([0, 99, 0, 1, 7]);
        let tlvs = parse(&message).unwrap();
        assert_eq!(tlvs.identity_type, Some(MACHINE));
        assert_eq!((tlvs.intermediate, tlvs.result), (Some(true), Some(false)));
        assert_eq!(tlvs.eap, Some(&[2, 1, 0, 5, 1][..]));
        assert_eq!((tlvs.error, tlvs.nak), (Some(2001), Some(13)));
        assert_eq!(tlvs.password, Some((&b"alice"[..], &b"secret"[..])));
        assert!(tlvs.password_request);
        let binding = tlvs.binding.unwrap();
        assert_eq!((binding.version, binding.received_version), (1, 1));
        assert_eq!((binding.flags, binding.subtype), (3, 1));
        assert_eq!(binding.nonce, &[7; 32]);
    }

    #[test]
    fn malformed_tlvs_are_refused() {
        let short = &binding(3, 1, &[7; 32])[..79];
        let mut long = binding(3, 1, &[7; 32]).to_vec();
        long.push(0);
        long[3] = 77;
        for bad in [
            &[][..],
            &[0x80],
            &[0x80, 3, 0],
            &[0x80, 3, 0, 2, 0],
            &[0x80, 3, 0, 1, 1],
            &[0x80, 3, 0, 2, 0, 3],
            &[0x80, 3, 0, 0],
            &[0x80, 3, 0xff, 0xff, 0, 1],
            &[0x80, 3, 0, 2, 0, 1, 0x80, 3, 0, 2, 0, 1],
            &[0x80, 10, 0, 1, 0],
            &[0x80, 9, 0, 0, 0x80, 9, 0, 0],
            &[0, 2, 0, 1, 1],
            &[0, 2, 0, 3, 0, 1, 0],
            &[0x80, 4, 0, 5, 0, 0, 0, 0, 0],
            &[0x80, 5, 0, 3, 0, 0, 0],
            &[0x80, 14, 0, 0],
            &[0x80, 14, 0, 1, 1],
            &[0x80, 14, 0, 2, 0, 1],
            &[0x80, 14, 0, 3, 0, 0, 0],
            &[0x80, 13, 0, 0, 0x80, 13, 0, 0],
            // Unknown and mandatory: Request-Action, PAC, PKCS#10, and one that does not exist.
            &[0x80, 8, 0, 2, 1, 1],
            &[0x80, 11, 0, 0],
            &[0x80, 16, 0, 0],
            &[0x80, 99, 0, 0],
            short,
            &long,
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
