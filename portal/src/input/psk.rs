//! A device's Wi-Fi key, made anew.

use nac_store::{DevicePsk, PskState, Store, StoreError, now_us};
use uuid::Uuid;

/// For how long the former key stays right unless somebody says otherwise: a week to type the new one in, in microseconds.
pub const OVERLAP_US: i64 = 7 * 86_400_000_000;

/// Gives a device a new random key for a network. One that it has stays right for `overlap_us` microseconds more.
///
/// # Errors
///
/// As [`Store::device_psk_create`].
pub async fn renew(
    store: &Store,
    device_id: Uuid,
    ssid: &str,
    overlap_us: i64,
    by: &str,
) -> Result<DevicePsk, StoreError> {
    let passphrase = DevicePsk::passphrase()?;
    let has_one = store
        .device_psk_list(device_id)
        .await?
        .iter()
        .any(|psk| psk.ssid == ssid && psk.state(now_us()) == PskState::Current);
    if has_one {
        store
            .device_psk_rotate(device_id, ssid, passphrase, overlap_us, by)
            .await
    } else {
        store
            .device_psk_create(device_id, ssid, passphrase, by)
            .await
    }
}
