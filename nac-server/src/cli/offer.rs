//! `nac offer`: which methods are offered where.

use clap::{Args, Subcommand};
use nac_portal::input;
use nac_store::{Offer, StoreError};
use serde_json::json;

use super::output::{Table, answer, lines, local_time, note, print, print_json};
use super::{Answer, Context, Outcome};
use crate::snapshot::offers::DEFAULT_OFFER;

const SET_EXAMPLES: &str = "\
Examples:
  nac offer set corp --ssid corp --method EAP-TLS,TEAP --inner-method EAP-TLS
  nac offer set students --realm students.example.org --method EAP-TTLS --inner-method PAP
  nac offer set printers --client 'sw-*' --method EAP-TLS,MAB --position 1

A new offer is tried after the others, unless --position says where. The first that fits a login counts; when
none fits, [eap] methods and inner_methods of nac.toml do, and MAB, PAP, CHAP and MS-CHAPv2 are offered too.
* stands for any part of a name. What is not named stays as it is; an empty text (--ssid \"\") fits everything.";

#[derive(Debug, Subcommand)]
pub(super) enum OfferCommand {
    /// Create or change an offer
    #[command(visible_alias = "add")]
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArguments),
    /// List all offers, in the order in which they are tried
    List,
    /// Show one offer
    Show {
        /// Its name
        name: String,
    },
    /// Which offer counts for a login
    Which(WhichArguments),
    /// Move an offer to another place in the order
    Move {
        /// Its name
        name: String,
        /// Its new place, from 1; beyond the last is the last
        position: u32,
    },
    /// Remove an offer
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// Its name, as records have it
    name: String,
    /// The RADIUS client, by name
    #[arg(long, value_name = "PATTERN")]
    client: Option<String>,
    /// The site of the client
    #[arg(long, value_name = "PATTERN")]
    site: Option<String>,
    /// The Wi-Fi network
    #[arg(long, value_name = "PATTERN")]
    ssid: Option<String>,
    /// The realm that the supplicant names outside of the tunnel
    #[arg(long, value_name = "PATTERN")]
    realm: Option<String>,
    /// Methods, the preferred one first: EAP-TLS, PEAP, EAP-TTLS, TEAP, MAB, PAP, CHAP, MS-CHAPv2
    #[arg(long = "method", value_name = "METHODS")]
    methods: Vec<String>,
    /// Methods inside tunnels, the preferred one first: EAP-MSCHAPv2, EAP-GTC, EAP-TLS, PAP, CHAP, MS-CHAP,
    /// MS-CHAPv2; "" for the list of nac.toml
    #[arg(long = "inner-method", value_name = "METHODS")]
    inner_methods: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Its place in the order, from 1
    #[arg(long, value_name = "NUMBER")]
    position: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct WhichArguments {
    /// The RADIUS client, by name
    #[arg(long, value_name = "NAME")]
    client: String,
    /// The Wi-Fi network
    #[arg(long, value_name = "NAME", default_value = "")]
    ssid: String,
    /// The realm that the supplicant names outside of the tunnel
    #[arg(long, value_name = "NAME", default_value = "")]
    realm: String,
}

pub(super) async fn run(context: &Context, command: OfferCommand) -> Outcome {
    match command {
        OfferCommand::Set(arguments) => set(context, arguments).await,
        OfferCommand::List => list(context).await,
        OfferCommand::Show { name } => show(context, &name).await,
        OfferCommand::Which(arguments) => which(context, &arguments).await,
        OfferCommand::Move { name, position } => reorder(context, &name, position).await,
        OfferCommand::Remove { name } => remove(context, &name).await,
    }
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    let store = context.store().await?;
    let mut offer = match store.offer_fetch(&arguments.name).await {
        Ok(offer) => offer,
        Err(StoreError::NotFound { .. }) => Offer {
            name: arguments.name.clone(),
            ..Offer::default()
        },
        Err(error) => return Err(error.into()),
    };
    let is_new = offer.updated_us == 0;
    for (place, value) in [
        (&mut offer.client, arguments.client),
        (&mut offer.site, arguments.site),
        (&mut offer.ssid, arguments.ssid),
        (&mut offer.realm, arguments.realm),
        (&mut offer.description, arguments.description),
    ] {
        if let Some(value) = value {
            *place = value;
        }
    }
    if !arguments.methods.is_empty() {
        offer.methods = input::offer::methods(&arguments.methods.join(","))?;
    }
    if !arguments.inner_methods.is_empty() {
        offer.inner_methods = input::offer::inner_methods(&arguments.inner_methods.join(","))?;
    }
    input::offer::check(&offer)?;
    let mut offer = store.offer_put(offer).await?;
    if let Some(position) = arguments.position {
        offer = store.offer_move(&offer.name, place(position)).await?;
    }
    if !offer.client.is_empty() && !offer.client.contains('*') {
        let client = store.client_fetch(&offer.client).await;
        if matches!(client, Err(StoreError::NotFound { .. })) {
            note(&format!(
                "warning: there is no client {}, so this offer counts nowhere yet; nac client list shows their names",
                offer.client
            ));
        }
    }
    let done = if is_new { "created" } else { "changed" };
    let sentence = format!(
        "offer {} was {done}: {} {}, number {} in the order",
        offer.name,
        joined(&offer.methods),
        audience(&offer),
        offer.position
    );
    answer(context.json(), &offer, &sentence)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context) -> Outcome {
    let offers = context.store().await?.offer_list().await?;
    if context.json() {
        print_json(&offers)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &[
            "NO", "NAME", "CLIENT", "SITE", "SSID", "REALM", "METHODS", "INSIDE",
        ],
        "there are no offers: everybody is offered [eap] methods of nac.toml; create one with: nac offer set NAME --ssid SSID --method METHODS",
    );
    for (number, offer) in (1..).zip(offers) {
        let or_any = |text: String| {
            if text.is_empty() {
                "any".to_owned()
            } else {
                text
            }
        };
        table.row([
            format!("{number}"),
            offer.name,
            or_any(offer.client),
            or_any(offer.site),
            or_any(offer.ssid),
            or_any(offer.realm),
            joined(&offer.methods),
            joined(&offer.inner_methods),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, name: &str) -> Outcome {
    let offer = context.store().await?.offer_fetch(name).await?;
    if context.json() {
        print_json(&offer)?;
        return Ok(Answer::Yes);
    }
    print(&lines(&[
        ("name", offer.name.clone()),
        ("description", offer.description.clone()),
        ("number", offer.position.to_string()),
        ("client", offer.client.clone()),
        ("site", offer.site.clone()),
        ("SSID", offer.ssid.clone()),
        ("realm", offer.realm.clone()),
        ("methods", joined(&offer.methods)),
        ("inside tunnels", joined(&offer.inner_methods)),
        ("changed", local_time(offer.updated_us)),
    ]))?;
    Ok(Answer::Yes)
}

async fn which(context: &Context, arguments: &WhichArguments) -> Outcome {
    let store = context.store().await?;
    let client = store.client_fetch(&arguments.client).await?;
    let offers = store.offer_list().await?;
    let found = offers.into_iter().find(|offer| {
        offer.fits(
            &client.name,
            &client.site,
            &arguments.ssid,
            &arguments.realm,
        )
    });
    match found {
        Some(offer) => {
            let sentence = format!("offer {}: {}", offer.name, joined(&offer.methods));
            answer(context.json(), &offer, &sentence)?;
        }
        None => answer(
            context.json(),
            &json!({ "name": DEFAULT_OFFER }),
            "no offer fits: the methods of nac.toml count",
        )?,
    }
    Ok(Answer::Yes)
}

async fn reorder(context: &Context, name: &str, position: u32) -> Outcome {
    let store = context.store().await?;
    let offer = store.offer_move(name, place(position)).await?;
    let sentence = format!("offer {name} is number {} now", offer.position);
    answer(context.json(), &offer, &sentence)?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, name: &str) -> Outcome {
    context.store().await?.offer_remove(name).await?;
    let sentence = format!("offer {name} was removed");
    answer(context.json(), &json!({ "removed": name }), &sentence)?;
    Ok(Answer::Yes)
}

fn place(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn joined(methods: &[impl std::fmt::Display]) -> String {
    let names: Vec<String> = methods.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// To whom, in words.
fn audience(offer: &Offer) -> String {
    let parts: Vec<String> = [
        ("client", &offer.client),
        ("site", &offer.site),
        ("SSID", &offer.ssid),
        ("realm", &offer.realm),
    ]
    .into_iter()
    .filter(|(_, pattern)| !pattern.is_empty())
    .map(|(what, pattern)| format!("{what} {pattern}"))
    .collect();
    match parts.is_empty() {
        true => "for everybody".to_owned(),
        false => format!("for {}", parts.join(", ")),
    }
}
