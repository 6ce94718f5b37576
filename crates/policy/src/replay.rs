//! Recorded facts, decided again by two policies: what a change of the policy would have changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::decision::Decision;
use crate::engine::Engine;
use crate::facts::Facts;

/// Two policies that answer the same facts. Because both are asked, a difference comes from the policies alone and never from
/// what has happened since the facts were recorded.
#[derive(Debug)]
pub struct Replay {
    before: Engine,
    after: Engine,
    reads: BTreeSet<String>,
}

/// How two policies answer the same facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The answer of the policy before the change.
    pub before: Arc<Decision>,
    /// The answer of the policy after it.
    pub after: Arc<Decision>,
}

impl Replay {
    /// Of a policy and what is to take its place.
    #[must_use]
    pub fn new(before: Engine, after: Engine) -> Self {
        let reads = before.reads().into_iter().chain(after.reads()).collect();
        Self {
            before,
            after,
            reads,
        }
    }

    /// Decides by both.
    #[must_use]
    pub fn decide(&self, facts: &Facts) -> Replayed {
        Replayed {
            before: self.before.decide(facts),
            after: self.after.decide(facts),
        }
    }

    /// Those of the facts that were [not recorded](unrecorded) without which one of the two cannot answer as it would have.
    #[must_use]
    pub fn misses<'a>(&self, unrecorded: &'a [String]) -> Vec<&'a str> {
        let read = |path: &&String| self.reads.contains(*path);
        unrecorded.iter().filter(read).map(String::as_str).collect()
    }
}

impl Replayed {
    /// Whether the outcome differs. Two refusals are the same outcome, whatever their reason.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.before.outcome.segment() != self.after.outcome.segment()
    }
}

/// The facts of today that recorded facts lack, by path (`context.device.psk`): an older release did not know them, and reading
/// them gives their default.
#[must_use]
pub fn unrecorded(recorded: &Value) -> Vec<String> {
    // Facts are plain data, so they have a JSON form.
    let today = serde_json::to_value(Facts::default()).unwrap_or_default();
    let mut missing = Vec::new();
    for (name, fact) in today.as_object().into_iter().flatten() {
        let path = format!("context.{name}");
        let then = recorded.get(name);
        match fact.as_object() {
            None if then.is_none() => missing.push(path),
            None => {}
            Some(record) => missing.extend(
                record
                    .keys()
                    .filter(|key| then.is_none_or(|then| then.get(key.as_str()).is_none()))
                    .map(|key| format!("{path}.{key}")),
            ),
        }
    }
    missing.sort();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(text: &str) -> Engine {
        let segments = ["staff", "printers"].map(str::to_owned);
        Engine::load(text, &segments).unwrap_or_else(|errors| panic!("{errors}"))
    }

    const STAFF: &str = "@segment(\"staff\") permit (principal is User, action, resource);";

    #[test]
    fn only_the_policies_make_a_difference() {
        let same = Replay::new(engine(STAFF), engine(STAFF));
        let narrower =
            format!("{STAFF}\nforbid (principal, action, resource) when {{ !context.eap }};");
        let other = Replay::new(engine(STAFF), engine(&narrower));
        let mut facts = Facts::default();
        facts.identity.kind = crate::IdentityKind::User;
        facts.method = "PAP".to_owned();
        assert!(!same.decide(&facts).differs());
        let replayed = other.decide(&facts);
        assert!(replayed.differs());
        assert_eq!(replayed.before.outcome.segment(), Some("staff"));
        assert_eq!(replayed.after.outcome.segment(), None);
        facts.method = "EAP-TLS".to_owned();
        assert!(!other.decide(&facts).differs());
        // Nobody is let in by either, once for want of a permit and once by the forbid.
        facts.method = "MAB".to_owned();
        facts.identity.kind = crate::IdentityKind::Mac;
        assert!(!other.decide(&facts).differs());
    }

    #[test]
    fn a_fact_that_was_not_recorded_is_missed_only_where_a_policy_reads_it() {
        let mut recorded = serde_json::to_value(Facts::default()).expect("JSON");
        assert_eq!(unrecorded(&recorded), Vec::<String>::new());
        recorded["device"]
            .as_object_mut()
            .expect("a record")
            .remove("psk");
        recorded.as_object_mut().expect("a record").remove("method");
        let missing = unrecorded(&recorded);
        assert_eq!(missing, ["context.device.psk", "context.method"]);

        let psk =
            "@segment(\"staff\") permit (principal, action, resource) when { context.device.psk };";
        let reads = Replay::new(engine(STAFF), engine(psk));
        assert_eq!(reads.misses(&missing), ["context.device.psk"]);
        let neither = Replay::new(engine(STAFF), engine(STAFF));
        assert!(neither.misses(&missing).is_empty());
    }
}
