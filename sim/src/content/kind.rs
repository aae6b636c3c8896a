//! A kind of creature: how it moves, fights and lives. One RON file each in `assets/creatures`.

use bluemarble_motion::Mover;
use serde::{Deserialize, Serialize};

/// Index of a kind in its scenario's list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct KindId(pub u16);

/// A kind as its file says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Shown on cards.
    pub name: String,
    /// Whom it fights: everybody of another faction.
    pub faction: u8,
    /// Body and gait.
    pub mover: Mover,
    /// Hit points when whole, 1 ..= 65,535.
    pub health: u16,
    /// Its one attack.
    pub attack: Attack,
    /// How far it looks for somebody to fight, metres.
    pub sight_m: f64,
    /// How far from home it wanders and hunts, metres.
    pub roam_m: f64,
    /// Seconds from death to life.
    pub respawn_s: f64,
    /// Mean seconds between two decisions.
    pub rest_s: f64,
}

/// A blow: whoever is within reach and in sight is hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// Between the two bodies' centres, metres.
    pub reach_m: f64,
    /// Least and most hit points a blow takes.
    pub damage: (u16, u16),
    /// Seconds from one blow to the next.
    pub cooldown_s: f64,
}

impl Kind {
    /// The widest body, metres: contacts are looked for this far beyond one's own radius.
    pub const RADIUS_M_MAX: f64 = 2.0;

    /// What is wrong with it, in words a designer can act on; `None` if nothing is.
    ///
    /// `interaction_m` is how far an entity may see or reach in one tick: what lies further is not
    /// looked for, so content that needs more would fail without a word. It is refused here.
    #[must_use]
    pub fn fault(&self, interaction_m: f64) -> Option<String> {
        if let Some(problem) = self.mover.problem() {
            return Some(format!("mover.{problem}"));
        }
        let finite = [
            ("sight_m", self.sight_m),
            ("roam_m", self.roam_m),
            ("respawn_s", self.respawn_s),
            ("rest_s", self.rest_s),
            ("attack.reach_m", self.attack.reach_m),
            ("attack.cooldown_s", self.attack.cooldown_s),
        ];
        for (field, value) in finite {
            if !(value.is_finite() && (0.0..=1e6).contains(&value)) {
                return Some(format!("{field} is {value}, but must be between 0 and 1e6"));
            }
        }
        if self.mover.radius_m > Self::RADIUS_M_MAX {
            return Some(format!(
                "mover.radius_m may be at most {} m",
                Self::RADIUS_M_MAX
            ));
        }
        if self.health == 0 {
            return Some("health is 0: it would be born dead".into());
        }
        if self.attack.damage.0 > self.attack.damage.1 {
            return Some("attack.damage must be (least, most)".into());
        }
        let furthest = [
            ("sight_m", self.sight_m),
            ("attack.reach_m", self.attack.reach_m),
            ("twice mover.radius_m", 2.0 * self.mover.radius_m),
        ];
        furthest.into_iter().find(|(_, value)| *value > interaction_m).map(|(field, value)| {
            format!("{field} is {value} m, beyond the scenario's interaction_radius_m of {interaction_m} m")
        })
    }
}

/// A kind in the units of the tick.
#[derive(Clone, Debug)]
pub(crate) struct KindRules {
    pub mover: Mover,
    pub faction: u8,
    pub health: u16,
    pub reach_m: f64,
    pub damage: (u16, u16),
    pub cooldown_ticks: u64,
    pub sight_m: f64,
    pub roam_m: f64,
    pub respawn_ticks: u64,
    pub rest_ticks: u64,
}

impl KindRules {
    pub(crate) fn new(kind: &Kind, tick_hz: u32) -> Self {
        let ticks = |seconds: f64| ((seconds * f64::from(tick_hz)).round() as u64).clamp(1, 60_000);
        Self {
            mover: kind.mover,
            faction: kind.faction,
            health: kind.health,
            reach_m: kind.attack.reach_m,
            damage: kind.attack.damage,
            cooldown_ticks: ticks(kind.attack.cooldown_s),
            sight_m: kind.sight_m,
            roam_m: kind.roam_m,
            respawn_ticks: ticks(kind.respawn_s),
            rest_ticks: ticks(kind.rest_s),
        }
    }
}
