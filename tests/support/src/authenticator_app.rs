//! An authenticator app of our own, from RFC 4226 and RFC 6238: it shares no code with the server.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::wait;

/// A time step (RFC 6238 section 4.1), in seconds.
const STEP: i64 = 30;

/// An app with one account.
#[derive(Debug)]
pub struct AuthenticatorApp {
    secret: Vec<u8>,
    last: Cell<i64>,
}

impl AuthenticatorApp {
    /// Takes the secret as people type it, in base32 (RFC 4648 section 6).
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn new(base32: &str) -> Self {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut bits, mut held, mut secret) = (0_u32, 0_u32, Vec::new());
        for letter in base32.trim_end_matches('=').chars() {
            let value = ALPHABET.find(letter).expect("base32");
            bits = bits << 5 | value as u32;
            held += 5;
            if held >= 8 {
                held -= 8;
                secret.push((bits >> held) as u8);
                bits &= (1 << held) - 1;
            }
        }
        let last = Cell::new(0);
        Self { secret, last }
    }

    /// A code that the server takes and that this app has not shown before: the present one, or else the next, for which a server
    /// that bears clocks one step off need not be waited for. Beyond that, time has to pass.
    ///
    /// # Panics
    ///
    /// When the clock stands still.
    pub fn code(&self) -> String {
        let step = now().max(self.last.get() + 1);
        let in_time = wait::until(Duration::from_secs(120), || step <= now() + 1);
        assert!(in_time, "the clock goes on");
        self.last.set(step);
        self.code_of(step)
    }

    /// The code that it showed last.
    #[must_use]
    pub fn last_code(&self) -> String {
        self.code_of(self.last.get())
    }

    /// Six digits that are wrong now and for a while.
    ///
    /// # Panics
    ///
    /// Never: there are more digits than moments.
    #[must_use]
    pub fn wrong_code(&self) -> String {
        let right: Vec<String> = (-10..20).map(|off| self.code_of(now() + off)).collect();
        let mut guesses = (0..).map(|guess| format!("{guess:06}"));
        let wrong = guesses.find(|guess| !right.contains(guess));
        wrong.expect("there is always another")
    }

    /// RFC 4226 section 5.3.
    fn code_of(&self, step: i64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("a key of any length");
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash[19] & 0xf);
        let number = u32::from_be_bytes([
            hash[offset] & 0x7f,
            hash[offset + 1],
            hash[offset + 2],
            hash[offset + 3],
        ]);
        format!("{:06}", number % 1_000_000)
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64) / STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238_appendix_b() {
        let app = AuthenticatorApp::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(app.secret, b"12345678901234567890");
        assert_eq!(app.code_of(59 / STEP), "287082");
        assert_eq!(app.code_of(1_111_111_109 / STEP), "081804");
        assert_eq!(app.code_of(20_000_000_000 / STEP), "353130");
    }
}
