//! `nac session`: who is on the network now, where, and which moves are not proven yet.

use std::collections::HashMap;

use clap::Subcommand;
use nac_store::{Enforcement, EnforcementFilter, Session};
use serde::Serialize;
use uuid::Uuid;

use super::{Answer, Context, Outcome, output};

/// The verbs of `nac session`.
#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// List live sessions, the newest first
    List {
        /// Only those in this segment
        #[arg(long, value_name = "NAME")]
        segment: Option<String>,
        /// Only those of this client
        #[arg(long, value_name = "NAME")]
        client: Option<String>,
        /// Only those with a move that is not proven
        #[arg(long)]
        pending: bool,
    },
}

/// A session and the move that is under way.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    session: Session,
    /// The enforcement that is not proven yet.
    pending: Option<Enforcement>,
}

pub(super) async fn run(context: &Context, command: SessionCommand) -> Outcome {
    let SessionCommand::List {
        segment,
        client,
        pending: pending_only,
    } = command;
    let store = context.store().await?;
    let open = EnforcementFilter {
        open_only: true,
        limit: u32::MAX,
        ..EnforcementFilter::default()
    };
    let mut moves: HashMap<Uuid, Enforcement> = store
        .enforcement_list(&open)
        .await?
        .into_iter()
        .map(|enforcement| (enforcement.session_id, enforcement))
        .collect();
    let wanted = |name: &Option<String>, is: &str| name.as_deref().is_none_or(|name| name == is);
    let sessions: Vec<Listed> = store
        .session_list(true)
        .await?
        .into_iter()
        .filter(|session| wanted(&segment, &session.segment) && wanted(&client, &session.client))
        .map(|session| Listed {
            pending: moves.remove(&session.id),
            session,
        })
        .filter(|listed| !pending_only || listed.pending.is_some())
        .collect();
    if context.json() {
        output::print_json(&sessions)?;
        return Ok(Answer::Yes);
    }
    let header = [
        "MAC", "WHO", "METHOD", "SEGMENT", "CLIENT", "ADDRESS", "SINCE", "MOVING",
    ];
    let nobody =
        "no such session; a session begins with an Access-Accept: nac tail shows them as they come";
    let mut table = output::Table::new(&header, nobody);
    for Listed { session, pending } in sessions {
        table.row([
            session.mac.unwrap_or_default(),
            session.identity,
            session.method,
            session.segment,
            session.client,
            session.framed_ip.unwrap_or_default(),
            output::local_time(session.started_us),
            pending.map_or_else(String::new, |pending| {
                let target = pending.to_segment.as_deref().unwrap_or("off the network");
                format!("to {target}: {}", pending.state)
            }),
        ]);
    }
    output::print(&table.render())?;
    Ok(Answer::Yes)
}
