//! RADIUS on the wire in a few lines, independent of `crates/radius` on purpose.
//!
//! It can write what no decent codec would: wrong lengths, two Message-Authenticators, a lying header.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

use crate::mschapv2;

/// Microsoft's number among vendors (RFC 2548).
pub const MICROSOFT: [u8; 4] = 311_u32.to_be_bytes();

/// Packet codes.
pub mod code {
    #![expect(
        missing_docs,
        reason = "the names are those of RFC 2865, 2866, 5176 and 5997"
    )]
    pub const ACCESS_REQUEST: u8 = 1;
    pub const ACCESS_ACCEPT: u8 = 2;
    pub const ACCESS_REJECT: u8 = 3;
    pub const ACCOUNTING_REQUEST: u8 = 4;
    pub const ACCOUNTING_RESPONSE: u8 = 5;
    pub const ACCESS_CHALLENGE: u8 = 11;
    pub const STATUS_SERVER: u8 = 12;
    pub const DISCONNECT_REQUEST: u8 = 40;
    pub const DISCONNECT_ACK: u8 = 41;
    pub const DISCONNECT_NAK: u8 = 42;
    pub const COA_REQUEST: u8 = 43;
    pub const COA_ACK: u8 = 44;
    pub const COA_NAK: u8 = 45;
}

/// Attribute numbers.
pub mod attribute {
    #![expect(missing_docs, reason = "the names are those of the RFCs")]
    pub const USER_NAME: u8 = 1;
    pub const USER_PASSWORD: u8 = 2;
    pub const CHAP_PASSWORD: u8 = 3;
    pub const NAS_IP_ADDRESS: u8 = 4;
    pub const NAS_PORT: u8 = 5;
    pub const SERVICE_TYPE: u8 = 6;
    pub const REPLY_MESSAGE: u8 = 18;
    pub const STATE: u8 = 24;
    pub const FRAMED_MTU: u8 = 12;
    pub const CLASS: u8 = 25;
    pub const VENDOR_SPECIFIC: u8 = 26;
    pub const CALLED_STATION_ID: u8 = 30;
    pub const CALLING_STATION_ID: u8 = 31;
    pub const NAS_IDENTIFIER: u8 = 32;
    pub const PROXY_STATE: u8 = 33;
    pub const ACCT_STATUS_TYPE: u8 = 40;
    pub const ACCT_DELAY_TIME: u8 = 41;
    pub const ACCT_SESSION_ID: u8 = 44;
    pub const EVENT_TIMESTAMP: u8 = 55;
    pub const CHAP_CHALLENGE: u8 = 60;
    pub const NAS_PORT_TYPE: u8 = 61;
    pub const TUNNEL_TYPE: u8 = 64;
    pub const TUNNEL_PASSWORD: u8 = 69;
    pub const ARAP_PASSWORD: u8 = 70;
    pub const EAP_MESSAGE: u8 = 79;
    pub const MESSAGE_AUTHENTICATOR: u8 = 80;
    pub const TUNNEL_PRIVATE_GROUP_ID: u8 = 81;
    pub const ERROR_CAUSE: u8 = 101;
}

/// Where the authenticator of a packet comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    /// Random; the packet is not signed by it (Access-Request, Status-Server).
    Random,
    /// MD5 over the packet with sixteen zero octets (RFC 2866 section 3, RFC 5176 section 2.3).
    Computed,
}

/// A request being written.
#[derive(Clone, Debug)]
pub struct Request {
    code: u8,
    identifier: u8,
    authenticator: [u8; 16],
    attributes: Vec<(u8, Vec<u8>)>,
    secret: Vec<u8>,
}

impl Request {
    /// An empty request. `authenticator` counts only where the code does not compute one.
    #[must_use]
    pub fn new(code: u8, identifier: u8, authenticator: [u8; 16], secret: &str) -> Self {
        Self {
            code,
            identifier,
            authenticator,
            attributes: Vec::new(),
            secret: secret.as_bytes().to_vec(),
        }
    }

    /// The same words under another Identifier and Authenticator. What was hidden with the old one is not hidden anew.
    #[must_use]
    pub fn again(&self, identifier: u8, authenticator: [u8; 16]) -> Self {
        Self {
            identifier,
            authenticator,
            ..self.clone()
        }
    }

    /// The same without an attribute.
    #[must_use]
    pub fn without(mut self, number: u8) -> Self {
        self.attributes.retain(|(found, _)| *found != number);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, number: u8, value: impl AsRef<[u8]>) -> Self {
        self.attributes.push((number, value.as_ref().to_vec()));
        self
    }

    /// Changes the n-th attribute of a number, counted from 0, or takes it out.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn with_changed(
        mut self,
        number: u8,
        nth: usize,
        change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Self {
        let mut places = (0..self.attributes.len()).filter(|at| self.attributes[*at].0 == number);
        let at = places.nth(nth).expect("there is such an attribute");
        drop(places);
        match change(&self.attributes[at].1) {
            Some(value) => self.attributes[at].1 = value,
            None => drop(self.attributes.remove(at)),
        }
        self
    }

    /// Adds a Message-Authenticator, which is filled in when the request is written.
    #[must_use]
    pub fn with_message_authenticator(self) -> Self {
        self.with(attribute::MESSAGE_AUTHENTICATOR, [0; 16])
    }

    /// Adds a User-Password, hidden as RFC 2865 section 5.2 says.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        let mut padded = password.as_bytes().to_vec();
        padded.resize(padded.len().max(1).next_multiple_of(16), 0);
        let mut hidden: Vec<u8> = Vec::with_capacity(padded.len());
        for block in padded.chunks(16) {
            let previous = hidden
                .len()
                .checked_sub(16)
                .map_or(&self.authenticator[..], |at| &hidden[at..]);
            let mask = md5(&[&self.secret, previous]);
            let masked: Vec<u8> = block
                .iter()
                .zip(mask)
                .map(|(octet, mask)| octet ^ mask)
                .collect();
            hidden.extend(masked);
        }
        self.with(attribute::USER_PASSWORD, hidden)
    }

    /// Adds a CHAP-Password over the Request Authenticator (RFC 2865 section 2.2).
    #[must_use]
    pub fn with_chap(self, identifier: u8, password: &str) -> Self {
        let challenge = self.authenticator;
        self.with_chap_over(identifier, password, &challenge)
    }

    /// Adds a CHAP-Password over a challenge, which goes into a CHAP-Challenge of its own (RFC 2865 section 5.40).
    #[must_use]
    pub fn with_chap_challenge(self, identifier: u8, password: &str, challenge: &[u8]) -> Self {
        self.with(attribute::CHAP_CHALLENGE, challenge)
            .with_chap_over(identifier, password, challenge)
    }

    fn with_chap_over(self, identifier: u8, password: &str, challenge: &[u8]) -> Self {
        let response = md5(&[&[identifier], password.as_bytes(), challenge]);
        let value = [&[identifier][..], &response].concat();
        self.with(attribute::CHAP_PASSWORD, value)
    }

    /// Adds MS-CHAP-Challenge and MS-CHAP2-Response (RFC 2548 sections 2.1.2 and 2.3.2) of identifier 9, with `hashed` as the name that
    /// RFC 2759 section 8.2 takes.
    #[must_use]
    pub fn with_ms_chap_v2(
        self,
        challenge: &[u8; 16],
        peer: &[u8; 16],
        hashed: &str,
        password: &str,
    ) -> Self {
        let response = mschapv2::nt_response(challenge, peer, hashed, password);
        let value = [&[9, 0][..], peer, &[0; 8], &response].concat();
        self.with(attribute::VENDOR_SPECIFIC, microsoft(11, challenge))
            .with(attribute::VENDOR_SPECIFIC, microsoft(25, &value))
    }

    /// Adds MS-CHAP-Challenge, MS-CHAP2-CPW and MS-CHAP-NT-Enc-PW: a new password in the place of an expired one (RFC 2548).
    #[must_use]
    pub fn with_new_password(
        mut self,
        challenge: &[u8; 16],
        peer: &[u8; 16],
        hashed: &str,
        (old, new): (&str, &str),
    ) -> Self {
        let (block, hidden) = mschapv2::change(old, new);
        let response = mschapv2::nt_response(challenge, peer, hashed, new);
        let cpw = [&[7, 10][..], &hidden, peer, &[0; 8], &response, &[0; 2]].concat();
        self = self
            .with(attribute::VENDOR_SPECIFIC, microsoft(11, challenge))
            .with(attribute::VENDOR_SPECIFIC, microsoft(27, &cpw));
        for (piece, number) in block.chunks(243).zip(1_u8..) {
            let value = [&[6, 10, 0, number][..], piece].concat();
            self = self.with(attribute::VENDOR_SPECIFIC, microsoft(6, &value));
        }
        self
    }

    /// Adds an EAP packet, split over EAP-Message attributes (RFC 3579 section 3.1).
    #[must_use]
    pub fn with_eap(mut self, packet: &[u8]) -> Self {
        for part in packet.chunks(253) {
            self = self.with(attribute::EAP_MESSAGE, part);
        }
        self
    }

    /// The authenticator that a reply is computed over.
    #[must_use]
    pub fn authenticator(bytes: &[u8]) -> [u8; 16] {
        bytes
            .get(4..20)
            .and_then(|part| part.try_into().ok())
            .unwrap_or_default()
    }

    /// The finished packet.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let origin = match self.code {
            code::ACCESS_REQUEST | code::STATUS_SERVER => Origin::Random,
            _ => Origin::Computed,
        };
        let mut bytes = vec![self.code, self.identifier, 0, 0];
        bytes.extend(if origin == Origin::Random {
            self.authenticator
        } else {
            [0; 16]
        });
        for (number, value) in &self.attributes {
            bytes.push(*number);
            bytes.push((value.len() + 2) as u8);
            bytes.extend(value);
        }
        let length = (bytes.len() as u16).to_be_bytes();
        bytes[2..4].copy_from_slice(&length);
        if let Some(at) = value_at(&bytes, attribute::MESSAGE_AUTHENTICATOR) {
            // Only a placeholder is filled in, so that a test can send a wrong one.
            if bytes[at..at + 16] == [0; 16] {
                let signature = hmac_md5(&self.secret, &bytes);
                bytes[at..at + 16].copy_from_slice(&signature);
            }
        }
        if origin == Origin::Computed {
            let signature = md5(&[&bytes, &self.secret]);
            bytes[4..20].copy_from_slice(&signature);
        }
        bytes
    }
}

/// A packet that was read, with its attributes in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// The packet's code.
    pub code: u8,
    /// The identifier.
    pub identifier: u8,
    /// The attributes, in order.
    pub attributes: Vec<(u8, Vec<u8>)>,
    /// The whole packet.
    pub bytes: Vec<u8>,
}

impl Packet {
    /// Reads a packet that ends where the datagram ends.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        if length != bytes.len() || length < 20 {
            return None;
        }
        let mut attributes = Vec::new();
        let mut rest = &bytes[20..];
        while let [number, length, ..] = rest {
            let value = rest.get(2..usize::from(*length))?;
            attributes.push((*number, value.to_vec()));
            rest = &rest[usize::from(*length)..];
        }
        rest.is_empty().then(|| Self {
            code: bytes[0],
            identifier: bytes[1],
            attributes,
            bytes: bytes.to_vec(),
        })
    }

    /// Every value of an attribute, in order.
    #[must_use]
    pub fn all(&self, number: u8) -> Vec<&[u8]> {
        self.attributes
            .iter()
            .filter(|(found, _)| *found == number)
            .map(|(_, value)| &value[..])
            .collect()
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn first(&self, number: u8) -> Option<&[u8]> {
        self.all(number).first().copied()
    }

    /// The VLAN of the answer (RFC 3580 section 3.31), without the tag.
    #[must_use]
    pub fn vlan(&self) -> Option<String> {
        let value = self.first(attribute::TUNNEL_PRIVATE_GROUP_ID)?;
        let value = match value {
            [0..=0x1f, rest @ ..] => rest,
            whole => whole,
        };
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The Wi-Fi keys of the station in it: Tunnel-Password (RFC 2868 section 3.5), Aruba's and Cisco's own.
    pub fn wifi_keys(&self, authenticator: &[u8; 16], secret: &str) -> Vec<String> {
        let mut keys = Vec::new();
        for value in self.all(attribute::TUNNEL_PASSWORD) {
            let (_tag, salted) = value.split_first().expect("a tag");
            keys.push(unsalted_text(salted, authenticator, secret));
        }
        for value in self.all(attribute::VENDOR_SPECIFIC) {
            let (vendor, rest) = value.split_first_chunk::<4>().expect("a vendor");
            let (number, data) = (rest[0], &rest[2..]);
            match (u32::from_be_bytes(*vendor), number) {
                (14_823, 44) => keys.push(unsalted_text(data, authenticator, secret)),
                (9, 1) => {
                    let text = String::from_utf8_lossy(data);
                    keys.extend(text.strip_prefix("psk=").map(str::to_owned));
                }
                _ => {}
            }
        }
        keys
    }

    /// MS-MPPE-Send-Key and MS-MPPE-Recv-Key (RFC 2548 section 2.4), in the order of the packet.
    ///
    /// # Panics
    ///
    /// When a Vendor-Specific attribute is malformed.
    #[must_use]
    pub fn session_keys(&self, authenticator: &[u8; 16], secret: &str) -> Vec<Vec<u8>> {
        let keys = self
            .all(attribute::VENDOR_SPECIFIC)
            .into_iter()
            .filter(|value| value.starts_with(&MICROSOFT) && matches!(value[4], 16 | 17));
        keys.map(|value| unsalted(&value[6..], authenticator, secret))
            .collect()
    }

    /// The keys of the link in it, MS-MPPE-Recv-Key and then MS-MPPE-Send-Key (RFC 2548 section 2.4): the MSK of who was let in.
    ///
    /// # Panics
    ///
    /// When a vendor's attribute has no vendor.
    pub fn link_keys(&self, authenticator: &[u8; 16], secret: &str) -> Vec<u8> {
        let of = |number: u8| {
            let values = self.all(attribute::VENDOR_SPECIFIC).into_iter();
            values.filter_map(move |value| {
                let (vendor, rest) = value.split_first_chunk::<4>().expect("a vendor");
                let found = *vendor == MICROSOFT && rest[0] == number;
                found.then(|| unsalted(&rest[2..], authenticator, secret))
            })
        };
        of(17).chain(of(16)).flatten().collect()
    }

    /// The EAP packet inside.
    #[must_use]
    pub fn eap(&self) -> Vec<u8> {
        self.all(attribute::EAP_MESSAGE).concat()
    }

    /// Whether the Response Authenticator is right (RFC 2865 section 3).
    #[must_use]
    pub fn answers(&self, request: &[u8], secret: &str) -> bool {
        let mut bytes = self.bytes.clone();
        bytes[4..20].copy_from_slice(&Request::authenticator(request));
        md5(&[&bytes, secret.as_bytes()]) == self.bytes[4..20] && self.identifier == request[1]
    }

    /// Whether the Message-Authenticator is right; `None` without one (RFC 3579 section 3.2).
    #[must_use]
    pub fn message_authenticator(&self, request: &[u8], secret: &str) -> Option<bool> {
        let at = value_at(&self.bytes, attribute::MESSAGE_AUTHENTICATOR)?;
        let mut bytes = self.bytes.clone();
        bytes[4..20].copy_from_slice(&Request::authenticator(request));
        bytes[at..at + 16].fill(0);
        Some(hmac_md5(secret.as_bytes(), &bytes) == self.bytes[at..at + 16])
    }

    /// Whether the Request Authenticator of an accounting, CoA or Disconnect request is right.
    #[must_use]
    pub fn is_signed_request(&self, secret: &str) -> bool {
        let mut bytes = self.bytes.clone();
        bytes[4..20].fill(0);
        md5(&[&bytes, secret.as_bytes()]) == self.bytes[4..20]
    }

    /// Writes the reply to this request.
    #[must_use]
    pub fn reply(&self, code: u8, attributes: &[(u8, Vec<u8>)], secret: &str) -> Vec<u8> {
        let mut bytes = vec![code, self.identifier, 0, 0];
        bytes.extend(&self.bytes[4..20]);
        for (number, value) in attributes {
            bytes.push(*number);
            bytes.push((value.len() + 2) as u8);
            bytes.extend(value);
        }
        let length = (bytes.len() as u16).to_be_bytes();
        bytes[2..4].copy_from_slice(&length);
        if let Some(at) = value_at(&bytes, attribute::MESSAGE_AUTHENTICATOR) {
            let signature = hmac_md5(secret.as_bytes(), &bytes);
            bytes[at..at + 16].copy_from_slice(&signature);
        }
        let signature = md5(&[&bytes, secret.as_bytes()]);
        bytes[4..20].copy_from_slice(&signature);
        bytes
    }
}

/// What RFC 2868 section 3.5 hides behind a salt.
fn unsalted(value: &[u8], authenticator: &[u8; 16], secret: &str) -> Vec<u8> {
    let (salt, hidden) = value.split_at(2);
    let mut last = [authenticator.as_slice(), salt].concat();
    let mut clear = Vec::new();
    for block in hidden.chunks(16) {
        let key = Md5::new()
            .chain_update(secret.as_bytes())
            .chain_update(&last)
            .finalize();
        clear.extend(block.iter().zip(key).map(|(octet, key)| octet ^ key));
        last = block.to_vec();
    }
    let length = usize::from(clear[0]);
    clear[1..=length].to_vec()
}

fn unsalted_text(value: &[u8], authenticator: &[u8; 16], secret: &str) -> String {
    String::from_utf8_lossy(&unsalted(value, authenticator, secret)).into_owned()
}

/// An EAP-Response (RFC 3748 section 4).
#[must_use]
pub fn eap_response(identifier: u8, kind: u8, data: &[u8]) -> Vec<u8> {
    let length = (5 + data.len()) as u16;
    [&[2, identifier][..], &length.to_be_bytes(), &[kind], data].concat()
}

/// Where the sixteen octets of an attribute's value begin.
fn value_at(bytes: &[u8], number: u8) -> Option<usize> {
    let mut at = 20;
    while let Some([found, length]) = bytes.get(at..at + 2) {
        if *found == number && *length == 18 && at + 18 <= bytes.len() {
            return Some(at + 2);
        }
        at += usize::from((*length).max(2));
    }
    None
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut state = Md5::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

fn hmac_md5(key: &[u8], data: &[u8]) -> [u8; 16] {
    let mut state = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    state.update(data);
    state.finalize().into_bytes().into()
}

/// One of Microsoft's attributes as the value of a Vendor-Specific attribute.
fn microsoft(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len() + 2).expect("a short value");
    [&MICROSOFT[..], &[number, length], value].concat()
}
