//! Journeys under crashes, in virtual time: real worlds, real gates, logs whose undurable end a crash
//! cuts anywhere. Whatever happens, nobody is ever in two worlds, and when it has calmed down everybody
//! is in one, as they were.

use std::path::Path;
use std::sync::OnceLock;

use bluemarble_shared_protocol::{EntityId, Epoch, Tick, mix64};
use bluemarble_sim::{
    Arrival, Checkpoint, EntityState, Scenario, TickInputs, TravelInputs, World, WorldSpec,
};
use bluemarble_spatial::Planet;
use rayon::ThreadPool;

use super::super::pier::{Embargo, Pier};
use super::*;

const NAMES: [&str; 3] = ["Ada", "Bob", "Cy"];
const KILLS: u32 = 7;

fn spec(seed: u64) -> WorldSpec {
    static PLACE: OnceLock<(Scenario, Arc<Planet>)> = OnceLock::new();
    let (scenario, planet) = PLACE.get_or_init(|| {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
        let mut scenario = Scenario::find(&assets, "first-contact").unwrap();
        scenario.camps.clear();
        scenario.puppets = 0;
        scenario.troops.clear();
        (scenario, Arc::new(Planet::smooth(6_371_000.0)))
    });
    WorldSpec {
        scenario: scenario.clone(),
        planet: Arc::clone(planet),
        tick_hz: 20,
        seed,
        zones: 2,
    }
}

/// A world with its log, most of which may not be durable.
struct Machine {
    number: u64,
    epoch: Epoch,
    world: World,
    pier: Pier,
    embargo: Embargo,
    /// It has failed: nothing runs, and what its log holds is all there is.
    down: bool,
    base: Checkpoint,
    log: Vec<TickInputs>,
    durable: usize,
}

impl Machine {
    fn new(number: u64) -> Self {
        let world = World::genesis(spec(number)).unwrap();
        let pier = Pier::new(number);
        Embargo::lift(&pier, world.gate());
        Self {
            number,
            epoch: Epoch(1),
            base: world.checkpoint(),
            world,
            pier,
            embargo: Embargo::default(),
            down: false,
            log: Vec::new(),
            durable: 0,
        }
    }

    fn tick(&mut self, pool: &ThreadPool) {
        let tick = self.world.tick().next();
        let inputs = TickInputs {
            travel: self.pier.take(tick, self.epoch, || true),
            ..TickInputs::empty(tick, self.epoch)
        };
        self.seal(inputs, pool);
    }

    fn seal(&mut self, inputs: TickInputs, pool: &ThreadPool) {
        self.world.step(&inputs, pool).unwrap();
        let changed = (!inputs.travel.is_empty()).then(|| self.world.gate());
        let durable = self.base.tick.after(self.durable as u64);
        self.embargo
            .after(&self.pier, self.world.tick(), changed, durable);
        self.log.push(inputs);
    }

    /// The end of the log that is not durable may survive, in part or not at all.
    fn crash(&mut self, dice: &mut Dice, pool: &ThreadPool) {
        let kept = self.durable + dice.below(self.log.len() - self.durable + 1);
        let mut world = World::restore(spec(self.number), &self.base).unwrap();
        for inputs in &self.log[..kept] {
            // Through bytes, as a replay takes them.
            let inputs = TickInputs::decode(&inputs.encode()).unwrap();
            world.step(&inputs, pool).unwrap();
        }
        self.epoch.0 += 1;
        self.base = world.checkpoint();
        self.pier = Pier::new(self.number);
        self.embargo = Embargo::default();
        Embargo::lift(&self.pier, world.gate());
        self.world = world;
        self.log.clear();
        self.durable = 0;
    }

    /// Whom a world that is down may find that it has let in, read from its log.
    fn let_in(&self) -> BTreeSet<TravelKey> {
        let mut admitted = self.base.gate().unwrap().admitted;
        let logged = self.log.iter().flat_map(|inputs| &inputs.travel.arrivals);
        admitted.extend(logged.map(|arrival| arrival.key));
        admitted
    }

    fn avatar(&self, avatar: EntityId) -> Option<EntityState> {
        let spec = self.world.spec();
        let everybody = self.world.checkpoint();
        let everybody = everybody.entities(&spec.planet, &spec.scenario.kind_names);
        let mut everybody = everybody.unwrap().into_iter();
        everybody.find(|state| state.identity.id == avatar)
    }

    fn holds(&self, avatar: EntityId) -> bool {
        self.world.avatars().contains(&avatar)
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = mix64(self.0);
        (self.0 % n as u64) as usize
    }
}

struct Universe {
    worlds: Vec<Machine>,
    /// Forgotten with the process.
    returning: BTreeSet<TravelKey>,
    /// How many turned back.
    taken_back: usize,
    pool: ThreadPool,
    dice: Dice,
}

impl Universe {
    fn new(seed: u64) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let mut universe = Self {
            worlds: (0..3).map(Machine::new).collect(),
            returning: BTreeSet::new(),
            taken_back: 0,
            pool: pool.unwrap(),
            dice: Dice(seed),
        };
        // Everybody comes from somewhere that is no more.
        let arrivals = NAMES.map(|name| Arrival {
            key: TravelKey {
                world: 99,
                avatar: EntityId::of_character(name),
                ..TravelKey::default()
            },
            traveller: Traveller {
                name: name.into(),
                health: 5,
                kills: KILLS,
                deaths: 2,
                coins: 0,
            },
        });
        let main = &mut universe.worlds[0];
        let inputs = TickInputs {
            travel: TravelInputs {
                arrivals: arrivals.into(),
                ..TravelInputs::default()
            },
            ..TickInputs::empty(Tick(1), Epoch(1))
        };
        main.seal(inputs, &universe.pool);
        main.durable = 1;
        universe
    }

    fn seen(&self) -> BTreeMap<u64, Seen> {
        let seen = self.worlds.iter().map(|machine| {
            let gate = machine.pier.durable().filter(|_| !machine.down);
            (machine.number, gate.map_or(Seen::Unknown, Seen::Open))
        });
        seen.collect()
    }

    /// Whoever is on the way to a world that is down, and not in its log, turns back.
    fn turn_back(&mut self) {
        for down in self.worlds.iter().filter(|machine| machine.down) {
            let let_in = down.let_in();
            for seen in self.seen().values() {
                let Seen::Open(gate) = seen else { continue };
                for (key, journey) in &gate.outbound {
                    if journey.to == down.number && !let_in.contains(key) {
                        self.taken_back += usize::from(self.returning.insert(*key));
                    }
                }
            }
        }
    }

    fn look(&mut self) {
        let seen = self.seen();
        self.returning.retain(|key| match &seen[&key.world] {
            Seen::Open(gate) => gate.outbound.contains_key(key),
            _ => true,
        });
        for step in resolve(&seen, &self.returning) {
            match step {
                Step::TakeBack { key, traveller } => {
                    self.worlds[key.world as usize]
                        .pier
                        .take_back(key, traveller);
                }
                Step::Admit {
                    world,
                    key,
                    traveller,
                } => self.worlds[world as usize].pier.admit(key, traveller),
                Step::Settle { key } => self.worlds[key.world as usize].pier.settle(key),
                Step::Forget { world, key } => self.worlds[world as usize].pier.forget(key),
                Step::Wake { .. } => unreachable!("nobody sleeps here"),
            }
        }
    }

    /// One thing happens.
    fn happen(&mut self, crashes: bool) {
        let Self {
            worlds,
            pool,
            dice,
            returning,
            ..
        } = self;
        let at = dice.below(worlds.len());
        match dice.below(if crashes { 20 } else { 14 }) {
            0..=11 if worlds[at].down => {}
            0..=5 => worlds[at].tick(pool),
            6..=8 => worlds[at].durable = worlds[at].log.len(),
            9..=11 => self.look(),
            12 | 13 if crashes && !worlds[at].down => {
                let avatar = EntityId::of_character(NAMES[dice.below(NAMES.len())]);
                let to = (at + 1 + dice.below(worlds.len() - 1)) % worlds.len();
                // Also from where it is not.
                worlds[at].pier.depart(avatar, to as u64);
            }
            14 => worlds[at].crash(dice, pool),
            15 => {
                worlds.iter_mut().for_each(|world| world.crash(dice, pool));
                returning.clear();
            }
            // Only with the process does the main world end.
            16 | 17 if at > 0 => {
                worlds[at].crash(dice, pool);
                worlds[at].down = true;
            }
            18 => worlds[at].down = false,
            19 => self.turn_back(),
            _ => {}
        }
    }

    fn holders(&self, name: &str) -> Vec<u64> {
        let avatar = EntityId::of_character(name);
        let holders = self.worlds.iter().filter(|world| world.holds(avatar));
        holders.map(|world| world.number).collect()
    }

    fn is_calm(&self) -> bool {
        let open = self.worlds.iter().map(|machine| machine.pier.durable());
        self.worlds.iter().all(|world| world.pier.is_idle())
            && open
                .into_iter()
                .all(|gate| gate.is_some_and(|gate| gate.is_empty()))
            && self
                .worlds
                .iter()
                .all(|world| world.world.gate().is_empty())
    }
}

#[test]
fn whatever_crashes_whenever_a_traveller_is_never_in_two_worlds_and_in_the_end_in_one() {
    let (mut journeys, mut turned_back) = (0, 0);
    for seed in 1..=20 {
        let mut universe = Universe::new(seed);
        for n in 0..400 {
            universe.happen(true);
            for name in NAMES {
                let holders = universe.holders(name);
                assert!(
                    holders.len() <= 1,
                    "seed {seed}, {n}: {name} in {holders:?}"
                );
            }
        }
        turned_back += universe.taken_back;
        universe
            .worlds
            .iter_mut()
            .for_each(|world| world.down = false);
        for _ in 0..4_000 {
            if universe.is_calm() {
                break;
            }
            universe.happen(false);
        }
        assert!(universe.is_calm(), "seed {seed}: journeys never end");
        for name in NAMES {
            let [holder] = universe.holders(name)[..] else {
                panic!("seed {seed}: {name} is in {:?}", universe.holders(name));
            };
            journeys += u64::from(holder != 0);
            let avatar = EntityId::of_character(name);
            let state = universe.worlds[holder as usize].avatar(avatar).unwrap();
            let life = (state.life.health, state.life.kills, state.life.deaths);
            assert_eq!(life, (5, KILLS, 2), "seed {seed}: {name}");
        }
    }
    assert!(
        journeys > 10,
        "only {journeys} ended elsewhere than they began"
    );
    assert!(turned_back > 10, "only {turned_back} turned back");
}

#[test]
fn every_step_of_one_journey_may_be_the_last_before_a_crash_of_both_worlds() {
    let avatar = EntityId::of_character("Ada");
    // A journey is over after this many rounds of tick, look and flush; crash after each of them,
    // with either world's log durable or not.
    for cut in 0..40 {
        for flushed in 0..4 {
            let mut universe = Universe::new(1);
            universe.worlds[0].pier.depart(avatar, 1);
            for n in 0..cut {
                let Universe { worlds, pool, .. } = &mut universe;
                match n % 5 {
                    0 | 1 => worlds[n % 5].tick(pool),
                    2 if n % 2 == flushed % 2 => worlds[0].durable = worlds[0].log.len(),
                    3 if n % 3 != flushed % 3 => worlds[1].durable = worlds[1].log.len(),
                    4 => universe.look(),
                    _ => {}
                }
            }
            let Universe {
                worlds, pool, dice, ..
            } = &mut universe;
            worlds.iter_mut().for_each(|world| world.crash(dice, pool));
            for _ in 0..4_000 {
                if universe.is_calm() {
                    break;
                }
                universe.happen(false);
            }
            assert_eq!(universe.holders("Ada").len(), 1, "cut {cut}, {flushed}");
        }
    }
}

#[test]
fn a_traveller_to_a_world_that_was_dropped_comes_home() {
    let key = TravelKey {
        world: 5,
        ..TravelKey::default()
    };
    let traveller = Traveller {
        name: "Ada".into(),
        health: 1,
        kills: 0,
        deaths: 0,
        coins: 0,
    };
    let journey = bluemarble_sim::Outbound {
        to: 6,
        traveller: traveller.clone(),
    };
    let left = Gate {
        outbound: [(key, journey)].into(),
        ..Gate::default()
    };
    let mut worlds = BTreeMap::from([
        (MAIN, Seen::Open(Arc::default())),
        (5, Seen::Open(Arc::new(left))),
        (6, Seen::Unknown),
    ]);
    assert_eq!(
        resolve(&worlds, &BTreeSet::new()),
        [],
        "nothing is concluded from silence"
    );
    worlds.insert(6, Seen::Asleep);
    assert_eq!(
        resolve(&worlds, &BTreeSet::new()),
        [Step::Wake { world: 6 }]
    );
    worlds.remove(&6);
    let admit = Step::Admit {
        world: MAIN,
        key,
        traveller,
    };
    assert_eq!(resolve(&worlds, &BTreeSet::new()), [admit]);
}

#[test]
fn whoever_turns_back_is_where_they_came_from_whatever_is_cut_short() {
    let avatar = EntityId::of_character("Ada");
    for cut in 0..12 {
        let mut universe = Universe::new(1);
        universe.worlds[1].down = true;
        universe.worlds[0].pier.depart(avatar, 1);
        let round = |universe: &mut Universe, n: usize| {
            let Universe { worlds, pool, .. } = universe;
            match n % 4 {
                0 => worlds[0].tick(pool),
                1 => worlds[0].durable = worlds[0].log.len(),
                2 => worlds[0].tick(pool),
                _ => {
                    universe.turn_back();
                    universe.look();
                }
            }
        };
        (0..cut).for_each(|n| round(&mut universe, n));
        let Universe {
            worlds,
            pool,
            dice,
            returning,
            ..
        } = &mut universe;
        worlds[0].crash(dice, pool);
        returning.clear();
        (0..40).for_each(|n| round(&mut universe, n));
        assert_eq!(universe.holders("Ada"), [0], "cut {cut}");
        let state = universe.worlds[0].avatar(avatar).unwrap();
        assert_eq!(
            (state.life.health, state.life.kills),
            (5, KILLS),
            "cut {cut}"
        );
        assert!(universe.worlds[0].world.gate().is_empty(), "cut {cut}");
    }
}
