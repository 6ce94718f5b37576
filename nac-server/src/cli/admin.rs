//! `nac admin`: who may use the admin pages. The first one comes by a one-time link; nobody has a default password.

use clap::{Args, Subcommand};
use nac_portal::input::secret;
use nac_store::{Administrator, Role, Store};
use serde_json::json;

use super::init::sha256_hex;
use super::output::{Table, answer, local_time, print, print_json};
use super::quarantine::expiry;
use super::{Answer, Context, Failure, Outcome};

const INVITE_EXAMPLES: &str = "\
Examples:
  nac admin invite --role owner                    the first administrator
  nac admin invite --role help-desk --expires 2h
  nac admin invite --name alice                    new means of signing in for somebody who lost theirs

The link works once. Opening it changes nothing; whoever fills in the page becomes the administrator.";

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Print a one-time link that makes an administrator
    #[command(after_help = INVITE_EXAMPLES)]
    Invite(InviteArguments),
    /// List administrators and open invitations
    List,
    /// Change what an administrator may do
    Set(SetArguments),
    /// Remove an administrator, who is signed out everywhere
    Remove {
        /// The name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct InviteArguments {
    /// What they may do: viewer, help-desk, guest-operator, policy-editor, administrator or owner
    #[arg(long, default_value = "owner", value_parser = parse_role)]
    role: Role,
    /// An administrator who lost their means of signing in; the role stays
    #[arg(long, value_name = "NAME", conflicts_with = "role")]
    name: Option<String>,
    /// How long the link works, such as 2h
    #[arg(long, value_name = "TIME", default_value = "24h")]
    expires: String,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// The name
    name: String,
    /// Another role
    #[arg(long, value_parser = parse_role)]
    role: Option<Role>,
    /// Let them sign in again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Keep them from signing in, and sign them out
    #[arg(long)]
    disable: bool,
}

/// Reads a role.
pub(super) fn parse_role(word: &str) -> Result<Role, String> {
    word.parse().map_err(|_| {
        let all: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("write one of {}", all.join(", "))
    })
}

pub(super) async fn run(context: &Context, command: AdminCommand) -> Outcome {
    match command {
        AdminCommand::Invite(arguments) => invite_by_hand(context, arguments).await,
        AdminCommand::List => list(context).await,
        AdminCommand::Set(arguments) => set(context, arguments).await,
        AdminCommand::Remove { name } => remove(context, &name).await,
    }
}

async fn invite_by_hand(context: &Context, arguments: InviteArguments) -> Outcome {
    let settings = context.settings()?;
    let expires_us = expiry(&arguments.expires)?;
    let store = context.store().await?;
    let url = settings.admin.url(settings.admin.listen);
    let link = invite(
        &store,
        &url,
        arguments.role,
        arguments.name.as_deref(),
        &context.operator(),
        expires_us,
    )
    .await?;
    let record = json!({ "url": link, "expires_us": expires_us });
    answer(context.json(), &record, &link)?;
    Ok(Answer::Yes)
}

/// Makes a one-time link below `url` that makes an administrator, or gives `name` new means of signing in.
///
/// # Errors
/// When nobody is of that name, or the database fails.
pub async fn invite(
    store: &Store,
    url: &str,
    role: Role,
    name: Option<&str>,
    by: &str,
    expires_us: i64,
) -> Result<String, Failure> {
    let token = secret::generate(32)?;
    store
        .invitation_add(&sha256_hex(token.as_bytes()), role, name, by, expires_us)
        .await?;
    Ok(format!("{url}/welcome/{}", token.as_str()))
}

async fn list(context: &Context) -> Outcome {
    let store = context.store().await?;
    let administrators = store.administrator_list().await?;
    let invitations = store.invitation_list().await?;
    if context.json() {
        print_json(&json!({ "administrators": administrators, "invitations": invitations }))?;
        return Ok(Answer::Yes);
    }
    let nobody = "there is no administrator; make one with: nac admin invite --role owner";
    let mut table = Table::new(&["NAME", "ROLE", "STATE", "LAST SIGN-IN"], nobody);
    for one in administrators {
        let state = if one.enabled { "active" } else { "off" };
        table.row([
            one.name,
            one.role.to_string(),
            state.to_owned(),
            one.last_sign_in_us.map(local_time).unwrap_or_default(),
        ]);
    }
    print(&table.render())?;
    for invitation in invitations {
        print(&format!(
            "an invitation as {} by {} is open until {}\n",
            invitation.role,
            invitation.invited_by,
            local_time(invitation.expires_us)
        ))?;
    }
    Ok(Answer::Yes)
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    let store = context.store().await?;
    let known = find(&store, &arguments.name).await?;
    let enabled = (known.enabled || arguments.enable) && !arguments.disable;
    let role = arguments.role.unwrap_or(known.role);
    let now = store.administrator_set(known.id, role, enabled).await?;
    let state = if now.enabled {
        ""
    } else {
        ", and may not sign in"
    };
    let sentence = format!("{} is {}{state}", now.name, now.role);
    answer(context.json(), &now, &sentence)?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, name: &str) -> Outcome {
    let store = context.store().await?;
    let known = find(&store, name).await?;
    store.administrator_remove(known.id).await?;
    answer(
        context.json(),
        &known,
        &format!("{} is no administrator any more", known.name),
    )?;
    Ok(Answer::Yes)
}

async fn find(store: &Store, name: &str) -> Result<Administrator, Failure> {
    match store.administrator_by_name(name).await {
        Ok(found) => Ok(found),
        Err(nac_store::StoreError::NotFound { .. }) => {
            Err(Failure::no(format!("there is no administrator {name}"))
                .fix("see who there is: nac admin list"))
        }
        Err(error) => Err(error.into()),
    }
}
