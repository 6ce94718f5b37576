//! EAP in RADIUS, from the NAS's side (RFC 3579), with the supplicant behind it.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nac_eap::Reason;
use nac_eap::peer::{Peer, PeerMachine, PeerSettings, PeerStep, PeerSuccess};
use nac_radius::{Code, Packet, attribute};
use zeroize::Zeroizing;

use super::outcome::{Accepted, EapFacts, KeyCheck, Outcome, Rejected, Verdict};
use super::station::ServiceType;
use super::{
    Answers, Credentials, ProbeFault, RadiusClient, Reply, Station, access_request, random,
};

/// More round trips than any login takes that is going to end.
const MAX_ROUNDS: u32 = 200;
/// Octets of an EAP packet before its type data.
const EAP_HEADER_LEN: usize = 5;
/// The supplicant's own reasons to end a login. Every other end is the server's decision.
const DISTRUST: [&str; 6] = [
    "EAP-1901", "EAP-1903", "EAP-1905", "EAP-1906", "EAP-1907", "EAP-1909",
];

pub(super) async fn authenticate(
    client: &mut RadiusClient,
    station: &Station,
    settings: &Arc<PeerSettings>,
    machine: Option<&PeerMachine>,
    answers: &Answers,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let unix_time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // The closure cannot fail; the system's source, once tried, does not either.
    random::<1>()?;
    let fill = |octets: &mut [u8]| {
        let _ = aws_lc_rs::rand::fill(octets);
    };
    let mut peer = Peer::new(Arc::clone(settings), unix_time, Box::new(fill));
    if let Some(machine) = machine {
        peer = peer.with_machine(machine.clone());
    }
    if let Some(code) = &answers.code {
        peer = peer.with_code(code.clone());
    }
    if let Some(password) = &answers.new_password {
        peer = peer.with_new_password(password.clone());
    }
    let mut response = identity(&mut peer)?;
    let user_name = String::from_utf8_lossy(response.get(EAP_HEADER_LEN..).unwrap_or_default());
    let user_name = user_name.into_owned();
    let method = Credentials::Eap(Arc::clone(settings)).method();
    let mut state: Option<Vec<u8>> = None;
    let mut retransmissions = 0;
    for round in 1..=MAX_ROUNDS {
        let mut request = access_request(client, station, &user_name, ServiceType::Framed)?;
        if station.wants_key_name {
            // RFC 4072 section 2.8: one octet, which stands for no name yet.
            request.push(attribute::EAP_KEY_NAME, &[0])?;
        }
        if let Some(state) = &state {
            request.push(attribute::STATE, state)?;
        }
        request.push_eap_message(&response)?;
        let reply = client.exchange(request).await?;
        retransmissions += reply.sent - 1;
        let packet = reply.packet();
        let verdict = match packet.code() {
            Code::AccessAccept => {
                let success = success(&mut peer, &packet)?;
                Verdict::Accept(accepted(&success, station, &reply, client)?)
            }
            Code::AccessReject => Verdict::Reject(rejected(&mut peer, &packet)?),
            _ => {
                response = challenge(&mut peer, &packet)?;
                state = packet.attribute(attribute::STATE).map(<[u8]>::to_vec);
                continue;
            }
        };
        let elapsed = began.elapsed();
        return Ok(Outcome::new(
            method,
            verdict,
            &packet,
            round,
            retransmissions,
            elapsed,
        ));
    }
    Err(ProbeFault::TooManyRounds(MAX_ROUNDS))
}

/// The supplicant's answer to the identity request that a NAS sends by itself.
fn identity(peer: &mut Peer) -> Result<Vec<u8>, ProbeFault> {
    let [identifier] = random()?;
    // EAP-Request, five octets long, type Identity (RFC 3748 section 5.1).
    match peer.receive(&[1, identifier, 0, 5, 1]) {
        PeerStep::Response(response) => Ok(response),
        PeerStep::Failure(reason) => Err(ProbeFault::Eap(reason)),
        _ => Err(ProbeFault::EapOverRadius(
            "the supplicant did not say its name",
        )),
    }
}

/// The supplicant's answer to an Access-Challenge.
fn challenge(peer: &mut Peer, packet: &Packet<'_>) -> Result<Vec<u8>, ProbeFault> {
    let Some(request) = packet.eap_message() else {
        return Err(ProbeFault::EapOverRadius(
            "an Access-Challenge has no EAP-Message",
        ));
    };
    match peer.receive(&request) {
        PeerStep::Response(response) => Ok(response),
        PeerStep::Failure(reason) => Err(ProbeFault::Eap(reason)),
        PeerStep::Success(_) => Err(ProbeFault::EapOverRadius(
            "EAP-Success came in an Access-Challenge",
        )),
        PeerStep::Ignore => Err(ProbeFault::EapOverRadius(
            "an Access-Challenge holds an EAP packet that no supplicant would answer",
        )),
    }
}

/// The supplicant's keys, once it agrees that the login is complete.
fn success(peer: &mut Peer, packet: &Packet<'_>) -> Result<PeerSuccess, ProbeFault> {
    let Some(message) = packet.eap_message() else {
        return Err(ProbeFault::EapOverRadius(
            "the Access-Accept has no EAP-Message",
        ));
    };
    match peer.receive(&message) {
        PeerStep::Success(success) => Ok(success),
        PeerStep::Failure(reason) => Err(ProbeFault::Eap(reason)),
        PeerStep::Response(_) | PeerStep::Ignore => Err(ProbeFault::EapOverRadius(
            "the Access-Accept holds no EAP-Success",
        )),
    }
}

fn accepted(
    success: &PeerSuccess,
    station: &Station,
    reply: &Reply,
    client: &RadiusClient,
) -> Result<Accepted, ProbeFault> {
    let packet = reply.packet();
    let msk = Zeroizing::new(success.msk);
    let (receive, send) = msk.split_at(32);
    let keys = KeyCheck::of(&packet, receive, send, reply, client.secret())?;
    if keys != KeyCheck::Verified {
        return Err(ProbeFault::KeyMissing("MS-MPPE-Recv-Key"));
    }
    let key_name_verified = match packet.attribute(attribute::EAP_KEY_NAME) {
        Some(name) if name == success.session_id => true,
        Some(_) => {
            return Err(ProbeFault::KeyName(
                "differs from the supplicant's Session-Id",
            ));
        }
        None if station.wants_key_name => return Err(ProbeFault::KeyName("is missing")),
        None => false,
    };
    let PeerSuccess {
        tls_version,
        resumed,
        ..
    } = *success;
    let eap = EapFacts {
        tls_version,
        resumed,
        key_name_verified,
    };
    Ok(Accepted::new(&packet, keys, Some(eap)))
}

/// Why not; a fault when it was the supplicant that gave up.
fn rejected(peer: &mut Peer, packet: &Packet<'_>) -> Result<Rejected, ProbeFault> {
    let reason: Option<Reason> = match packet.eap_message().map(|message| peer.receive(&message)) {
        Some(PeerStep::Failure(reason)) => Some(reason),
        Some(PeerStep::Success(_)) => {
            return Err(ProbeFault::EapOverRadius(
                "EAP-Success came in an Access-Reject",
            ));
        }
        // A server that is out of its depth rejects without EAP-Failure; it is a rejection still.
        Some(PeerStep::Response(_) | PeerStep::Ignore) | None => None,
    };
    match reason {
        Some(reason) if DISTRUST.contains(&reason.code) => Err(ProbeFault::Eap(reason)),
        reason => Ok(Rejected::new(packet, reason)),
    }
}
