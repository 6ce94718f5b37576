//! A write transaction that ends with its change rows and their publication.

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use crate::{
    Event, EventKind, Store, StoreError,
    audit::{self, Draft},
    event::EVERYTHING,
    now_us,
    sql::{Db, On, sql},
};

/// Held by every transaction that writes change rows, from before the first of them until it ends: so the numbers of the
/// feed grow in the order of commits, and a reader never skips one that commits late. ("nac.feed" in ASCII.)
const FEED_LOCK: i64 = 0x6e61_632e_6665_6564;

/// More changes than this in one transaction are told as "everything".
const CHANGES_MAX: usize = 64;

pub(crate) struct Tx<'s> {
    store: &'s Store,
    db: Db<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>,
    changes: Vec<(EventKind, String)>,
    drafts: Vec<Draft>,
}

impl Store {
    /// Begins a write transaction. SQLite takes its write lock here and not later: a transaction that first reads and
    /// then writes would otherwise fail with SQLITE_BUSY without ever waiting.
    pub(crate) async fn write(&self) -> Result<Tx<'_>, StoreError> {
        let fault = |error| self.place().fault(error);
        let db = match self.pools() {
            Db::Sqlite(pools) => Db::Sqlite(
                pools
                    .write
                    .begin_with("BEGIN IMMEDIATE")
                    .await
                    .map_err(fault)?,
            ),
            Db::Postgres(pool) => Db::Postgres(pool.begin().await.map_err(fault)?),
        };
        Ok(Tx {
            store: self,
            db,
            changes: Vec::new(),
            drafts: Vec::new(),
        })
    }
}

impl<'s> Tx<'s> {
    /// The connection, for one statement.
    pub(crate) fn on(&mut self) -> On<'s, &mut SqliteConnection, &mut PgConnection> {
        let db = match &mut self.db {
            Db::Sqlite(tx) => Db::Sqlite(&mut **tx),
            Db::Postgres(tx) => Db::Postgres(&mut **tx),
        };
        On {
            db,
            place: self.store.place(),
        }
    }

    /// Notes a change, to be told at the commit.
    pub(crate) fn changed(&mut self, kind: EventKind, key: impl Into<String>) {
        self.changes.push((kind, key.into()));
    }

    pub(crate) fn store(&self) -> &'s Store {
        self.store
    }

    pub(crate) fn drafts(&mut self) -> &mut Vec<Draft> {
        &mut self.drafts
    }

    /// Writes the change rows and the audit records, commits, and tells the subscribers.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let mut changes = std::mem::take(&mut self.changes);
        if changes.len() > CHANGES_MAX {
            for (_, key) in &mut changes {
                EVERYTHING.clone_into(key);
            }
        }
        changes.sort();
        changes.dedup();
        let drafts = std::mem::take(&mut self.drafts);
        if !(changes.is_empty() && drafts.is_empty())
            && let Db::Postgres(tx) = &mut self.db
        {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(FEED_LOCK)
                .execute(&mut **tx)
                .await
                .map_err(|error| self.store.place().fault(error))?;
        }
        audit::append(&mut self, drafts).await?;
        let (at_us, origin) = (now_us(), self.store.origin());
        let mut events = Vec::with_capacity(changes.len());
        for (kind, key) in changes {
            let (seq,): (i64,) = sql!(
                self.on(),
                fetch_one as (i64,),
                "INSERT INTO change (origin, kind, key, at_us) VALUES ($1, $2, $3, $4) RETURNING seq",
                origin,
                kind.as_str(),
                key.as_str(),
                at_us
            )?;
            events.push(Event { seq, kind, key });
        }
        match self.db {
            Db::Sqlite(tx) => tx.commit().await,
            Db::Postgres(tx) => tx.commit().await,
        }
        .map_err(|error| self.store.place().fault(error))?;
        for event in events {
            self.store.publish(event);
        }
        Ok(())
    }
}
