//! The posture gate: is this device healthy, how do we know, and how surely is it this device?
//!
//! Stock osqueryd enrols with this crate's endpoints over TLS, asks for questions every few
//! seconds and writes its answers. Answers become a verdict, verdicts go to the store, and the
//! store tells whoever must act. RADIUS asks [`PostureGate::posture`] in the middle of an
//! authentication, so that answer comes from memory.
//!
//! *Invariants*
//! * Unknown is never a pass, and no data is never a fail ([`verdict`]).
//! * Posture that is tied to a session by nothing better than the host's own claim can only close
//!   doors ([`Binding`]).
//! * An answer counts only once, only in time, and only for the question that was asked.
//! * No host's enrolment ever overwrites another host's node.
//! * Every answer to osquery is a JSON object: osquery takes an empty body for success.
//! * Node keys and enrolment secrets are never stored, logged or shown; only their SHA-256 is kept.
//! * Nothing here executes SQL of its own: the store does, and polling does not even ask the store.

mod binding;
mod check;
mod flagfile;
mod gate;
mod index;
mod limit;
mod node;
mod osquery;
mod settings;
#[cfg(test)]
mod testing;
mod verdict;

pub use binding::{Binding, Observed, Subject, binding, effective};
pub use check::{
    Check, CheckFault, CheckFaults, CheckHelp, CheckSet, CheckText, FixtureRow, PLATFORMS,
    Severity, Told,
};
pub use flagfile::{FlagfileSettings, flagfile};
pub use gate::{Counters, GateError, NodePosture, Posture, PostureGate};
pub use limit::Rate;
pub use node::SessionRef;
pub use settings::{PostureSettings, TlsPeer};
pub use verdict::{Excuse, Judgement, merge, verdict};
