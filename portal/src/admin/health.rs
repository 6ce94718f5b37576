//! `/health`: for load balancers and people.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::AdminState;

/// 200 while the database answers, 503 otherwise. Authentication goes on from memory either way.
pub(super) async fn report(State(state): State<AdminState>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    match state.store.statistics().await {
        Ok(statistics) => Json(
            json!({ "status": "ok", "version": version, "database": "ok", "rows": statistics }),
        )
        .into_response(),
        Err(error) => {
            tracing::warn!(%error, "health: the database does not answer");
            let report = json!({
                "status": "degraded", "version": version, "database": "does not answer",
                "effect": "authentication goes on from memory; accounting is not answered and changes wait",
            });
            (StatusCode::SERVICE_UNAVAILABLE, Json(report)).into_response()
        }
    }
}
