//! The gate's settings, and what the TLS listener tells it about a connection.

use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

use crate::limit::Rate;

/// How the gate works. The defaults suit a site of ten thousand hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct PostureSettings {
    /// How old an answer may be and still count (900 s).
    pub max_age: Duration,
    /// How often a compliant host is asked, in seconds (60).
    pub interval_s: u32,
    /// How often any other host is asked, in seconds (10).
    pub not_compliant_interval_s: u32,
    /// `distributed_interval`: how often a host looks for questions, in seconds (10).
    pub poll_interval_s: u32,
    /// The `accelerate` value for hosts that are not compliant or have just come, in seconds (60).
    pub accelerate_s: u32,
    /// How long an answer to a question is accepted (120 s).
    pub answer_within: Duration,
    /// How often a host tells its name, version and addresses (1 h).
    pub details_interval: Duration,
    /// How often unchanged results are written to the database at most (300 s).
    pub flush_interval: Duration,
    /// A host that was seen within this time is still checking in (600 s).
    pub conflict_window: Duration,
    /// Enrolments of all hosts together (200 a second, 400 at once).
    pub enrolment_rate: Rate,
    /// Requests of one node (5 a second, 60 at once).
    pub node_rate: Rate,
    /// The most nodes (250,000). Enrolment beyond is answered `busy`.
    pub max_nodes: usize,
    /// The longest any request may take (8 s); osquery gives up after 16 s.
    pub deadline: Duration,
}

impl Default for PostureSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(900),
            interval_s: 60,
            not_compliant_interval_s: 10,
            poll_interval_s: 10,
            accelerate_s: 60,
            answer_within: Duration::from_secs(120),
            details_interval: Duration::from_secs(3_600),
            flush_interval: Duration::from_secs(300),
            conflict_window: Duration::from_secs(600),
            enrolment_rate: Rate {
                per_second: 200.0,
                burst: 400.0,
            },
            node_rate: Rate {
                per_second: 5.0,
                burst: 60.0,
            },
            max_nodes: 250_000,
            deadline: Duration::from_secs(8),
        }
    }
}

/// Who is at the other end of a TLS connection. The listener puts it into the extensions of each
/// request.
#[derive(Clone, Debug)]
pub struct TlsPeer {
    /// Where the connection comes from.
    pub address: SocketAddr,
    /// The client's certificates, leaf first, verified against our client authorities; may be empty.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// A duration in whole microseconds, as times are counted here.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Seconds in microseconds.
pub(crate) fn seconds_us(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}
