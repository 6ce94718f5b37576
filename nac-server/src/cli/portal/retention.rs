//! `nac portal retention`: how long personal data is kept, and what the job that forgets it did.

use clap::Args;
use nac_store::now_us;
use serde_json::json;

use crate::cli::output::{Table, local_time, print, print_json};
use crate::cli::{Answer, Context, Outcome};

const RUNS: u32 = 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct RetentionArguments {
    /// Forget what is due now, and do not wait for the server's next run
    #[arg(long)]
    run: bool,
}

pub(super) async fn run(context: &Context, arguments: RetentionArguments) -> Outcome {
    let store = context.store().await?;
    if arguments.run {
        store.retention_run(now_us()).await?;
    }
    let kept = store.portal_site("").await?.settings.retention;
    let runs = store.retention_run_list(RUNS).await?;
    if context.json() {
        print_json(&json!({ "retention": kept, "runs": runs }))?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(&["KIND", "DAYS"], "");
    for (kind, days) in kept.days() {
        table.row([kind.to_string(), days.to_string()]);
    }
    let mut text = table.render();
    text.push('\n');
    let mut table = Table::new(
        &["RUN", "REMOVED"],
        "nothing was forgotten yet; a running server does so every hour, or: nac portal retention --run",
    );
    for run in runs {
        let removed = run.removed.iter().filter(|(_, rows)| **rows > 0);
        let removed: Vec<String> = removed
            .map(|(kind, rows)| format!("{rows} {kind}"))
            .collect();
        let removed = if removed.is_empty() {
            "nothing".to_owned()
        } else {
            removed.join(", ")
        };
        table.row([local_time(run.finished_us), removed]);
    }
    text.push_str(&table.render());
    print(&text)?;
    Ok(Answer::Yes)
}
