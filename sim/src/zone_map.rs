//! Who owns which part of the planet: a zone is a contiguous range of S2 cells, so balancing is
//! moving a boundary, and the whole map is one sorted list.

use bluemarble_spatial::{CellId, Level};

/// A zone's number in the ownership map.
pub type ZoneId = u32;

/// Cell → zone. Boundaries lie between cells of the grid level, so a grid cell has one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneMap {
    /// First leaf cell id of each zone, ascending; the first is 0.
    starts: Vec<u64>,
}

impl ZoneMap {
    /// Most zones a world may be cut into.
    pub const ZONES_MAX: usize = 4_096;

    /// One zone: the whole planet.
    #[must_use]
    pub fn whole() -> Self {
        Self { starts: vec![0] }
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
        let mut starts = vec![0_u64];
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

fn insert_start(starts: &mut Vec<u64>, start: u64) -> bool {
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

fn median_of_heaviest(starts: &[u64], load: &[(CellId, u64)]) -> Option<u64> {
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

fn middle_of_widest(starts: &[u64], grid_level: Level) -> u64 {
    // Six faces in the top three bits; a cell of the grid level spans this many leaf ids.
    const END: u64 = 6 << 61;
    let width = 1_u64 << (2 * (30 - u32::from(grid_level.get())) + 1);
    let end_of = |zone: usize| starts.get(zone + 1).copied().unwrap_or(END);
    let widest = (0..starts.len())
        .max_by_key(|&zone| (end_of(zone) - starts[zone], std::cmp::Reverse(zone)))
        .expect("there is always a zone");
    let middle = starts[widest] / 2 + end_of(widest) / 2;
    middle / width * width + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_shared_protocol::mix64;
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
}
