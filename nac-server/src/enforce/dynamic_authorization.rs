//! CoA-Request and Disconnect-Request to a NAS (RFC 5176): signed, retransmitted with the same octets, the reply verified.
//!
//! A session that came over RadSec is reached over the NAS's own connection (radiusdtls-bis, RFC 9765), once, for TLS loses nothing. By
//! UDP only where the client's entry names a CoA port.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nac_radius::{
    Code, Dictionary, DoesNotFit, DynamicAuthorizationStep, MAX_PACKET_LEN, Packet, PacketBuilder,
    Secret, Version, attribute,
};
use tokio::net::UdpSocket;

use crate::account::LiveSession;
use crate::authenticate::random;
use crate::listen::origin::{Transport, radsec_secret};
use crate::listen::radsec::links::{Links, Reservation};
use crate::snapshot::Client;
use crate::telemetry::metrics::Metrics;

/// Waits after each transmission; the datagram goes out once per entry.
const WAITS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_000),
];

/// The wait for an answer on a connection, where nothing is sent twice.
const CONNECTION_WAIT: Duration = Duration::from_secs(4);

/// What the NAS said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// CoA-ACK or Disconnect-ACK.
    Acknowledged,
    /// CoA-NAK or Disconnect-NAK, with its Error-Cause.
    Refused {
        /// RFC 5176 section 3.5.
        error_cause: Option<u32>,
    },
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Four transmissions, no answer.
    #[error("no answer from {0} after four transmissions")]
    Silence(SocketAddr),
    /// The session came over RadSec, and its NAS has no connection open.
    #[error(
        "the NAS has no RadSec connection open: it goes on as soon as the NAS connects again (or set a CoA port to reach it by UDP)"
    )]
    NotConnected,
    /// The connection ended before the answer.
    #[error("the RadSec connection to {0} ended before the answer")]
    Ended(SocketAddr),
    /// Nobody answered on the connection.
    #[error("no answer over the RadSec connection to {0}: does this NAS take CoA over it?")]
    SilentConnection(SocketAddr),
    /// Too many requests wait on the connection.
    #[error("too many requests wait for their answer on the RadSec connection")]
    Busy,
    /// The step cannot be told in a packet.
    #[error("the request cannot be built: {0}")]
    Build(String),
    /// The operating system refused.
    #[error("cannot send to the NAS: {0}")]
    Socket(#[from] io::Error),
}

impl From<DoesNotFit> for Fault {
    fn from(error: DoesNotFit) -> Self {
        Self::Build(error.to_string())
    }
}

/// Sends one step of the ladder the way the session came, and waits for a verified reply.
pub(super) async fn send(
    client: &Client,
    session: &LiveSession,
    step: &DynamicAuthorizationStep,
    links: &Links,
    metrics: &Metrics,
) -> Result<Reply, Fault> {
    if !came_over_radsec(client, session, links) {
        return by_datagram(client, session, step, metrics).await;
    }
    match over_connection(client, session, step, links, metrics).await {
        // The entry says where else it listens.
        Err(fault) if client.coa_port.is_some() && !matches!(fault, Fault::Build(_)) => {
            by_datagram(client, session, step, metrics).await
        }
        outcome => outcome,
    }
}

/// Of a session that a former run left, the client's entry tells, or what its NAS does now.
fn came_over_radsec(client: &Client, session: &LiveSession, links: &Links) -> bool {
    match session.transport {
        Some(transport) => transport != Transport::Udp,
        None => {
            let connected = || links.of(client, session.nas_source.ip(), None).is_some();
            client.radsec_name.is_some() || connected()
        }
    }
}

async fn over_connection(
    client: &Client,
    session: &LiveSession,
    step: &DynamicAuthorizationStep,
    links: &Links,
    metrics: &Metrics,
) -> Result<Reply, Fault> {
    let connection = match session.transport {
        Some(Transport::RadSec { connection, .. }) => Some(connection),
        _ => None,
    };
    let link = links
        .of(client, session.nas_source.ip(), connection)
        .ok_or(Fault::NotConnected)?;
    let reservation = link.reserve().ok_or(Fault::Busy)?;
    let (version, destination) = (reservation.version(), reservation.destination());
    let request = fill(reservation.begin(step.code), session, step)?.seal(radsec_secret());
    let answered = Reservation::send(reservation, &request, CONNECTION_WAIT).await;
    let reply = answered
        .map_err(|()| Fault::Ended(destination))?
        .ok_or(Fault::SilentConnection(destination))?;
    verified(&reply, &request, version, radsec_secret()).ok_or_else(|| {
        complain(client, destination, metrics);
        Fault::SilentConnection(destination)
    })
}

async fn by_datagram(
    client: &Client,
    session: &LiveSession,
    step: &DynamicAuthorizationStep,
    metrics: &Metrics,
) -> Result<Reply, Fault> {
    let destination = SocketAddr::new(
        session.nas_source.ip(),
        client.coa_port.unwrap_or(step.port),
    );
    let [identifier] = random::<1>();
    let request = PacketBuilder::request(step.code, identifier, [0; 16]);
    let request = fill(request, session, step)?.seal(&client.secret);
    let local: SocketAddr = if destination.is_ipv4() {
        (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(destination).await?;
    for wait in WAITS {
        // A refused port shows up as an error on a connected socket; the NAS may still be starting.
        let _ = socket.send(&request).await;
        if let Ok(reply) = tokio::time::timeout(
            wait,
            receive(&socket, &request, client, destination, metrics),
        )
        .await
        {
            return Ok(reply);
        }
    }
    Err(Fault::Silence(destination))
}

async fn receive(
    socket: &UdpSocket,
    request: &[u8],
    client: &Client,
    destination: SocketAddr,
    metrics: &Metrics,
) -> Reply {
    let mut buffer = vec![0; MAX_PACKET_LEN];
    loop {
        let Ok(length) = socket.recv(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        if let Some(reply) = buffer
            .get(..length)
            .and_then(|reply| verified(reply, request, Version::V1_0, &client.secret))
        {
            return reply;
        }
        complain(client, destination, metrics);
    }
}

/// Whoever forges replies must not be able to fill the log with them, so each is counted and few are told.
fn complain(client: &Client, destination: SocketAddr, metrics: &Metrics) {
    metrics.unverified_coa_replies.inc();
    let forged = &client.complaints.forged_reply;
    if let Some(held) = forged.may_speak(destination.ip()) {
        tracing::warn!(client = %client.name, %destination, held_back = held,
            "ignored a reply to a CoA that does not verify");
    }
}

fn verified(reply: &[u8], request: &[u8], version: Version, secret: &Secret) -> Option<Reply> {
    let reply = Packet::parse_as(version, reply).ok()?;
    let request = Packet::parse_as(version, request).ok()?;
    if reply.identifier() != request.identifier()
        || reply.verify_reply(request.authenticator(), secret).is_err()
    {
        return None;
    }
    match (request.code(), reply.code()) {
        (Code::CoaRequest, Code::CoaAck) | (Code::DisconnectRequest, Code::DisconnectAck) => {
            Some(Reply::Acknowledged)
        }
        (Code::CoaRequest, Code::CoaNak) | (Code::DisconnectRequest, Code::DisconnectNak) => {
            Some(Reply::Refused {
                error_cause: reply.integer(attribute::ERROR_CAUSE),
            })
        }
        _ => None,
    }
}

/// What the step says of this session.
fn fill(
    mut request: PacketBuilder,
    session: &LiveSession,
    step: &DynamicAuthorizationStep,
) -> Result<PacketBuilder, Fault> {
    let identifiers = step.identify(&session.identifiers);
    for (name, value) in &identifiers {
        encode(&mut request, name, value)?;
    }
    if identifiers.is_empty() {
        return Err(Fault::Build(
            "the NAS sent none of the identifiers that this step needs".into(),
        ));
    }
    for (name, value) in &step.attributes {
        encode(&mut request, name, value)?;
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    request.push_integer(
        attribute::EVENT_TIMESTAMP,
        u32::try_from(now).unwrap_or(u32::MAX),
    )?;
    Ok(request)
}

fn encode(request: &mut PacketBuilder, name: &str, value: &str) -> Result<(), Fault> {
    Dictionary::embedded()
        .encode(request, name, value)
        .map_err(|error| Fault::Build(error.to_string()))
}

/// Error-Cause in words (RFC 5176 section 3.5).
pub(super) fn error_cause_text(cause: Option<u32>) -> String {
    let text = match cause {
        None => return "the NAS gave no Error-Cause".to_owned(),
        Some(401) => "unsupported attribute",
        Some(402) => "missing attribute",
        Some(403) => "NAS identification mismatch",
        Some(404) => "invalid request",
        Some(405) => "unsupported service",
        Some(406) => "unsupported extension",
        Some(407) => "invalid attribute value",
        Some(501) => "administratively prohibited",
        Some(502) => "request not routable",
        Some(503) => {
            "session context not found: the station is gone, or our identifiers do not match this NAS"
        }
        Some(504) => "session context not removable",
        Some(505) => "other proxy processing error",
        Some(506) => "resources unavailable",
        Some(507) => "request initiated",
        Some(508) => "multiple session selection unsupported",
        Some(_) => "unknown Error-Cause",
    };
    cause.map_or_else(String::new, |number| format!("{text} ({number})"))
}
