//! The store's contract: every public method, on a freshly migrated SQLite and, when `NAC_TEST_POSTGRES` names a server
//! (`postgres://user@host:port/database`), on PostgreSQL in a schema of its own.
#![allow(
    missing_docs,
    reason = "a test binary has no readers of its documentation"
)]

mod durability;
mod feed;
mod opening;
mod resources;
mod schema;
mod sealing;
mod world;
mod writer;
