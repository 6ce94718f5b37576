//! The admin listener: for now its health report, for load balancers and people.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use nac_store::Store;
use serde_json::json;

use crate::web;

/// `/health`: 200 while the database answers, 503 otherwise. Authentication goes on from memory either way.
pub fn router(store: Store) -> Router {
    web::secured(
        Router::new()
            .route("/health", get(health))
            .with_state(store),
    )
}

async fn health(State(store): State<Store>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    match store.statistics().await {
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
