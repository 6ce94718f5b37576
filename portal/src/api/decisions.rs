//! Decisions: the record of every answer, and why.

use axum::Json;
use axum::extract::State;
use nac_store::{DecisionFilter, DecisionOutcome, DecisionRecord};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch))
}

/// Which decisions to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// This MAC address, in any usual form.
    mac: Option<String>,
    /// This user: the name as it was sent or the identity, in any case.
    user: Option<String>,
    /// This outcome.
    outcome: Option<DecisionOutcome>,
    /// This client.
    client: Option<String>,
    /// Not before this moment, in microseconds since the Unix epoch.
    since_us: Option<i64>,
}

/// Decisions, newest first.
#[utoipa::path(
    get, path = "/api/v1/decisions", operation_id = "decision_list", tag = "decisions",
    params(Filters, Paging),
    responses((status = 200, body = Page<DecisionRecord>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<DecisionRecord>, Problem> {
    let rows = state
        .store
        .decision_list(&DecisionFilter {
            mac: filters.mac,
            user: filters.user,
            outcome: filters.outcome,
            client: filters.client,
            since_us: filters.since_us,
            before_id: paging.after()?,
            limit: paging.limit(),
            ..DecisionFilter::default()
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// One decision, complete.
#[utoipa::path(
    get, path = "/api/v1/decisions/{id}", operation_id = "decision_fetch", tag = "decisions",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = DecisionRecord), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<DecisionRecord>, Problem> {
    Ok(Json(state.store.decision_fetch(id).await?))
}
