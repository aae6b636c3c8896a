//! How far clients see and how often what they see is sent, as the overload ladder stands.

use bluemarble_shared_protocol::Strain;

use crate::server::hub_config::Interest;

/// So many times less often the far band comes on the first step: at 20 ticks a second and the usual
/// two ticks still more than three times a second, which a client's eye can bridge.
const FAR_RARER: u32 = 3;
/// Every so many ticks the near band comes on the second step: half as much to encode and send, and
/// at 20 ticks a second still every tenth of one.
const NEAR_PERIOD: u32 = 2;

/// What is in force this tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bands {
    /// Nearer than this one comes into view, metres.
    pub(crate) enter_m: f64,
    /// Farther than this one leaves it, metres.
    pub(crate) exit_m: f64,
    /// What changes within half of `enter_m` is sent every so many ticks.
    pub(crate) near_period: u64,
    /// What changes beyond, every so many.
    pub(crate) far_period: u64,
}

impl Bands {
    pub(crate) fn new(interest: &Interest, strain: Strain) -> Self {
        let level = strain.level();
        let far = interest.far_period_ticks.max(1);
        let far = if level >= Strain::FAR_LESS_OFTEN {
            far * FAR_RARER
        } else {
            far
        };
        let near = if level >= Strain::NEAR_LESS_OFTEN {
            NEAR_PERIOD
        } else {
            1
        };
        Self {
            enter_m: interest.enter_m * strain.radius_share(),
            exit_m: interest.exit_m * strain.radius_share(),
            near_period: u64::from(near),
            far_period: u64::from(far),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_keeps_what_those_before_it_took() {
        let at = |level| Bands::new(&Interest::default(), Strain::new(level, 0));
        let periods = |level| {
            (
                at(level).near_period,
                at(level).far_period,
                at(level).enter_m,
            )
        };
        assert_eq!(periods(0), (1, 2, 100.0));
        assert_eq!(periods(1), (1, 6, 100.0));
        assert_eq!(periods(2), (2, 6, 100.0));
        for level in 3..=6 {
            assert_eq!(periods(level), (2, 6, 60.0));
            assert!(at(level).exit_m > at(level).enter_m, "the hysteresis stays");
        }
    }
}
