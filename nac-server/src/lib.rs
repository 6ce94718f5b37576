//! The program `nac`: listens, authenticates, decides, enforces; and the command line.
//!
//! Everything that waits, listens or wires is here, so that the rooms below can stay pure. A packet's way is
//! [`listen`] → [`authenticate`] → [`identity`] → policy → segment → reply; a change's way is the store's feed →
//! [`snapshot`] → [`enforce`] → CoA → proof. [`server`] puts the parts together.
//!
//! *Invariants*
//!
//! * Nothing between a datagram and its answer waits for the database; a password check goes to a bounded pool.
//! * A request and a live session are assessed by the same code ([`identity::assess`]).
//! * An error is never turned into an answer: what cannot be decided is not answered.
//! * Secrets never reach a log line, a record or an error.

pub mod account;
pub mod authenticate;
pub mod cli;
pub mod config;
pub mod demo;
pub mod enforce;
pub mod identity;
pub mod listen;
pub mod ocsp;
pub mod probe;
pub mod reason;
mod revocation;
pub mod server;
pub mod snapshot;
pub mod telemetry;
