//! Certificates that our authority issued.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{Certificate, CertificateKind};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;
use crate::input::{certificate, user};
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, issue))
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

/// A certificate to issue.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Issue {
    /// `user` or `device`.
    kind: CertificateKind,
    /// The user's name; the device's id, name or MAC address.
    name: String,
    /// How many days it is good for, 1 to 3,650; 365 unless told otherwise.
    days: Option<u32>,
}

/// A certificate with its key, shown once.
#[derive(Serialize, utoipa::ToSchema)]
struct Issued {
    #[serde(flatten)]
    certificate: Certificate,
    /// Private key, certificate and authority's certificate, PEM; the key is kept nowhere else.
    #[schema(value_type = String)]
    pem: Zeroizing<String>,
}

/// Issues a certificate to a user or a device.
#[utoipa::path(
    post, path = "/api/v1/certificates", operation_id = "certificate_issue", tag = "certificates",
    request_body = Issue,
    responses((status = 201, body = Issued), (status = "default", body = Problem)),
    security(("token" = ["certificate:change"]))
)]
async fn issue(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Issue>,
) -> Result<(StatusCode, Json<Issued>), Problem> {
    let days = body.days.unwrap_or(365);
    if !(1..=3_650).contains(&days) {
        return Err(Failure::invalid("days", "a certificate is good for 1 to 3,650 days").into());
    }
    user::check_name(&body.name)?;
    let bundle = certificate::issue(&caller.store(&state), body.kind, &body.name, days).await?;
    Ok((
        StatusCode::CREATED,
        Json(Issued {
            certificate: bundle.certificate,
            pem: bundle.pem,
        }),
    ))
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
