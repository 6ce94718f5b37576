//! The RADIUS wire: packets, attributes, signatures, dictionaries and vendor profiles.
//!
//! Switches and access points ask their questions in RADIUS (RFC 2865, 2866, 3579, 5176, 9765). This crate
//! reads those questions without copying them, checks that they are genuine, and writes the answers.
//! It exists, instead of one of the published crates, because the checks that keep a forged answer
//! out (CVE-2024-3596) and the salt encryption that carries keys have to be right.
//!
//! ```
//! use nac_radius::{Code, MessageAuthenticator, Packet, PacketBuilder, Secret, attribute};
//!
//! /// Answers one datagram from a NAS, or stays silent.
//! fn answer(datagram: &[u8], secret: &Secret) -> Option<Vec<u8>> {
//!     let request = Packet::parse(datagram).ok()?;
//!     if request.code() != Code::AccessRequest
//!         || request.message_authenticator(secret) != MessageAuthenticator::Valid
//!     {
//!         return None;
//!     }
//!     let password = request.user_password(secret).ok()??;
//!     let known = request.text(attribute::USER_NAME)? == "alice" && *password == b"correct horse";
//!     let code = if known { Code::AccessAccept } else { Code::AccessReject };
//!     let mut reply = PacketBuilder::reply(code, &request);
//!     if known {
//!         reply.push_integer(attribute::SESSION_TIMEOUT, 3600).ok()?;
//!     }
//!     Some(reply.seal(secret))
//! }
//!
//! let secret = Secret::new("xyzzy5461-and-then-some");
//! let mut request = PacketBuilder::request(Code::AccessRequest, 7, *b"sixteen randoms!");
//! request.push_text(attribute::USER_NAME, "alice").unwrap();
//! request.push_user_password(b"correct horse", &secret).unwrap();
//!
//! let reply = answer(&request.seal(&secret), &secret).unwrap();
//! let reply = Packet::parse(&reply).unwrap();
//! assert_eq!(reply.verify_reply(b"sixteen randoms!", &secret), Ok(()));
//! assert_eq!(reply.code(), Code::AccessAccept);
//! assert_eq!(reply.integer(attribute::SESSION_TIMEOUT), Some(3600));
//! ```
//!
//! # Invariants
//!
//! * A [`Packet`] is well-formed: [`Packet::parse`] is the only way to one, and it checks everything
//!   before anything is hashed. No input makes this crate panic.
//! * Everything that [`PacketBuilder`] seals parses again, with the attributes that were pushed.
//! * A reply to an Access-Request carries its Message-Authenticator as its first attribute. A RADIUS/1.1 packet, which only TLS
//!   carries, never has one: [`Version`] is a property of the packet, and a reply has that of its request.
//! * Digests are compared in constant time; secrets and what they hide are wiped and never printed.
//! * No clock, no randomness, no I/O, no `async`: salts and authenticators are arguments.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

pub mod attribute;
mod builder;
mod code;
mod dictionary;
mod mac;
mod malformed;
mod packet;
mod password;
mod profile;
mod secret;
mod stream;
pub mod vendor;
mod verify;
mod version;

pub use builder::{DoesNotFit, MAX_VALUE_LEN, MAX_VENDOR_VALUE_LEN, PacketBuilder};
pub use code::Code;
pub use dictionary::{
    DataType, Described, Dictionary, DictionaryAttribute, DictionaryError, EncodeError, Encryption,
    Loader,
};
pub use mac::{MacAddr, MacFormat, NotMacAddr, called_station};
pub use malformed::Malformed;
pub use packet::{
    Attribute, Attributes, HEADER_LEN, MAX_ATTRIBUTES, MAX_PACKET_LEN, Packet, VendorAttribute,
};
pub use password::{MAX_USER_PASSWORD, chap_password_valid, chap_response};
pub use profile::{
    DynamicAuthorizationStep, Effect, NasSettings, ProfileError, RadSecNas, SegmentAttributes,
    VendorProfile,
};
pub use secret::Secret;
pub use stream::packet_length;
pub use verify::{MessageAuthenticator, ReplyFault};
pub use version::Version;
