//! `nac policy`: check, test, try, apply, look at and roll back the policy.

mod cases;
mod doubts;
mod plan;

use std::path::{Path, PathBuf};

use clap::Subcommand;
pub(super) use doubts::warn_when_unheeded;
use nac_policy::{Engine, PolicyFault};
use nac_portal::input;
use nac_portal::input::policy::{TEXT_MAX, by_precedence, lets_somebody_in};
use nac_store::{PolicyVersion, Store};
use serde_json::json;

use super::output::{Table, answer, count, local_time, note, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::{ConfigErrors, Fault, Source};

const CHECK_EXAMPLES: &str = "\
Examples:
  nac policy check new.cedar
  nac policy check new.cedar --segment staff --segment guest      without a database, such as in CI";

const APPLY_EXAMPLES: &str = "\
Examples:
  nac policy apply new.cedar --note 'printers get their own VLAN (ticket 4711)'

A running server decides by the new policy at once and moves the sessions that it changes. Test cases beside the file
(new.test.toml for new.cedar) must hold.";

/// How to read the list of policies.
const FIRST_DECIDES: &str = "\
The first that matches decides, unless it is in monitor mode; a forbid with a segment moves only
whom a permit lets in.
";

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check a policy without applying it
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// The file with the policy
        file: PathBuf,
        /// A segment that exists, instead of those in the database; may be given several times
        #[arg(long = "segment", value_name = "NAME")]
        segments: Vec<String>,
    },
    /// Decide about written test cases and compare with what they expect
    Test(cases::TestArguments),
    /// Try a policy on the recorded decisions: who would get another answer
    Plan(plan::PlanArguments),
    /// Check a policy and let it decide from now on
    #[command(after_help = APPLY_EXAMPLES)]
    Apply {
        /// The file with the policy
        file: PathBuf,
        /// Why, for the history
        #[arg(long, default_value = "")]
        note: String,
        /// Apply it even when it lets nobody in
        #[arg(long)]
        yes: bool,
    },
    /// Print the policy in force, or an older version
    Show {
        /// The version
        version: Option<i64>,
    },
    /// List the versions
    History,
    /// Let an older version decide again
    Rollback {
        /// The version
        version: i64,
        /// Why, for the history
        #[arg(long)]
        note: Option<String>,
        /// Apply it even when it lets nobody in
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(context: &Context, command: PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check { file, segments } => check(context, &file, segments).await,
        PolicyCommand::Test(arguments) => cases::run(context, arguments).await,
        PolicyCommand::Plan(arguments) => plan::run(context, arguments).await,
        PolicyCommand::Apply { file, note, yes } => apply(context, &file, &note, yes).await,
        PolicyCommand::Show { version } => show(context, version).await,
        PolicyCommand::History => history(context).await,
        PolicyCommand::Rollback { version, note, yes } => {
            rollback(context, version, note, yes).await
        }
    }
}

async fn check(context: &Context, file: &Path, segments: Vec<String>) -> Outcome {
    let text = read(file)?;
    let (segments, store) = known_segments(context, segments).await?;
    let engine = load(file, &text, &segments)?;
    let warnings = doubts::warnings(context, &engine, store.as_ref()).await?;
    if context.json() {
        let policies = engine.policies();
        let listed: Vec<_> = policies
            .iter()
            .map(|policy| {
                json!({
                    "id": policy.id, "title": policy.title, "effect": policy.effect,
                    "segment": policy.segment, "order": policy.order, "mode": policy.mode,
                    "line": policy.line,
                })
            })
            .collect();
        print_json(&json!({ "ok": true, "policies": listed, "warnings": warnings }))?;
        return Ok(Answer::Yes);
    }
    show_warnings(file, &text, &warnings);
    let mut table = Table::new(
        &["ORDER", "POLICY", "EFFECT", "SEGMENT", "MODE", "TITLE"],
        "the file holds no policy, so nobody would get in",
    );
    for policy in by_precedence(&engine) {
        table.row([
            policy.order.to_string(),
            policy.id,
            policy.effect,
            policy.segment.unwrap_or_default(),
            policy.mode,
            policy.title.unwrap_or_default(),
        ]);
    }
    let verdict = match (lets_somebody_in(&engine), engine.policies().is_empty()) {
        (true, _) => format!("{FIRST_DECIDES}{} is good\n", file.display()),
        (false, false) => format!("{} is valid and lets nobody in\n", file.display()),
        (false, true) => String::new(),
    };
    print(&format!("{}{verdict}", table.render()))?;
    Ok(Answer::Yes)
}

/// The segments that were named, else those of the database, which then is open.
async fn known_segments(
    context: &Context,
    named: Vec<String>,
) -> Result<(Vec<String>, Option<Store>), Failure> {
    if !named.is_empty() {
        return Ok((named, None));
    }
    if !context.has_config() {
        return Err(
            Failure::usage("there is no configuration to take the segments from")
                .fix("name it with --config FILE, or name the segments with --segment NAME"),
        );
    }
    let store = context.store().await?;
    Ok((input::segment::names(&store).await?, Some(store)))
}

async fn apply(context: &Context, file: &Path, note: &str, yes: bool) -> Outcome {
    let text = read(file)?;
    let store = context.store().await?;
    let engine = load(file, &text, &input::segment::names(&store).await?)?;
    let warnings = doubts::warnings(context, &engine, Some(&store)).await?;
    show_warnings(file, &text, &warnings);
    if let Some(current) = store
        .policy_current()
        .await?
        .filter(|current| current.text == text)
    {
        let sentence = format!("version {} holds this text already", current.version);
        answer(context.json(), &summary(&current, false), &sentence)?;
        return Ok(Answer::Yes);
    }
    doubts::refuse_a_lockout(&engine, yes)?;
    cases::refuse_when_one_fails(&engine, file)?;
    let applied = store.policy_apply(&text, note, &context.operator()).await?;
    let number = count(engine.policies().len(), "policy");
    let sentence = format!("version {} decides from now on ({number})", applied.version);
    answer(context.json(), &summary(&applied, true), &sentence)?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, version: Option<i64>) -> Outcome {
    let store = context.store().await?;
    let shown = match version {
        Some(version) => Some(store.policy_fetch(version).await?),
        None => store.policy_current().await?,
    };
    let Some(shown) = shown else {
        return Err(Failure::no("no policy was ever applied, so nobody gets in")
            .fix("apply one with: nac policy apply FILE"));
    };
    if context.json() {
        print_json(&shown)?;
    } else {
        print(&shown.text)?;
    }
    Ok(Answer::Yes)
}

async fn history(context: &Context) -> Outcome {
    let versions = context.store().await?.policy_history().await?;
    if context.json() {
        print_json(&versions)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &["VERSION", "APPLIED", "BY", "NOTE"],
        "no policy was ever applied; apply one with: nac policy apply FILE",
    );
    for version in versions {
        let applied = local_time(version.applied_us);
        table.row([
            version.version.to_string(),
            applied,
            version.applied_by,
            version.note,
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn rollback(context: &Context, version: i64, note: Option<String>, yes: bool) -> Outcome {
    let store = context.store().await?;
    let old = store.policy_fetch(version).await?;
    let current = store.policy_current().await?;
    if let Some(current) = current.filter(|current| current.text == old.text) {
        let sentence = format!(
            "version {} holds the text of version {version} already",
            current.version
        );
        answer(context.json(), &summary(&current, false), &sentence)?;
        return Ok(Answer::Yes);
    }
    let name = PathBuf::from(format!("version {version}"));
    let engine = load(&name, &old.text, &input::segment::names(&store).await?)?;
    doubts::refuse_a_lockout(&engine, yes)?;
    let note = note.unwrap_or_else(|| format!("rolled back to version {version}"));
    let applied = store
        .policy_apply(&old.text, &note, &context.operator())
        .await?;
    let sentence = format!(
        "version {} decides from now on; its text is that of version {version}",
        applied.version
    );
    answer(context.json(), &summary(&applied, true), &sentence)?;
    Ok(Answer::Yes)
}

fn load(file: &Path, text: &str, segments: &[String]) -> Result<Engine, Failure> {
    Engine::load(text, segments).map_err(|errors| {
        let rendered = underlined(file, text, &errors.0);
        Failure::no(format!("the policy has {}", count(errors.0.len(), "fault")))
            .place(file.display().to_string())
            .faults(&rendered)
    })
}

fn show_warnings(file: &Path, text: &str, warnings: &[PolicyFault]) {
    if !warnings.is_empty() {
        let rendered = underlined(file, text, warnings).render_for_stderr();
        note(&format!(
            "{} to think about:\n{rendered}",
            count(warnings.len(), "thing")
        ));
    }
}

fn underlined(file: &Path, text: &str, faults: &[PolicyFault]) -> ConfigErrors {
    let mut source = Source::new(file, text);
    for fault in faults {
        let message = match &fault.policy {
            Some(policy) => format!("policy {policy}: {}", fault.message),
            None => fault.message.clone(),
        };
        let span = fault.offset..fault.offset.saturating_add(fault.length);
        source.faults.push(Fault::at(
            span,
            message,
            fault.help.clone().unwrap_or_default(),
        ));
    }
    source.into_errors()
}

fn read(file: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(file)
        .and_then(|opened| opened.take(TEXT_MAX as u64 + 1).read_to_string(&mut text));
    read.map_err(|error| Failure::file("read", file, &error))?;
    if text.len() > TEXT_MAX {
        return Err(Failure::no(format!(
            "{} is too large for a policy",
            file.display()
        )));
    }
    Ok(text)
}

fn summary(version: &PolicyVersion, changed: bool) -> serde_json::Value {
    json!({
        "version": version.version,
        "note": version.note,
        "applied_by": version.applied_by,
        "applied_us": version.applied_us,
        "changed": changed,
    })
}

#[cfg(test)]
mod tests;
