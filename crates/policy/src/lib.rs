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

mod decision;
mod explain;
mod facts;
mod fault;

pub use decision::{Decision, MonitorHit, Outcome, RefuseReason};
pub use explain::{Condition, PolicyExplanation};
pub use facts::{
    DeviceFacts, Facts, IdentityFacts, IdentityKind, NasFacts, PostureFacts, TimeFacts,
    UnknownVerdict, Verdict,
};
pub use fault::{PolicyErrors, PolicyFault};
