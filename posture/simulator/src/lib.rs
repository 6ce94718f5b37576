//! A stand-in for osqueryd that is true to its TLS protocol and to its table schema.
//!
//! It exists because the posture gate cannot be tested against itself: this client has osquery's
//! habits, good and bad. It never looks at an HTTP status, takes an empty body for `{}`, drops a
//! whole batch of queries when one discovery query is bad SQL, repeats a write that failed, and
//! obeys `accelerate` only when it is an integer. Every host owns a small in-memory SQLite database
//! with the columns of the real tables, so the server's own SQL is executed, and a test changes the
//! posture of a host with an `UPDATE`.
//!
//! *Invariants*: nothing here knows the server's types; a host speaks only to the URL it was given
//! and trusts only the authority it was given; no table has a column that osquery lacks.

mod catalogue;
mod database;
mod fixtures;
mod host;
mod settings;
mod transport;

pub use catalogue::{TableSchema, tables};
pub use database::{HostDatabase, Row, SqlFault};
pub use host::{OsqueryHost, PollReport};
pub use settings::{Fixture, HostSettings, Profile};
pub use transport::Fault;
