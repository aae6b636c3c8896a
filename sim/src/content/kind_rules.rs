//! A kind in the units of the tick: what the rules ask, without asking the content again.

use bluemarble_motion::Mover;
use bluemarble_shared_protocol::AssetId;

use super::kind::{Kind, KindId};
use super::role::Role;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct KindRules {
    pub mover: Mover,
    pub role: RoleRules,
    pub faction: u8,
    pub health: u16,
    pub reach_m: f64,
    pub damage: (u16, u16),
    pub cooldown_ticks: u64,
    pub shot: Option<ShotRules>,
    pub burst: Option<BurstRules>,
    /// What it has when it is born and whenever it returns: so many of these.
    pub coins: u64,
    /// Coins, but of an item that holds things.
    pub asset: AssetId,
    pub sight_m: f64,
    pub roam_m: f64,
    pub respawn_ticks: u64,
    pub rest_ticks: u64,
}

/// [`Role`], resolved.
#[derive(Clone, Debug)]
pub(crate) enum RoleRules {
    Creature,
    Projectile(ProjectileRules),
    Hazard(HazardRules),
    Item,
}

#[derive(Clone, Debug)]
pub(crate) struct ProjectileRules {
    pub speed_mps: f64,
    pub life_ticks: u64,
    pub homing: bool,
    pub damage: (u16, u16),
    pub blast_m: f64,
    pub leaves: Option<KindId>,
}

#[derive(Clone, Debug)]
pub(crate) struct HazardRules {
    pub reach_m: f64,
    pub damage: (u16, u16),
    pub every_ticks: u64,
    pub life_ticks: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct ShotRules {
    pub kind: KindId,
    pub range_m: f64,
    pub cooldown_ticks: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct BurstRules {
    pub radius_m: f64,
    pub damage: (u16, u16),
}

impl KindRules {
    /// `names` are the file stems of the scenario's kinds, in order.
    pub(crate) fn new(kind: &Kind, names: &[String], tick_hz: u32) -> Self {
        let ticks = |seconds: f64| ((seconds * f64::from(tick_hz)).round() as u64).clamp(1, 72_000);
        let named = |name: &str| {
            let number = names.iter().position(|known| known == name);
            KindId(number.expect("a loaded scenario lists every kind that another names") as u16)
        };
        let shot = kind.shot.as_ref().map(|shot| ShotRules {
            kind: named(&shot.kind),
            range_m: shot.range_m,
            cooldown_ticks: ticks(shot.cooldown_s),
        });
        let burst = kind.burst.as_ref().map(|burst| BurstRules {
            radius_m: burst.radius_m,
            damage: burst.damage,
        });
        let (role, coins) = match &kind.role {
            Role::Creature => (RoleRules::Creature, kind.coins),
            Role::Item { coins, things } => {
                let count = things.as_ref().map_or(*coins, |find| find.count);
                (RoleRules::Item, count)
            }
            Role::Projectile {
                speed_mps,
                life_s,
                homing,
                damage,
                blast_m,
                leaves,
            } => {
                let flies = ProjectileRules {
                    speed_mps: *speed_mps,
                    life_ticks: ticks(*life_s),
                    homing: *homing,
                    damage: *damage,
                    blast_m: *blast_m,
                    leaves: leaves.as_deref().map(named),
                };
                (RoleRules::Projectile(flies), 0)
            }
            Role::Hazard {
                reach_m,
                damage,
                every_s,
                life_s,
            } => {
                let harms = HazardRules {
                    reach_m: *reach_m,
                    damage: *damage,
                    every_ticks: ticks(*every_s),
                    life_ticks: ticks(*life_s),
                };
                (RoleRules::Hazard(harms), 0)
            }
        };
        Self {
            mover: kind.mover,
            role,
            faction: kind.faction,
            health: kind.health,
            reach_m: kind.attack.reach_m,
            damage: kind.attack.damage,
            cooldown_ticks: ticks(kind.attack.cooldown_s),
            shot,
            burst,
            coins: u64::from(coins),
            asset: AssetId(kind.find().map_or(0, |find| find.asset)),
            sight_m: kind.sight_m,
            roam_m: kind.roam_m,
            respawn_ticks: ticks(kind.respawn_s),
            rest_ticks: ticks(kind.rest_s),
        }
    }

    /// Whether it has a body that others can touch, see as a foe and strike.
    pub(crate) fn is_creature(&self) -> bool {
        matches!(self.role, RoleRules::Creature)
    }

    pub(crate) fn is_item(&self) -> bool {
        matches!(self.role, RoleRules::Item)
    }

    pub(crate) fn projectile(&self) -> Option<&ProjectileRules> {
        match &self.role {
            RoleRules::Projectile(flies) => Some(flies),
            _ => None,
        }
    }

    pub(crate) fn hazard(&self) -> Option<&HazardRules> {
        match &self.role {
            RoleRules::Hazard(harms) => Some(harms),
            _ => None,
        }
    }
}
