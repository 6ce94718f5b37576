//! Signing in: by passkey, or by name, password and a code from an authenticator app.
//!
//! A browser holds a random token of 256 bits in the cookie `__Host-nac`; the store has its SHA-256. The token is new at every
//! sign-in and at every proof of identity, so one that somebody planted or saw before is worth nothing.

mod ceremony;
mod confirm;
mod second_factor;
mod welcome;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use nac_store::{Actor, ActorKind, Administrator, Store};
use serde::Deserialize;
use webauthn_rs::prelude::PublicKeyCredential;
use zeroize::Zeroizing;

use super::AdminState;
use super::guard::{local_path, plain_page};
use crate::web::{Failure, Source};

pub(super) use ceremony::Ceremonies;
pub(super) use confirm::routes as confirm_routes;
pub(super) use second_factor::{BackupCodes, Enrolment};
pub(super) use welcome::fit_password;

/// The session's cookie.
pub(super) const COOKIE: &str = "__Host-nac";
/// One answer for every wrong credential.
const REFUSED: &str = "Name, password or code is wrong. A code works once: wait for the next one if you used it already.";

/// `/sign-in`, `/welcome/{token}` and what they post to.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/sign-in", get(page).post(password))
        .route("/sign-in/passkey/start", post(passkey_start))
        .route("/sign-in/passkey/finish", post(passkey_finish))
        .merge(welcome::routes())
}

/// A page for somebody whom we do not know yet.
#[derive(Template)]
#[template(path = "admin/sign_in/problem.html")]
pub(super) struct PlainProblem {
    pub(super) title: &'static str,
    pub(super) sentence: String,
}

#[derive(Template, Default)]
#[template(path = "admin/sign_in/page.html")]
struct SignInPage {
    next: String,
    name: String,
    problem: String,
    /// Nobody can sign in yet.
    empty: bool,
    passkeys: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Next {
    next: Option<String>,
}

async fn page(State(state): State<AdminState>, Query(query): Query<Next>) -> Response {
    let page = SignInPage {
        next: local_path(query.next.as_deref()).to_owned(),
        empty: match state.store.administrator_list().await {
            Ok(administrators) => administrators.is_empty(),
            Err(error) => return plain_page(error.into()),
        },
        passkeys: state.ceremonies.are_possible(),
        ..SignInPage::default()
    };
    show(&page)
}

fn show(page: &SignInPage) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => plain_page(error.into()),
    }
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    name: String,
    password: Zeroizing<String>,
    code: String,
    #[serde(default)]
    next: String,
}

async fn password(
    State(state): State<AdminState>,
    source: Source,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    match check(&state, source, &form.name, form.password, &form.code).await {
        Ok(Some((administrator, method))) => {
            let to = local_path(Some(&form.next));
            match open(&state, source, &headers, &administrator, method).await {
                Ok(cookie) => (cookie, Redirect::to(to)).into_response(),
                Err(failure) => plain_page(failure),
            }
        }
        Ok(None) => {
            tracing::warn!(source = %source.0, name = %form.name.escape_debug(), "an administrator's sign-in was refused");
            let mut response = show(&SignInPage {
                next: form.next,
                name: form.name,
                problem: REFUSED.to_owned(),
                passkeys: state.ceremonies.are_possible(),
                ..SignInPage::default()
            });
            *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            response
        }
        Err(failure) => plain_page(failure),
    }
}

/// Checks password and second factor. The password is checked for names that nobody has, too, and both factors before either
/// is told to be wrong.
async fn check(
    state: &AdminState,
    source: Source,
    name: &str,
    password: Zeroizing<String>,
    code: &str,
) -> Result<Option<(Administrator, &'static str)>, Failure> {
    state.limits.take(source.0, name)?;
    if password.len() > 1_024 || code.len() > 64 {
        return Ok(None);
    }
    let known = state.store.administrator_password(name).await?;
    let hash = known.as_ref().map(|known| known.password.clone());
    let right = state.passwords.verify(hash, password).await?;
    let Some(known) = known.filter(|_| right) else {
        return Ok(None);
    };
    let method = second_factor::check(&state.store, &known, code).await?;
    Ok(method.map(|method| (known.administrator, method)))
}

/// Opens a session; gives the cookie that holds its token.
async fn open(
    state: &AdminState,
    source: Source,
    headers: &HeaderMap,
    administrator: &Administrator,
    method: &str,
) -> Result<[(header::HeaderName, String); 1], Failure> {
    let token = token()?;
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    acting(state, administrator, source)
        .administrator_session_open(
            &hash(&token),
            administrator.id,
            method,
            &source.0.to_string(),
            agent,
        )
        .await?;
    Ok(cookie(&token))
}

/// The store, recording changes as this administrator's.
fn acting(state: &AdminState, administrator: &Administrator, source: Source) -> Store {
    state.store.acting(Actor {
        kind: ActorKind::Admin,
        name: administrator.name.clone(),
        source: source.0.to_string(),
    })
}

/// The header that gives a browser its token.
pub(super) fn cookie(token: &str) -> [(header::HeaderName, String); 1] {
    [(
        header::SET_COOKIE,
        format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax"),
    )]
}

/// The header that takes it away.
pub(super) fn no_cookie() -> [(header::HeaderName, String); 1] {
    [(
        header::SET_COOKIE,
        format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"),
    )]
}

/// 256 random bits in hexadecimal.
pub(crate) fn token() -> Result<String, Failure> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| {
        tracing::error!("the operating system gives no randomness");
        Failure::Unavailable
    })?;
    Ok(hex::encode(*bytes))
}

/// What the store keeps of a token: its SHA-256 in hexadecimal.
pub(crate) fn hash(token: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        token.as_bytes(),
    ))
}

async fn passkey_start(State(state): State<AdminState>, source: Source) -> Response {
    let started = match state.limits.take(source.0, "") {
        Ok(()) => state.ceremonies.start_sign_in(),
        Err(failure) => Err(failure),
    };
    answer(started)
}

/// What the script sends back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeySignIn {
    ceremony: String,
    credential: PublicKeyCredential,
    #[serde(default)]
    next: String,
}

async fn passkey_finish(
    State(state): State<AdminState>,
    source: Source,
    headers: HeaderMap,
    Json(form): Json<PasskeySignIn>,
) -> Response {
    let signed_in = async {
        let administrator =
            ceremony::finish_sign_in(&state, &form.ceremony, &form.credential).await?;
        let cookie = open(&state, source, &headers, &administrator, "passkey").await?;
        Ok::<_, Failure>(cookie)
    };
    match signed_in.await {
        Ok(cookie) => {
            let to = local_path(Some(&form.next));
            (cookie, Json(serde_json::json!({ "to": to }))).into_response()
        }
        Err(failure) => answer::<()>(Err(failure)),
    }
}

/// An answer for the page's script: JSON, also of what went wrong.
pub(super) fn answer<T: serde::Serialize>(result: Result<T, Failure>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(failure) => {
            let body = serde_json::json!({ "problem": failure.to_string() });
            (failure.status(), Json(body)).into_response()
        }
    }
}
