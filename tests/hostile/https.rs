//! An HTTPS client of a few lines: sends bytes that no decent client would, and reads what comes back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// How long an answer may take: osquery itself gives up after 16 s.
const PATIENCE: Duration = Duration::from_secs(16);

/// Whom to talk to, and the CA to trust.
#[derive(Clone)]
pub(crate) struct Web {
    server: SocketAddr,
    config: Arc<ClientConfig>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Web {
    pub(crate) fn new(server: SocketAddr, ca: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(ca).expect("the CA can be read");
        roots.add(ca).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            server,
            config: Arc::new(config),
        }
    }

    /// Where the server listens.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// A handshake that has not begun.
    pub(crate) fn handshake(&self) -> ClientConnection {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        connection.expect("the configuration is complete")
    }

    /// A connection whose handshake is done.
    pub(crate) fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let connection = self.handshake();
        let socket = TcpStream::connect(self.server).expect("the server listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("above zero");
        socket
            .set_write_timeout(Some(PATIENCE))
            .expect("above zero");
        let mut stream = StreamOwned::new(connection, socket);
        stream.flush().expect("the handshake succeeds");
        stream
    }

    /// Sends one request and reads its answer to the end of the connection.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = self.connect();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("the server reads");
        // A server that has heard enough may stop reading; its answer tells.
        let _ = stream.write_all(body);
        let _ = stream.flush();
        Answer::read(&mut stream)
    }

    /// Posts a JSON value and expects a JSON object.
    pub(crate) fn post(&self, path: &str, value: &Value) -> Value {
        self.ask("POST", path, &[], value.to_string().as_bytes())
            .json()
    }
}

impl Answer {
    /// Reads what the server sends until it closes.
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 16_384];
        // An end without TLS's close_notify is an end all the same.
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&buffer[..count]);
        }
        let text = String::from_utf8_lossy(&bytes);
        let (head, _) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let at = head.len() + 4;
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        Self {
            status: status.unwrap_or_default(),
            content_type: header("content-type").unwrap_or_default(),
            body: bytes.get(at..).unwrap_or_default().to_vec(),
        }
    }

    /// The body as what osquery demands of every answer: a JSON object that is not empty, with `error` exactly when the
    /// status is no success.
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        let value: Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("status {}, no JSON: `{text}`", self.status));
        assert!(value.is_object(), "{text}");
        assert_eq!(self.content_type, "application/json", "{text}");
        let success = (200..300).contains(&self.status);
        assert_eq!(
            value.get("error").is_none(),
            success,
            "status {}: {text}",
            self.status
        );
        value
    }
}
