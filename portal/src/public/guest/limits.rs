//! How often somebody may try: by RADIUS session, by device, by address, and everybody together. What a person can change at will,
//! such as a header, is no key here.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use nac_store::Session;

use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;
use crate::web::Failure;

/// More keys than this are tidied up.
const KEYS_MAX: usize = 10_000;

/// The limits of all guest pages. They forget at a restart.
#[derive(Debug)]
pub struct Limits {
    codes: Tries,
    forms: Tries,
    sign_ins: Tries,
    mails: DefaultKeyedRateLimiter<String>,
    wrong_codes: DefaultDirectRateLimiter,
    newcomers: DefaultKeyedRateLimiter<String>,
}

/// Limits for one kind of try.
#[derive(Debug)]
struct Tries {
    each: DefaultKeyedRateLimiter<String>,
    source: DefaultKeyedRateLimiter<String>,
}

impl Tries {
    fn new(each: u32, source: u32, window: Duration) -> Self {
        Self {
            each: RateLimiter::keyed(quota(each, window)),
            source: RateLimiter::keyed(quota(source, window)),
        }
    }

    fn check(&self, keys: &[String], source: String) -> bool {
        let each = keys.iter().fold(true, |allowed, key| {
            tidy(&self.each);
            self.each.check_key(key).is_ok() && allowed
        });
        tidy(&self.source);
        self.source.check_key(&source).is_ok() && each
    }
}

impl Default for Limits {
    fn default() -> Self {
        let minutes = |number: u64| Duration::from_secs(60 * number);
        Self {
            codes: Tries::new(10, 30, minutes(10)),
            forms: Tries::new(10, 30, minutes(60)),
            sign_ins: Tries::new(10, 30, minutes(10)),
            mails: RateLimiter::keyed(quota(1, minutes(1))),
            // Ten in a second: with ten thousand codes alive, somebody finds one in centuries.
            wrong_codes: RateLimiter::direct(quota(100, Duration::from_secs(10))),
            newcomers: RateLimiter::keyed(quota(1, minutes(60))),
        }
    }
}

impl Limits {
    /// A code is tried. While too many wrong ones arrive from everywhere, only who has not tried before may.
    pub(super) fn code(&self, shell: &Shell, session: &Session) -> Result<(), PublicFailure> {
        let keys = keys(session);
        tidy(&self.newcomers);
        // Each is asked, so that each is remembered.
        let new_keys = keys
            .iter()
            .filter(|key| self.newcomers.check_key(key).is_ok())
            .count();
        let newcomer = new_keys == keys.len();
        let flooded = !newcomer && self.wrong_codes.check().is_err();
        let source = shell.visitor().source.to_string();
        told(self.codes.check(&keys, source) && !flooded, shell, "codes")
    }

    /// A code was wrong.
    pub(super) fn code_was_wrong(&self) {
        if self.wrong_codes.check().is_err() {
            tracing::warn!("many wrong voucher codes: somebody may be trying them out");
        }
    }

    /// A form is sent.
    pub(super) fn form(&self, shell: &Shell, session: &Session) -> Result<(), PublicFailure> {
        let source = shell.visitor().source.to_string();
        told(self.forms.check(&keys(session), source), shell, "forms")
    }

    /// A sponsor signs in.
    pub(super) fn sign_in(&self, shell: &Shell, name: &str) -> Result<(), PublicFailure> {
        let source = shell.visitor().source.to_string();
        // By name and address together: nobody can lock others out.
        let key = format!("{source} {}", nac_store::user_key(name));
        told(self.sign_ins.check(&[key], source), shell, "sign-ins")
    }

    /// A mail is asked for again. Says whether it may be sent.
    pub(super) fn mail(&self, guest: uuid::Uuid) -> bool {
        tidy(&self.mails);
        self.mails.check_key(&guest.to_string()).is_ok()
    }
}

fn told(allowed: bool, shell: &Shell, what: &str) -> Result<(), PublicFailure> {
    if allowed {
        return Ok(());
    }
    tracing::warn!(source = %shell.visitor().source, what, "a guest page was tried too often");
    Err(Failure::TooMany(format!("too many {what}")).into())
}

fn keys(session: &Session) -> Vec<String> {
    let mac = session.mac.iter().cloned();
    mac.chain([session.id.to_string()]).collect()
}

fn quota(times: u32, window: Duration) -> Quota {
    let times = NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN);
    let step = (window / times.get()).max(Duration::from_millis(1));
    Quota::with_period(step).map_or_else(
        || Quota::per_second(times),
        |quota| quota.allow_burst(times),
    )
}

fn tidy(limiter: &DefaultKeyedRateLimiter<String>) {
    if limiter.len() > KEYS_MAX {
        limiter.retain_recent();
    }
}
