//! What a conversation asks the server: whether a password, a code or a response is right, and whether a new password is taken.

use std::sync::Arc;
use std::time::Instant;

use nac_eap::{Answer, Reason};
use nac_radius::chap_response;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Shared, advance, lock};
use crate::authenticate::conversations::{Active, Asked, ConversationId};
use crate::authenticate::methods::challenge_user;
use crate::authenticate::request::Request;
use crate::authenticate::second_factor::Factor;
use crate::authenticate::{Authenticator, Progress, answer};
use crate::identity::password::{SlowCheck, Verified};
use crate::reason::Refusal;

/// Whether the user's credential is looked at; otherwise the answer that says why not.
pub(super) fn may_guess(
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
pub(super) fn count_wrong(
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
pub(super) fn check_password(
    authenticator: &Arc<Authenticator>,
    request: Request,
    id: ConversationId,
    active: Shared,
    check: SlowCheck,
) -> Progress {
    let authenticator = authenticator.clone();
    Progress::Later(Box::pin(async move {
        let began = Instant::now();
        let may = || {
            let guessed = lock(&active).guessed.clone();
            guessed.map_or(Ok(()), |user| authenticator.may_guess(&user, request.mac))
        };
        let verified = authenticator.passwords.verify(check, may).await;
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
pub(super) fn change_password(
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
pub(super) fn password_answer(
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

/// CHAP needs the password itself (RFC 1994 section 2.2).
pub(super) fn chap(
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

pub(super) fn nt_hash(authenticator: &Authenticator, name: &str) -> Answer {
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

pub(super) fn as_answer(result: Result<(), Refusal>) -> Answer {
    match result {
        Ok(()) => Answer::Accepted,
        Err(refusal) => refused(refusal),
    }
}

pub(super) fn refused(refusal: Refusal) -> Answer {
    Answer::Refused(as_reason(refusal))
}

fn as_reason(refusal: Refusal) -> Reason {
    Reason {
        code: refusal.code,
        sentence: refusal.sentence,
        remedy: refusal.remedy,
    }
}
