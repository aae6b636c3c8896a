//! What all bots of a run time together, second by second: between two snapshots, from the order of a blow
//! to its sight; and how long each has been without a snapshot.
//!
//! No omission is coordinated: a server that stalls would keep the bots from measuring just when there is
//! most to measure. So a bot's wait that has not ended yet is seen from outside, by [`Timings::silent_ms`],
//! and is recorded when it ends even if the measurement has ended before; nothing is timed from when
//! something was got round to, but from when it was due or ordered.

use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::blows::latencies;

/// What was timed since somebody looked last.
#[derive(Clone, Debug)]
pub struct Timed {
    /// Between one snapshot of a bot and its next, microseconds.
    pub gaps_us: Histogram<u64>,
    /// From the order of a blow to its sight in another client, microseconds.
    pub blows_us: Histogram<u64>,
    /// From the intent to move until another client shows it, microseconds.
    pub moves_us: Histogram<u64>,
}

impl Default for Timed {
    fn default() -> Self {
        Self {
            gaps_us: latencies(),
            blows_us: latencies(),
            moves_us: latencies(),
        }
    }
}

impl Timed {
    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        let pairs = [
            (&mut self.gaps_us, &other.gaps_us),
            (&mut self.blows_us, &other.blows_us),
            (&mut self.moves_us, &other.moves_us),
        ];
        for (all, more) in pairs {
            all.add(more).expect("all are made alike");
        }
    }
}

/// Where bots note it.
#[derive(Debug, Default)]
pub struct Timings {
    timed: Mutex<Timed>,
    /// By bot: when its newest snapshot came, microseconds since the run's start; 0 = it waits for none.
    heard_us: Vec<AtomicU64>,
}

impl Timings {
    /// For so many bots.
    #[must_use]
    pub fn of(bots: usize) -> Self {
        Self {
            timed: Mutex::default(),
            heard_us: (0..bots).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// A snapshot came now, and the one before at `last_us`.
    pub fn snapshot(&self, bot: u32, now_us: u64, last_us: Option<u64>) {
        self.heard(bot, now_us);
        let gap_us = now_us.saturating_sub(last_us.unwrap_or(now_us));
        self.timed.lock().gaps_us.saturating_record(gap_us);
    }

    /// A bot leaves, or has lost its connection as it was told to: no snapshot is due.
    pub fn gone(&self, bot: u32) {
        self.heard(bot, 0);
    }

    fn heard(&self, bot: u32, at_us: u64) {
        if let Some(slot) = self.heard_us.get(bot as usize) {
            slot.store(at_us, Ordering::Relaxed);
        }
    }

    /// A blow was seen so long after it was ordered.
    pub fn blow(&self, took_us: u64) {
        self.timed.lock().blows_us.saturating_record(took_us);
    }

    /// A move was seen so long after it was sent.
    pub fn moved(&self, took_us: u64) {
        self.timed.lock().moves_us.saturating_record(took_us);
    }

    /// What was timed since the last call.
    #[must_use]
    pub fn take(&self) -> Timed {
        let fresh = Timed::default();
        std::mem::replace(&mut *self.timed.lock(), fresh)
    }

    /// How long the bot that waits longest has been waiting for a snapshot, milliseconds.
    #[must_use]
    pub fn silent_ms(&self, now_us: u64) -> f64 {
        let waiting = self.heard_us.iter().map(|at| at.load(Ordering::Relaxed));
        let longest = waiting
            .filter(|at_us| *at_us > 0)
            .map(|at_us| now_us.saturating_sub(at_us))
            .max();
        longest.unwrap_or(0) as f64 / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_that_hears_nothing_is_noticed_before_it_hears_something() {
        let timings = Timings::of(2);
        assert_eq!(timings.silent_ms(9_000_000), 0.0, "nobody is there");
        timings.snapshot(0, 1_000_000, None);
        timings.snapshot(1, 1_000_000, None);
        timings.snapshot(1, 4_990_000, Some(1_000_000));
        assert_eq!(timings.silent_ms(5_000_000), 4_000.0);
        timings.gone(0);
        assert_eq!(timings.silent_ms(5_000_000), 10.0);
        timings.snapshot(9, 1, None);
    }

    #[test]
    fn what_was_taken_is_gone_and_adds_up() {
        let timings = Timings::of(1);
        timings.snapshot(0, 50_000, Some(1));
        timings.blow(70_000);
        let mut all = timings.take();
        timings.snapshot(0, 100_000, Some(50_000));
        let more = timings.take();
        assert_eq!([all.gaps_us.len(), more.gaps_us.len()], [1, 1]);
        all.merge(&more);
        assert_eq!([all.gaps_us.len(), all.blows_us.len()], [2, 1]);
        assert!(timings.take().gaps_us.is_empty());
    }
}
