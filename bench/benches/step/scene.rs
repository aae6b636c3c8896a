//! A patch of the moon with walkers and creatures on it, and what the walkers want each tick.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bluemarble_shared_protocol::{
    Admission, EntityId, InputSeq, Intent, PlayerInputs, WishDir, hash_words,
};
use bluemarble_sim::{Camp, Scenario, Spot, TickInputs, World, WorldSpec};
use bluemarble_spatial::mix::unit;
use bluemarble_spatial::{CellGrid, CellId, Nearby, Planet, maths};
use glam::DVec3;

pub const SEED: u64 = 20_261_121;
pub const TICK_HZ: u32 = 20;
/// A walker keeps its goal for this many ticks.
const LEG_TICKS: u64 = 200;
/// Creatures of one camp.
const CAMP: u32 = 100;
/// One camp in so many is one of raiders, who hunt the others.
const RAIDERS_EVERY: u32 = 5;

/// How many of each, on a disc of which radius, around the moon's landing field: craters, hills,
/// and some hundred obstacles.
pub struct Patch {
    walkers: u32,
    creatures: u32,
    spread_m: f64,
    /// The walkers', who may keep closer together than the creatures do.
    walkers_m: f64,
    sleep_beyond_m: Option<f64>,
}

impl fmt::Display for Patch {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(
            out,
            "{} walkers and {} creatures within {} m on the moon",
            self.walkers, self.creatures, self.spread_m
        )
    }
}

impl Patch {
    /// The scene of the budget, about as dense as W(n, 30).
    pub const BUDGET: Self = Self {
        walkers: 10_000,
        creatures: 10_000,
        spread_m: 1_250.0,
        walkers_m: 1_250.0,
        sleep_beyond_m: None,
    };
    /// A zone's worth, so close together that they fight.
    #[allow(dead_code, reason = "not every bench has this scene")]
    pub const BATTLE: Self = Self {
        walkers: 2_500,
        creatures: 2_500,
        spread_m: 300.0,
        walkers_m: 300.0,
        sleep_beyond_m: None,
    };
    /// No scene at all.
    #[allow(dead_code, reason = "not every bench has this scene")]
    pub const NOBODY: Self = Self {
        walkers: 0,
        creatures: 0,
        spread_m: 1_250.0,
        walkers_m: 1_250.0,
        sleep_beyond_m: None,
    };
    /// Many, and nobody to see them.
    #[allow(dead_code, reason = "not every bench has this scene")]
    pub const ASLEEP: Self = Self {
        walkers: 0,
        creatures: 100_000,
        spread_m: 20_000.0,
        walkers_m: 20_000.0,
        sleep_beyond_m: Some(1_000.0),
    };
    /// A large world of which a twentieth is awake: the walkers, and whom they might meet.
    #[allow(dead_code, reason = "not every bench has this scene")]
    pub const LARGE: Self = Self {
        walkers: 2_400,
        creatures: 97_600,
        spread_m: 30_000.0,
        walkers_m: 1_000.0,
        sleep_beyond_m: Some(1_000.0),
    };

    pub fn entities(&self) -> usize {
        (self.walkers + self.creatures) as usize
    }

    /// One zone; who wants more says so.
    pub fn spec(&self, assets: &Path, moon: &Arc<Planet>) -> WorldSpec {
        let kinds = Scenario::find(assets, "first-contact").expect("the repository's own scenario");
        let count = self.creatures / CAMP;
        let camp = |n: u32| {
            // A sunflower's seeds: as even as may be on a disc.
            let distance_m = self.spread_m * ((f64::from(n) + 0.5) / f64::from(count)).sqrt();
            let (sin, cos) = maths::sin_cos(f64::from(n) * 2.399_963_229_728_653);
            let degrees = |m: f64| (m / moon.radius_m()).to_degrees();
            Camp {
                at: Spot::At(degrees(distance_m * sin), degrees(distance_m * cos)),
                kind: if n.is_multiple_of(RAIDERS_EVERY) {
                    "raider"
                } else {
                    "villager"
                }
                .into(),
                count: CAMP,
                spread_m: 80.0,
            }
        };
        let mut scenario = Scenario {
            name: "step".into(),
            planet: "moon".into(),
            camps: (0..count).map(camp).collect(),
            spawn_spread_m: self.walkers_m,
            expected_players: self.walkers,
            puppets: 0,
            sleep_beyond_m: self.sleep_beyond_m,
            ..kinds
        };
        scenario.squares.truncate(1);
        scenario.squares[0].near = (0.0, 0.0);
        WorldSpec {
            scenario,
            planet: Arc::clone(moon),
            tick_hz: TICK_HZ,
            seed: SEED,
            zones: 1,
        }
    }

    /// What is sealed for the next tick: everybody comes at the first, and walks ever after.
    pub fn inputs(&self, world: &World) -> TickInputs {
        let tick = world.tick().next();
        let mut players = PlayerInputs::default();
        if world.avatars().is_empty() {
            let admission = |n| {
                let name = format!("walker-{n}");
                let avatar = EntityId::of_character(&name);
                Admission {
                    avatar,
                    name: name.into(),
                }
            };
            players.admissions = (0..self.walkers).map(admission).collect();
            players.admissions.sort_by_key(|admission| admission.avatar);
        }
        let middle = world.spawn_dir();
        let (side, across) = middle.any_orthonormal_pair();
        let radius_m = world.spec().planet.radius_m();
        for wire in world.wire_frames() {
            for own in &wire.owned {
                let leg = (tick.0 + own.id.0 % LEG_TICKS) / LEG_TICKS;
                let draw = |axis| unit(hash_words([SEED, own.id.0, leg, axis])) * 1.4 - 0.7;
                let goal = middle * radius_m + (side * draw(0) + across * draw(1)) * self.walkers_m;
                let pos: DVec3 = wire.positions[own.row as usize];
                let intent = Intent {
                    seq: InputSeq(own.applied.0 + 1),
                    view_tick: world.tick(),
                    wish: WishDir::from_dir(goal - pos),
                    pace: Intent::PACE_MAX,
                    ..Intent::default()
                };
                players.intents.push((own.id, intent));
            }
        }
        players.intents.sort_unstable_by_key(|(avatar, _)| *avatar);
        TickInputs {
            players,
            ..TickInputs::empty(tick, Default::default())
        }
    }

    /// How many others somebody has within the interaction radius, on average.
    #[allow(dead_code, reason = "not every bench prints it")]
    pub fn others_near(&self, world: &World) -> f64 {
        let wires = world.wire_frames();
        let positions: Vec<DVec3> = wires.iter().flat_map(|w| w.positions.clone()).collect();
        let ids: Vec<u64> = wires
            .iter()
            .flat_map(|w| w.ids.iter().map(|id| id.0))
            .collect();
        let radius_m = world.spec().scenario.interaction_radius_m;
        let level = CellId::level_for_min_width(radius_m, world.spec().planet.radius_m());
        let grid = CellGrid::build(level, &positions, &ids);
        let mut room = Nearby::default();
        let count = |pos: &DVec3| grid.near(*pos, radius_m, &mut room).len() - 1;
        positions.iter().map(count).sum::<usize>() as f64 / positions.len() as f64
    }
}
