//! Mail on its way out: a queue that survives the process, and what became of each message.
//!
//! The text of a message may carry a link that lets somebody in, so it is sealed, and forgotten once the message is gone.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, SecretBytes, Store, StoreError,
    guest::email_key,
    now_us, page,
    seal::Cell,
    sql::{Small, plain, sql, words},
};

/// A message is a few paragraphs, in bytes.
const BODY_MAX: usize = 65_536;

words! {
    /// How far a message has come.
    pub enum MailState {
        /// It waits, or will be tried again.
        Queued = "queued",
        /// A server has taken it.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }
}

/// A message, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Mail {
    /// Our id.
    pub id: Uuid,
    /// What it is for, such as `guest-verify`.
    pub purpose: String,
    /// The guest whom it is about.
    pub guest_id: Option<Uuid>,
    /// Who gets it.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// How far it has come.
    pub state: MailState,
    /// How often it was tried.
    #[sqlx(try_from = "Small")]
    pub attempts: u32,
    /// When it is tried next, in microseconds since the Unix epoch.
    pub next_us: i64,
    /// What the server said last, where it did not take it.
    pub error: String,
    /// When it was written, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it was last tried, in microseconds since the Unix epoch.
    pub updated_us: i64,
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// What it is for.
    pub purpose: &'static str,
    /// The guest whom it is about.
    pub guest_id: Option<Uuid>,
    /// Who gets it.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: SecretBytes,
}

/// How much mail may leave, so that nobody makes us a nuisance to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailBudget {
    /// The length of the window, in seconds.
    pub window_s: u32,
    /// Messages to one address within it.
    pub per_recipient: u32,
    /// Messages to everybody within it.
    pub total: u32,
}

/// Why a message was not taken into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailRefusal {
    /// This address has had enough.
    #[error("this address was sent enough messages for now")]
    Recipient,
    /// Everybody has.
    #[error("enough messages were sent for now")]
    Total,
}

impl Store {
    /// Takes a message into the queue, within a budget.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without a sealing key; [`StoreError::Invalid`] for a message that is too long.
    pub async fn mail_add(
        &self,
        new: NewMail,
        budget: MailBudget,
    ) -> Result<Result<Uuid, MailRefusal>, StoreError> {
        if new.body.expose().len() > BODY_MAX || new.recipient.len() > 320 {
            return Err(StoreError::Invalid {
                what: "the message is too long".to_owned(),
            });
        }
        let (id, at_us) = (Uuid::now_v7(), now_us());
        let body = self.seal(body_cell(&id), &new.body)?;
        let key = email_key(&new.recipient);
        let since_us = at_us - i64::from(budget.window_s) * 1_000_000;
        let mut tx = self.write().await?;
        let (recipient, total): (i64, i64) = sql!(
            tx.on(),
            fetch_one as (i64, i64),
            "SELECT (SELECT COUNT(*) FROM mail WHERE recipient_key = $1 AND created_us > $2), \
             (SELECT COUNT(*) FROM mail WHERE created_us > $2)",
            key.as_str(),
            since_us
        )?;
        if recipient >= i64::from(budget.per_recipient) {
            return Ok(Err(MailRefusal::Recipient));
        }
        if total >= i64::from(budget.total) {
            return Ok(Err(MailRefusal::Total));
        }
        sql!(
            tx.on(),
            execute,
            "INSERT INTO mail (id, purpose, guest_id, recipient, recipient_key, subject, body, state, attempts, next_us, \
             error, created_us, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', 0, $8, '', $8, $8)",
            id,
            new.purpose,
            new.guest_id,
            plain(new.recipient.trim()),
            key.as_str(),
            plain(&new.subject),
            body.as_slice(),
            at_us
        )?;
        tx.changed(EventKind::Mail, id.to_string());
        tx.commit().await?;
        Ok(Ok(id))
    }

    /// Takes the messages that are due, each with its text, and puts off their next try until `until_us`: so two senders do
    /// not send one message twice, and one that dies does not lose it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without the right key.
    pub async fn mail_take(
        &self,
        until_us: i64,
        limit: u32,
    ) -> Result<Vec<(Mail, SecretBytes)>, StoreError> {
        let at_us = now_us();
        let due: Option<(i64,)> = sql!(
            self.read(),
            fetch_optional as (i64,),
            "SELECT next_us FROM mail WHERE state = 'queued' AND next_us <= $1 LIMIT 1",
            at_us
        )?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let rows: Vec<MailRow> = sql!(
            tx.on(),
            fetch_all as MailRow,
            sqlite: "UPDATE mail SET next_us = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM mail \
             WHERE state = 'queued' AND next_us <= $1 ORDER BY next_us LIMIT $3) RETURNING *",
            postgres: "UPDATE mail SET next_us = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM mail \
             WHERE state = 'queued' AND next_us <= $1 ORDER BY next_us LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING *",
            at_us,
            until_us,
            i64::from(limit)
        )?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let body = self.unseal(body_cell(&row.mail.id), &row.body.unwrap_or_default())?;
                Ok((row.mail, body))
            })
            .collect()
    }

    /// A server has taken the message: its text is forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn mail_sent(&self, id: Uuid) -> Result<(), StoreError> {
        self.mail_conclude(id, MailState::Sent, "", None).await
    }

    /// The message was not taken: it is tried again at a moment, or given up.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn mail_failed(
        &self,
        id: Uuid,
        error: &str,
        again_us: Option<i64>,
    ) -> Result<(), StoreError> {
        let state = if again_us.is_some() {
            MailState::Queued
        } else {
            MailState::Failed
        };
        self.mail_conclude(id, state, error, again_us).await
    }

    async fn mail_conclude(
        &self,
        id: Uuid,
        state: MailState,
        error: &str,
        again_us: Option<i64>,
    ) -> Result<(), StoreError> {
        let error: String = error.chars().take(500).collect();
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "UPDATE mail SET state = $2, error = $3, next_us = COALESCE($4, next_us), updated_us = $5, \
             body = CASE WHEN $2 = 'queued' THEN body ELSE NULL END WHERE id = $1",
            id,
            state.as_str(),
            plain(&error),
            again_us,
            now_us()
        )?;
        tx.changed(EventKind::Mail, id.to_string());
        tx.commit().await
    }

    /// Messages, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn mail_list(
        &self,
        state: Option<MailState>,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Mail>, StoreError> {
        sql!(
            self.read(),
            fetch_all as Mail,
            "SELECT id, purpose, guest_id, recipient, subject, state, attempts, next_us, error, created_us, updated_us \
             FROM mail WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
            state.map(MailState::as_str),
            before,
            page::rows(limit)
        )
    }

    /// Forgets messages from before a moment that wait for nothing any more. Gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn mail_prune(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let removed = sql!(
            tx.on(),
            execute,
            "DELETE FROM mail WHERE created_us < $1 AND state <> 'queued'",
            before_us
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}

#[derive(sqlx::FromRow)]
struct MailRow {
    #[sqlx(flatten)]
    mail: Mail,
    body: Option<Vec<u8>>,
}

fn body_cell(id: &Uuid) -> Cell<'_> {
    Cell {
        table: "mail",
        column: "body",
        row: id,
    }
}
