//! Conversations before a method runs: they cost no memory, for they are in the State that the NAS returns.
//!
//! Anybody may say a name, and a station costs its sender nothing. So what is known of one that has only done that is sealed and given
//! away; only with the first message of a method does a conversation move into the table.
//!
//! *Invariant*: a State answers once, as long as the last 16 384 that were answered are remembered. One that is older begins a
//! conversation anew at most, which its sender could do anyway.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aws_lc_rs::hmac;
use nac_eap::Opening;
use subtle::ConstantTimeEq as _;

use super::conversations::random;

/// Octets of the seal: half of an HMAC-SHA-256, which nobody guesses within the lifetime of its key, a process.
const TAG_LEN: usize = 16;
/// Answered States that are remembered.
const SPENT_LIMIT: usize = 16_384;

/// Makes every State another one, and names it.
type Nonce = [u8; 8];

/// Seals and opens.
pub(super) struct Openings {
    key: hmac::Key,
    epoch: Instant,
    spent: Mutex<Spent>,
}

/// What a State held.
pub(super) struct Opened {
    pub(super) opening: Opening,
    /// Packets that had to be ignored so far.
    pub(super) invalid: u8,
    nonce: Nonce,
}

/// What is known of a State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is answered for the first time.
    First,
    /// It was answered before.
    Again,
    /// It was answered before, and that was the end.
    Over,
}

impl Default for Openings {
    /// With a key that dies with the process, as conversations do.
    fn default() -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()),
            epoch: Instant::now(),
            spent: Mutex::default(),
        }
    }
}

impl Openings {
    /// The moment that the times in openings count from.
    pub(super) const fn epoch(&self) -> Instant {
        self.epoch
    }

    /// The State for a challenge to a supplicant behind `client`, at most 239 octets.
    pub(super) fn seal(&self, client: &str, opening: &Opening, invalid: u8) -> Vec<u8> {
        let body = [&random::<8>()[..], &[invalid], &opening.to_bytes()].concat();
        let mut state = self.tag(client, &body).to_vec();
        state.extend_from_slice(&body);
        state
    }

    /// What is in a State that [`Self::seal`] made for the same client: from elsewhere it is worth nothing (RFC 5080 section 2.1.2).
    pub(super) fn open(&self, client: &str, state: &[u8]) -> Option<Opened> {
        let (tag, body) = state.split_first_chunk::<TAG_LEN>()?;
        if !bool::from(self.tag(client, body).ct_eq(tag)) {
            return None;
        }
        let (nonce, rest) = body.split_first_chunk()?;
        let (&invalid, opening) = rest.split_first()?;
        Some(Opened {
            opening: Opening::from_bytes(opening)?,
            invalid,
            nonce: *nonce,
        })
    }

    /// Takes note that this State is answered.
    pub(super) fn spend(&self, opened: &Opened) -> Use {
        self.lock().spend(opened.nonce)
    }

    /// The answer to this State was the last one.
    pub(super) fn ended(&self, opened: &Opened) {
        if let Some(over) = self.lock().nonces.get_mut(&opened.nonce) {
            *over = true;
        }
    }

    fn tag(&self, client: &str, body: &[u8]) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(client.len() as u64).to_be_bytes());
        context.update(client.as_bytes());
        context.update(body);
        let whole = context.sign();
        let mut tag = [0; TAG_LEN];
        tag.iter_mut()
            .zip(whole.as_ref())
            .for_each(|(to, from)| *to = *from);
        tag
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Openings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Openings(…)")
    }
}

/// The States that were answered, the oldest first.
#[derive(Default)]
struct Spent {
    /// With whether the answer was the last one.
    nonces: HashMap<Nonce, bool>,
    order: VecDeque<Nonce>,
}

impl Spent {
    fn spend(&mut self, nonce: Nonce) -> Use {
        match self.nonces.entry(nonce) {
            Entry::Occupied(entry) if *entry.get() => return Use::Over,
            Entry::Occupied(_) => return Use::Again,
            Entry::Vacant(entry) => entry.insert(false),
        };
        self.order.push_back(nonce);
        if self.order.len() > SPENT_LIMIT
            && let Some(oldest) = self.order.pop_front()
        {
            self.nonces.remove(&oldest);
        }
        Use::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening() -> Opening {
        // Time, identifier, proposed method, tried methods, rounds, invalid, stale, identity.
        let bytes = b"\0\0\0\0\0\0\0\x01\x07\x0d\x01\x01\0\0alice";
        Opening::from_bytes(bytes).unwrap()
    }

    #[test]
    fn a_state_opens_for_its_client_and_as_it_was_only() {
        let openings = Openings::default();
        let state = openings.seal("sw1", &opening(), 3);
        let opened = openings.open("sw1", &state).unwrap();
        assert_eq!((opened.opening, opened.invalid), (opening(), 3));
        assert!(openings.open("sw2", &state).is_none());
        assert!(Openings::default().open("sw1", &state).is_none());
        for at in 0..state.len() {
            let mut forged = state.clone();
            forged[at] ^= 1;
            assert!(openings.open("sw1", &forged).is_none(), "octet {at}");
            assert!(openings.open("sw1", &state[..at]).is_none(), "{at} octets");
        }
    }

    #[test]
    fn the_longest_name_still_fits_into_a_state() {
        let mut bytes = opening().to_bytes();
        bytes.resize(214, b'x');
        let longest = Opening::from_bytes(&bytes).unwrap();
        let state = Openings::default().seal("sw1", &longest, 0);
        assert!(state.len() <= 253, "{} octets", state.len());
    }

    #[test]
    fn a_state_answers_once_and_the_memory_of_it_is_bounded() {
        let openings = Openings::default();
        let spend = || {
            let state = openings.seal("sw1", &opening(), 0);
            openings.open("sw1", &state).unwrap()
        };
        let first = spend();
        assert_eq!(openings.spend(&first), Use::First);
        assert_eq!(openings.spend(&first), Use::Again);
        openings.ended(&first);
        assert_eq!(openings.spend(&first), Use::Over);
        for number in 0..2 * SPENT_LIMIT as u64 {
            openings.lock().spend(number.to_be_bytes());
        }
        let spent = openings.lock();
        assert_eq!(spent.nonces.len(), SPENT_LIMIT);
        assert_eq!(spent.order.len(), SPENT_LIMIT);
    }
}
