//! `nac quarantine`: put devices in quarantine and let them out again.

use clap::{Args, Subcommand};
use nac_policy::Mark;
use nac_radius::MacAddr;
use nac_store::{NewQuarantine, Quarantine, Store};
use serde_json::json;
use uuid::Uuid;

use super::output::{Table, answer, count, local_time, now_us, print, print_json};
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
    /// Let a device out of quarantine
    Remove {
        /// MAC address, name or id of the device, or the id of the quarantine
        #[arg(value_name = "MAC|DEVICE|ID")]
        target: String,
    },
    /// List who is in quarantine
    List {
        /// Those that are over as well
        #[arg(long)]
        all: bool,
    },
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
        QuarantineCommand::Remove { target } => remove(context, &target).await,
        QuarantineCommand::List { all } => list(context, all).await,
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    if arguments.reason.trim().is_empty() {
        return Err(Failure::usage("the reason is empty").fix("say why, for whoever asks later"));
    }
    let expires_us = arguments.expires.as_deref().map(expiry).transpose()?;
    let store = context.store().await?;
    let target = Target::find(&store, &arguments.target).await?;
    let open = store.quarantine_list(true).await?;
    if let Some(already) = open.iter().find(|quarantine| target.is(quarantine)) {
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

async fn remove(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let open = store.quarantine_list(true).await?;
    let by_id = text
        .parse::<Uuid>()
        .ok()
        .filter(|id| open.iter().any(|one| one.id == *id));
    let wanted: Vec<Quarantine> = match by_id {
        Some(id) => open.into_iter().filter(|one| one.id == id).collect(),
        None => {
            let target = Target::find(&store, text).await?;
            open.into_iter().filter(|one| target.is(one)).collect()
        }
    };
    if wanted.is_empty() {
        return Err(Failure::no(format!("{text} is not in quarantine"))
            .fix("see who is with: nac quarantine list"));
    }
    let mut closed = Vec::new();
    for quarantine in wanted {
        closed.push(
            store
                .quarantine_close(quarantine.id, &context.operator())
                .await?,
        );
    }
    let sentence = format!(
        "{text} is out of quarantine ({})",
        count(closed.len(), "entry")
    );
    answer(context.json(), &json!({ "closed": closed }), &sentence)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context, all: bool) -> Outcome {
    let store = context.store().await?;
    let mut quarantines = store.quarantine_list(!all).await?;
    quarantines.sort_by_key(|quarantine| std::cmp::Reverse(quarantine.opened_us));
    if context.json() {
        print_json(&quarantines)?;
        return Ok(Answer::Yes);
    }
    let header = ["DEVICE", "REASON", "SINCE", "UNTIL", "BY", "ENDED"];
    let mut table = Table::new(
        &header,
        "nobody is in quarantine; put somebody there with: nac quarantine add MAC --reason WHY",
    );
    for quarantine in quarantines {
        let name = match quarantine.device_id {
            Some(id) => store
                .device_fetch(id)
                .await
                .map_or_else(|_| id.to_string(), |d| d.name),
            None => quarantine.mac.unwrap_or_default(),
        };
        table.row([
            name,
            quarantine.reason,
            local_time(quarantine.opened_us),
            quarantine
                .expires_us
                .map_or_else(|| "released".to_owned(), local_time),
            quarantine.opened_by,
            quarantine.closed_us.map(local_time).unwrap_or_default(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
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
