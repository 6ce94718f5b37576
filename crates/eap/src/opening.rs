//! What a conversation is before a method runs: so little that it fits into a State attribute.
//!
//! Anybody can say a name. The caller gives [`Opening`] to the NAS, sealed, instead of keeping a [`Conversation`] for it, and goes on
//! with what comes back; so a flood of names costs no memory.
//!
//! [`Conversation`]: crate::Conversation

use std::time::Duration;

use crate::settings::Method;

/// The octets before the identity.
const FIXED: usize = 14;
/// Octets of the identity that are kept: with the caller's seal a State attribute holds no more (RFC 2865 section 5.24).
const IDENTITY_LIMIT: usize = 200;
/// The bit of each method among those that were proposed.
const METHODS: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];

/// A conversation whose supplicant has sent nothing of a method yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When the last packet of the supplicant came, since a moment of the caller's choice.
    pub(crate) at: Duration,
    /// Of the outstanding request.
    pub(crate) identifier: u8,
    /// The method whose Start is outstanding; none while the identity is asked for.
    pub(crate) proposed: Option<Method>,
    /// Methods that were proposed, this one among them.
    pub(crate) tried: Vec<Method>,
    pub(crate) rounds: u16,
    pub(crate) invalid: u8,
    pub(crate) stale: u8,
    /// The identity outside the tunnel, cut after 200 octets.
    pub(crate) identity: String,
}

impl Opening {
    /// What the supplicant goes by outside the tunnel, once it was asked; `user_name` is what the NAS calls it, which completes a long
    /// name.
    pub fn identity<'a>(&'a self, user_name: &'a str) -> Option<&'a str> {
        self.proposed
            .map(|_| whole_identity(&self.identity, user_name))
    }

    /// As octets, at most 214. They are not sealed: whoever hands them out has to see that they come back unchanged.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mask = METHODS
            .iter()
            .zip([1_u8, 2, 4, 8])
            .filter(|(method, _)| self.tried.contains(method))
            .fold(0, |mask, (_, bit)| mask | bit);
        let mut bytes = Vec::with_capacity(FIXED.saturating_add(self.identity.len()));
        let at = u64::try_from(self.at.as_micros()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&at.to_be_bytes());
        bytes.push(self.identifier);
        bytes.push(self.proposed.map_or(0, Method::type_number));
        bytes.push(mask);
        // A conversation has far fewer rounds than 255; one that had more is over.
        bytes.push(u8::try_from(self.rounds).unwrap_or(u8::MAX));
        bytes.push(self.invalid);
        bytes.push(self.stale);
        bytes.extend_from_slice(cut(&self.identity).as_bytes());
        bytes
    }

    /// What [`Self::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (fixed, identity) = bytes.split_first_chunk::<FIXED>()?;
        let [at @ .., identifier, proposed, mask, rounds, invalid, stale] = *fixed;
        let proposed = match proposed {
            0 => None,
            number => Some(
                *METHODS
                    .iter()
                    .find(|method| method.type_number() == number)?,
            ),
        };
        let identity = String::from_utf8(identity.to_vec()).ok()?;
        (identity.len() <= IDENTITY_LIMIT).then(|| Self {
            at: Duration::from_micros(u64::from_be_bytes(at)),
            identifier,
            proposed,
            tried: METHODS
                .into_iter()
                .zip([1_u8, 2, 4, 8])
                .filter(|(_, bit)| mask & bit != 0)
                .map(|(method, _)| method)
                .collect(),
            rounds: u16::from(rounds),
            invalid,
            stale,
            identity,
        })
    }
}

/// As much of a name as an opening keeps.
fn cut(identity: &str) -> &str {
    let end = identity.floor_char_boundary(IDENTITY_LIMIT);
    identity.get(..end).unwrap_or_default()
}

/// The whole name, where the NAS repeats in User-Name what it heard (RFC 3579 section 2.1) and an opening kept only its beginning.
pub(crate) fn whole_identity<'a>(kept: &'a str, user_name: &'a str) -> &'a str {
    let was_cut = user_name.len() > kept.len() && cut(user_name) == kept;
    if was_cut { user_name } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(identity: &str) -> Opening {
        Opening {
            at: Duration::from_micros(1_234_567_890_123),
            identifier: 255,
            proposed: Some(Method::Peap),
            tried: vec![Method::Tls, Method::Peap],
            rounds: 2,
            invalid: 1,
            stale: 3,
            identity: identity.to_owned(),
        }
    }

    #[test]
    fn an_opening_comes_back_as_it_was() {
        for identity in ["", "alice@example.org", &"x".repeat(IDENTITY_LIMIT)] {
            let opening = opening(identity);
            assert_eq!(Opening::from_bytes(&opening.to_bytes()), Some(opening));
        }
        let asked = Opening {
            proposed: None,
            tried: vec![],
            ..opening("")
        };
        assert_eq!(Opening::from_bytes(&asked.to_bytes()), Some(asked));
    }

    #[test]
    fn a_name_of_any_length_fits_and_is_completed_by_the_nas_that_repeats_it() {
        let long = "ü".repeat(126);
        let bytes = opening(&long).to_bytes();
        assert_eq!(bytes.len(), FIXED + IDENTITY_LIMIT);
        let kept = Opening::from_bytes(&bytes).unwrap().identity;
        assert_eq!(kept, "ü".repeat(100));
        assert_eq!(whole_identity(&kept, &long), long);
        assert_eq!(whole_identity(&kept, "mallory"), kept);
        assert_eq!(whole_identity("alice", "alice-and-more"), "alice");
    }

    #[test]
    fn other_octets_are_no_opening() {
        let bytes = opening("alice").to_bytes();
        assert_eq!(Opening::from_bytes(&bytes[..FIXED - 1]), None);
        let mut unknown = bytes.clone();
        unknown[9] = 4;
        assert_eq!(Opening::from_bytes(&unknown), None);
        let mut garbled = bytes;
        garbled.push(0xff);
        assert_eq!(Opening::from_bytes(&garbled), None);
    }
}
