//! The second factor of a user: an authenticator app, whose secret is shown once.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::path;
use crate::admin::{Account, AdminState, Chrome, Done, Place, Problem, render};
use crate::totp;
use crate::web::Failure;

#[derive(Template)]
#[template(path = "admin/users/totp.html")]
struct SecretPage {
    chrome: Chrome,
    path: String,
    user: String,
    secret: Zeroizing<String>,
    /// An SVG, as a data URL holds it.
    qr: Zeroizing<String>,
}

pub(super) async fn enable(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    account.confirmed(&path(&name))?;
    let made = totp::enrol(&account.store(&state), &name).await?;
    let qr = totp::qr_svg(&made.url).ok_or(Failure::Unavailable)?;
    render(&SecretPage {
        chrome: Chrome::new(&state, &account, "Authenticator app", Place::Users).await,
        path: path(&made.user),
        user: made.user,
        secret: made.secret,
        qr: Zeroizing::new(STANDARD.encode(qr)),
    })
}

pub(super) async fn disable(
    State(state): State<AdminState>,
    account: Account,
    Path(name): Path<String>,
) -> Result<Done, Problem> {
    account.confirmed(&path(&name))?;
    account.store(&state).user_set_totp(&name, None).await?;
    Ok(Done::at(
        path(&name),
        format!("{name} is asked for the password only."),
    ))
}
