//! The policy and its history.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_policy::{Engine, PolicyFault};
use nac_store::{PolicyVersion, Store};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Body, Caller, Page, Path, Problem};
use crate::admin::AdminState;
use crate::input::policy::plan::{self, Plan};
use crate::input::segment;
use crate::web::Failure;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(current, apply))
        .routes(routes!(check))
        .routes(routes!(plan))
        .routes(routes!(history))
        .routes(routes!(version))
        .routes(routes!(rollback))
}

/// The policy in force.
#[utoipa::path(
    get, path = "/api/v1/policy", operation_id = "policy_fetch", tag = "policy",
    responses((status = 200, body = PolicyVersion), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn current(State(state): State<AdminState>) -> Result<Json<PolicyVersion>, Problem> {
    let policy = state.store.policy_current().await?;
    Ok(Json(policy.ok_or_else(|| {
        Failure::NotFound("there is no policy yet".to_owned())
    })?))
}

/// A policy text.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    /// Cedar policies.
    text: String,
}

/// What is wrong with a policy text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Checked {
    /// Whether it could be applied.
    good: bool,
    /// Every fault, with its line.
    #[schema(value_type = Vec<Object>)]
    faults: Vec<PolicyFault>,
}

async fn faults(store: &Store, text: &str) -> Result<Vec<PolicyFault>, Problem> {
    let segments = segment::names(store).await?;
    Ok(Engine::load(text, &segments)
        .err()
        .map(|errors| errors.0)
        .unwrap_or_default())
}

/// Checks a policy text without applying it.
#[utoipa::path(
    post, path = "/api/v1/policy/check", operation_id = "policy_check", tag = "policy",
    request_body = Text,
    responses((status = 200, body = Checked), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn check(
    State(state): State<AdminState>,
    Body(body): Body<Text>,
) -> Result<Json<Checked>, Problem> {
    let faults = faults(&state.store, &body.text).await?;
    Ok(Json(Checked {
        good: faults.is_empty(),
        faults,
    }))
}

/// A policy text to try.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// Cedar policies.
    text: String,
    /// How far back to look, in seconds; a day unless told otherwise.
    since_s: Option<u32>,
}

/// Tries a policy text on the recorded decisions and on the live sessions, against the policy in force: who would get another answer.
/// Nothing is applied. At most the newest 20,000 decisions and ten seconds; `nac policy plan` has no such bounds.
#[utoipa::path(
    post, path = "/api/v1/policy/plan", operation_id = "policy_plan", tag = "policy",
    request_body = Draft,
    responses((status = 200, body = Plan), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn plan(
    State(state): State<AdminState>,
    Body(body): Body<Draft>,
) -> Result<Json<Plan>, Problem> {
    let segments = segment::names(&state.store).await?;
    let after = Engine::load(&body.text, &segments).map_err(|errors| {
        let first = errors.0.first().map(ToString::to_string);
        Failure::invalid("text", first.unwrap_or_default())
    })?;
    let since = body
        .since_s
        .map_or(plan::SINCE, |seconds| Duration::from_secs(seconds.into()));
    let plan = plan::plan_beside_the_server(&state.store, after, since).await?;
    Ok(Json(plan))
}

/// A policy to apply.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Apply {
    /// Cedar policies.
    text: String,
    /// What changes, and why.
    note: String,
    /// The version that this text was made from: somebody else's change meanwhile is not overwritten.
    based_on: Option<i64>,
}

/// Makes a text the policy; live sessions are decided anew.
#[utoipa::path(
    post, path = "/api/v1/policy", operation_id = "policy_apply", tag = "policy",
    request_body = Apply,
    responses((status = 201, body = PolicyVersion), (status = "default", body = Problem)),
    security(("token" = ["policy:change"]))
)]
async fn apply(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Apply>,
) -> Result<(StatusCode, Json<PolicyVersion>), Problem> {
    if body.note.trim().is_empty() {
        return Err(Failure::invalid("note", "say what changes, and why").into());
    }
    let store = caller.store(&state);
    let current = store.policy_current().await?.map(|policy| policy.version);
    if body.based_on.is_some() && body.based_on != current {
        return Err(Failure::Conflict(
            "somebody else applied a policy meanwhile: look at it, then try again".to_owned(),
        )
        .into());
    }
    if let Some(fault) = faults(&store, &body.text).await?.first() {
        return Err(Failure::invalid("text", fault.to_string()).into());
    }
    let applied = store
        .policy_apply(&body.text, body.note.trim(), &caller.operator())
        .await?;
    Ok((StatusCode::CREATED, Json(applied)))
}

/// The last 1,000 versions, newest first.
#[utoipa::path(
    get, path = "/api/v1/policy/history", operation_id = "policy_history", tag = "policy",
    responses((status = 200, body = Page<PolicyVersion>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn history(State(state): State<AdminState>) -> Result<Page<PolicyVersion>, Problem> {
    Ok(Page::whole(state.store.policy_history().await?))
}

/// One version.
#[utoipa::path(
    get, path = "/api/v1/policy/history/{version}", operation_id = "policy_version_fetch", tag = "policy",
    params(("version" = i64, Path)),
    responses((status = 200, body = PolicyVersion), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn version(
    State(state): State<AdminState>,
    Path(version): Path<i64>,
) -> Result<Json<PolicyVersion>, Problem> {
    Ok(Json(state.store.policy_fetch(version).await?))
}

/// Applies an earlier version again, as a new one.
#[utoipa::path(
    post, path = "/api/v1/policy/history/{version}/rollback", operation_id = "policy_rollback", tag = "policy",
    params(("version" = i64, Path)),
    responses((status = 201, body = PolicyVersion), (status = "default", body = Problem)),
    security(("token" = ["policy:change"]))
)]
async fn rollback(
    State(state): State<AdminState>,
    caller: Caller,
    Path(version): Path<i64>,
) -> Result<(StatusCode, Json<PolicyVersion>), Problem> {
    let store = caller.store(&state);
    let former = store.policy_fetch(version).await?;
    if let Some(fault) = faults(&store, &former.text).await?.first() {
        return Err(Failure::Conflict(format!(
            "version {version} does not fit what is here by now: {fault}"
        ))
        .into());
    }
    let note = format!("rolled back to version {version}");
    let applied = store
        .policy_apply(&former.text, &note, &caller.operator())
        .await?;
    Ok((StatusCode::CREATED, Json(applied)))
}
