//! The world: all zones, one tick at a time.
//!
//! ```text
//! sealed inputs ─► route ─► zone.step ∥ zone.step ∥ … ─► barrier ─► Frames(t), digest(t)
//!                              each reads Frames(t−1)        effects, then departures
//! ```

mod cutting;
mod naming;
mod spec;
mod views;

use std::sync::Arc;

use bluemarble_shared_protocol::{AnsweredGift, EntityId, Intent, Tick, WireFrame};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::absent::Absent;
use crate::checkpoint::Checkpoint;
use crate::entity::{DigestParts, EntityState};
use crate::frame::{Frame, FrameSet};
use crate::inputs::TickInputs;
use crate::lore::{Lore, LoreInner};
use crate::outside::{self, DealOutcome, OutsideKey, Till};
use crate::past::Past;
use crate::report::{Tally, TickReport};
use crate::residence::Residence;
use crate::sleep::coarse::Coarse;
use crate::travel::{Departure, Gate, Traveller};
use crate::value::{self, Moved, Movement};
use crate::zone::{Given, Zone};
use crate::zone_resources::{Inbox, Strain};
use crate::{barrier, genesis, routing};
use bluemarble_spatial::{CellId, ZoneMap};

use self::cutting::Recut;
pub use self::cutting::{Stopwatch, ZoneChangeError, ZoneLoad};
pub use self::spec::{WorldError, WorldSpec};

/// Changes whenever a rule or a stored format changes, so that a log is never replayed by rules
/// other than those that wrote it.
pub const RULES_VERSION: u32 = 7;

/// A running world.
pub struct World {
    spec: WorldSpec,
    lore: Lore,
    residence: Residence,
    frames: Arc<FrameSet>,
    past: Past,
    wires: Vec<Arc<WireFrame>>,
    /// Journeys to and from other worlds that are not over.
    gate: Gate,
    /// Deals with the outside that are not settled.
    till: Till,
    /// Characters that are not in the world.
    absent: Absent,
    tick: Tick,
    digest: DigestParts,
    /// The cut that takes effect at the next step, if that is another.
    recut: Option<Recut>,
    departures_per_tick: usize,
    strays: usize,
    stopwatch: Option<Stopwatch>,
    /// Buffers that outlive a tick; empty between two.
    inboxes: Vec<Inbox>,
    intents: Arc<Vec<(EntityId, Intent)>>,
    /// Where avatars were lately, and where they are as far as the next tick knows.
    coarse: Coarse,
    players: Arc<Vec<CellId>>,
    asleep: usize,
    /// What the last tick did with coins; empty before the first.
    movements: Vec<Movement>,
    /// Where that is gathered; empty between two ticks.
    moved: Moved,
    /// What the last tick's gifts have come to.
    answers: Vec<AnsweredGift>,
    /// The same of its deals with the outside.
    deals: Vec<(OutsideKey, DealOutcome)>,
}

impl World {
    /// A new world, at tick 0.
    ///
    /// # Errors
    /// If the specification is impossible.
    pub fn genesis(spec: WorldSpec) -> Result<Self, WorldError> {
        spec.check()?;
        let lore = lore_of(&spec);
        let born = genesis::population(&spec.scenario, &lore);
        let map = genesis::zone_map(&spec.scenario, &lore, spec.zones, &born);
        Ok(Self::populated(
            spec,
            lore,
            Tick(0),
            (&born, Coarse::default()),
            map,
        ))
    }

    /// A new world, cut into zones in a way of one's own instead of as the scenario says.
    ///
    /// # Errors
    /// If the specification is impossible.
    pub fn genesis_cut(spec: WorldSpec, map: ZoneMap) -> Result<Self, WorldError> {
        spec.check()?;
        let lore = lore_of(&spec);
        let born = genesis::population(&spec.scenario, &lore);
        Ok(Self::populated(
            spec,
            lore,
            Tick(0),
            (&born, Coarse::default()),
            map,
        ))
    }

    /// The world of a checkpoint, cut as `spec` says, whatever it was cut into before.
    ///
    /// # Errors
    /// If a part is damaged, or the whole has not the digest it had when it was taken.
    pub fn restore(spec: WorldSpec, checkpoint: &Checkpoint) -> Result<Self, WorldError> {
        spec.check()?;
        let lore = lore_of(&spec);
        let bad = |problem| WorldError::Checkpoint {
            tick: checkpoint.tick,
            problem,
        };
        let (states, coarse, past, absent) = checkpoint
            .open(&spec.planet, &spec.scenario.kind_names)
            .map_err(bad)?;
        let gate = checkpoint.gate().map_err(bad)?;
        let map = genesis::zone_map(&spec.scenario, &lore, spec.zones, &states);
        let state = (states.as_slice(), coarse);
        let mut world = Self::populated(spec, lore, checkpoint.tick, state, map);
        world.past = Past(Arc::new(past.into_history(&world.lore)));
        world.digest += world.past.digest_parts();
        world.digest += gate.digest_parts();
        world.gate = gate;
        let till = checkpoint.till().map_err(bad)?;
        world.digest += till.digest_parts();
        world.till = till;
        world.digest += absent.digest_parts();
        world.absent = absent;
        Ok(world)
    }

    fn populated(
        spec: WorldSpec,
        lore: Lore,
        tick: Tick,
        (states, coarse): (&[EntityState], Coarse),
        map: ZoneMap,
    ) -> Self {
        // A scenario may begin, or cease, to let creatures sleep.
        let coarse = match lore.coarse_level {
            Some(_) if coarse == Coarse::default() => Coarse::nobody(),
            Some(_) => coarse,
            None => Coarse::default(),
        };
        let map = Arc::new(map);
        let nothing = Arc::new(Frame::default());
        let empty = Arc::new(FrameSet {
            tick,
            zones: vec![nothing; map.len()],
            map: Arc::clone(&map),
        });
        let mut residence = Residence::new(&lore, &map, &empty, states);
        for zone in residence.slots_mut().iter_mut().flatten() {
            zone.publish_only(tick, &map);
        }
        let published = || residence.zones().map(Zone::published);
        let mut zones: Vec<Arc<Frame>> = published().map(|of| Arc::clone(&of.frame)).collect();
        if lore.coarse_level.is_some() {
            // Nobody has lain down yet.
            zones.extend(empty.zones.iter().cloned());
        }
        let wires = published().map(|of| Arc::clone(&of.wire)).collect();
        let mut digest = DigestParts::default();
        for state in states {
            digest += state.digest_parts();
        }
        coarse.add_to(tick, &mut digest);
        let frames = Arc::new(FrameSet { tick, zones, map });
        Self {
            spec,
            lore,
            residence,
            frames,
            past: Past::default(),
            wires,
            gate: Gate::default(),
            till: Till::default(),
            absent: Absent::default(),
            tick,
            digest,
            recut: None,
            departures_per_tick: Self::DEPARTURES_PER_TICK,
            strays: 0,
            stopwatch: None,
            inboxes: Vec::new(),
            intents: Arc::default(),
            coarse,
            players: Arc::default(),
            asleep: 0,
            movements: Vec::new(),
            moved: Moved::default(),
            answers: Vec::new(),
            deals: Vec::new(),
        }
    }

    /// One tick: exactly these inputs, on the threads of `pool`. The result does not depend on how many
    /// those are.
    ///
    /// # Errors
    /// If the inputs are not those of the next tick; the world is then as it was.
    ///
    /// # Panics
    /// If a rule does. The world is then neither at t−1 nor at t and must be recovered from its log.
    pub fn step(
        &mut self,
        inputs: &TickInputs,
        pool: &rayon::ThreadPool,
    ) -> Result<TickReport, WorldError> {
        let tick = self.tick.next();
        if inputs.tick != tick {
            return Err(WorldError::WrongTick {
                at: self.tick,
                given: inputs.tick,
            });
        }
        let mut tally = Tally::default();
        let map = self.take_cut();
        routing::route(
            inputs,
            &self.lore,
            &self.spec.scenario,
            &map,
            (&mut self.residence, &mut self.absent),
            &mut self.inboxes,
            (&mut tally, &mut self.moved),
        );
        routing::intents(inputs, &mut self.intents);
        if !inputs.travel.is_empty() {
            routing::route_journeys(
                inputs,
                &self.lore,
                &map,
                (&mut self.residence, &mut self.absent),
                &mut self.gate,
                &mut self.inboxes,
                (&mut tally, &mut self.moved),
            );
        }
        self.deals.clear();
        if !inputs.outside.is_empty() {
            outside::carry_out(
                &inputs.outside,
                tick,
                &mut self.till,
                (&mut self.residence, &self.inboxes, &mut self.absent),
                (&mut tally, &mut self.moved),
                &mut self.deals,
            );
        }
        if !inputs.players.gifts.is_empty() {
            routing::route_gifts(inputs, &self.residence, &mut self.inboxes, &mut tally);
        }
        self.players = self.coarse.near(&self.players);
        let given = Given {
            tick,
            players: &self.players,
            intents: &self.intents,
            strain: Strain(inputs.overload),
            frames: &self.frames,
            map: &map,
            past: &self.past,
        };
        let (residence, inboxes, stopwatch) =
            (&mut self.residence, &mut self.inboxes, &self.stopwatch);
        pool.install(|| {
            let slots = residence.slots_mut().par_iter_mut();
            slots.zip(inboxes.par_iter_mut()).for_each(|(slot, inbox)| {
                if let Some(zone) = slot
                    && !zone.rests_on(&given, inbox)
                {
                    zone.clock(stopwatch.as_deref(), |zone| zone.step(&given, inbox));
                }
            });
            barrier::forward(residence);
            residence.slots_mut().par_iter_mut().for_each(|slot| {
                if let Some(zone) = slot {
                    let stopwatch = stopwatch.as_deref().filter(|_| zone.rest().is_none());
                    zone.clock(stopwatch, |zone| zone.publish(&given));
                    zone.take_note_of_time();
                }
            });
        });
        self.gather(&mut tally);
        self.see_off(inputs, &mut tally);
        let awake = self.residence.zones().filter(|zone| zone.rest().is_none());
        let avatars = awake.map(|zone| &zone.published().avatars);
        self.coarse.turn(avatars.flatten().copied());
        let mut met = barrier::meet(
            &mut self.residence,
            tick,
            self.departures_per_tick,
            self.lore.coarse_level.is_some(),
            (&mut tally, &mut self.moved),
        );
        self.moved.settle(&mut self.movements);
        let frames = Arc::new(FrameSet {
            tick,
            zones: met.frames,
            map,
        });
        let before = std::mem::replace(&mut self.frames, frames);
        let past = Arc::make_mut(&mut self.past.0);
        past.remember(before, self.lore.rewind_ticks);
        self.tick = tick;
        self.coarse.add_to(tick, &mut met.digest);
        self.digest = met.digest;
        self.digest += self.past.digest_parts();
        self.digest += self.gate.digest_parts();
        self.digest += self.till.digest_parts();
        self.digest += self.absent.digest_parts();
        self.strays = met.strays;
        Ok(TickReport {
            tick,
            digest: self.digest.digest(),
            entities: self.entities(),
            avatars: self.wires.iter().map(|wire| wire.owned.len()).sum(),
            tally,
        })
    }

    /// What the zones published for clients, counted and know of sleepers.
    fn gather(&mut self, tally: &mut Tally) {
        self.wires.clear();
        self.asleep = 0;
        let mut obeyed = 0;
        for zone in self.residence.zones() {
            let asleep = match zone.rest() {
                Some(rest) => {
                    self.asleep += rest.asleep;
                    &rest.part
                }
                None => {
                    let published = zone.published();
                    self.wires.push(Arc::clone(&published.wire));
                    self.asleep += zone.asleep();
                    tally.add(&zone.counted());
                    obeyed += zone.obeyed();
                    &published.asleep
                }
            };
            if !asleep.frame.is_empty() {
                self.wires.push(Arc::clone(&asleep.wire));
            }
        }
        tally.intents_refused += self.intents.len() as u64 - obeyed;
        self.answers.clear();
        for zone in self.residence.slots_mut().iter_mut().flatten() {
            if zone.rest().is_none() {
                self.moved.take_from(&mut zone.moved());
                zone.take_answers(&mut self.answers);
            }
        }
        // Stable: of one number that was sealed twice, in the order it was answered.
        let order = |given: &AnsweredGift| (given.from, given.answer.number);
        self.answers.sort_by_key(order);
    }

    /// Whoever left for another world in this tick is from now on in the gate's memory and nowhere
    /// else.
    fn see_off(&mut self, inputs: &TickInputs, tally: &mut Tally) {
        let departures = &inputs.travel.departures;
        if departures.is_empty() {
            return;
        }
        // By avatar; of several for one, the first counts.
        let mut departures: Vec<&Departure> = departures.iter().collect();
        departures.sort_by_key(|departure| departure.key.avatar);
        let mut gone = Vec::new();
        for zone in self.residence.slots_mut().iter_mut().flatten() {
            gone.append(&mut zone.take_departed());
        }
        for state in gone {
            let id = state.identity.id;
            self.residence.seats_and_directory().1.remove(&id);
            let first = departures.partition_point(|leaving| leaving.key.avatar < id);
            let departure = departures
                .get(first)
                .filter(|leaving| leaving.key.avatar == id);
            if let Some((departure, traveller)) = departure.zip(Traveller::of(&state)) {
                self.gate.depart(departure, traveller);
                tally.departed += 1;
                let tick = inputs.tick;
                let forgotten = self.absent.keep_what_stays(state, tick);
                if let Some(gone) = forgotten {
                    let rules = self.lore.kind(gone.identity.kind);
                    tally.coins_left += value::leave_for_good(&gone, rules, &mut self.moved);
                }
            }
        }
    }

    /// Amnesia: makes every zone anew from its entities alone, in the opposite order. Nothing may
    /// change by it; the tests see to that.
    pub fn rebuild_zones(&mut self) {
        for zone in self.residence.slots_mut().iter_mut().flatten() {
            let mut anew = Zone::new(zone.owns, &self.lore, &self.frames);
            for state in zone.states().iter().rev() {
                anew.insert(state);
            }
            *zone = anew;
        }
    }

    /// Changes one entity behind the rules' back; whether it is here. What a replay must find.
    #[cfg(feature = "mutants")]
    pub fn bend(&mut self, id: EntityId, bend: impl FnOnce(&mut EntityState)) -> bool {
        let slot = self.residence.directory().get(&id).copied();
        let Some(slot) = slot else {
            return false;
        };
        let zone = self.residence.zone_mut(slot);
        let Some(mut state) = zone.extract(id) else {
            return false;
        };
        self.digest -= state.digest_parts();
        bend(&mut state);
        self.digest += state.digest_parts();
        zone.insert(&state);
        true
    }

    /// Turns the mutant on or off that reads its own zone at t instead of Frame(t−1). A digest test
    /// that does not notice it is no test.
    #[cfg(feature = "mutants")]
    pub fn set_mutant(&mut self, on: bool) {
        let zones = self.residence.slots_mut().iter_mut().flatten();
        zones.for_each(|zone| zone.set_mutant(on));
    }
}

fn lore_of(spec: &WorldSpec) -> Lore {
    Lore(Arc::new(LoreInner::new(
        &spec.scenario,
        Arc::clone(&spec.planet),
        spec.seed,
        spec.tick_hz,
    )))
}
