//! What the tests share: servers under test, real peers, a raw RADIUS client and a small NAS.
//!
//! The tests in `tests/conformance` and `tests/interop` speak to a server over the network only, so the
//! same cases run against this project's `nac` and against FreeRADIUS (`NAC_TEST_SUBJECT=freeradius`).
//! That is how the tests themselves are tested: a case that a mature server fails is either a known
//! fault of that server, written down beside the case, or a mistake in the case.
//!
//! *Invariants*
//!
//! * Traffic stays on loopback, ports are picked free, every server has a directory of its own.
//! * Nothing here uses `crates/radius`: [`wire`] is a second, independent codec of a few lines.
//! * A missing peer program fails the test; nothing is skipped.
//! * No server outlives the test process, even when that is killed ([`service`]).

pub mod authenticator_app;
pub mod cast;
pub mod directory;
pub mod eapol_test;
pub mod exchange;
pub mod freeradius;
pub mod mschapv2;
pub mod nac;
pub mod nas;
pub mod openssl;
pub mod pki;
pub mod postgres;
pub mod program;
pub mod radclient;
pub mod radsec;
pub mod radsecproxy;
pub mod relay;
pub mod service;
pub mod smtp;
pub mod subject;
pub mod supplicant;
pub mod wait;
pub mod wire;

pub use subject::{Subject, SubjectKind};
