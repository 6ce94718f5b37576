//! What devices ask without a person: the captive portal API (RFC 8908), to which DHCP option 114 points (RFC 8910).
//!
//! There is one address for everybody, `/capport/api`. The answer is the caller's own, by the live session behind its address;
//! whoever has none is captive.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use nac_store::{PortalMethod, Segment, StoreError, now_us};
use serde::Serialize;

use super::PublicState;
use super::failure::PublicFailure;
use super::layout::Shell;
use super::visitor::Visitor;

/// The path of the API, which DHCP announces.
pub const API_PATH: &str = "/capport/api";

/// Whether somebody is held back, and until when they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Only the portal can be reached.
    Captive,
    /// The network can be used, for this many seconds where there is an end.
    Free {
        /// From now.
        seconds_remaining: Option<i64>,
    },
}

/// The answer of RFC 8908 section 5.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Api {
    captive: bool,
    user_portal_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    venue_info_url: String,
    can_extend_session: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<i64>,
}

/// `/capport/api`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new().route(API_PATH, get(api))
}

async fn api(State(state): State<PublicState>, shell: Shell) -> Result<Response, PublicFailure> {
    let standing = standing(&state, shell.visitor()).await?;
    let extendable = [
        PortalMethod::Guest,
        PortalMethod::Voucher,
        PortalMethod::Terms,
    ];
    let guest = shell
        .visitor()
        .session()
        .is_some_and(|session| session.segment == "guest");
    let api = Api {
        captive: standing == Standing::Captive,
        user_portal_url: format!("{}/", state.url),
        venue_info_url: shell.settings().venue_url.clone(),
        can_extend_session: guest
            && shell
                .settings()
                .methods
                .iter()
                .any(|method| extendable.contains(method)),
        seconds_remaining: match standing {
            Standing::Captive => None,
            Standing::Free { seconds_remaining } => seconds_remaining,
        },
    };
    let body = serde_json::to_string(&api).map_err(|_| crate::web::Failure::Unavailable)?;
    let headers = [
        (header::CONTENT_TYPE, "application/captive+json"),
        (header::CACHE_CONTROL, "private"),
    ];
    Ok((headers, body).into_response())
}

/// Whether the visitor's segment holds them back: it redirects browsers, or it is one of the two that exist to hold back.
pub(super) async fn standing(
    state: &PublicState,
    visitor: &Visitor,
) -> Result<Standing, StoreError> {
    let Some(session) = visitor.session() else {
        return Ok(Standing::Captive);
    };
    let segment = match state.store.segment_fetch(&session.segment).await {
        Ok(segment) => segment,
        // It was removed since; what it did is not known.
        Err(StoreError::NotFound { .. }) => Segment::default(),
        Err(error) => return Err(error),
    };
    let held_back = segment.redirect.is_some()
        || matches!(session.segment.as_str(), "registration" | "quarantine");
    if held_back {
        return Ok(Standing::Captive);
    }
    let seconds_remaining = match segment.session_timeout_s {
        None => None,
        Some(timeout_s) => {
            // Session-Timeout counts from the last Access-Accept.
            let accepted_us = match state.store.decision_fetch(session.decision_id).await {
                Ok(decision) => decision.at_us,
                Err(StoreError::NotFound { .. }) => session.started_us,
                Err(error) => return Err(error),
            };
            let since_s = (now_us() - accepted_us) / 1_000_000;
            Some((i64::from(timeout_s) - since_s).max(0))
        }
    };
    // A guest's device has an end of its own.
    let expires_us = match session.device_id {
        Some(id) => match state.store.device_fetch(id).await {
            Ok(device) => device.expires_us,
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    let device_s = expires_us.map(|expires_us| ((expires_us - now_us()) / 1_000_000).max(0));
    let seconds_remaining = match (seconds_remaining, device_s) {
        (Some(session_s), Some(device_s)) => Some(session_s.min(device_s)),
        (session_s, device_s) => session_s.or(device_s),
    };
    Ok(Standing::Free { seconds_remaining })
}
