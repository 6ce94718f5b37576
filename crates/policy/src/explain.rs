//! Why each policy matched or did not, condition by condition.

use serde::{Deserialize, Serialize};

/// How one policy looked at one set of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyExplanation {
    /// Its `@id`.
    pub policy: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The segment that it names.
    pub segment: Option<String>,
    /// Its `@order`; the smallest wins.
    pub order: i64,
    /// `enforce` or `monitor`.
    pub mode: String,
    /// Whether it matched. A `forbid` that fails to evaluate counts as matched.
    pub matched: bool,
    /// Its scope did not fit, so that its conditions were not looked at.
    pub sliced_out: bool,
    /// Each part of its `when` and `unless` clauses, in the order of the text.
    pub conditions: Vec<Condition>,
    /// Its `@title`.
    pub annotation_title: Option<String>,
}

/// One part of a policy's `when` or `unless` clauses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its source text. A part of an `unless` clause reads `unless …`.
    pub text: String,
    /// Whether it holds, in the sense that the policy needs; `None` when it was not evaluated or
    /// failed to evaluate.
    pub holds: Option<bool>,
    /// The facts that it reads, by path (`context.posture.verdict`), and their values.
    pub seen: Vec<(String, String)>,
    /// Why it failed to evaluate.
    pub error: Option<String>,
}
