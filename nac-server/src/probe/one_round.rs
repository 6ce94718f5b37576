//! The methods that are over after one round trip: PAP, CHAP, MS-CHAPv2 and MAB.

use std::time::Instant;

use nac_eap::mschapv2;
use nac_radius::vendor::{MICROSOFT, microsoft};
use nac_radius::{Code, MacFormat, Packet, attribute, chap_response};
use zeroize::Zeroizing;

use super::outcome::{Accepted, KeyCheck, Outcome, Rejected, Verdict};
use super::station::ServiceType;
use super::{ProbeFault, RadiusClient, Reply, Station, access_request, random};

pub(super) async fn pap(
    client: &mut RadiusClient,
    station: &Station,
    user: &str,
    password: &str,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let mut request = access_request(client, station, user, ServiceType::Framed)?;
    request.push_user_password(password.as_bytes(), client.secret())?;
    let reply = client.exchange(request).await?;
    conclude("PAP", &reply, began, without_keys)
}

pub(super) async fn chap(
    client: &mut RadiusClient,
    station: &Station,
    user: &str,
    password: &str,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let challenge: [u8; 16] = random()?;
    let [identifier] = random()?;
    let answer = chap_response(identifier, password.as_bytes(), &challenge);
    let mut request = access_request(client, station, user, ServiceType::Framed)?;
    request.push(
        attribute::CHAP_PASSWORD,
        &[&[identifier], &answer[..]].concat(),
    )?;
    request.push(attribute::CHAP_CHALLENGE, &challenge)?;
    let reply = client.exchange(request).await?;
    conclude("CHAP", &reply, began, without_keys)
}

pub(super) async fn mab(
    client: &mut RadiusClient,
    station: &Station,
    format: MacFormat,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let name = station.mac.format(format);
    let mut request = access_request(client, station, &name, ServiceType::CallCheck)?;
    request.push_user_password(name.as_bytes(), client.secret())?;
    let reply = client.exchange(request).await?;
    conclude("MAB", &reply, began, without_keys)
}

pub(super) async fn ms_chap_v2(
    client: &mut RadiusClient,
    station: &Station,
    user: &str,
    password: &str,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let challenge: [u8; 16] = random()?;
    let peer_challenge: [u8; 16] = random()?;
    let [identifier] = random()?;
    // The hash covers the name without its domain (RFC 2759 section 8.2).
    let account = mschapv2::account_name(user);
    let nt_hash = Zeroizing::new(mschapv2::nt_hash(password));
    let nt_response = mschapv2::nt_response(&nt_hash, &challenge, &peer_challenge, account);
    // Ident, Flags, Peer-Challenge, Reserved, Response (RFC 2548 section 2.3.2).
    let response = [
        &[identifier, 0],
        &peer_challenge[..],
        &[0; 8],
        &nt_response[..],
    ]
    .concat();
    let mut request = access_request(client, station, user, ServiceType::Framed)?;
    request.push_vendor(MICROSOFT, microsoft::CHAP_CHALLENGE, &challenge)?;
    request.push_vendor(MICROSOFT, microsoft::CHAP2_RESPONSE, &response)?;
    let reply = client.exchange(request).await?;
    let (send, receive) = mschapv2::mppe_keys(&nt_hash, &nt_response);
    conclude("MS-CHAPv2", &reply, began, |packet| {
        let expected = mschapv2::authenticator_response(
            &nt_hash,
            &nt_response,
            &challenge,
            &peer_challenge,
            account,
        );
        prove_server(packet, identifier, &expected)?;
        let keys = KeyCheck::of(packet, &receive, &send, &reply, client.secret())?;
        Ok(Accepted::new(packet, keys, None))
    })
}

/// Checks MS-CHAP2-Success: the identifier, then `S=…` (RFC 2548 section 2.3.3).
fn prove_server(packet: &Packet<'_>, identifier: u8, expected: &str) -> Result<(), ProbeFault> {
    let success = packet.vendor(MICROSOFT, microsoft::CHAP2_SUCCESS);
    let Some((found, text)) = success.and_then(|value| value.split_first()) else {
        return Err(ProbeFault::AuthenticatorResponse(
            "the Access-Accept has no MS-CHAP2-Success",
        ));
    };
    // More may follow the response, such as a message for the user.
    let proof = text.get(..expected.len()).unwrap_or_default();
    if *found != identifier || !proof.eq_ignore_ascii_case(expected.as_bytes()) {
        return Err(ProbeFault::AuthenticatorResponse(
            "the MS-CHAP2-Success is wrong",
        ));
    }
    Ok(())
}

fn without_keys(packet: &Packet<'_>) -> Result<Accepted, ProbeFault> {
    Ok(Accepted::new(packet, KeyCheck::NotDefined, None))
}

/// The outcome. `accepted` checks what an Access-Accept promises.
fn conclude(
    method: &'static str,
    reply: &Reply,
    began: Instant,
    accepted: impl FnOnce(&Packet<'_>) -> Result<Accepted, ProbeFault>,
) -> Result<Outcome, ProbeFault> {
    let packet = reply.packet();
    let verdict = match packet.code() {
        Code::AccessAccept => Verdict::Accept(accepted(&packet)?),
        Code::AccessReject => Verdict::Reject(Rejected::new(&packet, None)),
        // None of these methods has a second round.
        reply => {
            return Err(ProbeFault::WrongCode {
                request: Code::AccessRequest,
                reply,
            });
        }
    };
    Ok(Outcome::new(
        method,
        verdict,
        &packet,
        1,
        reply.sent - 1,
        began.elapsed(),
    ))
}
