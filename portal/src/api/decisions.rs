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
    /// A user's name, an identity that begins so, or a MAC address.
    q: Option<String>,
    /// Of clients at this site.
    site: Option<String>,
    /// From a NAS with this address.
    nas_address: Option<String>,
    /// Into this segment.
    segment: Option<String>,
    /// With this reason, such as `EAP-1203`; one that ends in `-` stands for all that begin so.
    reason_code: Option<String>,
    /// Authenticated so.
    method: Option<String>,
    /// By this version of the policy.
    policy_version: Option<i64>,
    /// In this session.
    session_id: Option<Uuid>,
    /// About this device.
    device_id: Option<Uuid>,
    /// Not before this moment, in microseconds since the Unix epoch.
    since_us: Option<i64>,
    /// Before this moment, in microseconds since the Unix epoch.
    until_us: Option<i64>,
    /// Those that took at least so long, in microseconds.
    slower_than_us: Option<u64>,
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
            search: filters.q,
            site: filters.site,
            nas_address: filters.nas_address,
            segment: filters.segment,
            reason_code: filters.reason_code,
            method: filters.method,
            policy_version: filters.policy_version,
            session_id: filters.session_id,
            device_id: filters.device_id,
            since_us: filters.since_us,
            until_us: filters.until_us,
            slower_than_us: filters.slower_than_us,
            before_id: paging.after()?,
            limit: paging.limit(),
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
