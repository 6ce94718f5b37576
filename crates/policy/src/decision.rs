//! What the policy answers: the outcome, and which policies had a say in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The complete answer of a policy set to one set of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What to do.
    pub outcome: Outcome,
    /// The `@id` of the policy that decided; `None` when no policy matched.
    pub policy: Option<String>,
    /// Every enforced policy that matched: forbids before permits, each by `@order`, then by `@id`.
    /// The deciding policy is among them.
    pub matched: Vec<String>,
    /// Policies in monitor mode that would have matched. They changed nothing.
    pub monitored: Vec<MonitorHit>,
    /// One sentence for each policy that failed to evaluate.
    pub errors: Vec<String>,
    /// How many policies, enforced and monitored, had a scope that fits and were looked at.
    pub considered: usize,
}

/// What to do with somebody who asked to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Let them in, into the segment of this name.
    Segment(String),
    /// Do not let them in.
    Refuse(RefuseReason),
}

impl Outcome {
    /// The segment, when there is one.
    #[must_use]
    pub fn segment(&self) -> Option<&str> {
        match self {
            Self::Segment(name) => Some(name),
            Self::Refuse(_) => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(name) => write!(out, "segment {name}"),
            Self::Refuse(reason) => write!(out, "refused: {reason}"),
        }
    }
}

/// Why the policy refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefuseReason {
    /// No `permit` matched.
    NoPermit,
    /// A `forbid` without a segment matched.
    Forbidden,
    /// A policy failed to evaluate, and its failure decided.
    PolicyError,
}

impl RefuseReason {
    /// The stable name, as it is stored and printed: `no_permit`, `forbidden` or `policy_error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPermit => "no_permit",
            Self::Forbidden => "forbidden",
            Self::PolicyError => "policy_error",
        }
    }
}

impl fmt::Display for RefuseReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoPermit => "no policy permits this",
            Self::Forbidden => "a policy forbids this",
            Self::PolicyError => "a policy could not be evaluated",
        })
    }
}

/// A policy in monitor mode that would have matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorHit {
    /// Its `@id`.
    pub policy: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The segment that it names.
    pub segment: Option<String>,
}
