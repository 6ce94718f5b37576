//! What the pages of both listeners share: headers that keep a page from being framed, sniffed or scripted by others, embedded
//! assets, who is calling, password checks.

pub mod asset;
pub mod failure;
pub mod password;
pub mod source;
pub mod spreadsheet;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;

pub use failure::Failure;
pub use password::PasswordPool;
pub use source::Source;

/// Scripts and style sheets from here only, none inline; no frame; nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds the security headers to every response of a router, and refuses unsafe requests that another site made a browser send.
pub fn secured(router: Router) -> Router {
    let set = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    router.layer(
        ServiceBuilder::new()
            .layer(set(
                header::CONTENT_SECURITY_POLICY,
                CONTENT_SECURITY_POLICY,
            ))
            .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .layer(set(header::REFERRER_POLICY, "same-origin"))
            .layer(set(header::CACHE_CONTROL, "no-store"))
            .layer(CsrfLayer::new()),
    )
}
