//! A browser that keeps nothing and runs no script: it reads pages and sends forms, from the address of this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::site::{SOON, Site};
use nac_test_support::wait;

/// The address that it comes from.
pub(crate) const ADDRESS: [u8; 4] = [127, 0, 0, 1];

/// The browser.
pub(crate) struct Browser<'s> {
    site: &'s Site,
    config: Arc<ClientConfig>,
}

impl<'s> Browser<'s> {
    pub(crate) fn new(site: &'s Site) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(site.ca()).expect("the CA can be read");
        roots.add(ca).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            site,
            config: Arc::new(config),
        }
    }

    /// A page.
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.ask("GET", path, "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        answer
    }

    /// The page, once it says this.
    pub(crate) fn page_saying(&self, path: &str, words: &str) -> String {
        let mut last = String::new();
        let found = wait::until(SOON, || {
            last = self.page(path);
            last.contains(words)
        });
        assert!(found, "{path} does not say `{words}`: {last}");
        last
    }

    /// Sends a form, which leads to another page.
    pub(crate) fn send(&self, path: &str, form: &str) {
        let answer = self.ask("POST", path, form);
        assert!(answer.starts_with("HTTP/1.1 303 "), "{path}: {answer}");
    }

    fn ask(&self, method: &str, path: &str, form: &str) -> String {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        let connection = connection.expect("the configuration is complete");
        let port = self.site.portal.port();
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the portal listens");
        socket.set_read_timeout(Some(SOON * 3)).expect("above zero");
        let mut stream = StreamOwned::new(connection, socket);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
             Accept-Language: en\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        stream
            .write_all(request.as_bytes())
            .expect("it takes requests");
        let mut answer = Vec::new();
        // A server may close without TLS's goodbye; what came is judged by its words.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}
