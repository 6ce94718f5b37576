//! Quarantine: who is kept apart, and the way out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{
    NewQuarantine, Quarantine, QuarantineFilter, QuarantineKind, QuarantineNote, Release,
    mac_normalise, now_us,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, open))
        .routes(routes!(fetch))
        .routes(routes!(release))
        .routes(routes!(release_many))
        .routes(routes!(extend))
        .routes(routes!(assign))
        .routes(routes!(note))
}

/// Which quarantines to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// Only those that are open (true) or over (false); open ones unless told otherwise.
    open: Option<bool>,
    /// Of this kind.
    kind: Option<QuarantineKind>,
    /// Of this device.
    device_id: Option<Uuid>,
    /// Of this MAC address, in any usual form.
    mac: Option<String>,
    /// With this owner; empty for those that nobody took.
    owner: Option<String>,
    /// Because of this check.
    check: Option<String>,
    /// Whether the person was told.
    told: Option<bool>,
    /// With this in the reason, the owner, or who opened it.
    q: Option<String>,
}

/// Quarantines, newest first.
#[utoipa::path(
    get, path = "/api/v1/quarantine", operation_id = "quarantine_list", tag = "quarantine",
    params(Filters, Paging),
    responses((status = 200, body = Page<Quarantine>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<Quarantine>, Problem> {
    let rows = state
        .store
        .quarantine_list(&QuarantineFilter {
            open: filters.open.or(Some(true)),
            kind: filters.kind,
            device_id: filters.device_id,
            mac: filters.mac,
            owner: filters.owner,
            check: filters.check,
            told: filters.told,
            search: filters.q,
            oldest_first: false,
            after: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.id.to_string()))
}

/// A quarantine to open.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Open {
    /// A device by id, name or MAC address, or the MAC address of nobody's device.
    device: String,
    /// Why: the person reads it in the portal.
    reason: String,
    /// When it ends by itself, in microseconds since the Unix epoch.
    expires_us: Option<i64>,
}

/// Puts a device in quarantine; its live sessions move at once.
#[utoipa::path(
    post, path = "/api/v1/quarantine", operation_id = "quarantine_open", tag = "quarantine",
    request_body = Open,
    responses((status = 201, body = Quarantine), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn open(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Open>,
) -> Result<(StatusCode, Json<Quarantine>), Problem> {
    if body.reason.trim().is_empty() {
        return Err(
            Failure::invalid("reason", "say why: the person reads it in the portal").into(),
        );
    }
    if body.expires_us.is_some_and(|expires| expires <= now_us()) {
        return Err(Failure::invalid("expires_us", "the end lies in the past").into());
    }
    let device = state.store.device_find(&body.device).await?;
    let mac = match &device {
        Some(_) => None,
        None => Some(mac_normalise(&body.device).ok_or_else(|| {
            Failure::invalid(
                "device",
                "there is no such device, and it is no MAC address",
            )
        })?),
    };
    let opened = caller
        .store(&state)
        .quarantine_open(NewQuarantine {
            device_id: device.map(|device| device.id),
            mac,
            reason: body.reason.trim().to_owned(),
            opened_by: caller.operator(),
            expires_us: body.expires_us,
            ..NewQuarantine::default()
        })
        .await?;
    Ok((StatusCode::CREATED, Json(opened)))
}

/// A quarantine with its notes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Detail {
    #[serde(flatten)]
    quarantine: Quarantine,
    /// What was written about it, oldest first.
    notes: Vec<QuarantineNote>,
}

/// One quarantine.
#[utoipa::path(
    get, path = "/api/v1/quarantine/{id}", operation_id = "quarantine_fetch", tag = "quarantine",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Detail), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Detail>, Problem> {
    Ok(Json(Detail {
        quarantine: state.store.quarantine_fetch(id).await?,
        notes: state.store.quarantine_notes(id).await?,
    }))
}

/// Lets a device out. One that is there because its checks fail stays until they pass.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/release", operation_id = "quarantine_release", tag = "quarantine",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Release), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn release(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Release>, Problem> {
    state.store.quarantine_fetch(id).await?;
    let released = caller
        .store(&state)
        .quarantine_release(&[id], &caller.operator(), false)
        .await?;
    if let Some(kept) = released.kept.first() {
        return Err(Failure::Conflict(format!(
            "its checks fail ({}): mend the device, or permit an exception",
            kept.checks.join(", ")
        ))
        .into());
    }
    Ok(Json(released))
}

/// Several quarantines to end.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReleaseMany {
    /// Their ids, 1,000 at most.
    ids: Vec<Uuid>,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Lets several devices out, or says what that would do.
#[utoipa::path(
    post, path = "/api/v1/quarantine/release", operation_id = "quarantine_release_many", tag = "quarantine",
    request_body = ReleaseMany,
    responses((status = 200, body = Release), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn release_many(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<ReleaseMany>,
) -> Result<Json<Release>, Problem> {
    let released = caller
        .store(&state)
        .quarantine_release(&body.ids, &caller.operator(), body.dry_run)
        .await?;
    Ok(Json(released))
}

/// Another end.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Extend {
    /// When it ends by itself, in microseconds since the Unix epoch; null for never.
    expires_us: Option<i64>,
}

/// Gives a quarantine another end.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/extend", operation_id = "quarantine_extend", tag = "quarantine",
    params(("id" = Uuid, Path)), request_body = Extend,
    responses((status = 200, body = Quarantine), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn extend(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Extend>,
) -> Result<Json<Quarantine>, Problem> {
    let store = caller.store(&state);
    Ok(Json(store.quarantine_extend(id, body.expires_us).await?))
}

/// Whose turn it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Assign {
    /// Their name; null for nobody.
    owner: Option<String>,
}

/// Says whose turn it is.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/assign", operation_id = "quarantine_assign", tag = "quarantine",
    params(("id" = Uuid, Path)), request_body = Assign,
    responses((status = 200, body = Quarantine), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn assign(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Assign>,
) -> Result<Json<Quarantine>, Problem> {
    let store = caller.store(&state);
    Ok(Json(
        store.quarantine_assign(id, body.owner.as_deref()).await?,
    ))
}

/// A note.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// What to remember.
    text: String,
}

/// Writes a note about a quarantine.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/notes", operation_id = "quarantine_note_add", tag = "quarantine",
    params(("id" = Uuid, Path)), request_body = Note,
    responses((status = 201, body = QuarantineNote), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn note(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<Note>,
) -> Result<(StatusCode, Json<QuarantineNote>), Problem> {
    let note = caller
        .store(&state)
        .quarantine_note_add(id, &caller.operator(), &body.text)
        .await?;
    Ok((StatusCode::CREATED, Json(note)))
}
