//! Who owns which part of the planet: a zone is a contiguous range of S2 cells, so balancing is
//! moving a boundary, and the whole map is one sorted list.
//!
//! A zone's number is its place along the curve. Moving a boundary changes no number; splitting
//! zone `z` leaves its first part `z`, makes the second `z + 1` and counts every later one up;
//! merging `z` with its successor counts every later one down. Whoever keeps numbers over a change
//! translates them with [`super::Change::zone_after`].

use serde::{Deserialize, Serialize};

use crate::cells::{CellId, Level};

/// A zone's number in the ownership map.
pub type ZoneId = u32;

/// First value past the last face's ids.
pub(super) const END: u64 = 6 << 61;
/// The first leaf of the curve.
pub(super) const FIRST: u64 = 1;
/// What [`ZoneMap`] is stored as; counts up when that changes.
const STORED_VERSION: u8 = 1;

/// Cell → zone. Boundaries lie between cells of the level of the load they were made from, so a
/// cell of that level or finer has one owner.
///
/// ```
/// use bluemarble_spatial::{CellId, ZoneMap};
///
/// let starts: Vec<CellId> = (0..6).map(CellId::face_cell).collect();
/// let faces = ZoneMap::from_starts(&starts)?;
/// assert_eq!(faces.zone_of(CellId::face_cell(4)), 4);
/// # Ok::<(), bluemarble_spatial::BadZones>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct ZoneMap {
    /// First leaf cell id of each zone, ascending; the first is the first of all leaves.
    pub(super) starts: Vec<u64>,
}

/// A list of starts that is no partition of the sphere, or a number of zones that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadZones {
    /// Too few or too many.
    #[error("a planet is cut into 1 to {most} zones, not {0}", most = ZoneMap::ZONES_MAX)]
    Count(usize),
    /// More zones than there are cells to cut between.
    #[error("there are no {zones} zones of whole cells of level {level}: use a finer level")]
    TooCoarse {
        /// As many were asked for.
        zones: usize,
        /// The level of the load.
        level: Level,
    },
    /// Nobody would own the beginning of the curve.
    #[error("the first zone must begin with the first cell of face 0")]
    First,
    /// A start that is no S2 cell.
    #[error("zone {0} begins with a number that is no S2 cell")]
    Cell(ZoneId),
    /// A start that is not after the one before it.
    #[error("zone {0} does not begin after the one before it")]
    Order(ZoneId),
    /// Stored by another version.
    #[error("a zone map stored as version {0}; this reads version {STORED_VERSION}")]
    Version(u8),
}

/// A map in a file or on its way to another server.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u8,
    starts: Vec<CellId>,
}

impl From<ZoneMap> for Stored {
    fn from(map: ZoneMap) -> Self {
        Self {
            version: STORED_VERSION,
            starts: map.starts.into_iter().map(CellId).collect(),
        }
    }
}

impl TryFrom<Stored> for ZoneMap {
    type Error = BadZones;

    fn try_from(stored: Stored) -> Result<Self, BadZones> {
        if stored.version != STORED_VERSION {
            return Err(BadZones::Version(stored.version));
        }
        Self::from_starts(&stored.starts)
    }
}

impl ZoneMap {
    /// Most zones a world may be cut into.
    pub const ZONES_MAX: usize = 4_096;

    /// One zone: the whole planet.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            starts: vec![FIRST],
        }
    }

    /// A zone from the first leaf of each of these cells to the next one's.
    ///
    /// # Errors
    /// [`BadZones`] if they do not begin with the curve, do not ascend, or are too many.
    pub fn from_starts(cells: &[CellId]) -> Result<Self, BadZones> {
        if !(1..=Self::ZONES_MAX).contains(&cells.len()) {
            return Err(BadZones::Count(cells.len()));
        }
        if let Some(bad) = cells.iter().position(|cell| !cell.is_valid()) {
            return Err(BadZones::Cell(bad as ZoneId));
        }
        let starts: Vec<u64> = cells.iter().map(|cell| cell.range_min().0).collect();
        if starts[0] != FIRST {
            return Err(BadZones::First);
        }
        match starts.windows(2).position(|pair| pair[0] >= pair[1]) {
            Some(before) => Err(BadZones::Order(before as ZoneId + 1)),
            None => Ok(Self { starts }),
        }
    }

    /// Cuts the planet into `zones` by load.
    ///
    /// `load` lists occupied grid cells in ascending order with their expected entities; `cuts` are
    /// cells that must begin a zone, taken in order while zones are left. Then the heaviest zone
    /// is halved at its median cell until there are enough; when no zone holds two occupied cells any
    /// more, the widest range of ids is halved.
    #[must_use]
    pub fn by_load(
        zones: usize,
        load: &[(CellId, u64)],
        cuts: &[CellId],
        grid_level: Level,
    ) -> Self {
        debug_assert!(
            load.windows(2).all(|w| w[0].0 < w[1].0),
            "load must be sorted"
        );
        let mut starts = vec![FIRST];
        for cut in cuts {
            if starts.len() < zones {
                insert_start(&mut starts, cut.range_min().0);
            }
        }
        while starts.len() < zones {
            let start = median_of_heaviest(&starts, load)
                .unwrap_or_else(|| middle_of_widest(&starts, grid_level));
            if !insert_start(&mut starts, start) {
                break;
            }
        }
        Self { starts }
    }

    /// How many zones there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Never: a planet is owned by somebody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The owner of a cell of the grid level or finer.
    #[must_use]
    pub fn zone_of(&self, cell: CellId) -> ZoneId {
        let leaf = cell.range_min().0;
        (self.starts.partition_point(|&start| start <= leaf) - 1) as ZoneId
    }
}

impl ZoneMap {
    /// First and last leaf of each zone, in the order of their numbers.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (CellId, CellId)> + '_ {
        (0..self.len()).map(|zone| self.first_and_last(zone))
    }

    /// First and last leaf of a zone; `None` if there is none of that number. A cell of the grid level
    /// or finer is the zone's exactly if its number lies between the two.
    #[must_use]
    pub fn range_of(&self, zone: ZoneId) -> Option<(CellId, CellId)> {
        let zone = zone as usize;
        (zone < self.len()).then(|| self.first_and_last(zone))
    }

    fn first_and_last(&self, zone: usize) -> (CellId, CellId) {
        let (start, end) = self.span(zone);
        // Leaves are the odd numbers: the last before another leaf is two less, the last of
        // all one less than the end.
        let last = if end == END { END - 1 } else { end - 2 };
        (CellId(start), CellId(last))
    }

    /// First leaf of a zone and first beyond it ([`END`] for the last).
    pub(super) fn span(&self, zone: usize) -> (u64, u64) {
        let end = self.starts.get(zone + 1).copied().unwrap_or(END);
        (self.starts[zone], end)
    }
}

pub(super) fn insert_start(starts: &mut Vec<u64>, start: u64) -> bool {
    match starts.binary_search(&start) {
        Ok(_) => false,
        Err(at) => {
            starts.insert(at, start);
            true
        }
    }
}

/// The rows of `load` in each zone.
fn zone_loads<'a>(starts: &[u64], load: &'a [(CellId, u64)]) -> Vec<&'a [(CellId, u64)]> {
    let row_of = |start: u64| load.partition_point(|(cell, _)| cell.range_min().0 < start);
    (0..starts.len())
        .map(|zone| {
            let end = starts
                .get(zone + 1)
                .map_or(load.len(), |&next| row_of(next));
            &load[row_of(starts[zone])..end]
        })
        .collect()
}

pub(super) fn median_of_heaviest(starts: &[u64], load: &[(CellId, u64)]) -> Option<u64> {
    let weight = |rows: &[(CellId, u64)]| rows.iter().map(|(_, n)| n).sum::<u64>();
    let rows = zone_loads(starts, load)
        .into_iter()
        .filter(|rows| rows.len() >= 2)
        .max_by_key(|rows| (weight(rows), std::cmp::Reverse(rows[0].0)))?;
    let half = weight(rows) / 2;
    let mut before = 0;
    // Never the first row: a zone that begins there begins there already.
    let at = rows[1..].iter().zip(rows).find_map(|(row, previous)| {
        before += previous.1;
        (before >= half).then_some(row.0)
    });
    Some(at.unwrap_or(rows[rows.len() - 1].0).range_min().0)
}

pub(super) fn middle_of_widest(starts: &[u64], grid_level: Level) -> u64 {
    // A cell of the grid level spans this many leaf ids.
    let width = 1_u64 << (2 * (30 - u32::from(grid_level.get())) + 1);
    let end_of = |zone: usize| starts.get(zone + 1).copied().unwrap_or(END);
    let widest = (0..starts.len())
        .max_by_key(|&zone| (end_of(zone) - starts[zone], std::cmp::Reverse(zone)))
        .expect("a map has at least one zone");
    let middle = starts[widest] / 2 + end_of(widest) / 2;
    middle / width * width + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::mix64;
    use glam::DVec3;

    const LEVEL: Level = Level::of(16);

    fn crowd(n: u64) -> Vec<(CellId, u64)> {
        let mut cells: Vec<CellId> = (0..n)
            .map(|i| {
                let axis = |k| (mix64(i * 3 + k) as i32) as f64;
                CellId::at(DVec3::new(axis(0), axis(1), axis(2)).normalize(), LEVEL)
            })
            .collect();
        cells.sort();
        cells.dedup();
        cells
            .into_iter()
            .map(|cell| (cell, 1 + mix64(cell.0) % 9))
            .collect()
    }

    #[test]
    fn every_cell_has_the_owner_a_linear_search_finds() {
        let load = crowd(500);
        for zones in [1, 2, 6, 24, 96, 384] {
            let map = ZoneMap::by_load(zones, &load, &[], LEVEL);
            assert_eq!(map.len(), zones);
            for (cell, _) in &load {
                let naive = map
                    .starts
                    .iter()
                    .rposition(|&s| s <= cell.range_min().0)
                    .unwrap();
                assert_eq!(map.zone_of(*cell) as usize, naive);
            }
        }
    }

    #[test]
    fn zones_share_the_load_within_a_factor_of_three_of_the_mean() {
        let load = crowd(2_000);
        let map = ZoneMap::by_load(24, &load, &[], LEVEL);
        let total: u64 = load.iter().map(|(_, n)| n).sum();
        let mut loads = vec![0; map.len()];
        for (cell, n) in &load {
            loads[map.zone_of(*cell) as usize] += n;
        }
        assert!(
            loads
                .iter()
                .all(|&l| l * 24 < total * 3 && l * 24 * 3 > total),
            "{loads:?}"
        );
    }

    #[test]
    fn a_demanded_cut_begins_a_zone() {
        let load = crowd(100);
        let cut = load[37].0;
        let map = ZoneMap::by_load(2, &load, &[cut], LEVEL);
        assert_eq!(map.zone_of(load[36].0), 0);
        assert_eq!(map.zone_of(cut), 1);
    }

    #[test]
    fn an_empty_planet_can_be_cut_too() {
        let map = ZoneMap::by_load(96, &[], &[], LEVEL);
        assert_eq!(map.len(), 96);
        assert!(map.starts.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn what_is_no_partition_is_refused_and_says_which_zone() {
        let face = CellId::face_cell;
        assert_eq!(ZoneMap::from_starts(&[]), Err(BadZones::Count(0)));
        assert_eq!(ZoneMap::from_starts(&[face(1)]), Err(BadZones::First));
        assert_eq!(
            ZoneMap::from_starts(&[face(0), face(2), face(2)]),
            Err(BadZones::Order(2))
        );
        assert_eq!(
            ZoneMap::from_starts(&[face(0), CellId(u64::MAX)]),
            Err(BadZones::Cell(1))
        );
        assert_eq!(ZoneMap::from_starts(&[face(0)]), Ok(ZoneMap::whole()));
    }

    #[test]
    fn ranges_follow_one_another_from_the_first_leaf_to_the_last() {
        let map = ZoneMap::by_load(24, &crowd(300), &[], LEVEL);
        let ranges: Vec<_> = map.ranges().collect();
        assert_eq!(ranges[0].0, CellId::face_cell(0).range_min());
        assert_eq!(ranges[23].1, CellId::face_cell(5).range_max());
        for pair in ranges.windows(2) {
            assert_eq!(pair[0].1.next(), pair[1].0);
        }
        for (zone, (first, last)) in ranges.into_iter().enumerate() {
            assert_eq!(map.zone_of(first) as usize, zone);
            assert_eq!(map.zone_of(last) as usize, zone);
        }
    }

    #[test]
    fn a_stored_map_comes_back_and_a_broken_one_does_not() {
        let map = ZoneMap::by_load(24, &crowd(300), &[], LEVEL);
        let text = ron::to_string(&map).unwrap();
        assert_eq!(ron::from_str::<ZoneMap>(&text).unwrap(), map);
        for broken in ["(version:2,starts:[1])", "(version:1,starts:[1,1])"] {
            assert!(ron::from_str::<ZoneMap>(broken).is_err());
        }
    }
}
