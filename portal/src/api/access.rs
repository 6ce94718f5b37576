//! The door: the token, and whether its role has the scope that the document names for the operation.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use nac_store::{Actor, ActorKind, ApiToken, Role, Store};
use utoipa::openapi::OpenApi;

use super::idempotency::{self, Replies};
use super::problem::Problem;
use crate::access::{Permission, authorize, may_grant};
use crate::admin::{AdminState, hash};
use crate::web::{Failure, Source};

/// The scopes of all operations, by method and path.
#[derive(Debug)]
pub(super) struct Scopes(HashMap<(Method, String), Permission>);

impl Scopes {
    /// Reads them from the document. An operation whose scope is missing or unknown is left out, and thereby closed.
    pub(super) fn read(document: &OpenApi) -> Self {
        let mut scopes = HashMap::new();
        let json = serde_json::to_value(document).unwrap_or_default();
        let paths = json["paths"].as_object().into_iter().flatten();
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = method.to_uppercase().parse::<Method>() else {
                    continue;
                };
                let scope = operation["security"][0]["token"][0].as_str();
                if let Some(permission) = scope.and_then(Permission::from_word) {
                    scopes.insert((method, path.clone()), permission);
                }
            }
        }
        Self(scopes)
    }

    /// What an operation needs.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<Permission> {
        self.0.get(&(method.clone(), path.to_owned())).copied()
    }
}

/// Puts the door in front of the operations.
pub(super) fn guarded(
    router: Router<AdminState>,
    document: &OpenApi,
    state: &AdminState,
) -> Router<AdminState> {
    let door = Door {
        state: state.clone(),
        scopes: Arc::new(Scopes::read(document)),
    };
    router
        .route_layer(middleware::from_fn_with_state(
            Arc::new(Replies::default()),
            idempotency::once,
        ))
        .route_layer(middleware::from_fn_with_state(door, let_in))
}

#[derive(Clone)]
struct Door {
    state: AdminState,
    scopes: Arc<Scopes>,
}

/// A program that showed a token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    token: ApiToken,
    source: Source,
}

impl Caller {
    /// The store, recording changes as this token's.
    pub(crate) fn store(&self, state: &AdminState) -> Store {
        state.store.acting(Actor {
            kind: ActorKind::Token,
            name: self.token.name.clone(),
            source: self.source.0.to_string(),
        })
    }

    /// Its name as records have it, such as `token:monitoring`.
    pub(crate) fn operator(&self) -> String {
        format!("token:{}", self.token.name)
    }

    /// What tells its requests from others'.
    pub(super) fn key(&self) -> uuid::Uuid {
        self.token.id
    }

    /// Refuses to give a role that does more than the token's own.
    pub(crate) fn grants(&self, role: Role) -> Result<(), Failure> {
        if may_grant(self.token.role, role) {
            return Ok(());
        }
        Err(Failure::Forbidden(format!(
            "a token of role {} cannot give the role {role}",
            self.token.role
        )))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

async fn let_in(
    State(door): State<Door>,
    source: Source,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(token) = bearer(&request) else {
        return unknown(
            "send the header `Authorization: Bearer TOKEN`; nac token create makes one",
        );
    };
    let token = match door.state.store.token_use(&hash(token)).await {
        Ok(Some(token)) => token,
        Ok(None) => return unknown("this token is unknown, was revoked, or has ended"),
        Err(error) => return Problem::from(error).into_response(),
    };
    let allowed = door
        .scopes
        .of(request.method(), path.as_str())
        .is_some_and(|permission| authorize(token.role, permission));
    if !allowed {
        return Problem::from(Failure::Forbidden(format!(
            "a token of role {} may not do this",
            token.role
        )))
        .into_response();
    }
    request.extensions_mut().insert(Caller { token, source });
    next.run(request).await
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= 256).then_some(token.trim())
}

fn unknown(sentence: &str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, sentence).into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        header::HeaderValue::from_static("Bearer"),
    );
    response
}
