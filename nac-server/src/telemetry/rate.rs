//! Log lines that anybody on the network can provoke come at most once a minute per kind, with a count of what was held back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seconds between two lines of one kind.
const INTERVAL_S: u64 = 60;

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
        Self { born: Instant::now(), next_s: AtomicU64::new(0), held: AtomicU64::new(0) }
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

/// What a NAS can do wrong again and again.
#[derive(Debug, Default)]
pub struct Complaints {
    /// The Message-Authenticator is there and does not verify: the secrets differ.
    pub wrong_secret: Throttle,
    /// The Message-Authenticator is required and absent.
    pub missing_message_authenticator: Throttle,
    /// A packet that breaks the rules.
    pub malformed: Throttle,
    /// Something we do not answer for want of room or a working database.
    pub overload: Throttle,
}

#[cfg(test)]
mod tests {
    use super::Throttle;

    #[test]
    fn the_first_line_is_said_and_the_next_are_counted() {
        let throttle = Throttle::default();
        assert_eq!(throttle.may_speak(), Some(0));
        assert_eq!(throttle.may_speak(), None);
        assert_eq!(throttle.held.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
