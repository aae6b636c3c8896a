//! Scripted avatars: how many, and what they do. A script stands for players: it only ever gives
//! intents, which are sealed like theirs, so a replay needs no script.

use serde::{Deserialize, Serialize};

/// Scripted avatars that do the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Troop {
    /// How many.
    pub count: u32,
    /// What they do.
    pub script: Script,
}

/// What a scripted avatar does. All of them begin around the first square, like any player.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Script {
    /// Walks to and fro around the first square, and strikes whoever is within reach.
    Roam,
    /// Goes round the pole nearest to the first square, half of them each way.
    CirclePole {
        /// How far from the pole, metres.
        radius_m: f64,
    },
    /// Crosses the first square's border back and forth, every tick if nobody is in the way.
    Shuttle,
    /// Squeezes through the middle of the first square's border to the other side, and back again.
    Press {
        /// How far beyond the border, metres.
        beyond_m: f64,
        /// Seconds from turning round to turning round.
        every_s: f64,
    },
    /// Runs after the nearest foe and strikes it; back to the first square when there is none.
    Chase {
        /// How far it looks, metres.
        sight_m: f64,
    },
    /// Runs from the nearest foe, round and round the first square.
    Flee {
        /// How far it looks, metres.
        sight_m: f64,
        /// How far from the square it runs, metres.
        within_m: f64,
    },
    /// Goes for an item near the first square, the same as all others do, then for another.
    Collect {
        /// How far from the square's middle it looks for items, metres.
        sight_m: f64,
        /// How long it stays with one, seconds.
        every_s: f64,
    },
    /// Walks where people once walked: a recording, given when the scenario is run.
    Recorded,
}

impl Script {
    /// What its avatars are called: `<this>-<number>`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Roam => "roam",
            Self::CirclePole { .. } => "circle",
            Self::Shuttle => "shuttle",
            Self::Press { .. } => "press",
            Self::Chase { .. } => "chase",
            Self::Flee { .. } => "flee",
            Self::Collect { .. } => "collect",
            Self::Recorded => "recorded",
        }
    }

    /// What is wrong with it, if anything; `interaction_m` is how far anybody may see.
    pub(super) fn fault(&self, interaction_m: f64) -> Option<String> {
        let between = |field: &str, value: f64, least: f64, most: f64| {
            (!(least..=most).contains(&value)).then(|| {
                format!(
                    "a troop's {field} is {value}; for {} it must be {least} ..= {most}",
                    self.label()
                )
            })
        };
        match *self {
            Self::Roam | Self::Shuttle | Self::Recorded => None,
            Self::CirclePole { radius_m } => between("radius_m", radius_m, 1.0, 10_000.0),
            Self::Press { beyond_m, every_s } => between("beyond_m", beyond_m, 1.0, 1_000.0)
                .or_else(|| between("every_s", every_s, 1.0, 3_600.0)),
            Self::Chase { sight_m } => between("sight_m", sight_m, 1.0, interaction_m),
            Self::Collect { sight_m, every_s } => between("sight_m", sight_m, 1.0, interaction_m)
                .or_else(|| between("every_s", every_s, 1.0, 3_600.0)),
            Self::Flee { sight_m, within_m } => between("sight_m", sight_m, 1.0, interaction_m)
                .or_else(|| between("within_m", within_m, 1.0, 10_000.0)),
        }
    }
}

/// What must at least happen in 1,000 ticks when the squares' borders are cut, so that a scenario
/// stresses what it says it does: equal digests of a world where nothing happens at its borders
/// prove nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stress {
    /// Touching bodies in two zones.
    pub contacts_cross: u64,
    /// Blows struck across a border.
    pub hits_cross: u64,
    /// Entities handed from one zone to another.
    pub handoffs: u64,
    /// Deaths by a blow, anywhere.
    pub kills: u64,
    /// Shots that met a body in another zone.
    pub shots_hit_cross: u64,
    /// Harm done by blasts and hazards over a border.
    pub areas_cross: u64,
    /// Takers of an item who were told that somebody else had been first.
    pub too_late: u64,
}
