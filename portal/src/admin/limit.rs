//! How often somebody may try to sign in. Whoever guesses is slowed down; nobody is locked out by somebody else's guesses.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::web::Failure;

/// Tries of one address for one name in a minute.
const PER_NAME: u32 = 5;
/// Tries of one address in a minute.
const PER_SOURCE: u32 = 30;
/// Keys remembered before those at rest are forgotten.
const KEYS: usize = 50_000;

/// The budgets. An attacker at one address uses up the budget of that address for a name, and not the one of the person at
/// another; 50 bits of backup code, six digits that work once in a minute and a password stand behind it.
pub(super) struct Limits {
    names: DefaultKeyedRateLimiter<(IpAddr, String)>,
    sources: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        let per_minute =
            |times| Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN));
        Self {
            names: RateLimiter::keyed(per_minute(PER_NAME)),
            sources: RateLimiter::keyed(per_minute(PER_SOURCE)),
        }
    }
}

impl Limits {
    /// Takes one try.
    ///
    /// # Errors
    ///
    /// [`Failure::TooMany`].
    pub(super) fn take(&self, source: IpAddr, name: &str) -> Result<(), Failure> {
        let source = network(source);
        if self.names.len() > KEYS {
            self.names.retain_recent();
            self.sources.retain_recent();
        }
        let key = (
            source,
            name.trim().to_lowercase().chars().take(64).collect(),
        );
        if self.sources.check_key(&source).is_ok() && self.names.check_key(&key).is_ok() {
            return Ok(());
        }
        Err(Failure::TooMany(
            "too many tries from this address: wait a minute, then try again".to_owned(),
        ))
    }
}

/// Whoever has one IPv6 address has a /64 of them.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_of_one_address_do_not_lock_out_another() {
        let limits = Limits::default();
        let (attacker, alice) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let refused = (0..20)
            .filter(|_| limits.take(attacker, "alice").is_err())
            .count();
        assert_eq!(refused, 15);
        assert!(limits.take(alice, "Alice").is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let limits = Limits::default();
        let refused = (0..20u16)
            .filter(|host| {
                let source = [0x2001, 0xdb8, 0, 0, 0, 0, 0, *host].into();
                limits.take(source, "alice").is_err()
            })
            .count();
        assert_eq!(refused, 15);
    }
}
