//! What is known of a device's 802.1X, and its leave to come without.

use nac_radius::MacAddr;
use nac_store::{Device, Store, StoreError};
use serde_json::json;

use super::find;
use crate::cli::output::{answer, local_time};
use crate::cli::{Answer, Context, Failure, Outcome};

/// By which method each MAC of a device was let in last, and when.
pub(super) async fn described(store: &Store, device: &Device) -> Result<String, Failure> {
    let mut seen = Vec::new();
    for mac in &device.macs {
        if let Some(known) = store.supplicant_find(mac).await? {
            seen.push(format!(
                "{mac} by {} at {}",
                known.method,
                local_time(known.seen_us)
            ));
        }
    }
    Ok(seen.join("\n          "))
}

/// Forgets that the device's MACs were let in by 802.1X. A MAC need not be in the inventory.
pub(super) async fn allow_mab(context: &Context, text: &str) -> Outcome {
    let store = context.store().await?;
    let (name, macs) = match text.parse::<MacAddr>() {
        Ok(mac) => (mac.to_string(), vec![mac.to_string()]),
        Err(_) => {
            let device = find(&store, text).await?;
            (device.name, device.macs)
        }
    };
    let mut forgotten = Vec::new();
    for mac in macs {
        match store.supplicant_forget(&mac).await {
            Ok(known) => forgotten.push(known),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if forgotten.is_empty() {
        return Err(
            Failure::no(format!("{name} was not let in by 802.1X lately"))
                .fix("nothing needs to be allowed: the policy alone decides; see nac why MAC"),
        );
    }
    answer(
        context.json(),
        &json!({ "device": name, "forgotten": forgotten }),
        &format!("{name} may come without 802.1X, until it is let in by it again"),
    )?;
    Ok(Answer::Yes)
}
