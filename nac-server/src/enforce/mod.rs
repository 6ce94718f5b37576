//! Enforcement: makes each live session match what the rules say now, and proves it.
//!
//! Whenever something changes, the sessions it may concern are assessed again by the same code that answers requests. A session
//! that would get another answer gets a job: the vendor's ladder of CoA and Disconnect requests, retransmitted and verified, until
//! a new Access-Request was answered with the wanted segment or accounting stopped. An acknowledgement alone proves nothing.

pub mod cases;
mod command;
mod dynamic_authorization;
mod job;
mod places;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nac_posture::{PostureGate, SessionRef, Subject};
use nac_store::{WriterHandle, now_us};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::account::{LiveSession, SessionChange, SessionTable};
use crate::identity::{Assessment, Doubts, assess, find_device, subject};
use crate::listen::radsec::links::Links;
use crate::ocsp::Standing;
use crate::snapshot::feed::Scope;
use crate::snapshot::segments::SegmentAnswer;
use crate::snapshot::{Client, Snapshot, World};
use crate::telemetry::metrics::Metrics;
use command::Begun;
use job::Job;
use places::Places;

/// More scopes than this at once are cheaper as one look at everything.
const SCOPES: usize = 8;
/// Sessions assessed in one go.
const YIELD_EVERY: usize = 128;
/// How long changes gather in a storm of them.
const BREATH: Duration = Duration::from_millis(2);
/// How often everything is looked at without an event: schedules, certificates that end.
const SWEEP: Duration = Duration::from_secs(30);

/// Watches sessions and moves them.
pub struct Enforcer {
    world: Arc<World>,
    gate: PostureGate,
    sessions: Arc<SessionTable>,
    writer: WriterHandle,
    metrics: Arc<Metrics>,
    tracker: TaskTracker,
    jobs: Mutex<HashMap<Uuid, Arc<Job>>>,
    commands: Mutex<Begun>,
    places: Places,
    links: Arc<Links>,
    cases: mpsc::Sender<cases::Case>,
}

impl Enforcer {
    /// Puts the parts together.
    #[expect(clippy::too_many_arguments, reason = "the wiring names each part once")]
    pub fn new(
        world: Arc<World>,
        gate: PostureGate,
        sessions: Arc<SessionTable>,
        writer: WriterHandle,
        metrics: Arc<Metrics>,
        tracker: TaskTracker,
        links: Arc<Links>,
        cases: mpsc::Sender<cases::Case>,
    ) -> Self {
        Self {
            world,
            gate,
            sessions,
            writer,
            metrics,
            tracker,
            jobs: Mutex::default(),
            commands: Mutex::default(),
            places: Places::default(),
            links,
            cases,
        }
    }

    /// Runs until cancelled.
    pub async fn run(
        self: Arc<Self>,
        mut scopes: mpsc::Receiver<Scope>,
        mut changes: mpsc::UnboundedReceiver<SessionChange>,
        cancel: CancellationToken,
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked_us = now_us();
        let mut followed = Instant::now();
        loop {
            // The wall clock may be set meanwhile, so no nap is longer than a sweep.
            let expiry = self.world.directory.next_expiry_us(looked_us);
            let nap = expiry.map_or(SWEEP, |expiry| {
                Duration::from_micros(expiry.saturating_sub(now_us()).max(0).unsigned_abs())
                    .min(SWEEP)
            });
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                change = changes.recv() => match change {
                    Some(change) => {
                        self.follow(change, &cancel);
                        while let Ok(change) = changes.try_recv() {
                            self.follow(change, &cancel);
                        }
                        // In a storm each would wake this task alone; a single one is followed at once.
                        if followed.elapsed() < BREATH {
                            tokio::time::sleep(BREATH).await;
                        }
                        followed = Instant::now();
                    }
                    None => return,
                },
                scope = scopes.recv() => match scope {
                    Some(first) => {
                        let mut wanted = Vec::new();
                        let mut next = Some(first);
                        while let Some(scope) = next {
                            match scope {
                                Scope::Commands(commands) => self.carry_out(commands, &cancel),
                                scope if wanted.len() <= SCOPES && !wanted.contains(&scope) => {
                                    wanted.push(scope);
                                }
                                _ => {}
                            }
                            next = scopes.try_recv().ok();
                        }
                        if wanted.len() > SCOPES {
                            wanted = vec![Scope::All];
                        }
                        if !wanted.is_empty() {
                            self.examine(&wanted, &mut changes, &cancel).await;
                        }
                    }
                    None => return,
                },
                () = tokio::time::sleep(nap) => {
                    let now = now_us();
                    let due = self.world.directory.expired_between(looked_us, now);
                    looked_us = now;
                    let wanted = match due.len() {
                        0 => continue,
                        1..=SCOPES => due.into_iter().map(Scope::Device).collect(),
                        _ => vec![Scope::All],
                    };
                    self.examine(&wanted, &mut changes, &cancel).await;
                }
                _ = sweep.tick() => {
                    self.sessions.expire();
                    self.examine(&[Scope::All], &mut changes, &cancel).await;
                }
            }
        }
    }

    /// Assesses the sessions in scope and starts a job for each that should be elsewhere.
    async fn examine(
        self: &Arc<Self>,
        scopes: &[Scope],
        changes: &mut mpsc::UnboundedReceiver<SessionChange>,
        cancel: &CancellationToken,
    ) {
        for (index, session) in self.sessions.all().into_iter().enumerate() {
            // Thousands of sessions must keep neither the sockets nor the proofs waiting.
            if index % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
                while let Ok(change) = changes.try_recv() {
                    self.follow(change, cancel);
                }
            }
            if scopes.iter().any(|scope| self.concerns(scope, &session)) {
                self.look_at(&session, cancel);
            }
        }
    }

    fn look_at(self: &Arc<Self>, session: &LiveSession, cancel: &CancellationToken) {
        // It may have changed or ended since it was listed.
        let Some(session) = self.sessions.by_id(session.id) else {
            return;
        };
        let assessment = self.assess(&session);
        if let Some(case) = cases::look_at(&self.world.directory, &session, &assessment) {
            // When there is no room it comes again with the next look at everything.
            let _ = self.cases.try_send(case);
        }
        let wanted = self.wanted(&session, &assessment);
        if wanted.is_met_by(Some(&session.segment), session.answer.as_deref()) {
            self.withdraw(session.id, "the rules want the present segment again");
        } else {
            self.enforce(&session, wanted, why(&session, &assessment), cancel);
        }
    }

    /// What a new Access-Request of this session would be answered with.
    fn wanted(&self, session: &LiveSession, assessment: &Assessment) -> Wanted {
        let snapshot = self.world.snapshot();
        let segment = assessment.ruling.as_ref().ok().cloned();
        let client = client_of(&snapshot, session);
        let answer = segment
            .as_deref()
            .zip(client)
            .and_then(|(segment, client)| snapshot.segments.answer(segment, client.profile));
        Wanted {
            answer: answer.cloned(),
            segment,
        }
    }

    fn concerns(&self, scope: &Scope, session: &LiveSession) -> bool {
        match scope {
            Scope::All => true,
            Scope::Commands(_) => false,
            Scope::User(name) => {
                session.context.name.to_lowercase() == name.to_lowercase()
                    || session.context.kind == nac_policy::IdentityKind::Device
            }
            Scope::Device(id) => {
                // The device may have gained or lost what ties it to this session.
                let device = find_device(&self.world.directory, &session.context).0;
                session.device_id == Some(*id) || device.is_some_and(|device| device.id == *id)
            }
            Scope::Node(node) => {
                let posture = self.gate.posture(&self.subject(session), now_us());
                posture.node.is_none_or(|tied| tied == *node)
            }
        }
    }

    /// The session as the posture gate looks for it.
    fn subject<'a>(&self, session: &'a LiveSession) -> Subject<'a> {
        subject(
            &self.world.directory,
            &session.context,
            session.mac.as_deref(),
            Some((session.framed_ip, session.started_us)),
        )
    }

    fn assess(&self, session: &LiveSession) -> Assessment {
        assess(
            &self.world.snapshot(),
            &self.world.directory,
            &self.gate,
            &session.context,
            Some((session.framed_ip, session.started_us)),
            Doubts {
                in_two_places: self.sessions.is_in_two_places(session.context.mac),
                downgraded: self.world.supplicants.is_missing(&session.context),
            },
            Standing::Inside,
        )
    }

    fn enforce(
        self: &Arc<Self>,
        session: &LiveSession,
        wanted: Wanted,
        reason: String,
        cancel: &CancellationToken,
    ) {
        let mut jobs = self.lock();
        if let Some(running) = jobs.get(&session.id) {
            if running.wants(&wanted) {
                return;
            }
            running.supersede("the rules want something else by now");
        }
        let job = Arc::new(Job::new(session, wanted, reason, self.writer.clone()));
        jobs.insert(session.id, job.clone());
        drop(jobs);
        tracing::info!(session = %session.id, identity = %session.context.name, from = %session.segment,
            to = job.target(), reason = job.reason(), "moving a live session");
        self.begin(job, session.id, cancel);
    }

    fn begin(self: &Arc<Self>, job: Arc<Job>, session: Uuid, cancel: &CancellationToken) {
        let (enforcer, cancel) = (self.clone(), cancel.clone());
        self.tracker.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = job.finished() => {}
                () = job.climb(&enforcer) => {}
            }
            enforcer.metrics.enforced(&job.record());
            let mut jobs = enforcer.lock();
            if jobs
                .get(&session)
                .is_some_and(|current| Arc::ptr_eq(current, &job))
            {
                jobs.remove(&session);
            }
        });
    }

    /// What the NASes did is the proof, or the end of the matter.
    fn follow(self: &Arc<Self>, change: SessionChange, cancel: &CancellationToken) {
        match change {
            SessionChange::Admitted(session) => {
                self.gate
                    .session_started(&self.subject(&session), reference(&session));
                if let Some(job) = self.job(session.id) {
                    job.answered(Some(&session), session.decision_id);
                }
                // Had the rules changed between the decision and now, it is not the last word.
                self.look_at(&session, cancel);
            }
            SessionChange::Replaced { former, successor } => {
                self.gate.session_stopped(&former.id.to_string());
                if let Some(job) = self.job(former.id) {
                    if former.context.name == successor.context.name {
                        job.answered(Some(&successor), successor.decision_id);
                    } else {
                        job.stopped("somebody else authenticated at its place");
                    }
                }
            }
            SessionChange::Refused(session, decision) => {
                if let Some(job) = self.job(session.id) {
                    job.answered(None, decision);
                }
            }
            SessionChange::RefusedPerhaps(session, decision) => {
                if self
                    .job(session.id)
                    .is_some_and(|job| job.is_acknowledged())
                {
                    self.sessions.end_refused(session.id, decision);
                }
            }
            SessionChange::Updated(session) => {
                self.gate
                    .session_updated(&self.subject(&session), reference(&session));
                // A known address may tie osquery's reports to this session (binding B2).
                self.look_at(&session, cancel);
            }
            SessionChange::InTwoPlaces(session) => self.look_at(&session, cancel),
            SessionChange::Stopped {
                session,
                cause,
                reported,
            } => {
                self.gate.session_stopped(&session.id.to_string());
                if let Some(job) = self.job(session.id) {
                    if reported {
                        job.stopped(&cause);
                    } else {
                        job.supersede(&cause);
                    }
                }
            }
        }
    }

    fn withdraw(&self, session: Uuid, why: &str) {
        if let Some(job) = self.job(session).filter(|job| job.is_move()) {
            job.supersede(why);
        }
    }

    fn job(&self, session: Uuid) -> Option<Arc<Job>> {
        self.lock().get(&session).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The NAS of a session, as it is configured now.
fn client_of<'a>(snapshot: &'a Snapshot, session: &LiveSession) -> Option<&'a Arc<Client>> {
    snapshot.clients.of_session(
        &session.context.nas.client,
        session.nas_source.ip(),
        session.transport,
    )
}

/// Where a session should be.
#[derive(Clone, Debug)]
struct Wanted {
    /// The segment; nothing means off the network.
    segment: Option<String>,
    /// In the words of the session's NAS. A segment may keep its name and get another VLAN.
    answer: Option<Arc<SegmentAnswer>>,
}

impl Wanted {
    /// Whether a session that was told this is where it should be.
    fn is_met_by(&self, segment: Option<&str>, answer: Option<&SegmentAnswer>) -> bool {
        let same_words = match (self.answer.as_deref(), answer) {
            (Some(wanted), Some(told)) => wanted.is_same(told),
            _ => true,
        };
        self.segment.as_deref() == segment && same_words
    }
}

fn reference(session: &LiveSession) -> SessionRef {
    SessionRef {
        token: session.id.to_string(),
        mac: session.mac.clone(),
        framed_ip: session.framed_ip,
        started_us: session.started_us,
    }
}

/// In one line, what makes the rules want something else.
fn why(session: &LiveSession, assessment: &Assessment) -> String {
    let facts = &assessment.facts;
    if assessment.ruling.as_ref() == Ok(&session.segment) {
        return format!("segment {} has other attributes by now", session.segment);
    }
    if let Err(refusal) = &assessment.ruling {
        return refusal.sentence.clone();
    }
    let policy = assessment
        .decision
        .as_ref()
        .and_then(|decision| decision.policy.as_deref())
        .unwrap_or("the policy");
    if facts.device.quarantined {
        return format!("{policy}: the device is quarantined");
    }
    if facts.device.in_two_places {
        return format!("{policy}: the device is in two places at once");
    }
    if facts.device.downgraded {
        return format!("{policy}: the device came without 802.1X, which let it in before");
    }
    if facts.posture.break_glass {
        return format!("{policy}: break-glass is on, so posture counts as compliant");
    }
    match facts.posture.failing.as_slice() {
        // Without an osquery host posture has no say; something else that the policy reads has changed.
        [] if !facts.device.enrolled => format!("{policy} decides by now"),
        [] => format!("{policy}: posture is {}", facts.posture.verdict),
        failing => format!(
            "{policy}: posture is {} ({})",
            facts.posture.verdict,
            failing.join(", ")
        ),
    }
}
