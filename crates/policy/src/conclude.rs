//! The semantics of a policy set: from which policies match to what happens.

use std::collections::BTreeMap;

use cedar_policy::Effect;

use crate::decision::{Decision, MonitorHit, Outcome, RefuseReason};
use crate::engine::{Engine, Evaluation, Rule};

impl Engine {
    /// Draws the conclusion from which policies match: the semantics of a set.
    pub(crate) fn conclude(&self, evaluation: Result<Evaluation, String>) -> Decision {
        let evaluation = match evaluation {
            Ok(evaluation) => evaluation,
            Err(error) => {
                return Decision {
                    outcome: Outcome::Refuse(RefuseReason::PolicyError),
                    policy: None,
                    matched: Vec::new(),
                    monitored: Vec::new(),
                    errors: vec![error],
                    considered: 0,
                };
            }
        };
        let hits = self.hits(&evaluation);
        let enforced = |effect: Effect| {
            hits.iter()
                .filter(move |(_, rule)| !rule.monitor && rule.effect == effect)
        };
        let permit = enforced(Effect::Permit).map(|(_, rule)| rule).next();
        let refusing = enforced(Effect::Forbid).find(|(_, rule)| rule.segment.is_none());
        let moving = enforced(Effect::Forbid)
            .find_map(|(_, rule)| rule.segment.as_ref().map(|segment| (rule, segment)));
        let permit_failed = evaluation
            .failed
            .keys()
            .filter_map(|index| self.rules.get(*index))
            .any(|rule| !rule.monitor && rule.effect == Effect::Permit);
        let (outcome, policy) = match (refusing, permit, moving) {
            (Some((index, rule)), _, _) if evaluation.failed.contains_key(index) => {
                (Outcome::Refuse(RefuseReason::PolicyError), Some(rule))
            }
            (Some((_, rule)), _, _) => (Outcome::Refuse(RefuseReason::Forbidden), Some(rule)),
            (None, Some(_), Some((rule, segment))) => {
                (Outcome::Segment(segment.clone()), Some(rule))
            }
            (None, Some(rule), None) => match &rule.segment {
                Some(segment) => (Outcome::Segment(segment.clone()), Some(rule)),
                // Loading refuses a permit without a segment.
                None => (Outcome::Refuse(RefuseReason::PolicyError), Some(rule)),
            },
            (None, None, _) if permit_failed => (Outcome::Refuse(RefuseReason::PolicyError), None),
            (None, None, _) => (Outcome::Refuse(RefuseReason::NoPermit), None),
        };
        let matched = enforced(Effect::Forbid).chain(enforced(Effect::Permit));
        Decision {
            outcome,
            policy: policy.map(|rule| rule.id.clone()),
            matched: matched.map(|(_, rule)| rule.id.clone()).collect(),
            monitored: hits
                .iter()
                .filter(|(_, rule)| rule.monitor)
                .map(|(_, rule)| rule.hit())
                .collect(),
            errors: self.sentences(&evaluation.failed),
            considered: evaluation.considered,
        }
    }

    /// The rules that count as matched, in the order in which they win: a `forbid` that fails is
    /// as good as one that matches, a `permit` that fails is not.
    fn hits(&self, evaluation: &Evaluation) -> Vec<(usize, &Rule)> {
        let failed = evaluation.failed.keys().copied().filter(|index| {
            self.rules
                .get(*index)
                .is_some_and(|rule| rule.effect == Effect::Forbid)
        });
        let mut indices: Vec<_> = evaluation.matched.iter().copied().chain(failed).collect();
        indices.sort_unstable();
        indices
            .into_iter()
            .filter_map(|index| Some((index, self.rules.get(index)?)))
            .collect()
    }

    fn sentences(&self, failed: &BTreeMap<usize, String>) -> Vec<String> {
        let sentence = |(index, error): (&usize, &String)| {
            let rule = self.rules.get(*index)?;
            Some(format!(
                "{} {} could not be evaluated: {error}",
                rule.effect, rule.id
            ))
        };
        failed.iter().filter_map(sentence).collect()
    }
}

impl Rule {
    fn hit(&self) -> MonitorHit {
        MonitorHit {
            policy: self.id.clone(),
            effect: self.effect.to_string(),
            segment: self.segment.clone(),
        }
    }
}
