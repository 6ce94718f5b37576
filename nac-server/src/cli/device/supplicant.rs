//! What is known of a device's 802.1X, and its leave to come without.

use nac_store::{Device, Store, StoreError};

use super::unknown;
use crate::cli::output::{answer, local_time};
use crate::cli::{Answer, Context, Failure, Outcome};

/// By which method each MAC of a device was let in last, and when.
pub(super) async fn described(store: &Store, device: &Device) -> Result<String, Failure> {
    let known = store.supplicants_of(device).await?;
    let seen: Vec<String> = known
        .iter()
        .map(|known| {
            let at = local_time(known.seen_us);
            format!("{} by {} at {at}", known.mac, known.method)
        })
        .collect();
    Ok(seen.join("\n          "))
}

/// Forgets that the device's MACs were let in by 802.1X. A MAC need not be in the inventory.
pub(super) async fn allow_mab(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let allowed = match store.device_allow_mab(text).await {
        Err(StoreError::NotFound { .. }) => return Err(unknown(text)),
        allowed => allowed?,
    };
    let name = &allowed.device;
    if allowed.forgotten.is_empty() {
        return Err(
            Failure::no(format!("{name} was not let in by 802.1X lately"))
                .fix("nothing needs to be allowed: the policy alone decides; see nac why MAC"),
        );
    }
    answer(
        context.json(),
        &allowed,
        &format!("{name} may come without 802.1X, until it is let in by it again"),
    )?;
    Ok(Answer::Yes)
}
