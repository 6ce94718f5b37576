//! `nac tail`: decisions as they happen, from whichever server writes this database.

use std::time::Duration;

use clap::Args;
use nac_store::{DecisionFilter, DecisionOutcome, DecisionRecord, now_us};
use tokio::signal::ctrl_c;
use uuid::Uuid;

use super::{Answer, Context, Outcome, output};

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_millis(250);
/// Decisions that are written late, after a newer one: looked for again this far back.
const OVERLAP_US: i64 = 5_000_000;

/// The arguments of `nac tail`.
#[derive(Debug, Args)]
pub(super) struct TailArguments {
    /// Begin with this many past decisions
    #[arg(long, short = 'n', default_value_t = 10, value_name = "COUNT")]
    last: u32,
    /// End after the past decisions instead of waiting for new ones
    #[arg(long)]
    no_follow: bool,
    /// Only decisions of this client
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Only refusals
    #[arg(long)]
    refused: bool,
}

pub(super) async fn run(context: &Context, arguments: TailArguments) -> Outcome {
    let store = context.store().await?;
    let filter = DecisionFilter {
        client: arguments.client,
        outcome: arguments.refused.then_some(DecisionOutcome::Reject),
        ..DecisionFilter::default()
    };
    let began = now_us();
    let mut shown: Vec<(i64, Uuid)> = Vec::new();
    let past = if arguments.last == 0 {
        Vec::new()
    } else {
        store
            .decision_list(&DecisionFilter {
                limit: arguments.last,
                ..filter.clone()
            })
            .await?
    };
    for decision in past.into_iter().rev() {
        show(context, &decision)?;
        shown.push((decision.at_us, decision.id));
    }
    if arguments.no_follow {
        return Ok(Answer::Yes);
    }
    loop {
        tokio::select! {
            _ = ctrl_c() => return Ok(Answer::Yes),
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let since = (now_us() - OVERLAP_US).max(began);
        shown.retain(|(at_us, _)| *at_us >= since);
        let recent = DecisionFilter {
            since_us: Some(since),
            limit: 10_000,
            ..filter.clone()
        };
        for decision in store.decision_list(&recent).await?.into_iter().rev() {
            if shown.iter().any(|(_, id)| *id == decision.id) {
                continue;
            }
            show(context, &decision)?;
            shown.push((decision.at_us, decision.id));
        }
    }
}

fn show(context: &Context, decision: &DecisionRecord) -> Result<(), super::Failure> {
    if context.json() {
        return output::print_json(decision);
    }
    let (mark, result) = match (decision.outcome, &decision.segment) {
        (DecisionOutcome::Accept, Some(segment)) => ("✔", segment.clone()),
        (DecisionOutcome::Accept, None) => ("✔", "accepted".to_owned()),
        (DecisionOutcome::Reject, _) => {
            ("✘", format!("{} {}", decision.reason_code, decision.reason))
        }
    };
    let who = if decision.identity.is_empty() {
        &decision.user_name
    } else {
        &decision.identity
    };
    let line = format!(
        "{} {mark} {:<24} {:<17} {:<14} {:<16} {result}",
        output::local_time(decision.at_us),
        who,
        decision.mac.as_deref().unwrap_or("-"),
        decision.method,
        decision.client,
    );
    let clean: String = line
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    output::print(&(clean + "\n"))
}
