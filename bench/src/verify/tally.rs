//! Counts of checks made and promises broken, with the first few examples of each.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::quality::Quality;

/// Examples kept per promise.
const EXAMPLES_MAX: usize = 3;
/// Ages and crowds beyond this count as this many.
const COUNT_MAX: u64 = 100_000;

/// What is promised about a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// States are the true ones.
    Exact,
    /// Or they are at most so old.
    Stale,
    /// Whoever is near is in view.
    Complete,
    /// Whoever is in view exists.
    Real,
    /// And is near.
    Near,
    /// The own state is the true one.
    Own,
    /// Ticks, epochs and applied inputs only go forward.
    Header,
    /// What happened to the avatar, and what it did to others, was told once and in order.
    Fate,
    /// What was told of others' wounds is so.
    Hearsay,
}

impl Promise {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Exact,
        Self::Stale,
        Self::Complete,
        Self::Real,
        Self::Near,
        Self::Own,
        Self::Header,
        Self::Fate,
        Self::Hearsay,
    ];

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Stale => "stale",
            Self::Complete => "complete",
            Self::Real => "real",
            Self::Near => "near",
            Self::Own => "own",
            Self::Header => "header",
            Self::Fate => "fate",
            Self::Hearsay => "hearsay",
        }
    }

    /// For people who have not read this.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Exact => "a state a client holds is the true one of its tick, bit for bit",
            Self::Stale => "a state that differs from the truth is at most so many snapshots old",
            Self::Complete => "whoever was near for a while is in view",
            Self::Real => "whoever is in view exists",
            Self::Near => "whoever is in view is within the radius",
            Self::Own => "what an avatar's owner is told of it is so",
            Self::Header => "ticks, epochs and applied inputs only go forward",
            Self::Fate => "what happened to an avatar was told once and in order",
            Self::Hearsay => "what was told of others' wounds is so",
        }
    }
}

/// Checks of one promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// How often it was checked.
    pub checks: u64,
    /// How often it was broken.
    pub failures: u64,
    /// The first few ways in which it was.
    pub examples: Vec<String>,
}

impl Count {
    /// Counts one check.
    pub fn judge(&mut self, holds: bool, example: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.failures += 1;
            if self.examples.len() < EXAMPLES_MAX {
                self.examples.push(example());
            }
        }
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.checks += other.checks;
        self.failures += other.failures;
        self.examples.extend(other.examples.iter().cloned());
        self.examples.truncate(EXAMPLES_MAX);
    }
}

/// Everything found.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Views compared.
    pub samples: u64,
    counts: [Count; Promise::ALL.len()],
    /// Ages, in received snapshots, of states that differed from the truth.
    ages: Histogram<u64>,
    /// Others in view.
    views: Histogram<u64>,
    stale_max: u64,
    /// How good it was.
    pub quality: Quality,
}

impl Default for Tally {
    fn default() -> Self {
        let empty = |highest| {
            Histogram::new_with_bounds(1, highest, 3).expect("1 < 2 * highest, 3 digits <= 5")
        };
        Self {
            samples: 0,
            counts: Default::default(),
            ages: empty(COUNT_MAX),
            views: empty(COUNT_MAX),
            stale_max: 0,
            quality: Quality::default(),
        }
    }
}

impl Tally {
    /// What was found about one promise.
    #[must_use]
    pub fn of(&self, promise: Promise) -> &Count {
        &self.counts[promise as usize]
    }

    /// Age, in received snapshots, of states that differed from the truth, at a quantile.
    #[must_use]
    pub fn age(&self, quantile: f64) -> u64 {
        self.ages.value_at_quantile(quantile)
    }

    /// Others in view: mean and least.
    #[must_use]
    pub fn in_view(&self) -> (f64, u64) {
        (
            self.views.mean(),
            if self.views.is_empty() {
                0
            } else {
                self.views.min()
            },
        )
    }

    /// The largest staleness that was allowed to anybody, snapshots.
    #[must_use]
    pub fn stale_max(&self) -> u64 {
        self.stale_max
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.samples += other.samples;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            count.merge(more);
        }
        self.ages.add(&other.ages).expect("all are made alike");
        self.views.add(&other.views).expect("all are made alike");
        self.stale_max = self.stale_max.max(other.stale_max);
        self.quality.merge(&other.quality);
    }

    /// Counts one check.
    pub fn judge(&mut self, promise: Promise, holds: bool, example: impl FnOnce() -> String) {
        if holds {
            self.kept(promise)
        } else {
            self.broken(promise, example)
        }
    }

    /// Counts a check that went well.
    pub fn kept(&mut self, promise: Promise) {
        self.counts[promise as usize].judge(true, String::new);
    }

    /// Counts a check that did not.
    pub fn broken(&mut self, promise: Promise, example: impl FnOnce() -> String) {
        self.counts[promise as usize].judge(false, example);
    }

    pub(super) fn note_view(&mut self, in_view: usize, stale_max: u64) {
        self.views.saturating_record(in_view as u64);
        self.stale_max = self.stale_max.max(stale_max);
    }

    pub(super) fn note_age(&mut self, age: u64) {
        self.ages.saturating_record(age);
    }
}
