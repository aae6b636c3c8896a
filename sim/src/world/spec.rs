//! What a world is made from, and why one cannot be made or stepped.

use std::sync::Arc;

use bluemarble_shared_protocol::Tick;
use bluemarble_spatial::mix::hash_bytes;
use bluemarble_spatial::{Planet, ZoneMap};

use super::RULES_VERSION;
use crate::checkpoint::BadCheckpoint;
use crate::content::{Scenario, Spot, Stress};

/// Everything a world is made from.
#[derive(Clone, Debug)]
pub struct WorldSpec {
    /// The scenario.
    pub scenario: Scenario,
    /// Its planet.
    pub planet: Arc<Planet>,
    /// Ticks per second, 10 ..= 120.
    pub tick_hz: u32,
    /// Seed of every draw.
    pub seed: u64,
    /// How many zones to cut the planet into, 1 ..= [`ZoneMap::ZONES_MAX`].
    pub zones: usize,
}

impl WorldSpec {
    /// The slowest clock, ticks per second.
    pub const TICK_HZ_MIN: u32 = 10;
    /// The fastest.
    pub const TICK_HZ_MAX: u32 = 120;

    /// Identifies what a log was written by: rules, scenario, planet, seed and tick rate, but not
    /// the number of zones, which shows nowhere.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        bluemarble_shared_protocol::hash_words([
            u64::from(RULES_VERSION),
            self.scenario_hash(),
            self.planet.content_hash(),
            self.seed,
            u64::from(self.tick_hz),
        ])
    }

    /// Identifies the scenario, the kinds in it included.
    pub(crate) fn scenario_hash(&self) -> u64 {
        // What only says how to cut the world shows nowhere, so it may change under a log.
        let scenario = Scenario {
            zones: 1,
            expected_players: 0,
            stress: Stress::default(),
            ..self.scenario.clone()
        };
        hash_bytes(0, &bluemarble_shared_protocol::binary::encode(&scenario))
    }

    pub(crate) fn check(&self) -> Result<(), WorldError> {
        if !(Self::TICK_HZ_MIN..=Self::TICK_HZ_MAX).contains(&self.tick_hz) {
            return Err(WorldError::Spec(format!(
                "tick_hz is {}, must be {}..={}",
                self.tick_hz,
                Self::TICK_HZ_MIN,
                Self::TICK_HZ_MAX
            )));
        }
        if !(1..=ZoneMap::ZONES_MAX).contains(&self.zones) {
            return Err(WorldError::Spec(format!(
                "zones is {}, must be 1..={}",
                self.zones,
                ZoneMap::ZONES_MAX
            )));
        }
        if self.planet.name() != self.scenario.planet && self.planet.name() != "smooth" {
            return Err(WorldError::Spec(format!(
                "scenario '{}' plays on '{}', not on '{}'",
                self.scenario.name,
                self.scenario.planet,
                self.planet.name()
            )));
        }
        if let Some(problem) = self.scenario.misplaced() {
            return Err(WorldError::Spec(problem));
        }
        if self.scenario.needs_recording() && self.scenario.recording.is_none() {
            return Err(WorldError::Spec(format!(
                "scenario '{}' walks after recorded people: give a recording with --trajectories FILE",
                self.scenario.name
            )));
        }
        self.check_camps()
    }

    /// A camp at settlements that the planet does not have would be silently empty.
    fn check_camps(&self) -> Result<(), WorldError> {
        let known = self.planet.settlements().len();
        for camp in &self.scenario.camps {
            if let Spot::Settlements { first, count } = camp.at
                && first.saturating_add(count) > known
            {
                return Err(WorldError::Spec(format!(
                    "a camp of '{}' lies at settlements {first}..{}, but '{}' has {known}",
                    camp.kind,
                    first.saturating_add(count),
                    self.planet.name(),
                )));
            }
        }
        Ok(())
    }
}

/// Why a world cannot be made or stepped.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The specification is impossible.
    #[error("{0}")]
    Spec(String),
    /// A checkpoint that is not one of this world.
    #[error("checkpoint of tick {tick}: {problem}")]
    Checkpoint {
        /// Its tick.
        tick: Tick,
        /// What is wrong with it.
        #[source]
        problem: BadCheckpoint,
    },
    /// Inputs of another tick than the next.
    #[error("inputs of tick {given} given to a world at tick {at}")]
    WrongTick {
        /// Where the world is.
        at: Tick,
        /// Whose inputs came.
        given: Tick,
    },
}
