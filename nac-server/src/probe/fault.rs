//! Why a probe has no believable answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nac_eap::Reason;
use nac_radius::{Code, DoesNotFit, EncodeError, Malformed, ReplyFault};
use thiserror::Error;

/// Why a probe ended without an answer that can be believed. An Access-Reject is none of these.
#[derive(Debug, Error)]
pub enum ProbeFault {
    /// The socket could not be opened or used.
    #[error("a UDP socket cannot be used with {server}: {source}")]
    Socket {
        /// The server.
        server: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The server's machine says that nothing listens on that port.
    #[error("nothing listens on {server} (UDP)")]
    PortClosed {
        /// The server.
        server: SocketAddr,
    },
    /// There is no TLS connection, or it ended.
    #[error("TLS with {server} failed: {source}")]
    Tls {
        /// The server.
        server: SocketAddr,
        /// What TLS or the system says.
        source: io::Error,
    },
    /// Nothing came back.
    #[error("{server} did not answer: {sent} requests in {waited:.1?}")]
    NoAnswer {
        /// The server.
        server: SocketAddr,
        /// How often the request was sent.
        sent: u32,
        /// How long an answer was awaited.
        waited: Duration,
    },
    /// The reply is no RADIUS packet.
    #[error("the reply is malformed: {0}")]
    Malformed(Malformed),
    /// The reply's Response Authenticator or Message-Authenticator is wrong or missing.
    #[error("{0}")]
    Reply(ReplyFault),
    /// The reply to an Access-Request has a Message-Authenticator, but not as its first attribute.
    #[error(
        "the {code}'s first attribute is not the Message-Authenticator, which leaves room for a forgery (CVE-2024-3596)"
    )]
    MessageAuthenticatorNotFirst {
        /// What the reply is.
        code: Code,
    },
    /// The reply is of a kind that does not answer this request.
    #[error("a {request} was answered with a {reply}")]
    WrongCode {
        /// What was asked.
        request: Code,
        /// What came back.
        reply: Code,
    },
    /// The server asks for more than the password, and there is nothing to answer.
    #[error("the server asks for more: \"{}\"", .0.escape_debug())]
    Challenged(String),
    /// The server broke the rules that carry EAP in RADIUS (RFC 3579).
    #[error("the server broke a rule of EAP over RADIUS: {0}")]
    EapOverRadius(&'static str),
    /// The supplicant ended the login: it does not trust the server, or TLS failed.
    #[error("{0}")]
    Eap(Reason),
    /// The login took too many round trips.
    #[error("the login was not over after {0} round trips")]
    TooManyRounds(u32),
    /// The Access-Accept lacks a key that the NAS needs for the link (RFC 2548 section 2.4).
    #[error("the Access-Accept has no {0}, so that the link would have no keys")]
    KeyMissing(&'static str),
    /// A key in the Access-Accept differs from the one that the supplicant has.
    #[error("{0} differs from the supplicant's key, so that the link would not come up")]
    KeyMismatch(&'static str),
    /// EAP-Key-Name was asked for and is missing or wrong (RFC 4072 section 2.8, RFC 5247).
    #[error("the EAP-Key-Name {0}")]
    KeyName(&'static str),
    /// The server did not prove that it knows the password (RFC 2759 section 8.7).
    #[error("{0}, so that the server did not prove that it knows the password")]
    AuthenticatorResponse(&'static str),
    /// A new password that no change can carry.
    #[error("the new password is longer than 256 characters (RFC 2759 section 7)")]
    NewPasswordTooLong,
    /// A value does not fit into the request.
    #[error("the request cannot be built: {0}")]
    DoesNotFit(#[from] DoesNotFit),
    /// An extra attribute cannot be encoded.
    #[error("the request cannot be built: {0}")]
    Attribute(#[from] EncodeError),
    /// The system gives no random numbers.
    #[error("the system's random number generator failed")]
    Randomness,
}

impl ProbeFault {
    /// What to look at, most likely cause first. Empty when the sentence says it all.
    #[must_use]
    pub fn hints(&self) -> Vec<&'static str> {
        match self {
            Self::PortClosed { .. } => vec![
                "start the server, or correct the port: 1812 is authentication, 1813 accounting",
            ],
            Self::Tls { .. } => vec![
                "the server's log says why it refuses a connection, with a code from NAC-4001 on",
                "the certificate here must come from an authority that the server trusts, and name a client: nac client set NAME --radsec-name",
                "the server's certificate must come from --radsec-ca and carry the name or address that is given here",
                "RadSec has to be switched on: [radsec] in nac.toml, TCP port 2083",
            ],
            Self::NoAnswer { .. } => vec![
                "unknown NAS: the server stays silent to an address that it does not know; see `nac client list`",
                "wrong secret: a Message-Authenticator that does not fit is answered with silence; the server logs it",
                "a firewall between here and there drops UDP, or drops fragments of large packets",
                "the wrong address or port: 1812 is authentication, 1813 accounting",
            ],
            Self::Reply(ReplyFault::Authenticator | ReplyFault::MessageAuthenticator) => vec![
                "the secret here and the server's secret for this address differ",
                "or somebody between here and there forges answers",
            ],
            Self::Reply(ReplyFault::MessageAuthenticatorMissing)
            | Self::MessageAuthenticatorNotFirst { .. } => {
                vec![
                    "update the server, or have it send Message-Authenticator first in every reply",
                ]
            }
            Self::Eap(reason) => vec![reason.remedy],
            Self::TooManyRounds(_) => {
                vec!["raise the fragment size: the certificates may be cut into too many pieces"]
            }
            Self::KeyMissing(_) | Self::KeyMismatch(_) | Self::KeyName(_) => vec![
                "with several servers behind one address, one of them may have answered for another",
                "a proxy between here and the server may drop or damage the keys",
            ],
            Self::Challenged(_) => {
                vec!["give the code of the authenticator app: --code-prompt or --code-file"]
            }
            Self::AuthenticatorResponse(_) => vec!["do not trust this server"],
            Self::Socket { .. }
            | Self::Malformed(_)
            | Self::WrongCode { .. }
            | Self::EapOverRadius(_)
            | Self::NewPasswordTooLong
            | Self::DoesNotFit(_)
            | Self::Attribute(_)
            | Self::Randomness => Vec::new(),
        }
    }

    /// Whether the request itself was at fault, and nothing was sent.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NewPasswordTooLong | Self::DoesNotFit(_) | Self::Attribute(_)
        )
    }
}

impl From<Malformed> for ProbeFault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<ReplyFault> for ProbeFault {
    fn from(fault: ReplyFault) -> Self {
        Self::Reply(fault)
    }
}
