//! How the portal looks and what it offers, per site.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use nac_store::{PortalSettings, PortalSite};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch, put, remove))
        .routes(routes!(put_logo, remove_logo))
}

/// All sites with settings of their own.
#[utoipa::path(
    get, path = "/api/v1/portal/sites", operation_id = "setting_list", tag = "portal",
    responses((status = 200, body = Page<PortalSite>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<PortalSite>, Problem> {
    Ok(Page::whole(state.store.portal_site_list().await?))
}

/// The name of the default site in a path, where an empty one cannot stand.
const DEFAULT_SITE: &str = "default";

fn site(name: &str) -> &str {
    if name == DEFAULT_SITE { "" } else { name }
}

/// The settings of a site; `default` is for all that have none of their own.
#[utoipa::path(
    get, path = "/api/v1/portal/sites/{site}", operation_id = "setting_fetch", tag = "portal",
    params(("site" = String, Path)),
    responses((status = 200, body = PortalSite), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<PortalSite>, Problem> {
    Ok(Json(state.store.portal_site(site(&name)).await?))
}

/// Replaces the settings of a site.
#[utoipa::path(
    put, path = "/api/v1/portal/sites/{site}", operation_id = "setting_put", tag = "portal",
    params(("site" = String, Path)), request_body = PortalSettings,
    responses((status = 200, body = PortalSite), (status = "default", body = Problem)),
    security(("token" = ["setting:change"]))
)]
async fn put(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(settings): Body<PortalSettings>,
) -> Result<Json<PortalSite>, Problem> {
    let store = caller.store(&state);
    store.portal_site_put(site(&name), &settings).await?;
    Ok(Json(store.portal_site(site(&name)).await?))
}

/// Removes a site's own settings: the default ones count there from now on.
#[utoipa::path(
    delete, path = "/api/v1/portal/sites/{site}", operation_id = "setting_remove", tag = "portal",
    params(("site" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["setting:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).portal_site_remove(site(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets the logo of a site that has settings of its own: a PNG, JPEG or WebP file of at most 20 KiB. Which of them it is, its first
/// octets say; SVG is none, because it can carry script.
#[utoipa::path(
    put, path = "/api/v1/portal/sites/{site}/logo", operation_id = "setting_put_logo", tag = "portal",
    params(("site" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = PortalSite), (status = "default", body = Problem)),
    security(("token" = ["setting:change"]))
)]
async fn put_logo(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    logo: Result<Bytes, BytesRejection>,
) -> Result<Json<PortalSite>, Problem> {
    let logo = logo?;
    let store = caller.store(&state);
    store.portal_logo_put(site(&name), Some(&logo)).await?;
    Ok(Json(store.portal_site(site(&name)).await?))
}

/// Takes a site's logo away.
#[utoipa::path(
    delete, path = "/api/v1/portal/sites/{site}/logo", operation_id = "setting_remove_logo", tag = "portal",
    params(("site" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["setting:change"]))
)]
async fn remove_logo(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let store = caller.store(&state);
    store.portal_logo_put(site(&name), None).await?;
    Ok(StatusCode::NO_CONTENT)
}
