//! A change of the policy, tried on the traffic that was: who would get another answer.
//!
//! The recorded facts of each decision are decided by the policy in force *and* by the new text, and the two answers are compared,
//! not the new answer with the recorded one: so a difference is the change's doing. What an older policy, a segment that was
//! renamed or an account that was disabled meanwhile did at the time is counted apart.

mod tally;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nac_policy::{Engine, Replay, TimeFacts};
use nac_store::{RecordedDecision, RecordedSession, Store, StoreError};
use serde::Serialize;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::super::segment;
use crate::web::Failure;
use tally::Tally;

/// How far back one looks unless told otherwise.
pub const SINCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How many decisions are read at a time.
const PIECE: u32 = 500;
/// What the pages and the API do at most: beside them the same machine answers RADIUS.
const SERVER_DECISIONS: u32 = 20_000;
const SERVER_TIME: Duration = Duration::from_secs(10);

/// Who would get another answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Plan {
    /// The version in force, which the new text is compared with; 0 when no policy was ever applied.
    pub policy_version: i64,
    /// The beginning of the time that was looked at, in microseconds since the Unix epoch.
    pub since_us: i64,
    /// Whether everything since then was looked at; otherwise the newest of it, up to a limit.
    pub complete: bool,
    /// How many decisions were decided again.
    pub decisions: u64,
    /// About how many devices they were. Where the device is not known its MAC address counts, else the name.
    pub devices: u64,
    /// How many decisions would be others.
    pub changed_decisions: u64,
    /// How many devices would get another answer at least once.
    pub changed_devices: u64,
    /// How often each answer becomes which; those that change first, the most frequent first.
    pub outcomes: Vec<PlannedOutcome>,
    /// Whoever gets another answer, whoever came last first.
    pub changes: Vec<PlannedChange>,
    /// How many decisions were refused before a policy was asked (credentials, account, certificate), which no policy changes.
    pub unasked: u64,
    /// How many of those decided again were answered differently at the time, such as by an older policy, and would be today without any
    /// change.
    pub answered_differently_then: u64,
    /// What could not be decided again, and why.
    pub not_replayed: Vec<NotReplayed>,
    /// Who is on the network now.
    pub sessions: PlannedSessions,
}

/// One answer that becomes another, or stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedOutcome {
    /// The segment by the policy in force; `null` is a refusal.
    pub before: Option<String>,
    /// The segment by the new text; `null` is a refusal.
    pub after: Option<String>,
    /// How many decisions.
    pub decisions: u64,
    /// About how many devices.
    pub devices: u64,
}

/// A device, or a user where there is no device, that gets another answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedChange {
    /// The device's id, where it is in the inventory.
    pub device_id: Option<String>,
    /// The device's name, where it has one.
    pub device: String,
    /// Its MAC address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// Who was authenticated.
    pub user: String,
    /// The segment by the policy in force; `null` is a refusal.
    pub before: Option<String>,
    /// The policy that decides so; `null` when none matches.
    pub policy_before: Option<String>,
    /// The segment by the new text; `null` is a refusal.
    pub after: Option<String>,
    /// The policy that decides so; `null` when none matches.
    pub policy_after: Option<String>,
    /// How many decisions.
    pub decisions: u64,
    /// The newest of them.
    pub decision_id: Uuid,
    /// When that was, in microseconds since the Unix epoch.
    pub last_us: i64,
}

/// Decisions that could not be decided again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotReplayed {
    /// Why, in one sentence.
    pub why: String,
    /// How many.
    pub decisions: u64,
}

/// What would become of the live sessions at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedSessions {
    /// How many were looked at: by the facts of their newest decision, at the time of day that it is now.
    pub looked_at: u64,
    /// How many of them would be moved, or put off the network.
    pub moving: u64,
    /// From where to where.
    pub moves: Vec<PlannedMove>,
    /// How many could not be judged, because their decision was forgotten or cannot be decided again.
    pub not_judged: u64,
    /// Whether all were looked at.
    pub complete: bool,
}

/// Live sessions that would be moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedMove {
    /// The segment by the policy in force.
    pub before: Option<String>,
    /// The segment by the new text; `null` is off the network.
    pub after: Option<String>,
    /// How many sessions.
    pub sessions: u64,
}

/// How much work a plan may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Not before this moment, in microseconds since the Unix epoch.
    pub since_us: i64,
    /// At most so many decisions, the newest of them.
    pub decisions: u32,
    /// No longer than this.
    pub time: Option<Duration>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policy in force does not load any more.
    #[error(
        "version {version}, the policy in force, does not load any more, so there is nothing to compare with: {fault}"
    )]
    InForce {
        /// The version.
        version: i64,
        /// Its first fault.
        fault: String,
    },
    /// A thread ended early.
    #[error("the work was interrupted")]
    Interrupted,
}

impl Plan {
    /// Whether anything would change for anybody.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        self.changed_decisions > 0 || self.sessions.moving > 0
    }
}

/// What a segment, or a refusal, is called in tables.
#[must_use]
pub fn outcome(segment: Option<&str>) -> &str {
    segment.unwrap_or("refused")
}

/// Decides again by `after` and by the policy in force; `progress` is told how many decisions are done. Deciding runs on threads for
/// long work; between the pieces others get their turn at the database.
///
/// # Errors
///
/// The database fails, or the policy in force does not load.
pub async fn plan(
    store: &Store,
    after: Engine,
    bounds: Bounds,
    mut progress: impl FnMut(u64),
) -> Result<Plan, PlanError> {
    let began = Instant::now();
    let in_time = || bounds.time.is_none_or(|time| began.elapsed() < time);
    let (policy_version, before) = in_force(store).await?;
    let replay = Arc::new(Replay::new(before, after));
    let mut tally = Tally::default();
    let (mut done, mut before_id) = (0_u32, None);
    let complete = loop {
        let limit = PIECE.min(bounds.decisions - done);
        if limit == 0 || !in_time() {
            // The limit may be just what there is.
            let more = store
                .decision_list_recorded(bounds.since_us, before_id, 1)
                .await?;
            break more.is_empty();
        }
        let piece = store
            .decision_list_recorded(bounds.since_us, before_id, limit)
            .await?;
        let Some(last) = piece.last() else { break true };
        before_id = Some(last.id);
        done += u32::try_from(piece.len()).unwrap_or(limit);
        tally = decide(&replay, tally, piece).await?;
        progress(done.into());
    };
    let sessions_complete =
        sessions(store, &replay, &mut tally, bounds.decisions, &in_time).await?;
    Ok(tally.into_plan(policy_version, bounds.since_us, complete, sessions_complete))
}

/// [`plan`] beside a running server: the last day, within bounds, one at a time.
///
/// # Errors
///
/// [`Failure::TooMany`] when others take too long; those of [`plan`].
pub async fn plan_beside_the_server(
    store: &Store,
    after: Engine,
    since: Duration,
) -> Result<Plan, Failure> {
    static ONE: Semaphore = Semaphore::const_new(1);
    // Whoever comes next waits for about as long as one may take.
    let turn = tokio::time::timeout(SERVER_TIME, ONE.acquire()).await;
    let Ok(Ok(_one)) = turn else {
        return Err(Failure::TooMany(
            "another policy is being tried at this moment: try again in ten seconds".to_owned(),
        ));
    };
    let bounds = Bounds {
        since_us: since_us(since),
        decisions: SERVER_DECISIONS,
        time: Some(SERVER_TIME),
    };
    Ok(plan(store, after, bounds, |_| ()).await?)
}

/// The moment this long ago, in microseconds since the Unix epoch.
#[must_use]
pub fn since_us(since: Duration) -> i64 {
    let since = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    nac_store::now_us().saturating_sub(since)
}

/// The policy in force. Without one nobody gets in, as with an empty one.
async fn in_force(store: &Store) -> Result<(i64, Engine), PlanError> {
    let current = store.policy_current().await?;
    let (version, text) = current.map_or((0, String::new()), |current| {
        (current.version, current.text)
    });
    let segments = segment::names(store).await?;
    let engine = Engine::load(&text, &segments).map_err(|errors| PlanError::InForce {
        version,
        fault: errors
            .0
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    })?;
    Ok((version, engine))
}

async fn decide(
    replay: &Arc<Replay>,
    mut tally: Tally,
    piece: Vec<RecordedDecision>,
) -> Result<Tally, PlanError> {
    let replay = replay.clone();
    let work = move || {
        for recorded in &piece {
            tally.add(&replay, recorded);
        }
        tally
    };
    apart(work).await
}

/// Looks at the live sessions; tells whether at all of them.
async fn sessions(
    store: &Store,
    replay: &Arc<Replay>,
    tally: &mut Tally,
    limit: u32,
    in_time: &impl Fn() -> bool,
) -> Result<bool, PlanError> {
    let now = local_time();
    let (mut done, mut after) = (0_u32, None);
    loop {
        let piece = store.session_list_recorded(after, PIECE).await?;
        let Some(last) = piece.last() else {
            return Ok(true);
        };
        if done >= limit || !in_time() {
            return Ok(false);
        }
        after = Some(last.id);
        done += PIECE;
        *tally = judge(replay, std::mem::take(tally), piece, now).await?;
    }
}

async fn judge(
    replay: &Arc<Replay>,
    mut tally: Tally,
    piece: Vec<RecordedSession>,
    now: TimeFacts,
) -> Result<Tally, PlanError> {
    let replay = replay.clone();
    let work = move || {
        for session in &piece {
            tally.add_session(&replay, session, now);
        }
        tally
    };
    apart(work).await
}

/// Does a piece of work on a thread that answers nobody.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PlanError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "one plan runs at a time, and waits for each piece"
    )]
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| PlanError::Interrupted)
}

/// Now, as policies see it: sessions are decided anew as the day goes on.
fn local_time() -> TimeFacts {
    let now = jiff::Zoned::now();
    TimeFacts {
        unix_s: now.timestamp().as_second(),
        hour: now.hour().unsigned_abs(),
        minute: now.minute().unsigned_abs(),
        weekday: now.weekday().to_monday_one_offset().unsigned_abs(),
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Store(error) => error.into(),
            PlanError::InForce { .. } => Self::Conflict(error.to_string()),
            PlanError::Interrupted => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests;
