//! Offers: which methods are offered to whom.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{Offer, OfferedInnerMethod, OfferedMethod};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;
use crate::input::offer;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch, put, remove))
        .routes(routes!(reorder))
}

/// All offers, in the order in which they are tried: the first that fits a login counts.
#[utoipa::path(
    get, path = "/api/v1/offers", operation_id = "offer_list", tag = "offers",
    responses((status = 200, body = Page<Offer>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<Offer>, Problem> {
    Ok(Page::whole(state.store.offer_list().await?))
}

/// One offer.
#[utoipa::path(
    get, path = "/api/v1/offers/{name}", operation_id = "offer_fetch", tag = "offers",
    params(("name" = String, Path)),
    responses((status = 200, body = Offer), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<Offer>, Problem> {
    Ok(Json(state.store.offer_fetch(&name).await?))
}

/// What is offered, and to whom.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
struct PutOffer {
    /// The RADIUS client, by name; `*` stands for any part of it, an empty text for every client.
    client: String,
    /// The client's site, in the same way.
    site: String,
    /// The Wi-Fi network, in the same way.
    ssid: String,
    /// The realm outside the tunnel, in the same way.
    realm: String,
    /// The methods on offer, the preferred one first.
    methods: Vec<OfferedMethod>,
    /// What may authenticate inside tunnels, the preferred one first; the configuration file's list when there is none.
    inner_methods: Vec<OfferedInnerMethod>,
    /// What it is for.
    description: String,
}

/// Adds an offer after the others, or replaces the one of this name in its place. It counts from the next login on.
#[utoipa::path(
    put, path = "/api/v1/offers/{name}", operation_id = "offer_put", tag = "offers",
    params(("name" = String, Path)), request_body = PutOffer,
    responses((status = 200, body = Offer), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn put(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<PutOffer>,
) -> Result<Json<Offer>, Problem> {
    let wanted = Offer {
        name,
        client: body.client,
        site: body.site,
        ssid: body.ssid,
        realm: body.realm,
        methods: body.methods,
        inner_methods: body.inner_methods,
        description: body.description,
        ..Offer::default()
    };
    offer::check(&wanted)?;
    Ok(Json(caller.store(&state).offer_put(wanted).await?))
}

/// Where an offer goes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveOffer {
    /// Its new place in the order, from 1; beyond the last is the last.
    position: u32,
}

/// Moves an offer to another place in the order.
#[utoipa::path(
    post, path = "/api/v1/offers/{name}/move", operation_id = "offer_move", tag = "offers",
    params(("name" = String, Path)), request_body = MoveOffer,
    responses((status = 200, body = Offer), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn reorder(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<MoveOffer>,
) -> Result<Json<Offer>, Problem> {
    let position = usize::try_from(body.position).unwrap_or(usize::MAX);
    let store = caller.store(&state);
    Ok(Json(store.offer_move(&name, position).await?))
}

/// Removes an offer.
#[utoipa::path(
    delete, path = "/api/v1/offers/{name}", operation_id = "offer_remove", tag = "offers",
    params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).offer_remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
