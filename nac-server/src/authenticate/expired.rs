//! An expired password is changed in MS-CHAPv2 without EAP: MS-CHAP2-CPW and MS-CHAP-NT-Enc-PW (RFC 2548 section 2.3.4) come after an
//! MS-CHAP-Error that says `E=648`.
//!
//! *Invariants:* nothing is changed for who does not prove to know the old password, nor while it is not expired. A challenge by which a
//! password was changed changes nothing again, so that a recorded request is worth nothing whatever the password is by then.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nac_eap::mschapv2::{self, ChangePassword, NewPassword};
use nac_policy::IdentityKind;
use nac_radius::vendor::{MICROSOFT, microsoft};

use super::answer::{self, Authenticated};
use super::methods::{challenge_user, ms_chap_error};
use super::request::Request;
use super::{Authenticator, Progress};
use crate::reason::Refusal;

/// Challenges that are remembered; the oldest give way.
const LIMIT: usize = 4_096;
const METHOD: &str = "MS-CHAPv2";

/// What a request asks for.
pub(crate) struct Change {
    pub(crate) user: String,
    pub(crate) challenge: [u8; 16],
    /// Echoed in the answer.
    pub(crate) ident: u8,
    pub(crate) change: Box<ChangePassword>,
}

/// The challenges by which a password was changed.
#[derive(Debug, Default)]
pub(super) struct Spent {
    challenges: Mutex<Challenges>,
}

#[derive(Debug, Default)]
struct Challenges {
    known: HashSet<[u8; 16]>,
    /// The oldest first.
    order: VecDeque<[u8; 16]>,
}

impl Spent {
    fn contains(&self, challenge: &[u8; 16]) -> bool {
        self.lock().known.contains(challenge)
    }

    fn insert(&self, challenge: [u8; 16]) {
        let mut challenges = self.lock();
        if challenges.known.insert(challenge) {
            challenges.order.push_back(challenge);
        }
        if challenges.order.len() > LIMIT
            && let Some(oldest) = challenges.order.pop_front()
        {
            challenges.known.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Challenges> {
        self.challenges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes a password and lets its user in with the new one, or neither.
pub(super) fn change(
    authenticator: &Arc<Authenticator>,
    request: Request,
    asked: Change,
) -> Progress {
    let user = &asked.user;
    let opened = authenticator
        .may_guess(user, request.mac)
        .and_then(|()| open(authenticator, &asked));
    let new = match opened {
        Ok(new) => new,
        Err(refusal) => {
            let refusal = authenticator.guessed_wrong(user, request.mac, refusal);
            return Progress::Reply(refuse(authenticator, &request, &asked, refusal));
        }
    };
    let authenticator = authenticator.clone();
    Progress::Later(Box::pin(async move {
        let began = Instant::now();
        let user = &asked.user;
        let entry = authenticator.world.directory.user(user);
        let stored = authenticator
            .new_passwords
            .change(user, entry, new.password.clone());
        let stored = authenticator.guessed(user, request.mac, stored.await?);
        Some(match stored {
            Ok(()) => {
                authenticator.spent_challenges.insert(asked.challenge);
                let spent = answer::micros(began);
                let authenticated = authenticated(&authenticator, &asked, &new, spent);
                answer::conclude(&authenticator, &request, authenticated)
            }
            Err(refusal) => refuse(&authenticator, &request, &asked, refusal),
        })
    }))
}

/// The new password, from who knows the old one.
fn open(authenticator: &Authenticator, asked: &Change) -> Result<NewPassword, Refusal> {
    let name = &asked.user;
    let user = challenge_user(authenticator, name, METHOD);
    let secrets = user.as_ref().ok().and_then(|user| user.challenge.as_ref());
    // For nobody the same is computed, so that the time does not tell who exists.
    let nt_hash = secrets.map_or([0; 16], |secrets| *secrets.nt_hash);
    let opened = asked.change.open(&nt_hash, &asked.challenge, name);
    let user = user?;
    let new = opened.ok_or_else(|| Refusal::change_unproven(name))?;
    if authenticator.spent_challenges.contains(&asked.challenge) {
        return Err(Refusal::change_replayed(name));
    }
    if !user.password_is_expired() {
        return Err(Refusal::change_not_due(name));
    }
    Ok(new)
}

fn authenticated(
    authenticator: &Authenticator,
    asked: &Change,
    new: &NewPassword,
    credential_us: u64,
) -> Authenticated {
    let name = authenticator.world.directory.registered_name(&asked.user);
    let mut authenticated = Authenticated::new(IdentityKind::User, name, "local", METHOD);
    let mut success = vec![asked.ident];
    success.extend_from_slice(new.authenticator_response.as_bytes());
    let success = (MICROSOFT, microsoft::CHAP2_SUCCESS, success);
    authenticated.vendor.push(success);
    let response = &asked.change.nt_response;
    authenticated.mppe = Some(mschapv2::mppe_keys(&new.nt_hash, response));
    authenticated.credential_us = credential_us;
    authenticated.in_realm_of(&asked.user)
}

fn refuse(
    authenticator: &Authenticator,
    request: &Request,
    asked: &Change,
    refusal: Refusal,
) -> Vec<u8> {
    let error = ms_chap_error(asked.ident, &refusal);
    let error = (MICROSOFT, microsoft::CHAP_ERROR, error);
    answer::refuse_with(
        authenticator,
        request,
        METHOD,
        &asked.user,
        refusal,
        &[error],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_spent_until_many_others_were() {
        let spent = Spent::default();
        let challenge = |number: usize| {
            let mut challenge = [0; 16];
            challenge[..8].copy_from_slice(&number.to_be_bytes());
            challenge
        };
        spent.insert(challenge(0));
        spent.insert(challenge(0));
        assert!(spent.contains(&challenge(0)) && !spent.contains(&challenge(1)));
        for number in 1..=LIMIT {
            spent.insert(challenge(number));
        }
        assert!(!spent.contains(&challenge(0)) && spent.contains(&challenge(1)));
    }
}
