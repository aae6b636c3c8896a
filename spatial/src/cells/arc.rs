//! Angles between a place and great-circle arcs, to rounding at every distance. Answers that say "all of
//! it" or "nothing of it" keep [`ROUNDING_RAD`] away from a tie.

use glam::DVec3;

pub(crate) use crate::geo::{ROUNDING_RAD, angle};
use crate::maths;

/// Whichever of some unit vectors is nearest to `p`, and the angle to it.
pub(crate) fn nearest(p: DVec3, places: &[DVec3; 4]) -> f64 {
    // Chords tell near places apart, chords to the antipode far ones.
    let is_near = places.iter().any(|q| q.dot(p) > 0.0);
    let key = |q: DVec3| {
        if is_near {
            q.distance_squared(p)
        } else {
            -(q + p).length_squared()
        }
    };
    let mut best = places[0];
    for &q in &places[1..] {
        if key(q) < key(best) {
            best = q;
        }
    }
    angle(p, best)
}

/// The angle from a place to the nearest point of an arc shorter than half a circle, radians.
pub(crate) fn distance(p: DVec3, from: DVec3, to: DVec3) -> f64 {
    // from × to, twice, without the loss of digits of two nearly equal vectors.
    let normal = (from + to).cross(to - from);
    if normal.cross(from).dot(p) >= 0.0 && to.cross(normal).dot(p) >= 0.0 {
        // Straight across; an arc without length has no normal, and is its ends.
        if let Some(n) = normal.try_normalize() {
            return maths::atan2(p.dot(n).abs(), p.cross(n).length());
        }
    }
    let (a, b) = (angle(p, from), angle(p, to));
    if a < b { a } else { b }
}
