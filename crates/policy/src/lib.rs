//! The policy room: facts in, decision out.
//!
//! It exists so that the rest of the program never sees the policy language. A caller fills
//! [`Facts`], loads a policy text into an [`Engine`], and receives a [`Decision`] that names the
//! segment, the policy that decided and everything else that would have matched. The language is
//! Cedar; `docs/decisions/0003-cedar.md` says why, and what was measured.
//!
//! *Invariants*
//!
//! * Nothing here reads a clock, a file, a socket or a random number: equal facts and equal text
//!   give an equal decision.
//! * Without a matching `permit` the answer is a refusal. No error ever lets anybody in.
//! * A policy in monitor mode never changes an outcome.
//! * A text that does not validate against [`SCHEMA`] never becomes an [`Engine`].
//! * Memory and time are bounded: the text by [`MAX_TEXT_LEN`], the memo by a fixed size.

mod conclude;
mod decision;
mod deep;
mod engine;
mod explain;
mod facts;
mod fault;
mod guard;
mod heed;
mod lint;
mod load;
mod memo;
mod names;
mod paths;
mod reads;
mod replay;
mod request;
mod scan;
mod scope;
mod slice;

pub use decision::{Decision, MonitorHit, Outcome, RefuseReason};
pub use engine::{Engine, PolicySummary};
pub use explain::{Condition, PolicyExplanation};
pub use facts::{
    DeviceFacts, Facts, IdentityFacts, IdentityKind, NasFacts, PostureFacts, TimeFacts,
    UnknownVerdict, Verdict,
};
pub use fault::{PolicyErrors, PolicyFault};
pub use heed::Mark;
pub use load::MAX_TEXT_LEN;
pub use names::KnownNames;
pub use replay::{Replay, Replayed, unrecorded};

/// What a policy may speak about, as a Cedar schema.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// The policy that a new installation starts with. It needs the segments `staff`, `registration`
/// and `quarantine`.
pub const STARTER_POLICY: &str = include_str!("starter.cedar");

#[cfg(test)]
mod tests;
