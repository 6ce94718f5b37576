//! The public start page: what this server is, and the CA certificate that a supplicant has to trust.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::PublicState;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct StartPage {
    /// The CA certificate that signs this server's certificate, PEM. Empty when an external PKI signs it.
    pub ca_pem: String,
    /// Its SHA-256 fingerprint for people to compare, `AB:CD:…`.
    pub ca_fingerprint: String,
}

#[derive(Template)]
#[template(path = "public/start.html")]
struct Page<'a> {
    ca_fingerprint: &'a str,
}

/// `/` and `/ca.pem`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/", get(start))
        .route("/ca.pem", get(ca))
}

async fn start(State(state): State<PublicState>) -> Response {
    let page = Page {
        ca_fingerprint: &state.start.ca_fingerprint,
    };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the start page does not render");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn ca(State(state): State<PublicState>) -> Response {
    if state.start.ca_pem.is_empty() {
        let text = "This server's certificate comes from your organisation's own PKI: ask your IT team for its CA.\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"nac-ca.pem\"",
        ),
    ];
    (headers, state.start.ca_pem.clone()).into_response()
}
