//! EAP over RADIUS (RFC 3579): carries packets between the NAS and a [`nac_eap::Conversation`].
//!
//! [`begin`] has what comes before a method runs, [`questions`] what a conversation asks the server, [`identify`] whom its success proves,
//! [`repetition`] what is asked twice.
//!
//! *Invariant*: who has only said a name costs no memory ([`super::openings`]).

mod begin;
mod identify;
mod questions;
mod repetition;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nac_eap::{Question, Reason, Step, Success};
use nac_radius::{Code, Packet, PacketBuilder, attribute};

use super::answer;
use super::conversations::{Active, Asked, ConversationId};
use super::credentials::unacceptable;
use super::offer;
use super::openings::Use;
use super::request::{Freshness, Request};
use super::silence::take_down;
use super::{Authenticator, Progress};
use crate::identity::password::Check;
use crate::reason::{Refusal, is_wrong_guess};
use begin::{begin, choose_offer, open, reopen};
use identify::succeed;
use questions::{
    as_answer, change_password, chap, check_password, count_wrong, may_guess, nt_hash,
    password_answer, refused,
};
pub(super) use repetition::claim;

/// RFC 3579 section 2.2: invalid packets before the conversation ends.
const INVALID_LIMIT: u8 = 5;
/// Error-Cause "Invalid EAP Packet (Ignored)" (RFC 3579 section 2.2).
const INVALID_EAP_PACKET: u32 = 202;

type Shared = Arc<Mutex<Active>>;

/// One EAP message from the NAS.
pub(super) fn receive(
    authenticator: &Arc<Authenticator>,
    mut request: Request,
    message: &[u8],
) -> Progress {
    let packet = request.packet();
    if let Some(refusal) = unacceptable(&packet) {
        return refuse_message(authenticator, &request, message, refusal);
    }
    let Some(state) = packet.attribute(attribute::STATE) else {
        return match begin(authenticator, &request, &packet, message) {
            Ok(conversation) => open(authenticator, request, message, conversation, None),
            Err(refusal) => refuse_message(authenticator, &request, message, refusal),
        };
    };
    let client = &request.client.name;
    if let Some((id, active)) = authenticator
        .conversations
        .find(client, state, Instant::now())
    {
        let answers = lock(&active).take_state(state);
        return match answers {
            true => go_on(authenticator, request, message, id, active),
            // Something else with a State that was answered before, which RFC 3748 section 4.1 discards. The message that was taken
            // then has its answer already.
            false => Progress::Silence,
        };
    }
    let opened = authenticator.openings.open(client, state).map(|opened| {
        let seen = authenticator.openings.spend(&opened);
        (opened, seen)
    });
    match opened {
        // Late again, see above.
        Some((_, Use::Again)) => Progress::Silence,
        Some((opened, Use::First)) => match reopen(authenticator, &mut request, &opened.opening) {
            Ok(conversation) => open(authenticator, request, message, conversation, Some(&opened)),
            Err(refusal) => refuse_message(authenticator, &request, message, refusal),
        },
        Some((_, Use::Over)) | None => {
            let refusal = Refusal::unknown_conversation();
            refuse_message(authenticator, &request, message, refusal)
        }
    }
}

/// A message of a method, or what begins anew in the middle of one.
fn go_on(
    authenticator: &Arc<Authenticator>,
    mut request: Request,
    message: &[u8],
    id: ConversationId,
    active: Shared,
) -> Progress {
    request.freshness = Freshness::Certain;
    let mut conversation = lock(&active);
    request.offer.clone_from(&conversation.offer);
    let former = std::mem::replace(&mut conversation.content, request.content);
    if let Some(former) = former.filter(|former| Some(*former) != request.content) {
        // The supplicant has its answer: this message follows from it.
        authenticator.last_answers.drop_answer(&former);
    }
    if let Some(check) = conversation.parked.take() {
        // There was no room for this check; the NAS has asked again.
        drop(conversation);
        return check_password(authenticator, request, id, active, check);
    }
    let step = if message.is_empty() {
        conversation.offer = None;
        Step::Request(conversation.conversation.start())
    } else {
        let eap = &mut conversation.conversation;
        choose_offer(authenticator, &mut request, message, eap);
        let step = eap.receive(Instant::now(), message);
        conversation.offer.clone_from(&request.offer);
        step
    };
    let unfinished = conversation.conversation.unfinished();
    drop(conversation);
    let left = authenticator.conversations.holds(&id, unfinished);
    take_down(authenticator, left, Instant::now());
    advance(authenticator, request, id, active, step)
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
                let mut active = lock(&active);
                let state = active.next_state(&id);
                let progress = challenge(&request, &request.packet(), &state, &eap, None);
                let refused = active.conversation.refusal().is_some();
                if refused && !std::mem::replace(&mut active.refused, true) {
                    authenticator.conversations.refused(&id, request.arrived);
                }
                active.unanswered = Some(request);
                return progress;
            }
            Step::Ask(Question::NtHash { user }) => {
                let answer = match may_guess(authenticator, &request, &active, &user) {
                    Ok(()) => nt_hash(authenticator, &user),
                    Err(answer) => answer,
                };
                let mut active = lock(&active);
                let step = active.conversation.resume(Instant::now(), answer);
                if let Some(reason) = active.conversation.refusal().cloned()
                    && is_wrong_guess(reason.code)
                {
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
            Step::Ask(Question::Password {
                user,
                password,
                can_ask_for_code,
            }) => {
                let (password, appended) = authenticator.split_code(&user, request.mac, password);
                let asked = Asked {
                    user: user.clone(),
                    appended,
                    can_ask_for_code,
                };
                match authenticator
                    .passwords
                    .check(&authenticator.world.directory, &user, password)
                {
                    Check::Now(result) => {
                        let answer = password_answer(authenticator, &request, &asked, result);
                        lock(&active)
                            .conversation
                            .resume(Instant::now(), answer.unwrap_or_else(refused))
                    }
                    Check::Slow(check) => {
                        match may_guess(authenticator, &request, &active, &user) {
                            Ok(()) => {
                                lock(&active).asked = Some(asked);
                                return check_password(authenticator, request, id, active, check);
                            }
                            Err(answer) => {
                                lock(&active).conversation.resume(Instant::now(), answer)
                            }
                        }
                    }
                }
            }
            Step::Ask(Question::Code { user, code }) => {
                let checked = authenticator.check_code(&user, request.mac, &code);
                let mut active = lock(&active);
                if let Err(refusal) = &checked {
                    count_wrong(authenticator, &request, &mut active, refusal);
                }
                active
                    .conversation
                    .resume(Instant::now(), as_answer(checked))
            }
            Step::Ask(Question::NewPassword { user, password }) => {
                return change_password(authenticator, request, id, active, user, password);
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
                return prove(authenticator, request, active, success);
            }
            Step::Failure { packet, reason } => {
                authenticator.conversations.remove(&id);
                let mut active = lock(&active);
                let refusal = offer::named(Refusal::from(reason), &request);
                count_wrong(authenticator, &request, &mut active, &refusal);
                if let Some((code, decision)) = active.told
                    && code == refusal.code
                {
                    // It was given up already: this only ends it.
                    let reply = answer::end_eap(authenticator, &request, &packet, decision);
                    return Progress::Reply(reply);
                }
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

/// Concludes, after other authorities' OCSP responders were asked about the certificates where they have to be.
fn prove(
    authenticator: &Arc<Authenticator>,
    request: Request,
    active: Shared,
    success: Success,
) -> Progress {
    let machine = success.machine.as_ref();
    let machine = machine.map_or(&[][..], |machine| &machine.certificates);
    let questions = authenticator.questions(&[&success.certificates, machine]);
    let Some((ocsp, questions)) = questions else {
        let reply = succeed(authenticator, &request, &mut lock(&active), success);
        return Progress::Reply(reply);
    };
    let authenticator = authenticator.clone();
    Progress::Later(Box::pin(async move {
        let began = Instant::now();
        ocsp.ask(questions).await;
        let mut active = lock(&active);
        active.credential_us += answer::micros(began);
        Some(succeed(&authenticator, &request, &mut active, success))
    }))
}

/// The method's name while it is not known what it carried inside.
pub(super) fn method_name(method: nac_eap::Method) -> &'static str {
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
    state: &[u8],
    eap: &[u8],
    error_cause: Option<u32>,
) -> Progress {
    let mut reply = PacketBuilder::reply(Code::AccessChallenge, packet);
    let pushed = reply
        .push_eap_message(eap)
        .and_then(|()| reply.push(attribute::STATE, state))
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
    let state = active.next_state(id);
    let cause = Some(INVALID_EAP_PACKET);
    challenge(request, &request.packet(), &state, &last, cause)
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

/// Whom the supplicant says that it is.
pub(super) fn named(active: &Active, request: &Request) -> String {
    match active.conversation.outer_identity() {
        "" => request.user_name.clone(),
        identity => identity.to_owned(),
    }
}

fn lock(active: &Shared) -> MutexGuard<'_, Active> {
    active.lock().unwrap_or_else(PoisonError::into_inner)
}
