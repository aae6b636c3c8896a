//! How the ground leans.

use glam::DVec3;

use super::{Planet, east_north};

/// Distance on either side over which a slope is measured, metres: about a stride, so that it is
/// the slope somebody stands on and not that of a pebble.
const PROBE_M: f64 = 0.5;

impl Planet {
    /// Unit normal of the surface (water is level), outwards, measured over a metre. `dir`: any
    /// length but zero.
    #[must_use]
    pub fn normal(&self, dir: DVec3) -> DVec3 {
        let up = dir.normalize();
        let (east, north) = east_north(up);
        let [along_east, along_north] = self.gradient(up, east, north);
        (up - east * along_east - north * along_north).normalize()
    }

    /// Steepness of the surface at its steepest, as a tangent: 0 is level, 1 is 45°. Measured over
    /// a metre; `dir` of any length but zero.
    #[must_use]
    pub fn slope(&self, dir: DVec3) -> f64 {
        let up = dir.normalize();
        let (east, north) = east_north(up);
        let [along_east, along_north] = self.gradient(up, east, north);
        (along_east * along_east + along_north * along_north).sqrt()
    }

    /// Metres of climb per metre to the east and to the north.
    fn gradient(&self, up: DVec3, east: DVec3, north: DVec3) -> [f64; 2] {
        let step = PROBE_M / self.radius_m();
        [east, north].map(|side| {
            let ahead = self.ground_m(up + side * step);
            let behind = self.ground_m(up - side * step);
            (ahead - behind) / (2.0 * PROBE_M)
        })
    }
}
