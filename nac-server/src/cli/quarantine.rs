//! `nac quarantine`: put devices in quarantine and let them out again.

use clap::{Args, Subcommand};
use nac_policy::Mark;
use nac_radius::MacAddr;
use nac_store::{
    NewQuarantine, Quarantine, QuarantineFilter, QuarantineKind, QuarantineNote, Store, StoreError,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::output::{Table, answer, count, lines, local_time, now_us, print, print_json};
use super::policy::warn_when_unheeded;
use super::{Answer, Context, Failure, Outcome};
use crate::config::parse_duration;

const ADD_EXAMPLES: &str = "\
Examples:
  nac quarantine add 02:00:00:00:00:01 --reason 'port scan seen by the IDS'
  nac quarantine add laptop-7 --reason 'lost' --expires 2h

A running server moves the device's live sessions at once.";

#[derive(Debug, Subcommand)]
pub(super) enum QuarantineCommand {
    /// Put a device in quarantine
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// Let devices out of quarantine
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove {
        /// MAC address, name or id of a device, or the id of a quarantine
        #[arg(value_name = "MAC|DEVICE|ID", required = true)]
        targets: Vec<String>,
        /// Only tell what would end
        #[arg(long)]
        dry_run: bool,
    },
    /// List who is in quarantine
    List(ListArguments),
    /// Show one quarantine with its notes
    Show {
        /// The quarantine
        id: Uuid,
    },
    /// Move the moment at which a quarantine ends by itself
    #[command(visible_alias = "set")]
    Extend {
        /// The quarantine
        id: Uuid,
        /// When it ends, counted from now, such as 2h
        #[arg(long, value_name = "TIME", required_unless_present = "open_end")]
        expires: Option<String>,
        /// It ends when somebody ends it
        #[arg(long, conflicts_with = "expires")]
        open_end: bool,
    },
    /// Write a note about a quarantine
    Note {
        /// The quarantine
        id: Uuid,
        /// What others should know
        text: String,
    },
    /// Say whose turn it is
    Assign {
        /// The quarantine
        id: Uuid,
        /// Who takes the next step; nobody when left out
        owner: Option<String>,
    },
}

const REMOVE_EXAMPLES: &str = "\
Examples:
  nac quarantine remove laptop-7
  nac quarantine remove 02:00:00:00:00:01 laptop-7 --dry-run      tells what would end, and ends nothing

A device whose checks fail is let out by mending it, or for a time by: nac exception add";

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Those that are over as well
    #[arg(long)]
    all: bool,
    /// Of this kind: manual, alert, lost or posture
    #[arg(long)]
    kind: Option<QuarantineKind>,
    /// With this owner; an empty text is for those that nobody took
    #[arg(long)]
    owner: Option<String>,
    /// Because of this check
    #[arg(long)]
    check: Option<String>,
    /// Only those whose person has not seen the page that explains it
    #[arg(long)]
    untold: bool,
    /// With this in the reason, the owner, or who opened it
    #[arg(long)]
    search: Option<String>,
    /// Older than this one, which the last page ended with
    #[arg(long, value_name = "ID")]
    after: Option<Uuid>,
    /// At most so many
    #[arg(long, default_value_t = 1_000)]
    limit: u32,
}

/// A quarantine with what was written about it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    quarantine: Quarantine,
    notes: Vec<QuarantineNote>,
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// MAC address, name or id
    #[arg(value_name = "MAC|DEVICE")]
    target: String,
    /// Why; `nac quarantine list` shows it
    #[arg(long)]
    reason: String,
    /// When it ends by itself, counted from now, such as 2h
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

pub(super) async fn run(context: &Context, command: QuarantineCommand) -> Outcome {
    match command {
        QuarantineCommand::Add(arguments) => add(context, arguments).await,
        QuarantineCommand::Remove { targets, dry_run } => remove(context, &targets, dry_run).await,
        QuarantineCommand::List(arguments) => list(context, arguments).await,
        QuarantineCommand::Show { id } => show(context, id).await,
        QuarantineCommand::Extend { id, expires, .. } => extend(context, id, expires).await,
        QuarantineCommand::Note { id, text } => note(context, id, &text).await,
        QuarantineCommand::Assign { id, owner } => assign(context, id, owner.as_deref()).await,
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    if arguments.reason.trim().is_empty() {
        return Err(Failure::usage("the reason is empty").fix("say why, for whoever asks later"));
    }
    let expires_us = arguments.expires.as_deref().map(expiry).transpose()?;
    let store = context.store().await?;
    let target = Target::find(&store, &arguments.target).await?;
    let open = store.quarantine_list_open().await?;
    let causes = |one: &&Quarantine| one.kind != QuarantineKind::Posture && target.is(one);
    if let Some(already) = open.iter().find(causes) {
        return Err(Failure::no(format!(
            "{} is in quarantine already: {}",
            target.name, already.reason
        ))
        .fix(format!(
            "let it out first: nac quarantine remove {}",
            arguments.target
        )));
    }
    let quarantine = store
        .quarantine_open(NewQuarantine {
            device_id: target.device_id,
            mac: target.mac.clone(),
            kind: QuarantineKind::Manual,
            reason: arguments.reason,
            opened_by: context.operator(),
            expires_us,
        })
        .await?;
    let until = quarantine
        .expires_us
        .map(|us| format!(" until {}", local_time(us)));
    let sentence = format!(
        "{} is in quarantine{}",
        target.name,
        until.unwrap_or_default()
    );
    answer(context.json(), &quarantine, &sentence)?;
    warn_when_unheeded(&store, Mark::Quarantined).await?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, targets: &[String], dry_run: bool) -> Outcome {
    let store = context.store().await?;
    let open = store.quarantine_list_open().await?;
    let mut wanted = Vec::new();
    for text in targets {
        let by_id = text.parse::<Uuid>().ok();
        let by_id = by_id.filter(|id| open.iter().any(|one| one.id == *id));
        let before = wanted.len();
        match by_id {
            Some(id) => wanted.push(id),
            None => {
                let target = Target::find(&store, text).await?;
                wanted.extend(open.iter().filter(|one| target.is(one)).map(|one| one.id));
            }
        }
        if wanted.len() == before {
            return Err(Failure::no(format!("{text} is not in quarantine"))
                .fix("see who is with: nac quarantine list"));
        }
    }
    let release = store
        .quarantine_release(&wanted, &context.operator(), dry_run)
        .await?;
    if let (true, Some(kept)) = (release.closed.is_empty(), release.kept.first()) {
        let what = format!("{} is kept apart by its checks", targets.join(", "));
        let check = kept.checks.first().map_or("CHECK", String::as_str);
        return Err(Failure::no(format!("{what}: {}", kept.reason)).fix(format!(
            "mend the device, or permit it for a time: nac exception add {} --check {check} --reason WHY --expires 8h",
            targets.join(" ")
        )));
    }
    let verb = if dry_run { "would be out" } else { "is out" };
    let kept = match release.kept.len() {
        0 => String::new(),
        number => format!("; {} stays: the checks decide", count(number, "entry")),
    };
    let sentence = format!(
        "{} {verb} of quarantine ({}){kept}",
        targets.join(", "),
        count(release.closed.len(), "entry")
    );
    let record = json!({ "closed": release.closed, "kept": release.kept, "dry_run": dry_run });
    answer(context.json(), &record, &sentence)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context, arguments: ListArguments) -> Outcome {
    let store = context.store().await?;
    let filter = QuarantineFilter {
        open: (!arguments.all).then_some(true),
        kind: arguments.kind,
        owner: arguments.owner,
        check: arguments.check,
        told: arguments.untold.then_some(false),
        search: arguments.search,
        after: arguments.after,
        limit: arguments.limit,
        ..QuarantineFilter::default()
    };
    let quarantines = store.quarantine_list(&filter).await?;
    if context.json() {
        print_json(&quarantines)?;
        return Ok(Answer::Yes);
    }
    let header = [
        "DEVICE", "KIND", "REASON", "SINCE", "UNTIL", "BY", "TOLD", "OWNER", "ENDED", "ID",
    ];
    let mut table = Table::new(
        &header,
        "nobody is in quarantine; put somebody there with: nac quarantine add MAC --reason WHY",
    );
    for quarantine in quarantines {
        let until = match quarantine.kind {
            QuarantineKind::Posture => "mended".to_owned(),
            _ => quarantine
                .expires_us
                .map_or_else(|| "released".to_owned(), local_time),
        };
        table.row([
            name(&store, &quarantine).await,
            quarantine.kind.to_string(),
            quarantine.reason,
            local_time(quarantine.opened_us),
            until,
            quarantine.opened_by,
            quarantine
                .told_us
                .map_or_else(|| "no".to_owned(), local_time),
            quarantine.owner.unwrap_or_default(),
            quarantine.closed_us.map(local_time).unwrap_or_default(),
            quarantine.id.to_string(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, id: Uuid) -> Outcome {
    let store = context.store().await?;
    let quarantine = store.quarantine_fetch(id).await.map_err(missing)?;
    let notes = store.quarantine_notes(id).await?;
    if context.json() {
        print_json(&Shown { quarantine, notes })?;
        return Ok(Answer::Yes);
    }
    let moment = |us: Option<i64>| us.map(local_time).unwrap_or_default();
    let mut text = lines(&[
        ("device", name(&store, &quarantine).await),
        ("kind", quarantine.kind.to_string()),
        ("reason", quarantine.reason.clone()),
        ("checks", quarantine.checks.join(", ")),
        ("since", local_time(quarantine.opened_us)),
        ("by", quarantine.opened_by.clone()),
        ("until", moment(quarantine.expires_us)),
        ("told", moment(quarantine.told_us)),
        ("owner", quarantine.owner.clone().unwrap_or_default()),
        ("ended", moment(quarantine.closed_us)),
        ("ended by", quarantine.closed_by.clone().unwrap_or_default()),
        ("id", quarantine.id.to_string()),
    ]);
    for note in notes {
        text += &format!(
            "\n{} {}: {}",
            local_time(note.at_us),
            note.author,
            note.text
        );
    }
    print(&text)?;
    Ok(Answer::Yes)
}

async fn extend(context: &Context, id: Uuid, expires: Option<String>) -> Outcome {
    let expires_us = expires.as_deref().map(expiry).transpose()?;
    let store = context.store().await?;
    let quarantine = store
        .quarantine_extend(id, expires_us)
        .await
        .map_err(missing)?;
    let until = quarantine
        .expires_us
        .map_or_else(|| "when somebody ends it".to_owned(), local_time);
    answer(context.json(), &quarantine, &format!("it ends {until}"))?;
    Ok(Answer::Yes)
}

async fn note(context: &Context, id: Uuid, text: &str) -> Outcome {
    let store = context.store().await?;
    let note = store
        .quarantine_note_add(id, &context.operator(), text)
        .await
        .map_err(missing)?;
    answer(context.json(), &note, "noted")?;
    Ok(Answer::Yes)
}

async fn assign(context: &Context, id: Uuid, owner: Option<&str>) -> Outcome {
    let store = context.store().await?;
    let quarantine = store.quarantine_assign(id, owner).await.map_err(missing)?;
    let sentence = match &quarantine.owner {
        Some(owner) => format!("it is {owner}'s turn"),
        None => "it is nobody's turn".to_owned(),
    };
    answer(context.json(), &quarantine, &sentence)?;
    Ok(Answer::Yes)
}

async fn name(store: &Store, quarantine: &Quarantine) -> String {
    match quarantine.device_id {
        Some(id) => store
            .device_fetch(id)
            .await
            .map_or_else(|_| id.to_string(), |device| device.name),
        None => quarantine.mac.clone().unwrap_or_default(),
    }
}

/// Where to look for the right id.
fn missing(error: StoreError) -> Failure {
    match error {
        StoreError::NotFound { .. } => {
            Failure::no(error.to_string()).fix("see the ids with: nac quarantine list --all --json")
        }
        error => error.into(),
    }
}

/// A device that we know, or a MAC address that belongs to none.
struct Target {
    name: String,
    device_id: Option<Uuid>,
    mac: Option<String>,
}

impl Target {
    async fn find(store: &Store, text: &str) -> Result<Self, Failure> {
        let mac = text.parse::<MacAddr>().ok().map(|mac| mac.to_string());
        match (store.device_find(text).await?, mac) {
            (Some(device), _) => Ok(Self {
                name: device.name,
                device_id: Some(device.id),
                mac: None,
            }),
            (None, Some(mac)) => Ok(Self {
                name: mac.clone(),
                device_id: None,
                mac: Some(mac),
            }),
            (None, None) => Err(Failure::no(format!("there is no device {text}"))
                .fix("name a MAC address, or see the devices with: nac device list")),
        }
    }

    fn is(&self, quarantine: &Quarantine) -> bool {
        match self.device_id {
            Some(id) => quarantine.device_id == Some(id),
            None => self.mac.is_some() && quarantine.mac == self.mac,
        }
    }
}

/// The moment that lies this length of time ahead.
pub(super) fn expiry(text: &str) -> Result<i64, Failure> {
    let duration = parse_duration(text).map_err(Failure::usage)?;
    let micros = i64::try_from(duration.as_micros())
        .ok()
        .filter(|micros| *micros > 0);
    micros
        .and_then(|micros| now_us().checked_add(micros))
        .ok_or_else(|| Failure::usage(format!("{text} is no length of time to wait")))
}
