//! A checked policy set, ready to decide.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Effect, Entities, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Request,
};
use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::deep::with_room;
use crate::facts::Facts;
use crate::fault::{PolicyErrors, PolicyFault};
use crate::guard;
use crate::heed::Mark;
use crate::load::{self, Draft};
use crate::memo::Memo;
use crate::names::Mention;
use crate::paths::PATHS;
use crate::reads::Reads;
use crate::scope::{Party, Scope, Standing, Vocabulary};
use crate::slice::Slice;

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
    pub(crate) action: EntityUid,
    authorizer: Authorizer,
    memo: Memo,
    warnings: Vec<PolicyFault>,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) unheeded: Vec<Mark>,
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

/// What came of evaluating the policies whose scope fits.
#[derive(Debug, Default)]
pub(crate) struct Evaluation {
    /// Rules whose conditions hold.
    pub(crate) matched: Vec<usize>,
    /// Rules that failed to evaluate, and why.
    pub(crate) failed: BTreeMap<usize, String>,
    /// How many policies had a scope that fits.
    pub(crate) considered: usize,
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
        let principals = Vocabulary::of_principals(&reads.principal)?;
        let resources = Vocabulary::of_resources(&reads.resource)?;

        let mut slices = Vec::new();
        let mut slice_with: HashMap<(Scope, Scope), usize> = HashMap::new();
        let mut rules = Vec::new();
        for (index, draft) in loaded.drafts.into_iter().enumerate() {
            let principal = principals.principal_scope(&draft.syntax.principal);
            let resource = resources.resource_scope(&draft.syntax.resource);
            let guards = guard::of_policy(&draft.syntax);
            let policy = draft.policy.new_id(PolicyId::new(index.to_string()));
            let place = *slice_with
                .entry((principal.clone(), resource.clone()))
                .or_insert_with(|| {
                    slices.push(Slice::new(principal.clone(), resource.clone()));
                    slices.len() - 1
                });
            if let Some(slice) = slices.get_mut(place) {
                slice.add(policy, guards)?;
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
            mentions: loaded.mentions,
            unheeded: loaded.unheeded,
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
        let mut queue = Vec::new();
        let mut considered = 0;
        for slice in self
            .slices
            .iter()
            .filter(|slice| slice.fits(principal, resource))
        {
            considered += slice.len();
            slice.queue(facts, &mut queue);
        }
        if queue.is_empty() {
            return Ok(Evaluation {
                considered,
                ..Evaluation::default()
            });
        }
        let (request, entities) = self.request(facts, &self.reads)?;
        Ok(Evaluation {
            considered,
            ..self.run(queue, &request, &entities)
        })
    }

    fn run<'a>(
        &self,
        queue: impl IntoIterator<Item = &'a PolicySet>,
        request: &Request,
        entities: &Entities,
    ) -> Evaluation {
        let mut found = Evaluation::default();
        for policies in queue {
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
        found.matched.sort_unstable();
        found
    }

    pub(crate) fn source(&self, span: &std::ops::Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Decides as Cedar alone would: every policy is evaluated on all the facts.
    #[cfg(test)]
    pub(crate) fn decide_unsliced(&self, facts: &Facts) -> Decision {
        let everything: Vec<usize> = (0..PATHS.len()).collect();
        let evaluation = self.request(facts, &everything).map(|(request, entities)| {
            let whole = self.slices.iter().flat_map(Slice::whole);
            let considered = self.rules.len();
            Evaluation {
                considered,
                ..self.run(whole, &request, &entities)
            }
        });
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
