//! Is it still you? Asked before secrets, policy, tokens and administrators are touched, when the last proof is old.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::{Account, AdminState, Chrome, Place, Problem, Route, render};
use super::{Next, PasskeySignIn, REFUSED, answer, ceremony, check, cookie, hash, token};
use crate::access::Permission;
use crate::admin::guard::local_path;
use crate::web::Failure;

/// `/confirm` and what it posts to.
pub(crate) fn routes() -> Vec<Route> {
    const WHY: &str = "a token proves itself with every call";
    vec![
        Route::page("/confirm", Permission::Own, get(page)),
        Route::browser_action("/confirm/password", Permission::Own, WHY, post(password)),
        Route::browser_action(
            "/confirm/passkey/start",
            Permission::Own,
            WHY,
            post(passkey_start),
        ),
        Route::browser_action(
            "/confirm/passkey/finish",
            Permission::Own,
            WHY,
            post(passkey_finish),
        ),
    ]
}

#[derive(Template)]
#[template(path = "admin/sign_in/confirm.html")]
struct ConfirmPage {
    chrome: Chrome,
    next: String,
    problem: &'static str,
    by_password: bool,
    passkeys: bool,
}

async fn page(
    State(state): State<AdminState>,
    account: Account,
    Query(query): Query<Next>,
) -> Result<Response, Problem> {
    show(&state, &account, local_path(query.next.as_deref()), "").await
}

async fn show(
    state: &AdminState,
    account: &Account,
    next: &str,
    problem: &'static str,
) -> Result<Response, Problem> {
    let passkeys = state.store.passkey_list(account.administrator.id).await?;
    render(&ConfirmPage {
        chrome: Chrome::new(state, account, "Is it still you?", Place::None).await,
        next: next.to_owned(),
        problem,
        by_password: account.administrator.password,
        passkeys: !passkeys.is_empty() && state.ceremonies.are_possible(),
    })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmForm {
    password: Zeroizing<String>,
    code: String,
    next: String,
}

async fn password(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Problem> {
    let next = local_path(Some(&form.next));
    let name = account.administrator.name.clone();
    if check(&state, account.source, &name, form.password, &form.code)
        .await?
        .is_none()
    {
        let mut response = show(&state, &account, next, REFUSED).await?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let token = confirmed(&state, &account).await?;
    Ok((cookie(&token), Redirect::to(next)).into_response())
}

async fn passkey_start(State(state): State<AdminState>, _: Account) -> Response {
    answer(state.ceremonies.start_sign_in())
}

async fn passkey_finish(
    State(state): State<AdminState>,
    account: Account,
    Json(form): Json<PasskeySignIn>,
) -> Response {
    let done = async {
        let who = ceremony::finish_sign_in(&state, &form.ceremony, &form.credential).await?;
        if who.id != account.administrator.id {
            return Err(Failure::Forbidden(
                "this is the passkey of another account".to_owned(),
            ));
        }
        confirmed(&state, &account).await
    };
    match done.await {
        Ok(token) => {
            let to = local_path(Some(&form.next));
            (cookie(&token), Json(serde_json::json!({ "to": to }))).into_response()
        }
        Err(failure) => answer::<()>(Err(failure)),
    }
}

/// Notes the proof and gives the session another token.
async fn confirmed(state: &AdminState, account: &Account) -> Result<String, Failure> {
    let token = token()?;
    account
        .store(state)
        .administrator_session_confirm(account.session.id, &hash(&token))
        .await?;
    Ok(token)
}
