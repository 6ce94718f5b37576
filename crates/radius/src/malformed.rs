//! Why a datagram is not a RADIUS packet.

use thiserror::Error;

/// What is wrong with a datagram, and at which octet of it.
///
/// Packets like these are dropped in silence (RFC 2865 section 3); the words are for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Fewer than the 20 octets of a header arrived.
    #[error("{received} octets arrived, a RADIUS header has 20")]
    HeaderTruncated {
        /// How many octets arrived.
        received: usize,
    },
    /// The Length field is smaller than the header itself.
    #[error("the Length field at offset 2 says {length}, the smallest packet has 20 octets")]
    LengthTooSmall {
        /// What the Length field says.
        length: u16,
    },
    /// The Length field is larger than any RADIUS packet (RFC 2865 section 3).
    #[error("the Length field at offset 2 says {length}, the largest packet has 4096 octets")]
    LengthTooLarge {
        /// What the Length field says.
        length: u16,
    },
    /// The Length field promises more octets than arrived.
    #[error("the Length field at offset 2 says {length}, but only {received} octets arrived")]
    Truncated {
        /// What the Length field says.
        length: u16,
        /// How many octets arrived.
        received: usize,
    },
    /// The Code is none that this server speaks.
    #[error("unknown code {code} at offset 0")]
    UnknownCode {
        /// The Code octet.
        code: u8,
    },
    /// One octet is left where an attribute should begin.
    #[error("an attribute header is cut off at offset {offset}")]
    AttributeTruncated {
        /// Where the attribute begins.
        offset: usize,
    },
    /// Attribute number 0 is reserved.
    #[error("attribute number 0 at offset {offset}")]
    AttributeNumberZero {
        /// Where the attribute begins.
        offset: usize,
    },
    /// The length of an attribute does not even cover its own header.
    #[error("attribute {number} at offset {offset} has length {length}, the smallest is 2")]
    AttributeTooShort {
        /// Where the attribute begins.
        offset: usize,
        /// The attribute's number.
        number: u8,
        /// What its length octet says.
        length: u8,
    },
    /// An attribute reaches beyond the end of the packet.
    #[error(
        "attribute {number} at offset {offset} has length {length}, but {remaining} octets remain"
    )]
    AttributeOverflow {
        /// Where the attribute begins.
        offset: usize,
        /// The attribute's number.
        number: u8,
        /// What its length octet says.
        length: u8,
        /// How many octets the packet still has from `offset` on.
        remaining: usize,
    },
    /// The packet has more attributes than this server looks at.
    #[error("more than {limit} attributes, the next one at offset {offset}")]
    TooManyAttributes {
        /// Where the first attribute too many begins.
        offset: usize,
        /// The largest number of attributes accepted.
        limit: usize,
    },
    /// A Message-Authenticator is not 16 octets long (RFC 3579 section 3.2).
    #[error("the Message-Authenticator at offset {offset} has length {length}, it must be 18")]
    MessageAuthenticatorLength {
        /// Where the attribute begins.
        offset: usize,
        /// What its length octet says.
        length: u8,
    },
    /// There is more than one Message-Authenticator (RFC 3579 section 3.2).
    #[error("a second Message-Authenticator at offset {offset}")]
    MessageAuthenticatorRepeated {
        /// Where the second one begins.
        offset: usize,
    },
    /// A User-Password is not 16 to 128 octets in blocks of 16 (RFC 2865 section 5.2).
    #[error("a User-Password of {length} octets, it must be 16 to 128 in blocks of 16")]
    UserPasswordLength {
        /// How many octets the attribute's value has.
        length: usize,
    },
}
