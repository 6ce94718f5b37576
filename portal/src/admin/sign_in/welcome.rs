//! A one-time link: somebody chooses a name and by what they will sign in. Opening it changes nothing, so a mail scanner that
//! follows it uses nothing up.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use nac_store::{Invitation, NewCredential};
use serde::Deserialize;
use uuid::Uuid;
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use zeroize::Zeroizing;

use super::super::{AdminState, Moment};
use super::{BackupCodes, Enrolment, answer, hash, open};
use crate::admin::guard::plain_page;
use crate::web::{Failure, Source};

/// The shortest password; the second factor stands beside it.
pub(super) const PASSWORD_MIN: usize = 12;

pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/welcome/{token}", get(page).post(password))
        .route("/welcome/{token}/passkey/start", post(passkey_start))
        .route("/welcome/{token}/passkey/finish", post(passkey_finish))
}

#[derive(Template)]
#[template(path = "admin/sign_in/welcome.html")]
struct WelcomePage {
    token: String,
    role: &'static str,
    /// The name of somebody who gets new means of signing in; otherwise they choose one.
    fixed_name: Option<String>,
    name: String,
    enrolment: Enrolment,
    passkeys: bool,
    problem: String,
    field: &'static str,
    expires: Moment,
}

#[derive(Template)]
#[template(path = "admin/sign_in/backup_codes.html")]
struct BackupCodesPage {
    codes: BackupCodes,
}

async fn invitation(state: &AdminState, token: &str) -> Result<Invitation, Failure> {
    let gone = || {
        Failure::NotFound(
            "this link was used already or has ended; on the server, `nac admin invite` makes a new one"
                .to_owned(),
        )
    };
    state
        .store
        .invitation_by_token(&hash(token))
        .await?
        .ok_or_else(gone)
}

async fn page(State(state): State<AdminState>, Path(token): Path<String>) -> Response {
    let made = async {
        let invitation = invitation(&state, &token).await?;
        let enrolment = Enrolment::new(invitation.name.as_deref().unwrap_or("administrator"))?;
        render(&state, token.clone(), invitation, enrolment, "", None)
    };
    made.await.unwrap_or_else(plain_page)
}

fn render(
    state: &AdminState,
    token: String,
    invitation: Invitation,
    enrolment: Enrolment,
    name: &str,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let field = match failure {
        Some(Failure::Invalid { field, .. }) => field,
        _ => "",
    };
    let page = WelcomePage {
        token,
        role: invitation.role.as_str(),
        fixed_name: invitation.name,
        name: name.to_owned(),
        enrolment,
        passkeys: state.ceremonies.are_possible(),
        problem: failure.map(ToString::to_string).unwrap_or_default(),
        field,
        expires: Moment(invitation.expires_us),
    };
    let status = failure.map_or(StatusCode::OK, Failure::status);
    Ok((status, Html(page.render()?)).into_response())
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WelcomeForm {
    #[serde(default)]
    name: String,
    password: Zeroizing<String>,
    again: Zeroizing<String>,
    secret: Zeroizing<String>,
    code: String,
}

async fn password(
    State(state): State<AdminState>,
    source: Source,
    headers: HeaderMap,
    Path(token): Path<String>,
    Form(form): Form<WelcomeForm>,
) -> Response {
    let joined = async {
        state.limits.take(source.0, &token)?;
        let invitation = invitation(&state, &token).await?;
        let name = invitation
            .name
            .clone()
            .unwrap_or_else(|| form.name.trim().to_owned());
        match join(&state, source, &headers, &token, &name, &form).await {
            Ok(response) => Ok(response),
            // Nothing that was typed is lost but the passwords.
            Err(failure @ (Failure::Invalid { .. } | Failure::Conflict(_))) => {
                let enrolment = Enrolment::again(&name, &form.secret)?;
                render(
                    &state,
                    token.clone(),
                    invitation,
                    enrolment,
                    &form.name,
                    Some(&failure),
                )
            }
            Err(failure) => Err(failure),
        }
    };
    joined.await.unwrap_or_else(plain_page)
}

async fn join(
    state: &AdminState,
    source: Source,
    headers: &HeaderMap,
    token: &str,
    name: &str,
    form: &WelcomeForm,
) -> Result<Response, Failure> {
    if name.is_empty() {
        return Err(Failure::invalid("name", "choose a name to sign in with"));
    }
    fit_password(&form.password, &form.again, name)?;
    let totp_secret = Enrolment::confirm(&form.secret, &form.code)?;
    let codes = BackupCodes::new()?;
    let credential = NewCredential::Password {
        hash: state.passwords.hash(form.password.clone()).await?,
        totp_secret,
        backup_codes_sha256: codes.hashes(),
    };
    let cookie = accept(state, source, headers, token, name, &credential, "password").await?;
    let page = BackupCodesPage { codes };
    Ok((cookie, Html(page.render()?)).into_response())
}

/// Whether a new password can be one.
pub(crate) fn fit_password(password: &str, again: &str, name: &str) -> Result<(), Failure> {
    if password != again {
        return Err(Failure::invalid("again", "the two passwords differ"));
    }
    if password.chars().count() < PASSWORD_MIN {
        return Err(Failure::invalid(
            "password",
            format!(
                "a password has {PASSWORD_MIN} characters at least; several words in a row are easy to type"
            ),
        ));
    }
    if password.len() > 1_024 {
        return Err(Failure::invalid(
            "password",
            "a password has 1,024 octets at most",
        ));
    }
    if password.to_lowercase().contains(&name.to_lowercase()) && name.chars().count() > 3 {
        return Err(Failure::invalid(
            "password",
            "the password must not contain the name",
        ));
    }
    Ok(())
}

async fn accept(
    state: &AdminState,
    source: Source,
    headers: &HeaderMap,
    token: &str,
    name: &str,
    credential: &NewCredential,
    method: &str,
) -> Result<[(axum::http::HeaderName, String); 1], Failure> {
    accept_as(
        state,
        source,
        headers,
        token,
        Uuid::now_v7(),
        name,
        credential,
        method,
    )
    .await
}

#[expect(
    clippy::too_many_arguments,
    reason = "a passkey brings the id that it was made for"
)]
async fn accept_as(
    state: &AdminState,
    source: Source,
    headers: &HeaderMap,
    token: &str,
    id: Uuid,
    name: &str,
    credential: &NewCredential,
    method: &str,
) -> Result<[(axum::http::HeaderName, String); 1], Failure> {
    let joining = nac_store::Actor {
        kind: nac_store::ActorKind::Admin,
        name: name.to_owned(),
        source: source.0.to_string(),
    };
    let administrator = state
        .store
        .acting(joining)
        .invitation_accept(&hash(token), id, name, credential)
        .await?;
    open(state, source, headers, &administrator, method).await
}

/// What the script asks for a passkey with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyStart {
    #[serde(default)]
    name: String,
}

async fn passkey_start(
    State(state): State<AdminState>,
    source: Source,
    Path(token): Path<String>,
    Json(form): Json<PasskeyStart>,
) -> Response {
    let started = async {
        state.limits.take(source.0, &token)?;
        let invitation = invitation(&state, &token).await?;
        let (id, name) = match invitation.name {
            Some(name) => (state.store.administrator_by_name(&name).await?.id, name),
            None => (Uuid::now_v7(), form.name.trim().to_owned()),
        };
        if name.is_empty() {
            return Err(Failure::invalid("name", "choose a name to sign in with"));
        }
        state.ceremonies.start_registration(id, &name, &[])
    };
    answer(started.await)
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
    source: Source,
    headers: HeaderMap,
    Path(token): Path<String>,
    Json(form): Json<PasskeyFinish>,
) -> Response {
    let joined = async {
        let invitation = invitation(&state, &token).await?;
        let name = invitation
            .name
            .unwrap_or_else(|| form.name.trim().to_owned());
        let (id, passkey) = state.ceremonies.finish_registration(
            &form.ceremony,
            &form.credential,
            "First passkey",
        )?;
        let credential = NewCredential::Passkey(passkey);
        accept_as(
            &state,
            source,
            &headers,
            &token,
            id,
            &name,
            &credential,
            "passkey",
        )
        .await
    };
    match joined.await {
        Ok(cookie) => (cookie, Json(serde_json::json!({ "to": "/" }))).into_response(),
        Err(failure) => answer::<()>(Err(failure)),
    }
}
