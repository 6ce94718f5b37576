//! RADIUS clients: the switches, access points and controllers that may ask.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ipnet::IpNet;
use nac_store::{
    Client, ClientActivity, ClientChange, MessageAuthenticatorRule, NewClient, SecretBytes,
    UnknownNas,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;
use crate::input::{client, secret};
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(fetch, set, remove))
        .routes(routes!(rotate))
        .routes(routes!(unknown))
        .routes(routes!(forget))
}

/// A client with what was heard of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Heard {
    #[serde(flatten)]
    client: Client,
    /// What was heard of it; null when nothing was.
    activity: Option<ClientActivity>,
}

/// All clients, by name.
#[utoipa::path(
    get, path = "/api/v1/clients", operation_id = "client_list", tag = "clients",
    responses((status = 200, body = Page<Heard>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<Heard>, Problem> {
    let mut activities = state.store.client_activity_list().await?;
    let clients = state.store.client_list().await?;
    let items = clients
        .into_iter()
        .map(|client| {
            let at = activities
                .iter()
                .position(|activity| activity.client_id == client.id);
            Heard {
                activity: at.map(|at| activities.swap_remove(at)),
                client,
            }
        })
        .collect();
    Ok(Page::whole(items))
}

/// One client.
#[utoipa::path(
    get, path = "/api/v1/clients/{name}", operation_id = "client_fetch", tag = "clients",
    params(("name" = String, Path)),
    responses((status = 200, body = Heard), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<Heard>, Problem> {
    let client = state.store.client_fetch(&name).await?;
    let activity = state.store.client_activity_find(client.id).await?;
    Ok(Json(Heard { client, activity }))
}

/// A client to add.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// The name people use; unique.
    name: String,
    /// An address or a network, such as `192.0.2.10` or `192.0.2.0/24`.
    address: String,
    /// The shared secret, 16 octets at least; one is made and given back once when it is left out.
    #[schema(value_type = Option<String>)]
    secret: Option<Zeroizing<String>>,
    /// Whether an Access-Request without Message-Authenticator is looked at; `required` unless told otherwise.
    #[serde(default)]
    message_authenticator: Option<MessageAuthenticatorRule>,
    /// Until when `legacy` lasts, in microseconds since the Unix epoch; 90 days when left out.
    #[serde(default)]
    legacy_until_us: Option<i64>,
    /// The vendor profile; `generic` unless told otherwise.
    #[serde(default)]
    vendor: Option<String>,
    /// The port for CoA, where it is not the profile's.
    #[serde(default)]
    coa_port: Option<u16>,
    /// The name in its certificate by which it is known over RadSec; its address says who it is where there is none.
    #[serde(default)]
    radsec_name: Option<String>,
    /// The site that policies may name.
    #[serde(default)]
    site: String,
}

/// A client with a secret that was made for it.
#[derive(Serialize, utoipa::ToSchema)]
struct Added {
    #[serde(flatten)]
    client: Client,
    /// The shared secret, shown this once; absent when the caller chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<Zeroizing<String>>,
}

/// Lets a NAS ask.
#[utoipa::path(
    post, path = "/api/v1/clients", operation_id = "client_add", tag = "clients",
    request_body = Add,
    responses((status = 201, body = Added), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn add(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Add>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    client::check_name(&body.name)?;
    let vendor = body.vendor.unwrap_or_else(|| "generic".to_owned());
    client::check_vendor(&vendor)?;
    let (secret, made) = shared_secret(body.secret)?;
    let network = address(&body.address)?;
    let message_authenticator = body
        .message_authenticator
        .unwrap_or(MessageAuthenticatorRule::Required);
    client::check_message_authenticator(message_authenticator, network)?;
    let new = NewClient {
        name: body.name,
        address: network,
        secret,
        message_authenticator,
        legacy_until_us: body.legacy_until_us,
        vendor,
        coa_port: body.coa_port,
        radsec_name: body
            .radsec_name
            .as_deref()
            .map(client::radsec_name)
            .transpose()?,
        site: body.site,
    };
    let client = caller.store(&state).client_add(new).await?;
    Ok((
        StatusCode::CREATED,
        Json(Added {
            client,
            secret: made,
        }),
    ))
}

/// What to change of a client. What is left out stays as it is.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Set {
    /// Another name.
    name: Option<String>,
    /// Another address or network.
    address: Option<String>,
    /// Another rule for Access-Requests without Message-Authenticator.
    message_authenticator: Option<MessageAuthenticatorRule>,
    /// Another end of `legacy`, in microseconds since the Unix epoch.
    legacy_until_us: Option<i64>,
    /// Another vendor profile.
    vendor: Option<String>,
    /// Another port for CoA; 0 for the profile's.
    coa_port: Option<u16>,
    /// Another name in its certificate for RadSec; empty for none.
    radsec_name: Option<String>,
    /// Another site.
    site: Option<String>,
}

/// Changes a client.
#[utoipa::path(
    put, path = "/api/v1/clients/{name}", operation_id = "client_set", tag = "clients",
    params(("name" = String, Path)), request_body = Set,
    responses((status = 200, body = Client), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn set(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<Set>,
) -> Result<Json<Client>, Problem> {
    if let Some(name) = &body.name {
        client::check_name(name)?;
    }
    if let Some(vendor) = &body.vendor {
        client::check_vendor(vendor)?;
    }
    let change = ClientChange {
        name: body.name,
        address: body.address.as_deref().map(address).transpose()?,
        secret: None,
        message_authenticator: body.message_authenticator,
        legacy_until_us: body.legacy_until_us,
        vendor: body.vendor,
        coa_port: body.coa_port.map(|port| (port != 0).then_some(port)),
        radsec_name: match body.radsec_name.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(name) => Some(Some(client::radsec_name(name)?)),
        },
        site: body.site,
    };
    let store = caller.store(&state);
    if let Some(rule) = change.message_authenticator {
        let network = match change.address {
            Some(network) => network,
            None => store.client_fetch(&name).await?.address,
        };
        client::check_message_authenticator(rule, network)?;
    }
    Ok(Json(store.client_update(&name, change).await?))
}

/// Gives a client a new secret, shown this once.
#[utoipa::path(
    post, path = "/api/v1/clients/{name}/rotate-secret", operation_id = "client_rotate_secret", tag = "clients",
    params(("name" = String, Path)),
    responses((status = 200, body = Added), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn rotate(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Added>, Problem> {
    let (secret, made) = shared_secret(None)?;
    let change = ClientChange {
        secret: Some(secret),
        ..ClientChange::default()
    };
    let client = caller.store(&state).client_update(&name, change).await?;
    Ok(Json(Added {
        client,
        secret: made,
    }))
}

/// Removes a client: it is answered with silence from now on.
#[utoipa::path(
    delete, path = "/api/v1/clients/{name}", operation_id = "client_remove", tag = "clients",
    params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).client_remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Addresses that sent packets and are no client.
#[utoipa::path(
    get, path = "/api/v1/unknown-nas", operation_id = "unknown_nas_list", tag = "clients",
    responses((status = 200, body = Page<UnknownNas>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn unknown(State(state): State<AdminState>) -> Result<Page<UnknownNas>, Problem> {
    Ok(Page::whole(state.store.unknown_nas_list().await?))
}

/// Forgets one of them.
#[utoipa::path(
    delete, path = "/api/v1/unknown-nas/{address}", operation_id = "unknown_nas_forget", tag = "clients",
    params(("address" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn forget(
    State(state): State<AdminState>,
    caller: Caller,
    Path(address): Path<String>,
) -> Result<StatusCode, Problem> {
    caller
        .store(&state)
        .unknown_nas_forget(Some(&address))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn address(text: &str) -> Result<IpNet, Failure> {
    client::network(text).map_err(|why| Failure::invalid("address", why))
}

/// The secret that was given, or a new one.
fn shared_secret(
    given: Option<Zeroizing<String>>,
) -> Result<(SecretBytes, Option<Zeroizing<String>>), Failure> {
    match given {
        Some(given) => match secret::weakness(&given) {
            Some(why) => Err(Failure::invalid(
                "secret",
                format!("this secret is weak: {why}; leave it out to get a good one"),
            )),
            None => Ok((SecretBytes::new(given.as_bytes()), None)),
        },
        None => {
            let made = secret::generate(secret::GENERATED_LENGTH)?;
            Ok((SecretBytes::new(made.as_bytes()), Some(made)))
        }
    }
}
