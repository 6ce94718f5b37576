//! `nac serve`: runs the server until SIGTERM or SIGINT; SIGHUP reads the configuration again.

use std::path::Path;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use super::output::now_us;
use super::{Answer, Context, Failure, Outcome, open_store};
use crate::config::Config;
use crate::server::Server;
use crate::telemetry::log;

/// Runs the server with this context's configuration.
pub(super) async fn run(context: &Context) -> Outcome {
    let file = context.existing_config_file()?;
    let config = Config::load(&file)?;
    let _logging = log::start(config.log.format, &config.log.level);
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::cannot(format!("no signal handling: {error}")))
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    for warning in config.certificates.warnings(now_us()) {
        tracing::warn!("{warning}");
    }
    let store = open_store(&config.settings).await?;
    let server = Server::start(&config, store)
        .await
        .map_err(|error| Failure::cannot(error.to_string()))?;
    let addresses = server.addresses;
    tracing::info!(auth = %addresses.auth, acct = %addresses.acct, radsec = addresses.radsec.map(tracing::field::display), portal = %addresses.portal,
        portal_http = addresses.portal_http.map(tracing::field::display), admin = %addresses.admin, metrics = %addresses.metrics, database = %server.store().location(), "serving");
    // Outside systemd there is nobody to notify.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(&server, &config, &file).await,
        }
    }
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    server.stop().await;
    Ok(Answer::Yes)
}

/// A bad file changes nothing: the old configuration keeps running. What only a restart can change is
/// compared with the settings at the start, which are those in force however often the file was read since.
async fn reload(server: &Server, at_start: &Config, file: &Path) {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(errors) => {
            tracing::error!(file = %file.display(), %errors, "the configuration is not reloaded; the old one keeps running");
            return;
        }
    };
    if let Err(error) = server.reload(&config, at_start).await {
        tracing::error!(file = %file.display(), %error, "the configuration is not reloaded; the old one keeps running");
        return;
    }
    if config.secrets != at_start.secrets {
        tracing::warn!("the sealing key stays as it is until the server is restarted");
    }
    for warning in config.certificates.warnings(now_us()) {
        tracing::warn!("{warning}");
    }
    tracing::info!(file = %file.display(), "configuration reloaded");
}
