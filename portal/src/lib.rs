//! Everything in a browser. Today that is the public start page with the CA certificate that supplicants need, and the health
//! report of the admin listener; the guest, device, remediation and admin pages come into these rooms.
//!
//! *Invariants*
//!
//! * Handlers take handles and return [`axum::Router`]s: no socket, no TLS, no knowledge of the server. They change the store, and
//!   the store tells its listeners.
//! * Every page works without JavaScript and loads nothing from elsewhere.
//! * Every response carries the security headers of [`web::secured`].

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failing test should panic")
)]

pub mod admin;
pub mod start;
pub mod web;
