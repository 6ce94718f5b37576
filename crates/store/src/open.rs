//! Opening a database: where it is, whether we may, which migrations it needs, whether the key fits.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    Connection, PgPool, SqlitePool,
    migrate::{MigrateError, Migrator},
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{
    Actor, Event, SealingKey, SecretBytes, StoreError,
    decision::{self, DecisionRecord, DecisionRow},
    seal::Cell,
    sql::{Db, On, Place, sql},
};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// What the writer of a SQLite database keeps of it, in KiB (negative, says SQLite): the ends of all indexes and the pages of a whole
/// group of records. With less, SQLite writes pages in the middle of a transaction and reads them again.
const WRITER_CACHE: &str = "-16384";
/// Pages in the write-ahead log before they are moved into the database: the pages that every group changes are moved once for
/// several groups.
const WRITER_CHECKPOINT: &str = "8000";
/// Readers beside the one writer of a SQLite database.
const SQLITE_READERS: u32 = 4;
/// How long a SQLite writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries to open a database that is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
const POSTGRES_CONNECTIONS: u32 = 10;
/// A connection that rested so long is asked whether it is still there before it is used; while many come one after the other, that
/// would be a way there and back for each.
const RESTED: Duration = Duration::from_secs(1);
/// How long a statement waits for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Events that a slow subscriber may lag behind before it has to reload.
const EVENT_CAPACITY: usize = 4_096;
const DECISION_CAPACITY: usize = 256;

/// The database. Clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// Whom the changes are recorded for.
    actor: Option<Arc<Actor>>,
}

struct Inner {
    pools: Db<SqlitePools, PgPool>,
    place: Place,
    key: Option<SealingKey>,
    /// Marks our own rows of the change feed.
    origin: Uuid,
    opened_at_seq: i64,
    events: broadcast::Sender<Event>,
    decisions: broadcast::Sender<Arc<DecisionRecord>>,
}

pub(crate) struct SqlitePools {
    pub(crate) read: SqlitePool,
    /// Exactly one connection: SQLite has one writer, and waiting for it here is fair.
    pub(crate) write: SqlitePool,
}

impl Store {
    /// Opens a database, makes it if it is a SQLite file that does not exist yet, and migrates it.
    ///
    /// `url` is `sqlite:PATH` or a bare path (with `?synchronous=full` where a loss of power must not cost the last
    /// moments), or `postgres://…`.
    ///
    /// # Errors
    ///
    /// [`StoreError::CannotOpen`], [`StoreError::ReadOnly`] or [`StoreError::Full`] with the path and the remedy;
    /// [`StoreError::NewerDatabase`]; [`StoreError::Migration`]; [`StoreError::Sealed`] when the key is not this
    /// database's.
    pub async fn open(url: &str, key: Option<SealingKey>) -> Result<Self, StoreError> {
        let (pools, place) = if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let (pool, place) = open_postgres(url).await?;
            (Db::Postgres(pool), place)
        } else {
            let (pools, place) = open_sqlite(url).await?;
            (Db::Sqlite(pools), place)
        };
        let mut inner = Inner {
            pools,
            place,
            key,
            origin: Uuid::now_v7(),
            opened_at_seq: 0,
            events: broadcast::Sender::new(EVENT_CAPACITY),
            decisions: broadcast::Sender::new(DECISION_CAPACITY),
        };
        let (newest,): (i64,) = sql!(
            inner.read(),
            fetch_one as (i64,),
            "SELECT COALESCE(MAX(seq), 0) FROM (SELECT MAX(seq) AS seq FROM change \
             UNION ALL SELECT pruned_seq FROM change_horizon) AS seen"
        )?;
        inner.opened_at_seq = newest;
        let store = Self {
            inner: Arc::new(inner),
            actor: None,
        };
        store.check_key().await?;
        Ok(store)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _: (i64,) = sql!(
            self.read(),
            fetch_one as (i64,),
            sqlite: "SELECT 1",
            postgres: "SELECT 1::BIGINT"
        )?;
        Ok(())
    }

    /// Where the database is, for people: a path, or a server without its password.
    pub fn location(&self) -> String {
        self.place().to_string()
    }

    /// Closes all connections and waits for them.
    pub async fn close(&self) {
        match &self.inner.pools {
            Db::Sqlite(pools) => {
                pools.read.close().await;
                pools.write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// The decisions that this process commits, as they are committed. For live views; a slow reader loses some, and
    /// [`Store::decision_list`] has them all.
    pub fn decisions_live(&self) -> broadcast::Receiver<Arc<DecisionRecord>> {
        self.inner.decisions.subscribe()
    }

    /// Read again from what was stored: most of the time nobody looks.
    pub(crate) fn decision_publish(&self, row: &DecisionRow) {
        if self.inner.decisions.receiver_count() > 0
            && let Ok(record) = decision::parse(&row.record)
        {
            // The last receiver may have gone meanwhile.
            let _ = self.inner.decisions.send(Arc::new(record));
        }
    }

    pub(crate) fn actor(&self) -> Option<&Arc<Actor>> {
        self.actor.as_ref()
    }

    pub(crate) fn with_actor(&self, actor: Option<Arc<Actor>>) -> Self {
        Self {
            inner: self.inner.clone(),
            actor,
        }
    }

    pub(crate) fn pools(&self) -> &Db<SqlitePools, PgPool> {
        &self.inner.pools
    }

    pub(crate) fn place(&self) -> &Place {
        &self.inner.place
    }

    pub(crate) fn read(&self) -> On<'_, &SqlitePool, &PgPool> {
        self.inner.read()
    }

    pub(crate) fn sealing_key(&self) -> Option<&SealingKey> {
        self.inner.key.as_ref()
    }

    pub(crate) fn origin(&self) -> Uuid {
        self.inner.origin
    }

    pub(crate) fn opened_at_seq(&self) -> i64 {
        self.inner.opened_at_seq
    }

    pub(crate) fn events(&self) -> &broadcast::Sender<Event> {
        &self.inner.events
    }

    pub(crate) fn publish(&self, event: Event) {
        // No receiver is no fault.
        let _ = self.inner.events.send(event);
    }

    /// The first key to come seals a known value; every later key must open it.
    async fn check_key(&self) -> Result<(), StoreError> {
        if self.sealing_key().is_none() {
            return Ok(());
        }
        let cell = Cell {
            table: "setting",
            column: "value",
            row: &"sealing-check",
        };
        let mut row: Option<(Vec<u8>,)> = self.sealing_check().await?;
        if row.is_none() {
            let sealed = self.seal(cell, &SecretBytes::new(*b"sealed"))?;
            let mut tx = self.write().await?;
            sql!(
                tx.on(),
                execute,
                "INSERT INTO setting (name, value) VALUES ('sealing-check', $1) ON CONFLICT (name) DO NOTHING",
                sealed.as_slice()
            )?;
            tx.commit().await?;
            row = self.sealing_check().await?;
        }
        let (sealed,) = row.ok_or_else(|| StoreError::not_found("setting", "sealing-check"))?;
        self.unseal(cell, &sealed)?;
        Ok(())
    }

    async fn sealing_check(&self) -> Result<Option<(Vec<u8>,)>, StoreError> {
        sql!(
            self.read(),
            fetch_optional as (Vec<u8>,),
            "SELECT value FROM setting WHERE name = 'sealing-check'"
        )
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.location()).finish()
    }
}

impl Inner {
    fn read(&self) -> On<'_, &SqlitePool, &PgPool> {
        let db = match &self.pools {
            Db::Sqlite(pools) => Db::Sqlite(&pools.read),
            Db::Postgres(pool) => Db::Postgres(pool),
        };
        On {
            db,
            place: &self.place,
        }
    }
}

/// What a SQLite URL says.
struct SqliteUrl {
    path: PathBuf,
    synchronous: SqliteSynchronous,
}

impl FromStr for SqliteUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let fault = |why: &str| StoreError::CannotOpen {
            path: url.to_owned(),
            why: why.to_owned(),
        };
        let rest = url.strip_prefix("sqlite:").unwrap_or(url);
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.contains("://") {
            return Err(fault(
                "the database is `sqlite:PATH` or `postgres://USER@HOST/NAME`",
            ));
        }
        if path.is_empty() || path == ":memory:" {
            return Err(fault(
                "name a file: a database in memory would forget everything",
            ));
        }
        let mut synchronous = SqliteSynchronous::Normal;
        for option in query.split('&').filter(|option| !option.is_empty()) {
            synchronous = match option {
                "synchronous=normal" => SqliteSynchronous::Normal,
                "synchronous=full" => SqliteSynchronous::Full,
                _ => {
                    return Err(fault(
                        "the options are `synchronous=normal` and `synchronous=full`",
                    ));
                }
            };
        }
        Ok(Self {
            path: PathBuf::from(path),
            synchronous,
        })
    }
}

/// Programs that open a new file at the same moment can meet while it turns to WAL mode, where SQLite says "busy" at once and does
/// not wait as it does elsewhere.
async fn open_sqlite(url: &str) -> Result<(SqlitePools, Place), StoreError> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        match open_sqlite_once(url).await {
            Err(error) if error.is_busy() && Instant::now() < give_up => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

async fn open_sqlite_once(url: &str) -> Result<(SqlitePools, Place), StoreError> {
    let SqliteUrl { path, synchronous } = url.parse()?;
    writable(&path)?;
    let place = Place::File(path.clone());
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // A reader that stays long lets the log grow; this gives the room back afterwards.
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "memory");
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        // On a full disk SQLite rolls back by itself, sqlx's own ROLLBACK fails then, and the connection would count as
        // being within a transaction for ever: a new one takes its place.
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                ping_rested(connection, &rested).await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(
            options
                .clone()
                .optimize_on_close(true, 400)
                .pragma("cache_size", WRITER_CACHE)
                .pragma("wal_autocheckpoint", WRITER_CHECKPOINT),
        )
        .await
        .map_err(|error| place.fault(error))?;
    migrate_sqlite(&write, &place).await?;
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(BUSY_TIMEOUT)
        .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
        .await
        .map_err(|error| place.fault(error))?;
    Ok((SqlitePools { read, write }, place))
}

/// Says what is wrong with a path before SQLite says "unable to open database file".
fn writable(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fault = |why: String| StoreError::CannotOpen {
        path: path.display().to_string(),
        why,
    };
    let shown = directory.display();
    match std::fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(fault(format!("{shown} is not a directory"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(fault(format!(
                "the directory {shown} does not exist; create it, and make it writable for the user that runs nac"
            )));
        }
        Err(error) => {
            return Err(fault(format!(
                "the directory {shown} cannot be looked into: {error}"
            )));
        }
    }
    match std::fs::OpenOptions::new().append(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path),
        Err(error) => Err(refused(path, error)),
    }
}

/// Makes the empty database file, readable by its owner only: it holds names and addresses of people.
fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
        .open(path)
        .map(drop)
        .map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly {
            path: path.to_owned(),
        },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full {
            path: path.to_owned(),
        },
        _ => StoreError::CannotOpen {
            path: path.display().to_string(),
            why: error.to_string(),
        },
    }
}

/// All migrations in one transaction, so that two programs that start together do not meet half-way and a failure leaves
/// nothing behind.
async fn migrate_sqlite(pool: &SqlitePool, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.fault(error);
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    let history: Option<(String,)> = sqlx::query_as(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(fault)?;
    if history.is_some() {
        let (found,): (Option<i64>,) = sqlx::query_as("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&mut *tx)
            .await
            .map_err(fault)?;
        not_newer(&SQLITE_MIGRATIONS, found)?;
    }
    SQLITE_MIGRATIONS
        .run(&mut *tx)
        .await
        .map_err(|error| migration_fault(place, error))?;
    tx.commit().await.map_err(fault)
}

/// Asks a connection that rested whether it is still there.
async fn ping_rested<C: Connection>(
    connection: &mut C,
    rested: &PoolConnectionMetadata,
) -> Result<(), sqlx::Error> {
    if rested.idle_for >= RESTED {
        connection.ping().await?;
    }
    Ok(())
}

async fn open_postgres(url: &str) -> Result<(PgPool, Place), StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| StoreError::CannotOpen {
        // The text of the URL may hold a password.
        path: "postgres://…".to_owned(),
        why: format!("the address of the database cannot be understood: {error}"),
    })?;
    let place = Place::Server(format!(
        "postgres://{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    ));
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                ping_rested(connection, &rested).await?;
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .map_err(|error| StoreError::CannotOpen {
            path: place.to_string(),
            why: postgres_remedy(&error),
        })?;
    let fault = |error| place.fault(error);
    let (history,): (bool,) = sqlx::query_as("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&pool)
        .await
        .map_err(fault)?;
    if history {
        let (found,): (Option<i64>,) = sqlx::query_as("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(fault)?;
        not_newer(&POSTGRES_MIGRATIONS, found)?;
    }
    // Each migration is a transaction of its own here, under sqlx's advisory lock.
    POSTGRES_MIGRATIONS
        .run(&pool)
        .await
        .map_err(|error| migration_fault(&place, error))?;
    Ok((pool, place))
}

fn postgres_remedy(error: &sqlx::Error) -> String {
    let remedy = match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => {
            "check that the server runs and can be reached from here"
        }
        sqlx::Error::Database(_) => "check the user, the password and the name of the database",
        _ => "check the address of the database",
    };
    format!("{error}; {remedy}")
}

fn not_newer(migrations: &Migrator, found: Option<i64>) -> Result<(), StoreError> {
    let known = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match found {
        Some(found) if found > known => Err(StoreError::NewerDatabase { found, known }),
        _ => Ok(()),
    }
}

fn migration_fault(place: &Place, error: MigrateError) -> StoreError {
    let why = error.to_string();
    let fault = match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            place.fault(error)
        }
        _ => {
            return StoreError::Migration {
                place: place.to_string(),
                why,
            };
        }
    };
    match fault {
        StoreError::Database(_) => StoreError::Migration {
            place: place.to_string(),
            why,
        },
        named => named,
    }
}
