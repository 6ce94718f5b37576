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
