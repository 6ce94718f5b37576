//! Why each policy matched or did not, condition by condition.

use cedar_policy::{
    Effect, Entities, EvalResult, Expression, Policy, Request, eval_expression, pst,
};
use serde::{Deserialize, Serialize};

use crate::deep::with_room;
use crate::engine::{Engine, Rule};
use crate::facts::Facts;
use crate::paths::{PATHS, Value};
use crate::reads::Reads;
use crate::scan::Clause;
use crate::scope::{Party, Standing};

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
    /// What its scope asks for, then each part of its `when` and `unless` clauses, in the order of
    /// the text.
    pub conditions: Vec<Condition>,
    /// Its `@title`.
    pub annotation_title: Option<String>,
}

/// One part of a policy's scope, or of its `when` or `unless` clauses.
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

impl PolicyExplanation {
    /// The first condition that keeps this policy from matching.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.holds == Some(false))
    }
}

impl Engine {
    /// How every policy looks at these facts: forbids before permits, each by `@order`, then by
    /// `@id`.
    #[must_use]
    pub fn explain(&self, facts: &Facts) -> Vec<PolicyExplanation> {
        let everything: Vec<usize> = (0..PATHS.len()).collect();
        let explained = with_room(|| {
            let (request, entities) = self.request(facts, &everything)?;
            let case = Case::new(self, facts, request, entities);
            Ok(self.in_order().map(|rule| case.explain(rule)).collect())
        });
        match explained {
            Ok(Ok(explanations)) => explanations,
            Ok(Err(error)) | Err(error) => self.explain_failure(&error),
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Rule> {
        let with = |effect| self.rules.iter().filter(move |rule| rule.effect == effect);
        with(Effect::Forbid).chain(with(Effect::Permit))
    }

    /// Facts that Cedar cannot take in: no policy could look at them.
    fn explain_failure(&self, error: &str) -> Vec<PolicyExplanation> {
        let condition = Condition {
            text: "the facts".to_owned(),
            holds: None,
            seen: Vec::new(),
            error: Some(error.to_owned()),
        };
        self.in_order()
            .map(|rule| rule.explanation(false, vec![condition.clone()]))
            .collect()
    }
}

impl Rule {
    fn explanation(&self, matched: bool, conditions: Vec<Condition>) -> PolicyExplanation {
        PolicyExplanation {
            policy: self.id.clone(),
            effect: self.effect.to_string(),
            segment: self.segment.clone(),
            order: self.order,
            mode: self.mode().to_owned(),
            matched,
            sliced_out: false,
            conditions,
            annotation_title: self.title.clone(),
        }
    }
}

/// One set of facts before the policies of one engine.
struct Case<'a> {
    engine: &'a Engine,
    facts: &'a Facts,
    request: Request,
    entities: Entities,
    principal: Standing<'a>,
    resource: Standing<'a>,
}

impl<'a> Case<'a> {
    fn new(engine: &'a Engine, facts: &'a Facts, request: Request, entities: Entities) -> Self {
        let (principal, resource) = engine.standings(facts);
        Self {
            engine,
            facts,
            request,
            entities,
            principal,
            resource,
        }
    }

    fn explain(&self, rule: &Rule) -> PolicyExplanation {
        let fits = rule.principal.fits(&self.principal) && rule.resource.fits(&self.resource);
        let mut conditions = self.scope(rule);
        let mut matched = fits;
        let mut failed = false;
        let parts = rule.statement.clauses.iter().flat_map(|clause| {
            clause
                .parts
                .iter()
                .map(move |span| (clause, self.engine.source(span)))
        });
        for (clause, text) in parts {
            let mut condition = self.condition(clause, text);
            if fits && !failed {
                self.judge(clause, text, &mut condition);
            }
            match condition.holds {
                // Cedar stops at the first part that does not hold. Those after it may rely on it,
                // so that their errors mean nothing.
                _ if !matched => condition.error = None,
                Some(holds) => matched = holds,
                None => failed = true,
            }
            if failed {
                matched = false;
            }
            conditions.push(condition);
        }
        // A forbid that fails to evaluate counts as matched.
        let matched = matched || (failed && rule.effect == Effect::Forbid);
        PolicyExplanation {
            sliced_out: !fits,
            ..rule.explanation(matched, conditions)
        }
    }

    /// What the scope asks for. Elements that any request fits are left out.
    fn scope(&self, rule: &Rule) -> Vec<Condition> {
        let sides = [
            (0, "principal", rule.principal.fits(&self.principal)),
            (2, "resource", rule.resource.fits(&self.resource)),
        ];
        let condition = |(place, variable, fits): (usize, &str, bool)| {
            let text = self.engine.source(rule.statement.scope.get(place)?);
            let (party, parents) = self.party(variable);
            let mut seen = vec![party];
            seen.extend(text.contains(" in ").then_some(parents));
            (text != variable).then(|| Condition {
                text: text.to_owned(),
                holds: Some(fits),
                seen,
                error: None,
            })
        };
        sides.into_iter().filter_map(condition).collect()
    }

    /// The `principal` or the `resource`, and what it is in.
    fn party(&self, variable: &str) -> ((String, String), (String, String)) {
        let (party, path) = match variable {
            "principal" => (Party::principal(self.facts), "context.identity.groups"),
            _ => (Party::resource(self.facts), "context.nas.site"),
        };
        let parents = match variable {
            "principal" => Value::Set(party.parents).to_string(),
            _ => Value::Text(&self.facts.nas.site).to_string(),
        };
        let name = format!("{}::{:?}", party.kind, party.id);
        ((variable.to_owned(), name), (path.to_owned(), parents))
    }

    /// One part of a clause with what it reads, not judged yet.
    fn condition(&self, clause: &Clause, text: &str) -> Condition {
        let shown = if clause.unless {
            format!("unless {text}")
        } else {
            text.to_owned()
        };
        let mut seen = Vec::new();
        if let Some(reads) = reads_of(text) {
            for (variable, party) in [
                ("principal", &reads.principal),
                ("resource", &reads.resource),
            ] {
                if party.any {
                    let (party, parents) = self.party(variable);
                    seen.extend([party, parents]);
                }
            }
            for fact in reads.facts.iter().filter_map(|index| PATHS.get(*index)) {
                seen.push((fact.to_string(), (fact.read)(self.facts).to_string()));
            }
        }
        Condition {
            text: shown,
            holds: None,
            seen,
            error: None,
        }
    }

    fn judge(&self, clause: &Clause, text: &str, condition: &mut Condition) {
        let result = text
            .parse::<Expression>()
            .map_err(|error| error.to_string())
            .and_then(|expression| {
                eval_expression(&self.request, &self.entities, &expression)
                    .map_err(|error| error.to_string())
            });
        match result {
            Ok(EvalResult::Bool(value)) => condition.holds = Some(value != clause.unless),
            Ok(other) => condition.error = Some(format!("it is {other}, neither true nor false")),
            Err(error) => condition.error = Some(error),
        }
    }
}

/// What a part of a clause reads. The line break ends a comment that the part may end with.
fn reads_of(text: &str) -> Option<Reads> {
    let policy = format!("permit (principal, action, resource) when {{ {text}\n}};");
    match Policy::parse(None, policy).ok()?.to_pst().ok()? {
        pst::Policy::Static(policy) => Some(Reads::of_policy(policy.body())),
        pst::Policy::Linked(_) => None,
    }
}

#[cfg(test)]
mod tests;
