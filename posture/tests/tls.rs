//! Real TLS: what a client certificate proves, and what a node key is worth without it.
#![expect(clippy::disallowed_methods, reason = "a test has no task tracker")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nac_pki::{Authority, ClientSubject, Issued, pem_certificates, pem_key};
use nac_policy::Verdict;
use nac_posture::{Posture, Subject, TlsPeer};
use nac_posture_simulator::{HostSettings, OsqueryHost};
use nac_store::{DeviceRecord, NodeStatus};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use support::{SECRET, Site, now_us};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

struct TlsSite {
    site: Site,
    authority: Authority,
    url: String,
}

impl TlsSite {
    async fn start() -> Self {
        let site = Site::start().await;
        let now = now_us() / 1_000_000;
        let authority = Authority::create("Example NAC", now, 30).expect("an authority");
        let names = ["127.0.0.1".to_owned()];
        let server = authority
            .issue_server(&names, now, 10)
            .expect("a certificate");
        let acceptor = acceptor(&authority, &server);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let router = site.gate.router();
        let stop = site.cancel.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                let Ok((stream, address)) = accepted else {
                    continue;
                };
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                    let peer = TlsPeer {
                        address,
                        certificates: shown.to_vec(),
                    };
                    let service = router.layer(axum::Extension(peer));
                    let service = TowerToHyperService::new(service);
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            site,
            authority,
            url,
        }
    }

    fn settings(&self) -> HostSettings {
        let ca = self.authority.certificate_pem();
        let mut settings = HostSettings::compliant_linux(&self.url, ca, SECRET);
        settings.pause_unit = Duration::from_millis(5);
        settings
    }

    fn device_certificate(&self, id: Uuid) -> Issued {
        let id = id.to_string();
        let subject = ClientSubject::Device {
            name: "laptop",
            id: &id,
        };
        self.authority
            .issue_client(subject, now_us() / 1_000_000, 5)
            .expect("a certificate")
    }

    async fn device(&self) -> Uuid {
        self.site
            .store
            .device_put(DeviceRecord::new("laptop", "admin"))
            .await
            .expect("a device")
            .id
    }

    fn posture(&self, subject: &Subject<'_>) -> Posture {
        self.site.gate.posture(subject, now_us())
    }
}

fn identity(issued: &Issued) -> Option<(String, String)> {
    Some((issued.certificate_pem.clone(), issued.key_pem.to_string()))
}

fn acceptor(authority: &Authority, server: &Issued) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in pem_certificates(authority.certificate_pem()).expect("certificates") {
        roots.add(certificate).expect("a root");
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .allow_unauthenticated()
        .build()
        .expect("a verifier");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            pem_certificates(&server.certificate_pem).expect("a chain"),
            pem_key(&server.key_pem).expect("a key"),
        )
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_host_trusts_only_the_authority_it_was_given() {
    let tls = TlsSite::start().await;
    let mut settings = tls.settings();
    settings.enroll_attempts = 1;
    let other = Authority::create("Other", now_us() / 1_000_000, 30).expect("an authority");
    other.certificate_pem().clone_into(&mut settings.ca_pem);
    let host = OsqueryHost::new(settings).expect("a host");
    host.enroll()
        .await
        .expect_err("the server's certificate is not of that authority");
    let host = OsqueryHost::new(tls.settings()).expect("a host");
    host.poll_once()
        .await
        .expect("polled without a client certificate");
}

#[tokio::test]
async fn a_client_certificate_leads_to_its_device_and_binds_it() {
    let tls = TlsSite::start().await;
    let device = tls.device().await;
    let issued = tls.device_certificate(device);
    let mut settings = tls.settings();
    settings.client_identity = identity(&issued);
    let host = OsqueryHost::new(settings).expect("a host");
    host.poll_once().await.expect("polled");
    let nodes = tls.site.gate.nodes_of(device);
    assert_eq!(nodes.len(), 1, "the id in the certificate is the device's");

    let spki = issued.facts.spki_sha256.clone();
    let same_key = Subject {
        spki: Some(&spki),
        ..Subject::default()
    };
    let posture = tls.posture(&same_key);
    assert_eq!(
        (posture.binding, posture.verdict),
        (4, Verdict::Compliant),
        "{posture:?}"
    );
    let id = device.to_string();
    let same_id = Subject {
        spki: Some("00"),
        asserted_id: Some(&id),
        ..Subject::default()
    };
    assert_eq!(tls.posture(&same_id).binding, 3);
}

#[tokio::test]
async fn a_node_key_without_its_certificate_is_worth_nothing() {
    let tls = TlsSite::start().await;
    let device = tls.device().await;
    let issued = tls.device_certificate(device);
    let mut settings = tls.settings();
    settings.client_identity = identity(&issued);
    let host = OsqueryHost::new(settings.clone()).expect("a host");
    host.poll_once().await.expect("polled");

    // The thief has the node key, the enrolment secret, and everything the host says of itself.
    settings.client_identity = None;
    let thief = OsqueryHost::new(settings).expect("a host");
    thief.set_node_key(host.node_key());
    thief
        .poll_once()
        .await
        .expect("it is told to enrol, and does");
    assert_ne!(thief.node_key(), host.node_key());
    let nodes = tls.site.gate.nodes();
    assert_eq!(nodes.len(), 2);
    let stolen = nodes
        .iter()
        .find(|node| node.node.client_spki.is_none())
        .expect("the thief");
    assert_eq!(
        (stolen.node.status, stolen.node.device_id),
        (NodeStatus::Pending, None)
    );
    host.poll_once()
        .await
        .expect("the host itself is not disturbed");
    assert_eq!(host.enrolments(), 1);
}

#[tokio::test]
async fn a_renewed_certificate_with_the_same_id_enrols_again_as_the_same_node() {
    let tls = TlsSite::start().await;
    let device = tls.device().await;
    let mut settings = tls.settings();
    settings.client_identity = identity(&tls.device_certificate(device));
    let host = OsqueryHost::new(settings.clone()).expect("a host");
    host.poll_once().await.expect("polled");
    let before = tls.site.gate.nodes_of(device).remove(0).node;

    let renewed = tls.device_certificate(device);
    settings.client_identity = identity(&renewed);
    let same = OsqueryHost::new(settings).expect("a host");
    same.set_node_key(host.node_key());
    same.poll_once().await.expect("told to enrol, and does");
    let nodes = tls.site.gate.nodes();
    assert_eq!(nodes.len(), 1);
    assert_eq!(
        (nodes[0].node.id, nodes[0].node.status),
        (before.id, NodeStatus::Active)
    );
    assert_eq!(
        nodes[0].node.client_spki.as_deref(),
        Some(renewed.facts.spki_sha256.as_str())
    );
}
