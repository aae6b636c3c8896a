//! Who plays in a scene: walks at full pace, turning a little at random, and turns back at the wall as
//! a ball does, so that the patch stays evenly filled. Pure: the same seed and place, the same wish.

use bluemarble_shared_protocol::{Intent, Tick, hash_words};
use bluemarble_spatial::maths;
use bluemarble_spatial::mix::unit;
use glam::DVec3;

use crate::behaviour::Wish;

/// One who walks.
#[derive(Clone, Debug)]
pub struct Walker {
    seed: u64,
    bot: u32,
    patch_m: f64,
    turn_rad: f64,
    heading: DVec3,
}

impl Walker {
    /// Bot number `bot` of a run, on a patch of this radius.
    #[must_use]
    pub fn new(seed: u64, bot: u32, patch_m: f64, turn_rad: f64) -> Self {
        let draw = |n| unit(hash_words([seed, u64::from(bot), n])) - 0.5;
        Self {
            seed,
            bot,
            patch_m,
            turn_rad,
            heading: DVec3::new(draw(0), draw(1), draw(2)),
        }
    }

    /// Where to at `tick`, standing at `me` on a patch around `middle`.
    pub fn decide(&mut self, tick: Tick, me: DVec3, middle: DVec3) -> Wish {
        let up = me.normalize_or(DVec3::Z);
        let flat = |way: DVec3| way - up * way.dot(up);
        let ahead = flat(self.heading).normalize_or(up.any_orthonormal_vector());
        let random = hash_words([self.seed, u64::from(self.bot), tick.0]);
        let (sin, cos) = maths::sin_cos((unit(random) * 2.0 - 1.0) * self.turn_rad);
        let turned = ahead * cos + up.cross(ahead) * sin;
        let from_middle = flat(me - middle);
        let outward = from_middle.normalize_or(DVec3::ZERO);
        let against_wall = turned.dot(outward);
        let hits = from_middle.length() > self.patch_m && against_wall > 0.0;
        let way = if hits {
            turned - outward * (2.0 * against_wall)
        } else {
            turned
        };
        self.heading = way.normalize_or(ahead);
        Wish {
            dir: self.heading,
            pace: Intent::PACE_MAX,
            jump: false,
            attack: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADIUS_M: f64 = 50_000.0;

    #[test]
    fn walkers_fill_the_patch_evenly_and_stay_on_it() {
        let middle = DVec3::X * RADIUS_M;
        let (mut inner, mut looks, mut farthest_m) = (0, 0, 0.0_f64);
        for bot in 0..40 {
            let mut walker = Walker::new(1, bot, 100.0, 0.1);
            let mut me = middle;
            for tick in 0..6_000 {
                let wish = walker.decide(Tick(tick), me, middle);
                assert!((wish.dir.length() - 1.0).abs() < 1e-9);
                me = (me + wish.dir * 0.25).normalize() * RADIUS_M;
                let away_m = me.distance(middle);
                farthest_m = farthest_m.max(away_m);
                if tick > 1_000 {
                    looks += 1;
                    inner += u32::from(away_m < 70.7);
                }
            }
        }
        let share = f64::from(inner) / f64::from(looks);
        assert!(farthest_m < 101.0, "{farthest_m} m");
        assert!(
            (0.44..0.56).contains(&share),
            "{share} within the inner half"
        );
    }
}
