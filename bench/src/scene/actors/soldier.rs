//! Two armies: each musters on its side of the field, charges, fights, and musters again. Who strikes
//! whom is for whoever knows the view to say.

use bluemarble_shared_protocol::{Intent, Tick, hash_words};
use bluemarble_spatial::maths;
use bluemarble_spatial::mix::unit;
use glam::DVec3;

use super::{along_ground, axes};
use crate::behaviour::Wish;

/// From one muster to the next, seconds, and how much of that is for mustering.
const ROUND_S: u64 = 20;
const MUSTER_S: u64 = 6;
/// How wide the field is where they fight, metres, for each metre that they muster apart.
const FRONT: f64 = 1.0;
/// Closer to its goal than this, metres, a soldier wanders instead.
const ARRIVED_M: f64 = 2.0;
/// Largest turn per tick of who wanders, radians.
const WANDER_RAD: f64 = 0.8;

/// One soldier.
#[derive(Clone, Debug)]
pub struct Soldier {
    seed: u64,
    bot: u32,
    tick_hz: u32,
    apart_m: f64,
    heading: DVec3,
}

impl Soldier {
    /// Bot number `bot` of a run.
    #[must_use]
    pub fn new(seed: u64, bot: u32, tick_hz: u32, apart_m: f64) -> Self {
        let draw = |n| unit(hash_words([seed, u64::from(bot), n])) - 0.5;
        Self {
            seed,
            bot,
            tick_hz: tick_hz.max(1),
            apart_m,
            heading: DVec3::new(draw(0), draw(1), draw(2)),
        }
    }

    /// Which army it belongs to, 0 or 1.
    #[must_use]
    pub fn army(&self) -> u8 {
        (self.bot % 2) as u8
    }

    /// To the muster, or into the fight.
    pub fn decide(&mut self, tick: Tick, me: DVec3, middle: DVec3) -> Wish {
        let second = tick.0 / u64::from(self.tick_hz);
        let (round, in_round_s) = (second / ROUND_S, second % ROUND_S);
        let draw = |n| unit(hash_words([self.seed, u64::from(self.bot), round, n])) - 0.5;
        let side = if self.army() == 0 { 1.0 } else { -1.0 };
        let ahead_m = if in_round_s < MUSTER_S {
            side * self.apart_m
        } else {
            draw(1) * 4.0
        };
        let (east, north) = axes(middle);
        let aside_m = draw(2) * FRONT * self.apart_m;
        let way = along_ground(me, middle + east * ahead_m + north * aside_m);
        if way.length() > ARRIVED_M {
            self.heading = way.normalize_or(self.heading);
        } else {
            let up = me.normalize_or(DVec3::Z);
            let flat = self.heading - up * self.heading.dot(up);
            let ahead = flat.normalize_or(up.any_orthonormal_vector());
            let random = unit(hash_words([self.seed, u64::from(self.bot), tick.0]));
            let (sin, cos) = maths::sin_cos((random * 2.0 - 1.0) * WANDER_RAD);
            self.heading = ahead * cos + up.cross(ahead) * sin;
        }
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

    #[test]
    fn armies_muster_on_two_sides_and_meet_in_the_middle() {
        const RADIUS_M: f64 = 50_000.0;
        let middle = DVec3::X * RADIUS_M;
        let (east, _) = axes(middle);
        let mut soldiers: Vec<_> = (0..20).map(|n| Soldier::new(1, n, 20, 25.0)).collect();
        let mut places = vec![middle; 20];
        for tick in 0..3 * ROUND_S * 20 {
            for (soldier, me) in soldiers.iter_mut().zip(&mut places) {
                let wish = soldier.decide(Tick(tick), *me, middle);
                *me = (*me + wish.dir * 0.25).normalize() * RADIUS_M;
            }
            let second = tick / 20 % ROUND_S;
            for (soldier, me) in soldiers.iter().zip(&places) {
                let ahead_m = (*me - middle).dot(east);
                let side = if soldier.army() == 0 { 1.0 } else { -1.0 };
                match second {
                    5 if tick % 20 == 19 => assert!(ahead_m * side > 20.0, "{tick}: {ahead_m}"),
                    14.. => assert!(ahead_m.abs() < 8.0, "{tick}: {ahead_m}"),
                    _ => {}
                }
            }
        }
    }
}
