//! What changes, as it changes: server-sent events that can be taken up again where they broke off.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use nac_store::{Event, next_events};
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Problem;
use crate::admin::AdminState;

/// Events that a slow reader may lag behind before the connection ends; it takes them up again by `Last-Event-ID`.
const BACKLOG: usize = 256;

pub(super) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(event_stream))
}

/// Changes as they are committed: `event` is the kind of thing, `data` is `{"key": …}`, the id or name of the one that changed, or `*` for
/// many. Send `Last-Event-ID` to go on where a connection broke off; `event: reload` says that too much was missed.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "event_stream", tag = "events",
    params(("Last-Event-ID" = Option<i64>, Header, description = "The id of the last event that arrived")),
    responses((status = 200, content_type = "text/event-stream", description = "Server-sent events"), (status = "default", body = Problem)),
    security(("token" = ["read"]))
)]
async fn event_stream(
    State(state): State<AdminState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last: Option<i64> = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    // Listening begins before the past is read, so nothing falls between.
    let mut live = state.store.subscribe();
    let missed = match last {
        Some(seq) => state.store.changes_after(seq).await?,
        None => Some(Vec::new()),
    };
    let (sender, receiver) = mpsc::channel::<Event>(BACKLOG);
    let reload = missed.is_none();
    let missed = missed.unwrap_or_default();
    let newest = missed
        .last()
        .map_or_else(|| last.unwrap_or_default(), |event| event.seq);
    let forward = async move {
        for event in missed {
            if sender.send(event).await.is_err() {
                return;
            }
        }
        while let Some(events) = next_events(&mut live).await {
            for event in events {
                if event.seq != 0 && event.seq <= newest {
                    continue;
                }
                // A reader that does not keep up is disconnected, and comes again.
                if sender.try_send(event).is_err() {
                    return;
                }
            }
        }
    };
    let stream = EventStream {
        forward: Box::pin(forward),
        receiver,
        greeted: false,
        reload,
        ended: false,
    };
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response())
}

/// Polls the forwarder and the channel in the connection's own task, so that nothing is left running when the reader goes.
struct EventStream {
    forward: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    receiver: mpsc::Receiver<Event>,
    greeted: bool,
    reload: bool,
    ended: bool,
}

impl futures_core::Stream for EventStream {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        use std::task::Poll;
        // At once, so that whoever listens, and every proxy between, sees that it does.
        if !std::mem::replace(&mut self.greeted, true) {
            return Poll::Ready(Some(Ok(sse::Event::default().comment("listening"))));
        }
        if std::mem::take(&mut self.reload) {
            return Poll::Ready(Some(Ok(sse::Event::default().event("reload").data("{}"))));
        }
        if !self.ended && self.forward.as_mut().poll(context).is_ready() {
            self.ended = true;
        }
        match self.receiver.poll_recv(context) {
            Poll::Ready(Some(event)) => Poll::Ready(Some(Ok(sse_event(&event)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if self.ended => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn sse_event(event: &Event) -> sse::Event {
    let data = serde_json::json!({ "key": event.key }).to_string();
    let sse = sse::Event::default().event(event.kind.as_str()).data(data);
    if event.seq == 0 {
        sse
    } else {
        sse.id(event.seq.to_string())
    }
}
