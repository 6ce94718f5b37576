//! How the person came to the device that the page is about: by sitting at it, or by signing in as its owner.
//!
//! # What is enough to be shown a device
//!
//! At `/remedy` the network itself says who is here, and that is worth as much as the binding between the session and osquery's
//! host: below B2 somebody else could sit there under a borrowed MAC address, so a session by MAC alone reads nothing.
//!
//! At `/remedy/mine/ID` a password, checked a moment ago, and the record say it: the device is this person's, and the host is the
//! device's. Neither can be borrowed. An owner is written by an administrator, or by the portal for a device that nobody had
//! before; and a host comes to a device only by a certificate, by a secret issued for it, or by being new, never by a MAC address.
//! So whoever registers a colleague's MAC address as their own gets a device without a host and reads nothing of the colleague's.
//! That is stronger than B2, and it holds while the laptop is elsewhere. It says nothing about the wire, though: it lets nobody
//! in, and what a session gets stays the business of its own binding.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use nac_store::{Actor, ActorKind, Device, Store};

use super::PublicState;
use crate::public::device::mine;
use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;
use crate::public::sign_in::Employee;

/// Where the pages of one's own devices are.
pub(super) const MINE: &str = "/remedy/mine";

/// How the person came to the device.
#[derive(Debug)]
pub(super) enum Seat {
    /// They sit at it, if anybody is known at their address.
    Here,
    /// They signed in, and it is theirs.
    Owner(Box<(Employee, Device)>),
}

impl Seat {
    /// The address of this device's page, and of what is below it.
    pub(super) fn path(&self, below: &str) -> String {
        match self {
            Self::Here => format!("/remedy{below}"),
            Self::Owner(owner) => format!("{MINE}/{}{below}", owner.1.id),
        }
    }

    /// Who asks, for whatever is recorded.
    ///
    /// # Errors
    ///
    /// [`PublicFailure`] where nobody is known: they have to be on this network, or to sign in.
    pub(super) fn person<'a>(&'a self, shell: &'a Shell) -> Result<&'a str, PublicFailure> {
        match self {
            Self::Here => Ok(&shell.visitor().present()?.identity),
            Self::Owner(owner) => Ok(&owner.0.user.name),
        }
    }

    /// The store, recording changes as this person's.
    pub(super) fn acting(&self, state: &PublicState, shell: &Shell) -> Store {
        match self {
            Self::Owner(owner) => owner.0.store(state),
            Self::Here => {
                let visitor = shell.visitor();
                let session = visitor.session();
                state.store.acting(Actor {
                    kind: ActorKind::Portal,
                    name: session.map_or_else(String::new, |session| session.identity.clone()),
                    source: visitor.source.to_string(),
                })
            }
        }
    }
}

/// With an id in the path, the owner's seat; whoever is not signed in is sent to sign in, and a device of somebody else is not
/// there.
impl FromRequestParts<PublicState> for Seat {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &PublicState) -> Result<Self, Response> {
        let id = Option::<Path<String>>::from_request_parts(parts, state)
            .await
            .map_err(|_| PublicFailure::not_found().into_response())?;
        let Some(Path(id)) = id else {
            return Ok(Self::Here);
        };
        let employee = Employee::from_request_parts(parts, state).await?;
        let device = mine(state, &employee, &id)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self::Owner(Box::new((employee, device))))
    }
}
