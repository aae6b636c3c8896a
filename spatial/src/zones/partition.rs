//! Cutting the curve into ranges of even load: the least possible busiest zone, by bisection over
//! its load with a greedy check ("linear partitioning": S. Skiena, The Algorithm Design Manual,
//! 2nd edition, section 8.5; with sums kept along the curve the check is one binary search a zone).
//!
//! Many cuts are equally good, for load leaves gaps, and more are nearly so. Among them a cut at
//! the corner of the coarsest cell is taken: a zone is then made of few large cells, and its
//! border, which costs traffic between zones, is short.

use super::load_map::LoadMap;
use super::zone_map::{BadZones, END, ZoneMap, insert_start, median_of_heaviest, middle_of_widest};

/// How much above the mean a zone may be for a shorter border, thousandths.
const SLACK_PERMILLE: u64 = 100;

impl ZoneMap {
    /// Cuts the planet into `zones` zones, the busiest of which has at most a tenth more than the
    /// mean, or if that cannot be, the least there is; within that, with short borders.
    ///
    /// ```
    /// use bluemarble_spatial::{CellId, Level, LoadMap, ZoneMap};
    ///
    /// let crowd = LoadMap::new(Level::of(5), [(CellId::face_cell(2), 6_400)])?;
    /// let map = ZoneMap::balanced(24, &crowd).expect("not too many zones");
    /// assert!(map.balance(&crowd).busiest_over_mean <= 1.1);
    /// # Ok::<(), bluemarble_spatial::BadLoad>(())
    /// ```
    ///
    /// # Errors
    /// [`BadZones`] if there are none, too many, or more than cells of the load's level.
    pub fn balanced(zones: usize, load: &LoadMap) -> Result<Self, BadZones> {
        Self::balanced_within(zones, load, SLACK_PERMILLE)
    }

    /// As [`balanced`](Self::balanced) with another allowance for short borders: the busiest zone
    /// has at most `slack_permille` thousandths more than the mean, if that can be. With 0 the
    /// busiest zone is the least that any cut between cells of the load's level gives.
    ///
    /// # Errors
    /// As [`balanced`](Self::balanced).
    pub fn balanced_within(
        zones: usize,
        load: &LoadMap,
        slack_permille: u64,
    ) -> Result<Self, BadZones> {
        if !(1..=Self::ZONES_MAX).contains(&zones) {
            return Err(BadZones::Count(zones));
        }
        if zones as u64 > load.level().cells() {
            return Err(BadZones::TooCoarse {
                zones,
                level: load.level(),
            });
        }
        let mut starts = Self::whole().starts;
        let rows = (0, load.cells().len());
        let slack = slack_permille.min(1_000_000);
        let share = |permille: u64| {
            (u128::from(load.total()) * u128::from(permille) / (1_000 * zones as u128)) as u64
        };
        let most = bottleneck(load, rows, zones).max(share(1_000 + slack));
        let least = share(1_000_u64.saturating_sub(slack));
        let latest = latest_rests(load, rows, zones, most);
        let mut row = 0;
        for &rest in &latest[1..zones] {
            let to = load.furthest(row, most);
            // Not so little that later zones are pressed, unless all the rest is little.
            let from = load.furthest(row, least).clamp(rest.max(row), to.max(rest));
            let (low, _) = load.gap(from);
            let (_, high) = load.gap(to);
            let after = starts[starts.len() - 1] + load.width();
            let cut = roundest(low.max(after), high);
            if to >= rows.1 || cut.is_none() {
                break;
            }
            let cut = cut.unwrap_or(after);
            row = load.row_at(cut);
            starts.push(cut);
        }
        // Fewer may do: then the busiest are halved, and at last the widest.
        while starts.len() < zones {
            let start = median_of_heaviest(&starts, load.cells())
                .unwrap_or_else(|| middle_of_widest(&starts, load.level()));
            if !insert_start(&mut starts, start) {
                return Err(BadZones::TooCoarse {
                    zones,
                    level: load.level(),
                });
            }
        }
        Ok(Self { starts })
    }
}

/// The least load that the busiest of `parts` ranges of rows can have.
pub(super) fn bottleneck(load: &LoadMap, rows: (usize, usize), parts: usize) -> u64 {
    let total = load.of_rows(rows.0, rows.1);
    let (mut low, mut high) = (total.div_ceil(parts as u64), total);
    while low < high {
        let middle = low + (high - low) / 2;
        if fits(load, rows, parts, middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Whether so many ranges can each have at most so much: each takes all it can.
fn fits(load: &LoadMap, rows: (usize, usize), parts: usize, most: u64) -> bool {
    let mut row = rows.0;
    for _ in 0..parts {
        if row >= rows.1 {
            return true;
        }
        let next = load.furthest(row, most);
        if next == row {
            return false;
        }
        row = next;
    }
    row >= rows.1
}

/// For each number of parts taken, 0 ..= `parts`, the first row from which the other parts can
/// hold the rest with at most `most` each.
pub(super) fn latest_rests(
    load: &LoadMap,
    rows: (usize, usize),
    parts: usize,
    most: u64,
) -> Vec<usize> {
    let mut rests = vec![rows.1; parts + 1];
    for k in (0..parts).rev() {
        rests[k] = load.nearest(rests[k + 1], most).max(rows.0);
    }
    rests
}

/// The boundary from one to another that begins the coarsest cell; both begin cells of the load's
/// level, and so does it.
pub(super) fn roundest(low: u64, high: u64) -> Option<u64> {
    // First leaves are one more than a multiple of the width; the multiple in the range with the
    // most trailing zeros ends where the range's ends first differ.
    let (low, high) = (low.checked_sub(1)?, high.checked_sub(1)?);
    if low == 0 || low > high || high >= END {
        return None;
    }
    let bit = 63 - ((low - 1) ^ high).leading_zeros();
    Some((high >> bit << bit) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::{CellId, Level};
    use crate::mix::mix64;

    /// Every way to cut, by dynamic programming.
    fn naive(loads: &[u64], parts: usize) -> u64 {
        let mut best: Vec<u64> = vec![u64::MAX; loads.len() + 1];
        best[0] = 0;
        for _ in 0..parts {
            best = (0..=loads.len())
                .map(|end| {
                    let last =
                        |begin: usize| loads[begin..end].iter().sum::<u64>().max(best[begin]);
                    (0..=end).map(last).min().unwrap_or(u64::MAX)
                })
                .collect();
        }
        best[loads.len()]
    }

    #[test]
    fn without_slack_no_cut_has_a_less_busy_busiest_zone() {
        for seed in 0..60 {
            let rows = (0..40).map(|n| {
                let word = mix64(seed * 100 + n);
                let leaf = CellId((word % (6 << 61)) | 1);
                (leaf.parent(Level::of(4)), 1 + mix64(word) % 50)
            });
            let load = LoadMap::new(Level::of(4), rows).unwrap();
            let loads: Vec<u64> = load.cells().iter().map(|row| row.1).collect();
            for zones in [1, 2, 3, 7, 20, 60] {
                let map = ZoneMap::balanced_within(zones, &load, 0).unwrap();
                assert_eq!(map.len(), zones);
                assert_eq!(
                    map.balance(&load).busiest,
                    naive(&loads, zones),
                    "{seed} {zones}"
                );
            }
        }
    }

    #[test]
    fn the_roundest_boundary_begins_the_coarsest_cell() {
        let level = |start: u64| (start - 1).trailing_zeros() / 2;
        for low in 1..64_u64 {
            for high in low..64 {
                let got = roundest(low * 8 + 1, high * 8 + 1).unwrap();
                let best = (low..=high).map(|k| level(k * 8 + 1)).max();
                assert!((low * 8 + 1..=high * 8 + 1).contains(&got) && got % 8 == 1);
                assert_eq!(Some(level(got)), best);
            }
        }
        assert_eq!(roundest(9, 1), None);
    }

    #[test]
    fn as_many_zones_as_cells_can_be_cut_and_no_more() {
        let load = LoadMap::new(Level::of(1), [(CellId::face_cell(2), 5)]).unwrap();
        assert_eq!(ZoneMap::balanced(24, &load).map(|map| map.len()), Ok(24));
        assert!(matches!(
            ZoneMap::balanced(25, &load),
            Err(BadZones::TooCoarse { .. })
        ));
        assert_eq!(ZoneMap::balanced(0, &load), Err(BadZones::Count(0)));
    }
}
