//! Policies: checked, applied, rolled back.

use crate::site::Site;

const GOOD: &str = r#"@id("printers")
@segment("registration")
@order("10")
permit (principal is Mac, action == Action::"connect", resource)
when { context.device.labels.contains("printer") };
"#;

#[test]
fn a_faulty_policy_is_underlined_and_not_applied() {
    let site = Site::new();
    let faulty = site.file(
        "bad.cedar",
        &GOOD.replace("\"registration\"", "\"nowhere\""),
    );
    for command in ["check", "apply"] {
        let run = site.run(&["policy", command, &faulty]).ends(1);
        run.says(&["the policy has", "nowhere", "bad.cedar:", "─"]);
    }
    let broken = site.file("broken.cedar", "permit (principal, action resource);");
    site.run(&["policy", "check", &broken])
        .ends(1)
        .says(&["broken.cedar:1:"]);
    let unknown = site.file("unknown.cedar", &GOOD.replace("labels", "lables"));
    site.run(&["policy", "apply", &unknown])
        .ends(1)
        .says(&["lables"]);
    assert_eq!(
        site.json(&["policy", "history"]).as_array().map(Vec::len),
        Some(1)
    );
    let run = site.run(&["policy", "check", &faulty, "--json"]).ends(1);
    let error: serde_json::Value = serde_json::from_str(&run.err).expect("JSON");
    assert!(error["faults"][0]["line"].is_u64());
}

#[test]
fn a_policy_is_applied_shown_and_rolled_back() {
    let site = Site::new();
    let file = site.file("good.cedar", GOOD);
    site.run(&["policy", "check", &file])
        .ends(0)
        .says(&["printers", "registration", "is good"]);
    let apply = ["policy", "apply", &file, "--note", "printers"];
    site.run(&apply)
        .ends(0)
        .says(&["version 2 decides from now on (1 policy)"]);
    site.run(&apply)
        .ends(0)
        .says(&["version 2 holds this text already"]);
    assert_eq!(site.run(&["policy", "show"]).ends(0).out, GOOD);
    let first = site.run(&["policy", "show", "1"]).ends(0).out;
    assert_eq!(first, nac_policy::STARTER_POLICY);
    site.run(&["policy", "rollback", "1"])
        .ends(0)
        .says(&["version 3 decides from now on"]);
    assert_eq!(site.run(&["policy", "show"]).ends(0).out, first);
    site.run(&["policy", "history"])
        .ends(0)
        .says(&["printers", "rolled back to version 1"]);
    site.run(&["policy", "rollback", "99"]).ends(1);
    site.run(&["policy", "show", "99"]).ends(1);
}

#[test]
fn a_policy_is_checked_without_a_database_when_the_segments_are_named() {
    let site = Site::new();
    let file = site.file("good.cedar", GOOD);
    site.run_bare(&["policy", "check", &file])
        .ends(2)
        .says(&["--segment NAME"]);
    site.run_bare(&["policy", "check", &file, "--segment", "registration"])
        .ends(0);
    site.run_bare(&["policy", "check", &file, "--segment", "staff"])
        .ends(1);
    site.run(&["policy", "check", "nowhere.cedar"])
        .ends(3)
        .says(&["no such file"]);
}

const CASES: &str = r#"
[facts]
method = "MAB"
identity = { kind = "mac" }

[[case]]
name = "a printer"
facts = { device = { known = true, labels = ["printer"] } }
expect = "registration"
policy = "printers"

[[case]]
name = "a stranger"
expect = "refused"
"#;

#[test]
fn written_cases_are_decided_and_what_does_not_hold_is_explained() {
    let site = Site::new();
    let policy = site.file("good.cedar", GOOD);
    site.run(&["policy", "test", &policy])
        .ends(3)
        .says(&["good.test.toml", "no such file"]);
    let cases = site.file("good.test.toml", CASES);
    site.run(&["policy", "test", &policy]).ends(0).says(&[
        "✔ a printer → registration by printers",
        "✔ a stranger → refused",
        "all 2 cases hold",
    ]);
    let wrong = site.file(
        "wrong.toml",
        &CASES.replace("expect = \"refused\"", "expect = \"registration\""),
    );
    let run = site.run(&["policy", "test", &policy, &wrong]).ends(1);
    run.says(&[
        "✘ a stranger → refused; expected registration",
        "does not hold",
        "context.device.labels is []",
        "1 of 2 cases fail",
    ]);
    let json = site
        .run(&["policy", "test", &policy, &wrong, "--json"])
        .ends(1)
        .json();
    assert_eq!(json["ok"], false);
    assert_eq!(json["cases"][1]["got"], "refused");
    assert_eq!(json["cases"][0]["policy"], "printers");
    // The starter policy has another name for it.
    site.run(&["policy", "test", "--current", &cases]).ends(1);
    site.run(&["policy", "test", "--current", &policy, &cases])
        .ends(2);
    site.run(&["policy", "test"]).ends(2);
    let bare = [
        "policy",
        "test",
        &policy,
        &cases,
        "--segment",
        "registration",
    ];
    site.run_bare(&bare).ends(0);
}

#[test]
fn cases_that_cannot_be_used_are_underlined() {
    let site = Site::new();
    let policy = site.file("good.cedar", GOOD);
    for (right, wrong, said) in [
        ("labels", "lables", "did you mean `labels`?"),
        ("expect", "expects", "unknown field"),
        ("\"mac\"", "\"robot\"", "unknown variant"),
        ("[[case]]", "[[cases]]", "unknown field"),
    ] {
        let cases = site.file("cases.toml", &CASES.replace(right, wrong));
        site.run(&["policy", "test", &policy, &cases])
            .ends(3)
            .says(&[said, "cases.toml"]);
    }
    let none = site.file("none.toml", "");
    site.run(&["policy", "test", &policy, &none])
        .ends(3)
        .says(&["there is no case to test"]);
}

#[test]
fn a_policy_whose_cases_fail_is_not_applied() {
    let site = Site::new();
    let policy = site.file("good.cedar", GOOD);
    site.file(
        "good.test.toml",
        &CASES.replace("\"printers\"", "\"somebody-else\""),
    );
    site.run(&["policy", "apply", &policy]).ends(1).says(&[
        "1 of 2 test cases fail, the first is \"a printer\"",
        "nothing was applied",
    ]);
    let history = site.json(&["policy", "history"]);
    assert_eq!(history.as_array().map(Vec::len), Some(1));
    site.file("good.test.toml", CASES);
    site.run(&["policy", "apply", &policy]).ends(0);
}

#[test]
fn where_nobody_came_nobody_would_get_another_answer() {
    let site = Site::new();
    let policy = site.file("good.cedar", GOOD);
    site.run(&["policy", "plan", &policy])
        .ends(0)
        .says(&["0 of 0 decisions", "version 1"]);
    site.run(&["policy", "plan", &policy, "--since", "yesterday"])
        .ends(2)
        .says(&["no length of time"]);
    let faulty = site.file("bad.cedar", "permit (principal, action resource);");
    site.run(&["policy", "plan", &faulty])
        .ends(1)
        .says(&["the policy has"]);
}
