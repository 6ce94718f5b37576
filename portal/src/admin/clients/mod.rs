//! RADIUS clients: who may ask, what was heard from them, and from addresses that are none.

mod change;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use askama::Template;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_radius::{NasSettings, RadSecNas, VendorProfile};
use nac_store::{
    Client, ClientActivity, MessageAuthenticatorRule, MessageAuthenticatorUse, Segment, UnknownNas,
    now_us,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::filter::some;
use super::form::filled;
use super::guard::encode_part;
use super::listing::{self, Column, Format, Head, Query};
use super::moment::span;
use super::{Account, AdminState, Chrome, Moment, Place, Problem, Route, render};
use crate::access::Permission;
use crate::web::Failure;

/// `/clients` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::NetworkChange;
    vec![
        Route::page("/clients", Permission::Read, get(page)),
        Route::page("/clients/new", change, get(change::new)),
        Route::action("/clients/new", change, "client_add", post(change::add)),
        Route::page("/clients/{name}", Permission::Read, get(detail)),
        Route::page("/clients/{name}/edit", change, get(change::edit)),
        Route::action(
            "/clients/{name}/edit",
            change,
            "client_set",
            post(change::update),
        ),
        Route::action(
            "/clients/{name}/rotate",
            change,
            "client_rotate_secret",
            post(change::rotate),
        ),
        Route::action(
            "/clients/{name}/remove",
            change,
            "client_remove",
            post(change::remove),
        ),
        Route::action(
            "/clients/unknown/forget",
            change,
            "unknown_nas_forget",
            post(change::forget_unknown),
        ),
    ]
}

/// The filters in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    q: Option<String>,
    vendor: Option<String>,
    site: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    format: Format,
}

/// The columns, in the words of [`sort`].
const HEADS: [Head; 9] = [
    Head::sorts("Name", "name"),
    Head::sorts("Address", "address"),
    Head::sorts("Vendor", "vendor"),
    Head::sorts("Site", "site"),
    Head::sorts("Last packet", "last").descending(),
    Head::sorts("Per minute", "rate").descending().number(),
    Head::plain("Message-Authenticator"),
    Head::plain("Last CoA"),
    Head::plain("Look at"),
];

/// A client with what was heard from it.
#[derive(Serialize)]
struct Heard {
    #[serde(flatten)]
    client: Client,
    activity: Option<ClientActivity>,
}

struct Row {
    client: Client,
    activity: ClientActivity,
    path: String,
    last: Option<Moment>,
    hints: Vec<Hint>,
    signs: MessageAuthenticatorUse,
    /// Message-Authenticator is required at this moment.
    required: bool,
    rule: &'static str,
    until: Option<Moment>,
}

/// Something about a client that somebody should look at.
struct Hint {
    tone: &'static str,
    text: String,
}

struct Stranger {
    nas: UnknownNas,
    last: Moment,
    add: String,
}

#[derive(Template)]
#[template(path = "admin/clients/list.html")]
struct ListPage {
    chrome: Chrome,
    filters: Filters,
    filtered: bool,
    columns: Vec<Column>,
    vendors: Vec<&'static str>,
    rows: Vec<Row>,
    strangers: Vec<Stranger>,
    csv: String,
    json: String,
    may_change: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let wanted = |filter: &Option<String>| {
        filter
            .as_deref()
            .and_then(filled)
            .map(|text| text.to_lowercase())
    };
    let (text, vendor, site) = (
        wanted(&filters.q),
        wanted(&filters.vendor),
        wanted(&filters.site),
    );
    let mut heard: HashMap<Uuid, ClientActivity> = state
        .store
        .client_activity_list()
        .await?
        .into_iter()
        .map(|activity| (activity.client_id, activity))
        .collect();
    let mut clients: Vec<Heard> = state
        .store
        .client_list()
        .await?
        .into_iter()
        .filter(|client| {
            let fits = |text: &String| {
                client.name.to_lowercase().contains(text)
                    || client.address.to_string().contains(text)
            };
            text.as_ref().is_none_or(fits)
                && vendor
                    .as_ref()
                    .is_none_or(|vendor| client.vendor == *vendor)
                && site
                    .as_ref()
                    .is_none_or(|site| client.site.to_lowercase() == *site)
        })
        .map(|client| Heard {
            activity: heard.remove(&client.id),
            client,
        })
        .collect();
    let by = some(&filters.sort).unwrap_or_else(|| "name".to_owned());
    let reverse = listing::is_reversed(&filters.order);
    sort(&mut clients, &by, reverse)?;
    let query = Query::new("/clients")
        .with("q", filters.q.as_deref().and_then(filled))
        .with("vendor", filters.vendor.as_deref().and_then(filled))
        .with("site", filters.site.as_deref().and_then(filled))
        .with("sort", some(&filters.sort))
        .with("order", some(&filters.order));
    match filters.format {
        Format::Json => return Ok(listing::json("clients", &clients)?),
        Format::Csv => return Ok(csv(&clients)?),
        Format::Html => {}
    }
    let strangers = state.store.unknown_nas_list().await?;
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "Clients", Place::Clients).await,
        filtered: query.is_filtered(),
        csv: query.link("format", "csv"),
        json: query.link("format", "json"),
        columns: listing::columns(&query, &HEADS, &by, reverse),
        vendors: vendors(),
        filters,
        rows: clients.into_iter().map(Row::from).collect(),
        strangers: strangers
            .into_iter()
            .map(|nas| Stranger {
                last: Moment(nas.last_us),
                add: Query::new("/clients/new")
                    .with("address", Some(&nas.address))
                    .with("name", Some(&nas.nas_identifier))
                    .url(),
                nas,
            })
            .collect(),
        may_change: account.may(Permission::NetworkChange),
    })
}

/// Sorts by a word of the URL; times and rates begin with the newest and the highest.
fn sort(clients: &mut [Heard], by: &str, reverse: bool) -> Result<(), Failure> {
    let last = |heard: &Heard| {
        heard
            .activity
            .as_ref()
            .and_then(|known| known.last_packet_us)
    };
    let rate = |heard: &Heard| {
        heard
            .activity
            .as_ref()
            .map_or(0, |known| known.requests_per_minute)
    };
    match by {
        "name" => clients.sort_by_key(|heard| heard.client.name.to_lowercase()),
        "address" => clients.sort_by_key(|heard| heard.client.address),
        "vendor" => clients.sort_by_key(|heard| heard.client.vendor.clone()),
        "site" => clients.sort_by_key(|heard| heard.client.site.to_lowercase()),
        "last" => clients.sort_by_key(|heard| Reverse(last(heard))),
        "rate" => clients.sort_by_key(|heard| Reverse(rate(heard))),
        _ => return Err(Failure::invalid("sort", "the list has no such order")),
    }
    if reverse {
        clients.reverse();
    }
    Ok(())
}

fn csv(clients: &[Heard]) -> Result<Response, Failure> {
    let rows: Vec<Vec<String>> = clients
        .iter()
        .map(|Heard { client, activity }| {
            let activity = activity.clone().unwrap_or_default();
            vec![
                client.name.clone(),
                client.address.to_string(),
                client.vendor.clone(),
                client.site.clone(),
                client.message_authenticator.to_string(),
                client
                    .legacy_until_us
                    .map(|us| us.to_string())
                    .unwrap_or_default(),
                activity.message_authenticator().to_string(),
                activity
                    .last_packet_us
                    .map(|us| us.to_string())
                    .unwrap_or_default(),
                activity.requests_per_minute.to_string(),
                activity.wrong_secret.to_string(),
                activity.coa_result,
            ]
        })
        .collect();
    let header = [
        "name",
        "address",
        "vendor",
        "site",
        "message_authenticator",
        "legacy_until_us",
        "sends_message_authenticator",
        "last_packet_us",
        "requests_per_minute",
        "wrong_secret",
        "last_coa",
    ];
    listing::csv("clients", &header, &rows)
}

impl From<Heard> for Row {
    fn from(heard: Heard) -> Self {
        let activity = heard.activity.unwrap_or_default();
        Self {
            path: path(&heard.client.name),
            last: activity.last_packet_us.map(Moment),
            hints: hints(&heard.client, &activity),
            signs: activity.message_authenticator(),
            required: heard.client.terms().requires(now_us()),
            rule: rule(&heard.client),
            until: heard.client.legacy_until_us.map(Moment),
            client: heard.client,
            activity,
        }
    }
}

/// The rule for Message-Authenticator in a word or two.
fn rule(client: &Client) -> &'static str {
    match client.message_authenticator {
        MessageAuthenticatorRule::Required => "required",
        MessageAuthenticatorRule::Learn => "not required yet",
        MessageAuthenticatorRule::Legacy if client.terms().requires(now_us()) => "required again",
        MessageAuthenticatorRule::Legacy => "not required",
    }
}

/// What should be looked at, worst first.
fn hints(client: &Client, activity: &ClientActivity) -> Vec<Hint> {
    let mut hints = Vec::new();
    let mut say = |tone, text| hints.push(Hint { tone, text });
    if let Some(at) = activity.wrong_secret_us {
        say(
            "bad",
            format!(
                "the shared secrets differ: {} packets, the last {} ago",
                activity.wrong_secret,
                span(now_us() - at)
            ),
        );
    }
    let required = client.terms().requires(now_us());
    if activity.missing_signature > 0 && required {
        say(
            "bad",
            format!(
                "{} requests without Message-Authenticator were ignored: let the device send it",
                activity.missing_signature
            ),
        );
    }
    if !required {
        say(
            "warn",
            match (client.message_authenticator, client.legacy_until_us) {
                (MessageAuthenticatorRule::Legacy, Some(until)) => format!(
                    "open to CVE-2024-3596: a legacy device that is ignored in {} unless it sends Message-Authenticator",
                    span(until.saturating_sub(now_us()))
                ),
                _ => "open to CVE-2024-3596 until it sends Message-Authenticator".to_owned(),
            },
        );
    }
    if activity.malformed > 0 {
        say("warn", format!("{} malformed packets", activity.malformed));
    }
    if activity.coa_unanswered > 0 && activity.coa_acknowledged == 0 {
        say(
            "warn",
            "it never answered a CoA request: check the port and its CoA client".to_owned(),
        );
    }
    hints
}

#[derive(Template)]
#[template(path = "admin/clients/detail.html")]
struct DetailPage {
    chrome: Chrome,
    row: Row,
    profile: &'static str,
    snippet: String,
    /// The same for RADIUS over TLS, where the client has a name for it.
    radsec: Option<String>,
    /// RADIUS over TLS is answered here.
    radsec_is_on: bool,
    port: String,
    added: Moment,
    changed: Moment,
    may_change: bool,
}

async fn detail(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let client = state.store.client_fetch(&name).await?;
    let activity = state.store.client_activity_find(client.id).await?;
    let profile = VendorProfile::by_name(&client.vendor);
    let port = client.coa_port.or_else(|| {
        profile
            .and_then(|profile| profile.ladder().first())
            .map(|step| step.port)
    });
    render(&DetailPage {
        chrome: Chrome::new(&state, &account, &client.name, Place::Clients).await,
        profile: profile.map_or("unknown here: treated as generic", |profile| &profile.title),
        snippet: snippet(&state, &client).await?,
        radsec: radsec(&state, &client),
        radsec_is_on: state.environment.radsec_port.is_some(),
        port: port.map_or_else(
            || "none: this vendor takes no such request".to_owned(),
            |port| port.to_string(),
        ),
        added: Moment(client.created_us),
        changed: Moment(client.updated_us),
        row: Row::from(Heard { client, activity }),
        may_change: account.may(Permission::NetworkChange),
    })
}

/// What to write into the device's own configuration, the secret left out.
async fn snippet(state: &AdminState, client: &Client) -> Result<String, Problem> {
    let segments = state.store.segment_list().await?;
    let named = |name: fn(&Segment) -> &Option<String>| {
        let names: BTreeSet<&String> = segments
            .iter()
            .filter_map(|one| name(one).as_ref())
            .collect();
        names.into_iter().cloned().collect::<Vec<String>>()
    };
    let (redirect_acls, roles) = (named(|one| &one.redirect_acl), named(|one| &one.role));
    let host = host(state);
    let profile =
        VendorProfile::by_name(&client.vendor).or_else(|| VendorProfile::by_name("generic"));
    Ok(profile.map_or_else(String::new, |profile| {
        profile.configuration(&NasSettings {
            server: host,
            secret: "SECRET",
            auth_port: state.environment.auth_port,
            acct_port: state.environment.acct_port,
            coa_port: client.coa_port,
            redirect_acls: &redirect_acls,
            roles: &roles,
        })
    }))
}

/// The same for RADIUS over TLS.
fn radsec(state: &AdminState, client: &Client) -> Option<String> {
    let name = client.radsec_name.as_deref()?;
    let profile =
        VendorProfile::by_name(&client.vendor).or_else(|| VendorProfile::by_name("generic"))?;
    Some(profile.radsec_configuration(&RadSecNas {
        server: host(state),
        port: state.environment.radsec_port.unwrap_or(2083),
        name,
    }))
}

/// The host of the portal, which NASes reach too.
fn host(state: &AdminState) -> &str {
    let host = state.environment.portal_url.trim_start_matches("https://");
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

/// The page of the client of this name.
fn path(name: &str) -> String {
    format!("/clients/{}", encode_part(name))
}

/// The names of the vendor profiles.
fn vendors() -> Vec<&'static str> {
    VendorProfile::embedded()
        .iter()
        .map(|profile| profile.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests;
