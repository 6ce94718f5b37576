//! Databases on a PostgreSQL server that somebody else runs.

use std::process::Command;

use crate::program;

/// Makes a database beside the one that `server` names (`postgres://user@host:port/database`) and gives its URL. Nobody removes it: the
/// server is there for the tests alone.
///
/// # Panics
///
/// When `psql` is missing or the server refuses.
#[must_use]
pub fn create_database(server: &str, name: &str) -> String {
    query(server, &format!("CREATE DATABASE {name}"));
    let (host, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{host}/{name}")
}

/// Runs statements and gives what they say, without headings.
///
/// # Panics
///
/// When `psql` is missing or the server refuses.
pub fn query(database: &str, statements: &str) -> String {
    let mut command = Command::new(program::peer("psql", "postgresql-client"));
    program::run(command.args(["-qAt", "-v", "ON_ERROR_STOP=1", "-c", statements, database]))
}
