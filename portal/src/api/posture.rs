//! Posture: osquery hosts, what they answered, and how they enrol.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_posture::NodePosture;
use nac_store::{CheckReport, CheckResult, EnrollSecret, OsqueryNode, RecheckOutcome};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Body, Caller, Page, Path, Problem, Query};
use crate::admin::{AdminState, hash, token};
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch, remove))
        .routes(routes!(recheck))
        .routes(routes!(reports))
        .routes(routes!(close_report))
        .routes(routes!(secrets, create_secret))
        .routes(routes!(remove_secret))
}

/// An osquery host and its verdict.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Host {
    #[serde(flatten)]
    node: OsqueryNode,
    /// `compliant`, `failing`, `unknown` or `stale`.
    verdict: String,
    /// Gating checks that fail.
    failing: Vec<String>,
    /// Other checks that fail.
    advisory: Vec<String>,
    /// Gating checks without a usable answer.
    unanswered: Vec<String>,
}

/// A host with every result.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Detail {
    #[serde(flatten)]
    host: Host,
    /// What each check last found.
    results: Vec<CheckResult>,
}

fn host(posture: NodePosture) -> (Host, Vec<CheckResult>) {
    let host = Host {
        node: posture.node,
        verdict: posture.verdict.to_string(),
        failing: posture.failing,
        advisory: posture.advisory,
        unanswered: posture.unanswered,
    };
    (host, posture.results)
}

/// All osquery hosts.
#[utoipa::path(
    get, path = "/api/v1/posture/hosts", operation_id = "host_list", tag = "posture",
    responses((status = 200, body = Page<Host>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(State(state): State<AdminState>) -> Page<Host> {
    let hosts = state.gate.nodes().into_iter();
    Page::whole(hosts.map(|posture| host(posture).0).collect())
}

/// One host.
#[utoipa::path(
    get, path = "/api/v1/posture/hosts/{id}", operation_id = "host_fetch", tag = "posture",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Detail), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let posture = state
        .gate
        .node_posture(id)
        .ok_or_else(|| Failure::NotFound(format!("there is no osquery host {id}")))?;
    let (host, results) = host(posture);
    Ok(Json(Detail { host, results }))
}

/// Forgets a host; its osquery has to enrol again.
#[utoipa::path(
    delete, path = "/api/v1/posture/hosts/{id}", operation_id = "host_remove", tag = "posture",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["posture:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).node_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a host again at once what failed.
#[utoipa::path(
    post, path = "/api/v1/posture/hosts/{id}/recheck", operation_id = "host_recheck", tag = "posture",
    params(("id" = Uuid, Path)),
    responses((status = 202, description = "It is asked"), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn recheck(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let store = caller.store(&state);
    match store.recheck_request(id, &caller.operator()).await? {
        RecheckOutcome::Asked(_) | RecheckOutcome::Waiting(_) => Ok(StatusCode::ACCEPTED),
        RecheckOutcome::TooOften { .. } => {
            Err(Failure::TooMany("this host was asked too often: wait a minute".to_owned()).into())
        }
    }
}

/// Enrolment secrets, without what makes them secret.
#[utoipa::path(
    get, path = "/api/v1/posture/enroll-secrets", operation_id = "enroll_secret_list", tag = "posture",
    responses((status = 200, body = Page<EnrollSecret>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn secrets(State(state): State<AdminState>) -> Result<Page<EnrollSecret>, Problem> {
    Ok(Page::whole(state.store.enroll_secret_list().await?))
}

/// An enrolment secret to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateSecret {
    /// The name people use; unique.
    name: String,
    /// The one device it is for.
    device_id: Option<Uuid>,
    /// When it ends, in microseconds since the Unix epoch.
    expires_us: Option<i64>,
}

/// A secret, shown once.
#[derive(Serialize, utoipa::ToSchema)]
struct CreatedSecret {
    #[serde(flatten)]
    record: EnrollSecret,
    /// What osquery shows when it enrols; not shown again.
    #[schema(value_type = String)]
    secret: Zeroizing<String>,
}

/// Makes an enrolment secret.
#[utoipa::path(
    post, path = "/api/v1/posture/enroll-secrets", operation_id = "enroll_secret_create", tag = "posture",
    request_body = CreateSecret,
    responses((status = 201, body = CreatedSecret), (status = "default", body = Problem)),
    security(("token" = ["posture:change"]))
)]
async fn create_secret(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<CreateSecret>,
) -> Result<(StatusCode, Json<CreatedSecret>), Problem> {
    let secret = Zeroizing::new(token()?);
    let record = caller
        .store(&state)
        .enroll_secret_add(&body.name, &hash(&secret), body.device_id, body.expires_us)
        .await?;
    Ok((StatusCode::CREATED, Json(CreatedSecret { record, secret })))
}

/// Removes an enrolment secret. Hosts that enrolled with it stay.
#[utoipa::path(
    delete, path = "/api/v1/posture/enroll-secrets/{name}", operation_id = "enroll_secret_remove", tag = "posture",
    params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["posture:change"]))
)]
async fn remove_secret(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).enroll_secret_remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which reports to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Reports {
    /// Those that somebody dealt with, too.
    closed: bool,
}

/// What people say is wrong with checks, newest first: those that wait, or the last 1,000.
#[utoipa::path(
    get, path = "/api/v1/posture/reports", operation_id = "check_report_list", tag = "posture",
    params(Reports),
    responses((status = 200, body = Vec<CheckReport>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn reports(
    State(state): State<AdminState>,
    Query(wanted): Query<Reports>,
) -> Result<Json<Vec<CheckReport>>, Problem> {
    Ok(Json(state.store.check_report_list(!wanted.closed).await?))
}

/// Notes that somebody dealt with a report.
#[utoipa::path(
    post, path = "/api/v1/posture/reports/{id}/close", operation_id = "check_report_close", tag = "posture",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CheckReport), (status = "default", body = Problem)),
    security(("token" = ["quarantine:change"]))
)]
async fn close_report(
    State(state): State<AdminState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<CheckReport>, Problem> {
    let store = caller.store(&state);
    Ok(Json(
        store.check_report_close(id, &caller.operator()).await?,
    ))
}
