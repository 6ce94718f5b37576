//! `nac client`: the switches, access points and controllers that may ask.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use nac_portal::input::client::{
    check_message_authenticator, check_name, check_vendor, network, radsec_name, taken,
};
use nac_portal::input::secret::{self, GENERATED_LENGTH};
use nac_radius::{NasSettings, VendorProfile};
use nac_store::{
    Client, ClientChange, MessageAuthenticatorRule, NewClient, SecretBytes, Store, StoreError,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::init::own_address;
use super::output::answer;
use super::quarantine::expiry;
use super::{Answer, Context, Failure, Outcome, input};

mod view;

const ADD_EXAMPLES: &str = "\
Examples:
  nac client add switch-1 --address 192.0.2.10 --vendor cisco-ios
  nac client add proxy --address 192.0.2.20 --radsec-name proxy.example.org
  nac client add aps --address 198.51.100.0/24 --secret-file secret.txt --site hq
  printf %s \"$SECRET\" | nac client add lab --address 127.0.0.0/8 --secret-stdin

Without --secret-file and --secret-stdin a strong secret is made and printed once.";

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Let a NAS or a network of them ask
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// Change a client
    Set(SetArguments),
    /// List all clients and what was last heard from them
    List,
    /// Show one client
    Show {
        /// Its name
        name: String,
        /// Print the shared secret as well
        #[arg(long)]
        secret: bool,
    },
    /// Let it ask no longer
    Remove {
        /// Its name
        name: String,
    },
    /// What to type at the NAS: AAA, ports, CoA, ACLs, or RADIUS over TLS, for its vendor and the segments here
    #[command(after_help = view::SNIPPET_EXAMPLES)]
    Snippet(view::SnippetArguments),
    /// Addresses that send packets and are no client
    Unknown(view::UnknownArguments),
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// The name that people use
    name: String,
    /// Where its packets come from: an address or a network
    #[arg(long, value_name = "CIDR", value_parser = network)]
    address: IpNet,
    #[command(flatten)]
    secret: SecretArguments,
    /// The vendor profile that turns a segment into attributes
    #[arg(long, value_name = "PROFILE", default_value = "generic")]
    vendor: String,
    /// The site it stands in
    #[arg(long, default_value = "")]
    site: String,
    /// The port for CoA and Disconnect requests, where it is not the profile's
    #[arg(long, value_name = "PORT")]
    coa_port: Option<u16>,
    /// The name in its certificate by which it is known over RadSec: a DNS name, an address, a URI or a common name
    #[arg(long, value_name = "NAME")]
    radsec_name: Option<String>,
    #[arg(long, value_name = "RULE", value_parser = rule, default_value = "required", help = RULE_HELP)]
    message_authenticator: MessageAuthenticatorRule,
    /// Until when a legacy NAS is borne with: a span such as 30d, or a date; 90 days when left out
    #[arg(long, value_name = "WHEN")]
    legacy_until: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SecretArguments {
    /// Read the shared secret from a file
    #[arg(long, value_name = "FILE", conflicts_with = "secret_stdin")]
    secret_file: Option<PathBuf>,
    /// Read the shared secret from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Accept a secret that is short or well known
    #[arg(long)]
    allow_weak_secret: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// Its name
    name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// A new address or network
    #[arg(long, value_name = "CIDR", value_parser = network)]
    address: Option<IpNet>,
    #[command(flatten)]
    secret: SecretArguments,
    /// Make a new secret and print it
    #[arg(long, conflicts_with_all = ["secret_file", "secret_stdin"])]
    new_secret: bool,
    /// Another vendor profile
    #[arg(long, value_name = "PROFILE")]
    vendor: Option<String>,
    /// Another site
    #[arg(long)]
    site: Option<String>,
    /// Another port for CoA and Disconnect requests; 0 for the profile's
    #[arg(long, value_name = "PORT")]
    coa_port: Option<u16>,
    /// Another name in its certificate for RadSec; empty for none, so that its address counts
    #[arg(long, value_name = "NAME")]
    radsec_name: Option<String>,
    #[arg(long, value_name = "RULE", value_parser = rule, help = RULE_HELP)]
    message_authenticator: Option<MessageAuthenticatorRule>,
    /// Until when a legacy NAS is borne with: a span such as 30d, or a date
    #[arg(long, value_name = "WHEN")]
    legacy_until: Option<String>,
}

const RULE_HELP: &str = "Whether Access-Requests have to carry Message-Authenticator, without which answers can be forged \
(CVE-2024-3596): required; learn (until the first that does, then required); legacy (not until --legacy-until)";

fn rule(word: &str) -> Result<MessageAuthenticatorRule, String> {
    word.parse()
        .map_err(|_| "use required, learn or legacy".to_owned())
}

pub(super) async fn run(context: &Context, command: ClientCommand) -> Outcome {
    match command {
        ClientCommand::Add(arguments) => add(context, arguments).await,
        ClientCommand::Set(arguments) => set(context, arguments).await,
        ClientCommand::List => view::list(context).await,
        ClientCommand::Show { name, secret } => view::show(context, &name, secret).await,
        ClientCommand::Snippet(arguments) => view::snippet(context, arguments).await,
        ClientCommand::Unknown(arguments) => view::unknown(context, arguments).await,
        ClientCommand::Remove { name } => remove(context, &name).await,
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    check_name(&arguments.name)?;
    check_vendor(&arguments.vendor)?;
    check_message_authenticator(arguments.message_authenticator, arguments.address)?;
    let legacy_until_us = arguments.legacy_until.as_deref().map(expiry).transpose()?;
    let given = arguments.secret.read()?;
    let generated = given.is_none();
    let secret = match given {
        Some(secret) => secret,
        None => secret::generate(GENERATED_LENGTH)?,
    };
    let radsec = arguments
        .radsec_name
        .as_deref()
        .map(radsec_name)
        .transpose()?;
    let store = context.store().await?;
    let (name, address) = (arguments.name.clone(), arguments.address);
    let added = store
        .client_add(NewClient {
            name: arguments.name,
            address: arguments.address,
            secret: SecretBytes::new(secret.as_bytes()),
            message_authenticator: arguments.message_authenticator,
            legacy_until_us,
            vendor: arguments.vendor,
            coa_port: arguments.coa_port.filter(|port| *port != 0),
            radsec_name: radsec.clone(),
            site: arguments.site,
        })
        .await;
    let client = match added {
        Ok(client) => client,
        Err(error) => {
            let (name, radsec) = (Some(name.as_str()), radsec.as_deref());
            return Err(refused(&store, error, name, Some(address), radsec, None).await);
        }
    };
    let mut sentence = format!("client {} may ask from {}", client.name, client.address);
    if generated {
        sentence.push_str(&with_secret(&client, &secret));
    }
    answer(
        context.json(),
        &record(&client, generated.then_some(secret.as_str())),
        &sentence,
    )?;
    Ok(Answer::Yes)
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    if arguments.changes_nothing() {
        return Err(Failure::usage("nothing to change")
            .fix("see what can be changed with: nac client set --help"));
    }
    if let Some(name) = &arguments.rename {
        check_name(name)?;
    }
    if let Some(vendor) = &arguments.vendor {
        check_vendor(vendor)?;
    }
    let generated = arguments
        .new_secret
        .then(|| secret::generate(GENERATED_LENGTH))
        .transpose()?;
    let secret = match &generated {
        Some(secret) => Some(secret.clone()),
        None => arguments.secret.read()?,
    };
    let legacy_until_us = arguments.legacy_until.as_deref().map(expiry).transpose()?;
    let radsec = match arguments.radsec_name.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(name) => Some(Some(radsec_name(name)?)),
    };
    let change = ClientChange {
        name: arguments.rename,
        address: arguments.address,
        secret: secret.map(|secret| SecretBytes::new(secret.as_bytes())),
        message_authenticator: arguments.message_authenticator,
        legacy_until_us,
        vendor: arguments.vendor,
        coa_port: arguments.coa_port.map(|port| (port != 0).then_some(port)),
        radsec_name: radsec.clone(),
        site: arguments.site,
    };
    let (new_name, address) = (change.name.clone(), change.address);
    let store = context.store().await?;
    if let Some(rule) = change.message_authenticator {
        let address = match change.address {
            Some(address) => address,
            None => store.client_fetch(&arguments.name).await?.address,
        };
        check_message_authenticator(rule, address)?;
    }
    let client = match store.client_update(&arguments.name, change).await {
        Ok(client) => client,
        Err(error) => {
            let own = Some(arguments.name.as_str());
            let (name, radsec) = (new_name.as_deref(), radsec.flatten());
            return Err(refused(&store, error, name, address, radsec.as_deref(), own).await);
        }
    };
    let mut sentence = format!("client {} was changed", client.name);
    if let Some(secret) = &generated {
        sentence.push_str(&with_secret(&client, secret));
    }
    let shown = generated.as_ref().map(|secret| secret.as_str());
    answer(context.json(), &record(&client, shown), &sentence)?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, name: &str) -> Outcome {
    context.store().await?.client_remove(name).await?;
    let sentence = format!("client {name} may ask no longer");
    answer(context.json(), &json!({ "removed": name }), &sentence)?;
    Ok(Answer::Yes)
}

/// Says which of them is taken, when the store refused a client for a name or its address; `own` is
/// the client that may have them already.
async fn refused(
    store: &Store,
    error: StoreError,
    name: Option<&str>,
    address: Option<IpNet>,
    radsec: Option<&str>,
    own: Option<&str>,
) -> Failure {
    match taken(store, &error, name, address, radsec, own).await {
        Some(taken) => Failure::no(taken.sentence)
            .fix(format!("change it with: nac client set {}", taken.other)),
        None => error.into(),
    }
}

impl SetArguments {
    const fn changes_nothing(&self) -> bool {
        let Self {
            name: _,
            rename,
            address,
            secret,
            new_secret,
            vendor,
            site,
            coa_port,
            radsec_name,
            message_authenticator,
            legacy_until,
        } = self;
        let values = rename.is_some()
            || address.is_some()
            || vendor.is_some()
            || site.is_some()
            || coa_port.is_some()
            || message_authenticator.is_some()
            || legacy_until.is_some()
            || radsec_name.is_some();
        let secret = *new_secret || secret.secret_file.is_some() || secret.secret_stdin;
        !(values || secret)
    }
}

impl SecretArguments {
    /// The secret that was handed in, if any; weak ones only with consent.
    fn read(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let secret = match (&self.secret_file, self.secret_stdin) {
            (Some(file), _) => input::secret_from_file(file)?,
            (None, true) => input::secret_from_stdin()?,
            (None, false) => return Ok(None),
        };
        match secret::weakness(&secret) {
            Some(why) if !self.allow_weak_secret => {
                Err(Failure::no(format!("this shared secret is weak: {why}")).fix(
                    "leave the secret out and a strong one is made and printed; or add --allow-weak-secret",
                ))
            }
            _ => Ok(Some(secret)),
        }
    }
}

/// The client as JSON, with its secret when it was just made or was asked for.
fn record(client: &Client, secret: Option<&str>) -> serde_json::Value {
    let mut record = serde_json::to_value(client).unwrap_or_default();
    if let (Some(secret), Some(object)) = (secret, record.as_object_mut()) {
        object.insert("secret".to_owned(), secret.into());
    }
    record
}

fn with_secret(client: &Client, secret: &str) -> String {
    let Some(profile) = VendorProfile::by_name(&client.vendor) else {
        return format!("\nshared secret: {secret}");
    };
    let server =
        own_address().map_or_else(|| "ADDRESS-OF-THIS-SERVER".to_owned(), |a| a.to_string());
    let paste = profile.configuration(&NasSettings {
        server: &server,
        secret,
        auth_port: 1812,
        acct_port: 1813,
        coa_port: client.coa_port,
        redirect_acls: &[],
        roles: &[],
    });
    format!(
        "\nshared secret: {secret}\n\nat the NAS:\n{}",
        paste.trim_end()
    )
}
