//! Access-Rejects take their time: who guesses has to wait for each answer, and a NAS whose supplicant asks again at once does not turn
//! that into a storm.
//!
//! Nothing waits with them: the decision is recorded, the conversation is over, only the octets are sent later. Until then a copy of the
//! request gets no answer, as while a password is checked. How many wait is bounded; beyond that a reject is sent at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Rejects that wait at once, each a few hundred octets.
const LIMIT: usize = 8_192;
/// Rejects that wait at once on one RadSec connection. They hold places there that others need (`listen/radsec`).
const CONNECTION_LIMIT: usize = 64;

/// Those that wait.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    delay: Duration,
    waiting: Arc<Mutex<Waiting>>,
}

/// The place of a reject that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Wait {
    delay: Duration,
    connection: u64,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    /// By RadSec connection.
    connections: HashMap<u64, usize>,
}

impl Rejects {
    /// With this delay; zero is none.
    pub(super) fn after(delay: Duration) -> Self {
        Self {
            delay,
            waiting: Arc::default(),
        }
    }

    /// Whether the next reject waits. `connection` is that of RadSec, 0 for UDP.
    pub(super) fn wait(&self, connection: u64) -> Option<Wait> {
        if self.delay.is_zero() || !lock(&self.waiting).enter(connection) {
            return None;
        }
        Some(Wait {
            delay: self.delay,
            connection,
            waiting: self.waiting.clone(),
        })
    }
}

impl Wait {
    /// Holds the place for as long as the reject waits. It takes the whole of it: an `async move` block that only read the delay would
    /// copy that and give the place back at once.
    pub(super) async fn over(self) {
        tokio::time::sleep(self.delay).await;
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        lock(&self.waiting).leave(self.connection);
    }
}

impl Waiting {
    fn enter(&mut self, connection: u64) -> bool {
        if self.all >= LIMIT {
            return false;
        }
        if connection != 0 {
            let count = self.connections.entry(connection).or_default();
            if *count >= CONNECTION_LIMIT {
                return false;
            }
            *count += 1;
        }
        self.all += 1;
        true
    }

    fn leave(&mut self, connection: u64) {
        self.all = self.all.saturating_sub(1);
        if let Some(count) = self.connections.get_mut(&connection) {
            *count -= 1;
            if *count == 0 {
                self.connections.remove(&connection);
            }
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_delay_nothing_waits() {
        assert!(Rejects::default().wait(0).is_none());
        let rejects = Rejects::after(Duration::from_secs(1));
        let wait = rejects.wait(0).expect("there is room");
        assert_eq!(wait.delay, Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_place_is_held_until_the_wait_is_over() {
        let rejects = Rejects::after(Duration::from_millis(1));
        let wait = rejects.wait(7).expect("there is room");
        let answer = async move { wait.over().await };
        assert_eq!(lock(&rejects.waiting).all, 1);
        answer.await;
        assert_eq!(lock(&rejects.waiting).all, 0);
    }

    #[test]
    fn so_many_wait_and_the_next_goes_at_once() {
        let rejects = Rejects::after(Duration::from_secs(1));
        let mut waiting: Vec<Wait> = (0..LIMIT).filter_map(|_| rejects.wait(0)).collect();
        assert_eq!(waiting.len(), LIMIT);
        assert!(rejects.wait(0).is_none());
        waiting.pop();
        assert!(rejects.wait(0).is_some());
    }

    #[test]
    fn the_rejects_of_one_connection_leave_places_for_its_logins() {
        let rejects = Rejects::after(Duration::from_secs(1));
        let waiting: Vec<Wait> = (0..500).filter_map(|_| rejects.wait(7)).collect();
        assert_eq!(waiting.len(), CONNECTION_LIMIT);
        assert!(rejects.wait(8).is_some());
        drop(waiting);
        assert!(lock(&rejects.waiting).connections.is_empty());
        assert_eq!(lock(&rejects.waiting).all, 0);
    }
}
