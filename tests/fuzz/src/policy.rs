//! Policy texts: what an administrator saves.

use nac_policy::{Engine, Facts, MAX_TEXT_LEN};

/// A policy set: loaded or refused with every fault at its place; decided, explained and listed.
pub fn policy_text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let segments = ["staff", "registration", "quarantine", "guest"].map(str::to_owned);
    let engine = match Engine::load(text, &segments) {
        Ok(engine) => engine,
        Err(faults) => {
            assert!(!faults.0.is_empty(), "a refusal says why");
            return;
        }
    };
    assert!(text.len() <= MAX_TEXT_LEN);
    let facts = Facts::default();
    let decision = engine.decide(&facts);
    assert_eq!(
        *decision,
        engine.decide_afresh(&facts),
        "what is remembered is what is computed"
    );
    if let Some(segment) = decision.outcome.segment() {
        assert!(
            segments.iter().any(|known| known == segment),
            "{segment} does not exist"
        );
    }
    assert_eq!(engine.explain(&facts).len(), engine.policies().len());
    for policy in engine.policies() {
        assert!(
            text.contains(&policy.text),
            "a policy's text is part of the set's"
        );
    }
}
