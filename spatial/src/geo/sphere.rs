//! Distances along the surface in metres: a radius, and the answers of [`Direction`] times it.

use glam::DVec3;

use super::Direction;

/// A ball of some radius.
///
/// ```
/// use bluemarble_spatial::{LatLng, Sphere};
///
/// let earth = Sphere::new(6_371_000.0)?;
/// let (here, there) = (LatLng::degrees(0.0, 179.0), LatLng::degrees(0.0, -179.0));
/// let apart_m = earth.distance_m(here.to_direction(), there.to_direction());
/// assert!((apart_m - 222_390.0).abs() < 1.0);
/// # Ok::<(), bluemarble_spatial::BadRadius>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sphere {
    radius_m: f64,
}

/// A length that is no radius.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a radius of {0} m: it must be finite and greater than zero")]
pub struct BadRadius(pub f64);

impl Sphere {
    /// From its radius, metres.
    ///
    /// # Errors
    /// [`BadRadius`] unless it is finite and greater than zero.
    pub fn new(radius_m: f64) -> Result<Self, BadRadius> {
        if radius_m.is_finite() && radius_m > 0.0 {
            Ok(Self { radius_m })
        } else {
            Err(BadRadius(radius_m))
        }
    }

    /// Its radius, metres.
    #[must_use]
    pub fn radius_m(self) -> f64 {
        self.radius_m
    }

    /// The point at an altitude above a place, metres, planet frame.
    #[must_use]
    pub fn position(self, place: Direction, altitude_m: f64) -> DVec3 {
        place.unit() * (self.radius_m + altitude_m)
    }

    /// Along the great circle, metres.
    #[must_use]
    pub fn distance_m(self, a: Direction, b: Direction) -> f64 {
        self.radius_m * a.angle_to(b)
    }

    /// Straight through the ball, metres.
    #[must_use]
    pub fn chord_m(self, a: Direction, b: Direction) -> f64 {
        self.radius_m * a.chord_to(b)
    }

    /// See [`Direction::destination`]; the distance in metres along the surface.
    #[must_use]
    pub fn destination(self, from: Direction, bearing_rad: f64, distance_m: f64) -> Direction {
        from.destination(bearing_rad, distance_m / self.radius_m)
    }

    /// See [`Direction::cross_track_to`]; in metres along the surface, right positive.
    #[must_use]
    pub fn cross_track_m(self, place: Direction, start: Direction, end: Direction) -> Option<f64> {
        Some(self.radius_m * place.cross_track_to(start, end)?)
    }

    /// See [`Direction::along_track_to`]; in metres along the surface.
    #[must_use]
    pub fn along_track_m(self, place: Direction, start: Direction, end: Direction) -> Option<f64> {
        Some(self.radius_m * place.along_track_to(start, end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LatLng;

    #[test]
    fn metres_are_radians_times_the_radius() {
        let ball = Sphere::new(1_000.0).expect("a radius");
        let at = |lat, lng| LatLng::degrees(lat, lng).to_direction();
        let (a, b) = (at(10.0, 20.0), at(-30.0, 60.0));
        assert_eq!(ball.distance_m(a, b), 1_000.0 * a.angle_to(b));
        assert_eq!(ball.chord_m(a, b), 1_000.0 * a.chord_to(b));
        let there = ball.destination(a, 1.0, 500.0);
        assert!((ball.distance_m(a, there) - 500.0).abs() < 1e-12);
        assert!(ball.cross_track_m(there, a, b).is_some_and(|m| m < 0.0));
        assert!(ball.along_track_m(there, a, b).is_some());
        assert!((ball.position(a, 5.0).length() - 1_005.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_radius_is_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Sphere::new(bad).is_err(), "{bad}");
        }
    }
}
