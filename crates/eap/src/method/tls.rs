//! EAP-TLS after the handshake (RFC 5216 section 2.1, RFC 9190 section 2.1).

use super::{Context, Inner, Phase2, Proven};
use crate::reason;
use crate::step::Answer;
use crate::tls::{Tls, Version, check_validity};

/// The application data that promises the peer that nothing but EAP-Success or EAP-Failure follows
/// (RFC 9190 section 2.5).
pub(super) const COMMITMENT: [u8; 1] = [0];

/// The certificates were all; what follows is the farewell.
pub(super) struct CertificateOnly;

impl Phase2 for CertificateOnly {
    fn established(&mut self, tls: &mut Tls, early: &[u8], context: &mut Context<'_>) -> Inner {
        if !early.is_empty() {
            return Inner::Failure(reason::UNEXPECTED_DATA.with("application data"));
        }
        if tls.is_resumed() {
            // TLS verifies no certificate on resumption. Revocation is the caller's to check.
            if let Err(fault) = check_validity(&tls.certificates(), context.unix_time) {
                return Inner::Failure(reason::RESUMED_CERTIFICATE_EXPIRED.with(fault));
            }
        }
        match tls.version() {
            Version::Tls13 => {
                tls.write(&COMMITMENT);
                Inner::Flush
            }
            // The peer's Finished was the last message.
            Version::Tls12 if tls.is_resumed() => Inner::Resumed,
            Version::Tls12 => Inner::Flush,
        }
    }

    fn received(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner {
        if !data.is_empty() {
            return Inner::Failure(reason::UNEXPECTED_DATA.with("application data"));
        }
        if tls.is_resumed() {
            return Inner::Resumed;
        }
        if tls.certificates().is_empty() {
            // The verifier demands one, so this cannot be; it must not be a success either way.
            return Inner::Failure(reason::NO_CLIENT_CERTIFICATE.reason());
        }
        Inner::Authenticated(Proven::new(context.identity.to_owned(), "EAP-TLS"))
    }

    fn answered(&mut self, _: &mut Tls, _: Answer, _: &mut Context<'_>) -> Inner {
        Inner::Failure(reason::WRONG_ANSWER.reason())
    }
}
