//! The CA certificate that a supplicant has to trust.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::PublicState;
use super::failure::PublicFailure;
use super::layout::Shell;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct CaCertificate {
    /// The CA certificate that signs this server's certificate, PEM. Empty when an external PKI signs it.
    pub pem: String,
    /// Its SHA-256 fingerprint for people to compare, `AB:CD:…`.
    pub fingerprint: String,
}

#[derive(Template)]
#[template(path = "public/certificate.html")]
struct Page {
    shell: Shell,
    fingerprint: String,
}

/// `/certificate` and `/ca.pem`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/certificate", get(certificate))
        .route("/ca.pem", get(file))
}

async fn certificate(
    State(state): State<PublicState>,
    shell: Shell,
) -> Result<Html<String>, PublicFailure> {
    let page = Page {
        shell,
        fingerprint: state.ca.fingerprint.clone(),
    };
    Ok(Html(page.render()?))
}

async fn file(State(state): State<PublicState>) -> Result<Response, PublicFailure> {
    if state.ca.pem.is_empty() {
        return Err(PublicFailure::not_found().because("shell-no-ca"));
    }
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"nac-ca.pem\"",
        ),
    ];
    Ok((headers, state.ca.pem.clone()).into_response())
}
