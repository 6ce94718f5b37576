//! How it is going, in numbers.

use axum::Json;
use axum::extract::State;
use nac_store::{SegmentCount, Statistics};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Problem;
use crate::admin::AdminState;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// Numbers of this moment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Overview {
    /// How much there is of everything.
    rows: Statistics,
    /// Live sessions by segment.
    sessions: Vec<SegmentCount>,
    /// Open quarantines.
    quarantined: i64,
}

/// How much there is of everything, and who is where.
#[utoipa::path(
    get, path = "/api/v1/overview", operation_id = "overview", tag = "about",
    responses((status = 200, body = Overview), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn overview(State(state): State<AdminState>) -> Result<Json<Overview>, Problem> {
    Ok(Json(Overview {
        rows: state.store.statistics().await?,
        sessions: state.store.session_count_by_segment().await?,
        quarantined: state.store.quarantine_count().await?,
    }))
}
