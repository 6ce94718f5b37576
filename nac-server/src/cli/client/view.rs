//! What is known of clients, what was heard from them and from strangers, and what to type at a NAS.

use std::collections::HashMap;

use clap::Args;
use nac_radius::{NasSettings, RadSecNas, VendorProfile};
use nac_store::{
    Client, ClientActivity, MessageAuthenticatorRule, MessageAuthenticatorUse, now_us,
};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::record;
use crate::cli::init::own_address;
use crate::cli::output::{Table, answer, count, lines, local_time, note, print, print_json};
use crate::cli::{Answer, Context, Failure, Outcome};
use crate::config::RadSecSettings;

/// Where RADIUS over TLS is spoken unless another port is configured (RFC 6614 section 2.1).
const RADSEC_PORT: u16 = 2083;

pub(super) const SNIPPET_EXAMPLES: &str = "\
Examples:
  nac client snippet switch-1
  nac client snippet switch-1 --server 192.0.2.1 > switch-1.txt
  nac client snippet floor-3 --radsec --server nac.example.org

A client with a RadSec name gets what RADIUS over TLS needs; --udp shows the rest: ports, roles, ACLs.
The secret is left out: see it with nac client show NAME --secret. Ports are a template; read before you paste.";

#[derive(Debug, Args)]
pub(crate) struct SnippetArguments {
    /// The client's name
    name: String,
    /// The address by which the NAS reaches this server, where it is not the usual one of this machine
    #[arg(long, value_name = "ADDRESS")]
    server: Option<String>,
    /// What RADIUS over TLS needs, for a client without a RadSec name as well
    #[arg(long, conflicts_with = "udp")]
    radsec: bool,
    /// What RADIUS over UDP needs, for a client with a RadSec name as well
    #[arg(long)]
    udp: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnknownArguments {
    /// Forget what came from this address
    #[arg(long, value_name = "ADDRESS")]
    forget: Option<String>,
    /// Forget all of them
    #[arg(long, conflicts_with = "forget")]
    forget_all: bool,
}

pub(super) async fn list(context: &Context) -> Outcome {
    let store = context.store().await?;
    let clients = store.client_list().await?;
    let mut heard: HashMap<Uuid, ClientActivity> = store
        .client_activity_list()
        .await?
        .into_iter()
        .map(|activity| (activity.client_id, activity))
        .collect();
    if context.json() {
        let records: Vec<serde_json::Value> = clients
            .iter()
            .map(|client| with_activity(client, None, heard.get(&client.id)))
            .collect();
        print_json(&records)?;
        return Ok(Answer::Yes);
    }
    let header = [
        "NAME",
        "ADDRESS",
        "VENDOR",
        "SITE",
        "MESSAGE-AUTHENTICATOR",
        "LAST PACKET",
        "PER MINUTE",
        "CONCERN",
    ];
    let mut table = Table::new(
        &header,
        "no NAS may ask yet; add one with: nac client add NAME --address ADDRESS",
    );
    for client in clients {
        let required = rule(&client);
        let activity = heard.remove(&client.id).unwrap_or_default();
        table.row([
            client.name,
            client.address.to_string(),
            client.vendor,
            client.site,
            required,
            activity
                .last_packet_us
                .map_or_else(|| "never".to_owned(), local_time),
            activity.requests_per_minute.to_string(),
            activity
                .concern()
                .map_or_else(String::new, |concern| concern.to_string()),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

pub(super) async fn show(context: &Context, name: &str, with_secret: bool) -> Outcome {
    let store = context.store().await?;
    let client = store.client_fetch(name).await?;
    let activity = store.client_activity_find(client.id).await?;
    let secret = Zeroizing::new(String::from_utf8_lossy(client.secret.expose()).into_owned());
    let secret = with_secret.then_some(secret.as_str());
    if context.json() {
        print_json(&with_activity(&client, secret, activity.as_ref()))?;
        return Ok(Answer::Yes);
    }
    let required = rule(&client);
    let mut shown = vec![
        ("name", client.name.clone()),
        ("address", client.address.to_string()),
        ("vendor", client.vendor.clone()),
        ("site", client.site.clone()),
        (
            "CoA port",
            client
                .coa_port
                .map_or_else(|| "the profile's".to_owned(), |p| p.to_string()),
        ),
        (
            "RadSec name",
            client
                .radsec_name
                .clone()
                .unwrap_or_else(|| "none: its address counts".to_owned()),
        ),
        ("Message-Authenticator", required),
        (
            "secret",
            secret.unwrap_or("(show it with --secret)").to_owned(),
        ),
        ("added", local_time(client.created_us)),
        ("changed", local_time(client.updated_us)),
    ];
    match &activity {
        Some(activity) => shown.extend(heard(activity)),
        None => shown.push((
            "last packet",
            "never; see who else sends: nac client unknown".to_owned(),
        )),
    }
    print(&lines(&shown))?;
    Ok(Answer::Yes)
}

/// Whether Message-Authenticator is required, in words.
fn rule(client: &Client) -> String {
    let until = client.legacy_until_us.map(local_time).unwrap_or_default();
    match client.message_authenticator {
        MessageAuthenticatorRule::Required => "required".to_owned(),
        MessageAuthenticatorRule::Learn => "not required until it sends it".to_owned(),
        MessageAuthenticatorRule::Legacy if client.terms().requires(now_us()) => {
            format!("required: its time as a legacy NAS ended at {until}")
        }
        MessageAuthenticatorRule::Legacy => format!("not required until {until}"),
    }
}

/// What was heard, in words.
fn heard(activity: &ClientActivity) -> Vec<(&'static str, String)> {
    let times = |number: i64, last_us: Option<i64>| {
        last_us.map_or_else(String::new, |last| {
            format!("{number}, the last at {}", local_time(last))
        })
    };
    let sends = match activity.message_authenticator() {
        MessageAuthenticatorUse::Unknown => "not seen yet",
        MessageAuthenticatorUse::Always => "yes, it can be required",
        MessageAuthenticatorUse::Sometimes => "in some requests only",
        MessageAuthenticatorUse::Never => "no: update it (CVE-2024-3596)",
    };
    let packet = activity.last_packet_us.map_or_else(
        || "never".to_owned(),
        |last| {
            let (source, transport) = (&activity.last_source, &activity.last_transport);
            format!("{} from {source} {transport}", local_time(last))
                .trim_end()
                .to_owned()
        },
    );
    let coa = activity.coa_us.map_or_else(
        || "none yet".to_owned(),
        |last| format!("{} at {}", activity.coa_result, local_time(last)),
    );
    vec![
        ("last packet", packet),
        ("packets", activity.requests.to_string()),
        ("per minute", activity.requests_per_minute.to_string()),
        ("retransmissions", activity.duplicates.to_string()),
        ("sends Message-Authenticator", sends.to_owned()),
        (
            "wrong secret (NAC-2055)",
            times(activity.wrong_secret, activity.wrong_secret_us),
        ),
        (
            "ignored without Message-Authenticator (NAC-2053)",
            times(activity.missing_signature, activity.missing_signature_us),
        ),
        (
            "malformed (NAC-2054)",
            times(activity.malformed, activity.malformed_us),
        ),
        ("last CoA", coa),
        (
            "concern",
            activity
                .concern()
                .map_or_else(String::new, |concern| concern.sentence().to_owned()),
        ),
    ]
}

fn with_activity(
    client: &Client,
    secret: Option<&str>,
    activity: Option<&ClientActivity>,
) -> serde_json::Value {
    let mut record = record(client, secret);
    if let Some(object) = record.as_object_mut() {
        let mut heard = serde_json::to_value(activity).unwrap_or_default();
        if let (Some(heard), Some(activity)) = (heard.as_object_mut(), activity) {
            heard.remove("client_id");
            heard.insert(
                "message_authenticator".to_owned(),
                activity.message_authenticator().as_str().into(),
            );
            heard.insert(
                "concern".to_owned(),
                activity.concern().map(|concern| concern.as_str()).into(),
            );
        }
        object.insert("activity".to_owned(), heard);
    }
    record
}

pub(super) async fn snippet(context: &Context, arguments: SnippetArguments) -> Outcome {
    let settings = context.settings()?;
    let store = context.store().await?;
    let client = store.client_fetch(&arguments.name).await?;
    let profile = VendorProfile::by_name(&client.vendor)
        .or_else(|| VendorProfile::by_name("generic"))
        .ok_or_else(|| Failure::cannot("there are no vendor profiles"))?;
    let server = arguments
        .server
        .or_else(|| own_address().map(|address| address.to_string()))
        .unwrap_or_else(|| "ADDRESS-OF-THIS-SERVER".to_owned());
    let over_tls = arguments.radsec || (client.radsec_name.is_some() && !arguments.udp);
    let text = if over_tls {
        radsec_snippet(profile, &client, &server, settings.radsec.as_ref())
    } else {
        let segments = store.segment_list().await?;
        let redirect_acls = sorted(segments.iter().filter_map(|one| one.redirect_acl.clone()));
        let roles = sorted(segments.iter().filter_map(|one| one.role.clone()));
        profile.configuration(&NasSettings {
            server: &server,
            secret: "SECRET",
            auth_port: settings.radius.listen_auth.port(),
            acct_port: settings.radius.listen_acct.port(),
            coa_port: client.coa_port,
            redirect_acls: &redirect_acls,
            roles: &roles,
        })
    };
    let record = json!({
        "client": client.name,
        "vendor": profile.name,
        "transport": if over_tls { "tls" } else { "udp" },
        "configuration": text,
    });
    answer(context.json(), &record, text.trim_end())?;
    Ok(Answer::Yes)
}

/// What RADIUS over TLS needs; what is still missing at this server is said beside it.
fn radsec_snippet(
    profile: &VendorProfile,
    client: &Client,
    server: &str,
    settings: Option<&RadSecSettings>,
) -> String {
    if settings.is_none() {
        note(
            "this server does not listen for RADIUS over TLS: add [radsec] to nac.toml and restart",
        );
    }
    profile.radsec_configuration(&RadSecNas {
        server,
        port: settings.map_or(RADSEC_PORT, |settings| settings.listen.port()),
        name: client.radsec_name.as_deref().unwrap_or(&client.name),
    })
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let names: std::collections::BTreeSet<String> = names.collect();
    names.into_iter().collect()
}

pub(super) async fn unknown(context: &Context, arguments: UnknownArguments) -> Outcome {
    let store = context.store().await?;
    if arguments.forget_all || arguments.forget.is_some() {
        let forgotten = store
            .unknown_nas_forget(arguments.forget.as_deref())
            .await?;
        if forgotten == 0 && !arguments.forget_all {
            return Err(Failure::no("nothing came from this address")
                .fix("see what did with: nac client unknown"));
        }
        let number = usize::try_from(forgotten).unwrap_or(usize::MAX);
        let sentence = format!(
            "forgot {} address{}",
            number,
            if number == 1 { "" } else { "es" }
        );
        answer(
            context.json(),
            &json!({ "forgotten": forgotten }),
            &sentence,
        )?;
        return Ok(Answer::Yes);
    }
    let strangers = store.unknown_nas_list().await?;
    if context.json() {
        print_json(&strangers)?;
        return Ok(Answer::Yes);
    }
    let header = ["ADDRESS", "CALLS ITSELF", "PACKETS", "FIRST", "LAST"];
    let mut table = Table::new(&header, "nobody unknown has sent anything");
    for stranger in &strangers {
        table.row([
            stranger.address.clone(),
            stranger.nas_identifier.clone(),
            count(
                usize::try_from(stranger.packets).unwrap_or(usize::MAX),
                "packet",
            ),
            local_time(stranger.first_us),
            local_time(stranger.last_us),
        ]);
    }
    let mut text = table.render();
    if let Some(stranger) = strangers.first() {
        text += &format!(
            "let one ask with: nac client add NAME --address {}\n",
            stranger.address
        );
    }
    print(&text)?;
    Ok(Answer::Yes)
}
