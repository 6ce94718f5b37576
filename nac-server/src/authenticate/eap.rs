//! EAP over RADIUS (RFC 3579): carries packets between the NAS and a [`Conversation`], and answers its questions.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::answer::{self, Authenticated, EapAnswer};
use super::conversations::{Active, ConversationId};
use super::methods::challenge_user;
use super::offer;
use super::request::Request;
use super::{Authenticator, Progress};
use crate::identity::from_chain;
use crate::identity::password::{Check, SlowCheck, Verified};
use crate::identity::realm::{is_machine, realm_of};
use crate::reason::Refusal;
use crate::snapshot::Directory;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nac_eap::{Answer, Conversation, Question, Reason, Step, Success};
use nac_policy::IdentityKind;
use nac_radius::{Code, Packet, PacketBuilder, attribute, chap_response};
use nac_store::{CertificateDetails, MachineDetails};
use subtle::ConstantTimeEq as _;

/// The largest EAP packet to send when the NAS names no Framed-MTU: survives VPNs and cloud paths.
const DEFAULT_MTU: usize = 1_020;
/// Bounds for what a NAS may ask for.
const MTU_RANGE: std::ops::RangeInclusive<usize> = 100..=1_400;
/// RFC 3579 section 2.2: invalid packets before the conversation ends.
const INVALID_LIMIT: u8 = 5;
/// Error-Cause "Invalid EAP Packet (Ignored)" (RFC 3579 section 2.2).
const INVALID_EAP_PACKET: u32 = 202;
/// EAP codes and types (RFC 3748 sections 4 and 5).
const RESPONSE: u8 = 2;
const IDENTITY: u8 = 1;

type Shared = Arc<Mutex<Active>>;

/// One EAP message from the NAS.
pub(super) fn receive(
    authenticator: &Arc<Authenticator>,
    mut request: Request,
    message: &[u8],
) -> Progress {
    let packet = request.packet();
    let (id, active) = match packet.attribute(attribute::STATE) {
        Some(state) => {
            match authenticator
                .conversations
                .find(&request.client.name, state, Instant::now())
            {
                Some(found) => found,
                None => {
                    return refuse_message(
                        authenticator,
                        &request,
                        message,
                        Refusal::unknown_conversation(),
                    );
                }
            }
        }
        None => match begin(authenticator, &request, &packet, message) {
            Ok(begun) => begun,
            Err(refusal) => return refuse_message(authenticator, &request, message, refusal),
        },
    };
    let mut conversation = lock(&active);
    if let Some(state) = packet.attribute(attribute::STATE)
        && !conversation.take_state(state)
    {
        // A late duplicate, which RFC 3748 section 4.1 discards, or one whose answer is on its way.
        return Progress::Silence;
    }
    request.offer.clone_from(&conversation.offer);
    if let Some(check) = conversation.parked.take() {
        // There was no room for this check; the NAS has asked again.
        drop(conversation);
        return check_password(authenticator, request, id, active, check);
    }
    if message.is_empty() {
        conversation.offer = None;
        let identity_request = conversation.conversation.start();
        return challenge(
            &request,
            &request.packet(),
            &id,
            &mut conversation,
            &identity_request,
            None,
        );
    }
    if conversation.offer.is_none()
        && let Some(identity) = identity(message)
    {
        let settings = offer::eap_settings(authenticator, &mut request, &identity);
        conversation.offer.clone_from(&request.offer);
        if let Some(settings) = settings {
            conversation.conversation.offer(settings);
        }
    }
    let step = conversation.conversation.receive(Instant::now(), message);
    let unfinished = conversation.conversation.unfinished();
    drop(conversation);
    authenticator.conversations.holds(&id, unfinished);
    advance(authenticator, request, id, active, step)
}

fn begin(
    authenticator: &Authenticator,
    request: &Request,
    packet: &Packet<'_>,
    message: &[u8],
) -> Result<(ConversationId, Shared), Refusal> {
    if !message.is_empty() && identity(message).is_none() {
        return Err(Refusal::no_state());
    }
    let settings = authenticator
        .eap
        .load_full()
        .ok_or_else(Refusal::no_credentials)?;
    let now = Instant::now();
    let mut conversation = Conversation::new(
        settings,
        now,
        unix_time(),
        eap_mtu(packet),
        Box::new(fill_random),
    );
    if let Some(method) = authenticator.habits.of(request.mac) {
        conversation.prefer(method);
    }
    Ok(authenticator
        .conversations
        .insert(&request.client.name, conversation, now))
}

/// What the supplicant goes by, when this is the answer to a request for its identity (RFC 3748 section 5.1: up to a NUL).
fn identity(message: &[u8]) -> Option<Cow<'_, str>> {
    let is_identity = message.first() == Some(&RESPONSE) && message.get(4) == Some(&IDENTITY);
    let octets = message.get(5..).filter(|_| is_identity)?;
    let octets = octets.split(|octet| *octet == 0).next()?;
    Some(String::from_utf8_lossy(octets))
}

/// Follows the conversation until something has to be sent or asked outside.
fn advance(
    authenticator: &Arc<Authenticator>,
    request: Request,
    id: ConversationId,
    active: Shared,
    mut step: Step,
) -> Progress {
    loop {
        step = match step {
            Step::Request(eap) => {
                return challenge(
                    &request,
                    &request.packet(),
                    &id,
                    &mut lock(&active),
                    &eap,
                    None,
                );
            }
            Step::Ask(Question::NtHash { user }) => {
                let answer = match may_guess(authenticator, &request, &active, &user) {
                    Ok(()) => nt_hash(authenticator, &user),
                    Err(answer) => answer,
                };
                let mut active = lock(&active);
                let step = active.conversation.resume(Instant::now(), answer);
                if let Some(reason) = active.conversation.refusal().cloned() {
                    count_wrong(authenticator, &request, &mut active, &reason.into());
                }
                step
            }
            Step::Ask(Question::Chap {
                user,
                identifier,
                challenge,
                response,
            }) => {
                let answer = match may_guess(authenticator, &request, &active, &user) {
                    Ok(()) => chap(authenticator, &user, identifier, &challenge, &response),
                    Err(answer) => answer,
                };
                lock(&active).conversation.resume(Instant::now(), answer)
            }
            Step::Ask(Question::Password { user, password }) => {
                match authenticator
                    .passwords
                    .check(&authenticator.world.directory, &user, password)
                {
                    Check::Now(result) => lock(&active)
                        .conversation
                        .resume(Instant::now(), as_answer(result)),
                    Check::Slow(check) => {
                        match may_guess(authenticator, &request, &active, &user) {
                            Ok(()) => {
                                return check_password(authenticator, request, id, active, check);
                            }
                            Err(answer) => {
                                lock(&active).conversation.resume(Instant::now(), answer)
                            }
                        }
                    }
                }
            }
            Step::Success(success) => {
                authenticator.conversations.remove(&id);
                {
                    let mut active = lock(&active);
                    if let Some(user) = active.guessed.take() {
                        let _ = authenticator.guessed(&user, request.mac, Ok(()));
                    }
                    if let Some(method) = active.conversation.method() {
                        let now = Instant::now();
                        authenticator.habits.succeeded(request.mac, method, now);
                    }
                }
                return Progress::Reply(succeed(
                    authenticator,
                    &request,
                    &mut lock(&active),
                    success,
                ));
            }
            Step::Failure { packet, reason } => {
                authenticator.conversations.remove(&id);
                let mut active = lock(&active);
                let refusal = offer::named(Refusal::from(reason), &request);
                count_wrong(authenticator, &request, &mut active, &refusal);
                let method = active.conversation.method().map_or("EAP", method_name);
                let name = named(&active, &request);
                return Progress::Reply(answer::refuse_eap(
                    authenticator,
                    &request,
                    method,
                    &name,
                    refusal,
                    &packet,
                    active.credential_us,
                ));
            }
            Step::Ignore(reason) => return ignore(authenticator, &request, &id, &active, &reason),
        };
    }
}

/// Whether the user's credential is looked at; otherwise the answer that says why not.
fn may_guess(
    authenticator: &Authenticator,
    request: &Request,
    active: &Shared,
    user: &str,
) -> Result<(), Answer> {
    let may = authenticator.may_guess(user, request.mac);
    lock(active).guessed = may.is_ok().then(|| user.to_owned());
    may.map_err(refused)
}

/// Counts a wrong password once, when it is known: who guesses need not wait for the end of the conversation.
fn count_wrong(
    authenticator: &Authenticator,
    request: &Request,
    active: &mut Active,
    refusal: &Refusal,
) {
    if let Some(user) = active.guessed.take() {
        let _ = authenticator.guessed::<()>(&user, request.mac, Err(refusal.clone()));
    }
}

/// Checks a password on the pool, then goes on. Where there is no room the NAS gets no answer and asks again; the check waits for it.
fn check_password(
    authenticator: &Arc<Authenticator>,
    request: Request,
    id: ConversationId,
    active: Shared,
    check: SlowCheck,
) -> Progress {
    let authenticator = authenticator.clone();
    Progress::Later(Box::pin(async move {
        let began = Instant::now();
        let verified = authenticator.passwords.verify(check).await;
        let step = {
            let mut active = lock(&active);
            active.credential_us += answer::micros(began);
            if let Verified::Answer(Err(refusal)) = &verified {
                count_wrong(&authenticator, &request, &mut active, refusal);
            }
            match verified {
                Verified::Answer(result) => active
                    .conversation
                    .resume(Instant::now(), as_answer(result)),
                Verified::NotNow(check) => {
                    active.park(check);
                    return None;
                }
            }
        };
        match advance(&authenticator, request, id, active, step) {
            Progress::Reply(reply) => Some(reply),
            // After a password there is nothing left to ask.
            Progress::Silence | Progress::Later(_) => None,
        }
    }))
}

/// The method's name while it is not known what it carried inside.
fn method_name(method: nac_eap::Method) -> &'static str {
    match method {
        nac_eap::Method::Tls => "EAP-TLS",
        nac_eap::Method::Peap => "PEAP",
        nac_eap::Method::Ttls => "EAP-TTLS",
        nac_eap::Method::Teap => "TEAP",
    }
}

fn challenge(
    request: &Request,
    packet: &Packet<'_>,
    id: &ConversationId,
    active: &mut Active,
    eap: &[u8],
    error_cause: Option<u32>,
) -> Progress {
    let state = active.next_state(id);
    let mut reply = PacketBuilder::reply(Code::AccessChallenge, packet);
    let pushed = reply
        .push_eap_message(eap)
        .and_then(|()| reply.push(attribute::STATE, &state))
        .and_then(|()| match error_cause {
            Some(cause) => reply.push_integer(attribute::ERROR_CAUSE, cause),
            None => Ok(()),
        });
    match pushed {
        Ok(()) => Progress::Reply(reply.seal(request.secret())),
        // EAP packets are far below 4096 octets; this cannot happen, and silence lets the NAS fail over if it does.
        Err(_) => Progress::Silence,
    }
}

/// RFC 3579 section 2.2: a packet that is not for this conversation is answered with the last request again, five times at most.
fn ignore(
    authenticator: &Authenticator,
    request: &Request,
    id: &ConversationId,
    active: &Shared,
    reason: &Reason,
) -> Progress {
    let mut active = lock(active);
    active.invalid += 1;
    let last = active.conversation.last_request().map(<[u8]>::to_vec);
    if active.invalid >= INVALID_LIMIT || last.is_none() {
        authenticator.conversations.remove(id);
        let failure = active.conversation.refuse();
        let refusal = Refusal::too_many_invalid(&reason.sentence);
        let name = named(&active, request);
        return Progress::Reply(answer::refuse_eap(
            authenticator,
            request,
            "EAP",
            &name,
            refusal,
            &failure,
            0,
        ));
    }
    let last = last.unwrap_or_default();
    challenge(
        request,
        &request.packet(),
        id,
        &mut active,
        &last,
        Some(INVALID_EAP_PACKET),
    )
}

/// The supplicant proved who it is; now the policy decides, before EAP-Success is sent.
fn succeed(
    authenticator: &Authenticator,
    request: &Request,
    active: &mut Active,
    success: Success,
) -> Vec<u8> {
    let method = success.method;
    let mut authenticated = match identify(authenticator, &success) {
        Ok(authenticated) => authenticated,
        Err(refusal) => {
            let failure = active.conversation.refuse();
            let name = success.outer_identity;
            return answer::refuse_eap(
                authenticator,
                request,
                method,
                &name,
                refusal,
                &failure,
                active.credential_us,
            );
        }
    };
    authenticated.credential_us = active.credential_us;
    authenticated.eap = Some(EapAnswer {
        msk: success.msk,
        session_id: success.session_id,
        tls_version: success.tls_version,
        cipher_suite: success.cipher_suite,
        resumed: success.resumed,
        rounds: active.conversation.rounds(),
    });
    answer::conclude_eap(
        authenticator,
        request,
        authenticated,
        &mut active.conversation,
    )
}

/// Who logged in by certificate is whom that names; otherwise it is whom the inner method proved. The outer identity proves nothing
/// (RFC 9190 section 2.2).
fn identify(authenticator: &Authenticator, success: &Success) -> Result<Authenticated, Refusal> {
    let directory = &authenticator.world.directory;
    let leaf = success.certificates.first();
    let mut authenticated = if success.by_certificate {
        let leaf = leaf.ok_or_else(Refusal::anonymous_certificate)?;
        let (kind, name, facts) = from_chain(leaf)?;
        let realm = realm_of(&name);
        let name = match kind {
            IdentityKind::User => directory.registered_name(&name),
            _ => name,
        };
        let mut authenticated = Authenticated::new(kind, name, "certificate", success.method);
        authenticated.certificate = Some(Arc::new(facts));
        authenticated.realm = realm;
        authenticated
    } else {
        // Its realm may have ceased to be ours since the session began that is resumed.
        let account = directory.account(&success.identity)?;
        let name = account.map_or_else(|| success.identity.clone(), |account| account.name.clone());
        let mut authenticated =
            Authenticated::new(IdentityKind::User, name, "local", success.method);
        authenticated.realm = realm_of(&success.identity);
        // A certificate that came along with a password says which device this is, or once more who the user is. One that names
        // another user says nothing about this login, which is then one without a certificate.
        match leaf.map(|leaf| from_chain(leaf)) {
            Some(Ok((IdentityKind::Device, name, facts))) => {
                authenticated.machine = Some(Arc::new(machine_by(name, facts)));
            }
            Some(Ok((_, name, facts)))
                if directory.registered_name(&name) == authenticated.name =>
            {
                authenticated.certificate = Some(Arc::new(facts));
            }
            _ => {}
        }
        authenticated
    };
    authenticated.outer_realm = realm_of(&success.outer_identity);
    if let (IdentityKind::User, Some(proven)) = (authenticated.kind, &success.machine) {
        authenticated.machine = machine(directory, proven)?.map(Arc::new);
    }
    Ok(authenticated)
}

/// What was proven as the machine is one only if its credential says so: a supplicant can call any credential the machine's.
fn machine(
    directory: &Directory,
    proven: &nac_eap::Machine,
) -> Result<Option<MachineDetails>, Refusal> {
    match proven.certificates.first() {
        Some(leaf) => Ok(match from_chain(leaf)? {
            (IdentityKind::Device, name, facts) => Some(machine_by(name, facts)),
            _ => None,
        }),
        None => {
            let name = directory.registered_name(&proven.identity);
            Ok(is_machine(&name).then_some(MachineDetails {
                name,
                certificate: None,
            }))
        }
    }
}

fn machine_by(name: String, facts: CertificateDetails) -> MachineDetails {
    MachineDetails {
        name,
        certificate: Some(facts),
    }
}

/// CHAP needs the password itself (RFC 1994 section 2.2).
fn chap(
    authenticator: &Authenticator,
    name: &str,
    identifier: u8,
    challenge: &[u8; 16],
    response: &[u8; 16],
) -> Answer {
    let user = match challenge_user(authenticator, name, "CHAP") {
        Ok(user) => user,
        Err(refusal) => return refused(refusal),
    };
    let right = user.challenge.as_ref().is_some_and(|secrets| {
        let expected = chap_response(identifier, &secrets.cleartext, challenge);
        expected.ct_eq(response).into()
    });
    match right {
        true => Answer::Accepted,
        false => refused(Refusal::wrong_password(name)),
    }
}

fn nt_hash(authenticator: &Authenticator, name: &str) -> Answer {
    match challenge_user(authenticator, name, "MS-CHAPv2") {
        Ok(user) => match &user.challenge {
            Some(secrets) => Answer::NtHash(secrets.nt_hash.clone()),
            None => refused(Refusal::no_challenge_secret(name, "MS-CHAPv2")),
        },
        Err(refusal) => refused(refusal),
    }
}

fn as_answer(result: Result<(), Refusal>) -> Answer {
    match result {
        Ok(()) => Answer::Accepted,
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Refused(Reason {
        code: refusal.code,
        sentence: refusal.sentence,
        remedy: refusal.remedy,
    })
}

/// An EAP message that belongs to no conversation: EAP-Failure with the message's own identifier (RFC 3748 section 4.2).
fn refuse_message(
    authenticator: &Authenticator,
    request: &Request,
    message: &[u8],
    refusal: Refusal,
) -> Progress {
    const FAILURE: u8 = 4;
    let failure = [FAILURE, message.get(1).copied().unwrap_or_default(), 0, 4];
    let name = request.user_name.clone();
    Progress::Reply(answer::refuse_eap(
        authenticator,
        request,
        "EAP",
        &name,
        refusal,
        &failure,
        0,
    ))
}

fn named(active: &Active, request: &Request) -> String {
    match active.conversation.outer_identity() {
        "" => request.user_name.clone(),
        identity => identity.to_owned(),
    }
}

/// RFC 3579 section 2.4 and RFC 3580 section 3.10: EAP must fit Framed-MTU less the 802.11 header's four octets.
fn eap_mtu(packet: &Packet<'_>) -> usize {
    packet
        .integer(attribute::FRAMED_MTU)
        .and_then(|mtu| usize::try_from(mtu).ok())
        .map_or(DEFAULT_MTU, |mtu| {
            mtu.saturating_sub(4)
                .clamp(*MTU_RANGE.start(), *MTU_RANGE.end())
        })
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn fill_random(bytes: &mut [u8]) {
    SystemRandom::new()
        .fill(bytes)
        .expect("the operating system gives randomness");
}

fn lock(active: &Shared) -> MutexGuard<'_, Active> {
    active.lock().unwrap_or_else(PoisonError::into_inner)
}
