//! `[radsec]`: RADIUS over TLS. Without the section there is none.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::{Placed, Section};

/// Every key of the section.
pub(super) const KEYS: [&str; 5] = ["listen", "certificate", "key", "client_ca", "idle_timeout"];

/// A NAS has something to say once an hour, or sends Status-Server.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Where RADIUS is spoken over TLS (RFC 6614).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadSecSettings {
    /// The address; port 2083 unless told otherwise.
    pub listen: SocketAddr,
    /// A certificate of its own, in PEM; that of `[eap]` when there is none.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM.
    pub key: Option<PathBuf>,
    /// The authorities whose certificates NASes show, in PEM. When the list is empty, the authority in the database counts.
    pub client_ca: Vec<PathBuf>,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
}

/// Where the section names its files.
#[derive(Default)]
pub(super) struct RadSecPlaces {
    pub(super) certificate: Option<Range<usize>>,
    pub(super) key: Option<Range<usize>>,
    pub(super) client_ca: Vec<Option<Range<usize>>>,
}

/// Reads the section; the address comes with its place, for it must not clash with another.
pub(super) fn read(
    section: &mut Section<'_, '_>,
) -> Option<(RadSecSettings, RadSecPlaces, Placed<SocketAddr>)> {
    if !section.is_present() {
        return None;
    }
    let listen = section.address("listen", "0.0.0.0:2083");
    let certificate = section.path("certificate");
    let key = section.path("key");
    let client_ca = section.paths("client_ca").unwrap_or_default();
    let idle_timeout = section.duration("idle_timeout", DEFAULT_IDLE_TIMEOUT, 1..=604_800);
    section.both_or_neither(&certificate, &key);
    let places = RadSecPlaces {
        certificate: certificate.as_ref().and_then(|placed| placed.span.clone()),
        key: key.as_ref().and_then(|placed| placed.span.clone()),
        client_ca: client_ca.iter().map(|placed| placed.span.clone()).collect(),
    };
    let settings = RadSecSettings {
        listen: listen.value,
        certificate: certificate.map(|placed| placed.value),
        key: key.map(|placed| placed.value),
        client_ca: client_ca.into_iter().map(|placed| placed.value).collect(),
        idle_timeout,
    };
    Some((settings, places, listen))
}
