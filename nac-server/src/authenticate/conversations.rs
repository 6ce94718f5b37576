//! EAP conversations under way, found by the State attribute.
//!
//! State is 16 octets: 8 that name the conversation and 8 that are new with every challenge, so that only the newest challenge
//! can be answered and a replayed response finds nothing (RFC 5080 section 2.1.2).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nac_eap::Conversation;

/// A conversation's whole life, from the first response to the verdict.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// Conversations at once; a half-open one holds about 30 KiB. The oldest gives way.
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
    /// Microseconds spent in credential checks so far.
    pub(crate) credential_us: u64,
}

/// The table.
#[derive(Default)]
pub(crate) struct Conversations {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    active: HashMap<ConversationId, Arc<Mutex<Active>>>,
    /// The lifetime is constant, so the order of birth is the order of expiry.
    order: VecDeque<(Instant, ConversationId)>,
}

impl std::fmt::Debug for Conversations {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Conversations({})", self.len())
    }
}

impl Conversations {
    /// Starts one. Expired ones and, at the limit, the oldest are dropped.
    pub(crate) fn insert(
        &self,
        conversation: Conversation,
        now: Instant,
    ) -> (ConversationId, Arc<Mutex<Active>>) {
        let id = random();
        let active = Arc::new(Mutex::new(Active {
            conversation,
            expected: [0; 16],
            invalid: 0,
            credential_us: 0,
        }));
        let mut table = self.lock();
        while let Some((began, oldest)) = table.order.front().copied() {
            if now.duration_since(began) < LIFETIME && table.active.len() < LIMIT {
                break;
            }
            table.order.pop_front();
            table.active.remove(&oldest);
        }
        table.active.insert(id, active.clone());
        table.order.push_back((now, id));
        (id, active)
    }

    /// The conversation that a State attribute belongs to, if it still lives.
    pub(crate) fn find(&self, state: &[u8]) -> Option<(ConversationId, Arc<Mutex<Active>>)> {
        let id: ConversationId = state.get(..8)?.try_into().ok()?;
        let active = self.lock().active.get(&id)?.clone();
        Some((id, active))
    }

    /// Ends one.
    pub(crate) fn remove(&self, id: &ConversationId) {
        self.lock().active.remove(id);
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.lock().active.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
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
