//! `nac device`: endpoints, their MAC addresses, owners and labels.

pub(super) mod expiry;
mod import;
mod mac;
mod psk;
mod supplicant;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use expiry::parse_expiry;
use mac::{check_mac, parse_mac, refuse_a_misspelt_mac, warn_of_random};
use nac_policy::Mark;
use nac_radius::MacAddr;
use nac_store::{
    Device, DeviceFilter, DeviceRecord, DeviceSort, DeviceState, DeviceStatus, IdentifierKind,
    Store, now_us,
};
use serde_json::json;

use super::output::{Table, answer, lines, local_time, print, print_json};
use super::policy::warn_when_unheeded;
use super::{Answer, Context, Failure, Outcome};

const ADD_EXAMPLES: &str = "\
Examples:
  nac device add 02:00:00:00:00:01 --label printer
  nac device add 0200.0000.0002 --name lobby-phone --owner alice
  nac device add laptop-7 --owner alice --mac 02-00-00-00-00-03 --mac 02-00-00-00-00-04
  nac device add 02:00:00:00:00:05 --name tv --type tv --label registered --expires 365d

A MAC address may be written in any usual way.";

const IMPORT_EXAMPLES: &str = "\
The file begins with the names of its columns:
  mac,owner,labels
  02:00:00:00:00:01,,printer
  0200.0000.0002,alice,phone;lobby
Further columns are name, type and expires (30d, 2027-01-31, never). A device that has the MAC address already gets
the owner and the labels of its line, and of the others what is not empty.";

const ALLOW_MAB_EXAMPLES: &str = "\
Examples:
  nac device allow-mab 02:00:00:00:00:01
  nac device allow-mab lobby-phone

It holds until the device is let in by 802.1X again.";

#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// Add a device by its MAC address or by a name
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// Change a device
    Set(SetArguments),
    /// Add or change many devices from a CSV file
    #[command(after_help = IMPORT_EXAMPLES)]
    Import {
        /// The CSV file
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// Import the good lines even when others are bad
        #[arg(long)]
        skip_bad: bool,
        /// Check every line and store nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List devices
    List {
        /// Only those of this owner
        #[arg(long)]
        owner: Option<String>,
        /// Only those with this label
        #[arg(long)]
        label: Option<String>,
        /// A MAC address in any form, part of the name or the owner, the beginning of another identifier
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those of this type
        #[arg(long = "type", value_name = "TYPE")]
        device_type: Option<String>,
        /// Only those in this state: active, blocked, lost or expired
        #[arg(long)]
        state: Option<DeviceState>,
        /// The order: added, name, owner, changed or expires
        #[arg(long, default_value = "name")]
        sort: DeviceSort,
    },
    /// Show one device
    Show {
        /// MAC address, name or id
        device: String,
    },
    /// Refuse a device
    Block {
        /// MAC address, name or id
        device: String,
    },
    /// Refuse a device no longer
    Unblock {
        /// MAC address, name or id
        device: String,
    },
    /// Note that a device was lost or stolen: it is refused, and its record stays
    Lost {
        /// MAC address, name or id
        device: String,
    },
    /// Note that a lost device is back
    Found {
        /// MAC address, name or id
        device: String,
    },
    /// Let a device come by its MAC address again, though it was let in by 802.1X before
    #[command(after_help = ALLOW_MAB_EXAMPLES)]
    AllowMab {
        /// MAC address, name or id
        device: String,
    },
    /// Wi-Fi keys that one device has for itself
    #[command(subcommand)]
    Psk(psk::PskCommand),
    /// Forget a device
    Remove {
        /// MAC address, name or id
        device: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// A MAC address, or the name of a device without one
    #[arg(value_name = "MAC|NAME")]
    device: String,
    /// The name that people use
    #[arg(long)]
    name: Option<String>,
    /// The user who owns it
    #[arg(long)]
    owner: Option<String>,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// A further MAC address; may be given several times
    #[arg(long = "mac", value_name = "MAC")]
    macs: Vec<String>,
    /// What it is, such as printer
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<String>,
    /// Until when it may be used: 30d, 2027-01-31 or never
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// MAC address, name or id
    device: String,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    /// Another owner; an empty text for none
    #[arg(long)]
    owner: Option<String>,
    /// The labels that replace the present ones; may be given several times
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Take all labels off
    #[arg(long, conflicts_with = "labels")]
    no_labels: bool,
    /// A further MAC address; may be given several times
    #[arg(long = "mac", value_name = "MAC")]
    macs: Vec<String>,
    /// A MAC address that is no longer its own; may be given several times
    #[arg(long = "no-mac", value_name = "MAC")]
    gone: Vec<String>,
    /// What it is; an empty text for nothing in particular
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<String>,
    /// Until when it may be used: 30d, 2027-01-31 or never
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

pub(super) async fn run(context: &Context, command: DeviceCommand) -> Outcome {
    match command {
        DeviceCommand::Add(arguments) => add(context, arguments).await,
        DeviceCommand::Set(arguments) => set(context, arguments).await,
        DeviceCommand::Import {
            file,
            skip_bad,
            dry_run,
        } => import::run(context, &file, skip_bad, dry_run).await,
        DeviceCommand::List {
            owner,
            label,
            search,
            device_type,
            state,
            sort,
        } => {
            let filter = DeviceFilter {
                owner,
                label,
                search,
                device_type,
                state,
                sort: Some(sort),
                ..DeviceFilter::default()
            };
            list(context, filter).await
        }
        DeviceCommand::Show { device } => show(context, &device).await,
        DeviceCommand::Block { device } => block(context, &device, DeviceStatus::Blocked).await,
        DeviceCommand::Unblock { device } => block(context, &device, DeviceStatus::Active).await,
        DeviceCommand::Lost { device } => lost(context, &device).await,
        DeviceCommand::Found { device } => found(context, &device).await,
        DeviceCommand::AllowMab { device } => supplicant::allow_mab(context, &device).await,
        DeviceCommand::Psk(command) => psk::run(context, command).await,
        DeviceCommand::Remove { device } => remove(context, &device).await,
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    let mut macs = Vec::new();
    if let Ok(mac) = arguments.device.parse::<MacAddr>() {
        macs.push(check_mac(mac)?);
    }
    for text in &arguments.macs {
        macs.push(parse_mac(text)?);
    }
    let name = match (&arguments.name, macs.first()) {
        (Some(name), _) => name.clone(),
        (None, Some(mac)) if arguments.device.parse::<MacAddr>().is_ok() => mac.to_string(),
        _ => arguments.device.clone(),
    };
    check_words(
        std::iter::once(&name)
            .chain(&arguments.owner)
            .chain(&arguments.device_type),
    )?;
    let expires_us = match &arguments.expires {
        Some(text) => parse_expiry(text).map_err(Failure::usage)?,
        None => None,
    };
    refuse_a_misspelt_mac(&arguments.device)?;
    refuse_a_misspelt_mac(&name)?;
    check_labels(&arguments.labels)?;
    let store = context.store().await?;
    for text in macs.iter().map(ToString::to_string).chain([name.clone()]) {
        if let Some(known) = store.device_find(&text).await? {
            return Err(
                Failure::no(format!("{text} is already the device {}", known.name))
                    .fix(format!("change it with: nac device set {text}")),
            );
        }
    }
    let device = store
        .device_put(DeviceRecord {
            owner: arguments.owner,
            labels: arguments.labels,
            device_type: arguments.device_type,
            expires_us,
            macs: macs.iter().map(ToString::to_string).collect(),
            ..DeviceRecord::new(name, SOURCE)
        })
        .await?;
    warn_of_random(&macs);
    answer(
        context.json(),
        &device,
        &format!("device {} was added", device.name),
    )?;
    Ok(Answer::Yes)
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    let mut macs = Vec::new();
    for text in &arguments.macs {
        macs.push(parse_mac(text)?);
    }
    let device_type = arguments
        .device_type
        .as_ref()
        .filter(|text| !text.is_empty());
    check_words(arguments.name.iter().chain(device_type))?;
    arguments
        .name
        .iter()
        .try_for_each(|name| refuse_a_misspelt_mac(name))?;
    check_labels(&arguments.labels)?;
    let store = context.store().await?;
    let mut record = DeviceRecord::change(find(&store, &arguments.device).await?, SOURCE);
    if let Some(name) = arguments.name {
        record.name = name;
    }
    if let Some(owner) = arguments.owner {
        record.owner = (!owner.is_empty()).then_some(owner);
    }
    if arguments.no_labels || !arguments.labels.is_empty() {
        record.labels = arguments.labels;
    }
    if let Some(device_type) = arguments.device_type {
        record.device_type = (!device_type.is_empty()).then_some(device_type);
    }
    if let Some(text) = arguments.expires {
        record.expires_us = parse_expiry(&text).map_err(Failure::usage)?;
    }
    record.macs = macs.iter().map(ToString::to_string).collect();
    let changed = store.device_put(record).await?;
    for text in &arguments.gone {
        let mac = parse_mac(text)?.to_string();
        if !changed.macs.contains(&mac) {
            return Err(Failure::no(format!(
                "the device {} has no MAC address {mac}",
                changed.name
            )));
        }
        store
            .device_identifier_remove(IdentifierKind::Mac, &mac)
            .await?;
    }
    let changed = store.device_fetch(changed.id).await?;
    warn_of_random(&macs);
    answer(
        context.json(),
        &changed,
        &format!("device {} was changed", changed.name),
    )?;
    Ok(Answer::Yes)
}

async fn list(context: &Context, mut filter: DeviceFilter) -> Outcome {
    let store = context.store().await?;
    let narrowed = filter.owner.is_some()
        || filter.label.is_some()
        || filter.search.is_some()
        || filter.device_type.is_some()
        || filter.state.is_some();
    let sort = filter.sort.unwrap_or(DeviceSort::Name);
    let mut devices = Vec::new();
    loop {
        let page = store.device_list(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.cursor(sort));
        devices.extend(page);
    }
    if context.json() {
        print_json(&devices)?;
        return Ok(Answer::Yes);
    }
    let when_empty = if narrowed {
        "no device fits; see all with: nac device list"
    } else {
        "there are no devices; add one with: nac device add MAC --label LABEL"
    };
    let header = ["NAME", "MAC", "OWNER", "LABELS", "TYPE", "STATE", "UNTIL"];
    let mut table = Table::new(&header, when_empty);
    let now = now_us();
    for device in devices {
        let state = device.state(now).to_string();
        let kind = device.device_type.unwrap_or_default();
        let until = device.expires_us.map_or_else(String::new, local_time);
        let owner = device.owner.unwrap_or_default();
        let macs = device.macs.join(" ");
        let labels = device.labels.join(" ");
        table.row([device.name, macs, owner, labels, kind, state, until]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let device = find(&store, text).await?;
    if context.json() {
        print_json(&device)?;
        return Ok(Answer::Yes);
    }
    let by_eap = supplicant::described(&store, &device).await?;
    let identifiers: Vec<String> = device
        .identifiers
        .iter()
        .map(|known| format!("{} {} (from {})", known.kind, known.value, known.source))
        .collect();
    let lost = match (device.lost_us, &device.lost_by) {
        (Some(at), Some(by)) => format!("reported by {by} at {}", local_time(at)),
        _ => String::new(),
    };
    print(&lines(&[
        ("name", device.name.clone()),
        ("id", device.id.to_string()),
        ("owner", device.owner.clone().unwrap_or_default()),
        ("labels", device.labels.join(" ")),
        ("type", device.device_type.clone().unwrap_or_default()),
        ("state", device.state(now_us()).to_string()),
        (
            "until",
            device.expires_us.map_or_else(String::new, local_time),
        ),
        ("lost", lost),
        ("802.1X", by_eap),
        ("known by", identifiers.join("\n          ")),
        ("added", local_time(device.created_us)),
        ("changed", local_time(device.updated_us)),
    ]))?;
    Ok(Answer::Yes)
}

async fn block(context: &Context, text: &str, status: DeviceStatus) -> Outcome {
    let store = context.store().await?;
    let device = find(&store, text).await?;
    store.device_set_status(device.id, status).await?;
    let device = store.device_fetch(device.id).await?;
    answer(
        context.json(),
        &device,
        &format!("device {} is now {}", device.name, device.status),
    )?;
    if status == DeviceStatus::Blocked {
        warn_when_unheeded(&store, Mark::Blocked).await?;
    }
    Ok(Answer::Yes)
}

async fn lost(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let device = find(&store, text).await?;
    let device = store.device_lost(device.id, &context.operator()).await?;
    let sentence = format!("device {} is lost and refused from now on", device.name);
    answer(context.json(), &device, &sentence)?;
    warn_when_unheeded(&store, Mark::Blocked).await?;
    Ok(Answer::Yes)
}

async fn found(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let device = find(&store, text).await?;
    let device = store.device_found(device.id).await?;
    let state = device.state(now_us());
    let sentence = format!("device {} is found; it is now {state}", device.name);
    answer(context.json(), &device, &sentence)?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let device = find(&store, text).await?;
    store.device_remove(device.id).await?;
    let record = json!({ "removed": device.name, "id": device.id });
    answer(
        context.json(),
        &record,
        &format!("device {} was removed", device.name),
    )?;
    Ok(Answer::Yes)
}

/// Who put an identifier into the database, when it was an administrator.
const SOURCE: &str = "admin";

/// The device that somebody means.
pub(super) async fn find(store: &Store, text: &str) -> Result<Device, Failure> {
    let found = store.device_find(text).await?;
    found.ok_or_else(|| unknown(text))
}

fn unknown(text: &str) -> Failure {
    Failure::no(format!("there is no device {text}"))
        .fix("see them with: nac device list; add it with: nac device add")
}

/// Names and owners: not empty, printable.
fn check_words<'a>(words: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
    for word in words {
        if word.trim().is_empty() || word.len() > 253 || word.chars().any(char::is_control) {
            return Err(Failure::usage(format!(
                "\"{}\" cannot be a name",
                word.escape_debug()
            )));
        }
    }
    Ok(())
}

fn check_labels(labels: &[String]) -> Result<(), Failure> {
    labels
        .iter()
        .try_for_each(|label| check_label(label))
        .map_err(Failure::usage)
}

fn check_label(label: &str) -> Result<(), String> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != ';' && c != ',';
    if !label.is_empty() && label.len() <= 64 && label.chars().all(plain) {
        return Ok(());
    }
    Err(format!("\"{}\" cannot be a label", label.escape_debug()))
}
