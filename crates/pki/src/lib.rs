//! The certificate room: a small certificate authority, and a reader that turns a certificate into the
//! facts that authentication and policy look at.
//!
//! It exists so that a site without a PKI can use EAP-TLS on its first day ([`Authority`]), and so that
//! exactly one place decides what a certificate says about a user or a device ([`CertificateFacts`]), and what
//! its authority said about it since ([`RevocationList`]), whoever issued it. Chains are verified elsewhere (rustls does it during the handshake); nothing here
//! decides whom to trust.
//!
//! # Invariants
//!
//! * No clock: the current time is always an argument, in seconds since the Unix epoch.
//! * Randomness is drawn in one place ([`Serial::random`]) and by key generation inside rcgen.
//! * An issued certificate never outlives its authority, and its validity begins [`BACKDATE_S`] seconds
//!   early, because endpoints' clocks are wrong.
//! * [`CertificateFacts::read`] takes bytes from the network: it never panics, its time and memory are
//!   bounded by [`MAX_CERTIFICATE_LEN`], and no name that it returns holds a control character.
//! * [`OcspQuestion::read`] takes signed answers about its own certificate only.
//! * A [`RevocationList`] exists only after its signature was checked, and speaks only of what it covers.
//! * Private keys are wiped from memory when dropped and appear in no `Debug` text and no error.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod authority;
mod error;
mod facts;
mod ocsp;
mod pem;
mod revocation;
mod serial;

pub use authority::{Authority, BACKDATE_S, ClientSubject, Issued};
pub use error::PkiError;
pub use facts::{CertificateFacts, MAX_CERTIFICATE_LEN, MAX_NAMES, NameKind, fingerprint_sha256};
pub use ocsp::{MAX_OCSP_RESPONSE_LEN, OcspAnswer, OcspError, OcspQuestion, OcspStatus};
pub use pem::{pem_certificates, pem_key};
pub use revocation::{
    Anchors, Issuance, MAX_REVOCATION_LIST_LEN, RevocationList, RevocationListError,
    revocation_lists,
};
pub use serial::Serial;
