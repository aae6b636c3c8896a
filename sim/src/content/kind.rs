//! A kind of creature or thing: how it moves, fights and lives. One RON file each in
//! `assets/creatures`.

use bluemarble_motion::Mover;
use serde::{Deserialize, Serialize};

use super::role::{Burst, Find, Role, Shot};

/// Index of a kind in its scenario's list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct KindId(pub u16);

/// A kind as its file says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "KindFile")]
pub struct Kind {
    /// Shown on cards.
    pub name: String,
    /// What sort of thing it is.
    pub role: Role,
    /// Whom it fights: everybody of another faction. What is shot has the faction of who shot it.
    pub faction: u8,
    /// Body and gait.
    pub mover: Mover,
    /// Hit points when whole, 1 ..= 65,535.
    pub health: u16,
    /// Its blow.
    pub attack: Attack,
    /// Its attack at a distance, if it has one.
    pub shot: Option<Shot>,
    /// What its death does to those around it.
    pub burst: Option<Burst>,
    /// The coins a creature has when it is born and whenever it returns.
    pub coins: u32,
    /// How far it looks for somebody to fight, metres.
    pub sight_m: f64,
    /// How far from home it wanders and hunts, metres.
    pub roam_m: f64,
    /// Seconds from death to life; for an item, from being taken to being filled again.
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

/// The file's shape. What every creature must say, an arrow need not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "Kind")]
struct KindFile {
    name: String,
    #[serde(default)]
    role: Role,
    #[serde(default)]
    faction: u8,
    #[serde(default)]
    mover: Option<Mover>,
    /// Half the width of a thing that does not walk.
    #[serde(default)]
    radius_m: Option<f64>,
    #[serde(default)]
    health: Option<u16>,
    #[serde(default)]
    attack: Option<Attack>,
    #[serde(default)]
    shot: Option<Shot>,
    #[serde(default)]
    burst: Option<Burst>,
    #[serde(default)]
    coins: u32,
    #[serde(default)]
    sight_m: Option<f64>,
    #[serde(default)]
    roam_m: Option<f64>,
    #[serde(default)]
    respawn_s: Option<f64>,
    #[serde(default)]
    rest_s: Option<f64>,
}

impl TryFrom<KindFile> for Kind {
    type Error = String;

    fn try_from(file: KindFile) -> Result<Self, String> {
        match file.role {
            Role::Creature => file.creature(),
            _ => file.thing(),
        }
    }
}

impl KindFile {
    fn creature(self) -> Result<Kind, String> {
        fn needed<T>(field: &str, value: Option<T>) -> Result<T, String> {
            value.ok_or_else(|| format!("{field} is missing: every creature needs it"))
        }
        if self.radius_m.is_some() {
            return Err("a creature's radius_m belongs into its mover".into());
        }
        Ok(Kind {
            name: self.name,
            role: self.role,
            faction: self.faction,
            mover: needed("mover", self.mover)?,
            health: needed("health", self.health)?,
            attack: needed("attack", self.attack)?,
            shot: self.shot,
            burst: self.burst,
            coins: self.coins,
            sight_m: needed("sight_m", self.sight_m)?,
            roam_m: needed("roam_m", self.roam_m)?,
            respawn_s: needed("respawn_s", self.respawn_s)?,
            rest_s: needed("rest_s", self.rest_s)?,
        })
    }

    fn thing(self) -> Result<Kind, String> {
        let role = self.role.name();
        let creatures_only = [
            ("mover", self.mover.is_some()),
            ("health", self.health.is_some()),
            ("attack", self.attack.is_some()),
            ("shot", self.shot.is_some()),
            ("burst", self.burst.is_some()),
            ("coins", self.coins > 0),
            ("sight_m", self.sight_m.is_some()),
            ("roam_m", self.roam_m.is_some()),
            ("rest_s", self.rest_s.is_some()),
        ];
        if let Some((field, _)) = creatures_only.into_iter().find(|(_, said)| *said) {
            let instead = if field == "coins" {
                ": an item's coins belong into its role"
            } else {
                ": only creatures have that"
            };
            return Err(format!(
                "a kind whose role is {role} has no {field}{instead}"
            ));
        }
        let is_item = matches!(self.role, Role::Item { .. });
        if is_item != self.respawn_s.is_some() {
            return Err(format!(
                "respawn_s is how long a taken item stays empty: an item needs it, and nothing else \
                 but creatures has it (this is a {role})"
            ));
        }
        let radius_m = self
            .radius_m
            .ok_or_else(|| format!("radius_m is missing: half the width of this {role}, metres"))?;
        Ok(Kind {
            name: self.name,
            role: self.role,
            faction: self.faction,
            mover: Mover {
                top_speed_mps: 0.0,
                accel_mps2: 0.0,
                jump_mps: 0.0,
                radius_m,
                eye_m: 0.0,
                max_slope: 0.0,
            },
            health: 1,
            attack: Attack {
                reach_m: 0.0,
                damage: (0, 0),
                cooldown_s: 0.0,
            },
            shot: None,
            burst: None,
            coins: 0,
            sight_m: 0.0,
            roam_m: 0.0,
            respawn_s: self.respawn_s.unwrap_or(0.0),
            rest_s: 0.0,
        })
    }
}

impl Kind {
    /// The widest body, metres: contacts are looked for this far beyond one's own radius.
    pub const RADIUS_M_MAX: f64 = 2.0;
    /// Most coins a kind may have: sums over a million entities and years stay far from overflow.
    pub const COINS_MAX: u32 = 1_000_000;
    /// Longest name of a sort of things, bytes.
    pub const THING_NAME_MAX: usize = 64;

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
        let coins = match &self.role {
            Role::Item { coins, things } => {
                if let Some(problem) = self.no_find(*coins, things.as_ref()) {
                    return Some(problem);
                }
                *coins
            }
            _ => self.coins,
        };
        if coins > Self::COINS_MAX {
            return Some(format!(
                "coins is {coins}; at most {} are allowed",
                Self::COINS_MAX
            ));
        }
        let shot = self.shot.as_ref();
        let special = self
            .role
            .fault(interaction_m)
            .or_else(|| shot.and_then(|shot| shot.fault(interaction_m)))
            .or_else(|| {
                self.burst
                    .as_ref()
                    .and_then(|burst| burst.fault(interaction_m))
            });
        if special.is_some() {
            return special;
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

    /// What is wrong with what an item holds; `None` if nothing is.
    fn no_find(&self, coins: u32, things: Option<&Find>) -> Option<String> {
        let Some(find) = things else {
            return (coins == 0)
                .then(|| "coins is 0: an item needs at least 1, or things".to_owned());
        };
        if coins > 0 {
            return Some("an item holds coins or things, not both".into());
        }
        if find.asset == 0 {
            return Some("things.asset is 0, which is the number of coins: take 1 ..= 255".into());
        }
        if find.name.is_empty() || find.name.len() > Self::THING_NAME_MAX {
            return Some(format!(
                "things.name must have 1 to {} bytes",
                Self::THING_NAME_MAX
            ));
        }
        (!(1..=Self::COINS_MAX).contains(&find.count)).then(|| {
            format!(
                "things.count is {}, but must be 1 ..= {}",
                find.count,
                Self::COINS_MAX
            )
        })
    }

    /// What it holds beside coins, if it is an item that does.
    #[must_use]
    pub fn find(&self) -> Option<&Find> {
        match &self.role {
            Role::Item { things, .. } => things.as_ref(),
            _ => None,
        }
    }

    /// The kinds it brings into the world: by what it shoots, and what that leaves.
    pub fn brings(&self) -> impl Iterator<Item = &str> {
        let leaves = match &self.role {
            Role::Projectile { leaves, .. } => leaves.as_deref(),
            _ => None,
        };
        let shoots = self.shot.as_ref().map(|shot| shot.kind.as_str());
        shoots.into_iter().chain(leaves)
    }

    /// A shot looks for bodies around it as far as the tallest and widest creature may be from its
    /// feet; beyond the interaction radius it would not find them.
    pub(super) fn too_short_sighted(&self, tallest_m: f64, interaction_m: f64) -> Option<String> {
        let needs_m = self.mover.radius_m + Self::RADIUS_M_MAX + tallest_m;
        let shot = matches!(self.role, Role::Projectile { .. });
        (shot && needs_m > interaction_m).then(|| {
            format!(
                "to meet the scenario's tallest creature it must look {needs_m} m around itself, \
                 but interaction_radius_m is {interaction_m} m: raise that, or lower eye_m"
            )
        })
    }

    /// What is wrong with it among the others of its scenario; `None` if nothing is. `named` finds a
    /// kind by its file stem.
    #[must_use]
    pub fn mismatch<'a>(&self, named: impl Fn(&str) -> Option<&'a Self>) -> Option<String> {
        if let Role::Projectile {
            leaves: Some(leaves),
            ..
        } = &self.role
            && let Some(left) = named(leaves)
            && !matches!(left.role, Role::Hazard { .. })
        {
            return Some(format!(
                "role.leaves is '{leaves}', which is a {}: only a Hazard can be left",
                left.role.name()
            ));
        }
        let shot = self.shot.as_ref()?;
        shot.mismatch(&named(&shot.kind)?.role)
    }
}
