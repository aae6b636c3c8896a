//! Impact craters: bowls with raised rims, scattered over the ball in classes of size.
//!
//! Cell noise after S. Worley, "A Cellular Texture Basis Function" (SIGGRAPH 1996): each cell of a
//! cubic lattice around the ball holds at most one crater, put down on the ball below or above its
//! point; a cell is so wide that only the eight nearest to a point can reach it.

use glam::DVec3;

use super::noise::split;
use crate::mix::mix64;

/// Width of a cell over the largest radius in its class.
const CELL_RADII: f64 = 4.4;
/// A crater's point stays this share of a cell away from the cell's sides.
const MARGIN: f64 = 0.2;
/// Cells whose point is further than this share of a cell from the ball have no crater.
const BAND: f64 = 0.3;
/// Farthest that a crater's point is from the middle of its cell, in cells: √3 · 0.3.
const SPOT_FROM_MIDDLE: f64 = 0.52;
/// Where the ejected wall ends, in radii of the rim.
const REACH: f64 = 1.6;
/// Height of the rim over the depth of the bowl (fresh simple craters: R. J. Pike, "Apparent
/// depth/apparent diameter relation for lunar craters", 1977, has 0.036 and 0.196 diameters).
const RIM: f64 = 0.18;

// A cell that is not looked at has its point at least half a cell and a margin away along one axis;
// from there a crater must not reach.
const _: () = assert!(CELL_RADII * (0.5 + MARGIN) > CELL_RADII * BAND + REACH);

/// Craters from large to small.
#[derive(Clone, Debug)]
pub(crate) struct Craters {
    classes: Vec<Class>,
    /// Of the bowl below the ground around, over the rim's diameter.
    depth_share: f64,
    density: f64,
}

#[derive(Clone, Copy, Debug)]
struct Class {
    /// Largest radius of a rim, metres; the smallest is half.
    radius_m: f64,
    seed: u64,
}

impl Craters {
    /// Classes from `largest_m` down to `smallest_m` (rim to rim), each half as wide as the one
    /// before; `density`, 0 ..= 1, is the share of possible places that are taken.
    pub(crate) fn new(
        (largest_m, smallest_m): (f64, f64),
        depth_share: f64,
        density: f64,
        seed: u64,
    ) -> Self {
        let mut classes = Vec::new();
        let mut diameter_m = largest_m;
        while diameter_m >= smallest_m {
            classes.push(Class {
                radius_m: 0.5 * diameter_m,
                seed: mix64(seed ^ mix64(classes.len() as u64)),
            });
            diameter_m *= 0.5;
        }
        Self {
            classes,
            depth_share,
            density,
        }
    }

    /// Metres by which craters raise or lower the ground at a point (metres) of a ball.
    pub(crate) fn metres(&self, point: DVec3, ball_radius_m: f64) -> f64 {
        let mut sum = 0.0;
        for class in &self.classes {
            sum += self.class_metres(class, point, ball_radius_m);
        }
        sum
    }

    /// The deepest and highest that craters change the ground.
    pub(crate) fn bound_m(&self) -> f64 {
        // Two of a class may overlap, but hardly three.
        let depths = self.classes.iter().map(|class| class.radius_m);
        4.0 * self.depth_share * depths.sum::<f64>()
    }

    fn class_metres(&self, class: &Class, point: DVec3, ball_radius_m: f64) -> f64 {
        let cell_m = class.radius_m * CELL_RADII;
        // The lattice of the eight nearest cells starts half a cell below.
        let scaled = point / cell_m - DVec3::splat(0.5);
        let (x, _) = split(scaled.x);
        let (y, _) = split(scaled.y);
        let (z, _) = split(scaled.z);
        let mut sum = 0.0;
        for corner in 0..8u64 {
            let cell = [
                x.wrapping_add(corner & 1),
                y.wrapping_add(corner >> 1 & 1),
                z.wrapping_add(corner >> 2),
            ];
            let base = DVec3::from_array(cell.map(|k| k as i64 as f64));
            // Most cells at the ball's skin have their point out of the band; no need to draw it.
            let middle_m = (base + DVec3::splat(0.5)).length() * cell_m;
            let off_m = (middle_m - ball_radius_m).abs();
            if off_m > cell_m * (BAND + SPOT_FROM_MIDDLE) {
                continue;
            }
            let place = mix64(
                cell[0].wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    ^ cell[1].wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(21)
                    ^ cell[2].wrapping_mul(0x1656_67b1_9e37_79f9).rotate_left(42)
                    ^ class.seed,
            );
            let kind = mix64(place);
            if low_share(kind) >= self.density {
                continue;
            }
            let share = |word| MARGIN + (1.0 - 2.0 * MARGIN) * low_share(word);
            let spot = DVec3::new(share(place), share(place >> 21), share(place >> 42));
            let centre = (base + spot) * cell_m;
            let distance_m = centre.length();
            if (distance_m - ball_radius_m).abs() > cell_m * BAND {
                continue;
            }
            let radius_m = class.radius_m * (0.5 + 0.5 * low_share(kind >> 21));
            let centre = centre * (ball_radius_m / distance_m);
            let depth_m = 2.0 * radius_m * self.depth_share;
            sum += depth_m * profile(point.distance(centre) / radius_m);
        }
        sum
    }
}

/// The lowest 21 bits of a word as a number in 0 .. 1.
fn low_share(word: u64) -> f64 {
    (word & 0x1f_ffff) as f64 * (1.0 / 2_097_152.0)
}

/// Height over depth at `x` radii from the middle: −1 in the bowl, [`RIM`] at the rim, 0 from
/// [`REACH`] on.
fn profile(x: f64) -> f64 {
    if x < 1.0 {
        // A flat floor and a wall that ends level in the rim.
        let wall = super::noise::smoothstep(0.25, 1.0, x);
        (1.0 + RIM) * wall - 1.0
    } else if x < REACH {
        let fall = (REACH - x) / (REACH - 1.0);
        RIM * fall * fall * (3.0 - 2.0 * fall)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_bowl_a_rim_and_nothing() {
        assert_eq!(profile(0.0), -1.0);
        assert!((profile(1.0) - RIM).abs() < 1e-12);
        assert_eq!(profile(REACH), 0.0);
        for n in 0..2_000 {
            let x = f64::from(n) * 0.001;
            assert!((profile(x + 0.001) - profile(x)).abs() < 0.003, "{x}");
        }
    }

    #[test]
    fn craters_change_the_ground_without_steps() {
        let craters = Craters::new((8_000.0, 500.0), 0.1, 1.0, 5);
        let at = |n: u32| {
            let angle = f64::from(n) * 1e-4;
            let (sin, cos) = crate::maths::sin_cos(angle);
            craters.metres(DVec3::new(cos, sin * 0.8, sin * 0.6) * 50_000.0, 50_000.0)
        };
        let (mut low, mut high): (f64, f64) = (0.0, 0.0);
        for n in 1..60_000 {
            let (now, before) = (at(n), at(n - 1));
            // 5 m at a time.
            assert!((now - before).abs() < 5.0, "{n}: {before} {now}");
            low = if now < low { now } else { low };
            high = if now > high { now } else { high };
        }
        assert!(low < -200.0 && high > 20.0, "{low} {high}");
        assert!(-low < craters.bound_m() && high < craters.bound_m());
    }
}
