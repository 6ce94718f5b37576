//! API tokens.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{ApiToken, Role, now_us};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::{AdminState, hash, token};
use crate::web::Failure;

/// The longest life of a token, in microseconds.
const LIFE_MAX_US: i64 = 3_650 * 86_400_000_000;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// All tokens, newest first, without what makes them one.
#[utoipa::path(
    get, path = "/api/v1/tokens", operation_id = "token_list", tag = "tokens",
    responses((status = 200, body = Page<ApiToken>), (status = "default", body = Problem)),
    security(("token" = ["token:change"]))
)]
async fn list(State(state): State<AdminState>) -> Result<Page<ApiToken>, Problem> {
    Ok(Page::whole(state.store.token_list().await?))
}

/// A token to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// What people call it; unique.
    name: String,
    /// What it may do: no more than the caller.
    role: Role,
    /// When it ends, in microseconds since the Unix epoch.
    expires_us: i64,
}

/// A token, shown once.
#[derive(Serialize, utoipa::ToSchema)]
struct Created {
    #[serde(flatten)]
    record: ApiToken,
    /// For the header `Authorization: Bearer`; not shown again.
    #[schema(value_type = String)]
    token: Zeroizing<String>,
}

/// Makes a token.
#[utoipa::path(
    post, path = "/api/v1/tokens", operation_id = "token_create", tag = "tokens",
    request_body = Create,
    responses((status = 201, body = Created), (status = "default", body = Problem)),
    security(("token" = ["token:change"]))
)]
async fn create(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Create>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    caller.grants(body.role)?;
    let now = now_us();
    if body.expires_us <= now || body.expires_us > now + LIFE_MAX_US {
        return Err(
            Failure::invalid("expires_us", "a token ends within ten years from now").into(),
        );
    }
    let token = Zeroizing::new(format!("nac_{}", token()?));
    let record = caller
        .store(&state)
        .token_add(
            &body.name,
            &hash(&token),
            body.role,
            &caller.operator(),
            body.expires_us,
        )
        .await?;
    Ok((StatusCode::CREATED, Json(Created { record, token })))
}

/// Makes a token worth nothing, by id or name.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/revoke", operation_id = "token_revoke", tag = "tokens",
    params(("id" = String, Path)),
    responses((status = 200, body = ApiToken), (status = "default", body = Problem)),
    security(("token" = ["token:change"]))
)]
async fn revoke(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ApiToken>, Problem> {
    Ok(Json(caller.store(&state).token_revoke(&id).await?))
}
