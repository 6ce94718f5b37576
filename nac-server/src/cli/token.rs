//! `nac token`: what programs call the API with.

use clap::{Args, Subcommand};
use nac_portal::input::secret;
use nac_store::{Role, StoreError};
use serde_json::{Value, json};

use super::admin::parse_role;
use super::init::sha256_hex;
use super::output::{Table, answer, local_time, now_us, print, print_json};
use super::quarantine::expiry;
use super::{Answer, Context, Failure, Outcome};

const CREATE_EXAMPLES: &str = "\
Examples:
  nac token create --name monitoring --role viewer --expires 90d
  nac token create --name lab --role administrator --expires 1d --json

The token is printed once and stored nowhere. Call the API with it:
  curl -H \"Authorization: Bearer TOKEN\" https://localhost:9443/api/v1/devices";

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it, once
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArguments),
    /// List tokens
    List,
    /// Make a token worth nothing
    Revoke {
        /// Its name or id
        #[arg(value_name = "NAME|ID")]
        which: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateArguments {
    /// What people call it
    #[arg(long)]
    name: String,
    /// What it may do: viewer, help-desk, guest-operator, policy-editor, administrator or owner
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// How long it works, such as 90d
    #[arg(long, value_name = "TIME", default_value = "90d")]
    expires: String,
}

pub(super) async fn run(context: &Context, command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create(arguments) => create(context, arguments).await,
        TokenCommand::List => list(context).await,
        TokenCommand::Revoke { which } => revoke(context, &which).await,
    }
}

async fn create(context: &Context, arguments: CreateArguments) -> Outcome {
    let expires_us = expiry(&arguments.expires)?;
    let store = context.store().await?;
    let token = format!("nac_{}", secret::generate(32)?.as_str());
    let added = store
        .token_add(
            &arguments.name,
            &sha256_hex(token.as_bytes()),
            arguments.role,
            &context.operator(),
            expires_us,
        )
        .await?;
    let mut record = serde_json::to_value(&added).unwrap_or_default();
    if let Value::Object(fields) = &mut record {
        fields.insert("token".to_owned(), json!(token));
    }
    answer(context.json(), &record, &token)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context) -> Outcome {
    let store = context.store().await?;
    let tokens = store.token_list().await?;
    if context.json() {
        print_json(&tokens)?;
        return Ok(Answer::Yes);
    }
    let nothing = "there is no token; make one with: nac token create --name NAME --role viewer";
    let header = ["NAME", "ROLE", "STATE", "BY", "ENDS", "LAST USED"];
    let mut table = Table::new(&header, nothing);
    for token in tokens {
        let state = match token.revoked_us {
            Some(_) => "revoked",
            None if token.expires_us <= now_us() => "ended",
            None => "active",
        };
        table.row([
            token.name,
            token.role.to_string(),
            state.to_owned(),
            token.created_by,
            local_time(token.expires_us),
            token.last_used_us.map(local_time).unwrap_or_default(),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn revoke(context: &Context, which: &str) -> Outcome {
    let store = context.store().await?;
    match store.token_revoke(which).await {
        Ok(token) => {
            answer(
                context.json(),
                &token,
                &format!("the token {} opens nothing any more", token.name),
            )?;
            Ok(Answer::Yes)
        }
        Err(StoreError::NotFound { .. }) => Err(Failure::no(format!(
            "there is no token {which} that counts"
        ))
        .fix("see which there are: nac token list")),
        Err(error) => Err(error.into()),
    }
}
