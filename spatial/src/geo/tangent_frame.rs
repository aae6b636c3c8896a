//! East, north and up at a place: the axes in which people and maps speak of directions.

use core::f64::consts::TAU;

use glam::DVec3;

use super::Direction;
use crate::maths;

/// Below this, the squared sine of the angle to the axis no longer has its full precision.
const AXIS_SQUARED: f64 = 1e-280;

/// Three unit vectors at right angles, planet frame: east × north = up.
///
/// They exist everywhere. At the poles, where every direction is south or north, they are those of
/// the meridian of longitude 0: east is +y, and north is −x at the north pole and +x at the south
/// pole. Nowhere else is a convention needed, but no choice is continuous around a pole: turn
/// headings with [`transport`](super::transport), not by keeping their bearing.
///
/// ```
/// use bluemarble_spatial::{LatLng, TangentFrame};
///
/// let frame = TangentFrame::at(LatLng::degrees(0.0, 90.0).to_direction());
/// assert!(frame.north.distance(glam::DVec3::Z) < 1e-15);
/// assert!(frame.east.distance(glam::DVec3::NEG_X) < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TangentFrame {
    /// Along the parallel, the way the planet turns.
    pub east: DVec3,
    /// Along the meridian, towards the north pole.
    pub north: DVec3,
    /// Away from the centre.
    pub up: DVec3,
}

impl TangentFrame {
    /// The frame at a place.
    #[must_use]
    pub fn at(place: Direction) -> Self {
        let up = place.unit();
        let east = DVec3::Z.cross(up);
        let east = if east.length_squared() > AXIS_SQUARED {
            east.normalize()
        } else {
            DVec3::Y
        };
        Self {
            east,
            north: up.cross(east),
            up,
        }
    }

    /// The unit tangent in a bearing, radians clockwise from north.
    #[must_use]
    pub fn heading(&self, bearing_rad: f64) -> DVec3 {
        let (sin, cos) = maths::sin_cos(bearing_rad);
        self.north * cos + self.east * sin
    }

    /// The bearing of a vector's horizontal part: radians clockwise from north, 0 ≤ bearing < 2π;
    /// `None` if it has none or is not finite.
    #[must_use]
    pub fn bearing_of(&self, vector: DVec3) -> Option<f64> {
        let (east, north) = (vector.dot(self.east), vector.dot(self.north));
        if !(east.is_finite() && north.is_finite()) || (east == 0.0 && north == 0.0) {
            return None;
        }
        let bearing = maths::atan2(east, north);
        let positive = if bearing < 0.0 {
            bearing + TAU
        } else {
            bearing
        };
        // A negative angle below the rounding of 2π; and no negative zero.
        Some(if positive >= TAU { 0.0 } else { positive.abs() })
    }

    /// A vector of the planet frame in this one: x east, y north, z up.
    #[must_use]
    pub fn to_local(&self, vector: DVec3) -> DVec3 {
        DVec3::new(
            vector.dot(self.east),
            vector.dot(self.north),
            vector.dot(self.up),
        )
    }

    /// A vector of this frame (x east, y north, z up) in the planet frame.
    #[must_use]
    pub fn to_planet(&self, local: DVec3) -> DVec3 {
        self.east * local.x + self.north * local.y + self.up * local.z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::mix64;

    fn some_places() -> impl Iterator<Item = Direction> {
        let axis = |n| mix64(n) as i64 as f64;
        let drawn =
            (0..500).map(move |n| DVec3::new(axis(3 * n), axis(3 * n + 1), axis(3 * n + 2)));
        [
            DVec3::Z,
            DVec3::NEG_Z,
            DVec3::new(1e-170, 0.0, 1.0),
            DVec3::new(-6e-17, 1e-20, -1.0),
            DVec3::new(0.0, 1e-139, 1.0),
            DVec3::NEG_X,
        ]
        .into_iter()
        .chain(drawn)
        .map(|v| Direction::new(v).expect("not zero"))
    }

    #[test]
    fn the_axes_are_right_handed_units_everywhere() {
        for place in some_places() {
            let TangentFrame { east, north, up } = TangentFrame::at(place);
            for axis in [east, north, up] {
                assert!((axis.length() - 1.0).abs() < 1e-15, "{place:?}");
            }
            assert!(east.cross(north).distance(up) < 1e-15, "{place:?}");
            assert!(east.dot(up).abs() < 1e-15 && east.z == 0.0, "{place:?}");
            assert!(north.z >= 0.0, "{place:?}");
        }
    }

    #[test]
    fn local_vectors_come_back_and_bearings_are_in_range() {
        for (n, place) in some_places().enumerate() {
            let frame = TangentFrame::at(place);
            let vector = DVec3::new(1.0, -2.0, 0.5 + n as f64);
            let back = frame.to_planet(frame.to_local(vector));
            assert!(back.distance(vector) < 1e-14 * vector.length());
            let bearing = (n as f64 * 0.7) % TAU;
            let again = frame
                .bearing_of(frame.heading(bearing) * 3.0)
                .expect("level");
            let turn = (again - bearing).abs();
            let around = (TAU - turn).abs();
            assert!(turn < 1e-14 || around < 1e-14, "{bearing} {again}");
        }
    }

    #[test]
    fn a_vector_straight_up_or_none_has_no_bearing() {
        let frame = TangentFrame::at(Direction::new(DVec3::X).expect("not zero"));
        assert_eq!(frame.bearing_of(DVec3::X), None);
        assert_eq!(frame.bearing_of(DVec3::NAN), None);
        assert_eq!(frame.bearing_of(DVec3::INFINITY), None);
        assert_eq!(frame.bearing_of(DVec3::new(5.0, -1e-300, 1.0)), Some(0.0));
        assert_eq!(frame.bearing_of(DVec3::NEG_Z), Some(core::f64::consts::PI));
    }
}
