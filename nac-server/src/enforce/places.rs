//! How many requests are on their way at once: a NAS that does not answer must not keep the others waiting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests to all NASes together; each takes a socket.
const ALTOGETHER: usize = 256;
/// Requests to one NAS. A switch answers in milliseconds, so a few are as fast as many.
const PER_NAS: usize = 8;

/// The places.
pub(super) struct Places {
    altogether: Arc<Semaphore>,
    by_nas: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// One request's place, given back when it is dropped.
pub(super) struct Place {
    _nas: OwnedSemaphorePermit,
    _altogether: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            altogether: Arc::new(Semaphore::new(ALTOGETHER)),
            by_nas: Mutex::default(),
        }
    }
}

impl Places {
    /// Waits for a place, first among the requests to the same NAS.
    pub(super) async fn take(&self, nas: IpAddr) -> Option<Place> {
        let own = self.of(nas);
        let own = own.acquire_owned().await.ok()?;
        let altogether = self.altogether.clone().acquire_owned().await.ok()?;
        Some(Place {
            _nas: own,
            _altogether: altogether,
        })
    }

    fn of(&self, nas: IpAddr) -> Arc<Semaphore> {
        let mut by_nas = self.by_nas.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for need not be remembered.
        by_nas.retain(|address, places| *address == nas || Arc::strong_count(places) > 1);
        let places = by_nas.entry(nas);
        Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(PER_NAS))))
    }
}
