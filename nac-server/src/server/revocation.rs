//! Keeps the revocation lists of other authorities: reads them, fetches them, tells the world and the administrator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nac_pki::{Anchors, RevocationList};
use nac_store::{Store, now_us};
use rustls_pki_types::CertificateDer;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::tls::{client_authorities, own_authority};
use crate::config::{Config, CrlSource, OcspResponder, UnknownRevocation};
use crate::ocsp::Ocsp;
use crate::revocation::{self, Content};
use crate::snapshot::World;
use crate::snapshot::feed::Scope;
use crate::snapshot::revocation::Revocations;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_secs(1);
/// How often a file is looked at, and how soon a source that failed is tried again, unless the configuration is quicker.
const SOON: Duration = Duration::from_secs(10);
/// How long the start and a reload wait for the lists.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long before its end a list is fetched again, at the latest.
const BEFORE_END: Duration = Duration::from_secs(600);

/// How one source is doing, for the metrics.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// The source, as configured.
    pub source: String,
    /// Whether the last look succeeded.
    pub is_readable: bool,
    /// When the first of its lists ends, in microseconds since the Unix epoch; 0 when there is none.
    pub until_us: i64,
}

/// How every source is doing.
pub type SourceStates = Arc<ArcSwap<Vec<SourceState>>>;

/// What the configuration wants.
struct Plan {
    sources: Vec<CrlSource>,
    refresh: Duration,
    signers: Vec<CertificateDer<'static>>,
    anchors: Anchors,
    trusted: Vec<CertificateDer<'static>>,
    responder: Option<OcspResponder>,
    unknown: UnknownRevocation,
}

impl Plan {
    /// Whom to ask, with what they said already if the plan was the same before.
    fn ocsp(&self, last: Option<&Arc<Ocsp>>) -> Result<Option<Arc<Ocsp>>, StartError> {
        let Some(responder) = &self.responder else {
            return Ok(None);
        };
        let last = last.filter(|last| last.is_as(responder, &self.trusted));
        if let Some(last) = last {
            return Ok(Some(last.clone()));
        }
        let ocsp = Ocsp::new(responder.clone(), self.trusted.clone())
            .map_err(|error| StartError::Tls(error.to_string()))?;
        Ok(Some(Arc::new(ocsp)))
    }
}

/// What is known of a source.
#[derive(Default)]
struct Known {
    lists: Vec<Arc<RevocationList>>,
    content: Option<Content>,
    fault: Option<String>,
    is_over: bool,
    /// The lists are not published yet.
    is_new: bool,
    due: Option<Instant>,
}

struct State {
    plan: Plan,
    known: HashMap<CrlSource, Known>,
    ocsp: Option<Arc<Ocsp>>,
    /// Live sessions have not been judged by the lists in force yet.
    is_news: bool,
}

/// The keeper of the lists.
pub(super) struct Keeper {
    world: Arc<World>,
    state: Mutex<State>,
    states: SourceStates,
}

impl Keeper {
    /// Reads every list once, so that the first client is judged by them; what does not come at once comes later.
    pub(super) async fn start(
        config: &Config,
        store: &Store,
        world: Arc<World>,
        states: SourceStates,
    ) -> Result<Self, StartError> {
        let plan = plan(config, store).await?;
        let keeper = Self {
            world,
            state: Mutex::new(State {
                ocsp: plan.ocsp(None)?,
                plan,
                known: HashMap::new(),
                is_news: false,
            }),
            states,
        };
        keeper.begin().await;
        Ok(keeper)
    }

    /// Takes another configuration, and reads everything anew.
    pub(super) async fn replace(&self, config: &Config, store: &Store) -> Result<(), StartError> {
        let plan = plan(config, store).await?;
        {
            let mut state = self.state.lock().await;
            if plan.signers != state.plan.signers {
                // Lists that nobody vouches for any more.
                state.known.clear();
            }
            state
                .known
                .retain(|source, _| plan.sources.contains(source));
            for known in state.known.values_mut() {
                known.due = None;
            }
            state.ocsp = plan.ocsp(state.ocsp.as_ref())?;
            state.plan = plan;
        }
        self.begin().await;
        Ok(())
    }

    async fn begin(&self) {
        // What is cut off is due still.
        let _ = tokio::time::timeout(FIRST_LOOK, self.look()).await;
        let mut state = self.state.lock().await;
        state.is_news = true;
        self.publish(&state);
    }

    /// Looks at what is due until cancelled.
    pub(super) async fn run(
        self: Arc<Self>,
        scopes: mpsc::Sender<Scope>,
        cancel: CancellationToken,
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let changed = tokio::select! {
                () = cancel.cancelled() => return,
                changed = self.look() => {
                    let mut state = self.state.lock().await;
                    let revoked = state.ocsp.as_ref().is_some_and(|ocsp| ocsp.take_news());
                    changed | revoked | std::mem::take(&mut state.is_news)
                }
            };
            // Somebody who is connected may be revoked now.
            if changed && scopes.send(Scope::All).await.is_err() {
                return;
            }
        }
    }

    /// Reads what is due, and publishes what changed. `true` when something did.
    async fn look(&self) -> bool {
        let mut state = self.state.lock().await;
        let State { plan, known, .. } = &mut *state;
        let now = Instant::now();
        let mut looks = JoinSet::new();
        for source in &plan.sources {
            let known = known.entry(source.clone()).or_default();
            if known.due.is_none_or(|due| due <= now) {
                let (source, content) = (source.clone(), known.content.clone());
                looks.spawn(async move {
                    let content = revocation::read(&source, content.as_ref()).await;
                    (source, content)
                });
            }
        }
        while let Some(look) = looks.join_next().await {
            let Ok((source, content)) = look else {
                continue;
            };
            let known = known.entry(source.clone()).or_default();
            known.take(&source, content, &plan.signers);
            known.due = Some(now + known.wait(&source, plan.refresh, now_us()));
        }
        for (source, known) in known.iter_mut() {
            known.warn_when_over(source, now_us());
        }
        let changed = known.values_mut().fold(false, |changed, known| {
            changed | std::mem::take(&mut known.is_new)
        });
        match changed {
            true => self.publish(&state),
            false => self.publish_states(&state),
        }
        changed
    }

    fn publish(&self, state: &State) {
        let known = state.plan.sources.iter();
        let known = known.filter_map(|source| state.known.get(source));
        let lists = known.flat_map(|known| known.lists.iter().cloned());
        let (anchors, unknown) = (state.plan.anchors.clone(), state.plan.unknown);
        self.world.replace_revocations(Revocations::new(
            anchors,
            unknown,
            lists,
            state.ocsp.clone(),
        ));
        // Whoever reads of a list in the metrics finds it in force.
        self.publish_states(state);
    }

    fn publish_states(&self, state: &State) {
        let states = state.plan.sources.iter().filter_map(|source| {
            let known = state.known.get(source)?;
            let until = known.lists.iter().map(|list| list.next_update_us).min();
            Some(SourceState {
                source: source.to_string(),
                is_readable: known.fault.is_none(),
                until_us: until.unwrap_or_default(),
            })
        });
        self.states.store(Arc::new(states.collect()));
    }
}

impl Known {
    /// Takes what a look found. Lists that were good stay when the next look fails: they say until when they hold.
    fn take(
        &mut self,
        source: &CrlSource,
        content: Result<Option<Content>, String>,
        signers: &[CertificateDer<'_>],
    ) {
        let lists = match content {
            Ok(None) => {
                self.fault = None;
                return;
            }
            Ok(Some(content)) => {
                let lists = revocation::lists(&content, signers);
                // What is no good is looked at again, so that it stays a fault.
                self.content = lists.is_ok().then_some(content);
                lists
            }
            Err(fault) => Err(fault),
        };
        match lists {
            Ok(lists) => {
                for list in &lists {
                    tracing::info!(%source, issuer = %list.issuer, revoked = list.len(), "a revocation list is in force");
                }
                self.fault = None;
                self.is_over = false;
                self.lists = lists.into_iter().map(Arc::new).collect();
                self.is_new = true;
            }
            Err(fault) => {
                if self.fault.as_ref() != Some(&fault) {
                    tracing::warn!(%source, %fault, kept = self.lists.len(),
                        "a revocation list cannot be used; what was in force stays until its time is over");
                }
                self.fault = Some(fault);
            }
        }
    }

    /// How long until the next look.
    fn wait(&self, source: &CrlSource, refresh: Duration, now_us: i64) -> Duration {
        let soon = SOON.min(refresh);
        if self.fault.is_some() || matches!(source, CrlSource::File(_)) {
            return soon;
        }
        let until = self.lists.iter().map(|list| list.next_update_us).min();
        let left = until.unwrap_or_default().saturating_sub(now_us).max(0);
        let left = Duration::from_micros(left.unsigned_abs());
        left.saturating_sub(BEFORE_END).clamp(soon, refresh)
    }

    fn warn_when_over(&mut self, source: &CrlSource, now_us: i64) {
        let over = self.lists.iter().find(|list| !list.holds_at(now_us));
        if let (Some(list), false) = (over, self.is_over) {
            tracing::warn!(%source, issuer = %list.issuer,
                "the time of a revocation list is over: whether a certificate of its issuer is revoked is not known");
        }
        self.is_over = over.is_some();
    }
}

async fn plan(config: &Config, store: &Store) -> Result<Plan, StartError> {
    let settings = &config.eap.revocation;
    let own = own_authority(store).await?;
    let mut trusted = client_authorities(config, store).await?;
    trusted.extend(config.certificates.radsec_ca.iter().cloned());
    let foreign = trusted.iter().any(|authority| !own.contains(authority));
    let says_nothing = settings.sources.is_empty() && settings.ocsp.is_none();
    if foreign && says_nothing && settings.unknown == UnknownRevocation::Accept {
        tracing::warn!(
            "certificates of the authorities in client_ca are accepted without a look whether they are revoked: name their \
             revocation lists with crl in [eap], or set ocsp = true"
        );
    }
    if settings.unknown == UnknownRevocation::Accept && !says_nothing {
        tracing::warn!(
            "certificates that no revocation list in force covers, and no OCSP responder knows, are accepted: revocation_unknown is \"accept\""
        );
    }
    Ok(Plan {
        sources: settings.sources.clone(),
        refresh: settings.refresh,
        signers: signers(config, store).await?,
        anchors: Anchors::new(&trusted, &own),
        responder: settings.ocsp.clone(),
        trusted,
        unknown: settings.unknown,
    })
}

/// The authorities whose revocation lists count: those that are trusted, and those that only sign lists.
pub(crate) async fn signers(
    config: &Config,
    store: &Store,
) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let mut signers = client_authorities(config, store).await?;
    signers.extend(config.certificates.radsec_ca.iter().cloned());
    signers.extend(config.certificates.crl_issuers.iter().cloned());
    Ok(signers)
}
