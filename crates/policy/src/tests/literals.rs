use super::{engine, refused};
use crate::{KnownNames, Mark};

/// The stretches of a text that some warning containing `said` underlines.
fn underlined<'a>(text: &'a str, said: &str) -> Vec<&'a str> {
    let engine = engine(text);
    let warnings = engine.warnings().iter();
    warnings
        .filter(|warning| warning.to_string().contains(said))
        .map(|warning| &text[warning.offset..warning.offset + warning.length])
        .collect()
}

fn permit(condition: &str) -> String {
    format!(
        r#"@id("p") @segment("staff")
        permit (principal is User in Group::"staff", action, resource) when {{ {condition} }};"#
    )
}

#[test]
fn a_value_that_a_fact_never_has_is_doubtful_and_the_right_one_is_named() {
    for (condition, literal, help) in [
        (
            r#"context.posture.verdict == "complaint""#,
            r#""complaint""#,
            r#"did you mean "compliant"?"#,
        ),
        (
            r#"context.eap && context.method == "EAP-TLSS""#,
            r#""EAP-TLSS""#,
            r#"did you mean "EAP-TLS"?"#,
        ),
        (
            r#"["MAB", "PEAP"].contains(context.method)"#,
            r#""PEAP""#,
            r#"did you mean "PEAP-MSCHAPv2"?"#,
        ),
        (
            r#"context.eap || !(context.nas.port_type != "Ethernet")"#,
            r#""Ethernet""#,
            r#"did you mean "ethernet"?"#,
        ),
        (
            r#""person" == context.identity.kind"#,
            r#""person""#,
            r#"it is one of "user", "device", "mac", "none""#,
        ),
    ] {
        let text = permit(condition);
        assert_eq!(underlined(&text, help), [literal], "{condition}");
        assert_eq!(underlined(&text, "is never"), [literal], "{condition}");
    }
}

#[test]
fn values_that_a_fact_has_are_not_doubtful() {
    for condition in [
        r#"context.posture.verdict == "compliant" || context.posture.verdict != "stale""#,
        r#"context.method == "PEAP-MSCHAPv2" && context.nas.port_type == "wireless""#,
        r#"context.nas.ssid == "complaint" && context.identity.source == """#,
        "context.time.hour < 24 && context.time.weekday > 0 && context.posture.binding >= 3",
    ] {
        let text = permit(condition);
        assert_eq!(underlined(&text, "never"), [""; 0], "{condition}");
    }
}

#[test]
fn a_number_out_of_reach_is_doubtful() {
    let text = permit("context.eap && context.time.hour > 25");
    assert_eq!(
        underlined(&text, "never comes near 25"),
        ["context.time.hour > 25"]
    );
}

#[test]
fn a_mark_that_no_enforced_forbid_reads_is_doubtful() {
    let forbid = |mode: &str| {
        permit("context.eap")
            + &format!(
                r#"@id("f") {mode} forbid (principal, action, resource)
                when {{ context.device.blocked }};"#
            )
    };
    let marks =
        |text: &str| [Mark::Blocked, Mark::Quarantined].map(|mark| engine(text).heeds(mark));
    assert_eq!(marks(&permit("context.eap")), [false, false]);
    assert_eq!(marks(&forbid("")), [true, false]);
    assert_eq!(marks(&forbid(r#"@mode("monitor")"#)), [false, false]);
    let by_permit = permit("context.eap && !context.device.blocked");
    assert_eq!(marks(&by_permit), [true, false]);
    assert_eq!(marks(crate::STARTER_POLICY), [true, true]);

    let warnings = engine(&forbid("")).warnings().to_vec();
    let said: Vec<_> = warnings
        .iter()
        .filter(|warning| warning.message.contains("nac quarantine add"))
        .collect();
    assert_eq!(said.len(), 1, "{warnings:#?}");
    assert_eq!(said[0].policy, None);
    assert!(
        !warnings
            .iter()
            .any(|w| w.message.contains("nac device block"))
    );
}

#[test]
fn groups_and_checks_that_do_not_exist_are_told_when_the_caller_knows_them() {
    let text = permit(
        r#"context.identity.groups.contains("admin") || principal in Group::"Vpn" ||
        context.posture.failing.containsAny(["linux-firewal", "macos-sip"])"#,
    );
    let engine = engine(&text);
    assert!(engine.speaks_of_groups());
    assert_eq!(engine.unknown_names(&KnownNames::default()), []);
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (groups, checks) = (
        names(&["staff", "vpn"]),
        names(&["linux-firewall", "macos-sip"]),
    );
    let known = KnownNames {
        groups: Some(&groups),
        checks: Some(&checks),
    };
    let found = engine.unknown_names(&known);
    let places: Vec<_> = found
        .iter()
        .map(|fault| &text[fault.offset..fault.offset + fault.length])
        .collect();
    assert_eq!(places, [r#""admin""#, r#""Vpn""#, r#""linux-firewal""#]);
    let said = |index: usize, text: &str| {
        assert!(found[index].to_string().contains(text), "{}", found[index]);
    };
    said(
        0,
        "policy p: nobody is in the group `admin` (groups are case-sensitive)",
    );
    said(1, "did you mean `vpn`? Capital and small letters differ");
    said(2, "did you mean `linux-firewall`?");
}

#[test]
fn a_segment_that_does_not_exist_says_how_to_create_it() {
    let help = |text: &str| refused(text).0.remove(0).help.unwrap_or_default();
    let text = permit("context.eap");
    let management = help(&text.replace(r#"@segment("staff")"#, r#"@segment("management")"#));
    assert!(
        management.ends_with("create it with: nac segment set management --vlan N"),
        "{management}"
    );
    let odd = help(&text.replace(r#"@segment("staff")"#, r#"@segment("a b;c")"#));
    assert!(odd.ends_with("nac segment set NAME --vlan N"), "{odd}");
}
