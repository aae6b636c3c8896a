//! How large a disc must be for everybody on it to have so many others near.

use std::f64::consts::PI;

use bluemarble_spatial::maths;

/// Bisections: each halves an interval of some kilometres.
const STEPS: u32 = 60;

/// The radius of a disc on which `players` at even density have `k` others within `radius_m` on
/// average, those near the edge included, metres; `None` if not even all of them are so many.
pub fn radius_m(players: u32, k: f64, radius_m: f64) -> Option<f64> {
    let others = f64::from(players) - 1.0;
    if !(k > 0.0 && k <= others) {
        return None;
    }
    // On a disc of half the radius everybody sees everybody; on this large one, hardly anybody.
    let (mut small, mut large) = (
        radius_m / 2.0,
        radius_m * (others / k).sqrt() * 2.0 + radius_m,
    );
    for _ in 0..STEPS {
        let middle = (small + large) / 2.0;
        if others * share_within(radius_m / middle) > k {
            small = middle;
        } else {
            large = middle;
        }
    }
    Some((small + large) / 2.0)
}

/// The share of all pairs of points on the unit disc that are nearer to each other than `d` (Weisstein,
/// "Disk Line Picking", MathWorld: the integral of its density).
fn share_within(d: f64) -> f64 {
    if d >= 2.0 {
        return 1.0;
    }
    let half = d / 2.0;
    1.0 + 2.0 / PI * (d * d - 1.0) * maths::acos(half)
        - d / PI * (1.0 + d * d / 2.0) * (1.0 - half * half).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_drawn_on_the_disc_have_so_many_others_near() {
        for (players, k) in [(300, 30.0), (300, 100.0), (1_000, 30.0), (40, 39.0)] {
            let patch_m = radius_m(players, k, 100.0).unwrap();
            let unit =
                |n: u64| (bluemarble_shared_protocol::mix64(n) >> 11) as f64 / (1_u64 << 53) as f64;
            let places: Vec<glam::DVec2> = (0..4_000)
                .map(|n| {
                    let (away, angle) = (patch_m * unit(2 * n).sqrt(), 2.0 * PI * unit(2 * n + 1));
                    let (sin, cos) = maths::sin_cos(angle);
                    glam::DVec2::new(away * cos, away * sin)
                })
                .collect();
            let near = |a: &glam::DVec2| {
                let within = |b: &&glam::DVec2| a.distance(**b) <= 100.0;
                places.iter().filter(within).count() - 1
            };
            let share = places.iter().map(near).sum::<usize>() as f64 / (4_000.0 * 3_999.0);
            let seen = share * f64::from(players - 1);
            assert!((seen / k - 1.0).abs() < 0.03, "W({players}, {k}): {seen}");
        }
    }

    #[test]
    fn nobody_sees_more_than_there_are() {
        assert_eq!(radius_m(10, 10.0, 100.0), None);
        assert_eq!(radius_m(10, 0.0, 100.0), None);
    }
}
