//! Parallel transport: what "straight ahead" becomes when one walks over the ball without turning.
//!
//! Along a great circle a heading keeps its angle to the circle. Around a closed loop it does not
//! come back as it left, but turned by the enclosed area over R² (Gauss–Bonnet; M. do Carmo,
//! "Differential Geometry of Curves and Surfaces", 1976, §4-4 and §4-5): an octant turns it by 90°.

use glam::DVec3;

use super::Direction;
use super::great_circle::ROUNDING_RAD;

/// Carries a heading (tangent at `from`, of any length, planet frame) along the shorter great-circle
/// arc to `to`, where it is tangent again and as long as before. A part of it that is not tangent
/// is dropped.
///
/// `None` if the two are antipodes to rounding, where there is no shorter arc, and if the heading
/// is not finite.
///
/// ```
/// use bluemarble_spatial::{LatLng, transport};
/// use glam::DVec3;
///
/// // Facing north in Gabon; then at the pole: facing down the other side.
/// let (gabon, pole) = (LatLng::degrees(0.0, 9.0), LatLng::degrees(90.0, 0.0));
/// let ahead = transport(DVec3::Z, gabon.to_direction(), pole.to_direction()).unwrap();
/// assert!(ahead.distance(-gabon.to_dir()) < 1e-15);
/// ```
#[must_use]
pub fn transport(heading: DVec3, from: Direction, to: Direction) -> Option<DVec3> {
    // The rotation along the arc is two mirrors: one that swaps the ends, and one across the arc's
    // first end, which leaves tangents alone. So one mirror does, and divides by nothing small
    // before the antipode itself.
    let sum = from.unit() + to.unit();
    if sum.length() <= ROUNDING_RAD || !heading.is_finite() {
        return None;
    }
    let level = heading - from.unit() * heading.dot(from.unit());
    let mirror = sum.normalize();
    Some(level - mirror * (2.0 * mirror.dot(level)))
}

/// Carries a heading along a path of great-circle arcs from the first place to the last; with less
/// than two places it stays as it is.
///
/// `None` where [`transport`] has none for one of the arcs.
#[must_use]
pub fn transport_along(heading: DVec3, path: &[Direction]) -> Option<DVec3> {
    path.windows(2)
        .try_fold(heading, |heading, arc| transport(heading, arc[0], arc[1]))
}

#[cfg(test)]
mod tests {
    use core::f64::consts::FRAC_PI_2;

    use super::*;
    use crate::geo::{LatLng, TangentFrame};

    fn at(lat: f64, lng: f64) -> Direction {
        LatLng::degrees(lat, lng).to_direction()
    }

    #[test]
    fn around_an_octant_a_heading_turns_by_a_quarter() {
        let corners = [at(0.0, 0.0), at(0.0, 90.0), at(90.0, 0.0), at(0.0, 0.0)];
        let east = TangentFrame::at(corners[0]).east;
        let turned = transport_along(east, &corners).unwrap();
        assert!(
            turned.distance(DVec3::Z) < 1e-15,
            "{turned}: left, as the loop goes"
        );
    }

    #[test]
    fn along_the_equator_and_a_meridian_bearings_stay() {
        for (from, to) in [
            (at(0.0, 170.0), at(0.0, -120.0)),
            (at(-80.0, 33.0), at(85.0, 33.0)),
        ] {
            let heading = TangentFrame::at(from).heading(1.0);
            let there = transport(heading, from, to).unwrap();
            let bearing = TangentFrame::at(to).bearing_of(there).unwrap();
            assert!((bearing - 1.0).abs() < 1e-14, "{bearing}");
        }
    }

    #[test]
    fn between_antipodes_there_is_no_one_answer_but_just_before_there_is() {
        let here = at(20.0, -179.9);
        assert_eq!(transport(DVec3::Z, here, here.antipode()), None);
        assert_eq!(transport(DVec3::NAN, here, at(0.0, 0.0)), None);
        let bearing = 2.0;
        let nearly = here.destination(bearing, core::f64::consts::PI - 1e-9);
        let frame = TangentFrame::at(here);
        // Along the arc ahead stays ahead, across it left stays left.
        let ahead = transport(frame.heading(bearing), here, nearly).unwrap();
        let back = nearly.towards(here).unwrap();
        assert!(ahead.distance(-back) < 1e-6, "{ahead} {back}");
        let left = frame.heading(bearing - FRAC_PI_2);
        assert!(transport(left, here, nearly).unwrap().distance(left) < 1e-6);
    }
}
