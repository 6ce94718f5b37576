//! `nac posture recheck`: a host is asked again, now, what it failed.

use std::time::{Duration, Instant};

use clap::Args;
use nac_store::{CheckOutcome, CheckResult, RecheckOutcome, now_us};
use serde_json::json;

use super::super::output::{Table, answer, local_time, print, print_json};
use super::super::{Answer, Context, Failure, Outcome};
use super::host;

/// How long `--wait` waits: as long as an answer counts.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(in crate::cli) struct RecheckArguments {
    /// Name or id of the host, or of the device that it runs on
    #[arg(value_name = "HOST")]
    target: String,
    /// Wait for the answer, and tell it
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(context: &Context, arguments: RecheckArguments) -> Outcome {
    let store = context.store().await?;
    let node = host(&store, &arguments.target)
        .await
        .map_err(|failure| failure.fix("see the hosts with: nac posture hosts"))?;
    let recheck = match store.recheck_request(node.id, &context.operator()).await? {
        RecheckOutcome::Asked(recheck) | RecheckOutcome::Waiting(recheck) => recheck,
        RecheckOutcome::TooOften { again_us } => {
            return Err(
                Failure::no(format!("{} was asked too often", node.hostname))
                    .fix(format!("try again at {}", local_time(again_us))),
            );
        }
    };
    if !arguments.wait {
        let sentence = format!(
            "{} is asked when it next looks for questions, which takes seconds",
            node.hostname
        );
        answer(context.json(), &recheck, &sentence)?;
        return Ok(Answer::Yes);
    }
    let began = Instant::now();
    loop {
        let newest = store.recheck_find(node.id).await?;
        if newest.is_some_and(|newest| newest.answered_generation >= recheck.generation) {
            break;
        }
        if began.elapsed() > PATIENCE || !recheck.is_open(now_us()) {
            return Err(Failure::no(format!("{} did not answer", node.hostname))
                .fix("is the server running, and osqueryd on that host?"));
        }
        tokio::time::sleep(LOOK).await;
    }
    let results = store.node_results(node.id).await?;
    let failing = |result: &&CheckResult| result.outcome == CheckOutcome::Fail;
    let fails = results.iter().filter(failing).count();
    if context.json() {
        print_json(&json!({ "recheck": recheck, "failing": fails, "results": results }))?;
    } else {
        let mut table = Table::new(&["CHECK", "FOUND", "WHEN"], "no check applies to it");
        for result in &results {
            table.row([
                result.check.clone(),
                result.outcome.to_string(),
                local_time(result.checked_us),
            ]);
        }
        print(&table.render())?;
    }
    Ok(if fails == 0 { Answer::Yes } else { Answer::No })
}
