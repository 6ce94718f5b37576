//! The open connections by client, and the way back: a CoA-Request goes to a NAS over the connection that the NAS opened.
//!
//! On one connection both ends ask and answer. Our requests have numbers of their own (Identifiers, or Tokens in RADIUS/1.1), for the
//! two directions do not share them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nac_radius::{Code, Packet, PacketBuilder, Version};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::authenticate::random;
use crate::reason::Refusal;
use crate::snapshot::Client;

/// Connections at once.
const CONNECTIONS: usize = 1_000;
/// Connections of one client from one address. A NAS needs one or two.
const PER_NAS: usize = 32;
/// Requests of ours that wait for their answer on one connection.
const REQUESTS: usize = 64;

/// Every open connection.
#[derive(Debug)]
pub struct Links {
    numbers: AtomicU64,
    open: Mutex<HashMap<String, Vec<Arc<Link>>>>,
    opened: watch::Sender<()>,
}

/// One open connection.
#[derive(Debug)]
pub struct Link {
    /// Its number; no two connections of one run have the same.
    pub(super) number: u64,
    /// What the two ends speak.
    pub(super) version: Version,
    source: SocketAddr,
    outgoing: mpsc::Sender<Outgoing>,
    requests: Mutex<Requests>,
}

/// A packet on its way out, with the place that its request took.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) octets: Arc<[u8]>,
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

/// Our requests that wait for an answer, by Identifier or Token.
#[derive(Debug)]
struct Requests {
    next: u32,
    waiting: HashMap<u32, oneshot::Sender<Box<[u8]>>>,
}

/// A connection in the table; it leaves the table when this is dropped.
#[derive(Debug)]
pub(super) struct Registration {
    links: Arc<Links>,
    client: String,
    link: Arc<Link>,
}

/// A number for one request of ours; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    link: Arc<Link>,
    number: u32,
    answer: oneshot::Receiver<Box<[u8]>>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            numbers: AtomicU64::new(1),
            open: Mutex::default(),
            opened: watch::Sender::default(),
        }
    }
}

impl Links {
    /// How many are open.
    pub fn len(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes a new connection in; what is sent over it goes to `outgoing`.
    ///
    /// # Errors
    /// This client, or all of them, have as many as they may.
    pub(super) fn register(
        self: &Arc<Self>,
        client: &str,
        source: SocketAddr,
        version: Version,
        outgoing: mpsc::Sender<Outgoing>,
    ) -> Result<Registration, Refusal> {
        let mut open = self.lock();
        let total: usize = open.values().map(Vec::len).sum();
        let of_nas = open.get(client).map_or(0, |links| {
            let same = links.iter().filter(|link| link.source.ip() == source.ip());
            same.count()
        });
        if total >= CONNECTIONS || of_nas >= PER_NAS {
            return Err(Refusal::radsec_too_many(client));
        }
        let link = Arc::new(Link {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            version,
            source,
            outgoing,
            requests: Mutex::new(Requests {
                next: u32::from_be_bytes(random()),
                waiting: HashMap::new(),
            }),
        });
        open.entry(client.to_owned())
            .or_default()
            .push(link.clone());
        drop(open);
        self.opened.send_replace(());
        Ok(Registration {
            links: self.clone(),
            client: client.to_owned(),
            link,
        })
    }

    /// The connection over which to reach the NAS of a session: the very one that its request came over, else the newest from the same
    /// address, else, for a client that is known by its certificate and may change its address, the newest of all.
    pub(crate) fn of(
        &self,
        client: &Client,
        source: IpAddr,
        connection: Option<u64>,
    ) -> Option<Arc<Link>> {
        let open = self.lock();
        let links = open.get(&client.name)?;
        let same = links.iter().find(|link| Some(link.number) == connection);
        let near = || links.iter().rfind(|link| link.source.ip() == source);
        let any = || links.last().filter(|_| client.radsec_name.is_some());
        same.or_else(near).or_else(any).cloned()
    }

    /// Resolves when there is such a connection.
    pub(crate) async fn reopened(&self, client: &Client, source: IpAddr) {
        let mut opened = self.opened.subscribe();
        while self.of(client, source, None).is_none() {
            if opened.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Link>>>> {
        // A map of lists is usable whatever its holder did.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Whoever waits for an answer over it need not wait any longer.
        self.link.lock().waiting.clear();
        let mut open = self.links.lock();
        if let Some(links) = open.get_mut(&self.client) {
            links.retain(|link| link.number != self.link.number);
            if links.is_empty() {
                open.remove(&self.client);
            }
        }
    }
}

impl Link {
    /// A number for a request, when there is one left.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Reservation> {
        let mut requests = self.lock();
        if requests.waiting.len() >= REQUESTS {
            return None;
        }
        let number = loop {
            let next = requests.next;
            requests.next = next.wrapping_add(1);
            let number = match self.version {
                Version::V1_0 => next & 0xff,
                Version::V1_1 => next,
            };
            // Fewer wait than there are numbers.
            if !requests.waiting.contains_key(&number) {
                break number;
            }
        };
        let (sender, answer) = oneshot::channel();
        requests.waiting.insert(number, sender);
        drop(requests);
        Some(Reservation {
            link: self.clone(),
            number,
            answer,
        })
    }

    /// Hands an answer to whoever asked; nobody may have.
    pub(super) fn answered(&self, packet: &Packet<'_>) {
        let number = match self.version {
            Version::V1_0 => u32::from(packet.identifier()),
            Version::V1_1 => u32::from_be_bytes(packet.token()),
        };
        if let Some(asker) = self.lock().waiting.remove(&number) {
            let _ = asker.send(packet.as_bytes().into());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// In which form the request and its answer are.
    pub(crate) fn version(&self) -> Version {
        self.link.version
    }

    /// The other end.
    pub(crate) fn destination(&self) -> SocketAddr {
        self.link.source
    }

    /// Begins the request that this number is for.
    pub(crate) fn begin(&self, code: Code) -> PacketBuilder {
        match self.link.version {
            Version::V1_0 => {
                let [.., identifier] = self.number.to_be_bytes();
                PacketBuilder::request(code, identifier, [0; 16])
            }
            Version::V1_1 => PacketBuilder::token_request(code, self.number.to_be_bytes()),
        }
    }

    /// Sends the request once, for TLS loses nothing, and waits. `Err` when the connection ended, `Ok(None)` when nobody answered.
    pub(crate) async fn send(
        mut self,
        request: &[u8],
        wait: Duration,
    ) -> Result<Option<Box<[u8]>>, ()> {
        let outgoing = Outgoing {
            octets: request.into(),
            _place: None,
        };
        let sent = self.link.outgoing.send(outgoing);
        let asked = async {
            sent.await.map_err(|_| ())?;
            (&mut self.answer).await.map_err(|_| ())
        };
        match tokio::time::timeout(wait, asked).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(())) => Err(()),
            Err(_) => Ok(None),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.link.lock().waiting.remove(&self.number);
    }
}
