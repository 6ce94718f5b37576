//! Keeps the world true: applies each change of the store, then tells enforcement what to look at again.

use std::sync::Arc;
use std::time::Duration;

use nac_store::{EVERYTHING, Enforcement, Event, EventKind, Store, StoreError};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{World, WorldError};

/// Which live sessions may deserve another answer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them: policy, segments, clients or something unknown changed.
    All,
    /// Those of one user.
    User(String),
    /// Those of one device.
    Device(Uuid),
    /// Those whose posture comes from this osquery node.
    Node(Uuid),
    /// None for what the rules say, but somebody told these something.
    Commands(Vec<Enforcement>),
}

/// How long to wait before a change that could not be read is read again.
const RETRY: Duration = Duration::from_millis(500);

/// Applies events until cancelled.
pub async fn run(
    world: Arc<World>,
    store: Store,
    mut events: broadcast::Receiver<Event>,
    scopes: mpsc::Sender<Scope>,
    cancel: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            () = cancel.cancelled() => return,
            event = events.recv() => event,
        };
        let scope = match event {
            Ok(event) => apply_until_done(&world, &store, &event, &cancel).await,
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "changes came faster than they were read: reading everything again"
                );
                reload_everything(&world, &store, &cancel).await;
                let commands = everything(EventKind::SessionCommand);
                if let Some(commands) = apply_until_done(&world, &store, &commands, &cancel).await
                    && scopes.send(commands).await.is_err()
                {
                    return;
                }
                Some(Scope::All)
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if let Some(scope) = scope
            && scopes.send(scope).await.is_err()
        {
            return;
        }
    }
}

async fn apply_until_done(
    world: &World,
    store: &Store,
    event: &Event,
    cancel: &CancellationToken,
) -> Option<Scope> {
    loop {
        match apply(world, store, event).await {
            Ok(scope) => return scope,
            // The old policy stays in force: a broken one must not become "refuse everybody".
            Err(error @ WorldError::Policy { .. }) => {
                tracing::error!(%error, "the policy in force is kept");
                return None;
            }
            // It will not heal by waiting, and every later change would wait with it.
            Err(WorldError::Store(error)) if !error.is_outage() => {
                tracing::error!(%error, kind = ?event.kind, key = %event.key,
                    "a change cannot be read: what it concerns stays as it was");
                return Some(Scope::All);
            }
            Err(error) => {
                tracing::warn!(%error, kind = ?event.kind, "a change could not be read yet");
                tokio::select! {
                    () = cancel.cancelled() => return None,
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        }
    }
}

async fn apply(world: &World, store: &Store, event: &Event) -> Result<Option<Scope>, WorldError> {
    let everything = event.key == EVERYTHING;
    Ok(match event.kind {
        EventKind::Client => {
            world.reload_clients(store).await?;
            Some(Scope::All)
        }
        EventKind::Segment | EventKind::Policy => {
            world.reload_policy(store).await?;
            Some(Scope::All)
        }
        // Offers are for logins: who is in stays in.
        EventKind::Offer => {
            world.reload_offers(store).await?;
            None
        }
        EventKind::Certificate => {
            world.reload_revoked(store).await?;
            Some(Scope::All)
        }
        EventKind::Supplicant => {
            match everything {
                true => world.supplicants.reload(store).await?,
                false => world.supplicants.forget(&event.key),
            }
            Some(Scope::All)
        }
        EventKind::BreakGlass => {
            world.reload_break_glass(store).await?;
            Some(Scope::All)
        }
        EventKind::User if everything => {
            world.directory.reload_users(store).await?;
            Some(Scope::All)
        }
        EventKind::User => {
            world.directory.reload_user(store, &event.key).await?;
            Some(Scope::User(event.key.clone()))
        }
        EventKind::Device => match event.key.parse() {
            Ok(id) => {
                world.directory.reload_device(store, id).await?;
                Some(Scope::Device(id))
            }
            Err(_) => {
                world.directory.reload_devices(store).await?;
                Some(Scope::All)
            }
        },
        // An exception to a check comes as news of its host's posture.
        EventKind::Quarantine | EventKind::Exception => {
            world.directory.reload_quarantines(store).await?;
            Some(Scope::All)
        }
        EventKind::SessionCommand => Some(Scope::Commands(commands(store, &event.key).await?)),
        EventKind::Posture | EventKind::Node => {
            Some(event.key.parse().map_or(Scope::All, Scope::Node))
        }
        _ => None,
    })
}

/// The command of this id, or all that wait.
async fn commands(store: &Store, key: &str) -> Result<Vec<Enforcement>, StoreError> {
    let Ok(id) = key.parse() else {
        return store.session_command_waiting().await;
    };
    match store.enforcement_fetch(id).await {
        Ok(command) => Ok(vec![command]),
        Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

async fn reload_everything(world: &World, store: &Store, cancel: &CancellationToken) {
    for kind in [
        EventKind::Client,
        EventKind::Policy,
        EventKind::Offer,
        EventKind::Certificate,
        EventKind::User,
        EventKind::Device,
        EventKind::Supplicant,
        EventKind::Quarantine,
        EventKind::BreakGlass,
    ] {
        apply_until_done(world, store, &everything(kind), cancel).await;
    }
}

fn everything(kind: EventKind) -> Event {
    Event {
        seq: 0,
        kind,
        key: EVERYTHING.to_owned(),
    }
}
