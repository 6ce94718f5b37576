//! One SQL text for two engines.
//!
//! A statement is written once, with `$1`, `$2` for its values; [`sql!`] expands the match over the engine. Where the
//! engines really differ, the two-literal arm (`sqlite: "…", postgres: "…"`) says so where a grep finds it.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Database, Decode, Type, error::BoxDynError};

use crate::StoreError;

/// One of the two engines, with what each of them needs.
pub(crate) enum Db<S, P> {
    /// SQLite.
    Sqlite(S),
    /// PostgreSQL.
    Postgres(P),
}

/// Where the database is, for errors that tell an administrator what to do.
pub(crate) enum Place {
    /// A file of ours.
    File(PathBuf),
    /// A server, without its password.
    Server(String),
}

/// Statements of this process that failed.
static ERRORS: AtomicU64 = AtomicU64::new(0);

/// How many statements of this process have failed since it started, in whichever database, for metrics.
pub fn database_errors() -> u64 {
    ERRORS.load(Ordering::Relaxed)
}

/// SQLite's extended result code: the shared index of the write-ahead log could not grow.
const SQLITE_IOERR_SHMSIZE: u32 = 10 | (19 << 8);

impl Place {
    /// The error of a statement, with the path and the remedy where the cause is the file system.
    pub(crate) fn fault(&self, error: sqlx::Error) -> StoreError {
        // Something that is there already is an answer, and no failure of the database.
        if !error
            .as_database_error()
            .is_some_and(|error| error.is_unique_violation())
        {
            ERRORS.fetch_add(1, Ordering::Relaxed);
        }
        let Self::File(path) = self else {
            return StoreError::Database(error);
        };
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<u32>().ok());
        // The log's index could not get the room it needs, which SQLite calls an I/O error.
        if code == Some(SQLITE_IOERR_SHMSIZE) {
            return StoreError::Full { path: path.clone() };
        }
        // The primary result code is the low octet of SQLite's extended one.
        match code.map(|code| code & 0xff) {
            Some(8) => StoreError::ReadOnly { path: path.clone() },
            Some(13) => StoreError::Full { path: path.clone() },
            Some(11 | 26) => StoreError::CannotOpen {
                path: path.display().to_string(),
                why: format!(
                    "it is damaged or not a database ({error}); restore it from a backup, and keep the \
                     damaged file for a look at it"
                ),
            },
            Some(14) => StoreError::CannotOpen {
                path: path.display().to_string(),
                why:
                    "the database file cannot be opened; check that its directory exists and that \
                      the user nac runs as may write to it"
                        .to_owned(),
            },
            _ => StoreError::Database(error),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(server) => f.write_str(server),
        }
    }
}

/// An engine to run a statement on, and where it is.
pub(crate) struct On<'p, S, P> {
    pub(crate) db: Db<S, P>,
    pub(crate) place: &'p Place,
}

/// Runs one statement on whichever engine it is.
///
/// `sql!(on, fetch_all as Row, "SELECT …", value, …)` gives rows, `sql!(on, execute, "UPDATE …", value, …)` gives the
/// number of rows touched.
macro_rules! sql {
    ($on:expr, execute, sqlite: $lite:expr, postgres: $pg:expr $(, $value:expr)* $(,)?) => {{
        let on = $on;
        match on.db {
            $crate::sql::Db::Sqlite(db) => sqlx::query::<sqlx::Sqlite>($lite)
                $(.bind($value))*
                .execute(db)
                .await
                .map(|done| done.rows_affected()),
            $crate::sql::Db::Postgres(db) => sqlx::query::<sqlx::Postgres>($pg)
                $(.bind($value))*
                .execute(db)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(|error| on.place.fault(error))
    }};
    ($on:expr, execute, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::sql::sql!($on, execute, sqlite: $sql, postgres: $sql $(, $value)*)
    };
    ($on:expr, $how:ident as $row:ty, sqlite: $lite:expr, postgres: $pg:expr $(, $value:expr)* $(,)?) => {{
        let on = $on;
        match on.db {
            $crate::sql::Db::Sqlite(db) => sqlx::query_as::<sqlx::Sqlite, $row>($lite)
                $(.bind($value))*
                .$how(db)
                .await,
            $crate::sql::Db::Postgres(db) => sqlx::query_as::<sqlx::Postgres, $row>($pg)
                $(.bind($value))*
                .$how(db)
                .await,
        }
        .map_err(|error| on.place.fault(error))
    }};
    ($on:expr, $how:ident as $row:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::sql::sql!($on, $how as $row, sqlite: $sql, postgres: $sql $(, $value)*)
    };
}
pub(crate) use sql;

/// Inserts many rows with few statements.
///
/// `sql_rows!(tx, "INSERT INTO t (a, b)", 2, "ON CONFLICT …", rows, |row| row.a, row.b)` gives the number of rows touched.
///
/// PostgreSQL gets an array for each column, so that all rows are one statement, prepared once, and one way there and back. SQLite has no
/// arrays and no way to go: it gets the rows in groups of fixed sizes, so that it keeps only a handful of prepared statements.
macro_rules! sql_rows {
    ($tx:expr, $head:literal, $columns:literal, $tail:expr, $rows:expr, |$row:ident| $($value:expr),+ $(,)?) => {{
        let mut touched = 0_u64;
        let mut rows = $rows;
        while !rows.is_empty() {
            let on = $tx.on();
            touched += match on.db {
                $crate::sql::Db::Sqlite(db) => {
                    let (group, rest) = rows.split_at($crate::sql::group_len(rows.len()));
                    rows = rest;
                    let text = $crate::sql::insert_values_sql($head, $columns, group.len(), $tail);
                    let mut query = sqlx::query::<sqlx::Sqlite>(sqlx::AssertSqlSafe(text));
                    for $row in group {
                        query = query$(.bind($value))+;
                    }
                    query.execute(db).await.map(|done| done.rows_affected())
                }
                $crate::sql::Db::Postgres(db) => {
                    let group = std::mem::take(&mut rows);
                    let text = $crate::sql::insert_arrays_sql($head, $columns, $tail);
                    sqlx::query::<sqlx::Postgres>(sqlx::AssertSqlSafe(text))
                        $(.bind({
                            let column = group.iter().map(|$row| {
                                // A value may be the same for all rows.
                                let _ = &$row;
                                $value
                            });
                            column.collect::<Vec<_>>()
                        }))+
                        .execute(db)
                        .await
                        .map(|done| done.rows_affected())
                }
            }
            .map_err(|error| on.place.fault(error))?;
        }
        touched
    }};
}
pub(crate) use sql_rows;

/// How many of `left` rows the next statement takes.
pub(crate) fn group_len(left: usize) -> usize {
    [64, 16, 4, 1]
        .into_iter()
        .find(|size| *size <= left)
        .unwrap_or(0)
}

/// SQLite's INSERT of `rows` rows of `columns` values. All its text comes from literals; values are always bound. `head` begins with
/// `INSERT INTO`.
///
/// SQLite would keep a copy of each page that many rows touch, to undo the statement alone when one of them is refused; `OR FAIL` says
/// that it need not, since the transaction is over then, as with PostgreSQL.
pub(crate) fn insert_values_sql(
    head: &'static str,
    columns: usize,
    rows: usize,
    tail: &'static str,
) -> String {
    let into = head.strip_prefix("INSERT INTO").unwrap_or(head);
    let values = values(columns, rows);
    format!("INSERT OR FAIL INTO{into} VALUES {values} {tail}")
}

/// PostgreSQL's INSERT of as many rows of `columns` values as the arrays have that are bound.
pub(crate) fn insert_arrays_sql(head: &'static str, columns: usize, tail: &'static str) -> String {
    let mut text = format!("{head} SELECT * FROM unnest(");
    for column in 1..=columns {
        let comma = if column == 1 { "" } else { ", " };
        // Writing into a String cannot fail.
        let _ = write!(text, "{comma}${column}");
    }
    text.push_str(") ");
    text.push_str(tail);
    text
}

/// `rows` rows of `columns` values, each as `?`: SQLite looks a numbered one up in a list of all of them, each time one is bound; `?` it
/// just counts.
pub(crate) fn values(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

/// Text from the network as both engines can hold it: PostgreSQL refuses the character NUL.
pub(crate) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// [`plain`] for a column that may be empty.
pub(crate) fn plain_option(text: Option<&str>) -> Option<String> {
    text.map(plain)
}

/// A value as the JSON text of a column.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the value has no JSON form.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    json_of(value, 0)
}

/// The same, with room for as many octets as most values of this kind need.
pub(crate) fn json_of<T: Serialize + ?Sized>(
    value: &T,
    octets: usize,
) -> Result<String, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt {
        what: "a value",
        why,
    };
    let mut text = Vec::with_capacity(octets);
    serde_json::to_writer(&mut text, value).map_err(|error| corrupt(error.to_string()))?;
    String::from_utf8(text).map_err(|error| corrupt(error.to_string()))
}

/// A TEXT column that holds JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T, DB: Database> Type<DB> for Json<T>
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <String as Type<DB>>::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        <String as Type<DB>>::compatible(ty)
    }
}

impl<'r, T: DeserializeOwned, DB: Database> Decode<'r, DB> for Json<T>
where
    &'r str: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(serde_json::from_str(
            <&str as Decode<'r, DB>>::decode(value)?,
        )?))
    }
}

impl From<Json<Self>> for Vec<String> {
    fn from(json: Json<Self>) -> Self {
        json.0
    }
}

impl From<Json<Self>> for Vec<(String, String)> {
    fn from(json: Json<Self>) -> Self {
        json.0
    }
}

/// A TEXT column that holds something with a text form, such as an address.
pub(crate) struct Parsed<T>(pub(crate) T);

impl<T, DB: Database> Type<DB> for Parsed<T>
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <String as Type<DB>>::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        <String as Type<DB>>::compatible(ty)
    }
}

impl<'r, T: FromStr, DB: Database> Decode<'r, DB> for Parsed<T>
where
    &'r str: Decode<'r, DB>,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<&str as Decode<'r, DB>>::decode(value)?.parse()?))
    }
}

impl From<Parsed<Self>> for std::net::IpAddr {
    fn from(parsed: Parsed<Self>) -> Self {
        parsed.0
    }
}

impl From<Parsed<Self>> for std::net::SocketAddr {
    fn from(parsed: Parsed<Self>) -> Self {
        parsed.0
    }
}

impl From<Parsed<Self>> for ipnet::IpNet {
    fn from(parsed: Parsed<Self>) -> Self {
        parsed.0
    }
}

/// A BIGINT column whose values fit a smaller number.
pub(crate) struct Small(i64);

impl<DB: Database> Type<DB> for Small
where
    i64: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <i64 as Type<DB>>::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        <i64 as Type<DB>>::compatible(ty)
    }
}

impl<'r, DB: Database> Decode<'r, DB> for Small
where
    i64: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<i64 as Decode<'r, DB>>::decode(value)?))
    }
}

/// Numbers that the columns bound on the way in; anything else in there came from another hand and is clamped.
impl From<Small> for u64 {
    fn from(small: Small) -> Self {
        Self::try_from(small.0).unwrap_or(0)
    }
}

impl From<Small> for u32 {
    fn from(small: Small) -> Self {
        Self::try_from(small.0.max(0)).unwrap_or(Self::MAX)
    }
}

/// A closed set of words: a Rust enum that is TEXT in the database and in JSON.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in the database and in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownWord {
                        expected: concat!($($word, " "),+),
                        found: word.chars().take(64).collect(),
                    }),
                }
            }
        }

        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }

            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(ty)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            &'r str: sqlx::Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<'r, DB>>::decode(value)?.parse::<Self>()?)
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_two_rows_has_their_values_or_the_arrays_of_their_columns() {
        let (head, tail) = ("INSERT INTO t (a, b)", "RETURNING a");
        assert_eq!(
            insert_values_sql(head, 2, 2, tail),
            "INSERT OR FAIL INTO t (a, b) VALUES (?, ?), (?, ?) RETURNING a"
        );
        assert_eq!(
            insert_arrays_sql(head, 2, tail),
            "INSERT INTO t (a, b) SELECT * FROM unnest($1, $2) RETURNING a"
        );
    }

    #[test]
    fn groups_have_few_sizes_and_cover_everything() {
        let mut left = 512 + 16 + 3;
        let mut sizes = std::collections::BTreeSet::new();
        while left > 0 {
            let group = group_len(left);
            sizes.insert(group);
            left -= group;
        }
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [1, 16, 64]);
    }
}
