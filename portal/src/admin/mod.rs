//! The admin listener: the pages of administrators.
//!
//! To add a page: a file (or folder) here with its handlers and a `routes()` that lists them as `Route`s, each with the
//! [`Permission`](crate::access::Permission) that it needs and, for an action, the API operation that does the same; a template that
//! extends `admin/base.html`; the list added to `routes`. A handler takes an `Account`, changes the store through
//! `Account::store`, so that the audit log knows who it was, and answers an action with `Done`: 303 to a page, with a sentence.
//!
//! *Invariants*
//!
//! * A route without a permission cannot be written; who is not signed in sees the sign-in page and nothing else.
//! * Nothing changes by GET.
//! * Secrets, policy and tokens want somebody who proved within the last minutes who they are (`Account::confirmed`).

mod account;
mod administrators;
mod api_viewer;
mod audit;
mod break_glass;
mod certificates;
mod chart;
mod chrome;
mod clients;
mod devices;
mod done;
mod exceptions;
mod filter;
mod form;
mod guard;
mod guests;
mod health;
mod host;
mod job;
mod limit;
mod lines;
mod listing;
mod log;
mod moment;
mod offers;
mod overview;
mod policy;
mod posture;
mod quarantine;
mod route;
mod search;
mod segments;
mod sessions;
mod settings;
mod sign_in;
mod tokens;
mod users;
mod vouchers;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use nac_posture::PostureGate;
use nac_store::Store;

use crate::web::{self, PasswordPool, asset};

pub(crate) use chrome::{Chrome, Place, render};
pub(crate) use done::Done;
#[cfg(test)]
pub(crate) use guard::encode;
pub(crate) use guard::{Account, Problem};
pub(crate) use moment::Moment;
pub(crate) use route::Route;
pub(crate) use sign_in::{hash, token};

/// What every admin page may use. Clones share everything.
#[derive(Clone)]
pub struct AdminState(Arc<Shared>);

/// The parts of [`AdminState`].
pub struct Shared {
    /// Everything that is remembered.
    pub store: Store,
    /// Posture as it is now.
    pub gate: PostureGate,
    /// Password checks of administrators who sign in.
    pub passwords: PasswordPool,
    /// What the pages have to know of the configuration.
    pub environment: Environment,
    limits: limit::Limits,
    ceremonies: sign_in::Ceremonies,
}

/// What the configuration says that the pages show or depend on.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The address that links lead to, `https://HOST[:PORT]` without a slash at its end. Passkeys belong to its host.
    pub url: String,
    /// The same for the portal.
    pub portal_url: String,
    /// The UDP port at which RADIUS authentication is answered.
    pub auth_port: u16,
    /// The UDP port at which RADIUS accounting is answered.
    pub acct_port: u16,
    /// The TCP port at which RADIUS over TLS is answered; none where it is not.
    pub radsec_port: Option<u16>,
    /// Whether there is a mail server to hand mail to.
    pub sends_mail: bool,
}

impl Environment {
    /// The usual ports (RFC 2865 section 3, RFC 2866 section 3, RFC 6614 section 2.1), without mail.
    pub fn usual(url: impl Into<String>, portal_url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            portal_url: portal_url.into(),
            auth_port: 1812,
            acct_port: 1813,
            radsec_port: Some(2083),
            sends_mail: false,
        }
    }
}

impl AdminState {
    /// Puts the parts together.
    pub fn new(
        store: Store,
        gate: PostureGate,
        passwords: PasswordPool,
        environment: Environment,
    ) -> Self {
        let ceremonies = sign_in::Ceremonies::new(&environment.url);
        Self(Arc::new(Shared {
            store,
            gate,
            passwords,
            environment,
            limits: limit::Limits::default(),
            ceremonies,
        }))
    }
}

impl std::ops::Deref for AdminState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Every page behind the sign-in.
pub(crate) fn routes() -> Vec<Route> {
    [
        account::routes(),
        administrators::routes(),
        api_viewer::routes(),
        audit::routes(),
        break_glass::routes(),
        certificates::routes(),
        clients::routes(),
        devices::routes(),
        exceptions::routes(),
        guests::routes(),
        log::routes(),
        offers::routes(),
        overview::routes(),
        policy::routes(),
        posture::routes(),
        quarantine::routes(),
        search::routes(),
        segments::routes(),
        sessions::routes(),
        settings::routes(),
        tokens::routes(),
        users::routes(),
        vouchers::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Everything on the admin listener: the pages, `/health`, assets.
pub fn router(state: AdminState) -> Router {
    let pages = route::assemble(routes(), &state);
    let open = Router::new()
        .merge(sign_in::routes())
        .route("/health", get(health::report))
        .route("/assets/{hash}/{name}", get(asset::serve))
        .with_state(state.clone());
    // Programs show a token with each call and say nothing of where they come from.
    let pages = guard::demand_origin(open.merge(pages));
    let api = crate::api::router(&state);
    web::secured(pages.merge(api).fallback(guard::nothing_here))
}

/// The API operations that the pages' actions name.
#[cfg(test)]
pub(crate) fn actions() -> Vec<&'static str> {
    routes()
        .into_iter()
        .filter_map(|route| match route.operation {
            route::Operation::Api(id) => Some(id),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
