//! Guests: who visits, for how long, by whose leave.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{
    Guest, GuestFilter, GuestMethod, GuestOutcome, GuestSort, GuestStatus, NewGuest, now_us,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;
use crate::input::guest::announce;
use crate::web::Failure;

/// How long a code works unless told otherwise, in microseconds.
const CODE_LIFE_US: i64 = 30 * 86_400_000_000;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(fetch))
        .routes(routes!(approve))
        .routes(routes!(deny))
        .routes(routes!(extend))
        .routes(routes!(revoke))
}

/// Which guests to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// With this in a name, an address or the company.
    q: Option<String>,
    /// In this state.
    status: Option<GuestStatus>,
    /// Registered so.
    method: Option<GuestMethod>,
    /// At this site.
    site: Option<String>,
    /// In this order.
    sort: GuestSort,
    /// Turned round.
    reverse: bool,
}

/// Guests, newest first unless told otherwise.
#[utoipa::path(
    get, path = "/api/v1/guests", operation_id = "guest_list", tag = "guests",
    params(Filters, Paging),
    responses((status = 200, body = Page<Guest>), (status = "default", body = Problem)),
    security(("token" = ["guest:read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<Guest>, Problem> {
    let rows = state
        .store
        .guest_list(&GuestFilter {
            search: filters.q,
            status: filters.status,
            method: filters.method,
            site: filters.site,
            sort: filters.sort,
            reverse: filters.reverse,
            before: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// A guest to let in, or to announce.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// The guest's name.
    name: String,
    /// The device to let in at once; without one, a code is given that lets them in.
    mac: Option<String>,
    /// How long they stay, in seconds.
    duration_s: u32,
    /// How many devices they may use; 1 unless told otherwise.
    devices: Option<u32>,
    /// Until when the code works, in microseconds since the Unix epoch; 30 days unless told otherwise.
    code_expires_us: Option<i64>,
    /// Their e-mail address.
    #[serde(default)]
    email: String,
    /// Their telephone number.
    #[serde(default)]
    phone: String,
    /// Where they come from.
    #[serde(default)]
    company: String,
    /// Whom they visit.
    #[serde(default)]
    host: String,
    /// For whoever asks later.
    #[serde(default)]
    note: String,
    /// Where they are.
    #[serde(default)]
    site: String,
}

/// A guest and the code that lets them in, shown once.
#[derive(Serialize, utoipa::ToSchema)]
struct Added {
    #[serde(flatten)]
    guest: Guest,
    /// The code; null when the device was let in at once.
    code: Option<String>,
}

/// Lets a guest's device in at once, or makes the code that lets them in when they come.
#[utoipa::path(
    post, path = "/api/v1/guests", operation_id = "guest_add", tag = "guests",
    request_body = Add,
    responses((status = 201, body = Added), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn add(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Add>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    if body.name.trim().is_empty() {
        return Err(Failure::invalid("name", "write the guest's name").into());
    }
    let until = body
        .code_expires_us
        .unwrap_or_else(|| now_us() + CODE_LIFE_US);
    let new = NewGuest {
        method: GuestMethod::Operator,
        name: body.name,
        email: body.email,
        phone: body.phone,
        company: body.company,
        host: body.host,
        note: body.note,
        site: body.site,
        mac: body.mac,
        duration_s: body.duration_s,
        devices_max: body.devices.unwrap_or(1),
        link_expires_us: Some(until),
        created_by: caller.operator(),
        ..NewGuest::default()
    };
    let (guest, code) = announce(&caller.store(&state), new).await?;
    Ok((StatusCode::CREATED, Json(Added { guest, code })))
}

/// One guest.
#[utoipa::path(
    get, path = "/api/v1/guests/{id}", operation_id = "guest_fetch", tag = "guests",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Guest), (status = "default", body = Problem)),
    security(("token" = ["guest:read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Guest>, Problem> {
    Ok(Json(state.store.guest_fetch(id).await?))
}

fn came_of(outcome: GuestOutcome) -> Result<Json<Guest>, Problem> {
    match outcome {
        Ok(guest) => Ok(Json(guest)),
        Err(refusal) => Err(Failure::Conflict(refusal.to_string()).into()),
    }
}

/// How a request is approved.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// A shorter stay than asked for, in seconds.
    duration_s: Option<u32>,
}

/// Approves a sponsor's pending request.
#[utoipa::path(
    post, path = "/api/v1/guests/{id}/approve", operation_id = "guest_approve", tag = "guests",
    params(("id" = Uuid, Path)), request_body = Approve,
    responses((status = 200, body = Guest), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn approve(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Approve>,
) -> Result<Json<Guest>, Problem> {
    let store = caller.store(&state);
    came_of(
        store
            .guest_approve(id, &caller.operator(), body.duration_s)
            .await?,
    )
}

/// Why a request is denied.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Deny {
    /// The guest reads it.
    reason: String,
}

/// Denies a sponsor's pending request.
#[utoipa::path(
    post, path = "/api/v1/guests/{id}/deny", operation_id = "guest_deny", tag = "guests",
    params(("id" = Uuid, Path)), request_body = Deny,
    responses((status = 200, body = Guest), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn deny(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Deny>,
) -> Result<Json<Guest>, Problem> {
    let store = caller.store(&state);
    came_of(
        store
            .guest_deny(id, &caller.operator(), &body.reason)
            .await?,
    )
}

/// A longer stay.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Extend {
    /// How much longer, in seconds.
    seconds: u32,
}

/// Lets a guest stay longer.
#[utoipa::path(
    post, path = "/api/v1/guests/{id}/extend", operation_id = "guest_extend", tag = "guests",
    params(("id" = Uuid, Path)), request_body = Extend,
    responses((status = 200, body = Guest), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn extend(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Extend>,
) -> Result<Json<Guest>, Problem> {
    came_of(caller.store(&state).guest_extend(id, body.seconds).await?)
}

/// How a stay ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// Keep the devices from being registered again.
    #[serde(default)]
    block: bool,
}

/// Ends a guest's stay at once.
#[utoipa::path(
    post, path = "/api/v1/guests/{id}/revoke", operation_id = "guest_revoke", tag = "guests",
    params(("id" = Uuid, Path)), request_body = Revoke,
    responses((status = 200, body = Guest), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn revoke(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Revoke>,
) -> Result<Json<Guest>, Problem> {
    let store = caller.store(&state);
    came_of(
        store
            .guest_revoke(id, &caller.operator(), body.block)
            .await?,
    )
}
