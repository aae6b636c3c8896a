//! What a kind is beside a creature: something that flies, something that burns, something to take.
//! And the ways a creature brings such things about.

use serde::{Deserialize, Serialize};

use crate::lore::LoreInner;

/// Longest flight or fire, seconds.
const LIFE_S_MAX: f64 = 600.0;
/// Furthest a projectile flies, metres: it stays in the air that bodies are stored in.
const FLIGHT_M_MAX: f64 = 1_000.0;
/// Least time between two shots, seconds.
const SHOT_COOLDOWN_S_MIN: f64 = 0.1;
/// Most shots of one fighter in the air at a time: so many fighters, so many projectiles.
const SHOTS_ALOFT_MAX: f64 = 64.0;
/// Least time between two harms of a hazard, seconds.
const EVERY_S_MIN: f64 = 0.1;

/// What sort of thing a kind is.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Role {
    /// It walks, thinks or is played, fights, dies and returns.
    #[default]
    Creature,
    /// It flies straight, or after somebody, and hits the first body of another faction on its way.
    /// Ground and obstacles stop it.
    Projectile {
        /// Metres per second. At most 10 m a tick at the slowest clock: further, and it could pass
        /// whom it should have met.
        speed_mps: f64,
        /// Seconds until it falls out of the air.
        life_s: f64,
        /// Whether it turns after its target, every tick, for as long as that is near and lives.
        #[serde(default)]
        homing: bool,
        /// Least and most hit points it takes.
        damage: (u16, u16),
        /// If not 0, it bursts where it ends, and harms all of other factions within so many metres.
        #[serde(default)]
        blast_m: f64,
        /// File stem of the hazard it leaves where it ends.
        #[serde(default)]
        leaves: Option<String>,
    },
    /// It stays where it is and harms all of other factions who stand in it.
    Hazard {
        /// How far from its middle one stands in it, metres.
        reach_m: f64,
        /// Least and most hit points it takes each time.
        damage: (u16, u16),
        /// Seconds from one time to the next.
        every_s: f64,
        /// Seconds until it ends.
        life_s: f64,
    },
    /// It lies there until somebody takes what it holds; after `respawn_s` it is filled again.
    Item {
        /// The coins it holds, if it holds coins.
        #[serde(default)]
        coins: u32,
        /// The things it holds, if it holds those.
        #[serde(default)]
        things: Option<Find>,
    },
}

/// So many things of one sort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The sort's number, 1 ..= 255, in worlds of this scenario for ever: inventories are kept by it.
    pub asset: u8,
    /// What people call it.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// A fighter's attack at a distance: used for what is beyond the reach of its blow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shot {
    /// File stem of the projectile's kind.
    pub kind: String,
    /// Furthest target, metres.
    pub range_m: f64,
    /// Seconds from one shot to the next.
    pub cooldown_s: f64,
}

/// What a creature's death does to everybody around, friend or foe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// How far, metres.
    pub radius_m: f64,
    /// Least and most hit points it takes.
    pub damage: (u16, u16),
}

impl Role {
    /// The name designers know it by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Creature => "Creature",
            Self::Projectile { .. } => "Projectile",
            Self::Hazard { .. } => "Hazard",
            Self::Item { .. } => "Item",
        }
    }

    /// What is wrong with it; see [`super::Kind::fault`].
    pub(super) fn fault(&self, interaction_m: f64) -> Option<String> {
        match *self {
            Self::Creature | Self::Item { .. } => None,
            Self::Projectile {
                speed_mps,
                life_s,
                damage,
                blast_m,
                ..
            } => {
                let fastest_mps = LoreInner::MARGIN_M * f64::from(crate::WorldSpec::TICK_HZ_MIN);
                within("role.speed_mps", speed_mps, 0.1, fastest_mps)
                    .map(|problem| {
                        format!(
                            "{problem}: at {} Hz a faster one would pass {} m in a tick, which is \
                             as far as neighbours are looked for",
                            crate::WorldSpec::TICK_HZ_MIN,
                            LoreInner::MARGIN_M
                        )
                    })
                    .or_else(|| within("role.life_s", life_s, 0.05, LIFE_S_MAX))
                    .or_else(|| {
                        (speed_mps * life_s > FLIGHT_M_MAX).then(|| {
                            format!(
                                "it flies {} m (role.speed_mps times role.life_s); at most \
                                 {FLIGHT_M_MAX} m are allowed",
                                speed_mps * life_s
                            )
                        })
                    })
                    .or_else(|| ordered("role.damage", damage))
                    .or_else(|| reaches("role.blast_m", blast_m, interaction_m))
            }
            Self::Hazard {
                reach_m,
                damage,
                every_s,
                life_s,
            } => reaches("role.reach_m", reach_m, interaction_m)
                .or_else(|| ordered("role.damage", damage))
                .or_else(|| within("role.every_s", every_s, EVERY_S_MIN, LIFE_S_MAX))
                .or_else(|| within("role.life_s", life_s, 0.05, LIFE_S_MAX)),
        }
    }
}

impl Shot {
    pub(super) fn fault(&self, interaction_m: f64) -> Option<String> {
        within("shot.cooldown_s", self.cooldown_s, SHOT_COOLDOWN_S_MIN, 1e6)
            .or_else(|| reaches("shot.range_m", self.range_m, interaction_m))
    }

    /// What is wrong with it together with what it shoots.
    pub(super) fn mismatch(&self, shot: &Role) -> Option<String> {
        let Role::Projectile { life_s, .. } = shot else {
            return Some(format!(
                "shot.kind is '{}', which is a {}: only a Projectile can be shot",
                self.kind,
                shot.name()
            ));
        };
        (life_s / self.cooldown_s > SHOTS_ALOFT_MAX).then(|| {
            format!(
                "with a shot every {} s, each in the air for up to {life_s} s, more than \
                 {SHOTS_ALOFT_MAX} would fly at a time: raise shot.cooldown_s or lower the \
                 life_s of '{}'",
                self.cooldown_s, self.kind
            )
        })
    }
}

impl Burst {
    pub(super) fn fault(&self, interaction_m: f64) -> Option<String> {
        reaches("burst.radius_m", self.radius_m, interaction_m)
            .or_else(|| ordered("burst.damage", self.damage))
    }
}

/// A number outside its bounds; NaN is outside of all.
fn within(field: &str, value: f64, low: f64, high: f64) -> Option<String> {
    let fine = (low..=high).contains(&value);
    (!fine).then(|| format!("{field} is {value}, but must be {low} ..= {high}"))
}

fn ordered(field: &str, (least, most): (u16, u16)) -> Option<String> {
    (least > most).then(|| format!("{field} must be (least, most)"))
}

/// A length that reaches beyond what is looked at, or is none.
fn reaches(field: &str, value: f64, interaction_m: f64) -> Option<String> {
    let fine = (0.0..=interaction_m).contains(&value);
    (!fine).then(|| {
        format!(
            "{field} is {value} m; it must be at least 0 and within the scenario's \
             interaction_radius_m of {interaction_m} m"
        )
    })
}
