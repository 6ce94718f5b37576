//! People and devices that log in over IEEE 802.1X.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nac_eap::TlsVersions;
use nac_eap::peer::{Peer, PeerMethod, PeerSettings, PeerStep, PeerSuccess, PeerTls};
use nac_test_support::exchange::fresh_authenticator;
use nac_test_support::pki::Credential;
use nac_test_support::wire::{Packet, attribute, code};
use nac_test_support::{cast, supplicant};

/// Who logs in over IEEE 802.1X, with the TLS sessions that can be resumed.
#[derive(Clone)]
pub(crate) struct Supplicant {
    method: PeerMethod,
    identity: String,
    password: String,
    tls: Arc<PeerTls>,
}

impl Supplicant {
    /// EAP-TLS with this certificate.
    pub(crate) fn tls(name: &str, ca: &Path, credential: &Credential) -> Self {
        Self {
            method: PeerMethod::Tls,
            identity: name.to_owned(),
            password: String::new(),
            tls: supplicant::tls(ca, Some(credential), TlsVersions::Both),
        }
    }

    /// PEAP-MSCHAPv2 with the usual password.
    pub(crate) fn peap(name: &str, ca: &Path) -> Self {
        Self {
            method: PeerMethod::PeapMschapv2,
            identity: name.to_owned(),
            password: cast::PASSWORD.to_owned(),
            tls: supplicant::tls(ca, None, TlsVersions::Both),
        }
    }

    /// Logs in to the end. `ask` sends one Access-Request, with User-Name, State and EAP packet, and
    /// returns its answer.
    pub(crate) fn log_in(
        &self,
        mut ask: impl FnMut(&str, Option<&[u8]>, &[u8]) -> Packet,
    ) -> Login {
        let tunnelled = self.method != PeerMethod::Tls;
        let outer = if tunnelled {
            "anonymous"
        } else {
            self.identity.as_str()
        };
        let settings = PeerSettings {
            method: self.method,
            identity: self.identity.clone(),
            anonymous_identity: tunnelled.then(|| outer.to_owned()),
            password: tunnelled.then(|| self.password.clone().into()),
            tls: Arc::clone(&self.tls),
            eap_mtu: 1_396,
        };
        let clock = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut peer = Peer::new(Arc::new(settings), clock, Box::new(fill));
        // The switch asks for the identity by itself (RFC 3579 section 2.1).
        let mut packet = vec![1, 1, 0, 5, 1];
        let mut last: Option<Packet> = None;
        for _ in 0..60 {
            let success = match peer.receive(&packet) {
                PeerStep::Response(response) => {
                    let state = last
                        .as_ref()
                        .and_then(|reply| reply.first(attribute::STATE));
                    let reply = ask(outer, state, &response);
                    packet = reply.eap();
                    last = Some(reply);
                    continue;
                }
                PeerStep::Success(success) => Some(success),
                PeerStep::Failure(_) | PeerStep::Ignore => None,
            };
            let reply = last.expect("a supplicant does not end before it has asked");
            return Login { reply, success };
        }
        panic!("the login did not end within 60 rounds");
    }

    /// The same person with another set of TLS settings.
    pub(crate) fn with_tls(mut self, tls: PeerTls) -> Self {
        self.tls = Arc::new(tls);
        self
    }
}

/// How a login ended.
pub(crate) struct Login {
    pub(crate) reply: Packet,
    pub(crate) success: Option<PeerSuccess>,
}

impl Login {
    /// The VLAN of an Access-Accept that the supplicant believes; `None` otherwise.
    pub(crate) fn vlan(&self) -> Option<String> {
        let believed = self.reply.code == code::ACCESS_ACCEPT && self.success.is_some();
        believed.then(|| self.reply.vlan()).flatten()
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.reply.code == code::ACCESS_REJECT
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.success.as_ref().is_some_and(|success| success.resumed)
    }
}

/// Randomness of a simulated supplicant; it protects nothing.
fn fill(octets: &mut [u8]) {
    for chunk in octets.chunks_mut(8) {
        chunk.copy_from_slice(&fresh_authenticator()[..chunk.len()]);
    }
}
