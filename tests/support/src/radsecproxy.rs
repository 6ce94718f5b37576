//! `radsecproxy`, the proxy of eduroam: takes RADIUS over UDP and forwards it over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::directory::TestDirectory;
use crate::pki::Credential;
use crate::program;
use crate::service::Service;
use crate::subject::{free_ports, is_answering};
use crate::{cast, wait};

/// A running proxy.
#[derive(Debug)]
pub struct RadSecProxy {
    /// Where it takes Access-Requests and Accounting-Requests over UDP, with the usual secret.
    pub address: SocketAddr,
    service: Service,
    // Dropped after the service.
    _directory: TestDirectory,
}

impl RadSecProxy {
    /// Forwards everything to `server` over TLS, with this certificate, and watches the connection by Status-Server.
    ///
    /// # Panics
    ///
    /// When it does not start, or does not reach the server.
    #[must_use]
    pub fn before(server: SocketAddr, ca: &Path, credential: &Credential) -> Self {
        let directory = TestDirectory::new("radsecproxy");
        let [address] = free_ports();
        let config = directory.write(
            "radsecproxy.conf",
            format!(
                "ListenUDP {address}\nLogLevel 2\nLogDestination x-stderr\n\
                 tls default {{\n\tCACertificateFile {ca}\n\tCertificateFile {certificate}\n\tCertificateKeyFile {key}\n}}\n\
                 client 127.0.0.0/8 {{\n\ttype udp\n\tsecret {secret}\n}}\n\
                 server upstream {{\n\ttype tls\n\thost {host}\n\tport {port}\n\tsecret radsec\n\tstatusServer on\n\
                 \tcertificateNameCheck off\n}}\n\
                 realm * {{\n\tserver upstream\n\taccountingServer upstream\n}}\n",
                ca = ca.display(),
                certificate = credential.certificate.display(),
                key = credential.key.display(),
                secret = cast::SECRET,
                host = server.ip(),
                port = server.port(),
            ),
        );
        let mut command = Command::new(program::peer("radsecproxy", "radsecproxy"));
        command.args(["-f", "-c"]).arg(&config);
        let service = Service::start(&command, &directory.path().join("radsecproxy.log"), None);
        // It answers Status-Server by itself; what counts is its connection.
        service.wait_ready(Duration::from_secs(10), || is_answering(address));
        let connected = wait::until(Duration::from_secs(10), || {
            service.log().contains("connection up") || service.log().contains("TLS connection to")
        });
        assert!(
            connected,
            "radsecproxy does not connect:\n{}",
            service.log()
        );
        Self {
            address,
            service,
            _directory: directory,
        }
    }

    /// What it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.service.log()
    }
}
