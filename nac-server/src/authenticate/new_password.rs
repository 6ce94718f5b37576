//! A password that its own user changes at the login, because it is expired (MS-CHAPv2, RFC 2759 section 7).
//!
//! One task stores them, one after the other. The login waits for it, and no other does.

use std::sync::Arc;
use std::time::Duration;

use nac_portal::input::user::check_password;
use nac_portal::web::PasswordPool;
use nac_store::{Actor, ActorKind, SecretBytes, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::reason::Refusal;
use crate::snapshot::World;
use crate::snapshot::directory::UserEntry;

/// Changes that may wait; with more, the login ends without an answer.
const QUEUE: usize = 32;
/// How long a login waits.
const DEADLINE: Duration = Duration::from_secs(10);

/// The way to the task.
#[derive(Clone, Debug)]
pub(crate) struct NewPasswords {
    queue: mpsc::Sender<Change>,
}

/// One change on its way.
#[derive(Debug)]
pub(crate) struct Change {
    user: String,
    old: SecretBytes,
    new: Zeroizing<String>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

/// The way to the task, and what it takes.
pub(crate) fn channel() -> (NewPasswords, mpsc::Receiver<Change>) {
    let (queue, changes) = mpsc::channel(QUEUE);
    (NewPasswords { queue }, changes)
}

impl NewPasswords {
    /// Whether the user has the new password from now on. `None` when that could not be done, or is not known.
    pub(super) async fn change(
        &self,
        user: &str,
        entry: Option<Arc<UserEntry>>,
        new: Zeroizing<String>,
    ) -> Option<Result<(), Refusal>> {
        let refused = |why: &str| Some(Err(Refusal::new_password_refused(user, why)));
        let Some(entry) = entry else {
            return Some(Err(Refusal::unknown_user(user)));
        };
        let Some(secrets) = &entry.challenge else {
            return Some(Err(Refusal::no_challenge_secret(user, "MS-CHAPv2")));
        };
        if new.is_empty() {
            return refused("it is empty");
        }
        if new.as_bytes() == secrets.cleartext.as_slice() {
            return refused("it is the old one");
        }
        if let Err(fault) = check_password(&new) {
            return refused(&fault.to_string());
        }
        let (done, changed) = oneshot::channel();
        let change = Change {
            user: entry.name.clone(),
            old: SecretBytes::new(secrets.cleartext.as_slice()),
            new,
            done,
        };
        if self.queue.try_send(change).is_err() {
            tracing::error!(user, "a new password was not stored: too many wait");
            return None;
        }
        match tokio::time::timeout(DEADLINE, changed).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}

/// Stores what comes, until cancelled.
pub(crate) async fn run(
    store: Store,
    world: Arc<World>,
    passwords: PasswordPool,
    mut changes: mpsc::Receiver<Change>,
    cancel: CancellationToken,
) {
    let store = store.acting(Actor {
        kind: ActorKind::System,
        name: "password change".to_owned(),
        source: String::new(),
    });
    loop {
        let change = tokio::select! {
            () = cancel.cancelled() => return,
            change = changes.recv() => change,
        };
        let Some(Change {
            user,
            old,
            new,
            done,
        }) = change
        else {
            return;
        };
        match apply(&store, &world, &passwords, &user, &old, new).await {
            // Whoever no longer waits does not mind: the password is changed all the same.
            Ok(result) => drop(done.send(result)),
            Err(error) => {
                tracing::error!(user, %error, "a new password was not stored: the user logs in again");
            }
        }
    }
}

async fn apply(
    store: &Store,
    world: &World,
    passwords: &PasswordPool,
    user: &str,
    old: &SecretBytes,
    new: Zeroizing<String>,
) -> Result<Result<(), Refusal>, StoreError> {
    let sealed = SecretBytes::new(new.as_bytes());
    let Ok(hash) = passwords.hash(new).await else {
        return Err(StoreError::Conflict {
            what: "no password can be hashed at this moment".to_owned(),
        });
    };
    match store.user_change_password(user, old, &hash, &sealed).await {
        Ok(()) => {}
        Err(StoreError::NotFound { .. }) => return Ok(Err(Refusal::unknown_user(user))),
        Err(error @ (StoreError::Conflict { .. } | StoreError::Invalid { .. })) => {
            let refusal = Refusal::new_password_refused(user, &error.to_string());
            return Ok(Err(refusal));
        }
        Err(error) => return Err(error),
    }
    // The same login goes on with it, before the change feed has come round.
    world.directory.reload_user(store, user).await?;
    Ok(Ok(()))
}
