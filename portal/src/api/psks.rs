//! The Wi-Fi keys that one device has for itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{DevicePsk, PskState, now_us};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Path, Problem, Query};
use crate::admin::AdminState;
use crate::input::psk;
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(list, renew, revoke))
}

/// A key and what it is now, never the key itself.
#[derive(Serialize, utoipa::ToSchema)]
struct StatedPsk {
    #[serde(flatten)]
    psk: DevicePsk,
    /// What it is now.
    state: PskState,
}

/// The keys of a device, with what they are now.
#[utoipa::path(
    get, path = "/api/v1/devices/{id}/psk", operation_id = "device_psk_list", tag = "devices",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<StatedPsk>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Vec<StatedPsk>>, Problem> {
    state.store.device_fetch(id).await?;
    let now = now_us();
    let psks = state.store.device_psk_list(id).await?;
    Ok(Json(
        psks.into_iter()
            .map(|psk| StatedPsk {
                state: psk.state(now),
                psk,
            })
            .collect(),
    ))
}

/// For which network.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Renew {
    /// The name of the Wi-Fi network.
    ssid: String,
    /// For how long a key that it has stays right, in seconds; seven days unless told otherwise.
    overlap_s: Option<u32>,
}

/// A new key, which is shown only now.
#[derive(Serialize, utoipa::ToSchema)]
struct NewPsk {
    /// The device.
    device_id: Uuid,
    /// The name of the Wi-Fi network.
    ssid: String,
    /// The passphrase.
    passphrase: String,
    /// What a phone's camera joins the network with.
    wifi: String,
}

/// Gives a device a new random key for a network; it is in the answer and nowhere else.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/psk", operation_id = "device_psk_renew", tag = "devices",
    params(("id" = Uuid, Path)), request_body = Renew,
    responses((status = 201, body = NewPsk), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn renew(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Renew>,
) -> Result<(StatusCode, Json<NewPsk>), Problem> {
    let overlap_us = body
        .overlap_s
        .map_or(psk::OVERLAP_US, |seconds| i64::from(seconds) * 1_000_000);
    let store = caller.store(&state);
    let made = psk::renew(&store, id, &body.ssid, overlap_us, &caller.operator()).await?;
    let passphrase = made.passphrase.as_ref().ok_or(Failure::Unavailable)?;
    Ok((
        StatusCode::CREATED,
        Json(NewPsk {
            device_id: id,
            passphrase: String::from_utf8_lossy(passphrase.expose()).into_owned(),
            wifi: made.wifi().map(|text| text.to_string()).unwrap_or_default(),
            ssid: made.ssid,
        }),
    ))
}

/// Which keys to end.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Which {
    /// Only for this Wi-Fi network.
    ssid: Option<String>,
}

/// Ends a device's keys now; a live session with one ends too.
#[utoipa::path(
    delete, path = "/api/v1/devices/{id}/psk", operation_id = "device_psk_revoke", tag = "devices",
    params(("id" = Uuid, Path), Which),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["device:change"]))
)]
async fn revoke(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(which): Query<Which>,
) -> Result<StatusCode, Problem> {
    caller
        .store(&state)
        .device_psk_revoke(id, which.ssid.as_deref(), &caller.operator())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
