//! To and fro through the middle of a scene, each along a line of its own: whatever border runs through
//! the middle is crossed on every way, by all of them, in all directions.

use bluemarble_shared_protocol::{Intent, hash_words};
use bluemarble_spatial::maths;
use bluemarble_spatial::mix::unit;
use glam::DVec3;

use super::{along_ground, axes};
use crate::behaviour::Wish;

/// Lines pass the middle at most this far off, as a share of how far they go beyond it: not everybody
/// meets in one point.
const ASIDE: f64 = 0.5;

/// One who shuttles.
#[derive(Clone, Debug)]
pub struct Shuttler {
    beyond_m: f64,
    /// Of its line, in the plan: where it goes, and how far aside of the middle it passes.
    angle: f64,
    aside_m: f64,
    outward: bool,
}

impl Shuttler {
    /// Bot number `bot` of a run, which goes so far beyond the middle.
    #[must_use]
    pub fn new(seed: u64, bot: u32, beyond_m: f64) -> Self {
        let draw = |n| unit(hash_words([seed, u64::from(bot), n, 0x5487]));
        Self {
            beyond_m,
            angle: draw(0) * std::f64::consts::TAU,
            aside_m: (draw(1) * 2.0 - 1.0) * ASIDE * beyond_m,
            outward: true,
        }
    }

    /// On along the line; around at its end.
    pub fn decide(&mut self, me: DVec3, middle: DVec3) -> Wish {
        let (east, north) = axes(middle);
        let (sin, cos) = maths::sin_cos(self.angle);
        let (ahead, aside) = (east * cos + north * sin, north * cos - east * sin);
        let gone_m = (me - middle).dot(ahead);
        if gone_m.abs() >= self.beyond_m {
            self.outward = gone_m < 0.0;
        }
        // Beyond the end, so that nobody slows down before it.
        let to_m = self.beyond_m * if self.outward { 2.0 } else { -2.0 };
        let goal = middle + ahead * to_m + aside * self.aside_m;
        Wish {
            dir: along_ground(me, goal).normalize_or(ahead),
            pace: Intent::PACE_MAX,
            jump: false,
            attack: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_passes_the_middle_on_every_way() {
        const RADIUS_M: f64 = 50_000.0;
        let middle = DVec3::X * RADIUS_M;
        for bot in 0..40 {
            let mut shuttler = Shuttler::new(1, bot, 30.0);
            let mut me = (middle + DVec3::Y * f64::from(bot)).normalize() * RADIUS_M;
            let (mut turns, mut was, mut nearest_m, mut farthest_m) = (0, true, f64::MAX, 0.0_f64);
            for tick in 0..4_000 {
                let wish = shuttler.decide(me, middle);
                assert!((wish.dir.length() - 1.0).abs() < 1e-9);
                me = (me + wish.dir * 0.25).normalize() * RADIUS_M;
                if shuttler.outward != was {
                    was = shuttler.outward;
                    turns += 1;
                    // The first way begins anywhere.
                    assert!(turns == 1 || nearest_m < 16.0, "bot {bot}: {nearest_m} m");
                    nearest_m = f64::MAX;
                }
                nearest_m = nearest_m.min(me.distance(middle));
                if tick > 500 {
                    farthest_m = farthest_m.max(me.distance(middle));
                }
            }
            assert!((12..18).contains(&turns), "bot {bot}: {turns} turns");
            assert!(farthest_m < 36.0, "bot {bot}: {farthest_m} m");
        }
    }
}
