//! The supplicant's side of what happens in and after the TLS handshake.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::PeerSettings;
use super::inner::InnerPeer;
use super::peap::PeapPeer;
use super::teap::{PeerMachine, TeapPeer};
use super::ttls::TtlsPeer;
use crate::keys::{self, CompoundKeys, Keys};
use crate::reason::{self, Reason};
use crate::settings::{CryptoBinding, Method};
use crate::step::Random;
use crate::tls::{Tls, Version};

/// Where the TLVs begin in the type data of TEAP's Start: behind the flags and their length.
const OUTER_TLVS_AT: usize = 5;

/// How a supplicant behaves beyond its profile.
#[derive(Clone, Default)]
pub(super) struct Habits {
    /// Sends the credentials of EAP-TTLS along with the TLS 1.3 Finished.
    pub(super) early: bool,
    pub(super) crypto_binding: CryptoBinding,
    /// For TEAP.
    pub(super) machine: Option<PeerMachine>,
    /// The code of an authenticator app, for EAP-GTC.
    pub(super) code: Option<Zeroizing<String>>,
    /// For when the present one is expired, for EAP-MSCHAPv2.
    pub(super) new_password: Option<Zeroizing<String>>,
}

pub(super) struct Tunnel {
    tls: Tls,
    method: Method,
    phase2: Phase2,
}

enum Phase2 {
    /// EAP-TLS. The octet 0x00 of RFC 9190 section 2.5 may have come.
    CertificateOnly {
        committed: bool,
    },
    Peap(PeapPeer),
    Ttls(TtlsPeer),
    Teap(TeapPeer),
}

impl Tunnel {
    /// `start` is the type data of the server's Start.
    pub(super) fn new(
        settings: &Arc<PeerSettings>,
        habits: &Habits,
        start: &[u8],
        unix_time: Duration,
    ) -> Result<Self, Reason> {
        let method = settings.method.outer();
        let inner = |method| {
            let peer = InnerPeer::new(method, settings, unix_time)?;
            Ok(peer
                .with_code(habits.code.clone())
                .with_new_password(habits.new_password.clone()))
        };
        let phase2 = match (method, settings.method.inner()) {
            (Method::Peap, Some(method)) => {
                Phase2::Peap(PeapPeer::new(inner(method)?, habits.crypto_binding))
            }
            (Method::Ttls, Some(method)) => {
                let eap = method.eap_type().map(|_| inner(method)).transpose()?;
                let peer = TtlsPeer::new(method, eap, settings, habits.early)?;
                Phase2::Ttls(peer.with_new_password(habits.new_password.clone()))
            }
            (Method::Teap, Some(method)) => {
                let machine = habits.machine.clone();
                let outer = start.get(OUTER_TLVS_AT..).unwrap_or_default();
                Phase2::Teap(TeapPeer::new(method, settings, machine, outer, unix_time))
            }
            _ => Phase2::CertificateOnly { committed: false },
        };
        Ok(Self {
            tls: settings.tls.connect(unix_time)?,
            method,
            phase2,
        })
    }

    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        self.tls.output()
    }

    /// Takes a message from the server. After an error the output may hold an alert.
    pub(super) fn receive(&mut self, message: &[u8], random: &mut Random) -> Result<(), Reason> {
        let was_handshaking = self.tls.is_handshaking();
        let data = self.tls.feed(message)?;
        if self.tls.is_handshaking() {
            return Ok(());
        }
        match &mut self.phase2 {
            Phase2::CertificateOnly { committed } => match (self.tls.version(), &data[..]) {
                (_, []) => Ok(()),
                (Version::Tls13, [0]) => {
                    *committed = true;
                    Ok(())
                }
                _ => Err(reason::SERVER_METHOD.with("unexpected application data")),
            },
            Phase2::Peap(peap) => peap.receive(&mut self.tls, &data, random),
            Phase2::Teap(teap) => teap.receive(&mut self.tls, &data, random),
            Phase2::Ttls(ttls) => ttls.receive(&mut self.tls, was_handshaking, &data, random),
        }
    }

    /// Whether EAP-Success may come now.
    pub(super) fn is_complete(&self) -> bool {
        if self.tls.is_handshaking() {
            return false;
        }
        match &self.phase2 {
            Phase2::CertificateOnly { committed } => {
                *committed || self.tls.version() == Version::Tls12
            }
            Phase2::Peap(peap) => peap.is_complete(),
            Phase2::Ttls(ttls) => ttls.is_complete(&self.tls),
            Phase2::Teap(teap) => teap.is_complete(),
        }
    }

    /// The keys, once it is complete.
    pub(super) fn keys(&self) -> Result<Keys, Reason> {
        let keys = keys::derive(self.method, &self.tls)?;
        let compound = match &self.phase2 {
            Phase2::Peap(peap) => peap.compound_keys(),
            Phase2::Teap(teap) => teap.compound_keys(),
            Phase2::CertificateOnly { .. } | Phase2::Ttls(_) => None,
        };
        Ok(match compound {
            Some(CompoundKeys { msk, emsk }) => Keys { msk, emsk, ..keys },
            None => keys,
        })
    }
}
