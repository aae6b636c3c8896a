//! The world under test: whatever may be done to it without showing is done to it.

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Checkpoint, TickInputs, TickReport, World, WorldError, WorldSpec};
use rayon::ThreadPool;

use crate::checks::Fault;
use crate::cuts;
use crate::dice::Dice;
use crate::kinds::{EventKind, Events};
use crate::plant::Plant;
use crate::threads::THREADS_MAX;

const PURPOSE: u64 = 0x2000;
/// Numbers of zones to begin with; small ones are more common.
const ZONES: [usize; 12] = [2, 2, 3, 4, 6, 6, 7, 13, 24, 24, 48, 96];

/// How many may depart at a barrier: none, one after another, everybody.
const DEPARTURES: [usize; 7] = [0, 1, 2, 7, 30, 512, usize::MAX];

/// How often what is done to a world; thousandths a tick.
#[derive(Clone, Copy, Debug)]
struct Habits {
    threads: u64,
    zones: u64,
    recut: u64,
    departures: u64,
    residence: u64,
    repartition: u64,
    amnesia: u64,
    restart: u64,
    crash: u64,
    keep: u64,
}

/// What was done to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upheavals {
    /// Changes of the ownership map.
    pub zone_changes: u64,
    /// Times everybody was put into some zone or other.
    pub scattered: u64,
    /// Most entities at a time that waited for their departure.
    pub strays_most: usize,
    /// Zones' memories lost.
    pub amnesias: u64,
    /// Restarts, with or without a log to replay.
    pub restarts: u64,
    /// Ticks replayed from a log.
    pub replayed: u64,
    /// Restarts that lost the end of the log.
    pub losses: u64,
    /// Ticks that were lost.
    pub lost: u64,
    /// Restarts of any sort while somebody was between two worlds.
    pub restarts_on_the_way: u64,
}

impl Upheavals {
    /// Those of another world as well.
    pub fn add(&mut self, other: &Self) {
        let Self {
            zone_changes,
            scattered,
            strays_most,
            amnesias,
            restarts,
            replayed,
            losses,
            lost,
            restarts_on_the_way,
        } = *other;
        self.zone_changes += zone_changes;
        self.scattered += scattered;
        self.strays_most = self.strays_most.max(strays_most);
        self.amnesias += amnesias;
        self.restarts += restarts;
        self.replayed += replayed;
        self.losses += losses;
        self.lost += lost;
        self.restarts_on_the_way += restarts_on_the_way;
    }
}

/// What was done to a world before a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Torment {
    /// It was started anew.
    pub died: bool,
    /// A checkpoint of it was kept, and its log begins anew.
    pub kept: bool,
}

/// A world that is tormented.
pub struct Subject {
    /// The world.
    pub world: World,
    /// What was done to it.
    pub done: Upheavals,
    /// How many threads it is stepped on.
    pub threads: usize,
    case: Dice,
    events: Events,
    habits: Habits,
    /// An earlier checkpoint, and the log since.
    kept: Checkpoint,
    log: Vec<Record>,
    #[cfg_attr(
        not(feature = "mutants"),
        expect(dead_code, reason = "the faults are not built")
    )]
    plant: Option<Plant>,
}

/// What a journal says of a tick.
pub struct Record {
    /// Its inputs, encoded.
    pub inputs: Vec<u8>,
    /// The digest after it.
    pub digest: u64,
}

impl Subject {
    /// The subject of a case, cut as drawn.
    ///
    /// # Errors
    /// If the world cannot be made.
    pub fn new(
        case: &Dice,
        events: Events,
        spec: &WorldSpec,
        plant: Option<Plant>,
    ) -> Result<Self, WorldError> {
        let mut dice = case.fork(PURPOSE, 0);
        // Drawn in any case, or leaving the cut out would change all that is drawn below.
        let drawn = *dice.pick(&ZONES);
        let zones = if events.has(EventKind::Cut) { drawn } else { 1 };
        let world = World::genesis(WorldSpec {
            zones,
            ..spec.clone()
        })?;
        let mut often = |most: f64| dice.magnitude(1.0, most) as u64;
        let habits = Habits {
            threads: often(500.0),
            zones: often(400.0),
            recut: often(60.0),
            departures: often(200.0),
            residence: often(100.0),
            repartition: often(30.0),
            amnesia: often(200.0),
            restart: often(40.0),
            crash: often(30.0),
            keep: often(100.0),
        };
        let kept = world.checkpoint();
        let mut subject = Self {
            world,
            done: Upheavals::default(),
            threads: 1,
            case: case.clone(),
            events,
            habits,
            kept,
            log: Vec::new(),
            plant,
        };
        subject.renew();
        Ok(subject)
    }

    /// Does to the world what this tick's dice say, before the step.
    ///
    /// # Errors
    /// If it is not the same afterwards.
    pub fn torment(&mut self, pool: &ThreadPool) -> Result<Torment, Fault> {
        let tick = self.world.tick();
        let habits = self.habits;
        if let Some(mut dice) = self.drawn(EventKind::Threads, tick, habits.threads) {
            self.threads = 1 + dice.up_to(THREADS_MAX as u64 - 1) as usize;
        }
        self.cut(tick);
        if self
            .drawn(EventKind::Amnesia, tick, habits.amnesia)
            .is_some()
        {
            self.world.rebuild_zones();
            self.renew();
            self.flip_a_bit();
            self.done.amnesias += 1;
        }
        let mut done = Torment::default();
        if let Some(mut dice) = self.drawn(EventKind::Repartition, tick, habits.repartition) {
            let zones = zones_of(&mut dice);
            self.restore(&self.world.checkpoint(), zones)?;
            self.done.zone_changes += 1;
        }
        if self
            .drawn(EventKind::Restart, tick, habits.restart)
            .is_some()
        {
            self.restore(&self.world.checkpoint(), self.world.zones())?;
            self.done.restarts += 1;
            done.died = true;
        }
        if let Some(mut dice) = self.drawn(EventKind::Crash, tick, habits.crash) {
            let zones = zones_of(&mut dice);
            self.recover(zones, self.log.len(), pool)?;
            self.done.restarts += 1;
            done.died = true;
        }
        if self
            .stream(EventKind::Crash, tick.0)
            .fork(1, 0)
            .chance(habits.keep)
        {
            self.kept = self.world.checkpoint();
            self.log.clear();
            done.kept = true;
        }
        Ok(done)
    }

    /// Loses the end of the log: the world is again as it was so many ticks after the kept checkpoint.
    ///
    /// # Errors
    /// If it comes to another state than it had then.
    pub fn lose(&mut self, records: usize, pool: &ThreadPool) -> Result<(), Fault> {
        self.done.losses += 1;
        self.done.restarts += 1;
        self.done.lost += (self.log.len() - records) as u64;
        let mut dice = self.stream(EventKind::Loss, self.world.tick().0).fork(1, 0);
        self.recover(zones_of(&mut dice), records, pool)?;
        self.log.truncate(records);
        Ok(())
    }

    /// The log since the kept checkpoint.
    #[must_use]
    pub fn log(&self) -> &[Record] {
        &self.log
    }

    /// One tick, logged as a journal would, before it is stepped.
    ///
    /// # Errors
    /// If the inputs cannot be read back, or the world refuses them.
    pub fn step(&mut self, inputs: &TickInputs, pool: &ThreadPool) -> Result<TickReport, Fault> {
        self.renew();
        let bytes = inputs.encode();
        let decoded = TickInputs::decode(&bytes).map_err(|e| format!("inputs: {e}"))?;
        if decoded != *inputs {
            return Err("inputs differ after encoding and decoding".into());
        }
        let report = self.world.step(&decoded, pool).map_err(|e| e.to_string())?;
        self.done.strays_most = self.done.strays_most.max(self.world.strays());
        self.log.push(Record {
            inputs: bytes,
            digest: report.digest,
        });
        Ok(report)
    }

    /// Changes who owns and who steps what.
    fn cut(&mut self, tick: Tick) {
        let habits = self.habits;
        if let Some(mut dice) = self.drawn(EventKind::Departures, tick, habits.departures) {
            let departures = *dice.pick(&DEPARTURES);
            self.world.set_departures_per_tick(departures);
        }
        if let Some(mut dice) = self.drawn(EventKind::Recut, tick, habits.recut) {
            let map = cuts::map(&mut dice, &self.world);
            self.done.zone_changes += u64::from(self.world.recut(map).is_ok());
        }
        if let Some(mut dice) = self.drawn(EventKind::Zones, tick, habits.zones) {
            let changes = cuts::changes(&mut dice, &self.world);
            // One that does not fit is refused, and all with it: the map must stay as it was.
            let before = self.world.zone_map().len();
            match self.world.change_zones(&changes) {
                Ok(()) => self.done.zone_changes += changes.len() as u64,
                Err(_) => assert_eq!(self.world.zone_map().len(), before),
            }
        }
        if let Some(mut dice) = self.drawn(EventKind::Residence, tick, habits.residence) {
            self.world.scatter_residence(dice.word());
            self.done.scattered += 1;
        }
    }

    fn stream(&self, kind: EventKind, n: u64) -> Dice {
        self.case.fork(PURPOSE + 1 + kind as u64, n)
    }

    /// The dice of an event, if it happens at this tick.
    fn drawn(&self, kind: EventKind, tick: Tick, permille: u64) -> Option<Dice> {
        let mut dice = self.stream(kind, tick.0);
        (self.events.has(kind) && dice.chance(permille)).then_some(dice)
    }

    /// Another world from a checkpoint takes this one's place.
    fn restore(&mut self, checkpoint: &Checkpoint, zones: usize) -> Result<(), Fault> {
        let spec = WorldSpec {
            zones,
            ..self.world.spec().clone()
        };
        let world = World::restore(spec, checkpoint).map_err(|e| e.to_string())?;
        if (world.tick(), world.digest()) != (checkpoint.tick, checkpoint.digest) {
            return Err(format!(
                "restored to tick {} digest {:016x} from a checkpoint of tick {} digest {:016x}",
                world.tick(),
                world.digest(),
                checkpoint.tick,
                checkpoint.digest,
            ));
        }
        self.world = world;
        self.renew();
        Ok(())
    }

    /// The kept checkpoint, and so many ticks since from the log.
    fn recover(&mut self, zones: usize, records: usize, pool: &ThreadPool) -> Result<(), Fault> {
        let kept = self.kept.clone();
        let (died_at, shown) = (self.world.tick(), self.world.entities());
        let is_whole = records == self.log.len();
        self.restore(&kept, zones)?;
        for record in &self.log[..records] {
            record.replay(&mut self.world, kept.tick, pool)?;
        }
        self.done.replayed += records as u64;
        if is_whole && (self.world.tick(), self.world.entities()) != (died_at, shown) {
            return Err(format!(
                "recovered to {}, died at {died_at}",
                self.world.tick()
            ));
        }
        Ok(())
    }

    /// The fault planted for those who want to see an amnesia found out.
    fn flip_a_bit(&mut self) {
        #[cfg(feature = "mutants")]
        if self.plant == Some(Plant::FlippedBit) {
            let somebody = self.world.states().first().map(|state| state.identity.id);
            if let Some(id) = somebody {
                self.world.bend(id, |state| state.life.kills ^= 1 << 9);
            }
        }
    }

    /// Whatever is set on a world and not in its state.
    fn renew(&mut self) {
        #[cfg(feature = "mutants")]
        self.world.set_mutant(self.plant == Some(Plant::LiveZone));
    }
}

impl Record {
    /// Steps a world by it, which was restored from the checkpoint of tick `from`.
    ///
    /// # Errors
    /// If it cannot be stepped, or comes to another digest.
    pub fn replay(
        &self,
        world: &mut World,
        from: Tick,
        pool: &ThreadPool,
    ) -> Result<(TickInputs, TickReport), Fault> {
        let inputs = TickInputs::decode(&self.inputs).map_err(|e| format!("log: {e}"))?;
        let report = world.step(&inputs, pool).map_err(|e| e.to_string())?;
        if report.digest != self.digest {
            return Err(format!(
                "replay of tick {} from the checkpoint of tick {from} gives digest {:016x}, logged was \
                 {:016x}",
                report.tick, report.digest, self.digest
            ));
        }
        Ok((inputs, report))
    }
}

fn zones_of(dice: &mut Dice) -> usize {
    if dice.chance(10) {
        return 384;
    }
    if dice.chance(500) {
        return *dice.pick(&ZONES);
    }
    1 + dice.up_to(60) as usize
}
