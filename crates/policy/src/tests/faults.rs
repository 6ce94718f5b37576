use super::{engine, refused};
use crate::MAX_TEXT_LEN;

#[test]
fn every_fault_is_reported_at_once_and_in_its_place() {
    let text = r#"@id("one") @segment("stuff")
permit (principal in Group::"staff", action, resource)
when { context.postur.verdict == "failing" };

@id("two") @order("soon") @mode("watch")
permit (principal is Usr, action, resource);

@id("one") @segmnt("staff")
forbid (principal, action, resource) when { context.method == 3 };
"#;
    let faults = refused(text).0;
    let found: Vec<_> = faults
        .iter()
        .map(|fault| (fault.line, &text[fault.offset..fault.offset + fault.length]))
        .collect();
    for expected in [
        (1, r#""stuff""#),
        (3, "context.postur.verdict"),
        (5, r#""soon""#),
        (5, r#""watch""#),
        (6, "permit"),
        (6, "Usr"),
        (8, r#""one""#),
        (8, "segmnt"),
        (9, "context.method == 3"),
    ] {
        assert!(
            found.contains(&expected),
            "{expected:?} is not in {found:#?}"
        );
    }
    let said = |line: usize, text: &str| {
        let mut there = faults.iter().filter(|fault| fault.line == line);
        assert!(
            there.any(|fault| fault.to_string().contains(text)),
            "line {line} does not say {text:?}: {faults:#?}"
        );
    };
    said(1, "did you mean `staff`?");
    said(3, "did you mean `posture`?");
    said(6, "did you mean `User`?");
    said(6, "a permit has to name a segment");
    said(8, "taken by the policy in line 1");
    said(8, "did you mean @segment?");
    assert!(faults.iter().all(|fault| fault.policy.is_some()));
    assert!(
        faults
            .iter()
            .all(|fault| !fault.message.contains("policy0")),
        "{faults:#?}"
    );
    assert!(faults.is_sorted_by_key(|fault| fault.offset));
}

#[test]
fn a_syntax_error_says_where_and_what_was_expected() {
    let errors = refused("@segment(\"staff\")\npermit (principal, action resource);");
    let fault = &errors.0[0];
    assert_eq!((fault.line, fault.column), (2, 27), "{errors}");
    assert!(
        fault
            .help
            .as_deref()
            .unwrap_or_default()
            .contains("expected"),
        "{errors}"
    );
}

#[test]
fn columns_count_characters_not_bytes() {
    let errors =
        refused("@title(\"größe\") @segment(\"nö\") permit (principal, action, resource);");
    assert_eq!((errors.0[0].column, errors.0[0].length), (26, 5));
}

#[test]
fn an_optional_fact_has_to_be_asked_for_first() {
    let policy = |condition: &str| {
        format!("@segment(\"staff\") permit (principal, action, resource) when {{ {condition} }};")
    };
    assert!(
        refused(&policy("context.posture.age_s < 60")).0[0]
            .message
            .contains("optional")
    );
    engine(&policy(
        "context.posture has age_s && context.posture.age_s < 60",
    ));
}

#[test]
fn templates_are_refused() {
    let errors = refused("@segment(\"staff\") permit (principal == ?principal, action, resource);");
    assert!(errors.0[0].message.contains("templates"), "{errors}");
}

#[test]
fn policies_without_an_id_are_named_by_their_place() {
    let engine = engine(
        "forbid (principal, action, resource);\n\n@id(\"x\") forbid (principal, action, resource);
        forbid (principal, action, resource);",
    );
    let policies = engine.policies();
    let found: Vec<_> = policies
        .iter()
        .map(|policy| (policy.id.as_str(), policy.line))
        .collect();
    assert_eq!(found, [("policy-1", 1), ("x", 3), ("policy-3", 4)]);
    assert_eq!(policies[0].text, "forbid (principal, action, resource);");
}

#[test]
fn a_text_beyond_the_limit_is_refused() {
    let errors = refused(&"// padding\n".repeat(MAX_TEXT_LEN / 10));
    assert!(errors.0[0].message.contains("1048576"), "{errors}");
}

fn policy(condition: &str) -> String {
    format!("@segment(\"staff\") permit (principal, action, resource) when {{ {condition} }};")
}

#[test]
fn deep_and_long_policies_are_refused() {
    let nested = "(".repeat(100) + "context.eap" + &")".repeat(100);
    assert!(refused(&policy(&nested)).0[0].message.contains("nested"));
    let chained = vec!["context.eap"; 500].join(" && ");
    assert!(
        refused(&policy(&chained)).0[0]
            .message
            .contains("words and signs")
    );
    let list = vec!["\"printer\""; 5_000].join(", ");
    engine(&policy(&format!(
        "context.eap && context.device.labels.containsAny([{list}])"
    )));
}

/// The shapes that recurse, each as deep as it is let through. This runs on a small stack.
#[test]
fn the_deepest_policies_that_are_let_through_are_safe() {
    let facts = super::staff();
    let shapes = [
        policy(&("(".repeat(62) + "context.eap" + &")".repeat(62))),
        policy(&vec!["context.eap"; 240].join(" && ")),
        policy(&vec!["true"; 490].join(" || ")),
        policy(&(vec!["1"; 480].join(" + ") + " > 1")),
        policy(&("if context.eap then true else ".repeat(130) + "true")),
        policy(&("!".repeat(3) + "!context.eap")),
        policy("true").replace(';', &(" when { true }".repeat(230) + ";")),
    ];
    for shape in shapes {
        let engine = engine(&shape);
        let decision = engine.decide(&facts);
        assert!(decision.errors.len() <= 1, "{shape}");
        assert!(
            decision.policy.is_some() || decision.errors.len() == 1,
            "{shape}"
        );
        let _ = engine.explain(&facts);
    }
    for chain in [".eap".repeat(480), ".toDays()".repeat(240)] {
        refused(&policy(&format!("context{chain}")));
    }
}
