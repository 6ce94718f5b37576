//! What an administrator tells a live session: taken from the store, carried out once, never after its time.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, PoisonError};

use nac_store::{Enforcement, EnforcementState, now_us};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Enforcer;
use super::job::Job;

/// Commands that are remembered as begun. The store forgets to offer them again after a minute.
const REMEMBERED: usize = 4_096;

/// The commands that were begun, so that a change that is told twice is done once.
#[derive(Default)]
pub(super) struct Begun {
    known: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Begun {
    /// Whether this one is new.
    fn is_first(&mut self, id: Uuid) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl Enforcer {
    /// Begins with the commands that are fresh and new here.
    pub(super) fn carry_out(
        self: &Arc<Self>,
        commands: Vec<Enforcement>,
        cancel: &CancellationToken,
    ) {
        for command in commands {
            let first = self
                .commands
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_first(command.id);
            if first && command.is_fresh() {
                self.command(command, cancel);
            }
        }
    }

    fn command(self: &Arc<Self>, command: Enforcement, cancel: &CancellationToken) {
        let Some(action) = command.action else { return };
        let Some(session) = self.sessions.by_id(command.session_id) else {
            return self.decline(command, "the session is not live any more");
        };
        let mut jobs = self.lock();
        if let Some(running) = jobs.get(&session.id) {
            if running.is_move() {
                let target = running.target();
                drop(jobs);
                return self.decline(command, &format!("it is being moved to {target} already"));
            }
            running.supersede(&format!("it was told to {action} since then"));
        }
        tracing::info!(session = %session.id, identity = %session.context.name, %action,
            by = command.requested_by.as_deref().unwrap_or_default(), "a live session is told something");
        let job = Arc::new(Job::commanded(action, command, self.writer.clone()));
        jobs.insert(session.id, job.clone());
        drop(jobs);
        self.begin(job, session.id, cancel);
    }

    fn decline(&self, mut command: Enforcement, why: &str) {
        command.state = EnforcementState::Superseded;
        command.proof = Some(why.to_owned());
        command.updated_us = now_us();
        self.writer.enforcement(command);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_told_twice_is_begun_once_and_the_memory_is_bounded() {
        let mut begun = Begun::default();
        let first = Uuid::now_v7();
        assert!(begun.is_first(first));
        assert!(!begun.is_first(first));
        for _ in 0..2 * REMEMBERED {
            assert!(begun.is_first(Uuid::now_v7()));
        }
        assert_eq!(begun.known.len(), REMEMBERED);
        assert_eq!(begun.order.len(), REMEMBERED);
    }
}
