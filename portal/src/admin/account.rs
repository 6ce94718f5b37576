//! One's own account: passkeys, password, sessions; signing out.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json};
use nac_store::{AdministratorSession, NewCredential, Passkey};
use serde::Deserialize;
use uuid::Uuid;
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use zeroize::Zeroizing;

use super::sign_in::{self, BackupCodes, Enrolment};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::Permission;

const OWN: &str = "it concerns the person's own means of signing in";

/// `/account` and what belongs to it; `/confirm`.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = sign_in::confirm_routes();
    let own = |path, handler| Route::browser_action(path, Permission::Own, OWN, handler);
    routes.extend([
        Route::page("/account", Permission::Own, get(page)),
        Route::page("/account/password", Permission::Own, get(password_page)),
        own("/account/password", post(password)),
        own("/account/passkey/start", post(passkey_start)),
        own("/account/passkey/finish", post(passkey_finish)),
        own("/account/passkey/{id}/remove", post(passkey_remove)),
        own("/account/session/{id}/close", post(session_close)),
        own("/sign-out", post(sign_out)),
    ]);
    routes
}

struct SessionRow {
    session: AdministratorSession,
    since: Moment,
    seen: Moment,
    current: bool,
}

struct PasskeyRow {
    passkey: Passkey,
    added: Moment,
    used: Option<Moment>,
}

#[derive(Template)]
#[template(path = "admin/account/page.html")]
struct AccountPage {
    chrome: Chrome,
    passkeys: Vec<PasskeyRow>,
    sessions: Vec<SessionRow>,
    passkeys_possible: bool,
    has_password: bool,
    codes_left: i64,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let own = account.administrator.id;
    let sessions = state.store.administrator_session_list(Some(own)).await?;
    let passkeys = state.store.passkey_list(own).await?;
    render(&AccountPage {
        chrome: Chrome::new(&state, &account, "Your account", Place::Account).await,
        passkeys: passkeys
            .into_iter()
            .map(|passkey| PasskeyRow {
                added: Moment(passkey.created_us),
                used: passkey.last_used_us.map(Moment),
                passkey,
            })
            .collect(),
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                since: Moment(session.created_us),
                seen: Moment(session.seen_us),
                current: session.id == account.session.id,
                session,
            })
            .collect(),
        passkeys_possible: state.ceremonies.are_possible(),
        has_password: account.administrator.password,
        codes_left: state.store.administrator_backup_codes_left(own).await?,
    })
}

#[derive(Template)]
#[template(path = "admin/account/password.html")]
struct PasswordPage {
    chrome: Chrome,
    enrolment: Enrolment,
    problem: String,
    field: &'static str,
}

#[derive(Template)]
#[template(path = "admin/account/backup_codes.html")]
struct BackupCodesPage {
    chrome: Chrome,
    codes: BackupCodes,
}

async fn password_page(
    State(state): State<AdminState>,
    account: Account,
) -> Result<Response, Problem> {
    account.confirmed("/account/password")?;
    let enrolment = Enrolment::new(&account.administrator.name)?;
    password_form(&state, &account, enrolment, None).await
}

async fn password_form(
    state: &AdminState,
    account: &Account,
    enrolment: Enrolment,
    failure: Option<crate::web::Failure>,
) -> Result<Response, Problem> {
    let field = match &failure {
        Some(crate::web::Failure::Invalid { field, .. }) => field,
        _ => "",
    };
    let mut response = render(&PasswordPage {
        chrome: Chrome::new(state, account, "Password and codes", Place::Account).await,
        enrolment,
        field,
        problem: failure
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    })?;
    if let Some(failure) = failure {
        *response.status_mut() = failure.status();
    }
    Ok(response)
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    password: Zeroizing<String>,
    again: Zeroizing<String>,
    secret: Zeroizing<String>,
    code: String,
}

async fn password(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Problem> {
    account.confirmed("/account/password")?;
    let name = &account.administrator.name;
    let checked = sign_in::fit_password(&form.password, &form.again, name)
        .and_then(|()| Enrolment::confirm(&form.secret, &form.code));
    let totp_secret = match checked {
        Ok(secret) => secret,
        Err(failure) => {
            let enrolment = Enrolment::again(name, &form.secret)?;
            return password_form(&state, &account, enrolment, Some(failure)).await;
        }
    };
    let codes = BackupCodes::new()?;
    let credential = NewCredential::Password {
        hash: state.passwords.hash(form.password).await?,
        totp_secret,
        backup_codes_sha256: codes.hashes(),
    };
    account
        .store(&state)
        .administrator_credential_put(account.administrator.id, &credential)
        .await?;
    render(&BackupCodesPage {
        chrome: Chrome::new(&state, &account, "Backup codes", Place::Account).await,
        codes,
    })
}

async fn passkey_start(State(state): State<AdminState>, account: Account) -> Response {
    let started = async {
        let known = state.store.passkey_list(account.administrator.id).await?;
        state.ceremonies.start_registration(
            account.administrator.id,
            &account.administrator.name,
            &known,
        )
    };
    if account.confirmed("/account").is_err() {
        return sign_in::answer::<()>(Err(crate::web::Failure::Forbidden(
            "prove first that it is still you: open /confirm, then try again".to_owned(),
        )));
    }
    sign_in::answer(started.await)
}

/// What the script sends back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyFinish {
    ceremony: String,
    #[serde(default)]
    name: String,
    credential: RegisterPublicKeyCredential,
}

async fn passkey_finish(
    State(state): State<AdminState>,
    account: Account,
    Json(form): Json<PasskeyFinish>,
) -> Response {
    let added = async {
        let (id, passkey) =
            state
                .ceremonies
                .finish_registration(&form.ceremony, &form.credential, &form.name)?;
        if id != account.administrator.id {
            return Err(crate::web::Failure::Forbidden(
                "this passkey was made for another account".to_owned(),
            ));
        }
        account
            .store(&state)
            .administrator_credential_put(id, &NewCredential::Passkey(passkey))
            .await?;
        Ok(serde_json::json!({ "to": "/account" }))
    };
    sign_in::answer(added.await)
}

async fn passkey_remove(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account.confirmed("/account")?;
    account
        .store(&state)
        .passkey_remove(account.administrator.id, id)
        .await?;
    Ok(Done::at("/account", "The passkey is removed."))
}

async fn session_close(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<Uuid>,
) -> Result<Done, Problem> {
    account
        .store(&state)
        .administrator_session_close(account.administrator.id, id)
        .await?;
    Ok(Done::at("/account", "That browser is signed out."))
}

async fn sign_out(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    account
        .store(&state)
        .administrator_session_close(account.administrator.id, account.session.id)
        .await?;
    Ok((sign_in::no_cookie(), Redirect::to("/sign-in")).into_response())
}
