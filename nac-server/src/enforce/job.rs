//! One session that should be elsewhere, or that somebody told something: climbs the vendor's ladder until the effect is proven.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nac_radius::{DynamicAuthorizationStep, Effect};
use nac_store::{Attempt, Enforcement, EnforcementState, SessionAction, WriterHandle, now_us};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::dynamic_authorization::{self, Fault, Reply};
use super::{Enforcer, Wanted};
use crate::account::LiveSession;
use crate::snapshot::Client;
use crate::telemetry::activity::Ordered;

/// How long an acknowledged step may take to show effect: a supplicant answers its EAP within seconds.
const PROOF_DEADLINE: Duration = Duration::from_secs(8);
/// Error-Cause (RFC 5176 section 3.5).
const SESSION_CONTEXT_NOT_FOUND: u32 = 503;
/// What is said of a command without effect.
const NO_PROOF: &str = "neither a new Access-Request nor an Accounting-Stop followed";
/// Pauses between climbs of the whole ladder while nothing is proven.
const PAUSES_S: [u64; 6] = [10, 30, 60, 120, 300, 300];

/// What a job is after.
enum Goal {
    /// The session is answered so.
    Move(Wanted),
    /// The session was told this.
    Command(SessionAction),
}

/// The work on one session.
pub(super) struct Job {
    goal: Goal,
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
            action: None,
            requested_by: None,
            state: EnforcementState::Pending,
            attempts: Vec::new(),
            created_us: now,
            updated_us: now,
            proven_us: None,
            proof: None,
        };
        writer.enforcement(record.clone());
        Self::with(Goal::Move(wanted), record, writer)
    }

    /// The job that a person's command is; its record is in the store already.
    pub(super) fn commanded(
        action: SessionAction,
        record: Enforcement,
        writer: WriterHandle,
    ) -> Self {
        Self::with(Goal::Command(action), record, writer)
    }

    fn with(goal: Goal, record: Enforcement, writer: WriterHandle) -> Self {
        Self {
            goal,
            record: Mutex::new(record),
            finished: CancellationToken::new(),
            writer,
        }
    }

    pub(super) fn wants(&self, wanted: &Wanted) -> bool {
        let Goal::Move(own) = &self.goal else {
            return false;
        };
        !self.finished.is_cancelled()
            && own.is_met_by(wanted.segment.as_deref(), wanted.answer.as_deref())
    }

    /// Whether the rules want it, and not a person.
    pub(super) const fn is_move(&self) -> bool {
        matches!(self.goal, Goal::Move(_))
    }

    /// Whether the NAS said that it does it, so that it is expected to ask again.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.lock().state == EnforcementState::Acknowledged
    }

    pub(super) fn target(&self) -> String {
        match &self.goal {
            Goal::Move(wanted) => wanted
                .segment
                .clone()
                .unwrap_or_else(|| "(off the network)".to_owned()),
            Goal::Command(action) => action.to_string(),
        }
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
        let reached = match &self.goal {
            Goal::Move(wanted) => wanted.is_met_by(segment, answer),
            Goal::Command(SessionAction::Reauthenticate) => true,
            // It may have authenticated by itself before the NAS did what it was told.
            Goal::Command(SessionAction::Disconnect | SessionAction::Bounce) => {
                if self.lock().state != EnforcementState::Acknowledged {
                    return;
                }
                true
            }
        };
        if reached {
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

    /// Climbs the ladder again and again, with growing pauses, while the session lives and nothing is proven. A command climbs
    /// once: whoever gave it sees what came of it and decides anew.
    pub(super) async fn climb(&self, enforcer: &Enforcer) {
        if let Goal::Command(action) = self.goal {
            self.climb_once(enforcer).await;
            if self.lock().attempts.is_empty() {
                let why = format!("the vendor profile of this NAS has no way to {action}");
                return self.finish(EnforcementState::Failed, &why);
            }
            return self.finish(EnforcementState::Failed, NO_PROOF);
        }
        for pause in PAUSES_S {
            let missing = self.climb_once(enforcer).await;
            let pause = tokio::time::sleep(Duration::from_secs(pause));
            match missing {
                None => pause.await,
                Some((client, source)) => tokio::select! {
                    () = pause => {}
                    () = enforcer.links.reopened(&client, source) => {}
                },
            }
        }
        self.finish(EnforcementState::Failed, "");
    }

    /// Whether a step of the ladder serves the goal. A port is bounced for a person's word or as the rules' last resort, for it
    /// throws others off as well.
    fn is_served_by(&self, step: &DynamicAuthorizationStep) -> bool {
        match self.goal {
            Goal::Move(_) => true,
            Goal::Command(SessionAction::Reauthenticate) => step.effect != Effect::Bounce,
            Goal::Command(SessionAction::Disconnect) => step.effect == Effect::Disconnect,
            Goal::Command(SessionAction::Bounce) => step.effect == Effect::Bounce,
        }
    }

    /// Gives the NAS whose connection has to come back first, when that is what is missing.
    async fn climb_once(&self, enforcer: &Enforcer) -> Option<(Arc<Client>, IpAddr)> {
        let session_id = self.lock().session_id;
        let Some(session) = enforcer.sessions.by_id(session_id) else {
            self.supersede("the session is not in the table any more");
            return None;
        };
        let snapshot = enforcer.world.snapshot().clone();
        let Some(client) = super::client_of(&snapshot, &session) else {
            self.note("none", "no request", "the NAS is no client any more", None);
            return None;
        };
        let mut missing = None;
        let mut unknown = true;
        let ladder = client.profile.ladder().iter();
        for step in ladder.filter(|step| self.is_served_by(step)) {
            let name = step.code.to_string();
            let outcome = {
                let _place = enforcer.places.take(session.nas_source.ip()).await?;
                self.advance(EnforcementState::Sent);
                dynamic_authorization::send(
                    client,
                    &session,
                    step,
                    &enforcer.links,
                    &enforcer.metrics,
                )
                .await
            };
            let result = match &outcome {
                Ok(Reply::Acknowledged) => "ack",
                Ok(Reply::Refused { .. }) => "nak",
                Err(_) => "timeout",
            };
            enforcer.metrics.ordered(step.code, result);
            unknown &= matches!(
                outcome,
                Ok(Reply::Refused {
                    error_cause: Some(SESSION_CONTEXT_NOT_FOUND)
                })
            );
            match outcome {
                Ok(Reply::Acknowledged) => {
                    client
                        .activity
                        .ordered(Ordered::Acknowledged, "acknowledged");
                    self.note(&name, "sent", "acknowledged", None);
                    self.advance(EnforcementState::Acknowledged);
                    // Whoever proves it cancels this wait by finishing the job.
                    tokio::time::sleep(PROOF_DEADLINE).await;
                }
                Ok(Reply::Refused { error_cause }) => {
                    let said = dynamic_authorization::error_cause_text(error_cause);
                    let said = format!("refused: {said}");
                    client.activity.ordered(Ordered::Refused, &said);
                    self.note(&name, "sent", &said, error_cause);
                }
                Err(fault) => {
                    let said = fault.to_string();
                    client.activity.ordered(Ordered::Unanswered, &said);
                    if matches!(fault, Fault::NotConnected) {
                        self.note(&name, "not sent", &said, None);
                        // No other step would get through either.
                        missing = Some((client.clone(), session.nas_source.ip()));
                        break;
                    }
                    self.note(&name, "sent", &said, None);
                }
            }
        }
        if unknown && enforcer.sessions.unknown_to_nas(session_id) {
            // The end of the session is on its way here, as a proof.
            tokio::time::sleep(PROOF_DEADLINE).await;
        } else if self.is_move() {
            self.advance(EnforcementState::Pending);
        }
        missing
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
