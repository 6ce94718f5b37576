//! RADIUS over UDP: one socket per core, batched receive and send, answers from the address that was asked.
//!
//! The kernel spreads NASes over the sockets by source address and port (`SO_REUSEPORT`); no state lives in a socket,
//! so it does not matter which of them a packet reaches.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A coalesced read (UDP_GRO) may fill a whole 64 KiB buffer.
const RECEIVE_BUFFER: usize = 65_535;
/// Answers up to this length fit into one frame anywhere and may be sent together.
const RUN_REPLY: usize = 1200;
/// How long the first of them waits for the rest.
const RUN_LASTS: Duration = Duration::from_millis(1);
/// Datagrams that the kernel queues for us while a burst arrives.
const KERNEL_BUFFER: usize = 4 << 20;

/// An answer that comes later, or none.
type Answer = Pin<Box<dyn Future<Output = Option<Arc<[u8]>>> + Send>>;

/// What to do with one datagram.
pub enum Disposition {
    /// Send these bytes back now.
    Reply(Arc<[u8]>),
    /// Send nothing.
    Silence,
    /// The answer needs something that must not block the socket: a password check, a commit.
    Later(Answer),
}

/// Answers datagrams. Must not block: what takes long goes into [`Disposition::Later`].
pub trait Responder: Send + Sync + 'static {
    /// One datagram from `source`.
    fn respond(&self, source: SocketAddr, datagram: &[u8]) -> Disposition;
}

/// Binds `count` sockets to one address; port 0 is resolved by the first and shared by the rest.
///
/// # Errors
/// What the operating system says, for example that the port is taken.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    // Without SO_REUSEPORT first: a second server on the same port must be refused, not share the traffic.
    drop(probe_free(address)?);
    let mut sockets = Vec::with_capacity(count);
    let mut address = address;
    for _ in 0..count.max(1) {
        let socket = shared_socket(address)?;
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn probe_free(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    std::net::UdpSocket::bind(address)
}

fn shared_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // The kernel caps these at net.core.rmem_max and wmem_max; a smaller buffer still works.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Serves one socket until cancelled. Errors of single packets never end the loop.
pub async fn serve(
    socket: UdpSocket,
    responder: Arc<dyn Responder>,
    tracker: TaskTracker,
    cancel: CancellationToken,
) -> io::Result<()> {
    let state = UdpSocketState::new((&socket).into())?;
    allow_fragments(&socket)?;
    let socket = Arc::new(Endpoint { socket, state });
    let mut storage = vec![0u8; RECEIVE_BUFFER * BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    let mut run = Run::default();
    loop {
        let received = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            received = socket.receive(&mut storage, &mut metas) => received,
        };
        let count = match received {
            Ok(count) => count,
            Err(error) => {
                tracing::debug!(%error, "receive failed");
                continue;
            }
        };
        for (meta, buffer) in metas.iter().zip(storage.chunks(RECEIVE_BUFFER)).take(count) {
            let Some(filled) = buffer.get(..meta.len) else {
                continue;
            };
            for datagram in filled.chunks(meta.stride.max(1)) {
                if !run.waits_for(meta) {
                    socket.send_run(&mut run).await;
                }
                let respond = || responder.respond(meta.addr, datagram);
                match guarded(meta.addr, datagram, respond) {
                    Disposition::Reply(bytes) => {
                        if !run.takes(&bytes) {
                            socket.send_run(&mut run).await;
                        }
                        run.take(bytes, meta);
                    }
                    Disposition::Silence => {}
                    Disposition::Later(answer) => {
                        let (socket, destination, from) = (socket.clone(), meta.addr, meta.dst_ip);
                        tracker.spawn(async move {
                            if let Some(bytes) = answer.await {
                                socket.send(&bytes, destination, from).await;
                            }
                        });
                    }
                }
            }
        }
        socket.send_run(&mut run).await;
    }
}

/// Answers to one NAS that have the same length, as many do when a switch comes back: the kernel takes them as one and cuts them up
/// (`UDP_SEGMENT`).
#[derive(Default)]
struct Run {
    replies: Vec<Arc<[u8]>>,
    /// The NAS, the address that it asked, and when its first answer was ready.
    path: Option<(SocketAddr, Option<IpAddr>, Instant)>,
}

impl Run {
    /// Whether an answer to what was received may be sent with these; nobody else waits for it, and the first not for long.
    fn waits_for(&self, meta: &RecvMeta) -> bool {
        self.path.is_some_and(|(nas, asked, since)| {
            nas == meta.addr && asked == meta.dst_ip && since.elapsed() < RUN_LASTS
        })
    }

    fn takes(&self, reply: &[u8]) -> bool {
        let same = |first: &Arc<[u8]>| first.len() == reply.len() && reply.len() <= RUN_REPLY;
        self.replies.first().is_none_or(same)
    }

    fn take(&mut self, reply: Arc<[u8]>, meta: &RecvMeta) {
        self.path
            .get_or_insert_with(|| (meta.addr, meta.dst_ip, Instant::now()));
        self.replies.push(reply);
    }
}

/// A fault in this program costs the packet that found it its answer, and nobody else theirs.
pub(super) fn guarded(
    source: SocketAddr,
    packet: &[u8],
    respond: impl FnOnce() -> Disposition,
) -> Disposition {
    // Every lock on the way is usable after a panic, whatever its holder did.
    catch_unwind(AssertUnwindSafe(respond)).unwrap_or_else(|_| {
        tracing::error!(%source, octets = packet.len(),
            "a packet is not answered because of a fault in this program: please report it");
        Disposition::Silence
    })
}

/// quinn-udp forbids fragmentation for QUIC's sake; a RADIUS answer may have 4096 octets and must get through.
fn allow_fragments(socket: &UdpSocket) -> io::Result<()> {
    use rustix::net::sockopt;
    match socket.local_addr()? {
        SocketAddr::V4(_) => {
            sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::WANT)?
        }
        SocketAddr::V6(_) => {
            sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::WANT)?
        }
    }
    Ok(())
}

struct Endpoint {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl Endpoint {
    async fn receive(&self, storage: &mut [u8], metas: &mut [RecvMeta]) -> io::Result<usize> {
        let mut buffers: Vec<IoSliceMut<'_>> = storage
            .chunks_mut(RECEIVE_BUFFER)
            .map(IoSliceMut::new)
            .collect();
        self.socket
            .async_io(Interest::READABLE, || {
                self.state.recv((&self.socket).into(), &mut buffers, metas)
            })
            .await
    }

    async fn send_run(&self, run: &mut Run) {
        let Some((nas, source, _)) = run.path.take() else {
            return;
        };
        for replies in run.replies.chunks(self.state.max_gso_segments().max(1)) {
            if let [first, _, ..] = replies
                && let together = replies.concat()
                && self
                    .try_send(&together, Some(first.len()), nas, source)
                    .await
                    .is_ok()
            {
                continue;
            }
            // A network card may refuse to cut; then each goes by itself.
            for reply in replies {
                self.send(reply, nas, source).await;
            }
        }
        run.replies.clear();
    }

    async fn send(&self, contents: &[u8], destination: SocketAddr, source: Option<IpAddr>) {
        if let Err(error) = self.try_send(contents, None, destination, source).await {
            tracing::debug!(%error, %destination, "send failed");
        }
    }

    async fn try_send(
        &self,
        contents: &[u8],
        segment_size: Option<usize>,
        destination: SocketAddr,
        src_ip: Option<IpAddr>,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size,
            src_ip,
        };
        self.socket
            .async_io(Interest::WRITABLE, || {
                self.state.try_send((&self.socket).into(), &transmit)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has a fault that one octet of input trips.
    struct Faulty;

    impl Responder for Faulty {
        fn respond(&self, _: SocketAddr, datagram: &[u8]) -> Disposition {
            assert_ne!(datagram, b"!", "on purpose");
            Disposition::Reply(Arc::from(datagram))
        }
    }

    #[tokio::test]
    async fn a_fault_in_the_handling_of_one_packet_does_not_end_the_service() {
        let socket = bind((std::net::Ipv4Addr::LOCALHOST, 0).into(), 1)
            .expect("a free port")
            .remove(0);
        let server = socket.local_addr().expect("an address");
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let served = serve(socket, Arc::new(Faulty), tracker.clone(), cancel.clone());
        let served = tracker.spawn(served);

        let client = UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        client.connect(server).await.expect("loopback");
        for datagram in [&b"!"[..], b"!", b"a packet"] {
            client.send(datagram).await.expect("loopback");
        }
        let mut buffer = [0; 64];
        let received = tokio::time::timeout(Duration::from_secs(5), client.recv(&mut buffer));
        let length = received.await.expect("an answer").expect("loopback");
        assert_eq!(&buffer[..length], b"a packet");
        cancel.cancel();
        served.await.expect("no panic").expect("a clean end");
    }

    #[tokio::test]
    async fn answers_that_go_out_together_arrive_one_by_one() {
        let socket = bind((std::net::Ipv4Addr::LOCALHOST, 0).into(), 1)
            .expect("a free port")
            .remove(0);
        let server = socket.local_addr().expect("an address");
        let mut clients = Vec::new();
        for _ in 0..2 {
            let client = UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await;
            let client = client.expect("a free port");
            client.connect(server).await.expect("loopback");
            clients.push(client);
        }
        // Runs of one length, other lengths between them, long ones, and somebody else's; all there before the first is read.
        let lengths = [20, 20, 20, 44, 44, 20, 1200, 1200, 4096, 4096, 7, 7, 7, 7];
        for client in &clients {
            for (number, length) in lengths.iter().enumerate() {
                let datagram = vec![number as u8; *length];
                client.send(&datagram).await.expect("loopback");
            }
        }
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let served = serve(socket, Arc::new(Faulty), tracker.clone(), cancel.clone());
        let served = tracker.spawn(served);
        for client in &clients {
            for (number, length) in lengths.iter().enumerate() {
                let mut buffer = [0; 5000];
                let received =
                    tokio::time::timeout(Duration::from_secs(5), client.recv(&mut buffer));
                let received = received.await.expect("an answer").expect("loopback");
                assert_eq!(&buffer[..received], vec![number as u8; *length]);
            }
        }
        cancel.cancel();
        served.await.expect("no panic").expect("a clean end");
    }
}
