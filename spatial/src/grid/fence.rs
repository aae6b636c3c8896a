//! The four planes around a cell, to see without division that something is still inside it.
//!
//! A cell is cut out of the planet by four planes through the centre: u = u₀, u = u₁, v = v₀, v = v₁
//! on its cube face (S2 cells are squares in u and v). What is inside all four by a margin is in
//! the cell that [`CellId::at`] names, whatever the rounding; what is not is asked the long way.

use glam::DVec3;

use crate::cells::CellId;

/// How far inside a plane counts as inside, in u and v (6 µm on Earth).
///
/// `CellId::at` rounds u (one division), s (a root, |ds/du| ≥ 3/8) and the row of leaves (exact):
/// under 10⁻¹⁵ in u altogether; the planes' corners and the products below round by as little. A
/// thousand times that is safe, and a leaf is still a thousand times wider.
const MARGIN: f64 = 1e-12;

/// Inward normals of the four planes, one coordinate of all four side by side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fence {
    x: [f64; 4],
    y: [f64; 4],
    z: [f64; 4],
}

impl Fence {
    /// The planes around `cell`.
    pub(super) fn around(cell: CellId) -> Self {
        let (low, high) = cell.uv_bounds();
        let [u, v, w] = cell.face_axes();
        let normals = [
            u - w * (low[0] + MARGIN),
            w * (high[0] - MARGIN) - u,
            v - w * (low[1] + MARGIN),
            w * (high[1] - MARGIN) - v,
        ];
        Self {
            x: normals.map(|n| n.x),
            y: normals.map(|n| n.y),
            z: normals.map(|n| n.z),
        }
    }

    /// How far inside the cell a position is at least, in its own unit; 0 if it may be outside.
    #[inline]
    pub(super) fn depth(&self, pos: DVec3) -> f64 {
        let (mut inside, mut least) = (true, f64::INFINITY);
        for side in 0..4 {
            let height = self.x[side] * pos.x + self.y[side] * pos.y + self.z[side] * pos.z;
            inside &= height > 0.0;
            least = if height < least { height } else { least };
        }
        // The normals are up to √2 long.
        if inside {
            least * core::f64::consts::FRAC_1_SQRT_2
        } else {
            0.0
        }
    }

    /// Whether a position is certainly in the cell. Never so for NaN and infinities.
    #[inline]
    pub(super) fn holds(&self, pos: DVec3) -> bool {
        let mut inside = true;
        for side in 0..4 {
            let height = self.x[side] * pos.x + self.y[side] * pos.y + self.z[side] * pos.z;
            inside &= height > 0.0;
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Level;
    use crate::mix::{mix64, unit};

    fn coordinate(n: u64) -> f64 {
        unit(mix64(n)) * 2.0 - 1.0
    }

    #[test]
    fn what_is_fenced_in_is_in_the_cell_and_little_else_is_refused() {
        let (mut held, mut missed) = (0, 0);
        for n in 0..20_000u64 {
            let dir = DVec3::new(
                coordinate(n * 9),
                coordinate(n * 9 + 1),
                coordinate(n * 9 + 2),
            );
            let level = Level::of((n % 31) as u8);
            let cell = CellId::at(dir, level);
            let fence = Fence::around(cell);
            assert!(!fence.holds(-dir) && fence.depth(-dir) == 0.0, "{dir}");
            let size = f64::from(1u32 << (30 - level.get())) / f64::from(1u32 << 30);
            for k in 0..4u64 {
                // About a cell away, so that some are in it, some in a neighbour.
                let c = |j| coordinate(n * 97 + k * 3 + j);
                let p = dir * 6.4e6 + DVec3::new(c(5), c(6), c(7)) * dir.length() * 6.4e6 * size;
                let (is_in, is_held) = (CellId::at(p, level) == cell, fence.holds(p));
                assert!(is_in || !is_held, "{p} is outside {cell}");
                let depth = fence.depth(p);
                assert_eq!(depth > 0.0, is_held);
                // Nowhere that near is another cell.
                for away in [c(8), c(9), c(10)].map(|s| DVec3::new(s, c(11), c(12)).normalize()) {
                    let near = p + away * depth * (1.0 - 1e-6);
                    assert!(!is_held || CellId::at(near, level) == cell);
                }
                held += u32::from(is_held);
                missed += u32::from(is_in && !is_held);
            }
        }
        assert!(
            held > 10_000 && missed < 200,
            "{held} held, {missed} missed"
        );
    }

    #[test]
    fn the_edge_itself_is_never_held_by_two() {
        // A whole cell's corners and edges, to the last bit: the fence says no, `at` decides.
        for n in 0..2_000u64 {
            let dir = DVec3::new(coordinate(n), coordinate(n + 7_000), coordinate(n + 9_000));
            let cell = CellId::at(dir, Level::of((n % 20) as u8 + 2));
            let (low, high) = cell.uv_bounds();
            let [u, v, w] = cell.face_axes();
            for corner in [low, high, [low[0], high[1]], [high[0], low[1]]] {
                let p = (w + u * corner[0] + v * corner[1]) * 6.371e6;
                assert!(!Fence::around(cell).holds(p));
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_nowhere() {
        let fence = Fence::around(CellId::at(DVec3::X, Level::FACE));
        assert!(fence.holds(DVec3::X));
        for bad in [DVec3::NAN, DVec3::ZERO, DVec3::new(1.0, 0.0, f64::NAN)] {
            assert!(!fence.holds(bad) && fence.depth(bad) == 0.0);
        }
    }
}
