//! `nac posture report`: what people say is wrong with a check.

use clap::Subcommand;
use nac_store::{CheckReport, Store};
use uuid::Uuid;

use crate::cli::output::{Table, answer, local_time, print, print_json};
use crate::cli::{Answer, Context, Outcome};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReportCommand {
    /// List the reports that wait
    List {
        /// Those that somebody dealt with, too
        #[arg(long)]
        all: bool,
    },
    /// Note that a report was dealt with
    Close {
        /// The report's id
        id: Uuid,
    },
}

pub(super) async fn run(context: &Context, command: ReportCommand) -> Outcome {
    let store = context.store().await?;
    match command {
        ReportCommand::List { all } => list(context, &store, all).await,
        ReportCommand::Close { id } => {
            let report = store.check_report_close(id, &context.operator()).await?;
            let sentence = format!("the report on {} was dealt with", report.check);
            answer(context.json(), &report, &sentence)?;
            Ok(Answer::Yes)
        }
    }
}

async fn list(context: &Context, store: &Store, all: bool) -> Outcome {
    let reports = store.check_report_list(!all).await?;
    if context.json() {
        print_json(&reports)?;
        return Ok(Answer::Yes);
    }
    let when_empty = if all {
        "nobody has reported a check"
    } else {
        "no report waits; see all with: nac posture report list --all"
    };
    let mut table = Table::new(&["ID", "CHECK", "ABOUT", "WHO", "WHEN", "TEXT"], when_empty);
    for report in &reports {
        table.row([
            report.id.to_string(),
            report.check.clone(),
            about(store, report).await,
            report.said_by.clone(),
            local_time(report.at_us),
            report.text.clone(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

/// The name of the device or the host.
async fn about(store: &Store, report: &CheckReport) -> String {
    if let Some(id) = report.device_id
        && let Ok(device) = store.device_fetch(id).await
    {
        return device.name;
    }
    report.node_id.map(|id| id.to_string()).unwrap_or_default()
}
