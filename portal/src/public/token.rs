//! State that travels with the person: mini-browsers lose cookies and storage, so what one page has to tell the next stands in a
//! signed token in the address or in a hidden field.
//!
//! A token is readable, so it holds no secret. It cannot be changed, is good for [`LIFETIME_S`], for one purpose and for one
//! holder: a RADIUS session, or an address. The other kind of token here, a [`Tokens::session_link`], is what a NAS puts into the
//! address that it redirects browsers to.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nac_store::{Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// How long a token is good, in seconds.
pub const LIFETIME_S: i64 = 30 * 60;
/// The longest token, in characters.
const LENGTH_MAX: usize = 4_096;
/// Half of an HMAC-SHA-256 (RFC 2104 section 5): 128 bits, so that a session link fits into a RADIUS attribute.
const TAG_LEN: usize = 16;
const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + 8;

/// Whose token it is. With anybody else it is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A RADIUS session.
    Session(Uuid),
    /// Whoever comes from this address.
    Address(IpAddr),
}

/// Why a token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It was good; the person has to begin again.
    #[error("the token has expired")]
    Expired,
    /// It was made up or changed, or is another holder's or another page's.
    #[error("the token is not good here")]
    Foreign,
}

/// Signs tokens and looks at them. Clones share the key.
#[derive(Clone)]
pub struct Tokens {
    key: hmac::Key,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(<hidden>)")
    }
}

impl Tokens {
    /// With the key that this database's sealing key gives, so that a restart or another node knows them too.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] when the store was opened without its sealing key.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        let key = store.derived_key("portal.token")?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
        })
    }

    /// Signs `state` for one purpose (a page's own name for it) and one holder.
    ///
    /// # Errors
    ///
    /// When the state has no JSON form.
    pub fn sign<T: Serialize>(
        &self,
        purpose: &str,
        holder: Holder,
        state: &T,
        now_us: i64,
    ) -> Result<String, serde_json::Error> {
        let expires_s = now_us / 1_000_000 + LIFETIME_S;
        let mut token = vec![VERSION];
        token.extend_from_slice(&expires_s.to_be_bytes());
        serde_json::to_writer(&mut token, state)?;
        let tag = self.tag(purpose, Some(holder), &token);
        token.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// The state of a token that is good for this purpose and holder.
    ///
    /// # Errors
    ///
    /// [`TokenFault`].
    pub fn verify<T: DeserializeOwned>(
        &self,
        purpose: &str,
        holder: Holder,
        token: &str,
        now_us: i64,
    ) -> Result<T, TokenFault> {
        let token = decoded(token).ok_or(TokenFault::Foreign)?;
        let (signed, tag) = token
            .split_last_chunk::<TAG_LEN>()
            .ok_or(TokenFault::Foreign)?;
        if !equal(&self.tag(purpose, Some(holder), signed), tag) {
            return Err(TokenFault::Foreign);
        }
        let (header, state) = signed
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(TokenFault::Foreign)?;
        let [version, expires_s @ ..] = *header;
        if version != VERSION {
            return Err(TokenFault::Foreign);
        }
        if i64::from_be_bytes(expires_s) <= now_us / 1_000_000 {
            return Err(TokenFault::Expired);
        }
        serde_json::from_slice(state).map_err(|_| TokenFault::Foreign)
    }

    /// What stands for a session in the address that its NAS redirects to: 43 characters, good while the session lasts.
    pub fn session_link(&self, session: Uuid) -> String {
        let mut link = session.as_bytes().to_vec();
        let tag = self.tag(SESSION_LINK, None, &link);
        link.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(link)
    }

    /// The session of a [`Tokens::session_link`]. Whatever stands behind the link is left out of account: a NAS appends to it.
    pub fn session_of_link(&self, link: &str) -> Option<Uuid> {
        let link = decoded(link)?;
        let (session, tag) = link.split_last_chunk::<TAG_LEN>()?;
        if !equal(&self.tag(SESSION_LINK, None, session), tag) {
            return None;
        }
        Uuid::from_slice(session).ok()
    }

    fn tag(&self, purpose: &str, holder: Option<Holder>, signed: &[u8]) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.key);
        // Each part behind its length, so that no part can pass for the end of another.
        let holder = match holder {
            None => String::new(),
            Some(Holder::Session(id)) => format!("session {id}"),
            Some(Holder::Address(address)) => format!("address {}", address.to_canonical()),
        };
        for part in [purpose.as_bytes(), holder.as_bytes(), signed] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; TAG_LEN];
        let full = context.sign();
        for (to, from) in tag.iter_mut().zip(full.as_ref()) {
            *to = *from;
        }
        tag
    }
}

const SESSION_LINK: &str = "session-link";

fn decoded(token: &str) -> Option<Vec<u8>> {
    if token.len() > LENGTH_MAX {
        return None;
    }
    URL_SAFE_NO_PAD.decode(token).ok()
}

fn equal(one: &[u8; TAG_LEN], two: &[u8; TAG_LEN]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, two).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000_000;

    fn tokens() -> Tokens {
        Tokens {
            key: hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]),
        }
    }

    fn address(text: &str) -> Holder {
        Holder::Address(text.parse().unwrap())
    }

    #[test]
    fn a_token_comes_back_for_its_purpose_and_holder_only() {
        let tokens = tokens();
        let session = Holder::Session(Uuid::from_u128(1));
        let token = tokens.sign("guest", session, &("Ada", 3), NOW).unwrap();
        let read = |purpose, holder| tokens.verify::<(String, u8)>(purpose, holder, &token, NOW);
        assert_eq!(read("guest", session), Ok(("Ada".to_owned(), 3)));
        assert_eq!(read("voucher", session), Err(TokenFault::Foreign));
        assert_eq!(
            read("guest", Holder::Session(Uuid::from_u128(2))),
            Err(TokenFault::Foreign)
        );
        assert_eq!(read("guest", address("10.0.0.1")), Err(TokenFault::Foreign));
        assert_eq!(read("", session), Err(TokenFault::Foreign));
    }

    #[test]
    fn a_token_ends_after_half_an_hour() {
        let tokens = tokens();
        let holder = address("::ffff:10.0.0.1");
        let token = tokens.sign("guest", holder, &1, NOW).unwrap();
        let at = |now| tokens.verify::<u8>("guest", address("10.0.0.1"), &token, now);
        assert_eq!(at(NOW + (LIFETIME_S - 1) * 1_000_000), Ok(1));
        assert_eq!(at(NOW + LIFETIME_S * 1_000_000), Err(TokenFault::Expired));
    }

    #[test]
    fn no_changed_or_cut_token_is_good() {
        let tokens = tokens();
        let holder = address("10.0.0.1");
        let token = URL_SAFE_NO_PAD
            .decode(tokens.sign("guest", holder, &"state", NOW).unwrap())
            .unwrap();
        let read = |token: &[u8]| {
            tokens.verify::<String>("guest", holder, &URL_SAFE_NO_PAD.encode(token), NOW)
        };
        assert_eq!(read(&token), Ok("state".to_owned()));
        for index in 0..token.len() {
            assert_eq!(read(&token[..index]), Err(TokenFault::Foreign), "{index}");
            let mut changed = token.clone();
            changed[index] ^= 1;
            assert_eq!(read(&changed), Err(TokenFault::Foreign), "{index}");
        }
        for text in ["", "=", "%%%", "A", &"A".repeat(100_000)] {
            assert_eq!(
                tokens.verify::<String>("guest", holder, text, NOW),
                Err(TokenFault::Foreign)
            );
        }
    }

    #[test]
    fn a_session_link_fits_a_radius_attribute_and_cannot_be_made_up() {
        let tokens = tokens();
        let link = tokens.session_link(Uuid::from_u128(1));
        assert_eq!(link.len(), 43);
        assert_eq!(tokens.session_of_link(&link), Some(Uuid::from_u128(1)));
        let bytes = URL_SAFE_NO_PAD.decode(&link).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(
                tokens.session_of_link(&URL_SAFE_NO_PAD.encode(&changed)),
                None,
                "{index}"
            );
            assert_eq!(
                tokens.session_of_link(&URL_SAFE_NO_PAD.encode(&bytes[..index])),
                None
            );
        }
        let state = tokens
            .sign(SESSION_LINK, address("10.0.0.1"), &1, NOW)
            .unwrap();
        assert_eq!(tokens.session_of_link(&state), None);
    }
}
