//! The SMTP server that takes our mail.

use std::time::Duration;

use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use nac_store::SecretBytes;

/// How long a server may take for one command.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first octet (RFC 8314 section 3.3).
    Implicit,
    /// STARTTLS, and nothing without it (RFC 3207).
    StartTls,
    /// Not at all: for a relay on this machine.
    None,
}

/// What is needed to reach a server.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name, which its certificate has to carry.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// The sender, such as `Network access <noreply@example.org>`.
    pub from: String,
    /// The account, where the server wants one.
    pub login: Option<(String, SecretBytes)>,
    /// The authorities that may sign its certificate, PEM; the system's when there are none.
    pub ca_pem: Option<Vec<u8>>,
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MailServerError(String);

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SendError {
    /// What the server said, or what kept us from reaching it.
    pub what: String,
    /// Whether trying again is of no use.
    pub for_good: bool,
}

/// A server, ready to be used.
pub(super) struct Transport {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl MailServer {
    /// Whether a sender's address is one, with a name before it or not.
    pub fn is_sender(text: &str) -> bool {
        text.parse::<Mailbox>().is_ok()
    }

    pub(super) fn transport(&self) -> Result<Transport, MailServerError> {
        let from = self
            .from
            .parse()
            .map_err(|_| MailServerError(format!("\"{}\" is not a sender's address", self.from)))?;
        let tls = match self.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(self.parameters()?),
            MailTls::Implicit => Tls::Wrapper(self.parameters()?),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.server.as_str())
                .port(self.port)
                .tls(tls)
                .timeout(Some(PATIENCE));
        if let Some((name, password)) = &self.login {
            let password = String::from_utf8_lossy(password.expose()).into_owned();
            builder = builder.credentials(Credentials::new(name.clone(), password));
        }
        Ok(Transport {
            smtp: builder.build(),
            from,
        })
    }

    fn parameters(&self) -> Result<TlsParameters, MailServerError> {
        let fault = |error: lettre::transport::smtp::Error| {
            MailServerError(format!("TLS to the mail server: {error}"))
        };
        let mut parameters = TlsParameters::builder(self.server.clone());
        if let Some(pem) = &self.ca_pem {
            parameters =
                parameters.add_root_certificate(Certificate::from_pem(pem).map_err(fault)?);
        }
        parameters.build().map_err(fault)
    }
}

impl Transport {
    /// Hands one message to the server.
    pub(super) async fn send(
        &self,
        id: &str,
        recipient: &str,
        subject: &str,
        body: &str,
    ) -> Result<(), SendError> {
        let unusable = |what: String| SendError {
            what,
            for_good: true,
        };
        let to: Address = recipient
            .parse()
            .map_err(|_| unusable("this is not an e-mail address".to_owned()))?;
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(format!("<{id}@{domain}>")))
            // Vacation notices and lists keep away (RFC 3834 section 5).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .singlepart(
                SinglePart::builder()
                    .header(header::ContentType::TEXT_PLAIN)
                    .body(body.to_owned()),
            )
            .map_err(|error| unusable(error.to_string()))?;
        self.smtp.send(message).await.map(drop).map_err(|error| {
            let mut what = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                let inner_text = inner.to_string();
                if !what.contains(&inner_text) {
                    what.push_str(": ");
                    what.push_str(&inner_text);
                }
                source = inner.source();
            }
            SendError {
                for_good: error.is_permanent(),
                what,
            }
        })
    }
}
