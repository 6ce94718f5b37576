//! The running server: opens everything, wires the rooms together, reloads, stops cleanly.

mod housekeeping;
mod listeners;
mod mail;
mod restore;
pub mod revocation;
mod staple;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use nac_portal::admin::{AdminState, Environment};
use nac_portal::public::PublicState;
use nac_portal::public::certificate::CaCertificate;
use nac_portal::public::guest::Limits;
use nac_portal::public::token::Tokens;
use nac_portal::web::PasswordPool;
use nac_posture::{CheckSet, PostureGate, PostureSettings};
use nac_store::{Store, StoreError, StoredGauges, Writer};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::SessionTable;
use crate::authenticate::{Authenticator, new_password, take_down_silences};
use crate::config::Config;
use crate::enforce::{Enforcer, cases};
use crate::identity::realm::LocalRealms;
use crate::listen::radsec::RadSec;
use crate::listen::radsec::links::Links;
use crate::snapshot::{World, WorldError, feed};
use crate::telemetry::activity;
use crate::telemetry::gauges::{self, Expiries, Gauges};
use crate::telemetry::metrics::Metrics;
use listeners::Listeners;
use revocation::{Keeper, SourceStates};
use staple::Stapler;

/// How often changes of other processes are looked for.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);
/// How long open work may take when the server stops.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the hot path needs.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The posture gate.
    #[error("posture: {0}")]
    Posture(String),
    /// Mail.
    #[error("mail: {0}")]
    Mail(String),
    /// TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// A listener; all that fail are named.
    #[error("{0}")]
    Listen(String),
}

/// Where the server listens, with the ports that the system chose for port 0.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Addresses {
    /// RADIUS authentication, UDP.
    pub auth: SocketAddr,
    /// RADIUS accounting, UDP.
    pub acct: SocketAddr,
    /// RADIUS over TLS, where there is any.
    pub radsec: Option<SocketAddr>,
    /// Portal and osquery, HTTPS.
    pub portal: SocketAddr,
    /// The way to the portal for captive devices, HTTP, where there is one.
    pub portal_http: Option<SocketAddr>,
    /// Admin, HTTPS.
    pub admin: SocketAddr,
    /// Metrics, HTTP.
    pub metrics: SocketAddr,
}

/// A running server.
pub struct Server {
    /// Where it listens.
    pub addresses: Addresses,
    store: Store,
    authenticator: Arc<Authenticator>,
    https: Arc<ArcSwap<rustls::ServerConfig>>,
    radsec: Option<Arc<ArcSwap<rustls::ServerConfig>>>,
    expiries: Arc<ArcSwap<Expiries>>,
    keeper: Arc<Keeper>,
    stapler: Arc<Stapler>,
    tracker: TaskTracker,
    cancel: CancellationToken,
    writer_cancel: CancellationToken,
    writer: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Loads the world from an open database, binds every listener, starts to serve.
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running then.
    pub async fn start(config: &Config, store: Store) -> Result<Self, StartError> {
        let mut listeners = Listeners::bind(config).await?;
        let addresses = listeners.addresses()?;
        let world = Arc::new(World::load(&store).await?);
        let names = config.eap.certificate_identity.clone();
        world.certificate_names.store(Arc::new(names));
        let revocation_states = SourceStates::default();
        let keeper = Keeper::start(config, &store, world.clone(), revocation_states.clone());
        let keeper = Arc::new(keeper.await?);
        world.directory.replace_realms(local_realms(config));
        let gate = open_gate(config, &store).await?;
        let eap = tls::eap_settings(config, &store).await?;
        let stapler = Arc::new(Stapler::start(config, eap.tls.clone()).await);
        let https = Arc::new(ArcSwap::from(tls::https_config(config, &store).await?));
        let radsec = match &config.radsec {
            Some(_) => Some(Arc::new(ArcSwap::from(
                tls::radsec_config(config, &store).await?,
            ))),
            None => None,
        };

        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let writer_cancel = CancellationToken::new();
        let writer = Writer::new(store.clone(), spool_dir(config))?;
        let writer_handle = writer.handle();
        #[expect(
            clippy::disallowed_methods,
            reason = "the writer must outlive every tracked task"
        )]
        let writer = tokio::spawn(writer.run(writer_cancel.clone()));

        let metrics = Arc::new(Metrics::new());
        let (sessions, changes) = SessionTable::new(writer_handle.clone());
        let sessions = Arc::new(sessions);
        sessions.restore(restore::sessions(&store, &world).await?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let passwords = PasswordPool::default();
        let (new_passwords, new_password_receiver) = new_password::channel();
        tracker.spawn(new_password::run(
            store.clone(),
            world.clone(),
            passwords.clone(),
            new_password_receiver,
            cancel.clone(),
        ));
        let authenticator = Authenticator::new(
            world.clone(),
            gate.clone(),
            sessions.clone(),
            writer_handle.clone(),
            metrics.clone(),
            Some(eap),
            new_passwords,
            cores,
        );
        let authenticator = Arc::new(authenticator.rejecting_after(config.radius.reject_delay));
        let links = Arc::<Links>::default();
        let (cases, case_receiver) = cases::channel();
        let enforcer = Arc::new(Enforcer::new(
            world.clone(),
            gate.clone(),
            sessions.clone(),
            writer_handle.clone(),
            metrics.clone(),
            tracker.clone(),
            links.clone(),
            cases,
        ));
        let expiries = Arc::new(ArcSwap::from_pointee(own_expiries(config, &store).await?));
        let stored = Arc::<Mutex<StoredGauges>>::default();
        metrics.attach(Gauges {
            sessions,
            authenticator: authenticator.clone(),
            links: links.clone(),
            world: world.clone(),
            writer: writer_handle,
            spool: spool_dir(config),
            expiries: expiries.clone(),
            stored: stored.clone(),
            revocation: revocation_states,
        });
        tracker.spawn(gauges::run(store.clone(), stored, cancel.clone()));

        let (scopes, scope_receiver) = mpsc::channel(1_024);
        let events = store.subscribe();
        let commands = store.session_command_waiting().await?;
        // The channel is new and has room.
        let _ = scopes.try_send(feed::Scope::Commands(commands));
        tracker.spawn(activity::run(world.clone(), store.clone(), cancel.clone()));
        tracker.spawn(stapler.clone().run(cancel.clone()));
        tracker.spawn(keeper.clone().run(scopes.clone(), cancel.clone()));
        tracker.spawn(feed::run(
            world,
            store.clone(),
            events,
            scopes,
            cancel.clone(),
        ));
        tracker.spawn(enforcer.run(scope_receiver, changes, cancel.clone()));
        tracker.spawn(cases::run(store.clone(), case_receiver, cancel.clone()));
        let (watcher, watch_cancel) = (store.clone(), cancel.clone());
        tracker.spawn(async move { watcher.watch(watch_cancel, WATCH_INTERVAL).await });
        tracker.spawn(gate.clone().run(cancel.clone()));
        tracker.spawn(housekeeping::run(store.clone(), cancel.clone()));
        tracker.spawn(take_down_silences(authenticator.clone(), cancel.clone()));
        let outbox = mail::outbox(config.mail.as_ref(), &store)?;
        let environment = Environment {
            url: config.admin.url(addresses.admin),
            portal_url: config.portal.url(addresses.portal),
            auth_port: addresses.auth.port(),
            acct_port: addresses.acct.port(),
            radsec_port: addresses.radsec.map(|address| address.port()),
            sends_mail: outbox.is_open(),
        };
        mail::warn_when_missed(&store, &outbox).await?;
        tracker.spawn(
            nac_portal::mail::run(&outbox, cancel.clone())
                .map_err(|error| StartError::Mail(error.to_string()))?,
        );

        let public = PublicState::new(nac_portal::public::Shared {
            store: store.clone(),
            gate: gate.clone(),
            passwords: passwords.clone(),
            outbox,
            limits: Limits::default(),
            sign_ins: nac_portal::public::sign_in::SignIns::default(),
            tokens: Tokens::new(&store)?,
            url: config.portal.url(addresses.portal),
            ca: ca_certificate(&store).await?,
        });
        let leading = nac_portal::public::probe::router(public.clone());
        let portal = nac_portal::public::router(public).merge(gate.router());
        let admin = nac_portal::admin::router(AdminState::new(
            store.clone(),
            gate.clone(),
            passwords,
            environment,
        ));
        if let Some((settings, tls)) = config.radsec.as_ref().zip(radsec.clone()) {
            let radsec = RadSec::new(
                authenticator.clone(),
                links,
                settings.idle_timeout,
                tracker.clone(),
            );
            listeners.serve_radsec(radsec, tls, &tracker, &cancel);
        }
        listeners.serve(
            &authenticator,
            &https,
            portal,
            leading,
            admin,
            metrics,
            &tracker,
            &cancel,
        );
        Ok(Self {
            addresses,
            store,
            authenticator,
            https,
            radsec,
            expiries,
            keeper,
            stapler,
            tracker,
            cancel,
            writer_cancel,
            writer,
        })
    }

    /// The open database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes a new configuration: certificates, methods and TLS versions at once; listeners and database only at a restart, and it
    /// says so.
    ///
    /// # Errors
    /// Certificates that do not make a TLS configuration; the old ones stay in force.
    pub async fn reload(&self, config: &Config, running: &Config) -> Result<(), StartError> {
        let eap = tls::eap_settings(config, &self.store).await?;
        let https = tls::https_config(config, &self.store).await?;
        let radsec = match (&self.radsec, &config.radsec) {
            (Some(running), Some(_)) => {
                Some((running, tls::radsec_config(config, &self.store).await?))
            }
            _ => None,
        };
        if let Some((running, fresh)) = radsec {
            running.store(fresh);
        }
        self.keeper.replace(config, &self.store).await?;
        let names = config.eap.certificate_identity.clone();
        self.authenticator
            .world
            .certificate_names
            .store(Arc::new(names));
        self.stapler.replace(config, eap.tls.clone()).await;
        self.authenticator.replace_eap(Some(eap));
        let directory = &self.authenticator.world.directory;
        directory.replace_realms(local_realms(config));
        self.https.store(https);
        let expiries = own_expiries(config, &self.store).await?;
        self.expiries.store(Arc::new(expiries));
        let listens = |config: &Config| {
            let radsec = config.radsec.as_ref();
            radsec.map(|radsec| (radsec.listen, radsec.idle_timeout))
        };
        if config.radius != running.radius
            || listens(config) != listens(running)
            || config.portal.listen != running.portal.listen
            || config.portal.listen_http != running.portal.listen_http
            || config.admin.listen != running.admin.listen
            || config.metrics.listen != running.metrics.listen
            || config.database != running.database
            || config.posture != running.posture
            || config.mail != running.mail
            || config.log != running.log
        {
            tracing::warn!(
                "listeners, database, posture, mail and log settings stay as they are until the server is restarted"
            );
        }
        Ok(())
    }

    /// Stops: no new work, open work gets a moment, then everything is on disk.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tracker.close();
        if tokio::time::timeout(STOP_DEADLINE, self.tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not end in time");
        }
        self.writer_cancel.cancel();
        if let Err(error) = self.writer.await {
            tracing::error!(%error, "the writer ended badly");
        }
        self.store.close().await;
    }
}

fn local_realms(config: &Config) -> LocalRealms {
    LocalRealms::new(&config.identity.realms, &config.identity.nt_domains)
}

/// When the server's own certificates end.
async fn own_expiries(config: &Config, store: &Store) -> Result<Expiries, StoreError> {
    let authority = store.authority_fetch().await?;
    Ok(gauges::expiries(
        config,
        authority.as_ref().map(|(pem, _)| pem.as_str()),
    ))
}

async fn open_gate(config: &Config, store: &Store) -> Result<PostureGate, StartError> {
    let checks = match &config.posture.checks_dir {
        Some(folder) => {
            CheckSet::load_dir(folder).map_err(|faults| StartError::Posture(faults.to_string()))?
        }
        None => CheckSet::embedded(),
    };
    let settings = PostureSettings {
        max_age: config.posture.max_age,
        ..PostureSettings::default()
    };
    PostureGate::open(store.clone(), Arc::new(checks), settings)
        .await
        .map_err(|error| StartError::Posture(error.to_string()))
}

async fn ca_certificate(store: &Store) -> Result<CaCertificate, StartError> {
    let Some((pem, _)) = store.authority_fetch().await? else {
        return Ok(CaCertificate::default());
    };
    let fingerprint = nac_pki::pem_certificates(&pem)
        .ok()
        .and_then(|certificates| certificates.into_iter().next())
        .map(|certificate| nac_pki::fingerprint_sha256(&certificate))
        .unwrap_or_default();
    Ok(CaCertificate { pem, fingerprint })
}

fn spool_dir(config: &Config) -> std::path::PathBuf {
    config
        .file
        .parent()
        .map_or_else(|| "spool".into(), |folder| folder.join("spool"))
}
