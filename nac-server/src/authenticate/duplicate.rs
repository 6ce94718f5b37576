//! Duplicate detection (RFC 5080 section 2.2.2): a retransmitted request gets the same octets again and is decided once.
//!
//! RADIUS/1.1 has none: TLS loses nothing, so nothing is sent twice (RFC 9765 section 4.2.2).

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nac_radius::{Packet, Version};

use crate::listen::origin::Origin;

/// How long an answer is kept. RFC 5080 asks for 5 to 30 seconds; NASes ask again within 2 to 5, and memory grows with the rate.
const HOLD: Duration = Duration::from_secs(5);
const SHARDS: usize = 16;
/// Entries per shard; the oldest gives way.
const SHARD_LIMIT: usize = 16_384;

/// One request slot of one NAS: RFC 2865 section 3 allows 256 of them per source port or connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    source: SocketAddr,
    connection: u64,
    identifier: u8,
    version: Version,
}

impl Slot {
    /// The slot of a request.
    pub(crate) fn new(origin: &Origin, packet: &Packet<'_>) -> Self {
        Self {
            source: origin.source,
            connection: origin.connection(),
            identifier: packet.identifier(),
            version: packet.version(),
        }
    }
}

/// What is known of a request.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Never seen: process it, then call [`DuplicateCache::finish`] or [`DuplicateCache::forget`].
    New,
    /// Being processed: say nothing.
    InFlight,
    /// Answered: send this again.
    Answered(Arc<[u8]>),
}

/// Remembers answers by source, identifier and Request Authenticator.
#[derive(Debug, Default)]
pub(crate) struct DuplicateCache {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<Slot, Entry>,
    order: VecDeque<(Instant, Slot)>,
}

#[derive(Debug)]
struct Entry {
    authenticator: [u8; 16],
    arrived: Instant,
    reply: Option<Arc<[u8]>>,
}

impl DuplicateCache {
    /// Looks a verified request up and claims its slot when it is new. A new authenticator in a known slot is a new request.
    pub(crate) fn claim(&self, slot: Slot, authenticator: &[u8; 16], now: Instant) -> Seen {
        if slot.version == Version::V1_1 {
            return Seen::New;
        }
        let mut shard = self.shard(slot);
        shard.expire(now);
        if let Some(entry) = shard.entries.get(&slot)
            && &entry.authenticator == authenticator
        {
            return entry.reply.clone().map_or(Seen::InFlight, Seen::Answered);
        }
        shard.entries.insert(
            slot,
            Entry {
                authenticator: *authenticator,
                arrived: now,
                reply: None,
            },
        );
        shard.order.push_back((now, slot));
        Seen::New
    }

    /// Keeps the answer to a claimed request.
    pub(crate) fn finish(&self, slot: Slot, authenticator: &[u8; 16], reply: Arc<[u8]>) {
        if let Some(entry) = self.shard(slot).entries.get_mut(&slot)
            && &entry.authenticator == authenticator
        {
            entry.reply = Some(reply);
        }
    }

    /// Gives a claimed slot back: no answer was sent, so a retransmission is processed anew.
    pub(crate) fn forget(&self, slot: Slot, authenticator: &[u8; 16]) {
        let mut shard = self.shard(slot);
        if shard
            .entries
            .get(&slot)
            .is_some_and(|entry| &entry.authenticator == authenticator)
        {
            shard.entries.remove(&slot);
        }
    }

    fn shard(&self, slot: Slot) -> std::sync::MutexGuard<'_, Shard> {
        let index = (usize::from(slot.source.port()) ^ usize::from(slot.identifier)) % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the index is below SHARDS")]
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn expire(&mut self, now: Instant) {
        while let Some((arrived, slot)) = self.order.front().copied() {
            if now.duration_since(arrived) < HOLD && self.order.len() < SHARD_LIMIT {
                return;
            }
            self.order.pop_front();
            // The slot may hold a newer request by now.
            if self
                .entries
                .get(&slot)
                .is_some_and(|entry| entry.arrived == arrived)
            {
                self.entries.remove(&slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = slot(std::net::Ipv4Addr::LOCALHOST, 0, Version::V1_0);

    const fn slot(source: std::net::Ipv4Addr, connection: u64, version: Version) -> Slot {
        Slot {
            source: SocketAddr::new(std::net::IpAddr::V4(source), 4000),
            connection,
            identifier: 1,
            version,
        }
    }

    #[test]
    fn a_retransmission_gets_the_same_octets() {
        let (cache, now) = (DuplicateCache::default(), Instant::now());
        assert!(matches!(cache.claim(SLOT, &[1; 16], now), Seen::New));
        assert!(matches!(cache.claim(SLOT, &[1; 16], now), Seen::InFlight));
        cache.finish(SLOT, &[1; 16], Arc::from(&b"reply"[..]));
        let Seen::Answered(reply) = cache.claim(SLOT, &[1; 16], now) else {
            panic!("not answered from the cache")
        };
        assert_eq!(&*reply, b"reply");
    }

    #[test]
    fn a_new_authenticator_is_a_new_request() {
        let (cache, now) = (DuplicateCache::default(), Instant::now());
        cache.claim(SLOT, &[1; 16], now);
        assert!(matches!(cache.claim(SLOT, &[2; 16], now), Seen::New));
        // The late answer to the first must not become the answer to the second.
        cache.finish(SLOT, &[1; 16], Arc::from(&b"old"[..]));
        assert!(matches!(cache.claim(SLOT, &[2; 16], now), Seen::InFlight));
    }

    #[test]
    fn an_answer_is_forgotten_after_five_seconds() {
        let (cache, now) = (DuplicateCache::default(), Instant::now());
        cache.claim(SLOT, &[1; 16], now);
        cache.finish(SLOT, &[1; 16], Arc::from(&b"reply"[..]));
        assert!(matches!(cache.claim(SLOT, &[1; 16], now + HOLD), Seen::New));
    }

    #[test]
    fn each_connection_has_slots_of_its_own_and_a_token_names_none() {
        let (cache, now) = (DuplicateCache::default(), Instant::now());
        let local = std::net::Ipv4Addr::LOCALHOST;
        for (connection, version) in [(1, Version::V1_0), (2, Version::V1_0)] {
            let slot = slot(local, connection, version);
            assert!(matches!(cache.claim(slot, &[1; 16], now), Seen::New));
            assert!(matches!(cache.claim(slot, &[1; 16], now), Seen::InFlight));
        }
        let token = slot(local, 3, Version::V1_1);
        for _ in 0..2 {
            assert!(matches!(cache.claim(token, &[1; 16], now), Seen::New));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (cache, now) = (DuplicateCache::default(), Instant::now());
        for n in 0..100_000u32 {
            cache.claim(slot(n.into(), 0, Version::V1_0), &[1; 16], now);
        }
        let kept: usize = cache
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().entries.len())
            .sum();
        assert!(kept <= SHARDS * SHARD_LIMIT);
    }
}
