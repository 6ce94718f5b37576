//! One NAS's socket: sends a request, sends it again, and believes only a genuine reply.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use nac_radius::{Code, MAX_PACKET_LEN, Packet, PacketBuilder, ReplyFault, Secret, attribute};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{ProbeFault, random};

/// The initial retransmission time of RFC 5080 section 2.2.1.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum retransmission time of RFC 5080 section 2.2.1.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(16);
/// How often a request is sent.
const TRIES: u32 = 3;

/// A RADIUS client with one socket, one server and at most one outstanding request.
#[derive(Debug)]
pub struct RadiusClient {
    socket: UdpSocket,
    server: SocketAddr,
    local: SocketAddr,
    secret: Secret,
    first_timeout: Duration,
    tries: u32,
    lenient: bool,
    next_identifier: u8,
    buffer: Vec<u8>,
}

/// A genuine reply.
#[derive(Debug)]
pub struct Reply {
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
        let local = socket.local_addr().map_err(fault)?;
        let [next_identifier] = random()?;
        Ok(Self {
            socket,
            server,
            local,
            secret,
            first_timeout: FIRST_TIMEOUT,
            tries: TRIES,
            lenient: false,
            next_identifier,
            // One octet more than a packet may have, to notice one that is too long.
            buffer: vec![0; MAX_PACKET_LEN + 1],
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

    /// Begins a request with the next Identifier and a fresh Request Authenticator.
    ///
    /// # Errors
    /// [`ProbeFault::Randomness`].
    pub fn request(&mut self, code: Code) -> Result<PacketBuilder, ProbeFault> {
        let identifier = self.next_identifier;
        self.next_identifier = identifier.wrapping_add(1);
        Ok(PacketBuilder::request(code, identifier, random()?))
    }

    /// Seals a request, sends it until a genuine reply comes, and gives that.
    ///
    /// The octets stay the same with every retransmission, so that the server can recognise them. A
    /// reply that is not to be believed is kept as the reason while the genuine one may still come,
    /// until the time is up, because anybody can send a forged one first.
    ///
    /// # Errors
    /// Every [`ProbeFault`] of the wire.
    pub async fn exchange(&mut self, request: PacketBuilder) -> Result<Reply, ProbeFault> {
        let code = request.code();
        let octets = request.seal(&self.secret);
        let request = Packet::parse(&octets)?;
        let began = Instant::now();
        let mut patience = self.first_timeout;
        for sent in 1..=self.tries {
            if let Err(error) = self.socket.send(&octets).await {
                return Err(self.socket_fault(error));
            }
            let reply = self
                .await_reply(code, &request, Instant::now() + patience)
                .await?;
            if let Some(octets) = reply {
                let request_authenticator = *request.authenticator();
                return Ok(Reply {
                    octets,
                    request_authenticator,
                    sent,
                });
            }
            patience = jittered(patience * 2)?.min(LONGEST_TIMEOUT);
        }
        Err(ProbeFault::NoAnswer {
            server: self.server,
            sent: self.tries,
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
            let received = match timeout_at(until, self.socket.recv(&mut self.buffer)).await {
                Ok(Ok(length)) => self.buffer.get(..length).unwrap_or_default(),
                Ok(Err(error)) => return Err(self.socket_fault(error)),
                Err(_) => return disbelieved.map_or(Ok(None), Err),
            };
            // The answer to an earlier request that was sent twice is no news.
            if received.get(1) != Some(&request.identifier()) {
                continue;
            }
            match verify(received, code, request, &self.secret, self.lenient) {
                Ok(reply) => return Ok(Some(reply)),
                Err(fault) => disbelieved = Some(fault),
            }
        }
    }

    fn socket_fault(&self, source: std::io::Error) -> ProbeFault {
        let server = self.server;
        match source.kind() {
            ErrorKind::ConnectionRefused => ProbeFault::PortClosed { server },
            _ => ProbeFault::Socket { server, source },
        }
    }
}

impl Reply {
    /// The packet.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        Packet::parse(&self.octets).expect("a reply was parsed when it was received")
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
    let reply = Packet::parse(datagram)?;
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
    let signed_first = first == Some(attribute::MESSAGE_AUTHENTICATOR);
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
