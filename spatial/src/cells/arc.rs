//! Angles between places and great-circle arcs, to rounding at every distance: a sine alone loses
//! half its digits near 90°, a cosine near 0° and 180°.

use glam::DVec3;

use crate::maths;

/// What a computed angle between unit vectors may be wrong by, radians, generously: 25 nm on
/// Earth. Answers that say "all of it" or "nothing of it" keep this far from a tie.
pub(crate) const ROUNDING_RAD: f64 = 4e-15;

/// The angle between two unit vectors in radians, 0 ..= π (W. Kahan, "How futile are mindless
/// assessments of roundoff", 2006, section 12: the half-angle form).
#[inline]
pub(crate) fn angle(a: DVec3, b: DVec3) -> f64 {
    2.0 * maths::atan2((a - b).length(), (a + b).length())
}

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
