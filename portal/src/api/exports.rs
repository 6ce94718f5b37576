//! The addresses of live sessions by segment, for firewalls and clusters.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Path, Problem, Query};
use crate::admin::AdminState;
use crate::export::{self, ExportError, ExportFormat};
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(fetch))
}

/// What to export.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// This segment; all of them unless told otherwise. An external list (`edl`) is of one.
    segment: Option<String>,
    /// For `nft`: after so many seconds an element leaves its set unless a newer export renews it.
    timeout_s: Option<u32>,
}

/// The addresses of live sessions by segment, in the words of another system: nft, edl, csv, calico or cilium.
#[utoipa::path(
    get, path = "/api/v1/export/{format}", operation_id = "export_fetch", tag = "sessions",
    params(("format" = ExportFormat, Path), Filters),
    responses((status = 200, content_type = "text/plain", body = String), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(format): Path<ExportFormat>,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let segments: Vec<String> = filters.segment.into_iter().collect();
    let exported = export::collect(&state.store, &segments).await?;
    let timeout = filters
        .timeout_s
        .map(|seconds| Duration::from_secs(seconds.into()));
    let text = export::render(format, &exported, timeout).map_err(Failure::from)?;
    Ok(([(header::CONTENT_TYPE, format.media_type())], text).into_response())
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::SameName(_) => Self::Conflict(error.to_string()),
            ExportError::OneSegment => {
                Self::invalid("segment", format!("{error}: add ?segment=NAME"))
            }
        }
    }
}
