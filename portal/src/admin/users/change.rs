//! Adding, changing and removing users.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use nac_store::{SecretBytes, StoreError, User, UserRecord};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::path;
use crate::admin::form::Fault;
use crate::admin::{Account, AdminState, Chrome, Done, Place, Problem, render};
use crate::input::user::{check_group, check_name, check_password};
use crate::web::Failure;

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UserForm {
    name: String,
    groups: String,
    password: Zeroizing<String>,
    again: Zeroizing<String>,
    mschap: bool,
}

#[derive(Template)]
#[template(path = "admin/users/form.html")]
struct FormPage {
    chrome: Chrome,
    form: UserForm,
    fault: Fault,
}

async fn form_page(
    state: &AdminState,
    account: &Account,
    form: UserForm,
    fault: Fault,
) -> Result<Response, Problem> {
    let page = FormPage {
        chrome: Chrome::new(state, account, "New user", Place::Users).await,
        form,
        fault,
    };
    Ok(page.fault.on(render(&page)?))
}

pub(super) async fn new(
    State(state): State<AdminState>,
    account: Account,
) -> Result<Response, Problem> {
    form_page(&state, &account, UserForm::default(), Fault::default()).await
}

pub(super) async fn add(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<UserForm>,
) -> Result<Response, Problem> {
    match try_add(&state, &account, &form).await {
        Ok(user) => Ok(Done::at(
            path(&user.name),
            if user.groups.is_empty() {
                format!(
                    "{} was added to no group; the policy may not know what to do with somebody like that.",
                    user.name
                )
            } else {
                format!("{} was added.", user.name)
            },
        )
        .into_response()),
        Err(problem) => form_page(&state, &account, form, Fault::of(problem)?).await,
    }
}

async fn try_add(state: &AdminState, account: &Account, form: &UserForm) -> Result<User, Problem> {
    let name = form.name.trim();
    check_name(name)?;
    let groups = words(&form.groups)?;
    match state.store.user_fetch(name).await {
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(user) => {
            return Err(
                Failure::invalid("name", format!("there is already a user {}", user.name)).into(),
            );
        }
    }
    let (password, cleartext) = if form.password.is_empty() {
        if form.mschap {
            return Err(
                Failure::invalid("password", "MS-CHAPv2 needs a password: write one").into(),
            );
        }
        (None, None)
    } else {
        account.confirmed("/users/new")?;
        hashed(state, form).await?
    };
    Ok(account
        .store(state)
        .user_put(UserRecord {
            name: name.to_owned(),
            password,
            cleartext,
            enabled: true,
            groups,
        })
        .await?)
}

/// The password as argon2id, and itself where that is wanted.
async fn hashed(
    state: &AdminState,
    form: &UserForm,
) -> Result<(Option<String>, Option<SecretBytes>), Problem> {
    check_password(&form.password)?;
    if form.password != form.again {
        return Err(Failure::invalid("again", "the two passwords differ").into());
    }
    let hash = state.passwords.hash(form.password.clone()).await?;
    let cleartext = form
        .mschap
        .then(|| SecretBytes::new(form.password.as_bytes()));
    Ok((Some(hash), cleartext))
}

/// Group names, separated by blanks or commas.
fn words(text: &str) -> Result<Vec<String>, Failure> {
    let groups: Vec<String> = text
        .split([' ', ',', ';', '\n', '\r', '\t'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    for group in &groups {
        check_group(group)?;
    }
    Ok(groups)
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupsForm {
    #[serde(default)]
    groups: String,
}

pub(super) async fn groups(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
    Form(form): Form<GroupsForm>,
) -> Result<Done, Problem> {
    let store = account.store(&state);
    store.user_set_groups(&name, words(&form.groups)?).await?;
    Ok(Done::at(path(&name), "The groups were changed."))
}

pub(super) async fn password(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
    Form(form): Form<UserForm>,
) -> Result<Done, Problem> {
    account.confirmed(&path(&name))?;
    let user = state.store.user_fetch(&name).await?;
    if form.password.is_empty() {
        return Err(Failure::invalid("password", "write the new password").into());
    }
    let (password, cleartext) = hashed(&state, &form).await?;
    account
        .store(&state)
        .user_put(UserRecord {
            name: user.name,
            password,
            cleartext,
            enabled: user.enabled,
            groups: user.groups,
        })
        .await?;
    Ok(Done::at(path(&name), "The password was changed."))
}

pub(super) async fn enable(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.store(&state).user_set_enabled(&name, true).await?;
    Ok(
        Done::at(path(&name), format!("{name} may authenticate again."))
            .undo(format!("{}/disable", path(&name))),
    )
}

pub(super) async fn disable(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.store(&state).user_set_enabled(&name, false).await?;
    Ok(
        Done::at(path(&name), format!("{name} may authenticate no longer."))
            .undo(format!("{}/enable", path(&name))),
    )
}

pub(super) async fn remove(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.store(&state).user_remove(&name).await?;
    Ok(Done::at("/users", format!("{name} was removed.")))
}
