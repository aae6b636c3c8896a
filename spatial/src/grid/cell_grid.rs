//! Who is near whom, for things that move: rows sorted into cells of one level, rebuilt each tick.
//!
//! A moving crowd has as many insertions as queries, so a tree does not pay; one sort does. Cells
//! are numbered along the Hilbert curve, so the rows of any cell *or any ancestor of it* are one
//! slice: a query picks the level whose cells are just wide enough for its radius, takes the slices
//! of one cell and its neighbours, and in them reads only the grid's own cells whose bounding box
//! comes near enough. The best level for a usual radius is `CellId::level_for_min_width` of it, or one
//! finer.

use glam::DVec3;

use crate::cells::{CellId, Level};

/// Beyond this share of the distance to the centre a radius is no local question any more, and
/// every row is looked at.
const LOCAL_SHARE_MAX: f64 = 0.25;
/// Width over radius that a query's cells must have: covers rounding, and that an arc is longer
/// than its chord (by 1.1 % at [`LOCAL_SHARE_MAX`]).
const MARGIN: f64 = 1.02;
/// Rows that are filtered at once, on the stack.
const BATCH: usize = 32;

/// Rows sorted by (cell, row).
#[derive(Clone, Debug, Default)]
pub struct CellGrid {
    level: Level,
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
    pub fn build(level: Level, positions: &[DVec3]) -> Self {
        let mut grid = Self::default();
        grid.rebuild(level, positions);
        grid
    }

    /// The same, in place: a steady crowd allocates nothing.
    ///
    /// # Panics
    /// If there are 2³² or more.
    pub fn rebuild(&mut self, level: Level, positions: &[DVec3]) {
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
        let Some(level) = self.query_level(pos, radius_m) else {
            self.look(0, u64::MAX, pos, radius_m, &mut visit);
            return;
        };
        let here = CellId::at(pos, level);
        let around = here.all_neighbours();
        let before = around.partition_point(|cell| *cell < here);
        let mut from = 0;
        for cell in around[..before]
            .iter()
            .chain([&here])
            .chain(&around[before..])
        {
            // Ascending cells: each search begins where the one before ended.
            from += self.cells[from..].partition_point(|&c| c < cell.range_min().0);
            from = self.look(from, cell.range_max().0, pos, radius_m, &mut visit);
        }
    }

    /// Visits what is near in the occupied cells from index `from` up to the cell id `last`;
    /// answers the index after them.
    fn look(
        &self,
        from: usize,
        last: u64,
        pos: DVec3,
        radius_m: f64,
        visit: &mut impl FnMut(u32, f64),
    ) -> usize {
        let reach2 = radius_m * radius_m;
        let mut at = from;
        while at < self.cells.len() && self.cells[at] <= last {
            // Rounding is monotonic: no row is ever nearer than its box.
            if distance2_to_box(pos, &self.boxes[at]) <= reach2 {
                let slots = self.starts[at] as usize..self.starts[at + 1] as usize;
                self.look_at_rows(slots, pos, reach2, visit);
            }
            at += 1;
        }
        at
    }

    /// In two passes, the first without branches: who is near is a coin toss for the processor.
    fn look_at_rows(
        &self,
        slots: std::ops::Range<usize>,
        pos: DVec3,
        reach2: f64,
        visit: &mut impl FnMut(u32, f64),
    ) {
        let rows = self.order[slots.clone()].chunks(BATCH);
        for (rows, positions) in rows.zip(self.positions[slots].chunks(BATCH)) {
            let mut near = [(0, 0.0); BATCH];
            let mut count = 0;
            for (&(_, row), p) in rows.iter().zip(positions) {
                let dist2 = p.distance_squared(pos);
                near[count] = (row, dist2);
                count += usize::from(dist2 <= reach2);
            }
            near[..count]
                .iter()
                .for_each(|&(row, dist2)| visit(row, dist2));
        }
    }

    /// The finest level (not finer than the grid's) at which all within the radius lie in the cell
    /// of `pos` or a neighbour; none if the radius is too large for that.
    fn query_level(&self, pos: DVec3, radius_m: f64) -> Option<Level> {
        let distance_m = pos.length();
        let is_local = radius_m <= distance_m * LOCAL_SHARE_MAX;
        if !is_local {
            // NaN ends here, too.
            return None;
        }
        let wanted_m = radius_m * MARGIN;
        let mut level = self.level;
        while CellId::min_width_m(level, distance_m) < wanted_m {
            level = level.coarser()?;
        }
        Some(level)
    }
}

/// Squared distance in m² from a point to the nearest point of a box.
#[inline]
fn distance2_to_box(p: DVec3, [low, high]: &[DVec3; 2]) -> f64 {
    let outside = |low: f64, p: f64, high: f64| {
        if p < low {
            low - p
        } else if p > high {
            p - high
        } else {
            0.0
        }
    };
    let x = outside(low.x, p.x, high.x);
    let y = outside(low.y, p.y, high.y);
    let z = outside(low.z, p.z, high.z);
    x * x + y * y + z * z
}
