//! HTTPS for the portal, osquery and the admin pages: axum behind rustls, client certificates welcome but not demanded. And
//! plain HTTP for the port that only leads to the portal.
//!
//! The handshake runs in the connection's own task with a deadline, so that a slow client holds up nobody, and the number
//! of connections is bounded. What the handshake proved about the client goes to the handlers as [`TlsPeer`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use nac_posture::TlsPeer;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::descriptors::Places;
use crate::telemetry::rate::Throttle;

/// Time for TCP accept to a finished TLS handshake, and for one request's headers.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Serves `router` on `listener` until cancelled, without TLS where there is none. `tls` may be swapped while running; `places`
/// bounds the open connections.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    router: Router,
    places: Places,
    tracker: TaskTracker,
    cancel: CancellationToken,
) {
    let refusals = Throttle::default();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors: give the open connections a moment to end.
                if let Some(held) = refusals.may_speak() {
                    tracing::warn!(%error, held_back = held, "cannot accept a connection");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = places.take(address.ip()) else {
            if let Some(held) = refusals.may_speak() {
                tracing::warn!(%address, held_back = held,
                    "connections are refused: too many are open, from this address or altogether");
            }
            continue;
        };
        let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(tls.load_full()));
        let (router, cancel) = (router.clone(), cancel.clone());
        tracker.spawn(async move {
            // Whoever is in the middle of something when the server stops comes again.
            let served = connection(stream, address, acceptor, router);
            if let Some(Err(error)) = cancel.run_until_cancelled(served).await {
                tracing::debug!(%address, %error, "a connection ended");
            }
            drop(place);
        });
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    router: Router,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(acceptor) = acceptor else {
        return converse(stream, address, Vec::new(), router).await;
    };
    let stream = tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)).await??;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter();
    let certificates = certificates.map(|certificate| certificate.clone().into_owned());
    let certificates = certificates.collect();
    converse(stream, address, certificates, router).await
}

/// Requests and answers on a connection that is ready for them.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: SocketAddr,
    certificates: Vec<CertificateDer<'static>>,
    router: Router,
) -> io::Result<()> {
    let peer = TlsPeer {
        address,
        certificates,
    };
    let service = router.map_request(move |mut request: axum::http::Request<_>| {
        request.extensions_mut().insert(peer.clone());
        request
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_DEADLINE);
    builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await
        .map_err(io::Error::other)
}
