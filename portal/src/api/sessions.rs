//! Live sessions, and what they are told.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{
    Enforcement, EnforcementFilter, Session, SessionAction, SessionFilter, SessionSort,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch))
        .routes(routes!(reauthenticate))
        .routes(routes!(disconnect))
        .routes(routes!(bounce))
        .routes(routes!(enforcement))
}

/// Which sessions to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// Those that stopped as well.
    all: bool,
    /// In this segment.
    segment: Option<String>,
    /// Of this client.
    client: Option<String>,
    /// Of this user.
    user: Option<String>,
    /// Of this MAC address, in any usual form.
    mac: Option<String>,
    /// With this IP address.
    address: Option<String>,
    /// Of this device.
    device_id: Option<Uuid>,
    /// Authenticated so.
    method: Option<String>,
    /// A MAC address, an IP address, or the beginning of a name.
    q: Option<String>,
    /// In this order.
    sort: Option<SessionSort>,
    /// Turned round.
    reverse: bool,
}

/// Sessions.
#[utoipa::path(
    get, path = "/api/v1/sessions", operation_id = "session_list", tag = "sessions",
    params(Filters, Paging),
    responses((status = 200, body = Page<Session>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<Session>, Problem> {
    let after = match paging.after::<Uuid>()? {
        Some(id) => Some(state.store.session_fetch(id).await.map_err(|_| {
            Failure::invalid(
                "after",
                "the session that the page before ended with is forgotten by now",
            )
        })?),
        None => None,
    };
    let rows = state
        .store
        .session_list(&SessionFilter {
            open_only: !filters.all,
            segment: filters.segment,
            client: filters.client,
            user: filters.user,
            mac: filters.mac,
            address: filters.address,
            device_id: filters.device_id,
            method: filters.method,
            search: filters.q,
            sort: filters.sort.unwrap_or_default(),
            reverse: filters.reverse,
            after,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// A session with what enforcement did about it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Detail {
    #[serde(flatten)]
    session: Session,
    /// Newest first.
    enforcements: Vec<Enforcement>,
}

/// One session.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}", operation_id = "session_fetch", tag = "sessions",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Detail), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let filter = EnforcementFilter {
        session_id: Some(id),
        ..EnforcementFilter::default()
    };
    Ok(Json(Detail {
        session: state.store.session_fetch(id).await?,
        enforcements: state.store.enforcement_list(&filter).await?,
    }))
}

async fn command(
    state: &AdminState,
    caller: &Caller,
    id: Uuid,
    action: SessionAction,
) -> Result<(StatusCode, Json<Enforcement>), Problem> {
    let asked = caller
        .store(state)
        .session_command(id, action, &caller.operator())
        .await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

/// Tells a session to authenticate again. Follow the enforcement that is given to see the proof.
#[utoipa::path(
    post, path = "/api/v1/sessions/{id}/reauthenticate", operation_id = "session_reauthenticate", tag = "sessions",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = Enforcement), (status = "default", body = Problem)),
    security(("token" = ["session:change"]))
)]
async fn reauthenticate(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Enforcement>), Problem> {
    command(&state, &caller, id, SessionAction::Reauthenticate).await
}

/// Takes a session off the network.
#[utoipa::path(
    post, path = "/api/v1/sessions/{id}/disconnect", operation_id = "session_disconnect", tag = "sessions",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = Enforcement), (status = "default", body = Problem)),
    security(("token" = ["session:change"]))
)]
async fn disconnect(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Enforcement>), Problem> {
    command(&state, &caller, id, SessionAction::Disconnect).await
}

/// Takes a session's port down and up.
#[utoipa::path(
    post, path = "/api/v1/sessions/{id}/bounce", operation_id = "session_bounce", tag = "sessions",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = Enforcement), (status = "default", body = Problem)),
    security(("token" = ["session:change"]))
)]
async fn bounce(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Enforcement>), Problem> {
    command(&state, &caller, id, SessionAction::Bounce).await
}

/// How a move or a command goes: its attempts, and the proof.
#[utoipa::path(
    get, path = "/api/v1/enforcements/{id}", operation_id = "enforcement_fetch", tag = "sessions",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Enforcement), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn enforcement(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Enforcement>, Problem> {
    Ok(Json(state.store.enforcement_fetch(id).await?))
}
