use nac_policy::{Mark, STARTER_POLICY};

use super::doubts;
use super::*;
use crate::cli::create_installation;

const OWN: &str = r#"@id("admins") @segment("staff") @order("10")
permit (principal in Group::"Admins", action == Action::"connect", resource)
when { context.method == "EAP-TLS" && !context.posture.failing.contains("linux-firewal") };
"#;

struct Site {
    folder: tempfile::TempDir,
    context: Context,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["radius.test".to_owned()];
        let created = create_installation(&folder.path().join("nac"), &names, None)
            .await
            .expect("created");
        let context = Context::new(Some(created.config), false);
        Self { folder, context }
    }

    async fn apply(&self, text: &str, yes: bool) -> Outcome {
        let file = self.folder.path().join("new.cedar");
        std::fs::write(&file, text).expect("written");
        let note = String::new();
        run(&self.context, PolicyCommand::Apply { file, note, yes }).await
    }

    async fn rollback(&self, version: i64, yes: bool) -> Outcome {
        let command = PolicyCommand::Rollback {
            version,
            note: None,
            yes,
        };
        run(&self.context, command).await
    }
}

fn own() -> Engine {
    Engine::load(OWN, &["staff".to_owned()]).expect("a good policy")
}

#[tokio::test]
async fn a_policy_that_locks_everybody_out_is_applied_only_when_it_is_meant() {
    let site = Site::new().await;
    let watched = OWN.replace("@order(\"10\")", "@mode(\"monitor\")");
    for text in ["", &watched] {
        let refused = format!("{:?}", site.apply(text, false).await);
        assert!(refused.contains("status: 1"), "{refused}");
        assert!(refused.contains("locked out"), "{refused}");
        assert!(refused.contains("--yes"), "{refused}");
    }
    let history = async || {
        let store = site.context.store().await.expect("a database");
        store.policy_history().await.expect("a history").len()
    };
    assert_eq!(history().await, 1);
    assert_eq!(site.apply("", true).await.ok(), Some(Answer::Yes));
    assert_eq!(site.rollback(1, false).await.ok(), Some(Answer::Yes));
    assert!(site.rollback(2, false).await.is_err());
    assert_eq!(history().await, 3);
}

#[tokio::test]
async fn names_that_do_not_exist_are_doubted_as_far_as_they_are_known() {
    let site = Site::new().await;
    let store = site.context.store().await.expect("a database");
    let said = async |store: Option<&Store>| {
        let warnings = doubts::warnings(&site.context, &own(), store).await;
        let warnings = warnings.expect("warnings");
        let unknown = warnings.iter().map(ToString::to_string);
        unknown
            .filter(|warning| !warning.contains("no forbid reads"))
            .collect::<Vec<_>>()
    };
    let without = said(None).await;
    assert_eq!(without.len(), 1, "{without:?}");
    assert!(without[0].contains("did you mean `linux-firewall`?"));

    let with = said(Some(&store)).await;
    assert_eq!(with.len(), 2, "{with:?}");
    assert!(with[0].contains("nobody is in the group `Admins` (groups are case-sensitive)"));
}

#[tokio::test]
async fn a_mark_that_the_policy_in_force_does_not_read_is_told() {
    let site = Site::new().await;
    let store = site.context.store().await.expect("a database");
    for mark in [Mark::Blocked, Mark::Quarantined] {
        assert_eq!(
            doubts::unheeded(&store, mark).await.expect("an answer"),
            None
        );
    }
    site.apply(OWN, false).await.expect("applied");
    for (mark, fact) in [
        (Mark::Blocked, "context.device.blocked"),
        (Mark::Quarantined, "context.device.quarantined"),
    ] {
        let warning = doubts::unheeded(&store, mark).await.expect("an answer");
        let warning = warning.expect("a warning");
        assert!(warning.contains(fact), "{warning}");
        assert!(warning.contains("version 2"), "{warning}");
    }
}

#[test]
fn policies_are_listed_in_the_order_in_which_they_win() {
    let segments = [
        "staff",
        "registration",
        "quarantine",
        "guest",
        "guest-activation",
        "devices",
    ]
    .map(str::to_owned);
    let engine = Engine::load(STARTER_POLICY, &segments).expect("a good policy");
    let policies = by_precedence(&engine);
    let ids: Vec<_> = policies.iter().map(|policy| policy.id.as_str()).collect();
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

/// The blocks of one language in a page of the manual.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    page.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

#[test]
fn every_policy_in_the_manual_loads_and_names_only_checks_that_exist() {
    let segments = [
        "staff",
        "guest",
        "registration",
        "quarantine",
        "printers",
        "management",
    ]
    .map(str::to_owned);
    let set = nac_posture::CheckSet::embedded();
    let checks: Vec<_> = set.iter().map(|check| check.name.clone()).collect();
    let examples = blocks(include_str!("../../../../docs/policies.md"), "cedar");
    assert!(examples.len() >= 5);
    for example in examples {
        let engine = Engine::load(example, &segments).unwrap_or_else(|errors| panic!("{errors}"));
        let unknown = engine.unknown_names(&nac_policy::KnownNames {
            groups: None,
            checks: Some(&checks),
        });
        assert_eq!(unknown, []);
    }
}

#[test]
fn the_check_in_the_manual_loads() {
    let examples = blocks(include_str!("../../../../docs/posture.md"), "toml");
    let [check, texts] = examples.as_slice() else {
        panic!(
            "{} examples instead of a check and its texts",
            examples.len()
        );
    };
    for example in [(*check).to_owned(), format!("{check}\n{texts}")] {
        let check = nac_posture::Check::parse("screen-lock-linux.toml", &example);
        check.unwrap_or_else(|faults| panic!("{faults}"));
    }
}
