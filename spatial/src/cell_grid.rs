//! Who is near whom, for things that move: rows sorted into cells of one level, rebuilt each tick.

use glam::DVec3;

use crate::cell_id::CellId;

/// Rows sorted by (cell, row).
#[derive(Clone, Debug, Default)]
pub struct CellGrid {
    level: u8,
    rows: Vec<(CellId, u32, DVec3)>,
}

impl CellGrid {
    /// Sorts positions (metres, planet frame) into cells of `level`.
    #[must_use]
    pub fn build(level: u8, positions: &[DVec3]) -> Self {
        let mut grid = Self::default();
        grid.rebuild(level, positions);
        grid
    }

    /// The same, keeping the allocations.
    pub fn rebuild(&mut self, level: u8, positions: &[DVec3]) {
        self.level = level;
        self.rows.clear();
        self.rows.extend(
            positions
                .iter()
                .enumerate()
                .map(|(row, &p)| (CellId::at(p, level), row as u32, p)),
        );
        self.rows
            .sort_unstable_by_key(|&(cell, row, _)| (cell, row));
    }

    /// Calls `visit(row, squared distance in m²)` for every row within `radius_m` of `pos`
    /// (inclusive), in the order (cell, row).
    pub fn for_each_near(&self, pos: DVec3, radius_m: f64, mut visit: impl FnMut(u32, f64)) {
        for &(_, row, p) in &self.rows {
            let dist2 = p.distance_squared(pos);
            if dist2 <= radius_m * radius_m {
                visit(row, dist2);
            }
        }
    }
}
