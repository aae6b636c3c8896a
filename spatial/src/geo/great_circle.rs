//! Great circles through places on the unit ball: distance, bearing, destination and what follows
//! from them, on vectors instead of latitudes, so that the poles and the date line are places like
//! any other.
//!
//! Every formula keeps full precision from a nanometre to the antipode: differences and sums of
//! unit vectors are exact where sines and cosines of the angle cancel (W. Kahan, "How futile are
//! mindless assessments of roundoff in floating-point computation", 2006, §12).

use glam::DVec3;

use super::{Direction, TangentFrame};
use crate::maths;

/// Places nearer to each other than this, radians, are the same to rounding (25 nm on Earth): what
/// lies between them has no bearing.
pub(crate) const ROUNDING_RAD: f64 = 4e-15;

/// The angle between two unit vectors in radians, 0 ..= π: a sine alone loses half its digits near
/// 90°, a cosine near 0° and 180°, the half angle nowhere.
#[inline]
pub(crate) fn angle(a: DVec3, b: DVec3) -> f64 {
    2.0 * maths::atan2((a - b).length(), (a + b).length())
}

impl Direction {
    /// The place on the other side of the ball.
    #[must_use]
    pub fn antipode(self) -> Self {
        Self::of_unit(-self.unit())
    }

    /// Length of the great-circle arc to another place, radians, 0 ..= π. Right to a few units in
    /// the last place of the angle for tiny ones, and of π for ones near it.
    ///
    /// ```
    /// use bluemarble_spatial::LatLng;
    ///
    /// let paris = LatLng::degrees(48.8566, 2.3522).to_direction();
    /// let tokyo = LatLng::degrees(35.6762, 139.6503).to_direction();
    /// let distance_m = 6_371_000.0 * paris.angle_to(tokyo);
    /// assert!((distance_m - 9_712_000.0).abs() < 5_000.0);
    /// ```
    #[inline]
    #[must_use]
    pub fn angle_to(self, other: Self) -> f64 {
        angle(self.unit(), other.unit())
    }

    /// Length of the straight line to another place through the unit ball, 0 ..= 2.
    #[inline]
    #[must_use]
    pub fn chord_to(self, other: Self) -> f64 {
        (self.unit() - other.unit()).length()
    }

    /// In which bearing the great circle to another place begins: radians clockwise from north,
    /// 0 ≤ bearing < 2π. At a pole, north is where [`TangentFrame`] says.
    ///
    /// `None` if both are the same place, or antipodes, to rounding: then no bearing is the one.
    #[must_use]
    pub fn initial_bearing_to(self, other: Self) -> Option<f64> {
        TangentFrame::at(self).bearing_of(self.towards(other)?)
    }

    /// The place reached by going straight on for an angle (arc length over radius) in a bearing
    /// (radians clockwise from north). Negative angles go backwards, angles beyond 2π around again.
    /// With a bearing or an angle that is not finite it is the place itself.
    #[must_use]
    pub fn destination(self, bearing_rad: f64, angle_rad: f64) -> Self {
        let heading = TangentFrame::at(self).heading(bearing_rad);
        self.along(heading, angle_rad)
    }

    /// The place half way along the great-circle arc; `None` between antipodes.
    #[must_use]
    pub fn midpoint(self, other: Self) -> Option<Self> {
        let (a, b) = (self.unit(), other.unit());
        let sum = a + b;
        if sum.length() <= ROUNDING_RAD {
            return None;
        }
        // A short sum is mostly rounding of the ends' lengths: keep of it what is as far from both.
        let middle = if a.dot(b) >= 0.0 {
            sum
        } else {
            sum.cross(b - a).cross(a - b)
        };
        Self::new(middle).ok()
    }

    /// The place a share of the way along the great-circle arc: 0 is here, 1 is there, shares
    /// outside that range lie beyond. `None` between antipodes, and for a share that is not finite.
    #[must_use]
    pub fn interpolate(self, to: Self, share: f64) -> Option<Self> {
        if !share.is_finite() || (self.unit() + to.unit()).length() <= ROUNDING_RAD {
            return None;
        }
        if share == 1.0 {
            return Some(to);
        }
        Some(match self.towards(to) {
            Some(heading) => self.along(heading, share * self.angle_to(to)),
            None => self,
        })
    }

    /// How far this place lies off the great circle from `start` through `end`, radians,
    /// −π/2 ..= π/2; positive to the right of that course, negative to its left.
    ///
    /// `None` if start and end are the same place or antipodes, to rounding.
    #[must_use]
    pub fn cross_track_to(self, start: Self, end: Self) -> Option<f64> {
        let left = start.towards(end).map(|ahead| start.unit().cross(ahead))?;
        let off = left.dot(self.unit());
        Some(-maths::atan2(off, left.cross(self.unit()).length()))
    }

    /// How far along the great circle from `start` through `end` the point nearest to this place
    /// lies, radians from the start, −π ..= π; negative behind the start.
    ///
    /// `None` if start and end are the same place or antipodes, and if this place is a pole of the
    /// course, as far from all its points; both to rounding.
    #[must_use]
    pub fn along_track_to(self, start: Self, end: Self) -> Option<f64> {
        let ahead = start.towards(end)?;
        let (forth, up) = (ahead.dot(self.unit()), start.unit().dot(self.unit()));
        if forth * forth + up * up <= ROUNDING_RAD * ROUNDING_RAD {
            return None;
        }
        Some(maths::atan2(forth, up))
    }

    /// Unit tangent here along the arc to another place; `None` for the same place and antipodes.
    pub(super) fn towards(self, other: Self) -> Option<DVec3> {
        let (a, b) = (self.unit(), other.unit());
        // Twice a × b, without its cancellation for vectors that are nearly (anti)parallel.
        let left = (a + b).cross(b - a);
        if left.length() <= 2.0 * ROUNDING_RAD {
            return None;
        }
        // At right angles to `a` already, but for rounding.
        Some(left.cross(a).normalize())
    }

    /// Straight on from here along a unit tangent.
    fn along(self, heading: DVec3, angle_rad: f64) -> Self {
        let (sin, cos) = maths::sin_cos(angle_rad);
        Self::new(self.unit() * cos + heading * sin).unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use core::f64::consts::{FRAC_PI_2, PI};

    use super::*;
    use crate::geo::LatLng;

    fn at(lat: f64, lng: f64) -> Direction {
        LatLng::degrees(lat, lng).to_direction()
    }

    fn close(a: f64, b: f64, by: f64) -> bool {
        (a - b).abs() <= by
    }

    /// E. Williams, "Aviation Formulary V1.47", worked examples: Los Angeles to New York, computed
    /// there with six digits throughout.
    #[test]
    fn the_worked_examples_of_the_aviation_formulary_come_out() {
        let lax = at(33.0 + 57.0 / 60.0, -(118.0 + 24.0 / 60.0));
        let jfk = at(40.0 + 38.0 / 60.0, -(73.0 + 47.0 / 60.0));
        assert!(close(lax.angle_to(jfk), 0.623_585, 1e-6));
        let bearing = lax.initial_bearing_to(jfk).unwrap();
        assert!(close(bearing, 1.150_035, 1e-6), "{bearing}");
        let off_course = at(34.5, -116.5);
        let cross = off_course.cross_track_to(lax, jfk).unwrap();
        assert!(close(cross, 0.002_167_47, 1e-6), "{cross}");
        let along = off_course.along_track_to(lax, jfk).unwrap();
        assert!(close(along.to_degrees() * 60.0, 99.588, 1e-3), "{along}");
        let two_fifths = LatLng::from_direction(lax.interpolate(jfk, 0.4).unwrap());
        assert!(close(two_fifths.lat_deg(), 38.0 + 40.167 / 60.0, 1e-5));
        assert!(close(two_fifths.lng_deg(), -(101.0 + 37.570 / 60.0), 1e-5));
    }

    #[test]
    fn a_nanometre_and_the_antipode_are_measured_alike() {
        let here = at(12.0, 34.0);
        for angle_rad in [1e-15, 1e-12, 1e-6, 1.0, 3.0, PI - 1e-6, PI - 1e-12] {
            let there = here.destination(1.0, angle_rad);
            assert!(
                close(here.angle_to(there), angle_rad, 5e-16),
                "{angle_rad} {}",
                here.angle_to(there)
            );
        }
        assert_eq!(here.angle_to(here), 0.0);
        assert_eq!(here.angle_to(here.antipode()), PI);
        assert_eq!(here.chord_to(here.antipode()), 2.0 * here.unit().length());
    }

    #[test]
    fn what_has_no_one_answer_has_none() {
        let (here, other) = (at(-50.0, 170.0), at(3.0, -4.0));
        let far = here.antipode();
        assert_eq!(here.initial_bearing_to(here), None);
        assert_eq!(here.initial_bearing_to(far), None);
        assert_eq!(here.midpoint(far), None);
        assert_eq!(here.interpolate(far, 0.5), None);
        assert_eq!(here.interpolate(other, f64::NAN), None);
        assert_eq!(other.cross_track_to(here, here), None);
        assert_eq!(other.along_track_to(here, far), None);
        assert_eq!(
            at(90.0, 0.0).along_track_to(at(0.0, 0.0), at(0.0, 9.0)),
            None
        );
        assert_eq!(here.midpoint(here), Some(here));
        assert_eq!(here.interpolate(here, 0.7), Some(here));
        assert_eq!(here.destination(f64::NAN, 1.0), here);
        assert_eq!(here.destination(1.0, f64::INFINITY), here);
    }

    #[test]
    fn bearings_across_the_date_line_and_over_the_poles() {
        let (west, east) = (at(0.0, 179.5), at(0.0, -179.5));
        let deg = |from: Direction, to| from.initial_bearing_to(to).unwrap().to_degrees();
        assert!(close(deg(west, east), 90.0, 1e-9));
        assert!(close(deg(east, west), 270.0, 1e-9));
        assert!(close(west.angle_to(east).to_degrees(), 1.0, 1e-12));
        // Over the pole: north on this side, and arriving on the other.
        let (here, there) = (at(80.0, 20.0), at(80.0, -160.0));
        let bearing = deg(here, there);
        assert!(close(bearing, 0.0, 1e-9) || close(bearing, 360.0, 1e-9));
        assert!(close(here.angle_to(there).to_degrees(), 20.0, 1e-12));
        let top = here.midpoint(there).unwrap();
        assert!(top.angle_to(Direction::new(DVec3::Z).unwrap()) < 1e-15);
        assert!((0.0..core::f64::consts::TAU).contains(&here.initial_bearing_to(there).unwrap()));
    }

    #[test]
    fn at_the_poles_north_is_along_the_meridian_of_greenwich() {
        let pole = |z| Direction::new(DVec3::Z * z).unwrap();
        // Coming from Greenwich, north goes on over the north pole, down the other side.
        let over = pole(1.0).destination(0.0, 0.1);
        assert!(over.angle_to(at(90.0 - 0.1_f64.to_degrees(), 180.0)) < 1e-15);
        let up = pole(-1.0).destination(0.0, 0.1);
        assert!(up.angle_to(at(-90.0 + 0.1_f64.to_degrees(), 0.0)) < 1e-15);
        let east = pole(1.0).initial_bearing_to(at(0.0, 90.0)).unwrap();
        assert!(close(east, FRAC_PI_2, 1e-15));
    }

    #[test]
    fn right_of_the_course_is_positive() {
        let (start, end) = (at(0.0, 0.0), at(0.0, 10.0));
        let south = at(-3.0, 20.0).cross_track_to(start, end).unwrap();
        assert!(close(south.to_degrees(), 3.0, 1e-12));
        let along = at(-3.0, -20.0).along_track_to(start, end).unwrap();
        assert!(close(along.to_degrees(), -20.0, 1e-12));
    }
}
