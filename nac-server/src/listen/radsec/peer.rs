//! Whose connection it is: the client that a verified certificate belongs to, looked at again for every packet.

use std::net::IpAddr;
use std::sync::Arc;

use nac_pki::CertificateFacts;
use nac_radius::Version;
use nac_store::{CertificateLink, now_us};
use rustls_pki_types::CertificateDer;

use crate::ocsp::Standing;
use crate::reason::Refusal;
use crate::snapshot::{Client, Snapshot};

/// Names that a log line shows; the rest are counted.
const NAMES_SHOWN: usize = 5;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The client's name when the connection began.
    pub(super) client: String,
    /// What the two ends speak.
    pub(super) version: Version,
    /// The certificate's names, in lower case.
    pub(super) names: Vec<String>,
    source: IpAddr,
    fingerprint_sha256: String,
    not_after_us: i64,
    way: Vec<CertificateLink>,
}

impl Peer {
    /// Reads a chain that TLS has verified, leaf first.
    ///
    /// # Errors
    /// A certificate that is revoked, that is a user's or a device's, or that belongs to no client.
    pub(super) fn of(
        chain: &[CertificateDer<'_>],
        version: Version,
        source: IpAddr,
        snapshot: &Snapshot,
    ) -> Result<Self, Refusal> {
        let unreadable =
            |error: nac_pki::PkiError| Refusal::unreadable_certificate(&error.to_string());
        let leaf = chain.first();
        let leaf =
            leaf.ok_or_else(|| Refusal::radsec_handshake("it came without a certificate"))?;
        let facts = CertificateFacts::read(leaf).map_err(unreadable)?;
        let way = snapshot.revocations.way(chain).map_err(unreadable)?;
        // The same authority issues to people and their devices: what lets a laptop in must not let it play a switch.
        if facts.device_id.is_some() || !facts.upns.is_empty() || !facts.emails.is_empty() {
            return Err(Refusal::radsec_not_a_nas(&facts.subject));
        }
        let names = names(&facts);
        let client = snapshot.clients.by_certificate(&names, source);
        let client = client.ok_or_else(|| Refusal::radsec_stranger(&shown(&names)))?;
        let peer = Self {
            client: client.name.clone(),
            version,
            source,
            names,
            fingerprint_sha256: facts.fingerprint_sha256,
            not_after_us: facts.not_after_us,
            way,
        };
        peer.client(snapshot, Standing::Entering)?;
        Ok(peer)
    }

    /// The client as it is configured now.
    ///
    /// # Errors
    /// The certificate was revoked or has ended, or the client is gone or known by something else.
    pub(super) fn client_now(&self, snapshot: &Snapshot) -> Result<Arc<Client>, Refusal> {
        self.client(snapshot, Standing::Inside)
    }

    fn client(&self, snapshot: &Snapshot, standing: Standing) -> Result<Arc<Client>, Refusal> {
        if snapshot.revoked.contains(&self.fingerprint_sha256) {
            return Err(Refusal::revoked_certificate(&self.client));
        }
        let now = now_us();
        if self.not_after_us < now {
            return Err(Refusal::expired_certificate(&self.client));
        }
        snapshot
            .revocations
            .check(&self.client, &self.way, standing, now)?;
        let client = snapshot.clients.by_certificate(&self.names, self.source);
        client
            .filter(|client| client.name == self.client)
            .cloned()
            .ok_or_else(|| Refusal::radsec_stranger(&shown(&self.names)))
    }
}

/// What a client may be known by: DNS names, addresses, URIs, and the common name (RFC 6614 section 2.3).
fn names(facts: &CertificateFacts) -> Vec<String> {
    let addresses = facts.addresses.iter().map(ToString::to_string);
    facts
        .dns_names
        .iter()
        .cloned()
        .chain(addresses)
        .chain(facts.uris.iter().cloned())
        .chain(facts.common_name.clone())
        .map(|name| name.to_lowercase())
        .collect()
}

/// The names for a log line.
pub(super) fn shown(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(NAMES_SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > NAMES_SHOWN {
        text.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN));
    }
    if text.is_empty() {
        "it has no name".clone_into(&mut text);
    }
    text
}
