//! `nac guest`: visitors, from the announcement to the end of their stay.

use clap::{Args, Subcommand, ValueEnum};
use nac_store::{
    Guest, GuestFilter, GuestMethod, GuestOutcome, GuestStatus, NewGuest, NewVoucherBatch, Store,
};
use serde_json::json;
use uuid::Uuid;

use super::output::{Table, answer, lines, local_time, note, now_us, print, print_json};
use super::voucher::seconds;
use super::{Answer, Context, Failure, Outcome};

const ADD_EXAMPLES: &str = "\
Examples:
  nac guest add 'Ada Lovelace' --mac 02:00:00:00:00:01 --duration 8h
  nac guest add 'Ada Lovelace' --company 'Analytical Ltd' --duration 2d      prints a code for the portal

With --mac the device is on at once. Without it the guest types the code in the portal.";

#[derive(Debug, Subcommand)]
pub(super) enum GuestCommand {
    /// Let a guest in, or announce one
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// List guests, newest first
    List(ListArguments),
    /// Show one guest
    Show {
        /// Id, MAC address, or a name or e-mail address that only one guest has
        guest: String,
    },
    /// Let a guest stay longer, or again when the time was over
    #[command(visible_alias = "set")]
    Extend {
        /// Id, MAC address, or a name or e-mail address that only one guest has
        guest: String,
        /// By how much, such as 2h
        #[arg(long, value_name = "TIME")]
        by: String,
    },
    /// Send a guest away
    #[command(visible_alias = "remove")]
    Revoke {
        /// Id, MAC address, or a name or e-mail address that only one guest has
        guest: String,
        /// Refuse the guest's devices from now on, so that they cannot register again
        #[arg(long)]
        block: bool,
    },
    /// Let in a guest who waits for a sponsor
    Approve {
        /// Id, MAC address, or a name or e-mail address that only one guest has
        guest: String,
        /// For how long, such as 4h; as asked for when it is not given
        #[arg(long, value_name = "TIME")]
        duration: Option<String>,
    },
    /// Refuse a guest who waits for a sponsor
    Deny {
        /// Id, MAC address, or a name or e-mail address that only one guest has
        guest: String,
        /// Why; the guest is told
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// The guest's name
    name: String,
    /// The guest's device; without it a code for the portal is printed
    #[arg(long)]
    mac: Option<String>,
    /// How long they may stay, such as 8h
    #[arg(long, value_name = "TIME", default_value = "8h")]
    duration: String,
    /// How many devices they may use at once
    #[arg(long, default_value_t = 2)]
    devices: u32,
    /// E-mail address
    #[arg(long, default_value = "")]
    email: String,
    /// Telephone number
    #[arg(long, default_value = "")]
    phone: String,
    /// Where they come from
    #[arg(long, default_value = "")]
    company: String,
    /// Whom they visit
    #[arg(long, default_value = "")]
    host: String,
    /// Something for colleagues; guests never see it
    #[arg(long, default_value = "")]
    note: String,
    /// The only site where they may come in
    #[arg(long, default_value = "")]
    site: String,
    /// When the announcement ends, counted from now, such as 7d
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30d",
        conflicts_with = "mac"
    )]
    expires: String,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only those of this status
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<GuestStatus>,
    /// Only those who came this way
    #[arg(long)]
    method: Option<Method>,
    /// Only those with this text in name, e-mail address, company, sponsor or MAC address
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those of this site
    #[arg(long)]
    site: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Continue behind this guest, with which the last page ended
    #[arg(long, value_name = "ID")]
    before: Option<Uuid>,
}

/// [`GuestMethod`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    Click,
    Form,
    Email,
    Sponsor,
    Voucher,
    Operator,
}

impl From<Method> for GuestMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Click => Self::Click,
            Method::Form => Self::Form,
            Method::Email => Self::Email,
            Method::Sponsor => Self::Sponsor,
            Method::Voucher => Self::Voucher,
            Method::Operator => Self::Operator,
        }
    }
}

fn status(word: &str) -> Result<GuestStatus, String> {
    word.parse()
        .map_err(|error: nac_store::UnknownWord| error.to_string())
}

pub(super) async fn run(context: &Context, command: GuestCommand) -> Outcome {
    match command {
        GuestCommand::Add(arguments) => add(context, arguments).await,
        GuestCommand::List(arguments) => list(context, arguments).await,
        GuestCommand::Show { guest } => show(context, &guest).await,
        GuestCommand::Extend { guest, by } => {
            let store = context.store().await?;
            let found = find(&store, &guest).await?;
            let outcome = store.guest_extend(found.id, seconds(&by)?).await?;
            decided(context, outcome, |guest| {
                format!("{} may stay until {}", shown(guest), until(guest))
            })
        }
        GuestCommand::Revoke { guest, block } => {
            let store = context.store().await?;
            let found = find(&store, &guest).await?;
            let outcome = store
                .guest_revoke(found.id, &context.operator(), block)
                .await?;
            decided(context, outcome, |guest| {
                format!("{} has to leave the network", shown(guest))
            })
        }
        GuestCommand::Approve { guest, duration } => {
            let duration = duration.as_deref().map(seconds).transpose()?;
            let store = context.store().await?;
            let found = find(&store, &guest).await?;
            let outcome = store
                .guest_approve(found.id, &context.operator(), duration)
                .await?;
            decided(context, outcome, |guest| {
                format!("{} may stay until {}", shown(guest), until(guest))
            })
        }
        GuestCommand::Deny { guest, reason } => {
            let store = context.store().await?;
            let found = find(&store, &guest).await?;
            let outcome = store
                .guest_deny(found.id, &context.operator(), &reason)
                .await?;
            decided(context, outcome, |guest| {
                format!("{} is not let in", shown(guest))
            })
        }
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    if arguments.name.trim().is_empty() {
        return Err(Failure::usage("the name is empty"));
    }
    let duration_s = seconds(&arguments.duration)?;
    let expires_us = super::quarantine::expiry(&arguments.expires)?;
    let announced = arguments.mac.is_none();
    let store = context.store().await?;
    let new = NewGuest {
        method: GuestMethod::Operator,
        name: arguments.name,
        email: arguments.email,
        phone: arguments.phone,
        company: arguments.company,
        host: arguments.host,
        note: arguments.note,
        site: arguments.site.clone(),
        mac: arguments.mac,
        duration_s,
        devices_max: arguments.devices,
        link_expires_us: Some(expires_us),
        created_by: context.operator(),
        ..NewGuest::default()
    };
    let guest = store.guest_register(new).await?.map_err(refused)?;
    if !announced {
        let sentence = format!("{} may stay until {}", shown(&guest), until(&guest));
        answer(context.json(), &guest, &sentence)?;
        return Ok(Answer::Yes);
    }
    let (_, vouchers) = store
        .voucher_batch_add(NewVoucherBatch {
            note: guest.name.clone(),
            site: arguments.site,
            duration_s,
            devices: guest.devices_max,
            expires_us: Some(expires_us),
            created_by: context.operator(),
            guest_id: Some(guest.id),
            ..NewVoucherBatch::default()
        })
        .await?;
    let code = vouchers
        .first()
        .map(|voucher| voucher.code.shown())
        .unwrap_or_default();
    if context.json() {
        print_json(&json!({ "guest": guest, "code": code }))?;
    } else {
        note(&format!(
            "{} is announced; until {} this code lets them in:",
            shown(&guest),
            local_time(expires_us)
        ));
        print(&format!("{code}\n"))?;
    }
    Ok(Answer::Yes)
}

async fn list(context: &Context, arguments: ListArguments) -> Outcome {
    let store = context.store().await?;
    let filter = GuestFilter {
        search: arguments.search,
        status: arguments.status,
        method: arguments.method.map(Into::into),
        site: arguments.site,
        before: arguments.before,
        limit: arguments.limit.max(1),
        ..GuestFilter::default()
    };
    let guests = store.guest_list(&filter).await?;
    if context.json() {
        print_json(&guests)?;
        return Ok(Answer::Yes);
    }
    let header = ["ID", "NAME", "STATUS", "METHOD", "MAC", "UNTIL", "COMPANY"];
    let mut table = Table::new(
        &header,
        "there are no such guests; let one in with: nac guest add NAME --mac MAC",
    );
    for guest in guests {
        table.row([
            guest.id.to_string(),
            guest.name.clone(),
            guest.status.to_string(),
            guest.method.to_string(),
            guest.mac.clone().unwrap_or_default(),
            guest.expires_us.map(local_time).unwrap_or_default(),
            guest.company,
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let guest = find(&store, text).await?;
    let devices = store.guest_devices(guest.id).await?;
    let accepted = store.guest_acceptances(guest.id).await?;
    if context.json() {
        print_json(&json!({ "guest": guest, "devices": devices, "acceptances": accepted }))?;
        return Ok(Answer::Yes);
    }
    let time = |at_us: Option<i64>| at_us.map(local_time).unwrap_or_default();
    let devices: Vec<String> = devices
        .into_iter()
        .filter(|device| device.left_us.is_none())
        .map(|device| device.mac)
        .collect();
    let terms = accepted
        .last()
        .map(|accepted| format!("{} at {}", accepted.version, local_time(accepted.at_us)));
    print(&lines(&[
        ("id", guest.id.to_string()),
        ("name", guest.name),
        ("status", guest.status.to_string()),
        ("method", guest.method.to_string()),
        ("e-mail", guest.email),
        ("telephone", guest.phone),
        ("company", guest.company),
        ("visits", guest.host),
        ("reason", guest.reason),
        ("note", guest.note),
        ("sponsor", guest.sponsor),
        ("site", guest.site),
        ("devices", devices.join(", ")),
        ("asked", local_time(guest.created_us)),
        ("by", guest.created_by),
        ("terms", terms.unwrap_or_default()),
        ("confirmed", time(guest.verified_us)),
        ("decided", time(guest.decided_us)),
        ("decided by", guest.decided_by.unwrap_or_default()),
        ("because", guest.decision_reason.unwrap_or_default()),
        ("began", time(guest.starts_us)),
        ("until", time(guest.expires_us)),
        ("ended", time(guest.ended_us)),
        ("ended by", guest.ended_by.unwrap_or_default()),
    ]))?;
    Ok(Answer::Yes)
}

/// The guest that somebody means.
async fn find(store: &Store, text: &str) -> Result<Guest, Failure> {
    let text = text.trim();
    if let Ok(id) = text.parse::<Uuid>() {
        return Ok(store.guest_fetch(id).await?);
    }
    if let Some(guest) = store.guest_by_mac(text).await? {
        return Ok(guest);
    }
    let filter = GuestFilter {
        search: Some(text.to_owned()),
        limit: 100,
        ..GuestFilter::default()
    };
    let wanted = text.to_lowercase();
    let mut found = store.guest_list(&filter).await?;
    found.retain(|guest| {
        guest.name.to_lowercase() == wanted || guest.email.to_lowercase() == wanted
    });
    match found.len() {
        0 => Err(Failure::no(format!("there is no guest {text}"))
            .fix("see the guests with: nac guest list")),
        1 => Ok(found.remove(0)),
        _ => Err(Failure::no(format!("several guests are named {text}"))
            .fix("use the id, see: nac guest list --search NAME")),
    }
}

fn decided(
    context: &Context,
    outcome: GuestOutcome,
    sentence: impl Fn(&Guest) -> String,
) -> Outcome {
    let guest = outcome.map_err(refused)?;
    answer(context.json(), &guest, &sentence(&guest))?;
    Ok(Answer::Yes)
}

fn refused(refusal: nac_store::GuestRefusal) -> Failure {
    let failure = Failure::no(refusal.to_string());
    match refusal {
        nac_store::GuestRefusal::DeviceKnown => {
            failure.fix("see what it is with: nac device show MAC")
        }
        nac_store::GuestRefusal::DeviceBlocked => {
            failure.fix("let it be used again with: nac device unblock MAC")
        }
        nac_store::GuestRefusal::Decided { by, at_us, .. } if !by.is_empty() => {
            failure.place(format!("by {by} at {}", local_time(at_us)))
        }
        _ => failure,
    }
}

fn shown(guest: &Guest) -> String {
    if guest.name.is_empty() {
        return format!("the guest {}", guest.id);
    }
    guest.name.clone()
}

fn until(guest: &Guest) -> String {
    local_time(guest.expires_us.unwrap_or_else(now_us))
}
