//! The REST API below `/api/v1`: what the pages can do, for programs.
//!
//! The OpenAPI document is made from the handlers, and it is the table of permissions too: an operation is let through when the
//! caller's role has the scope that the document names for it, and an operation without a scope lets nobody through.
//!
//! To add an operation: a handler with `#[utoipa::path]` (its `operation_id` is `resource_verb`, its `security` names one scope), in
//! the `routes!` of its file. A page's action names the same id; a test compares the two.
//!
//! *Invariants*
//!
//! * No operation without a token; cookies are not looked at, so no other site can make a browser call.
//! * Errors are `application/problem+json` (RFC 9457) with one sentence that says what, where and what to do.
//! * A list is a page: `items` and, while there is more, `next` for `?after=`.
//! * A POST with an `Idempotency-Key` is carried out once, however often it is sent.

mod access;
mod administrators;
mod break_glass;
mod certificates;
mod clients;
mod decisions;
mod devices;
mod document;
mod events;
mod exceptions;
mod exports;
mod guests;
mod idempotency;
mod input;
mod offers;
mod overview;
mod policies;
mod posture;
mod problem;
mod psks;
mod quarantines;
mod segments;
mod sessions;
mod settings;
mod tokens;
mod users;
mod vouchers;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::admin::AdminState;

pub(crate) use access::Caller;
pub(crate) use input::{Body, Page, Paging, Path, Query};
pub(crate) use problem::{Problem, no_such_operation};

/// Every operation, with its document.
fn operations() -> OpenApiRouter<AdminState> {
    OpenApiRouter::with_openapi(document::frame())
        .merge(document::routes())
        .merge(overview::routes())
        .merge(sessions::routes())
        .merge(exports::routes())
        .merge(decisions::routes())
        .merge(quarantines::routes())
        .merge(exceptions::routes())
        .merge(break_glass::routes())
        .merge(devices::routes())
        .merge(psks::routes())
        .merge(users::routes())
        .merge(guests::routes())
        .merge(vouchers::routes())
        .merge(posture::routes())
        .merge(policies::routes())
        .merge(segments::routes())
        .merge(offers::routes())
        .merge(clients::routes())
        .merge(certificates::routes())
        .merge(administrators::routes())
        .merge(tokens::routes())
        .merge(settings::routes())
        .merge(events::routes())
}

/// The document alone.
pub fn document() -> OpenApi {
    operations().into_openapi()
}

/// The API, behind its door.
pub(crate) fn router(state: &AdminState) -> Router {
    let (router, document) = operations().split_for_parts();
    let router = document::serve(router, &document);
    access::guarded(router, &document, state).with_state(state.clone())
}

#[cfg(test)]
mod tests;
