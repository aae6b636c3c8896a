//! Who can see whom: a straight segment against cylinders and the ground.

use glam::DVec3;

use super::Planet;
use crate::limits::SIGHT_M_MAX;

/// Distance between the points at which the ground is looked at, metres: a little under the
/// shortest wave of roughness worth hiding behind.
const SAMPLE_M: f64 = 4.0;

impl Planet {
    /// Whether nothing stands between two points (eyes, usually; metres, planet frame): no
    /// obstacle, and no ground at samples every few metres. Symmetric. Points further apart than
    /// [`SIGHT_M_MAX`], or not finite, do not see each other.
    #[must_use]
    pub fn line_of_sight(&self, from: DVec3, to: DVec3) -> bool {
        let length_m = from.distance(to);
        // NaN is not within reach.
        let within_reach = length_m <= SIGHT_M_MAX;
        within_reach && !self.obstacles().block(from, to) && !self.ground_blocks(from, to, length_m)
    }

    fn ground_blocks(&self, from: DVec3, to: DVec3, length_m: f64) -> bool {
        let pieces = (length_m / SAMPLE_M) as u32 + 1;
        (1..pieces).any(|n| {
            // The two weights swap with the ends, so that both directions sample the same points.
            let share = |k: u32| f64::from(k) / f64::from(pieces);
            let point = from * share(pieces - n) + to * share(n);
            let height_m = point.length() - self.radius_m();
            height_m < self.highest_m() && height_m < self.ground_m(point)
        })
    }
}
