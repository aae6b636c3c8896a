//! What a zone's step takes, by a stopwatch that the world was handed. It reaches nobody but the balancer.

use super::Zone;

impl Zone {
    /// A step is not taken to have lasted longer, a quarter of an hour, so that loads add up.
    const STEP_NS_MAX: u64 = 1 << 40;

    /// Does a part of a tick, and measures how long it takes if there is anything to measure it with.
    pub(crate) fn clock(
        &mut self,
        now: Option<&(dyn Fn() -> u64 + Send + Sync)>,
        part: impl FnOnce(&mut Self),
    ) {
        let began = now.map(|now| now());
        part(self);
        if let (Some(now), Some(began)) = (now, began) {
            self.measured_ns += now().saturating_sub(began);
        }
    }

    /// At the end of a tick: its parts together are one step.
    pub(crate) fn take_note_of_time(&mut self) {
        let ns = std::mem::take(&mut self.measured_ns).min(Self::STEP_NS_MAX);
        self.last_step_ns = ns;
        // An eighth of the way: one slow tick is no load, a second of them is.
        self.step_ns = if self.step_ns == 0 {
            ns
        } else {
            self.step_ns - self.step_ns / 8 + ns / 8
        };
    }

    pub(crate) fn step_ns(&self) -> u64 {
        self.step_ns
    }

    pub(crate) fn last_step_ns(&self) -> u64 {
        self.last_step_ns
    }
}
