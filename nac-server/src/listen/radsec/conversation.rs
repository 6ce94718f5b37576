//! Packets on one connection: read whole, answered in any order, written in batches.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nac_radius::{Code, MAX_PACKET_LEN, Malformed, MessageAuthenticator, Packet, packet_length};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::RadSec;
use super::links::{Link, Outgoing};
use super::peer::{Peer, shown};
use crate::account::is_genuine;
use crate::listen::origin::{Origin, Transport, radsec_secret};
use crate::listen::udp::{Disposition, guarded};
use crate::reason::Refusal;
use crate::snapshot::Client;
use crate::telemetry::activity::Heard;

/// Access-Requests of one connection that are being answered, as many as it has Identifiers. Whoever sends more waits in TCP.
const IN_FLIGHT: usize = 256;
/// Accounting-Requests of one connection that wait for the database. RADIUS/1.1 has Tokens for more than any burst of them.
const RECORDS: usize = 2_048;
/// From a packet's first octet to its last.
const PACKET_DEADLINE: Duration = Duration::from_secs(10);
/// For the other end to take what is written; it may be as slow as this and no slower.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Replies that are ready at once go out together, up to this many octets.
const BATCH: usize = 16 * 1024;
/// How often a silent connection's right to be there is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long answers under way may take when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why a connection is over.
enum Ended {
    /// The other end closed it, or the network did.
    Closed(Option<io::Error>),
    /// Nothing was said for too long.
    Idle,
    /// It broke the rules, or has no right to be there any more.
    Refused(Refusal),
}

impl RadSec {
    /// Answers whatever comes, until one of the two ends has had enough.
    pub(super) async fn converse(
        &self,
        stream: TlsStream<TcpStream>,
        source: SocketAddr,
        peer: Peer,
        cancel: CancellationToken,
    ) {
        let (outgoing, ready) = mpsc::channel(2 * IN_FLIGHT);
        let registered = self
            .links
            .register(&peer.client, source, peer.version, outgoing.clone());
        let registration = match registered {
            Ok(registration) => registration,
            Err(refusal) => return self.refuse(source, &refusal),
        };
        self.authenticator.metrics.radsec_opened.inc();
        tracing::info!(client = %peer.client, %source, speaks = peer.version.name(), names = %shown(&peer.names),
            "RadSec connection opened");
        let (mut reading, mut writing) = tokio::io::split(stream);
        let connection = Connection {
            radsec: self,
            peer: &peer,
            link: registration.link(),
            origin: Origin {
                source,
                transport: Transport::RadSec {
                    connection: registration.link().number,
                    version: peer.version,
                },
            },
            requests: Arc::new(Semaphore::new(IN_FLIGHT)),
            records: Arc::new(Semaphore::new(RECORDS)),
            outgoing,
        };
        let ended = {
            let write = write(&mut writing, ready);
            tokio::pin!(write);
            let ended = tokio::select! {
                ended = connection.read(&mut reading) => Some(ended),
                ended = &mut write => Some(ended),
                ended = connection.watch() => Some(ended),
                () = cancel.cancelled() => None,
            };
            if ended.is_none() {
                // The server stops: what was asked is answered, nothing more is read.
                let answered = async {
                    let all = |places: usize| u32::try_from(places).unwrap_or(u32::MAX);
                    let _ = connection.requests.acquire_many(all(IN_FLIGHT)).await;
                    let _ = connection.records.acquire_many(all(RECORDS)).await;
                };
                let answered = async {
                    tokio::select! {
                        () = answered => {}
                        _ = &mut write => {}
                    }
                };
                let _ = tokio::time::timeout(FAREWELL, answered).await;
            }
            ended
        };
        drop(registration);
        let why = match &ended {
            None => "the server stops".to_owned(),
            Some(Ended::Closed(None)) => "the other end closed it".to_owned(),
            Some(Ended::Closed(Some(error))) => error.to_string(),
            Some(Ended::Idle) => "nothing was said for too long".to_owned(),
            Some(Ended::Refused(refusal)) => {
                self.refuse(source, refusal);
                refusal.to_string()
            }
        };
        tracing::info!(client = %peer.client, %source, why, "RadSec connection closed");
        // Whoever does not take the farewell does without it.
        let _ = tokio::time::timeout(Duration::from_secs(1), writing.shutdown()).await;
    }
}

/// One connection under way.
struct Connection<'a> {
    radsec: &'a RadSec,
    peer: &'a Peer,
    link: &'a Arc<Link>,
    origin: Origin,
    requests: Arc<Semaphore>,
    records: Arc<Semaphore>,
    outgoing: mpsc::Sender<Outgoing>,
}

impl Connection<'_> {
    /// Cuts the stream into packets. A packet may come in many TLS records, and a record may hold many packets.
    async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) -> Ended {
        let mut buffer = vec![0; 2 * MAX_PACKET_LEN];
        let mut filled = 0;
        let mut deadline = Instant::now() + self.radsec.idle_timeout;
        loop {
            // A packet has at most half of the buffer, so there is room whenever none is whole.
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let received = match tokio::time::timeout_at(deadline, stream.read(room)).await {
                Ok(Ok(0)) => return Ended::Closed(None),
                Ok(Ok(received)) => received,
                Ok(Err(error)) => return Ended::Closed(Some(error)),
                Err(_) if filled == 0 => return Ended::Idle,
                Err(_) => {
                    return self.broken("a packet was begun and not finished within ten seconds");
                }
            };
            let was_begun = filled > 0;
            filled += received;
            let mut begin = 0;
            loop {
                let rest = buffer.get(begin..filled).unwrap_or_default();
                let length = match packet_length(rest) {
                    Ok(length) => length,
                    Err(malformed) => return self.malformed(&malformed),
                };
                let Some(octets) = length.and_then(|length| rest.get(..length)) else {
                    break;
                };
                if let Err(ended) = self.handle(octets).await {
                    return ended;
                }
                begin += octets.len();
            }
            buffer.copy_within(begin..filled, 0);
            filled -= begin;
            if filled == 0 {
                deadline = Instant::now() + self.radsec.idle_timeout;
            } else if begin > 0 || !was_begun {
                deadline = Instant::now() + PACKET_DEADLINE;
            }
        }
    }

    /// One packet. What takes long is answered later, while the next ones are read.
    async fn handle(&self, octets: &[u8]) -> Result<(), Ended> {
        let snapshot = self.radsec.authenticator.world.snapshot().clone();
        let client = self.peer.client_now(&snapshot).map_err(Ended::Refused)?;
        let (source, metrics) = (self.origin.source, &self.radsec.authenticator.metrics);
        client.activity.packet(source.ip(), self.origin.carrier());
        let packet = match Packet::parse_as(self.peer.version, octets) {
            Ok(packet) => packet,
            // RFC 6613 section 2.6.4: what cannot be understood is passed over, what is broken ends the connection.
            Err(Malformed::UnknownCode { .. }) => {
                metrics.malformed.inc();
                return Ok(());
            }
            Err(malformed) => return Err(self.malformed(&malformed)),
        };
        metrics.packet(packet.code());
        if self.is_forged(&packet) {
            client.activity.heard(Heard::WrongSecret);
            let what = "a packet is not signed with the secret \"radsec\"";
            return Err(self.broken(what));
        }
        match packet.code() {
            Code::AccessRequest | Code::StatusServer | Code::AccountingRequest => {}
            Code::CoaAck | Code::CoaNak | Code::DisconnectAck | Code::DisconnectNak => {
                self.link.answered(&packet);
                return Ok(());
            }
            _ => return Ok(()),
        }
        let Some(place) = self.place(packet.code()).await else {
            if let Some(held) = client.complaints.overload.may_speak() {
                tracing::warn!(client = %client.name, %source, held_back = held,
                    "accounting is not answered: too many records of this connection wait for the database");
            }
            return Ok(());
        };
        let disposition = guarded(source, octets, || self.respond(&client, &packet));
        match disposition {
            Disposition::Silence => {}
            Disposition::Reply(octets) => {
                let _place = Some(place);
                // When nobody takes it any more, the connection is ending.
                let _ = self.outgoing.send(Outgoing { octets, _place }).await;
            }
            Disposition::Later(answer) => {
                let outgoing = self.outgoing.clone();
                self.radsec.tracker.spawn(async move {
                    if let Some(octets) = answer.await {
                        let _place = Some(place);
                        let _ = outgoing.send(Outgoing { octets, _place }).await;
                    }
                });
            }
        }
        Ok(())
    }

    /// Whoever asks faster than it is answered waits in TCP. A record does not: while the database is away records pile up, and
    /// nobody's login may wait behind them (RFC 6613 section 2.6.4 lets a server without room stay silent).
    async fn place(&self, code: Code) -> Option<OwnedSemaphorePermit> {
        match code {
            Code::AccountingRequest => self.records.clone().try_acquire_owned().ok(),
            _ => self.requests.clone().acquire_owned().await.ok(),
        }
    }

    fn respond(&self, client: &Arc<Client>, packet: &Packet<'_>) -> Disposition {
        match packet.code() {
            Code::AccountingRequest => self.radsec.accounting.answer(client, self.origin, packet),
            _ => self
                .radsec
                .authentication
                .answer(client, self.origin, packet),
        }
    }

    /// Whether a digest does not verify. A Message-Authenticator may be absent here, for TLS protects the packet; one that is there has
    /// to be right.
    fn is_forged(&self, packet: &Packet<'_>) -> bool {
        let secret = radsec_secret();
        match packet.code() {
            Code::AccessRequest | Code::StatusServer => {
                packet.message_authenticator(secret) == MessageAuthenticator::Invalid
            }
            Code::AccountingRequest => !is_genuine(packet, secret),
            // Answers are verified against their request.
            _ => false,
        }
    }

    /// Ends when the peer has no right to be there any more, also while it says nothing.
    async fn watch(&self) -> Ended {
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            let snapshot = self.radsec.authenticator.world.snapshot().clone();
            if let Err(refusal) = self.peer.client_now(&snapshot) {
                return Ended::Refused(refusal);
            }
        }
    }

    fn malformed(&self, malformed: &Malformed) -> Ended {
        self.radsec.authenticator.metrics.malformed.inc();
        let snapshot = self.radsec.authenticator.world.snapshot().clone();
        if let Ok(client) = self.peer.client_now(&snapshot) {
            client.activity.heard(Heard::Malformed);
        }
        self.broken(&malformed.to_string())
    }

    fn broken(&self, why: &str) -> Ended {
        Ended::Refused(Refusal::radsec_broken(&self.peer.client, why))
    }
}

/// Writes what is ready. The places of the requests come free when their replies have left.
async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    mut ready: mpsc::Receiver<Outgoing>,
) -> Ended {
    let mut batch = Vec::with_capacity(BATCH);
    let mut places = Vec::new();
    while let Some(first) = ready.recv().await {
        batch.clear();
        let mut next = Some(first);
        while let Some(outgoing) = next {
            batch.extend_from_slice(&outgoing.octets);
            places.push(outgoing);
            next = (batch.len() < BATCH)
                .then(|| ready.try_recv().ok())
                .flatten();
        }
        let written = async {
            stream.write_all(&batch).await?;
            stream.flush().await
        };
        match tokio::time::timeout(WRITE_DEADLINE, written).await {
            Ok(Ok(())) => places.clear(),
            Ok(Err(error)) => return Ended::Closed(Some(error)),
            Err(_) => return Ended::Closed(Some(io::ErrorKind::TimedOut.into())),
        }
    }
    // Connection itself holds a sender.
    Ended::Closed(None)
}
