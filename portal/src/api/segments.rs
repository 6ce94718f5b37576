//! Segments: the outcomes that a policy may name.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::Segment;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;
use crate::input::segment;
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch, put, remove))
}

/// All segments, by name.
#[utoipa::path(
    get, path = "/api/v1/segments", operation_id = "segment_list", tag = "segments",
    responses((status = 200, body = Page<Segment>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<Segment>, Problem> {
    Ok(Page::whole(state.store.segment_list().await?))
}

/// One segment.
#[utoipa::path(
    get, path = "/api/v1/segments/{name}", operation_id = "segment_fetch", tag = "segments",
    params(("name" = String, Path)),
    responses((status = 200, body = Segment), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<Segment>, Problem> {
    Ok(Json(state.store.segment_fetch(&name).await?))
}

/// Where somebody is put.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Put {
    /// A VLAN id or name.
    vlan: Option<String>,
    /// A role, group policy or filter that the NAS knows.
    role: Option<String>,
    /// ACL lines, in order.
    acl: Vec<String>,
    /// The URL that browsers are redirected to.
    redirect: Option<String>,
    /// The ACL on the NAS that says what is redirected.
    redirect_acl: Option<String>,
    /// Session-Timeout in seconds.
    session_timeout_s: Option<u32>,
    /// What it is for.
    description: String,
}

/// Adds a segment, or replaces the one of this name; live sessions in it are moved.
#[utoipa::path(
    put, path = "/api/v1/segments/{name}", operation_id = "segment_put", tag = "segments",
    params(("name" = String, Path)), request_body = Put,
    responses((status = 200, body = Segment), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn put(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<Put>,
) -> Result<Json<Segment>, Problem> {
    let wanted = Segment {
        name,
        vlan: body.vlan,
        role: body.role,
        acl: body.acl,
        redirect: body.redirect,
        redirect_acl: body.redirect_acl,
        session_timeout_s: body.session_timeout_s,
        description: body.description,
        ..Segment::default()
    };
    segment::check(&wanted)?;
    Ok(Json(caller.store(&state).segment_put(wanted).await?))
}

/// Removes a segment that no policy names.
#[utoipa::path(
    delete, path = "/api/v1/segments/{name}", operation_id = "segment_remove", tag = "segments",
    params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["network:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let store = caller.store(&state);
    if segment::is_named(&store, &name).await? {
        return Err(Failure::Conflict(
            "the policy names this segment: change the policy first".to_owned(),
        )
        .into());
    }
    store.segment_remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
