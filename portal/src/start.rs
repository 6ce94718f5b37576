//! The public start page: what this server is, and the CA certificate that a supplicant has to trust.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::web;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct StartPage {
    /// The CA certificate that signs this server's certificate, PEM. Empty when an external PKI signs it.
    pub ca_pem: String,
    /// Its SHA-256 fingerprint for people to compare, `AB:CD:…`.
    pub ca_fingerprint: String,
}

#[derive(Template)]
#[template(path = "start.html")]
struct Page<'a> {
    ca_fingerprint: &'a str,
}

/// `/`, `/ca.pem` and the style sheet.
pub fn router(page: StartPage) -> Router {
    let router = Router::new()
        .route("/", get(start))
        .route("/ca.pem", get(ca))
        .route("/style.css", get(style))
        .with_state(Arc::new(page));
    web::secured(router)
}

async fn start(State(page): State<Arc<StartPage>>) -> Response {
    let page = Page {
        ca_fingerprint: &page.ca_fingerprint,
    };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the start page does not render");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn ca(State(page): State<Arc<StartPage>>) -> Response {
    if page.ca_pem.is_empty() {
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
    (headers, page.ca_pem.clone()).into_response()
}

async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("../assets/style.css"),
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn fetch(page: StartPage, path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(page).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    fn page() -> StartPage {
        StartPage {
            ca_pem: "-----BEGIN CERTIFICATE-----\n".into(),
            ca_fingerprint: "AB:CD".into(),
        }
    }

    #[tokio::test]
    async fn the_start_page_shows_the_fingerprint_and_runs_no_script() {
        let (status, headers, body) = fetch(page(), "/").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("AB:CD"));
        assert!(!body.contains("<script"));
        assert!(
            headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'")
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[tokio::test]
    async fn the_ca_certificate_is_a_download_and_its_absence_is_said() {
        let (status, _, body) = fetch(page(), "/ca.pem").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::OK, "-----BEGIN CERTIFICATE-----\n")
        );
        let external = StartPage {
            ca_pem: String::new(),
            ca_fingerprint: String::new(),
        };
        assert_eq!(fetch(external, "/ca.pem").await.0, StatusCode::NOT_FOUND);
    }
}
