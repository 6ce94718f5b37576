//! Reading a body within bounds: of size, of inflated size, and of how many large ones at once.

use std::io::Read as _;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};
use tokio::sync::SemaphorePermit;

use super::Refusal;
use crate::gate::PostureGate;

/// What is larger needs one of few permits.
const LARGE: usize = 256 * 1024;
/// So much of a body that is too large is read and dropped, for a client that still writes cannot
/// hear the answer.
const DRAIN: usize = 64 * 1024 * 1024;

/// A body, and the permit it holds while it is large.
pub(super) struct Received<'a> {
    pub(super) bytes: Bytes,
    _permit: Option<SemaphorePermit<'a>>,
}

/// Reads and, with `Content-Encoding: gzip`, inflates at most `limit` bytes.
pub(super) async fn read<'a>(
    gate: &'a PostureGate,
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
) -> Result<Received<'a>, Refusal> {
    let large = &gate.shared.large_bodies;
    let mut permit = None;
    let mut bytes = Vec::new();
    let (mut total, mut refusal) = (0_usize, None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::refused("the body broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        total = total.saturating_add(data.len());
        if total > DRAIN {
            break;
        }
        if total > limit {
            refusal = Some(Refusal::TooLarge);
        } else if total > LARGE && permit.is_none() && refusal.is_none() {
            match large.try_acquire() {
                Ok(one) => permit = Some(one),
                Err(_) => refusal = Some(Refusal::Busy),
            }
        }
        if refusal.is_some() {
            bytes = Vec::new();
            permit = None;
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.as_bytes());
    match encoding {
        None | Some(b"identity" | b"") => {}
        Some(encoding) if encoding.eq_ignore_ascii_case(b"gzip") => {
            // A small body may inflate to a large one.
            if permit.is_none() {
                permit = Some(large.try_acquire().map_err(|_| Refusal::Busy)?);
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "the permit bounds how many there are"
            )]
            let inflated = tokio::task::spawn_blocking(move || inflate(&bytes, limit)).await;
            bytes = inflated.map_err(|_| Refusal::Busy)??;
            if bytes.len() <= LARGE {
                permit = None;
            }
        }
        Some(_) => {
            let words = "only gzip bodies are understood".to_owned();
            return Err(Refusal::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
        }
    }
    Ok(Received {
        bytes: bytes.into(),
        _permit: permit,
    })
}

fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut inflated = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes)
        .take(bound)
        .read_to_end(&mut inflated)
        .map_err(|_| Refusal::refused("the body is not gzip"))?;
    if inflated.len() > limit {
        Err(Refusal::TooLarge)
    } else {
        Ok(inflated)
    }
}

/// The body as one JSON object, whatever Content-Type says.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(bytes).map_err(|_| Refusal::refused("the body is not a JSON object"))
}
