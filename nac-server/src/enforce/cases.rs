//! The quarantines that follow a device's checks: opened when the policy puts it into the quarantine segment, closed when it
//! leaves. They cause nothing; they are what administrators see, and where they note what they do about it.

use nac_store::{Actor, ActorKind, Store, now_us};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::account::LiveSession;
use crate::identity::Assessment;
use crate::snapshot::Directory;

/// The segment of who is kept apart.
const QUARANTINE: &str = "quarantine";
/// News that wait to be written. What does not fit comes again with the next look at everything.
const WAITING: usize = 1_024;

/// What has to be written about one device.
#[derive(Debug)]
pub struct Case {
    device_id: Option<Uuid>,
    mac: Option<String>,
    /// Why it is kept apart, and by which checks; nothing when it is so no longer.
    state: Option<(String, Vec<String>)>,
}

/// Where news go, and where they are written.
pub fn channel() -> (mpsc::Sender<Case>, mpsc::Receiver<Case>) {
    mpsc::channel(WAITING)
}

/// Looks at a session where it is now; gives what the records do not say yet.
pub(super) fn look_at(
    directory: &Directory,
    session: &LiveSession,
    assessment: &Assessment,
) -> Option<Case> {
    let device_id = assessment.device.as_ref().map(|device| device.id);
    let known = directory.followed(device_id, session.mac.as_deref());
    let facts = &assessment.facts;
    let kept_apart = session.segment == QUARANTINE && !facts.device.quarantined;
    let state = kept_apart.then(|| {
        let failing = &facts.posture.failing;
        let reason = match failing.as_slice() {
            [] => format!("posture is {}", facts.posture.verdict),
            [one] => format!("the check {one} fails"),
            many => format!("{} checks fail: {}", many.len(), many.join(", ")),
        };
        (reason, failing.clone())
    });
    if known.as_ref() == state.as_ref().map(|(reason, _)| reason) {
        return None;
    }
    // A release that is on its way has another verdict already: the record keeps what it was opened for.
    let leaving = assessment
        .ruling
        .as_ref()
        .is_ok_and(|segment| segment != QUARANTINE);
    if kept_apart && leaving {
        return None;
    }
    Some(Case {
        device_id,
        mac: session.mac.clone(),
        state,
    })
}

/// Writes until cancelled.
pub async fn run(store: Store, mut cases: mpsc::Receiver<Case>, cancel: CancellationToken) {
    let store = store.acting(Actor {
        kind: ActorKind::System,
        name: "policy".to_owned(),
        source: String::new(),
    });
    while let Some(Some(case)) = cancel.run_until_cancelled(cases.recv()).await {
        let mac = case.mac.as_deref();
        let outcome = match &case.state {
            Some((reason, checks)) => store
                .quarantine_follow(case.device_id, mac, reason, checks)
                .await
                .map(drop),
            None => store.quarantine_settle(case.device_id, mac).await.map(drop),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, at_us = now_us(), "a quarantine is not on record yet");
        }
    }
}
