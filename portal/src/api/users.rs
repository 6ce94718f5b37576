//! Users: people with passwords and groups.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use nac_store::{User, UserFilter, UserSort, user_key};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{Body, Caller, Page, Paging, Path, Problem, Query};
use crate::admin::AdminState;
use crate::input::user::Listed;
use crate::totp;
use crate::web::Failure;

/// Users of one import at most.
const IMPORT_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(import))
        .routes(routes!(fetch, put, remove))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(totp_enable, totp_disable))
}

/// A user as the API shows one: never a password, only whether there is one.
#[derive(utoipa::ToSchema)]
#[schema(as = User)]
#[expect(
    dead_code,
    reason = "the form of what nac_store::User writes, for the document"
)]
struct UserShape {
    /// Our id.
    id: uuid::Uuid,
    /// The name.
    name: String,
    /// `argon2id`, or null without a password.
    password: Option<String>,
    /// Whether the password is kept sealed for CHAP and MS-CHAPv2.
    mschap: bool,
    /// Whether the user has to show the code of an authenticator app as well.
    totp: bool,
    /// Until when the password is good, in microseconds since the Unix epoch; null for ever.
    password_expires_us: Option<i64>,
    /// Whether the user may authenticate.
    enabled: bool,
    /// Groups, sorted.
    groups: Vec<String>,
    /// When it was added, in microseconds since the Unix epoch.
    created_us: i64,
    /// When it was last changed, in microseconds since the Unix epoch.
    updated_us: i64,
}

/// Which users to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filters {
    /// Part of the name.
    q: Option<String>,
    /// A group they are in.
    group: Option<String>,
    /// In this order.
    sort: UserSort,
    /// Turned round.
    descending: bool,
}

/// Users by name.
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "user_list", tag = "users",
    params(Filters, Paging),
    responses((status = 200, body = Page<UserShape>), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn list(
    State(state): State<AdminState>,
    Query(filters): Query<Filters>,
    Query(paging): Query<Paging>,
) -> Result<Page<User>, Problem> {
    let rows = state
        .store
        .user_list(&UserFilter {
            search: filters.q,
            group: filters.group,
            sort: filters.sort,
            descending: filters.descending,
            after: paging.after()?,
            limit: paging.limit(),
        })
        .await?;
    Ok(paging.page(rows, |row| row.name.clone()))
}

/// One user.
#[utoipa::path(
    get, path = "/api/v1/users/{name}", operation_id = "user_fetch", tag = "users",
    params(("name" = String, Path)),
    responses((status = 200, body = UserShape), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn fetch(
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<Json<User>, Problem> {
    Ok(Json(state.store.user_fetch(&name).await?))
}

/// What to store of a user. What is left out stays as it is.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Put {
    /// Groups, in any order.
    groups: Option<Vec<String>>,
    /// Whether the user may authenticate.
    enabled: Option<bool>,
    /// A new password.
    #[schema(value_type = Option<String>)]
    password: Option<Zeroizing<String>>,
    /// Keep the password itself, sealed, for CHAP and MS-CHAPv2: the whole password leaks if database and sealing key do.
    #[serde(default)]
    mschap: bool,
    /// Until when the password is good, in microseconds since the Unix epoch; 0 for ever. With a moment that is past the user has to
    /// choose a new one at the next login. Without this a new password is good for ever, and an old one as long as before.
    password_expires_us: Option<i64>,
}

/// Adds a user, or changes the one of this name.
#[utoipa::path(
    put, path = "/api/v1/users/{name}", operation_id = "user_put", tag = "users",
    params(("name" = String, Path)), request_body = Put,
    responses((status = 200, body = UserShape), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn put(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<Put>,
) -> Result<Json<User>, Problem> {
    let listed = Listed {
        name,
        password: body.password,
        groups: body.groups,
        mschap: body.mschap,
    };
    listed.check()?;
    let (mut record, _) = listed.record(&state.store, &state.passwords).await?;
    if let Some(enabled) = body.enabled {
        record.enabled = enabled;
    }
    let store = caller.store(&state);
    let mut user = store.user_put(record).await?;
    if let Some(expires_us) = body.password_expires_us {
        let expires_us = Some(expires_us).filter(|expires_us| *expires_us != 0);
        store
            .user_set_password_expiry(&user.name, expires_us)
            .await?;
        user = store.user_fetch(&user.name).await?;
    }
    Ok(Json(user))
}

/// One user of a list. What is left out stays as it is where the user is known.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ListedUser {
    /// The name.
    name: String,
    /// Groups, in any order.
    groups: Option<Vec<String>>,
    /// A password.
    #[schema(value_type = Option<String>)]
    password: Option<Zeroizing<String>>,
    /// Keep the password itself, sealed, for CHAP and MS-CHAPv2.
    #[serde(default)]
    mschap: bool,
}

/// Users to add or change.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Import {
    /// 200 at most; all of them are stored, or none.
    users: Vec<ListedUser>,
}

/// What an import did.
#[derive(Serialize, utoipa::ToSchema)]
struct Imported {
    /// New users.
    added: usize,
    /// Users who were known.
    changed: usize,
}

/// Adds or changes many users in one step.
#[utoipa::path(
    post, path = "/api/v1/users/import", operation_id = "user_import", tag = "users",
    request_body = Import,
    responses((status = 200, body = Imported), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn import(
    State(state): State<AdminState>,
    caller: Caller,
    Body(body): Body<Import>,
) -> Result<Json<Imported>, Problem> {
    if body.users.len() > IMPORT_MAX {
        return Err(Failure::invalid(
            "users",
            format!("{IMPORT_MAX} users at most in one step: hashing passwords takes its time"),
        )
        .into());
    }
    let users: Vec<Listed> = body
        .users
        .into_iter()
        .map(|listed| Listed {
            name: listed.name,
            password: listed.password,
            groups: listed.groups,
            mschap: listed.mschap,
        })
        .collect();
    let mut seen = HashSet::new();
    for (index, user) in users.iter().enumerate() {
        let place = |what: String| Failure::invalid("users", format!("users[{index}]: {what}"));
        user.check().map_err(|fault| place(fault.to_string()))?;
        if !seen.insert(user_key(&user.name)) {
            return Err(place(format!("{} comes a second time", user.name)).into());
        }
    }
    let mut imported = Imported {
        added: 0,
        changed: 0,
    };
    let mut records = Vec::with_capacity(users.len());
    for user in users {
        let (record, is_known) = user.record(&state.store, &state.passwords).await?;
        *(if is_known {
            &mut imported.changed
        } else {
            &mut imported.added
        }) += 1;
        records.push(record);
    }
    caller.store(&state).user_put_many(records).await?;
    Ok(Json(imported))
}

/// Removes a user.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}", operation_id = "user_remove", tag = "users",
    params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn remove(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).user_remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_enabled(
    state: &AdminState,
    caller: &Caller,
    name: &str,
    enabled: bool,
) -> Result<Json<User>, Problem> {
    let store = caller.store(state);
    store.user_set_enabled(name, enabled).await?;
    Ok(Json(store.user_fetch(name).await?))
}

/// Lets a user authenticate again.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/enable", operation_id = "user_enable", tag = "users",
    params(("name" = String, Path)),
    responses((status = 200, body = UserShape), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn enable(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<User>, Problem> {
    set_enabled(&state, &caller, &name, true).await
}

/// Keeps a user from authenticating; live sessions are moved.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/disable", operation_id = "user_disable", tag = "users",
    params(("name" = String, Path)),
    responses((status = 200, body = UserShape), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn disable(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<User>, Problem> {
    set_enabled(&state, &caller, &name, false).await
}

/// A user's new secret for an authenticator app, which is shown only now.
#[derive(Serialize, utoipa::ToSchema)]
struct NewTotp {
    /// The user.
    user: String,
    /// The secret in base32, to type into the app.
    secret: String,
    /// The address that the app takes from a QR code: `otpauth://totp/…`.
    url: String,
}

/// Has a user show the code of an authenticator app (TOTP, RFC 6238) besides the password from now on; a secret that the user had
/// before is good no longer. Live sessions that a password alone let in end.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/totp", operation_id = "user_totp_enable", tag = "users",
    params(("name" = String, Path)),
    responses((status = 201, body = NewTotp), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn totp_enable(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<NewTotp>), Problem> {
    let made = totp::enrol(&caller.store(&state), &name).await?;
    Ok((
        StatusCode::CREATED,
        Json(NewTotp {
            user: made.user,
            secret: (*made.secret).clone(),
            url: (*made.url).clone(),
        }),
    ))
}

/// Asks a user for the password only.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/totp", operation_id = "user_totp_disable", tag = "users",
    params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)),
    security(("token" = ["user:change"]))
)]
async fn totp_disable(
    State(state): State<AdminState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.store(&state).user_set_totp(&name, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
