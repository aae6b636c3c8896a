//! How long bots take to get in, and back in: from the first packet until the avatar is there. And the
//! storm in which all of them lose their connection at once.

use crate::outcome::Outcome;
use crate::run::Run;

/// On the way in, since when, microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub enum Arriving {
    /// It is inside.
    #[default]
    Arrived,
    /// For the first time on this visit.
    Joins(u64),
    /// After it has lost its connection.
    Returns(u64),
}

impl Arriving {
    /// It is there, at `now_us`.
    pub fn arrived(&mut self, now_us: u64, outcome: &mut Outcome) {
        let (times_us, since_us) = match std::mem::take(self) {
            Self::Arrived => return,
            Self::Joins(since_us) => (&mut outcome.joined_us, since_us),
            Self::Returns(since_us) => (&mut outcome.returned_us, since_us),
        };
        times_us.saturating_record(now_us.saturating_sub(since_us));
    }
}

/// Whether a bot has been through the storm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storm {
    is_over: bool,
}

impl Storm {
    /// Whether it breaks now: once, for everybody at the same time.
    pub fn breaks(&mut self, run: &Run, now_us: u64) -> bool {
        let breaks = !self.is_over && run.storm_at_us().is_some_and(|at_us| now_us >= at_us);
        self.is_over |= breaks;
        breaks
    }
}
