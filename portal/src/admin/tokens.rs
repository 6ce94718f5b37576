//! API tokens: made with a role and an end, shown once, revoked at once.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use nac_store::{ApiToken, Role, now_us};
use serde::Deserialize;

use super::sign_in::{hash, token};
use super::{Account, AdminState, Chrome, Done, Moment, Place, Problem, Route, render};
use crate::access::{Permission, may_grant};
use crate::web::Failure;

/// The choices of a token's life, in days.
const DAYS: [i64; 5] = [1, 7, 30, 90, 365];

/// `/tokens` and what belongs to it.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/tokens", Permission::TokenChange, get(page)),
        Route::action(
            "/tokens",
            Permission::TokenChange,
            "token_create",
            post(create),
        ),
        Route::action(
            "/tokens/{id}/revoke",
            Permission::TokenChange,
            "token_revoke",
            post(revoke),
        ),
    ]
}

struct Row {
    token: ApiToken,
    created: Moment,
    expires: Moment,
    used: Option<Moment>,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "admin/tokens/list.html")]
struct ListPage {
    chrome: Chrome,
    rows: Vec<Row>,
    roles: Vec<&'static str>,
    days: [i64; 5],
}

#[derive(Template)]
#[template(path = "admin/tokens/created.html")]
struct CreatedPage {
    chrome: Chrome,
    token: ApiToken,
    secret: String,
    url: String,
    expires: Moment,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let now = now_us();
    let rows = state.store.token_list().await?;
    render(&ListPage {
        chrome: Chrome::new(&state, &account, "API tokens", Place::Tokens).await,
        rows: rows
            .into_iter()
            .map(|token| Row {
                created: Moment(token.created_us),
                expires: Moment(token.expires_us),
                used: token.last_used_us.map(Moment),
                state: match token.revoked_us {
                    Some(_) => "revoked",
                    None if token.expires_us <= now => "ended",
                    None => "active",
                },
                token,
            })
            .collect(),
        roles: Role::ALL
            .iter()
            .filter(|role| may_grant(account.administrator.role, **role))
            .map(|role| role.as_str())
            .collect(),
        days: DAYS,
    })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateForm {
    name: String,
    role: String,
    days: i64,
}

async fn create(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<CreateForm>,
) -> Result<Response, Problem> {
    account.confirmed("/tokens")?;
    let role: Role = form
        .role
        .parse()
        .map_err(|_| Failure::invalid("role", "choose one of the roles"))?;
    if !may_grant(account.administrator.role, role) {
        return Err(Failure::Forbidden("a token may not do more than you".to_owned()).into());
    }
    if !(1..=3_650).contains(&form.days) {
        return Err(Failure::invalid("days", "a token lives 1 to 3,650 days").into());
    }
    let secret = format!("nac_{}", token()?);
    let token = account
        .store(&state)
        .token_add(
            &form.name,
            &hash(&secret),
            role,
            &account.operator(),
            now_us() + form.days * 86_400_000_000,
        )
        .await?;
    render(&CreatedPage {
        chrome: Chrome::new(&state, &account, "The new token", Place::Tokens).await,
        expires: Moment(token.expires_us),
        token,
        secret,
        url: state.environment.url.clone(),
    })
}

async fn revoke(
    State(state): State<AdminState>,
    account: Account,
    Path(id): Path<String>,
) -> Result<Done, Problem> {
    let token = account.store(&state).token_revoke(&id).await?;
    Ok(Done::at(
        "/tokens",
        format!("The token {} no longer opens anything.", token.name),
    ))
}
