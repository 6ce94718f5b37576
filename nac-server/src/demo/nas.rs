//! The demo's switch: acknowledges CoA and Disconnect requests that verify, as a real one would, and tells the story about them.

use std::net::SocketAddr;
use std::time::Duration;

use nac_radius::{Code, Dictionary, Packet, PacketBuilder, Secret};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A request that the switch acknowledged.
pub(super) struct Received {
    /// CoA-Request or Disconnect-Request.
    pub(super) code: Code,
    /// Its attributes by name.
    pub(super) attributes: Vec<(String, String)>,
}

/// The switch's ear for RFC 5176.
pub(super) struct Switch {
    /// Where it listens.
    pub(super) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Received>,
}

impl Switch {
    pub(super) async fn start(
        secret: Secret,
        tracker: &TaskTracker,
        cancel: CancellationToken,
    ) -> std::io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let (sender, requests) = mpsc::unbounded_channel();
        tracker.spawn(async move {
            let mut buffer = vec![0; nac_radius::MAX_PACKET_LEN];
            loop {
                let received = tokio::select! {
                    () = cancel.cancelled() => return,
                    received = socket.recv_from(&mut buffer) => received,
                };
                let Ok((length, source)) = received else {
                    continue;
                };
                let Some((reply, request)) = buffer
                    .get(..length)
                    .and_then(|datagram| acknowledge(datagram, &secret))
                else {
                    continue;
                };
                // A lost acknowledgement is asked for again.
                let _ = socket.send_to(&reply, source).await;
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Ok(Self { address, requests })
    }

    /// The next request, within `limit`.
    pub(super) async fn next(&mut self, limit: Duration) -> Option<Received> {
        tokio::time::timeout(limit, self.requests.recv())
            .await
            .ok()
            .flatten()
    }
}

fn acknowledge(datagram: &[u8], secret: &Secret) -> Option<(Vec<u8>, Received)> {
    let request = Packet::parse(datagram).ok()?;
    if !request.request_authenticator_valid(secret) {
        return None;
    }
    let code = match request.code() {
        Code::CoaRequest => Code::CoaAck,
        Code::DisconnectRequest => Code::DisconnectAck,
        _ => return None,
    };
    let attributes = Dictionary::embedded()
        .describe(&request)
        .into_iter()
        .map(|described| (described.name, described.value))
        .collect();
    let reply = PacketBuilder::reply(code, &request).seal(secret);
    Some((
        reply,
        Received {
            code: request.code(),
            attributes,
        },
    ))
}
