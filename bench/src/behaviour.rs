//! What a bot wants: to wander about the square and to strike whoever comes near. Pure: the same
//! seed and surroundings, the same wish.

use bluemarble_shared_protocol::{EntityId, Intent, Tick, hash_words};
use bluemarble_spatial::maths;
use glam::DVec3;

/// Largest turn per tick, radians, at 20 Hz: a gentle wander.
const TURN_MAX: f64 = 0.25;
/// How strongly it is drawn to where it wants to be, beside walking straight on.
const PULL: f64 = 0.3;
/// A walker that is so near has arrived, metres.
const ARRIVED_M: f64 = 8.0;
/// How many ticks a blow may take to show as struck before it counts as missed.
pub const BLOW_TICKS_MAX: u64 = 8;
/// One tick in this many, a bot jumps.
const JUMP_ONE_IN: u64 = 200;

/// Where bots go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Half of the bots stay within this distance of the square's middle, where they fight.
    pub square_m: f64,
    /// The others walk from point to point within this distance, in and out of each other's view.
    pub around_m: f64,
}

/// One bot's character.
#[derive(Clone, Debug)]
pub struct Mind {
    seed: u64,
    bot: u32,
    ground: Ground,
    heading: DVec3,
    /// How many points a walker has been to.
    legs: u64,
    blow_at: Option<Tick>,
}

/// What a bot knows when it decides.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Now.
    pub tick: Tick,
    /// Where it stands, metres, planet frame.
    pub me: DVec3,
    /// The middle of the square.
    pub middle: DVec3,
    /// Whether it lives.
    pub alive: bool,
    /// Whether it may strike.
    pub ready: bool,
}

/// What a bot wants this tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Which way.
    pub dir: DVec3,
    /// How fast, as in [`Intent::pace`].
    pub pace: u8,
    /// Whether to jump.
    pub jump: bool,
    /// Whom to strike.
    pub attack: Option<EntityId>,
}

impl Mind {
    /// Bot number `bot` of a run.
    #[must_use]
    pub fn new(seed: u64, bot: u32, ground: Ground) -> Self {
        let random = |n| unit(hash_words([seed, u64::from(bot), n])) - 0.5;
        let heading = DVec3::new(random(0), random(1), random(2));
        Self {
            seed,
            bot,
            ground,
            heading,
            legs: 0,
            blow_at: None,
        }
    }

    /// Decides. `victim` is asked only if there is a blow to be struck: the nearest living other
    /// within reach.
    pub fn decide(&mut self, now: Situation, victim: impl FnOnce() -> Option<EntityId>) -> Wish {
        let random = hash_words([self.seed, u64::from(self.bot), now.tick.0]);
        self.turn(now, random);
        let strikes = now.alive && now.ready && !self.waits_for_a_blow(now.tick);
        let attack = if strikes { victim() } else { None };
        if attack.is_some() {
            self.blow_at = Some(now.tick);
        }
        let pace = Intent::PACE_MAX - ((random >> 40) % 4) as u8;
        Wish {
            dir: self.heading,
            pace,
            jump: (random >> 48).is_multiple_of(JUMP_ONE_IN),
            attack,
        }
    }

    /// A blow is ordered once and then awaited, so that its effect can be timed.
    fn waits_for_a_blow(&self, tick: Tick) -> bool {
        self.blow_at
            .is_some_and(|at| tick.since(at) < BLOW_TICKS_MAX)
    }

    fn turn(&mut self, now: Situation, random: u64) {
        let up = now.me.normalize_or(DVec3::Z);
        let flat = |way: DVec3| way - up * way.dot(up);
        let ahead = flat(self.heading).normalize_or(up.any_orthonormal_vector());
        let angle = (unit(random) - 0.5) * 2.0 * TURN_MAX;
        let (sin, cos) = maths::sin_cos(angle);
        let wander = ahead * cos + up.cross(ahead) * sin;
        let (goal, within_m) = self.goal(now.middle);
        let way = flat(goal - now.me);
        let away_m = way.length();
        if self.walks() && away_m <= within_m {
            self.legs += 1;
        }
        let pull = if away_m > within_m {
            way / away_m * PULL
        } else {
            DVec3::ZERO
        };
        self.heading = (wander + pull).normalize_or(wander);
    }

    /// Every other bot walks about; the rest fight in the middle.
    fn walks(&self) -> bool {
        !self.bot.is_multiple_of(2)
    }

    /// Where it is drawn to, and how near it needs to be.
    fn goal(&self, middle: DVec3) -> (DVec3, f64) {
        if !self.walks() {
            return (middle, self.ground.square_m);
        }
        let random = |n| unit(hash_words([self.seed, u64::from(self.bot), self.legs, n]));
        let (sin, cos) = maths::sin_cos(random(0) * std::f64::consts::TAU);
        let east = middle.normalize_or(DVec3::Z).any_orthonormal_vector();
        let north = middle.normalize_or(DVec3::Z).cross(east);
        // The root spreads the points evenly over the disc.
        let away_m = self.ground.around_m * random(1).sqrt();
        (middle + (east * cos + north * sin) * away_m, ARRIVED_M)
    }
}

/// A number in 0 .. 1.
fn unit(word: u64) -> f64 {
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADIUS_M: f64 = 6_371_000.0;
    const GROUND: Ground = Ground {
        square_m: 40.0,
        around_m: 160.0,
    };

    fn situation(tick: u64, me: DVec3) -> Situation {
        let middle = DVec3::X * RADIUS_M;
        Situation {
            tick: Tick(tick),
            me,
            middle,
            alive: true,
            ready: true,
        }
    }

    #[test]
    fn a_bot_keeps_to_the_square_and_never_stands_still() {
        for bot in 0..20 {
            let mut mind = Mind::new(7, bot * 2, GROUND);
            let mut me = DVec3::X * RADIUS_M;
            let mut reached_m: f64 = 0.0;
            for tick in 0..4_000 {
                let wish = mind.decide(situation(tick, me), || None);
                let up = me.normalize();
                assert!(wish.dir.dot(up).abs() < 1e-9 && (wish.dir.length() - 1.0).abs() < 1e-9);
                assert!(wish.pace <= Intent::PACE_MAX);
                me = (me + wish.dir * 0.25).normalize() * RADIUS_M;
                reached_m = reached_m.max(me.distance(DVec3::X * RADIUS_M));
            }
            assert!(
                (20.0..60.0).contains(&reached_m),
                "bot {bot} went {reached_m} m"
            );
        }
    }

    #[test]
    fn a_walker_comes_and_goes_across_a_radius_of_a_hundred_metres() {
        for bot in 0..20 {
            let mut mind = Mind::new(7, bot * 2 + 1, GROUND);
            let mut me = DVec3::X * RADIUS_M;
            let (mut outside, mut crossings, mut reached_m) = (false, 0, 0.0_f64);
            for tick in 0..20_000 {
                let wish = mind.decide(situation(tick, me), || None);
                me = (me + wish.dir * 0.25).normalize() * RADIUS_M;
                let away_m = me.distance(DVec3::X * RADIUS_M);
                crossings += u32::from((away_m > 100.0) != outside);
                outside = away_m > 100.0;
                reached_m = reached_m.max(away_m);
            }
            assert!(
                crossings >= 4 && reached_m < 190.0,
                "bot {bot}: {crossings}, {reached_m} m"
            );
        }
    }

    #[test]
    fn the_same_seed_wishes_the_same_and_another_something_else() {
        let wishes = |seed| {
            let mut mind = Mind::new(seed, 3, GROUND);
            let me = DVec3::X * RADIUS_M;
            (0..50)
                .map(|tick| mind.decide(situation(tick, me), || None))
                .collect::<Vec<_>>()
        };
        assert_eq!(wishes(1), wishes(1));
        assert_ne!(wishes(1), wishes(2));
    }

    #[test]
    fn a_blow_is_struck_once_and_only_alive_and_ready() {
        let me = DVec3::X * RADIUS_M;
        let victim = || Some(EntityId(9));
        let mut mind = Mind::new(1, 1, GROUND);
        let dead = Situation {
            alive: false,
            ..situation(0, me)
        };
        let tired = Situation {
            ready: false,
            ..situation(1, me)
        };
        assert_eq!(mind.decide(dead, victim).attack, None);
        assert_eq!(mind.decide(tired, victim).attack, None);
        assert_eq!(
            mind.decide(situation(2, me), victim).attack,
            Some(EntityId(9))
        );
        assert_eq!(mind.decide(situation(3, me), victim).attack, None);
        let later = situation(2 + BLOW_TICKS_MAX, me);
        assert_eq!(mind.decide(later, victim).attack, Some(EntityId(9)));
    }
}
