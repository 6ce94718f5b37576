//! Whether a packet is genuine: the Request, Response and Message-Authenticator.

use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::code::{AuthenticatorField, Code};
use crate::packet::Packet;
use crate::secret::Secret;
use crate::version::Version;

/// What a request's Message-Authenticator says about it (RFC 3579 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageAuthenticator {
    /// The packet has none. With an EAP-Message, and for Status-Server, that is a reason to drop it.
    Absent,
    /// The packet was made by somebody who knows the secret, and is unchanged.
    Valid,
    /// The packet was forged or changed, or the secrets differ.
    Invalid,
}

/// Why a reply is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyFault {
    /// The Response Authenticator is wrong (RFC 2865 section 3).
    #[error("the Response Authenticator is wrong: the reply is forged or the secrets differ")]
    Authenticator,
    /// The Message-Authenticator is wrong (RFC 3579 section 3.2).
    #[error("the Message-Authenticator is wrong: the reply is forged or the secrets differ")]
    MessageAuthenticator,
    /// A reply to an Access-Request has no Message-Authenticator, so that it may be forged
    /// (CVE-2024-3596).
    #[error("the reply has no Message-Authenticator, so that it may be forged (CVE-2024-3596)")]
    MessageAuthenticatorMissing,
}

impl Packet<'_> {
    /// Checks the Message-Authenticator of a *request*.
    ///
    /// A reply cannot be checked without its request: use [`verify_reply`](Self::verify_reply).
    /// Here a reply's Message-Authenticator counts as [`Invalid`](MessageAuthenticator::Invalid).
    /// In RADIUS/1.1 it is always [`Absent`](MessageAuthenticator::Absent).
    pub fn message_authenticator(&self, secret: &Secret) -> MessageAuthenticator {
        if self.message_authenticator.is_none() {
            return MessageAuthenticator::Absent;
        }
        let valid = match self.code().authenticator() {
            AuthenticatorField::Random => self.signed_with(self.authenticator(), secret),
            AuthenticatorField::Keyed => self.signed_with(&[0; 16], secret),
            AuthenticatorField::Response => false,
        };
        if valid {
            MessageAuthenticator::Valid
        } else {
            MessageAuthenticator::Invalid
        }
    }

    /// Checks the Request Authenticator of an Accounting-, CoA- or Disconnect-Request
    /// (RFC 2866 section 3, RFC 5176 section 2.3); false for every other code. RADIUS/1.1 has none, and TLS vouches for the packet.
    pub fn request_authenticator_valid(&self, secret: &Secret) -> bool {
        self.code().authenticator() == AuthenticatorField::Keyed
            && (self.version() == Version::V1_1 || self.hashed_with(&[0; 16], secret))
    }

    /// Checks that this is the genuine reply to the request with the given Authenticator field:
    /// the Response Authenticator, and the Message-Authenticator where there is one.
    ///
    /// Replies to an Access-Request must have one. In an Accounting-Response both ways of
    /// computing it that are in use are accepted. In RADIUS/1.1 the Tokens are compared, and that is all.
    pub fn verify_reply(
        &self,
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Result<(), ReplyFault> {
        if self.version() == Version::V1_1 {
            let answers = self.code().authenticator() == AuthenticatorField::Response
                && request_authenticator.starts_with(&self.token());
            return answers.then_some(()).ok_or(ReplyFault::Authenticator);
        }
        if self.code().authenticator() != AuthenticatorField::Response
            || !self.hashed_with(request_authenticator, secret)
        {
            return Err(ReplyFault::Authenticator);
        }
        if self.message_authenticator.is_none() {
            return match self.code().answers_access_request() {
                true => Err(ReplyFault::MessageAuthenticatorMissing),
                false => Ok(()),
            };
        }
        let zeros_too = self.code() == Code::AccountingResponse;
        if self.signed_with(request_authenticator, secret)
            || (zeros_too && self.signed_with(&[0; 16], secret))
        {
            return Ok(());
        }
        Err(ReplyFault::MessageAuthenticator)
    }

    /// Compares the Authenticator field with MD5 over the packet and the secret.
    fn hashed_with(&self, field: &[u8; 16], secret: &Secret) -> bool {
        let head = self.as_bytes().get(..4).unwrap_or_default();
        let expected = secret.md5_before(&[head, field, self.attribute_octets()]);
        expected.ct_eq(self.authenticator()).into()
    }

    /// Compares the Message-Authenticator with HMAC-MD5 over the packet, its own value zeroed.
    fn signed_with(&self, field: &[u8; 16], secret: &Secret) -> bool {
        let Some(found) = self.message_authenticator else {
            return false;
        };
        let head = self.as_bytes().get(..4).unwrap_or_default();
        let expected = secret.hmac_md5(&[head, field, found.before, &[0; 16], found.after]);
        expected.ct_eq(found.value).into()
    }
}

#[cfg(test)]
mod tests;
