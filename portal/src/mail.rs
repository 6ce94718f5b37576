//! Mail to guests and sponsors: an SMTP client behind the store's queue.
//!
//! A page puts a message into the queue and goes on; [`run`] sends what is due, tries again with longer and longer pauses, and
//! gives up after a day. A process that dies loses nothing: the queue is the store's.

mod queue;
mod server;

pub use queue::{Letter, Outbox, run};
pub use server::{MailServer, MailServerError, MailTls, SendError};
