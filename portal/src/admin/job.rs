//! Enforcements as pages show them: what was wanted, how far it has come, and each attempt with its answer.

use nac_store::{Enforcement, EnforcementState};

use super::Moment;
use crate::explain;

/// One enforcement on a page.
pub(super) struct Job {
    /// What it is to do.
    pub(super) purpose: String,
    /// How far it has come, with its proof.
    pub(super) progress: String,
    /// Its state, which is also its colour.
    pub(super) state: EnforcementState,
    /// Why.
    pub(super) reason: String,
    /// When it was begun.
    pub(super) at: Moment,
    /// The same, for sorting.
    pub(super) at_us: i64,
    /// What was tried, in order.
    pub(super) attempts: Vec<Attempt>,
    /// Whether it goes on by itself.
    pub(super) open: bool,
}

/// One request and its answer.
pub(super) struct Attempt {
    pub(super) at: Moment,
    pub(super) step: String,
    pub(super) code: String,
    pub(super) result: String,
    pub(super) error_cause: Option<u32>,
}

impl From<Enforcement> for Job {
    fn from(enforcement: Enforcement) -> Self {
        Self {
            purpose: explain::purpose(&enforcement),
            progress: explain::progress(&enforcement),
            state: enforcement.state,
            at: Moment(enforcement.created_us),
            at_us: enforcement.created_us,
            open: matches!(
                enforcement.state,
                EnforcementState::Pending | EnforcementState::Sent | EnforcementState::Acknowledged
            ),
            reason: enforcement.reason,
            attempts: enforcement
                .attempts
                .into_iter()
                .map(|attempt| Attempt {
                    at: Moment(attempt.at_us),
                    step: attempt.step,
                    code: attempt.code,
                    result: attempt.result,
                    error_cause: attempt.error_cause,
                })
                .collect(),
        }
    }
}
