//! The sockets of the server: all bound before anything starts, then each served by what answers there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Addresses, StartError};
use crate::account::AccountingPort;
use crate::authenticate::{AuthenticationPort, Authenticator};
use crate::config::Config;
use crate::listen::descriptors::Places;
use crate::listen::radsec::RadSec;
use crate::listen::udp::Responder;
use crate::listen::{http, udp};
use crate::telemetry::metrics::Metrics;

/// Every socket, bound before anything starts, so that a taken port stops the start and not the service.
pub(super) struct Listeners {
    auth: Vec<UdpSocket>,
    acct: Vec<UdpSocket>,
    radsec: Option<TcpListener>,
    portal: TcpListener,
    portal_http: Option<TcpListener>,
    admin: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    pub(super) async fn bind(config: &Config) -> Result<Self, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let auth = udp::bind(config.radius.listen_auth, cores);
        let acct = udp::bind(config.radius.listen_acct, cores);
        let radsec = match &config.radsec {
            Some(radsec) => TcpListener::bind(radsec.listen).await.map(Some),
            None => Ok(None),
        };
        let portal = TcpListener::bind(config.portal.listen).await;
        let portal_http = match config.portal.listen_http {
            Some(address) => TcpListener::bind(address).await.map(Some),
            None => Ok(None),
        };
        let admin = TcpListener::bind(config.admin.listen).await;
        let metrics = TcpListener::bind(config.metrics.listen).await;
        match (auth, acct, radsec, portal, portal_http, admin, metrics) {
            (
                Ok(auth),
                Ok(acct),
                Ok(radsec),
                Ok(portal),
                Ok(portal_http),
                Ok(admin),
                Ok(metrics),
            ) => Ok(Self {
                auth,
                acct,
                radsec,
                portal,
                portal_http,
                admin,
                metrics,
            }),
            (auth, acct, radsec, portal, portal_http, admin, metrics) => {
                let faults = [
                    cannot_bind(
                        "[radius] listen_auth",
                        "UDP",
                        config.radius.listen_auth,
                        auth.err(),
                    ),
                    cannot_bind(
                        "[radius] listen_acct",
                        "UDP",
                        config.radius.listen_acct,
                        acct.err(),
                    ),
                    config.radsec.as_ref().and_then(|settings| {
                        cannot_bind("[radsec] listen", "TCP", settings.listen, radsec.err())
                    }),
                    cannot_bind("[portal] listen", "TCP", config.portal.listen, portal.err()),
                    config.portal.listen_http.and_then(|address| {
                        cannot_bind("[portal] listen_http", "TCP", address, portal_http.err())
                    }),
                    cannot_bind("[admin] listen", "TCP", config.admin.listen, admin.err()),
                    cannot_bind(
                        "[metrics] listen",
                        "TCP",
                        config.metrics.listen,
                        metrics.err(),
                    ),
                ];
                let faults: Vec<String> = faults.into_iter().flatten().collect();
                Err(StartError::Listen(faults.join("\n")))
            }
        }
    }

    pub(super) fn addresses(&self) -> Result<Addresses, StartError> {
        let all = || -> io::Result<Addresses> {
            let first = |sockets: &[UdpSocket]| {
                sockets.first().ok_or(io::ErrorKind::NotFound)?.local_addr()
            };
            Ok(Addresses {
                auth: first(&self.auth)?,
                acct: first(&self.acct)?,
                radsec: self
                    .radsec
                    .as_ref()
                    .map(TcpListener::local_addr)
                    .transpose()?,
                portal: self.portal.local_addr()?,
                portal_http: self
                    .portal_http
                    .as_ref()
                    .map(TcpListener::local_addr)
                    .transpose()?,
                admin: self.admin.local_addr()?,
                metrics: self.metrics.local_addr()?,
            })
        };
        all().map_err(|error| {
            StartError::Listen(format!("cannot read a listener's address: {error}"))
        })
    }

    pub(super) fn serve_radsec(
        &mut self,
        radsec: RadSec,
        tls: Arc<ArcSwap<rustls::ServerConfig>>,
        tracker: &TaskTracker,
        cancel: &CancellationToken,
    ) {
        if let Some(listener) = self.radsec.take() {
            tracker.spawn(Arc::new(radsec).serve(listener, tls, cancel.clone()));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the wiring names each part once")]
    pub(super) fn serve(
        self,
        authenticator: &Arc<Authenticator>,
        tls: &Arc<ArcSwap<rustls::ServerConfig>>,
        portal: Router,
        leading: Router,
        admin: Router,
        metrics: Arc<Metrics>,
        tracker: &TaskTracker,
        cancel: &CancellationToken,
    ) {
        let auth: Arc<dyn Responder> = Arc::new(AuthenticationPort(authenticator.clone()));
        let acct: Arc<dyn Responder> = Arc::new(AccountingPort::new(authenticator.clone()));
        for (sockets, responder) in [(self.auth, auth), (self.acct, acct)] {
            for socket in sockets {
                let served = udp::serve(socket, responder.clone(), tracker.clone(), cancel.clone());
                tracker.spawn(async move {
                    if let Err(error) = served.await {
                        tracing::error!(%error, "a RADIUS socket failed");
                    }
                });
            }
        }
        let places = Places::under_the_limit_of_open_files();
        let mut served = vec![
            ("portal", self.portal, Some(tls.clone()), portal),
            ("admin", self.admin, Some(tls.clone()), admin),
        ];
        // Plain HTTP only leads to HTTPS.
        let portal_http = self.portal_http;
        served.extend(portal_http.map(|listener| ("portal_http", listener, None, leading)));
        for (name, listener, tls, router) in served {
            let router = counted(name, router, &metrics);
            tracker.spawn(http::serve(
                listener,
                tls,
                router,
                places.clone(),
                tracker.clone(),
                cancel.clone(),
            ));
        }
        let metrics = Router::new().route(
            "/metrics",
            axum::routing::get(move || async move {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(axum::http::header::CONTENT_TYPE, kind)], metrics.text())
            }),
        );
        let cancel = cancel.clone();
        let listener = self.metrics;
        tracker.spawn(async move {
            // Not its graceful shutdown: that would wait for whoever has connected and says nothing.
            let served = axum::serve(listener, metrics).into_future();
            if let Some(Err(error)) = cancel.run_until_cancelled_owned(served).await {
                tracing::error!(%error, "the metrics listener failed");
            }
        });
    }
}

/// Counts the requests of a listener.
fn counted(listener: &'static str, router: Router, metrics: &Arc<Metrics>) -> Router {
    let metrics = metrics.clone();
    let count = move |request: axum::extract::Request, next: axum::middleware::Next| {
        let metrics = metrics.clone();
        async move {
            let (began, path) = (Instant::now(), request.uri().path().to_owned());
            let response = next.run(request).await;
            metrics.http(listener, &path, response.status().as_u16(), began);
            response
        }
    };
    router.layer(axum::middleware::from_fn(count))
}

fn cannot_bind(
    key: &str,
    protocol: &str,
    address: SocketAddr,
    error: Option<io::Error>,
) -> Option<String> {
    let error = error?;
    let fix = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses this port: stop it, or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        _ => "see the system's message",
    };
    Some(format!(
        "cannot listen on {protocol} {address} ({key}): {error}; {fix}"
    ))
}
