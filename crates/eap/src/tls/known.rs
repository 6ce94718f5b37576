//! Chains that were verified already.
//!
//! A device shows the same certificate at every full login, and whether its chain leads to a trust anchor depends on nothing but the
//! chain, the anchors and the time. So that answer is kept and only the time is looked at anew. Revocation is not decided here, and
//! the signature that proves the private key is verified in every handshake.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::validity::check_validity;

/// How many chains a half keeps. Two full halves are two MiB.
const HALF: usize = 16 * 1024;

type Digest = [u8; 32];

/// The chains that one set of trust anchors was found to vouch for. Only what a trusted authority has signed comes in here, and when it
/// is full the older half is forgotten.
#[derive(Debug, Default)]
pub(super) struct KnownChains(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    newer: HashSet<Digest>,
    older: HashSet<Digest>,
}

/// What stands for a chain: SHA-256 of its certificates, each with its length.
pub(super) struct ChainDigest(Digest);

impl ChainDigest {
    pub(super) fn of(
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Self {
        let mut context = Context::new(&SHA256);
        for certificate in std::iter::once(end_entity).chain(intermediates) {
            context.update(&certificate.len().to_be_bytes());
            context.update(certificate);
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(context.finish().as_ref());
        Self(digest)
    }
}

impl KnownChains {
    /// Whether this chain was verified before and every certificate in it is within its validity at `now`. A `false` says nothing: the
    /// chain has to be verified then.
    pub(super) fn vouch_for(
        &self,
        digest: &ChainDigest,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> bool {
        let now = Duration::from_secs(now.as_secs());
        self.knows(digest)
            && check_validity(std::slice::from_ref(end_entity), now).is_ok()
            && check_validity(intermediates, now).is_ok()
    }

    /// Remembers a chain that was verified just now.
    pub(super) fn remember(&self, digest: &ChainDigest) {
        self.with(|halves| halves.insert(digest.0));
    }

    fn knows(&self, digest: &ChainDigest) -> bool {
        self.with(|halves| {
            if halves.newer.contains(&digest.0) {
                return true;
            }
            let is_known = halves.older.contains(&digest.0);
            if is_known {
                // Whoever comes back stays known.
                halves.insert(digest.0);
            }
            is_known
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Halves) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Halves {
    fn insert(&mut self, digest: Digest) {
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(number: usize) -> ChainDigest {
        let certificate = CertificateDer::from(number.to_be_bytes().to_vec());
        ChainDigest::of(&certificate, &[])
    }

    #[test]
    fn where_one_certificate_ends_and_the_next_begins_makes_another_chain() {
        let certificate = |octets: &[u8]| CertificateDer::from(octets.to_vec());
        let digest = |first: &[u8], second: &[u8]| {
            ChainDigest::of(&certificate(first), &[certificate(second)]).0
        };
        assert_eq!(digest(b"ab", b"c"), digest(b"ab", b"c"));
        assert_ne!(digest(b"ab", b"c"), digest(b"a", b"bc"));
        assert_ne!(
            digest(b"ab", b""),
            ChainDigest::of(&certificate(b"ab"), &[]).0
        );
    }

    #[test]
    fn many_chains_push_out_those_that_do_not_come_back() {
        let known = KnownChains::default();
        known.remember(&chain(0));
        known.remember(&chain(1));
        for number in 2..=HALF {
            known.remember(&chain(number));
        }
        assert!(known.knows(&chain(0)), "it comes back");
        for number in HALF + 1..2 * HALF {
            known.remember(&chain(number));
        }
        assert!(known.knows(&chain(0)));
        assert!(!known.knows(&chain(1)), "it never came back");
        let held = known.with(|halves| halves.newer.len() + halves.older.len());
        assert!(held <= 2 * HALF, "{held}");
    }
}
