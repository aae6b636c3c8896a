//! Few cells that cover a region, or that fill it.
//!
//! From the six faces down, the coarsest cell that crosses the region's border is cut into its
//! children for as long as there are cells to spend; among cells of a level, those first of which
//! fewest children are needed. The order is that of `S2RegionCoverer` (s2geometry.io), the details
//! are not, so the cells are not the same as Google's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::cell_id::CellId;
use super::cell_union::CellUnion;
use super::level::Level;
use super::region::{Region, Relation};
use crate::limits::COVERING_STEPS_MAX;

/// How fine a covering may be, and of how many cells.
///
/// ```
/// use bluemarble_spatial::{Cap, Covering, LatLng};
///
/// let cap = Cap::new(LatLng::degrees(48.86, 2.35).to_direction(), 0.01)?;
/// let outer = Covering::of(8).outer(&cap);
/// let inner = Covering::of(8).inner(&cap);
/// assert!(outer.cells().len() <= 8 && inner.cells().len() <= 8);
/// assert!(inner.area_sr() < cap.area_sr() && cap.area_sr() < outer.area_sr());
/// # Ok::<(), bluemarble_spatial::BadCap>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Covering {
    /// Cells that cross the border are cut at least to this level, whatever their number. (The
    /// answer may have coarser cells: four that fill their parent are told as their parent.)
    pub min_level: Level,
    /// No cell is finer. Where it is coarser than `min_level`, it rules.
    pub max_level: Level,
    /// Most cells, apart from what `min_level` asks for, and from the six faces' share: a region
    /// that touches several is not told in fewer.
    pub max_cells: usize,
}

/// A cell that may be cut, and what would come of it. Ordered so that the greatest is cut first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    level: Reverse<Level>,
    needed: Reverse<usize>,
    cell: Reverse<CellId>,
    /// Its children that are not outside, and whether each is inside.
    children: Vec<(CellId, bool)>,
}

impl Default for Covering {
    /// At most eight cells of any level.
    fn default() -> Self {
        Self::of(8)
    }
}

impl Covering {
    /// At most so many cells of any level.
    #[must_use]
    pub const fn of(max_cells: usize) -> Self {
        Self {
            min_level: Level::FACE,
            max_level: Level::MAX,
            max_cells,
        }
    }

    /// The cells of one level that a region touches.
    #[must_use]
    pub const fn at_level(level: Level) -> Self {
        Self {
            min_level: level,
            max_level: level,
            max_cells: 0,
        }
    }

    /// Cells that together hold all of the region.
    ///
    /// After [`COVERING_STEPS_MAX`] cells were looked at it stays as coarse as it is by then.
    #[must_use]
    pub fn outer(&self, region: &dyn Region) -> CellUnion {
        let mut search = Search::new(self, region, false);
        while let Some(Candidate {
            level,
            needed,
            cell,
            children,
        }) = search.candidates.pop()
        {
            let would_be = search.done.len() + search.candidates.len() + needed.0;
            let is_asked_for = level.0 < self.min_level;
            if (is_asked_for || would_be <= self.max_cells) && search.steps < COVERING_STEPS_MAX {
                search.cut(children);
            } else {
                search.done.push(cell.0);
            }
        }
        CellUnion::of_valid(search.done)
    }

    /// Cells that lie wholly in the region: at most `max_cells`, the largest first.
    /// `min_level` asks for nothing here.
    ///
    /// It ends after [`COVERING_STEPS_MAX`] cells were looked at with what was found by then.
    #[must_use]
    pub fn inner(&self, region: &dyn Region) -> CellUnion {
        let mut search = Search::new(self, region, true);
        while search.done.len() < self.max_cells && search.steps < COVERING_STEPS_MAX {
            let Some(candidate) = search.candidates.pop() else {
                break;
            };
            search.cut(candidate.children);
        }
        search.done.truncate(self.max_cells);
        CellUnion::of_valid(search.done)
    }
}

struct Search<'a> {
    region: &'a dyn Region,
    max_level: Level,
    /// Whether cells that cross the border and cannot be cut are left out.
    drops_borders: bool,
    done: Vec<CellId>,
    candidates: BinaryHeap<Candidate>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn new(rules: &Covering, region: &'a dyn Region, drops_borders: bool) -> Self {
        let mut search = Self {
            region,
            max_level: rules.max_level,
            drops_borders,
            done: Vec::new(),
            candidates: BinaryHeap::new(),
            steps: 0,
        };
        let faces = search.not_outside((0..6).map(CellId::face_cell));
        search.cut(faces);
        search
    }

    /// Those that are not outside, and whether each is inside.
    fn not_outside(&mut self, cells: impl IntoIterator<Item = CellId>) -> Vec<(CellId, bool)> {
        let mut found = Vec::with_capacity(4);
        for cell in cells {
            self.steps += 1;
            match self.region.relation(cell) {
                Relation::Outside => {}
                Relation::Overlaps => found.push((cell, false)),
                Relation::Inside => found.push((cell, true)),
            }
        }
        found
    }

    /// Takes cells in: those inside are done, the others may be cut further.
    fn cut(&mut self, cells: Vec<(CellId, bool)>) {
        for (cell, is_inside) in cells {
            if is_inside {
                self.done.push(cell);
            } else if cell.level() < self.max_level {
                let children = self.not_outside(cell.children());
                self.candidates.push(Candidate {
                    level: Reverse(cell.level()),
                    needed: Reverse(children.len()),
                    cell: Reverse(cell),
                    children,
                });
            } else if !self.drops_borders {
                self.done.push(cell);
            }
        }
    }
}
