//! The EAP packet (RFC 3748 section 4), and the NAK (section 5.3).

use std::fmt;

/// The codes that a packet may carry (RFC 3748 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Request,
    Response,
    Success,
    Failure,
}

/// EAP types (RFC 3748 section 5 and the IANA registry).
pub(crate) mod eap_type {
    pub(crate) const IDENTITY: u8 = 1;
    pub(crate) const NOTIFICATION: u8 = 2;
    pub(crate) const NAK: u8 = 3;
    pub(crate) const GTC: u8 = 6;
    pub(crate) const TLS: u8 = 13;
    pub(crate) const MSCHAPV2: u8 = 26;
    /// The extensions method that carries PEAP's TLVs.
    pub(crate) const TLV: u8 = 33;
    pub(crate) const EXPANDED: u8 = 254;
}

/// The length of code, identifier and length.
pub(crate) const HEADER_LEN: usize = 4;

/// A packet whose length field has been checked. Padding behind it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) code: Code,
    pub(crate) identifier: u8,
    /// The type and its data; `None` in Success and Failure.
    pub(crate) body: Option<Body<'a>>,
}

/// The type octet and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    pub(crate) eap_type: u8,
    pub(crate) data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet. The error is a clause for a sentence.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let (&[code, identifier, high, low], _) = bytes
            .split_first_chunk()
            .ok_or_else(|| format!("{} octets are too short for an EAP header", bytes.len()))?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = bytes.get(HEADER_LEN..length).ok_or_else(|| {
            format!(
                "the length field says {length}, but {} octets arrived",
                bytes.len()
            )
        })?;
        let code = match code {
            1 => Code::Request,
            2 => Code::Response,
            3 => Code::Success,
            4 => Code::Failure,
            other => return Err(format!("code {other} does not exist")),
        };
        let body = match (code, body.split_first()) {
            (Code::Request | Code::Response, Some((&eap_type, data))) => {
                Some(Body { eap_type, data })
            }
            (Code::Request | Code::Response, None) => {
                return Err("the type octet is missing".to_owned());
            }
            (Code::Success | Code::Failure, None) => None,
            (Code::Success | Code::Failure, Some(_)) => {
                return Err("a Success or Failure packet carries data".to_owned());
            }
        };
        Ok(Self {
            code,
            identifier,
            body,
        })
    }
}

/// Builds a Request.
pub(crate) fn request(identifier: u8, eap_type: u8, data: &[u8]) -> Vec<u8> {
    with_body(1, identifier, eap_type, data)
}

/// Builds a Response.
pub(crate) fn response(identifier: u8, eap_type: u8, data: &[u8]) -> Vec<u8> {
    with_body(2, identifier, eap_type, data)
}

/// Builds a Success packet.
pub(crate) fn success(identifier: u8) -> Vec<u8> {
    vec![3, identifier, 0, 4]
}

/// Builds a Failure packet.
pub(crate) fn failure(identifier: u8) -> Vec<u8> {
    vec![4, identifier, 0, 4]
}

fn with_body(code: u8, identifier: u8, eap_type: u8, data: &[u8]) -> Vec<u8> {
    // Every sender in this crate fragments far below 64 KiB; the cut keeps the length truthful.
    const ROOM: usize = u16::MAX as usize - HEADER_LEN - 1;
    let data = data.get(..ROOM).unwrap_or(data);
    let length = data.len().saturating_add(HEADER_LEN + 1) as u16;
    let mut packet = Vec::with_capacity(usize::from(length));
    packet.extend_from_slice(&[code, identifier]);
    packet.extend_from_slice(&length.to_be_bytes());
    packet.push(eap_type);
    packet.extend_from_slice(data);
    packet
}

/// The name of an EAP type, for people.
pub(crate) fn type_name(eap_type: u8) -> String {
    let name = match eap_type {
        1 => "Identity",
        2 => "Notification",
        3 => "NAK",
        4 => "EAP-MD5",
        5 => "EAP-OTP",
        6 => "EAP-GTC",
        13 => "EAP-TLS",
        17 => "LEAP",
        18 => "EAP-SIM",
        21 => "EAP-TTLS",
        23 => "EAP-AKA",
        25 => "PEAP",
        26 => "EAP-MSCHAPv2",
        29 => "EAP-MSCHAPv2 (old)",
        33 => "EAP-TLV",
        43 => "EAP-FAST",
        46 => "EAP-PAX",
        47 => "EAP-PSK",
        48 => "EAP-SAKE",
        49 => "EAP-IKEv2",
        50 => "EAP-AKA'",
        51 => "EAP-GPSK",
        52 => "EAP-PWD",
        53 => "EAP-EKE",
        55 => "TEAP",
        56 => "EAP-NOOB",
        254 => "an expanded type",
        other => return format!("EAP type {other}"),
    };
    name.to_owned()
}

/// A type that a NAK asks for.
#[derive(PartialEq, Eq)]
pub(crate) enum Wanted {
    Type(u8),
    OfVendor { vendor: u32, number: u32 },
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(number) => f.write_str(&type_name(*number)),
            Self::OfVendor { vendor, number } => write!(f, "type {number} of vendor {vendor}"),
        }
    }
}

/// The types that a NAK asks for; `None` if it is no NAK. Type 0 asks for nothing.
pub(crate) fn wanted_types(body: Body<'_>) -> Option<Vec<Wanted>> {
    let wanted = |number: u8| (number != 0).then_some(Wanted::Type(number));
    match body.eap_type {
        eap_type::NAK => Some(
            body.data
                .iter()
                .filter_map(|number| wanted(*number))
                .collect(),
        ),
        eap_type::EXPANDED => {
            // RFC 3748 section 5.3.2: vendor 0, type 3, then expanded types of 8 octets each.
            let types = body.data.strip_prefix(&[0, 0, 0, 0, 0, 0, eap_type::NAK])?;
            let read = |expanded: &[u8; 8]| match expanded {
                [254, 0, 0, 0, 0, 0, 0, number] => wanted(*number),
                [254, a, b, c, number @ ..] => Some(Wanted::OfVendor {
                    vendor: u32::from_be_bytes([0, *a, *b, *c]),
                    number: u32::from_be_bytes(*number),
                }),
                _ => None,
            };
            Some(types.as_chunks().0.iter().filter_map(read).collect())
        }
        _ => None,
    }
}

/// What a NAK asks for, for people.
pub(crate) fn wanted_text(wanted: &[Wanted]) -> String {
    match wanted {
        [] => "none of the methods on offer".to_owned(),
        wanted => wanted
            .iter()
            .map(Wanted::to_string)
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_lie_are_refused_and_padding_is_dropped() {
        let parse =
            |bytes: &[u8]| Packet::parse(bytes).map(|packet| packet.body.map(|b| b.data.to_vec()));
        for bad in [
            &[][..],
            &[2],
            &[2, 1, 0],
            &[2, 1, 0, 0],
            &[2, 1, 0, 3],
            &[2, 1, 0, 4],
            &[2, 1, 0, 6, 1],
            &[2, 1, 255, 255, 1],
            &[5, 1, 0, 5, 1],
            &[0, 1, 0, 5, 1],
            &[3, 1, 0, 5, 1],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse(&[2, 1, 0, 6, 1, 65]), Ok(Some(vec![65])));
        assert_eq!(parse(&[2, 1, 0, 6, 1, 65, 0, 0, 0]), Ok(Some(vec![65])));
        assert_eq!(parse(&[3, 1, 0, 4]), Ok(None));
    }

    #[test]
    fn what_is_built_parses() {
        let packet = request(7, 13, &[0x20]);
        assert_eq!(packet, [1, 7, 0, 6, 13, 0x20]);
        let parsed = Packet::parse(&packet).unwrap();
        assert_eq!(parsed.code, Code::Request);
        assert_eq!(parsed.identifier, 7);
        assert_eq!(
            parsed.body,
            Some(Body {
                eap_type: 13,
                data: &[0x20]
            })
        );
    }
}
