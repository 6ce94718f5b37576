//! The methods that are over after one round trip, or a second where the server asks for more: PAP, CHAP, MS-CHAPv2 and MAB.

use std::time::Instant;

use nac_eap::mschapv2::{self, ChangePassword};
use nac_radius::vendor::{MICROSOFT, microsoft};
use nac_radius::{Code, MacFormat, Packet, attribute, chap_response};
use zeroize::Zeroizing;

use super::outcome::{Accepted, KeyCheck, Outcome, Rejected, Verdict};
use super::station::ServiceType;
use super::{Answers, ProbeFault, RadiusClient, Reply, Station, access_request, random};

pub(super) async fn pap(
    client: &mut RadiusClient,
    station: &Station,
    user: &str,
    password: &str,
    answers: &Answers,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let mut request = access_request(client, station, user, ServiceType::Framed)?;
    request.push_user_password(password.as_bytes(), client.secret())?;
    let mut reply = client.exchange(request).await?;
    let mut sent = Sent::default();
    sent.count(&reply);
    if reply.packet().code() == Code::AccessChallenge {
        let Some(code) = &answers.code else {
            return Err(ProbeFault::Challenged(prompt(&reply.packet())));
        };
        // The answer stands where the password stood, with the State of the question (RFC 2865 section 4.4).
        let mut request = access_request(client, station, user, ServiceType::Framed)?;
        if let Some(state) = reply.packet().attribute(attribute::STATE) {
            request.push(attribute::STATE, state)?;
        }
        request.push_user_password(code.as_bytes(), client.secret())?;
        reply = client.exchange(request).await?;
        sent.count(&reply);
    }
    conclude("PAP", &reply, sent, began, without_keys)
}

/// What the user is to read.
fn prompt(challenge: &Packet<'_>) -> String {
    let messages = challenge.text(attribute::REPLY_MESSAGE);
    messages.map(|text| text.into_owned()).unwrap_or_default()
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
    conclude("CHAP", &reply, Sent::once(&reply), began, without_keys)
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
    conclude("MAB", &reply, Sent::once(&reply), began, without_keys)
}

pub(super) async fn ms_chap_v2(
    client: &mut RadiusClient,
    station: &Station,
    user: &str,
    password: &str,
    answers: &Answers,
) -> Result<Outcome, ProbeFault> {
    let began = Instant::now();
    let challenge: [u8; 16] = random()?;
    let [identifier] = random()?;
    let mut proof = Proof {
        identifier,
        challenge,
        peer_challenge: random()?,
        nt_hash: Zeroizing::new(mschapv2::nt_hash(password)),
        nt_response: [0; 24],
        // The hash covers the name without its domain (RFC 2759 section 8.2).
        account: mschapv2::account_name(user),
    };
    proof.nt_response = mschapv2::nt_response(
        &proof.nt_hash,
        &challenge,
        &proof.peer_challenge,
        proof.account,
    );
    // Ident, Flags, Peer-Challenge, Reserved, Response (RFC 2548 section 2.3.2).
    let response = [
        &[identifier, 0],
        &proof.peer_challenge[..],
        &[0; 8],
        &proof.nt_response[..],
    ]
    .concat();
    let mut request = access_request(client, station, user, ServiceType::Framed)?;
    request.push_vendor(MICROSOFT, microsoft::CHAP_CHALLENGE, &challenge)?;
    request.push_vendor(MICROSOFT, microsoft::CHAP2_RESPONSE, &response)?;
    let mut reply = client.exchange(request).await?;
    let mut sent = Sent::once(&reply);
    if let (Some(challenge), Some(new)) = (expired(&reply.packet()), &answers.new_password) {
        let (mut padding, peer_challenge) = ([0; mschapv2::ENCRYPTED_PASSWORD_LEN], random()?);
        aws_lc_rs::rand::fill(&mut padding).map_err(|_| ProbeFault::Randomness)?;
        let passwords = (password, new.as_str());
        let change = ChangePassword::new(passwords, &challenge, peer_challenge, user, &padding);
        let change = change.ok_or(ProbeFault::NewPasswordTooLong)?;
        proof = Proof {
            identifier: identifier.wrapping_add(1),
            challenge,
            peer_challenge,
            nt_hash: Zeroizing::new(mschapv2::nt_hash(new)),
            nt_response: change.nt_response,
            ..proof
        };
        let (cpw, pieces) = change.to_attributes(proof.identifier);
        let mut request = access_request(client, station, user, ServiceType::Framed)?;
        request.push_vendor(MICROSOFT, microsoft::CHAP_CHALLENGE, &challenge)?;
        request.push_vendor(MICROSOFT, microsoft::CHAP2_CPW, &cpw)?;
        for piece in pieces {
            request.push_vendor(MICROSOFT, microsoft::CHAP_NT_ENC_PW, &piece)?;
        }
        reply = client.exchange(request).await?;
        sent.count(&reply);
    }
    let (send, receive) = mschapv2::mppe_keys(&proof.nt_hash, &proof.nt_response);
    conclude("MS-CHAPv2", &reply, sent, began, |packet| {
        prove_server(packet, proof.identifier, &proof.expected())?;
        let keys = KeyCheck::of(packet, &receive, &send, &reply, client.secret())?;
        Ok(Accepted::new(packet, keys, None))
    })
}

/// What was shown to the server, which has to prove the same.
struct Proof<'a> {
    identifier: u8,
    challenge: [u8; 16],
    peer_challenge: [u8; 16],
    nt_hash: Zeroizing<[u8; 16]>,
    nt_response: [u8; 24],
    account: &'a str,
}

impl Proof<'_> {
    fn expected(&self) -> String {
        mschapv2::authenticator_response(
            &self.nt_hash,
            &self.nt_response,
            &self.challenge,
            &self.peer_challenge,
            self.account,
        )
    }
}

/// The challenge of a reject that says that the password is expired and may be changed now (RFC 2759 sections 6 and 7).
fn expired(reject: &Packet<'_>) -> Option<[u8; 16]> {
    let error = reject.vendor(MICROSOFT, microsoft::CHAP_ERROR)?;
    let (_identifier, text) = error.split_first()?;
    mschapv2::expired_challenge(text)
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

/// How many requests were answered, and how many were sent again.
#[derive(Clone, Copy, Default)]
struct Sent {
    round_trips: u32,
    retransmissions: u32,
}

impl Sent {
    fn once(reply: &Reply) -> Self {
        let mut sent = Self::default();
        sent.count(reply);
        sent
    }

    fn count(&mut self, reply: &Reply) {
        self.round_trips += 1;
        self.retransmissions += reply.sent - 1;
    }
}

/// The outcome. `accepted` checks what an Access-Accept promises.
fn conclude(
    method: &'static str,
    reply: &Reply,
    sent: Sent,
    began: Instant,
    accepted: impl FnOnce(&Packet<'_>) -> Result<Accepted, ProbeFault>,
) -> Result<Outcome, ProbeFault> {
    let packet = reply.packet();
    let verdict = match packet.code() {
        Code::AccessAccept => Verdict::Accept(accepted(&packet)?),
        Code::AccessReject => Verdict::Reject(Rejected::new(&packet, None)),
        Code::AccessChallenge => return Err(ProbeFault::Challenged(prompt(&packet))),
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
        sent.round_trips,
        sent.retransmissions,
        began.elapsed(),
    ))
}
