//! A RADIUS and EAP client: asks this server, or any other, as a NAS with an endpoint behind it would.
//!
//! `nac probe` lets a person try a login without a switch; `nac demo`, the scenario tests and the
//! bench use the same code. A [`Station`] is the endpoint and the port it is plugged into, a
//! [`RadiusClient`] the NAS's socket, [`Credentials`] what the person types, an [`Outcome`] what the
//! server said, checked.
//!
//! ```no_run
//! use nac_server::probe::{Credentials, RadiusClient, Station, authenticate};
//!
//! # async fn example() -> Result<(), nac_server::probe::ProbeFault> {
//! let server = "127.0.0.1:1812".parse().expect("an address");
//! let mut client = RadiusClient::connect(server, nac_radius::Secret::new("a shared secret")).await?;
//! let station = Station::wired(nac_radius::MacAddr::new([2, 0, 0, 0, 0, 1]));
//! let credentials = Credentials::pap("alice", "correct horse");
//! let outcome = authenticate(&mut client, &station, &credentials).await?;
//! assert_eq!(outcome.vlan(), Some("10"));
//! # Ok(())
//! # }
//! ```
//!
//! *Invariants*
//!
//! * Nothing is believed that is not proven: Identifier, source, Response Authenticator, a
//!   Message-Authenticator as the first attribute of every Access-* reply (unless asked otherwise with
//!   [`RadiusClient::with_old_servers_believed`]), the keys for the link, and what MS-CHAPv2 and
//!   EAP-Key-Name promise. What fails one of these is a [`ProbeFault`].
//! * An Access-Reject is an [`Outcome`], not a fault: the server works and says no.
//! * Nothing is printed and nothing is logged.

mod accounting;
mod client;
mod credentials;
mod eap;
mod fault;
mod one_round;
mod outcome;
mod segment;
mod station;
mod wire;

use nac_radius::{Code, PacketBuilder, attribute};

use self::station::ServiceType;

pub use accounting::{AccountingRecord, AccountingStatus, Acknowledged, accounting, status};
pub use client::{RadiusClient, Reply};
pub use credentials::{Answers, Credentials};
pub use fault::ProbeFault;
pub use outcome::{Accepted, EapFacts, KeyCheck, Outcome, Rejected, Verdict};
pub use segment::SegmentSummary;
pub use station::{NasPortType, Station};
pub use wire::RadSecIdentity;

/// Authenticates once: as many round trips as the method takes.
///
/// # Errors
/// A [`ProbeFault`] when there was no answer, or one that cannot be believed.
pub async fn authenticate(
    client: &mut RadiusClient,
    station: &Station,
    credentials: &Credentials,
) -> Result<Outcome, ProbeFault> {
    authenticate_with(client, station, credentials, &Answers::default()).await
}

/// The same with something to answer when the server asks for more.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_with(
    client: &mut RadiusClient,
    station: &Station,
    credentials: &Credentials,
    answers: &Answers,
) -> Result<Outcome, ProbeFault> {
    match credentials {
        Credentials::Pap { user, password } => {
            one_round::pap(client, station, user, password, answers).await
        }
        Credentials::Chap { user, password } => {
            one_round::chap(client, station, user, password).await
        }
        Credentials::MsChapV2 { user, password } => {
            one_round::ms_chap_v2(client, station, user, password, answers).await
        }
        Credentials::Mab { format } => one_round::mab(client, station, *format).await,
        Credentials::Eap(settings) => {
            eap::authenticate(client, station, settings, None, answers).await
        }
        Credentials::EapWithMachine(settings, machine) => {
            eap::authenticate(client, station, settings, Some(machine), answers).await
        }
    }
}

/// An Access-Request with the user's name and everything that the station says about itself.
fn access_request(
    client: &mut RadiusClient,
    station: &Station,
    user: &str,
    service: ServiceType,
) -> Result<PacketBuilder, ProbeFault> {
    let mut request = client.request(Code::AccessRequest)?;
    request.push_text(attribute::USER_NAME, user)?;
    station.describe(&mut request, client.local_address(), Some(service))?;
    Ok(request)
}

/// Fresh random octets.
fn random<const N: usize>() -> Result<[u8; N], ProbeFault> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| ProbeFault::Randomness)?;
    Ok(octets)
}

#[cfg(test)]
mod tests;
