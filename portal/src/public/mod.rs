//! The public listener: what guests, employees and quarantined people see. osquery's endpoints share the listener and are not
//! known here.

pub mod start;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use nac_posture::PostureGate;
use nac_store::Store;

use crate::web::{self, PasswordPool, asset};
use start::StartPage;

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
    /// The address that links lead to, `https://HOST[:PORT]` without a slash at its end. Never taken from a request.
    pub url: String,
    /// What the start page shows of the CA.
    pub start: StartPage,
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
            .merge(start::routes())
            .route("/assets/{hash}/{name}", get(asset::serve))
            .with_state(state),
    )
}
