//! Which of a device's own Wi-Fi keys an access point is told.
//!
//! While one key follows the other, both are right. Some access points try all that they are told; the others take one, and there
//! the device is found out by its return: who asks again within moments was told the key that it does not know.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nac_radius::{MacAddr, VendorProfile};
use nac_store::SecretBytes;

/// A station that the handshake refused is back within this time; one that roams or is asked again is not.
const RETURN: Duration = Duration::from_secs(15);
/// The most keys that are told at once.
const MOST: usize = 2;
/// More stations in the middle of a rotation than this are not remembered: they are told the newest key.
const STATIONS: usize = 10_000;
/// How long a station is remembered. An overlap of days needs no more: the next answer begins with the newest key again.
const MEMORY: Duration = Duration::from_secs(3_600);

/// What stations were told last.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<MacAddr, (usize, Instant)>>);

impl Told {
    /// Of the keys that are right, the newest first, those for this answer.
    pub(super) fn told(
        &self,
        mac: Option<MacAddr>,
        right: &[SecretBytes],
        profile: &VendorProfile,
        now: Instant,
    ) -> Vec<SecretBytes> {
        let Some(mac) = mac.filter(|_| right.len() > 1) else {
            return right.iter().take(MOST).cloned().collect();
        };
        if profile.several_psks() {
            return right.iter().take(MOST).cloned().collect();
        }
        let mut stations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = match stations.get(&mac) {
            Some((turn, at)) if now.duration_since(*at) < RETURN => turn + 1,
            Some((turn, at)) if now.duration_since(*at) < MEMORY => *turn,
            _ => 0,
        };
        if stations.len() >= STATIONS {
            stations.retain(|_, (_, at)| now.duration_since(*at) < MEMORY);
        }
        if stations.len() < STATIONS || stations.contains_key(&mac) {
            stations.insert(mac, (turn, now));
        }
        right
            .iter()
            .cycle()
            .nth(turn % right.len())
            .cloned()
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<SecretBytes> {
        names
            .iter()
            .map(|name| SecretBytes::new(name.as_bytes()))
            .collect()
    }

    #[test]
    fn an_access_point_that_tries_several_is_told_both() {
        let profile = VendorProfile::by_name("hostapd").expect("embedded");
        let right = keys(&["new", "old"]);
        let mac = "02:00:00:00:00:01".parse().ok();
        assert_eq!(
            Told::default().told(mac, &right, profile, Instant::now()),
            right
        );
    }

    #[test]
    fn who_comes_back_at_once_is_told_the_other_key_and_stays_with_it() {
        let profile = VendorProfile::by_name("cisco-wlc").expect("embedded");
        let right = keys(&["new", "old"]);
        let told = Told::default();
        let mac = "02:00:00:00:00:01".parse().ok();
        let start = Instant::now();
        let at = |seconds| told.told(mac, &right, profile, start + Duration::from_secs(seconds));
        assert_eq!(at(0), keys(&["new"]));
        assert_eq!(at(2), keys(&["old"]));
        assert_eq!(at(600), keys(&["old"]));
        assert_eq!(at(603), keys(&["new"]));
        assert_eq!(at(606), keys(&["old"]));
        assert_eq!(at(50_000), keys(&["new"]));
        // Another station, and a device with one key, are not concerned.
        let other = "02:00:00:00:00:02".parse().ok();
        assert_eq!(told.told(other, &right, profile, start), keys(&["new"]));
        assert_eq!(told.told(mac, &right[1..], profile, start), keys(&["old"]));
    }
}
