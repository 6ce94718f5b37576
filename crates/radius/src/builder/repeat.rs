//! The same reply once more, for a request that says the same under another Identifier or Authenticator.

use zeroize::Zeroizing;

use super::PacketBuilder;
use crate::attribute;
use crate::dictionary::{Dictionary, Encryption};
use crate::packet::{Attribute, Packet};
use crate::password::salt_decrypt;
use crate::secret::Secret;
use crate::version::Version;

impl PacketBuilder {
    /// Begins and fills the reply to `request` that says what `former` said in reply to a request with the Authenticator field
    /// `former_authenticator`. What is hidden with a salt (RFC 2868 section 3.5, RFC 2548 section 2.4.2) is hidden anew, and the
    /// Proxy-States are those of `request`.
    ///
    /// `None` when `former` was not made with this secret for that request, or does not fit.
    pub fn repeat(
        former: &Packet<'_>,
        former_authenticator: &[u8; 16],
        request: &Packet<'_>,
        secret: &Secret,
    ) -> Option<Self> {
        former.verify_reply(former_authenticator, secret).ok()?;
        let mut reply = Self::reply(former.code(), request);
        let hidden = Hidden {
            dictionary: Dictionary::embedded(),
            before: former_authenticator,
            now: request.authenticator(),
            secret,
        };
        for found in former.attributes() {
            match found.number {
                attribute::MESSAGE_AUTHENTICATOR if former.version() == Version::V1_0 => {}
                attribute::PROXY_STATE => {}
                _ => hidden.repeat(&mut reply, found)?,
            }
        }
        Some(reply)
    }
}

/// Takes what is hidden from one packet into the other.
struct Hidden<'a> {
    dictionary: &'a Dictionary,
    before: &'a [u8; 16],
    now: &'a [u8; 16],
    secret: &'a Secret,
}

impl Hidden<'_> {
    fn repeat(&self, reply: &mut PacketBuilder, found: Attribute<'_>) -> Option<()> {
        let version = reply.version;
        let salted = |vendor, number| {
            let known = self.dictionary.by_number(vendor, number);
            version == Version::V1_0
                && known.is_some_and(|known| known.encryption == Encryption::Salted)
        };
        let (number, value) = (found.number, found.value);
        let sealed = match (number, value) {
            (attribute::TUNNEL_PASSWORD, [tag, salted_value @ ..]) if salted(None, number) => {
                let (salt, clear) = self.open(salted_value)?;
                reply.push_tunnel_password(*tag, &clear, salt, self.now, self.secret)
            }
            (attribute::VENDOR_SPECIFIC, [a, b, c, d, sub, length, salted_value @ ..])
                if salted(Some(u32::from_be_bytes([*a, *b, *c, *d])), *sub)
                    && usize::from(*length) == salted_value.len().saturating_add(2) =>
            {
                let vendor = u32::from_be_bytes([*a, *b, *c, *d]);
                let (salt, clear) = self.open(salted_value)?;
                reply.push_vendor_salted(vendor, *sub, &clear, salt, self.now, self.secret)
            }
            _ => reply.push(number, value),
        };
        sealed.ok()
    }

    fn open(&self, salted: &[u8]) -> Option<([u8; 2], Zeroizing<Vec<u8>>)> {
        let salt = *salted.first_chunk::<2>()?;
        Some((salt, salt_decrypt(salted, self.before, self.secret)?))
    }
}
