//! Everything that knows rustls: set-up of both sides, and one connection as a byte machine.

mod alert;
mod chain;
mod client;
mod connection;
mod der;
mod hello;
mod identity;
mod known;
mod offer;
mod provider;
mod server;
mod sessions;
#[cfg(test)]
mod tests;
mod validity;

pub use client::PeerTls;
pub(crate) use connection::{Tls, Version};
pub use server::{ServerTls, ServerTlsOptions, TlsSetupError};
pub(crate) use sessions::ConversationSessions;
pub(crate) use validity::check_validity;
