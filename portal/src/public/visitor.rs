//! Who is here: the live session behind the caller's address. Never by a MAC address or anything else that a person can write
//! into a URL.
//!
//! Where accounting does not tell the address, a NAS that can redirect browsers names the session in the address that it sends
//! them to: `/r/LINK?`. The link is signed, and it ends in `?` because Cisco's and Meraki's devices append `&redirect_url=…` to
//! whatever they were given. A session whose address is known cannot be claimed from another one.

use std::net::IpAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::get;
use nac_store::{Session, now_us};
use uuid::Uuid;

use super::failure::PublicFailure;
use super::token::Holder;
use super::{PublicState, layout::Query};
use crate::web::{Failure, Source};

/// The purpose of the token that carries a session from page to page, `?t=…`.
const VISIT: &str = "visit";

/// Somebody who looks at a page.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Where the request comes from.
    pub source: IpAddr,
    session: Option<Session>,
    /// The token that said so, where it was not the address.
    token: Option<String>,
}

impl Visitor {
    /// Looks for the session behind an address, or the one that a link of its NAS named.
    pub(super) async fn find(
        state: &PublicState,
        source: IpAddr,
        query: &Query,
    ) -> Result<Self, PublicFailure> {
        let behind = state.store.session_by_address(source).await?;
        let mut visitor = Self {
            source,
            session: behind,
            token: None,
        };
        let Some(token) = query.first("t").filter(|_| visitor.session.is_none()) else {
            return Ok(visitor);
        };
        let holder = Holder::Address(source);
        if let Ok(id) = state.tokens.verify::<Uuid>(VISIT, holder, &token, now_us()) {
            visitor.session = claimed(state, source, id).await?;
            // A new one, so that somebody who reads slowly keeps it.
            visitor.token = state.tokens.sign(VISIT, holder, &id, now_us()).ok();
        }
        Ok(visitor)
    }

    /// Somebody of whom nothing is known but the address.
    pub(super) fn unknown(source: IpAddr) -> Self {
        Self {
            source,
            session: None,
            token: None,
        }
    }

    /// The live session of the device that the person sits at.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The live session, which a form that lets somebody in needs: a program on the internet has none.
    ///
    /// # Errors
    ///
    /// [`PublicFailure`], which says in the person's language that they have to be on this network.
    pub fn present(&self) -> Result<&Session, PublicFailure> {
        self.session.as_ref().ok_or_else(|| {
            PublicFailure::from(Failure::Forbidden(
                "there is no session behind this address".to_owned(),
            ))
            .because("shell-not-here")
        })
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// The session with this id, if it is live and not known to be at another address.
async fn claimed(
    state: &PublicState,
    source: IpAddr,
    id: Uuid,
) -> Result<Option<Session>, PublicFailure> {
    let session = match state.store.session_fetch(id).await {
        Ok(session) => session,
        Err(nac_store::StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let elsewhere = session.framed_ip.as_ref().is_some_and(|address| {
        address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical() != source)
    });
    Ok((session.stopped_us.is_none() && !elsewhere).then_some(session))
}

/// `/r/{link}`, where a NAS sends browsers.
pub(super) fn routes() -> Router<PublicState> {
    Router::new().route("/r/{link}", get(arrive))
}

async fn arrive(
    State(state): State<PublicState>,
    Source(source): Source,
    Path(link): Path<String>,
) -> Result<Redirect, PublicFailure> {
    let refused = |why: &str| {
        PublicFailure::from(Failure::Forbidden(why.to_owned())).because("shell-link-refused")
    };
    let id = state
        .tokens
        .session_of_link(&link)
        .ok_or_else(|| refused("the link was changed"))?;
    if let Some(behind) = state.store.session_by_address(source).await? {
        // The device behind the address counts, whatever link it was given.
        if behind.id != id {
            tracing::warn!(%source, session = %behind.id, claimed = %id, "a device came with another session's link");
        }
        return Ok(Redirect::to("/"));
    }
    if claimed(&state, source, id).await?.is_none() {
        return Err(refused("the session is over, or at another address"));
    }
    let token = state
        .tokens
        .sign(VISIT, Holder::Address(source), &id, now_us())
        .map_err(|_| Failure::Unavailable)?;
    Ok(Redirect::to(&format!("/?t={token}")))
}
