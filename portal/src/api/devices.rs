//! Devices: endpoints as we know them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{
    Device, DeviceFilter, DeviceRecord, DeviceSort, DeviceState, DeviceStatus, IdentifierKind,
    MabAllowed,
};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;
use crate::web::Failure;

/// Rows of one import at most.
const IMPORT_MAX: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(import))
        .routes(routes!(fetch, set, remove))
        .routes(routes!(block))
        .routes(routes!(unblock))
        .routes(routes!(lost))
        .routes(routes!(found_again))
        .routes(routes!(allow_mab))
        .routes(routes!(remove_identifier))
}

/// Which devices to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// A MAC address in any form, or the beginning of a name, an owner or an identifier.
    q: Option<String>,
    /// Exactly this owner.
    owner: Option<String>,
    /// A label it has.
    label: Option<String>,
    /// Of this type.
    device_type: Option<String>,
    /// In this state.
    state: Option<DeviceState>,
    /// In this order.
    sort: Option<DeviceSort>,
    /// Turned round.
    descending: bool,
}

/// Devices.
#[utoipa::path(
    get, path = "/api/v1/devices", operation_id = "device_list", tag = "devices",
    params(Filters, Paging),
    responses((status = 200, body = Page<Device>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<Device>, Problem> {
    let sort = filters.sort.unwrap_or(DeviceSort::Added);
    let rows = state
        .store
        .device_list(&DeviceFilter {
            search: filters.q,
            owner: filters.owner,
            label: filters.label,
            device_type: filters.device_type,
            state: filters.state,
            sort: Some(sort),
            descending: filters.descending,
            after: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.cursor(sort)))
}

/// What to store of a device.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The name people use.
    name: String,
    /// The user who owns it.
    #[serde(default)]
    owner: Option<String>,
    /// Labels, in any order.
    #[serde(default)]
    labels: Vec<String>,
    /// What it is, such as `printer`.
    #[serde(default)]
    device_type: Option<String>,
    /// When its time is over, in microseconds since the Unix epoch.
    #[serde(default)]
    expires_us: Option<i64>,
    /// MAC addresses to add, in any usual form.
    #[serde(default)]
    macs: Vec<String>,
    /// Other identifiers to add.
    #[serde(default)]
    identifiers: Vec<Identifier>,
}

/// A mark that a device is recognised by.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Identifier {
    /// What kind of mark.
    kind: IdentifierKind,
    /// The mark.
    value: String,
}

impl Fields {
    fn record(self, id: Option<Uuid>, status: DeviceStatus) -> DeviceRecord {
        DeviceRecord {
            id,
            name: self.name,
            owner: self.owner,
            labels: self.labels,
            device_type: self.device_type,
            status,
            expires_us: self.expires_us,
            macs: self.macs,
            identifiers: self
                .identifiers
                .into_iter()
                .map(|identifier| (identifier.kind, identifier.value))
                .collect(),
            source: "admin".to_owned(),
        }
    }
}

/// Adds a device.
#[utoipa::path(
    post, path = "/api/v1/devices", operation_id = "device_add", tag = "devices",
    request_body = Fields,
    responses((status = 201, body = Device), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn add(
    State(state): State<AdminState>,
    caller: Caller,
    Body(fields): Body<Fields>,
) -> Result<(StatusCode, Json<Device>), Problem> {
    let store = caller.store(&state);
    let added = store
        .device_put(fields.record(None, DeviceStatus::Active))
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Devices to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Import {
    /// 10,000 at most; all of them are added, or none.
    devices: Vec<Fields>,
}

/// Adds many devices in one step.
#[utoipa::path(
    post, path = "/api/v1/devices/import", operation_id = "device_import", tag = "devices",
    request_body = Import,
    responses((status = 201, description = "How many were added", body = Object), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn import(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Import>,
) -> Result<(StatusCode, Json<serde_json::Value>), Problem> {
    if body.devices.len() > IMPORT_MAX {
        return Err(Failure::invalid("devices", "10,000 devices at most in one step").into());
    }
    let records = body
        .devices
        .into_iter()
        .map(|fields| fields.record(None, DeviceStatus::Active))
        .collect();
    let added = caller.store(&state).device_put_many(records).await?;
    Ok((
        StatusCode::CREATED,
        Json(serde_json::json!({ "added": added })),
    ))
}

/// One device, by id, name or MAC address.
#[utoipa::path(
    get, path = "/api/v1/devices/{id}", operation_id = "device_fetch", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Json<Device>, Problem> {
    found(&state, &id).await.map(Json)
}

async fn found(state: &AdminState, id: &str) -> Result<Device, Problem> {
    let device = state.store.device_find(id).await?;
    Ok(device.ok_or_else(|| Failure::NotFound(format!("there is no device {id}")))?)
}

/// Replaces a device's fields. MAC addresses and identifiers are added to those it has.
#[utoipa::path(
    put, path = "/api/v1/devices/{id}", operation_id = "device_set", tag = "devices",
    params(("id" = String, Path)), request_body = Fields,
    responses((status = 200, body = Device), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn set(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> Result<Json<Device>, Problem> {
    let device = found(&state, &id).await?;
    let record = fields.record(Some(device.id), device.status);
    Ok(Json(caller.store(&state).device_put(record).await?))
}

/// Removes a device. Its history stays.
#[utoipa::path(
    delete, path = "/api/v1/devices/{id}", operation_id = "device_remove", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let device = found(&state, &id).await?;
    caller.store(&state).device_remove(device.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a mark away from the device that has it.
#[utoipa::path(
    delete, path = "/api/v1/identifiers/{kind}/{value}", operation_id = "device_identifier_remove", tag = "devices",
    params(("kind" = IdentifierKind, Path), ("value" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn remove_identifier(
    State(state): State<AdminState>,
    caller: Caller,
    Path((kind, value)): Path<(IdentifierKind, String)>,
) -> Result<StatusCode, Problem> {
    caller
        .store(&state)
        .device_identifier_remove(kind, &value)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_status(
    state: &AdminState,
    caller: &Caller,
    id: &str,
    status: DeviceStatus,
) -> Result<Json<Device>, Problem> {
    let device = found(state, id).await?;
    let store = caller.store(state);
    store.device_set_status(device.id, status).await?;
    Ok(Json(store.device_fetch(device.id).await?))
}

/// Blocks a device: it is refused everywhere.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/block", operation_id = "device_block", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn block(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Device>, Problem> {
    set_status(&state, &caller, &id, DeviceStatus::Blocked).await
}

/// Lets a blocked device be used again.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/unblock", operation_id = "device_unblock", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn unblock(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Device>, Problem> {
    set_status(&state, &caller, &id, DeviceStatus::Active).await
}

/// Reports a device lost or stolen: it is refused until it is found.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/lost", operation_id = "device_lost", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn lost(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Device>, Problem> {
    let device = found(&state, &id).await?;
    let store = caller.store(&state);
    Ok(Json(
        store.device_lost(device.id, &caller.operator()).await?,
    ))
}

/// Reports a lost device found.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/found", operation_id = "device_found", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn found_again(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Device>, Problem> {
    let device = found(&state, &id).await?;
    Ok(Json(caller.store(&state).device_found(device.id).await?))
}

/// Lets a device come by its MAC address again, though it was let in by 802.1X before. It holds until it is let in by 802.1X again. A MAC
/// address stands for itself only, and need not be a device's.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/allow-mab", operation_id = "device_allow_mab", tag = "devices",
    params(("id" = String, Path)),
    responses((status = 200, body = MabAllowed), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn allow_mab(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<MabAllowed>, Problem> {
    Ok(Json(caller.store(&state).device_allow_mab(&id).await?))
}
