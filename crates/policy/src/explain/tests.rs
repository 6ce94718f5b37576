use crate::{Engine, Facts, IdentityKind, PolicyExplanation, STARTER_POLICY, Verdict};

const STAFF: &str = r#"@id("staff") @title("Staff") @segment("staff") @order("7")
permit (principal in Group::"staff", action, resource in Site::"hq")
when { context.eap && context.posture.verdict != "failing" }
unless { context.device.labels.contains("lost") || context.posture has age_s && context.posture.age_s > 60 };"#;

fn facts() -> Facts {
    let mut facts = Facts {
        method: "EAP-TLS".to_owned(),
        ..Facts::default()
    };
    facts.identity.kind = IdentityKind::User;
    facts.identity.name = "alice".to_owned();
    facts.identity.groups = vec!["ops".to_owned(), "staff".to_owned()];
    facts.nas.client = "sw-1".to_owned();
    facts.nas.site = "hq".to_owned();
    facts
}

fn explain(text: &str, facts: &Facts) -> Vec<PolicyExplanation> {
    let segments = [
        "staff",
        "registration",
        "quarantine",
        "guest",
        "guest-activation",
        "devices",
    ]
    .map(str::to_owned);
    let engine = Engine::load(text, &segments).unwrap_or_else(|errors| panic!("{errors}"));
    engine.explain(facts)
}

/// One line for each condition: its text, whether it holds, what it saw.
fn lines(explanation: &PolicyExplanation) -> Vec<String> {
    let line = |condition: &crate::Condition| {
        let holds = match condition.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "open",
        };
        let seen: Vec<_> = condition
            .seen
            .iter()
            .map(|(path, value)| format!("{path} = {value}"))
            .collect();
        format!("{holds}: {} | {}", condition.text, seen.join(", "))
    };
    explanation.conditions.iter().map(line).collect()
}

#[test]
fn a_matching_policy_shows_every_condition_and_what_it_saw() {
    let found = explain(STAFF, &facts());
    assert!(found[0].matched);
    assert_eq!(found[0].annotation_title.as_deref(), Some("Staff"));
    assert_eq!((found[0].order, found[0].mode.as_str()), (7, "enforce"));
    assert_eq!(
        lines(&found[0]),
        [
            r#"yes: principal in Group::"staff" | principal = User::"alice", context.identity.groups = [ops, staff]"#,
            r#"yes: resource in Site::"hq" | resource = Client::"sw-1", context.nas.site = hq"#,
            "yes: context.eap | context.eap = true",
            r#"yes: context.posture.verdict != "failing" | context.posture.verdict = unknown"#,
            r#"yes: unless context.device.labels.contains("lost") | context.device.labels = []"#,
            "yes: unless context.posture has age_s && context.posture.age_s > 60 | context.posture.age_s = absent",
        ]
    );
    assert_eq!(found[0].obstacle(), None);
}

#[test]
fn the_condition_that_stood_in_the_way_is_named() {
    let mut facts = facts();
    facts.posture.verdict = Verdict::Failing;
    let found = explain(STAFF, &facts);
    assert!(!found[0].matched && !found[0].sliced_out);
    let obstacle = found[0].obstacle().expect("something stood in the way");
    assert_eq!(obstacle.text, r#"context.posture.verdict != "failing""#);
    assert_eq!(
        obstacle.seen,
        [("context.posture.verdict".to_owned(), "failing".to_owned())]
    );

    facts.posture.age_s = Some(61);
    facts.posture.verdict = Verdict::Compliant;
    let found = explain(STAFF, &facts);
    let obstacle = found[0].obstacle().expect("something stood in the way");
    assert!(
        obstacle
            .text
            .starts_with("unless context.posture has age_s")
    );
}

#[test]
fn a_scope_that_does_not_fit_leaves_the_conditions_open() {
    let mut facts = facts();
    facts.nas.site = "lab".to_owned();
    let found = explain(STAFF, &facts);
    assert!(!found[0].matched && found[0].sliced_out);
    let obstacle = found[0].obstacle().expect("the scope stood in the way");
    assert_eq!(obstacle.text, r#"resource in Site::"hq""#);
    assert!(
        found[0]
            .conditions
            .iter()
            .skip(2)
            .all(|condition| condition.holds.is_none())
    );
}

#[test]
fn a_condition_behind_a_false_one_raises_no_error() {
    let text = r#"@id("fresh") @segment("staff") permit (principal, action, resource)
        when { context.posture has age_s && context.posture.age_s < 60 && principal is User };"#;
    let found = explain(text, &facts());
    assert_eq!(
        lines(&found[0]),
        [
            "no: context.posture has age_s | context.posture.age_s = absent",
            "open: context.posture.age_s < 60 | context.posture.age_s = absent",
            r#"yes: principal is User | principal = User::"alice", context.identity.groups = [ops, staff]"#,
        ]
    );
    assert!(
        found[0]
            .conditions
            .iter()
            .all(|condition| condition.error.is_none())
    );
}

#[test]
fn a_forbid_that_fails_counts_as_matched_and_says_why() {
    let overflow = "context.time.unix_s * 9223372036854775807 > 0";
    let text = format!(
        r#"@id("bad") forbid (principal, action, resource)
           when {{ context.eap && {overflow} && context.device.known }};
           @id("bad-too") @segment("staff") permit (principal, action, resource)
           when {{ {overflow} }};"#
    );
    let mut facts = facts();
    facts.time.unix_s = 2;
    let found = explain(&text, &facts);
    assert!(found[0].matched && !found[1].matched);
    assert!(
        found[0].conditions[1]
            .error
            .as_deref()
            .is_some_and(|e| e.contains("overflow"))
    );
    assert_eq!(found[0].conditions[2].holds, None);
}

#[test]
fn forbids_come_first_and_each_kind_by_order() {
    let found = explain(STARTER_POLICY, &facts());
    let ids: Vec<_> = found
        .iter()
        .map(|explanation| explanation.policy.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "blocked-devices",
            "quarantined-devices",
            "unhealthy-devices",
            "downgraded-devices",
            "staff-eap",
            "guests",
            "guests-to-confirm",
            "registered-devices",
            "mac-registration"
        ]
    );
}
