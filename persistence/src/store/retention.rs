//! Which checkpoints stay when one is added.
//!
//! The newest few are for recovery, and the journal is kept back to the oldest of them. One of each
//! hour and one of each day are for looking back and for the worst case; they stand alone, without a
//! journal behind them.

use crate::limits::{CHECKPOINTS_KEPT, KEEP_DAILY_MAX, KEEP_HOURLY_MAX, KEEP_LAST_MAX};

const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How many checkpoints of a world stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The newest, at least 2 and at most [`KEEP_LAST_MAX`].
    pub last: usize,
    /// Of so many hours, the newest in which one was taken, the first of each; at most
    /// [`KEEP_HOURLY_MAX`].
    pub hourly: usize,
    /// Of so many days (UTC) likewise; at most [`KEEP_DAILY_MAX`].
    pub daily: usize,
    /// The oldest there is, too, and the journal back to it: what a recording begins with.
    pub oldest: bool,
}

impl Default for Retention {
    /// The newest [`CHECKPOINTS_KEPT`] and no more.
    fn default() -> Self {
        Self {
            last: CHECKPOINTS_KEPT,
            hourly: 0,
            daily: 0,
            oldest: false,
        }
    }
}

/// What becomes of one checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays, and the journal behind it.
    Kept,
    /// It stays alone.
    KeptAlone,
    /// It goes.
    Deleted,
}

impl Retention {
    /// The same within the bounds.
    fn bounded(self) -> Self {
        Self {
            last: self.last.clamp(2, KEEP_LAST_MAX),
            hourly: self.hourly.min(KEEP_HOURLY_MAX),
            daily: self.daily.min(KEEP_DAILY_MAX),
            oldest: self.oldest,
        }
    }

    /// The fates of checkpoints that were taken at these times, milliseconds since 1970, newest
    /// first; 0 is unknown, and of no hour.
    pub(super) fn fates(self, taken_ms: &[u64]) -> Vec<Fate> {
        let rules = self.bounded();
        let mut fates: Vec<Fate> = (0..taken_ms.len())
            .map(|place| {
                let oldest = rules.oldest && place + 1 == taken_ms.len();
                match place < rules.last || oldest {
                    true => Fate::Kept,
                    false => Fate::Deleted,
                }
            })
            .collect();
        for (span_ms, spans) in [(HOUR_MS, rules.hourly), (DAY_MS, rules.daily)] {
            for place in first_of_each(taken_ms, span_ms, spans) {
                if fates[place] == Fate::Deleted {
                    fates[place] = Fate::KeptAlone;
                }
            }
        }
        fates
    }
}

/// Places of the first taken in each of the newest `spans` spans of time in which any was.
fn first_of_each(taken_ms: &[u64], span_ms: u64, spans: usize) -> Vec<usize> {
    // Span and place, the newest span last: clocks are set back, so the order is not that of places.
    let mut firsts = std::collections::BTreeMap::new();
    for (place, &taken) in taken_ms.iter().enumerate().filter(|(_, taken)| **taken > 0) {
        // Later places are older.
        firsts.insert(taken / span_ms, place);
    }
    firsts.into_values().rev().take(spans).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rules: Retention, taken_ms: &[u64]) -> Vec<usize> {
        let fates = rules.fates(taken_ms);
        (0..fates.len())
            .filter(|&place| fates[place] != Fate::Deleted)
            .collect()
    }

    #[test]
    fn the_newest_stay_and_the_oldest_of_a_recording() {
        let rules = Retention::default();
        assert_eq!(kept(rules, &[9, 8, 7, 6, 5]), [0, 1, 2]);
        assert_eq!(kept(rules, &[9]), [0]);
        assert_eq!(kept(rules, &[]), [0; 0]);
        let recording = Retention {
            oldest: true,
            ..rules
        };
        assert_eq!(kept(recording, &[9, 8, 7, 6, 5]), [0, 1, 2, 4]);
        assert_eq!(recording.fates(&[9, 8, 7, 6, 5])[4], Fate::Kept);
        let none = Retention { last: 0, ..rules };
        assert_eq!(kept(none, &[9, 8, 7]), [0, 1], "one alone could be damaged");
    }

    #[test]
    fn the_first_of_each_hour_and_day_stays_alone() {
        let rules = Retention {
            last: 2,
            hourly: 2,
            daily: 3,
            oldest: false,
        };
        let at = |day: u64, hour: u64, minute: u64| day * DAY_MS + hour * HOUR_MS + minute * 60_000;
        let taken = [
            at(9, 5, 30),
            at(9, 5, 20),
            at(9, 5, 10),
            at(9, 4, 50),
            at(9, 4, 0),
            at(9, 3, 0),
            at(7, 9, 0),
            at(7, 8, 0),
            at(2, 8, 0),
            at(1, 8, 0),
            0,
        ];
        // Hours 5 and 4 of day 9; days 9, 7 and 2.
        assert_eq!(kept(rules, &taken), [0, 1, 2, 4, 5, 7, 8]);
        assert_eq!(rules.fates(&taken)[4], Fate::KeptAlone);
    }

    #[test]
    fn added_one_by_one_they_are_bounded_and_reach_back() {
        let rules = Retention {
            last: 3,
            hourly: 24,
            daily: 7,
            oldest: false,
        };
        let mut there: Vec<u64> = Vec::new();
        for step in 1..=20 * 24 * 6 {
            there.insert(0, 400 * DAY_MS + step * HOUR_MS / 6);
            let fates = rules.fates(&there);
            let mut fate = fates.iter();
            there.retain(|_| *fate.next().unwrap() != Fate::Deleted);
            assert!(there.len() <= 3 + 24 + 7, "{}", there.len());
        }
        let newest = there[0];
        let age_h = |taken: &u64| (newest - taken) / HOUR_MS;
        assert!(there.iter().filter(|taken| age_h(taken) < 24).count() >= 24);
        assert!(there.iter().map(age_h).max() >= Some(6 * 24 - 1));
    }
}
