//! What nobody asks for and has to happen anyway: quarantines, exceptions, break-glass and guests' stays that end, histories that are long
//! enough.

use std::time::Duration;

use nac_store::{Actor, ActorKind, Store, now_us};
use tokio_util::sync::CancellationToken;

/// A quarantine, an exception or break-glass ends at most this much late.
const TICK: Duration = Duration::from_secs(1);
/// How often TLS sessions that nobody can resume are forgotten, in ticks.
const SESSION_TICKS: u32 = 60;
/// How often old history is forgotten, in ticks.
const PRUNE_TICKS: u32 = 3_600;

/// Runs until cancelled. A database that is away is tried again at the next tick.
pub(super) async fn run(store: Store, cancel: CancellationToken) {
    let store = store.acting(Actor {
        kind: ActorKind::System,
        name: "housekeeping".to_owned(),
        source: String::new(),
    });
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut until_prune = PRUNE_TICKS;
    let mut until_sessions = SESSION_TICKS;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match store.quarantine_expire().await {
            Ok(ended) => {
                for quarantine in ended {
                    tracing::info!(quarantine = %quarantine.id, reason = %quarantine.reason, "a quarantine has ended by its time");
                }
            }
            Err(error) => tracing::debug!(%error, "quarantines are not looked at"),
        }
        match store.exception_expire().await {
            Ok(ended) => {
                for exception in ended {
                    tracing::info!(exception = %exception.id, reason = %exception.reason, "an exception has ended by its time");
                }
            }
            Err(error) => tracing::debug!(%error, "exceptions are not looked at"),
        }
        match store.break_glass_expire().await {
            Ok(Some(ended)) => {
                tracing::info!(reason = %ended.reason, "break-glass has ended by its time");
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "break-glass is not looked at"),
        }
        match store.guest_expire().await {
            Ok(ended) => {
                for guest in ended {
                    tracing::info!(guest = %guest.id, status = guest.status.as_str(), "a guest's time is over");
                }
            }
            Err(error) => tracing::debug!(%error, "guests are not looked at"),
        }
        if let Err(error) = store.device_psk_forget().await {
            tracing::debug!(%error, "Wi-Fi keys whose time is over are not forgotten yet");
        }
        until_sessions -= 1;
        if until_sessions == 0 {
            until_sessions = SESSION_TICKS;
            if let Err(error) = store.eap_session_prune(now_us()).await {
                tracing::debug!(%error, "TLS sessions whose time is over are not forgotten yet");
            }
        }
        until_prune -= 1;
        if until_prune == 0 {
            until_prune = PRUNE_TICKS;
            match store.retention_run(now_us()).await {
                Ok(run) => tracing::debug!(removed = ?run.removed, "old history is forgotten"),
                Err(error) => tracing::warn!(%error, "old history is not forgotten yet"),
            }
        }
    }
}
