//! One session that should be elsewhere: climbs the vendor's ladder until the move is proven.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nac_store::{Attempt, Enforcement, EnforcementState, WriterHandle, now_us};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::dynamic_authorization::{self, Reply};
use super::{Enforcer, Wanted};
use crate::account::LiveSession;

/// How long an acknowledged step may take to show effect: a supplicant answers its EAP within seconds.
const PROOF_DEADLINE: Duration = Duration::from_secs(8);
/// Error-Cause (RFC 5176 section 3.5).
const SESSION_CONTEXT_NOT_FOUND: u32 = 503;
/// Pauses between climbs of the whole ladder while nothing is proven.
const PAUSES_S: [u64; 6] = [10, 30, 60, 120, 300, 300];

/// The work on one session.
pub(super) struct Job {
    wanted: Wanted,
    record: Mutex<Enforcement>,
    finished: CancellationToken,
    writer: WriterHandle,
}

impl Job {
    pub(super) fn new(
        session: &LiveSession,
        wanted: Wanted,
        reason: String,
        writer: WriterHandle,
    ) -> Self {
        let now = now_us();
        let record = Enforcement {
            id: Uuid::now_v7(),
            session_id: session.id,
            device_id: session.device_id,
            mac: session.mac.clone(),
            reason,
            from_segment: session.segment.clone(),
            to_segment: wanted.segment.clone(),
            state: EnforcementState::Pending,
            attempts: Vec::new(),
            created_us: now,
            updated_us: now,
            proven_us: None,
            proof: None,
        };
        writer.enforcement(record.clone());
        Self {
            wanted,
            record: Mutex::new(record),
            finished: CancellationToken::new(),
            writer,
        }
    }

    pub(super) fn wants(&self, wanted: &Wanted) -> bool {
        !self.finished.is_cancelled()
            && self
                .wanted
                .is_met_by(wanted.segment.as_deref(), wanted.answer.as_deref())
    }

    pub(super) fn target(&self) -> String {
        self.wanted
            .segment
            .clone()
            .unwrap_or_else(|| "(off the network)".to_owned())
    }

    pub(super) fn reason(&self) -> String {
        self.lock().reason.clone()
    }

    pub(super) fn record(&self) -> Enforcement {
        self.lock().clone()
    }

    /// Resolves when the job is proven, superseded or failed.
    pub(super) async fn finished(&self) {
        self.finished.cancelled().await;
    }

    /// A new request of this session was answered: with the session as it is now, or with a refusal.
    pub(super) fn answered(&self, session: Option<&LiveSession>, decision: Uuid) {
        let segment = session.map(|session| session.segment.as_str());
        let answer = session.and_then(|session| session.answer.as_deref());
        if self.wanted.is_met_by(segment, answer) {
            let what = segment.map_or_else(
                || "was refused".to_owned(),
                |name| format!("was answered with segment {name}"),
            );
            self.finish(
                EnforcementState::Proven,
                &format!("a new Access-Request {what} (decision {decision})"),
            );
        } else {
            let what = segment.unwrap_or("a refusal");
            self.finish(
                EnforcementState::Superseded,
                &format!("decision {decision} answered with {what} instead"),
            );
        }
    }

    /// The session is over: whatever comes next is decided afresh.
    pub(super) fn stopped(&self, cause: &str) {
        self.finish(
            EnforcementState::Proven,
            &format!("the session ended: {cause}"),
        );
    }

    pub(super) fn supersede(&self, why: &str) {
        self.finish(EnforcementState::Superseded, why);
    }

    /// Climbs the ladder again and again, with growing pauses, while the session lives and nothing is proven.
    pub(super) async fn climb(&self, enforcer: &Enforcer) {
        for pause in PAUSES_S {
            self.climb_once(enforcer).await;
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
        self.finish(EnforcementState::Failed, "");
    }

    async fn climb_once(&self, enforcer: &Enforcer) {
        let session_id = self.lock().session_id;
        let Some(session) = enforcer.sessions.by_id(session_id) else {
            return self.supersede("the session is not in the table any more");
        };
        let snapshot = enforcer.world.snapshot().clone();
        let Some(client) = snapshot.clients.by_address(session.nas_source.ip()) else {
            return self.note("none", "no request", "the NAS is no client any more", None);
        };
        let mut unknown = true;
        for step in client.profile.ladder() {
            let name = step.code.to_string();
            let outcome = {
                let Some(_place) = enforcer.places.take(session.nas_source.ip()).await else {
                    return;
                };
                self.advance(EnforcementState::Sent);
                dynamic_authorization::send(client, &session, step).await
            };
            unknown &= matches!(
                outcome,
                Ok(Reply::Refused {
                    error_cause: Some(SESSION_CONTEXT_NOT_FOUND)
                })
            );
            match outcome {
                Ok(Reply::Acknowledged) => {
                    self.note(&name, "sent", "acknowledged", None);
                    self.advance(EnforcementState::Acknowledged);
                    // Whoever proves it cancels this wait by finishing the job.
                    tokio::time::sleep(PROOF_DEADLINE).await;
                }
                Ok(Reply::Refused { error_cause }) => {
                    let said = dynamic_authorization::error_cause_text(error_cause);
                    self.note(&name, "sent", &format!("refused: {said}"), error_cause);
                }
                Err(fault) => self.note(&name, "sent", &fault.to_string(), None),
            }
        }
        if !(unknown && enforcer.sessions.unknown_to_nas(session_id)) {
            self.advance(EnforcementState::Pending);
        }
    }

    fn note(&self, step: &str, code: &str, result: &str, error_cause: Option<u32>) {
        let mut record = self.lock();
        tracing::info!(session = %record.session_id, step, result, "enforcement step");
        record.attempts.push(Attempt {
            at_us: now_us(),
            step: step.to_owned(),
            code: code.to_owned(),
            result: result.to_owned(),
            error_cause,
        });
        self.save(&mut record);
    }

    fn advance(&self, state: EnforcementState) {
        let mut record = self.lock();
        if !self.finished.is_cancelled() && record.state != state {
            record.state = state;
            self.save(&mut record);
        }
    }

    fn finish(&self, state: EnforcementState, proof: &str) {
        let mut record = self.lock();
        if self.finished.is_cancelled() {
            return;
        }
        record.state = state;
        if !proof.is_empty() {
            record.proof = Some(proof.to_owned());
        }
        if state == EnforcementState::Proven {
            record.proven_us = Some(now_us());
        }
        self.save(&mut record);
        self.finished.cancel();
        tracing::info!(session = %record.session_id, ?state, proof, elapsed_ms = (now_us() - record.created_us) / 1000,
            "enforcement ended");
    }

    fn save(&self, record: &mut Enforcement) {
        record.updated_us = now_us();
        self.writer.enforcement(record.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Enforcement> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
