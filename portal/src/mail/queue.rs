//! The queue's other end: sends what is due.

use std::sync::Arc;
use std::time::Duration;

use nac_store::{
    EventKind, Mail, MailBudget, MailRefusal, NewMail, SecretBytes, Store, StoreError, next_events,
    now_us,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::server::Transport;
use super::{MailServer, MailServerError};

/// Messages to one address in an hour, and to everybody: nobody is to be annoyed by us at another's wish.
const BUDGET: MailBudget = MailBudget {
    window_s: 3_600,
    per_recipient: 5,
    total: 500,
};
/// Messages that are taken at once.
const BATCH: u32 = 10;
/// How long a message is ours alone before another sender may take it, in microseconds.
const CLAIM_US: i64 = 300_000_000;
/// The queue is looked at this often, also when nobody says that there is something.
const LOOK: Duration = Duration::from_secs(5);
/// The first pause before a message is tried again, in seconds; each is twice as long as the one before.
const FIRST_PAUSE_S: u64 = 10;
/// The longest pause.
const LONGEST_PAUSE_S: u64 = 3_600;
/// A message that nobody took for so long is given up, in microseconds.
const GIVE_UP_US: i64 = 86_400_000_000;

/// Where pages put their mail. Without a server there is none to send, and methods that need it are not offered.
#[derive(Clone, Debug)]
pub struct Outbox {
    store: Store,
    server: Option<Arc<MailServer>>,
}

impl Outbox {
    /// An outbox in front of a server.
    pub fn new(store: Store, server: Option<MailServer>) -> Self {
        Self {
            store,
            server: server.map(Arc::new),
        }
    }

    /// Whether mail can be sent.
    pub fn is_open(&self) -> bool {
        self.server.is_some()
    }

    /// Puts a message into the queue, within the budget.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the queue cannot be written.
    pub async fn put(&self, letter: Letter) -> Result<Result<(), MailRefusal>, StoreError> {
        let new = NewMail {
            purpose: letter.purpose,
            guest_id: letter.guest_id,
            recipient: letter.recipient,
            subject: letter.subject,
            body: SecretBytes::new(letter.body.into_bytes()),
        };
        Ok(self.store.mail_add(new, BUDGET).await?.map(drop))
    }
}

/// A message to somebody.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What it is for, such as `guest-verify`.
    pub purpose: &'static str,
    /// The guest whom it is about.
    pub guest_id: Option<Uuid>,
    /// Who gets it.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
}

/// Sends what is due, until cancelled.
///
/// # Errors
///
/// [`MailServerError`] for settings that cannot work; nothing was sent then.
pub fn run(
    outbox: &Outbox,
    cancel: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + use<>, MailServerError> {
    let transport = match &outbox.server {
        Some(server) => Some(server.transport()?),
        None => None,
    };
    let store = outbox.store.clone();
    let mut events = store.subscribe();
    Ok(async move {
        let Some(transport) = transport else { return };
        loop {
            if let Err(error) = send_due(&store, &transport, &cancel).await {
                tracing::warn!(%error, "the mail queue cannot be read");
            }
            // Waits for a new message, or until one that failed may be due.
            let woken = async {
                while let Some(news) = next_events(&mut events).await {
                    if news.iter().any(|event| event.kind == EventKind::Mail) {
                        return;
                    }
                }
                std::future::pending().await
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = woken => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    })
}

async fn send_due(
    store: &Store,
    transport: &Transport,
    cancel: &CancellationToken,
) -> Result<(), StoreError> {
    loop {
        let due = store.mail_take(now_us() + CLAIM_US, BATCH).await?;
        if due.is_empty() || cancel.is_cancelled() {
            return Ok(());
        }
        for (mail, body) in due {
            send(store, transport, &mail, &body).await?;
        }
    }
}

async fn send(
    store: &Store,
    transport: &Transport,
    mail: &Mail,
    body: &SecretBytes,
) -> Result<(), StoreError> {
    let text = String::from_utf8_lossy(body.expose());
    let id = mail.id.to_string();
    let sent = transport
        .send(&id, &mail.recipient, &mail.subject, &text)
        .await;
    match sent {
        Ok(()) => {
            tracing::info!(mail = %id, purpose = mail.purpose, attempts = mail.attempts, "a message was sent");
            store.mail_sent(mail.id).await
        }
        Err(error) => {
            let again_us = again_us(mail, now_us()).filter(|_| !error.for_good);
            tracing::warn!(mail = %id, purpose = mail.purpose, attempts = mail.attempts, %error,
                given_up = again_us.is_none(), "a message was not sent");
            store.mail_failed(mail.id, &error.what, again_us).await
        }
    }
}

/// When a message is tried again; never, when it is too old.
fn again_us(mail: &Mail, now_us: i64) -> Option<i64> {
    let doublings = mail.attempts.saturating_sub(1).min(16);
    let pause_s = (FIRST_PAUSE_S << doublings).min(LONGEST_PAUSE_S);
    let again_us = now_us + i64::try_from(pause_s).ok()? * 1_000_000;
    (again_us < mail.created_us + GIVE_UP_US).then_some(again_us)
}

#[cfg(test)]
mod tests {
    use nac_store::MailState;
    use uuid::Uuid;

    use super::*;

    fn tried(attempts: u32) -> Mail {
        Mail {
            id: Uuid::from_u128(1),
            purpose: "test".to_owned(),
            guest_id: None,
            recipient: String::new(),
            subject: String::new(),
            state: MailState::Queued,
            attempts,
            next_us: 0,
            error: String::new(),
            created_us: 0,
            updated_us: 0,
        }
    }

    #[test]
    fn pauses_grow_to_an_hour_and_end_after_a_day() {
        let pause = |attempts| again_us(&tried(attempts), 0).map(|us| us / 1_000_000);
        let first: Vec<_> = (1..=4).map(|attempts| pause(attempts).unwrap()).collect();
        assert_eq!(first, [10, 20, 40, 80]);
        assert_eq!(pause(1_000), Some(3_600));
        assert_eq!(again_us(&tried(30), GIVE_UP_US - 3_600_000_000), None);
        assert!(again_us(&tried(30), GIVE_UP_US - 3_600_000_001).is_some());
    }
}
