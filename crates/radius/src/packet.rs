//! A borrowed, validated view of one RADIUS packet.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::code::Code;
use crate::malformed::Malformed;
use crate::version::Version;
use crate::{attribute, vendor};

/// The largest RADIUS packet, in octets (RFC 2865 section 3).
pub const MAX_PACKET_LEN: usize = 4096;
/// The most attributes that are accepted in one packet.
pub const MAX_ATTRIBUTES: usize = 200;
/// The length of the header, in octets: Code, Identifier, Length and Authenticator.
pub const HEADER_LEN: usize = 20;

/// One RADIUS packet, validated when it was parsed and read without copying.
///
/// Being well-formed says nothing about being genuine: see
/// [`message_authenticator`](Self::message_authenticator),
/// [`request_authenticator_valid`](Self::request_authenticator_valid) and
/// [`verify_reply`](Self::verify_reply).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    version: Version,
    code: Code,
    identifier: u8,
    authenticator: &'a [u8; 16],
    attributes: &'a [u8],
    /// The packet before and after the value of its Message-Authenticator, and that value.
    pub(crate) message_authenticator: Option<MessageAuthenticatorAt<'a>>,
}

/// A Message-Authenticator's value and the attribute octets around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageAuthenticatorAt<'a> {
    pub(crate) before: &'a [u8],
    pub(crate) value: &'a [u8; 16],
    pub(crate) after: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Validates a datagram and borrows it.
    ///
    /// Checks come cheapest first and nothing is hashed: header, Length, Code, then one walk over
    /// the attributes. Octets after Length are padding and are dropped (RFC 2865 section 3).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        Self::parse_as(Version::V1_0, datagram)
    }

    /// Validates octets as a packet of a connection that speaks `version`, and borrows them.
    ///
    /// A Message-Authenticator in RADIUS/1.1 means nothing and is not looked at (RFC 9765 section 5.2).
    pub fn parse_as(version: Version, datagram: &'a [u8]) -> Result<Self, Malformed> {
        let header_truncated = Malformed::HeaderTruncated {
            received: datagram.len(),
        };
        let Some(([code, identifier, high, low], rest)) = datagram.split_first_chunk::<4>() else {
            return Err(header_truncated);
        };
        if rest.len() < 16 {
            return Err(header_truncated);
        }
        let length = u16::from_be_bytes([*high, *low]);
        if usize::from(length) < HEADER_LEN {
            return Err(Malformed::LengthTooSmall { length });
        }
        if usize::from(length) > MAX_PACKET_LEN {
            return Err(Malformed::LengthTooLarge { length });
        }
        let truncated = Malformed::Truncated {
            length,
            received: datagram.len(),
        };
        let bytes = datagram.get(..usize::from(length)).ok_or(truncated)?;
        let code = Code::from_octet(*code).ok_or(Malformed::UnknownCode { code: *code })?;
        let after_length = bytes.get(4..).unwrap_or_default();
        let (authenticator, attributes) = after_length
            .split_first_chunk::<16>()
            .ok_or(header_truncated)?;
        Ok(Self {
            bytes,
            version,
            code,
            identifier: *identifier,
            authenticator,
            attributes,
            message_authenticator: walk(attributes, version)?,
        })
    }

    /// What the packet is for.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the connection that it came over speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The Token, which pairs a reply with its request in RADIUS/1.1 (RFC 9765 section 4.2).
    pub fn token(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = *self.authenticator;
        [a, b, c, d]
    }

    /// The Identifier, which pairs a reply with its request.
    pub fn identifier(&self) -> u8 {
        self.identifier
    }

    /// The Authenticator field, as it was received.
    pub fn authenticator(&self) -> &'a [u8; 16] {
        self.authenticator
    }

    /// The whole packet, without padding.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The octets of all attributes.
    pub(crate) fn attribute_octets(&self) -> &'a [u8] {
        self.attributes
    }

    /// The attributes, in the order of the packet.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes {
            rest: self.attributes,
        }
    }

    /// The value of the first attribute with this number.
    pub fn attribute(&self, number: u8) -> Option<&'a [u8]> {
        self.attributes()
            .find(|attribute| attribute.number == number)
            .map(|found| found.value)
    }

    /// The first attribute with this number as text, with wrong UTF-8 replaced.
    pub fn text(&self, number: u8) -> Option<Cow<'a, str>> {
        self.attribute(number).map(String::from_utf8_lossy)
    }

    /// The first attribute with this number as a number, if it is four octets long.
    pub fn integer(&self, number: u8) -> Option<u32> {
        Some(u32::from_be_bytes(self.attribute(number)?.try_into().ok()?))
    }

    /// The first attribute with this number as an IPv4 address, if it is four octets long.
    pub fn ipv4(&self, number: u8) -> Option<Ipv4Addr> {
        self.integer(number).map(Ipv4Addr::from)
    }

    /// The first attribute with this number as an IPv6 address, if it is sixteen octets long.
    pub fn ipv6(&self, number: u8) -> Option<Ipv6Addr> {
        Some(Ipv6Addr::from(
            <[u8; 16]>::try_from(self.attribute(number)?).ok()?,
        ))
    }

    /// The value of a vendor's first attribute with this number.
    pub fn vendor(&self, vendor: u32, number: u8) -> Option<&'a [u8]> {
        self.vendor_attributes()
            .find(|found| found.vendor == vendor && found.number == number)
            .map(|found| found.value)
    }

    /// The attributes inside Vendor-Specific attributes (RFC 2865 section 5.26), in order.
    ///
    /// A Vendor-Specific attribute that does not have the recommended inner format yields what is
    /// readable of it before the fault.
    pub fn vendor_attributes(&self) -> impl Iterator<Item = VendorAttribute<'a>> + use<'a> {
        self.attributes()
            .filter(|attribute| attribute.number == attribute::VENDOR_SPECIFIC)
            .flat_map(|attribute| VendorAttributes::new(attribute.value))
    }

    /// The concatenated EAP-Message attributes (RFC 3579 section 3.1).
    ///
    /// `None` without any, an empty `Vec` for EAP-Start.
    pub fn eap_message(&self) -> Option<Vec<u8>> {
        let fragments = || {
            self.attributes()
                .filter(|attribute| attribute.number == attribute::EAP_MESSAGE)
        };
        fragments().next()?;
        let mut packet = Vec::with_capacity(fragments().map(|piece| piece.value.len()).sum());
        fragments().for_each(|piece| packet.extend_from_slice(piece.value));
        Some(packet)
    }

    /// Whether the packet carries an EAP-Message, and so must carry a Message-Authenticator.
    pub fn has_eap_message(&self) -> bool {
        self.attribute(attribute::EAP_MESSAGE).is_some()
    }
}

impl std::fmt::Debug for Packet<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Packet")
            .field("version", &self.version)
            .field("code", &self.code)
            .field("identifier", &self.identifier)
            .field("octets", &self.bytes.len())
            .field("attributes", &self.attributes().count())
            .finish()
    }
}

/// Checks every attribute once and finds the Message-Authenticator where it means something.
fn walk(
    attributes: &[u8],
    version: Version,
) -> Result<Option<MessageAuthenticatorAt<'_>>, Malformed> {
    let mut found = None;
    let mut rest = attributes;
    let mut count = 0_usize;
    while !rest.is_empty() {
        let walked = attributes.len().saturating_sub(rest.len());
        let offset = walked.saturating_add(HEADER_LEN);
        let [number, length, ..] = *rest else {
            return Err(Malformed::AttributeTruncated { offset });
        };
        if number == 0 {
            return Err(Malformed::AttributeNumberZero { offset });
        }
        if length < 2 {
            return Err(Malformed::AttributeTooShort {
                offset,
                number,
                length,
            });
        }
        let Some((whole, next)) = rest.split_at_checked(usize::from(length)) else {
            let remaining = rest.len();
            return Err(Malformed::AttributeOverflow {
                offset,
                number,
                length,
                remaining,
            });
        };
        count = count.saturating_add(1);
        if count > MAX_ATTRIBUTES {
            return Err(Malformed::TooManyAttributes {
                offset,
                limit: MAX_ATTRIBUTES,
            });
        }
        if number == attribute::MESSAGE_AUTHENTICATOR && version == Version::V1_0 {
            if found.is_some() {
                return Err(Malformed::MessageAuthenticatorRepeated { offset });
            }
            let wrong_length = Malformed::MessageAuthenticatorLength { offset, length };
            let value = whole
                .get(2..)
                .and_then(|value| value.try_into().ok())
                .ok_or(wrong_length)?;
            let before = attributes
                .get(..walked.saturating_add(2))
                .unwrap_or_default();
            found = Some(MessageAuthenticatorAt {
                before,
                value,
                after: next,
            });
        }
        rest = next;
    }
    Ok(found)
}

/// One attribute of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The attribute's number; see [`crate::attribute`].
    pub number: u8,
    /// Its value, 0 to 253 octets.
    pub value: &'a [u8],
}

/// Walks the attributes of a packet.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (number, value, rest) = split_attribute(self.rest)?;
        self.rest = rest;
        Some(Attribute { number, value })
    }
}

/// One attribute inside a Vendor-Specific attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorAttribute<'a> {
    /// The vendor's private enterprise number; see [`crate::vendor`].
    pub vendor: u32,
    /// The vendor's number for the attribute.
    pub number: u8,
    /// Its value, 0 to 247 octets.
    pub value: &'a [u8],
}

/// Walks the inside of one Vendor-Specific attribute.
pub(crate) struct VendorAttributes<'a> {
    vendor: u32,
    rest: &'a [u8],
}

impl<'a> VendorAttributes<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        match value.split_first_chunk::<4>() {
            Some((vendor, rest)) => Self {
                vendor: u32::from_be_bytes(*vendor),
                rest,
            },
            None => Self {
                vendor: vendor::NONE,
                rest: &[],
            },
        }
    }

    /// What could not be read; empty once a well-formed attribute has been walked.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for VendorAttributes<'a> {
    type Item = VendorAttribute<'a>;

    fn next(&mut self) -> Option<VendorAttribute<'a>> {
        let (number, value, rest) = split_attribute(self.rest)?;
        self.rest = rest;
        Some(VendorAttribute {
            vendor: self.vendor,
            number,
            value,
        })
    }
}

/// Splits the first type-length-value off; `None` when there is none, whole.
fn split_attribute(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [number, length, ..] = *octets else {
        return None;
    };
    let (whole, rest) = octets.split_at_checked(usize::from(length))?;
    Some((number, whole.get(2..)?, rest))
}

#[cfg(test)]
mod tests;
