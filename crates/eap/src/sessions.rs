//! The bounded store of resumable TLS sessions, one per server set-up and method.

mod content;
mod shared;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::settings::Method;
pub(crate) use content::read;
pub(crate) use shared::Journal;
pub use shared::SharedSession;

/// What was proven in the authentication that a session stems from. It carries no authority:
/// account, certificate, posture and policy are checked again when the session is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRecord {
    /// The inner identity; for EAP-TLS the outer one.
    pub(crate) identity: String,
    /// The authenticated method with its inner part, such as `PEAP-MSCHAPv2`.
    pub(crate) method: &'static str,
    /// Whether a code of an authenticator app was checked as well.
    pub(crate) second_factor: bool,
    /// The certificate chain that proved the identity inside the tunnel, leaf first; empty otherwise. What
    /// was shown outside the tunnel is in the TLS session itself.
    pub(crate) certificates: Arc<[CertificateDer<'static>]>,
    /// The machine, when it was proven besides.
    pub(crate) machine: Option<Arc<MachineProof>>,
    /// When the full authentication happened, in seconds since the Unix epoch. Resumption passes
    /// this on unchanged, so that a chain of resumptions ends after one lifetime.
    pub(crate) created_s: u64,
}

/// What was proven as the machine, in a login that then proved its user too (TEAP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MachineProof {
    pub(crate) identity: String,
    /// The certificate chain that proved it, leaf first; empty when a password did.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

/// What a session is kept under: a digest of its method and its id or ticket. Whoever reads it can offer no session by it.
pub(crate) type Handle = [u8; 32];

/// Sessions by their id or ticket. The oldest is evicted when the store is full.
pub(crate) struct SessionStore {
    method: Method,
    lifetime_s: u64,
    capacity: usize,
    /// Where other servers learn of it, if they shall.
    journal: Option<Arc<Journal>>,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    by_handle: HashMap<Handle, Entry>,
    /// In order of insertion; entries whose number no longer matches are stale.
    order: VecDeque<(u64, Handle)>,
    next_number: u64,
}

struct Entry {
    number: u64,
    secret: Zeroizing<Vec<u8>>,
    record: SessionRecord,
}

impl SessionStore {
    pub(crate) fn new(
        method: Method,
        lifetime_s: u64,
        capacity: usize,
        journal: Option<Arc<Journal>>,
    ) -> Self {
        Self {
            method,
            lifetime_s,
            capacity,
            journal,
            sessions: Mutex::default(),
        }
    }

    /// Whether sessions are kept at all.
    pub(crate) fn enabled(&self) -> bool {
        self.lifetime_s > 0 && self.capacity > 0
    }

    /// Keeps a session, unless it is past its lifetime already.
    pub(crate) fn insert(
        &self,
        id: &[u8],
        secret: Zeroizing<Vec<u8>>,
        record: SessionRecord,
        holder: &str,
        now_s: u64,
    ) {
        if !self.enabled() || self.expired(&record, now_s) {
            return;
        }
        let handle = self.handle(id);
        if let Some(journal) = &self.journal {
            journal.add(SharedSession {
                handle,
                ends_s: record.created_s.saturating_add(self.lifetime_s),
                content: Some(content::write(self.method, &secret, &record)),
                holder: holder.to_owned(),
            });
        }
        self.keep(handle, secret, record);
    }

    /// Takes what another server keeps or has forgotten. What is past its lifetime here is not kept, whatever lifetime counts there.
    pub(crate) fn learn(
        &self,
        handle: Handle,
        content: Option<(Zeroizing<Vec<u8>>, SessionRecord)>,
        now_s: u64,
    ) {
        match content {
            Some((secret, record)) if self.enabled() && !self.expired(&record, now_s) => {
                self.keep(handle, secret, record);
            }
            Some(_) => {}
            None => {
                self.lock().by_handle.remove(&handle);
            }
        }
    }

    fn keep(&self, handle: Handle, secret: Zeroizing<Vec<u8>>, record: SessionRecord) {
        let mut sessions = self.lock();
        let number = sessions.next_number;
        sessions.next_number = sessions.next_number.wrapping_add(1);
        sessions.order.push_back((number, handle));
        sessions.by_handle.insert(
            handle,
            Entry {
                number,
                secret,
                record,
            },
        );
        while sessions.by_handle.len() > self.capacity {
            sessions.evict_oldest();
        }
        let bearable = sessions
            .by_handle
            .len()
            .saturating_mul(2)
            .saturating_add(64);
        if sessions.order.len() > bearable {
            sessions.drop_stale();
        }
    }

    /// Finds a session and leaves it (TLS 1.2 session ids may be used repeatedly).
    pub(crate) fn find(&self, id: &[u8], now_s: u64) -> Option<(Vec<u8>, SessionRecord)> {
        let handle = self.handle(id);
        let sessions = self.lock();
        let entry = sessions.by_handle.get(&handle)?;
        (!self.expired(&entry.record, now_s)).then(|| (entry.secret.to_vec(), entry.record.clone()))
    }

    /// Finds a session and removes it (TLS 1.3 tickets are for single use).
    pub(crate) fn take(&self, id: &[u8], now_s: u64) -> Option<(Vec<u8>, SessionRecord)> {
        let entry = self.gone(id)?;
        (!self.expired(&entry.record, now_s)).then(|| (entry.secret.to_vec(), entry.record))
    }

    pub(crate) fn remove(&self, id: &[u8]) {
        self.gone(id);
    }

    fn gone(&self, id: &[u8]) -> Option<Entry> {
        let handle = self.handle(id);
        let entry = self.lock().by_handle.remove(&handle)?;
        if let Some(journal) = &self.journal {
            journal.add(SharedSession {
                handle,
                ends_s: entry.record.created_s.saturating_add(self.lifetime_s),
                content: None,
                holder: String::new(),
            });
        }
        Some(entry)
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Sessions::default();
    }

    fn handle(&self, id: &[u8]) -> Handle {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&[self.method.type_number()]);
        context.update(id);
        let mut handle = [0; 32];
        for (to, from) in handle.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        handle
    }

    fn expired(&self, record: &SessionRecord, now_s: u64) -> bool {
        record.created_s.saturating_add(self.lifetime_s) <= now_s
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        // No invariant spans two statements that could panic, so a poisoned store is still sound.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStore")
            .field("lifetime_s", &self.lifetime_s)
            .field("sessions", &self.lock().by_handle.len())
            .finish_non_exhaustive()
    }
}

impl Sessions {
    fn evict_oldest(&mut self) {
        while let Some((number, handle)) = self.order.pop_front() {
            if self
                .by_handle
                .get(&handle)
                .is_some_and(|entry| entry.number == number)
            {
                self.by_handle.remove(&handle);
                return;
            }
        }
    }

    fn drop_stale(&mut self) {
        let by_handle = &self.by_handle;
        self.order.retain(|(number, handle)| {
            by_handle
                .get(handle)
                .is_some_and(|entry| entry.number == *number)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(created_s: u64) -> SessionRecord {
        SessionRecord {
            identity: "alice".into(),
            method: "PEAP-MSCHAPv2",
            second_factor: false,
            certificates: Arc::default(),
            machine: None,
            created_s,
        }
    }

    fn store() -> SessionStore {
        SessionStore::new(Method::Peap, 100, 10, None)
    }

    fn put(store: &SessionStore, id: u32, created_s: u64) {
        let secret = Zeroizing::new(vec![1]);
        let record = record(created_s);
        store.insert(&id.to_be_bytes(), secret, record, "alice", created_s);
    }

    #[test]
    fn the_oldest_session_goes_first_and_memory_stays_bounded() {
        let store = store();
        for id in 0..1000 {
            put(&store, id, 0);
            store.take(&(id / 2).to_be_bytes(), 0);
        }
        let sessions = store.lock();
        assert!(sessions.by_handle.len() <= 10);
        assert!(sessions.order.len() <= 2 * 10 + 64);
        drop(sessions);
        assert!(store.find(&999_u32.to_be_bytes(), 0).is_some());
        assert!(store.find(&980_u32.to_be_bytes(), 0).is_none());
    }

    #[test]
    fn a_session_ends_with_its_lifetime() {
        let store = store();
        put(&store, 1, 1000);
        assert!(store.find(&1_u32.to_be_bytes(), 1099).is_some());
        assert!(store.find(&1_u32.to_be_bytes(), 1100).is_none());
        assert!(store.take(&1_u32.to_be_bytes(), 1100).is_none());
    }

    #[test]
    fn a_taken_session_is_gone() {
        let store = store();
        put(&store, 1, 0);
        assert!(store.take(&1_u32.to_be_bytes(), 0).is_some());
        assert!(store.take(&1_u32.to_be_bytes(), 0).is_none());
    }
}
