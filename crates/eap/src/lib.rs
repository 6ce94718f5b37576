//! The EAP server core, and the supplicant half that tests it.
//!
//! A NAS carries EAP between a supplicant and this crate. [`Conversation`] is one supplicant's
//! authentication: it takes one EAP packet and says what happens next, for EAP-TLS (RFC 5216,
//! RFC 9190), PEAPv0 and EAP-TTLSv0 (RFC 5281), each on TLS 1.2 and TLS 1.3 (RFC 9427), with EAP-MSCHAPv2, EAP-GTC
//! or EAP-TLS inside, or in EAP-TTLS also PAP, CHAP, MS-CHAP or MS-CHAPv2. [`peer`] is the other end of the same methods, so that
//! probes and tests can log in. No other EAP server exists as a Rust crate, and one that blocks on
//! sockets or look-ups could not serve a reconnect storm; hence this one.
//!
//! One call, one answer:
//!
//! ```no_run
//! # use std::time::Instant;
//! use nac_eap::{Answer, Conversation, Question, Reason, Step};
//!
//! # fn policy_permits(_: &nac_eap::Success) -> bool { true }
//! # fn look_up(_: Question) -> Answer { Answer::Accepted }
//! /// The EAP packet to send back, if any, and whether the conversation is over.
//! fn handle(conversation: &mut Conversation, now: Instant, packet: &[u8]) -> Option<(Vec<u8>, bool)> {
//!     let mut step = conversation.receive(now, packet);
//!     while let Step::Ask(question) = step {
//!         step = conversation.resume(now, look_up(question));
//!     }
//!     match step {
//!         Step::Request(request) => Some((request, false)),
//!         Step::Success(success) if policy_permits(&success) => Some((conversation.accept(&success.identity), true)),
//!         Step::Success(_) => Some((conversation.refuse(), true)),
//!         Step::Failure { packet, .. } => Some((packet, true)),
//!         Step::Ignore(_) | Step::Ask(_) => None,
//!     }
//! }
//! ```
//!
//! # Invariants
//!
//! * No I/O, no clock, no `async`, no RADIUS. Packets, `now`, the wall clock time and randomness
//!   come in as arguments; one [`Step`] comes out. (rustls draws its own key material from its
//!   provider; everything else random comes from the closure given to [`Conversation::new`].)
//! * Every look-up that needs the world is a [`Question`]; the conversation waits for the [`Answer`].
//! * A TLS session becomes resumable only in [`Conversation::accept`]. A ticket from an
//!   authentication that was not accepted is worth nothing, and never crosses methods. The same holds where servers share their
//!   sessions: only what was accepted becomes a [`SharedSession`].
//! * Everything that ends a login is a [`Reason`] with a stable code, from the table in [`reason`].
//! * Input cannot panic and cannot grow memory beyond 64 KiB per flight.
//! * All rustls calls are in the private module `tls`.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects,
        reason = "a failing test should panic"
    )
)]

mod conversation;
mod fragment;
mod keys;
mod method;
pub mod mschapv2;
mod opening;
mod packet;
pub mod peer;
pub mod reason;
mod sessions;
mod settings;
mod step;
mod tls;

#[cfg(test)]
extern crate self as nac_eap;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

pub use conversation::Conversation;
pub use method::{is_by_certificate, method_names};
pub use opening::Opening;
pub use reason::Reason;
pub use rustls_pki_types::{CertificateDer, PrivateKeyDer};
pub use sessions::SharedSession;
pub use settings::{CryptoBinding, InnerMethod, Method, Settings, TlsVersions};
pub use step::{Answer, Machine, Question, Random, Step, Success};
pub use tls::{ServerTls, ServerTlsOptions, TlsSetupError};
