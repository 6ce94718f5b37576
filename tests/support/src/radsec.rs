//! A RADIUS/TLS client with a framing of its own: it can write a packet octet by octet, many at once, and what no packet is.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::exchange::fresh_authenticator;
use crate::pki::Credential;
use crate::wire::{Packet, Request};

/// The shared secret of every RADIUS/TLS connection (RFC 6614 section 2.3).
pub const SECRET: &str = "radsec";
/// What a client that knows RADIUS/1.1 offers (RFC 9765 section 3.1).
pub const BOTH_VERSIONS: &[&str] = &["radius/1.1", "radius/1.0"];
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long silence must last to count as silence.
const SILENCE: Duration = Duration::from_millis(600);

/// What a connection begins with.
#[derive(Clone, Debug)]
pub struct Dialling<'a> {
    /// The server.
    pub server: SocketAddr,
    /// The own address.
    pub from: Ipv4Addr,
    /// The name in the server's certificate.
    pub name: &'a str,
    /// The authority that the server's certificate has to come from.
    pub ca: &'a Path,
    /// The own certificate.
    pub credential: Option<&'a Credential>,
    /// What is offered by ALPN; nothing when it is empty.
    pub alpn: &'a [&'a str],
    /// The versions of TLS on offer.
    pub tls: &'a [&'static SupportedProtocolVersion],
}

impl<'a> Dialling<'a> {
    /// From 127.0.0.1 with this certificate, without ALPN, on TLS 1.3 or 1.2.
    #[must_use]
    pub fn new(server: SocketAddr, ca: &'a Path, credential: &'a Credential) -> Self {
        Self {
            server,
            from: Ipv4Addr::LOCALHOST,
            name: "localhost",
            ca,
            credential: Some(credential),
            alpn: &[],
            tls: rustls::ALL_VERSIONS,
        }
    }

    /// Offers RADIUS/1.1.
    #[must_use]
    pub fn with_both_versions(mut self) -> Self {
        self.alpn = BOTH_VERSIONS;
        self
    }

    /// Connects and finishes the handshake. On TLS 1.3 the server's verdict on the certificate comes after that: see
    /// [`RadSec::is_closed`].
    ///
    /// # Errors
    ///
    /// What the handshake failed with.
    pub fn connect(&self) -> std::io::Result<RadSec> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SocketAddr::from((self.from, 0))))?;
        socket.connect(&SockAddr::from(self.server))?;
        let mut stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(self.name.to_owned()).expect("a DNS name");
        let mut tls =
            ClientConnection::new(Arc::new(self.config()), name).map_err(std::io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(RadSec {
            stream: StreamOwned::new(tls, stream),
            received: Vec::new(),
            next: 0,
        })
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(self.ca).expect("the CA can be read") {
            roots
                .add(certificate.expect("the CA is PEM"))
                .expect("the CA is a certificate");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.tls)
            .expect("the provider knows these versions")
            .with_root_certificates(roots);
        let mut config = match self.credential {
            None => builder.with_no_client_auth(),
            Some(credential) => {
                let chain = CertificateDer::pem_file_iter(&credential.certificate)
                    .expect("the certificate can be read")
                    .collect::<Result<Vec<_>, _>>()
                    .expect("the certificate is PEM");
                let key = PrivateKeyDer::from_pem_file(&credential.key).expect("a private key");
                builder
                    .with_client_auth_cert(chain, key)
                    .expect("they belong together")
            }
        };
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config
    }
}

/// An open connection.
#[derive(Debug)]
pub struct RadSec {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
    next: u8,
}

impl RadSec {
    /// What ALPN agreed on.
    #[must_use]
    pub fn agreed(&self) -> Option<String> {
        let name = self.stream.conn.alpn_protocol()?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// The server's certificate.
    #[must_use]
    pub fn server_certificate(&self) -> Vec<u8> {
        let chain = self.stream.conn.peer_certificates().unwrap_or_default();
        chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default()
    }

    /// A RADIUS/1.0 request with an identifier and an authenticator of its own.
    #[must_use]
    pub fn request(&mut self, code: u8) -> Request {
        self.next = self.next.wrapping_add(1);
        Request::new(code, self.next, fresh_authenticator(), SECRET)
    }

    /// Writes octets, whatever they are, in one TLS record.
    ///
    /// # Errors
    ///
    /// The server does not take them.
    pub fn send(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(octets)?;
        self.stream.flush()
    }

    /// Sends a request and waits for the packet that comes next.
    ///
    /// # Panics
    ///
    /// When none comes.
    #[must_use]
    pub fn answer(&mut self, request: &Request) -> Packet {
        let octets = request.bytes();
        self.send(&octets).expect("the server takes it");
        let reply = self.receive().expect("an answer");
        assert!(reply.answers(&octets, SECRET), "signed for this request");
        reply
    }

    /// The next packet; `None` when none comes in time or the connection is over.
    #[must_use]
    pub fn receive(&mut self) -> Option<Packet> {
        self.receive_within(PATIENCE)
    }

    /// The next packet within this time.
    #[must_use]
    pub fn receive_within(&mut self, limit: Duration) -> Option<Packet> {
        let deadline = Instant::now() + limit;
        loop {
            if let [_, _, high, low, ..] = self.received[..] {
                let length = usize::from(u16::from_be_bytes([high, low])).max(20);
                if self.received.len() >= length {
                    let rest = self.received.split_off(length);
                    let octets = std::mem::replace(&mut self.received, rest);
                    return Some(Packet::parse(&octets).expect("the server writes packets"));
                }
            }
            match self.read(deadline)? {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Whether the server closes the connection within this time.
    #[must_use]
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            match self.read(deadline) {
                None => return false,
                Some(Ok(0) | Err(_)) => return true,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Whether the server closes it soon.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        self.is_closed_within(PATIENCE)
    }

    /// Whether the server says nothing and leaves the connection open.
    #[must_use]
    pub fn is_quiet(&mut self) -> bool {
        self.received.is_empty() && self.read(Instant::now() + SILENCE).is_none()
    }

    /// `None` when the time is over.
    fn read(&mut self, deadline: Instant) -> Option<std::io::Result<usize>> {
        let left = deadline.checked_duration_since(Instant::now())?;
        let left = left.max(Duration::from_millis(1));
        let limited = self.stream.sock.set_read_timeout(Some(left));
        limited.expect("a socket takes a timeout");
        let mut buffer = [0; 4_096];
        match self.stream.read(&mut buffer) {
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                Some(Ok(length))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// A RADIUS/1.1 packet (RFC 9765 section 4.1).
#[must_use]
pub fn token_packet(code: u8, token: u32, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let mut octets = vec![code, 0, 0, 0];
    octets.extend(token.to_be_bytes());
    octets.extend([0; 12]);
    for (number, value) in attributes {
        octets.extend([*number, (value.len() + 2) as u8]);
        octets.extend(*value);
    }
    let length = (octets.len() as u16).to_be_bytes();
    octets[2..4].copy_from_slice(&length);
    octets
}

/// The token of a RADIUS/1.1 packet.
#[must_use]
pub fn token_of(packet: &Packet) -> u32 {
    packet
        .bytes
        .get(4..8)
        .and_then(|token| token.try_into().ok())
        .map(u32::from_be_bytes)
        .unwrap_or_default()
}
