//! Everything that knows rustls: set-up of both sides, and one connection as a byte machine.

mod alert;
mod client;
mod connection;
mod hello;
mod provider;
mod server;
mod sessions;
mod validity;

pub use client::PeerTls;
pub(crate) use connection::{Tls, Version};
pub use server::{ServerTls, TlsSetupError};
pub(crate) use sessions::ConversationSessions;
pub(crate) use validity::check_validity;
