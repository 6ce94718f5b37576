//! Building and sealing packets.

mod repeat;

use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::code::{AuthenticatorField, Code};
use crate::packet::{HEADER_LEN, MAX_ATTRIBUTES, MAX_PACKET_LEN, Packet};
use crate::password::{MAX_USER_PASSWORD, hide_user_password, salt_encrypt, salted_len};
use crate::secret::Secret;
use crate::version::{Version, token_field};
use crate::{attribute, vendor};

/// The longest value of an attribute, in octets.
pub const MAX_VALUE_LEN: usize = 253;
/// The longest value of an attribute inside a Vendor-Specific attribute, in octets.
pub const MAX_VENDOR_VALUE_LEN: usize = 247;

/// Why a value cannot become an attribute of this packet. The packet is left as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DoesNotFit {
    /// The value is longer than an attribute can hold.
    #[error("attribute {number}: {length} octets, the most is {most}")]
    Value {
        /// The attribute's number.
        number: u8,
        /// The value's length, in octets.
        length: usize,
        /// The most octets that the attribute can hold.
        most: usize,
    },
    /// The packet would grow beyond 4096 octets (RFC 2865 section 3).
    #[error("attribute {number}: the packet would have more than 4096 octets")]
    Packet {
        /// The attribute's number.
        number: u8,
    },
    /// The packet would have more attributes than this server itself accepts.
    #[error("attribute {number}: the packet would have more than 200 attributes")]
    TooMany {
        /// The attribute's number.
        number: u8,
    },
    /// Number 0 is reserved, and the Message-Authenticator is the builder's own.
    #[error("attribute {number} cannot be added by hand")]
    Reserved {
        /// The attribute's number.
        number: u8,
    },
}

/// Builds one packet in place; [`seal`](Self::seal) signs it and hands out the octets.
pub struct PacketBuilder {
    /// The packet so far. Length and digests are filled by `seal`; the Authenticator field holds
    /// the request's (for a reply) or the packet's own (for a request).
    bytes: Vec<u8>,
    version: Version,
    code: Code,
    attributes: usize,
    signed: bool,
    /// The salts that this packet has used: RFC 2868 section 3.5 wants each one once.
    salts: Vec<[u8; 2]>,
}

impl PacketBuilder {
    /// Begins the reply to a request: its Identifier, a Message-Authenticator first (except in an
    /// Accounting-Response), then every Proxy-State of the request, unmodified and in order
    /// (RFC 2865 section 5.33). To a RADIUS/1.1 request it is a RADIUS/1.1 reply, with the request's Token.
    ///
    /// A request may be filled to the last octet with Proxy-State and leave no room for a
    /// Message-Authenticator beside it; the ones at the end that do not fit are left out.
    pub fn reply(code: Code, request: &Packet<'_>) -> Self {
        let mut builder = match request.version() {
            Version::V1_0 => Self::request(code, request.identifier(), *request.authenticator()),
            Version::V1_1 => Self::token_request(code, request.token()),
        };
        for found in request.attributes() {
            if found.number == attribute::PROXY_STATE
                && builder.push(found.number, found.value).is_err()
            {
                break;
            }
        }
        builder
    }

    /// Begins a packet, with a Message-Authenticator first (except for Accounting-Request).
    ///
    /// `authenticator` is sixteen random octets for an Access-Request or a Status-Server. Where the
    /// Request Authenticator is computed (Accounting-, CoA- and Disconnect-Request) it is ignored.
    pub fn request(code: Code, identifier: u8, authenticator: [u8; 16]) -> Self {
        let mut builder = Self::unsigned_request(code, identifier, authenticator);
        if code.wants_message_authenticator() {
            builder.signed = true;
            builder.append(attribute::MESSAGE_AUTHENTICATOR, &[&[0; 16]]);
        }
        builder
    }

    /// Begins a RADIUS/1.1 packet: a Token, and no digest of any kind (RFC 9765 section 4.1).
    pub fn token_request(code: Code, token: [u8; 4]) -> Self {
        let mut builder = Self::unsigned_request(code, 0, [0; 16]);
        builder.version = Version::V1_1;
        builder.write(4, &token_field(token));
        builder
    }

    /// Begins a packet *without* a Message-Authenticator, as old NASes send them. For tests and
    /// probes only: such a packet can be forged (CVE-2024-3596).
    pub fn unsigned_request(code: Code, identifier: u8, authenticator: [u8; 16]) -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&[code.octet(), identifier, 0, 0]);
        bytes.extend_from_slice(&match code.authenticator() {
            AuthenticatorField::Keyed => [0; 16],
            AuthenticatorField::Random | AuthenticatorField::Response => authenticator,
        });
        Self {
            bytes,
            version: Version::V1_0,
            code,
            attributes: 0,
            signed: false,
            salts: Vec::new(),
        }
    }

    /// What the packet is for.
    pub fn code(&self) -> Code {
        self.code
    }

    /// How many octets the packet has so far.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an attribute with these octets.
    pub fn push(&mut self, number: u8, value: &[u8]) -> Result<(), DoesNotFit> {
        self.room(number, value.len(), MAX_VALUE_LEN)?;
        self.append(number, &[value]);
        Ok(())
    }

    /// Adds a text attribute.
    pub fn push_text(&mut self, number: u8, text: &str) -> Result<(), DoesNotFit> {
        self.push(number, text.as_bytes())
    }

    /// Adds a number of four octets.
    pub fn push_integer(&mut self, number: u8, value: u32) -> Result<(), DoesNotFit> {
        self.push(number, &value.to_be_bytes())
    }

    /// Adds an IPv4 address.
    pub fn push_ipv4(&mut self, number: u8, address: Ipv4Addr) -> Result<(), DoesNotFit> {
        self.push(number, &address.octets())
    }

    /// Adds an IPv6 address (RFC 3162 section 2).
    pub fn push_ipv6(&mut self, number: u8, address: Ipv6Addr) -> Result<(), DoesNotFit> {
        self.push(number, &address.octets())
    }

    /// Adds a vendor's attribute in a Vendor-Specific attribute of its own
    /// (RFC 2865 section 5.26).
    pub fn push_vendor(&mut self, vendor: u32, number: u8, value: &[u8]) -> Result<(), DoesNotFit> {
        let length = value.len();
        if length > MAX_VENDOR_VALUE_LEN {
            return Err(DoesNotFit::Value {
                number,
                length,
                most: MAX_VENDOR_VALUE_LEN,
            });
        }
        let (inside, whole) = (length.saturating_add(2), length.saturating_add(6));
        self.room(attribute::VENDOR_SPECIFIC, whole, MAX_VALUE_LEN)?;
        let inner = u8::try_from(inside).unwrap_or(u8::MAX);
        self.append(
            attribute::VENDOR_SPECIFIC,
            &[&vendor.to_be_bytes(), &[number, inner], value],
        );
        Ok(())
    }

    /// Adds an EAP packet, split into EAP-Message attributes of 253 octets
    /// (RFC 3579 section 3.1). An empty one becomes one empty attribute, EAP-Start.
    pub fn push_eap_message(&mut self, packet: &[u8]) -> Result<(), DoesNotFit> {
        self.push_split(attribute::EAP_MESSAGE, packet)
    }

    /// Adds one long value as several attributes of at most 253 octets, all of them or none.
    pub fn push_split(&mut self, number: u8, value: &[u8]) -> Result<(), DoesNotFit> {
        let pieces = value.len().div_ceil(MAX_VALUE_LEN).max(1);
        if !self.fits(value.len().saturating_add(pieces.saturating_mul(2))) {
            return Err(DoesNotFit::Packet { number });
        }
        if self.attributes.saturating_add(pieces) > MAX_ATTRIBUTES {
            return Err(DoesNotFit::TooMany { number });
        }
        if value.is_empty() {
            return self.push(number, value);
        }
        value
            .chunks(MAX_VALUE_LEN)
            .try_for_each(|piece| self.push(number, piece))
    }

    /// Adds a User-Password, hidden with the secret and this request's Authenticator field
    /// (RFC 2865 section 5.2); in clear in RADIUS/1.1. At most 128 octets.
    pub fn push_user_password(
        &mut self,
        password: &[u8],
        secret: &Secret,
    ) -> Result<(), DoesNotFit> {
        let length = password.len();
        if length > MAX_USER_PASSWORD {
            return Err(DoesNotFit::Value {
                number: attribute::USER_PASSWORD,
                length,
                most: MAX_USER_PASSWORD,
            });
        }
        if self.version == Version::V1_1 {
            return self.push(attribute::USER_PASSWORD, password);
        }
        let mut hidden = Vec::with_capacity(MAX_USER_PASSWORD);
        hide_user_password(password, &self.authenticator(), secret, &mut hidden);
        self.push(attribute::USER_PASSWORD, &hidden)
    }

    /// Adds the two keys that a NAS needs after EAP: MS-MPPE-Recv-Key is the first half of the
    /// MSK, MS-MPPE-Send-Key the second (RFC 2548 sections 2.4.2 and 2.4.3, RFC 5247 section 2).
    ///
    /// `salts` are four random octets, `request_authenticator` is that of the Access-Request.
    pub fn push_mppe_keys(
        &mut self,
        msk: &[u8; 64],
        salts: [[u8; 2]; 2],
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Result<(), DoesNotFit> {
        let (receive, send) = msk.split_at(32);
        let [receive_salt, send_salt] = salts;
        const NEEDED: usize = 2 * (8 + salted_len(32));
        if !self.fits(NEEDED) {
            return Err(DoesNotFit::Packet {
                number: attribute::VENDOR_SPECIFIC,
            });
        }
        if self.attributes.saturating_add(2) > MAX_ATTRIBUTES {
            return Err(DoesNotFit::TooMany {
                number: attribute::VENDOR_SPECIFIC,
            });
        }
        let mut push = |number, key, salt| {
            self.push_mppe_key(number, key, salt, request_authenticator, secret)
        };
        push(vendor::microsoft::MPPE_RECV_KEY, receive, receive_salt)?;
        push(vendor::microsoft::MPPE_SEND_KEY, send, send_salt)
    }

    /// Adds one salt-encrypted Microsoft key, as MS-CHAPv2 needs with its keys of 16 octets.
    pub fn push_mppe_key(
        &mut self,
        number: u8,
        key: &[u8],
        salt: [u8; 2],
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Result<(), DoesNotFit> {
        let vendor = vendor::MICROSOFT;
        self.push_vendor_salted(vendor, number, key, salt, request_authenticator, secret)
    }

    /// Adds a vendor's attribute, salt-encrypted as RFC 2868 section 3.5 does it, without a tag; in clear in RADIUS/1.1
    /// (RFC 9765 section 5.1.4). At most 239 octets.
    pub fn push_vendor_salted(
        &mut self,
        vendor: u32,
        number: u8,
        clear: &[u8],
        salt: [u8; 2],
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Result<(), DoesNotFit> {
        let (most, length) = (239, clear.len());
        if length > most {
            return Err(DoesNotFit::Value {
                number,
                length,
                most,
            });
        }
        if self.version == Version::V1_1 {
            return self.push_vendor(vendor, number, clear);
        }
        let salt = self.unused_salt(salt);
        let mut value = Zeroizing::new(Vec::with_capacity(salted_len(length)));
        salt_encrypt(clear, salt, request_authenticator, secret, &mut value);
        self.push_vendor(vendor, number, &value)
    }

    /// Adds a Tunnel-Password, salt-encrypted (RFC 2868 section 3.5); in RADIUS/1.1 in clear behind its tag (RFC 9765 section 5.1.3).
    /// At most 239 octets.
    pub fn push_tunnel_password(
        &mut self,
        tag: u8,
        password: &[u8],
        salt: [u8; 2],
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Result<(), DoesNotFit> {
        let (number, most, length) = (attribute::TUNNEL_PASSWORD, 239, password.len());
        if length > most {
            return Err(DoesNotFit::Value {
                number,
                length,
                most,
            });
        }
        if self.version == Version::V1_1 {
            self.room(number, length.saturating_add(1), MAX_VALUE_LEN)?;
            self.append(number, &[&[tag], password]);
            return Ok(());
        }
        let salt = self.unused_salt(salt);
        let mut value = Vec::with_capacity(salted_len(length).saturating_add(1));
        value.push(tag);
        salt_encrypt(password, salt, request_authenticator, secret, &mut value);
        self.push(number, &value)
    }

    /// Signs the packet and hands out its octets: Length, then the Message-Authenticator, then the
    /// Authenticator field where it is computed (RFC 2865 section 3, RFC 2866 section 3,
    /// RFC 3579 section 3.2). A RADIUS/1.1 packet gets its Length and nothing else.
    pub fn seal(mut self, secret: &Secret) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        self.write(2, &length);
        if self.version == Version::V1_1 {
            return self.bytes;
        }
        if self.signed {
            // The field holds what the Message-Authenticator covers: the request's Authenticator in
            // a reply, the packet's own in an Access-Request, zeros where it is computed below.
            let signature = secret.hmac_md5(&[&self.bytes]);
            self.write(HEADER_LEN + 2, &signature);
        }
        if self.code.authenticator() != AuthenticatorField::Random {
            let digest = secret.md5_before(&[&self.bytes]);
            self.write(4, &digest);
        }
        self.bytes
    }

    /// The Authenticator field so far.
    fn authenticator(&self) -> [u8; 16] {
        self.bytes
            .get(4..HEADER_LEN)
            .and_then(|field| field.try_into().ok())
            .unwrap_or_default()
    }

    /// Checks that an attribute may be added.
    fn room(&self, number: u8, length: usize, most: usize) -> Result<(), DoesNotFit> {
        if number == 0 || number == attribute::MESSAGE_AUTHENTICATOR {
            return Err(DoesNotFit::Reserved { number });
        }
        if length > most {
            return Err(DoesNotFit::Value {
                number,
                length,
                most,
            });
        }
        if !self.fits(length.saturating_add(2)) {
            return Err(DoesNotFit::Packet { number });
        }
        if self.attributes == MAX_ATTRIBUTES {
            return Err(DoesNotFit::TooMany { number });
        }
        Ok(())
    }

    /// Whether the packet has room for so many more octets.
    fn fits(&self, octets: usize) -> bool {
        self.bytes.len().saturating_add(octets) <= MAX_PACKET_LEN
    }

    /// Appends an attribute for which [`room`](Self::room) has been checked.
    fn append(&mut self, number: u8, parts: &[&[u8]]) {
        let inside: usize = parts.iter().map(|part| part.len()).sum();
        let length = inside.saturating_add(2);
        self.bytes
            .extend_from_slice(&[number, u8::try_from(length).unwrap_or(u8::MAX)]);
        parts
            .iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        self.attributes = self.attributes.saturating_add(1);
    }

    /// Sets the leading bit that RFC 2868 section 3.5 demands, and steps on while the packet has
    /// this salt already.
    fn unused_salt(&mut self, [high, low]: [u8; 2]) -> [u8; 2] {
        let mut salt = u16::from_be_bytes([high | 0x80, low]);
        while self.salts.contains(&salt.to_be_bytes()) {
            salt = salt.wrapping_add(1) | 0x8000;
        }
        self.salts.push(salt.to_be_bytes());
        salt.to_be_bytes()
    }

    /// Overwrites octets that are already there.
    fn write(&mut self, offset: usize, octets: &[u8]) {
        let rest = self.bytes.get_mut(offset..);
        if let Some(place) = rest.and_then(|rest| rest.get_mut(..octets.len())) {
            place.copy_from_slice(octets);
        }
    }
}

impl std::fmt::Debug for PacketBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PacketBuilder")
            .field("version", &self.version)
            .field("code", &self.code)
            .field("octets", &self.bytes.len())
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
