//! The prefix code that writes what was met in the fewest bits: exact, over all widths of up to eight
//! buckets.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::codec::prefix::BUCKETS_MAX;

use super::counts::Histogram;

/// Widest bucket but the last.
const WIDTH_MAX: u8 = 12;
/// By how much a bucket may be narrower than the one before it.
const NARROWER_MAX: u8 = 1;
/// Each residual met weighs this much.
const MET: u64 = 1_000;
/// Each doubling of what was not met weighs this share of all, and one residual: tables serve other days,
/// too.
const UNMET_SHARE: u64 = 5_000;

/// The widths of the code that fits a field best whose numbers are at most `number_max`.
#[must_use]
pub fn widths(histogram: &Histogram, number_max: u32) -> Vec<u8> {
    let fit = Fit {
        below: cumulated(histogram, number_max),
        number_max,
    };
    let mut known = BTreeMap::new();
    fit.best(0, 0, 0, &mut known).1
}

/// Ascending numbers, each with the weight of all below it; the last one's weight is everything.
fn cumulated(histogram: &Histogram, number_max: u32) -> Vec<(u64, u64)> {
    let mut weights: BTreeMap<u64, u64> = BTreeMap::new();
    for (&number, &count) in histogram {
        *weights.entry(u64::from(number)).or_default() += count * MET;
    }
    let all: u64 = histogram.values().sum::<u64>() * MET;
    let octaves = u64::from(number_max).ilog2();
    for octave in 0..=octaves {
        // Further out less is to be expected.
        let weight = (all / UNMET_SHARE + MET) >> octave.min(20);
        *weights.entry((1 << octave) - 1).or_default() += weight.max(1);
    }
    let mut below = 0;
    let mut cumulated = Vec::with_capacity(weights.len() + 1);
    for (number, weight) in weights {
        cumulated.push((number, below));
        below += weight;
    }
    cumulated.push((u64::MAX, below));
    cumulated
}

struct Fit {
    below: Vec<(u64, u64)>,
    number_max: u32,
}

/// Cost in weighted bits, and the widths.
type Best = (u64, Vec<u8>);

impl Fit {
    /// The weight of all numbers from `first` to below `end`.
    fn weight(&self, first: u64, end: u64) -> u64 {
        let below = |number: u64| {
            let at = self.below.partition_point(|(known, _)| *known < number);
            self.below[at.min(self.below.len() - 1)].1
        };
        below(end) - below(first)
    }

    /// The best buckets from the `bucket`-th on, which begins at `first`.
    fn best(
        &self,
        bucket: usize,
        first: u64,
        narrowest: u8,
        known: &mut BTreeMap<(usize, u64, u8), Best>,
    ) -> Best {
        if let Some(best) = known.get(&(bucket, first, narrowest)) {
            return best.clone();
        }
        let rest = self.weight(first, u64::MAX);
        let numbers = (u64::from(self.number_max) + 1)
            .saturating_sub(first)
            .max(1);
        let last = numbers.next_power_of_two().ilog2() as u8;
        let mut best = (rest * (bucket as u64 + u64::from(last)), vec![last]);
        if bucket + 1 < BUCKETS_MAX {
            for width in narrowest..=WIDTH_MAX {
                let end = first + (1 << width);
                if end > u64::from(self.number_max) {
                    break;
                }
                let here = self.weight(first, end) * (bucket as u64 + 1 + u64::from(width));
                if here >= best.0 {
                    continue;
                }
                let narrowest = width.saturating_sub(NARROWER_MAX);
                let (further, widths) = self.best(bucket + 1, end, narrowest, known);
                if here + further < best.0 {
                    best = (here + further, [vec![width], widths].concat());
                }
            }
        }
        known.insert((bucket, first, narrowest), best.clone());
        best
    }
}
