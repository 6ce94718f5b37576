//! Enrolment secrets: made here, shown once, removed.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{EnrollSecret, now_us};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::flags;
use crate::access::Permission;
use crate::admin::form::{Fault, filled, seconds};
use crate::admin::guard::encode_part;
use crate::admin::sign_in::hash;
use crate::admin::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::input::secret::{GENERATED_LENGTH, generate};
use crate::web::Failure;

/// `/posture/secrets` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    let change = Permission::PostureChange;
    vec![
        Route::page("/posture/secrets", Permission::Read, get(page)),
        Route::action(
            "/posture/secrets",
            change,
            "enroll_secret_create",
            post(create),
        ),
        Route::action(
            "/posture/secrets/{name}/remove",
            change,
            "enroll_secret_remove",
            post(remove),
        ),
    ]
}

struct Row {
    path: String,
    device: String,
    created: Moment,
    expires: Option<Moment>,
    ended: bool,
    used: Option<Moment>,
    secret: EnrollSecret,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SecretForm {
    name: String,
    device: String,
    expires: String,
}

#[derive(Template)]
#[template(path = "admin/posture/secrets.html")]
struct SecretsPage {
    chrome: Chrome,
    rows: Vec<Row>,
    form: SecretForm,
    fault: Fault,
    flags: String,
    may_change: bool,
}

#[derive(Template)]
#[template(path = "admin/posture/secret.html")]
struct SecretPage {
    chrome: Chrome,
    name: String,
    secret: Zeroizing<String>,
    expires: Option<Moment>,
    flags: String,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    list(&state, &account, SecretForm::default(), Fault::default()).await
}

async fn list(
    state: &AdminState,
    account: &Account,
    form: SecretForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let mut rows = Vec::new();
    for secret in state.store.enroll_secret_list().await? {
        let device = match secret.device_id {
            Some(id) => state
                .store
                .device_fetch(id)
                .await
                .map_or_else(|_| id.to_string(), |device| device.name),
            None => "any".to_owned(),
        };
        rows.push(Row {
            path: format!("/posture/secrets/{}", encode_part(&secret.name)),
            device,
            created: Moment(secret.created_us),
            expires: secret.expires_us.map(Moment),
            ended: secret.expires_us.is_some_and(|us| us <= now_us()),
            used: secret.last_used_us.map(Moment),
            secret,
        });
    }
    rows.sort_by(|one, two| one.secret.name.cmp(&two.secret.name));
    let page = SecretsPage {
        chrome: Chrome::new(state, account, "Enrolment secrets", Place::Posture).await,
        rows,
        form,
        fault,
        flags: flags(state),
        may_change: account.may(Permission::PostureChange),
    };
    Ok(page.fault.on(render(&page)?))
}

async fn create(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<SecretForm>,
) -> Result<Response, Problem> {
    match try_create(&state, &account, &form).await {
        Ok((added, secret)) => render(&SecretPage {
            chrome: Chrome::new(&state, &account, "The enrolment secret", Place::Posture).await,
            expires: added.expires_us.map(Moment),
            name: added.name,
            secret,
            flags: flags(&state),
        }),
        Err(problem) => list(&state, &account, form, Fault::of(problem)?).await,
    }
}

async fn try_create(
    state: &AdminState,
    account: &Account,
    form: &SecretForm,
) -> Result<(EnrollSecret, Zeroizing<String>), Problem> {
    account.confirmed("/posture/secrets")?;
    let name = form.name.trim();
    if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return Err(Failure::invalid("name", "write a name of at most 128 characters").into());
    }
    let expires_us = match filled(&form.expires) {
        Some(text) => Some(now_us() + i64::from(seconds("expires", text)?) * 1_000_000),
        None => None,
    };
    let device_id = match filled(&form.device) {
        Some(text) => Some(
            state
                .store
                .device_find(text)
                .await?
                .ok_or_else(|| {
                    Failure::invalid("device", format!("{text} is no device that is known here"))
                })?
                .id,
        ),
        None => None,
    };
    let secret = generate(GENERATED_LENGTH)?;
    let added = account
        .store(state)
        .enroll_secret_add(name, &hash(&secret), device_id, expires_us)
        .await?;
    Ok((added, secret))
}

async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.confirmed("/posture/secrets")?;
    account.store(&state).enroll_secret_remove(&name).await?;
    Ok(Done::at(
        "/posture/secrets",
        format!("Nobody can enrol with {name} any more; who has, stays."),
    ))
}
