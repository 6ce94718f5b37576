//! Decisions that were made before, by everything that the policy set can see.
//!
//! The key is the encoded facts themselves, never a digest of them, so that two requests share a
//! decision only when the set cannot tell them apart.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::decision::Decision;

/// How many independent locks there are.
const SHARDS: usize = 8;
/// How many decisions one generation of one shard remembers; 65,536 over all.
const MAX_ENTRIES: usize = 4_096;
/// How many bytes of keys one generation of one shard holds; 16 MiB over all.
const MAX_KEY_BYTES: usize = 1 << 20;

/// A bounded memo that forgets what was not asked for lately.
///
/// Each shard has two generations. When the young one is full it becomes the old one, and what the
/// old one held is forgotten; what is found in the old one moves back into the young.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<Box<[u8]>, Arc<Decision>>,
    old: HashMap<Box<[u8]>, Arc<Decision>>,
    /// Bytes of keys in `young`.
    key_bytes: usize,
}

impl Memo {
    pub(crate) fn find(&self, key: &[u8]) -> Option<Arc<Decision>> {
        let mut shard = self
            .shard(key)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(decision) = shard.young.get(key) {
            return Some(Arc::clone(decision));
        }
        let (key, decision) = shard.old.remove_entry(key)?;
        shard.insert(key, Arc::clone(&decision));
        Some(decision)
    }

    pub(crate) fn remember(&self, key: Vec<u8>, decision: Arc<Decision>) {
        if let Some(shard) = self.shard(&key) {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.insert(key.into_boxed_slice(), decision);
        }
    }

    /// How many decisions are remembered.
    pub(crate) fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.young.len() + shard.old.len()
        };
        self.shards.iter().map(count).sum()
    }

    fn shard(&self, key: &[u8]) -> Option<&Mutex<Shard>> {
        let hash = self.hasher.hash_one(key);
        self.shards.get(usize::from(hash.to_le_bytes()[0]) % SHARDS)
    }
}

impl Shard {
    fn insert(&mut self, key: Box<[u8]>, decision: Arc<Decision>) {
        if self.young.len() >= MAX_ENTRIES || self.key_bytes + key.len() > MAX_KEY_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.key_bytes = 0;
        }
        if key.len() <= MAX_KEY_BYTES {
            self.key_bytes += key.len();
            self.young.insert(key, decision);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Outcome, RefuseReason};

    fn decision(considered: usize) -> Arc<Decision> {
        Arc::new(Decision {
            outcome: Outcome::Refuse(RefuseReason::NoPermit),
            policy: None,
            matched: Vec::new(),
            monitored: Vec::new(),
            errors: Vec::new(),
            considered,
        })
    }

    #[test]
    fn the_memo_stays_bounded_and_keeps_what_is_asked_for() {
        let memo = Memo::default();
        memo.remember(b"kept".to_vec(), decision(7));
        for number in 0_u32..200_000 {
            memo.remember(number.to_le_bytes().to_vec(), decision(0));
            if number % 1_000 == 0 {
                assert_eq!(memo.find(b"kept").map(|found| found.considered), Some(7));
            }
        }
        assert!(memo.len() <= 2 * SHARDS * MAX_ENTRIES);
        assert!(memo.find(&0_u32.to_le_bytes()).is_none());
    }

    #[test]
    fn huge_keys_are_not_kept() {
        let memo = Memo::default();
        memo.remember(vec![0; MAX_KEY_BYTES + 1], decision(0));
        assert_eq!(memo.len(), 0);
    }
}
