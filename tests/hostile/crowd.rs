//! Who logs in beside a flood: a person by password, a printer by its MAC, supplicants by EAP. At least 99 of 100 get in.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nac_eap::peer::PeerMethod;
use nac_test_support::supplicant::try_log_in;
use nac_test_support::wait;

use crate::ground::{Ground, is_accepted, mab, pap};

/// How long a flood lasts.
const LASTS: Duration = Duration::from_secs(6);
/// Threads that send it.
const SENDERS: u8 = 2;
/// Logins of each kind, at least.
const LOGINS: u32 = 25;
/// A switch has other things to do between two logins.
const BREATH: Duration = Duration::from_millis(10);

/// How a kind of login went.
#[derive(Debug, Default)]
struct Tally {
    tried: u32,
    let_in: u32,
    slowest: Duration,
}

impl Tally {
    fn add(&mut self, login: impl FnOnce() -> bool) {
        let began = Instant::now();
        self.let_in += u32::from(login());
        self.tried += 1;
        self.slowest = self.slowest.max(began.elapsed());
    }

    fn assert_served(&self, kind: &str) {
        assert!(
            self.let_in * 100 >= self.tried * 99,
            "{} of {} were let in by {kind}, the slowest after {:?}",
            self.let_in,
            self.tried,
            self.slowest
        );
    }
}

/// Sends `wave` after `wave` for some seconds: it is told which sender it is and how many waves that one has sent. Meanwhile the
/// crowd logs in; each asks again after a second or two, five times in all, as a switch does. Gives how many waves there were.
///
/// # Panics
///
/// When fewer than 99 of 100 are let in, or the server does not survive.
pub(crate) fn served_beside(ground: &Ground, wave: impl Fn(u8, u32) + Sync) -> u32 {
    let _turn = turn();
    let (over, waves) = (AtomicBool::new(false), AtomicU32::new(0));
    let (wave, over, waves) = (&wave, &over, &waves);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    wave(sender, number);
                    waves.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let ends = Instant::now() + LASTS;
        let by_eap = scope.spawn(move || supplicants(ground, ends));
        let by_password = passwords(ground, ends);
        let by_eap = by_eap.join();
        over.store(true, Ordering::Relaxed);
        by_eap.expect("nobody panics");
        by_password.assert_served("password and MAC");
    });
    ground.survived();
    waves.load(Ordering::Relaxed)
}

/// Two floods at once would say more about the machine than about the server: whoever holds this sends, or measures, alone.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // Another that failed is no reason to fail.
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Alice types her password, and a printer is switched on.
fn passwords(ground: &Ground, ends: Instant) -> Tally {
    let client = ground.client("127.0.0.1:0");
    let mut tally = Tally::default();
    while Instant::now() < ends || tally.tried < 2 * LOGINS {
        let identifier = (tally.tried / 2) as u8;
        tally.add(|| is_accepted(&client, &pap(&client, identifier, true)));
        tally.add(|| is_accepted(&client, &mab(&client, identifier)));
        wait::pause(BREATH);
    }
    tally
}

/// Alice's laptop and her phone.
fn supplicants(ground: &Ground, ends: Instant) {
    let client = ground.client("127.0.0.1:0");
    for method in [PeerMethod::Tls, PeerMethod::PeapMschapv2] {
        let profile = ground.profile(method);
        let mut tally = Tally::default();
        let half = ends - LASTS / 2;
        let until = if method == PeerMethod::Tls {
            half
        } else {
            ends
        };
        while Instant::now() < until || tally.tried < LOGINS {
            tally.add(|| try_log_in(&client, &profile).is_some_and(|login| login.is_accepted()));
            wait::pause(BREATH);
        }
        tally.assert_served(method.name());
    }
}
