//! On which side of a great circle a place is, exactly.
//!
//! Three unit vectors turn anticlockwise if their determinant is positive. Computed in floating
//! point its sign is a coin toss for places nearly on one great circle, and a polygon whose tests
//! contradict one another has neither inside nor outside. So the sign is that of the exact
//! determinant of the numbers given (J. Shewchuk, "Adaptive precision floating-point arithmetic
//! and fast robust geometric predicates", 1997, by the crate `robust`, whose `orient3d` with the
//! origin as last point is that determinant). It is exact unless a coordinate other than 0 is below 10⁻⁹⁰.
//!
//! Where the exact determinant is zero, the three are taken as moved by infinitely small steps,
//! a different one for each coordinate, the first in the order of their coordinates by most
//! (H. Edelsbrunner and E. Mücke, "Simulation of simplicity", 1990, sections 3 and 4). No three
//! different places are then ever on one great circle, and the answers never contradict one another.

use std::cmp::Ordering;

use glam::{DVec2, DVec3};
use robust::{Coord, Coord3D};

/// Whether three places, all different, turn anticlockwise seen from above.
pub(super) fn is_ccw(a: DVec3, b: DVec3, c: DVec3) -> bool {
    let determinant = determinant(a, b, c);
    if determinant == 0.0 {
        is_ccw_of_moved(a, b, c)
    } else {
        determinant > 0.0
    }
}

/// Whether three places are exactly on one great circle.
pub(super) fn is_flat(a: DVec3, b: DVec3, c: DVec3) -> bool {
    determinant(a, b, c) == 0.0
}

/// A number of the determinant's sign.
fn determinant(a: DVec3, b: DVec3, c: DVec3) -> f64 {
    let [a, b, c, origin] = [a, b, c, DVec3::ZERO].map(|DVec3 { x, y, z }| Coord3D { x, y, z });
    robust::orient3d(a, b, c, origin)
}

/// Whether places `a`, `b`, `c` around `o`, all different, come in this order anticlockwise.
pub(super) fn are_ordered(a: DVec3, b: DVec3, c: DVec3, o: DVec3) -> bool {
    let turns = [is_ccw(o, a, b), is_ccw(o, b, c), is_ccw(o, c, a)];
    turns.into_iter().filter(|&is_ccw| is_ccw).count() >= 2
}

/// Whether two great-circle arcs without a common end, each shorter than half a circle, cross.
pub(super) fn arcs_cross(a: DVec3, b: DVec3, c: DVec3, d: DVec3) -> bool {
    let side = is_ccw(a, b, c);
    side != is_ccw(a, b, d) && arcs_cross_if_apart(a, b, c, d, side)
}

/// The rest of that, for `c` and `d` that are on different sides of the arc from `a` to `b`:
/// `c` on the left if `c_is_left`.
pub(super) fn arcs_cross_if_apart(a: DVec3, b: DVec3, c: DVec3, d: DVec3, c_is_left: bool) -> bool {
    // The four triangles around a crossing all turn the same way: acb, cbd, bda, dac.
    is_ccw(c, b, d) != c_is_left && is_ccw(d, a, c) != c_is_left
}

/// By the order of x, then y, then z.
pub(super) fn order(a: DVec3, b: DVec3) -> Ordering {
    // Equal where not comparable, which finite numbers always are.
    let by = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    by(a.x, b.x)
        .then_with(|| by(a.y, b.y))
        .then_with(|| by(a.z, b.z))
}

/// For three whose determinant is exactly zero: the sign of the greatest term that is not, of the
/// determinant of the moved ones.
fn is_ccw_of_moved(a: DVec3, b: DVec3, c: DVec3) -> bool {
    // In order; each swap turns the sign.
    let mut is_turned = false;
    let mut sorted = [a, b, c];
    for (k, next) in [(0, 1), (1, 2), (0, 1)] {
        if order(sorted[k], sorted[next]) == Ordering::Greater {
            sorted.swap(k, next);
            is_turned = !is_turned;
        }
    }
    let [a, b, c] = sorted;
    // Coordinate k of place i is moved by ε to the power 2^(3i + k). What each product of moves is
    // multiplied with in the determinant, from the largest product to the smallest.
    let terms: [&dyn Fn() -> f64; 16] = [
        &|| det(b.y, b.z, c.y, c.z), // a.x
        &|| det(b.z, b.x, c.z, c.x), // a.y
        &|| det(b.x, b.y, c.x, c.y), // a.z
        &|| det(c.y, c.z, a.y, a.z), // b.x
        &|| -c.z,                    // a.y b.x
        &|| c.y,                     // a.z b.x
        &|| det(c.z, c.x, a.z, a.x), // b.y
        &|| c.z,                     // a.x b.y
        &|| -c.x,                    // a.z b.y
        &|| det(c.x, c.y, a.x, a.y), // b.z
        &|| -c.y,                    // a.x b.z
        &|| c.x,                     // a.y b.z
        &|| det(a.y, a.z, b.y, b.z), // c.x
        &|| b.z,                     // a.y c.x
        &|| -b.y,                    // a.z c.x
        &|| -a.z,                    // b.y c.x
    ];
    // The next product, a.z b.y c.x, stands alone with a minus.
    let first = terms.iter().map(|term| term()).find(|&term| term != 0.0);
    (first.unwrap_or(-1.0) > 0.0) != is_turned
}

/// A number of the sign of p q' − q p', exactly.
fn det(px: f64, py: f64, qx: f64, qy: f64) -> f64 {
    let coordinates = |DVec2 { x, y }: DVec2| Coord { x, y };
    let [p, q, origin] = [DVec2::new(px, py), DVec2::new(qx, qy), DVec2::ZERO].map(coordinates);
    robust::orient2d(p, q, origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::mix64;

    /// Places of small whole coordinates: most triples of them are exactly flat.
    fn lattice() -> Vec<DVec3> {
        let mut places = Vec::new();
        for n in 0..125_i32 {
            let place = DVec3::new(f64::from(n % 5), f64::from(n / 5 % 5), f64::from(n / 25)) - 2.0;
            if place != DVec3::ZERO {
                places.push(place);
            }
        }
        places
    }

    #[test]
    fn swapping_two_turns_the_answer_and_rotating_does_not() {
        let places = lattice();
        let pick = |n: u64| places[(mix64(n) % places.len() as u64) as usize];
        let mut flat = 0;
        for n in 0..20_000 {
            let (a, b, c) = (pick(n * 3), pick(n * 3 + 1), pick(n * 3 + 2));
            if a == b || b == c || c == a {
                continue;
            }
            flat += u32::from(is_flat(a, b, c));
            let turn = is_ccw(a, b, c);
            assert_eq!((is_ccw(b, c, a), is_ccw(c, a, b)), (turn, turn));
            assert_eq!((is_ccw(b, a, c), is_ccw(a, c, b)), (!turn, !turn));
        }
        assert!(flat > 1_000, "{flat}");
    }

    /// Around a place others have an order: if b is left of a, c of b and d of c, each by less
    /// than half a turn in all, then d is left of a. Moves by hand would break that somewhere.
    #[test]
    fn answers_on_one_great_circle_do_not_contradict_one_another() {
        let places = lattice();
        let pick = |n: u64| places[(mix64(n) % places.len() as u64) as usize];
        for n in 0..20_000 {
            let [o, a, b, c, d] = [0, 1, 2, 3, 4].map(|k| pick(n * 5 + k));
            let all = [o, a, b, c, d];
            if (0..5).any(|k| all[..k].contains(&all[k])) {
                continue;
            }
            // For any five there is the identity [oab][ocd] − [oac][obd] + [oad][obc] = 0
            // (Grassmann and Plücker), so its terms never all have one sign.
            let positive = [
                is_ccw(o, a, b) == is_ccw(o, c, d),
                is_ccw(o, a, c) != is_ccw(o, b, d),
                is_ccw(o, a, d) == is_ccw(o, b, c),
            ];
            assert!(
                positive.contains(&true) && positive.contains(&false),
                "{all:?}"
            );
        }
    }

    #[test]
    fn a_last_bit_decides_and_rounding_does_not() {
        let (a, b) = (DVec3::new(0.6, 0.8, 0.0), DVec3::new(-0.28, 0.96, 0.0));
        let tiny = DVec3::new(0.0, 0.0, 1e-60);
        let c = DVec3::new(0.123, 0.456, 0.0);
        assert!(is_flat(a, b, c));
        assert!(is_ccw(a, b, c + tiny) && !is_ccw(a, b, c - tiny));
    }

    #[test]
    fn arcs_cross_where_they_look_like_it() {
        let [x, y, z] = [DVec3::X, DVec3::Y, DVec3::Z];
        let low = (x + y - z * 0.1).normalize();
        assert!(arcs_cross(x, y, z, low));
        assert!(arcs_cross(low, z, y, x));
        assert!(!arcs_cross(x, y, z, (x + y + z * 0.1).normalize()));
        // The great circles cross, on the other side of the planet.
        assert!(!arcs_cross(x, y, -z, -low));
    }
}
