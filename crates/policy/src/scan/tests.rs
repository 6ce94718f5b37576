use super::*;

fn parts_of(text: &str) -> Vec<&str> {
    let found = statements(text).expect("not deep");
    found
        .iter()
        .flat_map(|statement| &statement.clauses)
        .flat_map(|clause| &clause.parts)
        .map(|span| &text[span.clone()])
        .collect()
}

#[test]
fn a_when_clause_is_split_at_and() {
    let text = r#"permit (principal, action, resource)
        when { context.eap && context.method == "a && b" && (context.eap && true) };"#;
    assert_eq!(
        parts_of(text),
        [
            "context.eap",
            r#"context.method == "a && b""#,
            "(context.eap && true)"
        ]
    );
}

#[test]
fn weaker_signs_keep_a_clause_whole() {
    assert_eq!(parts_of("permit () when { a && b || c };"), ["a && b || c"]);
    assert_eq!(
        parts_of("permit () when { if a then b else c && d };").len(),
        1
    );
}

#[test]
fn an_unless_clause_is_split_at_or() {
    assert_eq!(
        parts_of("permit () unless { a && b || c };"),
        ["a && b", "c"]
    );
}

#[test]
fn annotations_and_scope_are_found_around_comments() {
    let text = "// said ; twice\n@id(\"a\") @flag\nforbid (principal in [x, y], action,\n resource) // end\n;";
    let found = statements(text).expect("not deep");
    assert_eq!(found.len(), 1);
    let names: Vec<_> = found[0]
        .annotations
        .iter()
        .map(|note| &text[note.value.clone()])
        .collect();
    assert_eq!(names, ["\"a\"", "flag"]);
    assert_eq!(found[0].scope.len(), 3);
    assert_eq!(&text[found[0].scope[0].clone()], "principal in [x, y]");
    assert_eq!(&text[found[0].effect.clone()], "forbid");
}

#[test]
fn nonsense_is_scanned_without_a_panic() {
    for text in [
        "",
        "@",
        "@id(",
        "permit (",
        ")))",
        "\"",
        "permit () when",
        "é;ü\"\\",
        ";;",
    ] {
        let _ = statements(text);
    }
}

#[test]
fn deep_nesting_and_endless_policies_are_refused() {
    assert!(statements(&"(".repeat(65)).is_err());
    assert!(statements(&"a && ".repeat(5_000)).is_err());
}
