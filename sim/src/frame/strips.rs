//! The rows of each cell once more, in narrow strips across it: who touches somebody within a metre
//! need not look at everybody in a cell that is a hundred metres wide.
//!
//! Rows themselves stay in the order of ids, which is what everybody else relies on; so strips are a copy
//! of where everybody is, and what is found by them comes in no order that may matter.

use bluemarble_shared_protocol::EntityId;
use glam::DVec3;

use super::bounds::Bounds;

/// Rows per strip, on average.
const ROWS_PER_STRIP: usize = 2;
/// Most strips of a cell: narrower ones than a body are of no use.
const STRIPS_MAX: usize = 128;
/// What rounding could move a position by, and far more, metres.
const SLACK_M: f64 = 1e-6;

/// The strips of all cells of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Strips {
    cells: Vec<Across>,
    /// Where each strip begins in the list of rows, and where a cell's last one ends.
    starts: Vec<u32>,
    /// Everybody, by cell and strip.
    spots: Vec<Spot>,
}

/// Somebody, and what it takes to see whether they are near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub pos: DVec3,
    pub id: EntityId,
    pub row: u32,
}

/// How one cell is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Across {
    /// Along x, y or z: its longest side.
    axis: usize,
    low_m: f64,
    per_m: f64,
    /// Its first place among the starts, and how many strips there are.
    first: usize,
    strips: usize,
}

impl Across {
    /// Which strip something at this coordinate is in. Never decreasing in it, rounding included, which
    /// is all that finding relies on.
    #[inline]
    fn strip(&self, at_m: f64) -> usize {
        // The cast truncates, saturates, and takes NaN to 0.
        let strip = ((at_m - self.low_m) * self.per_m) as usize;
        if strip < self.strips {
            strip
        } else {
            self.strips - 1
        }
    }
}

impl Strips {
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.starts.clear();
        self.spots.clear();
    }

    /// Cuts the next cell, whose rows begin at `first_row`. All rows before it have been cut.
    pub(super) fn cut(
        &mut self,
        bounds: &Bounds,
        first_row: usize,
        positions: &[DVec3],
        ids: &[EntityId],
    ) {
        let (axis, low_m, long_m) = bounds.longest();
        let strips = (positions.len() / ROWS_PER_STRIP).clamp(1, STRIPS_MAX);
        let per_m = strips as f64 / long_m;
        let across = Across {
            axis,
            low_m,
            // In one place or somewhere infinite: all in the first strip.
            per_m: if per_m.is_finite() { per_m } else { 0.0 },
            first: self.starts.len(),
            strips,
        };
        self.cells.push(across);
        // Counted two places on, summed up, and written by the place between.
        self.starts.resize(across.first + strips + 2, 0);
        let starts = &mut self.starts[across.first..];
        for pos in positions {
            starts[across.strip(pos[axis]) + 2] += 1;
        }
        let mut before = first_row as u32;
        for start in starts.iter_mut() {
            before += *start;
            *start = before;
        }
        let nobody = Spot {
            pos: DVec3::ZERO,
            id: EntityId(0),
            row: 0,
        };
        self.spots.resize(first_row + positions.len(), nobody);
        for ((row, &pos), &id) in (first_row as u32..).zip(positions).zip(ids) {
            let next = &mut starts[across.strip(pos[axis]) + 1];
            self.spots[*next as usize] = Spot { pos, id, row };
            *next += 1;
        }
        self.starts.pop();
    }

    /// Some of the `cell`-th cell, among them all that are within `radius_m` of `pos`.
    #[inline]
    pub(super) fn near(&self, cell: usize, pos: DVec3, radius_m: f64) -> &[Spot] {
        let across = &self.cells[cell];
        let reach_m = radius_m + SLACK_M;
        let at_m = pos[across.axis];
        let (first, last) = (across.strip(at_m - reach_m), across.strip(at_m + reach_m));
        let start = self.starts[across.first + first];
        let end = self.starts[across.first + last + 1];
        &self.spots[start as usize..end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_shared_protocol::mix64;

    #[test]
    fn everybody_within_the_radius_is_in_the_strips_and_few_others_are() {
        let mut strips = Strips::default();
        let mut positions: Vec<DVec3> = Vec::new();
        let mut starts = vec![0];
        for cell in 0..40_u64 {
            let axis = |n: u64| f64::from(mix64(n) as i32) / f64::from(i32::MAX);
            for n in 0..mix64(cell) % 300 {
                let k = cell * 10_000 + n * 3;
                // Flat, steep or all in one place; some exactly on each other.
                let wide = DVec3::new(70.0, if cell % 3 == 0 { 0.0 } else { 90.0 }, 3.0);
                let wide = if cell == 7 { DVec3::ZERO } else { wide };
                let middle = DVec3::new(6.4e6, -2e5, axis(cell) * 5e4);
                positions.push(middle + wide * DVec3::new(axis(k), axis(k + 1), axis(k / 2)));
            }
            let first = *starts.last().unwrap();
            let here = &positions[first..];
            let ids: Vec<EntityId> = (first as u64..).map(EntityId).take(here.len()).collect();
            strips.cut(&Bounds::of(here), first, here, &ids);
            starts.push(positions.len());
        }
        let (mut looked, mut all) = (0, 0);
        for (cell, ends) in starts.windows(2).enumerate() {
            let every = strips.near(cell, DVec3::ZERO, 1e9).iter();
            let right = |spot: &Spot| {
                let row = spot.row as usize;
                spot.id.0 == row as u64 && spot.pos == positions[row]
            };
            assert!(every.clone().all(right));
            let mut every: Vec<u32> = every.map(|spot| spot.row).collect();
            every.sort_unstable();
            assert!(
                every.into_iter().eq(ends[0] as u32..ends[1] as u32),
                "each once"
            );
            for asker in &positions[ends[0]..ends[1]] {
                for (radius_m, off) in [
                    (1.5, DVec3::ZERO),
                    (0.0, DVec3::ZERO),
                    (9.0, DVec3::splat(4.0)),
                ] {
                    let pos = *asker + off;
                    let near = strips.near(cell, pos, radius_m);
                    for (row, at) in (ends[0]..).zip(&positions[ends[0]..ends[1]]) {
                        let is_near = at.distance_squared(pos) <= radius_m * radius_m;
                        assert!(!is_near || near.iter().any(|spot| spot.row as usize == row));
                    }
                    looked += near.len();
                    all += ends[1] - ends[0];
                }
            }
        }
        assert!(looked * 4 < all, "{looked} of {all}");
    }
}
