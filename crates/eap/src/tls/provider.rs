//! The cryptography that EAP's TLS uses, chosen explicitly rather than by process default.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedProtocolVersion};
use rustls_pki_types::UnixTime;

use crate::settings::TlsVersions;

/// aws-lc-rs, with AES-128 and SHA-256 first: a tunnel lives for milliseconds, and processors have instructions for SHA-256 where they have
/// none for SHA-384. Who wants AES-256 offers nothing else (WPA3-Enterprise 192-bit). Without post-quantum hybrids unless they are wanted:
/// their key shares cost an EAP fragment each way.
pub(super) fn provider(post_quantum: bool) -> Arc<CryptoProvider> {
    let mut kx_groups = vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    if post_quantum {
        kx_groups.insert(0, kx_group::X25519MLKEM768);
    }
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        )
    });
    Arc::new(CryptoProvider {
        kx_groups,
        ..provider
    })
}

/// The rustls names of the versions.
pub(super) fn versions(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match versions {
        TlsVersions::Both => &BOTH,
        TlsVersions::Only12 => &BOTH[1..],
        TlsVersions::Only13 => &BOTH[..1],
    }
}

/// A clock that stands still: time is an argument of a conversation.
#[derive(Debug)]
pub(super) struct FixedTime(pub(super) UnixTime);

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}
