//! The store's contract: every public method, on a freshly migrated SQLite and, when `NAC_TEST_POSTGRES` names a server
//! (`postgres://user@host:port/database`), on PostgreSQL in a schema of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod activity;
mod audit;
mod break_glass;
mod decisions;
mod devices;
mod durability;
mod exceptions;
mod feed;
mod guests;
mod mails;
mod offers;
mod opening;
mod portal;
mod psks;
mod records;
mod remedy;
mod replays;
mod resources;
mod schema;
mod sealing;
mod sessions;
mod supplicants;
mod vouchers;
mod world;
mod writer;
