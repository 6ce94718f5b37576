//! The audit log: who changed what, from where, what it was before and what it is now.
//!
//! A store that acts for somebody ([`Store::acting`]) records each of its changes in the change's own transaction. Every
//! row carries a seal: HMAC-SHA-256 over the row and the seal before it, with a key derived from the sealing key. So a row
//! that somebody edited, removed or slipped in by SQL does not fit, and who has the database but not the sealing key cannot
//! make it fit. Rows removed from the end are missed by the head, which is sealed likewise. Only the restoration of a whole
//! older database goes unnoticed here; comparing with a seal that was noted elsewhere finds that too.

use std::sync::Arc;

use aws_lc_rs::hmac;
use serde::Serialize;
use subtle::ConstantTimeEq as _;

use crate::{
    Store, StoreError, now_us, page,
    sql::{plain, sql, words},
    transaction::Tx,
};

/// Rows that one step of a verification reads.
const VERIFY_ROWS: i64 = 1_000;

words! {
    /// What kind of actor changes something.
    pub enum ActorKind {
        /// An administrator in the web pages.
        Admin = "admin",
        /// A program with an API token.
        Token = "token",
        /// Somebody at the command line of this machine.
        Cli = "cli",
        /// A guest, an employee or a sponsor in the portal.
        Portal = "portal",
        /// The server itself.
        System = "system",
    }
}

/// Who changes something, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Their name.
    pub name: String,
    /// The address that they come from; empty at the command line.
    pub source: String,
}

/// One recorded change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct AuditRecord {
    /// Its number; they have no gaps.
    pub seq: i64,
    /// When, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// What kind of actor.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor: String,
    /// From where.
    pub source: String,
    /// What was done, such as `quarantine.close`.
    pub action: String,
    /// To what, such as `device:0190…`.
    pub object: String,
    /// What it was, as JSON without secrets.
    pub before: Option<String>,
    /// What it is now, as JSON without secrets.
    pub after: Option<String>,
    /// HMAC-SHA-256 over this row and the seal of the one before it, in hexadecimal.
    pub seal: String,
}

/// Which records to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// This actor, exactly.
    pub actor: Option<String>,
    /// Actions that begin so.
    pub action: Option<String>,
    /// This object, exactly.
    pub object: Option<String>,
    /// Not before this moment, in microseconds since the Unix epoch.
    pub since_us: Option<i64>,
    /// Older than this number, which the last page ended with.
    pub before_seq: Option<i64>,
    /// At most so many; 0 means 100, and 10,000 is the most.
    pub limit: u32,
}

/// What [`Store::audit_verify`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditVerification {
    /// How many rows fit.
    pub rows: i64,
    /// The seal of the newest row: note it elsewhere to find the restoration of an older database.
    pub seal: String,
    /// The first row that does not fit, and why.
    pub fault: Option<AuditFault>,
}

/// The first row at which the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditFault {
    /// The number of the row.
    pub seq: i64,
    /// One sentence.
    pub why: String,
}

/// A change on its way into the log.
pub(crate) struct Draft {
    pub(crate) action: &'static str,
    pub(crate) object: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

impl Store {
    /// The same store, recording its changes as this actor's.
    #[must_use]
    pub fn acting(&self, actor: Actor) -> Self {
        self.with_actor(Some(Arc::new(actor)))
    }

    /// Records something that changes no row of a resource, such as a sign-in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn audit_note<T: Serialize + ?Sized>(
        &self,
        action: &'static str,
        object: &str,
        details: &T,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.audit(action, object, None::<&()>, Some(details))?;
        tx.commit().await
    }

    /// Records, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn audit_list(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        let limit = page::rows(filter.limit);
        let by_object = if filter.object.is_some() {
            "object = $3"
        } else {
            "$3 IS NULL"
        };
        let action = filter
            .action
            .as_deref()
            .map(|action| format!("{}%", crate::user::escape_like(action)));
        sql!(
            self.read(),
            fetch_all as AuditRecord,
            sqlx::AssertSqlSafe(format!(
                "SELECT * FROM audit WHERE seq < $1 AND ($2 IS NULL OR actor = $2) AND {by_object} \
                 AND ($4 IS NULL OR action LIKE $4 ESCAPE '\\') AND at_us >= $5 ORDER BY seq DESC LIMIT $6"
            )),
            filter.before_seq.unwrap_or(i64::MAX),
            filter.actor.as_deref(),
            filter.object.as_deref(),
            action.as_deref(),
            filter.since_us.unwrap_or(i64::MIN),
            limit
        )
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails. A chain that does not hold is no error: see [`AuditVerification::fault`].
    pub async fn audit_verify(&self) -> Result<AuditVerification, StoreError> {
        let key = self.audit_key();
        let mut last = (0, String::new());
        let broken = |last: &(i64, String), seq, why: &str| AuditVerification {
            rows: last.0,
            seal: last.1.clone(),
            fault: Some(AuditFault {
                seq,
                why: why.to_owned(),
            }),
        };
        // The head first: rows that are added meanwhile come after it.
        let head: (i64, String) = sql!(
            self.read(),
            fetch_one as (i64, String),
            "SELECT seq, seal FROM audit_head WHERE id = 1"
        )?;
        loop {
            let rows: Vec<AuditRecord> = sql!(
                self.read(),
                fetch_all as AuditRecord,
                "SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
                last.0,
                VERIFY_ROWS
            )?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if row.seq != last.0 + 1 {
                    return Ok(broken(&last, last.0 + 1, "this row is missing"));
                }
                let expected = seal(&key, &last.1, &row);
                if !bool::from(expected.as_bytes().ct_eq(row.seal.as_bytes())) {
                    return Ok(broken(
                        &last,
                        row.seq,
                        "this row, or the one before it, is not as it was written",
                    ));
                }
                if row.seq == head.0 && row.seal != head.1 {
                    return Ok(broken(&last, row.seq, "the head names another seal"));
                }
                last = (row.seq, row.seal);
            }
        }
        if last.0 < head.0 {
            return Ok(broken(
                &last,
                last.0 + 1,
                "this row and those behind it are missing",
            ));
        }
        Ok(AuditVerification {
            rows: last.0,
            seal: last.1,
            fault: None,
        })
    }

    fn audit_key(&self) -> hmac::Key {
        let derived = self
            .sealing_key()
            .map_or_else(|| vec![0; 32], |key| key.derive("nac.audit"));
        hmac::Key::new(hmac::HMAC_SHA256, &derived)
    }
}

impl Tx<'_> {
    /// Notes a change for the audit log; without an actor there is nobody to note it for.
    pub(crate) fn audit<B: Serialize + ?Sized, A: Serialize + ?Sized>(
        &mut self,
        action: &'static str,
        object: impl Into<String>,
        before: Option<&B>,
        after: Option<&A>,
    ) -> Result<(), StoreError> {
        if self.store().actor().is_none() {
            return Ok(());
        }
        let draft = Draft {
            action,
            object: plain(&object.into()),
            before: before.map(crate::sql::json).transpose()?,
            after: after.map(crate::sql::json).transpose()?,
        };
        self.drafts().push(draft);
        Ok(())
    }
}

/// Appends the drafts of a transaction to the chain. The caller holds the lock that orders commits.
pub(crate) async fn append(tx: &mut Tx<'_>, drafts: Vec<Draft>) -> Result<(), StoreError> {
    let store = tx.store();
    let Some(actor) = store.actor().cloned() else {
        return Ok(());
    };
    if drafts.is_empty() {
        return Ok(());
    }
    let key = store.audit_key();
    let (mut seq, mut last): (i64, String) = sql!(
        tx.on(),
        fetch_one as (i64, String),
        "SELECT seq, seal FROM audit_head WHERE id = 1"
    )?;
    for draft in drafts {
        seq += 1;
        let mut row = AuditRecord {
            seq,
            at_us: now_us(),
            actor_kind: actor.kind,
            actor: plain(&actor.name),
            source: plain(&actor.source),
            action: draft.action.to_owned(),
            object: draft.object,
            before: draft.before,
            after: draft.after,
            seal: String::new(),
        };
        row.seal = seal(&key, &last, &row);
        sql!(
            tx.on(),
            execute,
            "INSERT INTO audit (seq, at_us, actor_kind, actor, source, action, object, before, after, seal) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            row.seq,
            row.at_us,
            row.actor_kind.as_str(),
            row.actor.as_str(),
            row.source.as_str(),
            row.action.as_str(),
            row.object.as_str(),
            row.before.as_deref(),
            row.after.as_deref(),
            row.seal.as_str()
        )?;
        last = row.seal;
    }
    sql!(
        tx.on(),
        execute,
        "UPDATE audit_head SET seq = $1, seal = $2 WHERE id = 1",
        seq,
        last.as_str()
    )?;
    Ok(())
}

/// Length-prefixed, so that text cannot move from one field to the next.
fn seal(key: &hmac::Key, last: &str, row: &AuditRecord) -> String {
    let mut context = hmac::Context::with_key(key);
    let numbers = [row.seq, row.at_us];
    for number in numbers {
        context.update(&number.to_be_bytes());
    }
    let texts = [
        Some(last),
        Some(row.actor_kind.as_str()),
        Some(&row.actor),
        Some(&row.source),
        Some(&row.action),
        Some(&row.object),
        row.before.as_deref(),
        row.after.as_deref(),
    ];
    for text in texts {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        context.update(&length.to_be_bytes());
        context.update(text.unwrap_or_default().as_bytes());
    }
    context
        .sign()
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
