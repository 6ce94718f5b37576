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
/// Rows that wait for a slow browser; beyond that they are counted and not shown.
const WAITING: usize = 64;
/// After this long somebody must ask again: a forgotten window is no reason to stay signed in.
const WATCH: Duration = Duration::from_secs(30 * 60);

#[derive(Template)]
#[template(path = "admin/log/row.html")]
struct LiveRow {
    row: Row,
}

struct Events(mpsc::Receiver<Event>);

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

/// `GET /log/live`: `row` events with a table row each, `missed` with the number of those that were too many to show, and
/// `over` at the end.
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
    tokio::spawn(async move {
        let _permit = permit;
        let watching = follow(decisions, filter, &sender);
        if tokio::time::timeout(WATCH, watching).await.is_err() {
            // Whoever has gone away does not need to hear it.
            let _ = sender.try_send(Event::default().event("over").data("30 min"));
        }
    });
    Ok(Sse::new(Events(receiver))
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Sends what fits until nobody listens any more.
async fn follow(
    mut decisions: broadcast::Receiver<Arc<DecisionRecord>>,
    filter: DecisionFilter,
    sender: &mpsc::Sender<Event>,
) {
    let mut missed: u64 = 0;
    loop {
        let decision = tokio::select! {
            () = sender.closed() => return,
            decision = decisions.recv() => decision,
        };
        let decision = match decision {
            Ok(decision) => decision,
            Err(RecvError::Lagged(lost)) => {
                missed += lost;
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        if !wanted(&filter, &decision) {
            continue;
        }
        if missed > 0 {
            let notice = Event::default().event("missed").data(missed.to_string());
            if sender.try_send(notice).is_ok() {
                missed = 0;
            }
        }
        let row = LiveRow {
            row: Row::from(decision.as_ref()),
        };
        let Ok(html) = row.render() else { continue };
        // A carriage return would end the field, and a browser shows it as a space anyway.
        let event = Event::default().event("row").data(html.replace('\r', " "));
        if sender.try_send(event).is_err() {
            missed += 1;
        }
    }
}
