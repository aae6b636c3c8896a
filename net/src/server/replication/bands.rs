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
    /// Every so many a client's datagrams are checked: about a second, and never in step with the bands,
    /// so that everybody's turn comes.
    pub(crate) check_period: u64,
}

impl Bands {
    pub(crate) fn new(interest: &Interest, strain: Strain, tick_hz: u32) -> Self {
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
            check_period: first_coprime(u64::from(tick_hz), u64::from(near) * u64::from(far)),
        }
    }
}

/// The first number from `from` on that has no divisor in common with `other`.
fn first_coprime(from: u64, other: u64) -> u64 {
    let mut number = from.max(1);
    while common_divisor(number, other) != 1 {
        number += 1;
    }
    number
}

/// The greatest one (Euclid, Elements, book VII).
fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_keeps_what_those_before_it_took() {
        let at = |level| Bands::new(&Interest::default(), Strain::new(level, 0), 20);
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

    #[test]
    fn checks_meet_every_turn_of_every_band() {
        for far_period_ticks in 1..=12 {
            for level in 0..=3 {
                let interest = Interest {
                    far_period_ticks,
                    ..Interest::default()
                };
                let bands = Bands::new(&interest, Strain::new(level, 0), 20);
                assert!((20..30).contains(&bands.check_period), "{bands:?}");
                for period in [bands.near_period, bands.far_period] {
                    let turns = (0..period).map(|n| n * bands.check_period % period);
                    let turns: std::collections::BTreeSet<u64> = turns.collect();
                    assert_eq!(turns.len() as u64, period, "{bands:?}");
                }
            }
        }
    }
}
