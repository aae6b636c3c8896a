//! A set of cells: any part of the sphere, told in ranges along the Hilbert curve.

use std::ops::RangeInclusive;

use super::arc::ROUNDING_RAD;
use super::cap::Cap;
use super::cell_id::CellId;
use super::level::Level;
use super::region::{Region, Relation};
use super::shape::CellShape;
use crate::geo::Direction;

/// Cells in ascending order, none within another and no four that make up their parent: there is
/// one such list for each set of leaves, so that equal areas are equal unions.
///
/// ```
/// use bluemarble_spatial::{CellId, CellUnion};
///
/// let face = CellId::face_cell(1);
/// let [a, b, c, d] = face.children();
/// let all = CellUnion::new([c, a, d, b, a.children()[2]])?;
/// assert_eq!(all.cells(), [face]);
/// let rest = all.difference(&CellUnion::new([b])?);
/// assert_eq!(rest.cells(), [a, c, d]);
/// # Ok::<(), bluemarble_spatial::BadCell>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CellUnion {
    cells: Vec<CellId>,
}

/// A number among some cells' ids that is no cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{:#018x} is not the id of an S2 cell", .0.0)]
pub struct BadCell(pub CellId);

/// From the first leaf to the last, both of them odd numbers and cells.
type Leaves = RangeInclusive<u64>;

impl CellUnion {
    /// Of any cells in any order.
    ///
    /// # Errors
    /// [`BadCell`] names the first that is none.
    pub fn new(cells: impl IntoIterator<Item = CellId>) -> Result<Self, BadCell> {
        let cells: Vec<CellId> = cells.into_iter().collect();
        match cells.iter().find(|cell| !cell.is_valid()) {
            Some(&bad) => Err(BadCell(bad)),
            None => Ok(Self::of_valid(cells)),
        }
    }

    /// The same of cells that are known to be some.
    pub(super) fn of_valid(cells: Vec<CellId>) -> Self {
        let mut ranges: Vec<Leaves> = cells.into_iter().map(leaves).collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        Self::of_ranges(merged(ranges))
    }

    /// All leaves from one cell's first to another's last.
    ///
    /// # Errors
    /// [`BadCell`] names the first of the two that is no cell; the second, too, if it lies before
    /// the first.
    pub fn from_range(first: CellId, last: CellId) -> Result<Self, BadCell> {
        if let Some(bad) = [first, last].into_iter().find(|cell| !cell.is_valid()) {
            return Err(BadCell(bad));
        }
        let (from, to) = (first.range_min().0, last.range_max().0);
        if from > to {
            return Err(BadCell(last));
        }
        Ok(Self::of_ranges([from..=to]))
    }

    /// The whole sphere.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            cells: (0..6).map(CellId::face_cell).collect(),
        }
    }

    /// Its cells in ascending order.
    #[must_use]
    pub fn cells(&self) -> &[CellId] {
        &self.cells
    }

    /// Whether it is nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Its cells in ascending order, those coarser than `level` cut into cells of it. A cell has
    /// 4 to the power of the difference of levels of them, made one by one.
    pub fn cells_no_coarser_than(&self, level: Level) -> impl Iterator<Item = CellId> {
        self.cells.iter().flat_map(move |&cell| {
            let level = if cell.level() < level {
                level
            } else {
                cell.level()
            };
            let last = cell.range_max().parent(level);
            let first = cell.range_min().parent(level);
            std::iter::successors(Some(first), move |&at| (at != last).then(|| at.next()))
        })
    }

    /// First and last leaf of each stretch of the curve in it, ascending, none touching the next.
    pub fn ranges(&self) -> impl Iterator<Item = (CellId, CellId)> {
        merged(self.cells.iter().copied().map(leaves))
            .map(|range| (CellId(*range.start()), CellId(*range.end())))
    }

    /// Whether all of a cell is in it.
    #[must_use]
    pub fn contains_cell(&self, cell: CellId) -> bool {
        let after = self
            .cells
            .partition_point(|own| own.range_max() < cell.range_min());
        self.cells.get(after).is_some_and(|own| own.contains(cell))
    }

    /// Whether some of a cell is in it.
    #[must_use]
    pub fn intersects_cell(&self, cell: CellId) -> bool {
        let after = self
            .cells
            .partition_point(|own| own.range_max() < cell.range_min());
        self.cells
            .get(after)
            .is_some_and(|own| own.range_min() <= cell.range_max())
    }

    /// What is in one or the other or both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of_valid([self.cells.as_slice(), &other.cells].concat())
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut ours, mut theirs) = (self.leaves().peekable(), other.leaves().peekable());
        let mut common = Vec::new();
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            let from = *a.start().max(b.start());
            let to = *a.end().min(b.end());
            if from <= to {
                common.push(from..=to);
            }
            if a.end() <= b.end() {
                ours.next();
            } else {
                theirs.next();
            }
        }
        Self::of_ranges(common)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Everything else.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::new();
        let mut from = FIRST_LEAF;
        for range in self.leaves() {
            if from < *range.start() {
                gaps.push(from..=range.start() - 2);
            }
            from = range.end() + 2;
        }
        if from <= LAST_LEAF {
            gaps.push(from..=LAST_LEAF);
        }
        Self::of_ranges(gaps)
    }

    /// Its area on the unit sphere, steradians.
    #[must_use]
    pub fn area_sr(&self) -> f64 {
        // Not `sum`, whose nothing is −0.
        self.cells
            .iter()
            .fold(0.0, |sum, cell| sum + cell.area_sr())
    }

    fn leaves(&self) -> impl Iterator<Item = Leaves> {
        merged(self.cells.iter().copied().map(leaves))
    }

    /// Of ascending ranges that do not touch: the largest cells that fit, one after the other.
    fn of_ranges(ranges: impl IntoIterator<Item = Leaves>) -> Self {
        let mut cells = Vec::new();
        for range in ranges {
            let (mut at, last) = range.into_inner();
            while at <= last {
                let mut cell = CellId(at);
                while let Some(coarser) = cell.level().coarser() {
                    let parent = cell.parent(coarser);
                    if parent.range_min().0 != at || parent.range_max().0 > last {
                        break;
                    }
                    cell = parent;
                }
                cells.push(cell);
                at = cell.range_max().0 + 2;
            }
        }
        Self { cells }
    }
}

impl Region for CellUnion {
    fn relation(&self, cell: CellId) -> Relation {
        if self.contains_cell(cell) {
            Relation::Inside
        } else if self.intersects_cell(cell) {
            Relation::Overlaps
        } else {
            Relation::Outside
        }
    }

    /// By leaves: every place is in exactly one.
    fn contains(&self, at: Direction) -> bool {
        self.contains_cell(CellId::leaf_at(at.unit()))
    }

    fn bounding_cap(&self) -> Cap {
        let sum = self
            .cells
            .iter()
            .map(|cell| cell.centre() * cell.area_sr())
            .sum();
        let Ok(middle) = Direction::new(sum) else {
            // Nowhere, or balanced all around.
            return Cap::whole();
        };
        let mut widest = 0.0;
        for &cell in &self.cells {
            let to = CellShape::of(cell).max_distance_to(middle);
            if to > widest {
                widest = to;
            }
        }
        Cap::bound(middle.unit(), widest + ROUNDING_RAD)
    }
}

const FIRST_LEAF: u64 = 1;
const LAST_LEAF: u64 = (6 << 61) - 1;

fn leaves(cell: CellId) -> Leaves {
    cell.range_min().0..=cell.range_max().0
}

/// Joins ascending ranges that overlap or follow one another: leaves are two apart.
fn merged(ranges: impl IntoIterator<Item = Leaves>) -> impl Iterator<Item = Leaves> {
    let mut ranges = ranges.into_iter().peekable();
    std::iter::from_fn(move || {
        let (from, mut to) = ranges.next()?.into_inner();
        while let Some(next) = ranges.next_if(|next| *next.start() <= to + 2) {
            to = to.max(*next.end());
        }
        Some(from..=to)
    })
}
