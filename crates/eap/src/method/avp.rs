//! The attributes inside EAP-TTLS (RFC 5281 section 10), for server and peer.

/// Attribute codes and the Microsoft vendor number.
pub(crate) const USER_NAME: u32 = 1;
pub(crate) const USER_PASSWORD: u32 = 2;
pub(crate) const CHAP_PASSWORD: u32 = 3;
pub(crate) const CHAP_CHALLENGE: u32 = 60;
pub(crate) const EAP_MESSAGE: u32 = 79;
pub(crate) const MICROSOFT: u32 = 311;
pub(crate) const MS_CHAP_RESPONSE: u32 = 1;
pub(crate) const MS_CHAP_ERROR: u32 = 2;
pub(crate) const MS_CHAP_NT_ENC_PW: u32 = 6;
pub(crate) const MS_CHAP_CHALLENGE: u32 = 11;
pub(crate) const MS_CHAP2_RESPONSE: u32 = 25;
pub(crate) const MS_CHAP2_SUCCESS: u32 = 26;
pub(crate) const MS_CHAP2_CPW: u32 = 27;

const VENDOR_FLAG: u8 = 0x80;
const MANDATORY_FLAG: u8 = 0x40;

/// One attribute. `vendor` is 0 for those of RADIUS itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Avp<'a> {
    pub(crate) vendor: u32,
    pub(crate) code: u32,
    pub(crate) mandatory: bool,
    pub(crate) data: &'a [u8],
}

impl Avp<'_> {
    /// Whether it carries EAP, or a part of it.
    pub(crate) fn is_eap_message(&self) -> bool {
        self.vendor == 0 && self.code == EAP_MESSAGE
    }
}

/// The EAP packet in all EAP-Message attributes together, as RADIUS splits them; `None` without one.
pub(crate) fn eap_message(avps: &[Avp<'_>]) -> Option<Vec<u8>> {
    let mut parts = avps.iter().filter(|avp| avp.is_eap_message()).peekable();
    parts.peek()?;
    Some(parts.flat_map(|avp| avp.data).copied().collect())
}

/// Reads all attributes. The error is a clause for a sentence.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Vec<Avp<'_>>, String> {
    let mut avps = Vec::new();
    while !bytes.is_empty() {
        let cut_off = || "its header is cut off".to_owned();
        let (&code, rest) = bytes.split_first_chunk().ok_or_else(cut_off)?;
        let code = u32::from_be_bytes(code);
        let (&[flags, high, middle, low], _) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let vendor_specific = flags & VENDOR_FLAG != 0;
        let header = if vendor_specific { 12 } else { 8 };
        let data = bytes.get(header..length).ok_or_else(|| {
            format!(
                "attribute {code} has length {length}, but {} octets are left",
                bytes.len()
            )
        })?;
        let vendor = if vendor_specific {
            let vendor = bytes
                .get(8..)
                .and_then(<[u8]>::first_chunk)
                .ok_or_else(cut_off)?;
            u32::from_be_bytes(*vendor)
        } else {
            0
        };
        avps.push(Avp {
            vendor,
            code,
            mandatory: flags & MANDATORY_FLAG != 0,
            data,
        });
        // The padding of the last attribute may be missing.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(avps)
}

/// Appends a mandatory attribute and its padding.
pub(crate) fn push(message: &mut Vec<u8>, vendor: u32, code: u32, data: &[u8]) {
    let (flags, header) = if vendor == 0 {
        (0, 8)
    } else {
        (VENDOR_FLAG, 12)
    };
    // What this crate packs is far below the 24 bits of the length.
    let length = data.len().saturating_add(header) as u32;
    message.extend_from_slice(&code.to_be_bytes());
    message.extend_from_slice(&length.to_be_bytes());
    if let Some(octet) = message
        .len()
        .checked_sub(4)
        .and_then(|at| message.get_mut(at))
    {
        *octet = flags | MANDATORY_FLAG;
    }
    if vendor != 0 {
        message.extend_from_slice(&vendor.to_be_bytes());
    }
    message.extend_from_slice(data);
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read() {
        let mut message = Vec::new();
        push(&mut message, 0, USER_NAME, b"alice");
        push(&mut message, MICROSOFT, MS_CHAP_CHALLENGE, &[7; 16]);
        assert_eq!(
            &message[..16],
            [
                0, 0, 0, 1, 0x40, 0, 0, 13, b'a', b'l', b'i', b'c', b'e', 0, 0, 0
            ]
        );
        let avps = parse(&message).unwrap();
        assert_eq!(avps.len(), 2);
        assert_eq!(
            avps[0],
            Avp {
                vendor: 0,
                code: 1,
                mandatory: true,
                data: b"alice"
            }
        );
        assert_eq!(
            avps[1],
            Avp {
                vendor: 311,
                code: 11,
                mandatory: true,
                data: &[7; 16]
            }
        );
    }

    #[test]
    fn the_last_padding_may_be_missing() {
        let mut message = Vec::new();
        push(&mut message, 0, USER_NAME, b"alice");
        message.truncate(13);
        assert_eq!(parse(&message).unwrap()[0].data, b"alice");
    }

    #[test]
    fn malformed_attributes_are_refused() {
        for bad in [
            &[0, 0, 0][..],
            &[0, 0, 0, 1, 0x40, 0, 0],
            &[0, 0, 0, 1, 0x40, 0, 0, 0],
            &[0, 0, 0, 1, 0x40, 0, 0, 7],
            &[0, 0, 0, 1, 0x40, 0, 0, 9],
            &[0, 0, 0, 1, 0x40, 0xff, 0xff, 0xff, 1, 2, 3, 4],
            &[0, 0, 0, 1, 0xc0, 0, 0, 8],
            &[0, 0, 0, 1, 0xc0, 0, 0, 11, 0, 0, 1],
            &[0, 0, 0, 1, 0x40, 0, 0, 8, 0],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
