//! EAP over RADIUS (RFC 3579): carries packets between the NAS and a [`Conversation`], and answers its questions.
//!
//! *Invariant*: who has only said a name costs no memory ([`super::openings`]).

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::answer::{self, Authenticated, EapAnswer};
use super::conversations::{Active, Asked, ConversationId, random};
use super::methods::challenge_user;
use super::offer;
use super::openings::{Opened, Use};
use super::request::Request;
use super::second_factor::Factor;
use super::{Authenticator, Progress};
use crate::identity::from_chain;
use crate::identity::password::{Check, SlowCheck, Verified};
use crate::identity::realm::{is_machine, realm_of};
use crate::reason::Refusal;
use crate::snapshot::Directory;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use nac_eap::{Answer, CertificateDer, Conversation, Opening, Question, Reason, Step, Success};
use nac_policy::IdentityKind;
use nac_radius::{Code, Packet, PacketBuilder, attribute, chap_response};
use nac_store::{CertificateDetails, MachineDetails};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

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
            // A late duplicate, which RFC 3748 section 4.1 discards, or one whose answer is on its way.
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

fn begin(
    authenticator: &Authenticator,
    request: &Request,
    packet: &Packet<'_>,
    message: &[u8],
) -> Result<Conversation, Refusal> {
    if !message.is_empty() && identity(message).is_none() {
        return Err(Refusal::no_state());
    }
    let mut conversation = Conversation::new(
        settings(authenticator)?,
        Instant::now(),
        unix_time(),
        eap_mtu(packet),
        Box::new(fill_random),
    );
    prefer(authenticator, request, &mut conversation);
    Ok(conversation)
}

/// Goes on with what the NAS kept for us, under the offer that the name chose.
fn reopen(
    authenticator: &Authenticator,
    request: &mut Request,
    opening: &Opening,
) -> Result<Conversation, Refusal> {
    let user_name = request.user_name.clone();
    let settings = match opening.identity(&user_name) {
        Some(identity) => offer::eap_settings(authenticator, request, identity),
        None => authenticator.eap.load_full(),
    };
    let mut conversation = Conversation::resume_opening(
        settings.ok_or_else(Refusal::no_credentials)?,
        authenticator.openings.epoch(),
        unix_time(),
        eap_mtu(&request.packet()),
        Box::new(fill_random),
        opening,
        &user_name,
    )
    .ok_or_else(Refusal::unknown_conversation)?;
    prefer(authenticator, request, &mut conversation);
    Ok(conversation)
}

fn settings(authenticator: &Authenticator) -> Result<Arc<nac_eap::Settings>, Refusal> {
    authenticator
        .eap
        .load_full()
        .ok_or_else(Refusal::no_credentials)
}

fn prefer(authenticator: &Authenticator, request: &Request, conversation: &mut Conversation) {
    if let Some(method) = authenticator.habits.of(request.mac) {
        conversation.prefer(method);
    }
}

/// A message before a method runs. Nothing is kept of it but what the NAS returns with the next one; only the first message of a method
/// brings the conversation into the table.
fn open(
    authenticator: &Arc<Authenticator>,
    mut request: Request,
    message: &[u8],
    mut conversation: Conversation,
    opened: Option<&Opened>,
) -> Progress {
    let now = Instant::now();
    let invalid = opened.map_or(0, |opened| opened.invalid);
    let step = if message.is_empty() {
        Step::Request(conversation.start())
    } else {
        choose_offer(authenticator, &mut request, message, &mut conversation);
        conversation.receive(now, message)
    };
    let openings = &authenticator.openings;
    let client = &request.client.name;
    if let Some(opening) = conversation.opening(openings.epoch()) {
        let ignored = invalid.saturating_add(1);
        match &step {
            Step::Request(eap) => {
                let state = openings.seal(client, &opening, invalid);
                return challenge(&request, &request.packet(), &state, eap, None);
            }
            Step::Ignore(_) if ignored < INVALID_LIMIT => {
                let state = openings.seal(client, &opening, ignored);
                let last = conversation.last_request().unwrap_or_default();
                let cause = Some(INVALID_EAP_PACKET);
                return challenge(&request, &request.packet(), &state, last, cause);
            }
            _ => {}
        }
    }
    let unfinished = conversation.unfinished();
    let (id, active) = (
        random(),
        Arc::new(Mutex::new(Active::new(
            conversation,
            invalid,
            request.offer.clone(),
        ))),
    );
    if matches!(step, Step::Failure { .. } | Step::Ignore(_)) {
        // It is refused now.
        if let Some(opened) = opened {
            openings.ended(opened);
        }
    } else {
        let table = &authenticator.conversations;
        table.insert(id, client, request.mac, active.clone(), now);
        table.holds(&id, unfinished);
    }
    advance(authenticator, request, id, active, step)
}

/// A message of a method, or what begins anew in the middle of one.
fn go_on(
    authenticator: &Arc<Authenticator>,
    mut request: Request,
    message: &[u8],
    id: ConversationId,
    active: Shared,
) -> Progress {
    let mut conversation = lock(&active);
    request.offer.clone_from(&conversation.offer);
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
    authenticator.conversations.holds(&id, unfinished);
    advance(authenticator, request, id, active, step)
}

/// Offers what is on offer to who says this name, if it is one and nothing was offered yet.
fn choose_offer(
    authenticator: &Authenticator,
    request: &mut Request,
    message: &[u8],
    conversation: &mut Conversation,
) {
    if request.offer.is_none()
        && let Some(identity) = identity(message)
        && let Some(settings) = offer::eap_settings(authenticator, request, &identity)
    {
        conversation.offer(settings);
    }
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
                let state = lock(&active).next_state(&id);
                return challenge(&request, &request.packet(), &state, &eap, None);
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
            match verified {
                Verified::Answer(result) => {
                    let answer = match active.asked.take() {
                        Some(asked) => password_answer(&authenticator, &request, &asked, result),
                        None => result.map(|()| Answer::Accepted),
                    };
                    if let Err(refusal) = &answer {
                        count_wrong(&authenticator, &request, &mut active, refusal);
                    }
                    active
                        .conversation
                        .resume(Instant::now(), answer.unwrap_or_else(refused))
                }
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

/// Stores the password that a user chose in place of an expired one, then goes on. Nobody is told that it is theirs before it is; when
/// the database does not take it, nothing is said, and the login ends by itself.
fn change_password(
    authenticator: &Arc<Authenticator>,
    request: Request,
    id: ConversationId,
    active: Shared,
    user: String,
    password: Zeroizing<String>,
) -> Progress {
    let authenticator = authenticator.clone();
    Progress::Later(Box::pin(async move {
        let began = Instant::now();
        let entry = authenticator.world.directory.user(&user);
        let changed = authenticator.new_passwords.change(&user, entry, password);
        let answer = as_answer(changed.await?);
        let step = {
            let mut active = lock(&active);
            active.credential_us += answer::micros(began);
            active.conversation.resume(Instant::now(), answer)
        };
        match advance(&authenticator, request, id, active, step) {
            Progress::Reply(reply) => Some(reply),
            Progress::Silence | Progress::Later(_) => None,
        }
    }))
}

/// What the conversation is told about a password that was checked, and about the code that has to stand beside it.
fn password_answer(
    authenticator: &Authenticator,
    request: &Request,
    asked: &Asked,
    password: Result<(), Refusal>,
) -> Result<Answer, Refusal> {
    let (user, appended) = (&asked.user, asked.appended);
    match authenticator.second_factor(user, request.mac, password, appended)? {
        Factor::NotNeeded => Ok(Answer::Accepted),
        Factor::Checked => Ok(Answer::AcceptedWithCode),
        Factor::Needed if asked.can_ask_for_code => Ok(Answer::CodeNeeded),
        Factor::Needed => Err(Refusal::second_factor_missing(user)),
    }
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
    authenticated.second_factor = success.second_factor;
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
    let snapshot = authenticator.world.snapshot();
    let names = authenticator.world.certificate_names.load();
    let read = |chain: &[CertificateDer<'_>]| from_chain(chain, &snapshot.revocations, &names);
    let chain = &success.certificates;
    let mut authenticated = if success.by_certificate {
        let (kind, name, facts) = read(chain)?;
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
        match (!chain.is_empty()).then(|| read(chain)) {
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
        authenticated.machine = machine(directory, read, proven)?.map(Arc::new);
    }
    Ok(authenticated)
}

/// What was proven as the machine is one only if its credential says so: a supplicant can call any credential the machine's.
fn machine(
    directory: &Directory,
    read: impl FnOnce(
        &[CertificateDer<'_>],
    ) -> Result<(IdentityKind, String, CertificateDetails), Refusal>,
    proven: &nac_eap::Machine,
) -> Result<Option<MachineDetails>, Refusal> {
    match &proven.certificates[..] {
        chain @ [_, ..] => Ok(match read(chain)? {
            (IdentityKind::Device, name, facts) => Some(machine_by(name, facts)),
            _ => None,
        }),
        [] => {
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
            Some(secrets) if user.password_is_expired() => Answer::ExpiredNtHash {
                nt_hash: secrets.nt_hash.clone(),
                reason: as_reason(Refusal::password_expired(name)),
            },
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
    Answer::Refused(as_reason(refusal))
}

fn as_reason(refusal: Refusal) -> Reason {
    Reason {
        code: refusal.code,
        sentence: refusal.sentence,
        remedy: refusal.remedy,
    }
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
