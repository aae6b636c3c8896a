//! A token bucket in integers: how much somebody may send. Time is an argument.

/// Thousandths of a token, so that milliseconds divide evenly.
const WHOLE: u64 = 1_000;

/// Allows a long-run rate and, after a pause, a burst.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    per_s: u64,
    full: u64,
    tokens: u64,
    at_ms: u64,
}

impl TokenBucket {
    /// Starts full.
    pub(crate) fn new(now_ms: u64, per_s: u32, burst: u32) -> Self {
        let full = u64::from(burst) * WHOLE;
        Self {
            per_s: per_s.into(),
            full,
            tokens: full,
            at_ms: now_ms,
        }
    }

    /// Whether nothing is missing: such a bucket is like a new one.
    pub(crate) fn is_full(&self, now_ms: u64) -> bool {
        let gained = now_ms.saturating_sub(self.at_ms).saturating_mul(self.per_s);
        self.tokens.saturating_add(gained) >= self.full
    }

    /// Takes one token, if there is one.
    pub(crate) fn allows_one(&mut self, now_ms: u64) -> bool {
        let gained = now_ms.saturating_sub(self.at_ms).saturating_mul(self.per_s);
        self.at_ms = self.at_ms.max(now_ms);
        self.tokens = self.tokens.saturating_add(gained).min(self.full);
        let allowed = self.tokens >= WHOLE;
        if allowed {
            self.tokens -= WHOLE;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_long_run_rate() {
        let mut bucket = TokenBucket::new(1_000, 10, 3);
        let taken = |bucket: &mut TokenBucket, now_ms| {
            (0..100).filter(|_| bucket.allows_one(now_ms)).count()
        };
        assert_eq!(taken(&mut bucket, 1_000), 3);
        assert_eq!(taken(&mut bucket, 1_100), 1);
        assert_eq!(taken(&mut bucket, 11_000), 3);
        assert_eq!(taken(&mut bucket, 10_000), 0, "time never goes back");
    }
}
