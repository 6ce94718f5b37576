//! Supplicants that say no more: what became of their login is taken down all the same.
//!
//! A supplicant that does not trust this server often stops without a word, and one whose password was wrong need not acknowledge that.
//! Nothing is answered then, for nobody asks; but somebody stands before a port that stays closed, and looks for the reason.
//!
//! *Invariant*: silence costs a sender one message of a method, so only so many are taken down in a minute; the others are counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::conversations::{Active, Left};
use super::eap::{method_name, named};
use super::record::told_together;
use super::request::Request;
use super::{Authenticator, answer, offer};
use crate::reason::Refusal;

/// How often it is looked for those whose time is over.
const TICK: Duration = Duration::from_secs(1);
/// A station that begins anew sooner after its last message did not leave: another one may have the same address.
const QUIET: Duration = Duration::from_secs(1);
/// Silences that are taken down in a minute.
const LIMIT: u64 = 600;
const MINUTE: Duration = Duration::from_secs(60);

/// How many were taken down lately.
#[derive(Debug, Default)]
pub(super) struct Silences {
    minute: Mutex<Option<Minute>>,
}

#[derive(Debug)]
struct Minute {
    began: Instant,
    count: u64,
}

impl Silences {
    /// Whether one more is taken down.
    fn enter(&self, now: Instant) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let current = minute.get_or_insert(Minute {
            began: now,
            count: 0,
        });
        current.count += 1;
        current.count <= LIMIT
    }

    /// How many were passed over in the minute that is over now.
    fn passed_over(&self, now: Instant) -> u64 {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let over = minute.take_if(|minute| now.duration_since(minute.began) >= MINUTE);
        over.map_or(0, |minute| minute.count.saturating_sub(LIMIT))
    }
}

/// Looks for those whose time is over, and for refusals that are told together, until cancelled.
pub(crate) async fn run(authenticator: Arc<Authenticator>, cancel: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => {
                told_together(&authenticator, authenticator.repeats.all());
                return;
            }
            _ = ticks.tick() => {}
        }
        let now = Instant::now();
        take_down(&authenticator, authenticator.conversations.expire(now), now);
        told_together(&authenticator, authenticator.repeats.over(now));
        let passed_over = authenticator.silences.passed_over(now);
        if passed_over > 0 {
            tracing::warn!(
                passed_over,
                "more logins ended in silence within a minute than are taken down"
            );
        }
    }
}

/// Takes down how these logins ended, as far as they did.
pub(super) fn take_down(authenticator: &Authenticator, left: Vec<Left>, now: Instant) {
    for Left { active, gone } in left {
        let Some(ended) = ended(&authenticator.silences, &active, gone, now) else {
            continue;
        };
        let refusal = offer::named(ended.refusal, &ended.request);
        answer::never_answered(
            authenticator,
            &ended.request,
            ended.method,
            &ended.name,
            refusal,
            ended.credential_us,
            ended.decision,
        );
    }
}

struct Ended {
    request: Request,
    method: &'static str,
    name: String,
    refusal: Refusal,
    credential_us: u64,
    decision: Uuid,
}

/// How a login ended that its supplicant may have left.
fn ended(silences: &Silences, active: &Mutex<Active>, gone: bool, now: Instant) -> Option<Ended> {
    let mut active = active.lock().unwrap_or_else(PoisonError::into_inner);
    let active = &mut *active;
    // Else it is being answered, or waits for this server: no silence of the supplicant's.
    let its_turn = active.expected.is_some() && active.parked.is_none();
    let reason = active.conversation.unanswered().filter(|_| its_turn)?;
    let quiet = |request: &mut Request| gone || now.duration_since(request.arrived) >= QUIET;
    let request = active.unanswered.take_if(quiet)?;
    if !silences.enter(now) {
        return None;
    }
    let refusal = Refusal::from(reason);
    let decision = Uuid::now_v7();
    active.told = Some((refusal.code, decision));
    let method = active.conversation.method();
    Some(Ended {
        method: method.map_or("EAP", method_name),
        name: named(active, &request),
        request,
        refusal,
        credential_us: active.credential_us,
        decision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_silences_is_counted_and_a_few_are_taken_down() {
        let silences = Silences::default();
        let now = Instant::now();
        let taken = (0..3 * LIMIT).filter(|_| silences.enter(now)).count();
        assert_eq!(taken as u64, LIMIT);
        assert_eq!(silences.passed_over(now + MINUTE / 2), 0, "not yet");
        assert_eq!(silences.passed_over(now + MINUTE), 2 * LIMIT);
        assert!(silences.enter(now + MINUTE));
        assert_eq!(silences.passed_over(now + 2 * MINUTE), 0);
    }
}
