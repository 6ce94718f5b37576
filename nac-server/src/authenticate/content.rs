//! What a request says, whoever carries it: a NAS that asks again under another Identifier says the same.

use std::time::Duration;

use aws_lc_rs::digest;
use nac_radius::{Packet, attribute};

use super::answers::{Bounds, Key};
use super::conversations::LIFETIME;
use crate::listen::origin::Origin;
use crate::snapshot::Client;

/// The answers of conversations: a State can come back as long as the conversation could last. Of each only the last answer is kept.
pub(super) const OF_CONVERSATIONS: Bounds = Bounds {
    hold: LIFETIME,
    answers: 16_384,
    octets: 8 << 20,
};
/// Accounting records that were stored, with answers of 20 octets.
pub(crate) const OF_RECORDS: Bounds = Bounds {
    hold: Duration::from_secs(30),
    answers: 16_384,
    octets: 1 << 20,
};

/// A digest of who asks what: the client, how it is connected, and the attributes in their order, but for those that belong to the
/// packet and not to what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Content([u8; 32]);

impl Key for Content {
    fn spread(&self) -> usize {
        usize::from(self.0[0])
    }
}

impl Content {
    /// What an Access-Request says.
    pub(super) fn of_request(client: &Client, origin: &Origin, packet: &Packet<'_>) -> Self {
        // A NAS may tell the time of sending.
        Self::without(client, origin, packet, attribute::EVENT_TIMESTAMP)
    }

    /// What an Accounting-Request says; that it says so late is no part of it (RFC 2866 section 5.2).
    pub(crate) fn of_record(client: &Client, origin: &Origin, packet: &Packet<'_>) -> Self {
        Self::without(client, origin, packet, attribute::ACCT_DELAY_TIME)
    }

    fn without(client: &Client, origin: &Origin, packet: &Packet<'_>, variable: u8) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&(client.name.len() as u64).to_be_bytes());
        context.update(client.name.as_bytes());
        context.update(origin.carrier().as_bytes());
        for found in packet.attributes() {
            let of_the_packet = [
                attribute::MESSAGE_AUTHENTICATOR,
                attribute::PROXY_STATE,
                variable,
            ];
            if !of_the_packet.contains(&found.number) {
                let length = u8::try_from(found.value.len()).unwrap_or(u8::MAX);
                context.update(&[found.number, length]);
                context.update(found.value);
            }
        }
        let mut content = [0; 32];
        content
            .iter_mut()
            .zip(context.finish().as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(content)
    }
}
