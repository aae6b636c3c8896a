//! How long ticks take: one histogram since the start and one of the last second.
//!
//! Recorded in microseconds with three significant digits, up to a minute.

use std::time::Duration;

use hdrhistogram::Histogram;

const HIGHEST_US: u64 = 60_000_000;

/// Durations of ticks.
#[derive(Debug)]
pub struct TickTimes {
    since_start: Histogram<u64>,
    window: Histogram<u64>,
}

/// Milliseconds at which a share of all ticks was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All.
    pub max: f64,
}

impl TickTimes {
    /// Empty.
    pub fn new() -> Self {
        let empty = || {
            Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("1 < 2 * highest, 3 digits <= 5")
        };
        Self {
            since_start: empty(),
            window: empty(),
        }
    }

    /// One more tick.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros())
            .unwrap_or(HIGHEST_US)
            .clamp(1, HIGHEST_US);
        self.since_start.saturating_record(micros);
        self.window.saturating_record(micros);
    }

    /// Since the start.
    pub fn since_start(&self) -> Percentiles {
        percentiles(&self.since_start)
    }

    /// Since the last call.
    pub fn take_window(&mut self) -> Percentiles {
        let taken = percentiles(&self.window);
        self.window.reset();
        taken
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    if histogram.is_empty() {
        return Percentiles::default();
    }
    let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    Percentiles {
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: at(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds_and_the_window_starts_anew() {
        let mut times = TickTimes::new();
        for ms in 1..=100 {
            times.record(Duration::from_millis(ms));
        }
        let close = |a: f64, b: f64| (a - b).abs() <= b * 0.002;
        let all = times.take_window();
        assert!(
            close(all.p50, 50.0) && close(all.p99, 99.0) && close(all.max, 100.0),
            "{all:?}"
        );
        assert_eq!(times.take_window(), Percentiles::default());
        assert!(close(times.since_start().p95, 95.0));
    }

    #[test]
    fn an_absurd_duration_is_capped_not_lost() {
        let mut times = TickTimes::new();
        times.record(Duration::from_secs(100_000));
        assert!(times.since_start().max > 59_000.0);
    }
}
