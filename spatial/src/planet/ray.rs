//! A ray against the ground: where does something that is thrown straight, or looked along, meet
//! it?

use glam::DVec3;

use super::Planet;
use crate::geo::Direction;
use crate::limits::RAY_M_MAX;

/// Shortest step along a ray, metres: what is thinner may be passed through.
const STEP_M_MIN: f64 = 0.5;
/// Share of the height over the ground that a step may be long: safe for slopes up to 2.3.
const STEP_SHARE: f64 = 0.4;
/// Halvings of the last step: half a metre becomes a tenth of a millimetre, and a step of 40 m
/// still a centimetre.
const HALVINGS: u32 = 13;

/// Where a ray meets the surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayHit {
    /// The point, metres, planet frame; less than a centimetre from the surface for rays that come
    /// from near it.
    pub pos: DVec3,
    /// From the ray's start, metres.
    pub distance_m: f64,
}

impl Planet {
    /// The first point at which a ray meets the ground or the water within `max_m` metres (at most
    /// [`RAY_M_MAX`]) of its start (metres, planet frame). A start below the surface is a hit at
    /// once. Obstacles are not looked at. `None` for a start that is not finite.
    ///
    /// Steps as long as two fifths of the height over the ground, but at least half a metre: ground
    /// thinner than that, or steeper than 2.3 : 1, may be passed through.
    ///
    /// ```
    /// use bluemarble_spatial::{Direction, Planet};
    /// use glam::DVec3;
    /// let ball = Planet::smooth(1_000.0);
    /// let down = Direction::new(DVec3::NEG_X).unwrap();
    /// let hit = ball.raycast(DVec3::X * 1_010.0, down, 100.0).unwrap();
    /// assert!((hit.distance_m - 10.0).abs() < 0.01);
    /// ```
    #[must_use]
    pub fn raycast(&self, from: DVec3, dir: Direction, max_m: f64) -> Option<RayHit> {
        let dir = dir.unit();
        let most_m = if max_m > RAY_M_MAX { RAY_M_MAX } else { max_m };
        // NaN fails every comparison and ends here.
        let fine = from.is_finite() && most_m >= 0.0;
        if !fine {
            return None;
        }
        // Nothing to meet before the ray is as low as the highest ground.
        let mut distance_m = self.entry_m(from, dir)?;
        let mut clear_m = distance_m;
        while distance_m <= most_m {
            let pos = from + dir * distance_m;
            let radial_m = pos.length();
            let height_m = radial_m - self.radius_m();
            if height_m > self.highest_m() && pos.dot(dir) > 0.0 {
                return None;
            }
            // The centre has no direction, and is inside.
            if radial_m == 0.0 {
                return Some(self.meet(from, dir, clear_m, distance_m));
            }
            let above_m = height_m - self.ground_at_unit(pos / radial_m).height_m;
            if above_m <= 0.0 {
                return Some(self.meet(from, dir, clear_m, distance_m));
            }
            clear_m = distance_m;
            distance_m += if above_m * STEP_SHARE > STEP_M_MIN {
                above_m * STEP_SHARE
            } else {
                STEP_M_MIN
            };
            if distance_m > most_m && clear_m < most_m {
                distance_m = most_m;
            }
        }
        None
    }

    /// How far along a ray (unit direction) the ball of the highest ground begins: 0 inside it,
    /// `None` for rays that miss it.
    fn entry_m(&self, from: DVec3, dir: DVec3) -> Option<f64> {
        let top_m = self.radius_m() + self.highest_m() + 1.0;
        if from.length() <= top_m {
            return Some(0.0);
        }
        let middle_m = -from.dot(dir);
        let off_m = (from + dir * middle_m).length();
        let enters = middle_m > 0.0 && off_m < top_m;
        enters.then(|| middle_m - (top_m * top_m - off_m * off_m).sqrt())
    }

    /// The surface between a point of a ray that is over it and one that is not.
    fn meet(&self, from: DVec3, dir: DVec3, clear_m: f64, hit_m: f64) -> RayHit {
        let (mut clear_m, mut hit_m) = (clear_m, hit_m);
        for _ in 0..HALVINGS {
            let middle_m = 0.5 * (clear_m + hit_m);
            let pos = from + dir * middle_m;
            if pos.length() - self.radius_m() <= self.ground_m(pos) {
                hit_m = middle_m;
            } else {
                clear_m = middle_m;
            }
        }
        RayHit {
            pos: from + dir * hit_m,
            distance_m: hit_m,
        }
    }
}
