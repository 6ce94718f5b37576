//! Policies by scope, so that a request meets only those that can match.

use cedar_policy::{Effect, Policy, PolicySet};

use crate::facts::Facts;
use crate::guard::{self, Guard};
use crate::scope::{Scope, Standing};

/// The policies with one and the same scope.
///
/// Permits and forbids are kept apart, because Cedar does not tell which permits match once a
/// forbid does. Each policy is kept on its own as well, for when few of a slice are left.
#[derive(Debug)]
pub(crate) struct Slice {
    principal: Scope,
    resource: Scope,
    permits: PolicySet,
    forbids: PolicySet,
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    guards: Vec<Guard>,
    alone: PolicySet,
}

impl Slice {
    pub(crate) fn new(principal: Scope, resource: Scope) -> Self {
        let (permits, forbids) = (PolicySet::new(), PolicySet::new());
        Self {
            principal,
            resource,
            permits,
            forbids,
            candidates: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, policy: Policy, guards: Vec<Guard>) -> Result<(), String> {
        let policies = match policy.effect() {
            Effect::Permit => &mut self.permits,
            Effect::Forbid => &mut self.forbids,
        };
        policies
            .add(policy.clone())
            .map_err(|error| error.to_string())?;
        let alone = PolicySet::from_policies([policy]).map_err(|error| error.to_string())?;
        self.candidates.push(Candidate { guards, alone });
        Ok(())
    }

    /// How many policies it has.
    pub(crate) fn len(&self) -> usize {
        self.candidates.len()
    }

    pub(crate) fn fits(&self, principal: &Standing<'_>, resource: &Standing<'_>) -> bool {
        self.principal.fits(principal) && self.resource.fits(resource)
    }

    /// Everything in it.
    pub(crate) fn whole(&self) -> impl Iterator<Item = &PolicySet> {
        [&self.permits, &self.forbids]
            .into_iter()
            .filter(|policies| !policies.is_empty())
    }

    /// Adds what Cedar has to judge for these facts: the policies that no guard rules out, one by
    /// one, or all of them when that is less work.
    pub(crate) fn queue<'a>(&'a self, facts: &Facts, queue: &mut Vec<&'a PolicySet>) {
        let before = queue.len();
        let left = self
            .candidates
            .iter()
            .filter(|one| !guard::rule_out(&one.guards, facts));
        queue.extend(left.map(|one| &one.alone));
        if queue.len() - before > 2.max(self.len() / 2) {
            queue.truncate(before);
            queue.extend(self.whole());
        }
    }
}
