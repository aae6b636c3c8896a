//! A case's world: a random scenario on a random planet, small enough for two of it to run side by
//! side, crowded at awkward places.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bluemarble_sim::{Camp, Kind, Scenario, Script, Spot, Square, Troop, WorldSpec};
use bluemarble_spatial::Planet;

use crate::dice::Dice;
use crate::places::awkward;
use crate::things::{self, Cast};

/// Purposes of the streams forked here.
const PURPOSE: u64 = 0x5c;
/// Fewest and most creatures of a case.
const CREATURES: (f64, f64) = (20.0, 2_000.0);
/// About so many entity-ticks a case may take, so that the next case comes soon.
const ENTITY_TICKS: u64 = 250_000;

/// Creatures and ticks at most of a short case.
const SHORT: (f64, u64) = (120.0, 90);

/// Planets and kinds, read once.
pub struct Library {
    is_short: bool,
    assets: PathBuf,
    template: Scenario,
    loaded: BTreeMap<&'static str, Arc<Planet>>,
}

/// How large a scene may be.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// So many worlds share what a case may take.
    pub worlds: u64,
    /// Creatures that are left of those drawn; without it all.
    pub creatures_most: Option<u64>,
}

/// A case's world and how long it runs.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The world, in one zone.
    pub spec: WorldSpec,
    /// Ticks to run.
    pub ticks: u64,
    /// Creatures at the beginning, about.
    pub creatures: u64,
}

impl Library {
    /// The kinds and planets of an assets folder.
    ///
    /// # Errors
    /// If it has not the scenario `first-contact`.
    pub fn open(assets: &Path) -> anyhow::Result<Self> {
        let template = Scenario::find(assets, "first-contact")
            .with_context(|| format!("cannot read the assets in {}", assets.display()))?;
        Ok(Self {
            is_short: false,
            assets: assets.to_owned(),
            template,
            loaded: BTreeMap::new(),
        })
    }

    /// Only small worlds on smooth planets, for ordinary test runs.
    #[must_use]
    pub fn short(self) -> Self {
        Self {
            is_short: true,
            ..self
        }
    }

    /// The world of one case.
    ///
    /// # Errors
    /// If a planet cannot be loaded.
    pub fn scene(&mut self, case: &Dice, size: Size) -> anyhow::Result<Scene> {
        let mut dice = case.fork(PURPOSE, 0);
        let planet = self.planet(&mut dice)?;
        let most = if self.is_short { SHORT.0 } else { CREATURES.1 };
        let drawn = dice.magnitude(CREATURES.0, most / size.worlds as f64) as u64;
        let creatures = drawn.min(size.creatures_most.unwrap_or(drawn));
        let scenario = self.scenario(&mut dice, &planet, creatures);
        // Of those drawn, so that a case with fewer of them goes on as long.
        let entities = drawn + u64::from(scenario.puppets) + 30;
        let ticks = (ENTITY_TICKS / size.worlds / entities).clamp(80, 500) - dice.up_to(40);
        let ticks = if self.is_short {
            ticks.min(SHORT.1)
        } else {
            ticks
        };
        let spec = WorldSpec {
            scenario,
            planet,
            tick_hz: *dice.pick(&[10, 20, 20, 30, 60]),
            seed: dice.word(),
            zones: 1,
        };
        Ok(Scene {
            spec,
            ticks,
            creatures,
        })
    }

    fn planet(&mut self, dice: &mut Dice) -> anyhow::Result<Arc<Planet>> {
        let name = match dice.up_to(9) {
            drawn if drawn <= 4 || self.is_short => {
                return Ok(Arc::new(Planet::smooth(
                    dice.magnitude(1_000.0, 6_371_000.0),
                )));
            }
            5 | 6 => "moon",
            7 => "thalassa",
            _ => "earth",
        };
        if let Some(planet) = self.loaded.get(name) {
            return Ok(Arc::clone(planet));
        }
        let planet = Planet::load(&self.assets, name)
            .with_context(|| format!("cannot load planet '{name}'"))?;
        let planet = Arc::new(planet);
        self.loaded.insert(name, Arc::clone(&planet));
        Ok(planet)
    }

    #[allow(
        clippy::needless_update,
        reason = "a field that scenarios get tomorrow keeps the template's value until it is drawn here"
    )]
    fn scenario(&self, dice: &mut Dice, planet: &Planet, creatures: u64) -> Scenario {
        // A cell of the grid is wider than the radius, and a planet has some cells.
        let widest_m = (planet.radius_m() * 0.2).min(200.0);
        let interaction_radius_m = dice.magnitude(6.0, widest_m);
        let squares: Vec<Square> = (0..=dice.up_to(3))
            .map(|n| Square {
                name: format!("square {n}"),
                near: awkward(dice),
            })
            .collect();
        let kinds: Vec<Kind> = (0..=1 + dice.up_to(3))
            .map(|_| self.kind(dice, interaction_radius_m))
            .collect();
        let Cast { kinds, placeable } = things::cast(dice, kinds, interaction_radius_m);
        let kind_names: Vec<String> = (0..kinds.len()).map(things::name).collect();
        let camps = camps(dice, squares.len(), &placeable, creatures);
        let puppets = if dice.chance(600) { dice.up_to(60) } else { 0 };
        Scenario {
            name: "soak".into(),
            planet: planet.name().to_owned(),
            interaction_radius_m,
            rewind_ms: dice.up_to(500) as u32,
            // Nobody sleeps, or whoever is somewhat further from the players than they reach.
            sleep_beyond_m: dice
                .chance(600)
                .then(|| interaction_radius_m * dice.magnitude(4.0, 40.0)),
            zones: 1,
            squares,
            spawn_spread_m: dice.magnitude(2.0, 120.0),
            expected_players: dice.up_to(100) as u32,
            kinds,
            kind_names,
            camps,
            puppets: puppets as u32,
            troops: troops(dice, interaction_radius_m),
            ..self.template.clone()
        }
    }

    /// A kind that differs from one of the assets' in everything that may differ.
    fn kind(&self, dice: &mut Dice, interaction_m: f64) -> Kind {
        let mut kind = dice.pick(&self.template.kinds).clone();
        kind.faction = dice.up_to(2) as u8;
        let mover = &mut kind.mover;
        mover.top_speed_mps = dice.magnitude(0.5, 40.0);
        mover.accel_mps2 = dice.magnitude(1.0, 200.0);
        mover.jump_mps = dice.between(0.0, 8.0);
        mover.radius_m = dice.magnitude(0.1, Kind::RADIUS_M_MAX);
        mover.eye_m = dice.between(0.0, 3.0);
        mover.max_slope = dice.between(0.3, 3.0);
        kind.health = 1 + dice.up_to(150) as u16;
        let least = dice.up_to(20) as u16;
        kind.attack.damage = (least, least + dice.up_to(30) as u16);
        kind.attack.cooldown_s = dice.between(0.0, 1.5);
        kind.attack.reach_m = dice.magnitude(0.5, interaction_m.min(12.0));
        kind.sight_m = dice.between(0.0, interaction_m);
        kind.roam_m = dice.magnitude(1.0, 300.0);
        kind.respawn_s = dice.between(0.0, 4.0);
        kind.rest_s = dice.between(0.0, 2.0);
        kind
    }
}

/// Scripted avatars that work at borders.
fn troops(dice: &mut Dice, interaction_m: f64) -> Vec<Troop> {
    let mut troops = Vec::new();
    for _ in 0..dice.up_to(2) {
        let sight_m = dice.between(1.0, interaction_m);
        let script = match dice.up_to(4) {
            0 => Script::CirclePole {
                radius_m: dice.magnitude(1.0, 100.0),
            },
            1 => Script::Shuttle,
            2 => Script::Press {
                beyond_m: dice.magnitude(1.0, 50.0),
                every_s: dice.between(1.0, 8.0),
            },
            3 => Script::Chase { sight_m },
            _ => Script::Flee {
                sight_m,
                within_m: dice.magnitude(1.0, 100.0),
            },
        };
        let count = dice.up_to(20) as u32;
        troops.push(Troop { script, count });
    }
    troops
}

/// Camps of all creatures, mostly around the squares.
fn camps(dice: &mut Dice, squares: usize, kinds: &[usize], creatures: u64) -> Vec<Camp> {
    let parts = 1 + dice.up_to(5);
    (0..parts)
        .map(|_| {
            let (lat, lng) = awkward(dice);
            let at = if dice.chance(750) {
                Spot::Square(dice.up_to(squares as u64 - 1) as usize)
            } else {
                Spot::At(lat, lng)
            };
            Camp {
                at,
                kind: things::name(*dice.pick(kinds)),
                count: creatures.div_ceil(parts) as u32,
                spread_m: dice.magnitude(1.0, 300.0),
            }
        })
        .collect()
}
