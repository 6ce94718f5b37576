//! One host's tables: an in-memory SQLite database that answers the server's SQL.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::Value;

use crate::catalogue;
use crate::settings::Fixture;

/// One row of a result; osquery reports every value as text.
pub type Row = BTreeMap<String, String>;

/// What SQLite said, as osquery would report it in `statuses` and `messages`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlFault {
    /// The non-zero status, SQLite's primary result code or 1.
    pub status: i32,
    /// SQLite's words, for example `no such table: alf`.
    pub message: String,
}

impl From<rusqlite::Error> for SqlFault {
    fn from(error: rusqlite::Error) -> Self {
        let status = error
            .sqlite_error()
            .map_or(1, |inner| inner.extended_code & 0xff);
        let message = match &error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        Self { status, message }
    }
}

/// The tables that osquery has on one platform, with this host's rows.
pub struct HostDatabase {
    connection: Mutex<Connection>,
}

impl HostDatabase {
    /// Makes the tables of `platform`, lists them in `osquery_registry`, and adds the rows.
    ///
    /// # Errors
    /// A fixture that names an unknown table or column, in SQLite's words.
    pub fn new(platform: &str, fixtures: &[Fixture]) -> Result<Self, SqlFault> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("PRAGMA page_size = 512; PRAGMA cache_size = 64;")?;
        register_version_compare(&connection)?;
        for table in catalogue::tables(platform) {
            let columns: Vec<String> = table
                .columns()
                .map(|(name, kind)| format!("\"{name}\" {kind}"))
                .collect();
            connection.execute_batch(&format!(
                "CREATE TABLE \"{}\" ({});",
                table.name,
                columns.join(", ")
            ))?;
        }
        let database = Self {
            connection: Mutex::new(connection),
        };
        if catalogue::tables(platform).any(|table| table.name == "osquery_registry") {
            for table in catalogue::tables(platform) {
                database.execute(&format!(
                    "INSERT INTO osquery_registry (registry, name, owner_uuid, internal, active) \
                     VALUES ('table', '{}', 0, 0, 1)",
                    table.name
                ))?;
            }
        }
        for fixture in fixtures {
            database.insert(fixture)?;
        }
        Ok(database)
    }

    /// Adds one row.
    ///
    /// # Errors
    /// An unknown table or column, in SQLite's words.
    pub fn insert(&self, fixture: &Fixture) -> Result<(), SqlFault> {
        let names: Vec<String> = fixture
            .row
            .keys()
            .map(|name| format!("\"{name}\""))
            .collect();
        let marks: Vec<&str> = fixture.row.keys().map(|_| "?").collect();
        let values = fixture.row.values().map(|value| match value {
            Value::Number(number) if number.is_i64() => {
                SqlValue::Integer(number.as_i64().unwrap_or_default())
            }
            Value::Bool(yes) => SqlValue::Integer(i64::from(*yes)),
            Value::String(text) => SqlValue::Text(text.clone()),
            Value::Null => SqlValue::Null,
            other => SqlValue::Text(other.to_string()),
        });
        let sql = format!(
            "INSERT INTO \"{}\" ({}) VALUES ({})",
            fixture.table,
            names.join(", "),
            marks.join(", ")
        );
        self.lock().execute(&sql, params_from_iter(values))?;
        Ok(())
    }

    /// Runs statements that change the host, for example `UPDATE sip_config SET enabled = 0`.
    ///
    /// # Errors
    /// SQLite's words.
    pub fn execute(&self, sql: &str) -> Result<(), SqlFault> {
        Ok(self.lock().execute_batch(sql)?)
    }

    /// Answers one query as osquery would: every value as text, NULL as the empty text.
    ///
    /// # Errors
    /// The status and message that osquery would report.
    pub fn query(&self, sql: &str) -> Result<Vec<Row>, SqlFault> {
        let connection = self.lock();
        let mut statement = connection.prepare(sql)?;
        let names: Vec<String> = statement
            .column_names()
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let mut columns = Row::new();
            for (index, name) in names.iter().enumerate() {
                columns.insert(name.clone(), text(row.get_ref(index)?));
            }
            found.push(columns);
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for HostDatabase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HostDatabase")
            .finish_non_exhaustive()
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

/// osquery has `version_compare(a, b)` since 5.11.0: -1, 0 or 1, numbers compared as numbers.
fn register_version_compare(connection: &Connection) -> Result<(), SqlFault> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("version_compare", 2, flags, |context| {
        let left: String = context.get(0)?;
        let right: String = context.get(1)?;
        Ok(compare_versions(&left, &right))
    })?;
    Ok(())
}

fn compare_versions(left: &str, right: &str) -> i64 {
    let parts = |version: &str| -> Vec<(u64, String)> {
        version
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .map(|part| (part.parse().unwrap_or(0), part.to_owned()))
            .collect()
    };
    let (left, right) = (parts(left), parts(right));
    for index in 0..left.len().max(right.len()) {
        let order = match (left.get(index), right.get(index)) {
            (Some(a), Some(b)) if a.0 != 0 || b.0 != 0 => a.0.cmp(&b.0),
            (Some(a), Some(b)) => a.1.trim_start_matches('0').cmp(b.1.trim_start_matches('0')),
            (Some(_), None) => std::cmp::Ordering::Greater,
            (None, Some(_)) => std::cmp::Ordering::Less,
            (None, None) => std::cmp::Ordering::Equal,
        };
        match order {
            std::cmp::Ordering::Less => return -1,
            std::cmp::Ordering::Greater => return 1,
            std::cmp::Ordering::Equal => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_not_as_text() {
        let database = HostDatabase::new("linux", &[]).expect("tables");
        let rows = database
            .query("SELECT version_compare('9.1', '14.0') AS a, version_compare('5.11.0', '5.11.0') AS b, version_compare('5.20', '5.9.1') AS c")
            .expect("answer");
        assert_eq!(rows[0]["a"], "-1");
        assert_eq!(rows[0]["b"], "0");
        assert_eq!(rows[0]["c"], "1");
    }

    #[test]
    fn a_table_of_another_platform_does_not_exist() {
        let database = HostDatabase::new("linux", &[]).expect("tables");
        let fault = database.query("SELECT * FROM alf").expect_err("macOS only");
        assert_eq!(fault.status, 1);
        assert!(fault.message.contains("no such table: alf"), "{fault}");
    }

    #[test]
    fn every_platform_lists_its_own_tables() {
        for platform in ["linux", "darwin", "windows"] {
            let database = HostDatabase::new(platform, &[]).expect("tables");
            let rows = database
                .query("SELECT COUNT(*) AS n FROM osquery_registry")
                .expect("rows");
            assert_eq!(
                rows[0]["n"],
                catalogue::tables(platform).count().to_string()
            );
        }
    }
}
