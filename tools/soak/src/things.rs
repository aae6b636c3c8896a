//! Random kinds that are no creatures: what is shot, what burns, what can be taken. And which of a
//! case's creatures bring them about.

use bluemarble_sim::{Burst, Find, Kind, Role, Shot};

use crate::dice::Dice;

/// Below this interaction radius no projectile could see the tallest creature it may meet, metres.
const ROOM_FOR_SHOTS_M: f64 = 10.0;

/// A case's kinds, numbered as they are named.
pub struct Cast {
    /// Creatures first, the avatars' kind before all.
    pub kinds: Vec<Kind>,
    /// Those that camps may have and operators may summon.
    pub placeable: Vec<usize>,
}

/// The name of a case's n-th kind.
#[must_use]
pub fn name(n: usize) -> String {
    format!("kind-{n}")
}

/// These creatures, armed and paid, with the things they bring about and some to take.
pub fn cast(dice: &mut Dice, mut kinds: Vec<Kind>, interaction_m: f64) -> Cast {
    let thing = Kind {
        shot: None,
        burst: None,
        coins: 0,
        ..kinds[0].clone()
    };
    let creatures = kinds.len();
    for kind in &mut kinds {
        kind.coins = dice.up_to(30) as u32;
        if dice.chance(150) {
            kind.burst = Some(Burst {
                radius_m: dice.between(0.5, interaction_m.min(15.0)),
                damage: damage(dice, 20),
            });
        }
    }
    if interaction_m >= ROOM_FOR_SHOTS_M {
        let fire = dice.chance(600).then(|| {
            kinds.push(hazard(dice, &thing, interaction_m));
            name(kinds.len() - 1)
        });
        for _ in 0..dice.up_to(2) {
            let leaves = fire.clone().filter(|_| dice.chance(600));
            kinds.push(projectile(dice, &thing, interaction_m, leaves));
            let shot = name(kinds.len() - 1);
            for kind in &mut kinds[..creatures] {
                if dice.chance(400) {
                    kind.shot = Some(Shot {
                        kind: shot.clone(),
                        range_m: dice.between(2.0, interaction_m),
                        cooldown_s: dice.between(0.8, 4.0),
                    });
                }
            }
        }
    }
    let mut placeable: Vec<usize> = (0..creatures).collect();
    for _ in 0..dice.up_to(2) {
        placeable.push(kinds.len());
        kinds.push(Kind {
            role: held(dice),
            respawn_s: dice.between(0.1, 5.0),
            ..thing.clone()
        });
    }
    for kind in &kinds {
        let named = |name: &str| {
            kinds
                .iter()
                .enumerate()
                .find(|(n, _)| self::name(*n) == name)
        };
        debug_assert_eq!(kind.fault(interaction_m), None, "the soak's own fault");
        debug_assert_eq!(
            kind.mismatch(|name| Some(named(name)?.1)),
            None,
            "the soak's own fault"
        );
    }
    Cast { kinds, placeable }
}

/// An item holds coins, or things of one of four sorts.
fn held(dice: &mut Dice) -> Role {
    let count = 1 + dice.up_to(50) as u32;
    let asset = dice.up_to(4) as u8;
    if asset == 0 {
        let things = None;
        return Role::Item {
            coins: count,
            things,
        };
    }
    Role::Item {
        coins: 0,
        things: Some(Find {
            asset,
            name: format!("thing {asset}"),
            count,
        }),
    }
}

fn damage(dice: &mut Dice, most: u64) -> (u16, u16) {
    let least = dice.up_to(most) as u16;
    (least, least + dice.up_to(most) as u16)
}

fn hazard(dice: &mut Dice, thing: &Kind, interaction_m: f64) -> Kind {
    Kind {
        role: Role::Hazard {
            reach_m: dice.between(0.5, interaction_m.min(12.0)),
            damage: damage(dice, 8),
            every_s: dice.between(0.1, 1.0),
            life_s: dice.between(0.1, 5.0),
        },
        ..thing.clone()
    }
}

fn projectile(dice: &mut Dice, thing: &Kind, interaction_m: f64, leaves: Option<String>) -> Kind {
    let mut kind = thing.clone();
    kind.mover.radius_m = dice.between(0.05, 0.3);
    kind.role = Role::Projectile {
        speed_mps: dice.magnitude(2.0, 100.0),
        life_s: dice.between(0.1, 3.0),
        homing: dice.chance(500),
        damage: damage(dice, 15),
        blast_m: if dice.chance(500) {
            dice.between(0.0, interaction_m.min(15.0))
        } else {
            0.0
        },
        leaves,
    };
    kind
}
