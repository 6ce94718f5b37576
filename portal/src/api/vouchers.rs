//! Vouchers: codes that let somebody in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{
    NewVoucherBatch, Voucher, VoucherBatch, VoucherBatchFilter, VoucherFilter, VoucherState,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(batches, create))
        .routes(routes!(batch))
        .routes(routes!(revoke_batch))
        .routes(routes!(list))
        .routes(routes!(revoke))
}

/// Which batches to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct BatchFilters {
    /// With this in the note.
    q: Option<String>,
}

/// Batches, newest first.
#[utoipa::path(
    get, path = "/api/v1/voucher-batches", operation_id = "voucher_batch_list", tag = "vouchers",
    params(BatchFilters, Paging),
    responses((status = 200, body = Page<VoucherBatch>), (status = "default", body = Problem)),
    security(("token" = ["guest:read"]))
)]
async fn batches(
    State(state): State<AdminState>,
    Query(filters): Query<BatchFilters>,
    Query(paging): Query<Paging>,
) -> Result<Page<VoucherBatch>, Problem> {
    let rows = state
        .store
        .voucher_batch_list(&VoucherBatchFilter {
            search: filters.q,
            before: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// A batch to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// How many codes.
    size: u32,
    /// How long each lets in, in seconds.
    duration_s: u32,
    /// How many devices may use one code; 1 unless told otherwise.
    devices: Option<u32>,
    /// What it is for.
    #[serde(default)]
    note: String,
    /// The site where it counts; everywhere without one.
    #[serde(default)]
    site: String,
    /// A fixed beginning, in microseconds since the Unix epoch; the first use without one.
    starts_us: Option<i64>,
    /// When unused codes end, in microseconds since the Unix epoch.
    expires_us: Option<i64>,
}

/// A batch with its codes.
#[derive(Serialize, utoipa::ToSchema)]
struct Created {
    #[serde(flatten)]
    batch: VoucherBatch,
    /// The codes.
    codes: Vec<String>,
}

/// Makes a batch of vouchers.
#[utoipa::path(
    post, path = "/api/v1/voucher-batches", operation_id = "voucher_create", tag = "vouchers",
    request_body = Create,
    responses((status = 201, body = Created), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn create(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Create>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let usual = NewVoucherBatch::default();
    let new = NewVoucherBatch {
        size: body.size,
        duration_s: body.duration_s,
        devices: body.devices.unwrap_or(usual.devices),
        note: body.note,
        site: body.site,
        starts_us: body.starts_us,
        expires_us: body.expires_us,
        created_by: caller.operator(),
        ..usual
    };
    let (batch, vouchers) = caller.store(&state).voucher_batch_add(new).await?;
    let codes = vouchers
        .iter()
        .map(|voucher| voucher.code.shown())
        .collect();
    Ok((StatusCode::CREATED, Json(Created { batch, codes })))
}

/// One batch.
#[utoipa::path(
    get, path = "/api/v1/voucher-batches/{id}", operation_id = "voucher_batch_fetch", tag = "vouchers",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = VoucherBatch), (status = "default", body = Problem)),
    security(("token" = ["guest:read"]))
)]
async fn batch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<VoucherBatch>, Problem> {
    Ok(Json(state.store.voucher_batch_fetch(id).await?))
}

/// Makes all codes of a batch worth nothing; who got in by one leaves.
#[utoipa::path(
    post, path = "/api/v1/voucher-batches/{id}/revoke", operation_id = "voucher_batch_revoke", tag = "vouchers",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = VoucherBatch), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn revoke_batch(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<VoucherBatch>, Problem> {
    let store = caller.store(&state);
    Ok(Json(
        store.voucher_batch_revoke(id, &caller.operator()).await?,
    ))
}

/// Which vouchers to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// Of this batch.
    batch_id: Option<Uuid>,
    /// In this state.
    state: Option<VoucherState>,
}

/// Vouchers, without their codes.
#[utoipa::path(
    get, path = "/api/v1/vouchers", operation_id = "voucher_list", tag = "vouchers",
    params(Filters, Paging),
    responses((status = 200, body = Page<Voucher>), (status = "default", body = Problem)),
    security(("token" = ["guest:read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<Voucher>, Problem> {
    let rows = state
        .store
        .voucher_list(&VoucherFilter {
            batch_id: filters.batch_id,
            state: filters.state,
            after: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// Makes one code worth nothing.
#[utoipa::path(
    post, path = "/api/v1/vouchers/{id}/revoke", operation_id = "voucher_revoke", tag = "vouchers",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Voucher), (status = "default", body = Problem)),
    security(("token" = ["guest:change"]))
)]
async fn revoke(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Voucher>, Problem> {
    let store = caller.store(&state);
    Ok(Json(store.voucher_revoke(id, &caller.operator()).await?))
}
