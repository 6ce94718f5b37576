//! The public listener: what guests, employees and quarantined people see. osquery's endpoints share the listener and are not
//! known here.
//!
//! # How to add a page
//!
//! 1. A module in its area's folder, and its `routes()` merged in [`router`]. A handler takes a [`layout::Shell`], which has the
//!    site, the language and the [`visitor::Visitor`], and gives `Result<_, failure::PublicFailure>`: `?` works on what the
//!    store says, `.because("guest-limit")` explains it in the person's language.
//! 2. A template in `templates/public/AREA/` that begins with `{% extends "public/base.html" %}` and fills the blocks
//!    `title` and `main`; its struct has a field `shell: Shell`. No text of its own: `{{ shell.text("guest-hello") }}`, keys
//!    written out in full, in `locales/*/AREA.ftl` of all five languages and the list in [`crate::i18n`]'s catalogue.
//! 3. Links and form actions by `{{ shell.link("/guest") }}`, which carries language and session on for browsers without
//!    cookies. Fields by [`forms`]. Times by `shell.moment(us)`, lengths by `shell.duration(s)`.
//! 4. Whoever lets somebody in asks `shell.visitor().present()?` for the live session first. State between pages is a
//!    [`token`]. A POST ends in a 303 (`Redirect::to`), a GET changes nothing.
//! 5. Tests by the `TestPortal` of `testing.rs`.
//!
//! Taken so far: `/`, `/r/…`, `/certificate`, `/ca.pem`, `/privacy`, `/capport/…`, `/brand/…`, `/assets/…`, `/remedy…`. The landing page leads to
//! `/guest`, `/voucher`, `/terms`, `/devices` and `/remedy`.

mod brand;
pub mod capport;
pub mod certificate;
mod device;
pub mod failure;
pub mod forms;
pub mod guest;
mod landing;
pub mod layout;
mod privacy;
pub mod probe;
mod remedy;
pub mod sign_in;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod token;
pub mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use nac_posture::PostureGate;
use nac_store::Store;

use crate::i18n::Language;
use crate::mail::Outbox;
use crate::web::{self, PasswordPool, asset};
use certificate::CaCertificate;
use failure::PublicFailure;
use layout::{LANGUAGE_COOKIE, Query};
use sign_in::SignIns;
use token::Tokens;

/// The largest body of a form, in octets.
const BODY_MAX: usize = 64 * 1024;

/// What every public page may use. Clones share everything.
#[derive(Clone, Debug)]
pub struct PublicState(Arc<Shared>);

/// The parts of [`PublicState`].
#[derive(Debug)]
pub struct Shared {
    /// Everything that is remembered.
    pub store: Store,
    /// Posture as it is now, with what each check asks for.
    pub gate: PostureGate,
    /// Password checks of employees who sign in.
    pub passwords: PasswordPool,
    /// Mail to guests and sponsors.
    pub outbox: Outbox,
    /// How often guests may try.
    pub limits: guest::Limits,
    /// Who is signed in.
    pub sign_ins: SignIns,
    /// State that travels with the person.
    pub tokens: Tokens,
    /// The address that links lead to, `https://HOST[:PORT]` without a slash at its end. Never taken from a request.
    pub url: String,
    /// The CA that signs this server's certificate.
    pub ca: CaCertificate,
}

impl PublicState {
    /// Puts the parts together.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl std::ops::Deref for PublicState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Every public page.
pub fn router(state: PublicState) -> Router {
    web::secured(
        Router::new()
            .merge(brand::routes())
            .merge(capport::routes())
            .merge(certificate::routes())
            .merge(device::routes())
            .merge(guest::routes())
            .merge(landing::routes())
            .merge(privacy::routes())
            .merge(remedy::routes())
            .merge(sign_in::routes())
            .merge(visitor::routes())
            .route("/assets/{hash}/{name}", get(asset::serve))
            .fallback(async || PublicFailure::not_found())
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .layer(from_fn_with_state(state.clone(), failure::dress))
            .layer(from_fn(remember_language))
            .with_state(state),
    )
}

/// Whoever chose a language by a link keeps it, where the browser keeps cookies.
async fn remember_language(request: Request, next: Next) -> Response {
    let asked = Query::of(request.uri()).first("lang");
    let language = asked.and_then(|tag| Language::from_tag(&tag));
    let mut response = next.run(request).await;
    if let Some(language) = language {
        let cookie = format!(
            "{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax",
            language.tag()
        );
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}
