//! What responders said, and who is asking: bounded, and each certificate is asked about by one at a time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nac_store::CertificateLink;
use tokio::sync::watch;

/// Certificates that something is known of, at most: some 20 MiB.
const ROOM: usize = 65_536;

/// Whether somebody comes in, for whom everything is asked, or is in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A login: what is not known now counts as unknown.
    Entering,
    /// A live session: only what is known to be revoked ends it, since nobody was asked for it.
    Inside,
}

/// What is known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not revoked.
    Good,
    /// It is revoked.
    Revoked {
        /// The URL of who says so.
        responder: String,
    },
    /// Nobody can say, and why, as a clause.
    Unclear(String),
}

/// A verdict and until when it counts, in microseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) verdict: Verdict,
    pub(super) until_us: i64,
}

#[derive(Debug, Default)]
struct Entry {
    known: Option<Known>,
    asking: Option<watch::Receiver<()>>,
}

/// What to do about a question.
pub(super) enum Turn<'a> {
    /// Nothing: the answer is known.
    Known,
    /// Wait for somebody else's answer.
    Wait(watch::Receiver<()>),
    /// Ask.
    Ask(Asking<'a>),
}

/// Who asks. Others wait until it is finished or dropped.
pub(super) struct Asking<'a> {
    memory: &'a Memory,
    key: String,
    _others: watch::Sender<()>,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Entry>>);

/// What tells certificates apart: issuer, its key, serial number.
pub(super) fn key(link: &CertificateLink) -> String {
    let authority_key = link.authority_key.as_deref().unwrap_or_default();
    format!("{}/{authority_key}/{}", link.issuer, link.serial)
}

impl Memory {
    pub(super) fn verdict(&self, key: &str, standing: Standing, now_us: i64) -> Option<Verdict> {
        let entries = self.lock();
        let known = entries.get(key)?.known.as_ref()?;
        let counts = now_us <= known.until_us
            || standing == Standing::Inside && matches!(known.verdict, Verdict::Revoked { .. });
        counts.then(|| known.verdict.clone())
    }

    pub(super) fn turn(&self, key: &str, now_us: i64) -> Turn<'_> {
        let mut entries = self.lock();
        if entries.len() >= ROOM && !entries.contains_key(key) {
            make_room(&mut entries, now_us);
        }
        let entry = entries.entry(key.to_owned()).or_default();
        let known = entry.known.as_ref();
        if known.is_some_and(|known| now_us <= known.until_us) {
            return Turn::Known;
        }
        if let Some(asking) = &entry.asking {
            return Turn::Wait(asking.clone());
        }
        let (others, receiver) = watch::channel(());
        entry.asking = Some(receiver);
        Turn::Ask(Asking {
            memory: self,
            key: key.to_owned(),
            _others: others,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    /// Remembers an answer. What was revoked stays so while nobody can say otherwise.
    pub(super) fn finish(self, known: Known) {
        let mut entries = self.memory.lock();
        let entry = entries.entry(self.key.clone()).or_default();
        match (&mut entry.known, &known.verdict) {
            (Some(before), Verdict::Unclear(_))
                if matches!(before.verdict, Verdict::Revoked { .. }) =>
            {
                before.until_us = known.until_us;
            }
            _ => entry.known = Some(known),
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.memory.lock().get_mut(&self.key) {
            entry.asking = None;
        }
    }
}

/// Forgets what is over, and if that is not much, a sixteenth of the rest.
fn make_room(entries: &mut HashMap<String, Entry>, now_us: i64) {
    let is_open = |entry: &Entry| entry.asking.is_some();
    entries.retain(|_, entry| {
        let known = entry.known.as_ref();
        is_open(entry) || known.is_some_and(|known| now_us <= known.until_us)
    });
    let mut surplus = (entries.len() + ROOM / 16).saturating_sub(ROOM);
    entries.retain(|_, entry| {
        let goes = surplus > 0 && !is_open(entry);
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(verdict: Verdict, until_us: i64) -> Known {
        Known { verdict, until_us }
    }

    fn revoked() -> Verdict {
        Verdict::Revoked {
            responder: "http://ocsp.example.org/".to_owned(),
        }
    }

    fn learn(memory: &Memory, key: &str, now_us: i64, known: Known) {
        let Turn::Ask(asking) = memory.turn(key, now_us) else {
            panic!("nobody else asks");
        };
        asking.finish(known);
    }

    #[test]
    fn one_asks_while_others_wait_and_an_answer_counts_until_its_time_is_over() {
        let memory = Memory::default();
        let Turn::Ask(asking) = memory.turn("a", 0) else {
            panic!("the first one asks");
        };
        let Turn::Wait(other) = memory.turn("a", 0) else {
            panic!("the second one waits");
        };
        assert!(other.has_changed().is_ok());
        assert!(matches!(memory.turn("b", 0), Turn::Ask(_)));
        asking.finish(known(Verdict::Good, 10));
        assert!(other.has_changed().is_err(), "whoever asked is done");
        assert!(matches!(memory.turn("a", 10), Turn::Known));
        assert_eq!(
            memory.verdict("a", Standing::Entering, 10),
            Some(Verdict::Good)
        );
        assert_eq!(memory.verdict("a", Standing::Entering, 11), None);
        assert_eq!(memory.verdict("a", Standing::Inside, 11), None);
        assert!(matches!(memory.turn("a", 11), Turn::Ask(_)));
        // Whoever asked went away without an answer: the next one asks.
        assert!(matches!(memory.turn("a", 11), Turn::Ask(_)));
    }

    #[test]
    fn what_was_revoked_stays_so_while_nobody_can_say() {
        let memory = Memory::default();
        learn(&memory, "a", 0, known(revoked(), 10));
        assert_eq!(memory.verdict("a", Standing::Entering, 11), None);
        assert_eq!(memory.verdict("a", Standing::Inside, 11), Some(revoked()));
        learn(
            &memory,
            "a",
            11,
            known(Verdict::Unclear("silence".to_owned()), 20),
        );
        assert_eq!(memory.verdict("a", Standing::Entering, 20), Some(revoked()));
        learn(&memory, "a", 21, known(Verdict::Good, 30));
        assert_eq!(
            memory.verdict("a", Standing::Inside, 30),
            Some(Verdict::Good)
        );
    }

    #[test]
    fn the_table_is_bounded() {
        let memory = Memory::default();
        for number in 0..ROOM + 10 {
            learn(&memory, &number.to_string(), 0, known(Verdict::Good, 10));
            assert!(memory.lock().len() <= ROOM);
        }
        let last = (ROOM + 9).to_string();
        assert_eq!(
            memory.verdict(&last, Standing::Entering, 10),
            Some(Verdict::Good)
        );
    }
}
