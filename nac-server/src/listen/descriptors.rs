//! How many connections the operating system lets us hold, with enough left over for the database and for RADIUS.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

/// Connections at once over all HTTPS listeners: 10,000 osquery hosts keep theirs alive.
const WANTED: usize = 20_000;
/// File descriptors that connections leave to everything else.
const RESERVED: usize = 256;

/// Raises this process's limit of open files as far as it may, and gives as many places for connections as fit under it.
pub fn places() -> Arc<Semaphore> {
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
    Arc::new(Semaphore::new(places))
}

fn places_under(files: usize) -> usize {
    // At least half goes to connections where the limit is tiny.
    files.saturating_sub(RESERVED).max(files / 2).min(WANTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_database() {
        for (files, places) in [
            (64, 32),
            (1_024, 768),
            (65_536, WANTED),
            (usize::MAX, WANTED),
        ] {
            assert_eq!(places_under(files), places, "{files} files");
        }
    }
}
