//! How many snapshot bytes a client may be sent in a tick: what its path takes, never more than the
//! configured budget, never less than what the own state and a few others need.
//!
//! The driver reports what the congestion controller thinks of the path a few times a second: bytes that
//! may be under way at once, and how long a round trip takes. One by the other is a rate. A first
//! report, and a lower one, counts at once; a higher one is approached by a quarter of the way a report,
//! so that one lucky round trip does not fill a path that was full a moment ago.

use crate::server::event::PathReport;
use crate::server::hub_config::BUDGET_BYTES_MIN;

/// Shortest round trip that is believed, microseconds: below, the rate is of no interest any more.
const RTT_US_MIN: u64 = 5_000;

/// One session's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    /// Bytes a second; `None` before the first report.
    rate: Option<u64>,
}

impl Allowance {
    /// The driver has looked.
    pub(crate) fn report(&mut self, path: PathReport) {
        let rtt_us = u64::from(path.rtt_us).max(RTT_US_MIN);
        let rate = path.window_bytes.saturating_mul(1_000_000) / rtt_us;
        self.rate = Some(match self.rate {
            Some(before) if before < rate => before + (rate - before).div_ceil(4),
            _ => rate,
        });
    }

    /// Bytes for this tick.
    pub(crate) fn bytes(&self, budget_bytes: u32, tick_hz: u32) -> u32 {
        let Some(rate) = self.rate else {
            return budget_bytes;
        };
        let path = u32::try_from(rate / u64::from(tick_hz.max(1))).unwrap_or(u32::MAX);
        path.clamp(BUDGET_BYTES_MIN, budget_bytes.max(BUDGET_BYTES_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(window_bytes: u64, rtt_ms: u32) -> PathReport {
        PathReport {
            window_bytes,
            rtt_us: rtt_ms * 1_000,
            lost: 0,
        }
    }

    #[test]
    fn a_good_path_takes_the_whole_budget_and_a_bad_one_what_it_can() {
        let mut allowance = Allowance::default();
        assert_eq!(allowance.bytes(1_100, 20), 1_100, "nothing is known yet");
        allowance.report(path(14_720, 80));
        assert_eq!(allowance.bytes(1_100, 20), 1_100);
        allowance.report(path(2_400, 200));
        assert_eq!(allowance.bytes(1_100, 20), 600, "at once");
        allowance.report(path(2_400, 900));
        assert_eq!(allowance.bytes(1_100, 20), BUDGET_BYTES_MIN);
        assert_eq!(allowance.bytes(1_100, 120), BUDGET_BYTES_MIN);
    }

    #[test]
    fn what_a_path_takes_again_is_approached_step_by_step() {
        let mut allowance = Allowance::default();
        allowance.report(path(2_400, 200));
        let mut before = allowance.bytes(1_100, 20);
        for _ in 0..3 {
            allowance.report(path(4_400, 200));
            let now = allowance.bytes(1_100, 20);
            assert!(before < now && now < 1_100, "{before} {now}");
            before = now;
        }
        (0..40).for_each(|_| allowance.report(path(4_400, 200)));
        assert_eq!(allowance.bytes(1_100, 20), 1_100);
    }

    #[test]
    fn nonsense_does_no_harm() {
        let mut allowance = Allowance::default();
        for (window, rtt_us) in [(0, 0), (u64::MAX, 0), (u64::MAX, u32::MAX), (0, u32::MAX)] {
            allowance.report(PathReport {
                window_bytes: window,
                rtt_us,
                lost: u32::MAX,
            });
            let bytes = allowance.bytes(1_100, 20);
            assert!((BUDGET_BYTES_MIN..=1_100).contains(&bytes));
        }
    }
}
