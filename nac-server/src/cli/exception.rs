//! `nac exception`: written, expiring permissions to break a rule.

use clap::{Args, Subcommand};
use nac_store::{Exception, ExceptionFilter, ExceptionState, NewException, Store, StoreError};
use uuid::Uuid;

use super::output::{Table, answer, lines, local_time, print, print_json};
use super::quarantine::expiry;
use super::{Answer, Context, Failure, Outcome};

const ADD_EXAMPLES: &str = "\
Examples:
  nac exception add laptop-7 --check linux-disk-encryption --reason 'new disk on Monday' --expires 3d
  nac exception add --quarantine ID --reason 'needed for the audit' --expires 4h

A running server moves the device's live sessions at once, and back when the time is over.";

#[derive(Debug, Subcommand)]
pub(super) enum ExceptionCommand {
    /// Permit a device to break a rule for a time
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// List exceptions and requests
    List(ListArguments),
    /// Show one exception
    Show {
        /// The exception
        id: Uuid,
    },
    /// Grant what was asked for
    Approve {
        /// The exception
        id: Uuid,
        /// Until when, counted from now, where that is not what was asked for
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Do not grant what was asked for
    Deny {
        /// The exception
        id: Uuid,
        /// Why: the person who asked reads it
        #[arg(long)]
        reason: String,
    },
    /// Move the end of an active exception
    #[command(visible_alias = "set")]
    Renew {
        /// The exception
        id: Uuid,
        /// When it ends, counted from now, such as 3d
        #[arg(long, value_name = "TIME")]
        expires: String,
        /// Why it is still needed
        #[arg(long)]
        reason: String,
    },
    /// End exceptions early
    #[command(visible_alias = "remove")]
    Revoke {
        /// The exceptions
        #[arg(required = true)]
        ids: Vec<Uuid>,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
        /// Only tell what would end
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// MAC address, name or id of a device, or the name of an osquery host
    #[arg(value_name = "MAC|DEVICE|HOST", required_unless_present = "quarantine")]
    target: Option<String>,
    /// The check that may fail; see them with: nac posture checks
    #[arg(
        long,
        required_unless_present = "quarantine",
        conflicts_with = "quarantine"
    )]
    check: Option<String>,
    /// The quarantine that does not count meanwhile
    #[arg(long, value_name = "ID")]
    quarantine: Option<Uuid>,
    /// It may also have no answer, or an old one
    #[arg(long)]
    covers_unknown: bool,
    /// Why it is needed
    #[arg(long)]
    reason: String,
    /// When it ends by itself, counted from now, such as 3d
    #[arg(long, value_name = "TIME")]
    expires: String,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Those that are over as well
    #[arg(long)]
    all: bool,
    /// In this state: requested, active, expired, revoked or denied
    #[arg(long)]
    state: Option<ExceptionState>,
    /// To this check
    #[arg(long)]
    check: Option<String>,
    /// With this in the reason, or in who asked for it or granted it
    #[arg(long)]
    search: Option<String>,
    /// Older than this one, which the last page ended with
    #[arg(long, value_name = "ID")]
    before: Option<Uuid>,
    /// At most so many
    #[arg(long, default_value_t = 1_000)]
    limit: u32,
}

pub(super) async fn run(context: &Context, command: ExceptionCommand) -> Outcome {
    match command {
        ExceptionCommand::Add(arguments) => add(context, arguments).await,
        ExceptionCommand::List(arguments) => list(context, arguments).await,
        ExceptionCommand::Show { id } => show(context, id).await,
        ExceptionCommand::Approve { id, expires } => {
            let expires_us = expires.as_deref().map(expiry).transpose()?;
            let store = context.store().await?;
            let by = context.operator();
            let granted = store.exception_approve(id, &by, expires_us).await;
            told(context, granted, "it counts")
        }
        ExceptionCommand::Deny { id, reason } => {
            let store = context.store().await?;
            let denied = store.exception_deny(id, &context.operator(), &reason).await;
            told(context, denied, "it is denied")
        }
        ExceptionCommand::Renew {
            id,
            expires,
            reason,
        } => {
            let expires_us = expiry(&expires)?;
            let store = context.store().await?;
            let by = context.operator();
            let renewed = store.exception_renew(id, &by, expires_us, &reason).await;
            told(context, renewed, "it counts")
        }
        ExceptionCommand::Revoke {
            ids,
            reason,
            dry_run,
        } => revoke(context, &ids, &reason, dry_run).await,
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    let expires_us = expiry(&arguments.expires)?;
    let store = context.store().await?;
    if let Some(check) = &arguments.check
        && super::posture::check_set(context)?.find(check).is_none()
    {
        return Err(Failure::no(format!("there is no check {check}"))
            .fix("see the checks with: nac posture checks"));
    }
    if let Some(id) = arguments.quarantine {
        store.quarantine_fetch(id).await.map_err(|error| {
            Failure::from(error).fix("see the ids with: nac quarantine list --json")
        })?;
    }
    let (device_id, node_id) = match &arguments.target {
        Some(target) => find(&store, target).await?,
        None => (None, None),
    };
    let new = NewException {
        device_id,
        node_id,
        check: arguments.check,
        quarantine_id: arguments.quarantine,
        covers_unknown: arguments.covers_unknown,
        reason: arguments.reason,
        requested_by: context.operator(),
        expires_us,
    };
    let added = store.exception_add(new, &context.operator()).await;
    told(context, added, "the exception counts")
}

/// The device that is meant, or the osquery host.
async fn find(store: &Store, text: &str) -> Result<(Option<Uuid>, Option<Uuid>), Failure> {
    if let Some(device) = store.device_find(text).await? {
        return Ok((Some(device.id), None));
    }
    let node = super::posture::host(store, text).await.map_err(|failure| {
        failure.fix("see the devices with: nac device list, and the hosts with: nac posture hosts")
    })?;
    Ok((node.device_id, Some(node.id)))
}

async fn list(context: &Context, arguments: ListArguments) -> Outcome {
    let store = context.store().await?;
    let filter = ExceptionFilter {
        open_only: !arguments.all && arguments.state.is_none(),
        state: arguments.state,
        check: arguments.check,
        search: arguments.search,
        before: arguments.before,
        limit: arguments.limit,
        ..ExceptionFilter::default()
    };
    let exceptions = store.exception_list(&filter).await?;
    if context.json() {
        print_json(&exceptions)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &[
            "FOR",
            "RULE",
            "STATE",
            "UNTIL",
            "ASKED BY",
            "GRANTED BY",
            "REASON",
            "ID",
        ],
        "there are no exceptions; permit one with: nac exception add DEVICE --check CHECK --reason WHY --expires 3d",
    );
    for exception in exceptions {
        table.row([
            subject(&store, &exception).await,
            rule(&exception),
            exception.state.to_string(),
            local_time(exception.expires_us),
            exception.requested_by,
            exception.approved_by.unwrap_or_default(),
            exception.reason,
            exception.id.to_string(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, id: Uuid) -> Outcome {
    let store = context.store().await?;
    let exception = store.exception_fetch(id).await.map_err(missing)?;
    if context.json() {
        print_json(&exception)?;
        return Ok(Answer::Yes);
    }
    let moment = |us: Option<i64>| us.map(local_time).unwrap_or_default();
    let unknown = match exception.covers_unknown {
        true => "may also have no answer",
        false => "has to be answered",
    };
    print(&lines(&[
        ("for", subject(&store, &exception).await),
        ("rule", rule(&exception)),
        ("the rule", unknown.to_owned()),
        ("state", exception.state.to_string()),
        ("reason", exception.reason.clone()),
        ("asked by", exception.requested_by.clone()),
        ("asked", local_time(exception.requested_us)),
        (
            "granted by",
            exception.approved_by.clone().unwrap_or_default(),
        ),
        ("granted", moment(exception.approved_us)),
        ("until", local_time(exception.expires_us)),
        ("first used", moment(exception.first_used_us)),
        ("last used", moment(exception.last_used_us)),
        ("ended", moment(exception.ended_us)),
        ("ended by", exception.ended_by.clone().unwrap_or_default()),
        (
            "ended why",
            exception.ended_note.clone().unwrap_or_default(),
        ),
        ("id", exception.id.to_string()),
    ]))?;
    Ok(Answer::Yes)
}

async fn revoke(context: &Context, ids: &[Uuid], reason: &str, dry_run: bool) -> Outcome {
    let store = context.store().await?;
    let by = context.operator();
    let ended = store
        .exception_revoke_many(ids, &by, reason, dry_run)
        .await?;
    if ended.is_empty() {
        return Err(Failure::no("none of these is requested or active")
            .fix("see which are with: nac exception list"));
    }
    let verb = if dry_run { "would be over" } else { "over" };
    let sentence = format!("{verb}: {} of {}", ended.len(), ids.len());
    answer(context.json(), &ended, &sentence)?;
    Ok(Answer::Yes)
}

fn told(context: &Context, outcome: Result<Exception, StoreError>, sentence: &str) -> Outcome {
    let exception = outcome.map_err(missing)?;
    let until = match exception.state {
        ExceptionState::Active => format!(" until {}", local_time(exception.expires_us)),
        _ => String::new(),
    };
    let sentence = format!("{sentence}{until} ({})", exception.id);
    answer(context.json(), &exception, &sentence)?;
    Ok(Answer::Yes)
}

async fn subject(store: &Store, exception: &Exception) -> String {
    if let Some(id) = exception.device_id {
        let device = store.device_fetch(id).await;
        return device.map_or_else(|_| id.to_string(), |device| device.name);
    }
    match exception.node_id {
        Some(id) => {
            let node = store.node_fetch(id).await;
            node.map_or_else(|_| id.to_string(), |node| node.hostname)
        }
        None => String::new(),
    }
}

fn rule(exception: &Exception) -> String {
    match (&exception.check, exception.quarantine_id) {
        (Some(check), _) => format!("check {check}"),
        (None, Some(id)) => format!("quarantine {id}"),
        (None, None) => String::new(),
    }
}

/// Where to look for the right id.
fn missing(error: StoreError) -> Failure {
    match error {
        StoreError::NotFound { .. } => {
            Failure::no(error.to_string()).fix("see the ids with: nac exception list --all")
        }
        error => error.into(),
    }
}
