//! `nac policy plan`: a change of the policy, tried on the traffic that was.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use nac_portal::input;
use nac_portal::input::policy::plan::{self, Bounds, Plan, PlanError, PlannedChange, outcome};

use super::{load, read};
use crate::cli::output::{Progress, Table, count, local_time, note, print, print_json};
use crate::cli::{Answer, Context, Failure, Outcome};
use crate::config::parse_duration;

const EXAMPLES: &str = "\
Examples:
  nac policy plan new.cedar                     the last 24 hours
  nac policy plan new.cedar --since 7d --limit 1000000
  nac policy plan new.cedar && nac policy apply new.cedar

The recorded facts of each decision are decided again by the policy in force and by the file: what differs is the file's doing.
Nothing is applied. Exit status 0: nobody would get another answer. 1: somebody would.";

/// Fewer are done before a line about them is read.
const LONG: u64 = 5_000;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct PlanArguments {
    /// The file with the policy
    file: PathBuf,
    /// Decisions within this length of time before now
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    /// At most so many decisions, the newest of them
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(super) async fn run(context: &Context, arguments: PlanArguments) -> Outcome {
    let since = parse_duration(&arguments.since).map_err(Failure::usage)?;
    let text = read(&arguments.file)?;
    let store = context.store().await?;
    let segments = input::segment::names(&store).await?;
    let after = load(&arguments.file, &text, &segments)?;
    let bounds = Bounds {
        since_us: plan::since_us(since),
        decisions: arguments.limit,
        time: None,
    };
    let total = store.decision_count_since(bounds.since_us).await?;
    let total = total.min(arguments.limit.into());
    let silent = context.json() || total < LONG || !std::io::stderr().is_terminal();
    let mut progress = Progress::new("decided again", steps(total), silent);
    let plan = plan::plan(&store, after, bounds, |done| {
        progress.reached(steps(done.min(total)));
    })
    .await?;
    if context.json() {
        print_json(&plan)?;
    } else {
        print(&tell(&plan))?;
        if !plan.complete {
            note(&format!(
                "only the newest {} were looked at; look further with --limit",
                count(steps(total), "decision")
            ));
        }
        if !plan.sessions.complete {
            note("not all live sessions were looked at; look further with --limit");
        }
    }
    Ok(if plan.changes_something() {
        Answer::No
    } else {
        Answer::Yes
    })
}

fn tell(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.outcomes.is_empty() {
        let header = ["NOW", "BY THE FILE", "DECISIONS", "DEVICES"];
        let mut table = Table::new(&header, "");
        for row in &plan.outcomes {
            let after = if row.before == row.after {
                "the same"
            } else {
                outcome(row.after.as_deref())
            };
            table.row([
                outcome(row.before.as_deref()).to_owned(),
                after.to_owned(),
                row.decisions.to_string(),
                row.devices.to_string(),
            ]);
        }
        text += &table.render();
        text.push('\n');
    }
    if !plan.changes.is_empty() {
        text += &changes(&plan.changes);
        text.push('\n');
    }
    for moved in &plan.sessions.moves {
        let target = moved.after.as_deref().map_or_else(
            || "put off the network".to_owned(),
            |segment| format!("moved to {segment}"),
        );
        text += &format!(
            "{} of {} would be {target} at once\n",
            count(steps(moved.sessions), "live session"),
            outcome(moved.before.as_deref())
        );
    }
    text += &summary(plan);
    text
}

fn changes(changes: &[PlannedChange]) -> String {
    let header = [
        "DEVICE",
        "MAC",
        "USER",
        "NOW",
        "POLICY",
        "BY THE FILE",
        "POLICY",
        "TIMES",
        "LAST",
    ];
    let mut table = Table::new(&header, "");
    for change in changes {
        table.row([
            change.device.clone(),
            change.mac.clone().unwrap_or_default(),
            change.user.clone(),
            outcome(change.before.as_deref()).to_owned(),
            change.policy_before.clone().unwrap_or_default(),
            outcome(change.after.as_deref()).to_owned(),
            change.policy_after.clone().unwrap_or_default(),
            change.decisions.to_string(),
            local_time(change.last_us),
        ]);
    }
    table.render()
}

fn summary(plan: &Plan) -> String {
    let since = local_time(plan.since_us);
    let mut text = format!(
        "{} of {} decided again would be others, for {} of {}; {} of {} would be moved\n\
         compared with what version {} says to the same facts, since {since}\n",
        plan.changed_decisions,
        count(steps(plan.decisions), "decision"),
        plan.changed_devices,
        count(steps(plan.devices), "device"),
        plan.sessions.moving,
        count(steps(plan.sessions.looked_at), "live session"),
        plan.policy_version,
    );
    let mut beside = |number: u64, what: &str| {
        if number > 0 {
            text += &format!("  {number} {what}\n");
        }
    };
    beside(
        plan.answered_differently_then,
        "were answered differently at the time, such as by an older policy",
    );
    beside(
        plan.unasked,
        "were refused before a policy was asked (credentials, account, certificate); no policy changes that",
    );
    for skipped in &plan.not_replayed {
        let why = format!("cannot be decided again: {}", skipped.why);
        beside(skipped.decisions, &why);
    }
    beside(
        plan.sessions.not_judged,
        "live sessions cannot be judged: their decision is forgotten or cannot be decided again",
    );
    text
}

fn steps(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Store(error) => error.into(),
            PlanError::InForce { .. } => Self::cannot(error.to_string()).fix(
                "put back what it names (nac segment set), or replace it (nac policy apply FILE)",
            ),
            PlanError::Interrupted => Self::cannot(error.to_string()),
        }
    }
}
