//! One NAS's way to the server: sends a request, over UDP sends it again, and believes only a genuine reply.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use nac_radius::{Code, Packet, PacketBuilder, ReplyFault, Secret, Version, attribute};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::wire::{RadSecIdentity, Wire};
use super::{ProbeFault, random};
use crate::listen::origin::radsec_secret;

/// The initial retransmission time of RFC 5080 section 2.2.1.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum retransmission time of RFC 5080 section 2.2.1.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(16);
/// How often a request is sent.
const TRIES: u32 = 3;

/// A RADIUS client with one socket or connection, one server and at most one outstanding request.
#[derive(Debug)]
pub struct RadiusClient {
    wire: Wire,
    server: SocketAddr,
    local: SocketAddr,
    secret: Secret,
    first_timeout: Duration,
    tries: u32,
    lenient: bool,
    next_identifier: u8,
}

/// A genuine reply.
#[derive(Debug)]
pub struct Reply {
    version: Version,
    octets: Vec<u8>,
    request_authenticator: [u8; 16],
    /// How often the request was sent.
    pub sent: u32,
}

impl RadiusClient {
    /// Opens a socket on any port, towards a server.
    ///
    /// # Errors
    /// [`ProbeFault::Socket`], [`ProbeFault::Randomness`].
    pub async fn connect(server: SocketAddr, secret: Secret) -> Result<Self, ProbeFault> {
        let any = match server.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self::connect_from(SocketAddr::new(any, 0), server, secret).await
    }

    /// Opens a socket on a local address, such as 127.0.0.7, to appear as one NAS among several.
    ///
    /// # Errors
    /// [`ProbeFault::Socket`], [`ProbeFault::Randomness`].
    pub async fn connect_from(
        local: SocketAddr,
        server: SocketAddr,
        secret: Secret,
    ) -> Result<Self, ProbeFault> {
        let fault = |source| ProbeFault::Socket { server, source };
        let socket = UdpSocket::bind(local).await.map_err(fault)?;
        // The system then drops datagrams from any other source, and tells of a closed port.
        socket.connect(server).await.map_err(fault)?;
        Self::over(Wire::Datagrams(socket), server, secret)
    }

    /// Opens a TLS connection (RFC 6614), from a local address where one is given, and speaks RADIUS/1.1 if the server does (RFC 9765).
    ///
    /// # Errors
    /// [`ProbeFault::Tls`], [`ProbeFault::Randomness`].
    pub async fn connect_by_radsec(
        local: Option<IpAddr>,
        server: SocketAddr,
        identity: RadSecIdentity,
    ) -> Result<Self, ProbeFault> {
        let connected =
            tokio::time::timeout(LONGEST_TIMEOUT, Wire::connect(local, server, identity));
        let wire = connected
            .await
            .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
            .map_err(|source| ProbeFault::Tls { server, source })?;
        Self::over(wire, server, radsec_secret().clone())
    }

    fn over(wire: Wire, server: SocketAddr, secret: Secret) -> Result<Self, ProbeFault> {
        let fault = |source| ProbeFault::Socket { server, source };
        let local = wire.local_address().map_err(fault)?;
        let [next_identifier] = random()?;
        Ok(Self {
            wire,
            server,
            local,
            secret,
            first_timeout: FIRST_TIMEOUT,
            tries: TRIES,
            lenient: false,
            next_identifier,
        })
    }

    /// Sets how long the first answer is awaited; each retransmission waits twice as long as the one
    /// before, to at most 16 s (RFC 5080 section 2.2.1).
    #[must_use]
    pub fn with_timeout(mut self, first: Duration) -> Self {
        self.first_timeout = first;
        self
    }

    /// Sets how often a request is sent, at least once.
    #[must_use]
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// Believes replies whose Message-Authenticator is missing or not the first attribute, as servers
    /// from before July 2024 send them. Such a reply can be forged (CVE-2024-3596), so this is for
    /// comparing with those servers only. One that is present must still be right.
    #[must_use]
    pub fn with_old_servers_believed(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// The address that the server sees.
    #[must_use]
    pub const fn local_address(&self) -> IpAddr {
        self.local.ip()
    }

    /// The shared secret.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Begins a request with the next Identifier and a fresh Request Authenticator, or with a fresh Token.
    ///
    /// # Errors
    /// [`ProbeFault::Randomness`].
    pub fn request(&mut self, code: Code) -> Result<PacketBuilder, ProbeFault> {
        let identifier = self.next_identifier;
        self.next_identifier = identifier.wrapping_add(1);
        Ok(match self.wire.version() {
            Version::V1_0 => PacketBuilder::request(code, identifier, random()?),
            Version::V1_1 => PacketBuilder::token_request(code, random()?),
        })
    }

    /// Seals a request, sends it until a genuine reply comes, and gives that.
    ///
    /// The octets stay the same with every retransmission, so that the server can recognise them; over TLS there is none. A
    /// reply that is not to be believed is kept as the reason while the genuine one may still come,
    /// until the time is up, because anybody can send a forged one first.
    ///
    /// # Errors
    /// Every [`ProbeFault`] of the wire.
    pub async fn exchange(&mut self, request: PacketBuilder) -> Result<Reply, ProbeFault> {
        let code = request.code();
        let octets = request.seal(&self.secret);
        let version = self.wire.version();
        let request = Packet::parse_as(version, &octets)?;
        let began = Instant::now();
        let (mut patience, tries) = match self.wire.is_reliable() {
            true => (self.first_timeout * self.tries, 1),
            false => (self.first_timeout, self.tries),
        };
        for sent in 1..=tries {
            if let Err(error) = self.wire.send(&octets).await {
                return Err(self.socket_fault(error));
            }
            let reply = self
                .await_reply(code, &request, Instant::now() + patience)
                .await?;
            if let Some(octets) = reply {
                let request_authenticator = *request.authenticator();
                return Ok(Reply {
                    version,
                    octets,
                    request_authenticator,
                    sent,
                });
            }
            patience = jittered(patience * 2)?.min(LONGEST_TIMEOUT);
        }
        Err(ProbeFault::NoAnswer {
            server: self.server,
            sent: tries,
            waited: began.elapsed(),
        })
    }

    /// The genuine reply, `None` when nothing came in time, or why what came is not to be believed.
    async fn await_reply(
        &mut self,
        code: Code,
        request: &Packet<'_>,
        until: Instant,
    ) -> Result<Option<Vec<u8>>, ProbeFault> {
        let mut disbelieved = None;
        loop {
            let received = match timeout_at(until, self.wire.receive()).await {
                Ok(Ok(received)) => received,
                Ok(Err(error)) => return Err(self.socket_fault(error)),
                Err(_) => return disbelieved.map_or(Ok(None), Err),
            };
            // The answer to an earlier request that was sent twice is no news.
            if received.get(1) != Some(&request.identifier()) {
                continue;
            }
            match verify(&received, code, request, &self.secret, self.lenient) {
                Ok(reply) => return Ok(Some(reply)),
                Err(fault) => disbelieved = Some(fault),
            }
        }
    }

    fn socket_fault(&self, source: std::io::Error) -> ProbeFault {
        let server = self.server;
        match source.kind() {
            _ if self.wire.is_reliable() => ProbeFault::Tls { server, source },
            ErrorKind::ConnectionRefused => ProbeFault::PortClosed { server },
            _ => ProbeFault::Socket { server, source },
        }
    }
}

impl Reply {
    /// The packet.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        Packet::parse_as(self.version, &self.octets)
            .expect("a reply was parsed when it was received")
    }

    /// The Authenticator field of the request, which decrypts the keys in the reply.
    #[must_use]
    pub const fn request_authenticator(&self) -> &[u8; 16] {
        &self.request_authenticator
    }
}

/// Checks that a datagram is the genuine reply to a request.
fn verify(
    datagram: &[u8],
    code: Code,
    request: &Packet<'_>,
    secret: &Secret,
    lenient: bool,
) -> Result<Vec<u8>, ProbeFault> {
    let reply = Packet::parse_as(request.version(), datagram)?;
    match reply.verify_reply(request.authenticator(), secret) {
        // The Response Authenticator was checked before and is right.
        Err(ReplyFault::MessageAuthenticatorMissing) if lenient => {}
        verified => verified?,
    }
    let answers = match (code, reply.code()) {
        (Code::AccessRequest, Code::AccessAccept | Code::AccessReject | Code::AccessChallenge)
        | (Code::AccountingRequest, Code::AccountingResponse)
        // RFC 5997 section 4: each port answers in its own way.
        | (Code::StatusServer, Code::AccessAccept | Code::AccountingResponse) => true,
        (_, _) => false,
    };
    if !answers {
        return Err(ProbeFault::WrongCode {
            request: code,
            reply: reply.code(),
        });
    }
    let first = reply.attributes().next().map(|found| found.number);
    let signed_first =
        first == Some(attribute::MESSAGE_AUTHENTICATOR) || request.version() == Version::V1_1;
    if reply.code() != Code::AccountingResponse && !signed_first && !lenient {
        return Err(ProbeFault::MessageAuthenticatorNotFirst { code: reply.code() });
    }
    Ok(reply.as_bytes().to_vec())
}

/// A tenth more or less, so that many clients do not send in step (RFC 5080 section 2.2.1).
fn jittered(time: Duration) -> Result<Duration, ProbeFault> {
    let [octet] = random()?;
    Ok(time.mul_f64(0.9 + 0.2 * f64::from(octet) / 255.0))
}
