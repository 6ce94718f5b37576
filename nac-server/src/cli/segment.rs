//! `nac segment`: the outcomes that a policy may name.

use clap::{Args, Subcommand};
use nac_portal::input;
use nac_store::{Segment, Store, StoreError};
use serde_json::json;

use super::output::{Table, answer, lines, local_time, note, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::{describe_duration, parse_duration};

const SET_EXAMPLES: &str = "\
Examples:
  nac segment set staff --vlan 20
  nac segment set printers --vlan 30 --role PRINTERS --acl 'permit tcp any host 192.0.2.5 eq 631'
  nac segment set registration --redirect 'https://nac.example.org:8443/r/{session}?' --redirect-acl REDIRECT --session-timeout 8h

What is not named stays as it is; an empty text (--vlan \"\") removes it.";

#[derive(Debug, Subcommand)]
pub(super) enum SegmentCommand {
    /// Create or change a segment
    #[command(visible_alias = "add")]
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArguments),
    /// List all segments
    List,
    /// Show one segment
    Show {
        /// Its name
        name: String,
    },
    /// Remove a segment that no policy names
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// Its name, as policies write it
    name: String,
    /// VLAN: a number from 1 to 4094, or a name that the NAS knows
    #[arg(long)]
    vlan: Option<String>,
    /// Role, group policy or filter that the NAS knows
    #[arg(long)]
    role: Option<String>,
    /// ACL line; several make the list, in order
    #[arg(long, value_name = "LINE")]
    acl: Vec<String>,
    /// URL that browsers are redirected to, with http:// or https://
    #[arg(long, value_name = "URL")]
    redirect: Option<String>,
    /// ACL on the NAS that says what is redirected
    #[arg(long, value_name = "NAME")]
    redirect_acl: Option<String>,
    /// How long a session lasts before it must authenticate again, such as 8h; a number without s, m,
    /// h or d means seconds; 0 for no limit
    #[arg(long, value_name = "TIME")]
    session_timeout: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

pub(super) async fn run(context: &Context, command: SegmentCommand) -> Outcome {
    match command {
        SegmentCommand::Set(arguments) => set(context, arguments).await,
        SegmentCommand::List => list(context).await,
        SegmentCommand::Show { name } => show(context, &name).await,
        SegmentCommand::Remove { name } => remove(context, &name).await,
    }
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    let store = context.store().await?;
    let mut segment = match store.segment_fetch(&arguments.name).await {
        Ok(segment) => segment,
        Err(StoreError::NotFound { .. }) => Segment {
            name: arguments.name.clone(),
            ..Segment::default()
        },
        Err(error) => return Err(error.into()),
    };
    let is_new = segment.updated_us == 0;
    replace(&mut segment.vlan, arguments.vlan);
    replace(&mut segment.role, arguments.role);
    replace(&mut segment.redirect, arguments.redirect);
    replace(&mut segment.redirect_acl, arguments.redirect_acl);
    if !arguments.acl.is_empty() {
        segment.acl = arguments
            .acl
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect();
    }
    let timeout_given = arguments.session_timeout.is_some();
    if let Some(text) = arguments.session_timeout {
        segment.session_timeout_s = session_timeout(&text)?;
    }
    if let Some(description) = arguments.description {
        segment.description = description;
    }
    input::segment::check(&segment)?;
    let segment = store.segment_put(segment).await?;
    if let Some(seconds) = segment
        .session_timeout_s
        .filter(|seconds| timeout_given && *seconds < 60)
    {
        note(&format!(
            "warning: every session authenticates again after {seconds} s; a number without a unit means seconds, 8h is eight hours"
        ));
    }
    let done = if is_new { "created" } else { "changed" };
    let sentence = format!("segment {} was {done}: {}", segment.name, outcome(&segment));
    answer(context.json(), &segment, &sentence)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context) -> Outcome {
    let segments = context.store().await?.segment_list().await?;
    if context.json() {
        print_json(&segments)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &["NAME", "VLAN", "ROLE", "ACL", "SESSION", "DESCRIPTION"],
        "there are no segments; create one with: nac segment set NAME --vlan NUMBER",
    );
    for segment in segments {
        let acl = match segment.acl.len() {
            0 => String::new(),
            number => super::output::count(number, "line"),
        };
        let session = session(&segment);
        table.row([
            segment.name,
            segment.vlan.unwrap_or_default(),
            segment.role.unwrap_or_default(),
            acl,
            session,
            segment.description,
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, name: &str) -> Outcome {
    let segment = context.store().await?.segment_fetch(name).await?;
    if context.json() {
        print_json(&segment)?;
        return Ok(Answer::Yes);
    }
    print(&lines(&[
        ("name", segment.name.clone()),
        ("description", segment.description.clone()),
        ("VLAN", segment.vlan.clone().unwrap_or_default()),
        ("role", segment.role.clone().unwrap_or_default()),
        ("ACL", segment.acl.join("\n     ")),
        ("redirect", segment.redirect.clone().unwrap_or_default()),
        (
            "redirect ACL",
            segment.redirect_acl.clone().unwrap_or_default(),
        ),
        ("session time", session(&segment)),
        (
            "always exists",
            if segment.protected {
                "yes".to_owned()
            } else {
                String::new()
            },
        ),
        ("changed", local_time(segment.updated_us)),
    ]))?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, name: &str) -> Outcome {
    let store = context.store().await?;
    // One that always exists stays whatever the policy says; the store tells that.
    if !store.segment_fetch(name).await?.protected {
        refuse_when_named(&store, name).await?;
    }
    store.segment_remove(name).await?;
    let sentence = format!("segment {name} was removed");
    answer(context.json(), &json!({ "removed": name }), &sentence)?;
    Ok(Answer::Yes)
}

/// A policy that names a segment which does not exist does not load, and then nobody gets in.
async fn refuse_when_named(store: &Store, name: &str) -> Result<(), Failure> {
    if !input::segment::is_named(store, name).await? {
        return Ok(());
    }
    Err(
        Failure::no(format!("the policy in force names the segment {name}"))
            .fix("apply a policy that does not name it, then remove it"),
    )
}

/// An empty text removes a value.
fn replace(place: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value {
        *place = (!value.is_empty()).then_some(value);
    }
}

fn session_timeout(text: &str) -> Result<Option<u32>, Failure> {
    let duration = parse_duration(text).map_err(Failure::usage)?;
    let seconds = u32::try_from(duration.as_secs())
        .map_err(|_| Failure::usage(format!("{text} is too long for a session")))?;
    Ok((seconds != 0).then_some(seconds))
}

fn session(segment: &Segment) -> String {
    let seconds = segment.session_timeout_s.map(u64::from);
    seconds
        .map(|s| describe_duration(std::time::Duration::from_secs(s)))
        .unwrap_or_default()
}

fn outcome(segment: &Segment) -> String {
    let parts: Vec<String> = [
        segment.vlan.as_ref().map(|vlan| format!("VLAN {vlan}")),
        segment.role.as_ref().map(|role| format!("role {role}")),
        (!segment.acl.is_empty()).then(|| super::output::count(segment.acl.len(), "ACL line")),
        segment
            .redirect
            .as_ref()
            .map(|url| format!("redirect to {url}")),
        (segment.session_timeout_s.is_some()).then(|| format!("sessions of {}", session(segment))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        "it sends no attributes".to_owned()
    } else {
        parts.join(", ")
    }
}
