//! What has happened, counted.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What has happened since the gate opened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64),* }

        #[derive(Debug, Default)]
        pub(crate) struct Counting { $(pub(crate) $name: AtomicU64),* }

        impl Counting {
            pub(super) fn read(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counters! {
    /// Enrolments that gave out a node key.
    enrolled,
    /// Enrolments refused.
    enrolments_refused,
    /// Enrolments that wait for approval because they contradict a known host.
    conflicts,
    /// Distributed reads answered.
    reads,
    /// Distributed writes taken.
    writes,
    /// Answers to questions, filed.
    answers,
    /// Answers that were late, unknown or repeated, ignored.
    answers_ignored,
    /// Log requests taken.
    logs,
    /// Log requests dropped because they were too large or too frequent.
    logs_dropped,
    /// Requests with an unknown node key.
    unknown_keys,
    /// Requests answered `busy`.
    busy,
    /// Verdicts that changed.
    verdict_changes,
    /// Commits to the store that failed and will be repeated.
    commits_failed,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
