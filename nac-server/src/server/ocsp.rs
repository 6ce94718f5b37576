//! Asks OCSP responders again about the certificates of those who are inside, when the answers of before are over.

use std::sync::Arc;
use std::time::Duration;

use nac_store::now_us;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::account::SessionTable;
use crate::snapshot::World;
use crate::snapshot::feed::Scope;

/// Between two looks at the live sessions: a revocation is noticed so much after the answer of before is over, at most, while there is no
/// more than one round to ask.
const TICK: Duration = Duration::from_secs(5);

/// Runs until cancelled. Who turns out to be revoked is judged again at once, like everybody.
pub(super) async fn run(
    world: Arc<World>,
    sessions: Arc<SessionTable>,
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
        let revocations = world.snapshot().revocations.clone();
        let Some(ocsp) = revocations.ocsp() else {
            continue;
        };
        let now_us = now_us();
        for session in sessions.all() {
            let machine = session.context.machine.as_deref();
            let machine = machine.and_then(|machine| machine.certificate.as_ref());
            let own = session.context.certificate.as_deref();
            for certificate in own.into_iter().chain(machine) {
                revocations.note_inside(&certificate.way, now_us);
            }
        }
        // NASes on RadSec note themselves with every packet.
        tokio::select! {
            () = cancel.cancelled() => return,
            () = ocsp.ask_again() => {}
        }
        if ocsp.take_news() && scopes.send(Scope::All).await.is_err() {
            return;
        }
    }
}
