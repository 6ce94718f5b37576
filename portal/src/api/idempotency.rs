//! A POST with an `Idempotency-Key` is carried out once: sent again, it gets the first answer again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::{Caller, Problem};

/// How long an answer is kept.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Answers kept at most; the oldest go first.
const REPLIES: usize = 4_096;
/// A longer answer is not kept.
const REPLY_MAX: usize = 256 * 1_024;
/// The longest key.
const KEY_MAX: usize = 128;

/// Whose key, for which operation.
type Key = (Uuid, String, String);

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Replies {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    replies: HashMap<Key, Option<Reply>>,
    order: VecDeque<(Instant, Key)>,
}

#[derive(Clone, Debug)]
struct Reply {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

enum Seen {
    New,
    UnderWay,
    Answered(Reply),
}

impl Replies {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, key: &Key) -> Seen {
        let mut kept = self.lock();
        while kept
            .order
            .front()
            .is_some_and(|(since, _)| since.elapsed() > LIFETIME || kept.order.len() > REPLIES)
        {
            if let Some((_, old)) = kept.order.pop_front() {
                kept.replies.remove(&old);
            }
        }
        match kept.replies.get(key) {
            Some(Some(reply)) => Seen::Answered(reply.clone()),
            Some(None) => Seen::UnderWay,
            None => {
                kept.replies.insert(key.clone(), None);
                kept.order.push_back((Instant::now(), key.clone()));
                Seen::New
            }
        }
    }

    fn keep(&self, key: Key, reply: Reply) {
        self.lock().replies.insert(key, Some(reply));
    }

    fn forget(&self, key: &Key) {
        let mut kept = self.lock();
        kept.replies.remove(key);
        kept.order.retain(|(_, known)| known != key);
    }
}

/// Carries a request out, or gives the answer that it had.
pub(super) async fn once(
    State(replies): State<Arc<Replies>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let Some(key) = key(request.headers()).filter(|_| request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let key = (caller.key(), request.uri().path().to_owned(), key);
    match replies.claim(&key) {
        Seen::Answered(reply) => return reply.into_response(),
        Seen::UnderWay => {
            return Problem::new(
                StatusCode::CONFLICT,
                "the first request with this Idempotency-Key is still being carried out: ask again in a moment",
            )
            .into_response();
        }
        Seen::New => {}
    }
    let (parts, body) = next.run(request).await.into_parts();
    // What failed may be tried again with the same key.
    if !parts.status.is_success() {
        replies.forget(&key);
        return Response::from_parts(parts, body);
    }
    let Ok(body) = to_bytes(body, REPLY_MAX).await else {
        replies.forget(&key);
        return Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "it was done, but the answer is too long to be kept: ask without an Idempotency-Key",
        )
        .into_response();
    };
    replies.keep(
        key,
        Reply {
            status: parts.status,
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            body: body.clone(),
        },
    );
    Response::from_parts(parts, Body::from(body))
}

fn key(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("idempotency-key")?.to_str().ok()?;
    (!key.is_empty() && key.len() <= KEY_MAX).then(|| key.to_owned())
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if let Some(content_type) = self.content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        headers.insert("idempotent-replay", HeaderValue::from_static("true"));
        response
    }
}
