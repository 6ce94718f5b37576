use super::{engine, mac, staff};
use crate::{MonitorHit, Outcome, RefuseReason};

const PERMIT: &str = r#"@id("in") @segment("staff") permit (principal, action, resource)
    when { context.eap };"#;
/// Multiplies beyond 64 bits: the only kind of error that a checked policy can still make.
const ERRS: &str = "context.posture.binding * 9223372036854775807 > 0";

fn segment(name: &str) -> Outcome {
    Outcome::Segment(name.to_owned())
}

#[test]
fn a_forbid_wins_over_a_permit_of_a_smaller_order() {
    let decision = engine(&format!(
        r#"@order("1") {PERMIT} @id("no") @order("9") forbid (principal, action, resource);"#
    ))
    .decide(&staff());
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::Forbidden));
    assert_eq!(decision.policy.as_deref(), Some("no"));
    assert_eq!(decision.matched, ["no", "in"]);
}

#[test]
fn a_forbid_with_a_segment_moves_but_never_lets_in() {
    let engine = engine(&format!(
        r#"{PERMIT} @id("move") @segment("quarantine") forbid (principal, action, resource);"#
    ));
    assert_eq!(engine.decide(&staff()).outcome, segment("quarantine"));
    assert_eq!(engine.decide(&staff()).policy.as_deref(), Some("move"));
    let decision = engine.decide(&mac());
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::NoPermit));
    assert_eq!(decision.policy, None);
    assert_eq!(decision.matched, ["move"]);
}

#[test]
fn a_refusing_forbid_beats_moving_ones_and_then_the_smallest_order_wins() {
    let moving = r#"@id("m1") @order("2") @segment("guest") forbid (principal, action, resource);
        @id("m0") @order("1") @segment("quarantine") forbid (principal, action, resource);"#;
    let decision = engine(&format!("{PERMIT} {moving}")).decide(&staff());
    assert_eq!(
        (decision.outcome.clone(), decision.policy.as_deref()),
        (segment("quarantine"), Some("m0"))
    );
    let refusing = r#"@id("r") @order("99") forbid (principal, action, resource);"#;
    let decision = engine(&format!("{PERMIT} {moving} {refusing}")).decide(&staff());
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::Forbidden));
    assert_eq!(decision.matched, ["m0", "m1", "r", "in"]);
}

#[test]
fn the_smallest_order_wins_and_ties_go_by_id() {
    let permit = |id: &str, order: &str, segment: &str| {
        format!(
            r#"@id("{id}") {order} @segment("{segment}")
               permit (principal, action, resource) when {{ context.eap }};"#
        )
    };
    let text = permit("b", "", "guest") + &permit("a", "@order(\"1000\")", "staff");
    assert_eq!(engine(&text).decide(&staff()).policy.as_deref(), Some("a"));
    let text = text + &permit("z", "@order(\"-5\")", "printers");
    let decision = engine(&text).decide(&staff());
    assert_eq!(decision.outcome, segment("printers"));
    assert_eq!(decision.matched, ["z", "a", "b"]);
}

#[test]
fn a_monitored_policy_is_reported_and_changes_nothing() {
    let text = format!(
        r#"{PERMIT}
        @id("watch-no") @mode("monitor") forbid (principal, action, resource);
        @id("watch-in") @mode("monitor") @order("1") @segment("guest")
        permit (principal, action, resource);"#
    );
    let engine = engine(&text);
    let decision = engine.decide(&staff());
    assert_eq!(decision.outcome, segment("staff"));
    assert_eq!(decision.matched, ["in"]);
    let hit = |policy: &str, effect: &str, segment: Option<&str>| MonitorHit {
        policy: policy.to_owned(),
        effect: effect.to_owned(),
        segment: segment.map(str::to_owned),
    };
    assert_eq!(
        decision.monitored,
        [
            hit("watch-in", "permit", Some("guest")),
            hit("watch-no", "forbid", None),
        ]
    );
    assert_eq!(
        engine.decide(&mac()).outcome,
        Outcome::Refuse(RefuseReason::NoPermit)
    );
}

#[test]
fn a_forbid_that_fails_counts_as_matched_and_is_shown() {
    let mut facts = staff();
    facts.posture.binding = 4;
    let text =
        format!("{PERMIT} @id(\"bad\") forbid (principal, action, resource) when {{ {ERRS} }};");
    let decision = engine(&text).decide(&facts);
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::PolicyError));
    assert_eq!(decision.policy.as_deref(), Some("bad"));
    assert!(decision.errors[0].starts_with("forbid bad could not be evaluated: "));

    let moving = text.replace("@id(\"bad\")", "@id(\"bad\") @segment(\"quarantine\")");
    let decision = engine(&moving).decide(&facts);
    assert_eq!(decision.outcome, segment("quarantine"));
    assert_eq!(decision.errors.len(), 1);
}

#[test]
fn a_permit_that_fails_does_not_match_and_is_shown() {
    let mut facts = staff();
    facts.posture.binding = 4;
    let bad = format!(
        r#"@id("bad") @segment("staff") permit (principal, action, resource) when {{ {ERRS} }};"#
    );
    let decision = engine(&bad).decide(&facts);
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::PolicyError));
    assert_eq!(
        (decision.policy.as_deref(), decision.errors.len()),
        (None, 1)
    );

    let decision = engine(&format!("{bad} {PERMIT}")).decide(&facts);
    assert_eq!(decision.outcome, segment("staff"));
    assert_eq!(decision.matched, ["in"]);
    assert_eq!(decision.errors.len(), 1);
}

#[test]
fn a_monitored_policy_that_fails_refuses_nobody() {
    let mut facts = staff();
    facts.posture.binding = 4;
    let watch = "@id(\"bad\") @mode(\"monitor\")";
    let body = format!("(principal, action, resource) when {{ {ERRS} }};");
    let decision = engine(&format!("{PERMIT} {watch} forbid {body}")).decide(&facts);
    assert_eq!(decision.outcome, segment("staff"));
    assert_eq!((decision.monitored.len(), decision.errors.len()), (1, 1));
    let decision = engine(&format!("{watch} @segment(\"staff\") permit {body}")).decide(&facts);
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::NoPermit));
}

#[test]
fn an_empty_set_refuses_everybody() {
    let decision = engine("// nothing here yet").decide(&staff());
    assert_eq!(decision.outcome, Outcome::Refuse(RefuseReason::NoPermit));
    assert_eq!(decision.considered, 0);
}

#[test]
fn only_policies_whose_scope_fits_are_considered() {
    let engine = engine(
        r#"@id("hq") @segment("staff")
           permit (principal is User, action, resource in Site::"hq");
           @id("lab") @segment("guest")
           permit (principal is User, action, resource in Site::"lab");
           @id("one") @segment("guest")
           permit (principal == User::"bob", action, resource == Client::"sw-1");
           @id("group") @segment("printers") @order("1")
           permit (principal in Group::"ops", action, resource is Client in Site::"hq");"#,
    );
    let mut facts = staff();
    let decision = engine.decide(&facts);
    assert_eq!(
        (decision.considered, decision.matched.as_slice()),
        (1, &["hq".to_owned()][..])
    );
    facts.identity.name = "bob".to_owned();
    facts.identity.groups.push("ops".to_owned());
    let decision = engine.decide(&facts);
    assert_eq!(
        (decision.considered, &decision.matched[..]),
        (
            3,
            &["group".to_owned(), "hq".to_owned(), "one".to_owned()][..]
        )
    );
}

#[test]
fn a_decision_survives_its_journey_through_json() {
    let decision = engine(PERMIT).decide(&staff());
    let json = serde_json::to_string(&*decision).expect("a decision is plain data");
    assert!(json.contains(r#""outcome":{"segment":"staff"}"#), "{json}");
    let back: crate::Decision = serde_json::from_str(&json).expect("it was just written");
    assert_eq!(back, *decision);
    let facts: crate::Facts = serde_json::from_str(r#"{"method":"PAP"}"#).expect("older facts");
    assert_eq!(facts.method, "PAP");
}

#[test]
fn an_engine_is_shared_between_threads() {
    let engine = engine(PERMIT);
    let decisions = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| engine.decide(&staff()).outcome.clone()))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("it decides"))
            .collect::<Vec<_>>()
    });
    assert!(decisions.iter().all(|outcome| *outcome == segment("staff")));
}
