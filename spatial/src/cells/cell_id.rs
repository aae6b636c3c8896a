//! S2 cells: a quadtree over the six faces of a cube around the planet, numbered along a Hilbert
//! curve, so that a contiguous range of ids is a connected piece of ground.
//!
//! Ids and tokens are those of Google's S2 library (s2geometry.io), checked against it point by
//! point in `tests/s2_oracle.rs`, so that clients can use its port in their own language. Of the
//! `s2` crate nothing is used outside tests: its angles, caps and coverings call the standard
//! library's trigonometry and would break determinism, and its ids are slower than [`curve`]'s.

use std::fmt;
use std::ops::Deref;

use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::cube::{self, LEAVES};
use super::curve;
use super::level::Level;
use super::shape::CellShape;
use crate::geo::Direction;

/// Smallest width of a level-0 cell between opposite edges on the unit sphere; halves with each
/// level (the quadratic projection's `kMinWidth`, 2·√2 / 3).
const MIN_WIDTH: f64 = 2.0 * core::f64::consts::SQRT_2 / 3.0;
/// First value past the last face's ids.
const WRAP: u64 = 6 << 61;

/// One S2 cell. Ordered along the Hilbert curve, a parent in the middle of its children.
///
/// A number that is no cell ([`CellId::is_valid`]) gives meaningless answers but never a panic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellId(pub u64);

/// A token that names no cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an S2 cell token (1 to 16 hexadecimal digits that name a cell)")]
pub struct BadToken(String);

impl CellId {
    /// The leaf cell that holds a direction (of any length but zero).
    #[inline]
    #[must_use]
    pub fn leaf_at(dir: DVec3) -> Self {
        Self::at(dir, Level::MAX)
    }

    /// The cell of `level` that holds a direction (of any length but zero).
    #[inline]
    #[must_use]
    pub fn at(dir: DVec3, level: Level) -> Self {
        let (face, u, v) = cube::face_uv(dir);
        let [i, j] = [u, v].map(|k| cube::leaf_of_st(cube::st_of_uv(k)));
        Self(curve::id(face, i, j, level))
    }

    /// One of the six cells of level 0.
    ///
    /// # Panics
    /// If `face` is not below 6.
    #[must_use]
    pub fn face_cell(face: u8) -> Self {
        assert!(face < 6, "a cube has six faces, not {face}");
        Self((u64::from(face) << 61) | lsb_for_level(Level::FACE))
    }

    /// Whether the number is a cell of S2: anything from a peer or a file is checked with this.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 < WRAP && self.lsb() & 0x1555_5555_5555_5555 != 0
    }

    /// Subdivisions from its cube face.
    #[inline]
    #[must_use]
    pub const fn level(self) -> Level {
        Level::of_id(self.0)
    }

    /// The cube face, 0 ..= 5.
    #[inline]
    #[must_use]
    pub const fn face(self) -> u8 {
        (self.0 >> 61) as u8
    }

    /// The cell of `level` (at most its own) that contains it.
    #[inline]
    #[must_use]
    pub const fn parent(self, level: Level) -> Self {
        let lsb = lsb_for_level(level);
        Self((self.0 & lsb.wrapping_neg()) | lsb)
    }

    /// The four cells one level below, in curve order; a leaf has none and answers itself.
    #[must_use]
    pub const fn children(self) -> [Self; 4] {
        let step = self.lsb() >> 2;
        if step == 0 {
            return [self; 4];
        }
        let first = self.0.wrapping_sub(3 * step);
        [
            Self(first),
            Self(first + 2 * step),
            Self(first + 4 * step),
            Self(first + 6 * step),
        ]
    }

    /// The first leaf in it.
    #[inline]
    #[must_use]
    pub const fn range_min(self) -> Self {
        Self(self.0.wrapping_sub(self.lsb().wrapping_sub(1)))
    }

    /// The last leaf in it.
    #[inline]
    #[must_use]
    pub const fn range_max(self) -> Self {
        Self(self.0.wrapping_add(self.lsb().wrapping_sub(1)))
    }

    /// Whether `other` is it or lies in it.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.range_min().0 <= other.0 && other.0 <= self.range_max().0
    }

    /// The next cell of its level along the curve; after the last comes the first.
    #[must_use]
    pub const fn next(self) -> Self {
        let next = self.0.wrapping_add(self.lsb() << 1);
        Self(if next < WRAP {
            next
        } else {
            next.wrapping_sub(WRAP)
        })
    }

    /// The cell of its level before it along the curve; before the first comes the last.
    #[must_use]
    pub const fn prev(self) -> Self {
        let prev = self.0.wrapping_sub(self.lsb() << 1);
        Self(if prev < WRAP {
            prev
        } else {
            prev.wrapping_add(WRAP)
        })
    }

    /// Unit direction of its centre (in the projection's s, t coordinates).
    #[must_use]
    pub fn centre(self) -> DVec3 {
        let (face, i, j) = self.corner();
        let half = 0.5 * f64::from(self.size());
        let [s, t] = [i, j].map(|k| (f64::from(k) + half) / f64::from(LEAVES));
        cube::point(face, cube::uv_of_st(s), cube::uv_of_st(t)).normalize()
    }

    /// The four cells of its level that share an edge, in the order of its own edges (down, right,
    /// up, left in its face's s, t coordinates).
    #[must_use]
    pub fn edge_neighbours(self) -> [Self; 4] {
        let (face, i, j) = self.corner();
        let (size, level) = (self.size(), self.level());
        [(0, -size), (size, 0), (0, size), (-size, 0)]
            .map(|(di, dj)| Self::of_leaf_wrapped(face, i + di, j + dj, level))
    }

    /// All cells of its level that share an edge or a corner, sorted, each once: 8, or 7 at a
    /// corner of the cube (and 4 for a whole face). It is not one of them.
    #[must_use]
    pub fn all_neighbours(self) -> Neighbours {
        let (face, i, j) = self.corner();
        let (size, level) = (self.size(), self.level());
        let mut found = Neighbours {
            cells: [Self(0); 8],
            len: 0,
        };
        for dj in [-size, 0, size] {
            for di in [-size, 0, size] {
                if (di, dj) != (0, 0) {
                    let cell = Self::of_leaf_wrapped(face, i + di, j + dj, level);
                    found.insert(cell);
                }
            }
        }
        found
    }

    /// All cells of any level that share an edge or a corner with it and do not hold it, sorted,
    /// each once. At `k` levels finer they are 4 × 2ᵏ + 4 (one less for each corner of the cube that
    /// it has); at a coarser level at most three.
    #[must_use]
    pub fn all_neighbours_at(self, level: Level) -> Vec<Self> {
        let mut found: Vec<Self> = if level <= self.level() {
            // What touches it from a coarser cell is a neighbour of its own level.
            let own = self.parent(level);
            let around = self.all_neighbours();
            let coarser = around.into_iter().map(|cell| cell.parent(level));
            coarser.filter(|&cell| cell != own).collect()
        } else {
            let (face, i, j) = self.corner();
            let (size, step) = (self.size(), 1 << (Level::MAX.get() - level.get()));
            let along = (-step..=size).step_by(step as usize);
            along
                .flat_map(|k| {
                    [(k, -step), (size, k), (k, size), (-step, k)]
                        .map(|(di, dj)| Self::of_leaf_wrapped(face, i + di, j + dj, level))
                })
                .collect()
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Hexadecimal digits without trailing zeros, as S2 writes ids.
    #[must_use]
    pub fn token(self) -> String {
        format!("{self}")
    }

    /// The cell that a token names.
    ///
    /// # Errors
    /// [`BadToken`] if it names none.
    pub fn from_token(token: &str) -> Result<Self, BadToken> {
        let bad = || BadToken(token.chars().take(32).collect());
        if !(1..=16).contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let digits = u64::from_str_radix(token, 16).map_err(|_| bad())?;
        let cell = Self(digits << (4 * (16 - token.len())));
        if cell.is_valid() {
            Ok(cell)
        } else {
            Err(bad())
        }
    }

    /// A lower bound of the width in metres of any cell of `level`: two points in cells that do
    /// not touch are further apart.
    #[must_use]
    pub fn min_width_m(level: Level, radius_m: f64) -> f64 {
        MIN_WIDTH * radius_m / f64::from(level.cells_along_face())
    }

    /// The finest level whose cells are all at least `min_width_m` wide, so that whatever is within
    /// that distance of a point is in its cell or a neighbour; the faces if none are.
    #[must_use]
    pub fn level_for_min_width(min_width_m: f64, radius_m: f64) -> Level {
        Level::all()
            .rev()
            .find(|&level| Self::min_width_m(level, radius_m) >= min_width_m)
            .unwrap_or(Level::FACE)
    }

    /// Its corners as unit vectors, anticlockwise seen from above; see [`CellShape`].
    #[must_use]
    pub fn vertices(self) -> [DVec3; 4] {
        CellShape::of(self).vertices()
    }

    /// Its area on the unit sphere, steradians.
    #[must_use]
    pub fn area_sr(self) -> f64 {
        CellShape::of(self).area_sr()
    }

    /// The angle in radians from a place to the nearest of its points: 0 within.
    #[must_use]
    pub fn distance_to(self, at: Direction) -> f64 {
        CellShape::of(self).distance_to(at)
    }

    /// Which of its parent's children it is, 0 ..= 3 in curve order; a face answers 0.
    #[must_use]
    pub const fn child_index(self) -> u8 {
        match self.level().coarser() {
            Some(_) => ((self.0 / self.lsb() / 2) & 3) as u8,
            None => 0,
        }
    }

    /// Where it lies on its cube face: its least (u, v) and its greatest.
    pub(crate) fn uv_bounds(self) -> ([f64; 2], [f64; 2]) {
        let (_, i, j) = self.corner();
        let uv = |k: i32| cube::uv_of_st(f64::from(k) / f64::from(LEAVES));
        let size = self.size();
        ([uv(i), uv(j)], [uv(i + size), uv(j + size)])
    }

    /// The planet-frame axes of its cube face: along growing u, along growing v, out of the face.
    pub(crate) fn face_axes(self) -> [DVec3; 3] {
        let face = self.face();
        let out = cube::point(face, 0.0, 0.0);
        [
            cube::point(face, 1.0, 0.0) - out,
            cube::point(face, 0.0, 1.0) - out,
            out,
        ]
    }

    /// The planet-frame axis along which u grows on its cube face.
    pub(crate) fn face_u_axis(self) -> DVec3 {
        cube::u_axis(self.face())
    }

    #[inline]
    const fn lsb(self) -> u64 {
        self.0 & self.0.wrapping_neg()
    }

    /// Leaves along its edge.
    #[inline]
    pub(super) fn size(self) -> i32 {
        1 << (Level::MAX.get() - self.level().get())
    }

    /// Face and leaf coordinates of its corner with the smallest i and j.
    #[inline]
    pub(super) fn corner(self) -> (u8, i32, i32) {
        curve::corner(self.0, self.level())
    }

    /// The cell that holds a leaf whose coordinates may lie beyond the face's edge: then it is the
    /// leaf on the neighbouring face whose centre is nearest, found through the plane of the cube.
    fn of_leaf_wrapped(face: u8, i: i32, j: i32, level: Level) -> Self {
        if (0..LEAVES).contains(&i) && (0..LEAVES).contains(&j) {
            return Self(curve::id(face, i, j, level));
        }
        // One leaf beyond the edge is enough, and avoids overflow for whole faces. In the linear
        // projection, whose seams agree with the quadratic one's along an edge, a leaf just beyond
        // the edge of one face is a leaf just within the other.
        let uv = [i, j].map(|k| {
            let k = f64::from(k.clamp(-1, LEAVES));
            let limit = 1.0 + f64::EPSILON;
            ((2.0 * k + 1.0 - f64::from(LEAVES)) / f64::from(LEAVES)).clamp(-limit, limit)
        });
        let (face, u, v) = cube::face_uv(cube::point(face, uv[0], uv[1]));
        let [i, j] = [u, v].map(|k| cube::leaf_of_st(0.5 * (k + 1.0)));
        Self(curve::id(face, i, j, level))
    }
}

/// Up to eight cells, sorted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Neighbours {
    cells: [CellId; 8],
    len: usize,
}

impl Neighbours {
    /// Keeps the order by inserting; a cell that is there already stays single.
    fn insert(&mut self, cell: CellId) {
        if let Err(at) = self.cells[..self.len].binary_search(&cell) {
            self.cells.copy_within(at..self.len, at + 1);
            self.cells[at] = cell;
            self.len += 1;
        }
    }
}

impl Deref for Neighbours {
    type Target = [CellId];

    fn deref(&self) -> &[CellId] {
        &self.cells[..self.len]
    }
}

impl<'a> IntoIterator for &'a Neighbours {
    type Item = &'a CellId;
    type IntoIter = std::slice::Iter<'a, CellId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Neighbours {
    type Item = CellId;
    type IntoIter = std::iter::Take<std::array::IntoIter<CellId, 8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.cells.into_iter().take(self.len)
    }
}

impl fmt::Debug for Neighbours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("X");
        }
        let zeros = self.0.trailing_zeros() / 4;
        let digits = 16 - zeros as usize;
        write!(f, "{:0digits$x}", self.0 >> (4 * zeros))
    }
}

impl fmt::Debug for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell {self}")
    }
}

#[inline]
const fn lsb_for_level(level: Level) -> u64 {
    1 << (2 * (Level::MAX.get() - level.get()))
}
