//! When a balancer acts and how much it may do.

use serde::{Deserialize, Serialize};

/// How many zones a balancer aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Target {
    /// Always so many, however much there is to do: one for each server or core.
    Zones(usize),
    /// As many as it takes for each to have at most so much load.
    LoadMax(u64),
}

/// When a balancer acts and how much it may do. The defaults are for a world of a hundred zones
/// looked at every few seconds. With a constant load the busiest of 96 zones then comes to rest at
/// 1.23 to 1.28 times the mean; behind a crowd of seven zones' load that wanders a degree a
/// proposal it is at worst 2.9 times, and each proposal moves 1.6 % of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceRules {
    /// How many zones there shall be.
    pub target: Target,
    /// A zone is relieved when its load is above so many thousandths of the norm: the mean zone,
    /// or what [`Target::LoadMax`] allows.
    pub act_above_permille: u64,
    /// Zones that are changed end at or below so many thousandths of the norm, if they can. The
    /// gap to `act_above_permille` is how much load must change before they are touched again.
    pub settle_at_permille: u64,
    /// Two neighbours become one when they have together at most so many thousandths of the norm
    /// (only with [`Target::LoadMax`]).
    pub merge_below_permille: u64,
    /// A relief that cannot settle must at least take so many thousandths off the busiest zone
    /// it touches.
    pub gain_permille: u64,
    /// For so many proposals after one a boundary that it made or moved stays, and where it took
    /// one away none comes back.
    pub cool_down: u64,
    /// Most changes of one proposal.
    pub changes_max: usize,
    /// A zone of at most so much load is never relieved: it is no trouble.
    pub load_floor: u64,
}

/// Rules under which a balancer would churn or do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// Thresholds in the wrong order.
    #[error(
        "thresholds must rise: merge_below_permille < settle_at_permille < act_above_permille, \
         and settle_at_permille ≥ 1000 with a number of zones; no more than 1000000"
    )]
    Thresholds,
    /// Gain out of range.
    #[error("gain_permille must be 1 to 500, not {0}")]
    Gain(u64),
    /// Too few changes for any proposal.
    #[error("changes_max must be 2 to {most}, not {0}", most = super::ZoneMap::ZONES_MAX)]
    Changes(usize),
    /// No zones, too many, or none of any load.
    #[error("the target must be 1 to {most} zones, or a load above 0", most = super::ZoneMap::ZONES_MAX)]
    Target,
}

impl BalanceRules {
    /// The defaults for a target.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            act_above_permille: match target {
                Target::Zones(_) => 1_250,
                Target::LoadMax(_) => 1_000,
            },
            settle_at_permille: match target {
                Target::Zones(_) => 1_100,
                Target::LoadMax(_) => 800,
            },
            merge_below_permille: 400,
            gain_permille: 40,
            cool_down: 3,
            changes_max: 8,
            load_floor: 100,
        }
    }

    /// # Errors
    /// [`BadRules`] that says which.
    pub(super) fn check(&self) -> Result<(), BadRules> {
        let most = super::ZoneMap::ZONES_MAX;
        let (is_target, settle_min) = match self.target {
            Target::Zones(zones) => ((1..=most).contains(&zones), 1_000),
            Target::LoadMax(load) => (load > 0, 1),
        };
        let (merge, settle) = (self.merge_below_permille, self.settle_at_permille);
        let act = self.act_above_permille;
        if !is_target {
            Err(BadRules::Target)
        } else if merge >= settle || settle >= act || settle < settle_min || act > 1_000_000 {
            Err(BadRules::Thresholds)
        } else if !(1..=500).contains(&self.gain_permille) {
            Err(BadRules::Gain(self.gain_permille))
        } else if !(2..=most).contains(&self.changes_max) {
            Err(BadRules::Changes(self.changes_max))
        } else {
            Ok(())
        }
    }
}
