//! Habits: the EAP method that each station succeeded with last. It is proposed first the next time, which saves the round trip in which
//! the station would refuse another.
//!
//! *Invariant*: a habit decides nothing. What is not on offer is not proposed, and memory is bounded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nac_eap::Method;
use nac_radius::MacAddr;

use crate::identity::guesses::make_room;

/// The last good method by station.
#[derive(Debug, Default)]
pub(super) struct Habits {
    methods: Mutex<HashMap<MacAddr, (Method, Instant)>>,
}

impl Habits {
    /// What to propose first.
    pub(super) fn of(&self, station: Option<MacAddr>) -> Option<Method> {
        self.lock().get(&station?).map(|(method, _)| *method)
    }

    /// The station succeeded with this method.
    pub(super) fn succeeded(&self, station: Option<MacAddr>, method: Method, now: Instant) {
        let Some(station) = station else { return };
        let mut methods = self.lock();
        make_room(&mut methods, |(_, since)| *since);
        methods.insert(station, (method, now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MacAddr, (Method, Instant)>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
