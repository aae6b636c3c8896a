//! How much there is to do where: load (entities, players, people) per cell of one level, summed
//! along the curve, so that the load of any range is one subtraction.

use std::f64::consts::PI;

use glam::DVec3;

use crate::cells::{Cap, CellId, Level};
use crate::limits::LOAD_CELLS_MAX;
use crate::maths;
use crate::settlements::Settlement;

use super::zone_map::{END, FIRST};

/// How densely people are taken to live, per square metre: about Greater London's 5,600 per km².
/// It decides only how wide a settlement's disc is.
pub const PEOPLE_PER_M2: f64 = 0.005;
/// Cells of a load map of settlements are at least this wide, metres (level 12 on Earth): some
/// hundreds in the disc of a large town.
const CELL_WIDTH_M_MIN: f64 = 1_000.0;
/// Points per mean cell that stand for a disc.
const POINTS_PER_CELL: f64 = 16.0;
/// Least and most points that stand for a disc.
const POINTS: (f64, f64) = (16.0, 65_536.0);
/// The angle between successive points of a sunflower's head, radians: a turn over the square of
/// the golden ratio (H. Vogel, "A better way to construct the sunflower head", 1979).
const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;

/// Load per cell of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadMap {
    level: Level,
    /// Cells with load, ascending, each once.
    cells: Vec<(CellId, u64)>,
    /// Load of all cells before each row, and of all.
    before: Vec<u64>,
}

/// Load that is spread evenly over a disc.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadDisc {
    /// Where.
    pub cap: Cap,
    /// How much, in any unit that the others share.
    pub load: u64,
}

/// A load that cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLoad {
    /// Not an S2 cell.
    #[error("{0:#018x} is no S2 cell")]
    Cell(u64),
    /// The sum does not fit.
    #[error("the loads add up to more than 2⁶³")]
    Sum,
    /// Too many cells.
    #[error("load lies in more than {LOAD_CELLS_MAX} cells: use a coarser level")]
    Cells,
}

impl LoadMap {
    /// Load of cells of any level and in any order, brought to `level`: finer cells count for the
    /// cell that holds them, the load of coarser ones is spread over theirs as evenly as whole
    /// numbers go.
    ///
    /// # Errors
    /// [`BadLoad`] at a number that is no cell, a sum beyond 2⁶³ or more than [`LOAD_CELLS_MAX`]
    /// cells.
    pub fn new(
        level: Level,
        loads: impl IntoIterator<Item = (CellId, u64)>,
    ) -> Result<Self, BadLoad> {
        let mut cells = Vec::new();
        for (cell, load) in loads {
            if !cell.is_valid() {
                return Err(BadLoad::Cell(cell.0));
            }
            push(&mut cells, level, cell, load)?;
        }
        Self::from_rows(level, cells)
    }

    /// Load spread over discs. Each is stood for by points on a sunflower's spiral, all for the
    /// same area, some 16 to a cell: the load of a cell wholly in a disc comes out within
    /// half of its share, that of larger pieces ever closer; sums are exact.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_discs(
        level: Level,
        discs: impl IntoIterator<Item = LoadDisc>,
    ) -> Result<Self, BadLoad> {
        let mut cells = Vec::new();
        for disc in discs {
            let first = cells.len();
            spread(&mut cells, level, disc);
            // Points of a disc share cells: merged at once, memory stays that of the cells.
            merge_from(&mut cells, first)?;
            if cells.len() > 2 * LOAD_CELLS_MAX {
                merge_from(&mut cells, 0)?;
            }
        }
        Self::from_rows(level, cells)
    }

    /// The people of a planet, each settlement a disc of [`PEOPLE_PER_M2`], in cells at least a
    /// kilometre wide.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_settlements(
        settlements: &[Settlement],
        planet_radius_m: f64,
    ) -> Result<Self, BadLoad> {
        let level = CellId::level_for_min_width(CELL_WIDTH_M_MIN, planet_radius_m);
        let disc = |settlement: &Settlement| {
            let radius_m = (settlement.population as f64 / (PI * PEOPLE_PER_M2)).sqrt();
            let angle_rad = (radius_m / planet_radius_m).clamp(0.0, PI);
            let cap = Cap::new(settlement.at.to_direction(), angle_rad).ok()?;
            Some(LoadDisc {
                cap,
                load: settlement.population,
            })
        };
        // Only a planet without a radius has no discs; it has no places either.
        Self::from_discs(level, settlements.iter().filter_map(disc))
    }

    /// The level of all its cells.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Cells with load, ascending, each once.
    #[must_use]
    pub fn cells(&self) -> &[(CellId, u64)] {
        &self.cells
    }

    /// All load.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.before[self.cells.len()]
    }

    /// The load of the cells whose first leaf is one of these, last included.
    #[must_use]
    pub fn between(&self, first: CellId, last: CellId) -> u64 {
        let end = self.row_at(last.0.saturating_add(1));
        self.of_rows(self.row_at(first.0).min(end), end)
    }

    /// The first row whose cell begins at a leaf or later.
    pub(super) fn row_at(&self, leaf: u64) -> usize {
        self.cells
            .partition_point(|(cell, _)| cell.range_min().0 < leaf)
    }

    /// The load of the rows from one to before another.
    pub(super) fn of_rows(&self, from: usize, to: usize) -> u64 {
        self.before[to] - self.before[from]
    }

    /// The last row to which those from `row` on weigh at most `most`.
    pub(super) fn furthest(&self, row: usize, most: u64) -> usize {
        let end = self.before[row].saturating_add(most);
        self.before.partition_point(|&before| before <= end) - 1
    }

    /// The first row from which those before `row` weigh at most `most`.
    pub(super) fn nearest(&self, row: usize, most: u64) -> usize {
        let begin = self.before[row].saturating_sub(most);
        self.before.partition_point(|&before| before < begin)
    }

    /// Leaf ids a cell of the level spans.
    pub(super) fn width(&self) -> u64 {
        2 << (2 * (Level::MAX.get() - self.level.get()))
    }

    /// The least and the greatest boundary that part the rows before `row` from those from it on.
    pub(super) fn gap(&self, row: usize) -> (u64, u64) {
        let least = match row.checked_sub(1) {
            Some(before) => self.cells[before].0.range_min().0 + self.width(),
            None => FIRST,
        };
        let greatest = match self.cells.get(row) {
            Some((cell, _)) => cell.range_min().0,
            None => END - self.width() + 1,
        };
        (least, greatest)
    }

    fn from_rows(level: Level, mut cells: Vec<(CellId, u64)>) -> Result<Self, BadLoad> {
        merge_from(&mut cells, 0)?;
        if cells.len() > LOAD_CELLS_MAX {
            return Err(BadLoad::Cells);
        }
        let mut before = Vec::with_capacity(cells.len() + 1);
        let mut sum = 0_u64;
        before.push(sum);
        for (_, load) in &cells {
            sum = sum.checked_add(*load).ok_or(BadLoad::Sum)?;
            before.push(sum);
        }
        if sum > 1 << 63 {
            return Err(BadLoad::Sum);
        }
        Ok(Self {
            level,
            cells,
            before,
        })
    }
}

/// Adds a cell's load in cells of `level`.
fn push(
    cells: &mut Vec<(CellId, u64)>,
    level: Level,
    cell: CellId,
    load: u64,
) -> Result<(), BadLoad> {
    let Some(coarser) = level.get().checked_sub(cell.level().get()) else {
        cells.push((cell.parent(level), load));
        return Ok(());
    };
    // At most 4³⁰ parts, of which no more get something than there is to give.
    let parts = 1_u64 << (2 * coarser);
    let given = load.min(parts);
    let is_too_much = |cells: &[_]| cells.len() as u64 + given > 2 * LOAD_CELLS_MAX as u64;
    if is_too_much(cells) {
        // Unless the same cells were named again and again.
        merge_from(cells, 0)?;
        if is_too_much(cells) {
            return Err(BadLoad::Cells);
        }
    }
    let width = 2_u64 << (2 * (Level::MAX.get() - level.get()));
    for k in 0..given {
        let share = |of: u64, k: u64| (u128::from(of) * u128::from(k) / u128::from(given)) as u64;
        let leaf = cell.range_min().0 + share(parts, k) * width;
        let part = share(load, k + 1) - share(load, k);
        cells.push((CellId(leaf).parent(level), part));
    }
    Ok(())
}

/// Sorts the rows from `first` on, adds up those of one cell and drops those without load.
fn merge_from(cells: &mut Vec<(CellId, u64)>, first: usize) -> Result<(), BadLoad> {
    cells[first..].sort_unstable_by_key(|row| row.0);
    let mut end = first;
    for k in first..cells.len() {
        let (cell, load) = cells[k];
        if end > first && cells[end - 1].0 == cell {
            let sum = &mut cells[end - 1].1;
            *sum = sum.checked_add(load).ok_or(BadLoad::Sum)?;
        } else if load > 0 {
            cells[end] = (cell, load);
            end += 1;
        }
    }
    cells.truncate(end);
    Ok(())
}

/// Adds a disc's points.
fn spread(cells: &mut Vec<(CellId, u64)>, level: Level, disc: LoadDisc) {
    let cell_sr = 4.0 * PI / level.cells() as f64;
    let points = (disc.cap.area_sr() / cell_sr * POINTS_PER_CELL).clamp(POINTS.0, POINTS.1);
    let points = (points as u64).min(disc.load);
    let up = disc.cap.centre();
    let (east, north) = up.any_orthonormal_pair();
    let half = maths::sin(0.5 * disc.cap.angle_rad());
    for k in 0..points {
        // Rings of equal area have equal steps of the squared chord from the middle.
        let share = (k as f64 + 0.5) / points as f64;
        let half_chord_squared = share * half * half;
        let across = 2.0 * (half_chord_squared * (1.0 - half_chord_squared)).sqrt();
        let (sin, cos) = maths::sin_cos(k as f64 * GOLDEN_ANGLE);
        let at: DVec3 = up * (1.0 - 2.0 * half_chord_squared) + (east * cos + north * sin) * across;
        let part = |k: u64| (u128::from(disc.load) * u128::from(k) / u128::from(points)) as u64;
        cells.push((CellId::at(at, level), part(k + 1) - part(k)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LatLng;

    fn cap(lat_deg: f64, lng_deg: f64, angle_rad: f64) -> Cap {
        Cap::new(LatLng::degrees(lat_deg, lng_deg).to_direction(), angle_rad).unwrap()
    }

    #[test]
    fn loads_of_all_levels_come_to_one_and_none_is_lost() {
        let face = CellId::face_cell(3);
        let child = face.children()[2];
        let leaf = child.range_max();
        let map = LoadMap::new(Level::of(1), [(leaf, 5), (face, 10), (child, 1), (leaf, 0)]);
        let map = map.unwrap();
        assert_eq!(map.total(), 16);
        let loads: Vec<u64> = map.cells().iter().map(|row| row.1).collect();
        assert_eq!(loads, [2, 3, 8, 3]);
        assert_eq!(map.between(child.range_min(), child.range_max()), 8);
        // Little load over very many cells goes to as many cells as there is load.
        let sparse = LoadMap::new(Level::MAX, [(face, 7)]).unwrap();
        assert_eq!((sparse.total(), sparse.cells().len()), (7, 7));
    }

    #[test]
    fn loads_that_cannot_be_are_refused() {
        let leaf = CellId::face_cell(0).range_min();
        assert_eq!(
            LoadMap::new(Level::MAX, [(CellId(0), 1)]),
            Err(BadLoad::Cell(0))
        );
        assert_eq!(
            LoadMap::new(Level::MAX, [(leaf, u64::MAX), (leaf, 1)]),
            Err(BadLoad::Sum)
        );
        assert_eq!(
            LoadMap::new(Level::MAX, [(CellId::face_cell(0), u64::MAX / 2)]),
            Err(BadLoad::Cells)
        );
        assert_eq!(LoadMap::new(Level::FACE, []).unwrap().total(), 0);
    }

    #[test]
    fn cells_count_once_however_often_they_are_named() {
        let face = CellId::face_cell(3);
        // A quarter of as many cells as there may be, nine times.
        let loads = [(face, 1 << 20); 9];
        let map = LoadMap::new(Level::of(10), loads).unwrap();
        assert_eq!((map.cells().len(), map.total()), (1 << 20, 9 << 20));
    }

    #[test]
    fn a_disc_gives_cells_their_share_by_area() {
        let level = Level::of(9);
        for (lat, lng) in [(31.2, 121.5), (90.0, 0.0), (0.1, 180.0), (35.2, 45.0)] {
            let cap = cap(lat, lng, 0.05);
            let load = 1_000_000_000;
            let map = LoadMap::from_discs(level, [LoadDisc { cap, load }]).unwrap();
            assert_eq!(map.total(), load);
            let (mut cells, mut sum, mut area) = (0, 0.0, 0.0);
            for &(cell, got) in map.cells() {
                use crate::cells::{Region, Relation};
                if cap.relation(cell) == Relation::Inside {
                    let share = load as f64 * cell.area_sr() / cap.area_sr();
                    let off = got as f64 / share - 1.0;
                    assert!(off.abs() < 0.5, "{cell:?} {off}");
                    cells += 1;
                    sum += got as f64;
                    area += share;
                }
            }
            assert!(
                cells > 50 && (sum / area - 1.0).abs() < 0.01,
                "{}",
                sum / area
            );
        }
    }

    #[test]
    fn a_disc_may_be_a_point_or_the_whole_planet() {
        let level = Level::of(3);
        for angle in [0.0, PI] {
            let disc = LoadDisc {
                cap: cap(10.0, 20.0, angle),
                load: 5_000,
            };
            let map = LoadMap::from_discs(level, [disc]).unwrap();
            assert_eq!(map.total(), 5_000);
            assert_eq!(map.cells().len() > 300, angle > 0.0);
        }
    }
}
