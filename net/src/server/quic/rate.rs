//! A token bucket: how much one session may send. Time is an argument.

use std::time::Instant;

/// Allows a long-run rate and, after a pause, a burst.
#[derive(Debug)]
pub(super) struct RateLimit {
    per_s: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl RateLimit {
    /// Starts full.
    pub(super) fn new(now: Instant, per_s: u32, burst: u32) -> Self {
        Self {
            per_s: per_s.into(),
            burst: burst.into(),
            tokens: burst.into(),
            at: now,
        }
    }

    /// Takes one token, if there is one.
    pub(super) fn allows_one(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.per_s;
        self.at = now;
        self.tokens = (self.tokens + gained).min(self.burst);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do; only differences count"
    )]
    fn a_burst_then_the_long_run_rate() {
        let start = Instant::now();
        let mut limit = RateLimit::new(start, 10, 3);
        let taken = |limit: &mut RateLimit, ms| {
            let now = start + Duration::from_millis(ms);
            (0..100).filter(|_| limit.allows_one(now)).count()
        };
        assert_eq!(taken(&mut limit, 0), 3);
        assert_eq!(taken(&mut limit, 100), 1);
        assert_eq!(taken(&mut limit, 10_000), 3);
    }
}
