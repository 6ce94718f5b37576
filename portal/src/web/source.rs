//! Who is calling: the address of the TCP connection. Headers such as X-Forwarded-For are anybody's claim and are not read.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use nac_posture::TlsPeer;

/// The caller's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Source {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match parts.extensions.get::<TlsPeer>() {
            Some(peer) => Ok(Self(peer.address.ip().to_canonical())),
            None => {
                tracing::error!("the listener did not say who is calling");
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}
