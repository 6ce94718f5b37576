//! Sessions on their way to the other servers of an installation.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::Handle;

/// How many changes wait to be fetched. Beyond that the oldest are lost: whoever they were about logs in in full elsewhere.
const WAITING: usize = 16_384;

/// A session that other servers may resume, or that nobody may resume any more.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSession {
    /// What it is known by. No session can be offered by it.
    pub handle: [u8; 32],
    /// When its lifetime is over, in seconds since the Unix epoch.
    pub ends_s: u64,
    /// What a server needs to resume it: the secret of the TLS session, and what was proven in it. It has to be sealed wherever it
    /// goes. `None` when it was forgotten or is used up.
    pub content: Option<Zeroizing<Vec<u8>>>,
    /// Who was let in, in the words of the server that did ([`crate::Conversation::accept`]); empty when it does not matter. So
    /// that whoever keeps sessions can tell a person's without reading what is in them.
    pub holder: String,
}

impl fmt::Debug for SharedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSession")
            .field("ends_s", &self.ends_s)
            .field("is_kept", &self.content.is_some())
            .finish_non_exhaustive()
    }
}

/// What became of this server's sessions since somebody asked last.
#[derive(Default)]
pub(crate) struct Journal(Mutex<VecDeque<SharedSession>>);

impl Journal {
    pub(super) fn add(&self, change: SharedSession) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() >= WAITING {
            changes.pop_front();
        }
        changes.push_back(change);
    }

    /// Takes everything. Of one session only the newest counts.
    pub(crate) fn take(&self) -> Vec<SharedSession> {
        let changes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut newest = std::collections::HashSet::<Handle>::new();
        let mut changes: Vec<_> = changes.into_iter().collect();
        changes.reverse();
        changes.retain(|change| newest.insert(change.handle));
        changes.reverse();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: usize, content: Option<&[u8]>) -> SharedSession {
        let mut handle = [0; 32];
        handle[..8].copy_from_slice(&number.to_be_bytes());
        SharedSession {
            handle,
            ends_s: 1,
            content: content.map(|content| Zeroizing::new(content.to_vec())),
            holder: String::new(),
        }
    }

    #[test]
    fn what_waits_is_bounded_and_only_the_newest_of_a_session_counts() {
        let journal = Journal::default();
        for number in 0..WAITING + 5 {
            journal.add(change(number, Some(b"a")));
        }
        journal.add(change(9, None));
        let changes = journal.take();
        assert_eq!(changes.first(), Some(&change(6, Some(b"a"))));
        assert_eq!(changes.last(), Some(&change(9, None)));
        assert_eq!(changes.len(), WAITING - 1);
        assert!(journal.take().is_empty());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!("{:?}", change(1, Some(b"master secret")));
        assert_eq!(printed, "SharedSession { ends_s: 1, is_kept: true, .. }");
    }
}
