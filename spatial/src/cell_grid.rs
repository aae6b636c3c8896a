//! Who is near whom, for things that move: rows sorted into cells of one level, rebuilt each tick.
//!
//! A moving crowd has as many insertions as queries, so a tree does not pay; one sort does. Cells
//! are numbered along the Hilbert curve, so the rows of any cell *or any ancestor of it* are one
//! slice: a query picks the level whose cells are just wide enough for its radius, takes the slices
//! of one cell and its neighbours, and in them reads only the grid's own cells whose bounding box
//! comes near enough. So a grid somewhat finer than its usual radius is a good one.

use glam::DVec3;

use crate::cell_id::CellId;

/// Beyond this share of the distance to the centre a radius is no local question any more, and
/// every row is looked at.
const LOCAL_SHARE_MAX: f64 = 0.25;
/// Width over radius that a query's cells must have: covers rounding, and that an arc is longer
/// than its chord (by 1.1 % at [`LOCAL_SHARE_MAX`]).
const MARGIN: f64 = 1.02;

/// Rows sorted by (cell, row).
#[derive(Clone, Debug, Default)]
pub struct CellGrid {
    level: u8,
    /// Sorted (cell, row); kept for its allocation and its order.
    order: Vec<(u64, u32)>,
    /// Positions in that order, metres.
    positions: Vec<DVec3>,
    /// Occupied cells, ascending, and where each one's rows start; one more start at the end.
    cells: Vec<u64>,
    starts: Vec<u32>,
    /// The least box around each occupied cell's rows, metres.
    boxes: Vec<[DVec3; 2]>,
}

impl CellGrid {
    /// Sorts positions (metres, planet frame, none zero) into cells of `level`.
    ///
    /// # Panics
    /// If there are 2³² or more.
    #[must_use]
    pub fn build(level: u8, positions: &[DVec3]) -> Self {
        let mut grid = Self::default();
        grid.rebuild(level, positions);
        grid
    }

    /// The same, in place: a steady crowd allocates nothing.
    ///
    /// # Panics
    /// If there are 2³² or more.
    pub fn rebuild(&mut self, level: u8, positions: &[DVec3]) {
        let rows = u32::try_from(positions.len()).expect("fewer than 2^32 things move");
        self.level = level;
        self.order.clear();
        self.order.extend(
            (0..rows)
                .zip(positions)
                .map(|(row, &p)| (CellId::at(p, level).0, row)),
        );
        self.order.sort_unstable();
        self.positions.clear();
        self.positions
            .extend(self.order.iter().map(|&(_, row)| positions[row as usize]));
        self.cells.clear();
        self.starts.clear();
        self.boxes.clear();
        for ((at, &(cell, _)), &p) in (0..rows).zip(&self.order).zip(&self.positions) {
            match self.boxes.last_mut() {
                Some([low, high]) if self.cells.last() == Some(&cell) => {
                    *low = low.min(p);
                    *high = high.max(p);
                }
                _ => {
                    self.cells.push(cell);
                    self.starts.push(at);
                    self.boxes.push([p, p]);
                }
            }
        }
        self.starts.push(rows);
    }

    /// How many rows it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The occupied cells, ascending, each with its rows' slots: ranges into the order of
    /// [`CellGrid::rows`].
    pub fn cells(&self) -> impl Iterator<Item = (CellId, std::ops::Range<usize>)> {
        let slots = self
            .starts
            .windows(2)
            .map(|pair| pair[0] as usize..pair[1] as usize);
        self.cells.iter().map(|&cell| CellId(cell)).zip(slots)
    }

    /// All rows in the order (cell, row).
    pub fn rows(&self) -> impl ExactSizeIterator<Item = u32> {
        self.order.iter().map(|&(_, row)| row)
    }

    /// Calls `visit(row, squared distance in m²)` for every row within `radius_m` of `pos`
    /// (inclusive, a straight line through the ground), in the order (cell, row).
    pub fn for_each_near(&self, pos: DVec3, radius_m: f64, mut visit: impl FnMut(u32, f64)) {
        if self.is_empty() {
            return;
        }
        let reach2 = radius_m * radius_m;
        let mut look = |cells: std::ops::Range<usize>| {
            for at in cells {
                // Rounding is monotonic: no row is ever nearer than its box.
                if distance2_to_box(pos, &self.boxes[at]) > reach2 {
                    continue;
                }
                let slots = self.starts[at] as usize..self.starts[at + 1] as usize;
                let rows = &self.order[slots.clone()];
                for (&(_, row), p) in rows.iter().zip(&self.positions[slots]) {
                    let dist2 = p.distance_squared(pos);
                    if dist2 <= reach2 {
                        visit(row, dist2);
                    }
                }
            }
        };
        let Some(level) = self.query_level(pos, radius_m) else {
            return look(0..self.cells.len());
        };
        let here = CellId::at(pos, level);
        let around = here.all_neighbours();
        let before = around.partition_point(|cell| *cell < here);
        around[..before]
            .iter()
            .for_each(|cell| look(self.occupied(*cell)));
        look(self.occupied(here));
        around[before..]
            .iter()
            .for_each(|cell| look(self.occupied(*cell)));
    }

    /// The finest level (not finer than the grid's) at which all within the radius lie in the cell
    /// of `pos` or a neighbour; none if the radius is too large for that.
    fn query_level(&self, pos: DVec3, radius_m: f64) -> Option<u8> {
        let distance_m = pos.length();
        let is_local = radius_m <= distance_m * LOCAL_SHARE_MAX;
        if !is_local {
            // NaN ends here, too.
            return None;
        }
        let wanted_m = radius_m * MARGIN;
        let mut level = self.level;
        while CellId::min_width_m(level, distance_m) < wanted_m {
            level = level.checked_sub(1)?;
        }
        Some(level)
    }

    /// Which of the occupied cells lie in a cell of the grid's level or of a coarser one.
    fn occupied(&self, cell: CellId) -> std::ops::Range<usize> {
        let (first, last) = (cell.range_min().0, cell.range_max().0);
        let start = self.cells.partition_point(|&c| c < first);
        let count = self.cells[start..]
            .iter()
            .take_while(|&&c| c <= last)
            .count();
        start..start + count
    }
}

/// Squared distance in m² from a point to the nearest point of a box.
#[inline]
fn distance2_to_box(p: DVec3, [low, high]: &[DVec3; 2]) -> f64 {
    (*low - p).max(p - *high).max(DVec3::ZERO).length_squared()
}
