//! Certificates that our authority issued.

use axum::Json;
use axum::extract::State;
use nac_store::Certificate;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch))
        .routes(routes!(revoke))
}

/// Certificates, the newest first.
#[utoipa::path(
    get, path = "/api/v1/certificates", operation_id = "certificate_list", tag = "certificates",
    responses((status = 200, body = Page<Certificate>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<Certificate>, Problem> {
    Ok(Page::whole(state.store.certificate_list().await?))
}

/// One certificate.
#[utoipa::path(
    get, path = "/api/v1/certificates/{serial}", operation_id = "certificate_fetch", tag = "certificates",
    params(("serial" = String, Path)),
    responses((status = 200, body = Certificate), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(serial): Path<String>,
) -> Result<Json<Certificate>, Problem> {
    Ok(Json(state.store.certificate_fetch(&serial).await?))
}

/// Why a certificate is revoked.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// For whoever asks later.
    reason: String,
}

/// Revokes a certificate: it is refused from now on, resumed sessions included, and live sessions end.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/revoke", operation_id = "certificate_revoke", tag = "certificates",
    params(("serial" = String, Path)), request_body = Revoke,
    responses((status = 200, body = Certificate), (status = "default", body = Problem)),
    security(("token" = ["certificate:change"]))
)]
async fn revoke(
    State(state): State<AdminState>,
    caller: Caller,
    Path(serial): Path<String>,
    Body(body): Body<Revoke>,
) -> Result<Json<Certificate>, Problem> {
    if body.reason.trim().is_empty() {
        return Err(Failure::invalid("reason", "say why").into());
    }
    let store = caller.store(&state);
    Ok(Json(
        store
            .certificate_revoke(&serial, body.reason.trim(), &caller.operator())
            .await?,
    ))
}
