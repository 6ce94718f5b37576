//! `nac serve`: runs the server until SIGTERM or SIGINT; SIGHUP reads the configuration again.

use std::path::{Path, PathBuf};

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::server::{Server, StartError};
use crate::telemetry::log;

/// Why `nac serve` ended other than by a signal.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The file has faults.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigErrors),
    /// The server does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operating system.
    #[error("cannot run: {0}")]
    System(#[from] std::io::Error),
}

/// Runs the server with this file.
///
/// # Errors
/// A faulty configuration, or anything that keeps the server from starting.
pub async fn serve(file: &Path) -> Result<(), ServeError> {
    let config = Config::load(file)?;
    log::start(config.log.format, &config.log.level);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let server = Server::start(&config).await?;
    let addresses = server.addresses;
    tracing::info!(auth = %addresses.auth, acct = %addresses.acct, portal = %addresses.portal,
        admin = %addresses.admin, metrics = %addresses.metrics, database = %server.store().location(), "serving");
    // Outside systemd there is nobody to notify.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let mut running = config;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => running = reload(&server, running, file.to_owned()).await,
        }
    }
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    server.stop().await;
    Ok(())
}

/// A bad file changes nothing: the old configuration keeps running.
async fn reload(server: &Server, running: Config, file: PathBuf) -> Config {
    let config = match Config::load(&file) {
        Ok(config) => config,
        Err(errors) => {
            tracing::error!(file = %file.display(), %errors, "the configuration is not reloaded; the old one keeps running");
            return running;
        }
    };
    match server.reload(&config, &running).await {
        Ok(()) => {
            tracing::info!(file = %file.display(), "configuration reloaded");
            config
        }
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "the configuration is not reloaded; the old one keeps running");
            running
        }
    }
}
