//! The log as it grows: rendered rows as server-sent events, for as long as somebody may still be watching.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use nac_store::{DecisionFilter, DecisionRecord};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast, mpsc};

use super::{AdminState, Filters, Problem, Row, wanted};
use crate::web::Failure;

/// The most watchers at once.
static WATCHERS: Semaphore = Semaphore::const_new(64);
/// Rows that wait for a slow browser.
const WAITING: usize = 64;
/// After this long somebody must ask again: a forgotten window is no reason to stay signed in.
const WATCH: Duration = Duration::from_secs(30 * 60);

#[derive(Template)]
#[template(path = "admin/log/row.html")]
struct LiveRow {
    row: Row,
}

/// Polls what follows the log and what it has to say in the connection's own task, so that nothing is left running when the
/// reader goes.
struct Events {
    follow: Pin<Box<dyn Future<Output = ()> + Send>>,
    receiver: mpsc::Receiver<Event>,
    ended: bool,
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.ended && self.follow.as_mut().poll(context).is_ready() {
            self.ended = true;
        }
        match self.receiver.poll_recv(context) {
            Poll::Pending if self.ended => Poll::Ready(None),
            polled => polled.map(|event| event.map(Ok)),
        }
    }
}

/// `GET /log/live`: `row` events with a table row each, `missed` with the number of answers that were too many to
/// look at, and `over` at the end.
pub(super) async fn stream(
    State(state): State<AdminState>,
    UrlQuery(filters): UrlQuery<Filters>,
) -> Result<Response, Problem> {
    let filter = filters.read()?;
    let Ok(permit) = WATCHERS.try_acquire() else {
        return Err(Failure::TooMany(
            "too many people watch the log at this moment; reload the page to see what is new"
                .to_owned(),
        )
        .into());
    };
    let decisions = state.store.decisions_live();
    let (sender, receiver) = mpsc::channel(WAITING);
    let follow = async move {
        let _permit = permit;
        let watching = follow(decisions, filter, &sender);
        if tokio::time::timeout(WATCH, watching).await.is_err() {
            // Whoever has gone away does not need to hear it.
            let _ = sender.try_send(Event::default().event("over").data("30 min"));
        }
    };
    let events = Events {
        follow: Box::pin(follow),
        receiver,
        ended: false,
    };
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Sends row after row. A browser that is slower than the log makes this wait, and what the log forgets meanwhile is counted.
async fn follow(
    mut decisions: broadcast::Receiver<Arc<DecisionRecord>>,
    filter: DecisionFilter,
    sender: &mpsc::Sender<Event>,
) {
    loop {
        let event = match decisions.recv().await {
            Ok(decision) if wanted(&filter, &decision) => {
                let row = LiveRow {
                    row: Row::from(decision.as_ref()),
                };
                let Ok(html) = row.render() else { continue };
                // A carriage return would end the field, and a browser shows it as a space anyway.
                Event::default().event("row").data(html.replace('\r', " "))
            }
            Ok(_) => continue,
            Err(RecvError::Lagged(missed)) => {
                Event::default().event("missed").data(missed.to_string())
            }
            Err(RecvError::Closed) => return,
        };
        if sender.send(event).await.is_err() {
            return;
        }
    }
}
