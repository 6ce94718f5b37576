//! Administrators, and who changed what.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{
    Administrator, AuditFilter, AuditRecord, AuditVerification, Invitation, Role, now_us,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::{AdminState, hash, token};

/// How long an invitation works unless told otherwise, in microseconds.
const INVITATION_US: i64 = 86_400_000_000;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(invite))
        .routes(routes!(uninvite))
        .routes(routes!(set, remove))
        .routes(routes!(close_session))
        .routes(routes!(audit))
        .routes(routes!(verify))
}

/// All administrators, by name.
#[utoipa::path(
    get, path = "/api/v1/administrators", operation_id = "administrator_list", tag = "administrators",
    responses((status = 200, body = Page<Administrator>), (status = "default", body = Problem)),
    security(("token" = ["administrator:change"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<Administrator>, Problem> {
    Ok(Page::whole(state.store.administrator_list().await?))
}

/// Whom to invite.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Invite {
    /// What they may do.
    role: Role,
    /// An administrator who lost their means of signing in; the role stays.
    name: Option<String>,
    /// When the link ends, in microseconds since the Unix epoch; a day from now unless told otherwise.
    expires_us: Option<i64>,
}

/// An invitation with its link.
#[derive(Serialize, utoipa::ToSchema)]
struct Invited {
    #[serde(flatten)]
    invitation: Invitation,
    /// The one-time link, shown this once.
    url: String,
}

/// Makes a one-time link that makes an administrator.
#[utoipa::path(
    post, path = "/api/v1/administrators/invitations", operation_id = "administrator_invite", tag = "administrators",
    request_body = Invite,
    responses((status = 201, body = Invited), (status = "default", body = Problem)),
    security(("token" = ["administrator:change"]))
)]
async fn invite(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Invite>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    caller.grants(body.role)?;
    let token = token()?;
    let expires_us = body.expires_us.unwrap_or_else(|| now_us() + INVITATION_US);
    let invitation = caller
        .store(&state)
        .invitation_add(
            &hash(&token),
            body.role,
            body.name.as_deref(),
            &caller.operator(),
            expires_us,
        )
        .await?;
    let url = format!("{}/welcome/{token}", state.environment.url);
    Ok((StatusCode::CREATED, Json(Invited { invitation, url })))
}

/// Takes an invitation back.
#[utoipa::path(
    delete, path = "/api/v1/administrators/invitations/{id}", operation_id = "administrator_uninvite", tag = "administrators",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["administrator:change"]))
)]
async fn uninvite(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).invitation_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an administrator may do.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    /// Their role.
    role: Role,
    /// Whether they may sign in.
    enabled: bool,
}

/// Changes what an administrator may do.
#[utoipa::path(
    put, path = "/api/v1/administrators/{id}", operation_id = "administrator_set", tag = "administrators",
    params(("id" = Uuid, Path)), request_body = Set,
    responses((status = 200, body = Administrator), (status = "default", body = Problem)),
    security(("token" = ["administrator:change"]))
)]
async fn set(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Set>,
) -> Result<Json<Administrator>, Problem> {
    caller.grants(body.role)?;
    let store = caller.store(&state);
    Ok(Json(
        store.administrator_set(id, body.role, body.enabled).await?,
    ))
}

/// Removes an administrator, who is signed out everywhere.
#[utoipa::path(
    delete, path = "/api/v1/administrators/{id}", operation_id = "administrator_remove", tag = "administrators",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["administrator:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).administrator_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs an administrator out of one browser.
#[utoipa::path(
    delete, path = "/api/v1/administrators/{id}/sessions/{session}", operation_id = "administrator_session_close", tag = "administrators",
    params(("id" = Uuid, Path), ("session" = Uuid, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["administrator:change"]))
)]
async fn close_session(
    State(state): State<AdminState>,
    caller: Caller,
    Path((id, session)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    caller
        .store(&state)
        .administrator_session_close(id, session)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which records to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct AuditFilters {
    /// This actor, exactly.
    actor: Option<String>,
    /// Actions that begin so.
    action: Option<String>,
    /// This object, exactly.
    object: Option<String>,
    /// Not before this moment, in microseconds since the Unix epoch.
    since_us: Option<i64>,
}

/// Who changed what, newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "audit_list", tag = "audit",
    params(AuditFilters, Paging),
    responses((status = 200, body = Page<AuditRecord>), (status = "default", body = Problem)),
    security(("token" = ["audit:read"]))
)]
async fn audit(
    State(state): State<AdminState>,
    Query(filters): Query<AuditFilters>,
    Query(paging): Query<Paging>,
) -> Result<Page<AuditRecord>, Problem> {
    let rows = state
        .store
        .audit_list(&AuditFilter {
            actor: filters.actor,
            action: filters.action,
            object: filters.object,
            since_us: filters.since_us,
            before_seq: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.seq.to_string()))
}

/// Walks the chain of the audit log.
#[utoipa::path(
    post, path = "/api/v1/audit/verify", operation_id = "audit_verify", tag = "audit",
    responses((status = 200, body = AuditVerification), (status = "default", body = Problem)),
    security(("token" = ["audit:read"]))
)]
async fn verify(State(state): State<AdminState>) -> Result<Json<AuditVerification>, Problem> {
    Ok(Json(state.store.audit_verify().await?))
}
