//! One conversation's view of the session store.
//!
//! rustls stores a TLS session as soon as the handshake is done, long before anybody knows whether
//! the login succeeds. So what it stores stays *pending* in the conversation, and only
//! [`ConversationSessions::commit`] moves it to where another conversation can find it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::server::StoresServerSessions;
use zeroize::Zeroizing;

use crate::sessions::{SessionRecord, SessionStore};

pub(crate) struct ConversationSessions {
    store: Arc<SessionStore>,
    now_s: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pending: Vec<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    /// The stored session that the supplicant offered last: its id and what it stands for.
    offered: Option<(Vec<u8>, SessionRecord)>,
}

impl ConversationSessions {
    pub(crate) fn new(store: Arc<SessionStore>, now_s: u64) -> Self {
        Self {
            store,
            now_s,
            state: Mutex::default(),
        }
    }

    /// What the offered session stands for. Meaningful only when TLS says that it was resumed.
    pub(crate) fn record(&self) -> Option<SessionRecord> {
        self.lock()
            .offered
            .as_ref()
            .map(|(_, record)| record.clone())
    }

    /// Makes this conversation's sessions resumable, which are this person's.
    pub(crate) fn commit(&self, record: &SessionRecord, holder: &str) {
        let pending = std::mem::take(&mut self.lock().pending);
        for (id, secret) in pending {
            let record = record.clone();
            self.store.insert(&id, secret, record, holder, self.now_s);
        }
    }

    /// Forgets this conversation's sessions, and the one that it resumed if it did.
    pub(crate) fn forget(&self, resumed: bool) {
        let State { offered, .. } = std::mem::take(&mut *self.lock());
        if let Some((id, _)) = offered.filter(|_| resumed) {
            self.store.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, id: &[u8], found: Option<(Vec<u8>, SessionRecord)>) -> Option<Vec<u8>> {
        let (secret, record) = found?;
        self.lock().offered = Some((id.to_vec(), record));
        Some(secret)
    }
}

impl StoresServerSessions for ConversationSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        if !self.store.enabled() {
            return false;
        }
        self.lock().pending.push((key, Zeroizing::new(value)));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.remember(key, self.store.find(key, self.now_s))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.remember(key, self.store.take(key, self.now_s))
    }

    fn can_cache(&self) -> bool {
        self.store.enabled()
    }
}

impl fmt::Debug for ConversationSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationSessions")
            .finish_non_exhaustive()
    }
}
