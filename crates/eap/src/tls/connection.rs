//! One TLS connection as a machine that eats and yields bytes.

use std::io::{Read, Write};

use rustls::{Connection, Error, HandshakeKind, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use zeroize::{Zeroize, Zeroizing};

use super::alert;
use super::hello::HelloRandom;
use super::offer;
use crate::fragment::FLIGHT_LIMIT;
use crate::reason::{self, Reason};

/// Which end we are, for the wording of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Peer,
}

/// The TLS version that was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

impl Version {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// The record of a fatal alert, without its version: handshake_failure and protocol_version (RFC 8446 section 6.2).
const HANDSHAKE_FAILURE: [u8; 4] = [0, 2, 2, 40];
const PROTOCOL_VERSION: [u8; 4] = [0, 2, 2, 70];

pub(crate) struct Tls {
    connection: Connection,
    role: Role,
    /// The other side is too old, and is to be told that.
    too_old: bool,
    received_random: HelloRandom,
    sent_random: HelloRandom,
}

impl Tls {
    pub(super) fn new(mut connection: Connection, role: Role) -> Self {
        connection.set_buffer_limit(Some(FLIGHT_LIMIT));
        Self {
            connection,
            role,
            too_old: false,
            received_random: HelloRandom::default(),
            sent_random: HelloRandom::default(),
        }
    }

    /// Takes bytes from the other side; what they carry as application data comes back. After an
    /// error [`Tls::output`] still yields the alert for the other side.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reason> {
        self.received_random.observe(bytes);
        let flight = bytes;
        let mut plaintext = Zeroizing::new(Vec::new());
        while !bytes.is_empty() {
            let taken = self
                .connection
                .read_tls(&mut bytes)
                .map_err(|error| alert::protocol(self.role, &error))?;
            let state = self
                .connection
                .process_new_packets()
                .map_err(|error| self.explain(&error, flight))?;
            self.drain_plaintext(state.plaintext_bytes_to_read(), &mut plaintext)?;
            if state.peer_has_closed() {
                return Err(alert::closed(self.role));
            }
            if taken == 0 {
                return Err(alert::protocol(self.role, &"it does not make progress"));
            }
        }
        Ok(plaintext)
    }

    /// Queues application data. It goes out with the next [`Tls::output`].
    pub(crate) fn write(&mut self, plaintext: &[u8]) {
        // rustls takes it into its buffer, whose limit no message of ours reaches; and what was
        // not taken would show as a login that does not proceed, never as a wrong success.
        let _ = self.connection.writer().write_all(plaintext);
    }

    /// Whatever has to go to the other side now.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            // Writing into a Vec cannot fail; zero would mean that nothing is left.
            match self.connection.write_tls(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        self.sent_random.observe(&bytes);
        match &mut bytes[..] {
            // rustls may miss something else first that old versions do not have, and says only that it failed.
            [21, _, _, alert @ ..] if self.too_old && *alert == HANDSHAKE_FAILURE => {
                alert.copy_from_slice(&PROTOCOL_VERSION);
            }
            _ => {}
        }
        bytes
    }

    fn explain(&mut self, error: &Error, flight: &[u8]) -> Reason {
        match (self.role, error) {
            (Role::Server, Error::PeerIncompatible(error)) => {
                let (reason, too_old) = offer::nothing_in_common(error, flight);
                self.too_old = too_old;
                reason
            }
            (role, error) => alert::explain(role, error),
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub(crate) fn version(&self) -> Version {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
            _ => Version::Tls12,
        }
    }

    pub(crate) fn cipher_suite(&self) -> String {
        let name = self
            .connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str());
        name.unwrap_or_default().to_owned()
    }

    /// The other side's certificate chain, leaf first.
    pub(crate) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.connection
            .peer_certificates()
            .map(<[_]>::to_vec)
            .unwrap_or_default()
    }

    /// Key material by the exporter of RFC 5705 or RFC 8446 section 7.5.
    pub(crate) fn export<const N: usize>(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<Zeroizing<[u8; N]>, Reason> {
        let mut material = Zeroizing::new([0; N]);
        self.connection
            .export_keying_material(&mut *material, label, context)
            .map_err(|error| reason::INTERNAL.with(error))?;
        Ok(material)
    }

    /// The randoms of client and server, for Session-Ids on TLS 1.2 (RFC 5216 section 2.3).
    pub(crate) fn hello_randoms(&self) -> Option<([u8; 32], [u8; 32])> {
        let received = self.received_random.value()?;
        let sent = self.sent_random.value()?;
        Some(match self.role {
            Role::Server => (received, sent),
            Role::Peer => (sent, received),
        })
    }

    fn drain_plaintext(&mut self, mut count: usize, into: &mut Vec<u8>) -> Result<(), Reason> {
        if into.len().saturating_add(count) > FLIGHT_LIMIT {
            return Err(alert::protocol(
                self.role,
                &"too much application data in one message",
            ));
        }
        // Reserved up front so that growing does not leave copies of passwords behind.
        into.reserve_exact(count);
        let mut chunk = [0; 1024];
        while count > 0 {
            match self.connection.reader().read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => {
                    into.extend_from_slice(chunk.get(..read).unwrap_or_default());
                    count = count.saturating_sub(read);
                }
            }
        }
        chunk.zeroize();
        Ok(())
    }
}
