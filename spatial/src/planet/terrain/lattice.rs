//! The lattice on which the coarse ground is computed: the corners of the S2 cells of one level,
//! about 35 m apart, sixteen by sixteen of their squares to a tile.
//!
//! ```text
//!   t ↑  +--+--+--+--+     one face of the cube: 2^level squares along each edge
//!     |  |  |  |  |  |     quad (i, j): s from i/2^level to (i+1)/2^level, t likewise
//!     |  +--+--+--+--+     corner (i, j): where quad (i, j) begins
//!     |  |  | ·|  |  |     · a place: a quad and a share of the way through it
//!     |  +--+--+--+--+
//!     +------------→ s
//! ```
//!
//! Corners along the edge of a face are the same points for both faces, to the last bit: the
//! quadratic projection is symmetric, and a share of a power of two is exact. Corners one step
//! beyond the edge, which smooth interpolation needs, are the projection's natural extension.

use glam::DVec3;

use crate::cells::{Level, cube};
use crate::limits::TERRAIN_SPACING_M;

/// Quads along the edge of a tile.
pub(crate) const TILE_QUADS: u32 = 16;
/// Corners along the edge of a tile, with one more on either side.
pub(crate) const TILE_CORNERS: usize = TILE_QUADS as usize + 3;

/// Average width of a level-0 cell on the unit sphere (S2's `kAvgWidth`); halves with each level.
pub(crate) const AVERAGE_WIDTH: f64 = 1.434_523_672_886_099_5;

/// The corners of a level's cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lattice {
    quads: u32,
}

/// A quad of a face and a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuadPlace {
    pub(crate) face: u8,
    pub(crate) i: u32,
    pub(crate) j: u32,
    /// 0 ..= 1 through the quad along s and t.
    pub(crate) along: [f64; 2],
}

impl Lattice {
    /// The coarsest whose corners are on average at most [`TERRAIN_SPACING_M`] apart, but with a
    /// whole tile on each face.
    pub(crate) fn for_radius(radius_m: f64) -> Self {
        let mut quads = TILE_QUADS;
        let finest = 1 << (Level::MAX.get() - 2);
        while AVERAGE_WIDTH * radius_m / f64::from(quads) > TERRAIN_SPACING_M && quads < finest {
            quads *= 2;
        }
        Self { quads }
    }

    /// Mean distance between corners, metres.
    pub(crate) fn spacing_m(self, radius_m: f64) -> f64 {
        AVERAGE_WIDTH * radius_m / f64::from(self.quads)
    }

    /// The quad that holds a direction (not zero). NaN ends in some quad, at a NaN of its way.
    #[inline]
    pub(crate) fn place(self, dir: DVec3) -> QuadPlace {
        let (face, u, v) = cube::face_uv(dir);
        let scale = f64::from(self.quads);
        let [x, y] = [u, v].map(|k| cube::st_of_uv(k) * scale);
        // The casts truncate and take NaN to 0; s and t are not negative but for rounding.
        let [i, j] = [x, y].map(|k| (k as u32).min(self.quads - 1));
        QuadPlace {
            face,
            i,
            j,
            along: [x - f64::from(i), y - f64::from(j)],
        }
    }

    /// s or t of a corner, bent for the face's plane; one step beyond the face is allowed.
    #[inline]
    pub(crate) fn plane(self, k: i64) -> f64 {
        cube::uv_of_st(k as f64 / f64::from(self.quads))
    }

    /// The unit direction of a corner from its coordinates in the face's plane.
    #[inline]
    pub(crate) fn corner(face: u8, u: f64, v: f64) -> DVec3 {
        cube::point(face, u, v).normalize()
    }
}

impl QuadPlace {
    /// The number of the tile (never 0), and the quad's row and column in it.
    #[inline]
    pub(crate) fn tile(&self) -> (u64, [usize; 2]) {
        let [ti, tj] = [self.i / TILE_QUADS, self.j / TILE_QUADS];
        let key = (u64::from(self.face) + 1) << 60 | u64::from(ti) << 30 | u64::from(tj);
        let within = [self.i % TILE_QUADS, self.j % TILE_QUADS];
        (key, within.map(|k| k as usize))
    }
}

/// Weights of four values in a row, 1 apart, at a share of the way from the second to the third
/// (E. Catmull, R. Rom, "A class of local interpolating splines", 1974): through the values, with
/// continuous slope.
#[inline]
pub(crate) fn catmull_rom(t: f64) -> [f64; 4] {
    let (t2, rest) = (t * t, 1.0 - t);
    [
        -0.5 * t * rest * rest,
        1.0 + t2 * (1.5 * t - 2.5),
        1.0 + rest * rest * (1.5 * rest - 2.5),
        -0.5 * rest * t2,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};

    #[test]
    fn corners_on_an_edge_are_the_same_bits_from_both_faces() {
        let lattice = Lattice::for_radius(50_000.0);
        let last = i64::from(lattice.quads);
        let mut edges: Vec<[u64; 3]> = Vec::new();
        for face in 0..6 {
            for k in -1..=last + 1 {
                for (i, j) in [(0, k), (last, k), (k, 0), (k, last)] {
                    // The corners of the cube belong to two edges of a face.
                    let corner = Lattice::corner(face, lattice.plane(i), lattice.plane(j));
                    edges.push(corner.to_array().map(|c| (c + 0.0).to_bits()));
                }
            }
        }
        edges.sort_unstable();
        // Each of 12 edges from two faces; the cube's corners, too, come only in whole sixes.
        let alone = edges.chunk_by(|a, b| a == b).filter(|same| same.len() < 2);
        assert_eq!(alone.count(), 0);
    }

    #[test]
    fn a_place_lies_between_its_corners() {
        let lattice = Lattice::for_radius(6_371_000.0);
        for n in 0..20_000 {
            let c = |k: u64| unit(mix64(n * 3 + k)) - 0.5;
            let dir = DVec3::new(c(0), c(1), c(2)).normalize();
            let QuadPlace { face, i, j, along } = lattice.place(dir);
            assert!(along.iter().all(|share| (0.0..=1.0).contains(share)));
            let corner = |di: i64, dj: i64| {
                let (i, j) = (i64::from(i) + di, i64::from(j) + dj);
                Lattice::corner(face, lattice.plane(i), lattice.plane(j))
            };
            let near = corner(0, 0).lerp(corner(1, 1), 0.5);
            assert!(near.distance(dir) * 6_371_000.0 < 40.0);
        }
    }

    #[test]
    fn weights_add_up_to_one_and_meet_the_values() {
        for n in 0..=100 {
            let sum: f64 = catmull_rom(f64::from(n) / 100.0).iter().sum();
            assert!((sum - 1.0).abs() < 1e-14);
        }
        assert_eq!(catmull_rom(0.0), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(catmull_rom(1.0), [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn small_and_large_balls_have_lattices() {
        assert_eq!(Lattice::for_radius(100.0).quads, TILE_QUADS);
        assert_eq!(Lattice::for_radius(50_000.0).quads, 1 << 11);
        assert_eq!(Lattice::for_radius(6_371_000.0).quads, 1 << 18);
        let place = Lattice::for_radius(50_000.0).place(DVec3::NAN);
        assert!(place.i == 0 && place.along[0].is_nan());
    }
}
