//! The methods that need one round trip: MAB, PAP, CHAP and MS-CHAPv2.

use std::sync::Arc;
use std::time::Instant;

use nac_eap::mschapv2;
use nac_policy::IdentityKind;
use nac_radius::vendor::{MICROSOFT, microsoft};
use nac_radius::{Packet, attribute, chap_password_valid};
use zeroize::Zeroizing;

use super::answer::{self, Authenticated};
use super::credentials::{Credentials, MsChapV2Response};
use super::expired::{self, Change};
use super::request::Request;
use super::second_factor::{Appended, Factor};
use super::{Authenticator, Progress, random};
use crate::identity::password::{Check, Verified};
use crate::reason::Refusal;
use crate::snapshot::directory::UserEntry;

/// Checks the credentials of a request without EAP and answers it.
pub(super) fn check(
    authenticator: &Arc<Authenticator>,
    request: Request,
    credentials: Credentials,
) -> Progress {
    let reply = match credentials {
        Credentials::Mab(mac) => {
            let mut authenticated =
                Authenticated::new(IdentityKind::Mac, mac.to_string(), "mac", "MAB");
            authenticated.mac = Some(mac);
            answer::conclude(authenticator, &request, authenticated)
        }
        Credentials::Pap { user, password } => return pap(authenticator, request, user, password),
        Credentials::Chap { user } => {
            match authenticator.may_guess(&user, request.mac).and_then(|()| {
                let result = chap(authenticator, &request.packet(), &user);
                authenticator.guessed(&user, request.mac, result)
            }) {
                Ok(account) => {
                    let authenticated = Authenticated::new(
                        IdentityKind::User,
                        account.name.clone(),
                        "local",
                        "CHAP",
                    )
                    .in_realm_of(&user);
                    answer::conclude(authenticator, &request, authenticated)
                }
                Err(refusal) => answer::refuse(authenticator, &request, "CHAP", &user, refusal),
            }
        }
        Credentials::MsChapV2 {
            user,
            challenge,
            response,
        } => match authenticator.may_guess(&user, request.mac).and_then(|()| {
            let result = ms_chap_v2(authenticator, &user, &challenge, &response);
            authenticator.guessed(&user, request.mac, result)
        }) {
            Ok(authenticated) => answer::conclude(authenticator, &request, authenticated),
            Err(refusal) => {
                let error = ms_chap_error(response.ident, &refusal);
                answer::refuse_with(
                    authenticator,
                    &request,
                    "MS-CHAPv2",
                    &user,
                    refusal,
                    &[(MICROSOFT, microsoft::CHAP_ERROR, error)],
                )
            }
        },
        Credentials::MsChapV2Change(asked) => {
            return expired::change(authenticator, request, asked);
        }
        // Sorted out before; an EAP message never comes here.
        Credentials::Eap(_) => return Progress::Silence,
    };
    Progress::Reply(reply)
}

/// Refuses credentials unseen, in the words of their method.
pub(super) fn refuse(
    authenticator: &Authenticator,
    request: &Request,
    credentials: &Credentials,
    refusal: Refusal,
) -> Vec<u8> {
    let method = match credentials {
        Credentials::Eap(_) => "EAP",
        Credentials::Mab(_) => "MAB",
        Credentials::Pap { .. } => "PAP",
        Credentials::Chap { .. } => "CHAP",
        Credentials::MsChapV2 {
            response: MsChapV2Response { ident, .. },
            ..
        }
        | Credentials::MsChapV2Change(Change { ident, .. }) => {
            let error = (
                MICROSOFT,
                microsoft::CHAP_ERROR,
                ms_chap_error(*ident, &refusal),
            );
            let (method, name) = ("MS-CHAPv2", &request.user_name);
            return answer::refuse_with(authenticator, request, method, name, refusal, &[error]);
        }
    };
    answer::refuse(authenticator, request, method, &request.user_name, refusal)
}

/// A password, with the code of an authenticator app behind it perhaps; or, with the State of our challenge, that code alone.
fn pap(
    authenticator: &Arc<Authenticator>,
    request: Request,
    user: String,
    password: Zeroizing<Vec<u8>>,
) -> Progress {
    if is_unsigned(&request) && !is_text(&password) {
        // Nobody typed that. It is no guess, and need not be hashed.
        let refusal = Refusal::noise_for_password();
        let reply = answer::refuse(authenticator, &request, "PAP", &user, refusal);
        return Progress::Reply(reply);
    }
    // Only who has an app was ever sent a State with PAP; for everybody else it means nothing, whatever it is.
    let entry = authenticator.world.directory.user(&user);
    let has_app = entry.is_some_and(|entry| entry.totp.is_some());
    let state = request.packet().attribute(attribute::STATE).map(Vec::from);
    if let Some(state) = state.filter(|_| has_app) {
        let checked = authenticator.answer_code(&request, &state, &user, &password);
        return Progress::Reply(conclude_pap(
            authenticator,
            &request,
            user,
            checked.map(|()| true),
            0,
        ));
    }
    let (password, appended) = authenticator.split_code(&user, request.mac, password);
    match authenticator
        .passwords
        .check(&authenticator.world.directory, &user, password)
    {
        Check::Now(result) => answer_pap(authenticator, &request, user, result, appended, 0),
        Check::Slow(slow) => {
            if let Err(refusal) = authenticator.may_guess(&user, request.mac) {
                let reply = conclude_pap(authenticator, &request, user, Err(refusal), 0);
                return Progress::Reply(reply);
            }
            let authenticator = authenticator.clone();
            Progress::Later(Box::pin(async move {
                let began = Instant::now();
                let may = || authenticator.may_guess(&user, request.mac);
                let result = match authenticator.passwords.verify(slow, may).await {
                    Verified::Answer(result) => result,
                    Verified::NotNow(_) => {
                        if let Some(held) = request.client.complaints.overload.may_speak() {
                            tracing::warn!(client = %request.client.name, held_back = held,
                                "a password check was not answered: more arrive than the cores can do");
                        }
                        return None;
                    }
                };
                let spent = answer::micros(began);
                match answer_pap(&authenticator, &request, user, result, appended, spent) {
                    Progress::Reply(reply) => Some(reply),
                    Progress::Silence | Progress::Later(_) => None,
                }
            }))
        }
    }
}

/// Whether nothing in a request shows that its sender knows the shared secret.
fn is_unsigned(request: &Request) -> bool {
    let packet = request.packet();
    let signed = packet.attribute(attribute::MESSAGE_AUTHENTICATOR).is_some();
    !signed && !request.origin.is_radsec()
}

/// What somebody can have typed. Another secret makes 16 octets of noise of every password, padding and all, and one in some ten thousand
/// of those looks like text.
fn is_text(password: &[u8]) -> bool {
    let typed = |text: &str| text.chars().all(|c| c == '\t' || !c.is_control());
    std::str::from_utf8(password).is_ok_and(typed)
}

/// The password was checked. Who has to show a code as well is asked for it; only then is anything known of the login.
fn answer_pap(
    authenticator: &Authenticator,
    request: &Request,
    user: String,
    password: Result<(), Refusal>,
    appended: Appended,
    credential_us: u64,
) -> Progress {
    let checked = match authenticator.second_factor(&user, request.mac, password, appended) {
        Ok(Factor::Needed) => return authenticator.challenge_code(request, &user),
        Ok(Factor::Checked) => Ok(true),
        Ok(Factor::NotNeeded) => Ok(false),
        Err(refusal) => Err(refusal),
    };
    Progress::Reply(conclude_pap(
        authenticator,
        request,
        user,
        checked,
        credential_us,
    ))
}

/// Everything was checked, with a code or without.
fn conclude_pap(
    authenticator: &Authenticator,
    request: &Request,
    user: String,
    checked: Result<bool, Refusal>,
    credential_us: u64,
) -> Vec<u8> {
    match authenticator.guessed(&user, request.mac, checked) {
        Ok(second_factor) => {
            let name = authenticator.world.directory.registered_name(&user);
            let mut authenticated =
                Authenticated::new(IdentityKind::User, name, "local", "PAP").in_realm_of(&user);
            authenticated.second_factor = second_factor;
            authenticated.credential_us = credential_us;
            answer::conclude(authenticator, request, authenticated)
        }
        Err(refusal) => {
            answer::refuse_checked(authenticator, request, "PAP", &user, refusal, credential_us)
        }
    }
}

/// The account that a challenge-response method needs, with its reversible password.
pub(super) fn challenge_user(
    authenticator: &Authenticator,
    name: &str,
    method: &str,
) -> Result<Arc<UserEntry>, Refusal> {
    let Some(user) = authenticator.world.directory.account(name)? else {
        return Err(Refusal::unknown_user(name));
    };
    if !user.enabled {
        return Err(Refusal::disabled_user(name));
    }
    if user.totp.is_some() {
        return Err(Refusal::no_room_for_code(name, method));
    }
    if user.challenge.is_none() {
        return Err(Refusal::no_challenge_secret(name, method));
    }
    Ok(user)
}

fn chap(
    authenticator: &Authenticator,
    packet: &Packet<'_>,
    name: &str,
) -> Result<Arc<UserEntry>, Refusal> {
    let user = challenge_user(authenticator, name, "CHAP")?;
    let right = user
        .challenge
        .as_ref()
        .is_some_and(|secrets| chap_password_valid(packet, &secrets.cleartext));
    if right {
        Ok(user)
    } else {
        Err(Refusal::wrong_password(name))
    }
}

fn ms_chap_v2(
    authenticator: &Authenticator,
    name: &str,
    challenge: &[u8; 16],
    response: &MsChapV2Response,
) -> Result<Authenticated, Refusal> {
    let user = challenge_user(authenticator, name, "MS-CHAPv2");
    let secrets = user.as_ref().ok().and_then(|user| user.challenge.as_ref());
    // For nobody the same is computed, so that the time does not tell who exists.
    let nt_hash = secrets.map_or([0; 16], |secrets| *secrets.nt_hash);
    let success = mschapv2::verify(
        &nt_hash,
        challenge,
        &response.peer_challenge,
        name,
        &response.nt_response,
    );
    let user = user?;
    let Some(secrets) = &user.challenge else {
        return Err(Refusal::no_challenge_secret(name, "MS-CHAPv2"));
    };
    let success = success.ok_or_else(|| Refusal::wrong_password(name))?;
    if user.password_is_expired() {
        return Err(Refusal::password_expired(name));
    }
    let mut authenticated =
        Authenticated::new(IdentityKind::User, user.name.clone(), "local", "MS-CHAPv2")
            .in_realm_of(name);
    let mut answer = vec![response.ident];
    answer.extend_from_slice(success.as_bytes());
    authenticated
        .vendor
        .push((MICROSOFT, microsoft::CHAP2_SUCCESS, answer));
    authenticated.mppe = Some(mschapv2::mppe_keys(&secrets.nt_hash, &response.nt_response));
    Ok(authenticated)
}

/// MS-CHAP-Error (RFC 2548 section 2.1.5): authentication failure, an expired password or a new one that is not taken; no retry,
/// version 3.
pub(super) fn ms_chap_error(ident: u8, refusal: &Refusal) -> Vec<u8> {
    let error = match refusal.code {
        "NAC-2030" => 648,
        "NAC-2031" => 709,
        _ => 691,
    };
    let challenge = hex::encode_upper(random::<16>());
    let mut value = vec![ident];
    value.extend_from_slice(format!("E={error} R=0 C={challenge} V=3").as_bytes());
    value
}
