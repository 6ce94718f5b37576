//! A station that is refused again and again for one reason: a few refusals a minute are told one by one, the rest as their number.
//!
//! A device with an old password asks for ever, and each time nothing new is learnt. What it is answered stays the same; only log and
//! history do not grow with it.
//!
//! *Invariant*: nothing is lost. A refusal that is not told by itself is in the number that is told when its minute is over, before an
//! accept of the same station, or when the server stops.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Refusals of one station for one reason that are told one by one in a minute.
const SINGLE: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Stations that are told apart in a minute. Addresses cost their sender nothing, so beyond that those behind one client count as one.
const STATIONS: usize = 4_096;

/// Who is refused for what, lately.
#[derive(Debug)]
pub(super) struct Repeats<T> {
    table: Mutex<Table<T>>,
}

/// Refusals that were not told one by one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held<T> {
    /// What is told of them: the first one, as an example.
    pub(super) example: T,
    /// How many they are.
    pub(super) count: u64,
    /// They are of several stations.
    pub(super) mixed: bool,
}

#[derive(Debug)]
struct Table<T> {
    clients: HashMap<String, HashMap<String, Vec<Window<T>>>>,
    stations: usize,
}

/// A station's refusals for one reason within a minute.
#[derive(Debug)]
struct Window<T> {
    code: &'static str,
    began: Instant,
    single: u64,
    held: Option<Held<T>>,
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        let table = Table {
            clients: HashMap::new(),
            stations: 0,
        };
        Self {
            table: Mutex::new(table),
        }
    }
}

impl<T> Repeats<T> {
    /// Whether this refusal is told by itself; otherwise it is counted, and `example` made when it is the first.
    pub(super) fn tells(
        &self,
        client: &str,
        station: &str,
        code: &'static str,
        now: Instant,
        example: impl FnOnce() -> T,
    ) -> bool {
        let mut table = self.lock();
        let (windows, mixed) = table.windows(client, station);
        let window = match windows.iter().position(|window| window.code == code) {
            Some(at) => &mut windows[at],
            None => {
                windows.push(Window {
                    code,
                    began: now,
                    single: 0,
                    held: None,
                });
                windows.last_mut().expect("one was pushed")
            }
        };
        if window.single < SINGLE {
            window.single += 1;
            return true;
        }
        let held = window.held.get_or_insert_with(|| Held {
            example: example(),
            count: 0,
            mixed,
        });
        held.count += 1;
        false
    }

    /// The station is let in: what was not told of it yet. From now on it is told one by one again.
    pub(super) fn let_in(&self, client: &str, station: &str) -> Vec<Held<T>> {
        let mut table = self.lock();
        let Some(stations) = table.clients.get_mut(client) else {
            return Vec::new();
        };
        let Some(windows) = stations.remove(station) else {
            return Vec::new();
        };
        table.stations -= 1;
        windows
            .into_iter()
            .filter_map(|window| window.held)
            .collect()
    }

    /// What was not told of the minutes that are over now.
    pub(super) fn over(&self, now: Instant) -> Vec<Held<T>> {
        self.take(|window| now.duration_since(window.began) >= MINUTE)
    }

    /// Everything that was not told yet.
    pub(super) fn all(&self) -> Vec<Held<T>> {
        self.take(|_| true)
    }

    fn take(&self, over: impl Fn(&Window<T>) -> bool) -> Vec<Held<T>> {
        let mut table = self.lock();
        let mut taken = Vec::new();
        let mut left = 0;
        table.clients.retain(|_, stations| {
            stations.retain(|_, windows| {
                let ended = windows.extract_if(.., |window| over(window));
                taken.extend(ended.filter_map(|window| window.held));
                !windows.is_empty()
            });
            left += stations.len();
            !stations.is_empty()
        });
        table.stations = left;
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Table<T> {
    /// The windows of a station, and whether they are those of all others behind its client.
    fn windows(&mut self, client: &str, station: &str) -> (&mut Vec<Window<T>>, bool) {
        let known = self.clients.get(client);
        let known = known.is_some_and(|stations| stations.contains_key(station));
        let mixed = !known && self.stations >= STATIONS;
        let station = if mixed { "" } else { station };
        let stations = self.clients.entry(client.to_owned()).or_default();
        let count = &mut self.stations;
        let windows = stations.entry(station.to_owned()).or_insert_with(|| {
            *count += 1;
            Vec::new()
        });
        (windows, mixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "NAC-2001";
    const OTHER: &str = "NAC-2002";

    fn tells(repeats: &Repeats<u64>, station: &str, code: &'static str, now: Instant) -> bool {
        repeats.tells("sw1", station, code, now, || 7)
    }

    #[test]
    fn a_few_are_told_and_the_rest_is_their_number() {
        let repeats = Repeats::default();
        let now = Instant::now();
        let told = (0..1_000).filter(|_| tells(&repeats, "a", CODE, now));
        assert_eq!(told.count() as u64, SINGLE);
        assert!(tells(&repeats, "b", CODE, now), "another station");
        assert!(tells(&repeats, "a", OTHER, now), "another reason");
        assert!(repeats.tells("sw2", "a", CODE, now, || 7), "another client");
        assert_eq!(repeats.over(now + MINUTE / 2), []);
        let held = Held {
            example: 7,
            count: 1_000 - SINGLE,
            mixed: false,
        };
        assert_eq!(repeats.over(now + MINUTE), [held]);
        assert_eq!(repeats.lock().stations, 0);
        assert!(tells(&repeats, "a", CODE, now + MINUTE), "a new minute");
    }

    #[test]
    fn who_is_let_in_begins_anew_and_what_was_held_comes_first() {
        let repeats = Repeats::default();
        let now = Instant::now();
        for _ in 0..SINGLE + 3 {
            tells(&repeats, "a", CODE, now);
        }
        assert_eq!(repeats.let_in("sw1", "b"), []);
        let counts: Vec<u64> = repeats
            .let_in("sw1", "a")
            .iter()
            .map(|held| held.count)
            .collect();
        assert_eq!(counts, [3]);
        assert!(tells(&repeats, "a", CODE, now));
        assert_eq!(repeats.all(), []);
    }

    #[test]
    fn stations_without_end_are_bounded_and_counted_together() {
        let repeats = Repeats::default();
        let now = Instant::now();
        let count = 10 * STATIONS as u64;
        let told = (0..count).filter(|n| tells(&repeats, &n.to_string(), CODE, now));
        let told = told.count() as u64;
        assert_eq!(told, STATIONS as u64 + SINGLE);
        assert!(repeats.lock().stations <= STATIONS + 1);
        let held = repeats.over(now + MINUTE);
        assert_eq!(held.len(), 1);
        assert!(held[0].mixed);
        assert_eq!(told + held[0].count, count, "nothing is lost");
        assert_eq!(repeats.lock().stations, 0);
    }
}
