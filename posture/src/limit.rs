//! Token buckets: how often somebody may ask.

/// A bucket that fills with time. Times are arguments, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    tokens: f64,
    filled_us: i64,
}

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens a second.
    pub per_second: f64,
    /// The most tokens it holds, and what it starts with.
    pub burst: f64,
}

impl TokenBucket {
    pub(crate) fn full(rate: Rate, now_us: i64) -> Self {
        Self {
            tokens: rate.burst,
            filled_us: now_us,
        }
    }

    /// Takes one token if there is one.
    pub(crate) fn take(&mut self, rate: Rate, now_us: i64) -> bool {
        // A clock that was set back gives nothing and takes nothing.
        let passed_us = now_us
            .saturating_sub(self.filled_us)
            .clamp(0, 3_600_000_000);
        self.filled_us = now_us;
        let passed_s = f64::from(u32::try_from(passed_us).unwrap_or(u32::MAX)) / 1_000_000.0;
        self.tokens = (self.tokens + passed_s * rate.per_second).min(rate.burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let rate = Rate {
            per_second: 2.0,
            burst: 3.0,
        };
        let mut bucket = TokenBucket::full(rate, 0);
        assert_eq!((0..5).filter(|_| bucket.take(rate, 0)).count(), 3);
        assert!(bucket.take(rate, 500_000));
        assert!(!bucket.take(rate, 600_000));
        assert!(!bucket.take(rate, 0), "a clock set back gives nothing");
    }
}
