//! How many connections may be open: as many as the operating system lets us hold, with enough left over for the database and
//! for RADIUS, and with enough left over for everybody else when one address takes all it can get.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections at once over all HTTPS listeners: 10,000 osquery hosts keep theirs alive.
const WANTED: usize = 20_000;
/// File descriptors that HTTPS connections leave to everything else: 1,000 RadSec connections, 384 handshakes of more, 256 for the rest.
const RESERVED: usize = 1_640;
/// One address may hold this part of all places. It may be a whole site behind one address, or a proxy, so it is a large one.
const SHARE: usize = 4;

/// The places for connections. Clones share them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    source: IpAddr,
}

impl Places {
    /// Raises this process's limit of open files as far as it may, and makes as many places as fit under it.
    pub fn under_the_limit_of_open_files() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        // Where a sandbox forbids it, the old limit is what there is.
        let _ = setrlimit(Resource::Nofile, raised);
        let files = getrlimit(Resource::Nofile)
            .current
            .map_or(usize::MAX, |files| files.try_into().unwrap_or(usize::MAX));
        let places = places_under(files);
        if places < WANTED / 2 {
            tracing::info!(
                open_files = files,
                connections = places,
                "the limit of open files bounds the HTTPS connections"
            );
        }
        Self::new(places)
    }

    /// So many places.
    pub fn new(limit: usize) -> Self {
        let taken = Mutex::default();
        Self(Arc::new(Shared { limit, taken }))
    }

    /// A place for a connection from `source`, when there is one left for it.
    pub fn take(&self, source: IpAddr) -> Option<Place> {
        let mut taken = self.0.lock();
        if taken.total >= self.0.limit {
            return None;
        }
        let own = taken.by_source.entry(source).or_default();
        if *own >= (self.0.limit / SHARE).max(1) {
            return None;
        }
        *own += 1;
        taken.total += 1;
        drop(taken);
        let shared = Arc::clone(&self.0);
        Some(Place { shared, source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shared.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(own) = taken.by_source.get_mut(&self.source) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Two counts are usable whatever their holder did.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn places_under(files: usize) -> usize {
    // At least half goes to connections where the limit is tiny.
    files.saturating_sub(RESERVED).max(files / 2).min(WANTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_radius_and_the_database() {
        let expected = [
            (64, 32),
            (1_024, 512),
            (65_536, WANTED),
            (usize::MAX, WANTED),
        ];
        for (files, places) in expected {
            assert_eq!(places_under(files), places, "{files} files");
        }
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let places = Places::new(100);
        let address = |last| IpAddr::from([192, 0, 2, last]);
        let greedy: Vec<Place> = (0..100).filter_map(|_| places.take(address(1))).collect();
        assert_eq!(greedy.len(), 25);
        let others: Vec<Place> = (2..100)
            .filter_map(|last| places.take(address(last)))
            .collect();
        assert_eq!(others.len(), 75);
        assert!(places.take(address(200)).is_none(), "all are taken");
        drop(greedy);
        assert!(places.take(address(1)).is_some());
        drop(others);
        assert!(places.0.lock().by_source.is_empty());
        assert_eq!(places.0.lock().total, 0);
    }
}
