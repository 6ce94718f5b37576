//! A site's colours and logo, as files of our own: the security policy allows no style within a page.

use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nac_store::{Brand, PortalSite, logo_type};

use super::PublicState;
use super::failure::PublicFailure;

/// `/brand/{site}/{version}/…`. The version only tells browsers that there is something new.
pub(super) fn routes() -> Router<PublicState> {
    Router::new()
        .route("/brand/{site}/{version}/style.css", get(style))
        .route("/brand/{site}/{version}/logo", get(logo))
}

pub(super) fn style_url(site: &PortalSite) -> Option<String> {
    let own = site.settings.brand != Brand::default();
    own.then(|| format!("{}/style.css", base(site)))
}

pub(super) fn logo_url(site: &PortalSite) -> Option<String> {
    site.has_logo.then(|| format!("{}/logo", base(site)))
}

/// A site's name may be any text, and may be empty: so it stands there encoded behind a letter.
fn base(site: &PortalSite) -> String {
    let version = digest::digest(&digest::SHA256, &site.updated_us.to_be_bytes());
    let version = hex::encode(version.as_ref().get(..6).unwrap_or_default());
    format!("/brand/s{}/{version}", URL_SAFE_NO_PAD.encode(&site.site))
}

fn site_of(encoded: &str) -> Option<String> {
    let encoded = encoded.strip_prefix('s').filter(|text| text.len() <= 512)?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

const FOR_A_DAY: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=86400");

async fn style(
    State(state): State<PublicState>,
    Path((site, _)): Path<(String, String)>,
) -> Result<Response, PublicFailure> {
    let site = site_of(&site).ok_or_else(PublicFailure::not_found)?;
    let Brand {
        accent,
        accent_dark,
    } = state.store.portal_site(&site).await?.settings.brand;
    let css = format!(
        ":root{{--accent:{accent}}}\n@media (prefers-color-scheme:dark){{:root{{--accent:{accent_dark}}}}}\n"
    );
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), FOR_A_DAY];
    Ok((headers, css).into_response())
}

async fn logo(
    State(state): State<PublicState>,
    Path((site, _)): Path<(String, String)>,
) -> Result<Response, PublicFailure> {
    let site = site_of(&site).ok_or_else(PublicFailure::not_found)?;
    let logo = state
        .store
        .portal_logo(&site)
        .await?
        .ok_or_else(PublicFailure::not_found)?;
    let kind = logo_type(&logo).ok_or_else(PublicFailure::not_found)?;
    Ok(([(header::CONTENT_TYPE, kind), FOR_A_DAY], logo).into_response())
}
