//! `nac session`: who is on the network now and where, which moves are not proven yet, and telling a session to authenticate
//! again or to leave.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use nac_radius::MacAddr;
use nac_store::{
    EVERY_SESSION, Enforcement, EnforcementFilter, EnforcementState, Session, SessionAction,
    SessionFilter, SessionSort, Store,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::output::{Table, count, local_time, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::parse_duration;

const COMMAND_EXAMPLES: &str = "\
Examples:
  nac session reauthenticate 02:00:00:00:00:01 --wait
  nac session disconnect alice
  nac session bounce 0190d3b4-77f0-7e3a-8f5e-3f8f4c5a2b10

A running server sends the requests that the vendor profile of the NAS names. With --wait the answer is what the network
proved: a new Access-Request or an Accounting-Stop.";

/// Between two looks at what became of a command.
const LOOK: Duration = Duration::from_millis(100);

/// The verbs of `nac session`.
#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// List sessions, the newest first
    List(ListArguments),
    /// How many live sessions each segment has
    Count,
    /// Let the endpoint authenticate again
    #[command(after_help = COMMAND_EXAMPLES)]
    Reauthenticate(CommandArguments),
    /// End the session
    #[command(after_help = COMMAND_EXAMPLES)]
    Disconnect(CommandArguments),
    /// Take the port down and up, where the vendor has a request for it; everybody on the port is thrown off
    #[command(after_help = COMMAND_EXAMPLES)]
    Bounce(CommandArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only those in this segment
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Only those of this client
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Only those of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only those with this MAC address
    #[arg(long)]
    mac: Option<String>,
    /// Only those with this IP address
    #[arg(long)]
    address: Option<String>,
    /// Only those with this text in a name or an address
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// started, identity, mac, segment, client, address or method
    #[arg(long, default_value = "started", value_name = "WHAT")]
    sort: SessionSort,
    /// The other way round
    #[arg(long)]
    reverse: bool,
    /// Those that have ended as well
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Only those with a move that is not proven
    #[arg(long)]
    pending: bool,
}

#[derive(Debug, Args)]
pub(super) struct CommandArguments {
    /// The id of a session, a MAC address, or a user: all their live sessions
    #[arg(value_name = "ID|MAC|USER")]
    target: String,
    /// Wait until it is proven or has failed
    #[arg(long)]
    wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "wait")]
    timeout: String,
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
    match command {
        SessionCommand::List(arguments) => list(context, arguments).await,
        SessionCommand::Count => counts(context).await,
        SessionCommand::Reauthenticate(arguments) => {
            tell(context, SessionAction::Reauthenticate, arguments).await
        }
        SessionCommand::Disconnect(arguments) => {
            tell(context, SessionAction::Disconnect, arguments).await
        }
        SessionCommand::Bounce(arguments) => tell(context, SessionAction::Bounce, arguments).await,
    }
}

async fn list(context: &Context, arguments: ListArguments) -> Outcome {
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
    let ListArguments {
        pending: pending_only,
        all,
        limit,
        ..
    } = arguments;
    let filter = SessionFilter {
        open_only: !all,
        segment: arguments.segment,
        client: arguments.client,
        user: arguments.user,
        mac: arguments.mac,
        address: arguments.address,
        search: arguments.search,
        sort: arguments.sort,
        reverse: arguments.reverse,
        // Histories are long; what is on the network now is wanted whole.
        limit: limit.unwrap_or(if all { 10_000 } else { EVERY_SESSION }),
        ..SessionFilter::default()
    };
    let sessions: Vec<Listed> = store
        .session_list(&filter)
        .await?
        .into_iter()
        .map(|session| Listed {
            pending: moves.remove(&session.id),
            session,
        })
        .filter(|listed| !pending_only || listed.pending.is_some())
        .collect();
    if context.json() {
        print_json(&sessions)?;
        return Ok(Answer::Yes);
    }
    let header = [
        "MAC", "WHO", "METHOD", "SEGMENT", "CLIENT", "ADDRESS", "SINCE", "MOVING",
    ];
    let nobody =
        "no such session; a session begins with an Access-Accept: nac tail shows them as they come";
    let mut table = Table::new(&header, nobody);
    for Listed { session, pending } in sessions {
        let ended = session
            .terminate_cause
            .filter(|_| session.stopped_us.is_some());
        table.row([
            session.mac.unwrap_or_default(),
            session.identity,
            session.method,
            session.segment,
            session.client,
            session.framed_ip.unwrap_or_default(),
            local_time(session.started_us),
            pending.map_or_else(|| ended.unwrap_or_default(), |pending| moving(&pending)),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

fn moving(pending: &Enforcement) -> String {
    match (pending.action, pending.to_segment.as_deref()) {
        (Some(action), _) => format!("{action}: {}", pending.state),
        (None, Some(target)) => format!("to {target}: {}", pending.state),
        (None, None) => format!("to off the network: {}", pending.state),
    }
}

async fn counts(context: &Context) -> Outcome {
    let counts = context.store().await?.session_count_by_segment().await?;
    if context.json() {
        print_json(&counts)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(&["SEGMENT", "SESSIONS"], "nobody is on the network");
    for segment in counts {
        table.row([segment.segment, segment.sessions.to_string()]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn tell(context: &Context, action: SessionAction, arguments: CommandArguments) -> Outcome {
    let patience = parse_duration(&arguments.timeout).map_err(Failure::usage)?;
    let store = context.store().await?;
    let mut commands = Vec::new();
    for session in targets(&store, &arguments.target).await? {
        commands.push(
            store
                .session_command(session, action, &context.operator())
                .await?,
        );
    }
    if arguments.wait {
        let give_up = Instant::now() + patience;
        for command in &mut commands {
            *command = outcome(&store, command, give_up).await?;
        }
    }
    if context.json() {
        print_json(&json!({ "commands": commands }))?;
    } else if arguments.wait {
        let lines: Vec<String> = commands.iter().map(what_came_of).collect();
        print(&lines.concat())?;
    } else {
        print(&format!(
            "{} told to {action}; see what comes of it with: nac why {}\n",
            count(commands.len(), "session"),
            arguments.target
        ))?;
    }
    let proven = |command: &Enforcement| command.state == EnforcementState::Proven;
    if arguments.wait && !commands.iter().all(proven) {
        return Ok(Answer::No);
    }
    Ok(Answer::Yes)
}

/// The live sessions that somebody means. An id may also name one that is over, which the store then refuses.
async fn targets(store: &Store, text: &str) -> Result<Vec<Uuid>, Failure> {
    if let Ok(id) = text.parse::<Uuid>() {
        return Ok(vec![id]);
    }
    let mut filter = SessionFilter::open();
    match text.parse::<MacAddr>() {
        Ok(mac) => filter.mac = Some(mac.to_string()),
        Err(_) => filter.user = Some(text.to_owned()),
    }
    let found: Vec<Uuid> = store
        .session_list(&filter)
        .await?
        .into_iter()
        .map(|session| session.id)
        .collect();
    if found.is_empty() {
        return Err(Failure::no(format!("{text} has no live session"))
            .fix("see who is on the network with: nac session list"));
    }
    Ok(found)
}

/// The command at its end, or as it is when patience is.
async fn outcome(
    store: &Store,
    command: &Enforcement,
    give_up: Instant,
) -> Result<Enforcement, Failure> {
    loop {
        let now = store.enforcement_fetch(command.id).await?;
        let ended = matches!(
            now.state,
            EnforcementState::Proven | EnforcementState::Failed | EnforcementState::Superseded
        );
        if ended || Instant::now() >= give_up {
            return Ok(now);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn what_came_of(command: &Enforcement) -> String {
    let who = command
        .mac
        .clone()
        .unwrap_or_else(|| command.session_id.to_string());
    let mut text = format!("{who}: {}", command.state);
    if let Some(proof) = &command.proof {
        text += &format!(": {proof}");
    } else if command.attempts.is_empty() {
        text += ": no running server has taken it up";
    }
    text.push('\n');
    for attempt in &command.attempts {
        text += &format!("  {}: {}\n", attempt.step, attempt.result);
    }
    text
}
