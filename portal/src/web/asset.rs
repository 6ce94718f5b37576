//! Embedded assets. A URL carries the beginning of the content's SHA-256, so browsers may keep it for ever.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static [u8],
    url: String,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let files: [(&str, &str, &[u8]); 5] = [
        ("public.css", CSS, include_bytes!("../../assets/public.css")),
        ("admin.css", CSS, include_bytes!("../../assets/admin.css")),
        ("sheet.css", CSS, include_bytes!("../../assets/sheet.css")),
        ("admin.js", SCRIPT, include_bytes!("../../assets/admin.js")),
        (
            "remedy.js",
            SCRIPT,
            include_bytes!("../../assets/remedy.js"),
        ),
    ];
    files
        .into_iter()
        .map(|(name, content_type, body)| {
            let hash = hex::encode(digest::digest(&digest::SHA256, body));
            let url = format!("/assets/{}/{name}", hash.get(..12).unwrap_or_default());
            Asset {
                name,
                content_type,
                body,
                url,
            }
        })
        .collect()
});

/// Where a page finds this asset.
///
/// # Panics
///
/// When there is none of this name, which a test of any page finds.
pub fn url(name: &str) -> &'static str {
    &ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .unwrap_or_else(|| panic!("there is no asset {name}"))
        .url
}

/// `/assets/{hash}/{name}`.
pub async fn serve(Path((hash, name)): Path<(String, String)>) -> Response {
    let wanted = format!("/assets/{hash}/{name}");
    match ASSETS.iter().find(|asset| asset.url == wanted) {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.body,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
