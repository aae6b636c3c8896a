//! The grid itself: rows sorted by (cell, id), rebuilt each tick, and the questions it answers.
//!
//! A moving crowd has as many insertions as queries, so a tree that is balanced by inserting does
//! not pay; one counting sort a tick does. Cells are numbered along a Hilbert curve, so sixteen
//! rows that follow each other in that order are close together, and so are sixteen such blocks: boxes
//! around them ([`super::boxes`]) lead a query to the few blocks it needs, whatever its radius and
//! wherever on the cube.

use std::ops::Range;

use glam::DVec3;

use super::boxes::{BoxTree, Found, Query, REACH2_MAX, portable};
use super::placement::Placement;
use super::simd::{SimdLevel, Usable};
use crate::cells::{CellId, Level};

/// Rows out of order in a cell that are put in place one by one before the cell is sorted instead.
const STEPS_PER_CELL_MAX: usize = 64;

/// Something near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Its place in the arrays the grid was built from.
    pub row: u32,
    /// What the builder calls it.
    pub id: u64,
    /// Squared distance, m² (a straight line through the ground).
    pub dist2_m2: f64,
}

/// Room for the answer of [`CellGrid::near`]: kept by whoever asks, so that asking allocates
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct Nearby(Found);

/// Ordered as within a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    id: u64,
    row: u32,
    /// Its place in last time's order.
    from: u32,
}

/// Rows sorted by (cell, id), with boxes around them.
///
/// The best level is the one whose cells are a quarter to a half as wide as the usual radius (cells
/// twice as wide as it cost twice the time); any is correct. Answers do not depend on the order in which rows were given, on the rebuilds before,
/// or on the [`SimdLevel`].
///
/// ```
/// use bluemarble_spatial::{CellGrid, CellId, Nearby};
/// use glam::DVec3;
///
/// let planet_m = 50_000.0;
/// let people = [(0.0, 7), (3.0, 5), (40.0, 6)].map(|(x, id)| (DVec3::new(x, 0.0, planet_m), id));
/// let grid = CellGrid::build(
///     CellId::level_for_min_width(10.0, planet_m),
///     &people.map(|(pos, _)| pos),
///     &people.map(|(_, id)| id),
/// );
/// let mut found = Nearby::default();
/// let mut ids: Vec<u64> = grid.near(people[0].0, 10.0, &mut found).map(|other| other.id).collect();
/// ids.sort(); // for those who do not know the cells
/// assert_eq!(ids, [5, 7]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CellGrid {
    simd: Usable,
    placement: Placement,
    /// Everything by (cell, id).
    entries: Vec<Entry>,
    /// Positions, in that order.
    tree: BoxTree,
    /// Slots of each cell of the placement: its first, and one more at the end.
    starts: Vec<u32>,
    /// Rows in last time's order, which is where the sort begins, and their positions now.
    rows_before: Vec<u32>,
    positions_before: Vec<DVec3>,
    /// Of each slot, the rank of its cell.
    ranks: Vec<u32>,
    /// Of each cell, the next slot to fill.
    next: Vec<u32>,
}

impl CellGrid {
    /// Sorts things into cells of `level`: positions (metres, planet frame) and ids, row by row.
    /// What is nowhere (NaN) is in some cell and near to nothing.
    ///
    /// # Panics
    /// If there are more than 2³¹, or not as many ids as positions.
    #[must_use]
    pub fn build(level: Level, positions: &[DVec3], ids: &[u64]) -> Self {
        let mut grid = Self::default();
        grid.rebuild(level, positions, ids);
        grid
    }

    /// An empty grid that uses registers no wider than `simd`, and no wider than the CPU's.
    #[must_use]
    pub fn with_simd(simd: SimdLevel) -> Self {
        Self {
            simd: Usable::at_most(simd),
            ..Self::default()
        }
    }

    /// What it uses.
    #[must_use]
    pub fn simd(&self) -> SimdLevel {
        self.simd.level()
    }

    /// As [`CellGrid::build`], in place: a steady crowd allocates nothing. Cheapest if most rows
    /// are in the cell in which that row, or the row before it, was last time.
    ///
    /// # Panics
    /// If there are more than 2³¹, or not as many ids as positions.
    pub fn rebuild(&mut self, level: Level, positions: &[DVec3], ids: &[u64]) {
        assert_eq!(positions.len(), ids.len(), "an id for every position");
        assert!(positions.len() <= 1 << 31, "at most 2^31 things move");
        self.take_in_order(positions);
        self.placement.place(level, &self.positions_before);
        self.scatter(ids);
        self.order_cells();
        self.tree.refill(self.entries.len(), |slot| {
            self.positions_before[self.entries[slot].from as usize]
        });
    }

    /// Lists the positions in last time's order: what follows then walks through memory in nearly
    /// that order, too.
    fn take_in_order(&mut self, positions: &[DVec3]) {
        let rows = positions.len() as u32;
        let known = self.entries.len() as u32;
        self.rows_before.clear();
        let still = self.entries.iter().map(|entry| entry.row);
        if known <= rows {
            self.rows_before.extend(still);
            self.rows_before.extend(known..rows);
        } else {
            self.rows_before.extend(still.filter(|&row| row < rows));
        }
        self.positions_before.clear();
        let taken = self.rows_before.iter().map(|&row| positions[row as usize]);
        self.positions_before.extend(taken);
    }

    /// The counting sort: by cell, and within a cell in the order of last time.
    fn scatter(&mut self, ids: &[u64]) {
        let (_, counts) = self.placement.cells();
        self.starts.clear();
        self.next.clear();
        let mut start = 0;
        for &count in counts {
            self.starts.push(start);
            self.next.push(start);
            start += count;
        }
        self.starts.push(start);
        self.entries.resize(ids.len(), Entry::default());
        self.ranks.resize(ids.len(), 0);
        let ranks = self.placement.ranks();
        // The cell at hand is counted in a register: through memory each row would wait for the one
        // before it.
        let (mut cell, mut slot) = (0, 0);
        for ((from, &row), &rank) in (0..).zip(&self.rows_before).zip(ranks) {
            if rank != cell {
                self.next[cell as usize] = slot;
                (cell, slot) = (rank, self.next[rank as usize]);
            }
            let id = ids[row as usize];
            self.entries[slot as usize] = Entry { id, row, from };
            self.ranks[slot as usize] = rank;
            slot += 1;
        }
    }

    /// Puts each cell's rows in the order of their ids: hardly anything to do if last time's still
    /// holds. Equal ids, which nobody should give, come in row order.
    fn order_cells(&mut self) {
        let (mut cell, mut steps_left) = (u32::MAX, 0);
        for slot in 1..self.entries.len() {
            let rank = self.ranks[slot];
            // No branch on either alone: ids are as good as random.
            let is_late = self.entries[slot] < self.entries[slot - 1];
            if !(is_late & (rank == self.ranks[slot - 1])) {
                continue;
            }
            if rank != cell {
                (cell, steps_left) = (rank, STEPS_PER_CELL_MAX);
            }
            let start = self.starts[rank as usize] as usize;
            let entry = self.entries[slot];
            let mut at = slot;
            while at > start && self.entries[at - 1] > entry {
                self.entries[at] = self.entries[at - 1];
                at -= 1;
            }
            self.entries[at] = entry;
            steps_left -= (slot - at).min(steps_left);
            if steps_left == 0 {
                let end = self.starts[rank as usize + 1] as usize;
                self.entries[start..end].sort_unstable();
            }
        }
        self.placement.swap_ranks(&mut self.ranks);
    }

    /// How many rows it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The occupied cells, ascending, each with its slots: a range into the orders of
    /// [`CellGrid::rows`] and [`CellGrid::ids`].
    pub fn cells(&self) -> impl Iterator<Item = (CellId, Range<usize>)> {
        let slots = self
            .starts
            .windows(2)
            .map(|pair| pair[0] as usize..pair[1] as usize);
        let (cells, _) = self.placement.cells();
        let all = cells.iter().copied().zip(slots);
        all.filter(|(_, slots)| !slots.is_empty())
    }

    /// All rows by (cell, id).
    pub fn rows(&self) -> impl ExactSizeIterator<Item = u32> {
        self.entries.iter().map(|entry| entry.row)
    }

    /// All ids, in the same order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = u64> {
        self.entries.iter().map(|entry| entry.id)
    }

    /// Everything within `radius_m` of `pos` (inclusive, a straight line through the ground), by
    /// (cell, id). A radius below zero or NaN holds nothing, nor does a place that is none.
    #[inline]
    pub fn near<'a>(
        &'a self,
        pos: DVec3,
        radius_m: f64,
        found: &'a mut Nearby,
    ) -> impl ExactSizeIterator<Item = Neighbour> + 'a {
        let reach2 = radius_m * radius_m;
        if radius_m >= 0.0 && reach2 <= REACH2_MAX && pos.is_finite() {
            let query = Query::new(pos, reach2);
            self.simd.search(&self.tree, &query, &mut found.0);
        } else {
            self.look_at_all(pos, radius_m, &mut found.0);
        }
        let (slots, dist2) = found.0.as_slices();
        let found = slots.iter().zip(dist2);
        found.map(|(&slot, &dist2)| self.neighbour(slot as usize, dist2))
    }

    /// Without the boxes, which take infinite distances for "not there".
    #[cold]
    fn look_at_all(&self, pos: DVec3, radius_m: f64, found: &mut Found) {
        found.clear();
        if radius_m.is_nan() || radius_m < 0.0 {
            return;
        }
        let blocks = self.tree.blocks().iter();
        for (slot, dist2) in (0..).zip(blocks.flat_map(|rows| portable::distances2(rows, pos))) {
            if dist2 <= radius_m * radius_m {
                found.push(slot, dist2);
            }
        }
    }

    #[inline]
    pub(super) fn neighbour(&self, slot: usize, dist2_m2: f64) -> Neighbour {
        let Entry { id, row, .. } = self.entries[slot];
        Neighbour { row, id, dist2_m2 }
    }

    pub(super) fn tree(&self) -> &BoxTree {
        &self.tree
    }
}
