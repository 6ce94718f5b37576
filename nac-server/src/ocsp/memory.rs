//! What responders said, and who is asking: bounded, and each certificate is asked about by one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nac_pki::OcspQuestion;
use nac_store::CertificateLink;
use tokio::sync::watch;

/// Certificates that something is known of, at most: some 20 MiB.
const ROOM: usize = 65_536;

/// Whether somebody comes in, for whom everything is asked, or is in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A login: what is not known now counts as unknown.
    Entering,
    /// A live session: only what is known to be revoked ends it, for it asks in the background and nobody's silence ends it.
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
    /// What was asked, for asking again.
    question: Option<Arc<OcspQuestion>>,
    /// Somebody who is inside goes by an answer whose time is over.
    is_wanted: bool,
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
        let mut entries = self.lock();
        let entry = entries.get_mut(key)?;
        let known = entry.known.as_ref()?;
        let is_over = now_us > known.until_us;
        entry.is_wanted |= is_over && standing == Standing::Inside;
        let counts = !is_over
            || standing == Standing::Inside && matches!(known.verdict, Verdict::Revoked { .. });
        counts.then(|| known.verdict.clone())
    }

    /// What is asked again for those who are inside, at most `most`, whoever waited longest first. `may` says of a question whether it
    /// may be asked now.
    pub(super) fn due(
        &self,
        most: usize,
        now_us: i64,
        may: impl Fn(&OcspQuestion) -> bool,
    ) -> Vec<Arc<OcspQuestion>> {
        let mut entries = self.lock();
        let mut due = Vec::new();
        for entry in entries.values_mut().filter(|entry| entry.is_wanted) {
            let until_us = entry.known.as_ref().map_or(0, |known| known.until_us);
            // Somebody's login was quicker, or nothing to ask is known.
            if now_us <= until_us || entry.question.is_none() {
                entry.is_wanted = false;
            } else if let (Some(question), None) = (&entry.question, &entry.asking)
                && may(question)
            {
                due.push((until_us, question.clone()));
            }
        }
        due.sort_by_key(|(until_us, _)| *until_us);
        due.truncate(most);
        due.into_iter().map(|(_, question)| question).collect()
    }

    pub(super) fn turn(
        &self,
        key: &str,
        question: Option<&Arc<OcspQuestion>>,
        now_us: i64,
    ) -> Turn<'_> {
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
        entry.question = question.cloned();
        entry.is_wanted = false;
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
    let is_open = |entry: &Entry| entry.asking.is_some() || entry.is_wanted;
    entries.retain(|_, entry| {
        let known = entry.known.as_ref();
        is_open(entry) || known.is_some_and(|known| now_us <= known.until_us)
    });
    let mut surplus = (entries.len() + ROOM / 16).saturating_sub(ROOM);
    entries.retain(|_, entry| {
        let goes = surplus > 0 && entry.asking.is_none();
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

    fn question() -> Arc<OcspQuestion> {
        let authority = nac_pki::Authority::create("Corporate Root", 0, 10).expect("an authority");
        let subject = nac_pki::ClientSubject::User("alice");
        let issued = authority
            .issue_client(subject, 0, 5)
            .expect("a certificate");
        let read = |pem: &str| nac_pki::pem_certificates(pem).expect("certificates");
        let (chain, anchors) = (
            read(&issued.certificate_pem),
            read(authority.certificate_pem()),
        );
        let question = OcspQuestion::of_chain(&chain, &anchors).pop();
        Arc::new(question.expect("the authority issued it"))
    }

    fn learn(memory: &Memory, key: &str, now_us: i64, known: Known) {
        let Turn::Ask(asking) = memory.turn(key, None, now_us) else {
            panic!("nobody else asks");
        };
        asking.finish(known);
    }

    #[test]
    fn one_asks_while_others_wait_and_an_answer_counts_until_its_time_is_over() {
        let memory = Memory::default();
        let Turn::Ask(asking) = memory.turn("a", None, 0) else {
            panic!("the first one asks");
        };
        let Turn::Wait(other) = memory.turn("a", None, 0) else {
            panic!("the second one waits");
        };
        assert!(other.has_changed().is_ok());
        assert!(matches!(memory.turn("b", None, 0), Turn::Ask(_)));
        asking.finish(known(Verdict::Good, 10));
        assert!(other.has_changed().is_err(), "whoever asked is done");
        assert!(matches!(memory.turn("a", None, 10), Turn::Known));
        assert_eq!(
            memory.verdict("a", Standing::Entering, 10),
            Some(Verdict::Good)
        );
        assert_eq!(memory.verdict("a", Standing::Entering, 11), None);
        assert_eq!(memory.verdict("a", Standing::Inside, 11), None);
        assert!(matches!(memory.turn("a", None, 11), Turn::Ask(_)));
        // Whoever asked went away without an answer: the next one asks.
        assert!(matches!(memory.turn("a", None, 11), Turn::Ask(_)));
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
    fn what_somebody_inside_goes_by_is_asked_again_when_its_time_is_over() {
        let memory = Memory::default();
        let question = question();
        for (key, until_us) in [("late", 12), ("early", 10), ("left", 9)] {
            let Turn::Ask(asking) = memory.turn(key, Some(&question), 0) else {
                panic!("nobody else asks");
            };
            asking.finish(known(Verdict::Good, until_us));
        }
        let note = |key, now_us| memory.verdict(key, Standing::Inside, now_us);
        let due = |most, now_us| memory.due(most, now_us, |_| true).len();
        assert_eq!(note("early", 10), Some(Verdict::Good));
        assert_eq!(due(9, 10), 0, "it counts still");
        assert_eq!((note("early", 13), note("late", 13)), (None, None));
        // Who has left is not asked about, and a responder that is to be left alone is.
        assert_eq!((due(9, 13), due(1, 13)), (2, 1));
        assert!(memory.due(9, 13, |_| false).is_empty());
        let Turn::Ask(asking) = memory.turn("early", Some(&question), 13) else {
            panic!("nobody else asks");
        };
        assert_eq!(due(9, 13), 1, "it is being asked");
        asking.finish(known(Verdict::Unclear("silence".to_owned()), 20));
        assert_eq!(
            note("early", 20),
            Some(Verdict::Unclear("silence".to_owned()))
        );
        assert_eq!(due(9, 20), 1, "it is left alone for a while");
        note("early", 21);
        assert_eq!(due(9, 21), 2);
        // A login was quicker.
        learn(&memory, "late", 21, known(Verdict::Good, 30));
        assert_eq!(due(9, 21), 1);
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
