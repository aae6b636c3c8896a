//! Traffic of walkers without a network: scenarios run headless, everybody's quantised state kept for two
//! seconds, and each state that changed taken against what it was some ticks before, as clients near and far
//! would be told.

use std::collections::{BTreeMap, VecDeque};
use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use bluemarble_shared_protocol::codec::Baseline;
use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, InputSeq, Intent, PlayerInputs, WireEntity, WireFrame, WishDir,
    hash_words,
};
use bluemarble_sim::{Scenario, TickInputs, World, WorldSpec};
use bluemarble_spatial::Planet;
use bluemarble_spatial::mix::unit;
use glam::DVec3;

use super::counts::Counts;

/// Ticks per second.
pub const HZ: u32 = 20;
/// What all randomness is drawn from.
const SEED: u64 = 5;
/// The ages of baselines that are counted, ticks.
pub const AGES: [u32; 10] = [1, 2, 3, 4, 5, 6, 8, 12, 20, 40];
/// Ticks before anything is counted: everybody has come in and found something to do.
const WARM_UP: u64 = 60;

/// One scene.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// Whether the scenario's creatures are there.
    pub creatures: bool,
    /// How many players walk about in it.
    pub players: u32,
    /// One in so many of them rests and fights now and then; the others wander, turning a little all the
    /// time.
    pub busy_one_in: u64,
    /// How far from where they appear, metres.
    pub spread_m: f64,
    /// How many ticks are counted.
    pub ticks: u64,
}

/// What tables are made from.
pub const SCENES: [Scene<'static>; 3] = [
    // A meadow: nobody but wanderers.
    Scene {
        scenario: "first-contact",
        creatures: false,
        players: 400,
        busy_one_in: 8,
        spread_m: 200.0,
        ticks: 400,
    },
    // A square with villagers, raiders, and players who fight them and each other.
    Scene {
        scenario: "first-contact",
        creatures: true,
        players: 150,
        busy_one_in: 2,
        spread_m: 100.0,
        ticks: 120,
    },
    // Shots and what they chase.
    Scene {
        scenario: "seekers",
        creatures: true,
        players: 40,
        busy_one_in: 2,
        spread_m: 60.0,
        ticks: 80,
    },
];

/// Runs a scene and counts.
///
/// # Errors
/// The content is not there or cannot be played.
pub fn count(assets: &Path, scene: &Scene<'_>, counts: &mut Counts) -> anyhow::Result<u64> {
    let mut scenario = Scenario::find(assets, scene.scenario)?;
    if !scene.creatures {
        scenario.camps.clear();
        scenario.puppets = 0;
    }
    let planet = Arc::new(Planet::load(assets, &scenario.planet)?);
    let spec = WorldSpec {
        scenario,
        planet,
        tick_hz: HZ,
        seed: SEED,
        zones: 1,
    };
    let mut world = World::genesis(spec)?;
    let mut crowd = Crowd::default();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .context("no thread can be had")?;
    let oldest = AGES[AGES.len() - 1] as usize;
    let mut past: VecDeque<BTreeMap<EntityId, WireEntity>> = VecDeque::new();
    let mut counted = 0;
    for _ in 0..WARM_UP + scene.ticks {
        let inputs = crowd.inputs(&world, scene);
        world.step(&inputs, &pool)?;
        let frames = world.wire_frames();
        let rows = frames
            .iter()
            .flat_map(|frame| frame.ids.iter().copied().zip(frame.states.iter().copied()));
        past.push_front(rows.collect());
        past.truncate(oldest + 1);
        if world.tick().0 <= WARM_UP {
            continue;
        }
        for age in AGES {
            let Some(then) = past.get(age as usize) else {
                continue;
            };
            for (id, state) in &past[0] {
                // What did not change since it was acknowledged is not sent; of two that look alike from
                // tick to tick one is enough.
                let due = (world.tick().0 + id.0).is_multiple_of(2);
                if let Some(base) = then.get(id).filter(|base| due && *base != state) {
                    counts.add(&Baseline::alone(*base, age), HZ, state);
                    counted += 1;
                }
            }
        }
    }
    Ok(counted)
}

/// What the players want.
#[derive(Default)]
struct Crowd {
    /// Where each wanderer is heading, radians.
    headings: BTreeMap<EntityId, f64>,
}

impl Crowd {
    /// What is sealed for the next tick: everybody comes at the first. Then they wander, turning a little all the
    /// time, or, if busy, walk from point to point, rest, and most of them fight.
    fn inputs(&mut self, world: &World, scene: &Scene<'_>) -> TickInputs {
        let tick = world.tick().next();
        let mut players = PlayerInputs::default();
        if tick.0 == 1 {
            let admission = |n| {
                let name = format!("walker-{n}");
                let avatar = EntityId::of_character(&name);
                Admission {
                    avatar,
                    name: name.into(),
                }
            };
            players.admissions = (0..scene.players).map(admission).collect();
            players.admissions.sort_by_key(|admission| admission.avatar);
        }
        let middle = world.spawn_dir() * world.spec().planet.radius_m();
        for wire in world.wire_frames() {
            for own in &wire.owned {
                let pos = wire.positions[own.row as usize];
                let busy = own.id.0.is_multiple_of(scene.busy_one_in);
                let (wish, pace) = self.wish(own.id, busy, tick.0, pos, middle, scene.spread_m);
                let fights = busy && own.id.0 % 3 != 0;
                let intent = Intent {
                    seq: InputSeq(own.applied.0 + 1),
                    view_tick: world.tick(),
                    wish: WishDir::from_dir(wish),
                    pace,
                    buttons: Buttons {
                        jump: draw(own.id, tick.0, 3) < 0.002,
                    },
                    attack: fights.then(|| nearest(wire, own.id, pos)).flatten(),
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

    fn wish(
        &mut self,
        id: EntityId,
        busy: bool,
        tick: u64,
        pos: DVec3,
        middle: DVec3,
        spread_m: f64,
    ) -> (DVec3, u8) {
        let (side, across) = middle.normalize().any_orthonormal_pair();
        let away = pos.distance(middle) > spread_m;
        if !busy {
            let heading = self
                .headings
                .entry(id)
                .or_insert_with(|| draw(id, 0, 0) * TAU);
            *heading += (draw(id, tick, 1) - 0.5) * 0.2;
            let (sin, cos) = bluemarble_spatial::maths::sin_cos(*heading);
            let wander = side * cos + across * sin;
            let home = (middle - pos).normalize_or_zero();
            return (
                if away { wander * 0.5 + home } else { wander },
                Intent::PACE_MAX,
            );
        }
        let leg = (tick + id.0 % 160) / 160;
        let resting = (tick + id.0 % 160) % 160 > 110;
        let reach = |axis| (draw(id, leg, axis) - 0.5) * 1.4 * spread_m;
        let goal = middle + side * reach(4) + across * reach(5);
        let pace = if resting { 0 } else { Intent::PACE_MAX };
        (goal - pos, pace)
    }
}

/// From 0 to below 1.
fn draw(id: EntityId, tick: u64, purpose: u64) -> f64 {
    unit(hash_words([SEED, id.0, tick, purpose]))
}

/// Whoever is within a sword's reach.
fn nearest(wire: &WireFrame, own: EntityId, pos: DVec3) -> Option<EntityId> {
    let others = wire.ids.iter().zip(&wire.positions);
    others
        .filter(|(id, there)| **id != own && there.distance_squared(pos) < 2.4 * 2.4)
        .min_by(|a, b| {
            a.1.distance_squared(pos)
                .total_cmp(&b.1.distance_squared(pos))
        })
        .map(|(id, _)| *id)
}
