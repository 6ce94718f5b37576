//! Two listeners on one port: found before the first of them is opened.

use std::net::SocketAddr;

use super::fault::Fault;
use super::reader::Placed;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

pub(super) struct Listener {
    name: &'static str,
    transport: Transport,
    address: Placed<SocketAddr>,
}

impl Listener {
    pub(super) const fn new(
        name: &'static str,
        transport: Transport,
        address: Placed<SocketAddr>,
    ) -> Self {
        Self {
            name,
            transport,
            address,
        }
    }

    fn clashes_with(&self, other: &Self) -> bool {
        let (one, two) = (self.address.value, other.address.value);
        self.transport == other.transport
            && one.port() != 0
            && one.port() == two.port()
            && (one.ip() == two.ip() || one.ip().is_unspecified() || two.ip().is_unspecified())
    }
}

pub(super) fn clashes(listeners: &[Listener]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, later) in listeners.iter().enumerate() {
        if let Some(earlier) = listeners
            .iter()
            .take(index)
            .find(|one| one.clashes_with(later))
        {
            let port = later.address.value.port();
            // Underline the line that is in the file; the other one may be a default.
            let place = if later.address.span.is_some() {
                later
            } else {
                earlier
            };
            faults.push(place.address.fault(
                format!(
                    "{} and {} would both listen on port {port}",
                    earlier.name, later.name
                ),
                "give each listener a port of its own",
            ));
        }
    }
    faults
}
