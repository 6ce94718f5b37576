//! The OpenAPI document, and what reads it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use crate::admin::AdminState;

/// Title, version and the way to authenticate; the operations add themselves.
pub(super) fn frame() -> OpenApi {
    let mut info = Info::new("nac", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Network access control: what the admin pages can do, for programs. Call with `Authorization: Bearer TOKEN`; \
         `nac token create` or the page API tokens makes one. Times are microseconds since the Unix epoch. Lists are pages: \
         follow `next` by `?after=`. A POST with an `Idempotency-Key` is carried out once. Errors are RFC 9457 problems."
            .to_owned(),
    );
    let mut components = Components::new();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// The document as it is served.
#[derive(Debug)]
struct Text(String);

/// Gives the operation its document.
pub(super) fn serve(router: Router<AdminState>, document: &OpenApi) -> Router<AdminState> {
    let text = document.to_pretty_json().unwrap_or_default();
    router.layer(Extension(Arc::new(Text(text))))
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", operation_id = "openapi", tag = "about",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = "default", body = Problem)),
    security(("token" = ["own"]))
)]
async fn openapi(Extension(text): Extension<Arc<Text>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.0.clone()).into_response()
}
