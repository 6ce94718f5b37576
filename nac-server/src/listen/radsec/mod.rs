//! RADIUS over TLS: RFC 6614 (RadSec), and RFC 9765 (RADIUS/1.1) where both ends know it.
//!
//! The way of a connection: TCP → TLS with certificates on both sides → whose certificate is it → packets, answered by the same code as
//! datagrams, replies in the order in which they are ready. CoA goes the other way over the same connection ([`links`]).
//!
//! *Invariants*
//!
//! * Nobody is spoken to before the certificate has been verified and belongs to a client.
//! * What a connection may hold is bounded: its handshake and each packet in time, its packets in number, everything in octets.
//! * A connection that breaks the rules is closed (RFC 6613 section 2.6.4); no other connection notices.

mod conversation;
pub mod links;
mod peer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use nac_radius::Version;
use rustls::{ProtocolVersion, ServerConfig};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::descriptors::Places;
use crate::account::AccountingPort;
use crate::authenticate::{AuthenticationPort, Authenticator};
use crate::reason::Refusal;
use crate::telemetry::rate::{PerReason, Throttle};
use links::Links;
use peer::Peer;

/// Time from TCP accept to a finished handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// Handshakes at once with addresses that belong to clients.
const HANDSHAKES: usize = 256;
/// And with all others: whoever holds theirs without a word, from however many addresses, takes no place from a NAS. Nobody gets as far
/// as a TCP connection from an address that is not theirs.
const HANDSHAKES_OF_OTHERS: usize = 128;
/// A NAS that vanished without a word is found out after this much silence of its TCP, in three probes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Everything that connections share.
pub struct RadSec {
    authentication: AuthenticationPort,
    accounting: AccountingPort,
    authenticator: Arc<Authenticator>,
    links: Arc<Links>,
    idle_timeout: Duration,
    tracker: TaskTracker,
    refused: PerReason,
}

impl RadSec {
    /// Answers with the same parts as the UDP ports do. `idle_timeout` is how long a connection may be silent.
    pub fn new(
        authenticator: Arc<Authenticator>,
        links: Arc<Links>,
        idle_timeout: Duration,
        tracker: TaskTracker,
    ) -> Self {
        Self {
            authentication: AuthenticationPort(authenticator.clone()),
            accounting: AccountingPort::new(authenticator.clone()),
            authenticator,
            links,
            idle_timeout,
            tracker,
            refused: PerReason::default(),
        }
    }

    /// Serves `listener` until cancelled. `tls` may be swapped while running; open connections keep what they began with.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<ArcSwap<ServerConfig>>,
        cancel: CancellationToken,
    ) {
        let of_clients = Places::new(HANDSHAKES);
        let of_others = Places::new(HANDSHAKES_OF_OTHERS);
        let full = Throttle::default();
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, source) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors: give the open connections a moment to end.
                    if let Some(held) = full.may_speak() {
                        tracing::warn!(%error, held_back = held, "cannot accept a RadSec connection");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let snapshot = self.authenticator.world.snapshot();
            let places = match snapshot.clients.by_address(source.ip()) {
                Some(_) => &of_clients,
                None => &of_others,
            };
            let Some(place) = places.take(source.ip()) else {
                if let Some(held) = full.may_speak() {
                    tracing::warn!(%source, held_back = held,
                        "RadSec connections are refused: too many handshakes are under way, from this address or altogether");
                }
                continue;
            };
            let acceptor = TlsAcceptor::from(tls.load_full());
            let (radsec, cancel) = (self.clone(), cancel.clone());
            self.tracker.spawn(async move {
                let greeted = radsec.greet(stream, source, acceptor);
                let Some(greeted) = cancel.run_until_cancelled(greeted).await else {
                    return;
                };
                drop(place);
                match greeted {
                    Ok((stream, peer)) => radsec.converse(stream, source, peer, cancel).await,
                    Err(refusal) => radsec.refuse(source, &refusal),
                }
            });
        }
    }

    /// The handshake, and who that is.
    async fn greet(
        &self,
        stream: TcpStream,
        source: SocketAddr,
        acceptor: TlsAcceptor,
    ) -> Result<(TlsStream<TcpStream>, Peer), Refusal> {
        let failed = |error: io::Error| Refusal::radsec_handshake(&error.to_string());
        stream.set_nodelay(true).map_err(failed)?;
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE / 3)
            .with_retries(3);
        SockRef::from(&stream)
            .set_tcp_keepalive(&keepalive)
            .map_err(failed)?;
        let handshake = tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream));
        let stream = handshake
            .await
            .map_err(|_| Refusal::radsec_handshake("it was not finished within ten seconds"))?
            .map_err(failed)?;
        let (_, tls) = stream.get_ref();
        let version = Version::agreed(tls.alpn_protocol())
            .ok_or_else(|| Refusal::radsec_handshake("it agreed on another protocol"))?;
        if version == Version::V1_1 && tls.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return Err(Refusal::radsec_old_tls());
        }
        let chain = tls.peer_certificates().unwrap_or_default();
        self.authenticator.ask_about(&[chain]).await;
        let snapshot = self.authenticator.world.snapshot();
        let peer = Peer::of(chain, version, source.ip(), &snapshot)?;
        Ok((stream, peer))
    }

    /// One line a minute for each reason and source, and a count.
    fn refuse(&self, source: SocketAddr, refusal: &Refusal) {
        self.authenticator.metrics.radsec_refused(refusal.code);
        if let Some(held) = self.refused.may_speak(refusal.code, source.ip()) {
            tracing::warn!(%source, code = refusal.code, reason = %refusal.sentence, remedy = refusal.remedy,
                held_back = held, "a RadSec connection is refused");
        }
    }
}
