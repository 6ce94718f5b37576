//! Waiting for something outside this process, with a deadline.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(20);

/// Waits until `condition` holds; says whether it did within `limit`.
#[must_use]
pub fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        pause(STEP);
    }
}

/// Waits for `time`, where only time itself is the subject of the test.
#[expect(clippy::disallowed_methods, reason = "tests have no runtime to block")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
