//! One of a case's worlds: as it is tormented, and beside it its twin in one zone, in peace. Both get
//! the same inputs and are compared at every tick.

use std::collections::BTreeSet;

use bluemarble_shared_protocol::{EntityId, Epoch};
use bluemarble_sim::{Checkpoint, Departure, Gate, TickInputs, TickReport, TravelKey, World};

use crate::case::CaseStats;
use crate::checks::{self, Fault};
use crate::dice::Dice;
use crate::inputs::{People, Traffic};
use crate::kinds::{EventKind, Events};
use crate::plant::Plant;
use crate::register::Register;
use crate::roads::Orders;
use crate::scene::Scene;
use crate::subject::Subject;
use crate::threads::Pools;

const PURPOSE: u64 = 0x3000;

/// A world and its twin.
pub struct Pair {
    /// Its number among the worlds of its case.
    number: u64,
    /// In one zone, in peace.
    pub twin: World,
    /// What must be true of both.
    pub register: Register,
    /// What no loss can undo.
    pub certain: Certain,
    /// What has happened.
    pub stats: CaseStats,
    subject: Subject,
    people: People,
    epoch: Epoch,
    somebody: Vec<EntityId>,
    events: Events,
    plant: Option<Plant>,
    dice: Dice,
    certain_permille: u64,
    loss_permille: u64,
    kept: Kept,
}

/// The part of a world's log that is durable.
pub struct Certain {
    /// Ticks since the kept checkpoint.
    ticks: usize,
    /// The gate at the last of them.
    pub gate: Gate,
    /// Everybody who was in the world, or on the way from it, at that tick or since.
    pub lately: BTreeSet<EntityId>,
}

/// What a loss goes back to: when the subject's checkpoint was kept, the twin's, and since then.
struct Kept {
    /// Without losses it is not needed.
    twin: Option<Checkpoint>,
    register: Register,
    traffic: Vec<Traffic>,
}

/// One turn of a world.
pub struct Turn<'a> {
    /// The round of the case; unlike a tick, no loss makes it come again.
    pub round: u64,
    /// About journeys.
    pub orders: Orders,
    /// Who must not come in by the door.
    pub barred: &'a BTreeSet<EntityId>,
    /// Whether everything that is published is compared.
    pub looks: bool,
    /// Whether somebody is between two worlds.
    pub on_the_way: bool,
    /// Nothing is lost any more, and everything becomes certain at once.
    pub is_over: bool,
}

/// What was found, and what else there is to know.
pub type Found = (Fault, String);

impl Pair {
    /// The n-th world of a case, with dice of its own.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(
        number: u64,
        dice: &Dice,
        scene: &Scene,
        events: Events,
        plant: Option<Plant>,
    ) -> anyhow::Result<Self> {
        let mut twin = World::genesis(scene.spec.clone())?;
        calm(&mut twin, plant);
        let subject = Subject::new(dice, events, &scene.spec, plant)?;
        let register = Register::of(&twin);
        let mut habits = dice.fork(PURPOSE, 0);
        let mut pair = Self {
            number,
            register: register.clone(),
            certain: Certain {
                ticks: 0,
                gate: Gate::default(),
                lately: register.concerned().collect(),
            },
            stats: CaseStats::default(),
            subject,
            people: People::new(dice, events),
            epoch: Epoch(1),
            somebody: Vec::new(),
            events,
            plant,
            dice: dice.clone(),
            certain_permille: habits.magnitude(20.0, 700.0) as u64,
            loss_permille: habits.magnitude(2.0, 40.0) as u64,
            kept: Kept {
                twin: None,
                register,
                traffic: Vec::new(),
            },
            twin,
        };
        pair.keep();
        pair.somebody = everybody(&pair.twin)?;
        Ok(pair)
    }

    /// Its characters who come and go.
    pub fn guests(&self) -> impl Iterator<Item = EntityId> {
        self.people.guests()
    }

    /// Whether it is stepped in this round of the case; a world's time is its own.
    #[must_use]
    pub fn is_awake(&self, round: u64) -> bool {
        let permille = self.dice.fork(PURPOSE, 1).up_to(400);
        !self.dice.fork(PURPOSE + 1, round).chance(permille)
    }

    /// One tick. The outer error is the soak's own, the inner one what was found.
    ///
    /// # Errors
    /// If it cannot be run at all.
    pub fn turn(&mut self, turn: Turn<'_>, pools: &mut Pools) -> anyhow::Result<Result<(), Found>> {
        if let Err(fault) = self.torment(&turn, pools)? {
            let detail = checks::what_differs(&self.twin, &self.subject.world);
            return Ok(Err((fault, detail)));
        }
        let (inputs, traffic) = self.inputs(&turn);
        let whole = self.twin.step(&inputs, pools.of(1)?)?;
        let pool = pools.of(self.subject.threads)?;
        let compared = self.subject.step(&inputs, pool).and_then(|cut| {
            self.compare(&whole, &cut, &inputs, &traffic, turn.looks)?;
            Ok(cut)
        });
        self.kept.traffic.push(traffic);
        match compared {
            Ok(cut) => {
                self.count(&cut);
                self.remember(&turn);
                Ok(Ok(()))
            }
            Err(fault) => {
                let detail = checks::what_differs(&self.twin, &self.subject.world);
                Ok(Err((fault, detail)))
            }
        }
    }

    /// What is done to it before the step.
    fn torment(&mut self, turn: &Turn<'_>, pools: &mut Pools) -> anyhow::Result<Result<(), Fault>> {
        let done = match self.subject.torment(pools.of(self.subject.threads)?) {
            Ok(done) => done,
            Err(fault) => return Ok(Err(fault)),
        };
        if done.kept {
            self.keep();
        }
        let mut loss = self.dice.fork(PURPOSE + 2, turn.round);
        let drawn = loss.chance(self.loss_permille);
        let lost = drawn && self.events.has(EventKind::Loss) && !turn.is_over;
        if lost && let Err(fault) = self.lose(&mut loss, pools)? {
            return Ok(Err(fault));
        }
        self.epoch.0 += u32::from(done.died) + u32::from(lost);
        if turn.on_the_way {
            self.subject.done.restarts_on_the_way += u64::from(done.died) + u64::from(lost);
        }
        Ok(Ok(()))
    }

    /// Both worlds lose some of what is not certain, and go on from before it.
    fn lose(&mut self, dice: &mut Dice, pools: &mut Pools) -> anyhow::Result<Result<(), Fault>> {
        // All that was not certain, or some.
        let unsure = (self.subject.log().len() - self.certain.ticks) as u64;
        let saved = if dice.chance(500) {
            0
        } else {
            dice.up_to(unsure)
        };
        let records = self.certain.ticks + saved as usize;
        let spec = self.twin.spec().clone();
        let Some(checkpoint) = &self.kept.twin else {
            return Ok(Ok(()));
        };
        let replayed = self.subject.lose(records, pools.of(self.subject.threads)?);
        if let Err(fault) = replayed {
            return Ok(Err(fault));
        }
        self.kept.traffic.truncate(records);
        self.register = self.kept.register.clone();
        self.twin = World::restore(spec, checkpoint)?;
        calm(&mut self.twin, self.plant);
        let (from, pool) = (self.twin.tick(), pools.of(1)?);
        for (record, traffic) in self.subject.log().iter().zip(&self.kept.traffic) {
            let replayed =
                record
                    .replay(&mut self.twin, from, pool)
                    .and_then(|(inputs, report)| {
                        (self.register).follow(&inputs, traffic, &report, &self.twin)
                    });
            if let Err(fault) = replayed {
                return Ok(Err(format!("of the twin: {fault}")));
            }
        }
        self.somebody = everybody(&self.twin)?;
        Ok(Ok(()))
    }

    /// The next tick's sealed inputs.
    fn inputs(&self, turn: &Turn<'_>) -> (TickInputs, Traffic) {
        let (mut inputs, traffic) = self.people.inputs(&self.twin, &self.somebody, self.epoch);
        let admissions = &mut inputs.players.admissions;
        admissions.retain(|admission| !turn.barred.contains(&admission.avatar));
        inputs.travel = turn.orders.travel.clone();
        let departures = turn.orders.departures.iter();
        inputs.travel.departures = departures
            .map(|(avatar, to)| Departure {
                key: TravelKey {
                    world: self.number,
                    epoch: self.epoch,
                    tick: inputs.tick,
                    avatar: *avatar,
                },
                to: *to,
            })
            .collect();
        let departures = &mut inputs.travel.departures;
        departures.sort_by_key(|departure| departure.key);
        (inputs, traffic)
    }

    fn compare(
        &mut self,
        whole: &TickReport,
        cut: &TickReport,
        inputs: &TickInputs,
        traffic: &Traffic,
        looks: bool,
    ) -> Result<(), Fault> {
        let (twin, subject) = (&self.twin, &self.subject.world);
        checks::same_report(whole, cut)?;
        if twin.audit() != subject.audit() {
            let (whole, cut) = (twin.audit(), subject.audit());
            return Err(format!("coins {cut:?}, the twin's {whole:?}"));
        }
        self.register.follow(inputs, traffic, whole, twin)?;
        self.register.check_avatars(subject)?;
        self.somebody = checks::census(twin)?;
        if checks::census(subject)? != self.somebody {
            return Err("other entities than the twin's".into());
        }
        if looks {
            checks::same_frames(twin, subject)?;
        }
        Ok(())
    }

    fn count(&mut self, cut: &TickReport) {
        let stats = &mut self.stats;
        stats.ticks += 1;
        stats.asleep_most = stats.asleep_most.max(self.subject.world.asleep());
        stats.entity_ticks += cut.entities as u64;
        stats.tally.add(&cut.tally);
        stats.done = self.subject.done;
    }

    /// After a step: perhaps all up to here is certain now.
    fn remember(&mut self, turn: &Turn<'_>) {
        self.certain.lately.extend(self.register.concerned());
        let mut dice = self.dice.fork(PURPOSE + 3, turn.round);
        if dice.chance(self.certain_permille) || turn.is_over {
            self.make_certain();
        }
    }

    fn make_certain(&mut self) {
        self.certain = Certain {
            ticks: self.subject.log().len(),
            gate: self.twin.gate().clone(),
            lately: self.register.concerned().collect(),
        };
    }

    /// The subject's checkpoint was kept: so is the twin's, and everything up to here is certain.
    fn keep(&mut self) {
        let loses = self.events.has(EventKind::Loss);
        self.kept = Kept {
            twin: loses.then(|| self.twin.checkpoint()),
            register: self.register.clone(),
            traffic: Vec::new(),
        };
        self.make_certain();
    }
}

fn everybody(twin: &World) -> anyhow::Result<Vec<EntityId>> {
    checks::census(twin).map_err(|fault| anyhow::anyhow!("the twin itself: {fault}"))
}

/// Sets whatever is not in a twin's state.
#[cfg_attr(
    not(feature = "mutants"),
    expect(unused_variables, reason = "the fault is not built")
)]
fn calm(twin: &mut World, plant: Option<Plant>) {
    #[cfg(feature = "mutants")]
    twin.set_mutant(plant == Some(Plant::LiveZone));
}
