//! The second factor: the code of an authenticator app (TOTP, RFC 6238) that some users have to show besides their password.
//!
//! It comes as the answer to a challenge of its own (PAP by Access-Challenge, EAP-GTC by a second prompt), or right behind the
//! password where a method has room for one answer only.
//!
//! *Invariants*: a code works once, also after a restart. Guessing is limited by user, however the name is spelled, and station. The State of a challenge is
//! random, works once, and only behind the client, for the user and for the station that it was made for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nac_portal::totp;
use nac_radius::{Code, MacAddr, PacketBuilder, attribute};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::request::Request;
use super::{Authenticator, Progress, random};
use crate::identity::guesses::Guesses;
use crate::reason::Refusal;
use crate::snapshot::directory::UserEntry;

/// Wrong codes per user and span: who knows the password guesses one code of a million, three of which are right at a time.
const WRONG_PER_SPAN: u32 = 10;
const SPAN: Duration = Duration::from_secs(600);
/// How long somebody may look for their telephone.
const CHALLENGE_LIFETIME: Duration = Duration::from_secs(120);
/// Challenges at once; only who knew a password began one. The oldest gives way.
const CHALLENGE_LIMIT: usize = 16_384;
/// What the user reads (RFC 2865 section 5.18).
const PROMPT: &str = "Enter the code of your authenticator app";

/// The State attribute of a challenge.
type State = [u8; 16];

/// What is remembered of codes and challenges.
#[derive(Debug)]
pub(super) struct SecondFactors {
    /// The last time step of which a user used a code. There is an entry for users with an app only, so their number bounds it.
    used: Mutex<HashMap<Uuid, i64>>,
    guesses: Guesses,
    challenges: Mutex<Challenges>,
}

impl Default for SecondFactors {
    fn default() -> Self {
        Self {
            used: Mutex::default(),
            guesses: Guesses::new(WRONG_PER_SPAN, SPAN),
            challenges: Mutex::default(),
        }
    }
}

/// What came behind a password.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Appended {
    /// The time step whose code it is; it is not used up yet.
    step: Option<i64>,
    /// It looks like a code.
    digits: bool,
}

/// What a right password is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    /// The user has no app.
    NotNeeded,
    /// The right code came along.
    Checked,
    /// A code has to be asked for.
    Needed,
}

impl Authenticator {
    /// Takes the code of a user with an app off the end of what was sent as the password, if it is a right one. Otherwise all of it
    /// is the password.
    pub(super) fn split_code(
        &self,
        user: &str,
        station: Option<MacAddr>,
        sent: Zeroizing<Vec<u8>>,
    ) -> (Zeroizing<Vec<u8>>, Appended) {
        let mut appended = Appended::default();
        let entry = self.world.directory.user(user);
        let Some((entry, secret)) = entry
            .as_ref()
            .and_then(|entry| Some((entry, entry.totp.as_ref()?)))
        else {
            return (sent, appended);
        };
        let Some((password, code)) = sent
            .len()
            .checked_sub(totp::DIGITS)
            .filter(|end| *end > 0)
            .and_then(|end| sent.split_at_checked(end))
        else {
            return (sent, appended);
        };
        appended.digits = code.iter().all(u8::is_ascii_digit);
        if !self
            .second_factors
            .guesses
            .may_try(&entry.name, station, Instant::now())
        {
            return (sent, appended);
        }
        appended.step = right_step(secret.expose(), code);
        match appended.step {
            Some(_) => (Zeroizing::new(password.to_vec()), appended),
            None => (sent, appended),
        }
    }

    /// What follows once the password was checked.
    pub(super) fn second_factor(
        &self,
        user: &str,
        station: Option<MacAddr>,
        password: Result<(), Refusal>,
        appended: Appended,
    ) -> Result<Factor, Refusal> {
        let entry = self.world.directory.user(user);
        let Some(entry) = entry.filter(|entry| entry.totp.is_some()) else {
            return password.map(|()| Factor::NotNeeded);
        };
        if let Err(refusal) = password {
            // The password may have been right and the code behind it wrong.
            if appended.digits && crate::reason::is_wrong_guess(refusal.code) {
                self.second_factors
                    .guesses
                    .wrong(&entry.name, station, Instant::now());
            }
            return Err(refusal);
        }
        match appended.step {
            Some(step) => self
                .use_code(&entry, station, step)
                .map(|()| Factor::Checked),
            None => Ok(Factor::Needed),
        }
    }

    /// Whether this is a code that the user's app shows now and that nobody has used.
    pub(super) fn check_code(
        &self,
        user: &str,
        station: Option<MacAddr>,
        code: &[u8],
    ) -> Result<(), Refusal> {
        let entry = self.world.directory.user(user);
        let entry = entry.ok_or_else(|| Refusal::unknown_user(user))?;
        let guesses = &self.second_factors.guesses;
        if !guesses.may_try(&entry.name, station, Instant::now()) {
            return Err(Refusal::too_many_codes(user));
        }
        let secret = entry.totp.as_ref();
        let code: Vec<u8> = code.trim_ascii().to_vec();
        let code = Zeroizing::new(code);
        match secret.and_then(|secret| right_step(secret.expose(), &code)) {
            Some(step) => self.use_code(&entry, station, step),
            None => {
                guesses.wrong(&entry.name, station, Instant::now());
                Err(Refusal::wrong_code(user))
            }
        }
    }

    fn use_code(
        &self,
        entry: &UserEntry,
        station: Option<MacAddr>,
        step: i64,
    ) -> Result<(), Refusal> {
        {
            let mut used = lock(&self.second_factors.used);
            let last = used.entry(entry.id).or_default();
            if step <= entry.totp_last_step.max(*last) {
                return Err(Refusal::used_code(&entry.name));
            }
            *last = step;
        }
        self.writer.code_used(entry.id, step);
        self.second_factors
            .guesses
            .right(&entry.name, station, Instant::now());
        Ok(())
    }

    /// Asks for the code with an Access-Challenge (RFC 2865 section 4.4).
    pub(super) fn challenge_code(&self, request: &Request, user: &str) -> Progress {
        let Some(entry) = self.world.directory.user(user) else {
            return Progress::Silence;
        };
        let state: State = random();
        let challenge = Challenge {
            client: request.client.name.clone(),
            user: entry,
            station: request.mac,
        };
        lock(&self.second_factors.challenges).insert(state, challenge, Instant::now());
        let mut reply = PacketBuilder::reply(Code::AccessChallenge, &request.packet());
        let pushed = reply
            .push_text(attribute::REPLY_MESSAGE, PROMPT)
            .and_then(|()| reply.push(attribute::STATE, &state));
        match pushed {
            Ok(()) => Progress::Reply(reply.seal(request.secret())),
            // Two short attributes always fit.
            Err(_) => Progress::Silence,
        }
    }

    /// Checks the answer to a challenge: its State, then the code.
    pub(super) fn answer_code(
        &self,
        request: &Request,
        state: &[u8],
        user: &str,
        code: &[u8],
    ) -> Result<(), Refusal> {
        let entry = self.world.directory.user(user);
        let entry = entry.ok_or_else(Refusal::unknown_challenge)?;
        let of = Challenge {
            client: request.client.name.clone(),
            user: entry,
            station: request.mac,
        };
        if !lock(&self.second_factors.challenges).take(state, &of, Instant::now()) {
            return Err(Refusal::unknown_challenge());
        }
        self.check_code(user, request.mac, code)
    }
}

fn right_step(secret: &[u8], code: &[u8]) -> Option<i64> {
    let code = std::str::from_utf8(code).ok()?;
    totp::check(secret, code, totp::now_s())
}

fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom a code is awaited from, after the right password.
#[derive(Clone, Debug)]
struct Challenge {
    client: String,
    user: Arc<UserEntry>,
    station: Option<MacAddr>,
}

impl Challenge {
    /// Whether somebody may answer for another. A password that was changed since has not been shown.
    fn is_that_of(&self, other: &Self) -> bool {
        self.client == other.client
            && self.station == other.station
            && self.user.id == other.user.id
            && self.user.password == other.user.password
    }
}

#[derive(Debug, Default)]
struct Challenges {
    open: HashMap<State, (Instant, Challenge)>,
    /// By birth: the lifetime is constant, so that is the order of expiry.
    order: VecDeque<(Instant, State)>,
}

impl Challenges {
    fn insert(&mut self, state: State, challenge: Challenge, now: Instant) {
        while let Some((began, oldest)) = self.order.front().copied() {
            let over = now.saturating_duration_since(began) >= CHALLENGE_LIFETIME;
            if !over && self.order.len() < CHALLENGE_LIMIT {
                break;
            }
            self.order.pop_front();
            self.open.remove(&oldest);
        }
        self.order.push_back((now, state));
        self.open.insert(state, (now, challenge));
    }

    /// Uses a challenge up. One that belongs to somebody else stays theirs.
    fn take(&mut self, state: &[u8], of: &Challenge, now: Instant) -> bool {
        let Ok(state) = State::try_from(state) else {
            return false;
        };
        let Some((began, challenge)) = self.open.get(&state) else {
            return false;
        };
        if !challenge.is_that_of(of) {
            return false;
        }
        let in_time = now.saturating_duration_since(*began) < CHALLENGE_LIFETIME;
        self.open.remove(&state);
        in_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(client: &str, user: Uuid, station: u8) -> Challenge {
        challenge_with(client, user, station, "$argon2id$1")
    }

    fn challenge_with(client: &str, user: Uuid, station: u8, password: &str) -> Challenge {
        Challenge {
            client: client.to_owned(),
            user: Arc::new(UserEntry {
                id: user,
                name: "alice".to_owned(),
                enabled: true,
                password: Some(password.to_owned()),
                challenge: None,
                totp: None,
                totp_last_step: 0,
                password_expires_us: None,
                groups: Vec::new(),
            }),
            station: Some(MacAddr::new([2, 0, 0, 0, 0, station])),
        }
    }

    #[test]
    fn a_state_works_once_and_for_nobody_else() {
        let (now, user) = (Instant::now(), Uuid::now_v7());
        let mut challenges = Challenges::default();
        let own = challenge("vpn", user, 1);
        challenges.insert([7; 16], own.clone(), now);
        for other in [
            challenge("vpn2", user, 1),
            challenge("vpn", Uuid::now_v7(), 1),
            challenge("vpn", user, 2),
            challenge_with("vpn", user, 1, "$argon2id$2"),
        ] {
            assert!(!challenges.take(&[7; 16], &other, now), "{other:?}");
        }
        assert!(!challenges.take(&[8; 16], &own, now));
        assert!(!challenges.take(&[7; 15], &own, now));
        assert!(challenges.take(&[7; 16], &own, now));
        assert!(!challenges.take(&[7; 16], &own, now));
    }

    #[test]
    fn a_challenge_ends_and_many_of_them_fill_no_memory() {
        let (now, user) = (Instant::now(), Uuid::now_v7());
        let own = challenge("vpn", user, 1);
        let mut challenges = Challenges::default();
        challenges.insert([7; 16], own.clone(), now);
        assert!(!challenges.take(&[7; 16], &own, now + CHALLENGE_LIFETIME));
        for number in 0..2 * CHALLENGE_LIMIT as u128 {
            challenges.insert(number.to_be_bytes(), own.clone(), now);
        }
        assert!(challenges.open.len() <= CHALLENGE_LIMIT);
        assert!(challenges.order.len() <= CHALLENGE_LIMIT);
    }
}
