//! `nac posture`: what endpoints' osquery needs, and what it said.

mod flagfile;
mod recheck;
mod report;

use clap::Subcommand;
use nac_portal::input::secret;
use nac_posture::CheckSet;
use nac_store::{OsqueryNode, Store};
use serde_json::json;

use super::init::sha256_hex;
use super::output::{Table, answer, local_time, now_us, print, print_json};
use super::quarantine::expiry;
use super::{Answer, Context, Failure, Outcome, device};
use flagfile::FlagfileArguments;
use recheck::RecheckArguments;
use uuid::Uuid;

const FLAGFILE_EXAMPLES: &str = "\
Examples:
  nac posture flagfile --host nac.example.org:8443 > osquery.flags
  nac posture flagfile --out ./endpoint         osquery.flags, nac-ca.pem and nac-enroll-secret
  nac posture flagfile --client-certificate /etc/osquery/device.pem --client-key /etc/osquery/device.key";

const RECHECK_EXAMPLES: &str = "\
Examples:
  nac posture recheck alice-laptop
  nac posture recheck alice-laptop --wait      waits for the answer; exit status 1 when something still fails";

const SECRET_EXAMPLES: &str = "\
Examples:
  nac posture secret add laptops-2026 --expires 90d
  nac posture secret add laptop-7 --device laptop-7      binds the host that enrols with it to this device";

#[derive(Debug, Subcommand)]
pub(super) enum PostureCommand {
    /// Print the flag file for an endpoint's osqueryd
    #[command(after_help = FLAGFILE_EXAMPLES)]
    Flagfile(FlagfileArguments),
    /// List the checks
    Checks,
    /// Enrolment secrets
    #[command(subcommand)]
    Secret(SecretCommand),
    /// List the hosts that have enrolled, with their verdicts
    Hosts,
    /// Ask a host again, now, what it failed
    #[command(after_help = RECHECK_EXAMPLES)]
    Recheck(RecheckArguments),
    /// What people say is wrong with a check
    #[command(subcommand)]
    Report(report::ReportCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// Make a secret; it is printed once
    #[command(after_help = SECRET_EXAMPLES)]
    Add {
        /// The name
        name: String,
        /// Only this device may enrol with it: MAC address, name or id
        #[arg(long)]
        device: Option<String>,
        /// When it ends, counted from now, such as 30d
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List the secrets' names
    List,
    /// Let nobody enrol with this secret any more
    Remove {
        /// The name
        name: String,
    },
}

pub(super) async fn run(context: &Context, command: PostureCommand) -> Outcome {
    match command {
        PostureCommand::Flagfile(arguments) => flagfile::run(context, arguments).await,
        PostureCommand::Checks => checks(context),
        PostureCommand::Secret(SecretCommand::Add {
            name,
            device,
            expires,
        }) => secret_add(context, &name, device, expires).await,
        PostureCommand::Secret(SecretCommand::List) => secret_list(context).await,
        PostureCommand::Secret(SecretCommand::Remove { name }) => {
            secret_remove(context, &name).await
        }
        PostureCommand::Hosts => hosts(context).await,
        PostureCommand::Recheck(arguments) => recheck::run(context, arguments).await,
        PostureCommand::Report(command) => report::run(context, command).await,
    }
}

/// The checks that a server with these settings uses.
pub(super) fn check_set(context: &Context) -> Result<CheckSet, Failure> {
    let directory = if context.has_config() {
        context.settings()?.posture.checks_dir
    } else {
        None
    };
    match directory {
        None => Ok(CheckSet::embedded()),
        Some(directory) => CheckSet::load_dir(&directory)
            .map_err(|faults| Failure::no("the checks have faults").place(faults.to_string())),
    }
}

/// The osquery host that is meant: by its id or name, or by the device that it runs on. Of several, the one heard last.
pub(super) async fn host(store: &Store, text: &str) -> Result<OsqueryNode, Failure> {
    let text = text.trim();
    let id = text.parse::<Uuid>().ok();
    let device = store.device_find(text).await?.map(|device| device.id);
    let meant = |node: &OsqueryNode| {
        Some(node.id) == id
            || node.hostname.eq_ignore_ascii_case(text)
            || node.host_identifier.eq_ignore_ascii_case(text)
            || (device.is_some() && node.device_id == device)
    };
    let nodes = store.node_list().await?.into_iter().filter(meant);
    nodes
        .max_by_key(|node| node.last_seen_us)
        .ok_or_else(|| Failure::no(format!("there is no osquery host {text}")))
}

fn checks(context: &Context) -> Outcome {
    let set = check_set(context)?;
    let mut checks: Vec<_> = set.iter().collect();
    checks.sort_by(|one, two| one.name.cmp(&two.name));
    if context.json() {
        let listed: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({
                    "name": check.name, "title": check.title, "platforms": check.platforms,
                    "severity": check.severity, "gates": check.severity.gates(),
                    "query": check.query, "resolution": check.resolution,
                })
            })
            .collect();
        print_json(&listed)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &["CHECK", "PLATFORMS", "SEVERITY", "GATES ACCESS", "QUESTION"],
        "there are no checks; remove [posture] checks_dir to use the built-in ones",
    );
    for check in checks {
        let gates = if check.severity.gates() { "yes" } else { "no" };
        table.row([
            check.name.clone(),
            check.platforms.join(" "),
            check.severity.to_string(),
            gates.to_owned(),
            check.title.clone(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn secret_add(
    context: &Context,
    name: &str,
    bound_to: Option<String>,
    expires: Option<String>,
) -> Outcome {
    if name.trim().is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return Err(Failure::usage(format!(
            "\"{}\" cannot be a name",
            name.escape_debug()
        )));
    }
    let expires_us = expires.as_deref().map(expiry).transpose()?;
    let store = context.store().await?;
    let device_id = match &bound_to {
        Some(text) => Some(device::find(&store, text).await?.id),
        None => None,
    };
    let text = secret::generate(32)?;
    let added = store
        .enroll_secret_add(name, &sha256_hex(text.as_bytes()), device_id, expires_us)
        .await?;
    let mut record = json!({ "name": added.name, "secret": text.as_str() });
    if let Some(object) = record.as_object_mut() {
        object.insert("device_id".to_owned(), json!(added.device_id));
        object.insert("expires_us".to_owned(), json!(added.expires_us));
    }
    let until = added
        .expires_us
        .map(|us| format!(" until {}", local_time(us)));
    let sentence = format!(
        "{}\nWrite it to the endpoint's /etc/osquery/nac-enroll-secret; it is good{} and is not shown again.",
        text.as_str(),
        until.unwrap_or_default()
    );
    answer(context.json(), &record, &sentence)?;
    Ok(Answer::Yes)
}

async fn secret_list(context: &Context) -> Outcome {
    let store = context.store().await?;
    let mut secrets = store.enroll_secret_list().await?;
    secrets.sort_by(|one, two| one.name.cmp(&two.name));
    if context.json() {
        print_json(&secrets)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &["NAME", "DEVICE", "UNTIL", "LAST USED"],
        "there are no enrolment secrets; make one with: nac posture secret add NAME",
    );
    for secret in secrets {
        let device = match secret.device_id {
            Some(id) => store
                .device_fetch(id)
                .await
                .map_or_else(|_| id.to_string(), |d| d.name),
            None => "any".to_owned(),
        };
        let until = match secret.expires_us {
            Some(us) if us <= now_us() => "expired".to_owned(),
            Some(us) => local_time(us),
            None => "removed".to_owned(),
        };
        let used = secret
            .last_used_us
            .map_or_else(|| "never".to_owned(), local_time);
        table.row([secret.name, device, until, used]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn secret_remove(context: &Context, name: &str) -> Outcome {
    context.store().await?.enroll_secret_remove(name).await?;
    let sentence = format!("nobody can enrol with the secret {name} any more");
    answer(context.json(), &json!({ "removed": name }), &sentence)?;
    Ok(Answer::Yes)
}

async fn hosts(context: &Context) -> Outcome {
    let store = context.store().await?;
    let mut nodes = store.node_list().await?;
    nodes.sort_by(|one, two| one.hostname.cmp(&two.hostname).then(one.id.cmp(&two.id)));
    let verdicts = store.node_verdict_list().await?;
    let verdict = |id| verdicts.iter().find(|verdict| verdict.node_id == id);
    if context.json() {
        let listed: Vec<_> = nodes
            .iter()
            .map(|node| json!({ "node": node, "verdict": verdict(node.id) }))
            .collect();
        print_json(&listed)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &[
            "HOST",
            "PLATFORM",
            "OS",
            "DEVICE",
            "STATUS",
            "VERDICT",
            "FAILING",
            "LAST SEEN",
        ],
        "no host has enrolled; give an endpoint its flag file with: nac posture flagfile --out DIR",
    );
    for node in &nodes {
        let device = match node.device_id {
            Some(id) => store
                .device_fetch(id)
                .await
                .map_or_else(|_| id.to_string(), |d| d.name),
            None => String::new(),
        };
        let verdict = verdict(node.id);
        table.row([
            node.hostname.clone(),
            node.platform.clone(),
            format!("{} {}", node.os_name, node.os_version)
                .trim()
                .to_owned(),
            device,
            node.status.to_string(),
            verdict.map_or_else(|| "unknown".to_owned(), |one| one.verdict.to_string()),
            verdict.map(|one| one.failing.join(" ")).unwrap_or_default(),
            local_time(node.last_seen_us),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}
