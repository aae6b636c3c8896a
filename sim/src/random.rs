//! Random numbers without a generator: `hash(seed, entity, tick, purpose)`. Nothing is drawn in
//! an order, so no order of stepping can change what anybody draws.

use bluemarble_shared_protocol::{EntityId, Tick, hash_words};

/// What a number is drawn for, so that two draws of one entity in one tick are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// Distance from the middle of a camp.
    PlaceDistance = 1,
    /// Direction from the middle of a camp.
    PlaceBearing = 2,
    /// Where a wanderer goes next.
    WanderDistance = 3,
    /// The direction of the same.
    WanderBearing = 4,
    /// When it thinks again.
    Rest = 5,
    /// How hard a blow lands.
    Damage = 6,
    /// What a scripted avatar does.
    Script = 7,
    /// The same, for its direction.
    ScriptBearing = 8,
    /// How hard a death's burst hits.
    Burst = 9,
}

/// One draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64, entity: EntityId, tick: Tick, purpose: Purpose) -> Self {
        Self(hash_words([seed, entity.0, tick.0, purpose as u64]))
    }

    /// Uniform in 0.0 ..< 1.0, exact to 2^-53.
    pub(crate) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in `least..=most`.
    pub(crate) fn among(self, (least, most): (u16, u16)) -> u16 {
        least + self.below(u64::from(most - least) + 1) as u16
    }

    /// Uniform in `0..bound`; 0 for an empty range. The bias is below `bound / 2^64`.
    pub(crate) fn below(self, bound: u64) -> u64 {
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_enough_and_differ_by_every_argument() {
        let draw =
            |seed, entity, tick, purpose| Draw::new(seed, EntityId(entity), Tick(tick), purpose);
        let mean = (0..10_000)
            .map(|i| draw(1, i, 7, Purpose::Rest).unit())
            .sum::<f64>()
            / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let base = draw(1, 2, 3, Purpose::Rest).0;
        assert_ne!(base, draw(2, 2, 3, Purpose::Rest).0);
        assert_ne!(base, draw(1, 3, 3, Purpose::Rest).0);
        assert_ne!(base, draw(1, 2, 4, Purpose::Rest).0);
        assert_ne!(base, draw(1, 2, 3, Purpose::Damage).0);
        assert!((0..1_000).all(|i| draw(9, i, 0, Purpose::Damage).below(6) < 6));
    }
}
