//! Guesses: how many wrong passwords are checked for a user, without letting who guesses lock the user out.
//!
//! A station that has logged in as the user before has a budget of its own; all others share one. So ten thousand guesses from five
//! hundred made-up stations end after twenty, while the user's own laptop still gets in. Stations are told apart by
//! Calling-Station-Id, which a NAS vouches for and not the station: who forges that of the laptop spends the laptop's budget.
//!
//! *Invariant*: memory is bounded, whatever names and stations are made up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nac_radius::MacAddr;

/// Wrong passwords per span; checks beyond are refused unseen.
const WRONG_PER_SPAN: u32 = 20;
const SPAN: Duration = Duration::from_secs(60);
/// Users and stations that are remembered; the oldest give way.
const LIMIT: usize = 65_536;

/// Wrong passwords of the last minute, and which stations belong to whom.
#[derive(Debug)]
pub(crate) struct Guesses {
    table: Mutex<Table>,
    limit: u32,
    span: Duration,
}

impl Default for Guesses {
    fn default() -> Self {
        Self::new(WRONG_PER_SPAN, SPAN)
    }
}

#[derive(Debug, Default)]
struct Table {
    /// By user, of stations that never logged in as that user.
    strangers: HashMap<String, Window>,
    /// By user and station, since when it last logged in.
    familiar: HashMap<(String, MacAddr), (Instant, Window)>,
}

/// What went wrong within one span.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    wrong: u32,
}

impl Window {
    const fn new(now: Instant) -> Self {
        Self {
            began: now,
            wrong: 0,
        }
    }

    fn is_over(&self, span: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= span
    }

    fn count(&mut self, span: Duration, now: Instant) {
        if self.is_over(span, now) {
            *self = Self::new(now);
        }
        self.wrong = self.wrong.saturating_add(1);
    }
}

impl Guesses {
    /// So many wrong ones within a span.
    pub(crate) fn new(limit: u32, span: Duration) -> Self {
        Self {
            table: Mutex::default(),
            limit,
            span,
        }
    }

    /// Whether a password of this user may be checked for this station now.
    pub(crate) fn may_try(&self, user: &str, station: Option<MacAddr>, now: Instant) -> bool {
        let table = self.lock();
        let user = key(user);
        let familiar = station.and_then(|station| table.familiar.get(&(user.clone(), station)));
        let window = match familiar {
            Some((_, window)) => Some(window),
            None => table.strangers.get(&user),
        };
        !window.is_some_and(|window| window.wrong >= self.limit && !window.is_over(self.span, now))
    }

    /// The password was wrong.
    pub(crate) fn wrong(&self, user: &str, station: Option<MacAddr>, now: Instant) {
        let mut table = self.lock();
        let user = key(user);
        if let Some(station) = station
            && let Some((_, window)) = table.familiar.get_mut(&(user.clone(), station))
        {
            window.count(self.span, now);
            return;
        }
        // Who was guessed at more is forgotten later, so that made-up names wash nobody's window away.
        make_room(&mut table.strangers, |window| {
            window.began + self.span * window.wrong.min(self.limit)
        });
        let window = table
            .strangers
            .entry(user)
            .or_insert_with(|| Window::new(now));
        window.count(self.span, now);
    }

    /// The password was right: the station belongs to the user from now on.
    pub(crate) fn right(&self, user: &str, station: Option<MacAddr>, now: Instant) {
        let Some(station) = station else { return };
        let mut table = self.lock();
        make_room(&mut table.familiar, |(last, _)| *last);
        table
            .familiar
            .insert((key(user), station), (now, Window::new(now)));
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same name in the spellings that mean one account.
fn key(user: &str) -> String {
    nac_eap::mschapv2::account_name(user).to_lowercase()
}

/// Drops the older half of a full table.
pub(crate) fn make_room<K: Eq + Hash, V>(table: &mut HashMap<K, V>, since: impl Fn(&V) -> Instant) {
    if table.len() < LIMIT {
        return;
    }
    let mut moments: Vec<Instant> = table.values().map(&since).collect();
    let middle = moments.len() / 2;
    let (_, median, _) = moments.select_nth_unstable(middle);
    let median = *median;
    table.retain(|_, value| since(value) > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station(number: u16) -> Option<MacAddr> {
        let [high, low] = number.to_be_bytes();
        Some(MacAddr::new([2, 0, 0, 0, high, low]))
    }

    #[test]
    fn guesses_from_many_stations_end_and_the_users_own_laptop_still_gets_in() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        guesses.right("Alice", station(1), now);
        let checked = (0..10_000_u16)
            .filter(|number| {
                let from = station(500 + number % 500);
                let may = guesses.may_try("alice", from, now);
                if may {
                    guesses.wrong("CORP\\alice", from, now);
                }
                may
            })
            .count();
        assert_eq!(checked, 20);
        assert!(!guesses.may_try("alice", None, now));
        assert!(guesses.may_try("alice", station(1), now));
        assert!(guesses.may_try("bob", station(501), now));
        assert!(guesses.may_try("alice", station(501), now + SPAN));
    }

    #[test]
    fn the_users_own_laptop_has_a_budget_too() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        guesses.right("alice", station(1), now);
        for _ in 0..20 {
            assert!(guesses.may_try("alice", station(1), now));
            guesses.wrong("alice", station(1), now);
        }
        assert!(!guesses.may_try("alice", station(1), now));
        assert!(guesses.may_try("alice", station(2), now));
    }

    #[test]
    fn made_up_names_give_nobody_a_new_try() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for _ in 0..WRONG_PER_SPAN {
            guesses.wrong("alice", None, now);
        }
        for number in 0..3 * LIMIT {
            guesses.wrong(&number.to_string(), None, now + Duration::from_secs(1));
        }
        assert!(!guesses.may_try("alice", None, now + Duration::from_secs(2)));
    }

    #[test]
    fn made_up_names_fill_no_memory() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for number in 0..3 * LIMIT {
            let at = now + Duration::from_micros(number as u64);
            guesses.wrong(&number.to_string(), None, at);
            guesses.right(&number.to_string(), station(1), at);
        }
        let table = guesses.lock();
        assert!(table.strangers.len() <= LIMIT && table.familiar.len() <= LIMIT);
    }
}
