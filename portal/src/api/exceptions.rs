//! Exceptions: written, expiring permissions to break a rule.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{Exception, ExceptionFilter, ExceptionSort, ExceptionState, NewException};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(fetch))
        .routes(routes!(approve))
        .routes(routes!(deny))
        .routes(routes!(revoke))
        .routes(routes!(renew))
}

/// Which exceptions to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// In this state.
    state: Option<ExceptionState>,
    /// Of this device.
    device_id: Option<Uuid>,
    /// Of this osquery host.
    node_id: Option<Uuid>,
    /// From this check.
    check: Option<String>,
    /// With this in the reason or a name.
    q: Option<String>,
    /// In this order.
    sort: ExceptionSort,
    /// Turned round.
    reverse: bool,
}

/// Exceptions, newest first unless told otherwise.
#[utoipa::path(
    get, path = "/api/v1/exceptions", operation_id = "exception_list", tag = "exceptions",
    params(Filters, Paging),
    responses((status = 200, body = Page<Exception>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<Exception>, Problem> {
    let rows = state
        .store
        .exception_list(&ExceptionFilter {
            state: filters.state,
            device_id: filters.device_id,
            node_id: filters.node_id,
            check: filters.check,
            search: filters.q,
            sort: filters.sort,
            reverse: filters.reverse,
            before: paging.after()?,
            limit: paging.limit(),
            ..ExceptionFilter::default()
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// An exception to permit.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// The device.
    device_id: Option<Uuid>,
    /// The osquery host, where it is no known device.
    node_id: Option<Uuid>,
    /// The check that it need not pass; all of them without one.
    check: Option<String>,
    /// The quarantine that it ends.
    quarantine_id: Option<Uuid>,
    /// Also while the check has no result.
    #[serde(default)]
    covers_unknown: bool,
    /// Why.
    reason: String,
    /// When it ends, in microseconds since the Unix epoch.
    expires_us: i64,
}

/// Permits an exception at once.
#[utoipa::path(
    post, path = "/api/v1/exceptions", operation_id = "exception_add", tag = "exceptions",
    request_body = Add,
    responses((status = 201, body = Exception), (status = "default", body = Problem)),
    security(("token" = ["exception:change"]))
)]
async fn add(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Add>,
) -> Result<(StatusCode, Json<Exception>), Problem> {
    let new = NewException {
        device_id: body.device_id,
        node_id: body.node_id,
        check: body.check,
        quarantine_id: body.quarantine_id,
        covers_unknown: body.covers_unknown,
        reason: body.reason,
        requested_by: caller.operator(),
        expires_us: body.expires_us,
    };
    let added = caller
        .store(&state)
        .exception_add(new, &caller.operator())
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// One exception.
#[utoipa::path(
    get, path = "/api/v1/exceptions/{id}", operation_id = "exception_fetch", tag = "exceptions",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Exception), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Exception>, Problem> {
    Ok(Json(state.store.exception_fetch(id).await?))
}

/// How it is approved.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// Another end than the one that was asked for, in microseconds since the Unix epoch.
    expires_us: Option<i64>,
}

/// Approves a request.
#[utoipa::path(
    post, path = "/api/v1/exceptions/{id}/approve", operation_id = "exception_approve", tag = "exceptions",
    params(("id" = Uuid, Path)), request_body = Approve,
    responses((status = 200, body = Exception), (status = "default", body = Problem)),
    security(("token" = ["exception:change"]))
)]
async fn approve(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Approve>,
) -> Result<Json<Exception>, Problem> {
    let store = caller.store(&state);
    let approved = store
        .exception_approve(id, &caller.operator(), body.expires_us)
        .await?;
    Ok(Json(approved))
}

/// Why it ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct End {
    /// Read by whoever asked for it.
    #[serde(default)]
    note: String,
}

/// Denies a request.
#[utoipa::path(
    post, path = "/api/v1/exceptions/{id}/deny", operation_id = "exception_deny", tag = "exceptions",
    params(("id" = Uuid, Path)), request_body = End,
    responses((status = 200, body = Exception), (status = "default", body = Problem)),
    security(("token" = ["exception:change"]))
)]
async fn deny(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<End>,
) -> Result<Json<Exception>, Problem> {
    let store = caller.store(&state);
    Ok(Json(
        store
            .exception_deny(id, &caller.operator(), &body.note)
            .await?,
    ))
}

/// Ends an exception.
#[utoipa::path(
    post, path = "/api/v1/exceptions/{id}/revoke", operation_id = "exception_revoke", tag = "exceptions",
    params(("id" = Uuid, Path)), request_body = End,
    responses((status = 200, body = Exception), (status = "default", body = Problem)),
    security(("token" = ["exception:change"]))
)]
async fn revoke(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<End>,
) -> Result<Json<Exception>, Problem> {
    let store = caller.store(&state);
    Ok(Json(
        store
            .exception_revoke(id, &caller.operator(), &body.note)
            .await?,
    ))
}

/// A longer life.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Renew {
    /// When it ends, in microseconds since the Unix epoch.
    expires_us: i64,
    /// Why it goes on.
    reason: String,
}

/// Lets an exception go on.
#[utoipa::path(
    post, path = "/api/v1/exceptions/{id}/renew", operation_id = "exception_renew", tag = "exceptions",
    params(("id" = Uuid, Path)), request_body = Renew,
    responses((status = 200, body = Exception), (status = "default", body = Problem)),
    security(("token" = ["exception:change"]))
)]
async fn renew(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Renew>,
) -> Result<Json<Exception>, Problem> {
    let store = caller.store(&state);
    let renewed = store
        .exception_renew(id, &caller.operator(), body.expires_us, &body.reason)
        .await?;
    Ok(Json(renewed))
}
