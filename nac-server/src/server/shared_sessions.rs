//! TLS sessions that every server of the installation may resume: what this one keeps goes into the database, what the others keep comes
//! into its memory. A login looks into memory only.
//!
//! *Invariant*: a session leaves this server after its Access-Accept, sealed, and for servers with the same certificates, the same trust
//! and the same offer of TLS; whatever else may have changed meanwhile is looked at when it is resumed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use nac_eap::{CryptoBinding, Settings, SharedSession};
use nac_store::{EVERYTHING, EapSession, Event, EventKind, SecretBytes, Store, StoreError, now_us};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::authenticate::Authenticator;

/// How often what is new here is told to the others.
const TICK: Duration = Duration::from_millis(200);
/// How many sessions one transaction has.
const BATCH: usize = 2_048;
/// How many wait while the database is away. Beyond that the oldest are not told.
const WAITING: usize = 16_384;
/// How long the start and a reload wait for the sessions of before.
const LOAD_DEADLINE: Duration = Duration::from_secs(5);

/// Reads every session that may be resumed under these fresh settings. What does not come in time, or at all, is logged in in full.
pub(super) async fn load(store: &Store, settings: &Settings) {
    read_all(store, settings, false).await;
}

/// The same where events were missed: of sessions that may not be resumed any more as well.
async fn catch_up(store: &Store, settings: &Settings) {
    read_all(store, settings, true).await;
}

async fn read_all(store: &Store, settings: &Settings, gone: bool) {
    if !settings.tls.shares_sessions() {
        return;
    }
    let mut sessions = Vec::new();
    let context = context(settings);
    let read = store.eap_session_load(&context, now_us(), gone, &mut sessions);
    match tokio::time::timeout(LOAD_DEADLINE, read).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "TLS sessions of before cannot be read: who had one logs in in full");
        }
        Err(_) => {
            tracing::warn!("not all TLS sessions of before came in time: the oldest are left out");
        }
    }
    tracing::debug!(
        sessions = sessions.len(),
        "TLS sessions of before may be resumed"
    );
    // The newest came first, and the oldest are to be evicted first.
    for session in sessions.into_iter().rev() {
        learn(settings, session);
    }
}

/// Tells and listens until cancelled.
pub(super) async fn run(
    authenticator: Arc<Authenticator>,
    store: Store,
    mut events: broadcast::Receiver<Event>,
    cancel: CancellationToken,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut telling = Telling::default();
    loop {
        let event = tokio::select! {
            () = cancel.cancelled() => break,
            _ = ticks.tick() => None,
            event = events.recv() => Some(event),
        };
        let Some(settings) = sharing(&authenticator) else {
            if matches!(event, Some(Err(RecvError::Closed))) {
                return;
            }
            continue;
        };
        match event {
            None => telling.tell(&store, &settings).await,
            Some(Ok(event)) if event.kind != EventKind::EapSession => {}
            Some(Ok(event)) if event.key == EVERYTHING => catch_up(&store, &settings).await,
            Some(Ok(event)) => {
                if let Ok(batch) = event.key.parse()
                    && !telling.own.remove(&batch)
                    && let Err(error) = listen(&store, &settings, batch).await
                {
                    tracing::debug!(%error, "TLS sessions of another server cannot be read");
                }
            }
            Some(Err(RecvError::Lagged(_))) => {
                telling.own.clear();
                catch_up(&store, &settings).await;
            }
            Some(Err(RecvError::Closed)) => return,
        }
    }
    // A restart is the one moment in which everybody comes back at once.
    if let Some(settings) = sharing(&authenticator) {
        telling.tell(&store, &settings).await;
    }
}

fn sharing(authenticator: &Authenticator) -> Option<Arc<Settings>> {
    let settings = authenticator.eap.load_full()?;
    settings.tls.shares_sessions().then_some(settings)
}

#[derive(Default)]
struct Telling {
    /// Under which settings the sessions came about that wait.
    context: [u8; 32],
    waiting: Vec<EapSession>,
    /// Batches of this server, whose events say nothing new.
    own: HashSet<Uuid>,
    is_failing: bool,
}

impl Telling {
    async fn tell(&mut self, store: &Store, settings: &Settings) {
        let changes = settings.tls.changed_sessions();
        if changes.is_empty() && self.waiting.is_empty() {
            return;
        }
        let context = context(settings);
        if std::mem::replace(&mut self.context, context) != context {
            self.waiting.clear();
        }
        self.wait(changes.into_iter().map(stored));
        while !self.waiting.is_empty() {
            let batch = &self.waiting[..self.waiting.len().min(BATCH)];
            let written = store.eap_session_write(&self.context, batch, now_us());
            match written.await {
                Ok(number) => {
                    self.own.insert(number);
                    self.waiting.drain(..self.waiting.len().min(BATCH));
                    self.is_failing = false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(%error, "TLS sessions cannot be told to the other servers");
                    }
                    return;
                }
            }
        }
    }

    /// Puts what happened behind what waits already. Of one session the newest counts: a statement does not write a row twice.
    fn wait(&mut self, changes: impl Iterator<Item = EapSession>) {
        self.waiting.extend(changes);
        let mut newest = HashSet::new();
        self.waiting.reverse();
        self.waiting.retain(|session| newest.insert(session.handle));
        self.waiting.truncate(WAITING);
        self.waiting.reverse();
    }
}

async fn listen(store: &Store, settings: &Settings, batch: Uuid) -> Result<(), StoreError> {
    let context = context(settings);
    let sessions = store.eap_session_batch(&context, batch, now_us()).await?;
    for session in sessions {
        learn(settings, session);
    }
    Ok(())
}

fn learn(settings: &Settings, session: EapSession) {
    let now = Duration::from_micros(now_us().unsigned_abs());
    let shared = SharedSession {
        handle: session.handle,
        ends_s: (session.ends_us / 1_000_000).unsigned_abs(),
        content: session
            .content
            .map(|content| content.expose().to_vec().into()),
        holder: session.holder,
    };
    settings.tls.learn_session(&shared, now);
}

fn stored(session: SharedSession) -> EapSession {
    let ends_s = i64::try_from(session.ends_s).unwrap_or(i64::MAX);
    EapSession {
        handle: session.handle,
        content: session
            .content
            .map(|content| SecretBytes::new(content.as_slice())),
        holder: session.holder,
        ends_us: ends_s.saturating_mul(1_000_000),
    }
}

/// What both servers must have in common. Which methods are on offer, and what runs inside them, is looked at when a session is resumed;
/// whether its tunnel was bound is not seen any more by then.
fn context(settings: &Settings) -> [u8; 32] {
    let binding = match settings.crypto_binding {
        CryptoBinding::Off => 0,
        CryptoBinding::Optional => 1,
        CryptoBinding::Required => 2,
    };
    let mut input = settings.tls.session_context().to_vec();
    input.push(binding);
    let digest = digest::digest(&digest::SHA256, &input);
    let mut context = [0; 32];
    context.copy_from_slice(digest.as_ref());
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: usize, content: Option<&[u8]>) -> EapSession {
        let mut handle = [0; 32];
        handle[..8].copy_from_slice(&number.to_be_bytes());
        EapSession {
            handle,
            content: content.map(SecretBytes::new),
            holder: String::new(),
            ends_us: 1,
        }
    }

    #[test]
    fn while_the_database_is_away_the_newest_of_each_session_waits_and_not_without_end() {
        let mut telling = Telling::default();
        telling.wait((0..WAITING).map(|number| session(number, Some(b"a"))));
        telling.wait([session(1, None), session(WAITING, Some(b"a"))].into_iter());
        let waiting = &telling.waiting;
        assert_eq!(waiting.len(), WAITING);
        // What was said of one before is out of date, and the oldest is not told.
        assert_eq!(waiting[0], session(2, Some(b"a")));
        assert_eq!(waiting[WAITING - 2], session(1, None));
        assert_eq!(waiting[WAITING - 1], session(WAITING, Some(b"a")));
    }
}
