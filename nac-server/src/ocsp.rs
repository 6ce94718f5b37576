//! Asks the responders of other authorities about client certificates (RFC 6960), and remembers what they say.
//!
//! *Invariants*: a responder is asked about a certificate once, however many log in with it, and again when its answer is over: at the
//! next login, or in the background for those who are inside. One that does not answer is left alone for a minute. Only who logs in waits,
//! and for two seconds at most.

mod issuers;
mod memory;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nac_pki::{MAX_OCSP_RESPONSE_LEN, OcspAnswer, OcspQuestion, OcspStatus};
use nac_store::{CertificateLink, now_us};
use rustls_pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::OcspResponder;
use issuers::Issuers;
use memory::{Known, Memory, Turn, key};
pub use memory::{Standing, Verdict};

/// How long a responder may take for all of it.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// Questions that are open at once.
const OPEN_QUESTIONS: usize = 256;
/// How many of them may be for those who are inside: logins find room.
const OPEN_AGAIN: usize = 64;
/// How many questions one round for those who are inside has.
const ROUND: usize = 256;
/// How long nobody asks again after there was no answer that counts, in microseconds.
const PAUSE_US: i64 = 60 * 1_000_000;
/// How long an answer counts, at most, in microseconds: some responders say a week.
const LONGEST_US: i64 = 86_400 * 1_000_000;

/// How many questions ended how.
#[derive(Debug, Default)]
pub struct Counts {
    good: AtomicU64,
    revoked: AtomicU64,
    unknown: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Each result with its number.
    pub fn all(&self) -> [(&'static str, u64); 4] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("good", read(&self.good)),
            ("revoked", read(&self.revoked)),
            ("unknown", read(&self.unknown)),
            ("failed", read(&self.failed)),
        ]
    }
}

/// Whom to ask, and what they said.
#[derive(Debug)]
pub struct Ocsp {
    responder: OcspResponder,
    trusted: Vec<CertificateDer<'static>>,
    client: reqwest::Client,
    room: Semaphore,
    memory: Memory,
    issuers: Issuers,
    /// Responders that gave no answer that counts, and until when nobody asks them for those who are inside.
    silent: Mutex<HashMap<String, i64>>,
    is_news: AtomicBool,
    /// How the questions ended.
    pub counts: Counts,
}

impl Ocsp {
    /// Nothing is known yet. `trusted` are the anchors of the chains that are asked about.
    ///
    /// # Errors
    /// The HTTP client's.
    pub(crate) fn new(
        responder: OcspResponder,
        trusted: Vec<CertificateDer<'static>>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ASK_TIMEOUT)
            .build()?;
        Ok(Self {
            responder,
            trusted,
            client,
            room: Semaphore::new(OPEN_QUESTIONS),
            memory: Memory::default(),
            issuers: Issuers::default(),
            silent: Mutex::default(),
            is_news: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    /// Whether this asks the same responders about the same authorities' certificates.
    pub(crate) fn is_as(&self, responder: &OcspResponder, trusted: &[CertificateDer<'_>]) -> bool {
        self.responder == *responder && self.trusted == trusted
    }

    /// What is known of a certificate at this time, in microseconds since the Unix epoch.
    pub fn verdict(
        &self,
        link: &CertificateLink,
        standing: Standing,
        now_us: i64,
    ) -> Option<Verdict> {
        self.memory.verdict(&key(link), standing, now_us)
    }

    /// What has to be asked about these certificates of a chain that TLS has verified.
    pub fn questions(
        &self,
        chain: &[CertificateDer<'_>],
        links: &[CertificateLink],
    ) -> Vec<OcspQuestion> {
        let mut questions = OcspQuestion::of_chain(chain, &self.trusted);
        questions.retain(|question| links.contains(&link(question)));
        questions
    }

    /// Whether a certificate turned out to be revoked since the last time that this was asked.
    pub(crate) fn take_news(&self) -> bool {
        self.is_news.swap(false, Ordering::Relaxed)
    }

    /// Asks everything that is not known, at once.
    pub(crate) async fn ask(self: &Arc<Self>, questions: Vec<OcspQuestion>) {
        let share = |question| Arc::new(self.issuers.share(question));
        self.ask_all(questions.into_iter().map(share)).await;
    }

    /// Asks again what those who are inside go by though its time is over. What that is, [`Self::verdict`] has learnt from whom it was
    /// asked about.
    pub(crate) async fn ask_again(self: &Arc<Self>) {
        let due = self
            .memory
            .due(ROUND, now_us(), |question| !self.is_silent(question));
        for questions in due.chunks(OPEN_AGAIN) {
            // One that was found silent by those before is not asked by the rest.
            let questions = questions.iter().filter(|asked| !self.is_silent(asked));
            self.ask_all(questions.cloned()).await;
        }
    }

    async fn ask_all(self: &Arc<Self>, questions: impl Iterator<Item = Arc<OcspQuestion>>) {
        let mut asking = JoinSet::new();
        for question in questions {
            let ocsp = self.clone();
            asking.spawn(async move { ocsp.ask_one(&question).await });
        }
        while asking.join_next().await.is_some() {}
    }

    fn url<'a>(&'a self, question: &'a OcspQuestion) -> Option<&'a str> {
        match &self.responder {
            OcspResponder::Named => question.url.as_deref(),
            OcspResponder::At(url) => Some(url.as_str()),
        }
    }

    fn is_silent(&self, question: &OcspQuestion) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let until_us = self.url(question).and_then(|url| silent.get(url));
        until_us.is_some_and(|until_us| now_us() <= *until_us)
    }

    fn leave_alone(&self, url: &str, now_us: i64) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.retain(|_, until_us| now_us <= *until_us);
        silent.insert(url.to_owned(), now_us.saturating_add(PAUSE_US));
    }

    async fn ask_one(&self, question: &Arc<OcspQuestion>) {
        loop {
            let turn = self
                .memory
                .turn(&key(&link(question)), Some(question), now_us());
            match turn {
                Turn::Known => return,
                // It ends when whoever asks is done or gone.
                Turn::Wait(mut other) => {
                    let _ = other.changed().await;
                }
                Turn::Ask(asking) => {
                    let known = self.known(question).await;
                    if matches!(known.verdict, Verdict::Revoked { .. }) {
                        self.is_news.store(true, Ordering::Relaxed);
                    }
                    asking.finish(known);
                    return;
                }
            }
        }
    }

    async fn known(&self, question: &OcspQuestion) -> Known {
        let Some(url) = self.url(question) else {
            return Known {
                verdict: Verdict::Unclear(
                    "it names no OCSP responder with an http:// address".to_owned(),
                ),
                until_us: now_us().saturating_add(PAUSE_US),
            };
        };
        // The clock counts from here, also while there is no room.
        let answer = tokio::time::timeout(ASK_TIMEOUT, self.fetch(url, question)).await;
        let now_us = now_us();
        match answer.unwrap_or_else(|_| Err("it does not answer in time".to_owned())) {
            Ok(answer) => self.answered(url, &answer, now_us),
            Err(fault) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                self.leave_alone(url, now_us);
                tracing::warn!(responder = %url, serial = %question.issuance.serial, %fault, "an OCSP responder gives no answer that counts");
                Known {
                    verdict: Verdict::Unclear(format!(
                        "the OCSP responder {url} is of no help: {fault}"
                    )),
                    until_us: now_us.saturating_add(PAUSE_US),
                }
            }
        }
    }

    fn answered(&self, url: &str, answer: &OcspAnswer, now_us: i64) -> Known {
        // Without nextUpdate the responder always knows something newer.
        let said = answer
            .next_update_us
            .unwrap_or_else(|| now_us.saturating_add(PAUSE_US));
        let until_us = said.min(now_us.saturating_add(LONGEST_US));
        let (count, verdict, until_us) = match answer.status {
            OcspStatus::Good => (&self.counts.good, Verdict::Good, until_us),
            OcspStatus::Revoked => {
                let responder = url.to_owned();
                (
                    &self.counts.revoked,
                    Verdict::Revoked { responder },
                    until_us,
                )
            }
            OcspStatus::Unknown => {
                let why = format!("the OCSP responder {url} does not know it");
                let until_us = now_us.saturating_add(PAUSE_US);
                (&self.counts.unknown, Verdict::Unclear(why), until_us)
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(responder = %url, serial = %answer.serial, status = ?answer.status, "an OCSP responder answered");
        Known { verdict, until_us }
    }

    /// A POST (RFC 6960 appendix A.1). No redirection is followed: a certificate's authority says where to ask, nobody else.
    async fn fetch(&self, url: &str, question: &OcspQuestion) -> Result<OcspAnswer, String> {
        let _room = self
            .room
            .acquire()
            .await
            .map_err(|error| error.to_string())?;
        let request = self
            .client
            .post(url)
            .header("content-type", "application/ocsp-request")
            .body(question.request());
        let clause = |error: reqwest::Error| crate::revocation::clause(&error);
        let mut answer = request.send().await.map_err(clause)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("it answers {}", answer.status()));
        }
        let mut octets = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(clause)? {
            if octets.len().saturating_add(chunk.len()) > MAX_OCSP_RESPONSE_LEN {
                return Err(format!(
                    "its answer has more than {MAX_OCSP_RESPONSE_LEN} bytes"
                ));
            }
            octets.extend_from_slice(&chunk);
        }
        question
            .read(&octets, now_us())
            .map_err(|error| error.to_string())
    }
}

fn link(question: &OcspQuestion) -> CertificateLink {
    let issuance = question.issuance.clone();
    CertificateLink {
        issuer: issuance.issuer,
        authority_key: issuance.authority_key,
        serial: issuance.serial,
        is_authority: issuance.is_authority,
    }
}
