//! Accounting (RFC 2866) and Status-Server (RFC 5997).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use nac_radius::{Code, Described, Dictionary, attribute};

use super::{ProbeFault, RadiusClient, Station};

/// What the NAS reports (RFC 2866 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountingStatus {
    /// The session begins.
    Start,
    /// It goes on.
    Interim,
    /// It has ended.
    Stop {
        /// Acct-Terminate-Cause (RFC 2866 section 5.10): 1 is User-Request.
        cause: u32,
    },
    /// The NAS has restarted: all its sessions are gone.
    On,
    /// The NAS is about to stop.
    Off,
}

/// One report. The station says which port, endpoint and session it is about.
#[derive(Clone, Debug)]
pub struct AccountingRecord {
    /// What is reported.
    pub status: AccountingStatus,
    /// The User-Name, if there is a session.
    pub user_name: Option<String>,
    /// The Class attributes of the Access-Accept, unchanged.
    pub class: Vec<Vec<u8>>,
    /// The endpoint's address.
    pub framed_ip: Option<IpAddr>,
    /// How long the session has lasted, in seconds.
    pub session_time_s: u32,
    /// Octets from the endpoint.
    pub input_octets: u64,
    /// Octets to the endpoint.
    pub output_octets: u64,
}

/// An answer to accounting or Status-Server.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// Access-Accept or Accounting-Response.
    pub code: Code,
    /// Its attributes, by dictionary name; secrets are masked.
    pub attributes: Vec<Described>,
    /// How many times the request had to be sent again.
    pub retransmissions: u32,
    /// From the request to the reply.
    pub elapsed: Duration,
}

impl AccountingRecord {
    /// A report without traffic.
    #[must_use]
    pub const fn new(status: AccountingStatus) -> Self {
        Self {
            status,
            user_name: None,
            class: Vec::new(),
            framed_ip: None,
            session_time_s: 0,
            input_octets: 0,
            output_octets: 0,
        }
    }
}

/// Asks whether the server is there. The authentication port answers with an Access-Accept, the
/// accounting port with an Accounting-Response (RFC 5997 section 4).
///
/// # Errors
/// A [`ProbeFault`] when there was no answer, or one that cannot be believed.
pub async fn status(
    client: &mut RadiusClient,
    station: &Station,
) -> Result<Acknowledged, ProbeFault> {
    let began = Instant::now();
    let mut request = client.request(Code::StatusServer)?;
    if let Some(name) = &station.nas_identifier {
        request.push_text(attribute::NAS_IDENTIFIER, name)?;
    }
    for (name, value) in &station.attributes {
        Dictionary::embedded().encode(&mut request, name, value)?;
    }
    acknowledged(client, request, began).await
}

/// Reports to the accounting port.
///
/// # Errors
/// A [`ProbeFault`] when there was no answer, or one that cannot be believed.
pub async fn accounting(
    client: &mut RadiusClient,
    station: &Station,
    record: &AccountingRecord,
) -> Result<Acknowledged, ProbeFault> {
    let began = Instant::now();
    let mut request = client.request(Code::AccountingRequest)?;
    request.push_integer(attribute::ACCT_STATUS_TYPE, record.status.number())?;
    if let Some(name) = &record.user_name {
        request.push_text(attribute::USER_NAME, name)?;
    }
    station.describe(&mut request, client.local_address(), None)?;
    for class in &record.class {
        request.push(attribute::CLASS, class)?;
    }
    match record.framed_ip {
        Some(IpAddr::V4(address)) => request.push_ipv4(attribute::FRAMED_IP_ADDRESS, address)?,
        Some(IpAddr::V6(address)) => request.push_ipv6(attribute::FRAMED_IPV6_ADDRESS, address)?,
        None => {}
    }
    if !matches!(record.status, AccountingStatus::Start) {
        let (low, high) = split(record.input_octets);
        request.push_integer(attribute::ACCT_INPUT_OCTETS, low)?;
        request.push_integer(attribute::ACCT_INPUT_GIGAWORDS, high)?;
        let (low, high) = split(record.output_octets);
        request.push_integer(attribute::ACCT_OUTPUT_OCTETS, low)?;
        request.push_integer(attribute::ACCT_OUTPUT_GIGAWORDS, high)?;
        request.push_integer(attribute::ACCT_SESSION_TIME, record.session_time_s)?;
    }
    if let AccountingStatus::Stop { cause } = record.status {
        request.push_integer(attribute::ACCT_TERMINATE_CAUSE, cause)?;
    }
    acknowledged(client, request, began).await
}

async fn acknowledged(
    client: &mut RadiusClient,
    request: nac_radius::PacketBuilder,
    began: Instant,
) -> Result<Acknowledged, ProbeFault> {
    let reply = client.exchange(request).await?;
    let packet = reply.packet();
    Ok(Acknowledged {
        code: packet.code(),
        attributes: Dictionary::embedded().describe(&packet),
        retransmissions: reply.sent - 1,
        elapsed: began.elapsed(),
    })
}

/// The low four octets of a counter, and how often they have wrapped (RFC 2869 section 5.1).
fn split(octets: u64) -> (u32, u32) {
    let half = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default();
    (half(octets), half(octets >> 32))
}

impl AccountingStatus {
    const fn number(self) -> u32 {
        match self {
            Self::Start => 1,
            Self::Stop { .. } => 2,
            Self::Interim => 3,
            Self::On => 7,
            Self::Off => 8,
        }
    }
}
