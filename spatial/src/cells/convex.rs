//! Convex figures of great-circle arcs: a cell, or what planes through the planet's centre leave
//! of it, and how far north and south it reaches.

use glam::DVec3;

use super::arc::ROUNDING_RAD;
use super::shape::CellShape;
use crate::maths;

/// A corner, and the unit normal of the arc's plane from there to the next corner, pointing in.
#[derive(Clone, Copy)]
struct Corner {
    at: DVec3,
    normal: DVec3,
}

/// Convex, smaller than half the sphere, corners anticlockwise seen from above.
#[derive(Clone)]
pub(super) struct Convex {
    corners: Vec<Corner>,
}

impl Convex {
    pub(super) fn of(shape: &CellShape) -> Self {
        let normals = shape.edge_normals();
        let corners = shape.vertices().into_iter().zip(normals);
        Self {
            corners: corners
                .map(|(at, normal)| Corner {
                    at,
                    normal: normal.normalize(),
                })
                .collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.corners.is_empty()
    }

    /// Whether all of it is on the side a unit normal points to, beyond doubt.
    pub(super) fn is_within(&self, normal: DVec3) -> bool {
        self.corners
            .iter()
            .all(|corner| corner.at.dot(normal) >= ROUNDING_RAD)
    }

    /// What of it is on the side that a unit normal points to, the doubtful included
    /// (I. Sutherland and G. Hodgman, "Reentrant polygon clipping", 1974, whose planes here all
    /// go through the planet's centre).
    pub(super) fn clipped(&self, normal: DVec3) -> Self {
        let height = |at: DVec3| at.dot(normal) + ROUNDING_RAD;
        let mut left = Vec::with_capacity(self.corners.len() + 1);
        for (k, &from) in self.corners.iter().enumerate() {
            let to = self.corners[(k + 1) % self.corners.len()];
            let (a, b) = (height(from.at), height(to.at));
            // Only asked for with one of the two negative and the other not.
            let crossing = || (from.at * (b / (b - a)) + to.at * (a / (a - b))).normalize();
            if a >= 0.0 {
                left.push(from);
            }
            if (a >= 0.0) != (b >= 0.0) {
                left.push(Corner {
                    at: crossing(),
                    normal: if a >= 0.0 { normal } else { from.normal },
                });
            }
        }
        Self { corners: left }
    }

    /// Least and greatest latitude in radians; of nothing, the greatest is below the least.
    pub(super) fn latitudes(&self) -> (f64, f64) {
        let mut range = (f64::INFINITY, f64::NEG_INFINITY);
        let mut add = |latitude: f64| {
            if latitude < range.0 {
                range.0 = latitude;
            }
            if latitude > range.1 {
                range.1 = latitude;
            }
        };
        for (k, corner) in self.corners.iter().enumerate() {
            add(latitude(corner.at));
            // A great circle is farthest north straight above its plane's steepest line.
            let (n, next) = (corner.normal, self.corners[(k + 1) % self.corners.len()].at);
            let north = DVec3::Z - n * n.z;
            let (along, back) = (n.cross(corner.at), next.cross(n));
            for top in [north, -north] {
                if top.dot(along) > 0.0 && top.dot(back) > 0.0 {
                    add(latitude(top));
                }
            }
        }
        for pole in [DVec3::Z, DVec3::NEG_Z] {
            let is_in = |corner: &Corner| corner.normal.dot(pole) >= -ROUNDING_RAD;
            // The planes alone would hold for an empty figure, too; and one of less than half
            // the sphere that has a pole has a corner on that half.
            if self.corners.iter().all(is_in) && self.corners.iter().any(|c| c.at.dot(pole) > 0.0) {
                add(latitude(pole));
            }
        }
        range
    }
}

/// Of a vector of any length but zero, radians.
pub(super) fn latitude(at: DVec3) -> f64 {
    maths::atan2(at.z, (at.x * at.x + at.y * at.y).sqrt())
}
