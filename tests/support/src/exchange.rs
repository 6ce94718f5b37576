//! A RADIUS client over UDP: sends bytes, waits for an answer or for silence.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::wire::{Packet, Request, attribute, code};

/// How often a request is sent before silence is believed, as a NAS does (RFC 2865, section 2.4): the
/// floods of other tests lose datagrams and fill the queue of password checks.
const TRIES: u32 = 5;
/// How long each try waits. A server that delays rejections needs more than a second.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long silence must last to count as silence.
const SILENCE: Duration = Duration::from_millis(700);

/// A client with a source port of its own.
#[derive(Debug)]
pub struct Exchange {
    socket: UdpSocket,
    secret: String,
}

impl Exchange {
    /// Talks to `server` from a loopback port.
    ///
    /// # Panics
    ///
    /// When no socket can be opened.
    #[must_use]
    pub fn new(server: SocketAddr, secret: &str) -> Self {
        Self::from("127.0.0.1:0", server, secret)
    }

    /// Talks to `server` from a source address of the caller's choice.
    ///
    /// # Panics
    ///
    /// When no socket can be opened there.
    #[must_use]
    pub fn from(source: &str, server: SocketAddr, secret: &str) -> Self {
        let socket = UdpSocket::bind(source).expect("loopback has a free port");
        socket
            .connect(server)
            .expect("a UDP socket can be given its peer");
        Self {
            socket,
            secret: secret.to_owned(),
        }
    }

    /// A request with a fresh authenticator.
    #[must_use]
    pub fn request(&self, code: u8, identifier: u8) -> Request {
        Request::new(code, identifier, fresh_authenticator(), &self.secret)
    }

    /// An Access-Request of this name with a Message-Authenticator first, to be given credentials.
    #[must_use]
    pub fn access_request(&self, identifier: u8, user_name: impl AsRef<[u8]>) -> Request {
        self.request(code::ACCESS_REQUEST, identifier)
            .with_message_authenticator()
            .with(attribute::USER_NAME, user_name)
    }

    /// Sends, again where nothing comes back, and returns the answer if one comes.
    ///
    /// # Panics
    ///
    /// When the answer is no RADIUS packet or not signed for this request.
    #[must_use]
    pub fn ask(&self, request: &[u8]) -> Option<Packet> {
        self.drain();
        let bytes = (0..TRIES).find_map(|_| {
            self.send(request);
            self.receive(PATIENCE)
        })?;
        let packet = Packet::parse(&bytes).expect("an answer is a well-formed packet");
        assert!(
            packet.answers(request, &self.secret),
            "the Response Authenticator is wrong"
        );
        Some(packet)
    }

    /// Sends, and returns the answer that must come.
    ///
    /// # Panics
    ///
    /// When none comes, or a wrong one.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Packet {
        self.ask(&request.bytes()).expect("the server answers")
    }

    /// Sends, and says whether the server stayed silent.
    #[must_use]
    pub fn is_ignored(&self, request: &[u8]) -> bool {
        self.send(request);
        self.receive(SILENCE).is_none()
    }

    /// Sends without waiting.
    ///
    /// # Panics
    ///
    /// When the socket fails.
    pub fn send(&self, request: &[u8]) {
        // A refused earlier datagram is reported here; the next receive tells what matters.
        let _ = self.socket.send(request);
    }

    /// Forgets second answers to requests that were sent twice.
    fn drain(&self) {
        self.socket
            .set_nonblocking(true)
            .expect("a socket can be asked without waiting");
        while self.socket.recv(&mut [0; 8192]).is_ok() {}
        self.socket
            .set_nonblocking(false)
            .expect("a socket can wait again");
    }

    /// The next datagram within `limit`.
    ///
    /// # Panics
    ///
    /// When the socket fails otherwise than by time.
    #[must_use]
    pub fn receive(&self, limit: Duration) -> Option<Vec<u8>> {
        let mut buffer = [0; 8192];
        self.socket
            .set_read_timeout(Some(limit))
            .expect("a time limit is above zero");
        match self.socket.recv(&mut buffer) {
            Ok(length) => Some(buffer[..length].to_vec()),
            Err(error) => {
                let expected = [
                    ErrorKind::WouldBlock,
                    ErrorKind::TimedOut,
                    ErrorKind::ConnectionRefused,
                ];
                assert!(
                    expected.contains(&error.kind()),
                    "receiving failed: {error}"
                );
                None
            }
        }
    }
}

/// Sixteen octets that no other request of this process has used. They need not be secret here.
#[must_use]
pub fn fresh_authenticator() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let clock = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos() as u64);
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&clock.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    octets[8..].copy_from_slice(&(count ^ (u64::from(std::process::id()) << 32)).to_be_bytes());
    octets
}
