//! `nac break-glass`: posture keeps nobody out for a time, for when a bad check or a dead posture service locks out a whole site.

use clap::{Args, Subcommand};
use nac_store::{BreakGlass, StoreError};
use serde_json::json;

use super::output::{answer, lines, local_time, print, print_json};
use super::quarantine::expiry;
use super::{Answer, Context, Failure, Outcome};

const EXAMPLES: &str = "\
Examples:
  nac break-glass on --reason 'the new disk check fails on every laptop' --for 2h
  nac break-glass show
  nac break-glass off

While it is on, the policy judges every device as if its posture were compliant. Quarantines that somebody decided, blocked and
lost devices, revoked certificates, disabled users and credentials count as before. A running server moves live sessions at
once, and back when it ends.";

#[derive(Debug, Subcommand)]
pub(super) enum BreakGlassCommand {
    /// Let posture keep nobody out until a moment within a day
    #[command(after_help = EXAMPLES)]
    On(OnArguments),
    /// Let posture count again
    Off,
    /// Whether it is on: why, by whom, until when. Exit status 1 when it is off
    Show,
}

#[derive(Debug, Args)]
pub(super) struct OnArguments {
    /// Why it is needed; the audit log, every admin page and each decision's explanation show it
    #[arg(long)]
    reason: String,
    /// When it ends by itself, counted from now, such as 1h; at most 24h
    #[arg(long = "for", value_name = "TIME")]
    time: String,
}

pub(super) async fn run(context: &Context, command: BreakGlassCommand) -> Outcome {
    match command {
        BreakGlassCommand::On(arguments) => on(context, &arguments).await,
        BreakGlassCommand::Off => off(context).await,
        BreakGlassCommand::Show => show(context).await,
    }
}

async fn on(context: &Context, arguments: &OnArguments) -> Outcome {
    let expires_us = expiry(&arguments.time)?;
    let store = context.store().await?;
    let started = store
        .break_glass_start(&arguments.reason, &context.operator(), expires_us)
        .await
        .map_err(|error| match error {
            StoreError::Invalid { what } => Failure::usage(what),
            error => error.into(),
        })?;
    let sentence = format!(
        "break-glass is on until {}: posture keeps nobody out; end it with: nac break-glass off",
        local_time(started.expires_us)
    );
    answer(context.json(), &started, &sentence)?;
    Ok(Answer::Yes)
}

async fn off(context: &Context) -> Outcome {
    let store = context.store().await?;
    match store.break_glass_end(&context.operator()).await {
        Ok(ended) => {
            answer(
                context.json(),
                &ended,
                "break-glass is off: posture counts again",
            )?;
            Ok(Answer::Yes)
        }
        Err(StoreError::NotFound { .. }) => Err(Failure::no("break-glass is not on")),
        Err(error) => Err(error.into()),
    }
}

async fn show(context: &Context) -> Outcome {
    let current = context.store().await?.break_glass_current().await?;
    let on = current.is_some();
    if context.json() {
        print_json(&json!({ "on": on, "current": current }))?;
    } else {
        match &current {
            Some(current) => print(&description(current))?,
            None => print("break-glass is off: posture counts\n")?,
        }
    }
    Ok(if on { Answer::Yes } else { Answer::No })
}

fn description(current: &BreakGlass) -> String {
    lines(&[
        (
            "break-glass",
            "on: posture keeps nobody out; end it with: nac break-glass off".to_owned(),
        ),
        ("reason", current.reason.clone()),
        ("by", current.started_by.clone()),
        ("since", local_time(current.started_us)),
        ("until", local_time(current.expires_us)),
    ])
}
