//! TLS sessions of EAP that every server of the installation may resume, and that a restart does not end.
//!
//! A server writes what became of its sessions in batches, a few a second; the change feed names each batch to the others, who keep what
//! is in it in memory. A login never waits for this table.
//!
//! A session's content is sealed by a key that is derived from the sealing key for its context (whose certificates, whose trust) and its
//! epoch, not by the sealing key itself: there are too many of them for the random nonces of one key.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventKind, SealingKey, SecretBytes, Store, StoreError,
    error::SealedError,
    seal::Cell,
    sql::{sql, sql_rows},
    transaction::Tx,
    user::user_key,
};

/// How long one key seals, in microseconds. What it has sealed is read until the next one's time is over.
pub const EAP_SESSION_EPOCH_US: i64 = 12 * 3_600 * 1_000_000;
/// The most sessions that are kept, and read at a start: what four methods keep in memory.
pub const EAP_SESSIONS_MAX: u32 = 400_000;
/// How long it is remembered that a session is not to be resumed: longer than the change feed remembers.
const GONE_US: i64 = 2 * 3_600 * 1_000_000;
/// Rows of one page at a start.
const PAGE: i64 = 1_000;

/// A TLS session on its way to other servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EapSession {
    /// What it is known by: a digest.
    pub handle: [u8; 32],
    /// What a server needs to resume it; `None` when nobody shall.
    pub content: Option<SecretBytes>,
    /// When its lifetime is over, in microseconds since the Unix epoch.
    pub ends_us: i64,
    /// Who was let in, to be found by their name; empty when it is not known, and in what is read.
    pub holder: String,
}

/// A TLS session as the person may see it whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ResumableLogin {
    /// When it was written down, in microseconds since the Unix epoch.
    pub kept_us: i64,
    /// Until when the device may go on with it instead of logging in in full, in microseconds since the Unix epoch.
    pub ends_us: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    handle: Vec<u8>,
    epoch: i64,
    content: Option<Vec<u8>>,
    kept_us: i64,
    ends_us: i64,
}

/// The keys of a context, each derived once.
struct Keys<'s> {
    sealing: &'s SealingKey,
    context: String,
    known: HashMap<i64, SealingKey>,
}

impl Keys<'_> {
    fn of(&mut self, epoch: i64) -> Result<&SealingKey, StoreError> {
        if !self.known.contains_key(&epoch) {
            let purpose = format!("eap-session/{}/{epoch}", self.context);
            let key = SealingKey::from_bytes(self.sealing.derived_key(&purpose).expose())?;
            self.known.insert(epoch, key);
        }
        self.known
            .get(&epoch)
            .ok_or_else(|| SealedError::NoKey.into())
    }
}

impl Store {
    /// Writes what became of sessions of a context, as of `now_us`, and gives the number of the batch, which is the key of its event.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when there is no sealing key or the database fails; nothing is written then.
    pub async fn eap_session_write(
        &self,
        context: &[u8; 32],
        sessions: &[EapSession],
        now_us: i64,
    ) -> Result<Uuid, StoreError> {
        let batch = Uuid::now_v7();
        let epoch = epoch(now_us);
        let mut keys = self.eap_session_keys(context)?;
        let mut rows = Vec::with_capacity(sessions.len());
        for session in sessions {
            let (content, ends_us, person) = match &session.content {
                Some(content) => {
                    let name = hexadecimal(&session.handle);
                    let sealed = keys.of(epoch)?.seal(at(&name), content.expose())?;
                    let person = person(keys.sealing, &session.holder);
                    (Some(sealed), session.ends_us, person)
                }
                None => (None, now_us.saturating_add(GONE_US), None),
            };
            rows.push((session.handle.as_slice(), content, ends_us, person));
        }
        let mut tx = self.write().await?;
        sql_rows!(
            tx,
            "INSERT INTO eap_session (handle, context, epoch, content, batch, kept_us, ends_us, person)",
            8,
            "ON CONFLICT (handle) DO UPDATE SET context = excluded.context, epoch = excluded.epoch, content = excluded.content, \
             batch = excluded.batch, kept_us = excluded.kept_us, ends_us = excluded.ends_us, \
             person = excluded.person",
            rows.as_slice(),
            |row| row.0,
            context.as_slice(),
            epoch,
            row.1.as_deref(),
            batch,
            now_us,
            row.2,
            row.3.as_deref()
        );
        tx.changed(EventKind::EapSession, batch.to_string());
        tx.commit().await?;
        Ok(batch)
    }

    /// What a batch says of sessions of this context, at `now_us`. What this installation's keys of this epoch and the one before do
    /// not open is not among it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when there is no sealing key or the database fails.
    pub async fn eap_session_batch(
        &self,
        context: &[u8; 32],
        batch: Uuid,
        now_us: i64,
    ) -> Result<Vec<EapSession>, StoreError> {
        let rows: Vec<Row> = sql!(
            self.read(),
            fetch_all as Row,
            "SELECT handle, epoch, content, kept_us, ends_us FROM eap_session \
             WHERE batch = $1 AND context = $2 AND epoch >= $3 AND ends_us > $4",
            batch,
            context.as_slice(),
            epoch(now_us) - 1,
            now_us
        )?;
        let mut keys = self.eap_session_keys(context)?;
        Ok(open(&mut keys, rows))
    }

    /// Every session of this context that may be resumed at `now_us`, and with `gone` also what may not be any more; the newest [`EAP_SESSIONS_MAX`], newest first. Who cannot wait for all of
    /// them finds in `into` what was read until then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when there is no sealing key or the database fails.
    pub async fn eap_session_load(
        &self,
        context: &[u8; 32],
        now_us: i64,
        gone: bool,
        into: &mut Vec<EapSession>,
    ) -> Result<(), StoreError> {
        let mut keys = self.eap_session_keys(context)?;
        let (mut before_us, mut before) = (i64::MAX, Vec::new());
        let mut left = i64::from(EAP_SESSIONS_MAX);
        while left > 0 {
            let rows: Vec<Row> = sql!(
                self.read(),
                fetch_all as Row,
                "SELECT handle, epoch, content, kept_us, ends_us FROM eap_session \
                 WHERE (kept_us < $1 OR kept_us = $1 AND handle < $2) AND context = $3 AND epoch >= $4 AND ends_us > $5 \
                 AND (content IS NOT NULL OR $6 = 1) ORDER BY kept_us DESC, handle DESC LIMIT $7",
                before_us,
                before.as_slice(),
                context.as_slice(),
                epoch(now_us) - 1,
                now_us,
                i64::from(gone),
                PAGE.min(left)
            )?;
            let Some(last) = rows.last() else {
                break;
            };
            (before_us, before) = (last.kept_us, last.handle.clone());
            left -= i64::try_from(rows.len()).unwrap_or(PAGE);
            into.extend(open(&mut keys, rows));
        }
        Ok(())
    }

    /// Forgets sessions that nobody can resume at `now_us`, because their time or that of their key is over, and the oldest beyond
    /// [`EAP_SESSIONS_MAX`]. Gives the number of rows removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn eap_session_prune(&self, now_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let over = sql!(
            tx.on(),
            execute,
            "DELETE FROM eap_session WHERE ends_us <= $1 OR epoch < $2",
            now_us,
            epoch(now_us) - 1
        )?;
        let surplus = sql!(
            tx.on(),
            execute,
            "DELETE FROM eap_session WHERE kept_us < \
             (SELECT kept_us FROM eap_session ORDER BY kept_us DESC LIMIT 1 OFFSET $1)",
            i64::from(EAP_SESSIONS_MAX)
        )?;
        tx.commit().await?;
        Ok(over + surplus)
    }

    /// The sessions of a person that may be resumed at `now_us`, the newest first; never what is in them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn eap_session_of_person(
        &self,
        name: &str,
        now_us: i64,
    ) -> Result<Vec<ResumableLogin>, StoreError> {
        let Some(person) = self.sealing_key().and_then(|key| person(key, name)) else {
            return Ok(Vec::new());
        };
        sql!(
            self.read(),
            fetch_all as ResumableLogin,
            "SELECT kept_us, ends_us FROM eap_session WHERE person = $1 AND epoch >= $2 AND ends_us > $3 ORDER BY kept_us DESC, handle",
            person.as_slice(),
            epoch(now_us) - 1,
            now_us
        )
    }

    fn eap_session_keys(&self, context: &[u8; 32]) -> Result<Keys<'_>, StoreError> {
        Ok(Keys {
            sealing: self.sealing_key().ok_or(SealedError::NoKey)?,
            context: hexadecimal(context),
            known: HashMap::new(),
        })
    }
}

/// Takes a person's sessions out, everywhere: what was in them is gone, and every server hears that nobody may resume them.
pub(crate) async fn withdraw(tx: &mut Tx<'_>, name: &str, now_us: i64) -> Result<(), StoreError> {
    // Without a key nothing was ever written.
    let key = tx.store().sealing_key();
    let Some(person) = key.and_then(|key| person(key, name)) else {
        return Ok(());
    };
    let batch = Uuid::now_v7();
    let withdrawn = sql!(
        tx.on(),
        execute,
        "UPDATE eap_session SET content = NULL, person = NULL, epoch = $2, batch = $3, kept_us = $4, ends_us = $5 WHERE person = $1",
        person.as_slice(),
        epoch(now_us),
        batch,
        now_us,
        now_us.saturating_add(GONE_US)
    )?;
    if withdrawn > 0 {
        tx.changed(EventKind::EapSession, batch.to_string());
    }
    Ok(())
}

/// By what a person's sessions are found. Whoever has the database and not the key cannot try names.
fn person(sealing: &SealingKey, name: &str) -> Option<Vec<u8>> {
    let name = user_key(name);
    let digest = || sealing.derive(&format!("eap-session-person/{name}"));
    (!name.is_empty()).then(digest)
}

/// What does not open was sealed by another installation, or is damaged: it is no session, and whoever it was logs in in full.
fn open(keys: &mut Keys<'_>, rows: Vec<Row>) -> Vec<EapSession> {
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        let Ok(handle) = <[u8; 32]>::try_from(row.handle) else {
            continue;
        };
        let content = row.content.map(|sealed| {
            let name = hexadecimal(&handle);
            keys.of(row.epoch)?
                .unseal(at(&name), &sealed)
                .map_err(StoreError::from)
        });
        if let Ok(content) = content.transpose() {
            sessions.push(EapSession {
                handle,
                content,
                ends_us: row.ends_us,
                holder: String::new(),
            });
        }
    }
    sessions
}

fn at(name: &String) -> Cell<'_> {
    Cell {
        table: "eap_session",
        column: "content",
        row: name,
    }
}

fn epoch(now_us: i64) -> i64 {
    now_us.div_euclid(EAP_SESSION_EPOCH_US)
}

fn hexadecimal(octets: &[u8; 32]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}
