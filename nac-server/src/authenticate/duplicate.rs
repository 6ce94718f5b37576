//! Duplicate detection (RFC 5080 section 2.2.2): a retransmitted request gets the same octets again and is decided once.
//!
//! RADIUS/1.1 has none: TLS loses nothing, so nothing is sent twice (RFC 9765 section 4.2.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nac_radius::{Packet, Version};

use super::answers::{Answers, Bounds, Claim, Key, Seen};
use crate::listen::origin::Origin;

/// RFC 5080 asks for 5 to 30 seconds. NASes ask again after 3 to 21, so it has to be the most. A site that asks more than 2000 times a
/// second keeps its last 65 536 answers, which is less than half a minute of them.
const BOUNDS: Bounds = Bounds {
    hold: Duration::from_secs(30),
    answers: 65_536,
    octets: 16 << 20,
};

/// One request slot of one NAS: RFC 2865 section 3 allows 256 of them per source port or connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    source: SocketAddr,
    connection: u64,
    identifier: u8,
}

impl Key for Slot {
    fn spread(&self) -> usize {
        usize::from(self.source.port()) ^ usize::from(self.identifier)
    }
}

/// The answers by slot.
pub(crate) type Duplicates = Arc<Answers<Slot>>;

/// None yet.
pub(crate) fn duplicates() -> Duplicates {
    Answers::new(BOUNDS)
}

/// Looks a verified request up. A new authenticator in a known slot is a new request.
pub(crate) fn claim(
    duplicates: &Duplicates,
    origin: &Origin,
    packet: &Packet<'_>,
    now: Instant,
) -> Seen<Slot> {
    if packet.version() == Version::V1_1 {
        return Seen::New(Claim::none());
    }
    let slot = Slot {
        source: origin.source,
        connection: origin.connection(),
        identifier: packet.identifier(),
    };
    let authenticator = packet.authenticator();
    duplicates.claim(slot, authenticator, |then| then == authenticator, now)
}

#[cfg(test)]
mod tests {
    use nac_radius::{Code, PacketBuilder, Secret};

    use super::*;
    use crate::listen::origin::Transport;

    fn over(connection: u64, version: Version) -> Origin {
        Origin {
            source: SocketAddr::from(([127, 0, 0, 1], 4000)),
            transport: match connection {
                0 => Transport::Udp,
                _ => Transport::RadSec {
                    connection,
                    version,
                },
            },
        }
    }

    #[test]
    fn each_connection_has_slots_of_its_own_and_a_token_names_none() {
        let (duplicates, now) = (duplicates(), Instant::now());
        let secret = Secret::new("a secret");
        let octets = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]).seal(&secret);
        let packet = Packet::parse(&octets).unwrap();
        let mut claims = Vec::new();
        for connection in 0..3 {
            let origin = over(connection, Version::V1_0);
            let Seen::New(of_connection) = claim(&duplicates, &origin, &packet, now) else {
                panic!("connection {connection} has asked nothing yet")
            };
            claims.push(of_connection);
            let again = claim(&duplicates, &origin, &packet, now);
            assert!(matches!(again, Seen::InFlight));
        }
        let octets = PacketBuilder::token_request(Code::AccessRequest, [7; 4]).seal(&secret);
        let packet = Packet::parse_as(Version::V1_1, &octets).unwrap();
        for _ in 0..2 {
            let seen = claim(&duplicates, &over(3, Version::V1_1), &packet, now);
            let Seen::New(of_token) = seen else {
                panic!("a Token names no slot")
            };
            claims.push(of_token);
        }
    }
}
