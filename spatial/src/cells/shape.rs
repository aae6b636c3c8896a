//! A cell as a piece of the sphere: where its corners are, how large it is, how far away.
//!
//! Each edge of a cell lies in a plane through the planet's centre (u or v is constant on it), so
//! a cell is a convex figure of four great-circle arcs: the places on the right side of four
//! planes. The planes' coordinates are the same numbers for the cells on both sides of an edge.
//!
//! ```text
//!          v ↑   3 ------ 2        corners anticlockwise seen from above; edge k
//!            |   |   up   |        goes from corner k to corner k + 1, in the order
//!            |   |left right       of `CellId::edge_neighbours`
//!            |   |  down  |
//!            |   0 ------ 1
//!            +-----------------> u
//! ```

use std::f64::consts::PI;

use glam::{DVec2, DVec3};

use super::arc::{ROUNDING_RAD, nearest};
use super::cell_id::CellId;
use super::cube::{self, LEAVES};
use super::level::Level;
use crate::geo::Direction;
use crate::maths;

/// The figure of one cell on the unit sphere. Making it costs some 20 ns; ask several questions of
/// one. All answers are right to a few times 10⁻¹⁶ (radians; relative for areas).
///
/// ```
/// use bluemarble_spatial::{CellId, LatLng, Level};
///
/// let paris = CellId::at(LatLng::degrees(48.86, 2.35).to_dir(), Level::of(12));
/// let km2 = paris.area_sr() * 6_371.0 * 6_371.0;
/// assert!((3.3..6.4).contains(&km2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellShape {
    face: u8,
    /// Least corner in the face's plane.
    low: DVec2,
    /// Greatest corner.
    high: DVec2,
    /// `high − low`, without that subtraction's loss of digits.
    size: DVec2,
}

impl CellShape {
    /// The figure of a cell.
    #[must_use]
    pub fn of(cell: CellId) -> Self {
        let (face, i, j) = cell.corner();
        let leaves = cell.size();
        let is_face = cell.level() == Level::FACE;
        let range = |k: i32| {
            let [from, to] = [k, k + leaves].map(|k| f64::from(k) / f64::from(LEAVES));
            // u grows with (4s² − 1)/3 above the middle and mirrored below, and only whole faces
            // reach over the middle.
            let size = if is_face {
                2.0
            } else if from >= 0.5 {
                (4.0 / 3.0) * (to - from) * (to + from)
            } else {
                (4.0 / 3.0) * (to - from) * ((1.0 - to) + (1.0 - from))
            };
            (cube::uv_of_st(from), cube::uv_of_st(to), size)
        };
        let (u, v) = (range(i), range(j));
        Self {
            face,
            low: DVec2::new(u.0, v.0),
            high: DVec2::new(u.1, v.1),
            size: DVec2::new(u.2, v.2),
        }
    }

    /// Its corners as unit vectors, anticlockwise seen from above.
    #[must_use]
    pub fn vertices(&self) -> [DVec3; 4] {
        self.corners()
            .map(|corner| cube::point(self.face, corner.x, corner.y).normalize())
    }

    /// Inward normals (not of unit length: 1 to √2) of its edges' planes, in the order down,
    /// right, up, left. A place is in the cell if its product with none is negative.
    #[must_use]
    pub fn edge_normals(&self) -> [DVec3; 4] {
        self.local_normals()
            .map(|normal| cube::from_local(self.face, normal))
    }

    /// Its area on the unit sphere, steradians; times a radius squared it is the area there.
    #[must_use]
    pub fn area_sr(&self) -> f64 {
        // Two triangles by A. van Oosterom and J. Strackee, "The solid angle of a plane triangle"
        // (1983), equation 8. The corners need not be of unit length, and in the face's plane the
        // triple product is the plane area, known without cancellation.
        let [a, b, c, d] = self.corners().map(|corner| corner.extend(1.0));
        let triple = self.size.x * self.size.y;
        let triangle = |a: DVec3, b: DVec3, c: DVec3| {
            let (la, lb, lc) = (a.length(), b.length(), c.length());
            let below = la * lb * lc + a.dot(b) * lc + b.dot(c) * la + c.dot(a) * lb;
            2.0 * maths::atan2(triple, below)
        };
        triangle(a, b, c) + triangle(a, c, d)
    }

    /// Whether a place is in it or on its edge. Places on an edge are in the cells on both sides;
    /// [`CellId::at`] gives each to one.
    #[must_use]
    pub fn contains(&self, at: Direction) -> bool {
        self.holds(cube::to_local(self.face, at.unit()))
    }

    /// The angle in radians from a place to the nearest of its points: 0 within.
    #[must_use]
    pub fn distance_to(&self, at: Direction) -> f64 {
        self.distance(cube::to_local(self.face, at.unit()))
    }

    /// The angle in radians from a place to the farthest of its points.
    #[must_use]
    pub fn max_distance_to(&self, at: Direction) -> f64 {
        // The farthest from here is the nearest to the other side of the planet.
        PI - self.distance(-cube::to_local(self.face, at.unit()))
    }

    /// Whether some of an arc (shorter than half a circle) is in it, the doubtful included.
    pub(super) fn meets_arc(&self, from: DVec3, to: DVec3) -> bool {
        // Which share of the straight line between its ends is on the right side of each plane
        // (Y.-D. Liang and B. Barsky, "A new concept and method for line clipping", 1984).
        let [from, to] = [from, to].map(|p| cube::to_local(self.face, p));
        let (mut first, mut last) = (0.0, 1.0);
        let planes = self.local_normals().map(DVec3::normalize);
        for plane in planes.into_iter().chain([DVec3::Z]) {
            let (a, b) = (from.dot(plane) + ROUNDING_RAD, to.dot(plane) + ROUNDING_RAD);
            if a < 0.0 && b < 0.0 {
                return false;
            }
            if (a < 0.0) != (b < 0.0) {
                let at = a / (a - b);
                if a < 0.0 && at > first {
                    first = at;
                } else if b < 0.0 && at < last {
                    last = at;
                }
            }
        }
        first <= last
    }

    /// Corners in the face's plane, in order.
    fn corners(&self) -> [DVec2; 4] {
        let (low, high) = (self.low, self.high);
        [
            low,
            DVec2::new(high.x, low.y),
            high,
            DVec2::new(low.x, high.y),
        ]
    }

    /// Inward normals in the face's own axes (u, v, out).
    fn local_normals(&self) -> [DVec3; 4] {
        [
            DVec3::new(0.0, 1.0, -self.low.y),
            DVec3::new(-1.0, 0.0, self.high.x),
            DVec3::new(0.0, -1.0, self.high.y),
            DVec3::new(1.0, 0.0, -self.low.x),
        ]
    }

    fn holds(&self, p: DVec3) -> bool {
        let (low, high) = (self.low * p.z, self.high * p.z);
        p.z > 0.0 && low.x <= p.x && p.x <= high.x && low.y <= p.y && p.y <= high.y
    }

    /// To a unit vector in the face's own axes.
    fn distance(&self, p: DVec3) -> f64 {
        if self.holds(p) {
            return 0.0;
        }
        let corners = self.corners().map(|corner| corner.extend(1.0).normalize());
        for (k, normal) in self.local_normals().into_iter().enumerate() {
            let n = normal.normalize();
            let beyond = p.dot(n);
            // The cell lies wholly on one side of the edge's great circle. From the other side
            // no point of that side is nearer than the one straight across, so if that is on
            // the edge it is the answer. With none such, a corner is the nearest.
            let (from, to) = (corners[k], corners[(k + 1) % 4]);
            if beyond < 0.0 && n.cross(from).dot(p) >= 0.0 && to.cross(n).dot(p) >= 0.0 {
                return maths::atan2(-beyond, p.cross(n).length());
            }
        }
        nearest(p, &corners)
    }
}
