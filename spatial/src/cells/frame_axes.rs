//! A cell's own axes: the coordinate frame of everything that is said relative to it, on the wire
//! above all. Client libraries in other languages rebuild these axes from the cell id alone.

use glam::DVec3;

use super::CellId;

/// An orthonormal, right-handed frame at a cell's centre: `z` up, `x` along growing u of the
/// cell's cube face, `y = z × x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameAxes {
    /// The cell's centre at the planet's radius, metres, planet frame.
    pub origin: DVec3,
    /// Unit, tangent.
    pub x: DVec3,
    /// Unit, tangent.
    pub y: DVec3,
    /// Unit, up.
    pub z: DVec3,
}

impl FrameAxes {
    /// The axes of `cell` on a planet of `radius_m`.
    #[must_use]
    pub fn of(cell: CellId, radius_m: f64) -> Self {
        let z = cell.centre();
        let u = cell.face_u_axis();
        // Never near zero: the centre is at most 55° from the face's axis, u is at 90° to that.
        let x = (u - z * z.dot(u)).normalize();
        Self {
            origin: z * radius_m,
            x,
            y: z.cross(x),
            z,
        }
    }

    /// A position in metres, planet frame, as metres along these axes from the origin.
    #[inline]
    #[must_use]
    pub fn to_local(&self, pos: DVec3) -> DVec3 {
        self.dir_to_local(pos - self.origin)
    }

    /// The inverse of [`FrameAxes::to_local`].
    #[inline]
    #[must_use]
    pub fn to_planet(&self, local: DVec3) -> DVec3 {
        self.origin + self.dir_to_planet(local)
    }

    /// A direction or velocity of the planet frame along these axes.
    #[inline]
    #[must_use]
    pub fn dir_to_local(&self, dir: DVec3) -> DVec3 {
        DVec3::new(dir.dot(self.x), dir.dot(self.y), dir.dot(self.z))
    }

    /// The inverse of [`FrameAxes::dir_to_local`].
    #[inline]
    #[must_use]
    pub fn dir_to_planet(&self, local: DVec3) -> DVec3 {
        self.x * local.x + self.y * local.y + self.z * local.z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Level;
    use crate::mix::{mix64, unit};

    #[test]
    fn axes_are_orthonormal_and_right_handed_on_every_face_and_level() {
        for n in 0..3_000u64 {
            let level = Level::of((n % 31) as u8);
            let coordinate = |k: u64| unit(mix64(n * 3 + k)) * 2.0 - 1.0;
            let dir = DVec3::new(coordinate(0), coordinate(1), coordinate(2)).normalize();
            let axes = FrameAxes::of(CellId::at(dir, level), 6_371_000.0);
            for axis in [axes.x, axes.y, axes.z] {
                assert!((axis.length() - 1.0).abs() < 1e-14);
            }
            assert!(axes.x.dot(axes.z).abs() < 1e-14);
            assert!(axes.x.cross(axes.y).distance(axes.z) < 1e-14);
        }
    }

    #[test]
    fn positions_survive_the_way_into_a_frame_and_back() {
        let dir = DVec3::new(-0.3, 0.5, -0.8).normalize();
        let axes = FrameAxes::of(CellId::at(dir, Level::of(11)), 6_371_000.0);
        let pos = dir * 6_371_123.0;
        let local = axes.to_local(pos);
        assert!(local.truncate().length() < 4_500.0);
        assert!(axes.to_planet(local).distance(pos) < 1e-8);
    }
}
