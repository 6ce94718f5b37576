//! What can go wrong, in the words of somebody who has to put it right.

use std::path::PathBuf;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A newer program has already changed this database.
    #[error(
        "the database has migration {found}, but this program knows only {known}: a newer nac has used it. \
         Run that version, or restore the backup from before the upgrade"
    )]
    NewerDatabase {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration in this program.
        known: i64,
    },
    /// A migration did not succeed. Nothing of it was kept.
    #[error("migrating the database at {place} failed and changed nothing: {why}")]
    Migration {
        /// The database.
        place: String,
        /// The engine's words.
        why: String,
    },
    /// The database cannot be written.
    #[error(
        "the database {} cannot be written: the file, its directory or its file system is read-only for this user. \
         Give the user that runs nac write access to the directory and the file (SQLite also writes \
         -wal and -shm files beside it)", path.display()
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// There is no room left.
    #[error("the disk that holds {} is full: free some space there; nothing was written", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// The database, or another file, cannot be opened.
    #[error("cannot open {path}: {why}")]
    CannotOpen {
        /// The file or server, without a password.
        path: String,
        /// Why, and what to do.
        why: String,
    },
    /// A sealed column could not be opened or closed.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// Something else is there already.
    #[error("{what}")]
    Conflict {
        /// What, in a full sentence without its full stop.
        what: String,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was looked for, such as `client switch-1`.
        what: String,
    },
    /// What was handed in cannot be stored.
    #[error("{what}")]
    Invalid {
        /// Why, in a full sentence without its full stop.
        what: String,
    },
    /// A row holds something that this program cannot read.
    #[error("the database holds {what} that cannot be read: {why}")]
    Corrupt {
        /// The kind of row.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The engine failed.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// The error for something that does not exist.
    pub(crate) fn not_found(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::NotFound {
            what: format!("{kind} {name}"),
        }
    }

    /// Turns a unique violation into [`StoreError::Conflict`].
    pub(crate) fn or_conflict(self, what: impl FnOnce() -> String) -> Self {
        match &self {
            Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Self::Conflict { what: what() }
            }
            _ => self,
        }
    }

    /// Whether SQLite says that another program is at the file just now.
    pub(crate) fn is_busy(&self) -> bool {
        match self {
            // SQLITE_BUSY and SQLITE_LOCKED with their extended codes.
            Self::Database(sqlx::Error::Database(error)) => error
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 6)),
            Self::Migration { why, .. } => why.contains("database is locked"),
            _ => false,
        }
    }

    /// Whether the database itself is away or out of room, so that the same request may succeed later.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::ReadOnly { .. } | Self::Full { .. } | Self::CannotOpen { .. } => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| is_outage_code(&code))
            }
            Self::Database(error) => !matches!(
                error,
                sqlx::Error::Encode(_)
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::RowNotFound
            ),
            _ => false,
        }
    }
}

/// PostgreSQL's codes are five characters, SQLite's are numbers of up to four digits.
fn is_outage_code(code: &str) -> bool {
    if code.len() == 5 {
        // Connection, authorisation, missing database, transaction state, retry, access or schema, resources, operator,
        // system. Our statements are right, so an error of class 42 means that the tables or rights were changed.
        return ["08", "28", "3D", "25", "40", "42", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    // Error (a missing table), busy, locked, read-only, I/O, corrupt, full, cannot open, not a database.
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 1 | 5 | 6 | 8 | 10 | 11 | 13 | 14 | 26))
}

/// Why a sealed column, or the key for it, could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedError {
    /// The store was opened without a sealing key.
    #[error(
        "the database holds sealed secrets and no sealing key was given: name the key file in the configuration"
    )]
    NoKey,
    /// The key is not the one this database was sealed with, or the sealed value was tampered with or moved.
    #[error(
        "{what} cannot be unsealed: the sealing key is not the one that sealed it, or the value was changed. \
         Restore the key file that belongs to this database"
    )]
    WrongKey {
        /// Which value.
        what: String,
    },
    /// The key file cannot be used.
    #[error("the sealing key file {}: {why}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The key has the wrong form.
    #[error("a sealing key is 32 bytes, written as one line of base64")]
    KeyForm,
    /// The cryptographic library refused, which means that it has no randomness.
    #[error("sealing failed: the system gave no random numbers")]
    NoRandomness,
}

/// A word that is not in its closed set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not one of: {expected}")]
pub struct UnknownWord {
    /// What would have been understood.
    pub expected: &'static str,
    /// What was there, at most 64 characters of it.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::is_outage_code;

    #[test]
    fn a_database_that_is_away_is_told_from_a_row_it_refuses() {
        for code in [
            "5", "13", "266", "1", "57P01", "08006", "40001", "42P01", "53100",
        ] {
            assert!(is_outage_code(code), "{code}");
        }
        for code in ["2067", "1555", "787", "20", "23505", "22021", "54000"] {
            assert!(!is_outage_code(code), "{code}");
        }
    }
}
