//! EAP conversations under way, found by the State attribute.
//!
//! State is 16 octets: 8 that name the conversation and 8 that are new with every challenge, so that only the newest challenge
//! can be answered and a replayed response finds nothing (RFC 5080 section 2.1.2).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nac_eap::Conversation;

use crate::identity::password::SlowCheck;

/// A conversation's whole life, from the first response to the verdict.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// Conversations at once. The oldest gives way, and first of all the oldest whose supplicant has only said its name: a flood
/// of identities costs its sender nothing, and must not push out who is in the middle of a handshake.
const LIMIT: usize = 16_384;

/// Names a conversation.
pub(crate) type ConversationId = [u8; 8];
/// The State attribute's value.
pub(crate) type State = [u8; 16];

/// One supplicant's conversation and what surrounds it.
pub(crate) struct Active {
    /// The protocol.
    pub(crate) conversation: Conversation,
    /// The State of the newest challenge.
    pub(crate) expected: State,
    /// Packets that had to be ignored so far (RFC 3579 section 2.2 allows five).
    pub(crate) invalid: u8,
    /// A password check of this conversation is running.
    pub(crate) checking: bool,
    /// A password check that found no room; the next retransmission takes it up.
    pub(crate) parked: Option<SlowCheck>,
    /// Microseconds spent in credential checks so far.
    pub(crate) credential_us: u64,
}

/// The table.
#[derive(Default)]
pub(crate) struct Conversations {
    table: Mutex<Table<Mutex<Active>>>,
}

impl std::fmt::Debug for Conversations {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Conversations({})", self.len())
    }
}

impl Conversations {
    /// Starts one for a supplicant behind `client`. Expired ones are dropped, and at the limit the one that is missed least.
    pub(crate) fn insert(
        &self,
        client: &str,
        conversation: Conversation,
        now: Instant,
    ) -> (ConversationId, Arc<Mutex<Active>>) {
        let id = random();
        let active = Arc::new(Mutex::new(Active {
            conversation,
            expected: [0; 16],
            invalid: 0,
            checking: false,
            parked: None,
            credential_us: 0,
        }));
        self.lock().insert(id, client, active.clone(), now);
        (id, active)
    }

    /// The conversation that a State attribute belongs to, if it still lives and began behind the same client: a State from
    /// elsewhere is worth nothing (RFC 5080 section 2.1.2). It counts as continued from now on.
    pub(crate) fn find(
        &self,
        client: &str,
        state: &[u8],
        now: Instant,
    ) -> Option<(ConversationId, Arc<Mutex<Active>>)> {
        let id: ConversationId = state.get(..8)?.try_into().ok()?;
        let active = self.lock().carry_on(&id, client, now)?;
        Some((id, active))
    }

    /// Ends one.
    pub(crate) fn remove(&self, id: &ConversationId) {
        self.lock().entries.remove(id);
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table<Mutex<Active>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    /// A fresh State for the next challenge.
    pub(crate) fn next_state(&mut self, id: &ConversationId) -> State {
        let fresh: [u8; 8] = random();
        let mut state = [0; 16];
        state[..8].copy_from_slice(id);
        state[8..].copy_from_slice(&fresh);
        self.expected = state;
        state
    }
}

/// Who is under way, and who goes when there is no room.
struct Table<T> {
    entries: HashMap<ConversationId, Entry<T>>,
    /// Those that were only begun, by birth: the lifetime is constant, so that is the order of expiry.
    begun: VecDeque<(Instant, ConversationId)>,
    /// Those that were continued, by when that happened first.
    continued: VecDeque<(Instant, ConversationId)>,
}

struct Entry<T> {
    client: Box<str>,
    active: Arc<T>,
    continued: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            begun: VecDeque::new(),
            continued: VecDeque::new(),
        }
    }
}

impl<T> Table<T> {
    fn insert(&mut self, id: ConversationId, client: &str, active: Arc<T>, now: Instant) {
        let over = |(since, _): &&(Instant, ConversationId)| now.duration_since(*since) >= LIFETIME;
        while self.begun.front().filter(over).is_some() {
            self.drop_begun();
        }
        while self.continued.front().filter(over).is_some() {
            self.drop_continued();
        }
        while self.entries.len() >= LIMIT && (self.drop_begun() || self.drop_continued()) {}
        let entry = Entry {
            client: client.into(),
            active,
            continued: false,
        };
        self.entries.insert(id, entry);
        self.begun.push_back((now, id));
    }

    fn carry_on(&mut self, id: &ConversationId, client: &str, now: Instant) -> Option<Arc<T>> {
        let entry = self.entries.get_mut(id)?;
        if *entry.client != *client {
            return None;
        }
        if !std::mem::replace(&mut entry.continued, true) {
            self.continued.push_back((now, *id));
        }
        Some(entry.active.clone())
    }

    /// Takes the oldest out of those that were only begun. One that was continued since stays: it is in the other queue.
    fn drop_begun(&mut self) -> bool {
        let Some((_, id)) = self.begun.pop_front() else {
            return false;
        };
        if self.entries.get(&id).is_some_and(|entry| !entry.continued) {
            self.entries.remove(&id);
        }
        true
    }

    fn drop_continued(&mut self) -> bool {
        let Some((_, id)) = self.continued.pop_front() else {
            return false;
        };
        self.entries.remove(&id);
        true
    }
}

/// Random octets.
///
/// # Panics
/// When the operating system has no randomness, where nothing safe can go on.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system gives randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ConversationId {
        (number as u64).to_be_bytes()
    }

    fn filled(now: Instant, count: usize) -> Table<()> {
        let mut table = Table::default();
        for number in 0..count {
            table.insert(id(number), "sw1", Arc::new(()), now);
        }
        table
    }

    #[test]
    fn a_state_is_worth_nothing_behind_another_client() {
        let now = Instant::now();
        let mut table = filled(now, 1);
        assert!(table.carry_on(&id(0), "sw2", now).is_none());
        assert!(table.carry_on(&id(0), "sw1", now).is_some());
    }

    #[test]
    fn a_flood_of_identities_pushes_out_no_handshake() {
        let now = Instant::now();
        let mut table = filled(now, 2);
        assert!(table.carry_on(&id(0), "sw1", now).is_some());
        for number in 2..3 * LIMIT {
            table.insert(id(number), "sw1", Arc::new(()), now);
        }
        assert_eq!(table.entries.len(), LIMIT);
        assert!(table.carry_on(&id(0), "sw1", now).is_some());
        assert!(table.carry_on(&id(1), "sw1", now).is_none());
    }

    #[test]
    fn a_flood_of_handshakes_is_bounded_too() {
        let now = Instant::now();
        let mut table = filled(now, 0);
        for number in 0..2 * LIMIT {
            table.insert(id(number), "sw1", Arc::new(()), now);
            table.carry_on(&id(number), "sw1", now);
        }
        assert_eq!(table.entries.len(), LIMIT);
        assert!(table.carry_on(&id(0), "sw1", now).is_none());
        assert!(table.carry_on(&id(2 * LIMIT - 1), "sw1", now).is_some());
    }

    #[test]
    fn everything_is_over_after_its_lifetime() {
        let now = Instant::now();
        let mut table = filled(now, 10);
        table.carry_on(&id(3), "sw1", now);
        table.insert(id(10), "sw1", Arc::new(()), now + LIFETIME);
        assert_eq!(table.entries.len(), 1);
        assert_eq!((table.begun.len(), table.continued.len()), (1, 0));
    }
}
