//! Everything in a browser: what guests, employees and quarantined people see ([`public`]), what administrators see
//! ([`admin`]), and the REST API.
//!
//! *Invariants*
//!
//! * Handlers take handles and return [`axum::Router`]s: no socket, no TLS, no knowledge of the server. They change the store, and
//!   the store tells its listeners.
//! * Every page works without JavaScript and loads nothing from elsewhere.
//! * Every response carries the security headers of [`web::secured`]; nothing changes by GET, and nothing by a request that
//!   another site made a browser send.
//! * Text from the network reaches a page through askama's escaping only.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failing test should panic")
)]

pub mod access;
pub mod admin;
pub mod api;
pub mod explain;
pub mod export;
pub mod i18n;
pub mod input;
pub mod mail;
pub mod public;
pub mod totp;
pub mod voucher;
pub mod web;
