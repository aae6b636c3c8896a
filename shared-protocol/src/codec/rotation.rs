//! How a body is turned, in integers: the smallest three components of its quaternion, and how a
//! rotation goes on.
//!
//! A rotation is the unit quaternion (x, y, z, w) whose greatest component is left out: its square is
//! what the others leave of 1, and it is positive, since q and −q are the same rotation. What a body
//! turned between two states it goes on turning, about the same axis: the quaternion of that is scaled
//! as a Gibbs vector, the tangent of half the angle, with the first term of what makes tangents of
//! multiples exact enough.

use serde::{Deserialize, Serialize};

/// Greatest value of a component; it stands for 1/√2, which no component but the greatest exceeds.
pub const COMPONENT_MAX: i16 = 511;
/// The square of 1 in a rotation's units, 511·√2.
const ONE_SQUARED: i64 = 2 * 511 * 511;
/// 511·√2 · 64.
const ONE_64THS: i64 = 46_250;
/// Bits behind the point in which rotations are computed.
const FINE_BITS: u32 = 4;
/// Bits behind the point of tangents.
const TANGENT_BITS: u32 = 14;
/// How many times what it last turned a body is expected to turn at most, 256ths.
const TIMES_256_MAX: i64 = 640;

/// The greatest component's place (0 x, 1 y, 2 z, 3 w), and the other three in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    largest: u8,
    parts: [i16; 3],
}

impl Default for Rotation {
    /// Not turned.
    fn default() -> Self {
        Self {
            largest: 3,
            parts: [0; 3],
        }
    }
}

impl Rotation {
    /// From its parts, which stand for n / (511·√2); `None` if they are no rotation: a place above 3, a
    /// component beyond ±511, or nothing left for the greatest one.
    #[must_use]
    pub fn new(largest: u8, parts: [i16; 3]) -> Option<Self> {
        let in_range = |part: &i16| part.unsigned_abs() <= COMPONENT_MAX.unsigned_abs();
        let squares: i64 = parts.iter().map(|&part| i64::from(part).pow(2)).sum();
        (largest < 4 && parts.iter().all(in_range) && squares <= ONE_SQUARED)
            .then_some(Self { largest, parts })
    }

    /// The greatest component's place.
    #[must_use]
    pub fn largest(self) -> u8 {
        self.largest
    }

    /// The others.
    #[must_use]
    pub fn parts(self) -> [i16; 3] {
        self.parts
    }

    /// All four components in sixteenths of its units.
    fn fine(self) -> [i64; 4] {
        let mut whole = [0; 4];
        let mut left = ONE_SQUARED << (2 * FINE_BITS);
        for (&part, place) in self.parts.iter().zip(others(self.largest)) {
            let fine = i64::from(part) << FINE_BITS;
            whole[place] = fine;
            left -= fine * fine;
        }
        whole[usize::from(self.largest)] = square_root(left);
        whole
    }
}

/// The places of the three components that are not the greatest.
pub(super) fn others(largest: u8) -> [usize; 3] {
    match largest {
        0 => [1, 2, 3],
        1 => [0, 2, 3],
        2 => [0, 1, 3],
        _ => [0, 1, 2],
    }
}

/// A rotation that is expected, of any length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected([i64; 4]);

impl Expected {
    /// That of `now`, which was `before` so many quarter ticks earlier, so many quarter ticks later. Who
    /// turned by more than half a turn about some axis is expected to stay.
    pub(super) fn going_on(
        before: Rotation,
        earlier_by: i64,
        now: Rotation,
        later_by: i64,
    ) -> Self {
        let [a, b] = [before.fine(), now.fine()];
        let turned = product(b, [-a[0], -a[1], -a[2], a[3]]);
        let turned = if turned[3] < 0 {
            turned.map(|component| -component)
        } else {
            turned
        };
        let [x, y, z, w] = turned;
        if earlier_by <= 0 || x.abs().max(y.abs()).max(z.abs()) > w {
            return Self::staying(now);
        }
        let tangent = [x, y, z].map(|component| (component << TANGENT_BITS).div_euclid(w));
        let times = (256 * later_by.max(0) / earlier_by).min(TIMES_256_MAX);
        let squared: i64 = tangent.iter().map(|t| t * t).sum::<i64>() >> TANGENT_BITS;
        // tan(n·x) = n·tan(x) · (1 + (n² − 1)/3 · tan²(x) + …)
        let bent = 65_536 + ((times * times - 65_536) * squared).div_euclid(3 << TANGENT_BITS);
        let [x, y, z] = tangent.map(|t| (t * times * bent + (1 << 23)) >> 24);
        let further = product([x, y, z, 1 << TANGENT_BITS], b);
        Self(further.map(|component| (component + 128) >> 8))
    }

    /// No other than now.
    pub(super) fn staying(now: Rotation) -> Self {
        Self(now.fine().map(|component| component << 8))
    }

    /// Its greatest component's place; of several, the first.
    pub(super) fn largest(&self) -> u8 {
        let mut largest = 0;
        for place in 1..4 {
            if self.0[place].abs() > self.0[largest].abs() {
                largest = place;
            }
        }
        largest as u8
    }

    /// The three components but the one at `largest`, in a rotation's units.
    pub(super) fn parts(&self, largest: u8) -> [i32; 3] {
        let length = square_root(self.0.iter().map(|c| c * c).sum()).max(1);
        let sign = if self.0[usize::from(largest)] < 0 {
            -1
        } else {
            1
        };
        others(largest).map(|place| {
            let scaled = 2 * sign * self.0[place] * ONE_64THS + 64 * length;
            scaled.div_euclid(128 * length) as i32
        })
    }

    /// The rotation nearest to it.
    pub(super) fn rounded(&self) -> Rotation {
        let largest = self.largest();
        let max = i32::from(COMPONENT_MAX);
        let parts = self.parts(largest).map(|part| part.clamp(-max, max) as i16);
        Rotation { largest, parts }
    }
}

/// The quaternion product a·b, components (x, y, z, w).
fn product(a: [i64; 4], b: [i64; 4]) -> [i64; 4] {
    let ([ax, ay, az, aw], [bx, by, bz, bw]) = (a, b);
    [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    ]
}

/// The greatest integer whose square is not above `square`; 0 for negative ones.
fn square_root(square: i64) -> i64 {
    if square <= 0 { 0 } else { square.isqrt() }
}

#[cfg(test)]
mod tests {
    use super::super::quantise;
    use super::super::testing::Dice;
    use super::*;
    use glam::{DQuat, DVec3};

    fn axis(dice: &mut Dice) -> DVec3 {
        let mut component = || f64::from(dice.word() as i32);
        DVec3::new(component(), component(), component()).normalize()
    }

    #[test]
    fn what_turns_steadily_is_where_it_is_expected_to_a_few_units() {
        for seed in 0..5_000 {
            let mut dice = Dice(seed);
            let start = DQuat::from_axis_angle(axis(&mut dice), f64::from(dice.below(600)) / 100.0);
            let about = axis(&mut dice);
            let turn = |ticks: f64| DQuat::from_axis_angle(about, 0.03 * ticks) * start;
            let (before, now) = (quantise::rotation(turn(0.0)), quantise::rotation(turn(8.0)));
            let later = f64::from(1 + dice.below(16));
            let then = quantise::rotation(turn(8.0 + later));
            let expected = Expected::going_on(before, 8, now, later as i64);
            for (a, b) in expected.parts(then.largest()).into_iter().zip(then.parts()) {
                assert!((a - i32::from(b)).abs() <= 6, "seed {seed}: {a} {b}");
            }
        }
    }

    #[test]
    fn what_stays_is_expected_to_stay_exactly() {
        for seed in 0..5_000 {
            let mut dice = Dice(seed);
            let now = dice.rotation();
            for expected in [
                Expected::staying(now),
                Expected::going_on(now, 4, now, 1 + i64::from(dice.below(1_024))),
            ] {
                let parts = expected.parts(now.largest());
                assert_eq!(parts, now.parts().map(i32::from), "seed {seed}");
            }
        }
    }

    #[test]
    fn any_two_rotations_and_times_give_some_rotation() {
        for seed in 0..20_000 {
            let mut dice = Dice(seed);
            let (before, now) = (dice.rotation(), dice.rotation());
            let (earlier, later) = (i64::from(dice.below(2_000)), i64::from(dice.below(2_000)));
            let rounded = Expected::going_on(before, earlier, now, later).rounded();
            assert!(Rotation::new(rounded.largest(), rounded.parts()).is_some());
        }
    }

    #[test]
    fn what_is_no_rotation_is_refused() {
        assert_eq!(Rotation::new(4, [0; 3]), None);
        assert_eq!(Rotation::new(0, [512, 0, 0]), None);
        assert_eq!(Rotation::new(0, [511, 511, 1]), None);
        assert!(Rotation::new(0, [511, 511, 0]).is_some());
    }
}
