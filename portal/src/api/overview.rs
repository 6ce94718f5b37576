//! How it is going, in numbers.

use axum::Json;
use axum::extract::State;
use nac_store::{Overview, now_us};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Problem, Query};
use crate::admin::AdminState;

/// The traffic of a day, unless told otherwise, in microseconds.
const DAY_US: i64 = 86_400_000_000;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// Since when.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Since {
    /// Traffic not before this moment, in microseconds since the Unix epoch; a day ago unless told otherwise.
    since_us: Option<i64>,
}

/// Everything at a glance: traffic, refusals, sessions by segment, quarantine, certificates that end.
#[utoipa::path(
    get, path = "/api/v1/overview", operation_id = "overview", tag = "about",
    params(Since),
    responses((status = 200, body = Overview), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn overview(
    State(state): State<AdminState>,
    Query(since): Query<Since>,
) -> Result<Json<Overview>, Problem> {
    let since_us = since.since_us.unwrap_or_else(|| now_us() - DAY_US);
    Ok(Json(state.store.overview(since_us).await?))
}
