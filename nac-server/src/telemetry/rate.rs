//! Log lines that anybody on the network can provoke come at most once a minute per kind and NAS, with a count of what was held
//! back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Seconds between two lines of one kind.
const INTERVAL_S: u64 = 60;
/// Sources that are told apart; source addresses can be forged, so beyond that all others share one line a minute.
const SOURCES: usize = 64;

/// One kind of line.
#[derive(Debug)]
pub struct Throttle {
    born: Instant,
    /// Seconds after `born` before which nothing is said, plus one so that 0 means "never said".
    next_s: AtomicU64,
    held: AtomicU64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            next_s: AtomicU64::new(0),
            held: AtomicU64::new(0),
        }
    }
}

impl Throttle {
    /// `Some(held back since the last line)` when a line may be written now.
    pub fn may_speak(&self) -> Option<u64> {
        let now = self.born.elapsed().as_secs();
        let next = self.next_s.load(Ordering::Relaxed);
        let first = now >= next
            && self
                .next_s
                .compare_exchange(next, now + INTERVAL_S, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if first {
            Some(self.held.swap(0, Ordering::Relaxed))
        } else {
            self.held.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

/// One kind of line, told for every source address on its own: a client entry may be a whole network of NASes.
#[derive(Debug, Default)]
pub struct PerSource {
    sources: Mutex<HashMap<IpAddr, Throttle>>,
    others: Throttle,
}

impl PerSource {
    /// `Some(held back since the last line)` when a line about this source may be written now.
    pub fn may_speak(&self, source: IpAddr) -> Option<u64> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if !sources.contains_key(&source) && sources.len() >= SOURCES {
            drop(sources);
            return self.others.may_speak();
        }
        sources.entry(source).or_default().may_speak()
    }
}

/// The lines of one place, told apart by the code of their reason: a new reason is news.
#[derive(Debug, Default)]
pub struct PerReason {
    reasons: Mutex<HashMap<&'static str, Arc<PerSource>>>,
}

impl PerReason {
    /// `Some(held back since the last line)` when a line with this reason about this source may be written now.
    pub fn may_speak(&self, code: &'static str, source: IpAddr) -> Option<u64> {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = Arc::clone(reasons.entry(code).or_default());
        drop(reasons);
        reason.may_speak(source)
    }
}

/// What a NAS can do wrong again and again.
#[derive(Debug, Default)]
pub struct Complaints {
    /// The Message-Authenticator is there and does not verify: the secrets differ.
    pub wrong_secret: PerSource,
    /// The Message-Authenticator is required and absent.
    pub missing_message_authenticator: PerSource,
    /// A packet that breaks the rules.
    pub malformed: PerSource,
    /// A reply to a CoA that does not verify; anybody may send those to the port that waits for it.
    pub forged_reply: PerSource,
    /// Something we do not answer for want of room or a working database.
    pub overload: Throttle,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_said_and_the_next_are_counted() {
        let throttle = Throttle::default();
        assert_eq!(throttle.may_speak(), Some(0));
        assert_eq!(throttle.may_speak(), None);
        assert_eq!(throttle.held.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn every_source_is_named_once_and_forged_ones_cannot_flood_the_log() {
        let throttle = PerSource::default();
        let speaks = |n: u32| throttle.may_speak(IpAddr::V4(n.into())).is_some();
        assert!(speaks(1) && speaks(2));
        assert!(!speaks(1) && !speaks(2));
        let lines = (3..100_000).filter(|n| speaks(*n)).count();
        assert_eq!(lines, SOURCES - 2 + 1);
    }
}
