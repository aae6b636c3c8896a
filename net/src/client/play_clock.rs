//! Which tick to show when: others are shown a little in the past, so that there is always a state to
//! move them towards.
//!
//! Where the server's clock stands is seen from arrivals: the tick of a snapshot, less the ticks that local
//! time says have passed, is the same for all but for what each was under way. The least delayed ones of the
//! last seconds tell the clock, the most delayed ones how far behind it one has to be. A silence moves
//! neither: time goes on. What is shown follows slowly, faster or slower by a twentieth at most, and never
//! backwards; only if it is off by much, as after a restart of the server, it jumps.
//!
//! Sans IO: local time is an argument, in microseconds of any steady clock.

use std::collections::VecDeque;

use bluemarble_shared_protocol::{Strain, Tick};

/// Arrivals remembered: three seconds at 20 Hz.
const ARRIVALS: usize = 64;
/// The latest one in so many does not count: an accident is not a line.
const OUTLIERS: usize = 2;
/// How much faster or slower than the server's clock what is shown may run.
const SLEW: f64 = 0.05;
/// The share of a difference that is made good per tick, within [`SLEW`].
const GAIN: f64 = 0.1;
/// Further off than this, ticks, what is shown jumps.
const JUMP: f64 = 15.0;
/// Beside what the line needs: an arrival at the last moment is not shown late by rounding.
const MARGIN: f64 = 0.25;
/// Most that is advised, seconds: who is shown later than that cannot be played against.
const DELAY_MAX_S: f64 = 0.5;

/// The clock.
#[derive(Clone, Debug)]
pub struct PlayClock {
    tick_hz: f64,
    /// Ticks per microsecond now.
    rate: f64,
    /// Local time and the ticks that have passed by it since the first arrival.
    passed: Option<(u64, f64)>,
    /// Of each arrival: its tick less the ticks passed.
    leads: VecDeque<f64>,
    /// Greatest and nearly least of those.
    best: f64,
    late: f64,
    /// What is shown, less the ticks passed; and the ticks passed when that was so.
    shown: Option<(f64, f64)>,
}

impl PlayClock {
    /// For a world of so many ticks a second.
    #[must_use]
    pub fn new(tick_hz: u32) -> Self {
        let tick_hz = f64::from(tick_hz.max(1));
        Self {
            tick_hz,
            rate: tick_hz / 1e6,
            passed: None,
            leads: VecDeque::with_capacity(ARRIVALS),
            best: 0.0,
            late: 0.0,
            shown: None,
        }
    }

    /// A snapshot of `tick`, the newest so far, arrived; `strain` is what it says about the server.
    pub fn observe(&mut self, now_us: u64, tick: Tick, strain: Strain) {
        let passed = self.advance(now_us);
        // From here on: a tick that takes longer was on its way when this one was sent.
        self.rate = self.tick_hz / (1.0 + f64::from(strain.slower_eighths()) / 8.0) / 1e6;
        let lead = tick.0 as f64 - passed;
        if !self.leads.is_empty() && (lead - self.best).abs() > JUMP {
            // Another clock, or one that stood still: nothing from before tells anything.
            self.leads.clear();
        }
        if self.leads.len() == ARRIVALS {
            self.leads.pop_front();
        }
        self.leads.push_back(lead);
        let mut sorted: Vec<f64> = self.leads.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let outliers = OUTLIERS * sorted.len() / ARRIVALS;
        (self.late, self.best) = (sorted[outliers], sorted[sorted.len() - 1]);
    }

    /// How far behind the newest tick that can have arrived others should be shown, ticks, if what changes
    /// is sent every `period_ticks` (chapter 9 of the protocol: every tick near by, less often far away).
    #[must_use]
    pub fn delay_ticks(&self, period_ticks: u32) -> f64 {
        let needed = self.best - self.late + f64::from(period_ticks) + MARGIN;
        needed.min((DELAY_MAX_S * self.tick_hz).max(1.0))
    }

    /// The tick to show now, with its fraction; `None` before the first snapshot. Never less than it was
    /// before, but for a jump.
    pub fn tick_to_show(&mut self, now_us: u64, period_ticks: u32) -> Option<f64> {
        self.passed?;
        let passed = self.advance(now_us);
        let wanted = self.best - self.delay_ticks(period_ticks);
        let shown = match self.shown {
            Some((shown, at)) if (wanted - shown).abs() <= JUMP => {
                let since = passed - at;
                let step = (wanted - shown) * (GAIN * since).min(1.0);
                shown + step.clamp(-SLEW * since, SLEW * since)
            }
            _ => wanted,
        };
        self.shown = Some((shown, passed));
        Some((shown + passed).max(0.0))
    }

    /// The ticks passed until now.
    fn advance(&mut self, now_us: u64) -> f64 {
        let (at_us, passed) = self.passed.unwrap_or((now_us, 0.0));
        let passed = passed + now_us.saturating_sub(at_us) as f64 * self.rate;
        self.passed = Some((now_us.max(at_us), passed));
        passed
    }
}
