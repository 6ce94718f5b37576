//! Answers that were given, kept for whoever asks the same again.
//!
//! *Invariants*: what is being processed is not forgotten before its [`Claim`] ends, however long that takes, and ends with it also when
//! the processing fails. What was answered is bounded in number, in octets and in time; the oldest gives way. No step looks at more than
//! what it removes.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;

/// What makes two requests the same.
pub(crate) trait Key: Copy + Eq + Hash {
    /// Spreads keys over the locks.
    fn spread(&self) -> usize;
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// For how long, from when the answer was made.
    pub(crate) hold: Duration,
    /// Answers at most.
    pub(crate) answers: usize,
    /// Octets of answers at most.
    pub(crate) octets: usize,
}

/// The answers to requests that can be told apart by `K`.
#[derive(Debug)]
pub(crate) struct Answers<K> {
    shards: [Mutex<Shard<K>>; SHARDS],
    hold: Duration,
    /// The bounds of one shard.
    answers: usize,
    octets: usize,
}

/// What is known of a request.
#[derive(Debug)]
pub(crate) enum Seen<K: Key> {
    /// Nothing: process it, then [`Claim::answered`]; or drop the claim where there is no answer, so that the next one is processed anew.
    New(Claim<K>),
    /// It is being processed: say nothing.
    InFlight,
    /// It was answered.
    Answered(Answered),
}

/// An answer, and the Authenticator field of the request that it was made for.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Arc<[u8]>,
    pub(crate) authenticator: [u8; 16],
}

/// A request that is being processed.
#[derive(Debug)]
pub(crate) struct Claim<K: Key> {
    of: Option<(Arc<Answers<K>>, K)>,
    authenticator: [u8; 16],
}

#[derive(Debug)]
struct Shard<K> {
    entries: HashMap<K, Entry>,
    /// By when they were answered. Of some the entry has given way to a newer request.
    order: VecDeque<(Instant, K)>,
    octets: usize,
}

#[derive(Debug)]
struct Entry {
    authenticator: [u8; 16],
    reply: Option<(Instant, Arc<[u8]>)>,
}

impl<K: Key> Answers<K> {
    /// None yet.
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        let shard = || Shard {
            entries: HashMap::new(),
            order: VecDeque::new(),
            octets: 0,
        };
        Arc::new(Self {
            shards: std::array::from_fn(|_| Mutex::new(shard())),
            hold: bounds.hold,
            answers: bounds.answers / SHARDS,
            octets: bounds.octets / SHARDS,
        })
    }

    /// Looks a verified request up, and claims it when it is new. `repeats` says of the Authenticator field of the known request under
    /// this key whether this is a repetition of it; otherwise it takes its place.
    pub(crate) fn claim(
        self: &Arc<Self>,
        key: K,
        authenticator: &[u8; 16],
        repeats: impl FnOnce(&[u8; 16]) -> bool,
        now: Instant,
    ) -> Seen<K> {
        let mut shard = self.shard(&key);
        while shard
            .order
            .front()
            .is_some_and(|(answered, _)| now.saturating_duration_since(*answered) >= self.hold)
        {
            shard.drop_oldest();
        }
        if let Some(entry) = shard.entries.get(&key)
            && repeats(&entry.authenticator)
        {
            return match &entry.reply {
                Some((_, reply)) => Seen::Answered(Answered {
                    reply: reply.clone(),
                    authenticator: entry.authenticator,
                }),
                None => Seen::InFlight,
            };
        }
        shard.insert(
            key,
            Entry {
                authenticator: *authenticator,
                reply: None,
            },
        );
        Seen::New(Claim {
            of: Some((self.clone(), key)),
            authenticator: *authenticator,
        })
    }

    /// Forgets an answer before its time: nobody can ask for it any more.
    pub(crate) fn drop_answer(&self, key: &K) {
        let mut shard = self.shard(key);
        if shard
            .entries
            .get(key)
            .is_some_and(|entry| entry.reply.is_some())
        {
            shard.remove(key);
        }
    }

    fn keep(&self, key: K, authenticator: &[u8; 16], reply: Arc<[u8]>, now: Instant) {
        let mut shard = self.shard(&key);
        let octets = reply.len();
        // Another request may have taken its place meanwhile.
        let Some(entry) = shard.entries.get_mut(&key) else {
            return;
        };
        if &entry.authenticator != authenticator || entry.reply.is_some() {
            return;
        }
        entry.reply = Some((now, reply));
        shard.octets += octets;
        shard.order.push_back((now, key));
        while shard.order.len() > self.answers || shard.octets > self.octets {
            if !shard.drop_oldest() {
                break;
            }
        }
    }

    fn forget(&self, key: &K, authenticator: &[u8; 16]) {
        let mut shard = self.shard(key);
        if shard
            .entries
            .get(key)
            .is_some_and(|entry| &entry.authenticator == authenticator && entry.reply.is_none())
        {
            shard.remove(key);
        }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K>> {
        #[expect(clippy::indexing_slicing, reason = "the index is below SHARDS")]
        self.shards[key.spread() % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Claim<K> {
    /// Of a request that nobody sends twice.
    pub(crate) const fn none() -> Self {
        Self {
            of: None,
            authenticator: [0; 16],
        }
    }

    /// Keeps the answer.
    pub(crate) fn answered(mut self, reply: &Arc<[u8]>, now: Instant) {
        if let Some((answers, key)) = self.of.take() {
            answers.keep(key, &self.authenticator, reply.clone(), now);
        }
    }
}

impl<K: Key> Drop for Claim<K> {
    fn drop(&mut self) {
        if let Some((answers, key)) = self.of.take() {
            answers.forget(&key, &self.authenticator);
        }
    }
}

impl<K: Key> Shard<K> {
    fn insert(&mut self, key: K, entry: Entry) {
        let former = self.entries.insert(key, entry);
        self.give_back(former);
    }

    fn remove(&mut self, key: &K) {
        let former = self.entries.remove(key);
        self.give_back(former);
    }

    fn give_back(&mut self, former: Option<Entry>) {
        let reply = former.and_then(|entry| entry.reply);
        self.octets -= reply.map_or(0, |(_, reply)| reply.len());
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((answered, key)) = self.order.pop_front() else {
            return false;
        };
        let is_it = |entry: &Entry| entry.reply.as_ref().is_some_and(|(at, _)| *at == answered);
        if self.entries.get(&key).is_some_and(is_it) {
            self.remove(&key);
        }
        true
    }
}

#[cfg(test)]
mod tests;
