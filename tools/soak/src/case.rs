//! One case: one world or several, each beside a twin in one zone, compared at every tick; and what must
//! hold of all worlds together.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bluemarble_sim::{Outbound, Tally, TravelKey, Traveller};

use crate::checks::Fault;
use crate::dice::Dice;
use crate::kinds::{EventKind, Events};
use crate::pair::{Found, Pair, Turn};
use crate::plant::Plant;
use crate::roads::{self, Roads};
use crate::scene::{Library, Scene, Size};
use crate::subject::Upheavals;
use crate::threads::Pools;

/// So many ticks between two comparisons of everything that is published.
const LOOK_TICKS: u64 = 16;
/// When nobody sets out any more, all journeys are over after so many rounds: a journey takes four
/// steps, and each is certain after one.
const QUIET_ROUNDS: u64 = 8;

/// Which case, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseRun {
    /// The seed of the whole soak.
    pub seed: u64,
    /// The case's number.
    pub case: u64,
    /// What happens in it.
    pub events: Events,
    /// At most so many of each world's creatures are there.
    pub creatures_most: Option<u64>,
    /// A fault to be found.
    pub plant: Option<Plant>,
}

/// What a case did.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaseStats {
    /// Ticks compared.
    pub ticks: u64,
    /// Entities times ticks.
    pub entity_ticks: u64,
    /// Most creatures that slept at a time in one world.
    pub asleep_most: usize,
    /// What happened in the subjects.
    pub tally: Tally,
    /// What was done to them.
    pub done: Upheavals,
}

impl CaseStats {
    fn add(&mut self, other: &Self) {
        self.ticks += other.ticks;
        self.entity_ticks += other.entity_ticks;
        self.asleep_most = self.asleep_most.max(other.asleep_most);
        self.tally.add(&other.tally);
        self.done.add(&other.done);
    }
}

impl std::fmt::Display for CaseStats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ticks, {} entity-ticks, {} hand-offs, {} zone changes, {} scatterings, at most {} \
             strays, {} amnesias, {} restarts with {} ticks replayed, {} of them lost {} ticks; {} left \
             for another world and {} came, {} restarts meanwhile; at most {} asleep, {:?}",
            self.ticks,
            self.entity_ticks,
            self.tally.handoffs,
            self.done.zone_changes,
            self.done.scattered,
            self.done.strays_most,
            self.done.amnesias,
            self.done.restarts,
            self.done.replayed,
            self.done.losses,
            self.done.lost,
            self.tally.departed,
            self.tally.arrived,
            self.done.restarts_on_the_way,
            self.asleep_most,
            self.tally,
        )
    }
}

/// A case that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The world, of several.
    pub world: Option<usize>,
    /// The tick at which it showed.
    pub tick: u64,
    /// What.
    pub fault: Fault,
    /// What else there is to know.
    pub detail: String,
    /// Most creatures that one of its worlds began with.
    pub creatures: u64,
    /// The worlds it happened in.
    pub scenes: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.world {
            Some(world) => write!(f, "world {world}, tick {}: {}", self.tick, self.fault),
            None => write!(f, "tick {}: {}", self.tick, self.fault),
        }
    }
}

/// What all cases share.
pub struct Workshop {
    /// Kinds and planets.
    pub library: Library,
    /// Threads.
    pub pools: Pools,
}

/// Where a case is.
#[derive(Clone, Copy, Debug, Default)]
struct At {
    world: usize,
    tick: u64,
}

impl CaseRun {
    /// A case with everything that belongs to it.
    #[must_use]
    pub fn whole(seed: u64, case: u64) -> Self {
        Self {
            seed,
            case,
            events: Events::all(),
            creatures_most: None,
            plant: None,
        }
    }

    /// What to type to see it again.
    #[must_use]
    pub fn command(&self) -> String {
        let Self { seed, case, .. } = self;
        let mut line = format!("cargo xtask soak --seed {seed} --case {case}");
        let left_out = self.events.left_out();
        if !left_out.is_empty() {
            line.push_str(&format!(" --without {left_out}"));
        }
        if let Some(most) = self.creatures_most {
            line.push_str(&format!(" --creatures-at-most {most}"));
        }
        if let Some(plant) = self.plant {
            line.push_str(&format!(" --plant {plant}"));
        }
        line
    }

    /// Runs it. The outer error is the soak's own, the inner one what was found.
    ///
    /// # Errors
    /// If the case cannot be run at all.
    pub fn run(&self, shop: &mut Workshop) -> anyhow::Result<Result<CaseStats, Failure>> {
        let dice = Dice::of_case(self.seed, self.case);
        let (scenes, pools) = (self.scenes(&dice, &mut shop.library)?, &mut shop.pools);
        let mut at = At::default();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            self.side_by_side(&scenes, &dice, pools, &mut at)
        }));
        let outcome = caught.unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            let fault = format!("panicked: {}", said.unwrap_or("?"));
            Ok(Err((fault, String::new())))
        })?;
        Ok(outcome.map_err(|(fault, detail)| Failure {
            world: (scenes.len() > 1).then_some(at.world),
            tick: at.tick,
            fault,
            detail,
            creatures: scenes
                .iter()
                .map(|scene| scene.creatures)
                .max()
                .unwrap_or(0),
            scenes: scenes.iter().map(scene_in_words).collect(),
        }))
    }

    /// The worlds of the case. Without travel there is only the first, which is the same then.
    fn scenes(&self, dice: &Dice, library: &mut Library) -> anyhow::Result<Vec<Scene>> {
        let drawn = roads::worlds_of(dice);
        let worlds = if self.events.has(EventKind::Travel) {
            drawn
        } else {
            1
        };
        let size = Size {
            worlds: drawn,
            creatures_most: self.creatures_most,
        };
        (0..worlds)
            .map(|world| library.scene(&roads::world_dice(dice, world), size))
            .collect()
    }

    fn side_by_side(
        &self,
        scenes: &[Scene],
        dice: &Dice,
        pools: &mut Pools,
        at: &mut At,
    ) -> anyhow::Result<Result<CaseStats, Found>> {
        let mut worlds = Vec::new();
        for (n, scene) in (0..).zip(scenes) {
            let dice = roads::world_dice(dice, n);
            worlds.push(Pair::new(n, &dice, scene, self.events, self.plant)?);
        }
        let roads = Roads::new(dice, self.plant, &worlds);
        let rounds = scenes.first().map_or(0, |scene| scene.ticks);
        let quiet = if worlds.len() > 1 { QUIET_ROUNDS } else { 0 };
        for round in 0..rounds + quiet {
            let is_over = round >= rounds;
            let mut orders = roads.orders(round, &worlds, self.events, is_over);
            for n in 0..worlds.len() {
                if worlds.len() > 1 && !is_over && !worlds[n].is_awake(round) {
                    continue;
                }
                let barred = roads.barred(&worlds, n);
                let turn = Turn {
                    round,
                    orders: std::mem::take(&mut orders[n]),
                    barred: &barred,
                    looks: round % LOOK_TICKS == 0 || round + 1 == rounds,
                    on_the_way: Roads::is_somebody_on_the_way(&worlds),
                    is_over,
                };
                (at.world, at.tick) = (n, worlds[n].twin.tick().next().0);
                if let Err(found) = worlds[n].turn(turn, pools)? {
                    return Ok(Err(found));
                }
                at.tick = worlds[n].twin.tick().0;
                if let Err(fault) = roads.check(&worlds) {
                    return Ok(Err((fault, gates_in_words(&worlds))));
                }
            }
        }
        if worlds.iter().any(|world| !world.twin.gate().is_empty()) {
            let fault = format!("journeys are not over after {quiet} quiet rounds");
            return Ok(Err((fault, gates_in_words(&worlds))));
        }
        let mut stats = CaseStats::default();
        worlds.iter().for_each(|world| stats.add(&world.stats));
        Ok(Ok(stats))
    }
}

/// The worlds' memories of journeys, a line each.
fn gates_in_words(worlds: &[Pair]) -> String {
    let began = |key: &TravelKey| {
        let TravelKey {
            world, epoch, tick, ..
        } = key;
        format!("in world {world} at tick {tick} of epoch {}", epoch.0)
    };
    let mut text = String::new();
    for (n, world) in worlds.iter().enumerate() {
        let gate = world.twin.gate();
        text.push_str(&format!("world {n} at tick {}:\n", world.twin.tick()));
        for (key, journey) in &gate.outbound {
            let Outbound { to, traveller } = journey;
            let Traveller { name, coins, .. } = traveller;
            text.push_str(&format!(
                "  {:?} ({name:?}, {coins} coins) is on the way to world {to} since {}\n",
                key.avatar,
                began(key)
            ));
        }
        for key in &gate.admitted {
            let since = began(key);
            text.push_str(&format!(
                "  {:?}, who left {since}, was let in\n",
                key.avatar
            ));
        }
    }
    text
}

fn scene_in_words(scene: &Scene) -> String {
    let spec = &scene.spec;
    let scenario = &spec.scenario;
    format!(
        "planet {} of radius {:.0} m, {} Hz, seed {}, {} ticks\n\
         interaction radius {:.2} m, spawn spread {:.2} m, {} puppets\n\
         squares {:?}\ncamps {:?}\nkinds {:#?}\n",
        spec.planet.name(),
        spec.planet.radius_m(),
        spec.tick_hz,
        spec.seed,
        scene.ticks,
        scenario.interaction_radius_m,
        scenario.spawn_spread_m,
        scenario.puppets,
        scenario.squares,
        scenario.camps,
        scenario.kinds,
    )
}
