//! What carries a probe: datagrams, or a TLS connection (RFC 6614, RFC 9765).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use nac_eap::{CertificateDer, PrivateKeyDer};
use nac_radius::{MAX_PACKET_LEN, Version, packet_length};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a RadSec probe shows, and whom it trusts.
pub struct RadSecIdentity {
    /// The authorities that the server's certificate may come from.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The own certificate chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of its leaf.
    pub key: PrivateKeyDer<'static>,
    /// The name that the server's certificate must carry; the server's address unless given.
    pub server_name: Option<String>,
}

/// The way to the server.
#[derive(Debug)]
pub(super) enum Wire {
    /// UDP.
    Datagrams(UdpSocket),
    /// TLS.
    Connection {
        stream: Box<TlsStream<TcpStream>>,
        version: Version,
        received: Vec<u8>,
    },
}

impl Wire {
    /// Opens a TLS connection, offering both versions of RADIUS.
    pub(super) async fn connect(
        local: Option<IpAddr>,
        server: SocketAddr,
        identity: RadSecIdentity,
    ) -> io::Result<Self> {
        let name = match identity.server_name.clone() {
            Some(name) => ServerName::try_from(name).map_err(io::Error::other)?,
            None => ServerName::from(server.ip()),
        };
        let config = config(identity).map_err(io::Error::other)?;
        let socket = match server {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(local) = local {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        let (_, tls) = stream.get_ref();
        let version = Version::agreed(tls.alpn_protocol())
            .ok_or_else(|| io::Error::other("the server speaks another protocol"))?;
        Ok(Self::Connection {
            stream: Box::new(stream),
            version,
            received: Vec::with_capacity(MAX_PACKET_LEN),
        })
    }

    pub(super) const fn version(&self) -> Version {
        match self {
            Self::Datagrams(_) => Version::V1_0,
            Self::Connection { version, .. } => *version,
        }
    }

    /// Whether nothing is lost on the way, so that nothing is sent twice.
    pub(super) const fn is_reliable(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Datagrams(socket) => socket.local_addr(),
            Self::Connection { stream, .. } => stream.get_ref().0.local_addr(),
        }
    }

    pub(super) async fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => socket.send(packet).await.map(drop),
            Self::Connection { stream, .. } => {
                stream.write_all(packet).await?;
                stream.flush().await
            }
        }
    }

    /// The next packet. What has arrived of one is kept when the wait is broken off.
    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Datagrams(socket) => {
                // One octet more than a packet may have, to notice one that is too long.
                let mut buffer = vec![0; MAX_PACKET_LEN + 1];
                let length = socket.recv(&mut buffer).await?;
                buffer.truncate(length);
                Ok(buffer)
            }
            Self::Connection {
                stream, received, ..
            } => loop {
                let length = packet_length(received).map_err(io::Error::other)?;
                if let Some(length) = length.filter(|length| *length <= received.len()) {
                    let rest = received.split_off(length);
                    return Ok(std::mem::replace(received, rest));
                }
                if stream.read_buf(received).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            },
        }
    }
}

fn config(identity: RadSecIdentity) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in identity.authorities {
        roots.add(authority)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(identity.chain, identity.key)?;
    config.alpn_protocols = [Version::V1_1, Version::V1_0]
        .map(|version| version.alpn().to_vec())
        .to_vec();
    Ok(config)
}
