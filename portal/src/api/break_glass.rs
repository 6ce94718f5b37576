//! Break-glass: posture keeps nobody out for a time.

use axum::Json;
use axum::extract::State;
use nac_store::BreakGlass;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Body, Caller, Problem};
use crate::admin::AdminState;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(fetch, start, end))
}

/// Whether break-glass is on.
#[derive(Serialize, utoipa::ToSchema)]
struct BreakGlassNow {
    /// Whether posture keeps nobody out at this moment.
    on: bool,
    /// Why, by whom and until when; nothing when it is off.
    current: Option<BreakGlass>,
}

/// Whether break-glass is on: why, by whom, until when.
#[utoipa::path(
    get, path = "/api/v1/break-glass", operation_id = "break_glass_fetch", tag = "break-glass",
    responses((status = 200, body = BreakGlassNow), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(State(state): State<AdminState>) -> Result<Json<BreakGlassNow>, Problem> {
    let current = state.store.break_glass_current().await?;
    Ok(Json(BreakGlassNow {
        on: current.is_some(),
        current,
    }))
}

/// What switches break-glass on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct StartBreakGlass {
    /// Why it is needed.
    reason: String,
    /// When it ends by itself, in microseconds since the Unix epoch: within 24 hours from now.
    expires_us: i64,
}

/// Lets posture keep nobody out until a moment: every device is judged as if its posture were compliant. Live sessions are
/// judged again at once. What is on already ends.
#[utoipa::path(
    put, path = "/api/v1/break-glass", operation_id = "break_glass_start", tag = "break-glass",
    request_body = StartBreakGlass,
    responses((status = 200, body = BreakGlass), (status = "default", body = Problem)),
    security(("token" = ["break-glass:change"]))
)]
async fn start(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<StartBreakGlass>,
) -> Result<Json<BreakGlass>, Problem> {
    let started = caller
        .store(&state)
        .break_glass_start(&body.reason, &caller.operator(), body.expires_us)
        .await?;
    Ok(Json(started))
}

/// Lets posture count again.
#[utoipa::path(
    delete, path = "/api/v1/break-glass", operation_id = "break_glass_end", tag = "break-glass",
    responses((status = 200, body = BreakGlass), (status = "default", body = Problem)),
    security(("token" = ["break-glass:change"]))
)]
async fn end(State(state): State<AdminState>, caller: Caller) -> Result<Json<BreakGlass>, Problem> {
    let ended = caller
        .store(&state)
        .break_glass_end(&caller.operator())
        .await?;
    Ok(Json(ended))
}
