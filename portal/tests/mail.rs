//! Mail over TLS, to a server that is not ours: aiosmtpd on OpenSSL.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nac_pki::Authority;
use nac_portal::mail::{Letter, MailServer, MailTls, Outbox, run};
use nac_store::{Mail, MailState, SealingKey, Store};
use tokio_util::sync::CancellationToken;

/// The peer. It stops when it is dropped.
struct Peer {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Peer {
    fn start(mode: &str, certificate: &Path, key: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp_peer.py");
        // Debian's own interpreter has Debian's packages.
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(mode)
            .args([certificate, key])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is missing: install the Debian package python3-aiosmtpd");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .next()
            .expect("aiosmtpd is missing: install the Debian package python3-aiosmtpd")
            .unwrap();
        Self {
            process,
            lines,
            port: port.parse().unwrap(),
        }
    }

    /// The next message; it waits for one.
    fn next(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An authority's certificate, and that of a server with its key, signed by it.
fn certificates(directory: &Path, name: &str) -> (String, PathBuf, PathBuf) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let authority = Authority::create("Mail CA", now, 30).unwrap();
    let issued = authority.issue_server(&[name.to_owned()], now, 7).unwrap();
    let (certificate, key) = (directory.join("mail.crt"), directory.join("mail.key"));
    std::fs::write(&certificate, &issued.certificate_pem).unwrap();
    std::fs::write(&key, issued.key_pem.as_str()).unwrap();
    (authority.certificate_pem().to_owned(), certificate, key)
}

/// Sends one message to a peer whose certificate says `name`, by a client that trusts the peer's authority or another one. Gives
/// what became of the message in the queue, and the peer.
async fn sent(tls: MailTls, name: &str, trusted: bool) -> (Mail, Peer) {
    let directory = tempfile::tempdir().unwrap();
    let (ca, certificate, key) = certificates(directory.path(), name);
    let mode = match tls {
        MailTls::Implicit => "implicit",
        MailTls::StartTls | MailTls::None => "starttls",
    };
    let peer = Peer::start(mode, &certificate, &key);
    let ca_pem = match trusted {
        true => ca,
        false => certificates(directory.path(), name).0,
    };
    let url = format!("sqlite:{}", directory.path().join("nac.db").display());
    let key = SealingKey::generate().unwrap();
    let store = Store::open(&url, Some(key)).await.unwrap();
    let server = MailServer {
        server: "localhost".to_owned(),
        port: peer.port,
        tls,
        from: "Network <noreply@example.org>".to_owned(),
        login: None,
        ca_pem: Some(ca_pem.into_bytes()),
    };
    let outbox = Outbox::new(store.clone(), Some(server));
    let letter = Letter {
        purpose: "test",
        guest_id: None,
        recipient: "ada@example.org".to_owned(),
        subject: "Grüße".to_owned(),
        body: "Press here.\n".to_owned(),
    };
    outbox.put(letter).await.unwrap().unwrap();
    let cancel = CancellationToken::new();
    let sending = run(&outbox, cancel.clone()).unwrap();
    let concluded = async {
        loop {
            let mail = store.mail_list(None, None, 1).await.unwrap().remove(0);
            if mail.state != MailState::Queued || !mail.error.is_empty() {
                cancel.cancel();
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let both = async { tokio::join!(sending, concluded).1 };
    let mail = tokio::time::timeout(Duration::from_secs(30), both).await;
    (mail.expect("the message is sent or put off"), peer)
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_out_over_implicit_tls_and_over_starttls() {
    for tls in [MailTls::Implicit, MailTls::StartTls] {
        let (mail, mut peer) = sent(tls, "localhost", true).await;
        assert_eq!((mail.state, mail.error.as_str()), (MailState::Sent, ""));
        let message = peer.next();
        assert_eq!(message["to"][0], "ada@example.org");
        let version = message["tls"].as_str().unwrap_or_default();
        assert!(version.starts_with("TLSv1."), "{tls:?}: {message}");
        let content = message["content"].as_str().unwrap();
        assert!(content.contains("Press here."), "{content}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_certificate_is_wrong_gets_nothing_and_the_mail_waits() {
    for tls in [MailTls::Implicit, MailTls::StartTls] {
        for (name, trusted) in [("localhost", false), ("smtp.elsewhere.example", true)] {
            let (mail, _peer) = sent(tls, name, trusted).await;
            assert_eq!(mail.state, MailState::Queued, "{tls:?} {name}");
            assert!(mail.next_us > mail.updated_us, "it is tried again");
            assert!(
                mail.error.to_lowercase().contains("certificate"),
                "{tls:?} {name}: {}",
                mail.error
            );
        }
    }
}
