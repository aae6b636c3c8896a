//! Ticks at even times, and how long each took.

use std::time::{Duration, Instant};

/// Even times.
#[derive(Debug)]
pub struct Ticker {
    period: Duration,
    next: Instant,
    times: TickTimes,
    began: Instant,
}

/// How long ticks took, milliseconds.
#[derive(Clone, Debug, Default)]
pub struct TickTimes(Vec<f32>);

impl Ticker {
    /// So many a second, from now on.
    #[must_use]
    pub fn new(hz: u32) -> Self {
        let now = Instant::now();
        Self {
            period: Duration::from_secs(1) / hz,
            next: now,
            times: TickTimes::default(),
            began: now,
        }
    }

    /// Sleeps until the next tick is due; who is late by more than a second begins anew from now.
    pub fn wait(&mut self) {
        self.next += self.period;
        let now = Instant::now();
        if self.next > now {
            std::thread::sleep(self.next - now);
        } else if now - self.next > Duration::from_secs(1) {
            self.next = now;
        }
        self.began = Instant::now();
    }

    /// The tick's work is done.
    pub fn done(&mut self) {
        self.times.0.push(self.began.elapsed().as_secs_f32() * 1e3);
    }

    /// All so far; begins anew.
    pub fn take(&mut self) -> TickTimes {
        std::mem::take(&mut self.times)
    }
}

impl TickTimes {
    /// A line of JSON for whoever runs this; of the last half, when everybody is in.
    #[must_use]
    pub fn json(&self) -> String {
        let mut last = self.0[self.0.len() / 2..].to_vec();
        last.sort_by(f32::total_cmp);
        let at = |share: f32| {
            last.get(((last.len() as f32 - 1.0) * share) as usize)
                .copied()
        };
        let (p50, p99) = (at(0.5).unwrap_or(0.0), at(0.99).unwrap_or(0.0));
        format!(
            "{{\"ticks\": {}, \"tick_ms\": {{\"p50\": {p50:.3}, \"p99\": {p99:.3}}}}}",
            self.0.len()
        )
    }
}
