//! What the loop notes about itself between two looks: counts since the start, sums of the last
//! second, and the status made from them.

use std::time::Duration;

use bluemarble_sim::{Tally, TickReport};

use crate::tick_times::TickTimes;

/// The phases of a tick, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Session events taken in, inputs sealed.
    Seal,
    /// Inputs appended to the journal.
    Log,
    /// The world stepped.
    Step,
    /// Datagrams made and handed to QUIC.
    Replicate,
    /// Commands, checkpoints, feeds.
    Publish,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::Seal,
        Self::Log,
        Self::Step,
        Self::Replicate,
        Self::Publish,
    ];

    /// As in the metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Log => "log",
            Self::Step => "step",
            Self::Replicate => "replicate",
            Self::Publish => "publish",
        }
    }
}

/// Notes since the start and since the last look.
#[derive(Debug)]
pub struct Observed {
    /// Tick durations.
    pub times: TickTimes,
    /// Sums over all ticks of this run.
    pub tally: Tally,
    /// The newest tick's report.
    pub last: TickReport,
    /// Ticks begun more than a tenth of a period late.
    pub late: u64,
    /// Session events left in the queue for a later tick.
    pub deferred: u64,
    phases: [Duration; Phase::ALL.len()],
    ticks: u32,
}

impl Observed {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            times: TickTimes::new(),
            tally: Tally::default(),
            last: TickReport::default(),
            late: 0,
            deferred: 0,
            phases: [Duration::ZERO; Phase::ALL.len()],
            ticks: 0,
        }
    }

    /// A step is done.
    pub fn stepped(&mut self, report: TickReport) {
        self.tally.add(&report.tally);
        self.last = report;
    }

    /// A phase is done.
    pub fn spent(&mut self, phase: Phase, took: Duration) {
        self.phases[phase as usize] += took;
    }

    /// A tick is done.
    pub fn ticked(&mut self, took: Duration) {
        self.times.record(took);
        self.ticks += 1;
    }

    /// Mean duration of each phase since the last call, milliseconds.
    pub fn take_phases_ms(&mut self) -> [(Phase, f64); Phase::ALL.len()] {
        let ticks = f64::from(self.ticks.max(1));
        let mean = |phase: Phase| self.phases[phase as usize].as_secs_f64() * 1_000.0 / ticks;
        let means = Phase::ALL.map(|phase| (phase, mean(phase)));
        self.phases = [Duration::ZERO; Phase::ALL.len()];
        self.ticks = 0;
        means
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_means_over_the_ticks_since_the_last_look() {
        let mut observed = Observed::new();
        for _ in 0..4 {
            observed.spent(Phase::Step, Duration::from_millis(3));
            observed.ticked(Duration::from_millis(5));
        }
        let step = |phases: [(Phase, f64); 5]| phases[Phase::Step as usize];
        assert_eq!(step(observed.take_phases_ms()), (Phase::Step, 3.0));
        assert_eq!(step(observed.take_phases_ms()), (Phase::Step, 0.0));
    }
}
