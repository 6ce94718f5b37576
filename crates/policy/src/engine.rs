//! A checked policy set, ready to decide.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Effect, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, Request, RestrictedExpression,
};
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, MonitorHit, Outcome, RefuseReason};
use crate::deep::with_room;
use crate::facts::Facts;
use crate::fault::{PolicyErrors, PolicyFault};
use crate::load::{self, Draft};
use crate::memo::Memo;
use crate::paths::{PATHS, Value};
use crate::reads::Reads;
use crate::scope::{Party, Scope, Standing, Vocabulary};

/// A policy set that passed every check. Immutable, and shared freely between threads.
pub struct Engine {
    /// By `@order`, then by `@id`, so that the first of several is the one that wins.
    pub(crate) rules: Vec<Rule>,
    pub(crate) text: String,
    pub(crate) principals: Vocabulary,
    pub(crate) resources: Vocabulary,
    slices: Vec<Slice>,
    /// The facts that some policy reads, as indices into [`PATHS`].
    reads: Vec<usize>,
    action: EntityUid,
    authorizer: Authorizer,
    memo: Memo,
    warnings: Vec<PolicyFault>,
}

/// One policy.
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) segment: Option<String>,
    pub(crate) order: i64,
    pub(crate) monitor: bool,
    pub(crate) statement: crate::scan::Statement,
    pub(crate) principal: Scope,
    pub(crate) resource: Scope,
}

/// The policies with one and the same scope. Permits and forbids are kept apart, because Cedar
/// does not tell which permits match once a forbid does.
struct Slice {
    principal: Scope,
    resource: Scope,
    permits: PolicySet,
    forbids: PolicySet,
    size: usize,
}

/// What came of evaluating the policies whose scope fits.
#[derive(Debug, Default)]
pub(crate) struct Evaluation {
    /// Rules whose conditions hold.
    pub(crate) matched: Vec<usize>,
    /// Rules that failed to evaluate, and why.
    pub(crate) failed: BTreeMap<usize, String>,
    considered: usize,
}

/// One policy of a set, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySummary {
    /// Its `@id`, or `policy-N` for the N-th of the text.
    pub id: String,
    /// Its `@title`.
    pub title: Option<String>,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The segment that it names.
    pub segment: Option<String>,
    /// Its `@order`; the smallest wins.
    pub order: i64,
    /// `enforce` or `monitor`.
    pub mode: String,
    /// The line, from 1, in which it starts.
    pub line: usize,
    /// Its source text.
    pub text: String,
}

impl Engine {
    /// Reads a policy text, checks it against [`SCHEMA`](crate::SCHEMA) and against the names of
    /// the segments that exist, and prepares it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, at once.
    pub fn load(text: &str, segments: &[String]) -> Result<Self, PolicyErrors> {
        let internal = |message| {
            let places = load::Places::new(text, &[]);
            PolicyErrors(vec![places.fault(0..0, message, None)])
        };
        with_room(|| {
            let loaded = load::load(text, segments)?;
            Self::compile(text, loaded).map_err(internal)
        })
        .unwrap_or_else(|message| Err(internal(message)))
    }

    /// What is doubtful in the text, in its order.
    #[must_use]
    pub fn warnings(&self) -> &[PolicyFault] {
        &self.warnings
    }

    /// The policies, in the order of the text.
    #[must_use]
    pub fn policies(&self) -> Vec<PolicySummary> {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|rule| rule.statement.span.start);
        let places = load::Places::new(&self.text, &[]);
        let summary = |rule: &Rule| PolicySummary {
            id: rule.id.clone(),
            title: rule.title.clone(),
            effect: rule.effect.to_string(),
            segment: rule.segment.clone(),
            order: rule.order,
            mode: rule.mode().to_owned(),
            line: places.line_and_column(rule.statement.span.start).0,
            text: self.source(&rule.statement.span).to_owned(),
        };
        rules.into_iter().map(summary).collect()
    }

    /// The paths of the facts that this set reads, such as `context.posture.verdict`. Groups and
    /// sites that a scope names come on top.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        self.reads
            .iter()
            .filter_map(|index| PATHS.get(*index))
            .map(ToString::to_string)
            .collect()
    }

    /// Decides. A decision on facts that look the same to this set is remembered.
    #[must_use]
    pub fn decide(&self, facts: &Facts) -> Arc<Decision> {
        let (principal, resource) = self.standings(facts);
        let key = self.key(facts, &principal, &resource);
        if let Some(decision) = self.memo.find(&key) {
            return decision;
        }
        let decision = Arc::new(self.conclude(self.evaluate(facts, &principal, &resource)));
        self.memo.remember(key, Arc::clone(&decision));
        decision
    }

    /// Decides without looking at, or adding to, what is remembered.
    #[must_use]
    pub fn decide_afresh(&self, facts: &Facts) -> Decision {
        let (principal, resource) = self.standings(facts);
        self.conclude(self.evaluate(facts, &principal, &resource))
    }

    /// How many decisions are remembered now.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.memo.len()
    }

    fn compile(text: &str, loaded: load::Loaded) -> Result<Self, String> {
        let mut reads = Reads::default();
        loaded
            .drafts
            .iter()
            .for_each(|draft| reads.extend(Reads::of_policy(&draft.syntax)));
        let principals =
            Vocabulary::of_principals(&reads.principal).map_err(|error| error.to_string())?;
        let resources =
            Vocabulary::of_resources(&reads.resource).map_err(|error| error.to_string())?;

        let mut slices = Vec::new();
        let mut slice_with: HashMap<(Scope, Scope), usize> = HashMap::new();
        let mut rules = Vec::new();
        for (index, draft) in loaded.drafts.into_iter().enumerate() {
            let principal = principals.principal_scope(&draft.syntax.principal);
            let resource = resources.resource_scope(&draft.syntax.resource);
            let policy = draft.policy.new_id(PolicyId::new(index.to_string()));
            let place = *slice_with
                .entry((principal.clone(), resource.clone()))
                .or_insert_with(|| {
                    slices.push(Slice::new(principal.clone(), resource.clone()));
                    slices.len() - 1
                });
            if let Some(slice) = slices.get_mut(place) {
                slice.add(policy)?;
            }
            rules.push(Rule::new(draft, principal, resource));
        }
        Ok(Self {
            rules,
            text: text.to_owned(),
            principals,
            resources,
            slices,
            reads: reads.facts.into_iter().collect(),
            action: uid("Action", "connect")?,
            authorizer: Authorizer::new(),
            memo: Memo::default(),
            warnings: loaded.warnings,
        })
    }

    pub(crate) fn standings<'a>(&self, facts: &'a Facts) -> (Standing<'a>, Standing<'a>) {
        let principal = self.principals.standing(Party::principal(facts));
        (principal, self.resources.standing(Party::resource(facts)))
    }

    /// Everything of the facts that this set can see.
    fn key(&self, facts: &Facts, principal: &Standing<'_>, resource: &Standing<'_>) -> Vec<u8> {
        let mut key = Vec::with_capacity(256);
        self.principals.encode(principal, &mut key);
        self.resources.encode(resource, &mut key);
        for fact in self.reads.iter().filter_map(|index| PATHS.get(*index)) {
            (fact.read)(facts).encode(&mut key);
        }
        key
    }

    fn evaluate(
        &self,
        facts: &Facts,
        principal: &Standing<'_>,
        resource: &Standing<'_>,
    ) -> Result<Evaluation, String> {
        let (request, entities) = self.request(facts, &self.reads)?;
        let fitting =
            |slice: &&Slice| slice.principal.fits(principal) && slice.resource.fits(resource);
        Ok(self.run(self.slices.iter().filter(fitting), &request, &entities))
    }

    fn run<'a>(
        &self,
        slices: impl Iterator<Item = &'a Slice>,
        request: &Request,
        entities: &Entities,
    ) -> Evaluation {
        let mut found = Evaluation::default();
        for slice in slices {
            found.considered += slice.size;
            for policies in [&slice.permits, &slice.forbids] {
                if policies.is_empty() {
                    continue;
                }
                let response = self.authorizer.is_authorized(request, policies, entities);
                found
                    .matched
                    .extend(response.diagnostics().reason().filter_map(rule_index));
                for error in response.diagnostics().errors() {
                    let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
                    if let Some(rule) = rule_index(error.policy_id()) {
                        found.failed.insert(rule, error.inner().to_string());
                    }
                }
            }
        }
        found.matched.sort_unstable();
        found
    }

    /// Cedar's form of the facts, with only those facts in the context that are named.
    pub(crate) fn request(
        &self,
        facts: &Facts,
        reads: &[usize],
    ) -> Result<(Request, Entities), String> {
        let (principal, resource) = self.standings(facts);
        let principal_uid = principal.uid(&self.principals);
        let resource_uid = resource.uid(&self.resources);
        let entities = [
            self.principals.entity(&principal, &principal_uid),
            self.resources.entity(&resource, &resource_uid),
        ];
        let entities = Entities::from_entities(entities.into_iter().flatten(), None)
            .map_err(|error| error.to_string())?;
        let context = context(facts, reads)?;
        Request::new(
            principal_uid,
            self.action.clone(),
            resource_uid,
            context,
            None,
        )
        .map(|request| (request, entities))
        .map_err(|error| error.to_string())
    }

    /// Draws the conclusion from which policies match: the semantics of a set.
    fn conclude(&self, evaluation: Result<Evaluation, String>) -> Decision {
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

    pub(crate) fn source(&self, span: &std::ops::Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Decides without slicing: every policy is evaluated, whatever its scope.
    #[cfg(test)]
    pub(crate) fn decide_unsliced(&self, facts: &Facts) -> Decision {
        let everything: Vec<usize> = (0..PATHS.len()).collect();
        let evaluation = self
            .request(facts, &everything)
            .map(|(request, entities)| self.run(self.slices.iter(), &request, &entities));
        self.conclude(evaluation)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Engine")
            .field("policies", &self.rules.len())
            .field("slices", &self.slices.len())
            .field("remembered", &self.memo.len())
            .finish_non_exhaustive()
    }
}

impl Rule {
    fn new(draft: Draft, principal: Scope, resource: Scope) -> Self {
        Self {
            id: draft.id,
            title: draft.title,
            effect: draft.effect,
            segment: draft.segment,
            order: draft.order,
            monitor: draft.monitor,
            statement: draft.statement,
            principal,
            resource,
        }
    }

    pub(crate) fn mode(&self) -> &'static str {
        if self.monitor { "monitor" } else { "enforce" }
    }

    fn hit(&self) -> MonitorHit {
        MonitorHit {
            policy: self.id.clone(),
            effect: self.effect.to_string(),
            segment: self.segment.clone(),
        }
    }
}

impl Slice {
    fn new(principal: Scope, resource: Scope) -> Self {
        let (permits, forbids) = (PolicySet::new(), PolicySet::new());
        Self {
            principal,
            resource,
            permits,
            forbids,
            size: 0,
        }
    }

    fn add(&mut self, policy: Policy) -> Result<(), String> {
        self.size += 1;
        let policies = match policy.effect() {
            Effect::Permit => &mut self.permits,
            Effect::Forbid => &mut self.forbids,
        };
        policies.add(policy).map_err(|error| error.to_string())
    }
}

/// Inside Cedar, a policy's id is its index among the rules.
fn rule_index(id: &PolicyId) -> Option<usize> {
    let id: &str = id.as_ref();
    id.parse().ok()
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind: EntityTypeName = kind
        .parse()
        .map_err(|error: cedar_policy::ParseErrors| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn context(facts: &Facts, reads: &[usize]) -> Result<Context, String> {
    let mut attributes = Vec::new();
    let mut records: Vec<(&str, Vec<(String, RestrictedExpression)>)> = Vec::new();
    for fact in reads.iter().filter_map(|index| PATHS.get(*index)) {
        let value = expression((fact.read)(facts)).map(|value| (fact.name.to_owned(), value));
        if fact.record.is_empty() {
            attributes.extend(value);
            continue;
        }
        // A record is there even when the only attribute that is read of it is absent.
        match records.last_mut().filter(|(name, _)| *name == fact.record) {
            Some((_, fields)) => fields.extend(value),
            None => records.push((fact.record, value.into_iter().collect())),
        }
    }
    for (name, fields) in records {
        let record = RestrictedExpression::new_record(fields).map_err(|error| error.to_string())?;
        attributes.push((name.to_owned(), record));
    }
    Context::from_pairs(attributes).map_err(|error| error.to_string())
}

fn expression(value: Value<'_>) -> Option<RestrictedExpression> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    match value {
        Value::Bool(value) => Some(RestrictedExpression::new_bool(value)),
        Value::Long(value) => Some(RestrictedExpression::new_long(value)),
        Value::Text(value) => Some(text(value)),
        Value::Set(items) => Some(RestrictedExpression::new_set(
            items.iter().map(|item| text(item)),
        )),
        Value::Absent => None,
    }
}
